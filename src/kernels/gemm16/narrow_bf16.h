/* SPDX-License-Identifier: MIT
 *
 * Rows of A as BF16, rounded to nearest even while they are copied. Included by tile headers only.
 */
GEMM_FN uint16_t a_of(float x) {
    uint16_t t[VL];
    v_store_bf16(t, v_set1(x));
    return t[0];
}
GEMM_FN void copy_a(uint16_t *dst, const float *src, int64_t n) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store_bf16(dst + i, v_load(src + i));
    if (i == n) return;
    uint16_t t[VL];
    v_store_bf16(t, v_load_n(src + i, n - i));
    memcpy(dst + i, t, (size_t)(n - i) * 2);
}
GEMM_FN void zero_a(uint16_t *dst, int64_t n) { memset(dst, 0, (size_t)n * 2); }
