/* SPDX-License-Identifier: MIT
 *
 * The step cache (steps.h): keys, making nodes, choosing and preparing tactics.
 */
#include "script/steps.h"

#include <string.h>

#include "ops/sig.h"

enum { STEP_BUCKETS = 1024, MAX_STEPS = 2048, MAX_KEY = 4096 };

struct step_cache {
    cpu_level cpu;
    int threads;
    uint64_t tick;
    size_t count;
    cached_step *buckets[STEP_BUCKETS];
};

step_cache *step_cache_new(cpu_level cpu, int threads) {
    step_cache *c = mem_calloc(1, sizeof *c);
    if (c) *c = (step_cache){.cpu = cpu, .threads = threads};
    return c;
}

static void step_free(cached_step *s) {
    if (!s) return;
    step_release(&s->step);
    for (size_t i = 0; i < s->weights.count; i++) mem_free(s->weights.data[i]);
    for (size_t i = 0; i < s->held.count; i++) sobj_release(&s->held.data[i]->head);
    ARRAY_FREE(&s->weights);
    ARRAY_FREE(&s->held);
    arena_free(s->arena);
    mem_free(s->key);
    mem_free(s);
}

void step_cache_free(step_cache *c) {
    if (!c) return;
    for (size_t i = 0; i < STEP_BUCKETS; i++)
        for (cached_step *s = c->buckets[i], *next; s; s = next) {
            next = s->next;
            step_free(s);
        }
    mem_free(c);
}

/* ---- keys ---- */
typedef struct key {
    uint8_t bytes[MAX_KEY];
    size_t n;
    bool whole; /* false: did not fit */
} key;

static void put(key *k, const void *p, size_t n) {
    if (k->n + n > MAX_KEY) {
        k->whole = false;
        return;
    }
    memcpy(k->bytes + k->n, p, n);
    k->n += n;
}

static void put_tensor(key *k, const sten *t, bool constant) {
    uint8_t head[4] = {1, (uint8_t)t->t.dtype, (uint8_t)t->t.rank, constant};
    put(k, head, sizeof head);
    if (!constant) return;
    put(k, t->t.dims, (size_t)t->t.rank * sizeof *t->t.dims);
    if (t->param) {
        unsigned version = storage_version(t->t.storage);
        put(k, &t->t.storage, sizeof t->t.storage);
        put(k, &t->t.data, sizeof t->t.data);
        put(k, &version, sizeof version);
    } else {
        put(k, t->t.data, tensor_bytes(&t->t));
    }
}

static void put_attr(key *k, const la *a) {
    put(k, &a->name, sizeof a->name); /* string literals: equal pointers nearly always; unequal only misses */
    switch (a->kind) {
    case ATTR_INT: put(k, &a->i, sizeof a->i); break;
    case ATTR_FLOAT: put(k, &a->f, sizeof a->f); break;
    case ATTR_STRING: put(k, a->s, strlen(a->s) + 1); break;
    case ATTR_STRINGS:
        put(k, &a->n, sizeof a->n);
        put(k, a->s, strlen(a->s) + 1);
        break;
    default: {
        put(k, &a->n, sizeof a->n);
        put(k, a->ints, a->n * (a->kind == ATTR_FLOATS ? sizeof(float) : sizeof *a->ints));
    }
    }
}

/* ---- making a step ---- */
static naru_status fill_attr(arena *a, const la *from, attr *to) {
    to->kind = from->kind;
    switch (from->kind) {
    case ATTR_INT: to->i = from->i; return NARU_OK;
    case ATTR_FLOAT: to->f = (float)from->f; return NARU_OK;
    case ATTR_STRING:
        to->s = (bytes){arena_strdup(a, from->s), strlen(from->s)};
        return to->s.data ? NARU_OK : NARU_OUT_OF_MEMORY;
    case ATTR_STRINGS: {
        bytes *all = arena_calloc(a, from->n + 1, sizeof *all);
        bytes one = {arena_strdup(a, from->s), strlen(from->s)};
        for (size_t i = 0; all && i < from->n; i++) all[i] = one;
        to->count = from->n;
        to->strings = all;
        return all && one.data ? NARU_OK : NARU_OUT_OF_MEMORY;
    }
    case ATTR_FLOATS:
        to->count = from->n;
        to->floats = arena_dup(a, from->ints, from->n * sizeof(float));
        return to->floats ? NARU_OK : NARU_OUT_OF_MEMORY;
    default:
        to->count = from->n;
        to->ints = arena_dup(a, from->ints, from->n * sizeof *from->ints);
        return to->ints ? NARU_OK : NARU_OUT_OF_MEMORY;
    }
}

