/* SPDX-License-Identifier: MIT
 *
 * Implicit INT8 (int8.h): the float network is calibrated and quantized as naru_quantize does it, Q and DQ before the
 * layers with weights only. Of a range no more is used than a calibration cache keeps (its bound), so that a build from
 * the cache is the build that wrote it; what cannot be negative gets all 256 levels.
 */
#include "builder/int8.h"

#include <math.h>

#include "builder/quantize.h"
#include "builder/runs.h"

static const char calibrating[] = "Calibrating";
enum { NAMES_TOLD = 5, LEAST_OPSET = 13 };

typedef struct maker {
    model_bytes *model;
    const build_options *o;
    const int8_options *i;
    arena *arena; /* of the recipe */
    const int8_recipe *recipe;
    naru_error *err;
} maker;

static naru_status told(const maker *k, naru_status st) { return st == NARU_OK ? st : err_oom(k->err); }

/* ---- the network ---- */
static naru_status read_network(void *user, graph **out, naru_error *err) {
    maker *k = user;
    TRY(k->o->read(k->model->data, k->model->size, out, err));
    naru_status st = quant_prepare(*out, LEAST_OPSET, NULL, err);
    if (st == NARU_OK) return st;
    graph_free(*out);
    *out = NULL;
    return st;
}

static bool no_quantized(block *b, void *user) {
    static const char *const ops[] = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv",
                                      "QLinearMatMul",  "ConvInteger",      "MatMulInteger"};
    for (const node *n = b->first; n; n = n->next)
        for (size_t i = 0; i < COUNT_OF(ops); i++)
            if (strcmp(n->op_type, ops[i]) == 0) return false;
    return true;
}

/* ---- random data ---- */
typedef struct random_batch {
    maker *k;
    profile_range *ranges; /* of profile 0 */
    const graph *g;
} random_batch;

static naru_status draw_batch(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    random_batch *r = user;
    uint64_t state = r->k->o->seed + 1;
    if (index) return NARU_NOT_FOUND;
    for (size_t i = 0; i < nin; i++) {
        const value *v = r->g->main->in[i];
        if (!r->ranges[i].open && v->declared.dtype)
            TRY(profile_sample(&r->ranges[i], &v->declared, &state, &in[i], err));
        else if (!v->is_initializer)
            return err_set(err, NARU_UNSUPPORTED, "input '%s' cannot be filled with random data: give calibration data",
                           v->name);
    }
    return NARU_OK;
}

static naru_status random_open(maker *k, random_batch *r) {
    *r = (random_batch){.k = k};
    graph *g;
    TRY(read_network(k, &g, k->err));
    r->g = g;
    if (!(r->ranges = mem_calloc((size_t)g->main->nin + 1, sizeof *r->ranges))) return err_oom(k->err);
    return profile_settle(g, k->o->nprofiles ? &k->o->profiles[0] : NULL, -1, r->ranges, k->err);
}

static void random_close(random_batch *r) {
    graph_free((graph *)r->g);
    mem_free(r->ranges);
}

/* ---- the cache ---- */
static naru_status read_cache(maker *k, calib_table *t) {
    const int8_options *i = k->i;
    const void *data;
    size_t size;
    if (!i->read_cache) return NARU_OK;
    naru_status st = i->read_cache(i->user, &data, &size, k->err);
    if (st == NARU_NOT_FOUND) return NARU_OK;
    TRY(st);
    st = calib_parse(data, size, t, k->err);
    if (st != NARU_OK) return err_context(k->err, st, "the calibration cache");
    if (!t->entries.count)
        return err_set(k->err, NARU_BAD_FILE, "the calibration cache has no tensors; remove it to calibrate anew");
    if (i->any_cache || t->calibrator == i->calibrator) return NARU_OK;
    if (!i->samples.batch)
        return err_set(k->err, NARU_MISMATCH,
                       "the calibration cache was made by another algorithm, and there is no data to calibrate with");
    calib_free(t);
    return told(k, report_add(k->o->report, NARU_SEVERITY_WARNING, "cache-rejected", "", "calibrating again",
                              "the calibration cache was made by another algorithm"));
}

