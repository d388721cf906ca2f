/* SPDX-License-Identifier: MIT
 *
 * What can be wrong with a graph as written before any operator is looked at: names, order, imports, declarations.
 */
#ifndef PASSES_STRUCTURE_H
#define PASSES_STRUCTURE_H

#include "graph/graph.h"

/* Reports every finding, and repairs the graph so that operators can be looked at all the same: an undefined name
 * becomes an input of unknown type, a second definition gets a fresh name. For checking only: the graph no longer is
 * the file's. */
naru_status structure_check(graph *g, naru_report *report, naru_error *err);

#endif
