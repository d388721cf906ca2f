/* SPDX-License-Identifier: MIT
 *
 * ReverseSequence: for each batch b the first sequence_lens[b] entries along time_axis are reversed. [ONNX
 * ReverseSequence-28]
 *
 * batch_axis and time_axis are 0 and 1 in either order. Types: any. Versions: 10, 28.
 */
#include "ops/util_move.h"

enum { BATCH_AXIS, TIME_AXIS };

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, 0);
    if (in_rank(c, 0) >= 0 && in_rank(c, 0) < 2)
        return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2 or more", in_rank(c, 0));
    if (node_i(c->node, BATCH_AXIS) + node_i(c->node, TIME_AXIS) != 1)
        return op_fail(c, NARU_BAD_MODEL, "batch_axis and time_axis must be 0 and 1");
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *l = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    const int64_t *len = eval_i64(c, l);
    if (!y) return NARU_OK;
    if (!len) return NARU_OUT_OF_MEMORY;
    bool time_first = node_i(c->node, TIME_AXIS) == 0;
    int64_t inner = 1, n0 = x->dims[0], n1 = x->dims[1], batch = time_first ? n1 : n0, time = time_first ? n0 : n1;
    if (tensor_count(l) != batch)
        return eval_fail(c, NARU_SHAPE, "%lld lengths for a batch of %lld", (long long)tensor_count(l),
                         (long long)batch);
    for (int i = 2; i < x->rank; i++) inner *= x->dims[i];
    for (int64_t i = 0; inner && i < n0; i++)
        for (int64_t j = 0; j < n1; j++) {
            int64_t b = time_first ? j : i, t = time_first ? i : j;
            if (len[b] < 0 || len[b] > time)
                return eval_fail(c, NARU_INVALID_ARGUMENT, "length %lld is outside [0, %lld]", (long long)len[b],
                                 (long long)time);
            int64_t s = t < len[b] ? len[b] - 1 - t : t, from = time_first ? s * n1 + b : b * n1 + s;
            if (!move_elems(y, (i * n1 + j) * inner, x, from * inner, inner)) return err_oom(c->err);
        }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("batch_axis", 1), ATTR_I("time_axis", 0), {0}};

const op_desc op_ReverseSequence = {
    .name = "ReverseSequence",
    .versions = (const short[]){10, 28, 0},
    .sig = "input:T, sequence_lens:int64 -> Y:T | T = all",
    .since = "T 28 bfloat16; T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
