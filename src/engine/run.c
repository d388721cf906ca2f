/* SPDX-License-Identifier: MIT
 *
 * Contexts: the mutable half of an engine. A run walks a program segment by segment (engine.h); the second run at the
 * same shapes finds every plan and every block and allocates nothing.
 */
#include <string.h>

#include "engine/home.h"
#include "engine/profile.h"

static naru_status run_program(context *c, int p, naru_error *err);

/* ---- slots ---- */
static void slot_clear(context *c, int s) {
    cell *x = &c->slots[s];
    if (x->ref && x->ref != &x->v) value_unref(x->ref);
    x->ref = NULL;
}

/* Takes over a reference. */
static void slot_set_heap(context *c, int s, naru_value *v) {
    slot_clear(c, s);
    c->slots[s].ref = v;
    if (v) c->heap[c->nheap++] = s;
    if (c->nheap >= 2 * c->engine->nslots) { /* drop stale entries: a slot set twice is listed twice */
        int n = 0;
        for (int i = 0; i < c->engine->nslots; i++)
            if (c->slots[i].ref && c->slots[i].ref != &c->slots[i].v) c->heap[n++] = i;
        c->nheap = n;
    }
}

static naru_tensor *slot_own(context *c, int s) { /* the embedded tensor becomes current */
    cell *x = &c->slots[s];
    slot_clear(c, s);
    x->ref = &x->v;
    return &x->t;
}

static const naru_tensor *slot_tensor(const context *c, int s) {
    const naru_value *v = s < 0 ? NULL : c->slots[s].ref;
    return v && v->kind == NARU_KIND_TENSOR ? v->tensor : NULL;
}

/* A result may be written into a caller's tensor only if it has the result's type and shape. */
static naru_status check_given(const naru_tensor *t, const naru_tensor *given, const char *name, naru_error *err) {
    if (given->dtype == t->dtype && tensor_same_dims(given, t)) return NARU_OK;
    return err_set(err, NARU_SHAPE, "output '%s': the tensor given does not have the result's type and shape", name);
}

/* ---- planned segments ---- */
static naru_status bind_outputs(context *c, const segment *s, const plan *p, naru_error *err) {
    for (int i = 0; i < p->nbinds; i++) {
        const binding *b = p->binds[i];
        const void *shared = b->kind == BIND_ALIAS ? slot_tensor(c, b->alias)->data : NULL;
        naru_tensor *t = slot_own(c, b->slot);
        tensor_describe(t, b->dtype, b->rank, b->dims);
        if (b->kind == BIND_BLOCK) {
            t->data = s->block + b->offset;
            tensor_set_pitch(t, b->pitch);
        } else if (b->kind == BIND_ALIAS) {
            t->data = (void *)shared;
        } else {
            naru_tensor **o = &c->outputs[b->alias];
            if (!*o) TRY(tensor_new(b->dtype, b->rank, b->dims, o, err));
            else TRY(check_given(t, *o, c->engine->slots[b->slot].value->name, err));
            t->data = (*o)->data;
        }
    }
    return NARU_OK;
}

static naru_status run_eval_planned(context *c, const step *s, naru_error *err) {
    eval_ctx e = {
        .node = s->node, .arena = c->scratch, .nin = s->nin, .nout = s->nout, .err = err, .rng = &c->rng, .user = c};
    e.in = arena_alloc(c->scratch, ((size_t)s->nin + 1) * sizeof *e.in);
    e.out = arena_alloc(c->scratch, ((size_t)s->nout + 1) * sizeof *e.out);
    bool *wanted = arena_alloc(c->scratch, (size_t)s->nout + 1);
    if (!e.in || !e.out || !wanted) return err_oom(err);
    for (int i = 0; i < s->nin; i++) e.in[i] = s->in[i] < 0 ? NULL : c->slots[s->in[i]].ref;
    for (int i = 0; i < s->nout; i++) {
        wanted[i] = s->out[i] >= 0;
        e.out[i] = wanted[i] ? c->slots[s->out[i]].ref : NULL;
    }
    e.out_wanted = wanted;
    TRY(s->node->op->eval(&e));
    for (int i = 0; i < s->nout; i++)
        if (wanted[i] && e.out[i] != c->slots[s->out[i]].ref) {
            value_unref(e.out[i]);
            return err_set(err, NARU_INTERNAL, "output %d has other dimensions than were inferred", i);
        }
    return NARU_OK;
}

