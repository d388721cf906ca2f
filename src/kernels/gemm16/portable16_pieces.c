/* SPDX-License-Identifier: MIT
 *
 * FP32 in tiles of BF16 pieces in plain C: for tests on machines without AMX.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name)             name##_fp32tile_portable16
#define GEMM_FORM            K_B_PIECES
#define GEMM_STEP            2
#define GEMM_PAD             32
#define GEMM_A               uint16_t
#define GEMM_PUT_A(p, x)     split(p, v_set1(x), 1)
#define GEMM_MR              32
#define GEMM_KC              256
#define GEMM_TILE            "kernels/gemm16/tile_pieces.h"
#define GEMM_RUN_TILE(t, mr) tile_any(t, mr)
#define GEMM_ENTER           TILES_BEGIN
#define GEMM_LEAVE           TILES_END
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm16_fp32tile_portable16 = GEMM_TABLE;
