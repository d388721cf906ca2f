/* SPDX-License-Identifier: MIT
 *
 * Reading zip: the end record is looked for from the end of the file, the 64-bit one is believed where it is there,
 * each entry of the directory is checked against the directory, each local header against the file.
 */
#include "formats/torch/zip.h"

#include <string.h>
#include <zlib.h>

enum { TAIL_LIMIT = 2 * 65536 + ZIP_END_BYTES, EXTRA_ZIP64 = 1, PIECE = 1 << 30, FLAG_ENCRYPTED = 1 };

typedef struct directory {
    uint64_t offset, size, count;
    uint64_t end; /* of the directory: where the end records begin */
} directory;

static naru_status damaged(naru_error *err, uint64_t at, const char *what) {
    return err_at(err, NARU_BAD_FILE, (int64_t)at, "at byte %llu: %s", (unsigned long long)at, what);
}

uint32_t zip_crc(const void *data, size_t size) {
    uLong crc = crc32(0, NULL, 0);
    for (const uint8_t *p = data; size;) {
        uInt n = size < PIECE ? (uInt)size : PIECE;
        crc = crc32(crc, p, n);
        p += n;
        size -= n;
    }
    return (uint32_t)crc;
}

/* ---- the directory ---- */
/* The 64-bit end record, when a locator before the end record at `end` leads to one. */
static bool find_end64(const uint8_t *data, size_t end, directory *d) {
    if (end < ZIP_LOCATOR64_BYTES + ZIP_END64_BYTES) return false;
    size_t locator = end - ZIP_LOCATOR64_BYTES;
    if (zip_u32(data + locator) != ZIP_LOCATOR64) return false;
    uint64_t at = zip_u64(data + locator + 8);
    if (at > locator - ZIP_END64_BYTES || zip_u32(data + at) != ZIP_END64) return false;
    const uint8_t *p = data + at;
    *d = (directory){.count = zip_u64(p + 32), .size = zip_u64(p + 40), .offset = zip_u64(p + 48), .end = at};
    return true;
}

static bool plausible(const directory *d) { return d->offset <= d->end && d->size <= d->end - d->offset; }

static bool end_at(const uint8_t *data, size_t at, directory *d) {
    const uint8_t *p = data + at;
    if (zip_u32(p) != ZIP_END) return false;
    if (find_end64(data, at, d)) return true;
    *d = (directory){.count = zip_u16(p + 10), .size = zip_u32(p + 12), .offset = zip_u32(p + 16), .end = at};
    return true;
}

/* The last end record whose directory can be; else what was wrong with the last of all. */
static naru_status find_directory(const uint8_t *data, size_t size, directory *d, naru_error *err) {
    bool seen = false;
    size_t last = 0;
    for (size_t back = ZIP_END_BYTES; back <= size && back <= TAIL_LIMIT; back++) {
        if (!end_at(data, size - back, d)) continue;
        if (plausible(d)) return NARU_OK;
        if (!seen) last = size - back;
        seen = true;
    }
    if (seen)
        return damaged(err, last,
                       "the zip directory does not lie before its end record; bytes are missing or were "
                       "put before the archive");
    return err_at(err, NARU_BAD_FILE, (int64_t)size,
                  "the file has no zip directory at its end (%zu bytes); it was probably cut short", size);
}

/* Fields that are all ones come from the 64-bit extra field, in this order. */
static bool widen(const uint8_t *extra, size_t n, zip_entry *e) {
    uint64_t *fields[] = {&e->size, &e->packed, &e->header};
    bool wanted = false;
    for (int i = 0; i < 3; i++) wanted |= *fields[i] == UINT32_MAX;
    if (!wanted) return true;
    while (n >= 4) {
        size_t id = zip_u16(extra), len = zip_u16(extra + 2);
        if (len > n - 4) return false;
        extra += 4;
        n -= 4;
        if (id == EXTRA_ZIP64) {
            for (int i = 0; i < 3; i++) {
                if (*fields[i] != UINT32_MAX) continue;
                if (len < 8) return false;
                *fields[i] = zip_u64(extra);
                extra += 8;
                len -= 8;
            }
            return true;
        }
        extra += len;
        n -= len;
    }
    return true; /* exactly 4 GiB - 1 */
}

/* The entry at *at, which moves on. */
static naru_status read_entry(const uint8_t *data, const directory *d, uint64_t *at, arena *a, zip_entry *e,
                              naru_error *err) {
    uint64_t left = d->offset + d->size - *at;
    const uint8_t *p = data + *at;
    if (left < ZIP_CENTRAL_BYTES || zip_u32(p) != ZIP_CENTRAL)
        return damaged(err, *at, "the zip directory is damaged: an entry was expected here");
    size_t name = zip_u16(p + 28), extra = zip_u16(p + 30), comment = zip_u16(p + 32);
    if (name + extra + comment > left - ZIP_CENTRAL_BYTES)
        return damaged(err, *at, "the zip directory is damaged: an entry runs over its end");
    *e = (zip_entry){.flags = zip_u16(p + 8),
                     .method = zip_u16(p + 10),
                     .crc = zip_u32(p + 16),
                     .packed = zip_u32(p + 20),
                     .size = zip_u32(p + 24),
                     .header = zip_u32(p + 42),
                     .name_size = (uint32_t)name};
    if (memchr(p + ZIP_CENTRAL_BYTES, 0, name)) return damaged(err, *at, "a record's name has a NUL inside");
    if (!widen(p + ZIP_CENTRAL_BYTES + name, extra, e))
        return damaged(err, *at, "the zip directory is damaged: an entry's extra field is cut short");
    if (!(e->name = arena_strndup(a, (const char *)p + ZIP_CENTRAL_BYTES, name))) return err_oom(err);
    *at += ZIP_CENTRAL_BYTES + name + extra + comment;
    return NARU_OK;
}

