/* SPDX-License-Identifier: MIT
 *
 * .pb files of values: TensorProto (tensor_read.c), SequenceProto {1 name, 2 elem_type, 3 tensors, 4 sparse, 5
 * sequences, 6 maps, 7 optionals}, MapProto {1 name, 2 key_type, 3 keys, 4 string_keys, 5 values}, OptionalProto {1
 * name, 2 elem_type, 3 tensor, 4 sparse, 5 sequence, 6 map, 7 optional}. They carry no tag: the reader is told what a
 * file holds.
 */
#include "formats/onnx/source.h"
#include "formats/onnx/writer.h"

enum { VALUE_DEPTH = 16 };

static naru_status read_value(onnx_source *s, wire w, naru_kind kind, int depth, naru_value **out, naru_error *err);

static naru_status read_tensor_value(onnx_source *s, wire w, bool sparse, naru_value **out, naru_error *err) {
    onnx_tensor t;
    TRY(sparse ? onnx_read_sparse(s, w, &t, err) : onnx_read_tensor(s, w, &t, err));
    naru_status st = value_new_tensor(t.tensor, out, err);
    tensor_unref(t.tensor);
    return st;
}

/* What field `number` of a SequenceProto or OptionalProto holds. */
static naru_status read_member(onnx_source *s, const wire *w, const wire_field *f, int depth, naru_value **out,
                               naru_error *err) {
    wire in;
    TRY(wire_enter(w, f, &in, err));
    switch (f->number) {
    case 3:
    case 4: return read_tensor_value(s, in, f->number == 4, out, err);
    case 5: return read_value(s, in, NARU_KIND_SEQUENCE, depth + 1, out, err);
    case 6: return read_value(s, in, NARU_KIND_MAP, depth + 1, out, err);
    default: return read_value(s, in, NARU_KIND_OPTIONAL, depth + 1, out, err);
    }
}

static naru_status push_members(onnx_source *s, wire w, naru_value *seq, int depth, naru_error *err) {
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number < 3 || f.number > 7) continue;
        naru_value *item;
        TRY(read_member(s, &w, &f, depth, &item, err));
        naru_status st = value_push(seq, item, err);
        value_unref(item);
        TRY(st);
    }
}

static naru_status read_sequence(onnx_source *s, wire w, int depth, naru_value **out, naru_error *err) {
    naru_value *seq;
    TRY(value_new_sequence(NARU_UNDEFINED, &seq, err));
    naru_status st = push_members(s, w, seq, depth, err);
    if (st == NARU_OK) *out = seq;
    else value_unref(seq);
    return st;
}

static naru_status read_optional(onnx_source *s, wire w, int depth, naru_value **out, naru_error *err) {
    naru_value *content = NULL;
    naru_status st = NARU_OK;
    for (wire_field f; st == NARU_OK;) {
        st = wire_next(&w, &f, err);
        if (st != NARU_OK || !f.number) break;
        if (f.number < 3 || f.number > 7) continue;
        value_unref(content);
        content = NULL;
        st = read_member(s, &w, &f, depth, &content, err);
    }
    if (st == NARU_OK) st = naru_value_optional(content, out, err);
    value_unref(content);
    return st;
}

static naru_status count_keys(wire w, int64_t *ints, int64_t *texts, naru_error *err) {
    for (wire_field f;;) {
        int64_t n;
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == 3) {
            TRY(wire_count(&w, &f, WIRE_VARINT, &n, err));
            *ints += n;
        }
        if (f.number == 4) {
            TRY(wire_want(&w, &f, WIRE_BYTES, err));
            ++*texts;
        }
    }
}

static naru_status fill_keys(wire w, bool texts, naru_tensor *keys, naru_error *err) {
    int64_t at = 0;
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        uint64_t v;
        if (texts && f.number == 4) TRY(naru_tensor_set_string(keys, at++, (const char *)f.data, f.len, err));
        if (!texts && f.number == 3)
            for (const uint8_t *p = wire_first(&f); wire_entry(&f, WIRE_VARINT, &p, &v);)
                ((int64_t *)keys->data)[at++] = (int64_t)v;
    }
}

