/* SPDX-License-Identifier: MIT
 *
 * naru.QMatMul: Y = quantize(activation(dequantize(X) x dequantize(W) + B + dequantize(Z))) over exact integer sums
 * (util_qfused.h); made by passes, never written to a file.
 *
 * Attributes: activation ("", Relu, Clip), activation_params (Clip: low, high). Scales and zero points are per tensor,
 * of W also per column. Without y_scale Y is float32.
 */
#include "ops/util_qfused.h"

extern const op_desc op_MatMul;

enum { ACTIVATION, ACTIVATION_PARAMS };
static const attr_def attrs[] = {ATTR_S("activation", ""), ATTR_OPT("activation_params", ATTR_FLOATS), {0}};

static naru_status infer(infer_ctx *c) { return qfused_infer(c, &op_MatMul, false, ACTIVATION); }
static naru_status eval(eval_ctx *c) { return qfused_eval(c, &op_MatMul, false, ACTIVATION, ACTIVATION_PARAMS); }

const op_desc op_QMatMul = {
    .name = "QMatMul",
    .domain = "naru",
    .versions = (const short[]){1, 0},
    .sig = QF_SIG,
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
