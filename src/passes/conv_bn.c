/* SPDX-License-Identifier: MIT
 *
 * conv_bn: an affine map per channel (BatchNormalization in inference, Mul or Add of a per-channel constant) behind
 * Conv (fused or not), ConvTranspose or Gemm with constant weights becomes part of weights and bias: y = a (W x + b) +
 * c = (a W) x + (a b + c);   of BatchNormalization a = scale / sqrt(var + eps), c = bias - a mean. The new weights are
 * a copy, so weights shared with other nodes stay. Not when somebody else reads the convolution, nor in training mode.
 * Before conv_activation, which would stand between.
 */
#include <math.h>

#include "passes/fuse.h"
#include "tensor/dtype.h"

bool pass_conv_bn(rewriter *r, node *n);

typedef struct affine {
    const double *scale, *shift; /* NULL: 1, 0 */
} affine;

static bool from_batchnorm(rewriter *r, const node *n, int64_t m, affine *f) {
    const attr *training = node_attr(n, "training_mode"), *eps = node_attr(n, "epsilon");
    if (n->nin != 5 || (training && training->i)) return false;
    for (int i = 1; i < n->nout; i++)
        if (n->out[i] && rw_uses(r, n->out[i]) > 0) return false;
    const double *v[4];
    for (int i = 0; i < 4; i++) {
        const naru_tensor *t = value_const(n->in[i + 1]);
        if (!t || tensor_count(t) != m || !(v[i] = channel_constant(r, n->in[i + 1], 2, 1, m))) return false;
    }
    double *scale = arena_alloc(r->arena, (size_t)m * sizeof *scale),
           *shift = arena_alloc(r->arena, (size_t)m * sizeof *shift);
    if (!scale || !shift) return false;
    for (int64_t i = 0; i < m; i++) {
        scale[i] = v[0][i] / sqrt(v[3][i] + (double)(eps ? eps->f : 1e-5f));
        shift[i] = v[1][i] - scale[i] * v[2][i];
        if (!isfinite(scale[i]) || !isfinite(shift[i])) return false;
    }
    *f = (affine){scale, shift};
    return true;
}

static bool read_affine(rewriter *r, const node *n, const value *y, int64_t m, bool last, affine *f) {
    if (node_is(n, "BatchNormalization")) return !last && n->in[0] == y && from_batchnorm(r, n, m, f);
    const value *c = other_operand(n, y);
    if (!c || c == y) return false;
    const double *v = channel_constant(r, c, value_rank(y), last ? value_rank(y) - 1 : 1, m);
    *f = node_is(n, "Mul") ? (affine){v, NULL} : (affine){NULL, v};
    return v != NULL;
}

/* Channel of Y that element i of the weight belongs to. */
typedef struct weight_map {
    int64_t m, inner, group, per_group; /* Conv: i / inner; ConvTranspose: by input channel and group */
    bool transposed, column;
    int64_t in_per_group;
} weight_map;

static bool map_weight(const node *p, const naru_tensor *w, weight_map *k) {
    const attr *group = node_attr(p, "group"), *tb = node_attr(p, "transB");
    *k = (weight_map){.group = group ? group->i : 1};
    if (node_is(p, "Gemm")) {
        if (w->rank != 2) return false;
        k->column = !(tb && tb->i);
        k->m = w->dims[k->column ? 1 : 0];
        k->inner = k->column ? 1 : w->dims[1];
        return true;
    }
    if (w->rank < 3) return false;
    k->inner = 1;
    bool transposed = node_is(p, "ConvTranspose");
    for (int i = transposed ? 2 : 1; i < w->rank; i++) k->inner *= w->dims[i];
    k->m = w->dims[0];
    if (!transposed) return true;
    k->transposed = true;
    k->per_group = w->dims[1];
    k->m = k->per_group * k->group;
    k->in_per_group = k->group ? w->dims[0] / k->group : 0;
    return k->in_per_group > 0;
}

static int64_t channel_of(const weight_map *k, int64_t i) {
    if (k->column) return i % k->m;
    if (!k->transposed) return i / k->inner;
    int64_t row = i / k->inner; /* (input channel, j) */
    return row / k->per_group / k->in_per_group * k->per_group + row % k->per_group;
}

