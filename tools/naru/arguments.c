/* SPDX-License-Identifier: MIT
 *
 * Arguments of a module's method from the command line: pieces with names (files, literals, random tensors) become the
 * values that the signature asks for; a result is taken apart into pieces again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"

void pieces_add(pieces *p, const char *name, naru_ivalue *value) {
    p->items = regrow(p->items, (p->count + 1) * sizeof *p->items);
    p->items[p->count++] = (piece){copy_text(name, strlen(name)), value};
}

void pieces_free(pieces *p) {
    for (size_t i = 0; i < p->count; i++) {
        free(p->items[i].name);
        naru_ivalue_destroy(&p->items[i].value);
    }
    free(p->items);
    *p = (pieces){0};
}

const piece *pieces_find(const pieces *p, const char *name) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->items[i].name, name) == 0) return &p->items[i];
    return NULL;
}

/* ---- literals ---- */
static naru_status bad_literal(const char *text, naru_error *err) {
    err->code = NARU_INVALID_ARGUMENT;
    snprintf(err->message, sizeof err->message, "'%.100s' cannot be read", text);
    return err->code;
}

static bool starts(const char *s, const char *prefix, const char **rest) {
    size_t n = strlen(prefix);
    *rest = s + n;
    return strncmp(s, prefix, n) == 0;
}

bool is_literal(const char *text) {
    const char *rest;
    return starts(text, "int:", &rest) || starts(text, "float:", &rest) || starts(text, "bool:", &rest) ||
           starts(text, "str:", &rest) || starts(text, "json:", &rest) || strcmp(text, "none") == 0;
}

naru_status literal_value(const char *text, naru_ivalue **out, naru_error *err) {
    const char *rest;
    char *end;
    if (strcmp(text, "none") == 0) return naru_ivalue_none(out, err);
    if (starts(text, "str:", &rest)) return naru_ivalue_string(rest, strlen(rest), out, err);
    if (starts(text, "int:", &rest)) {
        int64_t v;
        return parse_int(rest, &v) ? naru_ivalue_int(v, out, err) : bad_literal(text, err);
    }
    if (starts(text, "float:", &rest)) {
        double v = strtod(rest, &end); /* also inf and nan */
        return *rest && !*end ? naru_ivalue_double(v, out, err) : bad_literal(text, err);
    }
    if (starts(text, "bool:", &rest)) {
        bool yes = strcmp(rest, "true") == 0 || strcmp(rest, "1") == 0;
        bool no = strcmp(rest, "false") == 0 || strcmp(rest, "0") == 0;
        return yes || no ? naru_ivalue_bool(yes, out, err) : bad_literal(text, err);
    }
    starts(text, "json:", &rest);
    json_error_t problem;
    json_t *j = json_loads(rest, JSON_DECODE_ANY, &problem);
    if (!j) return bad_literal(text, err);
    naru_status st = ivalue_from_json(j, NULL, out, err);
    json_decref(j);
    return st;
}

/* ---- types as text ---- */
/* Argument i of "Tuple[Tensor, List[int]]", to be freed; NULL past the end, or when `type` is no `head`[...]. */
static char *type_argument(const char *type, const char *head, int i) {
    const char *at;
    if (!starts(type, head, &at) || *at != '[') return NULL;
    const char *start = ++at;
    for (int depth = 0; *at; at++) {
        if (*at == '[') depth++;
        bool ends = depth == 0 && (*at == ',' || *at == ']');
        if (*at == ']') depth--;
        if (!ends) continue;
        if (i-- == 0) return copy_text(start, (size_t)(at - start));
        if (*at == ']') return NULL;
        start = at + 1 + strspn(at + 1, " ");
    }
    return NULL;
}

/* ---- one argument ---- */
typedef struct arranger {
    const char *verb, *method;
    const pieces *p;
    size_t used;
    bool lenient; /* lists may be empty, optional arguments left out */
} arranger;

/* A tensor of one element where a number is asked for: random content, recorded inputs. */
static naru_ivalue *fit(naru_ivalue *v, const char *type) {
    bool number = strcmp(type, "int") == 0 || strcmp(type, "float") == 0 || strcmp(type, "bool") == 0;
    naru_tensor *t = number ? naru_ivalue_to_tensor(v) : NULL;
    naru_ivalue *out = NULL;
    if (t && naru_tensor_count(t) == 1) {
        double x = naru_tensor_get(t, 0);
        if (type[0] == 'i') naru_ivalue_int((int64_t)x, &out, NULL);
        else if (type[0] == 'f') naru_ivalue_double(x, &out, NULL);
        else naru_ivalue_bool(x != 0, &out, NULL);
    }
    naru_tensor_destroy(&t);
    return out ? out : naru_ivalue_retain(v);
}

static bool is_element(const char *piece_name, const char *base) { /* base_0, base.0 */
    size_t n = strlen(base);
    return strncmp(piece_name, base, n) == 0 && (piece_name[n] == '_' || piece_name[n] == '.') &&
           piece_name[n + 1] >= '0' && piece_name[n + 1] <= '9';
}

