/* SPDX-License-Identifier: MIT
 *
 * Operators that make quantized tensors, take them apart and tell about them; fake quantization.
 */
#include "script/aten/quant.h"

static int arg_qtype(lower *L, int i) {
    int64_t qtype = arg_int(L, i);
    if (lower_ok(L) && (qtype < 12 || qtype > 14) && qtype != 16)
        lower_raise(L, "RuntimeError", "dtype %lld is no quantized type", (long long)qtype);
    return (int)qtype;
}

static double one_number(lower *L, int i) { return arg_float(L, i); }

void aten_quantize_per_tensor(lower *L) { /* (self, scale, zero_point, dtype); scale and zero_point may be tensors */
    double scale = one_number(L, 1);
    int64_t zero = arg_int(L, 2);
    int qtype = arg_qtype(L, 3);
    ret_tensor(L, quant_as(L, arg_tensor(L, 0), qtype, scale, zero));
}

void aten_quantize_per_tensor_many(lower *L) { /* (tensors, scales, zero_points, dtype) */
    sten **t;
    int n = arg_tensors(L, 0, &t), qtype = arg_qtype(L, 3);
    sten *scales = arg_tensor(L, 1), *zeros = arg_tensor(L, 2);
    if (!eager_only(L)) return;
    const double *s = host_f64(L, scales);
    const int64_t *z = host_i64(L, zeros);
    if (lower_ok(L) && (host_count(scales) != n || host_count(zeros) != n))
        lower_raise(L, "RuntimeError", "one scale and one zero point for each tensor are expected");
    for (int i = 0; i < n && lower_ok(L); i++) t[i] = quant_as(L, t[i], qtype, s[i], z[i]);
    ret_tensors(L, n, t);
}

void aten_quantize_per_tensor_dynamic(lower *L) { /* (self, dtype, reduce_range) */
    int qtype = arg_qtype(L, 1);
    bool reduced = arg_bool(L, 2);
    sten *scale, *zero, *x = arg_tensor(L, 0);
    if (!eager_only(L)) return;
    sten *v = quant_measured(L, x, qtype, reduced, &scale, &zero);
    sv s = item(L, scale), z = item(L, zero);
    if (lower_ok(L)) ret_tensor(L, quant_give(L, v, quant_new(L, qtype, s.f, z.i)));
}

void aten_quantize_per_channel(lower *L) { /* (self, scales, zero_points, axis, dtype) */
    sten *x = arg_tensor(L, 0);
    int axis = arg_axis(L, 3, t_rank(L, x)), qtype = arg_qtype(L, 4);
    squant *q = quant_per_channel(L, qtype, arg_tensor(L, 1), arg_tensor(L, 2), axis);
    ret_tensor(L, quant_from_float(L, x, q));
}

void aten_make_per_tensor(lower *L) { /* (self, scale, zero_point): the integers are given */
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    int qtype = d == NARU_INT8 ? 12 : d == NARU_UINT8 ? 13 : 14;
    double scale = arg_float(L, 1);
    ret_tensor(L, quant_give(L, x, quant_new(L, qtype, scale, arg_int(L, 2))));
}

void aten_make_per_channel(lower *L) { /* (self, scale, zero_point, axis) */
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    int qtype = d == NARU_INT8 ? 12 : d == NARU_UINT8 ? 13 : 14, axis = arg_axis(L, 3, t_rank(L, x));
    ret_tensor(L, quant_give(L, x, quant_per_channel(L, qtype, arg_tensor(L, 1), arg_tensor(L, 2), axis)));
}

/* ---- back to numbers ---- */
void aten_dequantize(lower *L) { ret_tensor(L, quant_to_float(L, arg_tensor(L, 0))); }

void aten_dequantize_many(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    for (int i = 0; i < n && lower_ok(L); i++) t[i] = quant_to_float(L, t[i]);
    ret_tensors(L, n, t);
}

void aten_int_repr(lower *L) {
    sten *x = arg_tensor(L, 0);
    if (lower_ok(L) && !x->q) lower_raise(L, "RuntimeError", "int_repr: a quantized tensor is expected");
    ret_tensor(L, fresh(L, quant_ints(L, x)));
}

/* ---- what is known of them ---- */
static const squant *arg_quant(lower *L, const char *who, bool per_channel) {
    sten *x = arg_tensor(L, 0);
    if (!lower_ok(L)) return NULL;
    if (!x->q || (x->q->scheme != 0) != per_channel) {
        lower_raise(L, "RuntimeError", "%s: a tensor quantized per %s is expected", who,
                    per_channel ? "channel" : "tensor");
        return NULL;
    }
    return x->q;
}

