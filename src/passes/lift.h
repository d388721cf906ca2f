/* SPDX-License-Identifier: MIT
 *
 * Lifting: from the graph as written to the vocabulary that has inference, evaluation and kernels
 * (docs/architecture.md).
 */
#ifndef PASSES_LIFT_H
#define PASSES_LIFT_H

#include "ops/op.h"

/* Sorts nodes, inlines model-local functions, adapts every node to its newest definition, orders attributes by the op's
 * table, turns Constant nodes into constants. All unsupported operators and malformed
 * nodes go to report (may be NULL); the error has the first and their number. g is not usable after a failure. */
naru_status graph_lift(graph *g, naru_report *report, naru_error *err);
/* One node that is in the newest vocabulary already (edit.h): its operator, number of inputs, attributes. The message
 * does not name the node. */
naru_status node_lift(graph *g, node *n, naru_error *err);

#endif
