/* SPDX-License-Identifier: MIT
 *
 * The header of .npy: a Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }. Descriptions are
 * NumPy's, and for the types of the ml_dtypes package their names ("float8_e4m3fn", "int4"), which NumPy understands
 * once that package is imported; it writes bfloat16 as '<V2' and the others as void, which cannot be told apart.
 */
#include <stdio.h>

#include "formats/npy/npy.h"
#include "tensor/dtype.h"

typedef struct cursor {
    const char *p, *end;
} cursor;

static naru_status bad(naru_error *err, const char *what) {
    return err_set(err, NARU_BAD_FILE, "npy header: %s", what);
}

static void skip_space(cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r')) c->p++;
}

static bool accept(cursor *c, char ch) {
    skip_space(c);
    if (c->p >= c->end || *c->p != ch) return false;
    c->p++;
    return true;
}

static bool accept_word(cursor *c, const char *word) {
    size_t n = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0) return false;
    c->p += n;
    return true;
}

static bool quoted(cursor *c, char *out, size_t size) {
    skip_space(c);
    if (c->p >= c->end || (*c->p != '\'' && *c->p != '"')) return false;
    char quote = *c->p++;
    size_t n = 0;
    while (c->p < c->end && *c->p != quote) {
        if (n + 1 >= size || *c->p == '\\' || (unsigned char)*c->p < 0x20) return false;
        out[n++] = *c->p++;
    }
    out[n] = 0;
    return c->p < c->end && *c->p++ == quote;
}

static bool number(cursor *c, int64_t *out) {
    skip_space(c);
    const char *start = c->p;
    for (*out = 0; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
        if (!i64_mul(*out, 10, out) || !i64_add(*out, *c->p - '0', out)) return false;
    if (c->p == start) return false;
    if (c->p < c->end && *c->p == 'L') c->p++; /* Python 2 */
    return true;
}

static naru_status shape(cursor *c, npy_header *h, naru_error *err) {
    int64_t count;
    if (!accept(c, '(')) return bad(err, "'shape' is not a tuple");
    h->rank = 0;
    while (!accept(c, ')')) {
        if (h->rank == NARU_MAX_RANK)
            return err_set(err, NARU_LIMIT, "npy header: more than %d dimensions", NARU_MAX_RANK);
        if (!number(c, &h->dims[h->rank++])) return bad(err, "'shape' holds something that is no size");
        if (!accept(c, ',') && (c->p >= c->end || *c->p != ')')) return bad(err, "'shape' is not a tuple");
    }
    if (!dims_count(h->rank, h->dims, &count)) return err_set(err, NARU_LIMIT, "npy header: 'shape' is absurdly large");
    return NARU_OK;
}

/* ml_dtypes' names where they differ from ONNX's. */
static const struct {
    const char *name;
    naru_dtype dtype;
} ml_names[] = {
    {"float8_e4m3fn", NARU_FLOAT8E4M3FN}, {"float8_e4m3fnuz", NARU_FLOAT8E4M3FNUZ},
    {"float8_e5m2", NARU_FLOAT8E5M2},     {"float8_e5m2fnuz", NARU_FLOAT8E5M2FNUZ},
    {"float8_e8m0fnu", NARU_FLOAT8E8M0},  {"float4_e2m1fn", NARU_FLOAT4E2M1},
    {"float6_e2m3fn", NARU_FLOAT6E2M3},   {"float6_e3m2fn", NARU_FLOAT6E3M2},
};

static naru_dtype named_type(const char *name) {
    for (size_t i = 0; i < COUNT_OF(ml_names); i++)
        if (strcmp(ml_names[i].name, name) == 0) return ml_names[i].dtype;
    return naru_dtype_parse(name);
}

static const char *type_name(naru_dtype d) {
    for (size_t i = 0; i < COUNT_OF(ml_names); i++)
        if (ml_names[i].dtype == d) return ml_names[i].name;
    return naru_dtype_name(d);
}

static naru_dtype number_type(char kind, int64_t size) {
    static const struct {
        char kind;
        int size;
        naru_dtype dtype;
    } table[] = {
        {'f', 4, NARU_FLOAT},  {'f', 8, NARU_DOUBLE},    {'f', 2, NARU_FLOAT16},     {'f', 1, NARU_FLOAT8E5M2},
        {'b', 1, NARU_BOOL},   {'i', 1, NARU_INT8},      {'i', 2, NARU_INT16},       {'i', 4, NARU_INT32},
        {'i', 8, NARU_INT64},  {'u', 1, NARU_UINT8},     {'u', 2, NARU_UINT16},      {'u', 4, NARU_UINT32},
        {'u', 8, NARU_UINT64}, {'c', 8, NARU_COMPLEX64}, {'c', 16, NARU_COMPLEX128}, {'V', 2, NARU_BFLOAT16},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].kind == kind && table[i].size == size) return table[i].dtype;
    return NARU_UNDEFINED;
}

