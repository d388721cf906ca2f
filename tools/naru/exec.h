/* SPDX-License-Identifier: MIT
 *
 * naru exec: trtexec's command line, report and files, over the builder and its engines.
 */
#ifndef NARU_CLI_EXEC_H
#define NARU_CLI_EXEC_H

#include "cli.h"

typedef enum exec_option {
#define EXEC(name, kind, help) EXEC_##name,
#include "exec.def"
#undef EXEC
    EXEC_OPTIONS
} exec_option;

enum { EXEC_MAX_LIBRARIES = 64, EXEC_MAX_PROFILES = 64, EXEC_MAX_PERCENTILES = 16 };

typedef struct profile_spec {
    const char *bound[3]; /* min, opt, max; NULL: not given */
} profile_spec;

typedef struct exec_args {
    const char *value[EXEC_OPTIONS]; /* NULL: not given; "" of flags */
    profile_spec profiles[EXEC_MAX_PROFILES];
    int nprofiles;
    const char *libraries[EXEC_MAX_LIBRARIES]; /* for the plan */
    int nlibraries;
    /* numbers, checked */
    int64_t iterations, streams, avg_runs, level, avg_timing, use_profile, batch, seed;
    double duration, warm_up, sleep, idle, build_time, accuracy, percentiles[EXEC_MAX_PERCENTILES];
    int npercentiles;
    uint64_t workspace; /* bytes; 0: no limit */
    naru_options *options;
} exec_args;

/* ---- log lines (exec_log.c) ---- */
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- the command line (exec_args.c) ---- */
/* False: told, or help printed with *done. */
bool exec_parse(int argc, char **argv, exec_args *a, bool *done);
static inline bool given(const exec_args *a, exec_option o) { return a->value[o] != NULL; }

/* ---- "name:1x3,other:2" (exec_shapes.c) ---- */
typedef struct spec_item {
    char *name; /* may hold one '*' */
    char *text;
    naru_dtype dtype; /* "name:1x3:int64"; NARU_UNDEFINED: not told */
    bool used;
} spec_item;
typedef struct spec_list {
    spec_item *items;
    size_t count;
} spec_list;
bool spec_pairs(const char *option, const char *text, spec_list *out); /* names and texts only; false: told */
bool spec_parse(const char *option, const char *text, spec_list *out); /* false: told */
void spec_free(spec_list *l);
spec_item *spec_find(const spec_list *l, const char *name); /* exact name before pattern; marks it used */
bool spec_all_used(const char *option, const spec_list *l, const ports *in);
bool spec_dims(const char *option, const spec_item *i, shape *out);

/* ---- building and loading (exec_build.c) ---- */
naru_engine *exec_engine(const exec_args *a);
void exec_tell_report(const naru_report *r);
/* --refitFromOnnx and --dumpRefit (exec_refit.c). False: told. */
bool exec_refit(const exec_args *a, naru_engine *e);
/* Inputs whose numbers in a spec are content, not a shape. */
bool is_shape_tensor(const naru_port *p);
ports engine_inputs(const naru_engine *e);
ports engine_outputs(const naru_engine *e);

/* ---- calibration of --int8 (exec_calib.c) ---- */
typedef struct exec_calib { /* zero-initialise; exec_calib_free after the build */
    const char *path;
    char *text;
    naru_samples samples, few; /* few: in batches of OPT's size, to measure errors on */
} exec_calib;
bool exec_calibrate(const exec_args *a, const naru_network *n, naru_builder_config *c, exec_calib *k);
void exec_calib_free(exec_calib *c);
bool exec_wants_int8(const exec_args *a);

/* ---- lower precisions (exec_precision.c); false: told ---- */
bool exec_precisions(const exec_args *a, naru_builder_config *c);
bool exec_samples(const exec_args *a, const naru_network *n, naru_builder_config *c, naru_samples *out);

/* ---- running (exec_run.c) ---- */
typedef struct trace { /* milliseconds since the start */
    double start, end;
} trace;
typedef struct timing {
    trace *items;
    size_t count;
    size_t warm_up; /* queries dropped */
} timing;
typedef struct layer_times {
    size_t layers;
    int64_t runs;
    double *times; /* [layers][runs] */
} layer_times;
typedef struct exec_run {
    const exec_args *args;
    naru_engine *engine;
    ports in, out;
    naru_context **contexts;
    timing timing;
    layer_times profile;
} exec_run;
bool exec_prepare(exec_run *r);
bool exec_measure(exec_run *r);
bool exec_profile(exec_run *r);
void exec_run_free(exec_run *r);

/* ---- telling (exec_report.c, exec_export.c) ---- */
void report_performance(const exec_run *r);
void report_profile(const exec_run *r);
bool report_layers(const exec_args *a, const naru_engine *e);
void report_profiles(const naru_engine *e);
bool report_outputs(const exec_run *r);
bool export_times(const exec_run *r);
bool export_profile(const exec_run *r);
double median_of(double *v, size_t n); /* sorts */

#endif
