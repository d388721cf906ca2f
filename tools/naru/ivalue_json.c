/* SPDX-License-Identifier: MIT
 *
 * Values of scripts as JSON, in the encoding of recorded calls, both ways: making them and comparing with them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"

static naru_status bad(naru_error *err, const char *what) {
    if (err) {
        err->code = NARU_BAD_FILE;
        snprintf(err->message, sizeof err->message, "recorded value: %s", what);
    }
    return NARU_BAD_FILE;
}

static double number_of(const json_t *j) { /* also "nan", "inf", "-inf", true */
    const char *s = json_string_value(j);
    if (s) return strcmp(s, "nan") == 0 ? NAN : s[0] == '-' ? -HUGE_VAL : HUGE_VAL;
    return json_is_boolean(j) ? json_is_true(j) : json_number_value(j);
}

/* ---- tensors ---- */
static naru_dtype torch_type(const char *name) {
    static const struct {
        const char *torch;
        naru_dtype d;
    } odd[] = {{"float32", NARU_FLOAT},        {"float64", NARU_DOUBLE},    {"float16", NARU_FLOAT16},
               {"half", NARU_FLOAT16},         {"bfloat16", NARU_BFLOAT16}, {"complex64", NARU_COMPLEX64},
               {"complex128", NARU_COMPLEX128}};
    for (size_t i = 0; name && i < sizeof odd / sizeof odd[0]; i++)
        if (strcmp(odd[i].torch, name) == 0) return odd[i].d;
    return name ? naru_dtype_parse(name) : NARU_UNDEFINED;
}

static naru_status tensor_data(const json_t *data, naru_dtype d, int rank, const int64_t *dims, naru_tensor **out,
                               naru_error *err) {
    bool complex_ = d == NARU_COMPLEX64 || d == NARU_COMPLEX128;
    bool integral = d != NARU_FLOAT && d != NARU_DOUBLE && d != NARU_FLOAT16 && d != NARU_BFLOAT16 && !complex_;
    naru_tensor *wide;
    naru_dtype w = complex_ ? d : integral ? NARU_INT64 : NARU_DOUBLE;
    naru_status st = naru_tensor_create(w, rank, dims, &wide, err);
    if (st != NARU_OK) return st;
    size_t n = (size_t)naru_tensor_count(wide) * (complex_ ? 2 : 1);
    if (json_array_size(data) != n) {
        naru_tensor_destroy(&wide);
        return bad(err, "a tensor's data has another length than its shape says");
    }
    void *p = naru_tensor_data(wide);
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(data, i);
        if (integral) ((int64_t *)p)[i] = json_is_boolean(x) ? json_is_true(x) : json_integer_value(x);
        else if (d == NARU_COMPLEX64) ((float *)p)[i] = (float)number_of(x);
        else ((double *)p)[i] = number_of(x);
    }
    if (w == d) {
        *out = wide;
        return NARU_OK;
    }
    st = naru_tensor_cast(wide, d, out, err);
    naru_tensor_destroy(&wide);
    return st;
}

static naru_status tensor_from_json(const json_t *j, naru_npz *npz, naru_tensor **out, naru_error *err) {
    naru_dtype d = torch_type(json_string_value(json_object_get(j, "tensor")));
    const json_t *sizes = json_object_get(j, "shape");
    const char *key = json_string_value(json_object_get(j, "npz"));
    int64_t dims[NARU_MAX_RANK];
    int rank = (int)json_array_size(sizes);
    if (d == NARU_UNDEFINED || !json_is_array(sizes) || rank > NARU_MAX_RANK)
        return bad(err, "a tensor's type or shape");
    for (int i = 0; i < rank; i++) dims[i] = json_integer_value(json_array_get(sizes, (size_t)i));
    if (!key) return tensor_data(json_object_get(j, "data"), d, rank, dims, out, err);
    naru_tensor *t;
    if (!npz) return bad(err, "a tensor is in an .npz that is not there");
    naru_status st = naru_npz_read(npz, key, &t, err);
    if (st != NARU_OK) return st;
    st = naru_tensor_cast(t, d, out, err);
    naru_tensor_destroy(&t);
    return st;
}

