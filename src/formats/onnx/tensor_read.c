/* SPDX-License-Identifier: MIT
 *
 * TensorProto: 1 dims, 2 data_type, 4 float_data, 5 int32_data, 6 string_data, 7 int64_data, 8 name, 9 raw_data,
 * 10 double_data, 11 uint64_data, 13 external_data, 14 data_location. raw_data and external data become views of the
 * mapping, whatever their alignment; typed fields are copied. SparseTensorProto: 1 values, 2 indices, 3 dims.
 */
#include "formats/onnx/source.h"
#include "tensor/dtype.h"

enum {
    FIELD_NONE,
    FIELD_FLOAT = 4,
    FIELD_INT32 = 5,
    FIELD_STRING = 6,
    FIELD_INT64 = 7,
    FIELD_DOUBLE = 10,
    FIELD_UINT64 = 11
};
enum { SPARSE_MAX = 1 << 28 }; /* elements of the dense form of a sparse tensor */

typedef struct proto {
    int64_t dims[NARU_MAX_RANK];
    int rank;
    int64_t dtype;
    int64_t entries[12]; /* by field number: entries of the typed fields */
    const uint8_t *raw;
    size_t raw_len;
    bool has_raw, external;
    const char *location;
    int64_t offset, length; /* length -1: to the end */
} proto;

static int entry_type(uint32_t field) {
    return field == FIELD_FLOAT ? WIRE_FIXED32 : field == FIELD_DOUBLE ? WIRE_FIXED64 : WIRE_VARINT;
}

static naru_status read_dims(const wire *w, const wire_field *f, int64_t *dims, int *rank, naru_error *err) {
    int64_t n;
    TRY(wire_count(w, f, WIRE_VARINT, &n, err));
    if (n > NARU_MAX_RANK - *rank) return err_set(err, NARU_LIMIT, "tensor has more than %d dimensions", NARU_MAX_RANK);
    uint64_t v;
    for (const uint8_t *p = wire_first(f); wire_entry(f, WIRE_VARINT, &p, &v);) dims[(*rank)++] = (int64_t)v;
    return NARU_OK;
}

static naru_status read_number(const char *key, const char *text, int64_t *out, naru_error *err) {
    if (str_parse_i64(text, out) && *out >= 0) return NARU_OK;
    return err_set(err, NARU_BAD_MODEL, "external data: %s '%.40s' is not a number >= 0", key, text);
}

static naru_status read_external(onnx_source *s, const wire *w, const wire_field *f, proto *p, naru_error *err) {
    const char *key, *text;
    TRY(onnx_read_pair(s, w, f, &key, &text, err));
    if (!strcmp(key, "location")) p->location = text;
    if (!strcmp(key, "offset")) TRY(read_number(key, text, &p->offset, err));
    if (!strcmp(key, "length")) TRY(read_number(key, text, &p->length, err));
    return NARU_OK;
}

static naru_status scan_field(onnx_source *s, const wire *w, const wire_field *f, proto *p, onnx_tensor *out,
                              str *extra, naru_error *err) {
    switch (f->number) {
    case 1: return read_dims(w, f, p->dims, &p->rank, err);
    case 2: p->dtype = (int64_t)f->v; return wire_want(w, f, WIRE_VARINT, err);
    case FIELD_STRING: p->entries[6]++; return wire_want(w, f, WIRE_BYTES, err);
    case FIELD_FLOAT:
    case FIELD_INT32:
    case FIELD_INT64:
    case FIELD_DOUBLE:
    case FIELD_UINT64: {
        int64_t n;
        TRY(wire_count(w, f, entry_type(f->number), &n, err));
        p->entries[f->number] += n;
        return NARU_OK;
    }
    case 8: return onnx_text(s, w, f, &out->name, err);
    case 9: p->has_raw = true, p->raw = f->data, p->raw_len = f->len; return wire_want(w, f, WIRE_BYTES, err);
    case 13: return read_external(s, w, f, p, err);
    case 14: p->external = f->v == 1; return wire_want(w, f, WIRE_VARINT, err);
    default: onnx_keep(extra, w, f); return NARU_OK;
    }
}

