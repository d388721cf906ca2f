/* SPDX-License-Identifier: MIT
 *
 * The zip format under archive.h: finding and checking the directory, a record's bytes from its local header, deflate.
 * Sizes are believed from the central directory only, offsets from the local header only, as PyTorch's files need it.
 */
#ifndef FORMATS_TORCH_ZIP_H
#define FORMATS_TORCH_ZIP_H

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"

enum {
    ZIP_LOCAL = 0x04034b50,
    ZIP_CENTRAL = 0x02014b50,
    ZIP_END = 0x06054b50,
    ZIP_END64 = 0x06064b50,
    ZIP_LOCATOR64 = 0x07064b50,
    ZIP_DESCRIPTOR = 0x08074b50,
    ZIP_LOCAL_BYTES = 30,
    ZIP_CENTRAL_BYTES = 46,
    ZIP_END_BYTES = 22,
    ZIP_END64_BYTES = 56,
    ZIP_LOCATOR64_BYTES = 20,
    ZIP_STORED = 0,
    ZIP_DEFLATED = 8,
    ZIP_DEFLATE_RATIO = 1040, /* deflate's bound is 1032 */
};

typedef struct zip_entry {
    const char *name; /* in the arena, NUL-terminated */
    uint32_t name_size, crc;
    uint16_t method, flags;
    uint64_t packed, size; /* bytes in the file, bytes when inflated */
    uint64_t header;       /* offset of the local header */
} zip_entry;

typedef struct zip {
    const uint8_t *data;
    size_t size;
    uint64_t directory; /* offset of the central directory: records end before it */
    zip_entry *entries;
    size_t count;
} zip;

static inline uint16_t zip_u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t zip_u32(const uint8_t *p) { return zip_u16(p) | (uint32_t)zip_u16(p + 2) << 16; }
static inline uint64_t zip_u64(const uint8_t *p) { return zip_u32(p) | (uint64_t)zip_u32(p + 4) << 32; }

/* Reads the directory of data[0..size). Entries are in the arena. */
naru_status zip_read(const uint8_t *data, size_t size, arena *a, zip *out, naru_error *err);
/* Where e's bytes are: data[*offset .. *offset + e->packed). Checks the local header, bounds, method and the claimed
 * size. */
naru_status zip_payload(const zip *z, const zip_entry *e, size_t *offset, naru_error *err);
/* Copies or inflates e into dst[0..e->size) and compares the checksum. */
naru_status zip_extract(const zip *z, const zip_entry *e, uint8_t *dst, naru_error *err);
uint32_t zip_crc(const void *data, size_t size);

#endif
