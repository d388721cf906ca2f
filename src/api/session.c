/* SPDX-License-Identifier: MIT
 *
 * naru_session_*: a compiled model, its thread pool, and a bounded pool of contexts for concurrent runs.
 */
#include <pthread.h>
#include <string.h>

#include "api/engine.h"
#include "api/model.h"
#include "api/options.h"
#include "base/knob.h"
#include "engine/engine.h"
#include "engine/profile.h"
#include "naru/session.h"
#include "passes/lift.h"
#include "passes/pass.h"

enum { MAX_CONTEXTS = 16, LONGEST_SPIN_US = 1000 };

struct naru_session {
    graph *graph;      /* of the engine, or of the reference evaluator */
    engine *engine;    /* NULL: reference evaluator */
    naru_engine *plan; /* loaded from a plan file: engine, graph and pool are its own; NULL */
    pool *pool;
    profile *profile;
    uint64_t seed;
    int threads;
    cpu_level cpu;
    arena *arena; /* texts of ports */
    char **input_types, **output_types;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    context *idle[MAX_CONTEXTS];
    int nidle, ncontexts;
    size_t peak_block;
};

/* ---- creation ---- */
static naru_status describe_ports(naru_session *s, naru_error *err) {
    return port_texts(s->graph, s->arena, &s->input_types, &s->output_types, err);
}

static naru_status compile(naru_session *s, const naru_model *m, const naru_options *o, naru_report *report,
                           naru_error *err) {
    TRY(option_cpu(o, &s->cpu, err));
    s->seed = (uint64_t)option_int(o, OPTION_seed);
    const char *evaluator = option_text(o, OPTION_evaluator);
    bool reference = strcmp(evaluator, "reference") == 0;
    if (!reference && strcmp(evaluator, "engine") != 0)
        return err_set(err, NARU_INVALID_ARGUMENT, "evaluator '%s' is neither 'engine' nor 'reference'", evaluator);
    TRY(pool_create((int)option_int(o, OPTION_threads), (int)knob_int(KNOB_SPIN_US, 0, LONGEST_SPIN_US), &s->pool,
                    err));
    s->threads = pool_threads(s->pool);
    if (*option_text(o, OPTION_profile)) TRY(profile_new(option_text(o, OPTION_profile), &s->profile, err));
    graph *g;
    TRY(model_read(m, &g, err));
    naru_status st = graph_lift(g, report, err);
    if (st == NARU_OK && reference) st = graph_infer(g, NULL, NULL, err);
    pass_options po = {.optimize = option_int(o, OPTION_optimize) != 0, .cpu = (int)s->cpu};
    if (st == NARU_OK && !reference) st = passes_run(g, &po, err);
    if (st != NARU_OK) {
        graph_free(g);
        return st;
    }
    s->graph = g;
    if (reference) return describe_ports(s, err);
    st = engine_compile(g, s->cpu, s->pool, &s->engine, err);
    if (st != NARU_OK) s->graph = NULL; /* engine_compile freed it */
    return st == NARU_OK ? describe_ports(s, err) : st;
}

naru_status naru_session_create(const naru_model *model, const naru_options *options, naru_session **out,
                                naru_report *report, naru_error *err) {
    if (!model || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_session_create: NULL argument");
    *out = NULL;
    naru_session *s = mem_calloc(1, sizeof *s);
    if (!s) return err_oom(err);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->freed, NULL);
    s->arena = arena_new();
    naru_status st = s->arena ? compile(s, model, options, report, err) : err_oom(err);
    if (st != NARU_OK) {
        naru_session_destroy(&s);
        return model->path ? err_context(err, st, "%s", model->path) : st;
    }
    *out = s;
    return NARU_OK;
}

/* Over the engine of a plan file. */
static naru_status open_plan(naru_session *s, const char *path, const naru_options *o, naru_report *report,
                             naru_error *err) {
    if (strcmp(option_text(o, OPTION_evaluator), "engine") != 0)
        return err_set(err, NARU_UNSUPPORTED,
                       "%s: a plan runs on the engine only; give its model to the reference evaluator", path);
    if (*option_text(o, OPTION_profile)) TRY(profile_new(option_text(o, OPTION_profile), &s->profile, err));
    TRY(naru_engine_load(path, NULL, o, &s->plan, report, err));
    s->engine = s->plan->b->engine;
    s->graph = s->engine->graph;
    s->pool = s->plan->pool;
    s->threads = pool_threads(s->pool);
    s->cpu = s->engine->cpu;
    s->seed = s->plan->seed;
    return describe_ports(s, err);
}

