/* SPDX-License-Identifier: MIT
 *
 * The plan file. A head of 4096 bytes, then sections, each on a page of its own, zeros between. All numbers are
 * little-endian.
 *
 *   head      "NARUPLAN", u32 version, u32 sections, u64 size of the file, u64 hash of the head with this field zero,
 *             then for each section: u32 kind, u32 0, u64 offset, u64 size, u64 hash (XXH3)
 *   INDEX     texts and numbers one after the other (plan_file.c writes, plan_parse.c reads them in the same order):
 *             what built it, hash of the model (stripped and refittable: of its structure too), what was asked of
 *             precisions, profiles, tactics with reasons, sizes of the packed weights
 *   MODEL     the model as ONNX; absent from a stripped plan
 *   WEIGHTS   packed weights in the order of packing, each on 64 bytes; absent from a stripped plan
 *   INT8      of a network that was calibrated while it was built: hash of the float model, the tensors' ranges, the
 *             nodes that stayed float (int8.h); absent without
 *   PLUGINS   operators of the model that come from plugins: domain, name, library, version; absent without any
 *   LIBRARIES files of plugin libraries: name, size, bytes; absent without any
 */
#ifndef BUILDER_PLAN_FILE_H
#define BUILDER_PLAN_FILE_H

#include "builder/builder.h"

/* Each version so far adds sections to the one before, so that all from PLAN_OLDEST on are read. */
enum { PLAN_VERSION = 3, PLAN_OLDEST = 2, PLAN_PAGE = 4096, PLAN_SECTIONS = 6 };
enum { PLAN_INDEX = 1, PLAN_MODEL, PLAN_WEIGHTS, PLAN_PLUGINS, PLAN_INT8, PLAN_LIBRARIES };
enum { PLAN_HASH_AT = 24, PLAN_TABLE_AT = 32, PLAN_ROW = 32 };
#define PLAN_MAGIC "NARUPLAN"

static inline uint64_t plan_get(const uint8_t *p, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}
static inline void plan_put(uint8_t *p, uint64_t v, int n) {
    for (int i = 0; i < n; i++) p[i] = (uint8_t)(v >> 8 * i);
}

#endif
