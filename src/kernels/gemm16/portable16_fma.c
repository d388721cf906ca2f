/* SPDX-License-Identifier: MIT
 *
 * FP16 products in compiler vectors of 32 halves: for tests on machines without AVX512_FP16.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name)   name##_fp16fma_portable16
#define GEMM_FORM  K_B_FP16
#define GEMM_A     uint32_t
#define GEMM_PANEL 4
#define GEMM_TILE  "kernels/gemm16/tile_half.h"
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_fp16fma_portable16 = GEMM_TABLE;