static naru_status session_from_plan(const char *path, const naru_options *options, naru_session **out,
                                     naru_report *report, naru_error *err) {
    naru_session *s = mem_calloc(1, sizeof *s);
    if (!s) return err_oom(err);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->freed, NULL);
    s->arena = arena_new();
    naru_status st = s->arena ? open_plan(s, path, options, report, err) : err_oom(err);
    if (st == NARU_OK) *out = s;
    else naru_session_destroy(&s);
    return st;
}

naru_status naru_session_load(const char *path, const naru_options *options, naru_session **out, naru_report *report,
                              naru_error *err) {
    if (!path || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_session_load: NULL argument");
    *out = NULL;
    if (naru_is_plan(path)) return session_from_plan(path, options, out, report, err);
    naru_model *m;
    TRY(naru_model_load(path, options, &m, err));
    naru_status st = naru_session_create(m, options, out, report, err);
    naru_model_destroy(&m);
    return st;
}

void naru_session_destroy(naru_session **session) {
    if (!session || !*session) return;
    naru_session *s = *session;
    for (int i = 0; i < s->nidle; i++) context_free(s->idle[i]);
    if (s->plan) engine_release(s->plan);
    else if (s->engine) engine_free(s->engine);
    else graph_free(s->graph);
    profile_finish(s->profile, NULL);
    if (!s->plan) pool_destroy(s->pool);
    arena_free(s->arena);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->freed);
    mem_free(s);
    *session = NULL;
}

/* ---- ports ---- */
size_t naru_session_inputs(const naru_session *s) { return s ? (size_t)s->graph->main->nin : 0; }
size_t naru_session_outputs(const naru_session *s) { return s ? (size_t)s->graph->main->nout : 0; }

naru_status naru_session_input(const naru_session *s, size_t i, naru_port *out) {
    if (!s || !out) return NARU_INVALID_ARGUMENT;
    if (i >= naru_session_inputs(s)) return NARU_NOT_FOUND;
    port_fill(s->graph, s->graph->main->in[i], s->input_types[i], out);
    return NARU_OK;
}

naru_status naru_session_output(const naru_session *s, size_t i, naru_port *out) {
    if (!s || !out) return NARU_INVALID_ARGUMENT;
    if (i >= naru_session_outputs(s)) return NARU_NOT_FOUND;
    port_fill(s->graph, s->graph->main->out[i], s->output_types[i], out);
    return NARU_OK;
}

/* ---- arguments ---- */
static naru_status find_port(value *const *ports, int n, const char *name, const char *what, int *out,
                             naru_error *err) {
    for (int i = 0; i < n; i++)
        if (strcmp(ports[i]->name, name) == 0) {
            *out = i;
            return NARU_OK;
        }
    const char *names[256] = {0};
    int count = 0;
    for (; count < n && count < 256; count++) names[count] = ports[count]->name;
    const char *near = str_nearest(name, names, (size_t)count);
    if (near) return err_set(err, NARU_NOT_FOUND, "the model has no %s '%s'; did you mean '%s'?", what, name, near);
    return err_set(err, NARU_NOT_FOUND, "the model has no %s '%s'%s%s%s", what, name, n ? "; the first is '" : "",
                   n ? ports[0]->name : "", n ? "'" : "");
}

typedef struct bound_symbol { /* a symbol and the size it was first seen with */
    dim_t symbol;
    int64_t size;
    const char *input;
    int axis;
} bound_symbol;

typedef struct checker {
    const naru_session *s;
    bound_symbol seen[64];
    int nseen;
} checker;

static naru_status check_symbol(checker *k, const value *v, int axis, dim_t symbol, int64_t size, naru_error *err) {
    for (int i = 0; i < k->nseen; i++) {
        const bound_symbol *b = &k->seen[i];
        if (b->symbol != symbol || b->size == size) continue;
        return err_set(err, NARU_SHAPE,
                       "input '%s': axis %d ('%s') is %lld, but '%s' axis %d, which bears the same name, is %lld",
                       v->name, axis, sym_plain_name(k->s->graph->syms, symbol), (long long)size, b->input, b->axis,
                       (long long)b->size);
    }
    if (k->nseen < (int)COUNT_OF(k->seen)) k->seen[k->nseen++] = (bound_symbol){symbol, size, v->name, axis};
    return NARU_OK;
}

