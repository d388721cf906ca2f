/* SPDX-License-Identifier: MIT
 *
 * FP16 weights with FP32 products in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name)  name##_fp16_avx512
#define GEMM_FORM K_B_FP16
#define GEMM_B    uint16_t
#define GEMM_TILE "kernels/gemm/gemm_tile.h"
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_fp16_avx512 = GEMM_TABLE;
#endif
