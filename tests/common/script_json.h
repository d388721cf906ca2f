/* SPDX-License-Identifier: MIT
 *
 * Values of scripts in recorded calls (data/README.md; made by script/make_ops.py): JSON -> sv, and JSON against sv.
 */
#ifndef TESTS_SCRIPT_JSON_H
#define TESTS_SCRIPT_JSON_H

#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/str.h"
#include "script/custom.h"
#include "script/value.h"
#include "tensor/dtype.h"

static inline double sj_number(const json_t *j) { /* numbers, booleans, "nan", "inf", "-inf" */
    const char *s = json_string_value(j);
    if (s) return strcmp(s, "nan") == 0 ? NAN : strcmp(s, "inf") == 0 ? INFINITY : -INFINITY;
    return json_is_boolean(j) ? json_is_true(j) : json_number_value(j);
}

static inline naru_dtype sj_dtype(const char *name) {
    static const struct {
        const char *name;
        naru_dtype d;
    } table[] = {{"float32", NARU_FLOAT},     {"float64", NARU_DOUBLE},      {"float16", NARU_FLOAT16},
                 {"bfloat16", NARU_BFLOAT16}, {"int64", NARU_INT64},         {"int32", NARU_INT32},
                 {"int16", NARU_INT16},       {"int8", NARU_INT8},           {"uint8", NARU_UINT8},
                 {"bool", NARU_BOOL},         {"complex64", NARU_COMPLEX64}, {"complex128", NARU_COMPLEX128},
                 {"uint4", NARU_UINT4},       {"uint16", NARU_UINT16},       {"uint32", NARU_UINT32},
                 {"uint64", NARU_UINT64}};
    for (size_t i = 0; name && i < COUNT_OF(table); i++)
        if (strcmp(table[i].name, name) == 0) return table[i].d;
    return NARU_UNDEFINED;
}

static inline int sj_dims(const json_t *list, int64_t *out) {
    int n = (int)json_array_size(list);
    for (int i = 0; i < n && i < NARU_MAX_RANK; i++) out[i] = json_integer_value(json_array_get(list, (size_t)i));
    return n;
}

static inline void sj_store(naru_dtype d, void *data, int64_t at, const json_t *items, int64_t i) {
    if (d == NARU_COMPLEX64 || d == NARU_COMPLEX128) {
        for (int k = 0; k < 2; k++) {
            double v = sj_number(json_array_get(items, (size_t)(2 * i + k)));
            if (d == NARU_COMPLEX64) ((float *)data)[2 * at + k] = (float)v;
            else ((double *)data)[2 * at + k] = v;
        }
        return;
    }
    const json_t *v = json_array_get(items, (size_t)i);
    if (json_is_integer(v)) dtype_set_i64(d, data, at, json_integer_value(v));
    else dtype_set_f64(d, data, at, sj_number(v));
}

/* NULL: out of memory or not a tensor. "strides": elements lie so in memory. */
static inline sten *sj_tensor(const json_t *j) {
    int64_t dims[NARU_MAX_RANK], strides[NARU_MAX_RANK], at[NARU_MAX_RANK] = {0}, last = 0, place = 0;
    naru_dtype d = sj_dtype(json_string_value(json_object_get(j, "tensor")));
    const json_t *data = json_object_get(j, "data"), *given = json_object_get(j, "strides");
    int rank = sj_dims(json_object_get(j, "shape"), dims);
    if (d == NARU_UNDEFINED) return NULL;
    sten *t = sten_new(d, rank, dims);
    if (t && given) {
        sj_dims(given, strides);
        for (int i = 0; i < rank; i++) last += (dims[i] - 1) * strides[i];
        sten *flat = sten_new(d, 1, (int64_t[]){last + 1});
        sobj_release(&t->head);
        t = flat ? sten_view(flat->t.storage, flat->t.data, d, rank, dims, strides) : NULL;
        if (flat) sobj_release(&flat->head);
    }
    if (!t) return NULL;
    for (int64_t i = 0, n = tensor_count(&t->t); i < n; i++) {
        sj_store(d, t->t.data, place, data, i);
        for (int k = rank - 1; k >= 0; k--) {
            place += t->t.strides[k];
            if (++at[k] < dims[k]) break;
            place -= t->t.strides[k] * dims[k];
            at[k] = 0;
        }
    }
    return t;
}

