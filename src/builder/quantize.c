/* SPDX-License-Identifier: MIT
 *
 * The whole way from a float model to its quantized form (quantize.h): survey, calibration, rewriting, comparison, and
 * again with the layers taken back that cost most, until the targets are met.
 */
#include "builder/quantize.h"

#include <math.h>
#include <stdlib.h>

#include "builder/quantize_compare.h"
#include "engine/profile.h"
#include "passes/lift.h"

static const char k_excluded[] = "excluded";
const char quant_for_target[] = "for the target";

typedef struct job {
    const graph_source *source;
    const naru_quantize_options *o;
    const sample_source *samples;
    quant_result *out;
    strmap floats;
    const char **why; /* per node of the main block */
    int nnodes;
    ARRAY(const char *) tensors; /* that may need a range */
    ARRAY(const char *) watched; /* that may be compared */
    int64_t deadline;            /* of the search for a target; 0: none */
    naru_error *err;
} job;

void quant_result_free(quant_result *r) {
    graph_free(r->graph);
    arena_free(r->arena);
    ARRAY_FREE(&r->layers);
    calib_free(&r->ranges);
    ARRAY_FREE(&r->missing);
    *r = (quant_result){0};
}

/* ---- survey ---- */
static naru_status note_floats(job *j, graph *g) { /* lifted and inferred */
    for (size_t i = 0; i < g->values.count; i++) {
        const value *v = g->values.data[i];
        if (v->block != g->main || v->fact.type.kind != TYPE_TENSOR || v->fact.type.dtype != NARU_FLOAT) continue;
        char *name = arena_strdup(j->out->arena, v->name);
        if (!name || !strmap_put(&j->floats, name, NULL)) return err_oom(j->err);
    }
    return NARU_OK;
}

static naru_status find_floats(job *j) {
    graph *g;
    TRY(j->source->read(j->source->user, &g, j->err));
    naru_status st = graph_lift(g, NULL, j->err);
    if (st == NARU_OK) st = graph_infer(g, NULL, NULL, j->err);
    if (st == NARU_OK) st = note_floats(j, g);
    graph_free(g);
    return st;
}

static bool named(const node *n, const char *name) {
    if (strcmp(n->name, name) == 0 || strcmp(n->op_type, name) == 0) return true;
    for (int i = 0; i < n->nout; i++)
        if (n->out[i] && strcmp(n->out[i]->name, name) == 0) return true;
    return false;
}

