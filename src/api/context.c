/* SPDX-License-Identifier: MIT
 *
 * naru_context_*: shapes, addresses, runs.
 */
#include "api/context.h"

#include <string.h>

/* ---- life ---- */
static naru_status fill(naru_context *n, naru_error *err) {
    const block *b = n->b->engine->graph->main;
    n->nin = b->nin, n->nout = b->nout;
    n->in = mem_calloc((size_t)b->nin + 1, sizeof *n->in);
    n->out = mem_calloc((size_t)b->nout + 1, sizeof *n->out);
    n->args = mem_calloc((size_t)b->nin + 1, sizeof *n->args);
    n->results = mem_calloc((size_t)b->nout + 1, sizeof *n->results);
    n->arena = arena_new();
    if (!n->in || !n->out || !n->args || !n->results || !n->arena) return err_oom(err);
    for (int i = 0; i < b->nin; i++) {
        context_in *x = &n->in[i];
        const type *t = &b->in[i]->declared;
        x->t.rank = -1;
        atomic_store(&x->t.refs, 1); /* never freed by references: lives here */
        x->v = (naru_value){.refs = 1, .kind = NARU_KIND_TENSOR, .tensor = &x->t};
        n->reads_content |= t->kind != TYPE_TENSOR || !t->has_rank || t->rank <= 1;
        bool fixed = t->kind == TYPE_TENSOR && t->has_rank;
        for (int d = 0; fixed && d < t->rank; d++) fixed = dim_is_const(t->dims[d]);
        if (fixed) tensor_describe(&x->t, t->dtype, t->rank, t->dims);
    }
    for (int i = 0; i < b->nout; i++) {
        context_out *x = &n->out[i];
        x->t.rank = -1;
        atomic_store(&x->t.refs, 1);
        x->v = (naru_value){.refs = 1, .kind = NARU_KIND_TENSOR, .tensor = &x->t};
    }
    return context_new(n->b->engine, n->e->pool, &n->c, err);
}

naru_status naru_context_create(naru_engine *e, naru_context **out, naru_error *err) {
    if (!e || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_create: NULL argument");
    *out = NULL;
    naru_context *n = mem_calloc(1, sizeof *n);
    if (!n) return err_oom(err);
    n->e = engine_retain(e);
    n->b = built_ref(e->b);
    n->wanted = n->chosen = -1;
    n->stale = true;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->idle, NULL);
    naru_status st = fill(n, err);
    if (st == NARU_OK) *out = n;
    else naru_context_destroy(&n);
    return st;
}

void naru_context_destroy(naru_context **c) {
    if (!c || !*c) return;
    naru_context *n = *c;
    pthread_mutex_lock(&n->lock);
    while (n->pending) pthread_cond_wait(&n->idle, &n->lock);
    pthread_mutex_unlock(&n->lock);
    context_free(n->c);
    for (int i = 0; n->in && i < n->nin; i++) value_unref(n->in[i].value);
    for (int i = 0; n->out && i < n->nout; i++) value_unref(n->out[i].result);
    mem_free(n->in);
    mem_free(n->out);
    mem_free(n->args);
    mem_free(n->results);
    arena_free(n->arena);
    built_free(n->b);
    engine_release(n->e);
    pthread_mutex_destroy(&n->lock);
    pthread_cond_destroy(&n->idle);
    mem_free(n);
    *c = NULL;
}

/* ---- names ---- */
static const block *block_of(const naru_context *n) { return n->b->engine->graph->main; }

static int find(value *const *ports, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(ports[i]->name, name) == 0) return i;
    return -1;
}

static naru_status no_port(const naru_context *n, const char *name, const char *what, naru_error *err) {
    const block *b = block_of(n);
    const char *names[128];
    size_t count = 0;
    for (int i = 0; i < b->nin && count < 128; i++) names[count++] = b->in[i]->name;
    for (int i = 0; i < b->nout && count < 128; i++) names[count++] = b->out[i]->name;
    const char *near = str_nearest(name, names, count);
    return err_set(err, NARU_NOT_FOUND, "the engine has no %s '%s'%s%s%s", what, name, near ? "; did you mean '" : "",
                   near ? near : "", near ? "'?" : "");
}

