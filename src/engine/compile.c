/* SPDX-License-Identifier: MIT
 *
 * From a lifted graph to an engine: slots for values, programs for blocks, a tactic for each node, weights packed. The
 * source of a constant is given back as soon as the last step that wanted it has packed it.
 */
#include <string.h>

#include "engine/engine.h"

typedef struct compiler {
    engine *e;
    int *slot_of; /* by value id; -1: no slot */
    int *uses;    /* by slot: steps and block outputs that read it */
    int *packed;  /* by slot: of those, steps that packed it */
    const compile_options *o;
    naru_error *err;
} compiler;

static naru_status oom(compiler *k) { return err_oom(k->err); }

static int slot_for(compiler *k, const value *v) {
    if (k->slot_of[v->id] < 0) {
        k->slot_of[v->id] = k->e->nslots;
        k->e->slots[k->e->nslots++].value = v;
    }
    return k->slot_of[v->id];
}

/* An input's initializer is only its default. */
static bool is_constant(const value *v) { return v->constant && !v->is_input; }

/* ---- programs ---- */
static int count_bodies(const node *n) {
    int count = 0;
    for (int i = 0; i < n->nattrs; i++)
        count += n->attrs[i].kind == ATTR_GRAPH ? 1 : n->attrs[i].kind == ATTR_GRAPHS ? (int)n->attrs[i].count : 0;
    return count;
}

static int count_programs(const block *b) {
    int count = 1;
    for (const node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nattrs; i++) {
            const attr *a = &n->attrs[i];
            if (a->kind == ATTR_GRAPH) count += count_programs(a->block);
            for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++) count += count_programs(a->blocks[j]);
        }
    return count;
}

static naru_status build_program(compiler *k, const block *b, int *index);

static naru_status build_bodies(compiler *k, const node *n, step *s) {
    s->nbodies = count_bodies(n);
    if (!s->nbodies) return NARU_OK;
    if (!(s->bodies = arena_alloc(k->e->arena, (size_t)s->nbodies * sizeof(int)))) return oom(k);
    int at = 0;
    for (int i = 0; i < n->nattrs; i++) {
        const attr *a = &n->attrs[i];
        if (a->kind == ATTR_GRAPH) TRY(build_program(k, a->block, &s->bodies[at++]));
        for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++)
            TRY(build_program(k, a->blocks[j], &s->bodies[at++]));
    }
    return NARU_OK;
}

static naru_status build_step(compiler *k, const node *n, step *s) {
    engine *e = k->e;
    *s = (step){.node = n, .cpu = e->cpu, .nin = n->nin, .nout = n->nout};
    s->in = arena_alloc(e->arena, ((size_t)n->nin + 1) * sizeof(int));
    s->out = arena_alloc(e->arena, ((size_t)n->nout + 1) * sizeof(int));
    if (!s->in || !s->out) return oom(k);
    for (int i = 0; i < n->nin; i++) {
        s->in[i] = n->in[i] ? slot_for(k, n->in[i]) : -1;
        if (s->in[i] >= 0) k->uses[s->in[i]]++;
    }
    for (int i = 0; i < n->nout; i++) s->out[i] = n->out[i] ? slot_for(k, n->out[i]) : -1;
    if (n->nin > e->max_arity) e->max_arity = n->nin;
    if (n->nout > e->max_arity) e->max_arity = n->nout;
    return build_bodies(k, n, s);
}

static naru_status slots_of(compiler *k, value *const *v, int n, int **out) {
    if (!(*out = arena_alloc(k->e->arena, ((size_t)n + 1) * sizeof(int)))) return oom(k);
    for (int i = 0; i < n; i++) (*out)[i] = slot_for(k, v[i]);
    return NARU_OK;
}

