/* SPDX-License-Identifier: MIT
 *
 * Products of BF16 pairs in compiler vectors of 16 lanes: for tests on machines without AVX512_BF16.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name)  name##_bf16dot_portable16
#define GEMM_FORM K_B_BF16
#define GEMM_STEP 2
#define GEMM_A    uint16_t
#define GEMM_TILE "kernels/gemm16/tile_dot.h"
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_bf16dot_portable16 = GEMM_TABLE;