static naru_status run_planned(context *c, const step *s, char *workspace, size_t size, naru_error *err) {
    if (!s->tactic) {
        if (s->node->op->flags & OP_VIEW) return NARU_OK; /* the binding is the work */
        naru_status st = run_eval_planned(c, s, err);
        arena_reset(c->scratch);
        return st;
    }
    for (int i = 0; i < s->nin; i++) c->in[i] = slot_tensor(c, s->in[i]);
    for (int i = 0; i < s->nout; i++) c->out[i] = s->out[i] < 0 ? NULL : &c->slots[s->out[i]].t;
    run_ctx r = {s, c->in, c->out, workspace, size, c->pool, err};
    if (c->observe) TRY(c->observe(c->observer, c, &r));
    return s->tactic->run(&r);
}

static int64_t step_begins(const context *c) { return c->profile || c->timed ? profile_now() : 0; }

static void step_ends(context *c, const step *s, int64_t begin) {
    if (!c->profile && !c->timed) return;
    int64_t end = profile_now();
    if (c->profile) profile_add(c->profile, step_variant(s, c->variant), c, begin, end);
    if (c->timed) c->timed(c->observer, s, begin, end);
}

static naru_status at_step(const step *s, naru_status st, naru_error *err) {
    char where[300];
    return st == NARU_OK ? st : err_context(err, st, "%s", node_describe(s->node, where, sizeof where));
}

static naru_status run_segment(context *c, segment *s, const plan *p, naru_error *err) {
    const program *prog = &c->engine->programs[s->program];
    if (p->block_size > s->block_size) {
        mem_free(s->block);
        s->block_size = 0;
        if (!(s->block = mem_alloc(p->block_size))) return err_oom(err);
        s->block_size = p->block_size;
        if (p->block_size > c->peak_block) c->peak_block = p->block_size;
    }
    TRY(bind_outputs(c, s, p, err));
    for (int i = p->first; i < p->last; i++) {
        const step *first = &prog->steps[i], *t = step_variant(first, c->variant);
        int64_t begin = step_begins(c);
        size_t size = p->workspace_size[i - p->first];
        naru_status st = run_planned(c, t, size ? s->block + p->workspace[i - p->first] : NULL, size, err);
        if (st != NARU_OK) return at_step(t, st, err);
        step_ends(c, first, begin);
    }
    return NARU_OK;
}

/* ---- steps that cannot be planned ---- */
static naru_status own_copy(context *c, int s, naru_value **out, naru_error *err) {
    cell *x = &c->slots[s];
    if (!x->ref) return err_set(err, NARU_INTERNAL, "'%s' has no value", c->engine->slots[s].value->name);
    if (x->ref != &x->v) {
        *out = value_ref(x->ref);
        return NARU_OK;
    }
    naru_tensor *t;
    TRY(tensor_clone(&x->t, &t, err));
    naru_status st = value_new_tensor(t, out, err);
    tensor_unref(t);
    return st;
}

static naru_status run_block_cb(eval_ctx *e, block *b, naru_value **in, naru_value **out) {
    context *c = e->user;
    int p = 1;
    while (p < c->engine->nprograms && c->engine->programs[p].block != b) p++;
    if (p == c->engine->nprograms) return eval_fail(e, NARU_INTERNAL, "body was not compiled");
    if (c->depth >= 64) return eval_fail(e, NARU_LIMIT, "bodies are nested deeper than 64");
    const program *prog = &c->engine->programs[p];
    for (int i = 0; i < prog->nin; i++) slot_set_heap(c, prog->in[i], value_ref(in[i]));
    arena *outer = c->scratch; /* the caller's scratch must survive the body */
    if (!(c->scratch = arena_new())) {
        c->scratch = outer;
        return err_oom(e->err);
    }
    c->depth++;
    naru_status st = run_program(c, p, e->err);
    c->depth--;
    arena_free(c->scratch);
    c->scratch = outer;
    int made = 0;
    for (; st == NARU_OK && made < prog->nout; made++) st = own_copy(c, prog->out[made], &out[made], e->err);
    for (int i = 0; st != NARU_OK && i < made - 1; i++) { /* all results or none */
        value_unref(out[i]);
        out[i] = NULL;
    }
    return st;
}

