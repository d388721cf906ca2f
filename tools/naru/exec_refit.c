/* SPDX-License-Identifier: MIT
 *
 * naru exec: other weights for the engine at hand: --refitFromOnnx, --timeRefit, --dumpRefit.
 */
#include "exec.h"

static bool failed(const naru_error *err) { return log_error("%s", err->message), false; }

static void print_weights(const naru_refitter *r) {
    naru_weight w = {.size = sizeof w};
    log_info("Refittable weights: %zu", naru_refitter_weights(r));
    for (size_t i = 0; naru_refitter_weight(r, i, &w) == NARU_OK; i++) {
        char dims[NARU_MAX_RANK * 22 + 8] = "scalar";
        for (int d = 0, at = 0; d < w.rank; d++)
            at += snprintf(dims + at, sizeof dims - (size_t)at, "%s%lld", d ? "x" : "", (long long)w.dims[d]);
        log_info("  %s: %s %s", w.name, naru_dtype_name(w.dtype), dims);
    }
}

static bool refit(naru_refitter *r, const naru_model *m) {
    naru_error err = NARU_ERROR_INIT;
    naru_report *report = NULL;
    double start = now_ms();
    if (naru_refitter_set_from_model(r, m, &err) != NARU_OK) return failed(&err);
    size_t changed = naru_refitter_changed(r);
    naru_report_create(&report, NULL);
    naru_status st = naru_refitter_refit(r, report, &err);
    exec_tell_report(report);
    naru_report_destroy(&report);
    if (st != NARU_OK) return failed(&err);
    if (changed) log_info("Engine refitted in %.6g sec.", (now_ms() - start) / 1e3);
    log_info("%zu of %zu weights differed from those of the engine", changed, naru_refitter_weights(r));
    return true;
}

bool exec_refit(const exec_args *a, naru_engine *e) {
    naru_error err = NARU_ERROR_INIT;
    naru_refitter *r = NULL;
    naru_model *m = NULL;
    const char *path = a->value[EXEC_refitFromOnnx];
    if (!path && !given(a, EXEC_dumpRefit)) return true;
    bool ok = naru_refitter_create(e, &r, &err) == NARU_OK || failed(&err);
    if (ok && path) ok = naru_model_load(path, a->options, &m, &err) == NARU_OK || failed(&err);
    if (ok && path) ok = refit(r, m);
    if (ok && given(a, EXEC_dumpRefit)) print_weights(r);
    naru_model_destroy(&m);
    naru_refitter_destroy(&r);
    return ok;
}
