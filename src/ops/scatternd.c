/* SPDX-License-Identifier: MIT
 *
 * ScatterND: y = data; for each index tuple i: y[indices[i]] = updates[i], or combined by `reduction`. [ONNX
 * ScatterND-18]
 *
 * indices [.., k], k <= rank(data); updates dims: indices dims without the last, then data dims from k on. reduction:
 * none, add, mul (16), max, min (18). Negative indices count from the end. Types: any; reductions: numbers. Versions:
 * 11, 13, 16, 18.
 */
#include "ops/util_scatter.h"
#include "ops/util_lower.h"

enum { REDUCTION };

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, 0);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *ix = eval_in(c, 1), *u = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    const int64_t *at = eval_i64(c, ix);
    if (!y) return NARU_OK;
    if (!at) return NARU_OUT_OF_MEMORY;
    if (!move_elems(y, 0, x, 0, tensor_count(x))) return err_oom(c->err);
    int64_t k = ix->rank ? ix->dims[ix->rank - 1] : 1, n = k ? tensor_count(ix) / k : 0, inner = 1, rows[NARU_MAX_RANK];
    if (k > x->rank)
        return eval_fail(c, NARU_SHAPE, "indices are %lld long for a rank-%d tensor", (long long)k, x->rank);
    row_strides(x->rank, x->dims, rows);
    for (int d = (int)k; d < x->rank; d++) inner *= x->dims[d];
    if (tensor_count(u) != n * inner)
        return eval_fail(c, NARU_SHAPE, "updates have %lld elements, need %lld", (long long)tensor_count(u),
                         (long long)(n * inner));
    for (int64_t i = 0; i < n; i++) {
        int64_t base = 0;
        for (int64_t d = 0; d < k; d++) {
            int64_t v = at[i * k + d];
            if (v < 0) v += x->dims[d];
            if (v < 0 || v >= x->dims[d])
                return eval_fail(c, NARU_INVALID_ARGUMENT, "index %lld is outside axis %lld", (long long)at[i * k + d],
                                 (long long)d);
            base += v * rows[d];
        }
        for (int64_t j = 0; j < inner; j++)
            if (!scatter_one(y, base + j, u, i * inner + j, node_s(c->node, REDUCTION))) return err_oom(c->err);
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_S("reduction", "none"), {0}};

static naru_status down18(lower_ctx *c, node *n) {
    if (!lw_text_is(n, REDUCTION, "max") && !lw_text_is(n, REDUCTION, "min")) return NARU_OK;
    return lw_refuse(c, "there is no reduction '%s'", node_s(n, REDUCTION));
}

const op_desc op_ScatterND = {
    .name = "ScatterND",
    .versions = (const short[]){11, 13, 16, 18, 0},
    .sig = "data:T, indices:int64, updates:T -> output:T | T = all",
    .since = "T never small; reduction 16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
