/* SPDX-License-Identifier: MIT
 *
 * DequantizeLinear: y = (x - zero_point) * scale, scale per tensor, per axis, or per block of block_size along axis.
 * [ONNX DequantizeLinear-28]
 *
 * Result type: output_dtype, else the scale's. Versions: 10, 13 (axis), 19, 21 (blocks), 23 (output_dtype), 24, 25, 28.
 */
#include "ops/util_quant.h"

#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { AXIS, BLOCK, OUTPUT_DTYPE };

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, 0);
    naru_dtype d = (naru_dtype)node_i(c->node, OUTPUT_DTYPE);
    c->out[0].type.dtype = d ? d : in_dtype(c, 1);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *s = eval_in(c, 1), *z = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    scale_map m;
    TRY(scale_map_make(c, x, s, node_i(c->node, AXIS), node_i(c->node, BLOCK), &m));
    const double *xv = eval_f64(c, x), *sv = eval_f64(c, s);
    if (!xv || !sv) return NARU_OUT_OF_MEMORY;
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        int64_t k = scale_map_at(&m, i);
        double zp = !z ? 0 : dtype_get_f64(z->dtype, z->data, tensor_count(z) == 1 ? 0 : k);
        dtype_set_f64(y->dtype, y->data, i, (xv[i] - zp) * sv[k]);
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("axis", 1), ATTR_I("block_size", 0), ATTR_I("output_dtype", 0), {0}};

static naru_status spell_out(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *s = lw_in(n, 1), *z = lw_in(n, 2);
    naru_dtype d = lw_dtype(lw_out(n, 0)), wide = d == NARU_DOUBLE ? d : NARU_FLOAT;
    s = quant_spread(c, x, s, node_i(n, AXIS), node_i(n, BLOCK));
    if (z) z = quant_spread(c, x, z, node_i(n, AXIS), node_i(n, BLOCK));
    if (!s || (lw_in(n, 2) && !z)) return lw_refuse(c, "the rank is not known");
    x = lw_cast(c, x, wide);
    if (z) x = LW(c, "Sub", x, lw_cast(c, z, wide));
    return lw_replace(c, n, lw_cast(c, LW(c, "Mul", x, lw_cast(c, s, wide)), d));
}

/* In float, and a Cast to what was asked for. */
static naru_status by_float(lower_ctx *c, node *n) {
    value *s = lw_cast(c, lw_in(n, 1), NARU_FLOAT);
    lw_attr(c, n, AXIS);
    lw_attr(c, n, BLOCK);
    value *y = LW(c, "DequantizeLinear", lw_in(n, 0), s, lw_in(n, 2));
    return lw_replace(c, n, lw_cast(c, y, lw_dtype(lw_out(n, 0))));
}

static naru_status down23(lower_ctx *c, node *n) {
    naru_dtype s = lw_dtype(lw_in(n, 1)), d = (naru_dtype)node_i(n, OUTPUT_DTYPE);
    if ((d && d != s) || s == NARU_FLOAT8E8M0) return by_float(c, n);
    n->attrs[OUTPUT_DTYPE].i = 0;
    return NARU_OK;
}
static naru_status down21(lower_ctx *c, node *n) {
    naru_dtype d = lw_dtype(lw_in(n, 0));
    return node_i(n, BLOCK) || d == NARU_INT16 || d == NARU_UINT16 ? spell_out(c, n) : NARU_OK;
}
static naru_status down19(lower_ctx *c, node *n) {
    return lw_dtype(lw_in(n, 1)) == NARU_FLOAT ? NARU_OK : by_float(c, n);
}

const op_desc op_DequantizeLinear = {
    .name = "DequantizeLinear",
    .versions = (const short[]){10, 13, 19, 21, 23, 24, 25, 28, 0},
    .sig = "x:T1, x_scale:T2, x_zero_point:T1? -> y:T3 | T1 = int int2 int4 uint2 uint4 float8e4m3fn float8e4m3fnuz "
           "float8e5m2 float8e5m2fnuz float4e2m1 float6e2m3 float6e3m2; T2 = float float8e8m0; T3 = float",
    .since = "T1 21 uint16 int16; T1 never int64 uint32 uint64; T2 19 float16 bfloat16; T2 never double; T3 19 float16 "
             "bfloat16; T3 never double; block_size 21; output_dtype 23",
    .attrs = attrs,
    .flags = OP_NOFOLD,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{23, down23}, {21, down21}, {19, down19}, {0}},
};
