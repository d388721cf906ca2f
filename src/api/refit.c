/* SPDX-License-Identifier: MIT
 *
 * naru_refitter_*: weights by name, and the engine's exchange for one that has them.
 */
#include "naru/refit.h"

#include "api/engine.h"
#include "api/model.h"
#include "builder/int8.h"
#include "builder/refit.h"
#include "formats/onnx/onnx.h"

struct naru_refitter {
    naru_engine *e;
    graph *graph; /* the model as written, with what was set; views the engine's bytes */
    arena *arena; /* of the list */
    refit_weight *weights;
    int count;
    bool *changed;
};

/* ---- life ---- */
static void forget(naru_refitter *r) {
    graph_free(r->graph);
    arena_free(r->arena);
    r->graph = NULL;
    r->arena = NULL;
    r->weights = NULL;
    r->changed = NULL;
    r->count = 0;
}

/* What r->e->b would have with model m. r: all but e is empty. */
static naru_status look(naru_refitter *r, const model_bytes *m, naru_error *err) {
    if (!(r->arena = arena_new())) return err_oom(err);
    TRY(onnx_load_memory(m->data, m->size, &r->graph, err));
    TRY(refit_weights(r->graph, r->arena, &r->weights, &r->count, err));
    r->changed = arena_calloc(r->arena, (size_t)r->count + 1, sizeof *r->changed);
    return r->changed ? NARU_OK : err_oom(err);
}

