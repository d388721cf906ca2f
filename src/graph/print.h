/* SPDX-License-Identifier: MIT
 *
 * The stable text form of graphs: printing. parse.h reads it.
 */
#ifndef GRAPH_PRINT_H
#define GRAPH_PRINT_H

#include "graph/graph.h"

void graph_print(const graph *g, str *out);

#endif