static naru_status check_shape(checker *k, const value *v, const naru_tensor *t, naru_error *err) {
    const type *d = &v->declared;
    if (d->dtype && d->dtype != t->dtype)
        return err_set(err, NARU_TYPE, "input '%s' must be %s, is %s", v->name, naru_dtype_name(d->dtype),
                       naru_dtype_name(t->dtype));
    if (!d->has_rank) return NARU_OK;
    if (d->rank != t->rank)
        return err_set(err, NARU_SHAPE, "input '%s' must have %d dimensions, has %d", v->name, d->rank, t->rank);
    for (int i = 0; i < d->rank; i++) {
        if (dim_is_const(d->dims[i]) && d->dims[i] != t->dims[i])
            return err_set(err, NARU_SHAPE, "input '%s': axis %d must be %lld, is %lld", v->name, i,
                           (long long)d->dims[i], (long long)t->dims[i]);
        if (!dim_is_const(d->dims[i]) && sym_plain_name(k->s->graph->syms, d->dims[i]))
            TRY(check_symbol(k, v, i, d->dims[i], t->dims[i], err));
    }
    return NARU_OK;
}

static naru_status check_input(checker *k, const value *v, const naru_value *x, naru_error *err) {
    if (!x) {
        if (v->constant) return NARU_OK;
        if (v->declared.kind == TYPE_OPTIONAL) return NARU_OK;
        return err_set(err, NARU_NOT_FOUND, "input '%s' is missing", v->name);
    }
    static const char *const kinds[] = {"", "a tensor", "a sequence", "a map", "an optional"};
    naru_kind want = v->declared.kind == TYPE_SEQUENCE ? NARU_KIND_SEQUENCE
                     : v->declared.kind == TYPE_MAP    ? NARU_KIND_MAP
                                                       : NARU_KIND_TENSOR;
    if (v->declared.kind == TYPE_OPTIONAL || v->declared.kind == TYPE_UNKNOWN) return NARU_OK;
    if (x->kind != want)
        return err_set(err, NARU_TYPE, "input '%s' must be %s, is %s", v->name, kinds[want], kinds[x->kind]);
    return want == NARU_KIND_TENSOR ? check_shape(k, v, x->tensor, err) : NARU_OK;
}

typedef struct call_args {
    naru_value *few_in[16], *few_out[16], **in, **out;
    bool *given, few_given[16]; /* per output: the caller's tensor */
    int variant;                /* set of tactics of a plan */
} call_args;

static naru_status bind_args(const naru_session *s, call_args *a, size_t nin, const char *const *in_names,
                             naru_value *const *in, naru_error *err) {
    const block *b = s->graph->main;
    for (size_t i = 0; i < nin; i++) {
        int at = 0;
        TRY(find_port(b->in, b->nin, in_names[i], "input", &at, err));
        if (a->in[at]) return err_set(err, NARU_INVALID_ARGUMENT, "input '%s' is given twice", in_names[i]);
        a->in[at] = in[i];
    }
    checker k = {.s = s};
    for (int i = 0; i < b->nin; i++) TRY(check_input(&k, b->in[i], a->in[i], err));
    return s->plan ? engine_fits(s->plan, a->in, &a->variant, err) : NARU_OK;
}

/* ---- contexts ---- */
static naru_status take_context(naru_session *s, context **out, naru_error *err) {
    pthread_mutex_lock(&s->lock);
    while (!s->nidle && s->ncontexts == MAX_CONTEXTS) pthread_cond_wait(&s->freed, &s->lock);
    *out = s->nidle ? s->idle[--s->nidle] : NULL;
    if (!*out) s->ncontexts++;
    pthread_mutex_unlock(&s->lock);
    if (*out) return NARU_OK;
    naru_status st = context_new(s->engine, s->pool, out, err);
    if (st == NARU_OK) {
        (*out)->profile = s->profile;
        return st;
    }
    pthread_mutex_lock(&s->lock);
    s->ncontexts--;
    pthread_cond_signal(&s->freed);
    pthread_mutex_unlock(&s->lock);
    return st;
}