/* mark[slot]: 1 read here, 2 defined here. */
static naru_status find_captured(compiler *k, program *p) {
    engine *e = k->e;
    char *mark = mem_calloc((size_t)e->nslots + 1, 1);
    if (!mark) return oom(k);
    for (int i = 0; i < p->nsteps; i++) {
        const step *s = &p->steps[i];
        for (int j = 0; j < s->nin; j++)
            if (s->in[j] >= 0) mark[s->in[j]] |= 1;
        for (int j = 0; j < s->nbodies; j++)
            for (int c = 0; c < e->programs[s->bodies[j]].ncaptured; c++)
                mark[e->programs[s->bodies[j]].captured[c]] |= 1;
        for (int j = 0; j < s->nout; j++)
            if (s->out[j] >= 0) mark[s->out[j]] |= 2;
    }
    for (int i = 0; i < p->nin; i++) mark[p->in[i]] |= 2;
    for (int i = 0; i < p->nout; i++) mark[p->out[i]] |= 1;
    for (int s = 0; s < e->nslots; s++) p->ncaptured += mark[s] == 1 && !is_constant(e->slots[s].value);
    p->captured = arena_alloc(e->arena, ((size_t)p->ncaptured + 1) * sizeof(int));
    for (int s = 0, n = 0; p->captured && s < e->nslots; s++)
        if (mark[s] == 1 && !is_constant(e->slots[s].value)) p->captured[n++] = s;
    mem_free(mark);
    return p->captured ? NARU_OK : oom(k);
}

static naru_status find_deaths(compiler *k, program *p) {
    engine *e = k->e;
    int *last = mem_alloc(((size_t)e->nslots + 1) * sizeof *last);
    p->dies = arena_calloc(e->arena, (size_t)p->nsteps + 1, sizeof *p->dies);
    int *count = mem_calloc((size_t)p->nsteps + 1, sizeof *count);
    naru_status st = last && p->dies && count ? NARU_OK : oom(k);
    for (int i = 0; st == NARU_OK && i < e->nslots; i++) last[i] = -1;
    for (int i = 0; st == NARU_OK && i < p->nsteps; i++) {
        const step *s = &p->steps[i];
        for (int j = 0; j < s->nout; j++)
            if (s->out[j] >= 0) last[s->out[j]] = i; /* produced here; uses only come later */
        for (int j = 0; j < s->nin; j++)
            if (s->in[j] >= 0 && last[s->in[j]] >= 0) last[s->in[j]] = i;
        for (int j = 0; j < s->nbodies; j++)
            for (int c = 0; c < e->programs[s->bodies[j]].ncaptured; c++) {
                int v = e->programs[s->bodies[j]].captured[c];
                if (last[v] >= 0) last[v] = i;
            }
    }
    for (int i = 0; st == NARU_OK && i < p->nout; i++) last[p->out[i]] = -1;
    for (int i = 0; st == NARU_OK && i < e->nslots; i++)
        if (last[i] >= 0) count[last[i]]++;
    for (int i = 0; st == NARU_OK && i < p->nsteps; i++) {
        p->dies[i] = arena_alloc(e->arena, ((size_t)count[i] + 1) * sizeof(int));
        if (!p->dies[i]) st = oom(k);
        else p->dies[i][count[i]] = -1;
    }
    for (int i = 0; st == NARU_OK && i < e->nslots; i++)
        if (last[i] >= 0) p->dies[last[i]][--count[last[i]]] = i;
    mem_free(last);
    mem_free(count);
    return st;
}

static naru_status build_program(compiler *k, const block *b, int *index) {
    engine *e = k->e;
    *index = e->nprograms++;
    program p = {.block = b, .nsteps = b->nnodes, .nin = b->nin, .nout = b->nout};
    p.steps = arena_calloc(e->arena, (size_t)p.nsteps + 1, sizeof *p.steps);
    if (!p.steps) return oom(k);
    TRY(slots_of(k, b->in, b->nin, &p.in));
    int at = 0;
    for (const node *n = b->first; n; n = n->next) TRY(build_step(k, n, &p.steps[at++]));
    TRY(slots_of(k, b->out, b->nout, &p.out));
    for (int i = 0; i < p.nout; i++) k->uses[p.out[i]]++;
    TRY(find_captured(k, &p));
    e->programs[*index] = p;
    return find_deaths(k, &e->programs[*index]);
}

/* ---- tactics and weights ---- */
typedef struct preparing { /* what a tactic's prepare sees, and what its callback needs */
    prepare_ctx c;
    const compile_options *o;
} preparing;

static void *weights_alloc(prepare_ctx *c, size_t n) {
    preparing *p = (preparing *)c;
    engine *e = c->engine;
    engine_weight w = {.bytes = n, .borrowed = c->reuse};
    if (c->reuse && !p->o->packed(p->o->user, n, &w.data)) return NULL; /* `user` knows that it is no lack of memory */
    if (!c->reuse) w.data = p->o->zeroed ? mem_calloc(n, 1) : mem_alloc(n);
    if (!w.data || !ARRAY_PUSH(&e->weights, w)) {
        if (!w.borrowed) mem_free(w.data);
        return NULL;
    }
    e->weight_bytes += n;
    return w.data;
}

