/* SPDX-License-Identifier: MIT
 *
 * QuantizeLinear: y = saturate(round half even(x / scale) + zero_point), scale per tensor, per axis, or per block of
 * block_size along axis. [ONNX QuantizeLinear-28]
 *
 * Result type: the zero point's, else output_dtype, else uint8. To floats: x / scale rounded and saturated in that
 * type. Versions: 10, 13 (axis), 19 (float8, saturate), 21 (blocks, int4, output_dtype), 23 (precision), 24, 25, 28.
 */
#include "ops/util_quant.h"

#include "tensor/dtype.h"

enum { AXIS, BLOCK, OUTPUT_DTYPE, PRECISION, SATURATE };

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, 0);
    naru_dtype d = in_given(c, 2) ? in_dtype(c, 2) : (naru_dtype)node_i(c->node, OUTPUT_DTYPE);
    c->out[0].type.dtype = d ? d : NARU_UINT8;
    return NARU_OK;
}

static double in_type(double v, naru_dtype d) { /* rounds a quotient to the type it is computed in */
    if (d == NARU_FLOAT) return (float)v;
    if (d == NARU_FLOAT16) return half_to_float(half_from_double(v));
    if (d == NARU_BFLOAT16) return bf16_to_float(bf16_from_double(v));
    return v;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *s = eval_in(c, 1), *z = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    scale_map m;
    TRY(scale_map_make(c, x, s, node_i(c->node, AXIS), node_i(c->node, BLOCK), &m));
    const double *xv = eval_f64(c, x), *sv = eval_f64(c, s);
    if (!xv || !sv) return NARU_OUT_OF_MEMORY;
    naru_dtype precision = (naru_dtype)node_i(c->node, PRECISION);
    if (!precision) precision = dtype_is_float(s->dtype) && s->dtype != NARU_FLOAT8E8M0 ? s->dtype : NARU_FLOAT;
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        int64_t k = scale_map_at(&m, i);
        double v = in_type(xv[i] / sv[k], precision);
        if (dtype_is_int(y->dtype)) dtype_set_i64(y->dtype, y->data, i, quantize_int(v, zero_point(z, k), y->dtype));
        else dtype_write_f64(y->dtype, y->data, i, 1, &v, node_i(c->node, SATURATE));
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("axis", 1),      ATTR_I("block_size", 0), ATTR_I("output_dtype", 0),
                                 ATTR_I("precision", 0), ATTR_I("saturate", 1),   {0}};

const op_desc op_QuantizeLinear = {
    .name = "QuantizeLinear",
    .versions = (const short[]){10, 13, 19, 21, 23, 24, 25, 28, 0},
    .sig = "x:T1, y_scale:T2, y_zero_point:T3? -> y:T3 | T1 = float int32; T2 = float int32 float8e8m0; T3 = int int2 "
           "int4 uint2 uint4 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz float4e2m1 float6e2m3 float6e3m2",
    .since = "T1 19 float16 bfloat16; T1 never double; T2 19 int32 float16 bfloat16; T2 never double; T3 21 uint16 "
             "int16; T3 never int32 int64 uint32 uint64; block_size 21; output_dtype 21; precision 23; saturate 19",
    .attrs = attrs,
    .flags = OP_NOFOLD,
    .infer = infer,
    .eval = eval,
};
