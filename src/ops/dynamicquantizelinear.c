/* SPDX-License-Identifier: MIT
 *
 * DynamicQuantizeLinear: scale = (max(x, 0) - min(x, 0)) / 255, zero point = saturate(round(-min / scale)), y =
 * saturate(round(x / scale) + zero point), uint8. [ONNX DynamicQuantizeLinear-11]
 *
 * Arithmetic in float, rounding half to even. An all-zero x gives scale 0 in the formula; as in the function body x / 0
 * then is NaN and y is 0. Versions: 11.
 */
#include <math.h>

#include "ops/util_quant.h"

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, 0);
    c->out[0].type.dtype = NARU_UINT8;
    out_tensor(c, 1, NARU_FLOAT, 0, NULL);
    out_tensor(c, 2, NARU_UINT8, 0, NULL);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    const float *v = x->data;
    float lo = 0, hi = 0;
    int64_t n = tensor_count(x);
    for (int64_t i = 0; i < n; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    float scale = (hi - lo) / 255.0f;
    int64_t zp = scale > 0 ? quantize_int(-lo / scale, 0, NARU_UINT8) : 0;
    for (int64_t i = 0; eval_out(c, 0) && i < n; i++)
        ((uint8_t *)eval_out(c, 0)->data)[i] = scale > 0 ? (uint8_t)quantize_int(v[i] / scale, zp, NARU_UINT8) : 0;
    if (eval_out(c, 1)) *(float *)eval_out(c, 1)->data = scale;
    if (eval_out(c, 2)) *(uint8_t *)eval_out(c, 2)->data = (uint8_t)zp;
    return NARU_OK;
}

const op_desc op_DynamicQuantizeLinear = {
    .name = "DynamicQuantizeLinear",
    .versions = (const short[]){11, 0},
    .sig = "x:float32 -> y:uint8, y_scale:float32, y_zero_point:uint8",
    .flags = OP_NOFOLD,
    .infer = infer,
    .eval = eval,
};
