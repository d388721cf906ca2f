/* SPDX-License-Identifier: MIT
 *
 * Opening checkpoints: the zip form through archive.h, and the legacy stream: magic number, protocol, system, object,
 * the storages' keys, then per key a count and the bytes.
 */
#include "formats/torch/checkpoint.h"

#include "base/file.h"
#include "formats/torch/checkpoint_walk.h"
#include "formats/torch/zip.h"

enum { LEGACY_PROTOCOL = 1001 };

void checkpoint_free(checkpoint *c) {
    if (!c) return;
    for (size_t i = 0; i < c->count; i++) torch_tensor_clear(&c->entries[i].tensor);
    mem_free(c->entries);
    arena_free(c->arena);
    mem_free(c);
}

const torch_tensor *checkpoint_find(const checkpoint *c, const char *name) {
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->entries[i].name, name)) return &c->entries[i].tensor;
    return NULL;
}

/* Tensors of the pickle `root`; `pickles` owns the nodes. */
static naru_status collect(checkpoint *c, const pk *root, const char *select, torch_storages *s, const char *folder,
                           naru_error *err) {
    const pk *part;
    TRY(checkpoint_select(root, select, c->arena, &part, &c->selected, err));
    return checkpoint_collect(c, s, folder, part, err);
}

/* ---- zip ---- */
static naru_status refuse_kind(archive *a, naru_error *err) {
    archive_kind kind = archive_kind_of(a);
    if (kind == ARCHIVE_CHECKPOINT) return NARU_OK;
    return err_set(err, NARU_UNSUPPORTED, "it is %s, not a checkpoint", archive_kind_text(kind));
}

static naru_status read_zip(checkpoint *c, archive *a, const char *select, arena *scratch, naru_error *err) {
    pickle p;
    torch_storages *s;
    int version;
    TRY(refuse_kind(a, err));
    TRY(archive_version(a, &version, err));
    TRY(torch_read_pickle(a, "data.pkl", scratch, NULL, &p, err));
    TRY(torch_storages_new(a, &s, err));
    naru_status st = collect(c, p.root, select, s, "data/", err);
    torch_storages_free(s);
    return st;
}

/* ---- the legacy stream ---- */
typedef struct stream {
    const uint8_t *data;
    size_t size, at;
    arena *scratch;
    naru_error *err;
} stream;

static naru_status next_pickle(stream *s, const char *what, pickle *out) {
    size_t at = s->at;
    naru_status st = pickle_parse(s->scratch, s->data + at, s->size - at, NULL, out, s->err);
    if (st != NARU_OK) return err_context(s->err, st, "the pickle of %s, at byte %zu", what, at);
    s->at += out->end;
    return NARU_OK;
}

static naru_status read_preamble(stream *s) {
    pickle magic, protocol, system;
    int64_t number;
    TRY(next_pickle(s, "the magic number", &magic)); /* its value was looked at by torch_sniff */
    TRY(next_pickle(s, "the protocol number", &protocol));
    if (!pk_get_int(protocol.root, &number) || number != LEGACY_PROTOCOL)
        return err_set(s->err, NARU_UNSUPPORTED, "the protocol number is not %d", LEGACY_PROTOCOL);
    return next_pickle(s, "the system's description", &system);
}

/* key -> bytes of an element, from all persistent ids of the object. */
static naru_status element_sizes(stream *s, const pickle *object, strmap *sizes) {
    for (size_t i = 0; i < object->persid_count; i++) {
        torch_persid id;
        if (!pk_is_str(pk_item(object->persids[i]->args, 0), "storage")) continue; /* 'module': source text */
        TRY(torch_persid_parse(object->persids[i], &id, s->err));
        struct strmap_entry *e = strmap_put(sizes, id.key, NULL);
        if (!e) return err_oom(s->err);
        e->num = id.scalar == TORCH_SCALAR_NONE ? 1 : (int64_t)torch_scalar_size(id.scalar);
    }
    return NARU_OK;
}

static naru_status cut_short(stream *s, const char *key) {
    return err_at(s->err, NARU_BAD_FILE, (int64_t)s->at, "at byte %zu: the file ends within storage '%s'", s->at, key);
}