/* Float32, the common and large case, without a copy in double. The source may be unaligned. */
static naru_tensor *scaled_float(const naru_tensor *w, const weight_map *k, const double *scale) {
    naru_tensor *out;
    if (!tensor_is_contiguous(w) || tensor_new(NARU_FLOAT, w->rank, w->dims, &out, NULL) != NARU_OK) return NULL;
    float *x = out->data;
    int64_t n = tensor_count(w);
    memcpy(x, w->data, (size_t)n * sizeof *x);
    if (scale && !k->column && !k->transposed)
        for (int64_t m = 0; m < k->m; m++)
            for (int64_t i = 0; i < k->inner; i++)
                x[m * k->inner + i] = (float)(scale[m] * (double)x[m * k->inner + i]);
    else if (scale)
        for (int64_t i = 0; i < n; i++) x[i] = (float)(scale[channel_of(k, i)] * (double)x[i]);
    return out;
}

static naru_tensor *scaled_weight(const naru_tensor *w, const weight_map *k, const double *scale) {
    if (w->dtype == NARU_FLOAT) return scaled_float(w, k, scale);
    naru_tensor *d = tensor_as_double(w);
    if (!d) return NULL;
    double *x = d->data;
    for (int64_t i = 0, n = tensor_count(d); scale && i < n; i++) x[i] *= scale[channel_of(k, i)];
    return tensor_as(d, w->dtype);
}

static naru_tensor *new_bias(rewriter *r, const value *bias, naru_dtype dtype, int64_t m, const affine *f) {
    const double *b = bias ? channel_constant(r, bias, 2, 1, m) : NULL;
    naru_tensor *d;
    if ((bias && !b) || tensor_new(NARU_DOUBLE, 1, &m, &d, NULL) != NARU_OK) return NULL;
    double *x = d->data;
    for (int64_t i = 0; i < m; i++) x[i] = (f->scale ? f->scale[i] : 1) * (b ? b[i] : 0) + (f->shift ? f->shift[i] : 0);
    return tensor_as(d, dtype);
}

static node *producer(const rewriter *r, const value *v) {
    static const char *const ops[] = {"Conv", "ConvTranspose", "Gemm"};
    node *p = NULL;
    for (size_t i = 0; !p && i < COUNT_OF(ops); i++) p = rw_only_from(r, v, ops[i]);
    if (p) return p;
    p = fuse_product(r, v);
    return p && node_is_naru(p, "FusedConv") && fuse_is_plain(p) && !fuse_has_residual(p) ? p : NULL;
}

static bool is_last(const node *p) {
    const attr *a = node_attr(p, "channels_last");
    return a && a->i;
}

/* Gemm: Y = A B + C only, C one row. */
static bool simple_gemm(const node *p) {
    const attr *alpha = node_attr(p, "alpha"), *beta = node_attr(p, "beta");
    const naru_tensor *c = value_const(node_in(p, 2));
    if (!node_is(p, "Gemm")) return true;
    return (!alpha || alpha->f == 1) && (!beta || beta->f == 1) && (!node_in(p, 2) || (c && c->rank == 1));
}

bool pass_conv_bn(rewriter *r, node *n) {
    if (!node_is(n, "BatchNormalization") && !node_is(n, "Mul") && !node_is(n, "Add")) return false;
    node *p = n->nin ? producer(r, n->in[0]) : NULL;
    value *y = p ? n->in[0] : NULL;
    if (!p && n->nin == 2 && (p = producer(r, n->in[1]))) y = n->in[1];
    const naru_tensor *w = p ? value_const(node_in(p, 1)) : NULL;
    weight_map k;
    affine f;
    if (!w || !dtype_is_float(w->dtype) || !simple_gemm(p) || !map_weight(p, w, &k)) return false;
    if (!value_same_shape(y, n->out[0]) && !node_is(n, "BatchNormalization")) return false;
    if (node_in(p, 2) && !value_const(p->in[2])) return false;
    if (!read_affine(r, n, y, k.m, is_last(p), &f)) return false;
    naru_tensor *bias = new_bias(r, node_in(p, 2), w->dtype, k.m, &f);
    naru_tensor *weight = bias ? scaled_weight(w, &k, f.scale) : NULL;
    if (!weight) return tensor_unref(bias), false;
    value *in[3] = {p->in[0], rw_tensor(r, weight), NULL};
    in[2] = rw_tensor(r, bias);
    value *out = rw_op(r, p->op_type, p->domain, 3, in);
    rw_attrs_from(r, out, p);
    return rw_replace(r, n->out[0], out);
}