static naru_status scan(onnx_source *s, wire w, proto *p, onnx_tensor *out, naru_error *err) {
    *p = (proto){.length = -1};
    *out = (onnx_tensor){.name = "", .extra = {"", 0}};
    str extra = {0};
    naru_status st = NARU_OK;
    for (wire_field f; st == NARU_OK;) {
        st = wire_next(&w, &f, err);
        if (st != NARU_OK || !f.number) break;
        st = scan_field(s, &w, &f, p, out, &extra, err);
    }
    naru_status kept = onnx_kept(s, &extra, &out->extra, err);
    return st != NARU_OK ? st : kept;
}

/* ---- external files ---- */
static naru_status open_external(onnx_source *s, const char *location, storage **out, naru_error *err) {
    bool fresh;
    struct strmap_entry *e = strmap_put(&s->externals, location, &fresh);
    if (!e) return err_oom(err);
    if (!fresh) {
        *out = e->ptr;
        return NARU_OK;
    }
    char *dir = path_dir(s->path);
    file_map *m = NULL;
    naru_status st = dir ? file_map_open_beneath(dir, location, s->map, &m, err) : err_oom(err);
    mem_free(dir);
    if (st == NARU_OK && !(e->ptr = onnx_map_storage(m))) st = err_oom(err);
    if (st != NARU_OK) strmap_remove(&s->externals, location);
    else *out = e->ptr;
    return st;
}

static naru_status view_external(onnx_source *s, const proto *p, size_t need, naru_tensor **out, naru_error *err) {
    if (!s->path) return err_set(err, NARU_UNSUPPORTED, "external data in a model that was loaded from memory");
    if (!p->location || !*p->location) return err_set(err, NARU_BAD_MODEL, "external data without a location");
    storage *file = NULL;
    naru_status st = open_external(s, p->location, &file, err);
    if (st != NARU_OK) return err_context(err, st, "external data");
    int64_t size = (int64_t)file->nbytes, length = p->length;
    if (p->offset > size || (length >= 0 && length > size - p->offset))
        return err_set(err, NARU_BAD_MODEL, "external data: %lld bytes at %lld asked for, '%s' has %lld",
                       (long long)length, (long long)p->offset, p->location, (long long)size);
    if (length < 0) length = size - p->offset;
    if ((uint64_t)length < need)
        return err_set(err, NARU_BAD_MODEL, "external data: %lld bytes in '%s', the dimensions need %zu",
                       (long long)length, p->location, need);
    return tensor_new_view(file, (uint8_t *)file->data + p->offset, (naru_dtype)p->dtype, p->rank, p->dims, NULL, out,
                           err);
}

/* ---- typed fields ---- */
static uint32_t field_of(naru_dtype d) {
    switch (d) {
    case NARU_FLOAT:
    case NARU_COMPLEX64: return FIELD_FLOAT;
    case NARU_DOUBLE:
    case NARU_COMPLEX128: return FIELD_DOUBLE;
    case NARU_INT64: return FIELD_INT64;
    case NARU_UINT32:
    case NARU_UINT64: return FIELD_UINT64;
    case NARU_STRING: return FIELD_STRING;
    default: return FIELD_INT32;
    }
}

/* Entries of the typed field: 4- and 2-bit types come a byte per entry, 6-bit ones an element, complex in pairs. */
static int64_t entries_of(naru_dtype d, int64_t count) {
    int bits = naru_dtype_bits(d);
    if (dtype_is_complex(d)) return 2 * count;
    return bits == 4 || bits == 2 ? (count * bits + 7) / 8 : count;
}

