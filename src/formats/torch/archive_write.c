/* SPDX-License-Identifier: MIT
 *
 * Writing an archive the way PyTorch's own writer lays it out: payloads at multiples of 64 (the padding is an extra
 * field 'FB' of the local header), checksums and sizes in a descriptor behind the payload, text deflated, a 64-bit end
 * record always, 64-bit sizes and offsets only where they are needed.
 */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "formats/torch/archive.h"
#include "formats/torch/zip.h"

enum {
    PAYLOAD_ALIGN = 64,
    DEFLATE_OVER = 200, /* bytes of text that are stored as they are */
    FLAG_UTF8 = 0x0800,
    FLAG_DESCRIPTOR = 0x0008,
    NEED_DEFLATE = 20,
    MADE_BY_64 = 0x031e,
    NEED_64 = 45,
    PIECE = 1 << 30,
};

struct archive_writer {
    file_writer *file; /* NULL: to memory */
    str memory;
    uint64_t at; /* bytes written */
    const char *folder;
    char *path; /* NULL: memory */
    arena *arena;
    ARRAY(zip_entry) entries;
    strmap names; /* without the folder */
};

/* ---- little-endian text ---- */
static void add_u16(str *s, uint64_t v) { str_add_n(s, (char[]){(char)v, (char)(v >> 8)}, 2); }
static void add_u32(str *s, uint64_t v) { add_u16(s, v), add_u16(s, v >> 16); }
static void add_u64(str *s, uint64_t v) { add_u32(s, v), add_u32(s, v >> 32); }
static bool is_large(uint64_t v) { return v >= UINT32_MAX; }
static uint64_t at_most(uint64_t v, uint64_t limit) { return v < limit ? v : limit; }

/* ---- begin ---- */
static const char *default_folder(arena *a, const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL, *base = slash ? slash + 1 : path;
    const char *dot = base ? strrchr(base, '.') : NULL;
    size_t n = !base ? 0 : dot ? (size_t)(dot - base) : strlen(base);
    return n ? arena_strndup(a, base, n) : arena_strdup(a, "archive");
}

static void writer_free(archive_writer *w) {
    strmap_free(&w->names);
    ARRAY_FREE(&w->entries);
    str_free(&w->memory);
    arena_free(w->arena);
    mem_free(w->path);
    mem_free(w);
}

naru_status archive_writer_begin(const char *path, const char *folder, archive_writer **out, naru_error *err) {
    archive_writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_oom(err);
    bool ok = (w->arena = arena_new()) && (!path || (w->path = mem_strdup(path)));
    if (ok) w->folder = folder ? arena_strdup(w->arena, folder) : default_folder(w->arena, path);
    naru_status st = ok && w->folder ? NARU_OK : err_oom(err);
    if (st == NARU_OK && path) st = file_writer_begin(path, &w->file, err);
    if (st != NARU_OK) return writer_free(w), st;
    *out = w;
    return NARU_OK;
}

/* ---- a record ---- */
static naru_status put(archive_writer *w, const void *data, size_t n, naru_error *err) {
    w->at += n;
    if (w->file) return file_writer_put(w->file, data, n, err);
    str_add_n(&w->memory, data, n);
    return w->memory.failed ? err_oom(err) : NARU_OK;
}

static naru_status put_str(archive_writer *w, str *s, naru_error *err) {
    naru_status st = s->failed ? err_oom(err) : put(w, s->data, s->len, err);
    str_free(s);
    return st;
}

static void *z_alloc(void *user, unsigned count, unsigned size) { return mem_calloc(count, size); }
static void z_free(void *user, void *p) { mem_free(p); }

