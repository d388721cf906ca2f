/* SPDX-License-Identifier: MIT
 *
 * Overloads: whether arguments match a schema, with type variables bound on the way. The first overload that matches
 * without implicit conversions wins, else the first that matches with them. Lowerings convert at run time, so that a
 * match costs no instruction.
 */
#include "script/compile_in.h"

#include <stdio.h>

enum { MAX_BOUND = 8, MAX_PARAMS = 64 };
typedef struct binding {
    const char *name[MAX_BOUND];
    const stype *type[MAX_BOUND];
    int n;
} binding;

typedef struct matcher {
    cc *C;
    const schema *s;
    const call_args *a;
    bool convert;
    binding env;
    str *why; /* NULL: the reason is not wanted */
} matcher;

static const stype *bare(const stype *t) { return t->kind == ST_OPTIONAL ? t->args[0] : t; }

static bool no(matcher *m, const char *format, const char *a, const char *b, const char *c) {
    if (m->why) str_addf(m->why, format, a, b, c);
    return false;
}

/* ---- type variables ---- */
static bool has_vars(const stype *t) {
    if (t->kind == ST_VAR) return true;
    for (int i = 0; i < t->n; i++)
        if (has_vars(t->args[i])) return true;
    return false;
}

static bool any_kind(const char *name, const stype *actual, bool *is_any) { /* AnyEnumType and its like */
    *is_any = str_starts(name, "Any");
    if (strcmp(name, "AnyEnumType") == 0) return actual->kind == ST_CLASS && actual->cls->kind == CLASS_ENUM;
    if (strcmp(name, "AnyClassType") == 0) return actual->kind == ST_CLASS || actual->kind == ST_NONE;
    if (strcmp(name, "AnyListType") == 0) return actual->kind == ST_LIST;
    if (strcmp(name, "AnyTupleType") == 0) return actual->kind == ST_TUPLE;
    return false;
}

static bool bind_var(binding *e, const char *name, const stype *actual) {
    for (int i = 0; i < e->n; i++)
        if (strcmp(e->name[i], name) == 0) return true; /* the first one stays; the subtype check comes later */
    if (e->n == MAX_BOUND) return false;
    e->name[e->n] = name;
    e->type[e->n++] = actual;
    return true;
}

static bool bind(cc *C, binding *e, const stype *formal, const stype *actual) {
    bool is_any;
    switch (formal->kind) {
    case ST_VAR:
        if (any_kind(formal->name, actual, &is_any) || !is_any) return bind_var(e, formal->name, actual);
        return false;
    case ST_OPTIONAL:
        if (actual->kind == ST_NONE) return true;
        return bind(C, e, formal->args[0], bare(actual));
    case ST_LIST:
        if (actual->kind == ST_TUPLE && actual->n > 0) {
            const stype *t = actual->args[0];
            for (int i = 1; i < actual->n && t; i++) t = stype_unify(C->arena, t, actual->args[i]);
            return t && bind(C, e, formal->args[0], t);
        }
        break;
    default: break;
    }
    if (!has_vars(formal)) return true;
    if (formal->kind != actual->kind || formal->n != actual->n) return false;
    for (int i = 0; i < formal->n; i++)
        if (!bind(C, e, formal->args[i], actual->args[i])) return false;
    return true;
}

static const stype *concrete(cc *C, const binding *e, const stype *t) { /* NULL: a variable is not bound */
    if (t->kind == ST_VAR) {
        for (int i = 0; i < e->n; i++)
            if (strcmp(e->name[i], t->name) == 0) return e->type[i];
        return NULL;
    }
    if (!has_vars(t)) return t;
    const stype *items[MAX_PARAMS];
    if (t->n > MAX_PARAMS) return NULL;
    for (int i = 0; i < t->n; i++)
        if (!(items[i] = concrete(C, e, t->args[i]))) return NULL;
    switch (t->kind) {
    case ST_LIST: return stype_list(C->arena, items[0]);
    case ST_DICT: return stype_dict(C->arena, items[0], items[1]);
    case ST_TUPLE: return stype_tuple(C->arena, t->n, items, NULL);
    case ST_OPTIONAL: return stype_optional(C->arena, items[0]);
    case ST_FUTURE: return stype_future(C->arena, items[0]);
    default: return NULL;
    }
}

