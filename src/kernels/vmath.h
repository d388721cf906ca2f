/* SPDX-License-Identifier: MIT
 *
 * Transcendental functions of FP32 vectors, once over lanes.h: included after it by every kernel that needs them.
 * Errors against the exact value, checked by tests/kernels/vmath.c: exp, log, sin, cos (|x| up to 8192; libm beyond)
 * at most 2 ulp, erf, tanh, sigmoid at most 3 ulp. NaN gives NaN; overflow inf; exp underflows gradually to 0.
 * Polynomials are minimax fits made for these intervals, coefficients rounded one after the other from the lowest.
 */
#ifndef KERNELS_VMATH_H
#define KERNELS_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* c[0] + x c[1] + ... + x^(n-1) c[n-1] by Horner's rule. */
#define V_POLY(x, ...)                                                                                                 \
    v_poly_(x, (const float[]){__VA_ARGS__}, (int)(sizeof((const float[]){__VA_ARGS__}) / sizeof(float)))
static inline __attribute__((always_inline)) vf v_poly_(vf x, const float *c, int n) {
    vf s = v_set1(c[n - 1]);
#pragma GCC unroll 16
    for (int i = n - 2; i >= 0; i--) s = v_fma(s, x, v_set1(c[i]));
    return s;
}

/* y * 2^n for n in [-252, 254], as two factors so that the result may be subnormal. */
static inline vf v_ldexp_(vf y, vi n) {
    vi half = vi_sar(n, 1), rest = vi_sub(n, half), bias = vi_set1(127);
    return v_mul(v_mul(y, vi_as_vf(vi_shl(vi_add(half, bias), 23))), vi_as_vf(vi_shl(vi_add(rest, bias), 23)));
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), r = x - n ln 2 in [-ln2/2, ln2/2]; exp(r) = 1 + r + r^2 P(r). */
static inline vf v_exp(vf x) {
    vf lo = v_set1(-104.0f), hi = v_set1(89.0f);
    vf t = v_min(hi, v_max(lo, x)); /* NaN passes: min and max give the second operand then */
    vf n = v_round(v_mul(t, v_set1(1.44269504088896341f)));
    vf r = v_fnma(n, v_set1(0.693359375f), t);
    r = v_fnma(n, v_set1(-2.12194440e-4f), r);
    vf p = V_POLY(r, 4.999999404e-01f, 1.666652113e-01f, 4.166827351e-02f, 8.368685842e-03f, 1.382013550e-03f);
    vf y = v_add(v_set1(1.0f), v_fma(v_mul(r, r), p, r));
    return v_ldexp_(y, v_to_vi(n));
}

/* For arguments known to be at most 0 (softmax, attention): results under 2^-126 become 0, NaN passes. */
static inline vf v_exp_neg(vf x) {
    vf t = v_max(v_set1(-87.33654f), x);
    vf n = v_round(v_mul(t, v_set1(1.44269504088896341f)));
    vf r = v_fnma(n, v_set1(0.693359375f), t);
    r = v_fnma(n, v_set1(-2.12194440e-4f), r);
    vf p = V_POLY(r, 4.999999404e-01f, 1.666652113e-01f, 4.166827351e-02f, 8.368685842e-03f, 1.382013550e-03f);
    vf y = v_add(v_set1(1.0f), v_fma(v_mul(r, r), p, r));
    y = v_mul(y, vi_as_vf(vi_shl(vi_add(v_to_vi(n), vi_set1(127)), 23)));
    return v_blend(v_lt(x, v_set1(-87.33654f)), v_set1(0.0f), y);
}

/* log(x) = e ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)); log(1 + f) = f - f^2/2 + f^3 P(f). */
static inline vf v_log(vf x) {
    vm tiny = v_lt(x, v_set1(1.17549435e-38f));
    vf s = v_blend(tiny, v_mul(x, v_set1(8388608.0f)), x);
    vi bits = vf_as_vi(s);
    vi e = vi_sar(vi_sub(bits, vi_set1(0x3f3504f3)), 23); /* floor(log2) relative to sqrt(1/2) */
    vf f = v_sub(vi_as_vf(vi_sub(bits, vi_shl(e, 23))), v_set1(1.0f));
    vf ef = v_sub(vi_to_vf(e), v_blend(tiny, v_set1(23.0f), v_set1(0.0f)));
    vf f2 = v_mul(f, f);
    vf p = V_POLY(f, 3.333331048e-01f, -2.499998659e-01f, 2.000222355e-01f, -1.666924953e-01f, 1.421871632e-01f,
                  -1.238440201e-01f, 1.187261939e-01f, -1.178937033e-01f, 6.915612519e-02f);
    vf y = v_fma(v_mul(f, f2), p, v_mul(ef, v_set1(-2.12194440e-4f)));
    y = v_fma(f2, v_set1(-0.5f), y);
    y = v_fma(ef, v_set1(0.693359375f), v_add(f, y));
    vf inf = v_set1(INFINITY);
    y = v_blend(v_eq(x, inf), inf, y);
    y = v_blend(v_eq(x, v_set1(0.0f)), v_set1(-INFINITY), y);
    return v_blend(v_le(v_set1(0.0f), x), y, v_set1(NAN)); /* negative or NaN */
}

