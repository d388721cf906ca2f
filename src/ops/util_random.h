/* SPDX-License-Identifier: MIT
 *
 * Random numbers of the random operators: SplitMix64, seeded by the node's `seed` attribute or drawn from the run's
 * state.
 */
#ifndef OPS_UTIL_RANDOM_H
#define OPS_UTIL_RANDOM_H

#include "ops/op.h"

uint64_t random_state(eval_ctx *c, int seed_attr); /* seed_attr: index of an INT or FLOAT attribute */
uint64_t random_bits(uint64_t *state);
double random_uniform(uint64_t *state); /* [0, 1) */
double random_normal(uint64_t *state);
naru_status infer_random_shape(infer_ctx *c, int dtype_attr, int shape_attr);
naru_status infer_random_like(infer_ctx *c, int dtype_attr); /* absent dtype: the input's */

#endif
