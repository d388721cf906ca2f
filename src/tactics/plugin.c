/* SPDX-License-Identifier: MIT
 *
 * Plugins' tactics: adapters from steps to what plugins see. In a build, a state that can be serialized is, into the
 * engine's weights, and made again from there: an engine built and an engine loaded run from the same bytes, and what
 * a state points to in them is held once.
 */
#include "tactics/plugin.h"

typedef struct plugin_tactic {
    tactic t;
    tactic_link link;
    const plugin_op *op;
    int index;
} plugin_tactic;

struct plugin_tactics {
    int n;
    plugin_tactic at[];
};

static const plugin_tactic *of(const tactic *t) { return (const plugin_tactic *)(const void *)t; }

/* ---- choosing ---- */
typedef struct asking {
    naru_plugin_query q;
    naru_plugin_type in[PLUGIN_MAX_ARITY], out[PLUGIN_MAX_ARITY];
} asking;

static void ask(const tactic_query *q, const plugin_op *op, asking *a) {
    plugin_in_types(q->nin, q->in, a->in);
    plugin_out_types(q->node, q->out, a->out);
    a->q = (naru_plugin_query){.host = &plugin_host,
                               .node = (const naru_plugin_node *)(const void *)q->node,
                               .user = op->p.user,
                               .nin = q->nin,
                               .nout = q->nout,
                               .in = a->in,
                               .out = a->out,
                               .cpu = cpu_level_name(q->cpu),
                               .threads = q->threads};
}

static const char *accepts(const tactic_query *q) {
    const plugin_tactic *t = of(q->asked);
    const naru_plugin_tactic *p = &t->op->tactics[t->index];
    asking a;
    if (q->nin > PLUGIN_MAX_ARITY || q->nout > PLUGIN_MAX_ARITY) return "too many inputs";
    if (!p->accepts) return NULL;
    ask(q, t->op, &a);
    return p->accepts(&a.q);
}

/* ---- state ---- */
typedef struct kept_size { /* in the weights, before the serialized state */
    uint64_t bytes;
} kept_size;

static naru_status make(const plugin_tactic *t, prepare_ctx *c, const void *data, size_t size, void **state) {
    asking x;
    arena *a = arena_new();
    if (!a) return err_oom(c->err);
    ask(&c->q, t->op, &x);
    naru_status st =
        plugin_state_make(t->op, t->index, c->q.node, x.q, a, c->q.in, data, size, state, &c->consumed, c->err);
    arena_free(a);
    return st;
}

static naru_status serialize(const plugin_tactic *t, prepare_ctx *c, const void *state, const void **data,
                             size_t *size) {
    const naru_plugin *p = &t->op->p;
    naru_status st = p->serialize(&plugin_host, p->user, state, NULL, size);
    if (st != NARU_OK) return err_set(c->err, st, "plugin %s: serialize failed", t->op->title);
    if (*size > PTRDIFF_MAX / 2) return err_set(c->err, NARU_LIMIT, "plugin %s: its state is too large", t->op->title);
    kept_size *k = c->weights(c, sizeof *k);
    void *room = k ? c->weights(c, *size) : NULL;
    if (!room) return err_oom(c->err);
    k->bytes = *size;
    size_t again = *size;
    st = p->serialize(&plugin_host, p->user, state, room, &again);
    if (st == NARU_OK && again != *size) st = NARU_INTERNAL;
    *data = room;
    return st == NARU_OK ? st : err_set(c->err, st, "plugin %s: serialize failed", t->op->title);
}

/* The bytes that a plan holds. A size that is none of the plan's is refused by weights. */
static naru_status loaded(prepare_ctx *c, const void **data, size_t *size) {
    const kept_size *k = c->weights(c, sizeof *k);
    *size = k ? (size_t)k->bytes : 0;
    *data = k ? c->weights(c, *size) : NULL;
    return *data ? NARU_OK : err_oom(c->err);
}

static naru_status prepare(prepare_ctx *c, step *s) {
    const plugin_tactic *t = of(s->tactic);
    const void *data = NULL;
    size_t size = 0;
    if (!t->op->p.serialize || !c->saved) return make(t, c, NULL, 0, &s->state);
    if (c->reuse) TRY(loaded(c, &data, &size));
    else {
        void *state;
        TRY(make(t, c, NULL, 0, &state));
        naru_status st = serialize(t, c, state, &data, &size);
        plugin_state_free(t->op, state);
        if (st != NARU_OK) return st;
    }
    return make(t, c, data, size, &s->state);
}

static void release(step *s) {
    plugin_state_free(of(s->tactic)->op, s->state);
    s->state = NULL;
}

/* ---- running ---- */
static plugin_job job(const step *s, const naru_tensor *const *in, naru_tensor *const *out, int threads) {
    const plugin_tactic *t = of(s->tactic);
    return (plugin_job){.op = t->op,
                        .tactic = t->index,
                        .node = s->node,
                        .state = s->state,
                        .nin = s->nin,
                        .nout = s->nout,
                        .in = in,
                        .out = out,
                        .threads = threads};
}

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    naru_tensor *described[PLUGIN_MAX_ARITY]; /* nothing is written through them while planning */
    for (int i = 0; i < s->nout; i++) described[i] = (naru_tensor *)out[i];
    plugin_job j = job(s, in, described, threads);
    return plugin_workspace(&j);
}

static naru_status run(const run_ctx *r) {
    plugin_job j = job(r->step, r->in, r->out, pool_threads(r->pool));
    j.workspace = r->workspace;
    j.workspace_size = r->workspace_size;
    j.pool = r->pool;
    j.err = r->err;
    return plugin_run(&j);
}

/* ---- registering ---- */
plugin_tactics *plugin_tactics_make(const plugin_op *op) {
    plugin_tactics *all = arena_calloc(op->arena, 1, sizeof *all + (size_t)op->ntactics * sizeof all->at[0]);
    for (int i = 0; all && i < op->ntactics; i++) {
        const naru_plugin_tactic *p = &op->tactics[i];
        plugin_tactic *t = &all->at[all->n++];
        *t = (plugin_tactic){.t = {.name = p->name,
                                   .op = op->desc.name,
                                   .domain = op->desc.domain,
                                   .flags = p->flags & NARU_PLUGIN_IN_PLACE ? TACTIC_INPLACE : 0,
                                   .accepts = accepts,
                                   .prepare = op->p.create ? prepare : NULL,
                                   .workspace = p->workspace ? workspace : NULL,
                                   .run = run,
                                   .release = release},
                             .op = op,
                             .index = i};
        t->link.tactic = &t->t;
    }
    return all;
}

void plugin_tactics_publish(plugin_tactics *all) {
    for (int i = 0; i < all->n; i++) tactic_register(&all->at[i].link);
}