static naru_status write_cache(maker *k, const calib_table *t) {
    if (!k->i->write_cache) return NARU_OK;
    str s = {0};
    calib_print(t, &s);
    naru_status st = s.failed ? err_oom(k->err) : k->i->write_cache(k->i->user, s.data, s.len, k->err);
    str_free(&s);
    return st;
}

/* ---- telling ---- */
/* "'a', 'b', ... and 3 more" */
static void list_names(const char *const *names, size_t n, str *out) {
    for (size_t i = 0; i < n && i < NAMES_TOLD; i++) str_addf(out, "%s'%s'", i ? ", " : "", names[i]);
    if (n > NAMES_TOLD) str_addf(out, " and %zu more", n - NAMES_TOLD);
}

static naru_status tell_missing(maker *k, const quant_result *r, bool cached) {
    if (!r->missing.count) return NARU_OK;
    str s = {0};
    list_names(r->missing.data, r->missing.count, &s);
    const char *what = cached        ? "the calibration cache lacks"
                       : k->i->fixed ? "no range was given for"
                                     : "calibration found infinities or NaNs in";
    naru_status st = s.failed ? NARU_OUT_OF_MEMORY
                              : report_add(k->o->report, NARU_SEVERITY_WARNING, "no-range", "",
                                           "the layers that read them stay in FP32", "INT8: %s %s", what, s.data);
    str_free(&s);
    return told(k, st);
}

static naru_status tell_layers(maker *k, const quant_result *r) {
    size_t done = 0;
    for (size_t i = 0; i < r->layers.count; i++) done += r->layers.data[i].quantized;
    return told(k, report_add(k->o->report, NARU_SEVERITY_NOTE, "int8-layers", "", "",
                              "INT8: %zu of %zu layers with weights are quantized, by calibration", done,
                              r->layers.count));
}

/* Names of the layers that went back to float for the limit of the outputs' error; how many they are. */
static size_t list_kept(const quant_result *r, str *out) {
    size_t n = 0;
    for (size_t i = 0; i < r->layers.count; i++) {
        const quant_layer *l = &r->layers.data[i];
        if (l->quantized || strcmp(l->why, quant_for_target) != 0) continue;
        if (n < NAMES_TOLD) str_addf(out, "%s'%s'", n ? ", " : "", l->name);
        n++;
    }
    if (n > NAMES_TOLD) str_addf(out, " and %zu more", n - NAMES_TOLD);
    return n;
}

static naru_status tell_error(maker *k, const quant_result *r) {
    str s = {0};
    if (!(k->o->accuracy > 0)) return NARU_OK;
    size_t n = list_kept(r, &s);
    naru_status st = s.failed ? NARU_OUT_OF_MEMORY : NARU_OK;
    if (st == NARU_OK && n)
        st = report_add(k->o->report, NARU_SEVERITY_NOTE, "kept-high", "", "",
                        "INT8: %s stay%s in FP32, for the outputs' error was above the limit of %.3g", s.data,
                        n > 1 ? "" : "s", k->o->accuracy);
    if (st == NARU_OK)
        st = report_add(k->o->report, NARU_SEVERITY_NOTE, "int8-error", "", "",
                        "INT8: the outputs' error is %.3g (limit %.3g)", pow(10, -r->sqnr / 20), k->o->accuracy);
    str_free(&s);
    return told(k, st);
}

/* A cache none of whose tensors the network wants is of another one. */
static naru_status check_cache(maker *k, const quant_result *r, const calib_table *cache) {
    const char *first = r->missing.count ? r->missing.data[0] : "";
    if (!r->nothing || !r->missing.count) return NARU_OK;
    return err_set(k->err, NARU_MISMATCH,
                   "the calibration cache is of another network: of the tensors that INT8 wants a range for ('%s' and "
                   "%zu more) it has none that a layer could use; its first is '%s'",
                   first, r->missing.count - 1, cache->entries.data[0].name);
}

/* ---- layers that shall not be INT8 ---- */
static bool asked_high(const maker *k, const node *n) {
    int p = precision_asked(k->o, n);
    return p != NOT_ASKED && p != NARU_PRECISION_INT8;
}

