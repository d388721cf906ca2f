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
#include "ops/util_lower.h"

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

static value *rounded(lower_ctx *c, value *v, value *z, naru_dtype d) {
    naru_dtype wide = lw_dtype(v) == NARU_DOUBLE ? NARU_DOUBLE : NARU_FLOAT;
    v = lw_cast(c, LW(c, "Round", v), wide);
    if (z) v = LW(c, "Add", v, lw_cast(c, z, wide));
    value *low = lw_number(c, wide, (double)dtype_int_min(d)), *high = lw_number(c, wide, (double)dtype_int_max(d));
    return LW(c, "Clip", v, low, high);
}

static naru_dtype precision_of(const node *n) {
    naru_dtype s = lw_dtype(lw_in(n, 1)), p = (naru_dtype)node_i(n, PRECISION);
    return p ? p : dtype_is_float(s) && s != NARU_FLOAT8E8M0 ? s : NARU_FLOAT;
}

static naru_status spell_out(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *s = lw_in(n, 1), *z = lw_in(n, 2);
    naru_dtype d = lw_dtype(lw_out(n, 0)), p = precision_of(n);
    s = quant_spread(c, x, s, node_i(n, AXIS), node_i(n, BLOCK));
    if (z) z = quant_spread(c, x, z, node_i(n, AXIS), node_i(n, BLOCK));
    if (!s || (lw_in(n, 2) && !z)) return lw_refuse(c, "the rank is not known");
    value *y = LW(c, "Div", lw_cast(c, x, p), lw_cast(c, s, p));
    if (dtype_is_int(d)) y = rounded(c, y, z, d);
    lw_attr(c, n, SATURATE);
    lw_i(c, "to", d);
    return lw_replace(c, n, LW(c, "Cast", y));
}

static naru_status down23(lower_ctx *c, node *n) {
    naru_dtype x = lw_dtype(lw_in(n, 0)), s = lw_dtype(lw_in(n, 1));
    if (s != precision_of(n) || (x != s && x != NARU_INT32)) return spell_out(c, n);
    if (x == NARU_INT32) n->in[0] = lw_cast(c, n->in[0], s);
    n->attrs[PRECISION].i = 0;
    return c->status;
}

/* A type that is not uint8 was said by the zero point only. */
static naru_status down21(lower_ctx *c, node *n) {
    naru_dtype d = lw_dtype(lw_out(n, 0));
    if (node_i(n, BLOCK) || d == NARU_INT16 || d == NARU_UINT16) return spell_out(c, n);
    n->attrs[OUTPUT_DTYPE].i = 0;
    if (lw_in(n, 2) || d == NARU_UINT8) return NARU_OK;
    value *zero = LW(c, "Expand", lw_number(c, d, 0), LW(c, "Shape", n->in[1]));
    if (!zero || !node_set_nin(n, 3)) return c->status ? c->status : err_oom(c->err);
    n->in[2] = zero;
    return NARU_OK;
}
static naru_status down19(lower_ctx *c, node *n) {
    return lw_dtype(lw_in(n, 1)) == NARU_FLOAT ? NARU_OK : spell_out(c, n);
}

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
    .down = (const down_adapter[]){{23, down23}, {21, down21}, {19, down19}, {0}},
};
