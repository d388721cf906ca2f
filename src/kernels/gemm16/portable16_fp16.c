/* SPDX-License-Identifier: MIT
 *
 * FP16 weights with FP32 products in compiler vectors of 16 lanes: for tests.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name)  name##_fp16_portable16
#define GEMM_FORM K_B_FP16
#define GEMM_B    uint16_t
#define GEMM_TILE "kernels/gemm/gemm_tile.h"
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_fp16_portable16 = GEMM_TABLE;