void aten_q_scale(lower *L) {
    const squant *q = arg_quant(L, "q_scale", false);
    if (q) ret_float(L, q->scale);
}
void aten_q_zero_point(lower *L) {
    const squant *q = arg_quant(L, "q_zero_point", false);
    if (q) ret_int(L, q->zero_point);
}
void aten_q_per_channel_axis(lower *L) {
    const squant *q = arg_quant(L, "q_per_channel_axis", true);
    if (q) ret_int(L, q->axis);
}
void aten_q_per_channel_scales(lower *L) {
    const squant *q = arg_quant(L, "q_per_channel_scales", true);
    if (q) ret_tensor(L, lit_tensor(L, tensor_ref(q->scales)));
}
void aten_q_per_channel_zero_points(lower *L) {
    const squant *q = arg_quant(L, "q_per_channel_zero_points", true);
    if (q) ret_tensor(L, lit_tensor(L, tensor_ref(q->zero_points)));
}
void aten_qscheme(lower *L) {
    sten *x = arg_tensor(L, 0);
    if (!lower_ok(L)) return;
    if (x->q) ret_int(L, x->q->scheme);
    else lower_raise(L, "RuntimeError", "Could not run 'aten::qscheme': the tensor is not quantized");
}

/* ---- new ones ---- */
static sten *zeros_of(lower *L, int qtype) {
    sv size[NARU_MAX_RANK];
    int n = arg_sints(L, 0, size);
    return nn_filled_like(L, quant_dtype(qtype), 0, n, size);
}

void aten_empty_affine_quantized(lower *L) { /* (size, *, dtype, layout, device, pin, scale, zero_point, format) */
    int qtype = arg_none(L, 1) ? 13 : arg_qtype(L, 1);
    double scale = arg_float(L, 5);
    ret_tensor(L, quant_give(L, zeros_of(L, qtype), quant_new(L, qtype, scale, arg_int(L, 6))));
}

void aten_empty_per_channel_affine_quantized(lower *L) { /* (size, *, scales, zero_points, axis, dtype, ...) */
    int qtype = arg_none(L, 4) ? 13 : arg_qtype(L, 4);
    squant *q = quant_per_channel(L, qtype, arg_tensor(L, 1), arg_tensor(L, 2), (int)arg_int(L, 3));
    ret_tensor(L, quant_give(L, zeros_of(L, qtype), q));
}

/* ---- fake: (round(x / scale) + zero cut to [low, high] - zero) * scale ---- */
static sten *fake(lower *L, sten *x, sten *scale, sten *zero, int64_t low, int64_t high) {
    naru_dtype d = t_dtype(L, x);
    x = cast(L, x, NARU_FLOAT);
    scale = cast(L, scale, NARU_FLOAT), zero = cast(L, zero, NARU_FLOAT);
    sten *v = EMIT(Add, EMIT(Round, EMIT(Mul, x, EMIT(Reciprocal, scale))), zero);
    v = EMIT(Clip, v, lit(L, NARU_FLOAT, (double)low), lit(L, NARU_FLOAT, (double)high));
    return cast(L, EMIT(Mul, EMIT(Sub, v, zero), scale), d);
}

void aten_fake_quantize_per_tensor(lower *L) { /* (self, scale, zero_point, quant_min, quant_max) */
    int64_t low = arg_int(L, 3), high = arg_int(L, 4);
    sten *scale = cast(L, arg_tensor(L, 1), NARU_FLOAT), *zero = cast(L, arg_tensor(L, 2), NARU_FLOAT);
    sv none[1] = {sv_int(0)};
    if (t_rank(L, scale)) scale = nn_reshape(L, scale, 0, none);
    if (t_rank(L, zero)) zero = nn_reshape(L, zero, 0, none);
    ret_tensor(L, fake(L, arg_tensor(L, 0), scale, zero, low, high));
}

void aten_fake_quantize_per_channel(lower *L) { /* (self, scale, zero_point, axis, quant_min, quant_max) */
    sten *x = arg_tensor(L, 0), *part[2] = {arg_tensor(L, 1), arg_tensor(L, 2)};
    int rank = t_rank(L, x), axis = arg_axis(L, 3, rank);
    int64_t low = arg_int(L, 4), high = arg_int(L, 5);
    sv dims[NARU_MAX_RANK];
    if (!lower_ok(L)) return;
    for (int i = 0; i < rank; i++) dims[i] = i == axis ? sv_int(-1) : sv_int(1);
    for (int i = 0; i < 2; i++) part[i] = nn_reshape(L, part[i], rank, dims);
    ret_tensor(L, fake(L, x, part[0], part[1], low, high));
}