/* log(1 + u), u >= 0: the rounding error of 1 + u is put back to first order. */
static inline vf v_log1p_pos_(vf u) {
    vf one = v_set1(1.0f), w = v_add(one, u);
    return v_add(v_log(w), v_div(v_sub(u, v_sub(w, one)), w));
}

/* tanh(x) = x + x^3 P(x^2) below 0.625, else sign(x) (1 - 2 / (exp(2|x|) + 1)). */
static inline vf v_tanh(vf x) {
    vf a = v_abs(x), z = v_mul(x, x);
    vf p = V_POLY(z, -3.333328366e-01f, 1.333148479e-01f, -5.374300480e-02f, 2.064910345e-02f, -5.715499166e-03f);
    vf small = v_fma(v_mul(z, x), p, x);
    vf e = v_exp(v_add(a, a));
    vf big = v_sub(v_set1(1.0f), v_div(v_set1(2.0f), v_add(e, v_set1(1.0f))));
    return v_blend(v_lt(a, v_set1(0.625f)), small, v_copysign(big, x));
}

/* 1 / (1 + exp(-x)), as exp(-|x|) / (1 + exp(-|x|)) on the negative side, so that nothing overflows. */
static inline vf v_sigmoid(vf x) {
    vf e = v_exp(v_sub(v_set1(0.0f), v_abs(x)));
    vf num = v_blend(v_lt(x, v_set1(0.0f)), e, v_set1(1.0f));
    return v_div(num, v_add(v_set1(1.0f), e));
}

/* erf(x) = x + x P(x^2) below 1, else sign(x) (1 - exp(-Q(|x|))). */
static inline vf v_erf(vf x) {
    vf a = v_abs(x), z = v_mul(x, x);
    vf p = V_POLY(z, 1.283791661e-01f, -3.761262894e-01f, 1.128361821e-01f, -2.685512602e-02f, 5.190733820e-03f,
                  -8.030761383e-04f, 7.920368080e-05f);
    vf small = v_fma(x, p, x);
    vf b = v_min(v_set1(4.0f), a);
    vf q = V_POLY(b, 3.326823644e-04f, 1.127122521e+00f, 6.380935311e-01f, 1.031480059e-01f, -2.185633965e-02f,
                  2.951888368e-03f, -1.867788815e-04f);
    vf big = v_sub(v_set1(1.0f), v_exp_neg(v_sub(v_set1(0.0f), q)));
    return v_blend(v_lt(a, v_set1(1.0f)), small, v_copysign(big, x));
}

/* sin or cos: x = j pi/2 + r, |r| <= pi/4, pi/2 in three parts; the quadrant picks the polynomial and the sign. */
static inline vf v_sincos_(vf x, int shift) {
    vf j = v_round(v_mul(x, v_set1(0.636619772367581343f)));
    vf r = v_fnma(j, v_set1(1.5707963705062866f), x);
    r = v_fnma(j, v_set1(-4.371138828673793e-8f), r);
    r = v_fnma(j, v_set1(-1.7151245100058819e-15f), r);
    vf z = v_mul(r, r);
    vf s = v_fma(v_mul(z, r), V_POLY(z, -1.666665524e-01f, 8.332191035e-03f, -1.951859886e-04f), r);
    vf c = v_fma(v_mul(z, z), V_POLY(z, 4.166664556e-02f, -1.388730132e-03f, 2.443066842e-05f),
                 v_fma(z, v_set1(-0.5f), v_set1(1.0f)));
    vi quadrant = vi_add(v_to_vi(j), vi_set1(shift));
    vf odd = vi_to_vf(vi_and(quadrant, vi_set1(1)));
    vf y = v_blend(v_eq(odd, v_set1(0.0f)), s, c);
    vi sign = vi_shl(vi_and(quadrant, vi_set1(2)), 30);
    return vi_as_vf(vi_xor(vf_as_vi(y), sign));
}

static inline vf v_sincos_any_(vf x, int shift) {
    vf limit = v_set1(8192.0f), far = v_blend(v_le(v_abs(x), limit), v_set1(0.0f), v_set1(1.0f)); /* NaN too */
    if (v_hmax(far) == 0) return v_sincos_(x, shift);
    float lane[VL], in[VL];
    v_store(in, x);
    for (int i = 0; i < VL; i++) lane[i] = shift ? cosf(in[i]) : sinf(in[i]);
    vf safe = v_sincos_(v_blend(v_le(v_abs(x), limit), x, v_set1(0.0f)), shift);
    return v_blend(v_le(v_abs(x), limit), safe, v_load(lane));
}
static inline vf v_sin(vf x) { return v_sincos_any_(x, 0); }
static inline vf v_cos(vf x) { return v_sincos_any_(x, 1); }

/* Where NaN must win whatever the order of operands. */
static inline vf v_max_nan(vf a, vf b) { return v_blend(v_eq(a, a), v_max(a, b), a); }
static inline vf v_min_nan(vf a, vf b) { return v_blend(v_eq(a, a), v_min(a, b), a); }

#endif
