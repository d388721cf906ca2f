/* SPDX-License-Identifier: MIT
 *
 * What the naru operators that passes make share: an activation by name after the result, and channels-last images
 * ([N, D..., C]) around an operator of ai.onnx that knows channels-first ones.
 */
#ifndef OPS_UTIL_FUSED_H
#define OPS_UTIL_FUSED_H

#include "ops/op.h"

/* Fails for a name that is no activation. "" is none. */
naru_status fused_check_activation(infer_ctx *c, int name_index);
/* y = activation(y + residual (NULL: none)); attributes `activation`, `activation_params` by table index. */
void fused_finish(eval_ctx *c, naru_tensor *y, const naru_tensor *residual, int name_index, int params_index);

/* inner's inference and evaluation of the node's first nin inputs; `last`: input 0 and output 0 are channels-last. The
 * node's attribute table begins with inner's. */
naru_status last_infer(infer_ctx *c, const op_desc *inner, int nin, bool last);
naru_status last_eval(eval_ctx *c, const op_desc *inner, int nin, bool last);

#endif
