/* SPDX-License-Identifier: MIT
 *
 * Type expressions, as archives write them and as people do: names, `Optional[...]`, `List[...]`, `list[...]`,
 * `A | B`, qualified names of classes, and text that holds a type.
 */
#include "script/compile_in.h"
#include "script/parse.h"

bool dotted_name(const ast *e, str *out) {
    if (e->kind == AST_NAME) {
        str_add(out, e->text);
        return true;
    }
    if (e->kind != AST_ATTR || !dotted_name(e->kids[0], out)) return false;
    str_add(out, ".");
    str_add(out, e->text);
    return true;
}

static const struct {
    const char *name;
    const stype *type;
} simple[] = {
    {"Tensor", &stype_tensor},
    {"torch.Tensor", &stype_tensor},
    {"int", &stype_int},
    {"float", &stype_float},
    {"complex", &stype_complex},
    {"bool", &stype_bool},
    {"str", &stype_str},
    {"NoneType", &stype_none},
    {"None", &stype_none},
    {"number", &stype_number},
    {"Scalar", &stype_number},
    {"Any", &stype_any},
    {"Device", &stype_device},
    {"torch.device", &stype_device},
    {"Generator", &stype_generator},
    {"torch.Generator", &stype_generator},
    {"Storage", &stype_storage},
    {"Stream", &stype_stream},
    {"torch.Stream", &stype_stream},
    {"QScheme", &stype_int},
    {"Layout", &stype_int},
    {"torch.dtype", &stype_int},
    {"torch.layout", &stype_int},
    {"torch.memory_format", &stype_int},
    {"ScalarType", &stype_int},
    {"MemoryFormat", &stype_int},
    {"torch.Size", NULL},
    {"object", &stype_any},
    {"AnyEnumType", &stype_any},
    {"AnyListType", &stype_any},
    {"AnyTupleType", &stype_any},
    {"AnyClassType", &stype_any},
    {"NumberType", &stype_number},
};

static const char *bare(const char *name) { /* typing.List -> List, torch.jit.Final -> Final */
    static const char *const prefixes[] = {"typing.", "torch.jit.", "torch.futures.", "torch._C.", "t."};
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (str_starts(name, prefixes[i])) return name + strlen(prefixes[i]);
    return name;
}

static naru_status unknown(const ast *e, const char *what, const char *name, naru_error *err) {
    return source_error(err, NARU_BAD_MODEL, e->at, "Unknown type %s '%s'", what, name);
}

/* "code/__torch__/a/b.py" -> "__torch__.a.b": a bare name is first looked for in its own file. */
static char *module_of(unit *u, const source *src) {
    if (!src || !str_starts(src->name, "code/") || !str_ends(src->name, ".py")) return arena_strdup(u->arena, "");
    char *s = arena_strndup(u->arena, src->name + 5, strlen(src->name) - 8);
    for (char *p = s; p && *p; p++)
        if (*p == '/') *p = '.';
    return s;
}

static naru_status class_type(unit *u, const ast *e, const char *name, const stype **out, naru_error *err) {
    sclass *c = NULL;
    sfunction *fn = NULL;
    const char *dot = strrchr(name, '.');
    char *prefix = dot ? arena_strndup(u->arena, name, (size_t)(dot - name)) : module_of(u, e->at.src);
    if (!prefix) return err_oom(err);
    TRY(unit_lookup(u, prefix, dot ? dot + 1 : name, &c, &fn, err));
    if (!c) return unknown(e, "name", name, err);
    *out = c->type;
    return NARU_OK;
}

static naru_status named_type(unit *u, const ast *e, const char *full, const stype **out, naru_error *err) {
    const char *name = bare(full);
    for (size_t i = 0; i < COUNT_OF(simple); i++)
        if (strcmp(simple[i].name, name) == 0) {
            *out = simple[i].type ? simple[i].type : stype_list(u->arena, &stype_int);
            return *out ? NARU_OK : err_oom(err);
        }
    if (strcmp(name, "List") == 0 || strcmp(name, "list") == 0)
        return source_error(
            err, NARU_BAD_MODEL, e->at,
            "Attempted to use List without a contained type. Please add a contained type, e.g. List[int]");
    return class_type(u, e, full, out, err);
}

typedef enum type_maker {
    MAKE_NONE,
    MAKE_LIST,
    MAKE_DICT,
    MAKE_TUPLE,
    MAKE_OPTIONAL,
    MAKE_UNION,
    MAKE_FUTURE,
    MAKE_SAME
} type_maker;

