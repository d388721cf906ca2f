/* SPDX-License-Identifier: MIT
 *
 * StringConcat: Z = the bytes of X, then those of Y, elementwise with broadcasting. [ONNX StringConcat-20]
 *
 * Types: strings. Versions: 20. Edge cases: empty strings and tensors are as any other.
 */
#include "ops/op.h"

static naru_status concat(eval_ctx *c, naru_tensor *y, int64_t i, const naru_tensor *a, int64_t ia,
                          const naru_tensor *b, int64_t ib) {
    size_t na, nb;
    const char *sa = naru_tensor_string(a, ia, &na), *sb = naru_tensor_string(b, ib, &nb);
    char *s = mem_alloc(na + nb + 1);
    if (!s) return err_oom(c->err);
    memcpy(s, sa, na);
    memcpy(s + na, sb, nb);
    naru_status st = naru_tensor_set_string(y, i, s, na + nb, c->err);
    mem_free(s);
    return st;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *a = eval_in(c, 0), *b = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t sa[NARU_MAX_RANK], sb[NARU_MAX_RANK];
    broadcast_strides(a, y->rank, y->dims, sa);
    broadcast_strides(b, y->rank, y->dims, sb);
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        int64_t ia = 0, ib = 0, rest = i;
        for (int d = y->rank - 1; d >= 0; d--) {
            ia += rest % y->dims[d] * sa[d];
            ib += rest % y->dims[d] * sb[d];
            rest /= y->dims[d];
        }
        TRY(concat(c, y, i, a, ia, b, ib));
    }
    return NARU_OK;
}

const op_desc op_StringConcat = {
    .name = "StringConcat",
    .versions = (const short[]){20, 0},
    .sig = "X:T, Y:T -> Z:T | T = string",
    .infer = infer_elementwise,
    .eval = eval,
};