static void put_entry(naru_tensor *t, int64_t i, uint64_t v) {
    int bits = naru_dtype_bits(t->dtype);
    uint8_t *p = t->data;
    if (bits == 6) { /* a bit stream; the tensor is zeroed */
        int64_t at = 6 * i;
        unsigned code = (unsigned)(v & 63) << (at & 7);
        p[at >> 3] |= (uint8_t)code;
        if (code > 0xff) p[(at >> 3) + 1] |= (uint8_t)(code >> 8);
        return;
    }
    size_t size = dtype_is_complex(t->dtype) ? (size_t)bits / 16 : bits < 8 ? 1 : (size_t)bits / 8;
    memcpy(p + (size_t)i * size, &v, size); /* little-endian: the low bytes */
}

static naru_status put_text(naru_tensor *t, int64_t i, const wire_field *f, naru_error *err) {
    return naru_tensor_set_string(t, i, (const char *)f->data, f->len, err);
}

static naru_status fill_typed(wire w, uint32_t field, int64_t need, naru_tensor *t, naru_error *err) {
    int64_t i = 0;
    for (wire_field f; i < need;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) break;
        if (f.number != field) continue;
        if (field == FIELD_STRING) {
            TRY(put_text(t, i++, &f, err));
            continue;
        }
        uint64_t v;
        for (const uint8_t *p = wire_first(&f); i < need && wire_entry(&f, entry_type(field), &p, &v);)
            put_entry(t, i++, v);
    }
    return NARU_OK;
}

static naru_status read_typed(wire w, const proto *p, int64_t count, naru_tensor **out, naru_error *err) {
    naru_dtype d = (naru_dtype)p->dtype;
    uint32_t field = field_of(d);
    int64_t need = entries_of(d, count);
    if (p->entries[field] < need)
        return err_set(err, NARU_BAD_MODEL, "the data has %lld entries, the dimensions need %lld",
                       (long long)p->entries[field], (long long)need);
    naru_tensor *t;
    TRY(naru_tensor_create(d, p->rank, p->dims, &t, err));
    naru_status st = fill_typed(w, field, need, t, err);
    if (st == NARU_OK) *out = t;
    else tensor_unref(t);
    return st;
}

static naru_status build(onnx_source *s, wire w, const proto *p, naru_tensor **out, naru_error *err) {
    if (p->dtype <= NARU_UNDEFINED || p->dtype >= NARU_DTYPES)
        return err_set(err, NARU_BAD_MODEL, "data_type %lld is no element type", (long long)p->dtype);
    naru_dtype d = (naru_dtype)p->dtype;
    int64_t count;
    for (int i = 0; i < p->rank; i++)
        if (p->dims[i] < 0)
            return err_set(err, NARU_BAD_MODEL, "dimension %d is %lld, negative", i, (long long)p->dims[i]);
    if (!dims_count(p->rank, p->dims, &count))
        return err_set(err, NARU_BAD_MODEL, "the product of the dimensions does not fit");
    if (d == NARU_STRING && (p->has_raw || p->external))
        return err_set(err, NARU_BAD_MODEL, "strings cannot be raw data");
    size_t need = dtype_bytes(d, count);
    if (p->external) return view_external(s, p, need, out, err);
    if (!p->has_raw) return read_typed(w, p, count, out, err);
    if (p->raw_len < need)
        return err_set(err, NARU_BAD_MODEL, "raw_data has %zu bytes, the dimensions need %zu", p->raw_len, need);
    return tensor_new_view(s->whole, (void *)p->raw, d, p->rank, p->dims, NULL, out, err);
}

naru_status onnx_read_tensor(onnx_source *s, wire w, onnx_tensor *out, naru_error *err) {
    proto p;
    int64_t offset = w.p - w.base;
    TRY(scan(s, w, &p, out, err));
    naru_status st = build(s, w, &p, &out->tensor, err);
    if (st != NARU_OK && err && err->offset < 0) err->offset = offset;
    return st == NARU_OK ? st : err_context(err, st, "tensor '%s'", out->name);
}

