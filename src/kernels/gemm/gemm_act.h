/* SPDX-License-Identifier: MIT
 *
 * The product's activations beyond clip, on blocks just stored. Included by gemm_tmpl.h only.
 */
GEMM_BODY vf act_vector(vf x, const k_act act, float p, float q) {
    const vf half = v_set1(0.5f), one = v_set1(1.0f), zero = v_set1(0.0f);
    switch (act) {
    case K_ACT_CLIP: return v_min(v_set1(q), v_max(v_set1(p), x));
    case K_ACT_LEAKY: return v_blend(v_lt(x, zero), v_mul(v_set1(p), x), x);
    case K_ACT_SIGMOID: return v_sigmoid(x);
    case K_ACT_TANH: return v_tanh(x);
    case K_ACT_HARDSIGMOID: return v_min(one, v_max(zero, v_add(v_mul(v_set1(p), x), v_set1(q))));
    case K_ACT_HARDSWISH: return v_mul(x, v_min(one, v_max(zero, v_fma(x, v_set1(1.0f / 6), half))));
    case K_ACT_SILU: return v_mul(x, v_sigmoid(x));
    case K_ACT_GELU: return v_mul(v_mul(x, half), v_add(one, v_erf(v_mul(x, v_set1(0.70710678f)))));
    case K_ACT_GELU_TANH: {
        vf cube = v_mul(v_mul(x, x), v_mul(x, v_set1(0.044715f)));
        return v_mul(v_mul(x, half), v_add(one, v_tanh(v_mul(v_set1(0.79788456f), v_add(x, cube)))));
    }
    default: return x;
    }
}

GEMM_BODY void act_block(float *x, int64_t ld, int64_t rows, int64_t cols, const k_act act, float p, float q) {
    for (int64_t i = 0; i < rows; i++, x += ld) {
        int64_t j = 0;
        for (; j + VL <= cols; j += VL) v_store(x + j, act_vector(v_load(x + j), act, p, q));
        if (j < cols) v_store_n(x + j, act_vector(v_load_n(x + j, cols - j), act, p, q), cols - j);
    }
}

static void FN(activate)(float *x, int64_t ld, int64_t rows, int64_t cols, k_act act, float p, float q) {
    switch (act) {
#define ACT(name)                                                                                                      \
    case K_ACT_##name: act_block(x, ld, rows, cols, K_ACT_##name, p, q); break;
        ACT(CLIP)
        ACT(LEAKY)
        ACT(SIGMOID)
        ACT(TANH)
        ACT(HARDSIGMOID)
        ACT(HARDSWISH)
        ACT(SILU)
        ACT(GELU)
        ACT(GELU_TANH)
#undef ACT
    default: break;
    }
}
