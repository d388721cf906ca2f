/* SPDX-License-Identifier: MIT
 *
 * Evaluating a plugin's node where there is no step for it: folding, the reference evaluator, nodes whose outputs
 * depend on data. The first tactic that accepts runs on one thread, its state made for the occasion.
 */
#include <string.h>

#include "ops/plugin.h"

typedef struct evaluation {
    eval_ctx *c;
    const plugin_op *op;
    const fact **in;
    fact *facts, *out;
    naru_plugin_type *in_types, *out_types;
    naru_plugin_query q;
} evaluation;

static naru_status describe(evaluation *k) {
    eval_ctx *c = k->c;
    k->facts = arena_calloc(c->arena, (size_t)c->nin + 1, sizeof *k->facts);
    k->in = arena_calloc(c->arena, (size_t)c->nin + 1, sizeof *k->in);
    k->out = arena_calloc(c->arena, (size_t)c->nout + 1, sizeof *k->out);
    symtab *syms = symtab_new(c->arena);
    k->in_types = arena_alloc(c->arena, ((size_t)c->nin + 1) * sizeof *k->in_types);
    k->out_types = arena_alloc(c->arena, ((size_t)c->nout + 1) * sizeof *k->out_types);
    if (!k->facts || !k->in || !k->out || !k->in_types || !k->out_types || !syms) return err_oom(c->err);
    for (int i = 0; i < c->nin; i++) {
        if (!c->in[i]) continue;
        if (c->in[i]->kind != NARU_KIND_TENSOR) return eval_fail(c, NARU_TYPE, "input %d is not a tensor", i);
        fact_of_value(c->in[i], &k->facts[i]);
        k->in[i] = &k->facts[i];
    }
    infer_ctx ic = {.node = c->node,
                    .syms = syms,
                    .arena = c->arena,
                    .nin = c->nin,
                    .nout = c->nout,
                    .in = k->in,
                    .out = k->out,
                    .err = c->err};
    TRY(plugin_infer(&ic));
    plugin_in_types(c->nin, k->in, k->in_types);
    plugin_out_types(c->node, k->out, k->out_types);
    k->q = (naru_plugin_query){.host = &plugin_host,
                               .node = (const naru_plugin_node *)(const void *)c->node,
                               .user = k->op->p.user,
                               .nin = c->nin,
                               .nout = c->nout,
                               .in = k->in_types,
                               .out = k->out_types,
                               .cpu = cpu_level_name(cpu_best()),
                               .threads = 1};
    return NARU_OK;
}

static naru_status pick(const evaluation *k, int *tactic) {
    const char *why = "";
    for (*tactic = 0; *tactic < k->op->ntactics; ++*tactic) {
        const naru_plugin_tactic *t = &k->op->tactics[*tactic];
        const char *no = t->accepts ? t->accepts(&k->q) : NULL;
        if (!no) return NARU_OK;
        if (!*why) why = no;
    }
    return eval_fail(k->c, NARU_UNSUPPORTED, "no tactic of plugin %s accepts the node: %s", k->op->title, why);
}

static naru_status run(evaluation *k, int tactic, void *state) {
    eval_ctx *c = k->c;
    const naru_tensor *in[PLUGIN_MAX_ARITY];
    naru_tensor *out[PLUGIN_MAX_ARITY];
    naru_dtype made[PLUGIN_MAX_ARITY];
    for (int i = 0; i < c->nin; i++) in[i] = eval_in(c, i);
    for (int i = 0; i < c->nout; i++) {
        out[i] = eval_out(c, i);
        made[i] = k->out[i].type.dtype;
        if (eval_wants(c, i) && !out[i] && !made[i])
            return eval_fail(c, NARU_TYPE, "plugin %s: infer does not give output %d a type", k->op->title, i);
    }
    plugin_job j = {.op = k->op,
                    .tactic = tactic,
                    .node = c->node,
                    .state = state,
                    .nin = c->nin,
                    .nout = c->nout,
                    .in = in,
                    .out = out,
                    .threads = 1,
                    .eval = c,
                    .made = made,
                    .err = c->err};
    j.workspace_size = plugin_workspace(&j);
    if (j.workspace_size && !(j.workspace = eval_scratch(c, j.workspace_size))) return NARU_OUT_OF_MEMORY;
    TRY(plugin_run(&j));
    for (int i = 0; i < c->nout; i++)
        if (eval_wants(c, i) && !eval_out(c, i))
            return eval_fail(c, NARU_INTERNAL, "plugin %s did not make output %d", k->op->title, i);
    return NARU_OK;
}

naru_status plugin_eval(eval_ctx *c) {
    evaluation k = {.c = c, .op = c->node->op->plugin};
    int tactic;
    void *state;
    if (c->nin > PLUGIN_MAX_ARITY || c->nout > PLUGIN_MAX_ARITY)
        return eval_fail(c, NARU_LIMIT, "more than %d inputs", PLUGIN_MAX_ARITY);
    TRY(describe(&k));
    TRY(pick(&k, &tactic));
    TRY(plugin_state_make(k.op, tactic, c->node, k.q, c->arena, k.in, NULL, 0, &state, NULL, c->err));
    naru_status st = run(&k, tactic, state);
    plugin_state_free(k.op, state);
    return st;
}
