/* SPDX-License-Identifier: MIT
 *
 * Quantizing constants: scales from their extremes, elements rounded to nearest even.
 */
#include <math.h>

#include "builder/quantize.h"
#include "tensor/dtype.h"

void quantized_tensor_free(quantized_tensor *t) {
    tensor_unref(t->q);
    tensor_unref(t->scale);
    tensor_unref(t->zero);
    *t = (quantized_tensor){0};
}

static float sound_scale(double s) { /* 1 where there is nothing to scale */
    float f = (float)s;
    return isfinite(f) && f >= 1.17549435e-38f ? f : 1.0f;
}

void quant_parameters(calib_range r, naru_dtype dtype, float *scale, int *zero) {
    *zero = 0;
    if (dtype == NARU_INT8) {
        *scale = sound_scale(r.amax / 127);
        return;
    }
    double lo = fmin(r.lo, 0), hi = fmax(r.hi, 0);
    *scale = sound_scale((hi - lo) / 255);
    *zero = (int)fmin(255, fmax(0, rint(-lo / *scale)));
}

static naru_status make(naru_tensor **out, naru_dtype dtype, int rank, const int64_t *dims, naru_error *err) {
    TRY(tensor_new(dtype, rank, dims, out, err));
    memset((*out)->data, 0, tensor_bytes(*out));
    return NARU_OK;
}

static float element(const naru_tensor *t, int64_t i) { /* constants may lie unaligned in their file */
    float x;
    memcpy(&x, (const char *)t->data + 4 * i, 4);
    return x;
}

static double round_to(float x, float scale, double lo, double hi) {
    double q = rint((double)(x / scale));
    return q != q ? 0 : fmin(hi, fmax(lo, q));
}

/* Elements [i] belong to channel i / inner % channels. */
typedef struct split {
    int64_t channels, inner;
} split;

static split split_of(const naru_tensor *t, int axis) {
    split s = {1, 1};
    if (axis < 0) {
        s.inner = i64_max(tensor_count(t), 1);
        return s;
    }
    s.channels = t->dims[axis];
    for (int i = axis + 1; i < t->rank; i++) s.inner *= t->dims[i];
    return s;
}

static void scales_of(const naru_tensor *w, split s, float *scale, double levels) {
    for (int64_t c = 0; c < s.channels; c++) scale[c] = 0;
    for (int64_t i = 0, n = tensor_count(w); i < n; i++) {
        float a = fabsf(element(w, i)), *most = &scale[i / s.inner % s.channels];
        if (isfinite(a) && a > *most) *most = a;
    }
    for (int64_t c = 0; c < s.channels; c++) scale[c] = sound_scale(scale[c] / levels);
}

static naru_status int8_parts(const naru_tensor *w, int axis, quantized_tensor *out, naru_error *err) {
    split s = split_of(w, axis);
    int rank = axis < 0 ? 0 : 1;
    TRY(make(&out->q, NARU_INT8, w->rank, w->dims, err));
    TRY(make(&out->scale, NARU_FLOAT, rank, &s.channels, err));
    TRY(make(&out->zero, NARU_INT8, rank, &s.channels, err));
    float *scale = out->scale->data;
    scales_of(w, s, scale, 127);
    int8_t *q = out->q->data;
    for (int64_t i = 0, n = tensor_count(w); i < n; i++)
        q[i] = (int8_t)round_to(element(w, i), scale[i / s.inner % s.channels], -127, 127);
    return NARU_OK;
}

naru_status quant_int8(const naru_tensor *w, int axis, quantized_tensor *out, naru_error *err) {
    *out = (quantized_tensor){0};
    naru_status st = int8_parts(w, axis, out, err);
    if (st != NARU_OK) quantized_tensor_free(out);
    return st;
}

