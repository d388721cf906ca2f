/* SPDX-License-Identifier: MIT
 *
 * Reshape: the same elements under other dims. [ONNX Reshape-25]
 *
 * shape[i] = -1 (once): what remains; 0: the input's dim i, or, with allowzero = 1, zero. Types: any. Versions: 1
 * (attribute shape), 5, 13, 14 (allowzero), 19, 21, 23, 24, 25. Element counts must agree; an empty shape makes a
 * scalar.
 */
#include "ops/util_move.h"
#include "ops/util_lower.h"

enum { ALLOWZERO };

static dim_t product(symtab *s, const dim_t *d, int n, int skip) {
    dim_t p = 1;
    for (int i = 0; i < n; i++)
        if (i != skip) p = sym_mul(s, p, d[i]);
    return p;
}

/* dims from the target; *open: index of -1. */
static naru_status read_target(infer_ctx *c, const elem_t *e, int64_t n, dim_t *dims, int *open) {
    *open = -1;
    for (int i = 0; i < n; i++) {
        bool zero = e[i].kind == ELEM_CONST && e[i].v == 0, rest = e[i].kind == ELEM_CONST && e[i].v == -1;
        if (e[i].kind == ELEM_CONST && e[i].v < -1)
            return op_fail(c, NARU_SHAPE, "shape[%d] is %lld", i, (long long)e[i].v);
        if (rest && *open >= 0) return op_fail(c, NARU_SHAPE, "shape has -1 twice");
        if (rest) *open = i;
        if (zero && !node_i(c->node, ALLOWZERO)) {
            if (in_rank(c, 0) < 0) dims[i] = DIM_UNKNOWN;
            else if (i >= in_rank(c, 0))
                return op_fail(c, NARU_SHAPE, "shape[%d] is 0 but the input has rank %d", i, in_rank(c, 0));
            else dims[i] = in_dim(c, 0, i);
        } else {
            dims[i] = rest ? DIM_UNKNOWN : elem_to_dim(e[i]);
        }
    }
    return NARU_OK;
}

/* What -1 stands for. Dims that appear on both sides cancel, so unknown but equal symbols do no harm. */
static dim_t remaining(infer_ctx *c, const dim_t *dims, int n, int open) {
    if (in_rank(c, 0) < 0) return DIM_UNKNOWN;
    dim_t total = product(c->syms, c->in[0]->type.dims, in_rank(c, 0), -1), known = product(c->syms, dims, n, open);
    if (known == 0) return dim_is_const(total) ? 0 : DIM_UNKNOWN;
    return dim_is_known(total) && dim_is_known(known) ? sym_div(c->syms, total, known) : DIM_UNKNOWN;
}

static naru_status check_count(infer_ctx *c, const dim_t *dims, int n) {
    if (in_rank(c, 0) < 0) return NARU_OK;
    dim_t a = product(c->syms, c->in[0]->type.dims, in_rank(c, 0), -1), b = product(c->syms, dims, n, -1);
    if (dim_is_const(a) && dim_is_const(b) && a != b)
        return op_fail(c, NARU_SHAPE, "%lld elements cannot be reshaped to %lld", (long long)a, (long long)b);
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    const elem_t *e;
    int64_t n;
    if (!in_elems(c, 1, &e, &n)) {
        int rank = in_rank(c, 1) == 1 && dim_is_const(in_dim(c, 1, 0)) && in_dim(c, 1, 0) <= NARU_MAX_RANK
                       ? (int)in_dim(c, 1, 0)
                       : -1;
        dim_t unknown[NARU_MAX_RANK];
        for (int i = 0; i < NARU_MAX_RANK; i++) unknown[i] = DIM_UNKNOWN;
        out_tensor(c, 0, in_dtype(c, 0), rank, unknown);
        return NARU_OK;
    }
    if (n > NARU_MAX_RANK) return op_fail(c, NARU_LIMIT, "rank %lld exceeds %d", (long long)n, NARU_MAX_RANK);
    dim_t dims[NARU_MAX_RANK];
    int open;
    TRY(read_target(c, e, n, dims, &open));
    if (open >= 0) dims[open] = remaining(c, dims, (int)n, open);
    TRY(check_count(c, dims, (int)n));
    out_tensor(c, 0, in_dtype(c, 0), (int)n, dims);
    const elem_t *x;
    int64_t nx;
    if (n <= 1 && c->in[0]->elems && in_elems(c, 0, &x, &nx)) out_elems(c, 0, x, nx);
    else if (n <= 1 && c->in[0]->constant && in_elems(c, 0, &x, &nx)) out_elems(c, 0, x, nx);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    return y && !move_elems(y, 0, eval_in(c, 0), 0, tensor_count(y)) ? err_oom(c->err) : NARU_OK;
}

static naru_status shape_to_input(lift_ctx *c, node *n) { return attr_ints_to_input(c, n, "shape", 1); }

static const attr_def attrs[] = {ATTR_I("allowzero", 0), {0}};
static const adapter adapters[] = {{5, shape_to_input}, {0}};

/* A shape of which not all is known: it may only hold a literal 0 where the input is empty. */
static naru_status unknown_shape(lower_ctx *c, node *n) {
    const fact *f = &lw_in(n, 1)->fact;
    int rank = lw_rank(n->in[0]);
    bool certain = rank >= 0, empty = false;
    for (int i = 0; i < rank; i++) {
        empty = empty || lw_dim(n->in[0], i) == 0;
        certain = certain && dim_is_const(lw_dim(n->in[0], i));
    }
    for (int64_t i = 0; f->elems && i < f->nelems; i++)
        empty = empty || (f->elems[i].kind == ELEM_CONST && f->elems[i].v == 0);
    if (empty) return lw_refuse(c, "allowzero for an empty tensor of unknown dims");
    if (!certain)
        lw_warn(c, "allowzero is dropped: where a computed dim is 0 the input's dim is taken (empty tensors only)");
    n->attrs[ALLOWZERO].i = 0;
    return NARU_OK;
}

/* A literal 0 makes an empty tensor, whose dims ConstantOfShape can say. */
static naru_status down14(lower_ctx *c, node *n) {
    const int64_t *dims;
    int64_t count;
    bool zero = false;
    if (!node_i(n, ALLOWZERO)) return NARU_OK;
    if (!lw_known_ints(c, lw_in(n, 1), &dims, &count)) return unknown_shape(c, n);
    n->attrs[ALLOWZERO].i = 0;
    for (int64_t i = 0; i < count; i++) zero = zero || dims[i] == 0;
    if (!zero) return NARU_OK;
    value *y = LW(c, "ConstantOfShape", n->in[1]);
    return lw_replace(c, n, lw_cast(c, y, lw_dtype(n->in[0])));
}

const op_desc op_Reshape = {
    .name = "Reshape",
    .versions = (const short[]){1, 5, 13, 14, 19, 21, 23, 24, 25, 0},
    .sig = "data:T, shape:int64 -> reshaped:T | T = all",
    .since = "T never float6; allowzero 14",
    .attrs = attrs,
    .flags = OP_VIEW,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
    .down = (const down_adapter[]){{14, down14}, {0}},
};
