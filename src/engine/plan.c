/* SPDX-License-Identifier: MIT
 *
 * Planning: for the shapes at hand, what every output of a segment is and where it lives. Operators' infer functions
 * run over concrete facts; buffers are laid out by best fit in execution order, views share their base, parts lie in
 * their whole (home.h), a step may write over an input that dies with it, the program's outputs are written where the
 * caller will find them.
 */
#include <string.h>

#include "engine/home.h"
#include "engine/holes.h"
#include "ops/sig.h"

enum { MAX_PLANS = 16, MAX_CONTENT = 64 }; /* per segment; elements of a value whose content may reach a shape */

/* ---- planning one segment ---- */
typedef struct buffer { /* memory behind slots of this segment */
    size_t at, size;
    int live; /* slots that still need it; -1: not in the block (an output or something outside) */
} buffer;

typedef struct planner {
    context *c;
    segment *s;
    const program *p;
    plan *plan;
    holes layout;
    bool *made;     /* per slot: an output of this segment */
    int *buffer_of; /* per slot: index + 1 of its buffer; 0: none in this segment */
    uint64_t *deps; /* per slot: entries (bit i, i < 64) whose content its content came from */
    ARRAY(buffer) buffers;
    home *homes;
    const naru_tensor **in; /* described, no data */
    naru_tensor **out;
    symtab *syms;
    naru_error *err;
} planner;

static bool is_view(const step *s) {
    return !s->tactic && (s->node->op->flags & OP_VIEW) && s->nin > 0 && s->in[0] >= 0;
}

static bool step_plannable(const planner *k, const step *s) {
    if (s->nbodies || !s->node->op->infer || (s->node->op->flags & OP_CONTROL)) return false;
    for (int i = 0; i < s->nin; i++)
        if (s->in[i] >= 0 &&
            (!fact_complete(&k->c->facts[s->in[i]]) || k->c->facts[s->in[i]].type.dtype == NARU_STRING))
            return false;
    return true;
}

/* Whether the content of input i travels on as content (shape arithmetic) rather than deciding dims. */
static bool carries_content(const step *s, int i) {
    return (s->node->op->flags & OP_ELEMENTWISE) || i == 0 || strcmp(s->node->op_type, "Concat") == 0;
}

static void follow_content(planner *k, const step *s, uint32_t read, const fact *out) {
    for (int i = 0; i < s->nin && i < 32; i++) {
        if (!(read >> i & 1) || s->in[i] < 0) continue;
        uint64_t deps = k->deps[s->in[i]];
        bool carried = false;
        for (int o = 0; o < s->nout; o++)
            if (s->out[o] >= 0 && out[o].elems && carries_content(s, i)) {
                k->deps[s->out[o]] |= deps;
                carried = true;
            }
        for (int e = 0; !carried && e < k->s->nentry && e < 64; e++)
            if (deps >> e & 1) k->s->content[e] = true;
    }
}

/* Inference at load saw the types of all inputs, except of these: results of bodies, elements of sequences, untyped
 * inputs. */
static bool types_were_unknown(const step *s) {
    for (int i = 0; i < s->node->nin; i++) {
        const value *v = s->node->in[i];
        if (v && (v->fact.type.kind != TYPE_TENSOR || v->fact.type.dtype == NARU_UNDEFINED)) return true;
    }
    return false;
}

/* Infers the step's outputs into facts; *ok: all complete. */
static naru_status infer_step(planner *k, const step *s, bool *ok) {
    context *c = k->c;
    const fact **in = arena_alloc(c->planning, ((size_t)s->nin + 1) * sizeof *in);
    fact *out = arena_calloc(c->planning, (size_t)s->nout + 1, sizeof *out);
    if (!in || !out) return err_oom(k->err);
    for (int i = 0; i < s->nin; i++) in[i] = s->in[i] >= 0 ? &c->facts[s->in[i]] : NULL;
    uint32_t read = 0;
    infer_ctx ic = {.node = s->node,
                    .syms = k->syms,
                    .arena = c->planning,
                    .nin = s->nin,
                    .nout = s->nout,
                    .in = in,
                    .out = out,
                    .err = k->err,
                    .content_read = &read};
    if (types_were_unknown(s)) TRY(sig_check_facts(s->node->op, s->nin, in, k->err));
    TRY(s->node->op->infer(&ic));
    *ok = true;
    for (int o = 0; o < s->nout; o++)
        if (s->out[o] >= 0 && (!fact_complete(&out[o]) || out[o].type.dtype == NARU_STRING)) *ok = false;
    follow_content(k, s, read, out);
    for (int o = 0; *ok && o < s->nout; o++)
        if (s->out[o] >= 0) c->facts[s->out[o]] = out[o];
    return NARU_OK;
}

