/* SPDX-License-Identifier: MIT
 *
 * The product of kernels/gemm (its arguments, gathers and epilogue) by 16-bit operands. A and C are FP32 in memory.
 * Of all ways but the last B is kept in 16 bits, and k_gemm_pack rounds it once, to nearest even, after its scale. The
 * ways, by what else is rounded:
 *
 * K_BF16: nothing. B's elements become FP32 again and meet A in FP32 fma. The result is what kernels/gemm gives at this
 * level for the rounded B, bit for bit while K fits one block (2 k <= 3 K_GEMM_KC). What is gained is that B is read
 * sooner where it comes from memory.
 *
 * K_FP16: the same with FP16. A |b| from 65520 on would become an infinity: k_gemm16_fits() tells.
 *
 * K_BF16_DOT: A too is rounded to BF16, to nearest even, as a tile of it is copied. Pairs along k are summed in FP32 by
 * s = fma(a0, b0, fma(a1, b1, s)), in which subnormal operands and results, of A's rounding too, are zeros (vdpbf16ps).
 *
 * K_FP16_FMA: A too is rounded to FP16, to nearest even, as a tile of it is copied. FP16 fma sums 32 products along k
 * (in a row that stands alone every fourth of the 32), and these short sums are added in FP32. An element of A or a
 * short sum beyond 65504 is an infinity, and looked at again: see below.
 *
 * K_BF16_TILE: A rounded and subnormals treated as by K_BF16_DOT. Even and odd products of 32 along k are each summed
 * by fma, then added to each other and to the sum so far (tdpbf16ps).
 *
 * K_FP32_TILE: nothing, as good as: FP32 as three BF16 pieces, x = x1 + x2 + x3, each what is left, to nearest. Of the
 * products of pieces a1 b1, a1 b2, a2 b1, a2 b2, a1 b3 and a3 b1 are summed, each as by K_BF16_TILE; what is left out
 * is below 2^-23 |a b|. Pieces and products below 2^-126 are zeros.
 *
 * The last four give the same bits at every level that has them.
 *
 * Looked at again: where K_FP16_FMA or K_FP32_TILE comes to a sum that is not finite, that row of A by that panel is
 * summed anew in double, in this block of K, from A as it is. So nothing is an infinity or a NaN that kernels/gemm
 * would not make one, and a product most of whose sums pass FP16's range is slow.
 *
 * With S = sum |a b| the error before the activation is at most (u_B + u_A + u_A u_B + (k + 4) 2^-24) S, where u is
 * 2^-8 for BF16, 2^-11 for FP16, 0 for what is not rounded and 2^-24 for K_FP32_TILE's; subnormal FP16 operands are off
 * by 2^-25 instead, flushed BF16 ones by themselves. K_FP16_FMA adds to that 2^-6 S + k 2^-25 at worst; with random
 * signs its whole error is about 2^-10 of the result's size.
 *
 * NaN and infinities take part as in kernels/gemm, what becomes one by rounding, too. At one level a result does not
 * depend on how the product is cut into pieces, nor on the number of threads, but for rows that stand alone (mr = 1),
 * whose K runs in four sums.
 */
#ifndef KERNELS_GEMM16_H
#define KERNELS_GEMM16_H

#include <stdbool.h>

#include "kernels/gemm/gemm.h"

typedef enum k_gemm16_way {
    K_BF16,
    K_FP16,
    K_BF16_DOT,
    K_FP16_FMA,
    K_BF16_TILE,
    K_FP32_TILE,
    K_GEMM16_WAYS
} k_gemm16_way;

#define KERNEL(level, way, symbol) extern const k_gemm symbol;
#define PORTABLE(way, symbol)      KERNEL(CPU_REF, way, symbol)
#include "kernels/gemm16/gemm16.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows; NULL: none. */
const k_gemm *k_gemm16_pick(k_gemm16_way way, cpu_level level);
/* Whether none of n finite floats (of any byte alignment), times `scale`, rounds to infinity in FP16. */
bool k_gemm16_fits(const void *x, int64_t n, float scale);

#endif
