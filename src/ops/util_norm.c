/* SPDX-License-Identifier: MIT
 *
 * Group-wise normalization shared by InstanceNormalization and GroupNormalization; see util_norm.h.
 */
#include "ops/util_norm.h"

naru_status norm_groups_eval(eval_ctx *c, int64_t groups, double eps) {
    const naru_tensor *x = eval_in(c, 0), *st = eval_in(c, 1), *bt = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    const double *xd = eval_f64(c, x), *scale = eval_f64(c, st), *bias = eval_f64(c, bt);
    int64_t plane = 1, channels = x->dims[1], per = channels / groups;
    for (int d = 2; d < x->rank; d++) plane *= x->dims[d];
    double *row = eval_scratch(c, (size_t)plane * sizeof *row);
    if (!xd || !scale || !bias || !row) return NARU_OUT_OF_MEMORY;
    bool scale_per_group = st->dims[0] != channels, bias_per_group = bt->dims[0] != channels;
    for (int64_t g = 0; g < x->dims[0] * groups; g++) {
        double mean, var;
        norm_stats(xd + g * per * plane, per * plane, &mean, &var);
        for (int64_t k = 0; k < per; k++) {
            int64_t group = g % groups, ch = group * per + k, at = (g * per + k) * plane;
            double a = scale[scale_per_group ? group : ch] / sqrt(var + eps), b = bias[bias_per_group ? group : ch];
            for (int64_t i = 0; i < plane; i++) row[i] = (xd[at + i] - mean) * a + b;
            dtype_write_f64(y->dtype, y->data, at, plane, row, true);
        }
    }
    return NARU_OK;
}

value *norm_lower(lower_ctx *c, value *x, value *axes, double eps, norm_parts *out) {
    naru_dtype d = lw_dtype(x);
    out->mean = LW(c, "ReduceMean", x, axes);
    value *centered = LW(c, "Sub", x, out->mean);
    out->variance = LW(c, "ReduceMean", LW(c, "Pow", centered, lw_number(c, d, 2)), axes);
    out->root = LW(c, "Sqrt", LW(c, "Add", out->variance, lw_number(c, d, eps)));
    return LW(c, "Div", centered, out->root);
}
