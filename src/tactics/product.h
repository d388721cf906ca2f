/* SPDX-License-Identifier: MIT
 *
 * A product of kernels/gemm cut over the threads of a pool; used by MatMul, Gemm, Conv and ConvTranspose. And what
 * their tactics of 16-bit operands share: a tactic for each way of kernels/gemm16, for constant weights.
 */
#ifndef TACTICS_PRODUCT_H
#define TACTICS_PRODUCT_H

#include "base/mem.h"
#include "base/pool.h"
#include "kernels/gemm16/gemm16.h"
#include "tactics/tactic.h"

/* Bytes per thread, a multiple of 64. */
static inline size_t product_workspace(void) { return align_up(k_gemm_workspace(), 64); }

/* All of g. workspace: product_workspace() bytes for each thread. */
void product_run(pool *p, const k_gemm *k, const k_gemm_args *g, void *workspace);
/* All of B into dst. */
void product_pack(pool *p, const k_gemm *k, float *dst, const k_pack_src *s);

/* WAY(name, way of kernels/gemm16, precision): tactic_matmul_<name>, tactic_conv_<name> ... */
#define PRODUCT_WAYS(WAY)                                                                                              \
    WAY(bf16tile, K_BF16_TILE, TACTIC_BF16)                                                                            \
    WAY(bf16dot, K_BF16_DOT, TACTIC_BF16)                                                                              \
    WAY(bf16, K_BF16, TACTIC_BF16)                                                                                     \
    WAY(fp16fma, K_FP16_FMA, TACTIC_FP16)                                                                              \
    WAY(fp16, K_FP16, TACTIC_FP16)                                                                                     \
    WAY(fp32tile, K_FP32_TILE, TACTIC_F32)

/* Why this way cannot have input 1, to be multiplied by `scale`, as its weights; NULL: it can. */
const char *product_refuses(const tactic_query *q, k_gemm16_way way, float scale);
/* The product as a cost sees it; 0: unknown. */
typedef struct product_size {
    int64_t rows, channels; /* rows of A; floats of a row that lie together */
} product_size;
/* Why this way is probably not faster than FP32; NULL: it is. */
const char *product_slow(const tactic_query *q, k_gemm16_way way, product_size s);
/* d[0] d[1] .. d[n - 1]; 0 when one of them is not a number. */
int64_t typical_product(const tactic_query *q, const dim_t *d, int n);

#endif
