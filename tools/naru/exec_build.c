/* SPDX-License-Identifier: MIT
 *
 * naru exec: from the command line to an engine: the network, its profiles, the build; or a plan.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec.h"
#include "module.h"

static const char *const bound_options[3] = {"minShapes", "optShapes", "maxShapes"};

static bool failed(const naru_error *err) { return log_error("%s", err->message), false; }

void exec_tell_report(const naru_report *r) {
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(r, i, &f) == NARU_OK; i++) {
        const char *sep = *f.where ? ": " : "", *dash = *f.hint ? "; " : "";
        if (f.severity == NARU_SEVERITY_NOTE) log_info("%s%s%s%s%s", f.where, sep, f.message, dash, f.hint);
        else if (f.severity == NARU_SEVERITY_WARNING) log_warning("%s%s%s%s%s", f.where, sep, f.message, dash, f.hint);
        else log_error("%s%s%s%s%s", f.where, sep, f.message, dash, f.hint);
    }
}

bool is_shape_tensor(const naru_port *p) {
    return (p->dtype == NARU_INT64 || p->dtype == NARU_INT32) && (p->rank == 0 || (p->rank == 1 && p->dims[0] >= 0));
}

/* ---- ports ---- */
ports engine_inputs(const naru_engine *e) {
    ports p = {NULL, naru_engine_inputs(e)};
    p.items = take((p.count + 1) * sizeof *p.items);
    for (size_t i = 0; i < p.count; i++) naru_engine_input(e, i, &p.items[i]);
    return p;
}

ports engine_outputs(const naru_engine *e) {
    ports p = {NULL, naru_engine_outputs(e)};
    p.items = take((p.count + 1) * sizeof *p.items);
    for (size_t i = 0; i < p.count; i++) naru_engine_output(e, i, &p.items[i]);
    return p;
}

static ports network_inputs(const naru_network *n) {
    ports p = {NULL, naru_network_inputs(n)};
    p.items = take((p.count + 1) * sizeof *p.items);
    for (size_t i = 0; i < p.count; i++) naru_network_input(n, i, &p.items[i]);
    return p;
}

/* ---- profiles ---- */
typedef struct bounds {
    spec_list lists[3];
    bool given[3];
} bounds;

/* What stands for a bound that is not given: min and max take opt, opt takes max, else the one there is. */
static int stand_in(const bool there[3], int b) {
    static const int order[3][2] = {{1, 2}, {2, 0}, {1, 0}};
    if (there[b]) return b;
    return there[order[b][0]] ? order[b][0] : there[order[b][1]] ? order[b][1] : -1;
}

static bool dynamic(const naru_port *p) {
    if (p->kind != NARU_KIND_TENSOR || p->rank < 0) return false;
    for (int d = 0; d < p->rank; d++)
        if (p->dims[d] < 0) return true;
    return false;
}

static bool add_default(const exec_args *a, const naru_port *p, naru_profile *to) {
    naru_error err = NARU_ERROR_INIT;
    int64_t dims[NARU_MAX_RANK];
    char text[200];
    for (int d = 0; d < p->rank; d++) dims[d] = p->dims[d] >= 0 ? p->dims[d] : d == 0 && a->batch ? a->batch : 1;
    log_warning(
        "Dynamic dimensions required for input: %s, but no shapes were provided. Automatically overriding shape "
        "to: %s",
        p->name, dims_text(p->rank, dims, text, sizeof text));
    for (int b = 0; b < 3; b++)
        if (naru_profile_set_dims(to, p->name, (naru_select)b, p->rank, dims, &err) != NARU_OK) return failed(&err);
    return true;
}

static bool add_input(const exec_args *a, const naru_port *p, bounds *x, naru_profile *to) {
    naru_error err = NARU_ERROR_INIT;
    spec_item *items[3];
    bool there[3];
    for (int b = 0; b < 3; b++) {
        items[b] = x->given[b] ? spec_find(&x->lists[b], p->name) : NULL;
        there[b] = items[b] != NULL;
    }
    if (!there[0] && !there[1] && !there[2]) return !dynamic(p) || add_default(a, p, to);
    for (int b = 0; b < 3; b++) {
        int from = stand_in(there, b);
        shape s;
        if (from != b)
            log_warning("input '%s': no --%s, that of --%s is used", p->name, bound_options[b], bound_options[from]);
        if (!spec_dims(bound_options[from], items[from], &s)) return false;
        naru_status st = is_shape_tensor(p)
                             ? naru_profile_set_values(to, p->name, (naru_select)b, (size_t)s.rank, s.dims, &err)
                             : naru_profile_set_dims(to, p->name, (naru_select)b, s.rank, s.dims, &err);
        if (st != NARU_OK) return failed(&err);
    }
    return true;
}