static naru_status describe(const char *descr, npy_elem *e, naru_error *err) {
    char order = strchr("<>|=", descr[0]) && descr[0] ? descr[0] : 0, kind = order ? descr[1] : 0;
    int64_t size = 0;
    if (!order) {
        e->dtype = named_type(descr);
        e->size = ((size_t)naru_dtype_bits(e->dtype) + 7) / 8;
        if (e->dtype == NARU_UNDEFINED || e->dtype == NARU_STRING)
            return err_set(err, NARU_UNSUPPORTED, "npy header: element type '%s' is not known", descr);
        return NARU_OK;
    }
    if (kind == 'O')
        return err_set(err, NARU_UNSUPPORTED, "npy: Python objects are not read; save strings as '<U' or '|S'");
    if (!kind || !str_parse_i64(descr + 2, &size) || size < 0 || size > 1 << 24 || descr[2] == '+')
        return err_set(err, NARU_UNSUPPORTED, "npy header: element type '%s' is not known", descr);
    e->text = kind == 'U';
    e->dtype = kind == 'U' || kind == 'S' ? NARU_STRING : number_type(kind, size);
    e->size = (size_t)size * (e->text ? 4 : 1);
    e->swap = order == '>' && kind != 'S' && size > (kind == 'U' ? 0 : 1);
    if (e->dtype == NARU_UNDEFINED && kind == 'V')
        return err_set(err, NARU_UNSUPPORTED,
                       "npy header: '%s' does not say which element type it holds; write the type's name as 'descr' "
                       "(\"float8_e4m3fn\", \"int4\") or use a .pb file",
                       descr);
    if (e->dtype == NARU_UNDEFINED)
        return err_set(err, NARU_UNSUPPORTED, "npy header: element type '%s' is not known", descr);
    return NARU_OK;
}

naru_status npy_header_parse(const char *text, size_t n, npy_header *h, naru_error *err) {
    cursor c = {text, text + n};
    bool have_descr = false, have_order = false, have_shape = false;
    char key[32], descr[64];
    *h = (npy_header){0};
    if (!accept(&c, '{')) return bad(err, "not a dictionary");
    while (!accept(&c, '}')) {
        if (!quoted(&c, key, sizeof key) || !accept(&c, ':')) return bad(err, "not a dictionary");
        if (strcmp(key, "descr") == 0 && !have_descr) {
            skip_space(&c);
            if (c.p < c.end && *c.p == '[')
                return err_set(err, NARU_UNSUPPORTED, "npy: structured arrays are not read");
            if (!quoted(&c, descr, sizeof descr)) return bad(err, "'descr' is not a short text");
            TRY(describe(descr, &h->elem, err));
            have_descr = true;
        } else if (strcmp(key, "fortran_order") == 0 && !have_order) {
            h->fortran = accept_word(&c, "True");
            if (!h->fortran && !accept_word(&c, "False")) return bad(err, "'fortran_order' is neither True nor False");
            have_order = true;
        } else if (strcmp(key, "shape") == 0 && !have_shape) {
            TRY(shape(&c, h, err));
            have_shape = true;
        } else return err_set(err, NARU_BAD_FILE, "npy header: unexpected or repeated key '%s'", key);
        if (!accept(&c, ',')) {
            if (accept(&c, '}')) break;
            return bad(err, "not a dictionary");
        }
    }
    if (!have_descr || !have_order || !have_shape) return bad(err, "'descr', 'fortran_order' or 'shape' is missing");
    return NARU_OK;
}

/* ---- writing ---- */
static void print_descr(npy_elem e, str *out) {
    switch (e.dtype) {
    case NARU_FLOAT: str_add(out, "<f4"); return;
    case NARU_DOUBLE: str_add(out, "<f8"); return;
    case NARU_FLOAT16: str_add(out, "<f2"); return;
    case NARU_BFLOAT16: str_add(out, "<V2"); return;
    case NARU_BOOL: str_add(out, "|b1"); return;
    case NARU_COMPLEX64: str_add(out, "<c8"); return;
    case NARU_COMPLEX128: str_add(out, "<c16"); return;
    case NARU_STRING: str_addf(out, e.text ? "<U%zu" : "|S%zu", e.text ? e.size / 4 : e.size); return;
    default: break;
    }
    if (!dtype_is_int(e.dtype) || naru_dtype_bits(e.dtype) < 8) str_add(out, type_name(e.dtype));
    else str_addf(out, "%c%c%zu", e.size == 1 ? '|' : '<', dtype_is_signed(e.dtype) ? 'i' : 'u', e.size);
}

void npy_header_print(const naru_tensor *t, npy_elem elem, str *out) {
    str dict = {0};
    str_add(&dict, "{'descr': '");
    print_descr(elem, &dict);
    str_add(&dict, "', 'fortran_order': False, 'shape': (");
    for (int d = 0; d < t->rank; d++)
        str_addf(&dict, d + 1 < t->rank || t->rank == 1 ? "%lld," : "%lld", (long long)t->dims[d]);
    str_add(&dict, "), }");
    size_t total = align_up(10 + dict.len + 1, 64); /* data begins 64-byte aligned */
    while (!dict.failed && 10 + dict.len + 1 < total) str_add(&dict, " ");
    str_add(&dict, "\n");
    out->failed |= dict.failed;
    str_add_n(out, "\x93NUMPY\x01\x00", 8);
    str_add_n(out, (const char[]){(char)(dict.len & 0xff), (char)(dict.len >> 8)}, 2);
    str_add_n(out, str_text(&dict), dict.len);
    str_free(&dict);
}