/* ---- making ---- */

static naru_status items_from_json(const json_t *array, naru_npz *npz, gather_fn gather, naru_ivalue **out,
                                   naru_error *err) {
    size_t n = json_array_size(array), i = 0;
    naru_ivalue **items = take((n + 1) * sizeof *items);
    naru_status st = NARU_OK;
    for (; st == NARU_OK && i < n; i++) st = ivalue_from_json(json_array_get(array, i), npz, &items[i], err);
    if (st == NARU_OK) st = gather(items, n, out, err);
    else i--;
    while (i > 0) naru_ivalue_destroy(&items[--i]);
    free(items);
    return st;
}

static naru_status dict_from_json(const json_t *pairs, naru_npz *npz, naru_ivalue **out, naru_error *err) {
    size_t n = json_array_size(pairs);
    naru_ivalue **keys = calloc(2 * n + 1, sizeof *keys), **values = keys + n;
    naru_status st = keys ? NARU_OK : NARU_OUT_OF_MEMORY;
    for (size_t i = 0; st == NARU_OK && i < n; i++) {
        const json_t *p = json_array_get(pairs, i);
        st = ivalue_from_json(json_array_get(p, 0), npz, &keys[i], err);
        if (st == NARU_OK) st = ivalue_from_json(json_array_get(p, 1), npz, &values[i], err);
    }
    if (st == NARU_OK) st = naru_ivalue_dict(keys, values, n, out, err);
    for (size_t i = 0; keys && i < 2 * n; i++) naru_ivalue_destroy(&keys[i]);
    free(keys);
    return st;
}

static naru_status quantized_from_json(const json_t *j, naru_npz *npz, naru_ivalue **out, naru_error *err) {
    naru_tensor *t;
    naru_status st = tensor_from_json(json_object_get(j, "quantized"), npz, &t, err);
    if (st != NARU_OK) return st;
    naru_dtype d = naru_tensor_dtype(t);
    st = naru_ivalue_quantized(t,
                               d == NARU_INT8    ? 12
                               : d == NARU_UINT8 ? 13
                                                 : 14,
                               number_of(json_object_get(j, "scale")),
                               json_integer_value(json_object_get(j, "zero_point")), out, err);
    naru_tensor_destroy(&t);
    return st;
}

/* {"repr": "torch.float32"}, a dtype, which scripts take as its number; else a device. */
static naru_status named_from_json(const char *text, naru_ivalue **out, naru_error *err) {
    static const char *const dtypes[] = {"uint8",   "int8",    "int16",     "int32",     "int64",      "float16",
                                         "float32", "float64", "complex32", "complex64", "complex128", "bool",
                                         "qint8",   "quint8",  "qint32",    "bfloat16"};
    if (!text) return bad(err, "a name that is no text");
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strncmp(text, "torch.", 6) == 0 && strcmp(text + 6, dtypes[i]) == 0)
            return naru_ivalue_int((int64_t)i, out, err);
    return strncmp(text, "torch.", 6) == 0 ? bad(err, "an unknown dtype") : naru_ivalue_device(text, out, err);
}

static naru_status object_from_json(const json_t *j, naru_npz *npz, naru_ivalue **out, naru_error *err) {
    const json_t *x;
    if ((x = json_object_get(j, "float"))) return naru_ivalue_double(number_of(x), out, err);
    if ((x = json_object_get(j, "complex")))
        return naru_ivalue_complex(number_of(json_array_get(x, 0)), number_of(json_array_get(x, 1)), out, err);
    if ((x = json_object_get(j, "list"))) return items_from_json(x, npz, naru_ivalue_list, out, err);
    if ((x = json_object_get(j, "tuple"))) return items_from_json(x, npz, naru_ivalue_tuple, out, err);
    if ((x = json_object_get(j, "dict"))) return dict_from_json(x, npz, out, err);
    if ((x = json_object_get(j, "repr"))) return named_from_json(json_string_value(x), out, err);
    if (json_object_get(j, "quantized")) return quantized_from_json(j, npz, out, err);
    if (!json_object_get(j, "tensor")) return bad(err, "an object that is no value");
    naru_tensor *t;
    naru_status st = tensor_from_json(j, npz, &t, err);
    if (st == NARU_OK) st = naru_ivalue_tensor(t, out, err);
    naru_tensor_destroy(&t);
    return st;
}