/* The keys as int64 or string; key_type narrows integers. */
static naru_status read_keys(wire w, naru_dtype key_type, naru_tensor **out, naru_error *err) {
    int64_t ints = 0, texts = 0;
    TRY(count_keys(w, &ints, &texts, err));
    bool text = texts > 0 || key_type == NARU_STRING;
    int64_t n = text ? texts : ints;
    naru_tensor *keys;
    TRY(naru_tensor_create(text ? NARU_STRING : NARU_INT64, 1, &n, &keys, err));
    naru_status st = fill_keys(w, text, keys, err);
    if (st == NARU_OK && !text && key_type && key_type != NARU_INT64) st = naru_tensor_cast(keys, key_type, out, err);
    else if (st == NARU_OK) *out = tensor_ref(keys);
    tensor_unref(keys);
    return st;
}

static naru_status map_parts(onnx_source *s, wire w, int depth, naru_dtype *key_type, naru_value **values,
                             naru_error *err) {
    for (wire_field f;;) {
        wire in;
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == 2) *key_type = f.v < NARU_DTYPES ? (naru_dtype)f.v : NARU_UNDEFINED;
        if (f.number != 5) continue;
        value_unref(*values);
        *values = NULL;
        TRY(wire_enter(&w, &f, &in, err));
        TRY(read_value(s, in, NARU_KIND_SEQUENCE, depth + 1, values, err));
    }
}

static naru_status read_map(onnx_source *s, wire w, int depth, naru_value **out, naru_error *err) {
    naru_dtype key_type = NARU_UNDEFINED;
    naru_value *values = NULL;
    naru_tensor *keys = NULL;
    naru_status st = map_parts(s, w, depth, &key_type, &values, err);
    if (st == NARU_OK && !values) st = value_new_sequence(NARU_UNDEFINED, &values, err);
    if (st == NARU_OK) st = read_keys(w, key_type, &keys, err);
    if (st == NARU_OK && (size_t)keys->dims[0] != values->count)
        st = err_set(err, NARU_BAD_FILE, "a map of %lld keys and %zu values", (long long)keys->dims[0], values->count);
    if (st == NARU_OK) st = naru_value_from_map(keys, values, out, err);
    tensor_unref(keys);
    value_unref(values);
    return st;
}

static naru_status read_value(onnx_source *s, wire w, naru_kind kind, int depth, naru_value **out, naru_error *err) {
    if (depth > VALUE_DEPTH) return err_set(err, NARU_LIMIT, "values are nested more than %d deep", VALUE_DEPTH);
    switch (kind) {
    case NARU_KIND_TENSOR: return read_tensor_value(s, w, false, out, err);
    case NARU_KIND_SEQUENCE: return read_sequence(s, w, depth, out, err);
    case NARU_KIND_MAP: return read_map(s, w, depth, out, err);
    case NARU_KIND_OPTIONAL: return read_optional(s, w, depth, out, err);
    }
    return err_set(err, NARU_INVALID_ARGUMENT, "%d is no kind of value", (int)kind);
}

/* A view into a mapping may be unaligned: what leaves here is a copy, ready for any use. */
static naru_status own_tensors(naru_value *v, naru_error *err) {
    for (size_t i = 0; i < v->count; i++) TRY(own_tensors(v->items[i], err));
    if (!v->tensor || v->tensor->dtype == NARU_STRING) return NARU_OK;
    naru_tensor *copy;
    TRY(tensor_clone(v->tensor, &copy, err));
    tensor_unref(v->tensor);
    v->tensor = copy;
    return NARU_OK;
}

