/* SPDX-License-Identifier: MIT
 *
 * Calls of plugins from TorchScript: arguments become inputs and attributes.
 */
#include "script/plugin.h"

#include <string.h>

#include "ops/sig.h"

typedef enum role {
    ROLE_NONE,
    ROLE_TENSOR,
    ROLE_TENSORS,
    ROLE_INT,
    ROLE_FLOAT,
    ROLE_STRING,
    ROLE_INTS,
    ROLE_FLOATS
} role;

static role role_of(const stype *t) {
    if (t->kind == ST_OPTIONAL) t = t->args[0];
    switch (t->kind) {
    case ST_TENSOR: return ROLE_TENSOR;
    case ST_INT:
    case ST_BOOL: return ROLE_INT;
    case ST_FLOAT: return ROLE_FLOAT;
    case ST_STR: return ROLE_STRING;
    case ST_LIST: break;
    default: return ROLE_NONE;
    }
    switch (t->args[0]->kind) {
    case ST_TENSOR: return ROLE_TENSORS;
    case ST_INT: return ROLE_INTS;
    case ST_FLOAT: return ROLE_FLOATS;
    default: return ROLE_NONE;
    }
}

static attr_kind kind_of(role r) {
    static const attr_kind kinds[] = {[ROLE_INT] = ATTR_INT,
                                      [ROLE_FLOAT] = ATTR_FLOAT,
                                      [ROLE_STRING] = ATTR_STRING,
                                      [ROLE_INTS] = ATTR_INTS,
                                      [ROLE_FLOATS] = ATTR_FLOATS};
    return r < COUNT_OF(kinds) ? kinds[r] : ATTR_NONE;
}

/* ---- the schema against the operator ---- */
static naru_status check_input(const sig *s, const sparam *p, role r, int at, naru_error *err) {
    const sig_param *x = at < s->nin ? &s->in[at] : NULL;
    if (!x) return err_set(err, NARU_INVALID_ARGUMENT, "schema: the signature has no input for '%s'", p->name);
    if (x->variadic != (r == ROLE_TENSORS))
        return err_set(err, NARU_INVALID_ARGUMENT, "schema: '%s' must %sbe a list as input '%s' is", p->name,
                       x->variadic ? "" : "not ", x->name);
    if (p->mutated) return err_set(err, NARU_INVALID_ARGUMENT, "schema: '%s': plugins write no arguments", p->name);
    return NARU_OK;
}

static naru_status check_attr(const op_desc *op, const sparam *p, role r, naru_error *err) {
    for (const attr_def *d = op->attrs; d && d->name; d++)
        if (strcmp(d->name, p->name) == 0) {
            if (d->kind == kind_of(r)) return NARU_OK;
            return err_set(err, NARU_INVALID_ARGUMENT, "schema: '%s' is not of the attribute's type", p->name);
        }
    return err_set(err, NARU_INVALID_ARGUMENT, "schema: there is no attribute '%s'", p->name);
}

static bool has_param(const schema *c, const char *name) {
    for (int i = 0; i < c->nparams; i++)
        if (strcmp(c->params[i].name, name) == 0) return true;
    return false;
}

static naru_status check_params(const op_desc *op, const sig *s, const schema *c, naru_error *err) {
    int at = 0;
    for (int i = 0; i < c->nparams; i++) {
        const sparam *p = &c->params[i];
        role r = role_of(p->type);
        if (r == ROLE_NONE)
            return err_set(err, NARU_INVALID_ARGUMENT, "schema: '%s' is neither tensor nor attribute", p->name);
        if (r <= ROLE_TENSORS) TRY(check_input(s, p, r, at++, err));
        else TRY(check_attr(op, p, r, err));
    }
    for (; at < s->nin; at++)
        if (!s->in[at].optional && !s->in[at].variadic)
            return err_set(err, NARU_INVALID_ARGUMENT, "schema: input '%s' is not given", s->in[at].name);
    for (const attr_def *d = op->attrs; d && d->name; d++)
        if (d->required && !has_param(c, d->name))
            return err_set(err, NARU_INVALID_ARGUMENT, "schema: attribute '%s' is not given", d->name);
    if (c->nreturns != s->nout || c->vararg || c->varret)
        return err_set(err, NARU_INVALID_ARGUMENT, "schema: it does not return %d tensors", s->nout);
    for (int i = 0; i < c->nreturns; i++)
        if (c->returns[i]->kind != ST_TENSOR)
            return err_set(err, NARU_INVALID_ARGUMENT, "schema: result %d is not a tensor", i);
    return NARU_OK;
}

