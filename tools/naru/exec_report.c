/* SPDX-License-Identifier: MIT
 *
 * naru exec's report, in the words that scripts look for.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of(double *v, size_t n) {
    if (!n) return 0;
    qsort(v, n, sizeof *v, by_size);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Element n-1-floor((1-p/100) n) of the ascending list. */
static double percentile_of(const double *v, size_t n, double p) {
    double back = floor((1 - p / 100) * (double)n);
    double at = (double)n - 1 - back;
    return n ? v[at > 0 ? (size_t)at : 0] : 0;
}

/* ---- the summary ---- */
static void summary_line(const exec_args *a, const char *name, double *v, size_t n) {
    char text[1200];
    double sum = 0, median = median_of(v, n);
    for (size_t i = 0; i < n; i++) sum += v[i];
    size_t at = (size_t)snprintf(text, sizeof text, "%s: min = %g ms, max = %g ms, mean = %g ms, median = %g ms", name,
                                 n ? v[0] : 0, n ? v[n - 1] : 0, n ? sum / (double)n : 0, median);
    for (int i = 0; i < a->npercentiles && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, ", percentile(%g%%) = %g ms", a->percentiles[i],
                               percentile_of(v, n, a->percentiles[i]));
    log_info("%s", text);
}

static void trace_lines(const exec_run *r) {
    size_t n = r->timing.count, each = (size_t)r->args->avg_runs, groups = n / each;
    log_info("=== Trace details ===");
    log_info("Trace averages of %zu runs:", each);
    for (size_t g = 0; g < groups; g++) {
        double sum = 0;
        if (g >= 200 && g + 200 < groups) continue;
        for (size_t i = 0; i < each; i++)
            sum += r->timing.items[g * each + i].end - r->timing.items[g * each + i].start;
        double mean = sum / (double)each;
        log_info("Average on %zu runs - GPU latency: %g ms - Host latency: %g ms (enqueue %g ms)", each, mean, mean,
                 mean);
    }
}

static double variation(const double *v, size_t n) { /* coefficient, percent */
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) sum += v[i];
    double mean = n ? sum / (double)n : 0;
    for (size_t i = 0; i < n; i++) square += (v[i] - mean) * (v[i] - mean);
    return mean > 0 ? 100 * sqrt(square / (double)n) / mean : 0;
}

void report_performance(const exec_run *r) {
    const timing *t = &r->timing;
    size_t n = t->count;
    double *v = take((n + 1) * sizeof *v), *zero = take((n + 1) * sizeof *zero), compute = 0;
    double last = 0;
    for (size_t i = 0; i < n; i++) {
        v[i] = t->items[i].end - t->items[i].start;
        zero[i] = 0;
        compute += v[i];
        if (t->items[i].end > last) last = t->items[i].end;
    }
    double wall = n ? (last - t->items[0].start) / 1e3 : 0;
    log_info("Warmup completed %zu queries over %g ms", t->warm_up, r->args->warm_up);
    log_info("Timing trace has %zu queries over %g s", n, wall);
    trace_lines(r);
    log_info("=== Performance summary ===");
    log_info("Throughput: %g qps", wall > 0 ? (double)n / wall : 0);
    summary_line(r->args, "Latency", v, n);
    summary_line(r->args, "Enqueue Time", v, n);
    summary_line(r->args, "H2D Latency", zero, n);
    summary_line(r->args, "GPU Compute Time", v, n);
    summary_line(r->args, "D2H Latency", zero, n);
    log_info("Total Host Walltime: %g s", wall);
    log_info("Total GPU Compute Time: %g s", compute / 1e3);
    log_info("Here the GPU is the CPU: a query is computed when it is enqueued, and nothing is transferred");
    if (r->args->streams > 1)
        log_warning("%lld streams share the CPU: latencies are those of a loaded machine", (long long)r->args->streams);
    double cv = variation(v, n);
    if (n > 1 && cv > 2.5)
        log_warning("GPU Compute Time varies (coefficient %.3g %%): the machine does other things too", cv);
    free(v);
    free(zero);
}

/* ---- layers ---- */
void report_profile(const exec_run *r) {
    const layer_times *p = &r->profile;
    naru_layer l = {.size = sizeof l};
    double total = 0, average = 0, median_sum = 0;
    double *one = take(((size_t)p->runs + 1) * sizeof *one);
    for (size_t i = 0; i < p->layers * (size_t)p->runs; i++) total += p->times[i];
    log_info("=== Profile (%lld iterations ) ===", (long long)p->runs);
    log_info("%11s %10s %12s %9s   %-9s %s", "Time(ms)", "Avg.(ms)", "Median(ms)", "Time(%)", "Precision", "Layer");
    for (size_t i = 0; i < p->layers; i++) {
        double sum = 0;
        memcpy(one, p->times + i * (size_t)p->runs, (size_t)p->runs * sizeof *one);
        for (int64_t k = 0; k < p->runs; k++) sum += one[k];
        if (sum <= 0) continue;
        double median = median_of(one, (size_t)p->runs);
        naru_engine_layer(r->engine, i, &l);
        log_info("%11.2f %10.4f %12.4f %9.1f   %-9s %s", sum, sum / (double)p->runs, median, 100 * sum / total,
                 l.precision, l.name);
        average += sum / (double)p->runs;
        median_sum += median;
    }
    log_info("%11.2f %10.4f %12.4f %9.1f   %-9s %s", total, average, median_sum, 100.0, "", "Total");
    free(one);
}

bool report_layers(const exec_args *a, const naru_engine *e) {
    naru_error err = NARU_ERROR_INIT;
    char *text = NULL;
    char why[WHY];
    bool ok = true;
    if (given(a, EXEC_dumpLayerInfo)) {
        ok = naru_engine_inspect(e, NARU_INSPECT_LINES, &text, &err) == NARU_OK;
        if (ok) log_info("Layer Information:"), fputs(text, stdout);
        naru_text_free(&text);
    }
    if (ok && given(a, EXEC_exportLayerInfo)) {
        ok = naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err) == NARU_OK;
        bool written = ok && write_file(a->value[EXEC_exportLayerInfo], text, strlen(text), why);
        naru_text_free(&text);
        if (ok && !written) return log_error("%s", why), false;
    }
    if (!ok) log_error("%s", err.message);
    return ok;
}

void report_profiles(const naru_engine *e) {
    static const char *const names[3] = {"min", "opt", "max"};
    naru_port p = {.size = sizeof p};
    for (int k = 0; k < naru_engine_profiles(e); k++)
        for (size_t i = 0; naru_engine_input(e, i, &p) == NARU_OK; i++) {
            char text[900];
            size_t at = (size_t)snprintf(text, sizeof text, "Profile %d, input %s:", k, p.name);
            for (int b = 0; b < 3; b++) {
                char dims[200];
                int rank = 0;
                int64_t d[NARU_MAX_RANK];
                naru_engine_profile_dims(e, k, p.name, (naru_select)b, &rank, d, NULL);
                at += (size_t)snprintf(text + at, sizeof text - at, " %s %s", names[b],
                                       rank < 0 ? "any" : dims_text(rank, d, dims, sizeof dims));
            }
            log_info("%s", text);
        }
}
