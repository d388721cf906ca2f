/* SPDX-License-Identifier: MIT
 *
 * Equal: C = (A == B), bool, elementwise with broadcasting. [ONNX Equal-19]
 *
 * Types: numbers, bool, strings (19). Versions: 1, 7, 11, 13, 19. NaN equals nothing.
 */
#include "ops/util_legacy.h"

static double f(double a, double b, const node *n) { return a == b; }
static int64_t fi(int64_t a, int64_t b, const node *n) { return a == b; }

static naru_status eval_strings(eval_ctx *c) {
    const naru_tensor *a = eval_in(c, 0), *b = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    int64_t sa[NARU_MAX_RANK], sb[NARU_MAX_RANK], idx[NARU_MAX_RANK] = {0}, pa = 0, pb = 0;
    broadcast_strides(a, y->rank, y->dims, sa);
    broadcast_strides(b, y->rank, y->dims, sb);
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        size_t la, lb;
        const char *x = naru_tensor_string(a, pa, &la), *z = naru_tensor_string(b, pb, &lb);
        ((bool *)y->data)[i] = la == lb && memcmp(x, z, la) == 0;
        for (int d = y->rank - 1; d >= 0; d--) {
            pa += sa[d], pb += sb[d];
            if (++idx[d] < y->dims[d]) break;
            pa -= sa[d] * y->dims[d], pb -= sb[d] * y->dims[d];
            idx[d] = 0;
        }
    }
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    if (!eval_out(c, 0)) return NARU_OK;
    return eval_in(c, 0)->dtype == NARU_STRING ? eval_strings(c) : eval_binary(c, f, fi);
}

const op_desc op_Equal = {
    .name = "Equal",
    .versions = (const short[]){1, 7, 11, 13, 19, 0},
    .sig = "A:T, B:T -> C:bool | T = num bool string",
    .since = "T 19 string",
    .flags = OP_ELEMENTWISE | OP_COMMUTATIVE,
    .infer = infer_compare,
    .eval = eval,
    .adapters = legacy_broadcast,
};