static inline int sj_qtype(const json_t *j) { /* torch's number of a quantized type; 0: another */
    static const char *const names[] = {"qint8", "quint8", "qint32"};
    const char *s = json_string_value(j);
    for (int i = 0; s && i < 3; i++)
        if (strcmp(names[i], s) == 0) return 12 + i;
    return s && strcmp(s, "quint4x2") == 0 ? 16 : 0;
}

static inline sten *sj_quantized(const json_t *j) {
    sten *t = sj_tensor(json_object_get(j, "quantized"));
    squant *q = mem_calloc(1, sizeof *q);
    if (!t || !q) return NULL;
    q->refs = 1;
    q->type = sj_qtype(json_object_get(j, "dtype"));
    if (!q->type) q->type = 13;
    const json_t *scales = json_object_get(j, "scales");
    if (scales) {
        sten *s = sj_tensor(scales), *z = sj_tensor(json_object_get(j, "zero_points"));
        naru_error err = NARU_ERROR_INIT;
        if (!s || !z) return NULL;
        q->scheme = z->t.dtype == NARU_INT64 ? 1 : 4;
        q->axis = (int)json_integer_value(json_object_get(j, "axis"));
        sten_export(s, &q->scales, &err);
        sten_export(z, &q->zero_points, &err);
        sobj_release(&s->head);
        sobj_release(&z->head);
    } else {
        q->scale = json_number_value(json_object_get(j, "scale"));
        q->zero_point = json_integer_value(json_object_get(j, "zero_point"));
    }
    t->q = q;
    return t;
}

static inline const stype *sj_elem(const stype *hint) {
    while (hint && hint->kind == ST_OPTIONAL) hint = hint->args[0];
    return hint && hint->kind == ST_LIST ? hint->args[0] : NULL;
}

static inline const stype *sj_type_of(sv v) {
    switch (v.tag) {
    case SV_INT: return &stype_int;
    case SV_FLOAT: return &stype_float;
    case SV_BOOL: return &stype_bool;
    case SV_STR: return &stype_str;
    case SV_TENSOR: return &stype_tensor;
    default: return &stype_any;
    }
}

/* hint: the declared type, for lists; may be NULL. SV_UNINIT: not understood. */
static inline sv sj_value(const json_t *j, const stype *hint) {
    const json_t *v;
    if (json_is_null(j)) return sv_none();
    if (json_is_boolean(j)) return sv_bool(json_is_true(j));
    if (json_is_integer(j)) return sv_int(json_integer_value(j));
    if (json_is_string(j)) return sv_str(json_string_value(j), json_string_length(j));
    if ((v = json_object_get(j, "float"))) return sv_float(sj_number(v));
    if ((v = json_object_get(j, "complex")))
        return sv_complex(sj_number(json_array_get(v, 0)), sj_number(json_array_get(v, 1)));
    if (json_object_get(j, "tensor")) return sv_of(sj_tensor(j));
    if (json_object_get(j, "quantized")) return sv_of(sj_quantized(j));
    if ((v = json_object_get(j, "custom"))) {
        naru_error err = NARU_ERROR_INIT;
        sv state = sj_value(json_object_get(j, "state"), NULL), out = {.tag = SV_UNINIT};
        if (custom_from_state(json_string_value(v), state, &out, &err) != NARU_OK) fprintf(stderr, "%s\n", err.message);
        sv_drop(state);
        return out;
    }
    if ((v = json_object_get(j, "device"))) return sv_device(json_string_value(v));
    if ((v = json_object_get(j, "dtype")) && sj_qtype(v)) return sv_int(sj_qtype(v));
    if ((v = json_object_get(j, "dtype"))) return sv_int(torch_of_dtype(sj_dtype(json_string_value(v))));
    if ((v = json_object_get(j, "tuple"))) {
        stuple *t = stuple_new((int)json_array_size(v), NULL);
        for (size_t i = 0; t && i < json_array_size(v); i++) t->items[i] = sj_value(json_array_get(v, i), NULL);
        return sv_of(t);
    }
    if ((v = json_object_get(j, "list"))) {
        size_t n = json_array_size(v);
        const stype *elem = sj_elem(hint);
        sv first = n ? sj_value(json_array_get(v, 0), elem) : sv_none();
        slist *l = slist_new(elem && elem->kind != ST_VAR ? elem : sj_type_of(first), n);
        if (l && n) slist_push(l, first);
        for (size_t i = 1; l && i < n; i++) slist_push(l, sj_value(json_array_get(v, i), elem));
        return sv_of(l);
    }
    if ((v = json_object_get(j, "dict"))) {
        sdict *d = NULL;
        for (size_t i = 0; i < json_array_size(v); i++) {
            const json_t *pair = json_array_get(v, i);
            sv key = sj_value(json_array_get(pair, 0), NULL), item = sj_value(json_array_get(pair, 1), NULL);
            if (!d) d = sdict_new(sj_type_of(key), sj_type_of(item));
            sdict_put(d, key, item);
        }
        return sv_of(d ? d : sdict_new(&stype_str, &stype_any));
    }
    return (sv){.tag = SV_UNINIT};
}

