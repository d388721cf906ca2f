/* SPDX-License-Identifier: MIT
 *
 * At which opset an operator learned a type, an attribute or an input: op_desc.since, read for lowering. The text is
 * rows separated by ';': "T 22 bfloat16 float8" (a type variable, or a parameter with its own set, takes these since
 * 22; seq and opt are words too), "T never string" (our signature is wider than ONNX), "axes 18" (an attribute or an
 * input came at 18). Types that are younger than opset 13 need no row where the operator took them at once.
 */
#ifndef OPS_SINCE_H
#define OPS_SINCE_H

#include "ops/sig.h"

enum { SINCE_NEVER = 9999 };

/* The opset that brought the element type; 1 for those up to bfloat16. */
int since_dtype(naru_dtype d);
/* From which opset on parameter p takes a value of type t; 1: always. */
int since_type(const op_desc *op, const sig *s, const sig_param *p, const type *t);
/* The opset that brought the attribute or input of that name; 1: as old as the operator. */
int since_name(const op_desc *op, const char *name);

#endif