/* Count and bytes of one storage, which moves into the table. */
static naru_status read_storage(stream *s, const char *key, int64_t size, torch_storages *table) {
    if (s->size - s->at < 8) return cut_short(s, key);
    uint64_t count = zip_u64(s->data + s->at), left = s->size - s->at - 8;
    if (count > left / (uint64_t)size) return cut_short(s, key);
    size_t bytes = (size_t)(count * (uint64_t)size);
    void *copy = mem_alloc(bytes);
    storage *st = copy ? storage_new(copy, bytes, NULL, NULL) : NULL;
    if (!st) return mem_free(copy), err_oom(s->err);
    memcpy(copy, s->data + s->at + 8, bytes);
    s->at += 8 + bytes;
    naru_status put = torch_storages_put(table, "", key, st, s->err);
    storage_unref(st);
    return put;
}

static naru_status read_storages(stream *s, const pk *keys, const strmap *sizes, torch_storages *table) {
    if (keys->kind != PK_LIST) return err_set(s->err, NARU_BAD_FILE, "the storages' keys are no list");
    for (uint32_t i = 0; i < keys->count; i++) {
        const pk *key = keys->items[i];
        struct strmap_entry *e = key->kind == PK_STR ? strmap_find(sizes, key->text.s) : NULL;
        if (!e) return err_set(s->err, NARU_BAD_FILE, "storage %u of the list is of no tensor", i);
        TRY(read_storage(s, e->key, e->num, table));
    }
    return NARU_OK;
}

static naru_status read_stream(checkpoint *c, stream *s, const char *select, strmap *sizes, torch_storages *table) {
    pickle object, keys;
    TRY(read_preamble(s));
    TRY(next_pickle(s, "the object", &object));
    TRY(next_pickle(s, "the storages' keys", &keys));
    TRY(element_sizes(s, &object, sizes));
    TRY(read_storages(s, keys.root, sizes, table));
    return collect(c, object.root, select, table, "", s->err);
}

static naru_status read_legacy(checkpoint *c, const uint8_t *data, size_t size, const char *select, arena *scratch,
                               naru_error *err) {
    stream s = {.data = data, .size = size, .scratch = scratch, .err = err};
    torch_storages *table;
    strmap sizes = {0};
    TRY(torch_storages_new(NULL, &table, err));
    c->legacy = true;
    naru_status st = read_stream(c, &s, select, &sizes, table);
    strmap_free(&sizes);
    torch_storages_free(table);
    return st;
}

/* ---- both ---- */
static naru_status read_any(checkpoint *c, const uint8_t *data, size_t size, archive *a, const char *select,
                            naru_error *err) {
    arena *scratch = arena_new();
    if (!scratch) return err_oom(err);
    naru_status st = a ? read_zip(c, a, select, scratch, err) : read_legacy(c, data, size, select, scratch, err);
    arena_free(scratch);
    return st;
}

/* a NULL: the legacy form. Takes a over. */
static naru_status deliver(const uint8_t *data, size_t size, archive *a, const char *name, const char *select,
                           checkpoint **out, naru_error *err) {
    checkpoint *c = mem_calloc(1, sizeof *c);
    if (c) c->arena = arena_new();
    naru_status st = c && c->arena ? read_any(c, data, size, a, select, err) : err_oom(err);
    archive_unref(a);
    if (st == NARU_OK) return *out = c, NARU_OK;
    checkpoint_free(c);
    return err && strncmp(err->message, name, strlen(name)) ? err_context(err, st, "%s", name) : st;
}

static naru_status no_checkpoint(const void *data, size_t size, const char *name, naru_error *err) {
    return err_set(err, NARU_BAD_FILE, "%s: no checkpoint: %s", name, torch_container_text(data, size));
}

naru_status checkpoint_open_memory(const void *data, size_t size, const char *name, const char *select,
                                   checkpoint **out, naru_error *err) {
    archive *a = NULL;
    torch_container is = torch_sniff(data, size);
    if (is == TORCH_ZIP) TRY(archive_open_memory(data, size, name, &a, err));
    else if (is != TORCH_LEGACY) return no_checkpoint(data, size, name, err);
    return deliver(data, size, a, name, select, out, err);
}

naru_status checkpoint_open(const char *path, const char *select, checkpoint **out, naru_error *err) {
    file_map *map;
    archive *a = NULL;
    TRY(file_map_open(path, true, &map, err));
    torch_container is = torch_sniff(map->data, map->size);
    naru_status st = NARU_OK;
    if (is == TORCH_ZIP) st = archive_open(path, true, &a, err);
    else if (is != TORCH_LEGACY) st = no_checkpoint(map->data, map->size, path, err);
    if (st == NARU_OK) st = deliver(map->data, map->size, a, path, select, out, err);
    file_map_unref(map);
    return st;
}
