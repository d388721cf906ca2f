/* SPDX-License-Identifier: MIT
 *
 * The stable text form of graphs: printing. parse.h reads it and describes it.
 */
#ifndef GRAPH_PRINT_H
#define GRAPH_PRINT_H

#include "graph/graph.h"

/* Constants of more than 64 elements are cut short ("..."): for people. */
void graph_print(const graph *g, str *out);
/* Constants of more than `max_elements` elements are cut short; -1: none is, and parse.h reads the text back. */
void graph_print_full(const graph *g, int64_t max_elements, str *out);

#endif
