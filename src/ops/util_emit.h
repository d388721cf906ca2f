/* SPDX-License-Identifier: MIT
 *
 * Building small node chains in adapters and expansions: each call adds one node before `at` and returns its output;
 * after a failure everything returns NULL, so a chain is checked once at its end.
 */
#ifndef OPS_UTIL_EMIT_H
#define OPS_UTIL_EMIT_H

#include "ops/op.h"

value *emit1(lift_ctx *c, node *at, const char *op, value *a);
value *emit2(lift_ctx *c, node *at, const char *op, value *a, value *b);
value *emit3(lift_ctx *c, node *at, const char *op, value *a, value *b, value *d);
value *emit_cast(lift_ctx *c, node *at, value *a, naru_dtype to);
value *emit_ints(lift_ctx *c, const int64_t *v, int64_t n); /* int64 list constant */
value *emit_scalar(lift_ctx *c, naru_dtype d, double v);    /* scalar constant */
/* `v` takes over the only output of n; n is removed. */
naru_status emit_replace(lift_ctx *c, node *n, value *v);
int value_rank(const value *v); /* from constant, fact or declaration; -1 unknown */

#endif
