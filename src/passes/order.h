/* SPDX-License-Identifier: MIT
 *
 * Order of nodes: every value is defined before it is read.
 */
#ifndef PASSES_ORDER_H
#define PASSES_ORDER_H

#include "graph/graph.h"

/* Sorts each block of main whose nodes are out of order (stable otherwise). Errors: BAD_MODEL for a name that nothing
 * defines and for a cycle, naming the node. */
naru_status graph_sort(graph *g, naru_error *err);

#endif
