/* SPDX-License-Identifier: MIT
 *
 * Products in AVX512_FP16.
 */
#if defined(__AVX512FP16__)
#include "kernels/lanes.h"
#define FN(name)   name##_fp16fma_avx512fp16
#define GEMM_FORM  K_B_FP16
#define GEMM_A     uint32_t
#define GEMM_PANEL 4
#define GEMM_TILE  "kernels/gemm16/tile_half.h"
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_fp16fma_avx512fp16 = GEMM_TABLE;
#endif