/* If, without copies: the branch's results stay in the branch's block; the step's slots point there. */
static naru_status run_if(context *c, const step *s, naru_error *err) {
    const naru_tensor *cond = slot_tensor(c, s->in[0]);
    if (!cond || cond->dtype != NARU_BOOL || tensor_count(cond) != 1)
        return err_set(err, NARU_TYPE, "the condition must be one bool");
    bool yes = *(const bool *)cond->data;
    int which = -1; /* bodies are in attribute order: find the branch by its attribute */
    for (int i = 0, at = 0; i < s->node->nattrs; i++) {
        if (s->node->attrs[i].kind != ATTR_GRAPH) continue;
        if (strcmp(s->node->attrs[i].name, yes ? "then_branch" : "else_branch") == 0) which = s->bodies[at];
        at++;
    }
    if (which < 0) return err_set(err, NARU_BAD_MODEL, "the branch is missing");
    if (c->depth >= 64) return err_set(err, NARU_LIMIT, "bodies are nested deeper than 64");
    c->depth++;
    naru_status st = run_program(c, which, err);
    c->depth--;
    if (st != NARU_OK) return st;
    const program *p = &c->engine->programs[which];
    for (int i = 0; i < s->nout && i < p->nout; i++) {
        if (s->out[i] < 0) continue;
        cell *from = &c->slots[p->out[i]];
        if (!from->ref) return err_set(err, NARU_INTERNAL, "the branch gave no output %d", i);
        if (from->ref != &from->v) {
            slot_set_heap(c, s->out[i], value_ref(from->ref));
            continue;
        }
        naru_tensor *t = slot_own(c, s->out[i]);
        tensor_describe(t, from->t.dtype, from->t.rank, from->t.dims);
        t->data = from->t.data;
    }
    return NARU_OK;
}

/* A reference to each input. eval may keep one (sequences), so embedded values, which cannot be kept, are copied. */
static naru_status hold_inputs(context *c, const step *s, eval_ctx *e) {
    for (int i = 0; i < s->nin; i++) {
        if (s->in[i] < 0) continue;
        cell *x = &c->slots[s->in[i]];
        if (!x->ref) return err_set(e->err, NARU_INTERNAL, "input %d has no value", i);
        if (x->ref == &x->v) TRY(own_copy(c, s->in[i], &e->in[i], e->err));
        else e->in[i] = value_ref(x->ref);
    }
    return NARU_OK;
}

static naru_status run_dynamic(context *c, const step *s, naru_error *err) {
    if (s->nbodies == 2 && strcmp(s->node->op_type, "If") == 0 && s->node->domain[0] == 0) return run_if(c, s, err);
    eval_ctx e = {.node = s->node,
                  .arena = c->scratch,
                  .nin = s->nin,
                  .nout = s->nout,
                  .err = err,
                  .run_block = run_block_cb,
                  .rng = &c->rng,
                  .user = c};
    e.in = arena_calloc(c->scratch, (size_t)s->nin + 1, sizeof *e.in);
    e.out = arena_calloc(c->scratch, (size_t)s->nout + 1, sizeof *e.out);
    bool *wanted = arena_calloc(c->scratch, (size_t)s->nout + 1, sizeof *wanted);
    symtab *syms = symtab_new(c->scratch);
    if (!e.in || !e.out || !wanted || !syms) return err_oom(err);
    for (int i = 0; i < s->nout; i++) wanted[i] = s->out[i] >= 0;
    e.out_wanted = wanted;
    naru_status st = hold_inputs(c, s, &e);
    if (st == NARU_OK) st = op_run(&e, syms);
    for (int i = 0; i < s->nin; i++) value_unref(e.in[i]);
    for (int i = 0; i < s->nout; i++) {
        if (st == NARU_OK && wanted[i]) slot_set_heap(c, s->out[i], e.out[i]);
        else value_unref(e.out[i]);
    }
    return st;
}

static naru_status may_go_on(context *c, naru_error *err) {
    if (c->cancelled && atomic_load_explicit(c->cancelled, memory_order_relaxed))
        return err_set(err, NARU_CANCELLED, "cancelled");
    if (c->budget && --c->budget == 0) return err_set(err, NARU_LIMIT, "the budget of steps is spent");
    return NARU_OK;
}

