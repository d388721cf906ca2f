/* SPDX-License-Identifier: MIT
 *
 * BF16 weights with FP32 products in AVX2.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name)  name##_bf16_avx2
#define GEMM_FORM K_B_BF16
#define GEMM_STEP 2
#define GEMM_TILE "kernels/gemm16/tile_pairs.h"
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_bf16_avx2 = GEMM_TABLE;
#endif
