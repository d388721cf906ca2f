/* SPDX-License-Identifier: MIT
 *
 * naru.QAdd: Y = quantize(activation(dequantize(A) + dequantize(B))), A, B and Y of one shape; made by passes, never
 * written to a file.
 *
 * v = (a - a_zero) (a_scale / y_scale), then + (b - b_zero) (b_scale / y_scale) by fma, in double; bounds and rounding
 * as in util_qfused.h. Attributes: activation ("", Relu, Clip), activation_params (Clip: low, high).
 */
#include <math.h>

#include "ops/util_choice.h"
#include "ops/util_qfused.h"
#include "tensor/dtype.h"

enum { ACTIVATION, ACTIVATION_PARAMS };
enum { A, B, A_SCALE, A_ZERO, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO };
static const attr_def attrs[] = {ATTR_S("activation", ""), ATTR_OPT("activation_params", ATTR_FLOATS), {0}};

static naru_status infer(infer_ctx *c) {
    TRY(qfused_check_activation(c, ACTIVATION));
    out_like(c, 0, A);
    c->out[0].type.dtype = in_given(c, Y_ZERO) ? in_dtype(c, Y_ZERO) : NARU_UINT8;
    if (in_rank(c, A) < 0 || in_rank(c, B) < 0) return NARU_OK;
    TRY(util_need_rank(c, B, in_rank(c, A), "B"));
    for (int d = 0; d < in_rank(c, A); d++) TRY(util_same_dim(c, in_dim(c, B, d), in_dim(c, A, d), "B's dim"));
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *a = eval_in(c, A), *b = eval_in(c, B);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    double ys = qfused_number(eval_in(c, Y_SCALE), 1), lo, hi;
    double am = qfused_number(eval_in(c, A_SCALE), 1) / ys, bm = qfused_number(eval_in(c, B_SCALE), 1) / ys;
    double az = qfused_number(eval_in(c, A_ZERO), 0), bz = qfused_number(eval_in(c, B_ZERO), 0);
    qfused_bounds(c->node, ACTIVATION, ACTIVATION_PARAMS, (float)ys, &lo, &hi);
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        double v = (dtype_get_f64(a->dtype, a->data, i) - az) * am;
        v = fma(dtype_get_f64(b->dtype, b->data, i) - bz, bm, v);
        v = v > lo ? v : lo, v = v < hi ? v : hi;
        qfused_store(y, i, v, eval_in(c, Y_ZERO));
    }
    return NARU_OK;
}

const op_desc op_QAdd = {
    .name = "QAdd",
    .domain = "naru",
    .versions = (const short[]){1, 0},
    .sig = "A:T1, B:T2, a_scale:float32, a_zero_point:T1?, b_scale:float32, b_zero_point:T2?, y_scale:float32, "
           "y_zero_point:T3? -> Y:T4 | T1 = int8 uint8; T2 = int8 uint8; T3 = int8 uint8; T4 = int8 uint8",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