static void forget_source(engine *e, const naru_tensor *t) {
    const file_map *m = e->graph->file;
    const uint8_t *p = t->data;
    if (m && p >= m->data && p < m->data + m->size) file_map_forget(m, (size_t)(p - m->data), tensor_bytes(t));
}

static void drop_constant(engine *e, int s) {
    value *v = (value *)e->slots[s].value;
    e->slots[s].packed = true;
    forget_source(e, v->constant);
    tensor_unref(v->constant);
    v->constant = NULL;
    v->fact.constant = NULL;
}

/* Prepares s with tactic t. *consumed: inputs that this set no longer needs. */
static naru_status prepare_with(preparing *p, step *s, const tactic *t, unsigned *consumed) {
    p->c.consumed = 0;
    s->tactic = t;
    naru_status st = t && t->prepare ? t->prepare(&p->c, s) : NARU_OK;
    *consumed &= p->c.consumed;
    return st;
}

static const tactic *choice(compiler *k, const tactic_query *q, int index, int variant) {
    return k->o->choose ? k->o->choose(k->o->user, q, index, variant) : tactic_first(q);
}

/* Sets of tactics: s is the first's; others have a step of their own where they take another tactic. */
static naru_status prepare_variants(compiler *k, preparing *p, step *s, int index, unsigned *consumed) {
    engine *e = k->e;
    TRY(prepare_with(p, s, choice(k, &p->c.q, index, 0), consumed));
    if (e->variants == 1) return NARU_OK;
    const step **by = arena_calloc(e->arena, (size_t)e->variants, sizeof *by);
    if (!by) return oom(k);
    by[0] = s;
    for (int v = 1; v < e->variants; v++) {
        const tactic *t = choice(k, &p->c.q, index, v);
        for (int u = 0; u < v && !by[v]; u++)
            if (by[u]->tactic == t) by[v] = by[u];
        if (by[v]) continue;
        step *own = arena_dup(e->arena, s, sizeof *s);
        if (!own) return oom(k);
        own->state = NULL;
        by[v] = own;
        s->variants = by;
        TRY(prepare_with(p, own, t, consumed));
    }
    return NARU_OK;
}

static naru_status prepare_step(compiler *k, step *s, int index) {
    engine *e = k->e;
    node *n = (node *)s->node;
    const fact **in = mem_alloc(((size_t)n->nin + 1) * sizeof *in);
    fact *out = mem_calloc((size_t)n->nout + 1, sizeof *out);
    naru_status st = in && out ? NARU_OK : oom(k);
    preparing p = {.c = {.q = {n, e->cpu, e->threads, n->nin, n->nout, in, out, e->graph->syms, 0, NULL},
                         .arena = e->arena,
                         .pool = k->o->pool,
                         .weights = weights_alloc,
                         .reuse = k->o->packed != NULL,
                         .saved = k->o->zeroed,
                         .err = k->err,
                         .engine = e},
                   .o = k->o};
    for (int i = 0; st == NARU_OK && i < n->nin; i++) in[i] = n->in[i] ? &n->in[i]->fact : NULL;
    for (int i = 0; st == NARU_OK && i < n->nout; i++)
        if (n->out[i]) out[i] = n->out[i]->fact;
    unsigned consumed = ~0u;
    if (st == NARU_OK) st = prepare_variants(k, &p, s, index, &consumed);
    for (int i = 0; st == NARU_OK && i < n->nin && i < 32 && !k->o->keep_constants; i++)
        if ((consumed >> i & 1) && n->in[i] && n->in[i]->constant && ++k->packed[s->in[i]] == k->uses[s->in[i]])
            drop_constant(e, s->in[i]);
    mem_free(in);
    mem_free(out);
    char where[300];
    return st == NARU_OK ? st : err_context(k->err, st, "%s", node_describe(n, where, sizeof where));
}

