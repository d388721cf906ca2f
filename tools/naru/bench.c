/* SPDX-License-Identifier: MIT
 *
 * naru bench: latency by batch and threads, time to load, time of the first run, peak memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "module.h"

enum { LEAST_RUNS = 3 };

typedef struct bench_args {
    const char *path, *method;
    text_list shape, input;
    int_list batch, threads;
    double seconds;
    int64_t seed;
    bool json;
    naru_options *options;
} bench_args;

typedef struct result {
    int64_t batch;
    int threads;
    double median, p90, min;
    int64_t runs;
} result;

typedef struct bench {
    const bench_args *args;
    double load_ms, first_ms; /* of the first session and its first run; negative until known */
    result *results;
    size_t count;
} bench;

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What is measured: a session, or a method of a module. Outputs of a session are handed back in, so that only the first
 * run allocates them. */
typedef struct runner {
    naru_session *session;
    const named_values *in;
    ports out;
    const char **names;
    naru_value **outs;
    naru_module *module;
    const char *method;
    call_args *args;
} runner;

static runner runner_new(naru_session *s, const named_values *in) {
    runner r = {.session = s, .in = in, .out = session_outputs(s)};
    r.names = take((r.out.count + 1) * sizeof *r.names);
    r.outs = take((r.out.count + 1) * sizeof *r.outs);
    for (size_t i = 0; i < r.out.count; i++) r.names[i] = r.out.items[i].name;
    return r;
}

static void runner_free(runner *r) {
    for (size_t i = 0; i < r->out.count; i++) naru_value_destroy(&r->outs[i]);
    free(r->names), free(r->outs), free(r->out.items);
}

static naru_status call_once(runner *r, double *ms, naru_error *err) {
    naru_ivalue *out = NULL;
    double start = now_ms();
    naru_status st =
        naru_module_call_named(r->module, r->method, r->args->count, r->args->names, r->args->values, &out, err);
    *ms = now_ms() - start;
    naru_ivalue_destroy(&out);
    return st;
}

static naru_status run_once(runner *r, double *ms, naru_error *err) {
    if (r->module) return call_once(r, ms, err);
    for (size_t i = 0; i < r->out.count; i++)
        if (r->outs[i] && !naru_value_tensor(r->outs[i])) naru_value_destroy(&r->outs[i]);
    double start = now_ms();
    naru_status st =
        naru_session_run(r->session, r->in->count, r->in->names, r->in->values, r->out.count, r->names, r->outs, err);
    *ms = now_ms() - start;
    return st;
}

static naru_status time_runs(runner *r, double seconds, double **times, int64_t *count, naru_error *err) {
    double end = now_ms() + seconds * 1e3;
    int64_t cap = 1024;
    *times = take((size_t)cap * sizeof **times);
    for (*count = 0; *count < LEAST_RUNS || now_ms() < end; ++*count) {
        if (*count == cap) *times = regrow(*times, (size_t)(cap *= 2) * sizeof **times);
        naru_status st = run_once(r, &(*times)[*count], err);
        if (st != NARU_OK) return st;
    }
    qsort(*times, (size_t)*count, sizeof **times, by_size);
    return NARU_OK;
}

/* The batch that the inputs really have: axis 0 of the first tensor input of rank > 0. */
static int64_t batch_of(const named_values *in) {
    for (size_t i = 0; i < in->count; i++) {
        naru_tensor *t = naru_value_tensor(in->values[i]);
        if (t && naru_tensor_rank(t) > 0) return naru_tensor_dims(t)[0];
    }
    return 1;
}

static void add_result(bench *b, result r) {
    b->results = regrow(b->results, (b->count + 1) * sizeof *b->results);
    b->results[b->count++] = r;
    if (b->args->json) return;
    if (b->count == 1)
        printf("%6s %8s %12s %12s %12s %8s\n", "batch", "threads", "median ms", "p90 ms", "min ms", "runs");
    printf("%6lld %8d %12.3f %12.3f %12.3f %8lld\n", (long long)r.batch, r.threads, r.median, r.p90, r.min,
           (long long)r.runs);
    fflush(stdout);
}

