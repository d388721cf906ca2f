/* SPDX-License-Identifier: MIT
 *
 * See util_loss.h.
 */
#include "ops/util_loss.h"

enum { NONE, SUM, MEAN };
static const char *const k_reductions[] = {"none", "sum", "mean", NULL};

naru_status loss_infer(infer_ctx *c, int reduction_attr) {
    int reduction, r = in_rank(c, 0);
    TRY(util_choice(c, reduction_attr, k_reductions, &reduction));
    if (r >= 0 && r < 2) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2 or more", r);
    TRY(util_need_rank(c, 2, 1, "weight"));
    dim_t dims[NARU_MAX_RANK];
    if (r >= 2) {
        TRY(util_need_rank(c, 1, r - 1, "target"));
        if (in_rank(c, 2) == 1) TRY(util_same_dim(c, in_dim(c, 2, 0), in_dim(c, 0, 1), "the weight's length"));
        for (int d = 0; d < r - 1; d++) {
            dims[d] = in_dim(c, 0, d ? d + 1 : 0);
            if (in_rank(c, 1) >= 0) TRY(util_same_dim(c, in_dim(c, 1, d), dims[d], "a dim of target"));
        }
    }
    if (reduction != NONE) out_tensor(c, 0, in_dtype(c, 0), 0, NULL);
    else out_tensor(c, 0, in_dtype(c, 0), r < 0 ? -1 : r - 1, dims);
    return NARU_OK;
}

naru_status loss_eval(eval_ctx *c, const double *x, int ignore_attr, int reduction_attr) {
    const naru_tensor *scores = eval_in(c, 0), *target = eval_in(c, 1), *wt = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int reduction = choice_of(choice_text(c->node, reduction_attr), k_reductions);
    const int64_t *t = eval_i64(c, target);
    const double *w = wt ? eval_f64(c, wt) : NULL;
    if (!t || (wt && !w)) return NARU_OUT_OF_MEMORY;
    int64_t classes = scores->dims[1], n = tensor_count(target), plane = 1;
    for (int d = 2; d < scores->rank; d++) plane *= scores->dims[d];
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < n; i++) {
        bool ignored = node_has(c->node, ignore_attr) && t[i] == node_i(c->node, ignore_attr);
        if (!ignored && (t[i] < 0 || t[i] >= classes))
            return eval_fail(c, NARU_INVALID_ARGUMENT, "target %lld is outside the %lld classes", (long long)t[i],
                             (long long)classes);
        double weight = ignored ? 0 : w ? w[t[i]] : 1;
        double loss = ignored ? 0 : -weight * x[(i / plane * classes + t[i]) * plane + i % plane];
        if (reduction == NONE) dtype_set_f64(y->dtype, y->data, i, loss);
        sum += loss;
        weights += weight;
    }
    if (reduction == SUM) dtype_set_f64(y->dtype, y->data, 0, sum);
    if (reduction == MEAN) dtype_set_f64(y->dtype, y->data, 0, sum / weights);
    return NARU_OK;
}
