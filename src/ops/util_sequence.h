/* SPDX-License-Identifier: MIT
 *
 * Positions in sequences, and what is known of their elements.
 */
#ifndef OPS_UTIL_SEQUENCE_H
#define OPS_UTIL_SEQUENCE_H

#include "ops/op.h"

/* The scalar t as a position in [-n, max], negative from the end of n. */
naru_status sequence_position(eval_ctx *c, const naru_tensor *t, int64_t n, int64_t max, int64_t *out);

/* What holds for elements of both types; either may be NULL (nothing known). */
const type *sequence_element(infer_ctx *c, const type *a, const type *b);
void out_sequence(infer_ctx *c, int o, const type *elem);

#endif