static void default_attr(const attr_def *d, attr *a) {
    *a = (attr){.name = d->name};
    if (d->optional || d->required) return;
    a->kind = d->kind;
    if (d->kind == ATTR_INT) a->i = d->i;
    else if (d->kind == ATTR_FLOAT) a->f = d->f;
    else if (d->kind == ATTR_STRING && d->s) a->s = (bytes){d->s, strlen(d->s)};
    else a->kind = ATTR_NONE;
}

static naru_status fill_node(cached_step *s, const op_desc *op, const la *attrs, int nin, sten *const *in, int nout,
                             naru_error *err) {
    static value there; /* inputs are given or omitted; nothing asks which value it is */
    node *n = &s->node;
    *n = (node){.op_type = op->name,
                .domain = op->domain ? op->domain : "",
                .overload = "",
                .name = "",
                .op = op,
                .table = op->attrs,
                .nin = nin,
                .nout = nout,
                .index = -1};
    while (op->attrs && op->attrs[n->nattrs].name) n->nattrs++;
    n->attrs = arena_calloc(s->arena, (size_t)n->nattrs + 1, sizeof *n->attrs);
    n->in = arena_calloc(s->arena, (size_t)nin + 1, sizeof *n->in);
    n->out = arena_calloc(s->arena, (size_t)nout + 1, sizeof *n->out);
    if (!n->attrs || !n->in || !n->out) return err_oom(err);
    for (int i = 0; i < nin; i++) n->in[i] = in[i] ? &there : NULL;
    for (int i = 0; i < nout; i++) n->out[i] = &there;
    for (int i = 0; i < n->nattrs; i++) default_attr(&op->attrs[i], &n->attrs[i]);
    for (; attrs && attrs->name; attrs++) {
        int k = 0;
        while (k < n->nattrs && strcmp(n->attrs[k].name, attrs->name) != 0) k++;
        if (k == n->nattrs) return err_set(err, NARU_INTERNAL, "%s has no attribute '%s'", op->name, attrs->name);
        if (fill_attr(s->arena, attrs, &n->attrs[k]) != NARU_OK) return err_oom(err);
    }
    return NARU_OK;
}

static void *keep_weights(prepare_ctx *c, size_t n) {
    cached_step *s = c->engine;
    void *p = mem_alloc(n);
    if (p && ARRAY_PUSH(&s->weights, p)) return p;
    mem_free(p);
    return NULL;
}

/* What is true of every call that finds this step: types and ranks; contents of constants. */
static void describe(const sten *t, bool constant, fact *f) {
    *f = (fact){.type = {.kind = TYPE_TENSOR, .dtype = t->t.dtype, .has_rank = true, .rank = t->t.rank}};
    for (int i = 0; i < t->t.rank; i++) f->type.dims[i] = constant ? t->t.dims[i] : DIM_UNKNOWN;
    if (constant) f->constant = &t->t;
}