typedef struct keeping { /* outputs of layers that stay float; by node->index whether one was asked to */
    const char **names;
    size_t count;
    bool *high;
} keeping;

static bool is_op(const node *n, const char *op) { return !*n->domain && strcmp(n->op_type, op) == 0; }

/* n, and the layer whose epilogue it would join: behind Relu and Clip, and one Add. */
static void mark_high(keeping *x, const node *n, bool added) {
    if (!n || x->high[n->index]) return;
    x->high[n->index] = true;
    bool add = is_op(n, "Add");
    if (!add && !is_op(n, "Relu") && !is_op(n, "Clip")) return;
    for (int i = 0; i < (add ? n->nin : 1); i++) {
        const node *p = n->in[i] ? n->in[i]->producer : NULL;
        bool joins = p && !(add || added ? is_op(p, "Add") || is_op(p, "Relu") || is_op(p, "Clip") : false);
        if (joins) mark_high(x, p, added || add);
    }
}

static naru_status keep_high(maker *k, arena *a, keeping *x) {
    graph *g;
    if (!k->o->nrules) return NARU_OK;
    TRY(read_network(k, &g, k->err));
    quant_number(g);
    size_t n = (size_t)g->main->nnodes;
    x->high = arena_calloc(a, n + 1, sizeof *x->high);
    x->names = arena_calloc(a, n + 1, sizeof *x->names);
    naru_status st = x->high && x->names ? NARU_OK : err_oom(k->err);
    for (const node *m = g->main->first; st == NARU_OK && m; m = m->next)
        if (asked_high(k, m)) mark_high(x, m, false);
    for (const node *m = g->main->first; st == NARU_OK && m; m = m->next) {
        if (!x->high[m->index] || !m->nout || !m->out[0]) continue;
        if (!(x->names[x->count++] = arena_strdup(a, m->out[0]->name))) st = err_oom(k->err);
    }
    graph_free(g);
    return st;
}

/* ---- from float to Q/DQ ---- */
static naru_status save(maker *k, quant_result *r, model_bytes **out) {
    str text = {0};
    r->graph->producer_name = "naru";
    r->graph->producer_version = NARU_VERSION;
    naru_status st = k->o->write(r->graph, &text, k->err);
    if (st == NARU_OK && !(*out = model_bytes_new(&text, NULL, 0, NULL))) st = err_oom(k->err);
    str_free(&text);
    return st;
}

static double decibels(double error) { return -20 * log10(error); }

static naru_quantize_options form_options(const keeping *high) {
    naru_quantize_options q = NARU_QUANTIZE_OPTIONS_INIT;
    q.per_channel = q.inputs_only = true;
    q.exclude = high->names;
    q.nexclude = high->count;
    return q;
}

static naru_status quantize(maker *k, const sample_source *samples, bool drawn, const keeping *high, quant_result *r,
                            model_bytes **out) {
    naru_quantize_options q = form_options(high);
    graph_source source = {read_network, k};
    bool cached = r->ranges.entries.count > 0;
    q.calibrator = k->i->calibrator;
    q.percentile = k->i->percentile;
    q.report = k->o->accuracy > 0;
    if (q.report) q.target_sqnr = decibels(k->o->accuracy); /* 0 and less: met by any */
    q.threads = pool_threads(k->o->pool);
    r->symmetric = true;
    r->seconds = k->o->seconds;
    r->fixed = k->i->fixed;
    naru_status st = quantize_model(&source, &q, samples, r, k->err);
    if (cached && r->nothing) TRY(check_cache(k, r, &r->ranges));
    if (r->nothing) {
        TRY(tell_missing(k, r, cached));
        return told(k, report_add(k->o->report, NARU_SEVERITY_WARNING, "int8-nothing", "", "",
                                  "INT8 is permitted, but no layer of the network can be quantized: FP32 is used"));
    }
    TRY(st);
    if (!cached && !r->only_given && !drawn) TRY(write_cache(k, &r->ranges));
    TRY(tell_missing(k, r, cached));
    TRY(tell_layers(k, r));
    TRY(tell_error(k, r));
    return save(k, r, out);
}

