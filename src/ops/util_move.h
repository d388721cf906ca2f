/* SPDX-License-Identifier: MIT
 *
 * Moving elements of any type, strings and packed types under a byte included: the body of every movement operator.
 */
#ifndef OPS_UTIL_MOVE_H
#define OPS_UTIL_MOVE_H

#include "ops/op.h"

/* dst[di .. di+n) = src[si .. si+n), both contiguous, same dtype. False: out of memory (strings). */
bool move_elems(naru_tensor *dst, int64_t di, const naru_tensor *src, int64_t si, int64_t n);
/* out (allocated) from x: out[i0..] = x[offset + sum i_k * stride_k], strides in elements of x, may be negative or 0.
 */
naru_status move_strided(eval_ctx *c, naru_tensor *out, const naru_tensor *x, int64_t offset, const int64_t *strides);
/* Every element of out becomes element si of src. */
bool move_fill(naru_tensor *dst, const naru_tensor *src, int64_t si);
/* Row-major strides of dims. */
void row_strides(int rank, const int64_t *dims, int64_t *strides);
/* An int64 rank-1 constant of block b holding v[0..n); NULL: out of memory. For adapters: attribute becomes input. */
value *const_ints(graph *g, block *b, const int64_t *v, int64_t n);
/* Turns the INTS attribute `name` of an as-written node into input `at` (as int64 constant) and removes it. */
naru_status attr_ints_to_input(lift_ctx *c, node *n, const char *name, int at);

#endif
