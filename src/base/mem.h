/* SPDX-License-Identifier: MIT
 *
 * Every allocation of the library passes here: one realloc-shaped hook, sizes known to it, 64-byte alignment
 * for tensor data. Arenas are in arena.h. Functions return NULL when memory is out; callers turn that into
 * NARU_OUT_OF_MEMORY (err_oom). Overflow-checked size arithmetic lives here too.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "naru/error.h"

#define MEM_ALIGN 64 /* alignment of tensor data and of mem_alloc's results, bytes */

void *mem_alloc(size_t n);                   /* uninitialised, 64-byte aligned; n = 0 gives a unique pointer */
void *mem_calloc(size_t count, size_t size); /* zeroed, overflow-checked */
void *mem_realloc(void *p, size_t new_size); /* keeps contents; p may be NULL; on failure p stays valid */
void mem_free(void *p);                      /* accepts NULL */
char *mem_strdup(const char *s);
size_t mem_live_count(void);    /* blocks allocated and not freed: for leak tests */
uint64_t mem_alloc_count(void); /* allocations ever made: for "a planned run allocates nothing" */
size_t mem_live_bytes(void);
size_t mem_peak_bytes(void);
void mem_set_hook(const naru_allocator *hook); /* NULL: the C library */

static inline bool mem_mul(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool mem_add(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline bool i64_mul(int64_t a, int64_t b, int64_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool i64_add(int64_t a, int64_t b, int64_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline size_t align_up(size_t n, size_t a) { return (n + a - 1) / a * a; }
static inline int64_t i64_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t i64_max(int64_t a, int64_t b) { return a > b ? a : b; }
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Growable array: struct { T *data; size_t count, cap; }. ARRAY_PUSH gives false when memory is out. */
#define ARRAY(T)                                                                                                       \
    struct {                                                                                                           \
        T *data;                                                                                                       \
        size_t count, cap;                                                                                             \
    }
bool array_reserve(void **data, size_t *cap, size_t want, size_t elem);
#define ARRAY_RESERVE(a, want) array_reserve((void **)&(a)->data, &(a)->cap, (want), sizeof(*(a)->data))
#define ARRAY_PUSH(a, v)       (ARRAY_RESERVE(a, (a)->count + 1) ? ((a)->data[(a)->count++] = (v), true) : false)
#define ARRAY_FREE(a)          (mem_free((a)->data), (a)->data = NULL, (a)->count = (a)->cap = 0)

#endif
