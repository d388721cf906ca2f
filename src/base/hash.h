/* SPDX-License-Identifier: MIT
 *
 * 64-bit hashes (XXH3) and one hash map from strings to pointers or integers.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t n, uint64_t seed);

/* Keys are not copied: they must outlive the map. Zero-initialise; strmap_free when done. */
typedef struct strmap {
    struct strmap_entry {
        const char *key;
        union {
            void *ptr;
            int64_t num;
        };
    } * entries;
    size_t count, cap; /* cap: power of two */
} strmap;

struct strmap_entry *strmap_find(const strmap *m, const char *key); /* NULL when absent */
/* The entry of key, made (value zero) when absent, *fresh told when not NULL; NULL: out of memory. */
struct strmap_entry *strmap_put(strmap *m, const char *key, bool *fresh);
static inline void *strmap_get(const strmap *m, const char *key) {
    struct strmap_entry *e = strmap_find(m, key);
    return e ? e->ptr : NULL;
}
bool strmap_remove(strmap *m, const char *key);
void strmap_free(strmap *m);

#endif