static int measure(bench *b, runner *r, int64_t batch, int threads) {
    naru_error err = NARU_ERROR_INIT;
    double first, *times = NULL;
    int64_t n = 0;
    naru_status st = run_once(r, &first, &err);
    if (st == NARU_OK) st = time_runs(r, b->args->seconds, &times, &n, &err);
    if (st == NARU_OK) {
        if (b->first_ms < 0) b->first_ms = first;
        add_result(b, (result){batch, threads, times[n / 2], times[n * 9 / 10], times[0], n});
    }
    free(times);
    return st == NARU_OK ? -1 : r->module ? fail_module(r->module, &err) : fail(&err);
}

/* batch 0: as --shape and the model say. */
static int bench_batch(bench *b, naru_session *s, const ports *in, const shapes *given, int64_t batch) {
    named_values values = {0};
    naru_session_info info = {.size = sizeof info};
    int code = random_inputs("bench", in, given, batch, (uint64_t)b->args->seed, &values);
    naru_session_get_info(s, &info);
    if (code < 0) {
        runner r = runner_new(s, &values);
        code = measure(b, &r, batch_of(&values), info.threads);
        runner_free(&r);
    }
    values_free(&values);
    return code;
}

/* --input NAME=int:16000: arguments that are no tensors. */
static int add_literals(const bench_args *a, pieces *in) {
    for (size_t i = 0; i < a->input.count; i++) {
        const char *text = a->input.items[i], *equals = strchr(text, '=');
        naru_error err = NARU_ERROR_INIT;
        naru_ivalue *v;
        if (!equals || !is_literal(equals + 1))
            return usage("bench", "--input '%s' is not NAME=int:3, NAME=float:0.5, NAME=bool:true or NAME=str:TEXT",
                         text);
        if (literal_value(equals + 1, &v, &err) != NARU_OK) return fail(&err);
        char *name = copy_text(text, (size_t)(equals - text));
        pieces_add(in, name, v);
        free(name);
    }
    return -1;
}

/* The batch is axis 0 of every input of rank > 0. */
static int bench_call(bench *b, naru_module *m, const shapes *given, int64_t batch) {
    const char *method = b->args->method ? b->args->method : "forward";
    pieces in = {0};
    call_args args = {0};
    naru_module_info info = {.size = sizeof info};
    int64_t real = 1;
    int code = -1;
    for (size_t i = 0; code < 0 && i < given->count; i++) {
        shape s = given->items[i];
        if (batch && s.rank) s.dims[0] = batch;
        if (i == 0 && s.rank) real = s.dims[0];
        code = random_piece(&s, (uint64_t)b->args->seed * 1000003 + i, &in);
    }
    if (code < 0) code = add_literals(b->args, &in);
    naru_module_get_info(m, &info);
    if (code < 0) code = arrange_arguments("bench", m, method, &in, false, &args);
    runner r = {.module = m, .method = method, .args = &args};
    if (code < 0) code = measure(b, &r, real, info.threads);
    call_args_free(&args);
    pieces_free(&in);
    return code;
}

static int load(bench *b, naru_session **s, naru_module **m) {
    double start = now_ms();
    int code = is_module_file(b->args->path) ? load_module(b->args->path, b->args->options, m)
                                             : load_session(b->args->path, b->args->options, s);
    if (code < 0 && b->load_ms < 0) b->load_ms = now_ms() - start;
    return code;
}