static bool next_is(const arranger *a, const char *name) {
    return a->used < a->p->count &&
           (strcmp(a->p->items[a->used].name, name) == 0 || is_element(a->p->items[a->used].name, name));
}

static int make_value(arranger *a, const char *name, const char *type, bool last, naru_ivalue **out);

static int gathered(naru_ivalue **items, size_t count, int code, gather_fn gather, naru_ivalue **out) {
    naru_error err = NARU_ERROR_INIT;
    if (code < 0 && gather(items, count, out, &err) != NARU_OK) code = fail(&err);
    for (size_t i = 0; i < count; i++) naru_ivalue_destroy(&items[i]);
    free(items);
    return code;
}

static int make_list(arranger *a, const char *name, const char *elem, bool last, naru_ivalue **out) {
    naru_ivalue **items = take((a->p->count + 1) * sizeof *items);
    size_t n = 0;
    int code = -1;
    while (code < 0 && a->used < a->p->count && (last || next_is(a, name))) {
        code = make_value(a, name, elem, false, &items[n]);
        if (code < 0) n++;
    }
    return gathered(items, n, code, naru_ivalue_list, out);
}

static int make_tuple(arranger *a, const char *name, const char *type, naru_ivalue **out) {
    naru_ivalue **items = take(64 * sizeof *items);
    size_t n = 0;
    int code = -1;
    char *t;
    while (code < 0 && n < 64 && (t = type_argument(type, "Tuple", (int)n))) {
        code = make_value(a, name, t, false, &items[n]);
        free(t);
        if (code < 0) n++;
    }
    return gathered(items, n, code, naru_ivalue_tuple, out);
}

static int missing(const arranger *a, const char *name, const char *type) {
    return usage(a->verb,
                 "argument '%s' (%s) of %s is missing; add --input %s=FILE (or int:3, float:0.5, bool:true, str:TEXT, "
                 "json:[...]), or --shape %s=DIMS for random content",
                 name, type, a->method, name, name);
}

static int make_value(arranger *a, const char *name, const char *type, bool last, naru_ivalue **out) {
    char *inner = type_argument(type, "Optional", 0);
    int code;
    if (inner) {
        code = make_value(a, name, inner, last, out);
        free(inner);
        return code;
    }
    if (a->used >= a->p->count) return missing(a, name, type);
    naru_ikind kind = naru_ivalue_kind(a->p->items[a->used].value);
    bool whole = kind == NARU_I_LIST || kind == NARU_I_TUPLE || kind == NARU_I_NONE; /* given as json:[...] */
    if (!whole && (inner = type_argument(type, "List", 0))) {
        code = make_list(a, name, inner, last, out);
        free(inner);
        return code;
    }
    if (!whole && strncmp(type, "Tuple[", 6) == 0) return make_tuple(a, name, type, out);
    *out = fit(a->p->items[a->used++].value, type);
    return -1;
}

/* ---- all of them ---- */
static const char *argument(naru_module *m, const char *method, size_t i, const char **type, bool *has_default) {
    const char *name;
    return naru_module_argument(m, method, i, &name, type, has_default, NULL) == NARU_OK ? name : NULL;
}

/* Whether piece `used` is meant for argument i: not when it bears the name of a later one. */
static bool meant_for(const arranger *a, naru_module *m, size_t i, const char *name) {
    if (a->used >= a->p->count) return false;
    if (next_is(a, name)) return true;
    const char *later;
    for (size_t k = i + 1; (later = argument(m, a->method, k, NULL, NULL)); k++)
        if (strcmp(a->p->items[a->used].name, later) == 0) return false;
    return true;
}

static bool all_named(naru_module *m, const char *method, const pieces *p) {
    for (size_t k = 0; k < p->count; k++) {
        bool found = false;
        const char *name;
        for (size_t i = 0; !found && (name = argument(m, method, i, NULL, NULL)); i++)
            found = strcmp(name, p->items[k].name) == 0;
        if (!found) return false;
    }
    return true;
}

static int add_argument(arranger *a, call_args *out, const char *name, const char *type, bool last) {
    if (out->count == MAX_CALL_ARGS) return usage(a->verb, "more than %d arguments", MAX_CALL_ARGS);
    int code = make_value(a, name, type, last, &out->values[out->count]);
    if (code < 0) out->names[out->count++] = name;
    return code;
}

static void add_empty(call_args *out, const char *name, bool list) {
    naru_ivalue **v = &out->values[out->count];
    if (out->count == MAX_CALL_ARGS) return;
    if (list) naru_ivalue_list(NULL, 0, v, NULL);
    else naru_ivalue_none(v, NULL);
    if (*v) out->names[out->count++] = name;
}