/* ---- shapes ---- */
static const naru_tensor *shape_of(const context_in *x) {
    const naru_tensor *t = x->value ? naru_value_tensor(x->value) : &x->t;
    return t && t->rank >= 0 ? t : NULL;
}

static const void *content_of(const context_in *x) {
    const naru_tensor *t = shape_of(x);
    if (!t || t->rank > 1 || tensor_count(t) > PROFILE_VALUES_MAX) return NULL;
    if (!x->value && (!x->address || x->room < tensor_bytes(t))) return NULL;
    return x->value ? t->data : x->address;
}

/* Content of inputs that profiles bound, as int64. */
static const int64_t *values_of(const naru_context *n, const context_in *x, int *count) {
    const naru_tensor *t = shape_of(x);
    const void *p = content_of(x);
    *count = 0;
    if (!p || (t->dtype != NARU_INT64 && t->dtype != NARU_INT32)) return NULL;
    int64_t *v = arena_alloc(n->arena, PROFILE_VALUES_MAX * sizeof *v);
    if (!v) return NULL;
    *count = (int)tensor_count(t);
    for (int i = 0; i < *count; i++) {
        int32_t narrow;
        if (t->dtype == NARU_INT64) memcpy(&v[i], (const char *)p + 8 * i, 8);
        else {
            memcpy(&narrow, (const char *)p + 4 * i, 4);
            v[i] = narrow;
        }
    }
    return v;
}

/* Finds the profile of the shapes as far as they are set. */
static naru_status find_profile(naru_context *n, naru_error *err) {
    arena_reset(n->arena);
    run_shape *s = arena_calloc(n->arena, (size_t)n->nin + 1, sizeof *s);
    if (!s) return err_oom(err);
    for (int i = 0; i < n->nin; i++) {
        const naru_tensor *t = shape_of(&n->in[i]);
        s[i].rank = t ? t->rank : -1;
        if (!t) continue;
        s[i].dims = t->dims;
        s[i].values = values_of(n, &n->in[i], &s[i].nvalues);
    }
    return profile_choose(&n->b->profiles, s, n->wanted, &n->chosen, err);
}

/* Axes that bear one name are one size. */
static naru_status check_symbols(const naru_context *n, naru_error *err) {
    const block *b = block_of(n);
    const symtab *syms = n->b->engine->graph->syms;
    for (int i = 0; i < n->nin; i++)
        for (int j = 0; j <= i; j++) {
            const type *x = &b->in[i]->declared, *y = &b->in[j]->declared;
            const naru_tensor *s = shape_of(&n->in[i]), *t = shape_of(&n->in[j]);
            if (!s || !t || s->rank != x->rank || t->rank != y->rank) continue;
            for (int d = 0; d < x->rank; d++)
                for (int e = 0; e < y->rank; e++)
                    if (x->dims[d] == y->dims[e] && x->dims[d] < 0 && x->dims[d] != DIM_UNKNOWN &&
                        sym_plain_name(syms, x->dims[d]) && s->dims[d] != t->dims[e])
                        return err_set(err, NARU_SHAPE,
                                       "input '%s': axis %d ('%s') is %lld, but '%s' axis %d, which bears the same "
                                       "name, is %lld",
                                       b->in[i]->name, d, sym_plain_name(syms, x->dims[d]), (long long)s->dims[d],
                                       b->in[j]->name, e, (long long)t->dims[e]);
        }
    return NARU_OK;
}

naru_status naru_context_set_profile(naru_context *n, int p, naru_error *err) {
    if (!n) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_set_profile: NULL argument");
    if (p < -1 || p >= n->b->profiles.n)
        return err_set(err, NARU_NOT_FOUND, "there is no profile %d; the engine has %d", p, n->b->profiles.n);
    n->wanted = n->chosen = p;
    n->stale = true;
    return NARU_OK;
}

