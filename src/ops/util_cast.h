/* SPDX-License-Identifier: MIT
 *
 * Conversion of whole tensors for Cast and CastLike.
 */
#ifndef OPS_UTIL_CAST_H
#define OPS_UTIL_CAST_H

#include "ops/op.h"

void infer_cast(infer_ctx *c, naru_dtype to); /* output 0: input 0's dims and integer content, other type */
naru_status cast_tensor(eval_ctx *c, const naru_tensor *x, naru_tensor *y, bool saturate, const char *round_mode);

#endif