static naru_status run_program(context *c, int p, naru_error *err) {
    const program *prog = &c->engine->programs[p];
    TRY(may_go_on(c, err)); /* also of a body without steps */
    for (int at = 0; at < prog->nsteps;) {
        segment *s;
        plan *found;
        TRY(may_go_on(c, err));
        TRY(segment_get(c, p, at, &s, err));
        TRY(segment_plan(c, s, &found, err));
        if (found->last > at) {
            TRY(run_segment(c, s, found, err));
            at = found->last;
            continue;
        }
        const step *t = &prog->steps[at++];
        int64_t begin = step_begins(c);
        naru_status st = run_dynamic(c, t, err);
        arena_reset(c->scratch); /* whoever needs its scratch across a body has put a fresh arena here */
        if (st != NARU_OK) return at_step(t, st, err);
        step_ends(c, t, begin);
    }
    return NARU_OK;
}

/* ---- a whole run ---- */
static naru_status set_input(context *c, int s, naru_value *v, naru_error *err) {
    if (v->kind != NARU_KIND_TENSOR) {
        slot_set_heap(c, s, value_ref(v));
        return NARU_OK;
    }
    if (!tensor_is_contiguous(v->tensor) || !tensor_is_aligned(v->tensor)) {
        naru_value *copy;
        TRY(value_wrap_aligned(v->tensor, &copy, err));
        slot_set_heap(c, s, copy);
        return NARU_OK;
    }
    naru_tensor *t = slot_own(c, s);
    tensor_describe(t, v->tensor->dtype, v->tensor->rank, v->tensor->dims);
    t->data = v->tensor->data;
    return NARU_OK;
}

static bool overlaps(const naru_tensor *a, const naru_tensor *b) {
    const char *x = a->data, *y = b->data;
    return x < y + tensor_bytes(b) && y < x + tensor_bytes(a);
}

/* A caller's output may be written while the run goes on unless an input shares its memory. */
static bool direct(naru_value *const *in, int nin, const naru_tensor *out) {
    for (int i = 0; i < nin; i++)
        if (in[i] && in[i]->kind == NARU_KIND_TENSOR && overlaps(in[i]->tensor, out)) return false;
    return true;
}

static naru_status deliver(context *c, int o, naru_value **out, naru_error *err) {
    const program *p = &c->engine->programs[0];
    int s = p->out[o];
    const naru_tensor *t = slot_tensor(c, s);
    const char *name = c->engine->slots[s].value->name;
    if (*out) { /* the caller's */
        if (!t) return err_set(err, NARU_TYPE, "output '%s' is not a tensor", name);
        if ((*out)->kind != NARU_KIND_TENSOR)
            return err_set(err, NARU_TYPE, "output '%s': the value given is not a tensor", name);
        TRY(check_given(t, (*out)->tensor, name, err));
        return t->data == (*out)->tensor->data ? NARU_OK : tensor_copy((*out)->tensor, t, err);
    }
    if (t && c->outputs[o] && c->outputs[o]->data == t->data) return value_new_tensor(c->outputs[o], out, err);
    return own_copy(c, s, out, err);
}

static void forget_run(context *c) {
    for (int i = 0; i < c->nheap; i++) {
        int s = c->heap[i];
        if (c->slots[s].ref && c->slots[s].ref != &c->slots[s].v) slot_clear(c, s);
    }
    c->nheap = 0;
    for (int i = 0; i < c->engine->programs[0].nout; i++) {
        tensor_unref(c->outputs[i]);
        c->outputs[i] = NULL;
    }
}

naru_status context_run(context *c, naru_value *const *in, naru_value **outs, uint64_t seed, naru_error *err) {
    const engine *e = c->engine;
    const program *p = &e->programs[0];
    int64_t begin = c->profile ? profile_now() : 0;
    c->rng = seed;
    naru_status st = NARU_OK;
    for (int i = 0; st == NARU_OK && i < p->nin; i++) {
        if (in[i]) st = set_input(c, p->in[i], in[i], err);
        else if (e->slots[p->in[i]].constant) {
            naru_tensor *t = slot_own(c, p->in[i]);
            const naru_tensor *k = e->slots[p->in[i]].constant;
            tensor_describe(t, k->dtype, k->rank, k->dims);
            t->data = k->data;
        }
    }
    for (int i = 0; st == NARU_OK && i < p->nout; i++)
        c->outputs[i] = outs[i] && outs[i]->kind == NARU_KIND_TENSOR && direct(in, p->nin, outs[i]->tensor)
                            ? tensor_ref(outs[i]->tensor)
                            : NULL;
    if (st == NARU_OK) st = run_program(c, 0, err);
    for (int i = 0; i < p->nout; i++) c->given[i] = outs[i] != NULL;
    for (int i = 0; st == NARU_OK && i < p->nout; i++) st = deliver(c, i, &outs[i], err);
    for (int i = 0; st != NARU_OK && i < p->nout; i++)
        if (!c->given[i]) {
            value_unref(outs[i]);
            outs[i] = NULL;
        }
    forget_run(c);
    if (c->profile) profile_add(c->profile, NULL, c, begin, profile_now());
    return st;
}