/* ---- one argument ---- */
static bool converts(const stype *from, const stype *to) {
    switch (from->kind) {
    case ST_TENSOR:
        return to->kind == ST_INT || to->kind == ST_FLOAT || to->kind == ST_COMPLEX || to->kind == ST_NUMBER;
    case ST_NUMBER: return to->kind == ST_INT || to->kind == ST_FLOAT || to->kind == ST_COMPLEX;
    case ST_BOOL: return to->kind == ST_INT || to->kind == ST_FLOAT || to->kind == ST_NUMBER;
    case ST_STR: return to->kind == ST_DEVICE;
    default: return false;
    }
}

static bool tuple_as_list(const stype *tuple, const stype *elem) {
    for (int i = 0; i < tuple->n; i++)
        if (!stype_subtype(tuple->args[i], elem)) return false;
    return true;
}

bool c_arg_fits(cc *C, const val *v, const stype *formal, bool convert) {
    const stype *t = v->type, *to = bare(formal);
    if (stype_subtype(t, formal)) return true;
    if (t->kind == ST_OPTIONAL && formal->kind != ST_OPTIONAL) return false;
    if (v->empty && t->kind == to->kind) return true;
    if (to->kind == ST_LIST && t->kind == ST_TUPLE) return tuple_as_list(t, to->args[0]);
    if (to->kind == ST_LIST && t->kind == ST_LIST && to->args[0]->kind == ST_OPTIONAL)
        return stype_subtype(t->args[0], to->args[0]);
    return convert && converts(t, to);
}

static bool stands_for_list(const sparam *p, const val *v) { /* int[2]: one int */
    const stype *t = bare(p->type);
    return p->fixed > 0 && t->kind == ST_LIST && (v->type->kind == ST_INT || v->type->kind == ST_FLOAT) &&
           stype_equal(t->args[0], v->type);
}

static bool match_arg(matcher *m, const sparam *p, const val *v) {
    if (stands_for_list(p, v)) return true;
    const stype *formal = p->type;
    if (has_vars(formal)) {
        if (v->empty && bare(formal)->kind == v->type->kind) return true;
        if (!bind(m->C, &m->env, formal, v->type) || !(formal = concrete(m->C, &m->env, formal)))
            return no(m, "Expected a value of type '%s' for argument '%s' but instead found type '%s'.",
                      ctype(m->C, p->type), p->name, ctype(m->C, v->type));
    }
    if (c_arg_fits(m->C, v, formal, m->convert)) return true;
    return no(m, "Expected a value of type '%s' for argument '%s' but instead found type '%s'.", ctype(m->C, formal),
              p->name, ctype(m->C, v->type));
}

/* ---- a whole call ---- */
static bool last_positional(const schema *s, int i) { return i + 1 == s->nparams || s->params[i + 1].kwonly; }

/* x.view(2, 3): what is left stands for the list. */
static bool takes_rest(matcher *m, int i, int next) {
    const sparam *p = &m->s->params[i];
    const stype *t = bare(p->type);
    const val *v = &m->a->list.data[next].v;
    if (t->kind == ST_LIST && t->args[0]->kind == ST_ANY && !m->convert) return false;
    if (t->kind != ST_LIST || has_vars(t) || !last_positional(m->s, i)) return false;
    if (p->fixed && next + 1 == m->a->npos) return false;
    if (v->type->kind == ST_LIST || (v->type->kind == ST_TUPLE && tuple_as_list(v->type, t->args[0]))) return false;
    for (int k = next; k < m->a->npos; k++)
        if (!c_arg_fits(m->C, &m->a->list.data[k].v, t->args[0], m->convert)) return false;
    return true;
}

static int keyword(const call_args *a, const char *name) {
    for (size_t i = (size_t)a->npos; i < a->list.count; i++)
        if (strcmp(a->list.data[i].name, name) == 0) return (int)i;
    return -1;
}