static int bench_threads(bench *b, const shapes *given, int64_t threads) {
    char text[32];
    naru_session *s = NULL;
    naru_module *m = NULL;
    snprintf(text, sizeof text, "%lld", (long long)threads);
    naru_error err = NARU_ERROR_INIT;
    if (naru_options_set(b->args->options, "threads", text, &err) != NARU_OK)
        return usage("bench", "--threads: %s", err.message);
    int code = load(b, &s, &m);
    ports in = s ? session_inputs(s) : (ports){0};
    size_t n = b->args->batch.count;
    for (size_t i = 0; code < 0 && i < (n ? n : 1); i++) {
        int64_t batch = n ? b->args->batch.items[i] : 0;
        code = m ? bench_call(b, m, given, batch) : bench_batch(b, s, &in, given, batch);
    }
    free(in.items);
    naru_session_destroy(&s);
    naru_module_destroy(&m);
    return code;
}

static double peak_rss_mb(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

static void print_report(const bench *b) {
    if (!b->args->json) {
        printf("load %.1f ms, first run %.1f ms, peak memory %.1f MB\n", b->load_ms, b->first_ms, peak_rss_mb());
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < b->count; i++) {
        const result *r = &b->results[i];
        json_array_append_new(array, json_pack("{s:I s:i s:f s:f s:f s:I}", "batch", (json_int_t)r->batch, "threads",
                                               r->threads, "median_ms", r->median, "p90_ms", r->p90, "min_ms", r->min,
                                               "runs", (json_int_t)r->runs));
    }
    print_json(json_pack("{s:f s:f s:f s:o}", "load_ms", b->load_ms, "first_ms", b->first_ms, "peak_rss_mb",
                         peak_rss_mb(), "results", array));
}

static int bench_all(const bench_args *a) {
    char why[400];
    shapes given = {0};
    bench b = {.args = a, .load_ms = -1, .first_ms = -1};
    size_t n = a->threads.count;
    int code = shapes_parse(&a->shape, &given, why) ? -1 : usage("bench", "%s", why);
    for (size_t i = 0; code < 0 && i < (n ? n : 1); i++) code = bench_threads(&b, &given, n ? a->threads.items[i] : 0);
    if (code < 0) print_report(&b);
    shapes_free(&given);
    free(b.results);
    return code < 0 ? CODE_OK : code;
}

int cmd_bench(int argc, char **argv) {
    static const command c = {
        "bench",
        "MODEL",
        "Measures latency on random inputs, for each number of threads and each batch.",
        "The batch sets every dimension that bears the symbol of the first input's axis 0 (if it has none, axis 0 of "
        "each\n"
        "input). load_ms is the time to load and compile, first_ms the first run, both of the first session. A "
        "TorchScript\n"
        "module wants --shape for each argument; it compiles in the first run, and the batch is axis 0 of each "
        "argument.",
        1,
        true};
    bench_args a = {.seconds = 3};
    const arg args[] = {
        {"batch", "1,2,4", "batch sizes", ARG_INTS, &a.batch, NULL, 1},
        {"threads", "1,2", "numbers of threads; 0: every CPU", ARG_INTS, &a.threads, NULL, 0},
        {"shape", "SPEC", "NAME=DIMS[:TYPE] of an input (repeatable)", ARG_TEXTS, &a.shape, NULL, 0},
        {"input", "NAME=int:3", "an argument of a module that is no tensor (repeatable)", ARG_TEXTS, &a.input, NULL, 0},
        {"seconds", "S", "time of each measurement (3)", ARG_REAL, &a.seconds, NULL, 0},
        {"method", "NAME", "of a TorchScript module (forward)", ARG_TEXT, &a.method, NULL, 0},
        {"seed", "N", "of the random inputs", ARG_INT, &a.seed, NULL, 0},
        {"json", NULL, "one object: load_ms, first_ms, peak_rss_mb, results", ARG_FLAG, &a.json, NULL, 0},
    };
    naru_options_create(&a.options, NULL);
    int code = args_parse(&c, args, sizeof args / sizeof args[0], a.options, argc, argv, &a.path);
    if (code < 0) code = bench_all(&a);
    naru_options_destroy(&a.options);
    free(a.batch.items), free(a.threads.items), free(a.shape.items), free(a.input.items);
    return code;
}