/* ---- comparing ---- */
typedef struct sj_tolerance {
    double rtol, atol; /* of floats; negative: by type */
    bool any;          /* types and shapes only */
} sj_tolerance;

static inline bool sj_close(double want, double got, double rtol, double atol) {
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got)) return want == got;
    return fabs(want - got) <= atol + rtol * fabs(want);
}

static inline bool sj_same_tensor(const json_t *j, const sten *got, const sj_tolerance *tol, str *why) {
    sten *want = sj_tensor(j);
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *g = NULL, *w = NULL;
    bool same = false;
    if (!want) {
        str_addf(why, "a tensor of unknown type is expected");
        return false;
    }
    naru_dtype d = want->t.dtype;
    double rtol = d == NARU_FLOAT16 ? 2e-3 : d == NARU_BFLOAT16 ? 1.6e-2 : d == NARU_DOUBLE ? 1e-9 : 1e-5, atol = rtol;
    if (d == NARU_FLOAT || d == NARU_COMPLEX64) rtol = 1e-5, atol = 2e-6;
    if (tol->rtol >= 0) rtol = tol->rtol;
    if (tol->atol >= 0) atol = tol->atol;
    if (d != got->t.dtype || !tensor_same_dims(&want->t, &got->t)) {
        str_addf(why, "wanted %s[", naru_dtype_name(d));
        for (int i = 0; i < want->t.rank; i++) str_addf(why, " %lld", (long long)want->t.dims[i]);
        str_addf(why, " ], got %s[", naru_dtype_name(got->t.dtype));
        for (int i = 0; i < got->t.rank; i++) str_addf(why, " %lld", (long long)got->t.dims[i]);
        str_addf(why, " ]");
    } else if (tol->any) {
        same = true;
    } else if (tensor_contiguous(&want->t, &w, &err) == NARU_OK &&
               tensor_contiguous((naru_tensor *)&got->t, &g, &err) == NARU_OK) {
        bool c = d == NARU_COMPLEX64 || d == NARU_COMPLEX128;
        naru_dtype part = d == NARU_COMPLEX64 ? NARU_FLOAT : d == NARU_COMPLEX128 ? NARU_DOUBLE : d;
        int64_t n = tensor_count(w) * (c ? 2 : 1), bad = 0;
        for (int64_t i = 0; i < n; i++) {
            double a = dtype_get_f64(part, w->data, i), b = dtype_get_f64(part, g->data, i);
            bool eq = dtype_is_float(part) ? sj_close(a, b, rtol, atol)
                                           : dtype_get_i64(part, w->data, i) == dtype_get_i64(part, g->data, i);
            if (!eq && bad++ == 0) str_addf(why, "element %lld: wanted %.9g, got %.9g", (long long)i, a, b);
        }
        if (bad) str_addf(why, " (%lld of %lld differ)", (long long)bad, (long long)n);
        same = bad == 0;
    }
    tensor_unref(w);
    tensor_unref(g);
    sobj_release(&want->head);
    return same;
}