static naru_status settle_constants(compiler *k) {
    engine *e = k->e;
    for (int i = 0; i < e->nslots; i++) {
        value *v = (value *)e->slots[i].value;
        if (!v->constant) continue;
        if (tensor_is_aligned(v->constant) && tensor_is_contiguous(v->constant)) {
            e->slots[i].constant = tensor_ref(v->constant);
            continue;
        }
        TRY(tensor_clone(v->constant, &e->slots[i].constant, k->err));
        e->weight_bytes += tensor_bytes(v->constant);
        forget_source(e, v->constant);
        tensor_unref(v->constant);
        v->constant = tensor_ref(e->slots[i].constant);
        v->fact.constant = v->constant;
    }
    return NARU_OK;
}

static naru_status compile(compiler *k) {
    engine *e = k->e;
    size_t nvalues = e->graph->values.count;
    e->programs = arena_calloc(e->arena, (size_t)count_programs(e->graph->main), sizeof *e->programs);
    e->slots = arena_calloc(e->arena, nvalues + 1, sizeof *e->slots);
    if (!e->programs || !e->slots) return oom(k);
    for (size_t i = 0; i < nvalues; i++) k->slot_of[i] = -1;
    int main_index;
    TRY(build_program(k, e->graph->main, &main_index));
    int all = 0, done = 0;
    for (int p = 0; p < e->nprograms; p++) all += e->programs[p].nsteps;
    for (int p = 0; p < e->nprograms; p++)
        for (int i = 0; i < e->programs[p].nsteps; i++, done++) {
            TRY(prepare_step(k, &e->programs[p].steps[i], done));
            if (k->o->progress && !k->o->progress(k->o->user, done + 1, all))
                return err_set(k->err, NARU_CANCELLED, "the build was cancelled");
        }
    return settle_constants(k);
}

int engine_step_index(const engine *e, const step *s) {
    int at = 0;
    for (int p = 0; p < e->nprograms; at += e->programs[p++].nsteps)
        if (s >= e->programs[p].steps && s < e->programs[p].steps + e->programs[p].nsteps)
            return at + (int)(s - e->programs[p].steps);
    return -1;
}

const step *engine_step(const engine *e, int index) {
    for (int p = 0; p < e->nprograms && index >= 0; index -= e->programs[p++].nsteps)
        if (index < e->programs[p].nsteps) return &e->programs[p].steps[index];
    return NULL;
}

naru_status engine_compile(graph *g, cpu_level cpu, pool *p, engine **out, naru_error *err) {
    const compile_options o = {.cpu = cpu, .threads = pool_threads(p), .pool = p};
    return engine_compile_with(g, &o, out, err);
}

naru_status engine_compile_with(graph *g, const compile_options *o, engine **out, naru_error *err) {
    *out = NULL;
    engine *e = mem_calloc(1, sizeof *e);
    if (!e) {
        graph_free(g);
        return err_oom(err);
    }
    *e = (engine){.graph = g,
                  .arena = arena_new(),
                  .cpu = o->cpu,
                  .threads = o->threads,
                  .max_arity = 1,
                  .variants = o->variants ? o->variants : 1};
    size_t n = g->values.count + 1;
    compiler k = {e, mem_alloc(n * sizeof(int)), mem_calloc(n, sizeof(int)), mem_calloc(n, sizeof(int)), o, err};
    naru_status st = e->arena && k.slot_of && k.uses && k.packed ? compile(&k) : err_oom(err);
    mem_free(k.slot_of);
    mem_free(k.uses);
    mem_free(k.packed);
    if (st != NARU_OK) {
        engine_free(e);
        return st;
    }
    *out = e;
    return NARU_OK;
}

/* Sets of tactics share steps; after a failure the last ones are not there yet. */
static void release_variants(const engine *e, const step *s) {
    for (int v = 1; s->variants && v < e->variants; v++) {
        bool seen = false;
        for (int u = 0; u < v; u++) seen |= s->variants[u] == s->variants[v];
        if (!seen && s->variants[v]) step_release((step *)s->variants[v]);
    }
}

void engine_free(engine *e) {
    if (!e) return;
    for (int p = 0; p < e->nprograms; p++)
        for (int i = 0; i < e->programs[p].nsteps; i++) {
            release_variants(e, &e->programs[p].steps[i]);
            step_release(&e->programs[p].steps[i]);
        }
    for (int i = 0; i < e->nslots; i++) tensor_unref(e->slots[i].constant);
    for (size_t i = 0; i < e->weights.count; i++)
        if (!e->weights.data[i].borrowed) mem_free(e->weights.data[i].data);
    ARRAY_FREE(&e->weights);
    graph_free(e->graph);
    arena_free(e->arena);
    mem_free(e);
}