naru_status plugin_check_schema(const plugin_op *op, naru_error *err) {
    arena *a = arena_new();
    schema c = {0};
    sig s;
    if (!a) return err_oom(err);
    naru_status st = schema_parse(a, op->p.schema, &c, err);
    if (st == NARU_OK && !op->p.script) {
        if (!sig_parse(op->desc.sig, &s)) st = err_set(err, NARU_INTERNAL, "malformed signature");
        else st = check_params(&op->desc, &s, &c, err);
    }
    schema_drop(&c);
    arena_free(a);
    if (st == NARU_OK || st == NARU_OUT_OF_MEMORY) return st;
    return err_context(err, st, "plugin %s", op->title);
}

/* ---- a call ---- */
static int items_of(lower *L, int i, const sv **items) {
    sv v = arg(L, i);
    if (v.tag == SV_LIST) return *items = sv_list(v)->items, (int)i64_min((int64_t)sv_list(v)->count, 1 << 20);
    if (v.tag == SV_TUPLE) return *items = sv_tuple(v)->items, sv_tuple(v)->n;
    return 0;
}

static void read_ints(lower *L, int i, la *to) {
    const sv *items = NULL;
    int n = L->op->schema->params[i].fixed;
    if (n > NARU_MAX_RANK) return lower_fail(L, NARU_LIMIT, "%s: a list of %d", to->name, n);
    int64_t *v = arena_alloc(L->arena, (n ? (size_t)n : (size_t)items_of(L, i, &items)) * sizeof *v + 1);
    if (!v) return lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory");
    if (n) arg_ints_n(L, i, n, v);
    else {
        n = items_of(L, i, &items);
        for (int k = 0; k < n; k++) v[k] = s_need(L, items[k]);
    }
    to->ints = v;
    to->n = (size_t)n;
}

static void read_floats(lower *L, int i, la *to) {
    const sv *items = NULL;
    int n = items_of(L, i, &items);
    float *v = arena_alloc(L->arena, (size_t)n * sizeof *v + 1);
    if (!v) return lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory");
    for (int k = 0; k < n; k++) v[k] = items[k].tag == SV_FLOAT ? (float)items[k].f : (float)s_need(L, items[k]);
    to->ints = (const int64_t *)(const void *)v;
    to->n = (size_t)n;
}

static void read_attr(lower *L, int i, role r, la *to) {
    *to = (la){L->op->schema->params[i].name, kind_of(r), 0, 0, NULL, NULL, 0};
    switch (r) {
    case ROLE_INT: to->i = arg_int(L, i); break;
    case ROLE_FLOAT: to->f = arg_float(L, i); break;
    case ROLE_STRING: to->s = arg_str(L, i); break;
    case ROLE_INTS: read_ints(L, i, to); break;
    default: read_floats(L, i, to); break;
    }
}

static void read_inputs(lower *L, int i, role r, sten **in, int *nin) {
    sten **list;
    if (r == ROLE_TENSOR) {
        in[(*nin)++] = arg_tensor_opt(L, i);
        return;
    }
    int n = arg_tensors(L, i, &list);
    if (n > PLUGIN_MAX_ARITY - *nin) return lower_fail(L, NARU_LIMIT, "%s has too many tensors", L->op->schema->name);
    for (int k = 0; k < n; k++) in[(*nin)++] = list[k];
}

void plugin_lower(lower *L) {
    const plugin_op *op = L->op->user;
    const schema *s = L->op->schema;
    sten *in[PLUGIN_MAX_ARITY], *out[PLUGIN_MAX_ARITY] = {0};
    la *attrs = arena_calloc(L->arena, (size_t)s->nparams + 1, sizeof *attrs);
    int nin = 0, nattrs = 0;
    if (!attrs) return lower_fail(L, NARU_OUT_OF_MEMORY, "out of memory");
    for (int i = 0; lower_ok(L) && i < s->nparams; i++) {
        role r = role_of(s->params[i].type);
        if (r <= ROLE_TENSORS) read_inputs(L, i, r, in, &nin);
        else if (!arg_none(L, i)) read_attr(L, i, r, &attrs[nattrs++]);
    }
    while (nin > 0 && !in[nin - 1]) nin--;
    lower_opn(L, &op->desc, attrs, nin, in, s->nreturns, out);
    for (int i = 0; lower_ok(L) && i < s->nreturns; i++) ret_tensor(L, out[i]);
}
