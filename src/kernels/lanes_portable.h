/* SPDX-License-Identifier: MIT
 *
 * lanes.h in compiler vectors of LANES_PORTABLE lanes, for CPUs without an ISA file and for testing one ISA's width on
 * another's machine. Included by lanes.h only.
 */
enum { VL = LANES_PORTABLE, VREGS = LANES_PORTABLE == 16 ? 32 : 16 };
typedef float vf __attribute__((vector_size(LANES_PORTABLE * 4)));
typedef int32_t vi __attribute__((vector_size(LANES_PORTABLE * 4)));
typedef uint32_t lanes_u_ __attribute__((vector_size(LANES_PORTABLE * 4)));
typedef vi vm; /* -1 or 0 */

#define LANES_EACH(expr)                                                                                               \
    vf y_;                                                                                                             \
    for (int i = 0; i < VL; i++) y_[i] = expr;                                                                         \
    return y_

LANES_FN vf vi_as_vf(vi a) {
    vf y;
    memcpy(&y, &a, sizeof y);
    return y;
}
LANES_FN vi vf_as_vi(vf a) {
    vi y;
    memcpy(&y, &a, sizeof y);
    return y;
}
LANES_FN vm v_first(int64_t n) {
    vm y;
    for (int i = 0; i < VL; i++) y[i] = i < n ? -1 : 0;
    return y;
}
LANES_FN vf v_load(const float *p) {
    vf y;
    memcpy(&y, p, sizeof y);
    return y;
}
LANES_FN void v_store(float *p, vf a) { memcpy(p, &a, sizeof a); }
LANES_FN vf v_load_n(const float *p, int64_t n) { LANES_EACH(i < n ? p[i] : 0.0f); }
LANES_FN void v_store_n(float *p, vf a, int64_t n) {
    for (int i = 0; i < n; i++) p[i] = a[i];
}
LANES_FN vf v_set1(float x) { LANES_EACH(x); }
LANES_FN vf v_fma(vf a, vf b, vf c) { LANES_EACH(fmaf(a[i], b[i], c[i])); }
LANES_FN vf v_fnma(vf a, vf b, vf c) { LANES_EACH(fmaf(-a[i], b[i], c[i])); }
LANES_FN vf v_min(vf a, vf b) { LANES_EACH(a[i] < b[i] ? a[i] : b[i]); }
LANES_FN vf v_max(vf a, vf b) { LANES_EACH(a[i] > b[i] ? a[i] : b[i]); }
LANES_FN vf v_abs(vf a) { LANES_EACH(fabsf(a[i])); }
LANES_FN vf v_sqrt(vf a) { LANES_EACH(sqrtf(a[i])); }
LANES_FN vf v_round(vf a) { LANES_EACH(rintf(a[i])); }
LANES_FN vf v_floor(vf a) { LANES_EACH(floorf(a[i])); }
LANES_FN vf v_ceil(vf a) { LANES_EACH(ceilf(a[i])); }
LANES_FN vf v_trunc(vf a) { LANES_EACH(truncf(a[i])); }
LANES_FN vm v_lt(vf a, vf b) { return a < b; }
LANES_FN vm v_le(vf a, vf b) { return a <= b; }
LANES_FN vm v_eq(vf a, vf b) { return a == b; }
LANES_FN vf v_blend(vm m, vf a, vf b) { return vi_as_vf((vf_as_vi(a) & m) | (vf_as_vi(b) & ~m)); }
LANES_FN vf v_copysign(vf a, vf s) { LANES_EACH(copysignf(a[i], s[i])); }
LANES_FN vf v_even(vf a, vf b) { LANES_EACH(i < VL / 2 ? a[2 * i] : b[2 * i - VL]); }
LANES_FN vi vi_set1(int32_t x) { return x - (vi){0}; }
LANES_FN vi vi_add(vi a, vi b) { return (vi)((lanes_u_)a + (lanes_u_)b); }
LANES_FN vi vi_sub(vi a, vi b) { return (vi)((lanes_u_)a - (lanes_u_)b); }
LANES_FN vi vi_and(vi a, vi b) { return a & b; }
LANES_FN vi vi_xor(vi a, vi b) { return a ^ b; }
LANES_FN vi vi_shl(vi a, int n) { return (vi)((lanes_u_)a << (uint32_t)n); }
LANES_FN vi vi_sar(vi a, int n) { return a >> n; }
LANES_FN vf vi_to_vf(vi a) { LANES_EACH((float)a[i]); }
LANES_FN vi v_to_vi(vf a) {
    vi y;
    for (int i = 0; i < VL; i++) {
        float r = rintf(a[i]);
        y[i] = r >= -2147483648.0f && r < 2147483648.0f ? (int32_t)r : INT32_MIN;
    }
    return y;
}

