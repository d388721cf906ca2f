/* SPDX-License-Identifier: MIT
 *
 * Checking a graph as written: structure, SSA, order, names, attributes, types, shapes, opsets; everything, not the
 * first.
 */
#ifndef PASSES_CHECK_H
#define PASSES_CHECK_H

#include "graph/graph.h"

/* Findings go to report with stable kebab-case codes. g may be changed by it (facts, lifting): it is used up. */
naru_status graph_check(graph *g, naru_report *report, naru_error *err);

#endif
