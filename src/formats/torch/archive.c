/* SPDX-License-Identifier: MIT
 *
 * Opening an archive, finding records, handing out their bytes and storages.
 */
#include "formats/torch/archive.h"

#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "formats/torch/zip.h"

typedef struct record {
    const char *name; /* without the folder */
    const zip_entry *entry;
    uint8_t *inflated; /* mem_alloc'd; NULL: not yet, or stored */
    bool checked;      /* the checksum was compared */
} record;

struct archive {
    atomic_int refs;
    arena *arena;
    char *path;
    const char *folder;
    file_map *map; /* NULL: the caller's memory */
    bool writable; /* file_map_writable was done */
    zip zip;
    record *records;
    size_t count;
    strmap names;      /* name -> index in records */
    uint64_t inflated; /* bytes, all records together */
};

enum { INFLATE_ROOM = 1 << 30, INFLATE_TIMES = 64 }; /* how far a file may unfold: room + times * its size */

/* ---- opening ---- */
/* Bytes of the top folder's name with its "/"; 0 when there is none. */
static size_t folder_size(const zip *z) {
    const char *slash = z->count ? strchr(z->entries[0].name, '/') : NULL;
    return slash ? (size_t)(slash - z->entries[0].name) + 1 : 0;
}

static bool index_record(archive *a, const zip_entry *e, size_t folder) {
    bool fresh;
    const char *name = e->name + folder;
    struct strmap_entry *at = strmap_put(&a->names, name, &fresh);
    if (!at) return false;
    if (fresh) at->num = (int64_t)a->count++;
    a->records[at->num] = (record){.name = name, .entry = e}; /* of two with one name the later counts */
    return true;
}

static naru_status index_records(archive *a, naru_error *err) {
    const zip *z = &a->zip;
    size_t n = folder_size(z);
    if (z->count == 0) return err_set(err, NARU_BAD_FILE, "the zip archive is empty");
    if (n == 0)
        return err_set(err, NARU_BAD_FILE, "a zip archive, but not PyTorch's: '%s' is in no folder",
                       z->entries[0].name);
    a->folder = arena_strndup(a->arena, z->entries[0].name, n - 1);
    a->records = arena_calloc(a->arena, z->count, sizeof *a->records);
    if (!a->folder || !a->records) return err_oom(err);
    for (size_t i = 0; i < z->count; i++) {
        const zip_entry *e = &z->entries[i];
        bool inside = e->name_size > n && memcmp(e->name, z->entries[0].name, n) == 0;
        if (inside && e->name[e->name_size - 1] != '/' && !index_record(a, e, n)) return err_oom(err);
    }
    return NARU_OK;
}

static naru_status begin(const char *path, archive **out, naru_error *err) {
    archive *a = mem_calloc(1, sizeof *a);
    if (!a) return err_oom(err);
    a->refs = 1;
    a->arena = arena_new();
    a->path = mem_strdup(path);
    *out = a;
    if (a->arena && a->path) return NARU_OK;
    archive_unref(a);
    return err_oom(err);
}

static naru_status finish(archive *a, const uint8_t *data, size_t size, archive **out, naru_error *err) {
    naru_status st = NARU_OK;
    if (torch_sniff(data, size) != TORCH_ZIP)
        st = err_at(err, NARU_BAD_FILE, 0, "no zip archive: %s", torch_container_text(data, size));
    if (st == NARU_OK) st = zip_read(data, size, a->arena, &a->zip, err);
    if (st == NARU_OK) st = index_records(a, err);
    if (st == NARU_OK) return *out = a, NARU_OK;
    err_context(err, st, "%s", a->path);
    archive_unref(a);
    return st;
}

naru_status archive_open(const char *path, bool map, archive **out, naru_error *err) {
    archive *a;
    TRY(begin(path, &a, err));
    naru_status st = file_map_open(path, map, &a->map, err);
    if (st == NARU_OK) return finish(a, a->map->data, a->map->size, out, err);
    archive_unref(a);
    return st;
}

