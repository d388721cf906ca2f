/* SPDX-License-Identifier: MIT
 *
 * A method of a module as a graph as written: what naru_export writes, and what networks are made of.
 */
#ifndef API_EXPORT_H
#define API_EXPORT_H

#include "graph/graph.h"
#include "naru/script.h"

naru_status export_module(naru_module *n, const naru_export_options *o, graph **g, naru_report *report,
                          naru_error *err);

#endif