/* Raw deflate into a new block. */
static naru_status deflate_all(const uint8_t *data, size_t size, uint8_t **out, size_t *packed, naru_error *err) {
    z_stream s = {.zalloc = z_alloc, .zfree = z_free};
    if (deflateInit2(&s, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return err_oom(err);
    size_t room = deflateBound(&s, size);
    uint8_t *to = mem_alloc(room);
    int rc = to ? Z_OK : Z_MEM_ERROR;
    s.next_in = (uint8_t *)data;
    s.next_out = to;
    while (rc == Z_OK) {
        size_t in = size - s.total_in, left = room - s.total_out;
        s.avail_in = (uInt)at_most(in, PIECE);
        s.avail_out = (uInt)at_most(left, PIECE);
        rc = deflate(&s, in <= PIECE ? Z_FINISH : Z_NO_FLUSH);
    }
    *packed = s.total_out;
    deflateEnd(&s);
    if (rc != Z_STREAM_END) return mem_free(to), err_oom(err);
    *out = to;
    return NARU_OK;
}

/* The 64-bit extra field of the sizes and the offset that need it; nothing when none does. */
static void add_extra64(str *s, const zip_entry *e) {
    uint64_t sizes = is_large(e->size) ? 2 : 0, offset = is_large(e->header) ? 1 : 0;
    if (sizes + offset == 0) return;
    add_u16(s, 1);
    add_u16(s, 8 * (sizes + offset));
    if (sizes) add_u64(s, e->size), add_u64(s, e->packed);
    if (offset) add_u64(s, e->header);
}

static void add_padding(str *s, uint64_t payload) {
    size_t n = (PAYLOAD_ALIGN - payload % PAYLOAD_ALIGN) % PAYLOAD_ALIGN;
    str_add_n(s, "FB", 2);
    add_u16(s, n);
    for (; n; n--) str_add_n(s, "Z", 1);
}

/* What local header and directory say alike: version needed, flags, method, no time. */
static void add_common(str *s, const zip_entry *e) {
    add_u16(s, e->method == ZIP_DEFLATED ? NEED_DEFLATE : 0);
    add_u16(s, e->flags);
    add_u16(s, e->method);
    add_u32(s, 0);
}

static naru_status put_local(archive_writer *w, const zip_entry *e, naru_error *err) {
    str h = {0}, extra = {0};
    add_extra64(&extra, e);
    add_padding(&extra, e->header + ZIP_LOCAL_BYTES + e->name_size + extra.len + 4);
    add_u32(&h, ZIP_LOCAL);
    add_common(&h, e);
    for (int i = 0; i < 3; i++) add_u32(&h, 0); /* checksum and sizes are in the descriptor */
    add_u16(&h, e->name_size);
    add_u16(&h, extra.len);
    str_add_n(&h, e->name, e->name_size);
    str_add_n(&h, str_text(&extra), extra.len);
    h.failed |= extra.failed;
    str_free(&extra);
    return put_str(w, &h, err);
}

static naru_status put_descriptor(archive_writer *w, const zip_entry *e, naru_error *err) {
    str d = {0};
    add_u32(&d, ZIP_DESCRIPTOR);
    add_u32(&d, e->crc);
    if (is_large(e->size)) add_u64(&d, e->packed), add_u64(&d, e->size);
    else add_u32(&d, e->packed), add_u32(&d, e->size);
    return put_str(w, &d, err);
}

static bool is_text(const char *name) {
    return str_ends(name, ".debug_pkl") || (str_starts(name, "code/") && str_ends(name, ".py"));
}

static naru_status add_entry(archive_writer *w, const char *name, zip_entry *e, naru_error *err) {
    bool fresh;
    str full = {0};
    str_addf(&full, "%s/%s", w->folder, name);
    naru_status st = full.failed ? err_oom(err) : NARU_OK;
    if (full.len > UINT16_MAX) st = err_set(err, NARU_LIMIT, "the name has %zu bytes", full.len);
    if (st == NARU_OK && !(e->name = arena_strdup(w->arena, full.data))) st = err_oom(err);
    str_free(&full);
    if (st != NARU_OK) return st;
    e->name_size = (uint32_t)strlen(e->name);
    if (!strmap_put(&w->names, e->name + strlen(w->folder) + 1, &fresh)) return err_oom(err);
    return fresh ? NARU_OK : err_set(err, NARU_INVALID_ARGUMENT, "is already in the archive");
}

static naru_status add_record(archive_writer *w, const char *name, const void *data, size_t size, naru_error *err) {
    zip_entry e = {.method = size > DEFLATE_OVER && is_text(name) ? ZIP_DEFLATED : ZIP_STORED,
                   .flags = size ? FLAG_UTF8 | FLAG_DESCRIPTOR : FLAG_UTF8,
                   .crc = zip_crc(data, size),
                   .size = size,
                   .packed = size,
                   .header = w->at};
    uint8_t *packed = NULL;
    TRY(add_entry(w, name, &e, err));
    if (e.method == ZIP_DEFLATED) TRY(deflate_all(data, size, &packed, &e.packed, err));
    naru_status st = put_local(w, &e, err);
    if (st == NARU_OK && size) st = put(w, packed ? packed : data, e.packed, err);
    if (st == NARU_OK && size) st = put_descriptor(w, &e, err);
    mem_free(packed);
    if (st == NARU_OK && !ARRAY_PUSH(&w->entries, e)) st = err_oom(err);
    return st;
}

static const char *path_of(const archive_writer *w) { return w->path ? w->path : w->folder; }

naru_status archive_writer_add(archive_writer *w, const char *name, const void *data, size_t size, naru_error *err) {
    naru_status st = add_record(w, name, data, size, err);
    return err_context(err, st, "%s: record '%s'", path_of(w), name);
}

/* ---- closing records ---- */
naru_status archive_writer_add_version(archive_writer *w, int version, naru_error *err) {
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", version);
    return archive_writer_add(w, version >= 6 ? ".data/version" : "version", text, (size_t)n, err);
}

naru_status archive_writer_add_byteorder(archive_writer *w, naru_error *err) {
    return archive_writer_add(w, "byteorder", "little", 6, err);
}

/* Two hashes of 20 digits: of the records' names and of their checksums. */
naru_status archive_writer_add_id(archive_writer *w, naru_error *err) {
    uint64_t names = 0, sums = 0;
    char text[48];
    for (size_t i = 0; i < w->entries.count; i++) {
        const char *name = w->entries.data[i].name + strlen(w->folder) + 1;
        names = hash_bytes(name, strlen(name), names);
        sums = hash_bytes(&w->entries.data[i].crc, 4, sums);
    }
    int n = snprintf(text, sizeof text, "%020llu%020llu", (unsigned long long)names, (unsigned long long)sums);
    return archive_writer_add(w, ".data/serialization_id", text, (size_t)n, err);
}

/* ---- end ---- */
static void add_central(str *s, const zip_entry *e) {
    str extra = {0};
    add_extra64(&extra, e);
    add_u32(s, ZIP_CENTRAL);
    add_u16(s, 0);
    add_common(s, e);
    add_u32(s, e->crc);
    add_u32(s, is_large(e->size) ? UINT32_MAX : e->packed);
    add_u32(s, at_most(e->size, UINT32_MAX));
    add_u16(s, e->name_size);
    add_u16(s, extra.len);
    for (int i = 0; i < 5; i++) add_u16(s, 0); /* comment, disk, attributes */
    add_u32(s, at_most(e->header, UINT32_MAX));
    str_add_n(s, e->name, e->name_size);
    str_add_n(s, str_text(&extra), extra.len);
    s->failed |= extra.failed;
    str_free(&extra);
}

static void add_ends(str *s, uint64_t count, uint64_t size, uint64_t offset) {
    add_u32(s, ZIP_END64);
    add_u64(s, ZIP_END64_BYTES - 12);
    add_u16(s, MADE_BY_64), add_u16(s, NEED_64);
    add_u32(s, 0), add_u32(s, 0);
    add_u64(s, count), add_u64(s, count);
    add_u64(s, size), add_u64(s, offset);
    add_u32(s, ZIP_LOCATOR64);
    add_u32(s, 0);
    add_u64(s, offset + size);
    add_u32(s, 1);
    add_u32(s, ZIP_END);
    add_u16(s, 0), add_u16(s, 0);
    add_u16(s, at_most(count, UINT16_MAX)), add_u16(s, at_most(count, UINT16_MAX));
    add_u32(s, at_most(size, UINT32_MAX)), add_u32(s, at_most(offset, UINT32_MAX));
    add_u16(s, 0);
}

static naru_status put_directory(archive_writer *w, naru_error *err) {
    str s = {0};
    uint64_t offset = w->at;
    for (size_t i = 0; i < w->entries.count; i++) add_central(&s, &w->entries.data[i]);
    add_ends(&s, w->entries.count, s.len, offset);
    return put_str(w, &s, err);
}

naru_status archive_writer_end(archive_writer *w, bool keep, str *memory, naru_error *err) {
    naru_status st = keep ? put_directory(w, err) : NARU_OK;
    if (w->file) {
        naru_status ended = file_writer_end(w->file, keep && st == NARU_OK, err);
        if (st == NARU_OK) st = ended;
    } else if (keep && st == NARU_OK && memory) {
        *memory = w->memory;
        w->memory = (str){0};
    }
    writer_free(w);
    return st;
}