naru_status archive_open_memory(const void *data, size_t size, const char *name, archive **out, naru_error *err) {
    archive *a;
    TRY(begin(name, &a, err));
    return finish(a, data, size, out, err);
}

archive *archive_ref(archive *a) {
    atomic_fetch_add(&a->refs, 1);
    return a;
}

void archive_unref(archive *a) {
    if (!a || atomic_fetch_sub(&a->refs, 1) != 1) return;
    for (size_t i = 0; i < a->count; i++) mem_free(a->records[i].inflated);
    strmap_free(&a->names);
    file_map_unref(a->map);
    arena_free(a->arena);
    mem_free(a->path);
    mem_free(a);
}

/* ---- names ---- */
const char *archive_path(const archive *a) { return a->path; }
const char *archive_folder(const archive *a) { return a->folder; }
size_t archive_count(const archive *a) { return a->count; }
const char *archive_name(const archive *a, size_t i) { return a->records[i].name; }
bool archive_has(const archive *a, const char *name) { return strmap_find(&a->names, name) != NULL; }

size_t archive_next(const archive *a, const char *prefix, size_t from) {
    while (from < a->count && !str_starts(a->records[from].name, prefix)) from++;
    return from;
}

static const char *nearest_name(const archive *a, const char *name) {
    const char **names = mem_calloc(a->count + 1, sizeof *names);
    if (!names) return NULL;
    for (size_t i = 0; i < a->count; i++) names[i] = a->records[i].name;
    const char *near = str_nearest(name, names, a->count);
    mem_free(names);
    return near;
}

static naru_status find(archive *a, const char *name, record **out, naru_error *err) {
    struct strmap_entry *e = strmap_find(&a->names, name);
    if (e) return *out = &a->records[e->num], NARU_OK;
    const char *near = nearest_name(a, name);
    return near ? err_set(err, NARU_NOT_FOUND, "%s: has no record '%s'; did you mean '%s'?", a->path, name, near)
                : err_set(err, NARU_NOT_FOUND, "%s: has no record '%s'", a->path, name);
}

/* ---- bytes ---- */
static naru_status in_record(const archive *a, const record *r, naru_status st, naru_error *err) {
    return err_context(err, st, "%s: record '%s'", a->path, r->name);
}

/* Room for the inflated record, within what the whole file may unfold to. */
static naru_status inflate_room(archive *a, const record *r, uint8_t **out, naru_error *err) {
    uint64_t size = r->entry->size, most = (uint64_t)INFLATE_ROOM + INFLATE_TIMES * (uint64_t)a->zip.size;
    if (size > most || a->inflated > most - size)
        return err_set(err, NARU_LIMIT, "inflating %llu more bytes from a file of %zu is refused",
                       (unsigned long long)size, a->zip.size);
    if (!(*out = mem_alloc(size))) return err_oom(err);
    a->inflated += size;
    return NARU_OK;
}

/* A fresh copy of the record's bytes, checksum compared. */
static naru_status copy_record(archive *a, const record *r, uint8_t **out, naru_error *err) {
    size_t unused;
    uint8_t *p = NULL;
    TRY(zip_payload(&a->zip, r->entry, &unused, err)); /* before anything is allocated for it */
    if (r->entry->method == ZIP_STORED) p = mem_alloc(r->entry->size);
    else TRY(inflate_room(a, r, &p, err));
    if (!p) return err_oom(err);
    naru_status st = zip_extract(&a->zip, r->entry, p, err);
    if (st != NARU_OK) return mem_free(p), st;
    *out = p;
    return NARU_OK;
}

static naru_status view_record(archive *a, record *r, archive_bytes *out, naru_error *err) {
    size_t at;
    out->size = r->entry->size;
    if (r->entry->method == ZIP_STORED) {
        TRY(zip_payload(&a->zip, r->entry, &at, err));
        out->data = a->zip.data + at;
        return NARU_OK;
    }
    if (!r->inflated) {
        TRY(copy_record(a, r, &r->inflated, err));
        r->checked = true;
    }
    out->data = r->inflated;
    return NARU_OK;
}

