/* SPDX-License-Identifier: MIT
 *
 * A product of kernels/gemm cut over the threads of a pool; used by MatMul, Gemm, Conv and ConvTranspose.
 */
#ifndef TACTICS_PRODUCT_H
#define TACTICS_PRODUCT_H

#include "base/mem.h"
#include "base/pool.h"
#include "kernels/gemm/gemm.h"

/* Bytes per thread, a multiple of 64. */
static inline size_t product_workspace(void) { return align_up(k_gemm_workspace(), 64); }

/* All of g. workspace: product_workspace() bytes for each thread. */
void product_run(pool *p, const k_gemm *k, const k_gemm_args *g, void *workspace);
/* All of B into dst. */
void product_pack(pool *p, const k_gemm *k, float *dst, const k_pack_src *s);

#endif