static size_t fact_bytes(const fact *f) {
    int64_t n;
    return dims_count(f->type.rank, f->type.dims, &n) ? dtype_bytes(f->type.dtype, n) : SIZE_MAX;
}

static binding *bind_new(planner *k, int slot) {
    const type *t = &k->c->facts[slot].type;
    binding *b = arena_alloc(k->plan->arena, sizeof *b + (size_t)t->rank * sizeof(int64_t));
    if (!b) return NULL;
    *b = (binding){.slot = slot, .dtype = t->dtype, .rank = t->rank};
    memcpy(b->dims, t->dims, (size_t)t->rank * sizeof(int64_t));
    k->plan->binds[k->plan->nbinds++] = b;
    return b;
}

static int output_index(const planner *k, int slot) {
    if (k->s->program != 0) return -1;
    for (int i = 0; i < k->p->nout; i++)
        if (k->p->out[i] == slot) return i;
    return -1;
}

static bool dies_at(const planner *k, int at, int slot) {
    for (const int *d = k->p->dies[at]; *d >= 0; d++)
        if (*d == slot) return true;
    return false;
}

/* The buffer of a dying input that output 0 of step `at` may overwrite, or -1. */
static int reusable(const planner *k, const step *s, int at, size_t size) {
    if (!s->tactic || !(s->tactic->flags & TACTIC_INPLACE)) return -1;
    for (int i = 0; i < s->nin; i++) {
        if (s->in[i] < 0) continue;
        int b = k->buffer_of[s->in[i]] - 1;
        if (b < 0 || k->buffers.data[b].live != 1 || !dies_at(k, at, s->in[i])) continue;
        if (fact_bytes(&k->c->facts[s->in[i]]) == size && k->buffers.data[b].size == size) return b;
    }
    return -1;
}

static naru_status new_buffer(planner *k, int slot) {
    buffer mem = {.size = fact_bytes(&k->c->facts[slot]), .live = 1};
    if (!holes_take(&k->layout, mem.size, &mem.at) || !ARRAY_PUSH(&k->buffers, mem)) return err_oom(k->err);
    k->buffer_of[slot] = (int)k->buffers.count;
    return NARU_OK;
}

/* A part: in the memory of its base, which may be taken now, before the base itself is made. */
static naru_status place_part(planner *k, binding *b, naru_tensor *t) {
    const home *h = &k->homes[b->slot];
    if (!k->buffer_of[h->base]) TRY(new_buffer(k, h->base));
    buffer *mem = &k->buffers.data[k->buffer_of[h->base] - 1];
    mem->live++;
    k->buffer_of[b->slot] = k->buffer_of[h->base];
    b->offset = mem->at + dtype_bytes(b->dtype, h->at);
    b->pitch = h->pitch;
    tensor_set_pitch(t, h->pitch);
    return NARU_OK;
}