static naru_status int4_parts(const naru_tensor *w, int axis, int64_t span, quantized_tensor *out, naru_error *err) {
    int64_t dims[NARU_MAX_RANK], inner = split_of(w, axis).inner, along = w->dims[axis];
    memcpy(dims, w->dims, sizeof dims);
    dims[axis] = (along + span - 1) / span;
    TRY(make(&out->q, NARU_INT4, w->rank, w->dims, err));
    TRY(make(&out->scale, NARU_FLOAT, w->rank, dims, err));
    float *scale = out->scale->data;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0, n = tensor_count(w); i < n; i++) {
            int64_t k = (i / inner / along * dims[axis] + i / inner % along / span) * inner + i % inner;
            float x = element(w, i);
            if (pass) dtype_set_i64(NARU_INT4, out->q->data, i, (int64_t)round_to(x, scale[k], -7, 7));
            else if (isfinite(x) && fabsf(x) > scale[k]) scale[k] = fabsf(x);
        }
        for (int64_t k = 0, n = tensor_count(out->scale); !pass && k < n; k++) scale[k] = sound_scale(scale[k] / 7.0);
    }
    return NARU_OK;
}

naru_status quant_int4(const naru_tensor *w, int axis, int64_t span, quantized_tensor *out, naru_error *err) {
    *out = (quantized_tensor){0};
    naru_status st = int4_parts(w, axis, span, out, err);
    if (st != NARU_OK) quantized_tensor_free(out);
    return st;
}

bool quant_constant_fits(const naru_tensor *t) {
    for (int64_t i = 0, n = tensor_count(t); i < n; i++)
        if (!(fabs((double)element(t, i)) < CALIB_LARGEST)) return false;
    return true;
}

static naru_status constant_parts(const naru_tensor *t, naru_dtype dtype, quantized_tensor *out, naru_error *err) {
    calib_range r = {0, 0, 0};
    int64_t n = tensor_count(t);
    for (int64_t i = 0; i < n; i++) {
        double x = element(t, i);
        if (!isfinite(x)) continue;
        r.lo = fmin(r.lo, x);
        r.hi = fmax(r.hi, x);
    }
    r.amax = fmax(-r.lo, r.hi);
    float scale;
    int zero;
    quant_parameters(r, dtype, &scale, &zero);
    TRY(make(&out->q, dtype, t->rank, t->dims, err));
    TRY(make(&out->scale, NARU_FLOAT, 0, NULL, err));
    TRY(make(&out->zero, dtype, 0, NULL, err));
    *(float *)out->scale->data = scale;
    *(uint8_t *)out->zero->data = (uint8_t)zero;
    bool s8 = dtype == NARU_INT8;
    for (int64_t i = 0; i < n; i++)
        ((uint8_t *)out->q->data)[i] =
            (uint8_t)(int)(zero + round_to(element(t, i), scale, s8 ? -127 : -zero, s8 ? 127 : 255 - zero));
    return NARU_OK;
}

naru_status quant_constant_input(const naru_tensor *t, naru_dtype dtype, quantized_tensor *out, naru_error *err) {
    *out = (quantized_tensor){0};
    naru_status st = constant_parts(t, dtype, out, err);
    if (st != NARU_OK) quantized_tensor_free(out);
    return st;
}

static naru_status bias_parts(const naru_tensor *b, float x, const naru_tensor *w, quantized_tensor *out, bool *fits,
                              naru_error *err) {
    int64_t n = tensor_count(b), channels = tensor_count(w);
    TRY(make(&out->q, NARU_INT32, b->rank, b->dims, err));
    TRY(make(&out->scale, NARU_FLOAT, w->rank, w->dims, err));
    TRY(make(&out->zero, NARU_INT32, w->rank, w->dims, err));
    float *scale = out->scale->data;
    for (int64_t c = 0; c < channels; c++) {
        scale[c] = x * ((const float *)w->data)[c];
        if (!(scale[c] > 0)) return *fits = false, NARU_OK;
    }
    for (int64_t i = 0; i < n; i++) {
        double q = rint((double)(element(b, i) / scale[channels == 1 ? 0 : i]));
        if (!(fabs(q) < 2147483647.0)) return *fits = false, NARU_OK;
        ((int32_t *)out->q->data)[i] = (int32_t)q;
    }
    return NARU_OK;
}

naru_status quant_bias(const naru_tensor *b, float x, const naru_tensor *w, quantized_tensor *out, bool *fits,
                       naru_error *err) {
    *out = (quantized_tensor){0};
    *fits = true;
    naru_status st = bias_parts(b, x, w, out, fits, err);
    if (st != NARU_OK || !*fits) quantized_tensor_free(out);
    return st;
}
