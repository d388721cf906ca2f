/* SPDX-License-Identifier: MIT
 *
 * Passes over lifted graphs. A pass proposes one patch at a time; the driver applies it, verifies the graph, counts,
 * and stops after `stop_after` patches (bisection). passes.def lists the passes in their order.
 */
#ifndef PASSES_PASS_H
#define PASSES_PASS_H

#include "ops/op.h"

typedef struct pass_options {
    bool optimize;      /* false: only what running needs */
    int64_t stop_after; /* patches; 0: no limit */
    int cpu;            /* cpu_level: layouts depend on it */
    const char *only;   /* names of passes, "layout,sink_transposes": no others run; NULL: all */
} pass_options;

typedef struct pass_row {
    const char *name, *help;
    uint64_t firings; /* filled by passes_run when the caller gives a table */
} pass_row;

/* Infers facts and runs every pass to its fixed point. */
naru_status passes_run(graph *g, const pass_options *o, naru_error *err);
/* The same, adding each pass's patches to rows[pass_count()].firings. */
naru_status passes_run_counted(graph *g, const pass_options *o, pass_row *rows, naru_error *err);
size_t pass_count(void);
const char *pass_name(size_t i, const char **help);

#endif
