/* SPDX-License-Identifier: MIT
 *
 * siblings: products of one input (Conv, MatMul, plain or fused, of equal attributes and constant weights) run as one,
 * whose result is split. One product shares its rows of A and its threads better than several small ones, and what
 * reads the parts mostly reads them in place (engine/home.h). Not where the weights are large: then each product fills
 * the machine by itself, and a copy of the weights would cost more than is gained. After conv_activation, so that what
 * follows each is part of it; before layout, which moves the split behind the transposes.
 */
#include <limits.h>

#include "passes/fuse.h"

bool pass_siblings(rewriter *r, node *n);

enum { MAX_SIBLINGS = 6, MAX_WEIGHTS = 1 << 20 }; /* nodes; elements of all their weights */

typedef struct family {
    node *of[MAX_SIBLINGS];
    int count;
    bool conv, bias;
    int64_t n[MAX_SIBLINGS], all; /* columns of each (a convolution's output channels), of all */
} family;

static bool is_conv(const node *n) { return node_is(n, "Conv") || node_is_naru(n, "FusedConv"); }
static bool is_matmul(const node *n) { return node_is(n, "MatMul") || node_is_naru(n, "FusedMatMul"); }

static bool channels_last(const node *n) {
    const attr *a = node_attr(n, "channels_last");
    return a && a->i;
}

static const naru_tensor *weights_of(const node *n) {
    const naru_tensor *w = value_const(node_in(n, 1));
    return w && w->dtype == NARU_FLOAT && tensor_is_contiguous(w) ? w : NULL;
}

/* A product that may be one of several: nothing but its input varies. */
static bool may_join(const node *n) {
    const naru_tensor *w = weights_of(n);
    const attr *group = node_attr(n, "group");
    if (!w || n->nout != 1 || !n->out[0] || node_in(n, FUSE_RESIDUAL)) return false;
    if (node_in(n, FUSE_BIAS) && !value_const(n->in[FUSE_BIAS])) return false;
    if (node_in(n, FUSE_BIAS) && tensor_count(n->in[FUSE_BIAS]->constant) != (is_conv(n) ? w->dims[0] : w->dims[1]))
        return false;
    if (is_matmul(n)) return w->rank == 2 && value_rank(n->in[0]) >= 2;
    return w->rank >= 3 && !(group && group->kind == ATTR_INT && group->i != 1);
}

/* The same product but for weights: a kernel of the same size, the same input channels. */
static bool same_kind(const node *a, const node *b) {
    const naru_tensor *v = weights_of(a), *w = weights_of(b);
    if (a->block != b->block || v->rank != w->rank || !rw_same_attrs(a, b)) return false;
    if (is_matmul(a)) return v->dims[0] == w->dims[0];
    for (int i = 1; i < v->rank; i++)
        if (v->dims[i] != w->dims[i]) return false;
    return true;
}

static bool find(rewriter *r, node *n, family *f) {
    int64_t elements = 0;
    *f = (family){.conv = is_conv(n)};
    for (const use *u = rw_first_use(r, n->in[0]); u; u = rw_next_use(n->in[0], u)) { /* the latest reader first */
        node *s = u->node;
        if (!s || u->index != 0 || s->op != n->op || !may_join(s) || !same_kind(n, s)) continue;
        if (!rw_before(n, s) || f->count == MAX_SIBLINGS) return false; /* the first of them is the root */
        const naru_tensor *w = weights_of(s);
        f->bias |= node_in(s, FUSE_BIAS) != NULL;
        elements += tensor_count(w);
        memmove(f->of + 1, f->of, (size_t)f->count++ * sizeof *f->of);
        f->of[0] = s;
    }
    for (int i = 0; i < f->count; i++) f->all += f->n[i] = weights_of(f->of[i])->dims[f->conv ? 0 : 1];
    return f->count > 1 && elements <= MAX_WEIGHTS;
}

/* The weights side by side: a convolution's filters follow each other, a matrix's rows are made of theirs. */
static naru_tensor *joined_weights(const family *f) {
    const naru_tensor *w = weights_of(f->of[0]);
    int64_t dims[NARU_MAX_RANK], rows = f->conv ? 1 : w->dims[0], each = 1;
    naru_tensor *out;
    memcpy(dims, w->dims, sizeof dims);
    dims[f->conv ? 0 : 1] = f->all;
    for (int i = 1; f->conv && i < w->rank; i++) each *= w->dims[i];
    if (tensor_new(NARU_FLOAT, w->rank, dims, &out, NULL) != NARU_OK) return NULL;
    char *d = out->data;
    for (int64_t k = 0; k < rows; k++)
        for (int i = 0; i < f->count; i++) {
            size_t size = (size_t)(f->n[i] * each) * sizeof(float);
            memcpy(d, (const char *)weights_of(f->of[i])->data + (size_t)k * size, size);
            d += size;
        }
    return out;
}

static naru_tensor *joined_bias(rewriter *r, const family *f) {
    naru_tensor *out;
    if (tensor_new(NARU_FLOAT, 1, &f->all, &out, NULL) != NARU_OK) return NULL;
    float *d = out->data;
    for (int i = 0; i < f->count; d += f->n[i], i++) {
        const double *b = channel_constant(r, node_in(f->of[i], FUSE_BIAS), 1, 0, f->n[i]);
        if (node_in(f->of[i], FUSE_BIAS) && !b) return tensor_unref(out), NULL;
        for (int64_t k = 0; k < f->n[i]; k++) d[k] = b ? (float)b[k] : 0.0f;
    }
    return out;
}

static value *joined(rewriter *r, const family *f) {
    node *n = f->of[0];
    value *in[3] = {n->in[0], NULL, NULL};
    naru_tensor *w = joined_weights(f), *b = f->bias ? joined_bias(r, f) : NULL;
    if (!w || (f->bias && !b)) {
        tensor_unref(w), tensor_unref(b);
        r->failed = true;
        return NULL;
    }
    in[1] = rw_tensor(r, w);
    if (b) in[2] = rw_tensor(r, b);
    value *y = rw_op(r, n->op_type, n->domain, b ? 3 : 2, in);
    if (y) rw_attrs_from(r, y, n);
    return y;
}

bool pass_siblings(rewriter *r, node *n) {
    family f;
    if (!(is_conv(n) || is_matmul(n)) || !n->in[0] || !may_join(n) || !find(r, n, &f)) return false;
    value *y = joined(r, &f);
    if (!y) return true; /* out of memory: reported when applied */
    value *in[2] = {y, rw_const_ints(r, f.n, f.count)};
    node *split = rw_node(r, "Split", "", 2, in, f.count);
    if (!split) return true;
    rw_int(r, split->out[0], "axis", f.conv && !channels_last(n) ? 1 : -1);
    for (int i = 0; i < f.count; i++)
        if (!rw_replace(r, f.of[i]->out[0], split->out[i])) return false;
    return true;
}