LANES_FN float lanes_from_f16_(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7fff, u;
    float f = (float)rest * 0x1p-24f; /* subnormal */
    memcpy(&u, &f, 4);
    if (rest >= 0x0400) u = (rest << 13) + (112u << 23);
    if (rest >= 0x7c00) u = (rest << 13) + (224u << 23) + (rest > 0x7c00 ? 0x400000 & ~(rest << 13) : 0);
    u |= sign;
    memcpy(&f, &u, 4);
    return f;
}
LANES_FN uint16_t lanes_to_f16_(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    uint32_t sign = u >> 16 & 0x8000, mag = u & 0x7fffffff;
    if (mag > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (mag >> 13 & 0x3ff));
    if (mag >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    if (mag < 0x38800000) return (uint16_t)(sign | (uint32_t)lrintf(fabsf(x) * 0x1p24f));
    return (uint16_t)(sign | (((mag + 0xfff + (mag >> 13 & 1)) >> 13) - (112u << 10)));
}
LANES_FN vf v_load_f16(const uint16_t *p) { LANES_EACH(lanes_from_f16_(p[i])); }
LANES_FN void v_store_f16(uint16_t *p, vf a) {
    for (int i = 0; i < VL; i++) p[i] = lanes_to_f16_(a[i]);
}
/* A subnormal is a zero of its sign. */
LANES_FN float lanes_flush_(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x; }
LANES_FN uint16_t lanes_to_bf16_(float x) {
    uint32_t u;
    x = lanes_flush_(x);
    memcpy(&u, &x, 4);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
LANES_FN void v_store_bf16(uint16_t *p, vf a) {
    for (int i = 0; i < VL; i++) p[i] = lanes_to_bf16_(a[i]);
}
LANES_FN float lanes_half_(int32_t w, int shift) {
    uint32_t u = (uint32_t)w << shift & 0xffff0000;
    float f;
    memcpy(&f, &u, 4);
    return lanes_flush_(f);
}
LANES_FN vf v_dot_bf16(vf sum, vi a, vi b) {
    LANES_EACH(
        lanes_flush_(fmaf(lanes_half_(a[i], 16), lanes_half_(b[i], 16),
                          lanes_flush_(fmaf(lanes_half_(a[i], 0), lanes_half_(b[i], 0), lanes_flush_(sum[i]))))));
}
typedef uint16_t vh __attribute__((vector_size(LANES_PORTABLE * 4)));
LANES_FN vh vh_load(const uint16_t *p) {
    vh y;
    memcpy(&y, p, sizeof y);
    return y;
}
LANES_FN vh vh_pairs(int32_t w) {
    vh y;
    for (int i = 0; i < VL; i++) memcpy((char *)&y + 4 * i, &w, 4);
    return y;
}
/* The double is exact, or so near to c that rounding gives c; the float is rounded to odd, so that FP16 rounds once. */
LANES_FN uint16_t lanes_fma_f16_(uint16_t a, uint16_t b, uint16_t c) {
    double d = (double)lanes_from_f16_(a) * (double)lanes_from_f16_(b) + (double)lanes_from_f16_(c);
    float f = (float)d;
    uint32_t u;
    memcpy(&u, &f, 4);
    if (d == d && (double)f != d) u = (fabs((double)f) > fabs(d) ? u - 1 : u) | 1;
    memcpy(&f, &u, 4);
    return lanes_to_f16_(f);
}
LANES_FN vh vh_fma(vh a, vh b, vh c) {
    for (int i = 0; i < 2 * VL; i++) c[i] = lanes_fma_f16_(a[i], b[i], c[i]);
    return c;
}
LANES_FN vf vh_low(vh a) { LANES_EACH(lanes_from_f16_(a[i])); }
LANES_FN vf vh_high(vh a) { LANES_EACH(lanes_from_f16_(a[VL + i])); }
LANES_FN void v_store_f16_twice(uint32_t *p, vf a) {
    for (int i = 0; i < VL; i++) p[i] = lanes_to_f16_(a[i]) * 0x10001u;
}
LANES_FN vi vi_load(const int32_t *p) {
    vi y;
    memcpy(&y, p, sizeof y);
    return y;
}
LANES_FN void vi_store(int32_t *p, vi a) { memcpy(p, &a, sizeof a); }
LANES_FN void vi_store_n(int32_t *p, vi a, int64_t n) {
    for (int i = 0; i < n; i++) p[i] = a[i];
}
LANES_FN vi vi_mul(vi a, vi b) { return (vi)((lanes_u_)a * (lanes_u_)b); }
LANES_FN vi vi_madd16(vi a, vi b) {
    int16_t x[2 * VL], y[2 * VL];
    vi s;
    memcpy(x, &a, sizeof x), memcpy(y, &b, sizeof y);
    for (int i = 0; i < VL; i++)
        s[i] = (int32_t)((uint32_t)(x[2 * i] * y[2 * i]) + (uint32_t)(x[2 * i + 1] * y[2 * i + 1]));
    return s;
}
LANES_FN vi vi_dot8(vi sum, vi a, vi b) {
    uint8_t x[4 * VL];
    int8_t y[4 * VL];
    memcpy(x, &a, sizeof x), memcpy(y, &b, sizeof y);
    for (int i = 0; i < VL; i++) {
        uint32_t s = (uint32_t)sum[i];
        for (int j = 0; j < 4; j++) s += (uint32_t)((int32_t)x[4 * i + j] * y[4 * i + j]);
        sum[i] = (int32_t)s;
    }
    return sum;
}
