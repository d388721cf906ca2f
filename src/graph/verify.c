/* SPDX-License-Identifier: MIT
 *
 * One walk in execution order with a mark per value that is defined so far.
 */
#include "graph/verify.h"

typedef struct walk {
    const graph *g;
    char *seen; /* by value id */
    naru_error *err;
} walk;

static naru_status verify_block(walk *w, const block *b, const node *owner, int depth);

static naru_status broken(walk *w, const node *n, const char *what, const value *v) {
    char where[300];
    return err_set(w->err, NARU_INTERNAL, "%s: %s '%s'", n ? node_describe(n, where, sizeof where) : "block", what,
                   v ? v->name : "");
}

static bool known(const walk *w, const value *v) {
    return v->id >= 0 && (size_t)v->id < w->g->values.count && w->g->values.data[v->id] == v;
}

static naru_status define(walk *w, const node *n, const value *v) {
    if (!v || !known(w, v)) return broken(w, n, "unregistered value", v);
    if (w->seen[v->id]) return broken(w, n, "second definition of", v);
    w->seen[v->id] = 1;
    return NARU_OK;
}

static naru_status verify_bodies(walk *w, const node *n, int depth) {
    for (int i = 0; i < n->nattrs; i++) {
        const attr *a = &n->attrs[i];
        if (a->kind == ATTR_GRAPH) TRY(verify_block(w, a->block, n, depth + 1));
        for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++)
            TRY(verify_block(w, a->blocks[j], n, depth + 1));
    }
    return NARU_OK;
}

static naru_status verify_node(walk *w, const block *b, const node *n, int depth) {
    if (n->block != b) return broken(w, n, "wrong owner", NULL);
    if ((n->prev ? n->prev->next : b->first) != n || (n->next ? n->next->prev : b->last) != n)
        return broken(w, n, "broken node list", NULL);
    if (w->g->lifted && !n->op) return broken(w, n, "no operator", NULL);
    for (int i = 0; i < n->nin; i++)
        if (n->in[i] && (!known(w, n->in[i]) || !w->seen[n->in[i]->id]))
            return broken(w, n, "reads undefined", n->in[i]);
    TRY(verify_bodies(w, n, depth));
    for (int i = 0; i < n->nout; i++) {
        if (!n->out[i]) continue;
        TRY(define(w, n, n->out[i]));
        if (n->out[i]->producer != n || n->out[i]->out_index != i) return broken(w, n, "wrong producer of", n->out[i]);
    }
    return NARU_OK;
}

/* Values of a body are not visible behind it. */
static void forget(walk *w, const block *b) {
    for (int i = 0; i < b->nin; i++) w->seen[b->in[i]->id] = 0;
    for (int i = 0; i < b->ninit; i++) w->seen[b->initializers[i]->id] = 0;
    for (const node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nout; i++)
            if (n->out[i]) w->seen[n->out[i]->id] = 0;
}

static naru_status verify_block(walk *w, const block *b, const node *owner, int depth) {
    if (!b) return broken(w, owner, "missing body", NULL);
    if (depth > 200) return err_set(w->err, NARU_LIMIT, "blocks are nested deeper than 200");
    for (int i = 0; i < b->nin; i++) TRY(define(w, owner, b->in[i]));
    for (int i = 0; i < b->ninit; i++)
        if (!b->initializers[i]->is_input) TRY(define(w, owner, b->initializers[i]));
    int count = 0;
    for (const node *n = b->first; n; n = n->next, count++) TRY(verify_node(w, b, n, depth));
    if (count != b->nnodes) return broken(w, owner, "node count is wrong in", NULL);
    for (int i = 0; i < b->nout; i++)
        if (!b->out[i] || !w->seen[b->out[i]->id]) return broken(w, owner, "undefined output", b->out[i]);
    if (owner) forget(w, b);
    return NARU_OK;
}

naru_status graph_verify(const graph *g, naru_error *err) {
    walk w = {g, mem_calloc(g->values.count + 1, 1), err};
    if (!w.seen) return err_oom(err);
    naru_status st = verify_block(&w, g->main, NULL, 0);
    mem_free(w.seen);
    return st;
}
