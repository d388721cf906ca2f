/* SPDX-License-Identifier: MIT
 *
 * What the fusing passes share: turning a product node (Conv, MatMul) into its fused form (naru.FusedConv,
 * naru.FusedMatMul), and reading patterns of arithmetic.
 */
#ifndef PASSES_FUSE_H
#define PASSES_FUSE_H

#include "passes/rewrite.h"

enum { FUSE_BIAS = 2, FUSE_RESIDUAL = 3, FUSE_INPUTS = 4 };

/* v's producer when it is Conv or MatMul, plain or fused, in float32, of the root's block, read by nobody else. */
node *fuse_product(const rewriter *r, const value *v);
bool fuse_is_plain(const node *p); /* no activation yet */
bool fuse_has_residual(const node *p);
/* The fused form of p before the root, everything copied; its value. */
value *fuse_start(rewriter *r, const node *p);

/* For a commutative root or node: the operand beside `v`; NULL when v is not an operand. */
value *other_operand(const node *n, const value *v);
/* One operand is the constant `want` (relative tolerance 1e-3 for irrational ones): the other one. */
value *operand_beside_scalar(const node *n, double want);
/* A per-channel constant: `channels` doubles (arena) from a constant that broadcasts along `axis` of rank-`rank`
 * values; one element is repeated. NULL when it is none. */
const double *channel_constant(rewriter *r, const value *v, int rank, int axis, int64_t channels);

#endif
