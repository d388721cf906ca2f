/* SPDX-License-Identifier: MIT
 *
 * conv_add: adding a value of the same shape to a product (a residual connection) becomes part of its epilogue, adding
 * a constant row to a MatMul its bias. Only float32, only where the product has no other reader and neither activation
 * nor residual yet. Of two candidates the later product is taken: it is fused with what is there already.
 */
#include "passes/fuse.h"

bool pass_conv_add(rewriter *r, node *n);

static node *candidate(const rewriter *r, const node *n, int i) {
    node *p = fuse_product(r, n->in[i]);
    return p && fuse_is_plain(p) && !fuse_has_residual(p) ? p : NULL;
}

/* Is a before b in their block? */
static bool before(const node *a, const node *b) {
    for (const node *n = a; n; n = n->next)
        if (n == b) return true;
    return false;
}

static bool add_residual(rewriter *r, node *n, node *p, value *residual) {
    value *y = fuse_start(r, p);
    if (y) y->producer->in[FUSE_RESIDUAL] = residual;
    return !y || rw_replace(r, n->out[0], y);
}

/* MatMul + [N]: only where B is one matrix, so that a column is a column. */
static bool is_row_bias(const node *p, const value *v, const value *out) {
    const naru_tensor *t = value_const(v);
    dim_t n = value_dim(out, -1);
    if (!strstr(p->op_type, "MatMul") || node_in(p, FUSE_BIAS) || !t || !dim_is_const(n)) return false;
    return value_rank(p->in[1]) == 2 && t->dtype == NARU_FLOAT && t->rank == 1 && t->dims[0] == n &&
           tensor_count(t) == n;
}

bool pass_conv_add(rewriter *r, node *n) {
    if (!node_is(n, "Add") || n->nin != 2 || n->in[0] == n->in[1] || !n->out[0]) return false;
    node *p[2] = {candidate(r, n, 0), candidate(r, n, 1)};
    for (int i = 0; i < 2; i++) {
        if (!p[i] || !is_row_bias(p[i], n->in[1 - i], n->out[0])) continue;
        value *y = fuse_start(r, p[i]);
        if (y) y->producer->in[FUSE_BIAS] = n->in[1 - i];
        return !y || rw_replace(r, n->out[0], y);
    }
    if (!value_same_shape(n->in[0], n->in[1]) || value_dtype(n->in[0]) != NARU_FLOAT) return false;
    if (value_const(n->in[0]) || value_const(n->in[1])) return false;
    if (p[0] && p[1]) p[before(p[0], p[1]) ? 0 : 1] = NULL;
    for (int i = 0; i < 2; i++)
        if (p[i]) return add_residual(r, n, p[i], n->in[1 - i]);
    return false;
}
