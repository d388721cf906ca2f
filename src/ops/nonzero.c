/* SPDX-License-Identifier: MIT
 *
 * NonZero: the coordinates of non-zero elements, row-major, as columns of an int64 [rank, count]. [ONNX NonZero-13]
 *
 * Types: any number, bool, string (non-empty). A scalar gives [0, 1] or [0, 0]. Versions: 9, 13.
 */
#include "ops/op.h"

#include "tensor/dtype.h"

static naru_status infer(infer_ctx *c) {
    dim_t d[2] = {in_rank(c, 0) >= 0 ? in_rank(c, 0) : DIM_UNKNOWN, DIM_UNKNOWN};
    out_tensor(c, 0, NARU_INT64, 2, d);
    return NARU_OK;
}

static bool is_set(const naru_tensor *x, int64_t i) {
    size_t len;
    if (x->dtype == NARU_STRING) return naru_tensor_string(x, i, &len), len > 0;
    return dtype_is_int(x->dtype) ? dtype_get_i64(x->dtype, x->data, i) != 0 : dtype_get_f64(x->dtype, x->data, i) != 0;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    int64_t n = tensor_count(x), count = 0;
    for (int64_t i = 0; i < n; i++) count += is_set(x, i);
    naru_tensor *y;
    TRY(eval_alloc(c, 0, NARU_INT64, 2, (const int64_t[]){x->rank, count}, &y));
    for (int64_t i = 0, k = 0; y && i < n; i++) {
        if (!is_set(x, i)) continue;
        int64_t rest = i;
        for (int d = x->rank - 1; d >= 0; d--) {
            ((int64_t *)y->data)[d * count + k] = rest % x->dims[d];
            rest /= x->dims[d];
        }
        k++;
    }
    return NARU_OK;
}

const op_desc op_NonZero = {
    .name = "NonZero",
    .versions = (const short[]){9, 13, 0},
    .sig = "X:T -> Y:int64 | T = all",
    .since = "T never small",
    .infer = infer,
    .eval = eval,
};