static naru_status place_output(planner *k, const step *s, int at, int o) {
    int slot = s->out[o];
    const fact *f = &k->c->facts[slot];
    size_t size = fact_bytes(f);
    if (size > PTRDIFF_MAX / 2) return err_set(k->err, NARU_LIMIT, "output %d is too large", o);
    binding *b = bind_new(k, slot);
    if (!b) return err_oom(k->err);
    tensor_describe(&k->c->slots[slot].t, f->type.dtype, f->type.rank, f->type.dims);
    k->made[slot] = true;
    if (is_view(s) && o == 0) {
        b->kind = BIND_ALIAS;
        b->alias = s->in[0];
        k->buffer_of[slot] = k->buffer_of[s->in[0]];
        if (k->buffer_of[slot] && k->buffers.data[k->buffer_of[slot] - 1].live >= 0)
            k->buffers.data[k->buffer_of[slot] - 1].live++;
        return NARU_OK;
    }
    if (k->homes[slot].base >= 0) return place_part(k, b, &k->c->slots[slot].t);
    int output = output_index(k, slot);
    if (output >= 0) {
        b->kind = BIND_OUTPUT;
        b->alias = output;
        return NARU_OK;
    }
    if (k->buffer_of[slot]) { /* parts of it are there */
        b->offset = k->buffers.data[k->buffer_of[slot] - 1].at;
        return NARU_OK;
    }
    int reuse = o == 0 ? reusable(k, s, at, size) : -1;
    if (reuse >= 0) {
        b->offset = k->buffers.data[reuse].at;
        k->buffers.data[reuse].live++;
        k->buffer_of[slot] = reuse + 1;
        return NARU_OK;
    }
    TRY(new_buffer(k, slot));
    b->offset = k->buffers.data[k->buffer_of[slot] - 1].at;
    return NARU_OK;
}

/* The slot's tensor as the step will see it: described here for what this segment makes, else what is there already. */
static const naru_tensor *planned_tensor(const planner *k, int s) {
    const cell *x = &k->c->slots[s];
    return k->made[s] || !x->ref ? &x->t : x->ref->tensor;
}

static naru_status place_workspace(planner *k, const step *s, int at) {
    context *c = k->c;
    int i = at - k->s->first;
    k->plan->workspace_size[i] = 0;
    if (!s->tactic || !s->tactic->workspace) return NARU_OK;
    for (int j = 0; j < s->nin; j++) k->in[j] = s->in[j] < 0 ? NULL : planned_tensor(k, s->in[j]);
    for (int j = 0; j < s->nout; j++) k->out[j] = s->out[j] < 0 ? NULL : &c->slots[s->out[j]].t;
    size_t size = s->tactic->workspace(s, k->in, (const naru_tensor *const *)k->out, pool_threads(c->pool));
    if (!size) return NARU_OK;
    k->plan->workspace_size[i] = size;
    if (!holes_take(&k->layout, size, &k->plan->workspace[i]) || !holes_give(&k->layout, k->plan->workspace[i], size))
        return err_oom(k->err);
    return NARU_OK;
}

static naru_status bury(planner *k, int at) {
    for (const int *d = k->p->dies[at]; *d >= 0; d++) {
        int b = k->buffer_of[*d] - 1;
        if (b < 0) continue;
        if (--k->buffers.data[b].live == 0 && !holes_give(&k->layout, k->buffers.data[b].at, k->buffers.data[b].size))
            return err_oom(k->err);
    }
    return NARU_OK;
}

static naru_status at_step(const planner *k, const step *s, naru_status st) {
    char where[300];
    return st == NARU_OK ? st : err_context(k->err, st, "%s", node_describe(s->node, where, sizeof where));
}

/* Infers steps up to the first that cannot be planned. */
static naru_status infer_steps(planner *k) {
    for (int at = k->s->first; at < k->p->nsteps; at++) {
        const step *s = step_variant(&k->p->steps[at], k->c->variant);
        bool ok = step_plannable(k, s);
        if (ok) TRY(at_step(k, s, infer_step(k, s, &ok)));
        if (!ok) break;
        k->plan->last = at + 1;
    }
    return NARU_OK;
}

static naru_status place_step(planner *k, const step *s, int at) {
    for (int o = 0; o < s->nout; o++)
        if (s->out[o] >= 0) TRY(place_output(k, s, at, o));
    TRY(place_workspace(k, s, at));
    return bury(k, at);
}

/* An observer runs other tactics on the steps' data, which may not take a pitch: nothing lives elsewhere then. */
static naru_status plan_steps(planner *k) {
    context *c = k->c;
    TRY(infer_steps(k));
    TRY(homes_find(c->engine, k->p, c->variant, c->facts, k->s->first, c->observe ? k->s->first : k->plan->last,
                   c->planning, &k->homes, k->err));
    for (int at = k->s->first; at < k->plan->last; at++) {
        const step *s = step_variant(&k->p->steps[at], c->variant);
        TRY(at_step(k, s, place_step(k, s, at)));
    }
    k->plan->block_size = k->layout.top;
    return NARU_OK;
}

