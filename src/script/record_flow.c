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

static int64_t least_size(const char *name) { /* rec_new_dim's names are a letter and digits */
    return (name[0] == 'u' || name[0] == 'l') && name[1] >= '0' && name[1] <= '9' ? 0 : 1;
}

bool rec_at_least_zero(const recording *r, dim_t d) { return sym_never_negative(r->g->syms, d, least_size); }

value *rec_dummy(recording *r, const type *t, naru_error *err) {
    if (t->kind == TYPE_SEQUENCE) {
        naru_dtype d = t->elem && t->elem->dtype ? t->elem->dtype : NARU_FLOAT;
        value *v = rec_emit(r, &op_SequenceEmpty, ATTRS(AI("dtype", (int)d)), 0, NULL, err);
        if (v) v->fact = (fact){.type = {.kind = TYPE_SEQUENCE, .elem = t->elem}};
        return v;
    }
    int64_t dims[NARU_MAX_RANK];
    naru_tensor *zero;
    if (tensor_new(t->dtype, 0, NULL, &zero, err) != NARU_OK) return NULL;
    if (t->dtype != NARU_STRING) memset(zero->data, 0, tensor_bytes(zero));
    value *v = rec_constant(r, zero, err);
    if (!v || !t->has_rank || t->rank == 0) return v;
    for (int i = 0; i < t->rank; i++)
        dims[i] = dim_is_const(t->dims[i]) ? t->dims[i] : 1; /* fits what it is added to */
    value *shape = rec_ints(r, dims, t->rank, err);
    return shape ? rec_emit(r, &op_Expand, NULL, 2, (value *[]){v, shape}, err) : NULL;
}

/* ---- values that may be None ---- */
bool rec_is_maybe(sv v) { return v.tag == SV_SYM && ((ssym *)v.o)->is == SV_NONE; }

sv rec_maybe(value *has, value *some, sv_tag is) {
    sv s = rec_sym(SV_NONE, (elem_t){ELEM_UNKNOWN, 0}, has);
    if (s.tag != SV_SYM) return s;
    ((ssym *)s.o)->some = some;
    ((ssym *)s.o)->some_is = is;
    return s;
}

sv rec_some(recording *r, sv maybe) {
    const ssym *s = (ssym *)maybe.o;
    if (s->some_is != SV_TENSOR) return rec_sym(s->some_is, (elem_t){ELEM_UNKNOWN, 0}, s->some);
    sten *t = rec_tensor_new(r, s->some);
    if (t) t->rec->base->copied = true;
    return sv_of(t);
}

static bool ask_for_none(lower *L, const char *name) {
    bool is = strcmp(name, "aten::__is__") == 0;
    if ((!is && strcmp(name, "aten::__isnot__") != 0) || L->nargs != 2) return false;
    for (int i = 0; i < 2; i++) {
        if (!rec_is_maybe(L->args[i]) || L->args[!i].tag != SV_NONE) continue;
        value *v = ((ssym *)L->args[i].o)->v;
        if (is) v = rec_emit(L->vm->sink_user, &op_Not, NULL, 1, &v, L->err);
        if (v) ret_value(L, rec_sym(SV_BOOL, (elem_t){ELEM_UNKNOWN, 0}, v));
        else lower_fail(L, NARU_INTERNAL, "%s", name);
        return true;
    }
    return false;
}

/* Whatever else it is given to is only reached when it is not None. */
bool record_maybe_op(lower *L) {
    bool any = false;
    for (int i = 0; i < L->nargs; i++) any = any || rec_is_maybe(L->args[i]);
    if (!any) return false;
    if (ask_for_none(L, L->op->schema->name)) return true;
    sv *args = arena_alloc(L->arena, (size_t)L->nargs * sizeof *args);
    if (!args) {
        lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory");
        return true;
    }
    for (int i = 0; i < L->nargs; i++)
        args[i] = rec_is_maybe(L->args[i]) ? lower_own_value(L, rec_some(L->vm->sink_user, L->args[i])) : L->args[i];
    L->args = args;
    return false;
}
