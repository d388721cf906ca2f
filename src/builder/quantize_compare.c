/* SPDX-License-Identifier: MIT
 *
 * Comparing float and quantized (quantize_compare.h): both run on the same batches, side by side.
 */
#include "builder/quantize_compare.h"

#include <math.h>

naru_status comparer_open(comparer *c, const graph_source *source, const char *const *names, size_t n, int threads,
                          naru_error *err) {
    if (!(c->arena = arena_new())) return err_oom(err);
    const char **list = arena_calloc(c->arena, n + 1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; list && i < n; i++) {
        bool fresh;
        char *name = arena_strdup(c->arena, names[i]);
        struct strmap_entry *e = name ? strmap_put(&c->where, name, &fresh) : NULL;
        if (!e) return err_oom(err);
        if (!fresh) continue;
        e->num = (int64_t)count;
        list[count++] = name;
    }
    if (!list) return err_oom(err);
    graph *g;
    TRY(source->read(source->user, &g, err));
    return probe_new(g, list, count, threads, &c->probe, err);
}

void comparer_free(comparer *c) {
    probe_free(c->probe);
    strmap_free(&c->where);
    arena_free(c->arena);
    *c = (comparer){0};
}

typedef struct power {
    double signal, noise;
} power;

static void add_power(power *p, const naru_tensor *want, const naru_tensor *got) {
    if (!want || !got || want->dtype != NARU_FLOAT || got->dtype != NARU_FLOAT || !tensor_same_dims(want, got)) return;
    const float *a = want->data, *b = got->data;
    for (int64_t i = 0, n = tensor_count(want); i < n; i++) {
        double s = a[i], d = s - b[i];
        if (!isfinite(d)) continue;
        p->signal += s * s;
        p->noise += d * d;
    }
}

static double decibels(power p) { return p.noise > 0 ? 10 * log10(p.signal / p.noise) : INFINITY; }

typedef struct score {
    int64_t right, seen;
} score;

static naru_status add_score(score *s, const naru_tensor *out, const naru_tensor *labels, naru_error *err) {
    if (!out || out->rank < 1 || out->dtype != NARU_FLOAT || out->dims[out->rank - 1] < 1)
        return err_set(err, NARU_INVALID_ARGUMENT, "labels need a float output whose last axis is over classes");
    int64_t classes = out->dims[out->rank - 1], rows = tensor_count(out) / classes;
    if (s->seen + rows > tensor_count(labels))
        return err_set(err, NARU_INVALID_ARGUMENT, "there are %lld labels, fewer than the model's answers",
                       (long long)tensor_count(labels));
    const float *p = out->data;
    for (int64_t i = 0; i < rows; i++, p += classes) {
        int64_t best = 0;
        for (int64_t k = 1; k < classes; k++)
            if (p[k] > p[best]) best = k;
        s->right += (double)best == naru_tensor_get(labels, s->seen + i);
    }
    s->seen += rows;
    return NARU_OK;
}

typedef struct tally {
    power *layers, *outputs;
    score want, got;
} tally;

static naru_status run_all(comparer *c, probe *p, const sample_source *s, const naru_tensor *labels, quant_result *r,
                           tally *t, naru_error *err) {
    for (size_t index = 0;; index++) {
        bool more, same;
        TRY(probe_run(c->probe, s, index, &more, err));
        if (!more) return index ? NARU_OK : err_set(err, NARU_INVALID_ARGUMENT, "there are no samples to compare with");
        TRY(probe_run(p, s, index, &same, err));
        for (size_t i = 0; i < r->layers.count; i++) {
            struct strmap_entry *e = strmap_find(&c->where, r->layers.data[i].output);
            if (e) add_power(&t->layers[i], probe_value(c->probe, (size_t)e->num), probe_value(p, i));
        }
        for (size_t k = 0; k < probe_outputs(p); k++)
            add_power(&t->outputs[k], probe_output(c->probe, k), probe_output(p, k));
        if (!labels) continue;
        TRY(add_score(&t->want, probe_output(c->probe, 0), labels, err));
        TRY(add_score(&t->got, probe_output(p, 0), labels, err));
    }
}

static void settle(const tally *t, size_t outputs, const naru_tensor *labels, quant_result *r) {
    for (size_t i = 0; i < r->layers.count; i++) r->layers.data[i].sqnr = decibels(t->layers[i]);
    r->sqnr = INFINITY;
    for (size_t k = 0; k < outputs; k++) r->sqnr = fmin(r->sqnr, decibels(t->outputs[k]));
    r->accuracy_float = labels && t->want.seen ? (double)t->want.right / (double)t->want.seen : -1;
    r->accuracy = labels && t->got.seen ? (double)t->got.right / (double)t->got.seen : -1;
    r->compared = true;
}

naru_status comparer_run(comparer *c, graph *g, const sample_source *samples, const naru_tensor *labels, int threads,
                         quant_result *r, naru_error *err) {
    size_t n = r->layers.count, outputs = probe_outputs(c->probe);
    const char **seen = mem_calloc(n + 1, sizeof *seen);
    tally t = {mem_calloc(n + 1, sizeof(power)), mem_calloc(outputs + 1, sizeof(power)), {0, 0}, {0, 0}};
    probe *p = NULL;
    naru_status st = seen && t.layers && t.outputs ? NARU_OK : err_oom(err);
    for (size_t i = 0; i < n && st == NARU_OK; i++) seen[i] = r->layers.data[i].seen;
    if (st == NARU_OK) st = probe_new(g, seen, n, threads, &p, err);
    else graph_free(g);
    if (st == NARU_OK) st = run_all(c, p, samples, labels, r, &t, err);
    if (st == NARU_OK) settle(&t, outputs, labels, r);
    probe_free(p);
    mem_free(seen);
    mem_free(t.layers);
    mem_free(t.outputs);
    return st;
}
