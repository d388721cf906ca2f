/* SPDX-License-Identifier: MIT
 *
 * Reductions over any set of axes, and ArgMax/ArgMin over one.
 */
#ifndef OPS_UTIL_REDUCE_H
#define OPS_UTIL_REDUCE_H

#include "ops/op.h"

extern const attr_def reduce_attrs[];                            /* keepdims, noop_with_empty_axes */
extern const adapter reduce_adapters_13[], reduce_adapters_18[]; /* attribute axes becomes input 1 at that opset */
naru_status infer_reduce(infer_ctx *c);
/* f over the gathered elements of each result; g for integer types when given. */
naru_status eval_reduce(eval_ctx *c, double (*f)(const double *, int64_t), int64_t (*g)(const int64_t *, int64_t));

extern const attr_def arg_attrs[]; /* axis, keepdims, select_last_index */
naru_status infer_arg(infer_ctx *c);
naru_status eval_arg(eval_ctx *c, bool (*better)(double, double));

#endif
