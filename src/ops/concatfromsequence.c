/* SPDX-License-Identifier: MIT
 *
 * ConcatFromSequence: the elements joined along `axis`, or stacked along a new one with new_axis = 1. [ONNX
 * ConcatFromSequence-11]
 *
 * Versions: 11.
 */
#include "ops/util_move.h"

enum { AXIS, NEW_AXIS };

static naru_status infer(infer_ctx *c) {
    const type *e = c->in[0] ? c->in[0]->type.elem : NULL;
    int fresh = node_i(c->node, NEW_AXIS) != 0, rank = e && e->has_rank ? e->rank + fresh : -1, axis = 0;
    dim_t dims[NARU_MAX_RANK];
    if (rank > NARU_MAX_RANK) rank = -1;
    if (rank > 0) TRY(infer_axis(c, node_i(c->node, AXIS), rank, &axis));
    for (int i = 0, k = 0; i < rank; i++) dims[i] = i == axis ? (k += !fresh, DIM_UNKNOWN) : e->dims[k++];
    out_tensor(c, 0, e ? e->dtype : NARU_UNDEFINED, rank, dims);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_value *s = c->in[0];
    bool fresh = node_i(c->node, NEW_AXIS);
    if (s->count == 0) return eval_fail(c, NARU_SHAPE, "the sequence is empty");
    const naru_tensor *first = s->items[0]->tensor;
    int rank = first->rank + fresh;
    int64_t axis = node_i(c->node, AXIS), dims[NARU_MAX_RANK + 1], outer = 1, inner = 1, total = 0, at = 0;
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank || rank > NARU_MAX_RANK) return eval_fail(c, NARU_SHAPE, "axis is out of range");
    for (size_t i = 0; i < s->count; i++) {
        const naru_tensor *t = s->items[i]->tensor;
        if (!t || t->rank != first->rank || t->dtype != first->dtype)
            return eval_fail(c, NARU_SHAPE, "elements differ in rank or type");
        for (int d = 0; d < t->rank; d++)
            if ((fresh || d != axis) && t->dims[d] != first->dims[d])
                return eval_fail(c, NARU_SHAPE, "elements differ on axis %d", d);
        total += fresh ? 1 : t->dims[axis];
    }
    for (int d = 0, k = 0; d < rank; d++) dims[d] = d == axis ? (fresh ? total : (k++, total)) : first->dims[k++];
    for (int d = 0; d < axis; d++) outer *= dims[d];
    for (int d = (int)axis + 1; d < rank; d++) inner *= dims[d];
    naru_tensor *y;
    TRY(eval_alloc(c, 0, first->dtype, rank, dims, &y));
    for (size_t i = 0; y && i < s->count; i++) {
        const naru_tensor *t = s->items[i]->tensor;
        int64_t run = (fresh ? 1 : t->dims[axis]) * inner;
        for (int64_t o = 0; run && o < outer; o++)
            if (!move_elems(y, o * total * inner + at, t, o * run, run)) return err_oom(c->err);
        at += run;
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_REQ("axis", ATTR_INT), ATTR_I("new_axis", 0), {0}};

const op_desc op_ConcatFromSequence = {
    .name = "ConcatFromSequence",
    .versions = (const short[]){11, 0},
    .sig = "input_sequence:seq -> concat_result:all",
    .since = "concat_result never small bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
