/* SPDX-License-Identifier: MIT
 *
 * An allocator that fails once, and what sweeps over it count. `countdown`: allocations until the one that fails
 * (negative: none); `live`: blocks not yet freed.
 */
#ifndef FAILING_H
#define FAILING_H

#include <stdlib.h>

static long countdown, live;

static void *failing(void *user, void *ptr, size_t old_size, size_t new_size) {
    if (new_size == 0) {
        __atomic_fetch_sub(&live, ptr != NULL, __ATOMIC_RELAXED);
        free(ptr);
        return NULL;
    }
    if (__atomic_fetch_sub(&countdown, 1, __ATOMIC_RELAXED) == 0) return NULL;
    void *p = realloc(ptr, new_size);
    __atomic_fetch_add(&live, p && !ptr, __ATOMIC_RELAXED);
    return p;
}

#endif