/* ---- the recipe ---- */
static naru_status list_taken_back(maker *k, const quant_result *r, int8_recipe *x) {
    graph *g;
    bool any = false;
    for (size_t i = 0; i < r->layers.count; i++) any |= strcmp(r->layers.data[i].why, quant_for_target) == 0;
    if (!any) return NARU_OK;
    TRY(read_network(k, &g, k->err));
    quant_number(g);
    naru_status st = NARU_OK;
    for (size_t i = 0; st == NARU_OK && i < r->layers.count; i++) {
        const quant_layer *l = &r->layers.data[i];
        const node *n = g->main->first;
        if (strcmp(l->why, quant_for_target) != 0) continue;
        while (n && n->index != l->node) n = n->next;
        if (!n || !n->nout || !n->out[0]) continue;
        if (!(x->kept[x->nkept++] = arena_strdup(k->arena, n->out[0]->name))) st = err_oom(k->err);
    }
    graph_free(g);
    return st;
}

static naru_status keep_recipe(maker *k, const quant_result *r, const keeping *high) {
    int8_recipe *x = arena_calloc(k->arena, 1, sizeof *x);
    size_t n = r->ranges.entries.count;
    calib_entry *e = arena_calloc(k->arena, n + 1, sizeof *e);
    if (!x || !e) return err_oom(k->err);
    *x = (int8_recipe){.hash = k->model->hash, .ranges = e, .nranges = (int)n};
    if (!(x->kept = arena_calloc(k->arena, high->count + r->layers.count + 1, sizeof *x->kept))) return err_oom(k->err);
    for (size_t i = 0; i < n; i++) {
        e[i] = r->ranges.entries.data[i];
        if (!(e[i].name = arena_strdup(k->arena, e[i].name))) return err_oom(k->err);
    }
    for (size_t i = 0; i < high->count; i++)
        if (!(x->kept[x->nkept++] = arena_strdup(k->arena, high->names[i]))) return err_oom(k->err);
    k->recipe = x;
    return list_taken_back(k, r, x);
}

static naru_status tell_chance(maker *k) {
    return told(k, report_add(k->o->report, NARU_SEVERITY_WARNING, "calibrated-by-chance", "",
                              "give calibration data, a cache or ranges",
                              "INT8 without calibration: ranges are those of random inputs, so times mean something "
                              "and outputs do not"));
}

/* What is run: samples to calibrate on, or only to measure errors on, or random data where there are none. */
static naru_status calibrate(maker *k, model_bytes **out) {
    quant_result r = {0};
    random_batch random = {0};
    keeping high = {0};
    arena *a = arena_new();
    const sample_source *samples = k->i->samples.batch ? &k->i->samples : NULL, drawn = {draw_batch, &random};
    naru_status st = a ? keep_high(k, a, &high) : err_oom(k->err);
    if (st == NARU_OK) st = read_cache(k, &r.ranges);
    r.only_given = !samples && (r.ranges.entries.count || k->i->fixed);
    bool blind = !samples && !r.only_given;
    if (st == NARU_OK && blind) st = tell_chance(k);
    if (!samples && !blind && k->o->accuracy > 0) samples = k->o->samples;
    if (st == NARU_OK && !samples && (blind || k->o->accuracy > 0)) {
        st = random_open(k, &random);
        samples = &drawn;
    }
    if (st == NARU_OK) st = quantize(k, samples, blind, &high, &r, out);
    if (st == NARU_OK && *out) st = keep_recipe(k, &r, &high);
    arena_free(a);
    quant_result_free(&r);
    random_close(&random);
    return st;
}

/* ---- the call ---- */
static naru_status check_fixed(const maker *k, const graph *g) {
    const calib_table *t = k->i->fixed;
    for (size_t i = 0; t && i < t->entries.count; i++)
        if (!strmap_find(&g->names, t->entries.data[i].name))
            return err_set(k->err, NARU_NOT_FOUND, "a range was given for '%s': the network has no such tensor",
                           t->entries.data[i].name);
    return NARU_OK;
}

