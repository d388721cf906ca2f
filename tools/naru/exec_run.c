/* SPDX-License-Identifier: MIT
 *
 * naru exec: inputs, the measured loop, and a run that times the layers. Every stream is a context on a thread of its
 * own; a query is one run. Inputs and outputs lie where the CPU computes, so there is nothing to transfer.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exec.h"

static bool failed(const naru_error *err) { return log_error("%s", err->message), false; }

/* ---- inputs ---- */
static const char *ends_with(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0 ? suffix : NULL;
}

/* The shape of an input: --shapes, else the profile's OPT. */
static bool shape_of(const exec_run *r, const naru_port *p, const spec_list *given_shapes, shape *out) {
    naru_error err = NARU_ERROR_INIT;
    int profile = r->args->use_profile < 0 ? 0 : (int)r->args->use_profile;
    spec_item *item = is_shape_tensor(p) ? NULL : spec_find(given_shapes, p->name);
    if (item && !spec_dims("shapes", item, out)) return false;
    if (!item) {
        *out = (shape){.rank = -1};
        if (naru_engine_profile_dims(r->engine, profile, p->name, NARU_OPT, &out->rank, out->dims, &err) != NARU_OK)
            return failed(&err);
        if (out->rank < 0)
            return log_error("input '%s' (%s) cannot be filled; run it from a program", p->name, p->type), false;
    }
    out->name = p->name;
    out->dtype = p->dtype;
    return true;
}

/* Numbers given for a shape tensor are its content. */
static bool content_value(const shape *s, const spec_item *item, naru_value **out) {
    naru_error err = NARU_ERROR_INIT;
    shape numbers;
    naru_tensor *t = NULL;
    if (!spec_dims("shapes", item, &numbers)) return false;
    bool ok = naru_tensor_create(s->dtype, s->rank, s->dims, &t, &err) == NARU_OK;
    int64_t n = ok ? naru_tensor_count(t) : 0;
    if (ok && n != numbers.rank)
        ok = false,
        snprintf(err.message, sizeof err.message, "--shapes: input '%s' has %lld values", s->name, (long long)n);
    for (int64_t i = 0; ok && i < n; i++) {
        if (s->dtype == NARU_INT64) ((int64_t *)naru_tensor_data(t))[i] = numbers.dims[i];
        else ((int32_t *)naru_tensor_data(t))[i] = (int32_t)numbers.dims[i];
    }
    ok = ok && naru_value_from_tensor(t, out, &err) == NARU_OK;
    naru_tensor_destroy(&t);
    return ok || failed(&err);
}

static bool value_of(const exec_run *r, const naru_port *p, const spec_list *sizes, const spec_list *files, size_t i,
                     naru_value **out) {
    naru_error err = NARU_ERROR_INIT;
    shape s;
    if (!shape_of(r, p, sizes, &s)) return false;
    spec_item *file = spec_find(files, p->name);
    spec_item *content = is_shape_tensor(p) ? spec_find(sizes, p->name) : NULL;
    naru_status st;
    if (file && (ends_with(file->text, ".npy") || ends_with(file->text, ".pb")))
        st = load_value(file->text, p, NULL, out, &err);
    else if (file) st = load_value(file->text, p, &s, out, &err);
    else if (content) return content_value(&s, content, out);
    else st = random_value(&s, (uint64_t)r->args->seed * 1000003 + i, out, &err);
    if (st == NARU_OK) return true;
    log_error("input '%s': %s", p->name, err.message);
    return false;
}

static bool give_value(exec_run *r, const naru_port *p, naru_value *v) {
    naru_error err = NARU_ERROR_INIT;
    for (int64_t k = 0; k < r->args->streams; k++)
        if (naru_context_set_input(r->contexts[k], p->name, v, &err) != NARU_OK) return failed(&err);
    return true;
}

static bool fill_inputs(exec_run *r) {
    spec_list sizes = {0}, files = {0};
    bool ok = !given(r->args, EXEC_shapes) || spec_parse("shapes", r->args->value[EXEC_shapes], &sizes);
    if (ok && given(r->args, EXEC_loadInputs)) ok = spec_parse("loadInputs", r->args->value[EXEC_loadInputs], &files);
    for (size_t i = 0; ok && i < r->in.count; i++) {
        naru_value *v = NULL;
        if (r->in.items[i].optional && !spec_find(&files, r->in.items[i].name)) continue;
        ok = value_of(r, &r->in.items[i], &sizes, &files, i, &v) && give_value(r, &r->in.items[i], v);
        naru_value_destroy(&v);
    }
    if (ok) ok = spec_all_used("shapes", &sizes, &r->in) && spec_all_used("loadInputs", &files, &r->in);
    spec_free(&sizes);
    spec_free(&files);
    return ok;
}

bool exec_prepare(exec_run *r) {
    naru_error err = NARU_ERROR_INIT;
    r->in = engine_inputs(r->engine);
    r->out = engine_outputs(r->engine);
    r->contexts = take(((size_t)r->args->streams + 1) * sizeof *r->contexts);
    for (int64_t i = 0; i < r->args->streams; i++) r->contexts[i] = NULL;
    int profiles = naru_engine_profiles(r->engine);
    if (r->args->use_profile < 0 && profiles > 1)
        log_info("%d profiles; %s", profiles,
                 given(r->args, EXEC_shapes) ? "the best fitting one is used" : "shapes are those of profile 0's OPT");
    for (int64_t i = 0; i < r->args->streams; i++) {
        if (naru_context_create(r->engine, &r->contexts[i], &err) != NARU_OK) return failed(&err);
        if (r->args->use_profile >= 0 &&
            naru_context_set_profile(r->contexts[i], (int)r->args->use_profile, &err) != NARU_OK)
            return failed(&err);
    }
    return fill_inputs(r);
}

