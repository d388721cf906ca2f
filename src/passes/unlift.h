/* SPDX-License-Identifier: MIT
 *
 * The last step of lowering: from the lifted state, all nodes in the form of one opset, to the as-written state.
 */
#ifndef PASSES_UNLIFT_H
#define PASSES_UNLIFT_H

#include "ops/op.h"

/* Removes nodes that were made and are not read, constants that nothing reads, value_info of what is gone, functions;
 * constants that are a block's output become Constant nodes; node names are made unique; imports and IR version are
 * those of ai.onnx `version`. Errors: OUT_OF_MEMORY. */
naru_status graph_unlift(graph *g, int64_t version, naru_error *err);

#endif
