/* SPDX-License-Identifier: MIT
 *
 * Plain C, sums in double over the 16-bit B: gemm/ref.c's loops.
 */
#include "kernels/gemm16/gemm16.h"

static void run_bf16(const k_gemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace) {
    k_gemm_ref_run(g, K_B_BF16, m0, m1, p0, p1);
}
static void run_fp16(const k_gemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace) {
    k_gemm_ref_run(g, K_B_FP16, m0, m1, p0, p1);
}

static void activate(float *x, int64_t ld, int64_t rows, int64_t cols, k_act act, float p, float q) {
    k_gemm_ref.activate(x, ld, rows, cols, act, p, q);
}

const k_gemm k_gemm16_bf16_ref = {K_B_BF16, 1, K_GEMM_REF_NR, run_bf16, activate};
const k_gemm k_gemm16_fp16_ref = {K_B_FP16, 1, K_GEMM_REF_NR, run_fp16, activate};
