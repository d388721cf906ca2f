/* SPDX-License-Identifier: MIT
 *
 * Small things that If, Loop and symbolic lists share (record_flow.h).
 */
#include "script/record_flow.h"

#include <stdio.h>
#include <string.h>

bool rec_is_number(sv v) {
    sv_tag t = rec_kind(v);
    return t == SV_INT || t == SV_FLOAT || t == SV_BOOL;
}

sv rec_poison(recording *r, const char *why) {
    sv s = rec_sym(SV_UNINIT, (elem_t){ELEM_UNKNOWN, 0}, NULL);
    if (s.tag != SV_SYM) return s;
    ((ssym *)s.o)->why = why;
    ((ssym *)s.o)->lost = r->obstacles > 0;
    return s;
}

naru_status body_gives(recording *r, block *body, value *v, naru_error *err) {
    if (v->block != body || v->is_initializer || v->is_input || value_is_output(v)) {
        node *n = graph_node_new(r->g, body, NULL, "Identity", "", 1, 1, 0);
        value *copy = n ? graph_value_new(r->g, body, NULL) : NULL;
        if (!copy) return err_oom(err);
        n->op = &op_Identity;
        n->in[0] = v;
        copy->block = body;
        copy->fact = (fact){.type = v->fact.type};
        node_set_out(n, 0, copy);
        v = copy;
    }
    return block_add_output(body, v) ? NARU_OK : err_oom(err);
}

dim_t rec_new_dim(recording *r, char letter) {
    char name[24];
    snprintf(name, sizeof name, "%c%u", letter, r->serial++);
    const char *kept = arena_strdup(r->g->arena, name);
    return kept ? sym_name(r->g->syms, kept) : DIM_UNKNOWN;
}

value *rec_dummy(recording *r, const type *t, naru_error *err) {
    if (t->kind == TYPE_SEQUENCE) {
        naru_dtype d = t->elem && t->elem->dtype ? t->elem->dtype : NARU_FLOAT;
        value *v = rec_emit(r, &op_SequenceEmpty, ATTRS(AI("dtype", (int)d)), 0, NULL, err);
        if (v) v->fact = (fact){.type = {.kind = TYPE_SEQUENCE, .elem = t->elem}};
        return v;
    }
    int64_t dims[NARU_MAX_RANK] = {0};
    naru_tensor *zero;
    if (tensor_new(t->dtype, t->has_rank ? t->rank : 0, dims, &zero, err) != NARU_OK) return NULL;
    if (tensor_bytes(zero)) memset(zero->data, 0, tensor_bytes(zero));
    return rec_constant(r, zero, err);
}