static bool used_all(matcher *m, const int *from, int next, int nkw) {
    if (next < m->a->npos && !m->s->vararg) {
        char n[24], k[24];
        snprintf(n, sizeof(n), "%d", m->s->nparams);
        snprintf(k, sizeof(k), "%d", m->a->npos);
        return no(m, "Expected at most %s arguments but found %s positional arguments.%s", n, k, "");
    }
    if (nkw == (int)m->a->list.count - m->a->npos) return true;
    for (size_t i = (size_t)m->a->npos; i < m->a->list.count; i++) {
        bool used = false;
        for (int k = 0; k < m->s->nparams; k++) used |= from[k] == (int)i;
        if (!used) return no(m, "Keyword argument %s unknown.%s%s", m->a->list.data[i].name, "", "");
    }
    return true;
}

static bool match_params(matcher *m, int *from, int *nargs, int *first) {
    int next = 0, nkw = 0;
    *nargs = 0;
    *first = -1;
    for (int i = 0; i < m->s->nparams; i++) {
        const sparam *p = &m->s->params[i];
        int k = -1;
        if (!p->kwonly && next < m->a->npos) {
            if (takes_rest(m, i, next)) {
                from[i] = -2;
                *first = next;
                next = m->a->npos;
                *nargs = i + 1;
                continue;
            }
            k = next++;
        } else if ((k = keyword(m->a, p->name)) >= 0 ||
                   (strcmp(p->name, "self") == 0 && (k = keyword(m->a, "input")) >= 0)) {
            nkw++;
        } else if (p->has_default) {
            from[i] = -1;
            continue;
        } else {
            return no(m, "Argument %s not provided.%s%s", p->name, "", "");
        }
        if (!match_arg(m, p, &m->a->list.data[k].v)) return false;
        from[i] = k;
        *nargs = i + 1;
    }
    return used_all(m, from, next, nkw);
}

static bool take_returns(matcher *m, matched *out) {
    int n = m->s->nreturns;
    out->returns = arena_calloc(m->C->arena, (size_t)n + 1, sizeof(*out->returns));
    if (!out->returns) return coom(m->C);
    for (int i = 0; i < n; i++) {
        out->returns[i] = concrete(m->C, &m->env, m->s->returns[i]);
        if (!out->returns[i])
            return no(m, "the type of the result of '%s' is not known from its arguments%s%s", m->s->name, "", "");
    }
    return true;
}

static bool match_one(cc *C, const sop *op, const call_args *a, bool convert, matched *out, str *why) {
    matcher m = {.C = C, .s = op->schema, .a = a, .convert = convert, .why = why};
    int from[MAX_PARAMS], nargs, first;
    if (op->schema->nparams > MAX_PARAMS) return false;
    if (!match_params(&m, from, &nargs, &first) || !take_returns(&m, out)) return false;
    out->op = op;
    out->nargs = nargs;
    out->first = first;
    out->source = arena_dup(C->arena, from, (size_t)op->schema->nparams * sizeof(int));
    if (!out->source) return coom(C);
    for (int i = 0; i < nargs; i++) { /* empty displays get the type that is wanted */
        if (from[i] < 0 || !a->list.data[from[i]].v.empty) continue;
        const stype *t = concrete(C, &m.env, op->schema->params[i].type);
        if (t) c_fits(C, &a->list.data[from[i]].v, t);
    }
    return C->st == NARU_OK;
}

bool match_exact(cc *C, const sop *overloads, const call_args *a, matched *out) {
    for (const sop *op = overloads; op && overloads->next && C->st == NARU_OK; op = op->next)
        if (match_one(C, op, a, false, out, NULL)) return true;
    return false;
}

bool match_converted(cc *C, const sop *overloads, const call_args *a, matched *out, str *why) {
    bool single = !overloads->next;
    for (const sop *op = overloads; op && C->st == NARU_OK; op = op->next)
        if (match_one(C, op, a, true, out, single ? why : NULL)) return true;
    for (const sop *op = overloads; !single && op && C->st == NARU_OK; op = op->next) {
        str_addf(why, "%s%s: ", why->len ? " | " : "", op->schema->text);
        match_one(C, op, a, true, out, why);
    }
    return false;
}