naru_status naru_refitter_create(naru_engine *e, naru_refitter **out, naru_error *err) {
    if (!e || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_refitter_create: NULL argument");
    *out = NULL;
    naru_refitter *r = mem_calloc(1, sizeof *r);
    if (!r) return err_oom(err);
    r->e = engine_retain(e);
    naru_status st = look(r, e->b->model, err);
    if (st == NARU_OK) *out = r;
    else naru_refitter_destroy(&r);
    return st;
}

void naru_refitter_destroy(naru_refitter **refitter) {
    if (!refitter || !*refitter) return;
    forget(*refitter);
    engine_release((*refitter)->e);
    mem_free(*refitter);
    *refitter = NULL;
}

/* ---- questions ---- */
size_t naru_refitter_weights(const naru_refitter *r) { return r ? (size_t)r->count : 0; }

naru_status naru_refitter_weight(const naru_refitter *r, size_t i, naru_weight *out) {
    if (!r || !out) return NARU_INVALID_ARGUMENT;
    if (i >= (size_t)r->count) return NARU_NOT_FOUND;
    const naru_tensor *t = *r->weights[i].at;
    *out = (naru_weight){
        .size = sizeof *out, .name = r->weights[i].name, .dtype = t->dtype, .rank = t->rank, .changed = r->changed[i]};
    memcpy(out->dims, t->dims, (size_t)t->rank * sizeof *t->dims);
    return NARU_OK;
}

size_t naru_refitter_changed(const naru_refitter *r) {
    size_t n = 0;
    for (int i = 0; r && i < r->count; i++) n += r->changed[i];
    return n;
}

static int find(const naru_refitter *r, const char *name) {
    for (int i = 0; i < r->count; i++)
        if (strcmp(r->weights[i].name, name) == 0) return i;
    return -1;
}

const naru_tensor *naru_refitter_tensor(const naru_refitter *r, const char *name) {
    int i = r && name ? find(r, name) : -1;
    return i < 0 ? NULL : *r->weights[i].at;
}

/* ---- setting ---- */
static void add_dims(str *s, const naru_tensor *t) {
    for (int i = 0; i < t->rank; i++) str_addf(s, "%s%lld", i ? "x" : "", (long long)t->dims[i]);
    if (!t->rank) str_add(s, "scalar");
}

static naru_status fits(const char *name, const naru_tensor *is, const naru_tensor *wanted, naru_error *err) {
    if (is->dtype != wanted->dtype)
        return err_set(err, NARU_TYPE, "weight '%s' is %s, not %s", name, naru_dtype_name(wanted->dtype),
                       naru_dtype_name(is->dtype));
    if (tensor_same_dims(is, wanted)) return NARU_OK;
    str s = {0};
    str_addf(&s, "weight '%s' has shape ", name);
    add_dims(&s, wanted);
    str_add(&s, ", not ");
    add_dims(&s, is);
    naru_status st = s.failed ? err_oom(err) : err_set(err, NARU_SHAPE, "%s", str_text(&s));
    str_free(&s);
    return st;
}

static bool same_content(const naru_tensor *a, const naru_tensor *b) {
    return tensor_is_contiguous(a) && tensor_is_contiguous(b) && memcmp(a->data, b->data, tensor_bytes(a)) == 0;
}

static void put(naru_refitter *r, int i, naru_tensor *t) {
    naru_tensor **at = r->weights[i].at;
    if (same_content(t, *at)) return;
    tensor_ref(t);
    tensor_unref(*at);
    *at = t;
    r->changed[i] = true;
}

naru_status naru_refitter_set(naru_refitter *r, const char *name, naru_tensor *t, naru_error *err) {
    if (!r || !name || !t) return err_set(err, NARU_INVALID_ARGUMENT, "naru_refitter_set: NULL argument");
    int i = find(r, name);
    if (i < 0) {
        enum { MOST = 512 };
        const char *names[MOST];
        size_t n = 0;
        for (; n < (size_t)r->count && n < MOST; n++) names[n] = r->weights[n].name;
        const char *near = str_nearest(name, names, n);
        return err_set(err, NARU_NOT_FOUND, "the engine has no weight '%s'%s%s%s", name, near ? "; did you mean '" : "",
                       near ? near : "", near ? "'?" : "");
    }
    TRY(fits(name, t, *r->weights[i].at, err));
    if (tensor_is_contiguous(t)) put(r, i, t);
    else {
        naru_tensor *c;
        TRY(tensor_clone(t, &c, err));
        put(r, i, c);
        tensor_unref(c);
    }
    return NARU_OK;
}

/* by[i]: the model's tensor for weight i. */
static naru_status match(const naru_refitter *r, const refit_weight *w, int count, naru_tensor **by, naru_error *err) {
    strmap names = {0};
    naru_status st = NARU_OK;
    for (int i = 0; st == NARU_OK && i < count; i++) {
        struct strmap_entry *e = strmap_put(&names, w[i].name, NULL);
        if (e) e->ptr = *w[i].at;
        else st = err_oom(err);
    }
    int missing = 0, first = -1;
    for (int i = 0; st == NARU_OK && i < r->count; i++) {
        by[i] = strmap_get(&names, r->weights[i].name);
        if (by[i]) st = fits(r->weights[i].name, by[i], *r->weights[i].at, err);
        else if (!missing++) first = i;
    }
    strmap_free(&names);
    if (st != NARU_OK || !missing) return st;
    return err_set(err, NARU_NOT_FOUND, "the model lacks %d of the engine's %d weights, the first '%s'", missing,
                   r->count, r->weights[first].name);
}

/* copy: the tensors of g do not outlive the call. */
static naru_status set_all(naru_refitter *r, graph *g, bool copy, naru_error *err) {
    refit_weight *w = NULL;
    int count = 0;
    arena *a = arena_new();
    naru_tensor **by = a ? arena_calloc(a, (size_t)r->count + 1, sizeof *by) : NULL;
    naru_status st = by ? refit_weights(g, a, &w, &count, err) : err_oom(err);
    if (st == NARU_OK) st = match(r, w, count, by, err);
    for (int i = 0; st == NARU_OK && copy && i < r->count; i++)
        if (!(st = tensor_clone(by[i], &by[i], err))) put(r, i, by[i]), tensor_unref(by[i]);
    for (int i = 0; st == NARU_OK && !copy && i < r->count; i++) put(r, i, by[i]);
    arena_free(a);
    return st;
}

/* The float weights of a model whose Q/DQ form the engine has. */
static naru_status set_quantized(naru_refitter *r, model_bytes *m, const build_options *o, naru_error *err) {
    model_bytes *q = NULL;
    graph *g = NULL;
    naru_status st = int8_requantize(m, r->e->b->recipe, o, &q, err);
    if (st == NARU_OK) st = onnx_load_memory(q->data, q->size, &g, err);
    if (st == NARU_OK) st = set_all(r, g, true, err);
    graph_free(g);
    model_bytes_unref(q);
    return st;
}

naru_status naru_refitter_set_from_model(naru_refitter *r, const naru_model *model, naru_error *err) {
    if (!r || !model) return err_set(err, NARU_INVALID_ARGUMENT, "naru_refitter_set_from_model: NULL argument");
    if (!r->e->b->recipe) return set_all(r, model->graph, false, err);
    build_options o = {.read = onnx_load_memory, .write = onnx_save_memory};
    model_bytes *m = NULL;
    bool plain = false;
    naru_status st = bytes_of_graph(model->graph, &m, err);
    if (st == NARU_OK) st = int8_is_float(m, o.read, &plain, err);
    if (st == NARU_OK) st = plain ? set_quantized(r, m, &o, err) : set_all(r, model->graph, false, err);
    model_bytes_unref(m);
    return st;
}

/* ---- refitting ---- */
naru_status naru_refitter_refit(naru_refitter *r, naru_report *report, naru_error *err) {
    if (!r) return err_set(err, NARU_INVALID_ARGUMENT, "naru_refitter_refit: NULL argument");
    if (!naru_refitter_changed(r)) return NARU_OK;
    model_bytes *m = NULL;
    built *b = NULL;
    naru_refitter after = {.e = r->e};
    build_options o = {.pool = r->e->pool, .seed = r->e->seed, .read = onnx_load_memory, .report = report};
    naru_status st = bytes_of_graph(r->graph, &m, err);
    if (st == NARU_OK) st = refit(r->e->b, m, &o, &b, err);
    model_bytes_unref(m);
    if (st == NARU_OK) st = look(&after, b->model, err);
    if (st != NARU_OK) {
        forget(&after);
        built_free(b);
        return st;
    }
    built *old = r->e->b;
    forget(r); /* views the old one's bytes */
    *r = after;
    r->e->b = b;
    built_free(old);
    return NARU_OK;
}
