/* SPDX-License-Identifier: MIT
 *
 * Integer products spelled in doubles: every 8-bit product and every sum of 2^37 of them is exact, so the result has the bits
 * of INT32 arithmetic. Kernels may replace the whole chain.
 */
#ifndef OPS_UTIL_QCHAIN_H
#define OPS_UTIL_QCHAIN_H

#include "ops/util_emit.h"

/* double(x) - double(zp); zp may be NULL. trail: dims of size 1 to put behind a per-channel zero point. */
value *centered(lift_ctx *c, node *at, value *x, value *zp, int trail);
/* saturate(round half even(acc * scale) + zp) as zp's type. */
value *requantized(lift_ctx *c, node *at, value *acc, value *scale, value *zp);
/* v reshaped so that its elements lie along an axis with `trail` axes behind it (scalars keep broadcasting). */
value *along(lift_ctx *c, node *at, value *v, int trail);
static inline value *arg(const node *n, int i) { return i < n->nin ? n->in[i] : NULL; }

#endif
