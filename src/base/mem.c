/* SPDX-License-Identifier: MIT
 *
 * The allocator: each block carries a header (its size and the offset back to the hook's block) in the 64 bytes
 * before the aligned pointer, so that the hook always learns the old size.
 */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

typedef struct {
    size_t size; /* bytes asked for */
    void *block; /* what the hook returned */
} header;

static naru_allocator g_hook;
static atomic_size_t g_live, g_bytes, g_peak;
static atomic_uint_fast64_t g_count;

static void *hook_realloc(void *p, size_t old_size, size_t new_size) {
    if (g_hook.realloc) return g_hook.realloc(g_hook.user, p, old_size, new_size);
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

void mem_set_hook(const naru_allocator *hook) { g_hook = hook ? *hook : (naru_allocator){0}; }
size_t mem_live_count(void) { return atomic_load(&g_live); }
uint64_t mem_alloc_count(void) { return atomic_load(&g_count); }
size_t mem_live_bytes(void) { return atomic_load(&g_bytes); }
size_t mem_peak_bytes(void) { return atomic_load(&g_peak); }

static header *header_of(void *p) { return (header *)((char *)p - sizeof(header)); }
static size_t block_size(size_t n) { return n + sizeof(header) + MEM_ALIGN; }

/* Large blocks (packed weights, activations) on huge pages: fewer page faults at load, fewer TLB misses at run. */
static void prefer_huge_pages(char *block, size_t n) {
#if defined(__linux__)
    enum { PAGE = 4096, LARGE = 4 << 20 };
    if (g_hook.realloc || n < LARGE) return;
    char *from = (char *)align_up((uintptr_t)block, PAGE);
    madvise(from, (n - (size_t)(from - block)) / PAGE * PAGE, MADV_HUGEPAGE); /* only advice: failure changes nothing */
#endif
}

void *mem_alloc(size_t n) {
    if (n > PTRDIFF_MAX - 4096) return NULL;
    char *block = hook_realloc(NULL, 0, block_size(n));
    if (!block) return NULL;
    prefer_huge_pages(block, block_size(n));
    char *p = (char *)align_up((uintptr_t)block + sizeof(header), MEM_ALIGN);
    *header_of(p) = (header){n, block};
    atomic_fetch_add(&g_live, 1);
    atomic_fetch_add(&g_count, 1);
    size_t now = atomic_fetch_add(&g_bytes, n) + n, peak = atomic_load(&g_peak);
    while (now > peak && !atomic_compare_exchange_weak(&g_peak, &peak, now)) {}
    return p;
}

void *mem_calloc(size_t count, size_t size) {
    size_t n;
    if (!mem_mul(count, size, &n)) return NULL;
    void *p = mem_alloc(n);
    if (p) memset(p, 0, n);
    return p;
}

void *mem_realloc(void *p, size_t new_size) {
    if (!p) return mem_alloc(new_size);
    void *q = mem_alloc(new_size);
    if (!q) return NULL;
    size_t old = header_of(p)->size;
    memcpy(q, p, old < new_size ? old : new_size);
    mem_free(p);
    return q;
}

void mem_free(void *p) {
    if (!p) return;
    header h = *header_of(p);
    atomic_fetch_sub(&g_live, 1);
    atomic_fetch_sub(&g_bytes, h.size);
    hook_realloc(h.block, block_size(h.size), 0);
}

char *mem_strdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *p = mem_alloc(n);
    return p ? memcpy(p, s, n) : NULL;
}

bool array_reserve(void **data, size_t *cap, size_t want, size_t elem) {
    if (want <= *cap) return true;
    size_t grown = *cap < 8 ? 8 : *cap + *cap / 2, bytes;
    if (grown < want) grown = want;
    if (!mem_mul(grown, elem, &bytes)) return false;
    void *p = mem_realloc(*data, bytes);
    if (!p) return false;
    *data = p;
    *cap = grown;
    return true;
}
