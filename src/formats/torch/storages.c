/* SPDX-License-Identifier: MIT
 *
 * Storages by key: each is made once, from a record of the archive or given beforehand, and shared by its tensors.
 */
#include "formats/torch/storages.h"

typedef struct slot {
    storage *storage;
    size_t unit; /* swapped in numbers of so many bytes; 0: not swapped */
} slot;

struct torch_storages {
    archive *archive; /* NULL: only what was put */
    arena *arena;     /* keys and slots */
    strmap slots;     /* "data/0" -> slot */
    bool big;         /* the archive's numbers have their high byte first */
};

naru_status torch_storages_new(archive *a, torch_storages **out, naru_error *err) {
    torch_storages *s = mem_calloc(1, sizeof *s);
    if (!s || !(s->arena = arena_new())) return mem_free(s), err_oom(err);
    if (a) s->archive = archive_ref(a);
    naru_status st = a ? archive_big_endian(a, &s->big, err) : NARU_OK;
    if (st == NARU_OK) return *out = s, NARU_OK;
    torch_storages_free(s);
    return st;
}

void torch_storages_free(torch_storages *s) {
    if (!s) return;
    for (size_t i = 0; i < s->slots.cap; i++)
        if (s->slots.entries[i].key && s->slots.entries[i].ptr)
            storage_unref(((slot *)s->slots.entries[i].ptr)->storage);
    strmap_free(&s->slots);
    archive_unref(s->archive);
    arena_free(s->arena);
    mem_free(s);
}

static naru_status record_name(torch_storages *s, const char *folder, const char *key, char **out, naru_error *err) {
    size_t f = strlen(folder), k = strlen(key);
    if (!(*out = arena_alloc(s->arena, f + k + 1))) return err_oom(err);
    memcpy(*out, folder, f);
    memcpy(*out + f, key, k + 1);
    return NARU_OK;
}

/* Takes over the reference to st. */
static naru_status remember(torch_storages *s, const char *name, storage *st, size_t unit, naru_error *err) {
    slot *new_slot = arena_calloc(s->arena, 1, sizeof *new_slot);
    struct strmap_entry *e = new_slot ? strmap_put(&s->slots, name, NULL) : NULL;
    if (!e) return storage_unref(st), err_oom(err);
    if (e->ptr) storage_unref(((slot *)e->ptr)->storage);
    *new_slot = (slot){st, unit};
    e->ptr = new_slot;
    return NARU_OK;
}

naru_status torch_storages_put(torch_storages *s, const char *folder, const char *key, storage *st, naru_error *err) {
    char *name;
    TRY(record_name(s, folder, key, &name, err));
    return remember(s, name, storage_ref(st), 0, err);
}

/* ---- persistent ids ---- */
static naru_status bad_id(const pk *p, naru_error *err, const char *what) {
    return err_at(err, NARU_BAD_FILE, p->offset, "at byte %u of the pickle: a storage's id %s", p->offset, what);
}

static naru_status storage_class(const pk *p, const pk *cls, torch_scalar *out, naru_error *err) {
    *out = TORCH_SCALAR_NONE;
    if (!cls || cls->kind != PK_GLOBAL) return bad_id(p, err, "has no class");
    const char *module = cls->global.module, *name = cls->global.name;
    if (!strcmp(module, "torch.storage") && !strcmp(name, "UntypedStorage")) return NARU_OK;
    if (!strcmp(module, "torch") || !strcmp(module, "torch.cuda")) *out = torch_scalar_of_storage(name);
    if (*out != TORCH_SCALAR_NONE) return NARU_OK;
    return err_at(err, NARU_UNSUPPORTED, p->offset, "at byte %u of the pickle: %s.%s is not a known kind of storage",
                  p->offset, module, name);
}

naru_status torch_persid_parse(const pk *p, torch_persid *out, naru_error *err) {
    const pk *id = p->args, *key = pk_item(id, 2), *location = pk_item(id, 3), *view = pk_item(id, 5);
    *out = (torch_persid){.scalar = TORCH_SCALAR_NONE};
    if (p->kind != PK_PERSID || !id || id->kind != PK_TUPLE || !pk_is_str(pk_item(id, 0), "storage"))
        return bad_id(p, err, "is not ('storage', class, key, location, count)");
    TRY(storage_class(p, pk_item(id, 1), &out->scalar, err));
    if (!key || key->kind != PK_STR || strlen(key->text.s) != key->text.n || key->text.n == 0)
        return bad_id(p, err, "has no key");
    if (!pk_get_int(pk_item(id, 4), &out->count) || out->count < 0) return bad_id(p, err, "has no count of elements");
    out->key = key->text.s;
    out->location = location && location->kind == PK_STR ? location->text.s : "cpu";
    out->view = view && view->kind != PK_NONE ? view : NULL;
    return NARU_OK;
}

