/* SPDX-License-Identifier: MIT
 *
 * Permutations (axes.h).
 */
#include "passes/axes.h"

static const char *const k_mark[] = {"naru.layout", "channels last", NULL};

perm perm_to_last(int rank) {
    perm p = {.n = rank};
    for (int i = 1; i < rank - 1; i++) p.at[i] = i + 1;
    p.at[rank - 1] = 1;
    return p;
}

perm perm_to_first(int rank) {
    perm p = {.n = rank};
    p.at[1] = rank - 1;
    for (int i = 2; i < rank; i++) p.at[i] = i - 1;
    return p;
}

perm perm_then(const perm *first, const perm *second) {
    perm p = {.n = first->n};
    for (int i = 0; i < p.n; i++) p.at[i] = first->at[second->at[i]];
    return p;
}

bool perm_is_identity(const perm *p) {
    for (int i = 0; i < p->n; i++)
        if (p->at[i] != i) return false;
    return true;
}

bool perm_of(const node *n, perm *out) {
    const attr *a = node_attr(n, "perm");
    int rank = a ? (int)a->count : value_rank(n->in[0]);
    if (rank < 0 || rank > NARU_MAX_RANK) return false;
    *out = (perm){.n = rank};
    for (int i = 0; i < rank; i++) out->at[i] = a ? a->ints[i] : rank - 1 - i;
    for (int i = 0; i < rank; i++)
        if (out->at[i] < 0 || out->at[i] >= rank) return false;
    return true;
}

value *axes_transpose(rewriter *r, value *v, const perm *p, bool marked) {
    value *y = rw_op(r, "Transpose", "", 1, &v);
    rw_ints(r, y, "perm", p->at, (size_t)p->n);
    if (y && marked) y->producer->meta = k_mark;
    return y;
}

bool axes_is_marked(const node *n) { return n->meta == k_mark; }

node *axes_first_of(const rewriter *r, const value *v) {
    node *n = rw_from(r, v, "Transpose");
    perm p, q;
    if (!n || !axes_is_marked(n) || !perm_of(n, &p) || p.n < 3) return NULL;
    q = perm_to_first(p.n);
    return memcmp(p.at, q.at, (size_t)p.n * sizeof *p.at) == 0 ? n : NULL;
}