naru_status ivalue_from_json(const json_t *j, naru_npz *npz, naru_ivalue **out, naru_error *err) {
    *out = NULL;
    switch (json_typeof(j)) {
    case JSON_NULL: return naru_ivalue_none(out, err);
    case JSON_TRUE:
    case JSON_FALSE: return naru_ivalue_bool(json_is_true(j), out, err);
    case JSON_INTEGER: return naru_ivalue_int(json_integer_value(j), out, err);
    case JSON_REAL: return naru_ivalue_double(json_real_value(j), out, err);
    case JSON_STRING: return naru_ivalue_string(json_string_value(j), json_string_length(j), out, err);
    case JSON_OBJECT: return object_from_json(j, npz, out, err);
    default: return items_from_json(j, npz, naru_ivalue_list, out, err); /* a bare array, as a person writes it */
    }
}

/* ---- telling ---- */
static json_t *float_json(double v) {
    json_t *x = isnan(v) ? json_string("nan") : isinf(v) ? json_string(v > 0 ? "inf" : "-inf") : json_real(v);
    return x;
}

static json_t *tensor_json(const naru_ivalue *v) {
    naru_tensor *t = naru_ivalue_to_tensor(v);
    json_t *dims = json_array();
    for (int i = 0; t && i < naru_tensor_rank(t); i++)
        json_array_append_new(dims, json_integer(naru_tensor_dims(t)[i]));
    json_t *o = json_pack("{ss so}", "tensor", t ? naru_dtype_name(naru_tensor_dtype(t)) : "undefined", "shape", dims);
    naru_tensor_destroy(&t);
    return o;
}

static json_t *items_json(const naru_ivalue *v) {
    json_t *array = json_array();
    for (size_t i = 0; i < naru_ivalue_count(v); i++) {
        naru_ivalue *x = naru_ivalue_item(v, i), *key = naru_ivalue_key(v, i);
        json_t *j = ivalue_to_json(x);
        json_array_append_new(array, key ? json_pack("[oo]", ivalue_to_json(key), j) : j);
        naru_ivalue_destroy(&x);
        naru_ivalue_destroy(&key);
    }
    return array;
}

static json_t *printed_json(const naru_ivalue *v) {
    char *text = NULL;
    if (naru_ivalue_print(v, &text, NULL) != NARU_OK) return json_null();
    json_t *j = json_pack("{ss}", "repr", utf8(text));
    naru_text_free(&text);
    return j;
}

json_t *ivalue_to_json(const naru_ivalue *v) {
    size_t n;
    const char *s;
    switch (naru_ivalue_kind(v)) {
    case NARU_I_NONE: return json_null();
    case NARU_I_BOOL: return json_boolean(naru_ivalue_to_bool(v));
    case NARU_I_INT: return json_integer(naru_ivalue_to_int(v));
    case NARU_I_DOUBLE: return json_pack("{so}", "float", float_json(naru_ivalue_to_double(v)));
    case NARU_I_COMPLEX:
        return json_pack("{s[oo]}", "complex", float_json(naru_ivalue_to_double(v)),
                         float_json(naru_ivalue_imaginary(v)));
    case NARU_I_STRING: {
        s = naru_ivalue_to_string(v, &n);
        json_t *text = json_stringn(s, n);
        return text ? text : printed_json(v); /* not UTF-8 */
    }
    case NARU_I_TENSOR: return tensor_json(v);
    case NARU_I_LIST: return json_pack("{so}", "list", items_json(v));
    case NARU_I_TUPLE: return json_pack("{so}", "tuple", items_json(v));
    case NARU_I_DICT: return json_pack("{so}", "dict", items_json(v));
    default: return printed_json(v);
    }
}

/* ---- comparing ---- */
typedef struct judge {
    naru_npz *npz;
    const verify_args *args;
    double *worst;
    char *why;
    size_t size;
} judge;

static bool agrees(judge *k, const naru_ivalue *v, const json_t *j, const char *where);