/* Names that are no input's are typing errors. */
static bool names_known(const char *option, const spec_list *l, const ports *in) {
    for (size_t i = 0; i < in->count; i++) spec_find(l, in->items[i].name);
    return spec_all_used(option, l, in);
}

static bool add_profile(const exec_args *a, const ports *in, const profile_spec *s, naru_builder_config *c) {
    bounds x = {0};
    bool only = s->bound[0] && s->bound[0] == a->value[EXEC_shapes];
    naru_profile *p = NULL;
    naru_error err = NARU_ERROR_INIT;
    bool ok = naru_profile_create(&p, &err) == NARU_OK;
    for (int b = 0; ok && b < 3; b++) {
        x.given[b] = s->bound[b] != NULL;
        const char *option = only ? "shapes" : bound_options[b];
        if (x.given[b]) ok = spec_parse(option, s->bound[b], &x.lists[b]) && names_known(option, &x.lists[b], in);
    }
    for (size_t i = 0; ok && i < in->count; i++) ok = add_input(a, &in->items[i], &x, p);
    if (ok && naru_builder_config_add_profile(c, p, NULL, &err) != NARU_OK) ok = failed(&err);
    for (int b = 0; b < 3; b++) spec_free(&x.lists[b]);
    naru_profile_destroy(&p);
    return ok;
}

static bool add_profiles(const exec_args *a, const ports *in, naru_builder_config *c) {
    profile_spec only = {{a->value[EXEC_shapes], a->value[EXEC_shapes], a->value[EXEC_shapes]}};
    if (!a->nprofiles) return add_profile(a, in, &only, c);
    for (int i = 0; i < a->nprofiles; i++) {
        const profile_spec *s = &a->profiles[i];
        if (!s->bound[0] && !s->bound[1] && !s->bound[2]) return log_error("--profile=%d has no shapes", i), false;
        if (!add_profile(a, in, s, c)) return false;
    }
    return true;
}

/* ---- networks ---- */
static bool open_onnx(const exec_args *a, const char *path, naru_network **out) {
    naru_error err = NARU_ERROR_INIT;
    naru_model *m;
    if (naru_model_load(path, a->options, &m, &err) != NARU_OK) return failed(&err);
    bool ok = naru_network_create(m, out, &err) == NARU_OK || failed(&err);
    naru_model_destroy(&m);
    return ok;
}

/* Inputs of a module in the order of --optShapes (or what there is): an axis that differs between the bounds of any
 * profile is dynamic. */
typedef struct module_inputs {
    naru_export_input *items;
    size_t count;
} module_inputs;

static bool merge_bound(module_inputs *x, const char *option, const char *text) {
    spec_list l = {0};
    bool ok = spec_parse(option, text, &l);
    for (size_t i = 0; ok && i < l.count; i++) {
        shape s;
        if (!(ok = spec_dims(option, &l.items[i], &s))) break;
        size_t k = 0;
        while (k < x->count && strcmp(x->items[k].name, s.name) != 0) k++;
        if (k == x->count) {
            x->items = regrow(x->items, (k + 1) * sizeof *x->items);
            x->items[k] =
                (naru_export_input){.size = sizeof *x->items, .dtype = s.dtype ? s.dtype : NARU_FLOAT, .rank = s.rank};
            x->items[k].name = copy_text(s.name, strlen(s.name));
            memcpy(x->items[k].dims, s.dims, sizeof s.dims);
            x->count++;
        }
        naru_export_input *e = &x->items[k];
        if (e->rank != s.rank) ok = false, log_error("--%s: input '%s' has two ranks", option, s.name);
        for (int d = 0; ok && d < s.rank; d++)
            if (e->dims[d] != s.dims[d] && e->dims[d] >= 0) {
                char symbol[300];
                snprintf(symbol, sizeof symbol, "%s_%d", e->name, d);
                e->dims[d] = -1;
                e->symbols[d] = copy_text(symbol, strlen(symbol));
            }
    }
    spec_free(&l);
    return ok;
}