/* ---- sparse ---- */
static naru_status sparse_position(const naru_tensor *dense, const naru_tensor *indices, int64_t i, int64_t *at,
                                   naru_error *err) {
    if (indices->rank == 1) {
        *at = dtype_get_i64(NARU_INT64, indices->data, i);
        if (*at >= 0 && *at < tensor_count(dense)) return NARU_OK;
        return err_set(err, NARU_BAD_MODEL, "sparse index %lld is out of range", (long long)*at);
    }
    *at = 0;
    for (int d = 0; d < dense->rank; d++) {
        int64_t x = dtype_get_i64(NARU_INT64, indices->data, i * dense->rank + d);
        if (x < 0 || x >= dense->dims[d])
            return err_set(err, NARU_BAD_MODEL, "sparse index %lld is out of range", (long long)x);
        *at += x * dense->strides[d];
    }
    return NARU_OK;
}

static naru_status scatter(naru_tensor *dense, const naru_tensor *values, const naru_tensor *indices, naru_error *err) {
    size_t size = dtype_bytes(dense->dtype, 1);
    if (naru_dtype_bits(dense->dtype) < 8)
        return err_set(err, NARU_UNSUPPORTED, "sparse tensors of strings or types under a byte");
    bool linear = indices->rank == 1, shaped = indices->rank == 2 && indices->dims[1] == dense->rank;
    if (values->rank != 1 || indices->dtype != NARU_INT64 || !(linear || shaped) || indices->dims[0] != values->dims[0])
        return err_set(err, NARU_BAD_MODEL, "sparse indices must be int64 [n] or [n, rank] for n values");
    for (int64_t i = 0; i < values->dims[0]; i++) {
        int64_t at;
        TRY(sparse_position(dense, indices, i, &at, err));
        memcpy((char *)dense->data + (size_t)at * size, (const char *)values->data + (size_t)i * size, size);
    }
    return NARU_OK;
}

static naru_status densify(const int64_t *dims, int rank, onnx_tensor *values, const onnx_tensor *indices,
                           naru_error *err) {
    int64_t count;
    if (!values->tensor || !indices->tensor)
        return err_set(err, NARU_BAD_MODEL, "a sparse tensor without values or indices");
    if (!dims_count(rank, dims, &count))
        return err_set(err, NARU_BAD_MODEL, "the sparse tensor's dimensions do not fit");
    if (count > SPARSE_MAX) return err_set(err, NARU_LIMIT, "a sparse tensor of %lld elements", (long long)count);
    naru_tensor *dense;
    TRY(naru_tensor_create(values->tensor->dtype, rank, dims, &dense, err));
    naru_status st = scatter(dense, values->tensor, indices->tensor, err);
    tensor_unref(values->tensor);
    values->tensor = NULL;
    if (st == NARU_OK) values->tensor = dense;
    else tensor_unref(dense);
    return st;
}

static naru_status sparse_parts(onnx_source *s, wire w, onnx_tensor *values, onnx_tensor *indices, int64_t *dims,
                                int *rank, naru_error *err) {
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        wire in;
        if (f.number == 3) TRY(read_dims(&w, &f, dims, rank, err));
        if (f.number != 1 && f.number != 2) continue;
        onnx_tensor *part = f.number == 1 ? values : indices;
        tensor_unref(part->tensor);
        part->tensor = NULL;
        TRY(wire_enter(&w, &f, &in, err));
        TRY(onnx_read_tensor(s, in, part, err));
    }
}

naru_status onnx_read_sparse(onnx_source *s, wire w, onnx_tensor *out, naru_error *err) {
    onnx_tensor values = {.name = ""}, indices = {.name = ""};
    int64_t dims[NARU_MAX_RANK];
    int rank = 0;
    naru_status st = sparse_parts(s, w, &values, &indices, dims, &rank, err);
    if (st == NARU_OK) st = densify(dims, rank, &values, &indices, err);
    tensor_unref(indices.tensor);
    if (st == NARU_OK) {
        *out = values;
        return st;
    }
    tensor_unref(values.tensor);
    return err_context(err, st, "sparse tensor '%s'", values.name);
}
