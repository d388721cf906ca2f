/* SPDX-License-Identifier: MIT
 *
 * One element of a scatter: store or combine.
 */
#ifndef OPS_UTIL_SCATTER_H
#define OPS_UTIL_SCATTER_H

#include "ops/util_move.h"

/* y[at] = u[from], or y[at] combined with it: reduction "none", "add", "mul", "max", "min". False: out of memory. */
bool scatter_one(naru_tensor *y, int64_t at, const naru_tensor *u, int64_t from, const char *reduction);

#endif
