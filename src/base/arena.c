/* SPDX-License-Identifier: MIT
 *
 * Arena: a chain of chunks, each twice the last; arena_reset merges them into one that holds what was used.
 */
#include "base/arena.h"

#include <string.h>

#include "base/mem.h"

typedef struct chunk {
    struct chunk *next;
    size_t size, used; /* bytes of data[] */
    _Alignas(64) char data[];
} chunk;

struct arena {
    chunk *head;  /* the chunk being filled; older ones behind it */
    size_t total; /* bytes of all chunks */
};

enum { FIRST_CHUNK = 4096, MAX_STEP = 1 << 20 };

arena *arena_new(void) { return mem_calloc(1, sizeof(arena)); }

static void free_chunks(chunk *c) {
    while (c) {
        chunk *next = c->next;
        mem_free(c);
        c = next;
    }
}

void arena_free(arena *a) {
    if (!a) return;
    free_chunks(a->head);
    mem_free(a);
}

static chunk *add_chunk(arena *a, size_t n) {
    size_t size = a->total < FIRST_CHUNK ? FIRST_CHUNK : a->total < MAX_STEP ? a->total : MAX_STEP, bytes;
    if (size < n) size = n;
    if (!mem_add(size, sizeof(chunk), &bytes)) return NULL;
    chunk *c = mem_alloc(bytes);
    if (!c) return NULL;
    *c = (chunk){.next = a->head, .size = size};
    a->head = c;
    a->total += size;
    return c;
}

void *arena_aligned(arena *a, size_t n, size_t align) {
    chunk *c = a->head;
    size_t at = c ? align_up(c->used, align) : 0;
    if (!c || n > c->size || at > c->size - n) {
        if (!(c = add_chunk(a, n))) return NULL;
        at = 0;
    }
    c->used = at + n;
    return c->data + at;
}

void *arena_alloc(arena *a, size_t n) { return arena_aligned(a, n, 16); }

void *arena_calloc(arena *a, size_t count, size_t size) {
    size_t n;
    if (!mem_mul(count, size, &n)) return NULL;
    void *p = arena_alloc(a, n);
    return p ? memset(p, 0, n) : NULL;
}

void *arena_dup(arena *a, const void *p, size_t n) {
    void *q = arena_alloc(a, n);
    if (q && n) memcpy(q, p, n);
    return q;
}

char *arena_strndup(arena *a, const char *s, size_t n) {
    char *p = arena_aligned(a, n + 1, 1);
    if (!p) return NULL;
    if (n) memcpy(p, s, n);
    p[n] = 0;
    return p;
}

char *arena_strdup(arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

void arena_reset(arena *a) {
    if (!a->head) return;
    if (a->head->next) { /* several chunks: one of their total size serves the next round without allocating */
        size_t total = a->total;
        free_chunks(a->head);
        a->head = NULL;
        a->total = 0;
        add_chunk(a, total); /* out of memory here only means that the next round starts small */
        return;
    }
    a->head->used = 0;
}
