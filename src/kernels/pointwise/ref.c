/* SPDX-License-Identifier: MIT
 *
 * The instructions of pointwise programs in plain C over libm: the oracle of pointwise_tmpl.h.
 */
#include "kernels/pointwise/pointwise.h"

#define FN(name) name##_ref
#include "kernels/pointwise/scalar_ops.h"

static float sigmoid(float x) { return (float)(1 / (1 + exp(-(double)x))); }
static float softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
static float clamp(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; } /* NaN stays */
static float gelu_tanh(float x) {
    return 0.5f * x * (1.0f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
}
static float min_nan(float a, float b) { return isnan(a) ? a : isnan(b) ? b : b < a ? b : a; }
static float max_nan(float a, float b) { return isnan(a) ? a : isnan(b) ? b : b > a ? b : a; }

static uint16_t to_f16(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    uint32_t sign = u >> 16 & 0x8000, mag = u & 0x7fffffff;
    if (mag > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (mag >> 13 & 0x3ff)); /* NaN */
    if (mag >= 0x477ff000) return (uint16_t)(sign | 0x7c00);                      /* 65520 and more: infinity */
    if (mag < 0x38800000)
        return (uint16_t)(sign | (uint32_t)lrintf(fabsf(x) * 16777216.0f)); /* subnormal: units of 2^-24 */
    uint32_t rounded = mag + 0xfff + (mag >> 13 & 1);
    return (uint16_t)(sign | ((rounded >> 13) - (112u << 10)));
}

static float from_f16(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3ff, u;
    if (e == 31) {
        u = sign | 0x7f800000 | (m ? 0x400000 : 0) | m << 13;
    } else if (e == 0) {
        float f = (float)m * 5.9604644775390625e-8f;
        memcpy(&u, &f, 4);
        u |= sign;
    } else {
        u = sign | (e + 112) << 23 | m << 13;
    }
    float f;
    memcpy(&f, &u, 4);
    return f;
}

#define UNARY(name, expr)                                                                                              \
    static float one_##name(float x, float p, float q) {                                                               \
        (void)p, (void)q;                                                                                              \
        return expr;                                                                                                   \
    }                                                                                                                  \
    PW_DEFINE(name, float, float, one_##name(a[i], ins->p, ins->q))

UNARY(NEG_F, -x)
UNARY(ABS_F, fabsf(x))
UNARY(RELU_F, x < 0 ? 0 : x)
UNARY(CLIP_F, min_nan(max_nan(x, p), q))
UNARY(EXP_F, expf(x))
UNARY(LOG_F, logf(x))
UNARY(SQRT_F, sqrtf(x))
UNARY(RSQRT_F, 1 / sqrtf(x))
UNARY(RECIP_F, 1 / x)
UNARY(ERF_F, erff(x))
UNARY(TANH_F, tanhf(x))
UNARY(SIGMOID_F, sigmoid(x))
UNARY(SILU_F, x *sigmoid(p *x))
UNARY(GELU_F, 0.5f * x * (1 + erff(x * 0.70710678118654752f)))
UNARY(GELU_TANH_F, gelu_tanh(x))
UNARY(HARDSIGMOID_F, clamp(p *x + q, 0, 1))
UNARY(HARDSWISH_F, x *clamp(x / 6 + 0.5f, 0, 1))
UNARY(LEAKY_F, x < 0 ? p * x : x)
UNARY(ELU_F, x < 0 ? p * expm1f(x) : x)
UNARY(CELU_F, x < 0 ? p * expm1f(x / p) : x)
UNARY(SELU_F, q *(x < 0 ? p * expm1f(x) : x))
UNARY(THRESHOLD_F, isnan(x) ? x : x > p ? x : 0)
UNARY(SHRINK_F, x<-p ? x + q : x> p ? x - q : isnan(x) ? x : 0)
UNARY(SOFTPLUS_F, isnan(x) ? x : softplus(x))
UNARY(MISH_F, isnan(x) ? x : x *tanhf(softplus(x)))
UNARY(SOFTSIGN_F, x / (1 + fabsf(x)))
UNARY(FLOOR_F, floorf(x))
UNARY(CEIL_F, ceilf(x))
UNARY(ROUND_F, rintf(x))
UNARY(TRUNC_F, truncf(x))
UNARY(SIGN_F, x > 0 ? 1 : x < 0 ? -1 : x)
UNARY(SIN_F, sinf(x))
UNARY(COS_F, cosf(x))
UNARY(AXPB_F, fmaf(p, x, q))

PW_DEFINE(ADD_F, float, float, a[i] + b[i])
PW_DEFINE(SUB_F, float, float, a[i] - b[i])
PW_DEFINE(MUL_F, float, float, a[i] * b[i])
PW_DEFINE(DIV_F, float, float, a[i] / b[i])
PW_DEFINE(MIN_F, float, float, min_nan(a[i], b[i]))
PW_DEFINE(MAX_F, float, float, max_nan(a[i], b[i]))
PW_DEFINE(POW_F, float, float, powf(a[i], b[i]))
PW_DEFINE(FMOD_F, float, float, fmodf(a[i], b[i]))
PW_DEFINE(PRELU_F, float, float, a[i] < 0 ? a[i] * b[i] : a[i])
PW_DEFINE(CAST_FH, uint16_t, float, to_f16(a[i]))
PW_DEFINE(CAST_HF, float, uint16_t, from_f16(a[i]))

static void FMA_F_ref(void *dst, const void *a_, const void *b_, const void *c_, int64_t n, const k_pw_ins *ins) {
    float *d = dst;
    const float *a = a_, *b = b_, *c = c_;
    (void)ins;
    PW_LOOP d[i] = fmaf(a[i], b[i], c[i]);
}

const k_pointwise k_pointwise_ref = {.fn = {
#define PW_OP(name, operands, from, to) [K_PW_##name] = name##_ref,
#include "kernels/pointwise/ops.def"
#undef PW_OP
                                     }};