static naru_status read_record(archive *a, record *r, archive_bytes *out, naru_error *err) {
    TRY(view_record(a, r, out, err));
    if (r->checked) return NARU_OK;
    int64_t at = out->data - a->zip.data;
    if (zip_crc(out->data, out->size) != r->entry->crc)
        return err_at(err, NARU_BAD_FILE, at, "at byte %lld: wrong checksum: the record's bytes were changed",
                      (long long)at);
    r->checked = true;
    return NARU_OK;
}

naru_status archive_view(archive *a, const char *name, archive_bytes *out, naru_error *err) {
    record *r;
    TRY(find(a, name, &r, err));
    return in_record(a, r, view_record(a, r, out, err), err);
}

naru_status archive_read(archive *a, const char *name, archive_bytes *out, naru_error *err) {
    record *r;
    TRY(find(a, name, &r, err));
    return in_record(a, r, read_record(a, r, out, err), err);
}

naru_status archive_size(archive *a, const char *name, size_t *out, naru_error *err) {
    record *r;
    size_t unused;
    TRY(find(a, name, &r, err));
    TRY(in_record(a, r, zip_payload(&a->zip, r->entry, &unused, err), err));
    *out = r->entry->size;
    return NARU_OK;
}

naru_status archive_verify(archive *a, naru_error *err) {
    for (size_t i = 0; i < a->count; i++) {
        record *r = &a->records[i];
        archive_bytes bytes;
        naru_status st = NARU_OK;
        if (r->entry->method == ZIP_STORED) st = read_record(a, r, &bytes, err);
        else if (!r->checked) { /* looked at and dropped: verifying costs no memory that stays */ uint8_t *copy = NULL;
            uint64_t before = a->inflated;
            st = copy_record(a, r, &copy, err);
            mem_free(copy);
            a->inflated = before;
        }
        if (st != NARU_OK) return in_record(a, r, st, err);
    }
    return NARU_OK;
}

/* ---- storages ---- */
static void release_map(void *map) { file_map_unref(map); }

static naru_status wrap(void *data, size_t size, file_map *map, storage **out, naru_error *err) {
    *out = map ? storage_new(data, size, release_map, map) : storage_new(data, size, NULL, NULL);
    if (*out) return map ? (void)file_map_ref(map) : (void)0, NARU_OK;
    if (!map) mem_free(data);
    return err_oom(err);
}

static naru_status make_writable(archive *a, naru_error *err) {
    if (!a->writable) TRY(file_map_writable(a->map, err));
    a->writable = true;
    return NARU_OK;
}

static naru_status storage_of(archive *a, record *r, size_t need, size_t align, storage **out, naru_error *err) {
    size_t at;
    TRY(zip_payload(&a->zip, r->entry, &at, err));
    if (r->entry->size < need)
        return err_at(err, NARU_BAD_FILE, (int64_t)at, "at byte %zu: has %llu bytes, but its tensors need %zu", at,
                      (unsigned long long)r->entry->size, need);
    if (a->map && r->entry->method == ZIP_STORED && (uintptr_t)(a->zip.data + at) % align == 0) {
        TRY(make_writable(a, err));
        return wrap((void *)(a->zip.data + at), need, a->map, out, err);
    }
    uint8_t *copy;
    TRY(copy_record(a, r, &copy, err));
    return wrap(copy, need, NULL, out, err);
}

naru_status archive_storage(archive *a, const char *name, size_t need, size_t align, storage **out, naru_error *err) {
    record *r;
    if (need == 0) { /* the record may be missing, and there is nothing to share */
        void *empty = mem_alloc(0);
        return empty ? wrap(empty, 0, NULL, out, err) : err_oom(err);
    }
    TRY(find(a, name, &r, err));
    return in_record(a, r, storage_of(a, r, need, align ? align : 1, out, err), err);
}