static bool module_shapes(const exec_args *a, module_inputs *x) {
    static const int order[3] = {1, 0, 2};
    for (int i = 0; i < a->nprofiles; i++)
        for (int k = 0; k < 3; k++) {
            const char *text = a->profiles[i].bound[order[k]];
            if (text && !merge_bound(x, bound_options[order[k]], text)) return false;
        }
    if (!x->count && given(a, EXEC_shapes)) return merge_bound(x, "shapes", a->value[EXEC_shapes]);
    if (!x->count)
        return log_error("a TorchScript module does not tell its inputs: give --shapes or --optShapes, in the order of "
                         "the arguments"),
               false;
    return true;
}

static bool open_module(const exec_args *a, const char *path, naru_network **out) {
    naru_error err = NARU_ERROR_INIT;
    module_inputs x = {0};
    naru_module *m = NULL;
    naru_report *r = NULL;
    bool ok = module_shapes(a, &x);
    if (ok) ok = naru_module_load(path, a->options, &m, &err) == NARU_OK || failed(&err);
    if (ok) {
        naru_export_options o = {.size = sizeof o, .opset = 17, .inputs = x.items, .ninputs = x.count};
        naru_report_create(&r, NULL);
        ok = naru_network_from_module(m, &o, out, r, &err) == NARU_OK;
        exec_tell_report(r);
        if (!ok) failed(&err);
    }
    for (size_t i = 0; i < x.count; i++) {
        free((char *)x.items[i].name);
        for (int d = 0; d < NARU_MAX_RANK; d++) free((char *)x.items[i].symbols[d]);
    }
    free(x.items);
    naru_report_destroy(&r);
    naru_module_destroy(&m);
    return ok;
}

/* "~/model.onnx" after '=' is not the shell's business. */
static const char *home_path(const char *path, char buf[4096]) {
    const char *home = getenv("HOME");
    if (strncmp(path, "~/", 2) != 0 || !home) return path;
    snprintf(buf, 4096, "%s/%s", home, path + 2);
    return buf;
}

static bool open_network(const exec_args *a, naru_network **out) {
    char buf[4096];
    const char *path = home_path(a->value[EXEC_onnx], buf);
    return is_module_file(path) ? open_module(a, path, out) : open_onnx(a, path, out);
}

/* ---- configuration ---- */
/* `first` and the list, without TensorRT's own sources, which mean nothing here. */
static bool set_tactics(const char *first, const char *list, naru_builder_config *c) {
    static const char *const theirs[] = {"CUBLAS", "CUBLAS_LT", "CUDNN", "EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS"};
    naru_error err = NARU_ERROR_INIT;
    char *ours = take(strlen(first) + strlen(list) + 2), *at = ours;
    at += sprintf(at, "%s", first);
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");
        bool foreign = false;
        for (size_t i = 0; i < sizeof theirs / sizeof *theirs && n > 1; i++)
            foreign |= strlen(theirs[i]) == n - 1 && strncmp(p + 1, theirs[i], n - 1) == 0;
        if (foreign) log_info("--tacticSources: %.*s is a GPU's library", (int)(n - 1), p + 1);
        else at += sprintf(at, "%s%.*s", at > ours ? "," : "", (int)n, p);
        p += n;
        p += *p == ',';
    }
    bool ok = naru_builder_config_set_tactics(c, ours, &err) == NARU_OK || failed(&err);
    free(ours);
    return ok;
}

