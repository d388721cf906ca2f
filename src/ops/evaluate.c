/* SPDX-License-Identifier: MIT
 *
 * The reference evaluator: runs a lifted graph node by node with the operators' own eval. Every value is a fresh
 * tensor; nothing is planned, fused or threaded. It is the oracle of the engine's tests and folds constants.
 */
#include <string.h>

#include "ops/op.h"
#include "ops/sig.h"
#include "tensor/dtype.h"

typedef struct machine {
    graph *graph;
    symtab *syms;
    naru_value **env; /* by value id; references */
    arena *arena;     /* per node; reset when the outermost block's node is done */
    int depth;
    uint64_t rng;
} machine;

bool tensor_is_aligned(const naru_tensor *t) {
    size_t a = t->dtype == NARU_STRING ? 8 : (size_t)(naru_dtype_bits(t->dtype) + 7) / 8;
    return a <= 1 || (uintptr_t)t->data % (a > 8 ? 8 : a) == 0;
}

naru_status value_wrap_aligned(naru_tensor *t, naru_value **out, naru_error *err) {
    if (tensor_is_aligned(t) && tensor_is_contiguous(t)) return value_new_tensor(t, out, err);
    naru_tensor *copy;
    TRY(tensor_clone(t, &copy, err));
    naru_status st = value_new_tensor(copy, out, err);
    tensor_unref(copy);
    return st;
}

void fact_of_value(const naru_value *v, fact *f) {
    *f = (fact){0};
    if (!v) return;
    if (v->kind == NARU_KIND_TENSOR) {
        f->constant = v->tensor;
        f->type = (type){.kind = TYPE_TENSOR, .dtype = v->tensor->dtype, .has_rank = true, .rank = v->tensor->rank};
        for (int i = 0; i < v->tensor->rank; i++) f->type.dims[i] = v->tensor->dims[i];
    } else {
        f->type.kind = v->kind == NARU_KIND_SEQUENCE ? TYPE_SEQUENCE
                       : v->kind == NARU_KIND_MAP    ? TYPE_MAP
                                                     : TYPE_OPTIONAL;
    }
}

bool fact_complete(const fact *f) {
    if (f->type.kind != TYPE_TENSOR || f->type.dtype == NARU_UNDEFINED || !f->type.has_rank) return false;
    for (int i = 0; i < f->type.rank; i++)
        if (!dim_is_const(f->type.dims[i])) return false;
    return true;
}

static naru_status preset_outputs(eval_ctx *c, const fact *facts) {
    for (int i = 0; i < c->nout; i++) {
        if (!c->out_wanted[i] || !fact_complete(&facts[i])) continue;
        naru_tensor *t;
        TRY(eval_alloc(c, i, facts[i].type.dtype, facts[i].type.rank, facts[i].type.dims, &t));
    }
    return NARU_OK;
}

static naru_status infer_outputs(eval_ctx *c, symtab *syms, fact *out) {
    const node *n = c->node;
    fact *in = arena_calloc(c->arena, (size_t)n->nin + 1, sizeof *in);
    const fact **pin = arena_alloc(c->arena, ((size_t)n->nin + 1) * sizeof *pin);
    if (!in || !pin) return err_oom(c->err);
    for (int i = 0; i < n->nin; i++) {
        fact_of_value(c->in[i], &in[i]);
        pin[i] = c->in[i] ? &in[i] : NULL;
    }
    TRY(sig_check_facts(n->op, n->nin, pin, c->err));
    if (!n->op->infer || (n->op->flags & OP_CONTROL)) return NARU_OK;
    infer_ctx ic = {.node = n,
                    .syms = syms,
                    .arena = c->arena,
                    .nin = n->nin,
                    .nout = n->nout,
                    .in = pin,
                    .out = out,
                    .err = c->err};
    return n->op->infer(&ic);
}

naru_status op_run(eval_ctx *c, symtab *syms) {
    fact *facts = arena_calloc(c->arena, (size_t)c->nout + 1, sizeof *facts);
    if (!facts) return err_oom(c->err);
    if (!c->node->op->eval) return eval_fail(c, NARU_UNSUPPORTED, "%s has no implementation", c->node->op_type);
    TRY(infer_outputs(c, syms, facts));
    TRY(preset_outputs(c, facts));
    TRY(c->node->op->eval(c));
    for (int i = 0; i < c->nout; i++)
        if (c->out_wanted[i] && !c->out[i]) return eval_fail(c, NARU_INTERNAL, "output %d was not computed", i);
    return NARU_OK;
}

static naru_status run_nodes(machine *m, block *b, naru_error *err);

static naru_status bind(machine *m, value *v, naru_value *x) {
    naru_value *old = m->env[v->id];
    m->env[v->id] = value_ref(x);
    value_unref(old);
    return NARU_OK;
}

static naru_status run_block_cb(eval_ctx *c, block *b, naru_value **in, naru_value **out) {
    machine *m = c->user;
    if (m->depth >= 64) return eval_fail(c, NARU_LIMIT, "blocks are nested deeper than 64");
    for (int i = 0; i < b->nin; i++) TRY(bind(m, b->in[i], in[i]));
    m->depth++;
    arena *outer = m->arena; /* the caller's scratch must survive the body */
    if (!(m->arena = arena_new())) {
        m->arena = outer;
        m->depth--;
        return err_oom(c->err);
    }
    naru_status st = run_nodes(m, b, c->err);
    arena_free(m->arena);
    m->arena = outer;
    m->depth--;
    for (int i = 0; st == NARU_OK && i < b->nout; i++) out[i] = value_ref(m->env[b->out[i]->id]);
    return st;
}

