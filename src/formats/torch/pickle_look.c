/* SPDX-License-Identifier: MIT
 *
 * Looking at the nodes of a pickle.
 */
#include <string.h>

#include "formats/torch/pickle.h"

const char *pk_kind_text(const pk *p) {
    if (!p) return "nothing";
    switch (p->kind) {
    case PK_NONE: return "None";
    case PK_BOOL: return "a bool";
    case PK_INT: return "an int";
    case PK_BIGINT: return "an int of more than 64 bits";
    case PK_FLOAT: return "a float";
    case PK_STR: return "a string";
    case PK_BYTES: return "bytes";
    case PK_LIST: return "a list";
    case PK_TUPLE: return "a tuple";
    case PK_SET: return "a set";
    case PK_DICT: return "a dictionary";
    case PK_GLOBAL: return "a global";
    case PK_REDUCE: return "a call";
    case PK_OBJECT: return "an object";
    case PK_PERSID: return "a persistent id";
    }
    return "nothing";
}

bool pk_is_str(const pk *p, const char *text) {
    return p && p->kind == PK_STR && p->text.n == strlen(text) && memcmp(p->text.s, text, p->text.n) == 0;
}

bool pk_is_global(const pk *p, const char *module, const char *name) {
    return p && p->kind == PK_GLOBAL && !strcmp(p->global.module, module) && (!name || !strcmp(p->global.name, name));
}

static bool is_call(const pk *p) { return p && (p->kind == PK_REDUCE || p->kind == PK_OBJECT); }

bool pk_calls(const pk *p, const char *module, const char *name) {
    return is_call(p) && pk_is_global(p->callee, module, name);
}

/* What pk_item counts: a call's arguments, else the elements themselves. */
static const pk *sequence(const pk *p) {
    if (is_call(p)) p = p->args;
    return p && (p->kind == PK_LIST || p->kind == PK_TUPLE || p->kind == PK_SET) ? p : NULL;
}

const pk *pk_item(const pk *p, size_t i) {
    p = sequence(p);
    return p && i < p->count ? p->items[i] : NULL;
}

size_t pk_item_count(const pk *p) {
    p = sequence(p);
    return p ? p->count : 0;
}

bool pk_get_int(const pk *p, int64_t *out) {
    if (!p || (p->kind != PK_INT && p->kind != PK_BOOL)) return false;
    *out = p->i;
    return true;
}

bool pk_get_float(const pk *p, double *out) {
    int64_t i;
    if (p && p->kind == PK_FLOAT) return *out = p->f, true;
    if (!pk_get_int(p, &i)) return false;
    *out = (double)i;
    return true;
}

bool pk_is_dict(const pk *p) {
    if (!p || p->kind == PK_DICT) return p != NULL;
    if (is_call(p) && !p->has_pairs && p->count) return false;
    return pk_calls(p, "collections", "OrderedDict") || pk_calls(p, "collections", "defaultdict") ||
           pk_calls(p, "collections", "Counter");
}

/* Python 2 wrote OrderedDict([[key, value], ...]). NULL: the pairs are where they are today. */
static const pk *old_pairs(const pk *p) {
    const pk *list = p->count == 0 && pk_calls(p, "collections", "OrderedDict") ? pk_item(p, 0) : NULL;
    return list && list->kind == PK_LIST ? list : NULL;
}

size_t pk_dict_count(const pk *p) {
    if (!pk_is_dict(p)) return 0;
    const pk *old = old_pairs(p);
    return old ? old->count : p->count;
}

pk_pair pk_dict_pair(const pk *p, size_t i) {
    const pk *old = old_pairs(p);
    if (!old) return p->pairs[i];
    return (pk_pair){(pk *)pk_item(old->items[i], 0), (pk *)pk_item(old->items[i], 1)}; /* NULL where it is no pair */
}

const pk *pk_dict_get(const pk *p, const char *key) {
    for (size_t i = pk_dict_count(p); i--;) {
        pk_pair pair = pk_dict_pair(p, i);
        if (pk_is_str(pair.key, key)) return pair.value;
    }
    return NULL;
}

void pk_add_name(str *s, const pk *p) {
    if (is_call(p)) p = p->callee;
    if (p && p->kind == PK_GLOBAL) str_addf(s, "%s.%s", p->global.module, p->global.name);
    else str_add(s, pk_kind_text(p));
}