/* Facts of what enters: constants of the engine, entries by their present values. */
static void set_facts(planner *k) {
    context *c = k->c;
    for (int i = 0; i < c->engine->nslots; i++) {
        c->facts[i] = (fact){0};
        if (engine_slot_fixed(&c->engine->slots[i])) fact_of_value(&c->slots[i].v, &c->facts[i]);
    }
    for (int i = 0; i < k->s->nentry; i++) {
        int slot = k->s->entry[i];
        fact_of_value(c->slots[slot].ref, &c->facts[slot]);
        const naru_tensor *t = c->facts[slot].constant;
        if (i < 64) k->deps[slot] = (uint64_t)1 << i;
        if (t && (!t->data || tensor_count(t) > MAX_CONTENT || t->rank > 1 || i >= 64)) c->facts[slot].constant = NULL;
    }
}

static size_t count_outputs(const program *p, int first) {
    size_t n = 0;
    for (int i = first; i < p->nsteps; i++) n += (size_t)p->steps[i].nout;
    return n;
}

static naru_status plan_make(context *c, segment *s, plan *out, naru_error *err) {
    const program *p = &c->engine->programs[s->program];
    planner k = {.c = c, .s = s, .p = p, .plan = out, .in = c->in, .out = c->out, .err = err};
    size_t n = (size_t)c->engine->nslots + 1, nsteps = (size_t)(p->nsteps - s->first) + 1;
    arena_reset(c->planning);
    k.buffer_of = arena_calloc(c->planning, n, sizeof(int));
    k.deps = arena_calloc(c->planning, n, sizeof(uint64_t));
    k.made = arena_calloc(c->planning, n, sizeof(bool));
    k.syms = symtab_new(c->planning);
    out->first = out->last = s->first;
    out->binds = arena_alloc(out->arena, (count_outputs(p, s->first) + 1) * sizeof(binding *));
    out->workspace = arena_alloc(out->arena, nsteps * sizeof(size_t));
    out->workspace_size = arena_alloc(out->arena, nsteps * sizeof(size_t));
    naru_status st = k.buffer_of && k.deps && k.made && k.syms && out->binds && out->workspace && out->workspace_size
                         ? NARU_OK
                         : err_oom(err);
    if (st == NARU_OK) {
        set_facts(&k);
        st = plan_steps(&k);
    }
    ARRAY_FREE(&k.layout.free);
    ARRAY_FREE(&k.buffers);
    return st;
}

/* ---- the cache ---- */
static bool key_push(context *c, int *n, int64_t v) {
    if (*n == c->key_cap) {
        int cap = c->key_cap ? c->key_cap * 2 : 64;
        int64_t *p = mem_realloc(c->key, (size_t)cap * sizeof *p);
        if (!p) return false;
        c->key = p;
        c->key_cap = cap;
    }
    c->key[(*n)++] = v;
    return true;
}

static bool key_content(context *c, int *n, const naru_tensor *t) {
    if (!t->data || tensor_count(t) > MAX_CONTENT || t->rank > 1 || t->dtype == NARU_STRING) return true;
    const char *p = t->data;
    for (size_t left = tensor_bytes(t); left > 0;) {
        int64_t word = 0;
        size_t take = left < 8 ? left : 8;
        memcpy(&word, p, take);
        if (!key_push(c, n, word)) return false;
        p += take;
        left -= take;
    }
    return true;
}

/* What the plan depends on: set of tactics; dtype, dims and, where it reaches a shape, content of every entry. */
static bool make_key(context *c, const segment *s, int *n) {
    *n = 0;
    if (!key_push(c, n, c->variant)) return false;
    for (int i = 0; i < s->nentry; i++) {
        const naru_value *v = c->slots[s->entry[i]].ref;
        if (!v || v->kind != NARU_KIND_TENSOR) {
            if (!key_push(c, n, v ? -(int64_t)v->kind : -100)) return false;
            continue;
        }
        const naru_tensor *t = v->tensor;
        if (!key_push(c, n, (int64_t)t->dtype << 8 | t->rank)) return false;
        for (int d = 0; d < t->rank; d++)
            if (!key_push(c, n, t->dims[d])) return false;
        if (s->content[i] && !key_content(c, n, t)) return false;
    }
    return true;
}