naru_status zip_read(const uint8_t *data, size_t size, arena *a, zip *out, naru_error *err) {
    directory d = {0};
    TRY(find_directory(data, size, &d, err));
    *out = (zip){.data = data, .size = size, .directory = d.offset};
    if (d.count > d.size / ZIP_CENTRAL_BYTES)
        return err_at(err, NARU_BAD_FILE, (int64_t)d.end,
                      "at byte %llu: the zip directory of %llu bytes cannot hold the %llu entries claimed",
                      (unsigned long long)d.end, (unsigned long long)d.size, (unsigned long long)d.count);
    if (!(out->entries = arena_calloc(a, d.count + 1, sizeof *out->entries))) return err_oom(err);
    uint64_t at = d.offset, total = 0;
    for (; out->count < d.count; out->count++) {
        zip_entry *e = &out->entries[out->count];
        TRY(read_entry(data, &d, &at, a, e, err));
        /* Entries that overlap could make a small file unfold without bound. */
        if (e->packed > d.offset || (total += e->packed) > d.offset)
            return err_at(err, NARU_BAD_FILE, (int64_t)e->header,
                          "record '%s' (%llu bytes at byte %llu) does not fit in the file beside the others", e->name,
                          (unsigned long long)e->packed, (unsigned long long)e->header);
    }
    return NARU_OK;
}

/* ---- records ---- */
static naru_status check_method(const zip_entry *e, naru_error *err) {
    if (e->flags & FLAG_ENCRYPTED)
        return err_at(err, NARU_UNSUPPORTED, (int64_t)e->header, "at byte %llu: the record is encrypted",
                      (unsigned long long)e->header);
    if (e->method == ZIP_STORED && e->packed != e->size)
        return err_at(err, NARU_BAD_FILE, (int64_t)e->header,
                      "at byte %llu: a stored record of %llu bytes claims to be %llu", (unsigned long long)e->header,
                      (unsigned long long)e->packed, (unsigned long long)e->size);
    if (e->method == ZIP_STORED) return NARU_OK;
    if (e->method != ZIP_DEFLATED)
        return err_at(err, NARU_UNSUPPORTED, (int64_t)e->header,
                      "at byte %llu: compression method %d (only stored and deflate are read)",
                      (unsigned long long)e->header, e->method);
    if (e->size / ZIP_DEFLATE_RATIO > e->packed)
        return err_at(err, NARU_BAD_FILE, (int64_t)e->header,
                      "at byte %llu: claims %llu bytes, which %llu compressed bytes cannot hold",
                      (unsigned long long)e->header, (unsigned long long)e->size, (unsigned long long)e->packed);
    return NARU_OK;
}

naru_status zip_payload(const zip *z, const zip_entry *e, size_t *offset, naru_error *err) {
    TRY(check_method(e, err));
    const uint8_t *p = z->data + e->header;
    uint64_t limit = z->directory;
    if (e->header > limit || limit - e->header < ZIP_LOCAL_BYTES || zip_u32(p) != ZIP_LOCAL)
        return damaged(err, e->header, "no zip record begins here, as the directory says it does");
    uint64_t name = zip_u16(p + 26), extra = zip_u16(p + 28), at = e->header + ZIP_LOCAL_BYTES + name + extra;
    if (at > limit || e->packed > limit - at)
        return err_at(err, NARU_BAD_FILE, (int64_t)at, "at byte %llu: %llu bytes of data run over the end at %llu",
                      (unsigned long long)at, (unsigned long long)e->packed, (unsigned long long)limit);
    if (name != e->name_size || memcmp(p + ZIP_LOCAL_BYTES, e->name, name) != 0)
        return damaged(err, e->header, "the record here has another name than the directory says");
    *offset = at;
    return NARU_OK;
}

static void *z_alloc(void *user, unsigned count, unsigned size) { return mem_calloc(count, size); }
static void z_free(void *user, void *p) { mem_free(p); }

/* Inflates src[0..packed) into exactly dst[0..size). */
static naru_status inflate_all(const uint8_t *src, size_t packed, uint8_t *dst, size_t size, uint64_t at,
                               naru_error *err) {
    z_stream s = {.zalloc = z_alloc, .zfree = z_free};
    uint8_t none;
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK) return err_oom(err);
    s.next_in = (uint8_t *)src;
    s.next_out = size ? dst : &none;
    int rc = Z_OK;
    while (rc == Z_OK) {
        size_t in = packed - (size_t)(s.next_in - src), out = size - (size_t)s.total_out;
        s.avail_in = in < PIECE ? (uInt)in : PIECE;
        s.avail_out = out < PIECE ? (uInt)out : PIECE;
        rc = inflate(&s, Z_NO_FLUSH);
    }
    bool whole = rc == Z_STREAM_END && s.total_out == size;
    inflateEnd(&s);
    if (rc == Z_MEM_ERROR) return err_oom(err);
    if (!whole) return damaged(err, at, "the compressed data is damaged");
    return NARU_OK;
}

naru_status zip_extract(const zip *z, const zip_entry *e, uint8_t *dst, naru_error *err) {
    size_t at;
    TRY(zip_payload(z, e, &at, err));
    if (e->method == ZIP_STORED) memcpy(dst, z->data + at, e->size);
    else TRY(inflate_all(z->data + at, e->packed, dst, e->size, at, err));
    if (zip_crc(dst, e->size) != e->crc) return damaged(err, at, "wrong checksum: the record's bytes were changed");
    return NARU_OK;
}
