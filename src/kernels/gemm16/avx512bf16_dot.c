/* SPDX-License-Identifier: MIT
 *
 * Products of BF16 pairs in AVX512_BF16.
 */
#if defined(__AVX512BF16__)
#include "kernels/lanes.h"
#define FN(name)  name##_bf16dot_avx512bf16
#define GEMM_FORM K_B_BF16
#define GEMM_STEP 2
#define GEMM_A    uint16_t
#define GEMM_TILE "kernels/gemm16/tile_dot.h"
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_bf16dot_avx512bf16 = GEMM_TABLE;
#endif
