/* SPDX-License-Identifier: MIT
 *
 * Running folds (util_cumulate.h).
 */
#include "ops/util_cumulate.h"

#include "tensor/dtype.h"

enum { EXCLUSIVE, REVERSE };
const attr_def cumulate_attrs[] = {ATTR_I("exclusive", 0), ATTR_I("reverse", 0), {0}};

bool cumulate_is_exclusive(const node *n) { return node_i(n, EXCLUSIVE) != 0; }
bool cumulate_is_reverse(const node *n) { return node_i(n, REVERSE) != 0; }

naru_status eval_cumulate(eval_ctx *c, double (*f)(double, double), int64_t (*g)(int64_t, int64_t), int start) {
    const naru_tensor *x = eval_in(c, 0), *at = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    if (tensor_count(at) != 1) return eval_fail(c, NARU_SHAPE, "axis must be a scalar");
    int64_t axis = dtype_get_i64(at->dtype, at->data, 0), outer = 1, inner = 1;
    if (axis < 0) axis += x->rank;
    if (axis < 0 || axis >= x->rank) return eval_fail(c, NARU_SHAPE, "axis %lld is out of range", (long long)axis);
    for (int i = 0; i < axis; i++) outer *= x->dims[i];
    for (int i = (int)axis + 1; i < x->rank; i++) inner *= x->dims[i];
    int64_t n = x->dims[axis];
    bool ints = dtype_is_int(x->dtype), exclusive = node_i(c->node, EXCLUSIVE), reverse = node_i(c->node, REVERSE);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < inner; k++) {
            double acc = start;
            int64_t iacc = start;
            for (int64_t i = 0; i < n; i++) {
                int64_t p = (o * n + (reverse ? n - 1 - i : i)) * inner + k;
                double before = acc;
                int64_t ibefore = iacc;
                if (ints) iacc = g(iacc, dtype_get_i64(x->dtype, x->data, p));
                else acc = f(acc, dtype_get_f64(x->dtype, x->data, p));
                if (ints) dtype_set_i64(y->dtype, y->data, p, exclusive ? ibefore : iacc);
                else dtype_set_f64(y->dtype, y->data, p, exclusive ? before : acc);
            }
        }
    return NARU_OK;
}