/* ---- bytes ---- */
static void swap_units(uint8_t *p, size_t bytes, size_t unit) {
    for (size_t at = 0; at + unit <= bytes; at += unit)
        for (size_t i = 0; i < unit / 2; i++) {
            uint8_t b = p[at + i];
            p[at + i] = p[at + unit - 1 - i];
            p[at + unit - 1 - i] = b;
        }
}

static naru_status swapped_copy(torch_storages *s, const char *name, size_t need, size_t unit, storage **out,
                                naru_error *err) {
    archive_bytes b;
    TRY(archive_read(s->archive, name, &b, err));
    if (b.size < need)
        return err_set(err, NARU_BAD_FILE, "%s: record '%s': has %zu bytes, but its tensors need %zu",
                       archive_path(s->archive), name, b.size, need);
    uint8_t *copy = mem_alloc(need);
    if (!copy) return err_oom(err);
    memcpy(copy, b.data, need);
    swap_units(copy, need, unit);
    if ((*out = storage_new(copy, need, NULL, NULL))) return NARU_OK;
    mem_free(copy);
    return err_oom(err);
}

static naru_status load(torch_storages *s, const char *name, size_t need, size_t align, size_t unit, storage **out,
                        naru_error *err) {
    if (!s->archive && need) return err_set(err, NARU_BAD_FILE, "storage '%s' is not in the file", name);
    if (unit && need) return swapped_copy(s, name, need, unit, out, err);
    return archive_storage(s->archive, name, need, align, out, err);
}

/* The storage of that name, with at least `need` bytes. */
static naru_status find_or_load(torch_storages *s, const char *folder, const char *key, size_t need, size_t align,
                                size_t unit, storage **out, naru_error *err) {
    char *name;
    TRY(record_name(s, folder, key, &name, err));
    const slot *known = strmap_get(&s->slots, name);
    if (!known) {
        TRY(load(s, name, need, align, unit, out, err));
        return remember(s, name, *out, unit, err);
    }
    *out = known->storage;
    if (known->storage->nbytes < need)
        return err_set(err, NARU_BAD_FILE, "storage '%s' has %zu bytes, but %zu are needed", name,
                       known->storage->nbytes, need);
    if (unit != known->unit && known->unit && unit)
        return err_set(err, NARU_UNSUPPORTED, "storage '%s' of a big-endian file is used with two element sizes", name);
    return NARU_OK;
}

/* Legacy: (key, offset, count) within the storage. */
static naru_status apply_view(const pk *p, const torch_persid *id, size_t size, storage_part *part, naru_error *err) {
    int64_t offset, count;
    if (!pk_get_int(pk_item(id->view, 1), &offset) || !pk_get_int(pk_item(id->view, 2), &count) || offset < 0 ||
        count < 0 || offset > id->count || count > id->count - offset)
        return bad_id(p, err, "describes a part that is not within the storage");
    part->data += (size_t)offset * size;
    part->bytes = (uint64_t)count * size;
    return NARU_OK;
}

static size_t swap_unit(torch_scalar scalar) {
    size_t n = torch_scalar_size(scalar);
    return scalar == TORCH_ComplexFloat || scalar == TORCH_ComplexDouble || scalar == TORCH_ComplexHalf ? n / 2 : n;
}

naru_status storages_get(torch_storages *s, const char *folder, const pk *p, size_t unit, storage_part *out,
                         naru_error *err) {
    torch_persid id;
    int64_t need;
    TRY(torch_persid_parse(p, &id, err));
    size_t size = id.scalar == TORCH_SCALAR_NONE ? 1 : torch_scalar_size(id.scalar);
    if (!i64_mul(id.count, (int64_t)size, &need)) return bad_id(p, err, "has an absurd count of elements");
    if (!unit) unit = swap_unit(id.scalar);
    if (!s->big || unit < 2) unit = 0;
    TRY(find_or_load(s, folder, id.key, (size_t)need, id.scalar == TORCH_SCALAR_NONE ? 16 : size, unit, &out->storage,
                     err));
    out->data = out->storage->data;
    out->bytes = (uint64_t)need;
    out->scalar = id.scalar;
    return id.view ? apply_view(p, &id, size, out, err) : NARU_OK;
}
