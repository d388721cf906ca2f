/* SPDX-License-Identifier: MIT
 *
 * Reductions over any set of axes, and ArgMax/ArgMin over one.
 */
#ifndef OPS_UTIL_REDUCE_H
#define OPS_UTIL_REDUCE_H

#include "ops/util_lower.h"

extern const attr_def reduce_attrs[];                            /* keepdims, noop_with_empty_axes */
extern const adapter reduce_adapters_13[], reduce_adapters_18[]; /* attribute axes becomes input 1 at that opset */
naru_status infer_reduce(infer_ctx *c);
/* Below 18: axes as an attribute, for which they must be constant; no axis at all with noop_with_empty_axes leaves the
 * operator `alone` on each element (Identity, Abs, ...; Mul: the square). */
naru_status reduce_down18(lower_ctx *c, node *n, const char *alone);
naru_status reduce_down20(lower_ctx *c, node *n); /* of bool: over integers */
/* f over the gathered elements of each result; g for integer types when given. */
naru_status eval_reduce(eval_ctx *c, double (*f)(const double *, int64_t), int64_t (*g)(const int64_t *, int64_t));

extern const attr_def arg_attrs[]; /* axis, keepdims, select_last_index */
naru_status infer_arg(infer_ctx *c);
naru_status eval_arg(eval_ctx *c, bool (*better)(double, double));

#endif
