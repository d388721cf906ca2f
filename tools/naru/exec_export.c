/* SPDX-License-Identifier: MIT
 *
 * naru exec's files: times, layers and outputs as JSON in trtexec's shapes, tensors as raw bytes or .npy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"

static bool export_json(const char *path, json_t *root) { /* takes the reference */
    char why[WHY];
    bool ok = write_json(path, root, JSON_INDENT(2) | JSON_REAL_PRECISION(10), why);
    if (!ok) log_error("%s", why);
    return ok;
}

bool export_times(const exec_run *r) {
    json_t *all = json_array();
    for (size_t i = 0; i < r->timing.count; i++) {
        double a = r->timing.items[i].start, b = r->timing.items[i].end;
        json_array_append_new(all, json_pack("{s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f}", "startEnqMs", a,
                                             "endEnqMs", b, "startH2dMs", a, "endH2dMs", a, "startComputeMs", a,
                                             "endComputeMs", b, "startD2hMs", b, "endD2hMs", b, "h2dMs", 0.0,
                                             "computeMs", b - a, "d2hMs", 0.0, "latencyMs", b - a));
    }
    return export_json(r->args->value[EXEC_exportTimes], all);
}

bool export_profile(const exec_run *r) {
    const layer_times *p = &r->profile;
    json_t *all = json_array();
    double total = 0, *one = take(((size_t)p->runs + 1) * sizeof *one);
    for (size_t i = 0; i < p->layers * (size_t)p->runs; i++) total += p->times[i];
    json_array_append_new(all, json_pack("{s:I}", "count", (json_int_t)p->runs));
    for (size_t i = 0; i < p->layers; i++) {
        naru_layer l = {.size = sizeof l};
        double sum = 0;
        memcpy(one, p->times + i * (size_t)p->runs, (size_t)p->runs * sizeof *one);
        for (int64_t k = 0; k < p->runs; k++) sum += one[k];
        naru_engine_layer(r->engine, i, &l);
        json_array_append_new(all, json_pack("{s:s s:f s:f s:f s:f}", "name", utf8(l.name), "timeMs", sum, "averageMs",
                                             sum / (double)p->runs, "medianMs", median_of(one, (size_t)p->runs),
                                             "percentage", total > 0 ? 100 * sum / total : 0));
    }
    free(one);
    return export_json(r->args->value[EXEC_exportProfile], all);
}

/* ---- tensors ---- */
static void dims_x(const naru_tensor *t, const char *sep, char *buf, size_t size) {
    size_t at = 0;
    *buf = 0;
    for (int d = 0; d < naru_tensor_rank(t) && at < size; d++)
        at += (size_t)snprintf(buf + at, size - at, "%s%lld", d ? sep : "", (long long)naru_tensor_dims(t)[d]);
}

static bool is_whole(naru_dtype d) {
    return d == NARU_INT8 || d == NARU_UINT8 || d == NARU_INT16 || d == NARU_UINT16 || d == NARU_INT32 ||
           d == NARU_UINT32 || d == NARU_INT64 || d == NARU_UINT64 || d == NARU_BOOL;
}

static json_t *output_object(const char *name, const naru_tensor *t) {
    char dims[300];
    json_t *values = json_array();
    dims_x(t, "x", dims, sizeof dims);
    for (int64_t i = 0; i < naru_tensor_count(t); i++) {
        double v = naru_tensor_get(t, i);
        json_array_append_new(values, is_whole(naru_tensor_dtype(t)) ? json_integer((json_int_t)v) : json_number(v));
    }
    return json_pack("{s:s s:s s:o}", "name", utf8(name), "dimensions", dims, "values", values);
}

static void dump(const char *name, const naru_tensor *t) {
    char dims[300];
    dims_x(t, "x", dims, sizeof dims);
    log_info("Output Tensor:");
    log_info("%s: (%s)", name, dims);
    for (int64_t i = 0; i < naru_tensor_count(t); i++) printf("%s%g", i ? " " : "", naru_tensor_get(t, i));
    printf("\n");
}

/* NAME.output.1.10.float.raw, characters that file names do not like replaced. */
static bool dump_raw(const char *name, const char *mode, const naru_tensor *t) {
    char dims[300], path[1000];
    naru_error err = NARU_ERROR_INIT;
    dims_x(t, ".", dims, sizeof dims);
    snprintf(path, sizeof path, "%s.%s.%s%s%s.raw", name, mode, dims, *dims ? "." : "",
             naru_dtype_name(naru_tensor_dtype(t)));
    for (char *p = path; *p; p++)
        if (*p == '/' || *p == ':' || *p == '\\' || (unsigned char)*p < 0x20) *p = '_';
    if (naru_tensor_save(t, path, &err) == NARU_OK) return true;
    return log_error("%s", err.message), false;
}

static bool save_named(const spec_list *files, const char *name, const naru_value *v) {
    naru_error err = NARU_ERROR_INIT;
    spec_item *f = spec_find(files, name);
    if (!f || save_value(v, f->text, &err) == NARU_OK) return true;
    return log_error("%s", err.message), false;
}

static bool tell_output(const exec_run *r, const naru_port *p, const spec_list *files, json_t *all) {
    naru_error err = NARU_ERROR_INIT;
    naru_value *v;
    if (naru_context_output(r->contexts[0], p->name, &v, &err) != NARU_OK) return log_error("%s", err.message), false;
    naru_tensor *t = naru_value_tensor(v);
    bool plain = t && naru_tensor_dtype(t) != NARU_STRING;
    if (plain && given(r->args, EXEC_dumpOutput)) dump(p->name, t);
    if (plain && all) json_array_append_new(all, output_object(p->name, t));
    if (plain && given(r->args, EXEC_dumpRawBindingsToFile) && !dump_raw(p->name, "output", t)) return false;
    return save_named(files, p->name, v);
}

bool report_outputs(const exec_run *r) {
    spec_list files = {0};
    json_t *all = given(r->args, EXEC_exportOutput) ? json_array() : NULL;
    bool ok = !given(r->args, EXEC_saveOutputs) || spec_parse("saveOutputs", r->args->value[EXEC_saveOutputs], &files);
    for (size_t i = 0; ok && i < r->out.count; i++) ok = tell_output(r, &r->out.items[i], &files, all);
    if (ok) ok = spec_all_used("saveOutputs", &files, &r->out);
    spec_free(&files);
    if (!all) return ok;
    return export_json(r->args->value[EXEC_exportOutput], all) && ok;
}