static naru_status choose(step_cache *c, cached_step *s, sten *const *in, const bool *constant, naru_error *err) {
    node *n = &s->node;
    fact *facts = arena_calloc(s->arena, (size_t)n->nin + (size_t)n->nout + 1, sizeof *facts);
    const fact **pin = arena_calloc(s->arena, (size_t)n->nin + 1, sizeof *pin);
    symtab *syms = symtab_new(s->arena);
    if (!facts || !pin || !syms) return err_oom(err);
    for (int i = 0; i < n->nin; i++) {
        if (!in[i]) continue;
        describe(in[i], constant[i], &facts[i]);
        pin[i] = &facts[i];
    }
    TRY(sig_check_facts(n->op, n->nin, pin, err)); /* once: the types are part of the key */
    fact *out = facts + n->nin;
    infer_ctx ic = {.node = n, .syms = syms, .arena = s->arena, .nin = n->nin, .nout = n->nout, .in = pin, .out = out};
    if (n->op->infer && n->op->infer(&ic) != NARU_OK) memset(out, 0, (size_t)n->nout * sizeof *out);
    prepare_ctx p = {.q = {n, c->cpu, c->threads, n->nin, n->nout, pin, out, NULL, 0, NULL},
                     .arena = s->arena,
                     .weights = keep_weights,
                     .err = err,
                     .engine = s};
    s->step.tactic = tactic_first(&p.q);
    return s->step.tactic && s->step.tactic->prepare ? s->step.tactic->prepare(&p, &s->step) : NARU_OK;
}

static naru_status make(step_cache *c, const key *k, const op_desc *op, const la *attrs, int nin, sten *const *in,
                        const bool *constant, int nout, cached_step **out, naru_error *err) {
    cached_step *s = mem_calloc(1, sizeof *s);
    if (!s) return err_oom(err);
    s->arena = arena_new();
    s->key = mem_alloc(k->n);
    naru_status st = s->arena && s->key ? NARU_OK : err_oom(err);
    if (st == NARU_OK) {
        memcpy(s->key, k->bytes, k->n);
        s->key_size = k->n;
        st = fill_node(s, op, attrs, nin, in, nout, err);
    }
    s->step = (step){.node = &s->node, .cpu = c->cpu, .nin = nin, .nout = nout};
    for (int i = 0; st == NARU_OK && i < nin; i++) { /* a step may read its constants while it runs */
        if (!in[i] || !constant[i] || !in[i]->param) continue;
        if (ARRAY_PUSH(&s->held, in[i])) sobj_retain(&in[i]->head);
        else st = err_oom(err);
    }
    if (st == NARU_OK) st = choose(c, s, in, constant, err);
    if (st != NARU_OK) {
        step_free(s);
        return st;
    }
    *out = s;
    return NARU_OK;
}

/* ---- the cache ---- */
static void drop_oldest(step_cache *c) { /* the older half */
    uint64_t limit = c->tick - MAX_STEPS / 2;
    for (size_t i = 0; i < STEP_BUCKETS; i++)
        for (cached_step **at = &c->buckets[i]; *at;) {
            cached_step *s = *at;
            if (s->used >= limit) {
                at = &s->next;
                continue;
            }
            *at = s->next;
            step_free(s);
            c->count--;
        }
}

naru_status step_cache_get(step_cache *c, const op_desc *op, const la *attrs, int nin, sten *const *in,
                           const bool *constant, int nout, cached_step **out, naru_error *err) {
    key k;
    k.n = 0;
    k.whole = true;
    put(&k, &op, sizeof op);
    put(&k, &nout, sizeof nout);
    for (int i = 0; i < nin; i++) {
        if (in[i]) put_tensor(&k, in[i], constant[i]);
        else put(&k, "", 1);
    }
    for (const la *a = attrs; a && a->name; a++) put_attr(&k, a);
    if (!k.whole) return err_set(err, NARU_LIMIT, "%s has too many inputs or attributes", op->name);
    uint64_t h = hash_bytes(k.bytes, k.n, 0);
    cached_step **bucket = &c->buckets[h % STEP_BUCKETS];
    c->tick++;
    for (cached_step *s = *bucket; s; s = s->next)
        if (s->hash == h && s->key_size == k.n && memcmp(s->key, k.bytes, k.n) == 0) {
            s->used = c->tick;
            *out = s;
            return NARU_OK;
        }
    if (c->count >= MAX_STEPS) drop_oldest(c);
    cached_step *s = NULL;
    TRY(make(c, &k, op, attrs, nin, in, constant, nout, &s, err));
    s->hash = h;
    s->used = c->tick;
    s->next = *bucket;
    *bucket = s;
    c->count++;
    *out = s;
    return NARU_OK;
}
