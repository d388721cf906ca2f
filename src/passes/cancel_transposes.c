/* SPDX-License-Identifier: MIT
 *
 * cancel_transposes: two transposes in a row become one, or none when they undo each other; a transpose that only moves
 * axes of length 1 becomes a Reshape, which costs nothing.
 */
#include "passes/axes.h"

bool pass_cancel_transposes(rewriter *r, node *n);

/* The axes longer than 1 (as far as is known) keep their order. */
static bool moves_nothing(const value *x, const perm *p) {
    int64_t before = -1;
    for (int i = 0; i < p->n; i++) {
        if (value_dim(x, (int)p->at[i]) == 1) continue;
        if (p->at[i] < before) return false;
        before = p->at[i];
    }
    return true;
}

/* y's dims as Reshape takes them: at most one is not a (positive) number. */
static bool shape_of(const value *y, int64_t *dims) {
    int open = 0;
    for (int i = 0; i < value_rank(y); i++) {
        dim_t d = value_dim(y, i);
        if (d == 0) return false;
        dims[i] = dim_is_const(d) ? d : -1;
        open += !dim_is_const(d);
    }
    return open <= 1;
}

bool pass_cancel_transposes(rewriter *r, node *n) {
    perm p, q;
    int64_t dims[NARU_MAX_RANK];
    if (!node_is(n, "Transpose") || !perm_of(n, &q)) return false;
    if (perm_is_identity(&q)) return rw_replace(r, n->out[0], n->in[0]);
    const node *before = rw_from(r, n->in[0], "Transpose");
    if (before && perm_of(before, &p) && p.n == q.n) {
        perm both = perm_then(&p, &q);
        if (perm_is_identity(&both)) return rw_replace(r, n->out[0], before->in[0]);
        bool marked = axes_is_marked(n) && axes_is_marked(before);
        return rw_replace(r, n->out[0], axes_transpose(r, before->in[0], &both, marked));
    }
    if (value_rank(n->in[0]) != q.n || value_rank(n->out[0]) != q.n) return false;
    if (!moves_nothing(n->in[0], &q) || !shape_of(n->out[0], dims)) return false;
    value *in[2] = {n->in[0], rw_const_ints(r, dims, q.n)};
    return rw_replace(r, n->out[0], rw_op(r, "Reshape", "", 2, in));
}
