/* SPDX-License-Identifier: MIT
 *
 * Types of TorchScript: making, comparing, the subtype relation, the smallest common type, and printing. Types nest as
 * deeply as the parser allows (AST_MAX_HEIGHT), so walks may recurse.
 */
#include "script/type.h"

#include <string.h>

#include "base/mem.h"
#include "script/unit.h"

#define SIMPLE(var, k) const stype stype_##var = {.kind = ST_##k}
SIMPLE(tensor, TENSOR);
SIMPLE(int, INT);
SIMPLE(float, FLOAT);
SIMPLE(complex, COMPLEX);
SIMPLE(bool, BOOL);
SIMPLE(str, STR);
SIMPLE(none, NONE);
SIMPLE(number, NUMBER);
SIMPLE(any, ANY);
SIMPLE(device, DEVICE);
SIMPLE(generator, GENERATOR);
SIMPLE(storage, STORAGE);
SIMPLE(stream, STREAM);

/* ---- making ---- */
static const stype *make(arena *a, stype_kind kind, int n, const stype *const *args, const sclass *cls) {
    for (int i = 0; i < n; i++)
        if (!args[i]) return NULL;
    stype *t = arena_calloc(a, 1, sizeof(*t));
    const stype **copy = arena_alloc(a, (size_t)(n ? n : 1) * sizeof(*copy));
    if (!t || !copy) return NULL;
    if (n) memcpy(copy, args, (size_t)n * sizeof(*copy));
    *t = (stype){.kind = kind, .n = n, .args = copy, .cls = cls};
    return t;
}

const stype *stype_list(arena *a, const stype *elem) { return make(a, ST_LIST, 1, &elem, NULL); }

const stype *stype_dict(arena *a, const stype *key, const stype *value) {
    return make(a, ST_DICT, 2, (const stype *[]){key, value}, NULL);
}

const stype *stype_tuple(arena *a, int n, const stype *const *items, const sclass *named) {
    return make(a, ST_TUPLE, n, items, named);
}

const stype *stype_optional(arena *a, const stype *elem) {
    if (!elem || elem->kind == ST_OPTIONAL || elem->kind == ST_NONE || elem->kind == ST_ANY) return elem;
    return make(a, ST_OPTIONAL, 1, &elem, NULL);
}

const stype *stype_future(arena *a, const stype *elem) { return make(a, ST_FUTURE, 1, &elem, NULL); }

const stype *stype_class(arena *a, const sclass *cls) { return make(a, ST_CLASS, 0, NULL, cls); }

typedef struct members {
    ARRAY(const stype *) flat;
    bool none, any, failed;
} members;

static void add_member(members *m, const stype *t) {
    if (!t) {
        m->failed = true;
        return;
    }
    switch (t->kind) {
    case ST_NONE: m->none = true; return;
    case ST_ANY: m->any = true; return;
    case ST_OPTIONAL:
        m->none = true;
        add_member(m, t->args[0]);
        return;
    case ST_UNION:
        for (int i = 0; i < t->n; i++) add_member(m, t->args[i]);
        return;
    default: break;
    }
    for (size_t i = 0; i < m->flat.count; i++)
        if (stype_subtype(t, m->flat.data[i])) return;
    size_t kept = 0;
    for (size_t i = 0; i < m->flat.count; i++)
        if (!stype_subtype(m->flat.data[i], t)) m->flat.data[kept++] = m->flat.data[i];
    m->flat.count = kept;
    if (!ARRAY_PUSH(&m->flat, t)) m->failed = true;
}

const stype *stype_union(arena *a, int n, const stype *const *items) {
    members m = {0};
    for (int i = 0; i < n; i++) add_member(&m, items[i]);
    const stype *t = NULL;
    if (m.failed) t = NULL;
    else if (m.any) t = &stype_any;
    else if (m.flat.count == 0) t = &stype_none;
    else {
        t = m.flat.count == 1 ? m.flat.data[0] : make(a, ST_UNION, (int)m.flat.count, m.flat.data, NULL);
        if (m.none) t = stype_optional(a, t);
    }
    ARRAY_FREE(&m.flat);
    return t;
}

/* ---- comparing ---- */
static bool same_class(const sclass *a, const sclass *b) {
    if (a == b) return true;
    if (!a || !b) return false;
    return a->kind == CLASS_CUSTOM && b->kind == CLASS_CUSTOM && strcmp(a->qualname, b->qualname) == 0;
}

static bool has_member(const stype *u, const stype *t) {
    for (int i = 0; i < u->n; i++)
        if (stype_equal(u->args[i], t)) return true;
    return false;
}

bool stype_equal(const stype *a, const stype *b) {
    if (a == b) return true;
    if (a->kind != b->kind || a->n != b->n) return false;
    switch (a->kind) {
    case ST_CLASS: return same_class(a->cls, b->cls);
    case ST_FUNCTION:
    case ST_VAR: return a->name && b->name && strcmp(a->name, b->name) == 0;
    case ST_UNION:
        for (int i = 0; i < a->n; i++)
            if (!has_member(b, a->args[i])) return false;
        return true;
    default: break;
    }
    if (a->kind == ST_TUPLE && !same_class(a->cls, b->cls)) return false;
    for (int i = 0; i < a->n; i++)
        if (!stype_equal(a->args[i], b->args[i])) return false;
    return true;
}

