/* SPDX-License-Identifier: MIT
 *
 * The pass driver: the only one that changes a graph. It sweeps the nodes for each pass of the list, applies what the
 * pass proposes, verifies the graph after each sweep that changed something, and starts over until nothing fires.
 * Facts are inferred anew between rounds, since folding may have made more of them known.
 */
#include "graph/verify.h"
#include "passes/rewrite.h"

#define PASS(symbol, always, help) bool pass_##symbol(rewriter *r, node *n);
#include "passes/passes.def"
#undef PASS

typedef struct pass {
    const char *name, *help;
    match_fn match;
    bool always;
} pass;

static const pass k_passes[] = {
#define PASS(symbol, always, help) {#symbol, help, pass_##symbol, always},
#include "passes/passes.def"
#undef PASS
};

enum { MAX_ROUNDS = 12 };

typedef struct driver {
    rewriter r;
    const pass *pass;
    const pass_options *options;
    pass_row *rows;
    int64_t patches, limit;
    bool changed;
    naru_status st;
} driver;

size_t pass_count(void) { return COUNT_OF(k_passes); }
const char *pass_name(size_t i, const char **help) {
    if (i >= COUNT_OF(k_passes)) return NULL;
    if (help) *help = k_passes[i].help;
    return k_passes[i].name;
}

static bool stopped(const driver *d) { return d->options->stop_after && d->patches >= d->options->stop_after; }

/* One proposal; true when the graph changed. */
static bool try_node(driver *d, node *n) {
    rw_begin(&d->r, n);
    if (!d->pass->match(&d->r, n)) {
        rw_discard(&d->r);
        return false;
    }
    d->st = rw_apply(&d->r, d->pass->name);
    d->patches++;
    if (d->rows) d->rows[d->pass - k_passes].firings++;
    if (d->st == NARU_OK && d->patches > d->limit)
        d->st = err_set(d->r.err, NARU_INTERNAL, "pass %s does not come to an end", d->pass->name);
    d->changed = true;
    return true;
}

/* A patch may remove any node before the root and the root itself; the node behind it stays. Passes that fire behind
 * their root (dead code removing users) do not exist. */
static bool sweep_block(block *b, void *user) {
    driver *d = user;
    for (node *n = b->first, *next; n && d->st == NARU_OK && !stopped(d); n = next) {
        next = n->next;
        try_node(d, n);
    }
    return d->st == NARU_OK;
}

static naru_status run_pass(driver *d, const pass *p) {
    d->pass = p;
    d->changed = false;
    graph_each_block(d->r.g, false, sweep_block, d);
    TRY(d->st);
    if (!d->changed) return NARU_OK;
    naru_status st = graph_verify(d->r.g, d->r.err);
    return st == NARU_OK ? st : err_context(d->r.err, st, "after pass %s (patch %lld)", p->name, (long long)d->patches);
}

/* Constants that nobody reads any more give their memory back. */
static bool drop_constants(block *b, void *user) {
    rewriter *r = user;
    int kept = 0;
    for (int i = 0; i < b->ninit; i++) {
        value *v = b->initializers[i];
        if (v->is_input || rw_uses(r, v) > 0) {
            b->initializers[kept++] = v;
            continue;
        }
        tensor_unref(v->constant);
        v->constant = NULL;
        v->is_initializer = false;
        v->fact = (fact){0};
    }
    b->ninit = kept;
    return true;
}

static bool listed(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *p = list; (p = strstr(p, name)); p += n)
        if ((p == list || p[-1] == ',') && (p[n] == 0 || p[n] == ',')) return true;
    return false;
}

static naru_status run_all(driver *d, bool *changed) {
    *changed = false;
    for (size_t i = 0; i < COUNT_OF(k_passes); i++) {
        if (stopped(d) || (!k_passes[i].always && !d->options->optimize)) continue;
        if (d->options->only && !listed(d->options->only, k_passes[i].name)) continue;
        TRY(run_pass(d, &k_passes[i]));
        *changed |= d->changed;
    }
    return NARU_OK;
}

naru_status passes_run_counted(graph *g, const pass_options *o, pass_row *rows, naru_error *err) {
    naru_error local = NARU_ERROR_INIT;
    driver d = {.options = o, .rows = rows, .st = NARU_OK};
    if (!err) err = &local;
    if (graph_verify(g, err) != NARU_OK)
        return err->code == NARU_OUT_OF_MEMORY ? err->code : (err->code = NARU_BAD_MODEL);
    TRY(graph_infer(g, NULL, NULL, err));
    naru_status st = rw_init(&d.r, g, o, err);
    d.limit = 1000 + 64 * (int64_t)g->values.count;
    bool changed = true;
    for (int round = 0; st == NARU_OK && changed && round < MAX_ROUNDS; round++) {
        st = run_all(&d, &changed);
        if (st == NARU_OK && changed) st = graph_infer(g, NULL, NULL, err);
    }
    if (st == NARU_OK) graph_each_block(g, false, drop_constants, &d.r);
    rw_free(&d.r);
    return st;
}

naru_status passes_run(graph *g, const pass_options *o, naru_error *err) { return passes_run_counted(g, o, NULL, err); }
