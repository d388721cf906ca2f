/* SPDX-License-Identifier: MIT
 *
 * Reading safetensors: the table is checked as a whole (every byte of the data belongs to exactly one tensor) before
 * any tensor is made.
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/file.h"
#include "formats/safetensors/safetensors.h"
#include "formats/safetensors/types.h"

enum { PREFIX = 8, HEADER_LIMIT = 100000000 };

/* One line of the table. */
typedef struct row {
    const char *name; /* of the JSON object */
    naru_dtype dtype;
    int rank;
    int64_t dims[NARU_MAX_RANK];
    uint64_t begin, end; /* in the data */
} row;

typedef struct reading {
    safetensors *out;
    const uint8_t *data; /* of the file */
    size_t size, header; /* header: bytes of the table */
    file_map *map;       /* NULL: the caller's memory, to be copied */
    json_t *table;
    row *rows;
    size_t count;
    naru_error *err;
} reading;

static uint64_t header_size(const uint8_t *p) {
    uint64_t n = 0;
    for (int i = PREFIX; i--;) n = n << 8 | p[i];
    return n;
}

bool safetensors_sniff(const void *data, size_t size) {
    const uint8_t *p = data;
    return size > PREFIX && header_size(p) <= HEADER_LIMIT && header_size(p) <= size - PREFIX && p[PREFIX] == '{';
}

void safetensors_free(safetensors *s) {
    if (!s) return;
    for (size_t i = 0; i < s->count; i++) tensor_unref(s->entries[i].tensor);
    arena_free(s->arena);
    mem_free(s);
}

naru_tensor *safetensors_find(const safetensors *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->entries[i].name, name)) return s->entries[i].tensor;
    return NULL;
}

/* ---- the table ---- */
static naru_status bad(reading *r, const char *name, const char *what) {
    return err_set(r->err, NARU_BAD_FILE, "tensor '%s': %s", name, what);
}

static naru_status read_type(reading *r, const json_t *v, row *out) {
    const char *name = json_string_value(v);
    if (!name) return bad(r, out->name, "has no dtype");
    for (size_t i = 0; i < COUNT_OF(safetensors_types); i++)
        if (!strcmp(safetensors_types[i].name, name)) return out->dtype = safetensors_types[i].dtype, NARU_OK;
    return err_set(r->err, NARU_UNSUPPORTED, "tensor '%s': type '%s' is not supported", out->name, name);
}

static naru_status read_shape(reading *r, const json_t *v, row *out) {
    if (!json_is_array(v)) return bad(r, out->name, "has no shape");
    if (json_array_size(v) > NARU_MAX_RANK)
        return err_set(r->err, NARU_LIMIT, "tensor '%s': rank %zu (at most %d)", out->name, json_array_size(v),
                       NARU_MAX_RANK);
    out->rank = (int)json_array_size(v);
    for (int i = 0; i < out->rank; i++) {
        const json_t *d = json_array_get(v, (size_t)i);
        if (!json_is_integer(d) || json_integer_value(d) < 0) return bad(r, out->name, "has a size that is no number");
        out->dims[i] = json_integer_value(d);
    }
    return NARU_OK;
}

static naru_status read_range(reading *r, const json_t *v, row *out) {
    const json_t *b = json_array_get(v, 0), *e = json_array_get(v, 1);
    uint64_t left = r->size - PREFIX - r->header;
    int64_t count;
    if (json_array_size(v) != 2 || !json_is_integer(b) || !json_is_integer(e) || json_integer_value(b) < 0 ||
        json_integer_value(e) < json_integer_value(b))
        return bad(r, out->name, "has no data_offsets [begin, end]");
    out->begin = (uint64_t)json_integer_value(b);
    out->end = (uint64_t)json_integer_value(e);
    if (out->end > left)
        return err_set(r->err, NARU_BAD_FILE, "tensor '%s': ends at byte %llu of %llu of data; the file is cut short",
                       out->name, (unsigned long long)out->end, (unsigned long long)left);
    if (!dims_count(out->rank, out->dims, &count)) return bad(r, out->name, "is absurdly large");
    if (dtype_bytes(out->dtype, count) != out->end - out->begin)
        return err_set(r->err, NARU_BAD_FILE, "tensor '%s': %lld elements of %s do not take %llu bytes", out->name,
                       (long long)count, naru_dtype_name(out->dtype), (unsigned long long)(out->end - out->begin));
    return NARU_OK;
}

static naru_status read_row(reading *r, const char *name, const json_t *v, row *out) {
    *out = (row){.name = name};
    if (!json_is_object(v)) return bad(r, name, "is described by no object");
    TRY(read_type(r, json_object_get(v, "dtype"), out));
    TRY(read_shape(r, json_object_get(v, "shape"), out));
    return read_range(r, json_object_get(v, "data_offsets"), out);
}

static naru_status read_metadata(reading *r, json_t *meta) {
    safetensors *s = r->out;
    const char *key;
    json_t *v;
    if (!json_is_object(meta)) return err_set(r->err, NARU_BAD_FILE, "__metadata__ is no object");
    s->metadata = arena_calloc(s->arena, json_object_size(meta) * 2 + 1, sizeof *s->metadata);
    if (!s->metadata) return err_oom(r->err);
    json_object_foreach(meta, key, v) {
        if (!json_is_string(v)) return err_set(r->err, NARU_BAD_FILE, "__metadata__: '%s' is no string", key);
        const char *k = arena_strdup(s->arena, key), *t = arena_strdup(s->arena, json_string_value(v));
        if (!k || !t) return err_oom(r->err);
        s->metadata[2 * s->metadata_count] = k;
        s->metadata[2 * s->metadata_count++ + 1] = t;
    }
    return NARU_OK;
}

