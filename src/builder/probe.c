/* SPDX-License-Identifier: MIT
 *
 * Probes (probe.h): chosen values become outputs before the graph is lifted and compiled.
 */
#include "builder/probe.h"

#include "passes/lift.h"
#include "passes/pass.h"

struct probe {
    engine *engine;
    pool *pool;
    context *context;
    int *where; /* output index of names[i] */
    size_t n;
    int nin, nout, noriginal;
    naru_value **in, **out;
};

static naru_status expose(probe *p, graph *g, const char *const *names, naru_error *err) {
    block *b = g->main;
    p->noriginal = b->nout;
    for (size_t i = 0; i < p->n; i++) {
        value *v = strmap_get(&g->names, names[i]);
        if (!v || v->block != b) return err_set(err, NARU_NOT_FOUND, "the model has no value '%s'", names[i]);
        int at = 0;
        while (at < b->nout && b->out[at] != v) at++;
        if (at == b->nout && !block_add_output(b, v)) return err_oom(err);
        p->where[i] = at;
    }
    p->nin = b->nin;
    p->nout = b->nout;
    return NARU_OK;
}

static naru_status compile(probe *p, graph **g, const char *const *names, int threads, naru_error *err) {
    p->where = mem_calloc(p->n + 1, sizeof *p->where);
    if (!p->where) return err_oom(err);
    TRY(expose(p, *g, names, err));
    p->in = mem_calloc((size_t)p->nin + 1, sizeof *p->in);
    p->out = mem_calloc((size_t)p->nout + 1, sizeof *p->out);
    if (!p->in || !p->out) return err_oom(err);
    TRY(graph_lift(*g, NULL, err));
    cpu_level cpu = cpu_best();
    TRY(passes_run(*g, &(pass_options){.optimize = true, .cpu = (int)cpu}, err));
    TRY(pool_create(threads, 0, &p->pool, err));
    graph *taken = *g;
    *g = NULL;
    TRY(engine_compile(taken, cpu, p->pool, &p->engine, err));
    return context_new(p->engine, p->pool, &p->context, err);
}

naru_status probe_new(graph *g, const char *const *names, size_t n, int threads, probe **out, naru_error *err) {
    *out = NULL;
    probe *p = mem_calloc(1, sizeof *p);
    if (p) p->n = n;
    naru_status st = p ? compile(p, &g, names, threads, err) : err_oom(err);
    if (st == NARU_OK) *out = p;
    else {
        graph_free(g);
        probe_free(p);
    }
    return st;
}

static void drop(naru_value **v, int n) {
    for (int i = 0; v && i < n; i++) {
        value_unref(v[i]);
        v[i] = NULL;
    }
}

void probe_free(probe *p) {
    if (!p) return;
    drop(p->in, p->nin);
    drop(p->out, p->nout);
    if (p->context) context_free(p->context);
    if (p->engine) engine_free(p->engine);
    pool_destroy(p->pool);
    mem_free(p->where);
    mem_free(p->in);
    mem_free(p->out);
    mem_free(p);
}

/* What a session checks by itself: the engine believes its caller. */
naru_status probe_check_inputs(const block *b, naru_value *const *in, naru_error *err) {
    for (int i = 0; i < b->nin; i++) {
        const value *v = b->in[i];
        const type *d = &v->declared;
        if (!in[i]) {
            if (v->is_initializer) continue;
            return err_set(err, NARU_INVALID_ARGUMENT, "the samples have nothing for input '%s'", v->name);
        }
        const naru_tensor *t = in[i]->kind == NARU_KIND_TENSOR ? in[i]->tensor : NULL;
        if (d->kind != TYPE_TENSOR) continue;
        if (!t || (d->dtype && t->dtype != d->dtype))
            return err_set(err, NARU_TYPE, "input '%s' must be %s, the samples have %s", v->name,
                           naru_dtype_name(d->dtype), t ? naru_dtype_name(t->dtype) : "no tensor");
        if (d->has_rank && d->rank != t->rank)
            return err_set(err, NARU_SHAPE, "input '%s' has %d dimensions, the samples %d", v->name, d->rank, t->rank);
        for (int k = 0; d->has_rank && k < d->rank; k++)
            if (dim_is_const(d->dims[k]) && d->dims[k] != t->dims[k])
                return err_set(err, NARU_SHAPE, "input '%s': axis %d must be %lld, the samples have %lld", v->name, k,
                               (long long)d->dims[k], (long long)t->dims[k]);
    }
    return NARU_OK;
}

naru_status probe_run(probe *p, const sample_source *s, size_t index, bool *more, naru_error *err) {
    drop(p->in, p->nin);
    drop(p->out, p->nout);
    naru_status st = s->batch(s->user, index, (size_t)p->nin, p->in, err);
    *more = st == NARU_OK;
    if (st == NARU_NOT_FOUND) return NARU_OK;
    if (st == NARU_OK) st = probe_check_inputs(p->engine->graph->main, p->in, err);
    if (st == NARU_OK) st = context_run(p->context, p->in, p->out, 0, err);
    return st == NARU_OK ? st : err_context(err, st, "batch %zu of the samples", index);
}

static const naru_tensor *tensor_of(const naru_value *v) {
    return v && v->kind == NARU_KIND_TENSOR && tensor_is_contiguous(v->tensor) ? v->tensor : NULL;
}

const naru_tensor *probe_value(const probe *p, size_t i) { return tensor_of(p->out[p->where[i]]); }
size_t probe_outputs(const probe *p) { return (size_t)p->noriginal; }
const naru_tensor *probe_output(const probe *p, size_t k) { return tensor_of(p->out[k]); }
