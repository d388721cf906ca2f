/* SPDX-License-Identifier: MIT
 *
 * Positions in sequences.
 */
#ifndef OPS_UTIL_SEQUENCE_H
#define OPS_UTIL_SEQUENCE_H

#include "ops/op.h"

/* The scalar t as a position in [-n, max], negative from the end of n. */
naru_status sequence_position(eval_ctx *c, const naru_tensor *t, int64_t n, int64_t max, int64_t *out);

#endif