static void plan_free(plan *p) {
    if (!p) return;
    arena_free(p->arena);
    mem_free(p->key);
    mem_free(p);
}

static void evict(segment *s) {
    plan **oldest = &s->plans;
    for (plan **p = &s->plans; *p; p = &(*p)->next)
        if ((*p)->used < (*oldest)->used) oldest = p;
    plan *dead = *oldest;
    *oldest = dead->next;
    s->nplans--;
    plan_free(dead);
}

naru_status segment_plan(context *c, segment *s, plan **out, naru_error *err) {
    int n;
    if (!make_key(c, s, &n)) return err_oom(err);
    for (plan *p = s->plans; p; p = p->next)
        if (p->nkey == n && memcmp(p->key, c->key, (size_t)n * sizeof *p->key) == 0) {
            p->used = ++c->tick;
            *out = p;
            return NARU_OK;
        }
    plan *p = mem_calloc(1, sizeof *p);
    if (!p || !(p->arena = arena_new())) {
        plan_free(p);
        return err_oom(err);
    }
    naru_status st = plan_make(c, s, p, err);
    if (st == NARU_OK && !make_key(c, s, &n))
        st = err_oom(err); /* again: planning may have found more content that matters */
    if (st == NARU_OK && !(p->key = mem_alloc((size_t)n * sizeof *p->key))) st = err_oom(err);
    if (st != NARU_OK) {
        plan_free(p);
        return st;
    }
    memcpy(p->key, c->key, (size_t)n * sizeof *p->key);
    p->nkey = n;
    p->used = ++c->tick;
    if (s->nplans >= MAX_PLANS) evict(s);
    p->next = s->plans;
    s->plans = p;
    s->nplans++;
    *out = p;
    return NARU_OK;
}

/* Slots read by steps at or after `first` (or handed out as outputs) that are defined before it. */
static naru_status find_entries(context *c, segment *s, naru_error *err) {
    const engine *e = c->engine;
    const program *p = &e->programs[s->program];
    char *mark = mem_calloc((size_t)e->nslots + 1, 1);
    if (!mark) return err_oom(err);
    for (int i = s->first; i < p->nsteps; i++) {
        const step *t = &p->steps[i];
        for (int j = 0; j < t->nin; j++)
            if (t->in[j] >= 0) mark[t->in[j]] |= 1;
        for (int j = 0; j < t->nbodies; j++)
            for (int k = 0; k < e->programs[t->bodies[j]].ncaptured; k++)
                mark[e->programs[t->bodies[j]].captured[k]] |= 1;
        for (int j = 0; j < t->nout; j++)
            if (t->out[j] >= 0) mark[t->out[j]] |= 2;
    }
    for (int i = 0; i < e->nslots; i++)
        if (engine_slot_fixed(&e->slots[i])) mark[i] = 0;
    for (int i = 0; i < e->nslots; i++) s->nentry += mark[i] == 1;
    s->entry = mem_alloc(((size_t)s->nentry + 1) * sizeof(int));
    s->content = mem_calloc((size_t)s->nentry + 1, sizeof(bool));
    for (int i = 0, n = 0; s->entry && i < e->nslots; i++)
        if (mark[i] == 1) s->entry[n++] = i;
    mem_free(mark);
    return s->entry && s->content ? NARU_OK : err_oom(err);
}

naru_status segment_get(context *c, int p, int first, segment **out, naru_error *err) {
    segment **at = &c->segments[p][first];
    if (!*at) {
        segment *s = mem_calloc(1, sizeof *s);
        if (!s) return err_oom(err);
        s->program = p;
        s->first = first;
        naru_status st = find_entries(c, s, err);
        if (st != NARU_OK) {
            segment_free(s);
            return st;
        }
        *at = s;
    }
    *out = *at;
    return NARU_OK;
}

void segment_free(segment *s) {
    if (!s) return;
    for (plan *p = s->plans, *next; p; p = next) {
        next = p->next;
        plan_free(p);
    }
    mem_free(s->entry);
    mem_free(s->content);
    mem_free(s->block);
    mem_free(s);
}
