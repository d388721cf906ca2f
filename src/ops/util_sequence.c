/* SPDX-License-Identifier: MIT
 *
 * Positions in sequences.
 */
#include "ops/util_sequence.h"

#include "tensor/dtype.h"

naru_status sequence_position(eval_ctx *c, const naru_tensor *t, int64_t n, int64_t max, int64_t *out) {
    if (!t || tensor_count(t) != 1) return eval_fail(c, NARU_SHAPE, "position must be a scalar");
    int64_t p = dtype_get_i64(t->dtype, t->data, 0);
    *out = p < 0 ? p + n : p;
    if (*out >= 0 && *out <= max) return NARU_OK;
    return eval_fail(c, NARU_INVALID_ARGUMENT, "position %lld is outside a sequence of %lld", (long long)p,
                     (long long)n);
}
