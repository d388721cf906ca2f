/* SPDX-License-Identifier: MIT
 *
 * Running sums and products along an axis.
 */
#ifndef OPS_UTIL_CUMULATE_H
#define OPS_UTIL_CUMULATE_H

#include "ops/op.h"

extern const attr_def cumulate_attrs[]; /* exclusive, reverse */
bool cumulate_is_exclusive(const node *n);
bool cumulate_is_reverse(const node *n);
naru_status eval_cumulate(eval_ctx *c, double (*f)(double, double), int64_t (*g)(int64_t, int64_t), int start);

#endif