static bool configure(const exec_args *a, const ports *in, naru_timing_cache *cache, naru_builder_config *c) {
    naru_error err = NARU_ERROR_INIT;
    bool all = given(a, EXEC_best);
    naru_status st = naru_builder_config_set_options(c, a->options, &err);
    const struct {
        naru_build_flag flag;
        bool on;
    } flags[] = {{NARU_BUILD_FP16, all || given(a, EXEC_fp16)},
                 {NARU_BUILD_BF16, all || given(a, EXEC_bf16)},
                 {NARU_BUILD_INT8, exec_wants_int8(a)},
                 {NARU_BUILD_STRIP_WEIGHTS, given(a, EXEC_stripWeights) || given(a, EXEC_stripAllWeights)},
                 {NARU_BUILD_REFIT, given(a, EXEC_refit) || given(a, EXEC_stripAllWeights)},
                 {NARU_BUILD_NO_TIMING_CACHE, given(a, EXEC_noBuilderCache)},
                 {NARU_BUILD_TIMING_CACHE_ONLY, given(a, EXEC_errorOnTimingCacheMiss)}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags && st == NARU_OK; i++)
        st = naru_builder_config_set_flag(c, flags[i].flag, flags[i].on, &err);
    if (st == NARU_OK) st = naru_builder_config_set_level(c, a->level > 5 ? 5 : (int)a->level, &err);
    if (st == NARU_OK && a->workspace)
        st = naru_builder_config_set_memory_pool(c, NARU_POOL_WORKSPACE, a->workspace, &err);
    if (st == NARU_OK && given(a, EXEC_maxBuildTime)) st = naru_builder_config_set_time_limit(c, a->build_time, &err);
    if (st == NARU_OK && a->avg_timing)
        st = naru_builder_config_set_timing_runs(c, (int)(a->avg_timing > 1000 ? 1000 : a->avg_timing), &err);
    const char *first = given(a, EXEC_noTF32) ? "-conv.fp32tile,-matmul.fp32tile,-gemm.fp32tile" : "";
    const char *list = given(a, EXEC_tacticSources) ? a->value[EXEC_tacticSources] : "";
    if (st == NARU_OK && (*first || *list) && !set_tactics(first, list, c)) return false;
    for (int i = 0; i < a->nlibraries && st == NARU_OK; i++)
        st = naru_builder_config_add_plugin_library(c, a->libraries[i], &err);
    if (st == NARU_OK) st = naru_builder_config_set_timing_cache(c, cache, &err);
    return st == NARU_OK ? exec_precisions(a, c) && add_profiles(a, in, c) : failed(&err);
}

/* ---- a bar while building, on a terminal ---- */
typedef struct bar {
    int steps;
} bar;
static void bar_start(void *user, const char *phase, const char *parent, int steps) { ((bar *)user)->steps = steps; }
static bool bar_step(void *user, const char *phase, int at) {
    int all = ((bar *)user)->steps;
    if (all > 3) fprintf(stderr, "\r%-24s %3d %%", phase, 100 * (at + 1) / all);
    return true;
}
static void bar_finish(void *user, const char *phase) { fprintf(stderr, "\r%-40s\r", ""); }

/* ---- the timing cache's file ---- */
static bool read_cache(const exec_args *a, naru_timing_cache *cache) {
    naru_error err = NARU_ERROR_INIT;
    if (!given(a, EXEC_timingCacheFile)) return true;
    naru_status st = naru_timing_cache_load(cache, a->value[EXEC_timingCacheFile], &err);
    if (st == NARU_OK)
        log_info("Loaded %zu measurements from %s", naru_timing_cache_count(cache), a->value[EXEC_timingCacheFile]);
    return st == NARU_OK || st == NARU_NOT_FOUND || failed(&err);
}

/* What others wrote there meanwhile stays. */
static bool write_cache(const exec_args *a, naru_timing_cache *cache) {
    naru_error err = NARU_ERROR_INIT;
    if (!given(a, EXEC_timingCacheFile)) return true;
    naru_timing_cache_load(cache, a->value[EXEC_timingCacheFile], NULL);
    if (naru_timing_cache_save(cache, a->value[EXEC_timingCacheFile], &err) != NARU_OK) return failed(&err);
    log_info("Wrote %zu measurements to %s", naru_timing_cache_count(cache), a->value[EXEC_timingCacheFile]);
    return true;
}

/* ---- building ---- */
/* trtexec's formats: the model's types, row-major. */
static bool check_formats(const exec_args *a) {
    static const exec_option options[2] = {EXEC_inputIOFormats, EXEC_outputIOFormats};
    static const char *const names[2] = {"inputIOFormats", "outputIOFormats"};
    for (int i = 0; i < 2; i++) {
        const char *p = a->value[options[i]];
        while (p && (p = strchr(p, ':'))) {
            size_t n = strcspn(++p, ",");
            if (n == 3 && strncmp(p, "chw", 3) == 0) continue;
            return log_error("--%s: '%.*s' is not a layout of this machine; inputs and outputs are chw", names[i],
                             (int)n, p),
                   false;
        }
        if (a->value[options[i]]) log_info("--%s: inputs and outputs keep the model's types", names[i]);
    }
    return true;
}

