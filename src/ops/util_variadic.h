/* SPDX-License-Identifier: MIT
 *
 * Operators that fold any number of broadcast inputs with one binary function.
 */
#ifndef OPS_UTIL_VARIADIC_H
#define OPS_UTIL_VARIADIC_H

#include "ops/op.h"

/* out = f(f(in0, in1), in2) ... / divide. */
naru_status eval_variadic(eval_ctx *c, double (*f)(double, double), int64_t (*g)(int64_t, int64_t), double divide);

#endif
