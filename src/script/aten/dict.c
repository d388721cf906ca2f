/* SPDX-License-Identifier: MIT
 *
 * Dicts of all key types.
 */
#include "script/aten/host.h"

/* ---- access ---- */
static void key_error(lower *L, sv key) {
    str s = {0};
    sv_print(key, &s);
    lower_raise(L, "RuntimeError", "KeyError: %s", str_text(&s));
    str_free(&s);
}

/* The place of the key (argument 1); NULL: absent. A number that the graph knows cannot be a key. */
static sv *find(lower *L, const sdict *d) {
    sv key = arg(L, 1);
    if (!d || (key.tag == SV_SYM && !eager_only(L))) return NULL;
    return lower_ok(L) ? sdict_find(d, key) : NULL;
}

bool fast_dict_len(const sv *a, sv *out) {
    return a[0].tag == SV_DICT && (*out = sv_int((int64_t)((sdict *)a[0].o)->count), true);
}
SIMPLE(dict_len)

bool fast_dict_getitem(const sv *a, sv *out) {
    const sv *at = a[0].tag == SV_DICT ? sdict_find((sdict *)a[0].o, a[1]) : NULL;
    return at && (*out = sv_keep(*at), true);
}
void aten_dict_getitem(lower *L) {
    const sv *at = find(L, host_dict(L, 0));
    if (at) ret_value(L, sv_keep(*at));
    else if (lower_ok(L)) key_error(L, arg(L, 1));
}

bool fast_dict_contains(const sv *a, sv *out) {
    if (a[0].tag != SV_DICT || a[1].tag == SV_SYM) return false;
    return *out = sv_bool(sdict_find((sdict *)a[0].o, a[1]) != NULL), true;
}
void aten_dict_contains(lower *L) {
    const sv *at = find(L, host_dict(L, 0));
    ret_bool(L, at != NULL);
}

void aten_dict_get(lower *L) { /* None or the given default */
    const sv *at = find(L, host_dict(L, 0));
    if (lower_ok(L)) ret_value(L, sv_keep(at ? *at : L->op->schema->nparams > 2 ? arg(L, 2) : sv_none()));
}

/* ---- change ---- */
static bool put(lower *L, sdict *d, sv key, sv item) {
    if (sdict_put(d, sv_keep(key), sv_keep(item))) return true;
    if (key.tag == SV_SYM) eager_only(L);
    else if (!sdict_hashable(key)) lower_raise(L, "RuntimeError", "unhashable type: '%s'", sv_tag_name(key.tag));
    else host_oom(L);
    return false;
}
void aten_dict_setitem(lower *L) {
    sdict *d = host_dict(L, 0);
    if (d) put(L, d, arg(L, 1), arg(L, 2));
}
void aten_dict_setdefault(lower *L) {
    sdict *d = host_dict(L, 0);
    const sv *at = find(L, d);
    if (!d || !lower_ok(L)) return;
    if (at) ret_value(L, sv_keep(*at));
    else if (put(L, d, arg(L, 1), arg(L, 2))) ret_value(L, sv_keep(arg(L, 2)));
}

static void take(lower *L, sv *out, bool must) {
    sdict *d = host_dict(L, 0);
    sv key = arg(L, 1);
    *out = sv_none();
    if (!d || (key.tag == SV_SYM && !eager_only(L))) return;
    if (sdict_remove(d, key, out)) return;
    if (must) key_error(L, key);
    else *out = sv_keep(arg(L, 2));
}
void aten_dict_pop(lower *L) {
    sv v;
    take(L, &v, L->op->schema->nparams < 3);
    ret_value(L, v);
}
void aten_dict_delete(lower *L) {
    sv v;
    take(L, &v, true);
    sv_drop(v);
}

static void pair_of(lower *L, sv key, sv item, stuple **out) {
    *out = stuple_new(2, NULL);
    if (!*out) return host_oom(L);
    (*out)->items[0] = sv_keep(key);
    (*out)->items[1] = sv_keep(item);
}
void aten_dict_popitem(lower *L) { /* the last one put, as Python's */
    sdict *d = host_dict(L, 0);
    stuple *t;
    if (!d) return;
    if (d->count == 0) return lower_raise(L, "RuntimeError", "popitem(): dictionary is empty");
    size_t i = d->used;
    while (!d->entries[i - 1].live) i--;
    pair_of(L, d->entries[i - 1].key, d->entries[i - 1].value, &t);
    if (!t) return;
    sdict_remove(d, t->items[0], NULL);
    ret_value(L, sv_of(t));
}
void aten_dict_clear(lower *L) {
    sdict *d = host_dict(L, 0);
    if (d) sdict_clear(d);
}

static bool put_all(lower *L, sdict *d, const sdict *from) {
    for (size_t i = 0; i < from->used; i++)
        if (from->entries[i].live && !put(L, d, from->entries[i].key, from->entries[i].value)) return false;
    return true;
}
void aten_dict_update(lower *L) {
    sdict *d = host_dict(L, 0), *from = host_dict(L, 1);
    if (d && from && d != from) put_all(L, d, from);
}

/* ---- new dicts and lists ---- */
static sdict *dict_of(lower *L, const stype *key, const stype *item) {
    sdict *d = sdict_new(key, item);
    if (!d) host_oom(L);
    return d;
}
static void ret_dict(lower *L, sdict *d) {
    if (d) ret_value(L, sv_of(d));
}

void aten_dict_copy(lower *L) {
    const sdict *from = host_dict(L, 0);
    sdict *d = from ? dict_of(L, from->key, from->value) : NULL;
    if (d) put_all(L, d, from);
    ret_dict(L, d);
}
void aten_dict_empty(lower *L) { ret_dict(L, dict_of(L, &stype_str, &stype_tensor)); }

void aten_dict_from_pairs(lower *L) {
    const slist *l = host_list(L, 0);
    if (!l) return;
    const stype *pair = l->elem && l->elem->kind == ST_TUPLE && l->elem->n == 2 ? l->elem : NULL;
    sdict *d = dict_of(L, pair ? pair->args[0] : &stype_any, pair ? pair->args[1] : &stype_any);
    for (size_t i = 0; d && i < l->count && lower_ok(L); i++) {
        const stuple *t = sv_tuple(l->items[i]);
        if (t && t->n == 2) put(L, d, t->items[0], t->items[1]);
        else lower_raise(L, "RuntimeError", "dict(): a list of pairs is expected");
    }
    ret_dict(L, d);
}

enum which { KEYS, VALUES, ITEMS };
static void list_of(lower *L, enum which what) {
    const sdict *d = host_dict(L, 0);
    if (!d) return;
    const stype *elem = what == KEYS ? d->key : what == VALUES ? d->value : L->op->schema->returns[0]->args[0];
    slist *l = slist_new(elem, d->count);
    if (!l) return host_oom(L);
    for (size_t i = 0; i < d->used && lower_ok(L); i++) {
        const sdict_entry *e = &d->entries[i];
        stuple *t = NULL;
        if (!e->live) continue;
        if (what == ITEMS) pair_of(L, e->key, e->value, &t);
        if (lower_ok(L)) host_push(L, l, what == ITEMS ? sv_of(t) : sv_keep(what == KEYS ? e->key : e->value));
    }
    ret_value(L, sv_of(l));
}
void aten_dict_keys(lower *L) { list_of(L, KEYS); }
void aten_dict_values(lower *L) { list_of(L, VALUES); }
void aten_dict_items(lower *L) { list_of(L, ITEMS); }
