/* SPDX-License-Identifier: MIT
 *
 * Sweeping a lowered graph and writing it back into the as-written state (unlift.h).
 */
#include "passes/unlift.h"

#include <stdio.h>
#include <string.h>

#include "ops/op.h"
#include "passes/lower.h"

int64_t lower_ir_version(int64_t version) {
    static const int8_t ir[] = {7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13, 13, 13, 14};
    return ir[version < LOWER_OPSET_MIN ? 0 : version > LOWER_OPSET_MAX ? LOWER_OPSET_MAX - 13 : version - 13];
}

/* ---- sweeping ---- */
typedef struct sweep {
    int *uses; /* by value id */
    bool again;
} sweep;

static bool count_uses(block *b, void *user) {
    sweep *s = user;
    for (node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nin; i++)
            if (n->in[i]) s->uses[n->in[i]->id]++;
    for (int i = 0; i < b->nout; i++) s->uses[b->out[i]->id]++;
    return true;
}

static bool is_dead(const sweep *s, const node *n) {
    if (n->index >= 0 || !n->op || !n->nout) return false; /* what the file had stays */
    for (int i = 0; i < n->nout; i++)
        if (n->out[i] && s->uses[n->out[i]->id]) return false;
    return true;
}

static bool drop_nodes(block *b, void *user) {
    sweep *s = user;
    for (node *n = b->last, *prev; n; n = prev) {
        prev = n->prev;
        if (!is_dead(s, n)) continue;
        for (int i = 0; i < n->nin; i++)
            if (n->in[i]) s->uses[n->in[i]->id]--;
        for (int i = 0; i < n->nattrs; i++) s->again |= n->attrs[i].kind == ATTR_GRAPH;
        node_remove(n);
    }
    return true;
}

static bool drop_constants(block *b, void *user) {
    const sweep *s = user;
    int kept = 0;
    for (int i = 0; i < b->ninit; i++) {
        value *v = b->initializers[i];
        if (v->is_input || s->uses[v->id]) b->initializers[kept++] = v;
    }
    b->ninit = kept;
    kept = 0;
    for (int i = 0; i < b->ninfo; i++)
        if (b->infos[i]->producer && b->infos[i]->producer->block == b) b->infos[kept++] = b->infos[i];
    b->ninfo = kept;
    return true;
}

static naru_status sweep_graph(graph *g, naru_error *err) {
    sweep s = {.uses = mem_calloc(g->values.count + 1, sizeof *s.uses)};
    if (!s.uses) return err_oom(err);
    do {
        memset(s.uses, 0, g->values.count * sizeof *s.uses);
        s.again = false;
        graph_each_block(g, false, count_uses, &s);
        graph_each_block(g, false, drop_nodes, &s);
    } while (s.again); /* bodies of removed nodes read values too */
    graph_each_block(g, false, drop_constants, &s);
    mem_free(s.uses);
    return NARU_OK;
}

/* ---- as written ---- */
/* An initializer that is an output of its block becomes a Constant node: runtimes want outputs of nodes. */
static bool constants_to_nodes(block *b, void *user) {
    int kept = 0;
    for (int i = 0; i < b->ninit; i++) {
        value *v = b->initializers[i];
        if (v->is_input || !value_is_output(v)) {
            b->initializers[kept++] = v;
            continue;
        }
        node *n = graph_node_new(b->graph, b, b->first, "Constant", "", 0, 1, 1);
        if (!n) return false;
        n->attrs[0] = (attr){.name = "value", .kind = ATTR_TENSOR, .tensor = v->constant};
        v->constant = NULL;
        v->is_initializer = false;
        node_set_out(n, 0, v);
    }
    b->ninit = kept;
    return true;
}

static bool unlift(block *b, void *user) {
    int index = 0;
    for (node *n = b->first; n; n = n->next) {
        int kept = 0;
        for (int i = 0; i < n->nattrs; i++)
            if (n->attrs[i].kind != ATTR_NONE) n->attrs[kept++] = n->attrs[i];
        n->nattrs = kept;
        n->op = NULL;
        n->table = NULL;
        n->index = index++;
    }
    return true;
}

/* Runtimes refuse two nodes of one name; inlining and lowering make such. The first keeps it. */
typedef struct naming {
    graph *graph;
    strmap taken; /* name -> how often it was asked for */
} naming;

static bool name_apart(naming *k, node *n) {
    char suffix[24];
    const char *base = n->name;
    for (;;) {
        struct strmap_entry *e = strmap_find(&k->taken, n->name);
        if (!e) return strmap_put(&k->taken, n->name, NULL) != NULL;
        if (n->name != base) e = strmap_find(&k->taken, base);
        e->ptr = (void *)((uintptr_t)e->ptr + 1); /* a number, NULL is 0 */
        int len = snprintf(suffix, sizeof suffix, "_%zu", (size_t)e->ptr);
        char *name = arena_alloc(k->graph->arena, strlen(base) + (size_t)len + 1);
        if (!name) return false;
        memcpy(name, base, strlen(base));
        memcpy(name + strlen(base), suffix, (size_t)len + 1);
        n->name = name;
    }
}

static bool name_nodes(block *b, void *user) {
    for (node *n = b->first; n; n = n->next)
        if (*n->name && !name_apart(user, n)) return false;
    return true;
}

static naru_status set_names(graph *g, naru_error *err) {
    naming names = {.graph = g};
    bool ok = graph_each_block(g, false, name_nodes, &names);
    strmap_free(&names.taken);
    return ok ? NARU_OK : err_oom(err);
}

static void drop_functions(graph *g) { /* they were inlined */
    for (int i = 0; i < g->nfunctions; i++) {
        function *f = &g->functions[i];
        for (int j = 0; j < f->ndefaults; j++) attr_release(&f->defaults[j]);
        for (node *n = f->body ? f->body->first : NULL; n; n = n->next)
            for (int j = 0; j < n->nattrs; j++) attr_release(&n->attrs[j]);
    }
    g->nfunctions = 0;
}

/* Domains of registered operators that the model did not import: an exporter's. */
static bool import_plugins(block *b, void *user) {
    graph *g = user;
    for (const node *n = b->first; n; n = n->next) {
        if (!n->op || !n->op->plugin || !*n->domain || graph_opset(g, n->domain)) continue;
        opset *list = arena_calloc(g->arena, (size_t)g->nimports + 1, sizeof *list);
        if (!list) return false;
        for (int i = 0; i < g->nimports; i++) list[i] = g->imports[i];
        list[g->nimports++] = (opset){n->domain, n->op->versions[0]};
        g->imports = list;
    }
    return true;
}

static naru_status set_imports(graph *g, int64_t version, naru_error *err) {
    opset *list = arena_calloc(g->arena, (size_t)g->nimports + 1, sizeof *list);
    if (!list) return err_oom(err);
    int n = 0;
    list[n++] = (opset){"", version};
    for (int i = 0; i < g->nimports; i++)
        if (*g->imports[i].domain) list[n++] = g->imports[i];
    g->imports = list;
    g->nimports = n;
    g->ir_version = lower_ir_version(version);
    return NARU_OK;
}

naru_status graph_unlift(graph *g, int64_t version, naru_error *err) {
    TRY(sweep_graph(g, err));
    if (!graph_each_block(g, false, constants_to_nodes, NULL)) return err_oom(err);
    if (!graph_each_block(g, false, import_plugins, g)) return err_oom(err);
    graph_each_block(g, false, unlift, NULL);
    TRY(set_names(g, err));
    drop_functions(g);
    TRY(set_imports(g, version, err));
    g->lifted = false;
    return NARU_OK;
}
