/* SPDX-License-Identifier: MIT
 *
 * fold_shapes: a value whose every element inference knows as a number becomes a constant, so shape arithmetic
 * (Shape, Gather, Concat, ...) disappears where the dims are fixed.
 */
#include "passes/rewrite.h"
#include "tensor/dtype.h"

bool pass_fold_shapes(rewriter *r, node *n);

static naru_tensor *known_content(const value *v) {
    const fact *f = &v->fact;
    if (!f->elems || !f->type.has_rank || f->type.rank > 1 || !dtype_is_int(f->type.dtype)) return NULL;
    if (f->type.rank == 1 ? f->type.dims[0] != f->nelems : f->nelems != 1) return NULL;
    for (int64_t i = 0; i < f->nelems; i++)
        if (f->elems[i].kind != ELEM_CONST) return NULL;
    naru_tensor *t;
    if (tensor_new(f->type.dtype, f->type.rank, &f->nelems, &t, NULL) != NARU_OK) return NULL;
    for (int64_t i = 0; i < f->nelems; i++) dtype_set_i64(t->dtype, t->data, i, f->elems[i].v);
    return t;
}

bool pass_fold_shapes(rewriter *r, node *n) {
    bool any = false;
    if (n->op->flags & (OP_RANDOM | OP_CONTROL)) return false;
    for (int i = 0; i < n->nout; i++) {
        naru_tensor *t = n->out[i] ? known_content(n->out[i]) : NULL;
        if (t) any |= rw_constant(r, n->out[i], t);
    }
    return any;
}