static naru_engine *build_network(const exec_args *a, const naru_network *n, const naru_builder_config *c) {
    naru_error err = NARU_ERROR_INIT;
    naru_report *r = NULL;
    naru_engine *e = NULL;
    double start = now_ms();
    naru_report_create(&r, NULL);
    naru_status st = naru_build(n, c, &e, r, &err);
    exec_tell_report(r);
    naru_report_destroy(&r);
    if (st != NARU_OK) return failed(&err), NULL;
    log_info("Engine built in %.6g sec.", (now_ms() - start) / 1e3);
    return e;
}

static bool save_plan(const exec_args *a, const naru_engine *e) {
    naru_error err = NARU_ERROR_INIT;
    const char *path = a->value[EXEC_saveEngine];
    struct stat st;
    if (!path) return true;
    if (naru_engine_save(e, path, &err) != NARU_OK) return failed(&err);
    if (stat(path, &st) == 0) log_info("Created engine with size: %.6g MiB", (double)st.st_size / 1048576);
    return true;
}

static naru_engine *build_engine(const exec_args *a) {
    naru_error err = NARU_ERROR_INIT;
    naru_network *n = NULL;
    naru_builder_config *c = NULL;
    naru_timing_cache *cache = NULL;
    naru_engine *e = NULL;
    exec_calib calib = {0};
    bar b = {0};
    bool ok = check_formats(a) && open_network(a, &n);
    ports in = ok ? network_inputs(n) : (ports){0};
    if (ok) ok = naru_builder_config_create(&c, &err) == NARU_OK && naru_timing_cache_create(&cache, &err) == NARU_OK;
    if (ok && isatty(2))
        naru_builder_config_set_progress(
            c, &(naru_progress){sizeof(naru_progress), bar_start, bar_step, bar_finish, &b}, NULL);
    if (ok) ok = read_cache(a, cache) && configure(a, &in, cache, c) && exec_calibrate(a, n, c, &calib);
    if (ok) e = build_network(a, n, c);
    if (e && !(write_cache(a, cache) && save_plan(a, e))) naru_engine_destroy(&e);
    free(in.items);
    exec_calib_free(&calib);
    naru_timing_cache_destroy(&cache);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    return e;
}

/* ---- loading ---- */
static naru_engine *load_once(const exec_args *a, const naru_model *m, naru_report *r) {
    naru_error err = NARU_ERROR_INIT;
    naru_engine *e = NULL;
    if (naru_engine_load(a->value[EXEC_loadEngine], m, a->options, &e, r, &err) != NARU_OK) failed(&err);
    return e;
}

/* As trtexec does: two loads that do not count, the first that does, twenty more. */
static bool time_loading(const exec_args *a, const naru_model *m, int64_t bytes) {
    enum { WARM = 2, RUNS = 20 };
    double first = 0, sum = 0;
    for (int i = 0; i < WARM + 1 + RUNS; i++) {
        double start = now_ms();
        naru_engine *e = load_once(a, m, NULL);
        double ms = now_ms() - start;
        if (!e) return false;
        naru_engine_destroy(&e);
        if (i == WARM) first = ms;
        else if (i > WARM) sum += ms / RUNS;
    }
    log_info("Engine deserialization: first %.3f ms, average of %d: %.3f ms, %.3f GB/s", first, RUNS, sum,
             (double)bytes / sum / 1e6);
    return true;
}

static naru_engine *load_engine(const exec_args *a) {
    naru_error err = NARU_ERROR_INIT;
    naru_model *m = NULL;
    naru_report *r = NULL;
    if (given(a, EXEC_refitFromOnnx) && naru_model_load(a->value[EXEC_refitFromOnnx], a->options, &m, &err) != NARU_OK)
        return failed(&err), NULL;
    naru_report_create(&r, NULL);
    double start = now_ms();
    naru_engine *e = load_once(a, m, r);
    exec_tell_report(r);
    if (e) {
        naru_engine_info info = {.size = sizeof info};
        naru_engine_get_info(e, &info);
        log_info("Engine loaded in %.6g sec.", (now_ms() - start) / 1e3);
        log_info("Loaded engine with size: %.6g MiB", (double)info.plan_bytes / 1048576);
        if (given(a, EXEC_timeDeserialize) && !time_loading(a, m, info.plan_bytes)) naru_engine_destroy(&e);
    }
    naru_report_destroy(&r);
    naru_model_destroy(&m);
    return e;
}

naru_engine *exec_engine(const exec_args *a) { return given(a, EXEC_loadEngine) ? load_engine(a) : build_engine(a); }
