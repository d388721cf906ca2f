/* SPDX-License-Identifier: MIT
 *
 * Shapes of results without a run: inference over the main program with the inputs' sizes given. Whatever depends on
 * data stays unknown. Writes neither engine nor context.
 */
#include "engine/engine.h"

static void set_inputs(const engine *e, const type *in, const naru_tensor *const *content, fact *facts) {
    const program *p = &e->programs[0];
    for (int i = 0; i < e->nslots; i++) {
        const engine_slot *s = &e->slots[i];
        if (!engine_slot_fixed(s)) continue;
        facts[i] = s->value->fact;
        facts[i].constant = s->constant;
    }
    for (int i = 0; i < p->nin; i++) {
        fact *f = &facts[p->in[i]];
        *f = (fact){.type = in[i]};
        if (content && content[i] && content[i]->rank <= 1 && tensor_count(content[i]) <= 64) f->constant = content[i];
    }
}

static naru_status infer_one(const step *s, fact *facts, symtab *syms, arena *a, naru_error *err) {
    const fact **in = arena_alloc(a, ((size_t)s->nin + 1) * sizeof *in);
    fact *out = arena_calloc(a, (size_t)s->nout + 1, sizeof *out);
    if (!in || !out) return err_oom(err);
    for (int i = 0; i < s->nin; i++) in[i] = s->in[i] >= 0 ? &facts[s->in[i]] : NULL;
    infer_ctx c = {.node = s->node, .syms = syms, .arena = a, .nin = s->nin, .nout = s->nout, .in = in, .out = out};
    c.err = err;
    bool known = s->nbodies == 0; /* results of bodies: only what was known at load */
    for (int i = 0; i < s->nin; i++) known &= !in[i] || in[i]->type.kind != TYPE_UNKNOWN;
    naru_status st = known ? s->node->op->infer(&c) : NARU_OK;
    char where[300];
    if (st != NARU_OK) return err_context(err, st, "%s", node_describe(s->node, where, sizeof where));
    for (int i = 0; i < s->nout; i++)
        if (s->out[i] >= 0) facts[s->out[i]] = out[i];
    return NARU_OK;
}

/* Dimensions that are no numbers are unknown to who asks. */
static void forget_symbols(fact *f) {
    for (int d = 0; f->type.has_rank && d < f->type.rank; d++)
        if (!dim_is_const(f->type.dims[d])) f->type.dims[d] = DIM_UNKNOWN;
}

naru_status engine_infer(const engine *e, const type *in, const naru_tensor *const *content, arena *a, fact *out,
                         naru_error *err) {
    const program *p = &e->programs[0];
    fact *facts = arena_calloc(a, (size_t)e->nslots + 1, sizeof *facts);
    symtab *syms = symtab_new(a);
    if (!facts || !syms) return err_oom(err);
    set_inputs(e, in, content, facts);
    for (int i = 0; i < p->nsteps; i++) {
        TRY(infer_one(&p->steps[i], facts, syms, a, err));
        for (int o = 0; o < p->steps[i].nout; o++)
            if (p->steps[i].out[o] >= 0) forget_symbols(&facts[p->steps[i].out[o]]);
    }
    for (int i = 0; i < p->nout; i++) {
        out[i] = facts[p->out[i]];
        if (out[i].type.kind == TYPE_UNKNOWN) out[i].type = e->slots[p->out[i]].value->fact.type;
        forget_symbols(&out[i]);
    }
    return NARU_OK;
}