static bool differs(judge *k, const char *where, const char *got, const char *want) {
    snprintf(k->why, k->size, "%s%sgot %.150s, want %.150s", where, *where ? ": " : "", got, want);
    return false;
}

static bool close(judge *k, double got, double want, const char *where) {
    char a[40], b[40];
    if ((isnan(got) && isnan(want)) || got == want) return true;
    double d = fabs(got - want);
    if (d > *k->worst) *k->worst = d;
    if (d <= k->args->atol + k->args->rtol * fabs(want)) return true;
    snprintf(a, sizeof a, "%.9g", got);
    snprintf(b, sizeof b, "%.9g", want);
    return differs(k, where, a, b);
}

static bool same_tensor(judge *k, const naru_tensor *got, const json_t *j, const char *where) {
    naru_tensor *want = NULL;
    naru_error err = NARU_ERROR_INIT;
    naru_comparison c = {.size = sizeof c};
    naru_status st = tensor_from_json(j, k->npz, &want, &err);
    if (st == NARU_OK) st = naru_tensor_compare(got, want, k->args->rtol, k->args->atol, &c, &err);
    naru_tensor_destroy(&want);
    if (st == NARU_OK && c.worst_abs > *k->worst) *k->worst = c.worst_abs;
    if (st == NARU_OK && c.equal) return true;
    snprintf(k->why, k->size, "%s%s%.300s", where, *where ? ": " : "", st == NARU_OK ? c.message : err.message);
    return false;
}

static bool tensor_agrees(judge *k, const naru_ivalue *v, const json_t *j, const char *where) {
    naru_tensor *t = naru_ivalue_to_tensor(v);
    if (!t) return differs(k, where, naru_ivalue_kind_name(v), "Tensor");
    bool ok = same_tensor(k, t, j, where);
    naru_tensor_destroy(&t);
    return ok;
}

static bool quantized_agrees(judge *k, const naru_ivalue *v, const json_t *j, const char *where) {
    int type;
    double scale;
    int64_t zero;
    if (!naru_ivalue_quantization(v, &type, &scale, &zero))
        return differs(k, where, naru_ivalue_kind_name(v), "a quantized tensor");
    return close(k, scale, number_of(json_object_get(j, "scale")), where) &&
           close(k, (double)zero, (double)json_integer_value(json_object_get(j, "zero_point")), where) &&
           tensor_agrees(k, v, json_object_get(j, "quantized"), where);
}

static bool items_agree(judge *k, const naru_ivalue *v, const json_t *array, const char *where) {
    char text[200], n[40], m[40];
    size_t count = naru_ivalue_count(v);
    if (count != json_array_size(array)) {
        snprintf(n, sizeof n, "%zu items", count);
        snprintf(m, sizeof m, "%zu", json_array_size(array));
        return differs(k, where, n, m);
    }
    for (size_t i = 0; i < count; i++) {
        naru_ivalue *x = naru_ivalue_item(v, i);
        snprintf(text, sizeof text, "%.150s[%zu]", where, i);
        bool ok = x && agrees(k, x, json_array_get(array, i), text);
        naru_ivalue_destroy(&x);
        if (!ok) return false;
    }
    return true;
}

static bool dict_agrees(judge *k, const naru_ivalue *v, const json_t *pairs, const char *where) {
    char text[200];
    if (naru_ivalue_kind(v) != NARU_I_DICT || naru_ivalue_count(v) != json_array_size(pairs))
        return differs(k, where, naru_ivalue_kind_name(v), "a dict of another size");
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        naru_ivalue *key = naru_ivalue_key(v, i), *x = naru_ivalue_item(v, i);
        const json_t *p = json_array_get(pairs, i);
        snprintf(text, sizeof text, "%.120s{%zu}", where, i);
        bool ok = key && x && agrees(k, key, json_array_get(p, 0), text) && agrees(k, x, json_array_get(p, 1), text);
        naru_ivalue_destroy(&key);
        naru_ivalue_destroy(&x);
        if (!ok) return false;
    }
    return true;
}

