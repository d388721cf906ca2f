/* SPDX-License-Identifier: MIT
 *
 * reshape_shape: a Reshape to a computed shape takes a constant one where that says the same: dims that are numbers
 * stay, dims that the input has at the same place become 0 ("as it is"), one other may be -1 ("the rest"). The Shape,
 * Gather and Concat that computed it then die, and what they read has one reader less, which lets other passes match.
 */
#include "passes/rewrite.h"

bool pass_reshape_shape(rewriter *r, node *n);

bool pass_reshape_shape(rewriter *r, node *n) {
    const attr *allowzero = node_attr(n, "allowzero");
    if (!node_is(n, "Reshape") || !n->in[0] || !node_in(n, 1) || value_const(n->in[1])) return false;
    const fact *f = &n->in[1]->fact;
    int64_t shape[NARU_MAX_RANK];
    int open = 0;
    if (!f->elems || f->nelems > NARU_MAX_RANK) return false;
    for (int i = 0; i < (int)f->nelems; i++) {
        const elem_t *e = &f->elems[i];
        if (e->kind == ELEM_CONST && e->v == 0 && allowzero && allowzero->i) return false;
        if (e->kind == ELEM_CONST && e->v >= 0) shape[i] = e->v;
        else if (e->kind == ELEM_DIM && i < value_rank(n->in[0]) && value_dim(n->in[0], i) == e->v) shape[i] = 0;
        else shape[i] = -1, open++;
    }
    if (open > 1) return false;
    /* -1 cannot be worked out beside an empty dim */
    for (int i = 0; i < (int)f->nelems && open; i++)
        if (shape[i] == 0 && !(i < value_rank(n->in[0]) && value_dim(n->in[0], i) != 0)) return false;
    value *in[2] = {n->in[0], rw_const_ints(r, shape, f->nelems)};
    return rw_replace(r, n->out[0], rw_op(r, "Reshape", "", 2, in));
}