static inline bool sj_same_quantized(const json_t *j, const sten *got, const sj_tolerance *tol, str *why) {
    if (!got->q) return str_addf(why, "a quantized tensor is expected"), false;
    const json_t *scale = json_object_get(j, "scale");
    if (scale && (!sj_close(json_number_value(scale), got->q->scale, 1e-6, 0) ||
                  got->q->zero_point != json_integer_value(json_object_get(j, "zero_point"))))
        return str_addf(why, "wanted scale %.9g, zero point %lld, got %.9g, %lld", json_number_value(scale),
                        (long long)json_integer_value(json_object_get(j, "zero_point")), got->q->scale,
                        (long long)got->q->zero_point),
               false;
    return sj_same_tensor(json_object_get(j, "quantized"), got, tol, why);
}

static inline bool sj_same(const json_t *j, sv got, const sj_tolerance *tol, str *why);

static inline bool sj_same_items(const json_t *list, size_t n, const sv *items, const sj_tolerance *tol, str *why) {
    if (json_array_size(list) != n) return str_addf(why, "wanted %zu items, got %zu", json_array_size(list), n), false;
    for (size_t i = 0; i < n; i++)
        if (!sj_same(json_array_get(list, i), items[i], tol, why)) return str_addf(why, " (item %zu)", i), false;
    return true;
}

static inline bool sj_same_dict(const json_t *list, const sdict *d, const sj_tolerance *tol, str *why) {
    if (json_array_size(list) != d->count) return str_addf(why, "dicts of different length"), false;
    size_t at = 0;
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].live) continue;
        const json_t *pair = json_array_get(list, at++);
        if (!sj_same(json_array_get(pair, 0), d->entries[i].key, tol, why) ||
            !sj_same(json_array_get(pair, 1), d->entries[i].value, tol, why))
            return str_addf(why, " (entry %zu)", at - 1), false;
    }
    return true;
}

static inline bool sj_same(const json_t *j, sv got, const sj_tolerance *tol, str *why) {
    const json_t *v;
    if (got.tag == SV_ENUM) return sj_same(j, ((senum *)got.o)->value, tol, why);
    if ((v = json_object_get(j, "tensor")) && got.tag == SV_TENSOR) return sj_same_tensor(j, sv_tensor(got), tol, why);
    if ((v = json_object_get(j, "quantized")) && got.tag == SV_TENSOR)
        return sj_same_quantized(j, sv_tensor(got), tol, why);
    if ((v = json_object_get(j, "list")) && got.tag == SV_LIST)
        return sj_same_items(v, sv_list(got)->count, sv_list(got)->items, tol, why);
    if ((v = json_object_get(j, "tuple")) && got.tag == SV_TUPLE)
        return sj_same_items(v, (size_t)sv_tuple(got)->n, sv_tuple(got)->items, tol, why);
    if ((v = json_object_get(j, "dict")) && got.tag == SV_DICT) return sj_same_dict(v, sv_dict(got), tol, why);
    if (got.tag == SV_CUSTOM && (v = json_object_get(j, "state"))) {
        sv state = sv_none();
        naru_error err = NARU_ERROR_INIT;
        bool equal = custom_get_state((scustom *)got.o, &state, &err) == NARU_OK && sj_same(v, state, tol, why);
        sv_drop(state);
        return equal;
    }
    if ((v = json_object_get(j, "repr")) && got.tag == SV_DEVICE)
        return strcmp(json_string_value(v), sv_string(got)->data) == 0;
    bool same = false;
    if ((v = json_object_get(j, "float")) && got.tag == SV_FLOAT)
        same = sj_close(sj_number(v), got.f, tol->rtol >= 0 ? tol->rtol : 1e-9, tol->atol >= 0 ? tol->atol : 1e-12);
    else if (got.tag == SV_INT && json_object_get(j, "repr"))
        same = strstr(json_string_value(json_object_get(j, "repr")), torch_dtype_name((int)got.i)) != NULL;
    else {
        sv want = sj_value(j, NULL);
        same = want.tag == got.tag && (sv_equal(want, got) || tol->any);
        sv_drop(want);
    }
    if (!same) {
        char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
        str_addf(why, "wanted %.80s, got %s ", text ? text : "?", sv_tag_name(got.tag));
        sv_print(got, why);
        free(text);
    }
    return same;
}

#endif
