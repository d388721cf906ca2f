/* SPDX-License-Identifier: MIT
 *
 * The FP32 instructions of pointwise programs over lanes.h; integers, bools and casts come from scalar_ops.h compiled
 * with the ISA's flags. An instance defines FN(name) and includes the vocabulary, then this, then names its table.
 */
#include "kernels/pointwise/pointwise.h"
#include "kernels/vmath.h"
#include "kernels/pointwise/scalar_ops.h"

/* d[i] = one vector expression of a (x), b (y), c (z) and the constants (p, q). */
#define PW_VECTOR(name, operands, expr)                                                                                \
    static inline __attribute__((always_inline)) vf FN(one_##name)(vf x, vf y, vf z, vf p, vf q) {                     \
        (void)y, (void)z, (void)p, (void)q;                                                                            \
        return expr;                                                                                                   \
    }                                                                                                                  \
    static void FN(name)(void *dst, const void *a_, const void *b_, const void *c_, int64_t n, const k_pw_ins *ins) {  \
        float *d = dst;                                                                                                \
        const float *a = a_, *b = operands > 1 ? b_ : a_, *c = operands > 2 ? c_ : a_;                                 \
        vf p = v_set1(ins->p), q = v_set1(ins->q);                                                                     \
        int64_t i = 0;                                                                                                 \
        for (; i + VL <= n; i += VL)                                                                                   \
            v_store(d + i, FN(one_##name)(v_load(a + i), v_load(b + i), v_load(c + i), p, q));                         \
        if (i < n)                                                                                                     \
            v_store_n(d + i,                                                                                           \
                      FN(one_##name)(v_load_n(a + i, n - i), v_load_n(b + i, n - i), v_load_n(c + i, n - i), p, q),    \
                      n - i);                                                                                          \
    }

#define V0     v_set1(0.0f)
#define V1     v_set1(1.0f)
#define NEG(x) v_mul(x, v_set1(-1.0f))

/* exp(x) - 1 for x <= 0: near 0 by x + x^2 P(x), where the subtraction would cancel. */
static inline vf FN(expm1_neg)(vf x) {
    vf p = V_POLY(x, 4.999999404e-01f, 1.666652113e-01f, 4.166827351e-02f, 8.368685842e-03f, 1.382013550e-03f);
    vf near = v_fma(v_mul(x, x), p, x);
    return v_blend(v_lt(v_set1(-0.34f), x), near, v_sub(v_exp(x), V1));
}
static inline vf FN(softplus)(vf x) { return v_add(v_max(V0, x), v_log1p_pos_(v_exp(NEG(v_abs(x))))); }
/* tanh(softplus(x)) = (e^2 + 2e) / (e^2 + 2e + 2), e = exp(x); 1 from 20 on. */
static inline vf FN(mish)(vf x) {
    vf e = v_exp(v_min(v_set1(20.0f), x)), t = v_mul(e, v_add(e, v_set1(2.0f)));
    return v_mul(x, v_div(t, v_add(t, v_set1(2.0f))));
}
static inline vf FN(gelu_tanh)(vf x) {
    vf u = v_mul(v_set1(0.79788456080286536f), v_fma(v_mul(v_mul(x, x), x), v_set1(0.044715f), x));
    return v_mul(v_mul(v_set1(0.5f), x), v_add(V1, v_tanh(u)));
}
static inline vf FN(clamp01)(vf x) { return v_min(V1, v_max(V0, x)); }
static inline vf FN(elu)(vf x, vf p) { return v_blend(v_lt(x, V0), v_mul(p, FN(expm1_neg)(v_min(V0, x))), x); }

PW_VECTOR(NEG_F, 1, v_sub(v_set1(-0.0f), x))
PW_VECTOR(ABS_F, 1, v_abs(x))
PW_VECTOR(RELU_F, 1, v_max(V0, x))
PW_VECTOR(CLIP_F, 1, v_min(q, v_max(p, x)))
PW_VECTOR(EXP_F, 1, v_exp(x))
PW_VECTOR(LOG_F, 1, v_log(x))
PW_VECTOR(SQRT_F, 1, v_sqrt(x))
PW_VECTOR(RSQRT_F, 1, v_div(V1, v_sqrt(x)))
PW_VECTOR(RECIP_F, 1, v_div(V1, x))
PW_VECTOR(ERF_F, 1, v_erf(x))
PW_VECTOR(TANH_F, 1, v_tanh(x))
PW_VECTOR(SIGMOID_F, 1, v_sigmoid(x))
PW_VECTOR(SILU_F, 1, v_mul(x, v_sigmoid(v_mul(p, x))))
PW_VECTOR(GELU_F, 1, v_mul(v_mul(v_set1(0.5f), x), v_add(V1, v_erf(v_mul(x, v_set1(0.70710678118654752f))))))
PW_VECTOR(GELU_TANH_F, 1, FN(gelu_tanh)(x))
PW_VECTOR(HARDSIGMOID_F, 1, FN(clamp01)(v_fma(p, x, q)))
PW_VECTOR(HARDSWISH_F, 1, v_mul(x, FN(clamp01)(v_fma(x, v_set1(1.0f / 6), v_set1(0.5f)))))
PW_VECTOR(LEAKY_F, 1, v_blend(v_lt(x, V0), v_mul(p, x), x))
PW_VECTOR(ELU_F, 1, FN(elu)(x, p))
PW_VECTOR(CELU_F, 1, v_blend(v_lt(x, V0), v_mul(p, FN(expm1_neg)(v_min(V0, v_div(x, p)))), x))
PW_VECTOR(SELU_F, 1, v_mul(q, FN(elu)(x, p)))
PW_VECTOR(THRESHOLD_F, 1, v_blend(v_le(x, p), V0, x))
PW_VECTOR(SHRINK_F, 1,
          v_blend(v_lt(x, NEG(p)), v_add(x, q), v_blend(v_lt(p, x), v_sub(x, q), v_blend(v_eq(x, x), V0, x))))
PW_VECTOR(SOFTPLUS_F, 1, FN(softplus)(x))
PW_VECTOR(MISH_F, 1, FN(mish)(x))
PW_VECTOR(SOFTSIGN_F, 1, v_div(x, v_add(V1, v_abs(x))))
PW_VECTOR(FLOOR_F, 1, v_floor(x))
PW_VECTOR(CEIL_F, 1, v_ceil(x))
PW_VECTOR(ROUND_F, 1, v_round(x))
PW_VECTOR(TRUNC_F, 1, v_trunc(x))
PW_VECTOR(SIGN_F, 1, v_blend(v_lt(V0, x), V1, v_blend(v_lt(x, V0), v_set1(-1.0f), x)))
PW_VECTOR(SIN_F, 1, v_sin(x))
PW_VECTOR(COS_F, 1, v_cos(x))
PW_VECTOR(AXPB_F, 1, v_fma(p, x, q))
PW_VECTOR(ADD_F, 2, v_add(x, y))
PW_VECTOR(SUB_F, 2, v_sub(x, y))
PW_VECTOR(MUL_F, 2, v_mul(x, y))
PW_VECTOR(DIV_F, 2, v_div(x, y))
PW_VECTOR(MIN_F, 2, v_min_nan(x, y))
PW_VECTOR(MAX_F, 2, v_max_nan(x, y))
PW_VECTOR(PRELU_F, 2, v_blend(v_lt(x, V0), v_mul(x, y), x))
PW_VECTOR(FMA_F, 3, v_fma(x, y, z))

PW_DEFINE(POW_F, float, float, powf(a[i], b[i]))
PW_DEFINE(FMOD_F, float, float, fmodf(a[i], b[i]))

static void FN(CAST_FH)(void *dst, const void *a_, const void *b, const void *c, int64_t n, const k_pw_ins *ins) {
    uint16_t *d = dst;
    const float *a = a_;
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store_f16(d + i, v_load(a + i));
    if (i < n) v_store_f16_n(d + i, v_load_n(a + i, n - i), n - i);
}
static void FN(CAST_HF)(void *dst, const void *a_, const void *b, const void *c, int64_t n, const k_pw_ins *ins) {
    float *d = dst;
    const uint16_t *a = a_;
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store(d + i, v_load_f16(a + i));
    if (i < n) v_store_n(d + i, v_load_f16_n(a + i, n - i), n - i);
}

#undef V0
#undef V1
#undef NEG