int naru_context_profile(const naru_context *n) { return n ? n->chosen : -1; }

static void drop_value(context_in *x) {
    value_unref(x->value);
    x->value = NULL;
}

naru_status naru_context_set_input_shape(naru_context *n, const char *input, int rank, const int64_t *dims,
                                         naru_error *err) {
    if (!n || !input || rank < 0 || rank > NARU_MAX_RANK || (rank && !dims))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_set_input_shape: bad argument");
    int i = find(block_of(n)->in, n->nin, input);
    if (i < 0) return no_port(n, input, "input", err);
    int64_t count;
    if (!dims_count(rank, dims, &count))
        return err_set(err, NARU_SHAPE, "input '%s': the shape is negative or too large", input);
    context_in *x = &n->in[i], before = *x;
    x->value = NULL;
    tensor_describe(&x->t, block_of(n)->in[i]->declared.dtype, rank, dims);
    naru_status st = find_profile(n, err);
    if (st != NARU_OK) {
        x->value = before.value;
        x->t.rank = before.t.rank;
        memcpy(x->t.dims, before.t.dims, sizeof x->t.dims);
        memcpy(x->t.strides, before.t.strides, sizeof x->t.strides);
        return st;
    }
    value_unref(before.value);
    n->stale = true;
    return NARU_OK;
}

static naru_status infer(naru_context *n, naru_error *err) {
    const block *b = block_of(n);
    TRY(find_profile(n, err));
    TRY(check_symbols(n, err));
    type *in = arena_calloc(n->arena, (size_t)n->nin + 1, sizeof *in);
    naru_tensor *data = arena_calloc(n->arena, (size_t)n->nin + 1, sizeof *data);
    const naru_tensor **content = arena_calloc(n->arena, (size_t)n->nin + 1, sizeof *content);
    fact *out = arena_calloc(n->arena, (size_t)n->nout + 1, sizeof *out);
    if (!in || !data || !content || !out) return err_oom(err);
    for (int i = 0; i < n->nin; i++) {
        const naru_tensor *t = shape_of(&n->in[i]);
        in[i] = b->in[i]->declared;
        if (!t) continue;
        in[i].kind = TYPE_TENSOR, in[i].dtype = t->dtype, in[i].has_rank = true, in[i].rank = t->rank;
        memcpy(in[i].dims, t->dims, (size_t)t->rank * sizeof(int64_t));
        const void *p = content_of(&n->in[i]);
        if (!p || t->dtype == NARU_STRING) continue;
        tensor_describe(&data[i], t->dtype, t->rank, t->dims);
        data[i].data = (void *)p;
        content[i] = &data[i];
    }
    TRY(engine_infer(n->b->engine, in, content, n->arena, out, err));
    for (int i = 0; i < n->nout; i++) {
        context_out *x = &n->out[i];
        const type *t = &out[i].type;
        x->known = fact_complete(&out[i]) && t->dtype != NARU_STRING;
        x->t.rank = t->kind == TYPE_TENSOR && t->has_rank ? t->rank : -1;
        x->t.dtype = t->dtype;
        if (x->known) tensor_describe(&x->t, t->dtype, t->rank, t->dims);
        for (int d = 0; !x->known && d < x->t.rank; d++) x->t.dims[d] = dim_is_const(t->dims[d]) ? t->dims[d] : -1;
    }
    n->stale = false;
    return NARU_OK;
}

static size_t count_missing(const naru_context *n) {
    size_t missing = 0;
    for (int i = 0; i < n->nin; i++) {
        const value *v = block_of(n)->in[i];
        missing += !n->in[i].value && !shape_of(&n->in[i]) && !v->constant && v->declared.kind == TYPE_TENSOR;
    }
    return missing;
}

naru_status naru_context_infer_shapes(naru_context *n, size_t *missing, naru_error *err) {
    if (!n) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_infer_shapes: NULL argument");
    size_t count = count_missing(n);
    if (missing) *missing = count;
    return infer(n, err);
}

