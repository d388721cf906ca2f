/* SPDX-License-Identifier: MIT
 *
 * Coercion of arguments (coerce.h).
 */
#include "script/coerce.h"

enum { MAX_DEPTH = 100 };

static naru_status wrong(sv v, const stype *t, const char *what, naru_error *err) {
    str text = {0};
    stype_print(t, &text);
    naru_status st = err_set(err, NARU_TYPE, "%s: a value of type '%s' is expected, not %s", what, str_text(&text),
                             sv_tag_name(v.tag));
    str_free(&text);
    return st;
}

static naru_status coerce(sv v, const stype *t, const char *what, int depth, sv *out, naru_error *err);

static naru_status coerce_list(slist *l, const stype *t, const char *what, int depth, naru_error *err) {
    for (size_t i = 0; i < l->count; i++) {
        sv x;
        TRY(coerce(l->items[i], t->args[0], what, depth + 1, &x, err));
        sv_set(&l->items[i], x);
    }
    l->elem = t->args[0];
    return NARU_OK;
}

static naru_status coerce_dict(sdict *d, const stype *t, const char *what, int depth, naru_error *err) {
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].live) continue;
        sv x;
        if (!sv_isinstance(d->entries[i].key, t->args[0])) return wrong(d->entries[i].key, t->args[0], what, err);
        TRY(coerce(d->entries[i].value, t->args[1], what, depth + 1, &x, err));
        sv_set(&d->entries[i].value, x);
    }
    d->key = t->args[0];
    d->value = t->args[1];
    return NARU_OK;
}

static naru_status coerce_tuple(sv v, const stype *t, const char *what, int depth, sv *out, naru_error *err) {
    stuple *from = sv_tuple(v), *to = stuple_new(t->n, t->cls);
    if (!to) return err_oom(err);
    for (int i = 0; i < t->n; i++) {
        naru_status st = coerce(from->items[i], t->args[i], what, depth + 1, &to->items[i], err);
        if (st != NARU_OK) {
            to->items[i] = sv_none();
            sobj_release(&to->head);
            return st;
        }
    }
    *out = sv_of(to);
    return NARU_OK;
}

static naru_status coerce_union(sv v, const stype *t, const char *what, int depth, sv *out, naru_error *err) {
    for (int i = 0; i < t->n; i++)
        if (sv_isinstance(v, t->args[i])) return *out = sv_keep(v), NARU_OK;
    for (int i = 0; i < t->n; i++)
        if (coerce(v, t->args[i], what, depth + 1, out, NULL) == NARU_OK) return NARU_OK;
    return wrong(v, t, what, err);
}

/* Any: element types from what is inside. */
static naru_status infer_elements(sv v, sv *out) {
    static const struct {
        sv_tag tag;
        const stype *type;
    } simple[] = {{SV_INT, &stype_int},
                  {SV_FLOAT, &stype_float},
                  {SV_BOOL, &stype_bool},
                  {SV_STR, &stype_str},
                  {SV_TENSOR, &stype_tensor}};
    slist *l = sv_list(v);
    for (size_t k = 0; l && l->count && k < COUNT_OF(simple); k++)
        if (l->items[0].tag == simple[k].tag) l->elem = simple[k].type;
    sdict *d = sv_dict(v);
    for (size_t k = 0; d && d->used && k < COUNT_OF(simple); k++) {
        if (d->entries[0].key.tag == simple[k].tag) d->key = simple[k].type;
        if (d->entries[0].value.tag == simple[k].tag) d->value = simple[k].type;
    }
    *out = sv_keep(v);
    return NARU_OK;
}

static naru_status coerce(sv v, const stype *t, const char *what, int depth, sv *out, naru_error *err) {
    *out = sv_none();
    if (depth > MAX_DEPTH) return err_set(err, NARU_LIMIT, "%s: values nest too deep", what);
    switch (t->kind) {
    case ST_FLOAT:
        if (v.tag == SV_INT) return *out = sv_float((double)v.i), NARU_OK;
        break;
    case ST_OPTIONAL: return v.tag == SV_NONE ? NARU_OK : coerce(v, t->args[0], what, depth + 1, out, err);
    case ST_UNION: return coerce_union(v, t, what, depth, out, err);
    case ST_ANY: return infer_elements(v, out);
    case ST_LIST:
        if (v.tag != SV_LIST) return wrong(v, t, what, err);
        TRY(coerce_list(sv_list(v), t, what, depth, err));
        return *out = sv_keep(v), NARU_OK;
    case ST_DICT:
        if (v.tag != SV_DICT) return wrong(v, t, what, err);
        TRY(coerce_dict(sv_dict(v), t, what, depth, err));
        return *out = sv_keep(v), NARU_OK;
    case ST_TUPLE:
        if (v.tag != SV_TUPLE || sv_tuple(v)->n != t->n) return wrong(v, t, what, err);
        return coerce_tuple(v, t, what, depth, out, err);
    case ST_DEVICE:
        if (v.tag != SV_STR) break;
        if (!device_is_named(sv_string(v)->data))
            return err_set(err, NARU_INVALID_ARGUMENT, "%s: '%.100s' is no device, such as cpu or cuda:0", what,
                           sv_string(v)->data);
        return (*out = sv_device(sv_string(v)->data)).tag == SV_UNINIT ? err_oom(err) : NARU_OK;
    default: break;
    }
    if (!sv_isinstance(v, t)) return wrong(v, t, what, err);
    *out = sv_keep(v);
    return NARU_OK;
}

naru_status sv_coerce(sv v, const stype *t, const char *what, sv *out, naru_error *err) {
    return coerce(v, t, what, 0, out, err);
}