static naru_status load_map(file_map *m, const char *path, naru_kind kind, naru_value **out, naru_error *err) {
    onnx_source s = {.arena = arena_new(), .path = path, .whole = onnx_map_storage(file_map_ref(m))};
    naru_value *v = NULL;
    naru_status st = s.arena && s.whole ? NARU_OK : err_oom(err);
    if (st == NARU_OK) st = read_value(&s, (wire){m->data, m->data, m->data + m->size}, kind, 0, &v, err);
    if (st == NARU_OK) st = own_tensors(v, err);
    if (st == NARU_OK) *out = v;
    else value_unref(v);
    onnx_source_close(&s);
    arena_free(s.arena);
    return st;
}

naru_status onnx_value_load(const char *path, naru_kind kind, naru_value **out, naru_error *err) {
    file_map *m;
    TRY(file_map_open(path, true, &m, err));
    naru_status st = load_map(m, path, kind, out, err);
    file_map_unref(m);
    return st == NARU_OK ? st : err_context(err, st, "%s", path);
}

naru_status onnx_tensor_load(const char *path, naru_tensor **out, naru_error *err) {
    naru_value *v;
    TRY(onnx_value_load(path, NARU_KIND_TENSOR, &v, err));
    *out = tensor_ref(v->tensor);
    value_unref(v);
    return NARU_OK;
}

/* ---- writing ---- */
static void put_value(str *s, const naru_value *v, const char *name);

static uint32_t member_field(const naru_value *v) {
    switch (v->kind) {
    case NARU_KIND_SEQUENCE: return 5;
    case NARU_KIND_MAP: return 6;
    case NARU_KIND_OPTIONAL: return 7;
    default: return 3;
    }
}

/* elem_type: 0 undefined, 1 tensor, 2 sparse, 3 sequence, 4 map, 5 optional: the field less 2, for tensors less 2 as
 * well. */
static int64_t elem_code(const naru_value *first) {
    if (!first) return 0;
    return first->kind == NARU_KIND_TENSOR ? 1 : (int64_t)member_field(first) - 2;
}

static void put_members(str *s, const naru_value *v) {
    wire_put_int(s, 2, elem_code(v->count ? v->items[0] : NULL));
    for (size_t i = 0; i < v->count; i++) {
        str inner = {0};
        put_value(&inner, v->items[i], "");
        wire_put_message(s, member_field(v->items[i]), &inner);
    }
}

static void put_map(str *s, const naru_value *v) {
    str values = {0};
    const naru_tensor *keys = v->tensor;
    wire_put_int(s, 2, keys->dtype);
    for (int64_t i = 0; i < keys->dims[0]; i++) {
        if (keys->dtype == NARU_STRING) wire_put_bytes(s, 4, tensor_strings(keys)[i].ptr, tensor_strings(keys)[i].len);
        else wire_put_int(s, 3, dtype_get_i64(keys->dtype, keys->data, i));
    }
    put_members(&values, v);
    wire_put_message(s, 5, &values);
}

static void put_value(str *s, const naru_value *v, const char *name) {
    if (v->kind == NARU_KIND_TENSOR) {
        onnx_put_tensor(s, v->tensor, name, NULL);
        return;
    }
    wire_put_text_opt(s, 1, name);
    if (v->kind == NARU_KIND_MAP) put_map(s, v);
    else put_members(s, v);
}

static naru_status write_out(str *s, const char *path, naru_error *err) {
    naru_status st = s->failed ? err_oom(err) : file_write(path, str_text(s), s->len, err);
    str_free(s);
    return st;
}

naru_status onnx_value_save(const naru_value *v, const char *name, const char *path, naru_error *err) {
    str s = {0};
    put_value(&s, v, name);
    return write_out(&s, path, err);
}

naru_status onnx_tensor_save(const naru_tensor *t, const char *name, const char *path, naru_error *err) {
    str s = {0};
    onnx_put_tensor(&s, t, name, NULL);
    return write_out(&s, path, err);
}
