/* SPDX-License-Identifier: MIT
 *
 * Arena: many small allocations freed at once; one per graph, load or build. Also serves as per-context scratch:
 * arena_reset keeps the memory, so that a second run at the same shapes allocates nothing.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

typedef struct arena arena;

arena *arena_new(void);                                  /* NULL: out of memory */
void arena_free(arena *a);                               /* accepts NULL */
void *arena_alloc(arena *a, size_t n);                   /* 16-byte aligned, uninitialised; NULL: out of memory */
void *arena_calloc(arena *a, size_t count, size_t size); /* zeroed, overflow-checked */
void *arena_aligned(arena *a, size_t n, size_t align);   /* align <= 64 */
char *arena_strdup(arena *a, const char *s);
char *arena_strndup(arena *a, const char *s, size_t n); /* NUL-terminated copy of n bytes */
void *arena_dup(arena *a, const void *p, size_t n);
void arena_reset(arena *a); /* forgets everything, keeps (and coalesces) the memory */

#endif
