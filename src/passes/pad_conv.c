/* SPDX-License-Identifier: MIT
 *
 * pad_conv: zeros put around an image by Pad become the padding of the Conv or AveragePool behind it; the average then
 * counts its padding. The Pad is constant, cuts nothing and pads spatial axes only; the pool neither has padding of its
 * own that it does not count, nor rounds its size up (windows beyond the padding would count otherwise). Before conv_bn
 * and layout, which want the convolution next to what it reads.
 */
#include "passes/rewrite.h"
#include "tensor/dtype.h"

bool pass_pad_conv(rewriter *r, node *n);

enum { SPATIAL = NARU_MAX_RANK - 2 };

typedef struct pads { /* before, after each spatial axis */
    int64_t before[SPATIAL], after[SPATIAL];
    int axes;
    bool any;
} pads;

static int64_t attr_or(const node *n, const char *name, int64_t dflt) {
    const attr *a = node_attr(n, name);
    return a ? a->i : dflt;
}

/* What the Pad adds; false: something else than zeros around the image. */
static bool read_pad(rewriter *r, const node *pad, pads *p) {
    const attr *mode = node_attr(pad, "mode");
    const int64_t *v, *axes = NULL;
    int64_t count, naxes = 0;
    int rank = value_rank(pad->in[0]);
    if (rank < 3 || (mode && mode->s.len && strcmp(mode->s.data, "constant") != 0)) return false;
    if (node_in(pad, 2) && !value_is_scalar(pad->in[2], 0, 0)) return false;
    if (!node_in(pad, 1) || !value_ints(pad->in[1], &v, &count, r->arena)) return false;
    if (node_in(pad, 3) && !value_ints(pad->in[3], &axes, &naxes, r->arena)) return false;
    int64_t n = axes ? naxes : rank;
    if (count != 2 * n) return false;
    *p = (pads){.axes = rank - 2};
    for (int64_t i = 0; i < n; i++) {
        int64_t a = (axes ? axes[i] : i) - 2;
        if (axes && axes[i] < 0) a += rank;
        if (v[i] == 0 && v[n + i] == 0) continue;
        if (a < 0 || a >= p->axes || v[i] < 0 || v[n + i] < 0 || v[i] > INT32_MAX || v[n + i] > INT32_MAX) return false;
        p->before[a] += v[i], p->after[a] += v[n + i];
    }
    return true;
}

/* The padding that the node has of its own is added; false: it depends on the image's size. */
static bool add_own(const node *n, pads *p) {
    const attr *how = node_attr(n, "auto_pad"), *own = node_attr(n, "pads");
    bool valid = how && how->s.len && strcmp(how->s.data, "VALID") == 0;
    if (how && how->s.len && !valid && strcmp(how->s.data, "NOTSET") != 0) return false;
    if (valid || !own || own->kind != ATTR_INTS) return true;
    if (own->count != 2 * (size_t)p->axes) return false;
    for (int a = 0; a < p->axes; a++) {
        int64_t before = own->ints[a], after = own->ints[p->axes + a];
        if (before < 0 || after < 0) return false;
        p->any |= before > 0 || after > 0;
        p->before[a] += before, p->after[a] += after;
    }
    return true;
}

static bool counts_padding(const node *pool, const pads *own) {
    return attr_or(pool, "ceil_mode", 0) == 0 && (attr_or(pool, "count_include_pad", 0) != 0 || !own->any);
}

bool pass_pad_conv(rewriter *r, node *n) {
    bool conv = node_is(n, "Conv"), pool = node_is(n, "AveragePool");
    node *pad = conv || pool ? rw_from(r, n->in[0], "Pad") : NULL;
    pads p;
    if (!pad || !read_pad(r, pad, &p) || !add_own(n, &p) || (pool && !counts_padding(n, &p))) return false;
    value *in[3] = {pad->in[0], node_in(n, 1), node_in(n, 2)};
    value *y = rw_op(r, n->op_type, "", n->nin, in);
    if (!y) return true; /* out of memory: reported when applied */
    int64_t v[2 * SPATIAL];
    for (int a = 0; a < p.axes; a++) v[a] = p.before[a], v[p.axes + a] = p.after[a];
    rw_attrs_from(r, y, n);
    rw_string(r, y, "auto_pad", "NOTSET");
    rw_ints(r, y, "pads", v, 2 * (size_t)p.axes);
    if (pool) rw_int(r, y, "count_include_pad", 1);
    return rw_replace(r, n->out[0], y);
}