naru_status naru_context_shape(const naru_context *n, const char *name, int *rank, int64_t dims[NARU_MAX_RANK],
                               naru_error *err) {
    if (!n || !name || !rank || !dims) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_shape: NULL argument");
    const block *b = block_of(n);
    int i = find(b->in, n->nin, name), o = find(b->out, n->nout, name);
    if (i < 0 && o < 0) return no_port(n, name, "tensor", err);
    const naru_tensor *t = i >= 0 ? shape_of(&n->in[i]) : &n->out[o].t;
    const type *d = i >= 0 ? &b->in[i]->declared : &b->out[o]->declared;
    *rank = t && t->rank >= 0 ? t->rank : d->kind == TYPE_TENSOR && d->has_rank ? d->rank : -1;
    for (int k = 0; k < *rank; k++)
        dims[k] = t && t->rank >= 0 ? t->dims[k] : dim_is_const(d->dims[k]) ? d->dims[k] : -1;
    return NARU_OK;
}

/* ---- data ---- */
naru_status naru_context_set_address(naru_context *n, const char *name, void *address, size_t room, naru_error *err) {
    if (!n || !name) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_set_address: NULL argument");
    const block *b = block_of(n);
    int i = find(b->in, n->nin, name), o = find(b->out, n->nout, name);
    if (i < 0 && o < 0) return no_port(n, name, "tensor", err);
    const value *v = i >= 0 ? b->in[i] : b->out[o];
    naru_dtype d = v->declared.dtype ? v->declared.dtype : v->fact.type.dtype;
    if (v->declared.kind != TYPE_TENSOR || d == NARU_STRING)
        return err_set(err, NARU_TYPE, "'%s' has no plain memory; it is set and taken by value", name);
    size_t unit = (size_t)(naru_dtype_bits(d) + 7) / 8;
    if (unit > 8) unit = 8;
    if (unit && (uintptr_t)address % unit)
        return err_set(err, NARU_INVALID_ARGUMENT, "'%s': the address is not aligned to %zu bytes", name, unit);
    if (i >= 0) {
        drop_value(&n->in[i]);
        n->in[i].address = address;
        n->in[i].room = room;
        n->stale = true;
    } else {
        n->out[o].address = address;
        n->out[o].room = room;
    }
    return NARU_OK;
}

naru_status naru_context_set_input(naru_context *n, const char *input, naru_value *v, naru_error *err) {
    if (!n || !input || !v) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_set_input: NULL argument");
    int i = find(block_of(n)->in, n->nin, input);
    if (i < 0) return no_port(n, input, "input", err);
    const type *d = &block_of(n)->in[i]->declared;
    if (d->kind == TYPE_TENSOR && v->kind != NARU_KIND_TENSOR)
        return err_set(err, NARU_TYPE, "input '%s' must be a tensor", input);
    if (v->kind == NARU_KIND_TENSOR && d->kind == TYPE_TENSOR && d->dtype && v->tensor->dtype != d->dtype)
        return err_set(err, NARU_TYPE, "input '%s' must be %s, is %s", input, naru_dtype_name(d->dtype),
                       naru_dtype_name(v->tensor->dtype));
    context_in *x = &n->in[i];
    naru_value *before = x->value;
    x->value = value_ref(v);
    naru_status st = find_profile(n, err);
    if (st != NARU_OK) {
        value_unref(v);
        x->value = before;
        return st;
    }
    value_unref(before);
    n->stale = true;
    return NARU_OK;
}

