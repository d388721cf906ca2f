/* SPDX-License-Identifier: MIT
 *
 * Topological order by counting: a node is ready when all values that nodes of its own block produce for it, or for the
 * bodies inside it, are there. Ready nodes keep their file order.
 */
#include "passes/order.h"

typedef struct sorter {
    node **nodes;                /* of the block, by position */
    int *position;               /* by value id: position of the producer in this block, -1 elsewhere */
    int *waiting;                /* per node: producers not yet placed */
    int *head, *next_use, *user; /* per producer: list of dependants */
    int nuses, cap_uses;
    block *b;
    int at; /* node whose uses are being collected */
    naru_error *err;
    bool ordered;
} sorter;

static bool defined(const value *v) { return v->producer || v->is_input || v->is_initializer; }

/* Calls fn for each value that n reads, bodies included. */
typedef naru_status (*use_fn)(sorter *s, const node *n, const value *v);
static naru_status each_use(sorter *s, const node *n, use_fn fn, int depth);

static naru_status each_use_in(sorter *s, const block *b, use_fn fn, int depth) {
    if (depth > 200) return err_set(s->err, NARU_LIMIT, "blocks are nested deeper than 200");
    for (const node *n = b->first; n; n = n->next) TRY(each_use(s, n, fn, depth + 1));
    return NARU_OK;
}

static naru_status each_use(sorter *s, const node *n, use_fn fn, int depth) {
    for (int i = 0; i < n->nin; i++)
        if (n->in[i]) TRY(fn(s, n, n->in[i]));
    for (int i = 0; i < n->nattrs; i++) {
        const attr *a = &n->attrs[i];
        if (a->kind == ATTR_GRAPH && a->block) {
            TRY(each_use_in(s, a->block, fn, depth));
            for (int o = 0; o < a->block->nout; o++) TRY(fn(s, n, a->block->out[o]));
        }
        for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++) TRY(each_use_in(s, a->blocks[j], fn, depth));
    }
    return NARU_OK;
}

static naru_status note_use(sorter *s, const node *n, const value *v) {
    char where[300];
    if (!defined(v))
        return err_set(s->err, NARU_BAD_MODEL, "%s: input '%s' is not defined anywhere",
                       node_describe(n, where, sizeof where), v->name);
    int p = s->position[v->id];
    if (p < 0 || !v->producer || v->producer->block != s->b) return NARU_OK;
    if (p >= s->at) s->ordered = false;
    if (s->nuses == s->cap_uses) {
        int cap = s->cap_uses ? s->cap_uses * 2 : 256;
        int *a = mem_realloc(s->next_use, (size_t)cap * sizeof *a);
        if (!a) return err_oom(s->err);
        s->next_use = a;
        if (!(a = mem_realloc(s->user, (size_t)cap * sizeof *a))) return err_oom(s->err);
        s->user = a;
        s->cap_uses = cap;
    }
    s->user[s->nuses] = s->at;
    s->next_use[s->nuses] = s->head[p];
    s->head[p] = s->nuses++;
    s->waiting[s->at]++;
    return NARU_OK;
}

/* Smallest ready position first: a binary heap of positions. */
static void heap_push(int *heap, int *n, int v) {
    int i = (*n)++;
    for (; i > 0 && heap[(i - 1) / 2] > v; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = v;
}
static int heap_pop(int *heap, int *n) {
    int top = heap[0], v = heap[--*n], i = 0;
    for (int c; (c = 2 * i + 1) < *n; i = c) {
        if (c + 1 < *n && heap[c + 1] < heap[c]) c++;
        if (heap[c] >= v) break;
        heap[i] = heap[c];
    }
    heap[i] = v;
    return top;
}

static naru_status reorder(sorter *s, int count) {
    int *heap = mem_alloc(((size_t)count + 1) * sizeof *heap), n = 0, placed = 0;
    if (!heap) return err_oom(s->err);
    for (int i = 0; i < count; i++)
        if (!s->waiting[i]) heap_push(heap, &n, i);
    while (n) {
        int i = heap_pop(heap, &n);
        node_move_before(s->nodes[i], NULL);
        placed++;
        for (int u = s->head[i]; u >= 0; u = s->next_use[u])
            if (--s->waiting[s->user[u]] == 0) heap_push(heap, &n, s->user[u]);
    }
    mem_free(heap);
    if (placed == count) return NARU_OK;
    int stuck = 0;
    while (!s->waiting[stuck]) stuck++;
    char where[300];
    return err_set(s->err, NARU_BAD_MODEL, "%s depends on its own result (cycle)",
                   node_describe(s->nodes[stuck], where, sizeof where));
}

static bool sort_block(block *b, void *user) {
    naru_error *err = user;
    int count = b->nnodes;
    sorter s = {.b = b, .err = err, .ordered = true};
    size_t nv = b->graph->values.count + 1;
    s.nodes = mem_alloc(((size_t)count + 1) * sizeof *s.nodes);
    s.position = mem_alloc(nv * sizeof *s.position);
    s.waiting = mem_calloc((size_t)count + 1, sizeof *s.waiting);
    s.head = mem_alloc(((size_t)count + 1) * sizeof *s.head);
    naru_status st = s.nodes && s.position && s.waiting && s.head ? NARU_OK : err_oom(err);
    for (size_t i = 0; st == NARU_OK && i < nv; i++) s.position[i] = -1;
    int at = 0;
    for (node *n = b->first; st == NARU_OK && n; n = n->next, at++) {
        s.nodes[at] = n;
        s.head[at] = -1;
        for (int i = 0; i < n->nout; i++)
            if (n->out[i]) s.position[n->out[i]->id] = at;
    }
    for (s.at = 0; st == NARU_OK && s.at < count; s.at++) st = each_use(&s, s.nodes[s.at], note_use, 0);
    for (int i = 0; st == NARU_OK && i < b->nout; i++)
        if (!defined(b->out[i]))
            st = err_set(err, NARU_BAD_MODEL, "output '%s' is not defined anywhere", b->out[i]->name);
    if (st == NARU_OK && !s.ordered) st = reorder(&s, count);
    mem_free(s.nodes), mem_free(s.position), mem_free(s.waiting), mem_free(s.head), mem_free(s.next_use),
        mem_free(s.user);
    return st == NARU_OK;
}

naru_status graph_sort(graph *g, naru_error *err) {
    naru_error local = NARU_ERROR_INIT;
    naru_error *e = err ? err : &local;
    return graph_each_block(g, true, sort_block, e) ? NARU_OK : e->code ? e->code : NARU_BAD_MODEL;
}
