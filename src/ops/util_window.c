/* SPDX-License-Identifier: MIT
 *
 * Cosine windows (util_window.h).
 */
#include "ops/util_window.h"

#include "ops/util_choice.h"

enum { DATATYPE, PERIODIC };
const attr_def window_op_attrs[] = {ATTR_I("output_datatype", 1), ATTR_I("periodic", 1), {0}};

naru_status infer_window(infer_ctx *c) {
    const elem_t *e;
    int64_t n;
    dim_t d = DIM_UNKNOWN;
    if (in_elems(c, 0, &e, &n) && n == 1) d = elem_to_dim(e[0]);
    TRY(util_number_type(c, node_i(c->node, DATATYPE), false, "output_datatype"));
    out_tensor(c, 0, (naru_dtype)node_i(c->node, DATATYPE), 1, &d);
    return NARU_OK;
}

naru_status eval_window(eval_ctx *c, double (*f)(double)) {
    const naru_tensor *t = eval_in(c, 0);
    if (tensor_count(t) != 1) return eval_fail(c, NARU_SHAPE, "size must be a scalar");
    int64_t n = dtype_get_i64(t->dtype, t->data, 0);
    if (n < 0) return eval_fail(c, NARU_SHAPE, "size is %lld", (long long)n);
    naru_tensor *y;
    TRY(eval_alloc(c, 0, (naru_dtype)node_i(c->node, DATATYPE), 1, &n, &y));
    double period = node_i(c->node, PERIODIC) ? (double)n : (double)(n - 1);
    for (int64_t i = 0; y && i < n; i++)
        dtype_set_f64(y->dtype, y->data, i, f(period > 0 ? 6.283185307179586 * (double)i / period : 0));
    return NARU_OK;
}

naru_status window_down17(lower_ctx *c, node *n, double a, double b, double c2) {
    naru_dtype out = (naru_dtype)node_i(n, DATATYPE), d = out == NARU_DOUBLE ? out : NARU_FLOAT;
    value *size = lw_cast(c, lw_in(n, 0), NARU_INT64), *i = lw_cast(c, lw_range(c, size), d);
    value *period = node_i(n, PERIODIC) ? size : LW(c, "Sub", size, lw_int(c, 1));
    period = lw_cast(c, LW(c, "Max", period, lw_int(c, 1)), d); /* of the one element of size 1 the angle is 0 */
    value *angle = LW(c, "Div", LW(c, "Mul", i, lw_number(c, d, 6.283185307179586)), period);
    value *y = LW(c, "Sub", lw_number(c, d, a), LW(c, "Mul", LW(c, "Cos", angle), lw_number(c, d, b)));
    if (c2 != 0) {
        value *twice = LW(c, "Cos", LW(c, "Add", angle, angle));
        y = LW(c, "Add", y, LW(c, "Mul", twice, lw_number(c, d, c2)));
    }
    return lw_replace(c, n, lw_cast(c, y, out));
}
