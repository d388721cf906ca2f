/* SPDX-License-Identifier: MIT
 *
 * Where: y = condition ? X : Y, elementwise, the three broadcast together. [ONNX Where-16]
 *
 * Types: any. Versions: 9, 16. Content of small integer tensors is known when the condition is.
 */
#include "ops/util_move.h"

static naru_status infer(infer_ctx *c) {
    type t = {0};
    TRY(infer_broadcast_shapes(c, &c->in[0]->type, &c->in[1]->type, &t));
    TRY(infer_broadcast_shapes(c, &t, &c->in[2]->type, &t));
    out_tensor(c, 0, in_dtype(c, 1), t.has_rank ? t.rank : -1, t.dims);
    const int64_t *w;
    const elem_t *a, *b;
    int64_t nw, na, nb;
    naru_dtype d = in_dtype(c, 1);
    if ((d != NARU_INT64 && d != NARU_INT32) || !in_ints(c, 0, &w, &nw) || !in_elems(c, 1, &a, &na) ||
        !in_elems(c, 2, &b, &nb))
        return NARU_OK;
    int64_t n = i64_max(nw, i64_max(na, nb));
    elem_t *e = arena_alloc(c->arena, (size_t)n * sizeof *e);
    for (int64_t i = 0; e && i < n; i++) e[i] = w[nw == 1 ? 0 : i] ? a[na == 1 ? 0 : i] : b[nb == 1 ? 0 : i];
    if (e && t.has_rank && t.rank <= 1) out_elems(c, 0, e, n);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    const naru_tensor *t[3] = {eval_in(c, 0), eval_in(c, 1), eval_in(c, 2)};
    if (!y) return NARU_OK;
    int64_t s[3][NARU_MAX_RANK], at[3] = {0}, idx[NARU_MAX_RANK] = {0};
    for (int k = 0; k < 3; k++) broadcast_strides(t[k], y->rank, y->dims, s[k]);
    const bool *w = t[0]->data;
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        int k = w[at[0]] ? 1 : 2;
        if (!move_elems(y, i, t[k], at[k], 1)) return err_oom(c->err);
        for (int d = y->rank - 1; d >= 0; d--) {
            for (int j = 0; j < 3; j++) at[j] += s[j][d];
            if (++idx[d] < y->dims[d]) break;
            for (int j = 0; j < 3; j++) at[j] -= s[j][d] * y->dims[d];
            idx[d] = 0;
        }
    }
    return NARU_OK;
}

const op_desc op_Where = {
    .name = "Where",
    .versions = (const short[]){9, 16, 0},
    .sig = "condition:bool, X:T, Y:T -> output:T | T = all",
    .since = "T 16 bfloat16; T never small",
    .flags = OP_ELEMENTWISE,
    .infer = infer,
    .eval = eval,
};