naru_status int8_is_float(const model_bytes *m, graph_reader read, bool *out, naru_error *err) {
    graph *g;
    TRY(read(m->data, m->size, &g, err));
    *out = graph_each_block(g, true, no_quantized, NULL);
    graph_free(g);
    return NARU_OK;
}

static naru_status is_float(const maker *k, bool *out) {
    graph *g;
    TRY(k->o->read(k->model->data, k->model->size, &g, k->err));
    *out = graph_each_block(g, true, no_quantized, NULL);
    naru_status st = *out ? check_fixed(k, g) : NARU_OK;
    graph_free(g);
    return st;
}

naru_status int8_network(model_bytes *m, const build_options *o, arena *a, const int8_recipe **recipe,
                         model_bytes **out, naru_error *err) {
    maker k = {.model = m, .o = o, .i = o->int8, .arena = a, .err = err};
    bool plain;
    *out = NULL;
    *recipe = NULL;
    if (!(o->flags & BUILD_INT8) || !o->int8) return *out = model_bytes_ref(m), NARU_OK;
    TRY(is_float(&k, &plain));
    if (!plain) {
        *out = model_bytes_ref(m);
        return told(&k, report_add(o->report, NARU_SEVERITY_NOTE, "int8-explicit", "", "",
                                   "INT8: the network has Q/DQ nodes; they alone decide, calibration is not used"));
    }
    if (o->progress.start) o->progress.start(o->progress.user, calibrating, "Building engine", 1);
    naru_status st = calibrate(&k, out);
    bool goes_on = st != NARU_OK || !o->progress.step || o->progress.step(o->progress.user, calibrating, 0);
    if (o->progress.finish) o->progress.finish(o->progress.user, calibrating);
    if (!goes_on) st = err_set(err, NARU_CANCELLED, "the build was cancelled in phase '%s'", calibrating);
    if (st == NARU_OK && !*out) *out = model_bytes_ref(m);
    if (st != NARU_OK) model_bytes_unref(*out), *out = NULL;
    else *recipe = k.recipe;
    return st;
}

/* ---- again ---- */
naru_status int8_requantize(model_bytes *m, const int8_recipe *recipe, const build_options *o, model_bytes **out,
                            naru_error *err) {
    maker k = {.model = m, .o = o, .err = err};
    keeping kept = {.names = recipe->kept, .count = (size_t)recipe->nkept};
    naru_quantize_options q = form_options(&kept);
    graph_source source = {read_network, &k};
    calib_table ranges = {0};
    quant_result r = {.symmetric = true, .only_given = true, .fixed = &ranges};
    naru_status st = NARU_OK;
    *out = NULL;
    for (int i = 0; st == NARU_OK && i < recipe->nranges; i++)
        st = calib_put(&ranges, recipe->ranges[i].name, recipe->ranges[i].range, err);
    if (st == NARU_OK) st = quantize_model(&source, &q, NULL, &r, err);
    if (r.nothing) st = NARU_OK; /* a limit may have kept every layer */
    if (st == NARU_OK) st = save(&k, &r, out);
    quant_result_free(&r);
    calib_free(&ranges);
    return st == NARU_OK ? st : err_context(err, st, "quantizing the model as the engine's was");
}

const int8_recipe *int8_recipe_copy(const int8_recipe *r, arena *a) {
    int8_recipe *x = arena_calloc(a, 1, sizeof *x);
    calib_entry *e = arena_calloc(a, (size_t)r->nranges + 1, sizeof *e);
    if (!x || !e) return NULL;
    *x = *r;
    x->ranges = e;
    if (!(x->kept = arena_calloc(a, (size_t)r->nkept + 1, sizeof *x->kept))) return NULL;
    for (int i = 0; i < r->nranges; i++) {
        e[i] = r->ranges[i];
        if (!(e[i].name = arena_strdup(a, e[i].name))) return NULL;
    }
    for (int i = 0; i < r->nkept; i++)
        if (!(x->kept[i] = arena_strdup(a, r->kept[i]))) return NULL;
    return x;
}
