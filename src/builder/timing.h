/* SPDX-License-Identifier: MIT
 *
 * What was measured: milliseconds by (key, tactic), where the key names all that a measurement depends on: operator,
 * attributes, types and shapes, CPU model and level, threads, version of the kernels. Kept sorted: equal caches are
 * equal files.
 */
#ifndef BUILDER_TIMING_H
#define BUILDER_TIMING_H

#include "base/mem.h"
#include "tactics/tactic.h"

typedef struct timing_entry {
    uint64_t key[2];
    char *tactic, *what; /* what: for people, "Conv float[1,3,224,224] ..." */
    double ms;
} timing_entry;

typedef struct timing_cache {
    ARRAY(timing_entry) entries; /* by key, then tactic */
} timing_cache;

void timing_cache_clear(timing_cache *c);
/* Negative: not there. */
double timing_find(const timing_cache *c, const uint64_t key[2], const char *name);
/* Keeps what is there already. ms is rounded as the file would. */
naru_status timing_add(timing_cache *c, const uint64_t key[2], const char *name, const char *what, double *ms,
                       naru_error *err);
naru_status timing_merge(timing_cache *c, const timing_cache *other, naru_error *err);
naru_status timing_write(const timing_cache *c, const char *path, naru_error *err);
/* Adds the entries of a file's text. */
naru_status timing_read(timing_cache *c, const char *text, size_t size, naru_error *err);

/* The key of a step as it is about to run. */
naru_status timing_key(const run_ctx *r, cpu_level cpu, int threads, uint64_t key[2], str *what);

#endif
