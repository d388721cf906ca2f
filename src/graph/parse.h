/* SPDX-License-Identifier: MIT
 *
 * The stable text form of graphs: the language of pass tests, dumps and bug reports. print.h writes it.
 *
 *   ir 8
 *   opset "" 17
 *   graph "name" {
 *     input x: float[batch,3,2*h+1]
 *     const w = float[2,2] {1, 0.5, -2, 4}
 *     y, _ = com.microsoft::Op#overload(x, _, w) {axis:int = 1, pads:ints = [0, 1], mode:string = "a", body:block = {
 *       ...
 *     }}
 *     output y: float[...]
 *   }
 *   function my.domain::name { ... }
 *
 * "_" is an omitted input or output; a name that is not a plain word stands in quotes (\" \\ \xNN). A type is
 * DTYPE[dims], "?", seq(T), optional(T), map(K,V); a dim is a number, "?", or an expression; "[...]": unknown rank. '#'
 * begins a comment, except right behind an operator's name. A "lifted graph" reads as one that is to be lifted.
 */
#ifndef GRAPH_PARSE_H
#define GRAPH_PARSE_H

#include "graph/graph.h"

/* The graph as written. Errors: BAD_MODEL with line and what was expected, LIMIT (nesting), OUT_OF_MEMORY. */
naru_status graph_parse(const char *text, graph **out, naru_error *err);

#endif