static naru_status unknown(job *j, const graph *g, const char *name) {
    const char **names = arena_calloc(j->out->arena, 2 * (size_t)j->nnodes + 1, sizeof *names);
    size_t count = 0;
    if (!names) return err_oom(j->err);
    for (const node *n = g->main->first; n; n = n->next) {
        names[count++] = n->op_type;
        if (*n->name) names[count++] = n->name;
    }
    const char *near = str_nearest(name, names, count);
    return err_set(j->err, NARU_NOT_FOUND, "the model has no node '%s' to exclude%s%s%s", name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static naru_status exclude(job *j, const graph *g) {
    j->nnodes = g->main->nnodes;
    if (!(j->why = mem_calloc((size_t)j->nnodes + 1, sizeof *j->why))) return err_oom(j->err);
    for (size_t i = 0; i < j->o->nexclude; i++) {
        bool found = false;
        for (const node *n = g->main->first; n; n = n->next)
            if (named(n, j->o->exclude[i])) {
                j->why[n->index] = k_excluded;
                found = true;
            }
        if (!found) return unknown(j, g, j->o->exclude[i]);
    }
    return NARU_OK;
}

static naru_status run_form(job *j, graph *g, const calib_table *ranges, quantizer *q) {
    *q = (quantizer){.g = g,
                     .o = j->o,
                     .floats = &j->floats,
                     .ranges = ranges,
                     .why = j->why,
                     .nnodes = j->nnodes,
                     .arena = j->out->arena,
                     .result = j->out,
                     .err = j->err};
    j->out->layers.count = 0;
    if (j->o->form == NARU_QUANTIZE_DYNAMIC) return quant_dynamic(q);
    if (j->o->form == NARU_QUANTIZE_WEIGHTS) return quant_weights(q);
    return quant_static(q);
}

static naru_status remember(job *j, const quantizer *q) {
    for (size_t i = 0; i < q->order.count; i++) {
        char *name = arena_strdup(j->out->arena, q->order.data[i]->v->name);
        if (!name || !ARRAY_PUSH(&j->watched, name)) return err_oom(j->err);
        if (!ARRAY_PUSH(&j->tensors, name)) return err_oom(j->err);
    }
    for (size_t i = 0; i < j->out->layers.count; i++)
        if (!ARRAY_PUSH(&j->watched, j->out->layers.data[i].output)) return err_oom(j->err);
    return NARU_OK;
}

static naru_status survey(job *j) {
    graph *g;
    TRY(find_floats(j));
    TRY(j->source->read(j->source->user, &g, j->err));
    quant_number(g);
    quantizer q = {0};
    naru_status st = exclude(j, g);
    if (st == NARU_OK && j->out->ranges.entries.count) quant_sharpen(g, &j->out->ranges);
    if (st == NARU_OK) st = run_form(j, g, NULL, &q);
    if (st == NARU_OK) st = remember(j, &q);
    quantizer_free(&q);
    graph_free(g);
    return st;
}

/* ---- calibration ---- */
static naru_status collect(job *j) {
    if (j->out->ranges.entries.count || j->out->only_given) return NARU_OK;
    if (!j->samples) return err_set(j->err, NARU_INVALID_ARGUMENT, "static quantization needs samples or a cache");
    bool asymmetric = j->o->activation == NARU_UINT8 && !j->out->symmetric;
    calib_options o = {j->o->calibrator, j->o->percentile, asymmetric, j->o->threads};
    return calib_collect(j->source, j->tensors.data, j->tensors.count, j->samples, &o, &j->out->ranges, j->err);
}

static naru_status calibrate(job *j) {
    calib_table *t = &j->out->ranges;
    if (j->o->form != NARU_QUANTIZE_STATIC) return NARU_OK;
    TRY(collect(j));
    for (size_t i = 0; j->out->symmetric && i < t->entries.count; i++) {
        double bound = calib_kept(t->entries.data[i].range.amax);
        t->entries.data[i].range = (calib_range){-bound, bound, bound};
    }
    for (size_t i = 0; j->out->fixed && i < j->out->fixed->entries.count; i++)
        TRY(calib_put(t, j->out->fixed->entries.data[i].name, j->out->fixed->entries.data[i].range, j->err));
    for (size_t i = 0; i < j->tensors.count; i++)
        if (!calib_find(t, j->tensors.data[i]) && !ARRAY_PUSH(&j->out->missing, j->tensors.data[i]))
            return err_oom(j->err);
    return NARU_OK;
}

/* ---- rounds ---- */
static naru_status rewrite(job *j, graph **out) {
    TRY(j->source->read(j->source->user, out, j->err));
    quant_number(*out);
    if (j->out->symmetric) quant_sharpen(*out, &j->out->ranges);
    quantizer q = {0};
    naru_status st = run_form(j, *out, &j->out->ranges, &q);
    quantizer_free(&q);
    if (st == NARU_OK) quant_drop_unused(*out);
    else {
        graph_free(*out);
        *out = NULL;
    }
    return st;
}

static bool met(const job *j) {
    const quant_result *r = j->out;
    if (j->o->target_sqnr > 0 && r->sqnr < j->o->target_sqnr) return false;
    return !(j->o->labels && j->o->max_loss >= 0 && 100 * (r->accuracy_float - r->accuracy) > j->o->max_loss + 1e-9);
}

static double noise_of(const quant_layer *l) { return l->sqnr == l->sqnr ? pow(10, -l->sqnr / 10) : 0; }

/* What a layer adds to the noise that comes in. */
static double cost_of(const quant_result *r, const quant_layer *l) {
    double in = 0;
    for (int i = 0; i < l->nfrom; i++) in = fmax(in, noise_of(&r->layers.data[l->from[i]]));
    return noise_of(l) - in;
}

static size_t quantized_layers(const quant_result *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->layers.count; i++) n += r->layers.data[i].quantized;
    return n;
}

static naru_status one_round(job *j, comparer *c) {
    graph *g;
    TRY(rewrite(j, &g));
    return comparer_run(c, g, j->samples, j->o->labels, j->o->threads, j->out, j->err);
}

/* The graph that the last round compared, and what it measured. */
static naru_status keep_graph(job *j) {
    quant_result *r = j->out;
    size_t n = r->layers.count;
    double *sqnr = mem_calloc(n + 1, sizeof *sqnr);
    if (!sqnr) return err_oom(j->err);
    for (size_t i = 0; i < n; i++) sqnr[i] = r->layers.data[i].sqnr;
    naru_status st = rewrite(j, &r->graph);
    for (size_t i = 0; i < r->layers.count && i < n; i++) r->layers.data[i].sqnr = sqnr[i];
    mem_free(sqnr);
    return st;
}

/* ---- layers taken back ---- */
typedef struct costed {
    int node, layer;
    double cost;
} costed;

static int dearer(const void *a, const void *b) {
    const costed *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? 1 : -1;
    return (x->node > y->node) - (x->node < y->node);
}

static void rank(const job *j, costed *list, size_t n) {
    for (size_t i = 0; i < n; i++) list[i].cost = cost_of(j->out, &j->out->layers.data[list[i].layer]);
    qsort(list, n, sizeof *list, dearer);
}

/* How many to take back, by what the layers cost: noise is taken to fall with what is left of it. */
static size_t guess(const job *j, const costed *list, size_t few, size_t enough, size_t n) {
    double all = 0, left = 0, share = pow(10, (j->out->sqnr - j->o->target_sqnr) / 10);
    for (size_t i = few; i < n; i++) all += fmax(list[i].cost, 0);
    left = all;
    size_t k = few;
    while (k < enough && left > all * share) left -= fmax(list[k++].cost, 0);
    return k;
}

static naru_status try_count(job *j, comparer *c, const costed *list, size_t taken, size_t n) {
    for (size_t i = 0; i < n; i++) j->why[list[i].node] = i < taken ? quant_for_target : NULL;
    TRY(one_round(j, c));
    j->out->met = met(j);
    return NARU_OK;
}

/* As few layers as it takes, the dearest first: between `few`, which are too few, and `enough` (all of them: the float
 * model). What did not do is measured anew and ranks the rest. When time is up, what is known to be enough. */
static naru_status search(job *j, comparer *c, costed *list, size_t n) {
    size_t few = 0, enough = n, last = 0;
    bool measured = true; /* since the last guess */
    rank(j, list, n);
    while (enough - few > 1 && (!j->deadline || profile_now() < j->deadline)) {
        size_t margin = (enough - few) / 8 + 1, k = few + (enough - few) / 2;
        if (measured && j->o->target_sqnr > 0) k = guess(j, list, few, enough, n);
        if (k < few + margin) k = few + margin;
        if (k > enough - margin) k = enough - margin;
        if (k <= few || k >= enough) k = few + (enough - few) / 2;
        TRY(try_count(j, c, list, last = k, n));
        measured = !j->out->met;
        if (j->out->met) enough = k;
        else rank(j, list + (few = k), enough - k);
    }
    return last == enough ? NARU_OK : try_count(j, c, list, enough, n);
}

static naru_status take_back(job *j, comparer *c) {
    size_t n = 0;
    costed *list = mem_calloc(j->out->layers.count + 1, sizeof *list);
    if (!list) return err_oom(j->err);
    for (size_t i = 0; i < j->out->layers.count; i++)
        if (j->out->layers.data[i].quantized) list[n++] = (costed){j->out->layers.data[i].node, (int)i, 0};
    naru_status st = search(j, c, list, n);
    mem_free(list);
    return st;
}

static naru_status rounds(job *j, comparer *c) {
    const naru_quantize_options *o = j->o;
    bool compare = o->report || o->target_sqnr > 0 || o->labels;
    if (compare && !j->samples) return err_set(j->err, NARU_INVALID_ARGUMENT, "comparing with float needs samples");
    if (compare) TRY(comparer_open(c, j->source, j->watched.data, j->watched.count, o->threads, j->err));
    j->out->accuracy = j->out->accuracy_float = -1;
    j->out->sqnr = NAN;
    if (compare) TRY(one_round(j, c));
    else TRY(rewrite(j, &j->out->graph));
    j->out->nothing = !quantized_layers(j->out);
    if (j->out->nothing && compare) TRY(keep_graph(j));
    if (j->out->nothing)
        return err_set(j->err, NARU_UNSUPPORTED, "the model has nothing to quantize: no layer with what it needs");
    if (!(j->out->met = met(j))) TRY(take_back(j, c));
    return compare ? keep_graph(j) : NARU_OK;
}

naru_status quantize_model(const graph_source *source, const naru_quantize_options *o, const sample_source *samples,
                           quant_result *out, naru_error *err) {
    job j = {.source = source, .o = o, .samples = samples, .out = out, .err = err};
    if (out->seconds > 0) j.deadline = profile_now() + (int64_t)(out->seconds * 1e9);
    comparer c = {0};
    if (!(out->arena = arena_new())) return err_oom(err);
    naru_status st = survey(&j);
    if (st == NARU_OK) st = calibrate(&j);
    if (st == NARU_OK) st = rounds(&j, &c);
    comparer_free(&c);
    strmap_free(&j.floats);
    mem_free(j.why);
    ARRAY_FREE(&j.tensors);
    ARRAY_FREE(&j.watched);
    return st;
}
