/* SPDX-License-Identifier: MIT
 *
 * SplitToSequence: pieces of x along `axis` as a sequence: of the sizes `split`, of one size (scalar split, the last
 * smaller), or of size 1, then without the axis when keepdims = 0. [ONNX SplitToSequence-24]
 *
 * Versions: 11, 24.
 */
#include "ops/util_move.h"

#include "tensor/dtype.h"

enum { AXIS, KEEPDIMS };

static naru_status infer(infer_ctx *c) {
    c->out[0].type = (type){.kind = TYPE_SEQUENCE};
    return NARU_OK;
}

static naru_status piece(eval_ctx *c, const naru_tensor *x, int axis, int64_t at, int64_t size, bool drop,
                         naru_value *s) {
    int64_t dims[NARU_MAX_RANK], outer = 1, inner = 1;
    int rank = 0;
    for (int d = 0; d < x->rank; d++)
        if (d != axis || !drop) dims[rank++] = d == axis ? size : x->dims[d];
    for (int d = 0; d < axis; d++) outer *= x->dims[d];
    for (int d = axis + 1; d < x->rank; d++) inner *= x->dims[d];
    naru_tensor *t;
    naru_value *v = NULL;
    TRY(tensor_new(x->dtype, rank, dims, &t, c->err));
    naru_status st = NARU_OK;
    for (int64_t o = 0; size * inner > 0 && o < outer; o++)
        if (!move_elems(t, o * size * inner, x, (o * x->dims[axis] + at) * inner, size * inner)) st = err_oom(c->err);
    if (st == NARU_OK) st = value_new_tensor(t, &v, c->err);
    if (st == NARU_OK) st = value_push(s, v, c->err);
    value_unref(v);
    tensor_unref(t);
    return st;
}

static naru_status pieces(eval_ctx *c, const naru_tensor *x, int axis, naru_value *s) {
    const naru_tensor *split = eval_in(c, 1);
    int64_t n = x->dims[axis], at = 0;
    bool list = split && split->rank == 1, drop = !split && !node_i(c->node, KEEPDIMS);
    int64_t step = split && !list ? dtype_get_i64(split->dtype, split->data, 0) : 1;
    if (step < 1) return eval_fail(c, NARU_SHAPE, "split is %lld", (long long)step);
    for (int64_t i = 0; list ? i < split->dims[0] : at < n; i++) {
        int64_t size = list ? dtype_get_i64(split->dtype, split->data, i) : i64_min(step, n - at);
        if (size < 0 || size > n - at) return eval_fail(c, NARU_SHAPE, "sizes do not add up to %lld", (long long)n);
        TRY(piece(c, x, axis, at, size, drop, s));
        at += size;
    }
    return at == n ? NARU_OK : eval_fail(c, NARU_SHAPE, "sizes do not add up to %lld", (long long)n);
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    int64_t axis = node_i(c->node, AXIS);
    if (axis < 0) axis += x->rank;
    if (axis < 0 || axis >= x->rank) return eval_fail(c, NARU_SHAPE, "axis is out of range");
    naru_value *s;
    TRY(value_new_sequence(x->dtype, &s, c->err));
    naru_status st = pieces(c, x, (int)axis, s);
    if (st == NARU_OK) st = eval_set(c, 0, s);
    value_unref(s);
    return st;
}

static const attr_def attrs[] = {ATTR_I("axis", 0), ATTR_I("keepdims", 1), {0}};

const op_desc op_SplitToSequence = {
    .name = "SplitToSequence",
    .versions = (const short[]){11, 24, 0},
    .sig = "input:T, split:I? -> output_sequence:seq | T = all; I = int32 int64",
    .since = "T 24 bfloat16; T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