/* ---- running ---- */
static naru_status take_inputs(naru_context *n, naru_error *err) {
    for (int i = 0; i < n->nin; i++) {
        context_in *x = &n->in[i];
        const value *v = block_of(n)->in[i];
        n->args[i] = x->value;
        if (x->value) continue;
        if (!x->address) {
            if (v->constant || v->declared.kind == TYPE_OPTIONAL) continue;
            return err_set(err, NARU_NOT_FOUND, "input '%s' has neither address nor value", v->name);
        }
        if (x->t.rank < 0) return err_set(err, NARU_SHAPE, "input '%s' has no shape yet", v->name);
        if (tensor_bytes(&x->t) > x->room)
            return err_set(err, NARU_INVALID_ARGUMENT, "input '%s' needs %zu bytes, the memory given has %zu", v->name,
                           tensor_bytes(&x->t), x->room);
        x->t.data = x->address;
        n->args[i] = &x->v;
    }
    return NARU_OK;
}

static naru_status too_small(const value *v, const naru_tensor *t, const context_out *x, naru_error *err) {
    return err_set(err, NARU_INVALID_ARGUMENT, "output '%s' needs %zu bytes, the memory given has %zu", v->name,
                   tensor_bytes(t), x->room);
}

static naru_status place_outputs(naru_context *n, naru_error *err) {
    for (int i = 0; i < n->nout; i++) {
        context_out *x = &n->out[i];
        value_unref(x->result);
        x->result = NULL;
        x->ran = false;
        n->results[i] = NULL;
        if (!x->address || !x->known) continue;
        if (tensor_bytes(&x->t) > x->room) return too_small(block_of(n)->out[i], &x->t, x, err);
        x->t.data = x->address;
        n->results[i] = &x->v;
    }
    return NARU_OK;
}

/* Outputs whose shape was not known before the run go to their address afterwards. */
static naru_status give_output(const naru_context *n, int i, naru_error *err) {
    context_out *x = &n->out[i];
    x->ran = true;
    if (n->results[i] == &x->v) return NARU_OK;
    x->result = n->results[i];
    const naru_tensor *t = naru_value_tensor(x->result);
    if (!t) return NARU_OK;
    x->t.dtype = t->dtype, x->t.rank = t->rank;
    memcpy(x->t.dims, t->dims, sizeof x->t.dims);
    memcpy(x->t.strides, t->strides, sizeof x->t.strides);
    if (!x->address || t->dtype == NARU_STRING) return NARU_OK;
    if (tensor_bytes(t) > x->room) return too_small(block_of(n)->out[i], t, x, err);
    memcpy(x->address, t->data, tensor_bytes(t));
    return NARU_OK;
}

static void timed(void *user, const step *s, int64_t begin, int64_t end) {
    const naru_context *n = user;
    int i = engine_step_index(n->b->engine, s);
    if (i >= 0 && n->layer_time)
        n->layer_time(n->layer_user, (size_t)i, n->b->layers[i].name, (double)(end - begin) / 1e6);
}

naru_status naru_context_run(naru_context *n, naru_error *err) {
    if (!n) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_run: NULL argument");
    if (n->stale || n->reads_content) TRY(infer(n, err));
    TRY(take_inputs(n, err));
    TRY(place_outputs(n, err));
    n->c->timed = n->layer_time ? timed : NULL;
    n->c->observer = n;
    n->c->variant = built_variant(n->b, n->chosen);
    naru_status st = context_run(n->c, n->args, n->results, n->e->seed, err);
    for (int i = 0; i < n->nout && st == NARU_OK; i++) st = give_output(n, i, err);
    return st;
}

naru_status naru_context_output(const naru_context *n, const char *output, naru_value **out, naru_error *err) {
    if (!n || !output || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_context_output: NULL argument");
    int i = find(block_of(n)->out, n->nout, output);
    if (i < 0) return no_port(n, output, "output", err);
    if (!n->out[i].ran) return err_set(err, NARU_NOT_FOUND, "output '%s': nothing has run yet", output);
    *out = n->out[i].result ? n->out[i].result : (naru_value *)&n->out[i].v;
    return NARU_OK;
}

void naru_context_set_profiler(naru_context *n, naru_layer_time fn, void *user) {
    if (!n) return;
    n->layer_time = fn;
    n->layer_user = user;
}

int64_t naru_context_memory(const naru_context *n) { return n ? (int64_t)n->c->peak_block : 0; }
