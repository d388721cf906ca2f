/* SPDX-License-Identifier: MIT
 *
 * Lowering: from the lifted graph back to a graph as written at an opset that the user chooses; the reverse of lift.h.
 */
#ifndef PASSES_LOWER_H
#define PASSES_LOWER_H

#include "ops/op.h"

enum { LOWER_OPSET_MIN = 13, LOWER_OPSET_MAX = 28 };

/* g lifted, not fused, main inputs with their types. Afterwards g is as written, at ai.onnx `version` with the IR
 * version that goes with it: each node in the form that its operator had then, or expressed by operators of then; what
 * the opset's types lack is computed in a wider type. Attributes that have their default are left out, constants are
 * initializers (those that are a block's output are Constant nodes). Nodes of unknown domains (node->op NULL) stay as
 * they are. Everything that cannot be said at that opset goes to report (may be NULL), with the opset that it needs;
 * the error has the first and their number; so do warnings of what differs in rare cases. g is not usable after a
 * failure. Errors: INVALID_ARGUMENT (version), UNSUPPORTED, what inference finds, OUT_OF_MEMORY. */
naru_status graph_lower(graph *g, int64_t version, naru_report *report, naru_error *err);
/* The IR version that came with an opset. */
int64_t lower_ir_version(int64_t version);

#endif
