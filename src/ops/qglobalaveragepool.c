/* SPDX-License-Identifier: MIT
 *
 * naru.QGlobalAveragePool: Y = quantize(GlobalAveragePool(dequantize(X))); made by passes, never written to a file.
 *
 * v = (exact sum of x - x_zero) * (x_scale / (pixels * y_scale)) in double, rounding as in util_qfused.h; without
 * y_scale Y is float32. Attribute channels_last: X is [N, D..., C], Y [N, 1..., C].
 */
#include "ops/util_choice.h"
#include "ops/util_qfused.h"
#include "tensor/dtype.h"

enum { CHANNELS_LAST };
enum { X, X_SCALE, X_ZERO, Y_SCALE, Y_ZERO };
static const attr_def attrs[] = {ATTR_I("channels_last", 0), {0}};

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, X);
    type *y = &c->out[0].type;
    y->dtype = !in_given(c, Y_SCALE) ? NARU_FLOAT : in_given(c, Y_ZERO) ? in_dtype(c, Y_ZERO) : NARU_UINT8;
    if (!y->has_rank) return NARU_OK;
    if (y->rank < 3) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 3 or more", y->rank);
    bool last = node_i(c->node, CHANNELS_LAST);
    for (int d = last ? 1 : 2; d < y->rank - (last ? 1 : 0); d++) y->dims[d] = 1;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, X);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    bool last = node_i(c->node, CHANNELS_LAST);
    int64_t channels = x->dims[last ? x->rank - 1 : 1], pixels = 1;
    for (int d = last ? 1 : 2; d < x->rank - (last ? 1 : 0); d++) pixels *= x->dims[d];
    double zero = qfused_number(eval_in(c, X_ZERO), 0);
    double m = qfused_number(eval_in(c, X_SCALE), 1) / ((double)pixels * qfused_number(eval_in(c, Y_SCALE), 1));
    for (int64_t i = 0; i < tensor_count(y); i++) {
        int64_t image = i / channels * channels * pixels, k = i % channels;
        double sum = 0;
        for (int64_t p = 0; p < pixels; p++)
            sum += dtype_get_f64(x->dtype, x->data, image + (last ? p * channels + k : k * pixels + p)) - zero;
        qfused_store(y, i, sum * m, eval_in(c, Y_ZERO));
    }
    return NARU_OK;
}

const op_desc op_QGlobalAveragePool = {
    .name = "QGlobalAveragePool",
    .domain = "naru",
    .versions = (const short[]){1, 0},
    .sig = "X:T1, x_scale:float32, x_zero_point:T1?, y_scale:float32?, y_zero_point:T3? -> Y:T4 | T1 = int8 uint8; T3 "
           "= int8 uint8; T4 = int8 uint8 float32",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
