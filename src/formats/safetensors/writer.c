/* SPDX-License-Identifier: MIT
 *
 * Writing safetensors: widest types first, then by name, so that every tensor is aligned to its type.
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/file.h"
#include "formats/safetensors/safetensors.h"
#include "formats/safetensors/types.h"

enum { PREFIX = 8 };

typedef struct item {
    const char *name, *type;
    naru_tensor *tensor;
} item;

typedef struct sink {
    file_writer *file; /* NULL: to `out` */
    str *out;
} sink;

static const char *type_name(naru_dtype d) {
    for (size_t i = 0; i < COUNT_OF(safetensors_types); i++)
        if (safetensors_types[i].dtype == d) return safetensors_types[i].name;
    return NULL;
}

static int by_width_and_name(const void *a, const void *b) {
    const item *x = a, *y = b;
    int wx = naru_dtype_bits(x->tensor->dtype), wy = naru_dtype_bits(y->tensor->dtype);
    return wx != wy ? wy - wx : strcmp(x->name, y->name);
}

static naru_status make_items(size_t count, const char *const *names, naru_tensor *const *tensors, item **out,
                              naru_error *err) {
    item *items = mem_calloc(count + 1, sizeof *items);
    if (!items) return err_oom(err);
    for (size_t i = 0; i < count; i++) {
        const char *type = type_name(tensors[i]->dtype);
        items[i] = (item){names[i], type, tensors[i]};
        if (type && strcmp(names[i], "__metadata__") != 0) continue;
        mem_free(items);
        return type ? err_set(err, NARU_INVALID_ARGUMENT, "'%s' is no name for a tensor", names[i])
                    : err_set(err, NARU_UNSUPPORTED, "tensor '%s': the format has no type for %s", names[i],
                              naru_dtype_name(tensors[i]->dtype));
    }
    if (count) qsort(items, count, sizeof *items, by_width_and_name);
    *out = items;
    return NARU_OK;
}

/* ---- the table ---- */
static json_t *describe(const item *it, int64_t begin) {
    json_t *shape = json_array();
    for (int i = 0; i < it->tensor->rank; i++)
        if (json_array_append_new(shape, json_integer(it->tensor->dims[i]))) return json_decref(shape), NULL;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", it->type, "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + (int64_t)tensor_bytes(it->tensor)));
}

static naru_status add_tensors(json_t *table, const item *items, size_t count, naru_error *err) {
    int64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (json_object_get(table, items[i].name))
            return err_set(err, NARU_INVALID_ARGUMENT, "two tensors are called '%s'", items[i].name);
        if (json_object_set_new(table, items[i].name, describe(&items[i], at)))
            return err_set(err, NARU_INVALID_ARGUMENT, "the name of tensor %zu is not UTF-8, or memory is out", i);
        at += (int64_t)tensor_bytes(items[i].tensor);
    }
    return NARU_OK;
}

static naru_status add_metadata(json_t *table, size_t count, const char *const *metadata, naru_error *err) {
    if (!count) return NARU_OK;
    json_t *meta = json_object();
    for (size_t i = 0; i < count; i++)
        if (json_object_set_new(meta, metadata[2 * i], json_string(metadata[2 * i + 1])))
            return json_decref(meta), err_set(err, NARU_INVALID_ARGUMENT, "metadata %zu is not UTF-8", i);
    return json_object_set_new(table, "__metadata__", meta) ? err_oom(err) : NARU_OK;
}

/* Length and table, padded so that the data begins at a multiple of 8. */
static naru_status print_header(const json_t *table, str *out, naru_error *err) {
    char *text = json_dumps(table, JSON_COMPACT | JSON_PRESERVE_ORDER), prefix[PREFIX];
    if (!text) return err_oom(err);
    size_t n = strlen(text), padded = align_up(n, 8);
    for (int i = 0; i < PREFIX; i++) prefix[i] = (char)((uint64_t)padded >> 8 * i);
    str_add_n(out, prefix, PREFIX);
    str_add_n(out, text, n);
    str_add_n(out, "        ", padded - n);
    free(text); /* jansson's malloc */
    return out->failed ? err_oom(err) : NARU_OK;
}

static naru_status make_header(const item *items, size_t count, size_t metadata_count, const char *const *metadata,
                               str *out, naru_error *err) {
    json_t *table = json_object();
    if (!table) return err_oom(err);
    naru_status st = add_metadata(table, metadata_count, metadata, err);
    if (st == NARU_OK) st = add_tensors(table, items, count, err);
    if (st == NARU_OK) st = print_header(table, out, err);
    json_decref(table);
    return st;
}

/* ---- the data ---- */
static naru_status put(sink *s, const void *data, size_t n, naru_error *err) {
    if (s->file) return file_writer_put(s->file, data, n, err);
    str_add_n(s->out, data, n);
    return s->out->failed ? err_oom(err) : NARU_OK;
}

static naru_status put_tensor(sink *s, naru_tensor *t, naru_error *err) {
    naru_tensor *whole;
    TRY(tensor_contiguous(t, &whole, err));
    naru_status st = put(s, whole->data, tensor_bytes(whole), err);
    tensor_unref(whole);
    return st;
}

static naru_status write_all(sink *s, const item *items, size_t count, const str *header, naru_error *err) {
    TRY(put(s, header->data, header->len, err));
    for (size_t i = 0; i < count; i++) TRY(put_tensor(s, items[i].tensor, err));
    return NARU_OK;
}

static naru_status write_path(const char *path, const item *items, size_t count, const str *header, naru_error *err) {
    sink s = {0};
    TRY(file_writer_begin(path, &s.file, err));
    naru_status st = write_all(&s, items, count, header, err);
    naru_status ended = file_writer_end(s.file, st == NARU_OK, err);
    return st != NARU_OK ? st : ended;
}

/* path NULL: appended to out */
static naru_status save(const char *path, size_t count, const char *const *names, naru_tensor *const *tensors,
                        size_t metadata_count, const char *const *metadata, str *out, naru_error *err) {
    item *items = NULL;
    str header = {0};
    TRY(make_items(count, names, tensors, &items, err));
    naru_status st = make_header(items, count, metadata_count, metadata, &header, err);
    if (st == NARU_OK)
        st = path ? write_path(path, items, count, &header, err)
                  : write_all(&(sink){.out = out}, items, count, &header, err);
    mem_free(items);
    str_free(&header);
    return st;
}

naru_status safetensors_save(const char *path, size_t count, const char *const *names, naru_tensor *const *tensors,
                             size_t metadata_count, const char *const *metadata, naru_error *err) {
    naru_status st = save(path, count, names, tensors, metadata_count, metadata, NULL, err);
    return err && strncmp(err->message, path, strlen(path)) ? err_context(err, st, "%s", path) : st;
}

naru_status safetensors_print(size_t count, const char *const *names, naru_tensor *const *tensors,
                              size_t metadata_count, const char *const *metadata, str *out, naru_error *err) {
    return save(NULL, count, names, tensors, metadata_count, metadata, out, err);
}