static void give_context(naru_session *s, context *c) {
    pthread_mutex_lock(&s->lock);
    if (c->peak_block > s->peak_block) s->peak_block = c->peak_block;
    s->idle[s->nidle++] = c;
    pthread_cond_signal(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

static naru_status run_reference(naru_session *s, call_args *a, naru_error *err) {
    const block *b = s->graph->main;
    naru_value **fresh = mem_calloc((size_t)b->nout + 1, sizeof *fresh);
    if (!fresh) return err_oom(err);
    pthread_mutex_lock(&s->lock); /* inference writes facts of the shared graph */
    naru_status st = graph_evaluate(s->graph, a->in, fresh, s->seed, err);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; st == NARU_OK && i < b->nout; i++) {
        if (!a->out[i]) {
            a->out[i] = fresh[i];
            fresh[i] = NULL;
        } else if (a->out[i]->kind != NARU_KIND_TENSOR || fresh[i]->kind != NARU_KIND_TENSOR ||
                   a->out[i]->tensor->dtype != fresh[i]->tensor->dtype ||
                   !tensor_same_dims(a->out[i]->tensor, fresh[i]->tensor)) {
            st = err_set(err, NARU_SHAPE, "output '%s': the tensor given does not have the result's type and shape",
                         b->out[i]->name);
        } else {
            st = tensor_copy(a->out[i]->tensor, fresh[i]->tensor, err);
        }
    }
    for (int i = 0; i < b->nout; i++) value_unref(fresh[i]);
    mem_free(fresh);
    return st;
}

static naru_status run_bound(naru_session *s, call_args *a, naru_error *err) {
    if (!s->engine) return run_reference(s, a, err);
    context *c;
    TRY(take_context(s, &c, err));
    c->variant = a->variant;
    naru_status st = context_run(c, a->in, a->out, s->seed, err);
    give_context(s, c);
    return st;
}

naru_status naru_session_run(naru_session *s, size_t nin, const char *const *in_names, naru_value *const *in,
                             size_t nout, const char *const *out_names, naru_value **outs, naru_error *err) {
    if (!s || (nin && (!in_names || !in)) || !nout || !out_names || !outs)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_session_run: NULL argument or no output asked for");
    const block *b = s->graph->main;
    call_args a = {0};
    bool few = b->nin <= 16 && b->nout <= 16;
    naru_value **many = few ? NULL : mem_calloc((size_t)b->nin + 2 * (size_t)b->nout + 2, sizeof *many);
    if (!few && !many) return err_oom(err);
    a.in = few ? a.few_in : many;
    a.out = few ? a.few_out : many + b->nin + 1;
    a.given = few ? a.few_given : (bool *)(many + b->nin + 1 + b->nout);
    naru_status st = bind_args(s, &a, nin, in_names, in, err);
    for (size_t k = 0; st == NARU_OK && k < nout; k++) {
        int at = 0;
        st = find_port(b->out, b->nout, out_names[k], "output", &at, err);
        if (st != NARU_OK || !outs[k]) continue;
        a.out[at] = outs[k];
        a.given[at] = true;
    }
    if (st == NARU_OK) st = run_bound(s, &a, err);
    for (size_t k = 0; st == NARU_OK && k < nout; k++) { /* hand over; the same output may be asked for twice */
        int at = 0;
        find_port(b->out, b->nout, out_names[k], "output", &at, NULL);
        if (!outs[k]) outs[k] = value_ref(a.out[at]);
    }
    for (int i = 0; st == NARU_OK && i < b->nout; i++)
        if (!a.given[i]) value_unref(a.out[i]); /* the run's own reference of a library-made result */
    mem_free(many);
    return st;
}

naru_status naru_session_get_info(const naru_session *s, naru_session_info *out) {
    if (!s || !out) return NARU_INVALID_ARGUMENT;
    *out = (naru_session_info){.size = sizeof *out, .threads = s->threads, .cpu = cpu_level_name(s->cpu)};
    if (!s->engine) {
        out->steps = s->graph->main->nnodes;
        return NARU_OK;
    }
    for (int i = 0; i < s->engine->nprograms; i++) out->steps += s->engine->programs[i].nsteps;
    out->weight_bytes = (int64_t)s->engine->weight_bytes;
    pthread_mutex_lock((pthread_mutex_t *)&s->lock);
    out->workspace_bytes = (int64_t)s->peak_block;
    pthread_mutex_unlock((pthread_mutex_t *)&s->lock);
    return NARU_OK;
}
