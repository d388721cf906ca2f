/* SPDX-License-Identifier: MIT
 *
 * Tiles of BF16 in plain C: for tests on machines without AMX.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name)             name##_bf16tile_portable16
#define GEMM_FORM            K_B_BF16
#define GEMM_STEP            2
#define GEMM_PAD             32
#define GEMM_A               uint16_t
#define GEMM_MR              32
#define GEMM_TILE            "kernels/gemm16/tile_amx.h"
#define GEMM_RUN_TILE(t, mr) tile_any(t, mr)
#define GEMM_ENTER           TILES_BEGIN
#define GEMM_LEAVE           TILES_END
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_bf16tile_portable16 = GEMM_TABLE;
