/* SPDX-License-Identifier: MIT
 *
 * Quantized tensors (quant.h): numbers to integers and back, parameters from ranges.
 */
#include <math.h>

#include "script/aten/quant.h"

/* ---- parameters ---- */
squant *quant_new(lower *L, int qtype, double scale, int64_t zero_point) {
    squant *q = lower_ok(L) ? mem_calloc(1, sizeof *q) : NULL;
    if (!q) {
        lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory");
        return NULL;
    }
    *q = (squant){.refs = 1, .scheme = 0, .type = qtype, .scale = scale, .zero_point = zero_point};
    return q;
}

static naru_tensor *exported(lower *L, sten *t) {
    naru_tensor *out = NULL;
    t = contiguous(L, t);
    if (lower_ok(L)) L->st = sten_export(t, &out, L->err);
    return out;
}

squant *quant_per_channel(lower *L, int qtype, sten *scales, sten *zero_points, int axis) {
    if (!eager_only(L)) return NULL;
    bool whole = dtype_is_int(t_dtype(L, zero_points));
    squant *q = quant_new(L, qtype, 1, 0);
    if (!q) return NULL;
    q->scheme = whole ? 1 : 4;
    q->axis = axis;
    q->scales = exported(L, cast(L, scales, whole ? NARU_DOUBLE : NARU_FLOAT));
    q->zero_points = exported(L, cast(L, zero_points, whole ? NARU_INT64 : NARU_FLOAT));
    if (lower_ok(L)) return q;
    squant_unref(q);
    return NULL;
}

naru_dtype quant_dtype(int qtype) { return dtype_of_torch(qtype); }

void quant_limits(int qtype, int64_t *low, int64_t *high) {
    *low = qtype == 12 ? INT8_MIN : qtype == 14 ? INT32_MIN : 0;
    *high = qtype == 12 ? INT8_MAX : qtype == 14 ? INT32_MAX : qtype == 16 ? 15 : UINT8_MAX;
}

/* ---- tensors ---- */
sten *quant_give(lower *L, sten *ints, squant *q) {
    sten *t = q ? view_alias(L, ints) : NULL;
    if (!t) {
        squant_unref(q);
        return NULL;
    }
    squant_unref(t->q);
    t->q = q;
    return t;
}

sten *quant_ints(lower *L, sten *x) {
    sten *t = view_alias(L, x);
    if (!t) return NULL;
    squant_unref(t->q);
    t->q = NULL;
    return t;
}

bool quant_check(lower *L, sten *x, const char *who) {
    if (!lower_ok(L)) return false;
    if (!x->q) lower_raise(L, "RuntimeError", "%s: a quantized tensor is expected", who);
    else if (x->q->scheme != 0) lower_raise(L, "RuntimeError", "%s: only per tensor quantization is supported", who);
    return lower_ok(L);
}

/* One number per channel, in a shape that broadcasts over x. */
static sten *along(lower *L, const naru_tensor *v, sten *x, int axis, naru_dtype d) {
    sv dims[NARU_MAX_RANK];
    int rank = t_rank(L, x);
    sten *t = lower_ok(L) ? cast(L, lit_tensor(L, tensor_ref((naru_tensor *)v)), d) : NULL;
    for (int i = 0; i < rank; i++) dims[i] = i == axis ? sv_int(-1) : sv_int(1);
    return nn_reshape(L, t, rank, dims);
}

sten *quant_to_float(lower *L, sten *x) {
    if (!lower_ok(L)) return NULL;
    const squant *q = x->q;
    if (!q) return cast(L, x, NARU_FLOAT);
    sten *v = quant_ints(L, x);
    naru_dtype d = t_dtype(L, x);
    if (q->scheme == 0) {
        sten *zero = d == NARU_INT32 && q->zero_point == 0 ? NULL : lit(L, d, (double)q->zero_point);
        if (d == NARU_UINT8 || d == NARU_INT8 || !zero)
            return EMIT(DequantizeLinear, v, lit(L, NARU_FLOAT, q->scale), zero);
        v = EMIT(Sub, cast(L, v, NARU_DOUBLE), lit(L, NARU_DOUBLE, (double)q->zero_point));
        return cast(L, EMIT(Mul, v, lit(L, NARU_DOUBLE, q->scale)), NARU_FLOAT);
    }
    v = EMIT(Sub, cast(L, v, NARU_FLOAT), along(L, q->zero_points, x, q->axis, NARU_FLOAT));
    return EMIT(Mul, v, along(L, q->scales, x, q->axis, NARU_FLOAT));
}

/* Rounded, shifted and cut to the type's range by plain operators. */
static sten *rounded(lower *L, sten *scaled, sten *zero, int qtype, bool whole) {
    int64_t low, high;
    quant_limits(qtype, &low, &high);
    sten *v = whole ? EMIT(Add, EMIT(Round, scaled), zero) : EMIT(Round, EMIT(Add, scaled, zero));
    naru_dtype d = qtype == 14 ? NARU_DOUBLE : NARU_FLOAT;
    v = EMIT(Clip, cast(L, v, d), lit(L, d, (double)low), lit(L, d, (double)high));
    return cast(L, v, quant_dtype(qtype));
}

