/* SPDX-License-Identifier: MIT
 *
 * Folding of broadcast inputs.
 */
#include "ops/util_variadic.h"

#include "tensor/dtype.h"

naru_status eval_variadic(eval_ctx *c, double (*f)(double, double), int64_t (*g)(int64_t, int64_t), double divide) {
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    bool ints = dtype_is_int(y->dtype);
    int64_t n = tensor_count(y);
    double *acc = eval_scratch(c, (size_t)n * sizeof *acc);
    int64_t *iacc = (int64_t *)acc; /* same size */
    if (!acc) return NARU_OUT_OF_MEMORY;
    for (int k = 0; k < c->nin; k++) {
        const naru_tensor *x = eval_in(c, k);
        const double *v = ints ? NULL : eval_f64(c, x);
        const int64_t *iv = ints ? eval_i64(c, x) : NULL;
        if (!v && !iv) return NARU_OUT_OF_MEMORY;
        int64_t s[NARU_MAX_RANK], idx[NARU_MAX_RANK] = {0}, at = 0;
        broadcast_strides(x, y->rank, y->dims, s);
        for (int64_t i = 0; i < n; i++) {
            if (ints) iacc[i] = k ? g(iacc[i], iv[at]) : iv[at];
            else acc[i] = k ? f(acc[i], v[at]) : v[at];
            for (int d = y->rank - 1; d >= 0; d--) {
                at += s[d];
                if (++idx[d] < y->dims[d]) break;
                at -= s[d] * y->dims[d];
                idx[d] = 0;
            }
        }
    }
    for (int64_t i = 0; !ints && i < n; i++) acc[i] /= divide;
    if (ints) dtype_write_i64(y->dtype, y->data, 0, n, iacc);
    else dtype_write_f64(y->dtype, y->data, 0, n, acc, true);
    return NARU_OK;
}
