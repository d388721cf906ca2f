/* SPDX-License-Identifier: MIT
 *
 * Concat: inputs one after the other along `axis`; all other dims equal. [ONNX Concat-13]
 *
 * Types: any. Versions: 1 (axis defaults to 1), 4 (axis required), 11 (negative axis), 13.
 */
#include "ops/util_move.h"

enum { AXIS };

static naru_status merge(infer_ctx *c, type *t, const type *u, int axis, int i) {
    if (u->rank != t->rank) return op_fail(c, NARU_SHAPE, "input %d has rank %d, input 0 rank %d", i, u->rank, t->rank);
    for (int d = 0; d < t->rank; d++) {
        if (d == axis) t->dims[d] = sym_add(c->syms, t->dims[d], u->dims[d]);
        else if (dim_is_const(t->dims[d]) && dim_is_const(u->dims[d]) && t->dims[d] != u->dims[d])
            return op_fail(c, NARU_SHAPE, "input %d has size %lld on axis %d, earlier inputs %lld", i,
                           (long long)u->dims[d], d, (long long)t->dims[d]);
        else if (!dim_is_const(t->dims[d]) && (dim_is_const(u->dims[d]) || !dim_is_known(t->dims[d])))
            t->dims[d] = u->dims[d];
    }
    return NARU_OK;
}

static void concat_elems(infer_ctx *c) {
    elem_t all[1024];
    int64_t n = 0;
    for (int i = 0; i < c->nin; i++) {
        const elem_t *e;
        int64_t ne, known = 0;
        if (in_elems(c, i, &e, &ne)) known = ne;
        else if (in_rank(c, i) == 1 && dim_is_const(in_dim(c, i, 0))) e = NULL, known = in_dim(c, i, 0);
        else return;
        if (n + known > (int64_t)COUNT_OF(all)) return;
        for (int64_t k = 0; k < known; k++) all[n++] = e ? e[k] : (elem_t){ELEM_UNKNOWN, 0};
    }
    out_elems(c, 0, all, n);
}

static naru_status infer(infer_ctx *c) {
    for (int i = 0; i < c->nin; i++)
        if (in_rank(c, i) < 0) {
            out_tensor(c, 0, in_dtype(c, 0), -1, NULL);
            return NARU_OK;
        }
    if (c->nin < 1) return op_fail(c, NARU_BAD_MODEL, "needs at least one input");
    type t = c->in[0]->type;
    int axis;
    TRY(infer_axis(c, node_i(c->node, AXIS), t.rank, &axis));
    for (int i = 1; i < c->nin; i++) TRY(merge(c, &t, &c->in[i]->type, axis, i));
    out_tensor(c, 0, in_dtype(c, 0), t.rank, t.dims);
    naru_dtype d = in_dtype(c, 0);
    if (t.rank == 1 && (d == NARU_INT64 || d == NARU_INT32)) concat_elems(c);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t axis = node_i(c->node, AXIS), outer = 1, inner = 1, at = 0;
    if (axis < 0) axis += y->rank;
    for (int d = 0; d < axis; d++) outer *= y->dims[d];
    for (int d = (int)axis + 1; d < y->rank; d++) inner *= y->dims[d];
    for (int i = 0; i < c->nin; i++) {
        const naru_tensor *x = eval_in(c, i);
        int64_t run = x->dims[axis] * inner;
        for (int64_t o = 0; o < outer; o++)
            if (run && !move_elems(y, o * y->dims[axis] * inner + at, x, o * run, run)) return err_oom(c->err);
        at += run;
    }
    return NARU_OK;
}

static naru_status default_axis(lift_ctx *c, node *n) {
    if (node_attr(n, "axis")) return NARU_OK;
    return node_add_attr(n, (attr){.name = "axis", .kind = ATTR_INT, .i = 1}) ? NARU_OK : err_oom(c->err);
}

static const attr_def attrs[] = {ATTR_REQ("axis", ATTR_INT), {0}};
static const adapter adapters[] = {{4, default_axis}, {0}};

const op_desc op_Concat = {
    .name = "Concat",
    .versions = (const short[]){1, 4, 11, 13, 0},
    .sig = "inputs:T... -> concat_result:T | T = all",
    .since = "T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
};