static int by_position(const void *a, const void *b) {
    const row *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Sorted rows follow one another without gap, up to the end of the file. */
static naru_status check_cover(reading *r) {
    uint64_t at = 0, left = r->size - PREFIX - r->header;
    for (size_t i = 0; i < r->count; i++) {
        if (r->rows[i].begin != at)
            return bad(r, r->rows[i].name,
                       r->rows[i].begin < at ? "overlaps another" : "does not follow the one before");
        at = r->rows[i].end;
    }
    if (at != left)
        return err_set(r->err, NARU_BAD_FILE, "%llu bytes of data belong to no tensor",
                       (unsigned long long)(left - at));
    return NARU_OK;
}

static naru_status read_rows(reading *r) {
    const char *name;
    json_t *v;
    r->rows = mem_calloc(json_object_size(r->table) + 1, sizeof *r->rows);
    if (!r->rows) return err_oom(r->err);
    json_object_foreach(r->table, name, v) {
        if (!strcmp(name, "__metadata__")) TRY(read_metadata(r, v));
        else TRY(read_row(r, name, v, &r->rows[r->count++]));
    }
    if (r->count) qsort(r->rows, r->count, sizeof *r->rows, by_position);
    return check_cover(r);
}

static naru_status read_header(reading *r) {
    if (r->size < PREFIX) return err_set(r->err, NARU_BAD_FILE, "no safetensors file: it has only %zu bytes", r->size);
    uint64_t n = header_size(r->data);
    if (n > HEADER_LIMIT || (n && r->size > PREFIX && r->data[PREFIX] != '{'))
        return err_set(r->err, NARU_BAD_FILE, "no safetensors file: it does not begin with a length and a table");
    if (n > r->size - PREFIX)
        return err_set(r->err, NARU_BAD_FILE,
                       "the file is cut short: a table of %llu bytes was announced, %zu are there",
                       (unsigned long long)n, r->size - PREFIX);
    json_error_t why;
    r->header = (size_t)n;
    r->table = json_loadb((const char *)r->data + PREFIX, n, JSON_REJECT_DUPLICATES, &why);
    if (!r->table)
        return err_at(r->err, NARU_BAD_FILE, PREFIX + why.position, "the table at byte %d: %s", PREFIX + why.position,
                      why.text);
    return json_is_object(r->table) ? NARU_OK : err_set(r->err, NARU_BAD_FILE, "the table is no JSON object");
}

/* ---- tensors ---- */
static void release_map(void *map) { file_map_unref(map); }

static naru_status make_storage(reading *r, const row *w, storage **out) {
    uint8_t *at = (uint8_t *)r->data + PREFIX + r->header + w->begin;
    size_t n = w->end - w->begin, align = (size_t)naru_dtype_bits(w->dtype) / 8;
    if (r->map && (uintptr_t)at % (align ? align : 1) == 0) {
        *out = storage_new(at, n, release_map, r->map);
        if (*out) file_map_ref(r->map);
    } else {
        void *copy = mem_alloc(n);
        if (copy && n) memcpy(copy, at, n);
        *out = copy ? storage_new(copy, n, NULL, NULL) : NULL;
        if (!*out) mem_free(copy);
    }
    return *out ? NARU_OK : err_oom(r->err);
}

static naru_status make_tensors(reading *r) {
    safetensors *s = r->out;
    s->entries = arena_calloc(s->arena, r->count + 1, sizeof *s->entries);
    if (!s->entries) return err_oom(r->err);
    for (size_t i = 0; i < r->count; i++) {
        const row *w = &r->rows[i];
        safetensors_entry *e = &s->entries[i];
        storage *st;
        if (!(e->name = arena_strdup(s->arena, w->name))) return err_oom(r->err);
        TRY(make_storage(r, w, &st));
        naru_status made = tensor_new_view(st, st->data, w->dtype, w->rank, w->dims, NULL, &e->tensor, r->err);
        storage_unref(st);
        if (made != NARU_OK) return made;
        s->count++;
    }
    return NARU_OK;
}

static naru_status read_all(reading *r) {
    r->out->arena = arena_new();
    if (!r->out->arena) return err_oom(r->err);
    TRY(read_header(r));
    TRY(read_rows(r));
    if (r->map) TRY(file_map_writable(r->map, r->err));
    return make_tensors(r);
}

static naru_status open_bytes(reading *r, const char *name, safetensors **out) {
    naru_status st = (r->out = mem_calloc(1, sizeof *r->out)) ? read_all(r) : err_oom(r->err);
    json_decref(r->table);
    mem_free(r->rows);
    if (st == NARU_OK) return *out = r->out, NARU_OK;
    safetensors_free(r->out);
    return err_context(r->err, st, "%s", name);
}

naru_status safetensors_open(const char *path, safetensors **out, naru_error *err) {
    file_map *map;
    TRY(file_map_open(path, true, &map, err));
    naru_status st = open_bytes(&(reading){.data = map->data, .size = map->size, .map = map, .err = err}, path, out);
    file_map_unref(map);
    return st;
}

naru_status safetensors_open_memory(const void *data, size_t size, const char *name, safetensors **out,
                                    naru_error *err) {
    return open_bytes(&(reading){.data = data, .size = size, .err = err}, name, out);
}
