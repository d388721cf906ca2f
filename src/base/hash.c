/* SPDX-License-Identifier: MIT
 *
 * XXH3 through its header, and an open-addressing string map with linear probing.
 */
#include "base/hash.h"

#include <string.h>

#include "base/mem.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(const void *data, size_t n, uint64_t seed) { return XXH3_64bits_withSeed(data, n, seed); }

static struct strmap_entry *slot_of(struct strmap_entry *entries, size_t cap, const char *key) {
    size_t i = hash_bytes(key, strlen(key), 0) & (cap - 1);
    while (entries[i].key && strcmp(entries[i].key, key) != 0) i = (i + 1) & (cap - 1);
    return &entries[i];
}

struct strmap_entry *strmap_find(const strmap *m, const char *key) {
    if (!m->cap) return NULL;
    struct strmap_entry *e = slot_of(m->entries, m->cap, key);
    return e->key ? e : NULL;
}

static bool grow(strmap *m) {
    size_t cap = m->cap ? m->cap * 2 : 16;
    struct strmap_entry *entries = mem_calloc(cap, sizeof *entries);
    if (!entries) return false;
    for (size_t i = 0; i < m->cap; i++)
        if (m->entries[i].key) *slot_of(entries, cap, m->entries[i].key) = m->entries[i];
    mem_free(m->entries);
    m->entries = entries;
    m->cap = cap;
    return true;
}

struct strmap_entry *strmap_put(strmap *m, const char *key, bool *fresh) {
    struct strmap_entry *e = strmap_find(m, key);
    if (fresh) *fresh = !e;
    if (e) return e;
    if ((m->count + 1) * 4 > m->cap * 3 && !grow(m)) return NULL;
    e = slot_of(m->entries, m->cap, key);
    *e = (struct strmap_entry){.key = key}; /* a removed entry may have left its value */
    m->count++;
    return e;
}

bool strmap_remove(strmap *m, const char *key) {
    struct strmap_entry *e = strmap_find(m, key);
    if (!e) return false;
    size_t hole = (size_t)(e - m->entries), i = hole;
    m->entries[hole].key = NULL;
    m->count--;
    for (;;) { /* close the gap: move back entries whose probe path crossed it */
        i = (i + 1) & (m->cap - 1);
        if (!m->entries[i].key) return true;
        struct strmap_entry moved = m->entries[i];
        m->entries[i].key = NULL;
        *slot_of(m->entries, m->cap, moved.key) = moved;
    }
}

void strmap_free(strmap *m) {
    mem_free(m->entries);
    *m = (strmap){0};
}