static naru_status run_node(machine *m, node *n, naru_error *err) {
    eval_ctx c = {.node = n,
                  .arena = m->arena,
                  .nin = n->nin,
                  .nout = n->nout,
                  .err = err,
                  .run_block = run_block_cb,
                  .rng = &m->rng,
                  .user = m};
    c.in = arena_calloc(m->arena, (size_t)n->nin + 1, sizeof *c.in);
    c.out = arena_calloc(m->arena, (size_t)n->nout + 1, sizeof *c.out);
    bool *wanted = arena_calloc(m->arena, (size_t)n->nout + 1, sizeof *wanted);
    if (!c.in || !c.out || !wanted) return err_oom(err);
    for (int i = 0; i < n->nin; i++) {
        if (!n->in[i]) continue;
        c.in[i] = m->env[n->in[i]->id];
        if (!c.in[i]) return err_set(err, NARU_BAD_MODEL, "input %d '%s' has no value", i, n->in[i]->name);
    }
    for (int i = 0; i < n->nout; i++) wanted[i] = n->out[i] != NULL;
    c.out_wanted = wanted;
    naru_status st = op_run(&c, m->syms);
    for (int i = 0; i < n->nout; i++) {
        if (st == NARU_OK && n->out[i]) bind(m, n->out[i], c.out[i]);
        value_unref(c.out[i]);
    }
    return st;
}

static naru_status bind_constants(machine *m, block *b, naru_error *err) {
    for (int i = 0; i < b->ninit; i++) {
        value *v = b->initializers[i];
        if (!v->constant || m->env[v->id]) continue;
        TRY(value_wrap_aligned(v->constant, &m->env[v->id], err));
    }
    return NARU_OK;
}

static naru_status run_nodes(machine *m, block *b, naru_error *err) {
    TRY(bind_constants(m, b, err));
    for (node *n = b->first; n; n = n->next) {
        naru_status st = run_node(m, n, err);
        if (st != NARU_OK) {
            char where[300];
            return err_context(err, st, "%s", node_describe(n, where, sizeof where));
        }
        arena_reset(m->arena);
    }
    for (int i = 0; i < b->nout; i++)
        if (!m->env[b->out[i]->id]) return err_set(err, NARU_BAD_MODEL, "output '%s' has no value", b->out[i]->name);
    return NARU_OK;
}

naru_status graph_evaluate(graph *g, naru_value *const *in, naru_value **out, uint64_t seed, naru_error *err) {
    machine m = {.graph = g, .rng = seed};
    arena *scratch = arena_new();
    m.arena = arena_new();
    m.env = mem_calloc(g->values.count + 1, sizeof *m.env);
    m.syms = scratch ? symtab_new(scratch) : NULL;
    naru_status st = m.arena && m.env && m.syms ? NARU_OK : err_oom(err);
    block *b = g->main;
    for (int i = 0; st == NARU_OK && i < b->nin; i++)
        if (in[i]) {
            if (in[i]->kind == NARU_KIND_TENSOR) st = value_wrap_aligned(in[i]->tensor, &m.env[b->in[i]->id], err);
            else m.env[b->in[i]->id] = value_ref(in[i]);
        }
    if (st == NARU_OK) st = run_nodes(&m, b, err);
    for (int i = 0; i < b->nout; i++) out[i] = st == NARU_OK ? value_ref(m.env[b->out[i]->id]) : NULL;
    for (size_t i = 0; m.env && i < g->values.count; i++) value_unref(m.env[i]);
    mem_free(m.env);
    arena_free(m.arena);
    arena_free(scratch);
    return st;
}

static naru_status refuse_block(eval_ctx *c, block *b, naru_value **in, naru_value **out) {
    return eval_fail(c, NARU_UNSUPPORTED, "a node with a body is not evaluated alone");
}

naru_status node_evaluate(const node *n, naru_value **in, naru_value **out, uint64_t seed, naru_error *err) {
    arena *a = arena_new();
    symtab *syms = a ? symtab_new(a) : NULL;
    bool *wanted = a ? arena_calloc(a, (size_t)n->nout + 1, sizeof *wanted) : NULL;
    naru_value **aligned = a ? arena_calloc(a, (size_t)n->nin + 1, sizeof *aligned) : NULL;
    naru_status st = syms && wanted && aligned ? NARU_OK : err_oom(err);
    memset(out, 0, (size_t)n->nout * sizeof *out);
    for (int i = 0; st == NARU_OK && i < n->nin; i++) {
        if (!in[i]) continue;
        if (in[i]->kind == NARU_KIND_TENSOR) st = value_wrap_aligned(in[i]->tensor, &aligned[i], err);
        else aligned[i] = value_ref(in[i]);
    }
    if (st == NARU_OK) {
        for (int i = 0; i < n->nout; i++) wanted[i] = n->out[i] != NULL;
        eval_ctx c = {.node = n,
                      .arena = a,
                      .nin = n->nin,
                      .nout = n->nout,
                      .in = aligned,
                      .out = out,
                      .out_wanted = wanted,
                      .err = err,
                      .run_block = refuse_block,
                      .rng = &seed};
        st = op_run(&c, syms);
    }
    for (int i = 0; st != NARU_OK && i < n->nout; i++) {
        value_unref(out[i]);
        out[i] = NULL;
    }
    for (int i = 0; aligned && i < n->nin; i++) value_unref(aligned[i]);
    arena_free(a);
    return st;
}