naru_status context_measure(context *c, const naru_tensor *const *in, size_t *need, naru_error *err) {
    const program *p = &c->engine->programs[0];
    *need = 0;
    for (int i = 0; i < p->nin; i++) {
        if (!in[i]) return NARU_OK; /* not a tensor: nothing can be planned */
        naru_tensor *t = slot_own(c, p->in[i]);
        tensor_describe(t, in[i]->dtype, in[i]->rank, in[i]->dims);
        t->data = in[i]->data;
    }
    segment *s;
    plan *found;
    if (!p->nsteps) return NARU_OK;
    naru_status st = segment_get(c, 0, 0, &s, err);
    if (st == NARU_OK) st = segment_plan(c, s, &found, err);
    if (st == NARU_OK) *need = found->block_size;
    for (int i = 0; i < p->nin; i++) slot_clear(c, p->in[i]);
    return st;
}

/* ---- life ---- */
static naru_status context_fill(context *c, naru_error *err) {
    const engine *e = c->engine;
    size_t n = (size_t)e->nslots + 1;
    c->slots = mem_calloc(n, sizeof *c->slots);
    c->facts = mem_calloc(n, sizeof *c->facts);
    c->heap = mem_calloc(2 * n + 2, sizeof *c->heap);
    c->in = mem_calloc((size_t)e->max_arity + 1, sizeof *c->in);
    c->out = mem_calloc((size_t)e->max_arity + 1, sizeof *c->out);
    c->outputs = mem_calloc((size_t)e->programs[0].nout + 1, sizeof *c->outputs);
    c->given = mem_calloc((size_t)e->programs[0].nout + 1, sizeof *c->given);
    c->segments = mem_calloc((size_t)e->nprograms, sizeof *c->segments);
    c->scratch = arena_new();
    c->planning = arena_new();
    if (!c->slots || !c->facts || !c->heap || !c->in || !c->out || !c->outputs || !c->given || !c->segments ||
        !c->scratch || !c->planning)
        return err_oom(err);
    for (int i = 0; i < e->nprograms; i++)
        if (!(c->segments[i] = mem_calloc((size_t)e->programs[i].nsteps + 1, sizeof **c->segments)))
            return err_oom(err);
    for (int i = 0; i < e->nslots; i++) {
        cell *x = &c->slots[i];
        x->v.kind = NARU_KIND_TENSOR;
        x->v.tensor = &x->t;
        if (!engine_slot_fixed(&e->slots[i])) continue;
        const type *t = &e->slots[i].value->fact.type; /* packed constants have a type and no data */
        const naru_tensor *k = e->slots[i].constant;
        tensor_describe(&x->t, k ? k->dtype : t->dtype, k ? k->rank : t->rank, k ? k->dims : t->dims);
        x->t.data = k ? k->data : NULL;
        x->ref = &x->v;
    }
    return NARU_OK;
}

naru_status context_new(const engine *e, pool *p, context **out, naru_error *err) {
    *out = NULL;
    context *c = mem_calloc(1, sizeof *c);
    if (!c) return err_oom(err);
    c->engine = e;
    c->pool = p;
    naru_status st = context_fill(c, err);
    if (st != NARU_OK) {
        context_free(c);
        return st;
    }
    *out = c;
    return NARU_OK;
}

void context_free(context *c) {
    if (!c) return;
    for (int i = 0; c->segments && i < c->engine->nprograms; i++) {
        for (int j = 0; c->segments[i] && j < c->engine->programs[i].nsteps; j++) segment_free(c->segments[i][j]);
        mem_free(c->segments[i]);
    }
    mem_free(c->segments);
    mem_free(c->slots);
    mem_free(c->facts);
    mem_free(c->heap);
    mem_free(c->in);
    mem_free(c->out);
    mem_free(c->outputs);
    mem_free(c->given);
    mem_free(c->key);
    arena_free(c->scratch);
    arena_free(c->planning);
    mem_free(c);
}