void exec_run_free(exec_run *r) {
    for (int64_t i = 0; r->contexts && i < r->args->streams; i++) naru_context_destroy(&r->contexts[i]);
    free(r->contexts);
    free(r->in.items);
    free(r->out.items);
    free(r->timing.items);
    free(r->profile.times);
}

/* ---- the measured loop ---- */
typedef struct worker {
    exec_run *run;
    naru_context *context;
    double start; /* of all workers */
    trace *items;
    size_t count, cap;
    naru_error err;
    bool ok;
} worker;

static void pause_ms(double ms) {
    struct timespec t = {(time_t)(ms / 1e3), (long)((ms - 1e3 * (double)(long)(ms / 1e3)) * 1e6)};
    if (ms > 0) nanosleep(&t, NULL);
}

static bool more(const exec_args *a, size_t counted, double now) {
    if (a->duration < 0) return true; /* until somebody stops us */
    return counted < (size_t)a->iterations || now < a->warm_up + a->duration * 1e3;
}

static void *measure(void *user) {
    worker *w = user;
    const exec_args *a = w->run->args;
    size_t counted = 0;
    for (double now = now_ms() - w->start; more(a, counted, now); now = now_ms() - w->start) {
        if (now >= a->warm_up) pause_ms(a->idle);
        trace t = {now_ms() - w->start, 0};
        w->ok = naru_context_run(w->context, &w->err) == NARU_OK;
        if (!w->ok) return NULL;
        t.end = now_ms() - w->start;
        if (w->count == w->cap) w->items = regrow(w->items, (w->cap = w->cap ? 2 * w->cap : 1024) * sizeof *w->items);
        w->items[w->count++] = t;
        counted += t.start >= a->warm_up;
    }
    return NULL;
}

static int by_start(const void *a, const void *b) {
    const trace *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static bool gather(exec_run *r, worker *w) {
    bool ok = true;
    for (int64_t i = 0; i < r->args->streams; i++) {
        if (!w[i].ok && ok) ok = failed(&w[i].err);
        r->timing.items = regrow(r->timing.items, (r->timing.count + w[i].count + 1) * sizeof(trace));
        if (w[i].count) memcpy(r->timing.items + r->timing.count, w[i].items, w[i].count * sizeof(trace));
        r->timing.count += w[i].count;
        free(w[i].items);
    }
    timing *t = &r->timing;
    if (t->count) qsort(t->items, t->count, sizeof *t->items, by_start);
    while (t->warm_up < t->count && t->items[t->warm_up].start < r->args->warm_up) t->warm_up++;
    t->count -= t->warm_up;
    if (t->count) memmove(t->items, t->items + t->warm_up, t->count * sizeof *t->items);
    return ok;
}

bool exec_measure(exec_run *r) {
    int64_t n = r->args->streams;
    worker *w = take((size_t)n * sizeof *w);
    pthread_t *threads = take((size_t)n * sizeof *threads);
    pause_ms(r->args->sleep);
    log_info("Starting inference");
    double start = now_ms();
    int64_t started = 0;
    for (int64_t i = 0; i < n; i++)
        w[i] = (worker){.run = r, .context = r->contexts[i], .start = start, .err = NARU_ERROR_INIT, .ok = true};
    if (n == 1) measure(&w[0]);
    else
        for (; started < n; started++)
            if (pthread_create(&threads[started], NULL, measure, &w[started]) != 0) {
                w[started].ok = false;
                snprintf(w[started].err.message, sizeof w[started].err.message, "no thread for stream %lld",
                         (long long)started);
                break;
            }
    for (int64_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    bool ok = gather(r, w);
    free(w);
    free(threads);
    return ok;
}

/* ---- layers ---- */
static void add_layer(void *user, size_t layer, const char *name, double ms) {
    exec_run *r = user;
    if (layer < r->profile.layers)
        r->profile.times[layer * (size_t)r->args->iterations + (size_t)r->profile.runs] += ms;
}

/* A layer of a body runs many times in one query: its times add up. */
bool exec_profile(exec_run *r) {
    naru_error err = NARU_ERROR_INIT;
    naru_engine_info info = {.size = sizeof info};
    naru_engine_get_info(r->engine, &info);
    int64_t runs = r->args->iterations > 0 ? r->args->iterations : 1;
    exec_args *a = (exec_args *)r->args;
    a->iterations = runs;
    r->profile = (layer_times){info.layers, 0, take((info.layers * (size_t)runs + 1) * sizeof(double))};
    for (size_t i = 0; i < info.layers * (size_t)runs; i++) r->profile.times[i] = 0;
    naru_context_set_profiler(r->contexts[0], add_layer, r);
    for (; r->profile.runs < runs; r->profile.runs++)
        if (naru_context_run(r->contexts[0], &err) != NARU_OK) return failed(&err);
    naru_context_set_profiler(r->contexts[0], NULL, NULL);
    return true;
}