static type_maker maker_of(const char *full) {
    static const struct {
        const char *name;
        type_maker maker;
    } makers[] = {{"List", MAKE_LIST},
                  {"list", MAKE_LIST},
                  {"Dict", MAKE_DICT},
                  {"dict", MAKE_DICT},
                  {"Tuple", MAKE_TUPLE},
                  {"tuple", MAKE_TUPLE},
                  {"Optional", MAKE_OPTIONAL},
                  {"Union", MAKE_UNION},
                  {"Future", MAKE_FUTURE},
                  {"Await", MAKE_FUTURE},
                  {"_Await", MAKE_FUTURE},
                  {"RRef", MAKE_FUTURE},
                  {"Final", MAKE_SAME},
                  {"BroadcastingList1", MAKE_LIST},
                  {"BroadcastingList2", MAKE_LIST},
                  {"BroadcastingList3", MAKE_LIST}};
    const char *name = bare(full);
    for (size_t i = 0; i < COUNT_OF(makers); i++)
        if (strcmp(makers[i].name, name) == 0) return makers[i].maker;
    return MAKE_NONE;
}

static const stype *make_type(arena *a, type_maker m, int n, const stype *const *items) {
    switch (m) {
    case MAKE_LIST: return stype_list(a, items[0]);
    case MAKE_DICT: return stype_dict(a, items[0], items[1]);
    case MAKE_TUPLE: return stype_tuple(a, n, items, NULL);
    case MAKE_OPTIONAL: return stype_optional(a, items[0]);
    case MAKE_UNION: return stype_union(a, n, items);
    case MAKE_FUTURE: return stype_future(a, items[0]);
    default: return items[0];
    }
}

static bool key_type(const stype *t) {
    switch (t->kind) {
    case ST_INT:
    case ST_FLOAT:
    case ST_COMPLEX:
    case ST_BOOL:
    case ST_STR:
    case ST_TENSOR:
    case ST_DEVICE:
    case ST_ANY:
    case ST_CLASS: return true;
    default: return false;
    }
}

static naru_status subscripted(unit *u, const ast *e, const stype **out, naru_error *err) {
    str name = {0};
    type_maker m = dotted_name(e->kids[0], &name) ? maker_of(str_text(&name)) : MAKE_NONE;
    naru_status st = name.failed ? err_oom(err)
                     : m == MAKE_NONE
                         ? source_error(err, NARU_BAD_MODEL, e->at, "Unknown type constructor %s", str_text(&name))
                         : NARU_OK;
    str_free(&name);
    TRY(st);
    const ast *const *kids = (const ast *const *)e->kids + 1;
    int n = (int)e->count - 1;
    if (n == 1 && kids[0]->kind == AST_TUPLE && m == MAKE_TUPLE) { /* Tuple[()] and Tuple[(A, B)] */
        n = (int)kids[0]->count;
        kids = (const ast *const *)kids[0]->kids;
    }
    int wanted = m == MAKE_DICT ? 2 : m == MAKE_TUPLE || m == MAKE_UNION ? n : 1;
    if (n != wanted || (m == MAKE_UNION && n == 0))
        return source_error(err, NARU_BAD_MODEL, e->at, "this type constructor takes %d types, %d given", wanted, n);
    const stype **items = arena_alloc(u->arena, (size_t)(n + 1) * sizeof(*items));
    if (!items) return err_oom(err);
    for (int i = 0; i < n; i++) TRY(type_of_ast(u, kids[i], &items[i], err));
    if (m == MAKE_DICT && !key_type(items[0]))
        return source_error(
            err, NARU_BAD_MODEL, e->at,
            "Cannot create dict for this key type: only int, float, complex, bool, str, Tensor and Device can be keys");
    *out = make_type(u->arena, m, n, items);
    return *out ? NARU_OK : err_oom(err);
}

static naru_status either(unit *u, const ast *e, const stype **out, naru_error *err) { /* A | B | None */
    const stype **items = arena_alloc(u->arena, e->count * sizeof(*items));
    if (!items) return err_oom(err);
    for (uint32_t i = 0; i < e->count; i++) {
        if (i && e->ops[i - 1] != AST_OP_BIT_OR) return source_error(err, NARU_BAD_MODEL, e->at, "this is not a type");
        TRY(type_of_ast(u, e->kids[i], &items[i], err));
    }
    *out = stype_union(u->arena, (int)e->count, items);
    return *out ? NARU_OK : err_oom(err);
}

naru_status type_of_ast(unit *u, const ast *e, const stype **out, naru_error *err) {
    switch (e->kind) {
    case AST_NAME:
    case AST_ATTR: {
        str name = {0};
        naru_status st = !dotted_name(e, &name) ? source_error(err, NARU_BAD_MODEL, e->at, "this is not a type")
                         : name.failed          ? err_oom(err)
                                                : named_type(u, e, str_text(&name), out, err);
        str_free(&name);
        return st;
    }
    case AST_NONE: *out = &stype_none; return NARU_OK;
    case AST_SUBSCRIPT: return subscripted(u, e, out, err);
    case AST_BINARY: return either(u, e, out, err);
    case AST_STR: { /* a forward reference */
        ast *inner;
        TRY(script_parse_type(u->arena, e->at.src ? e->at.src->name : "type", e->text, e->len, &inner, err));
        if (inner->kind == AST_STR) return source_error(err, NARU_BAD_MODEL, e->at, "this is not a type");
        return type_of_ast(u, inner, out, err);
    }
    default: return source_error(err, NARU_BAD_MODEL, e->at, "this is not a type");
    }
}
