/* SPDX-License-Identifier: MIT
 *
 * The invariants of a graph that passes and the engine rely on.
 */
#ifndef GRAPH_VERIFY_H
#define GRAPH_VERIFY_H

#include "graph/graph.h"

/* Lists are linked well, every value has one definition that knows it, and is defined before it is read (bodies see
 * what was defined before their node). INTERNAL with the first violation: a verified graph breaks only by a bug. */
naru_status graph_verify(const graph *g, naru_error *err);

#endif