sten *quant_from_float(lower *L, sten *x, squant *q) {
    if (!q) return NULL;
    x = cast(L, x, NARU_FLOAT);
    sten *v;
    if (q->scheme == 0 && (q->type == 12 || q->type == 13)) {
        v = EMIT(QuantizeLinear, x, lit(L, NARU_FLOAT, q->scale), lit(L, quant_dtype(q->type), (double)q->zero_point));
    } else if (q->scheme == 0) {
        v = EMIT(Div, x, lit(L, NARU_FLOAT, q->scale));
        v = rounded(L, v, lit(L, NARU_FLOAT, (double)q->zero_point), q->type, true);
    } else {
        v = EMIT(Div, x, along(L, q->scales, x, q->axis, NARU_FLOAT));
        v = rounded(L, v, along(L, q->zero_points, x, q->axis, NARU_FLOAT), q->type, q->scheme == 1);
    }
    return quant_give(L, v, q);
}

sten *quant_as(lower *L, sten *x, int qtype, double scale, int64_t zero_point) {
    return quant_from_float(L, x, quant_new(L, qtype, scale, zero_point));
}

bool quant_whole(lower *L, lower_fn self) {
    sv given = arg(L, 0), args[16], out[1];
    const sten *x = sv_tensor(given);
    if (!lower_ok(L) || !x || !x->q || x->q->scheme != 0 || L->nargs > 16) return false;
    const squant *q = x->q;
    for (int i = 1; i < L->nargs; i++) args[i] = L->args[i];
    sten *one = quant_give(L, quant_ints(L, sv_tensor(given)), quant_new(L, q->type, 1, q->zero_point));
    sten *v = quant_to_float(L, one);
    if (!lower_ok(L)) return true;
    args[0] = sv_of(v);
    lower_call(L, self, L->nargs, args, 1, out);
    sten *r = lower_ok(L) ? quant_as(L, sv_tensor(out[0]), q->type, 1, q->zero_point) : NULL;
    if (r) r->q->scale = q->scale;
    ret_tensor(L, r);
    return true;
}

/* ---- ranges ---- */
quant_range quant_choose(double low, double high, int64_t least, int64_t most, bool reduced) {
    const double small = 6.1e-5f;
    if (reduced) least /= 2, most /= 2;
    low = fmin(low, 0), high = fmax(high, 0);
    double span = (double)(most - least), scale = (high - low) / span;
    if ((float)scale == 0 || isinf(1 / (float)scale)) scale = 0.1;
    if (scale < small) {
        double grow = small / scale;
        if (low == 0) high = small * span;
        else if (high == 0) low = -small * span;
        else low *= grow, high *= grow;
        scale = small;
    }
    double from_low = (double)least - low / scale, from_high = (double)most - high / scale;
    double off_low = fabs((double)least) - fabs(low / scale), off_high = fabs((double)most) - fabs(high / scale);
    double zero = nearbyint(off_low < off_high ? from_low : from_high);
    return (quant_range){(double)(float)scale, (int64_t)fmin(fmax(zero, (double)least), (double)most)};
}

static void range_of(lower *L, sten *x, double *low, double *high) {
    x = contiguous(L, cast(L, x, NARU_FLOAT));
    const float *v = host_data(L, x);
    float a = 0, b = 0;
    for (int64_t i = 0, n = host_count(x); v && i < n; i++) {
        a = v[i] < a ? v[i] : a;
        b = v[i] > b ? v[i] : b;
    }
    *low = a, *high = b;
}

sten *quant_measured(lower *L, sten *x, int qtype, bool reduced, sten **scale, sten **zero_point) {
    int64_t least, most;
    naru_dtype d = quant_dtype(qtype);
    quant_limits(qtype, &least, &most);
    x = cast(L, x, NARU_FLOAT);
    if (!lower_ok(L)) return NULL;
    if (!lower_recording(L)) {
        double low, high;
        range_of(L, x, &low, &high);
        quant_range r = quant_choose(low, high, least, most, reduced);
        *scale = lit(L, NARU_FLOAT, r.scale), *zero_point = lit(L, d, (double)r.zero_point);
    } else {
        if (reduced) least /= 2, most /= 2;
        sten *none = lit(L, NARU_FLOAT, 0);
        sten *high = EMIT(Max, EMITA(ReduceMax, ATTRS(AI("keepdims", 0)), x), none);
        sten *low = EMIT(Min, EMITA(ReduceMin, ATTRS(AI("keepdims", 0)), x), none);
        *scale = EMIT(Max, nn_times(L, EMIT(Sub, high, low), 1 / (double)(most - least)), lit(L, NARU_FLOAT, 6.1e-5));
        sten *zero = nn_plus(L, EMIT(Neg, EMIT(Round, EMIT(Div, low, *scale))), (double)least);
        zero = EMIT(Clip, zero, lit(L, NARU_FLOAT, (double)least), lit(L, NARU_FLOAT, (double)most));
        *zero_point = cast(L, zero, d);
    }
    return EMIT(QuantizeLinear, x, *scale, *zero_point);
}
