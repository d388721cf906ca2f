/* SPDX-License-Identifier: MIT
 *
 * Loops inside of operators (lower_repeat) whose rounds the graph decides: the body is C, its states are tensors whose
 * types hold still.
 */
#include <string.h>

#include "script/record_flow.h"

static value *repeat_input(recording *r, block *b, const type *t) {
    value *v = graph_value_new(r->g, b, NULL);
    if (!v || !block_add_input(b, v)) return NULL;
    v->block = b;
    v->fact = (fact){.type = *t};
    v->declared = *t;
    v->has_declared = true;
    return v;
}

typedef struct repeat {
    lower *L;
    recording *r;
    block *body;
    int n;
    sten **state;
    value *in[16]; /* before the loop */
} repeat;

static naru_status repeat_body(repeat *k, repeat_fn body, void *user, sten **all, value **kept) {
    lower *L = k->L;
    recording *r = k->r;
    type scalar = {.kind = TYPE_TENSOR, .dtype = NARU_INT64, .has_rank = true}, flag = scalar;
    flag.dtype = NARU_BOOL;
    value *iter = repeat_input(r, k->body, &scalar), *go = repeat_input(r, k->body, &flag);
    if (!iter || !go) return err_oom(L->err);
    for (int i = 0; i < k->n; i++) {
        value *v = repeat_input(r, k->body, &k->in[i]->fact.type);
        if (!v || !(k->state[i] = lower_own(L, rec_tensor_new(r, v)))) return err_oom(L->err);
    }
    sten *one = NULL, *more = NULL;
    body(L, user, lower_own(L, rec_tensor_new(r, iter)), k->state, all ? &one : NULL, &more);
    TRY(L->st);
    if (more) go = record_value(r, more, L->err);
    if (!go) return rec_no_value(L->err);
    TRY(body_gives(r, k->body, go, L->err));
    for (int i = 0; i < k->n; i++) {
        value *v = record_value(r, k->state[i], L->err);
        if (!v) return rec_no_value(L->err);
        TRY(body_gives(r, k->body, v, L->err));
    }
    if (!all) return NARU_OK;
    if (!(*kept = record_value(r, one, L->err))) return rec_no_value(L->err);
    return body_gives(r, k->body, *kept, L->err);
}

static naru_status repeat_node(repeat *k, value *count, sten **all, const value *kept) {
    recording *r = k->r;
    int n = k->n, nout = n + (all ? 1 : 0);
    node *l = graph_node_new(r->g, r->at, NULL, "Loop", "", n + 2, nout, 1);
    if (!l) return err_oom(k->L->err);
    l->op = &op_Loop;
    l->table = op_Loop.attrs;
    l->attrs[0] = (attr){.name = "body", .kind = ATTR_GRAPH, .block = k->body};
    k->body->owner = l;
    l->in[0] = count;
    for (int i = 0; i < nout; i++) {
        value *v = graph_value_new(r->g, r->at, NULL);
        if (!v) return err_oom(k->L->err);
        v->block = r->at;
        v->fact.type = i < n ? k->in[i]->fact.type : kept->fact.type;
        if (i < n) l->in[i + 2] = k->in[i];
        else { /* the rounds lead */ type *t = &v->fact.type;
            memmove(t->dims + 1, t->dims, (size_t)(NARU_MAX_RANK - 1) * sizeof *t->dims);
            t->dims[0] = rec_new_dim(r, 'u');
            t->rank = t->has_rank && t->rank < NARU_MAX_RANK ? t->rank + 1 : 0;
            t->has_rank = t->rank > 0;
        }
        node_set_out(l, i, v);
        sten **to = i < n ? &k->state[i] : all;
        if (!(*to = lower_own(k->L, rec_tensor_new(r, v)))) return err_oom(k->L->err);
    }
    return NARU_OK;
}

void record_repeat(lower *L, sv count, int n, sten **state, repeat_fn body, void *user, sten **all) {
    recording *r = L->vm->sink_user;
    repeat k = {.L = L, .r = r, .n = n, .state = state};
    block *outer = r->at;
    value *rounds = count.tag == SV_NONE ? NULL : record_scalar(r, count, L->err), *kept = NULL;
    naru_status st = count.tag == SV_NONE || rounds ? NARU_OK : rec_no_value(L->err);
    if (n > 16) st = err_set(L->err, NARU_INTERNAL, "a loop of %d states", n);
    for (int i = 0; st == NARU_OK && i < n; i++)
        if (!(k.in[i] = record_value(r, state[i], L->err))) st = rec_no_value(L->err);
    if (st == NARU_OK && !(k.body = graph_block_new(r->g, outer))) st = err_oom(L->err);
    if (st == NARU_OK) {
        k.body->name = "body";
        r->at = k.body;
        st = repeat_body(&k, body, user, all, &kept);
        r->at = outer;
    }
    if (st == NARU_OK) st = repeat_node(&k, rounds, all, kept);
    if (L->st == NARU_OK) L->st = st;
}