static bool implements(const sclass *c, const sclass *interface) {
    if (interface->kind != CLASS_INTERFACE) return false;
    if (c->kind == CLASS_TUPLE || c->kind == CLASS_ENUM) return false;
    for (int i = 0; i < interface->nmethods; i++)
        if (!sclass_method(c, interface->methods[i]->name)) return false;
    return true;
}

static bool tuple_subtype(const stype *a, const stype *b) {
    if (a->kind != ST_TUPLE || a->n != b->n || (b->cls && !same_class(a->cls, b->cls))) return false;
    for (int i = 0; i < a->n; i++)
        if (!stype_subtype(a->args[i], b->args[i])) return false;
    return true;
}

static bool is_number(const stype *t) { return t->kind == ST_INT || t->kind == ST_FLOAT || t->kind == ST_COMPLEX; }

bool stype_subtype(const stype *a, const stype *b) {
    if (b->kind == ST_ANY || stype_equal(a, b)) return true;
    if (a->kind == ST_UNION) {
        for (int i = 0; i < a->n; i++)
            if (!stype_subtype(a->args[i], b)) return false;
        return true;
    }
    switch (b->kind) {
    case ST_NUMBER: return is_number(a);
    case ST_OPTIONAL: return a->kind == ST_NONE || stype_subtype(a->kind == ST_OPTIONAL ? a->args[0] : a, b->args[0]);
    case ST_UNION:
        for (int i = 0; i < b->n; i++)
            if (stype_subtype(a, b->args[i])) return true;
        return false;
    case ST_TUPLE: return tuple_subtype(a, b);
    case ST_FUTURE: return a->kind == ST_FUTURE && stype_subtype(a->args[0], b->args[0]);
    case ST_CLASS: return a->kind == ST_CLASS && implements(a->cls, b->cls);
    default: return false;
    }
}

static const stype *unify_tuples(arena *a, const stype *x, const stype *y) {
    if (x->n != y->n) return NULL;
    ARRAY(const stype *) items = {0};
    const stype *t = NULL;
    for (int i = 0; i < x->n; i++) {
        const stype *u = stype_unify(a, x->args[i], y->args[i]);
        if (!u || !ARRAY_PUSH(&items, u)) goto done;
    }
    t = stype_tuple(a, x->n, items.data, NULL);
done:
    ARRAY_FREE(&items);
    return t;
}

const stype *stype_unify(arena *a, const stype *x, const stype *y) {
    if (!x || !y) return NULL;
    if (stype_subtype(x, y)) return y;
    if (stype_subtype(y, x)) return x;
    if (x->kind == ST_NONE) return stype_optional(a, y);
    if (y->kind == ST_NONE) return stype_optional(a, x);
    if (x->kind == ST_OPTIONAL || y->kind == ST_OPTIONAL) {
        const stype *u =
            stype_unify(a, x->kind == ST_OPTIONAL ? x->args[0] : x, y->kind == ST_OPTIONAL ? y->args[0] : y);
        return u ? stype_optional(a, u) : NULL;
    }
    if (x->kind == ST_TUPLE && y->kind == ST_TUPLE) return unify_tuples(a, x, y);
    return NULL;
}

/* ---- printing ---- */
static const char *const simple_names[] = {
    [ST_TENSOR] = "Tensor",     [ST_INT] = "int",       [ST_FLOAT] = "float",         [ST_COMPLEX] = "complex",
    [ST_BOOL] = "bool",         [ST_STR] = "str",       [ST_NONE] = "NoneType",       [ST_NUMBER] = "number",
    [ST_ANY] = "Any",           [ST_DEVICE] = "Device", [ST_GENERATOR] = "Generator", [ST_STORAGE] = "Storage",
    [ST_STREAM] = "Stream",     [ST_LIST] = "List",     [ST_DICT] = "Dict",           [ST_TUPLE] = "Tuple",
    [ST_OPTIONAL] = "Optional", [ST_UNION] = "Union",   [ST_FUTURE] = "Future",       [ST_CLASS] = "class",
    [ST_FUNCTION] = "Function", [ST_VAR] = "t",
};

void stype_print(const stype *t, str *out) {
    if (t->cls) {
        str_add(out, t->cls->qualname);
        return;
    }
    str_add(out, t->kind == ST_VAR && t->name ? t->name : simple_names[t->kind]);
    if (t->kind == ST_TUPLE && t->n == 0) str_add(out, "[()]");
    for (int i = 0; i < t->n; i++) {
        str_add(out, i ? ", " : "[");
        stype_print(t->args[i], out);
    }
    if (t->n) str_add(out, "]");
}
