/* SPDX-License-Identifier: MIT
 *
 * Checking by lifting and inferring with a report.
 */
#include "passes/check.h"

#include "passes/lift.h"

naru_status graph_check(graph *g, naru_report *report, naru_error *err) {
    naru_error local = NARU_ERROR_INIT;
    naru_status st = graph_lift(g, report, &local);
    if (st == NARU_OUT_OF_MEMORY) return err_oom(err);
    if (st == NARU_OK) return graph_infer(g, NULL, report, err);
    if (!naru_report_count(report, NARU_SEVERITY_ERROR))
        return report_add(report, NARU_SEVERITY_ERROR, "structure", "graph", "", "%s", local.message);
    return NARU_OK;
}