/* "torch.float32", "cpu": a dtype is an int in scripts. */
static bool repr_agrees(judge *k, const naru_ivalue *v, const char *want, const char *where) {
    const char *s = naru_ivalue_to_string(v, NULL);
    if (s && strcmp(s, want) == 0) return true;
    char *text = NULL;
    naru_error err = NARU_ERROR_INIT;
    if (naru_ivalue_kind(v) == NARU_I_INT && strncmp(want, "torch.", 6) == 0) return true;
    bool ok = naru_ivalue_print(v, &text, &err) == NARU_OK && strcmp(text, want) == 0;
    if (!ok) differs(k, where, text ? text : "?", want);
    naru_text_free(&text);
    return ok;
}

static bool object_agrees(judge *k, const naru_ivalue *v, const json_t *j, const char *where) {
    const json_t *x;
    naru_ikind kind = naru_ivalue_kind(v);
    if ((x = json_object_get(j, "float"))) {
        if (kind != NARU_I_DOUBLE) return differs(k, where, naru_ivalue_kind_name(v), "float");
        return close(k, naru_ivalue_to_double(v), number_of(x), where);
    }
    if ((x = json_object_get(j, "complex")))
        return close(k, naru_ivalue_to_double(v), number_of(json_array_get(x, 0)), where) &&
               close(k, naru_ivalue_imaginary(v), number_of(json_array_get(x, 1)), where);
    if ((x = json_object_get(j, "list")))
        return kind == NARU_I_LIST ? items_agree(k, v, x, where) : differs(k, where, naru_ivalue_kind_name(v), "List");
    if ((x = json_object_get(j, "tuple")))
        return kind == NARU_I_TUPLE ? items_agree(k, v, x, where)
                                    : differs(k, where, naru_ivalue_kind_name(v), "Tuple");
    if ((x = json_object_get(j, "dict"))) return dict_agrees(k, v, x, where);
    if ((x = json_object_get(j, "repr"))) return repr_agrees(k, v, json_string_value(x), where);
    return json_object_get(j, "quantized") ? quantized_agrees(k, v, j, where) : tensor_agrees(k, v, j, where);
}

static bool agrees(judge *k, const naru_ivalue *v, const json_t *j, const char *where) {
    naru_ikind kind = naru_ivalue_kind(v);
    if (kind == NARU_I_ENUM) { /* recorded as its value */
        naru_ivalue *x = naru_ivalue_item(v, 0);
        bool ok = x && agrees(k, x, j, where);
        naru_ivalue_destroy(&x);
        return ok;
    }
    char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT), mine[60];
    bool ok;
    switch (json_typeof(j)) {
    case JSON_NULL: ok = kind == NARU_I_NONE || differs(k, where, naru_ivalue_kind_name(v), "None"); break;
    case JSON_TRUE:
    case JSON_FALSE:
        ok = (kind == NARU_I_BOOL && naru_ivalue_to_bool(v) == json_is_true(j)) ||
             differs(k, where, kind == NARU_I_BOOL ? "the other bool" : naru_ivalue_kind_name(v), text);
        break;
    case JSON_INTEGER:
        snprintf(mine, sizeof mine, "%s %lld", naru_ivalue_kind_name(v), (long long)naru_ivalue_to_int(v));
        ok = (kind == NARU_I_INT && naru_ivalue_to_int(v) == json_integer_value(j)) || differs(k, where, mine, text);
        break;
    case JSON_STRING: {
        size_t n = 0;
        const char *s = kind == NARU_I_STRING || kind == NARU_I_DEVICE ? naru_ivalue_to_string(v, &n) : NULL;
        ok = (s && n == json_string_length(j) && memcmp(s, json_string_value(j), n) == 0) ||
             differs(k, where, s ? s : naru_ivalue_kind_name(v), text);
        break;
    }
    case JSON_OBJECT: ok = object_agrees(k, v, j, where); break;
    default: ok = differs(k, where, naru_ivalue_kind_name(v), "a value");
    }
    free(text);
    return ok;
}

bool ivalue_agrees(const naru_ivalue *v, const json_t *j, naru_npz *npz, const verify_args *a, double *worst, char *why,
                   size_t size) {
    judge k = {npz, a, worst, why, size};
    return agrees(&k, v, j, "");
}