/* By name, in any order; a list or a tuple made of one piece is that piece. */
static int by_name(arranger *a, naru_module *m, call_args *out) {
    const char *name, *type;
    bool has_default;
    int code = -1;
    for (size_t i = 0; code < 0 && (name = argument(m, a->method, i, &type, &has_default)); i++) {
        const piece *given = pieces_find(a->p, name);
        bool optional = strncmp(type, "Optional[", 9) == 0, list = strncmp(type, "List[", 5) == 0;
        pieces one = {(piece *)given, 1};
        arranger alone = {a->verb, a->method, &one, 0, a->lenient};
        if (given) code = add_argument(&alone, out, name, type, true);
        else if (!has_default && a->lenient && (optional || list)) add_empty(out, name, list);
        else if (!has_default) code = missing(a, name, type);
    }
    return code;
}

static int in_order(arranger *a, naru_module *m, call_args *out) {
    const char *name, *type;
    bool has_default;
    int code = -1;
    for (size_t i = 0; code < 0 && (name = argument(m, a->method, i, &type, &has_default)); i++) {
        bool last = !argument(m, a->method, i + 1, NULL, NULL);
        bool optional = strncmp(type, "Optional[", 9) == 0, list = strncmp(type, "List[", 5) == 0;
        if (meant_for(a, m, i, name)) code = add_argument(a, out, name, type, last);
        else if (!has_default && a->lenient && (optional || list)) add_empty(out, name, list);
        else if (!has_default) code = missing(a, name, type);
    }
    if (code < 0 && a->used < a->p->count)
        code = usage(a->verb, "'%s' is for no argument of %s", a->p->items[a->used].name, a->method);
    return code;
}

int arrange_arguments(const char *verb, naru_module *m, const char *method, const pieces *p, bool lenient,
                      call_args *out) {
    naru_error err = NARU_ERROR_INIT;
    arranger a = {verb, method, p, 0, lenient};
    *out = (call_args){0};
    naru_status st = naru_module_argument(m, method, 0, NULL, NULL, NULL, &err);
    if (st != NARU_OK && err.code != NARU_OK) return fail(&err); /* no such method, or its signature is broken */
    return all_named(m, method, p) ? by_name(&a, m, out) : in_order(&a, m, out);
}

void call_args_free(call_args *a) {
    for (size_t i = 0; i < a->count; i++) naru_ivalue_destroy(&a->values[i]);
    *a = (call_args){0};
}

int random_piece(const shape *s, uint64_t seed, pieces *out) {
    naru_error err = NARU_ERROR_INIT;
    naru_value *v = NULL;
    naru_ivalue *x = NULL;
    shape wanted = *s;
    if (wanted.dtype == NARU_UNDEFINED) wanted.dtype = NARU_FLOAT;
    naru_status st = random_value(&wanted, seed, &v, &err);
    if (st == NARU_OK) st = naru_ivalue_tensor(naru_value_tensor(v), &x, &err);
    naru_value_destroy(&v);
    if (st != NARU_OK) return fail(&err);
    pieces_add(out, s->name, x);
    return -1;
}

/* ---- results ---- */
static bool holds_tensor(const naru_ivalue *v) {
    naru_ikind kind = naru_ivalue_kind(v);
    bool found = kind == NARU_I_TENSOR;
    if (kind != NARU_I_LIST && kind != NARU_I_TUPLE && kind != NARU_I_DICT) return found;
    for (size_t i = 0; !found && i < naru_ivalue_count(v); i++) {
        naru_ivalue *x = naru_ivalue_item(v, i);
        found = holds_tensor(x);
        naru_ivalue_destroy(&x);
    }
    return found;
}

static char *child_name(const naru_ivalue *v, size_t i, const char *name, bool top) {
    char text[300];
    naru_ivalue *key = naru_ivalue_key(v, i);
    const char *word = key ? naru_ivalue_to_string(key, NULL) : naru_ivalue_name(v, i);
    if (word && top) snprintf(text, sizeof text, "%.290s", word);
    else if (word) snprintf(text, sizeof text, "%.140s_%.140s", name, word);
    else snprintf(text, sizeof text, "%.200s_%zu", name, i);
    naru_ivalue_destroy(&key);
    return copy_text(text, strlen(text));
}

static void spread(naru_ivalue *v, const char *name, bool top, pieces *out) { /* takes the reference */
    naru_ikind kind = naru_ivalue_kind(v);
    bool container = kind == NARU_I_LIST || kind == NARU_I_TUPLE || kind == NARU_I_DICT;
    if (!container || !naru_ivalue_count(v) || !(holds_tensor(v) || (top && kind != NARU_I_LIST))) {
        pieces_add(out, name, v);
        return;
    }
    for (size_t i = 0; i < naru_ivalue_count(v); i++) {
        naru_ivalue *x = naru_ivalue_item(v, i);
        char *child = child_name(v, i, name, top);
        if (x) spread(x, child, false, out);
        free(child);
    }
    naru_ivalue_destroy(&v);
}

void result_pieces(naru_ivalue *result, pieces *out) { spread(result, "output", true, out); }
