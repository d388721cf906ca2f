/* SPDX-License-Identifier: MIT
 *
 * An allocator that fails, and what sweeps over it count. `countdown`: allocations until the one that fails (negative:
 * none); `for_good`: all after it fail, too; `live`: blocks not yet freed.
 */
#ifndef FAILING_H
#define FAILING_H

#include <stdbool.h>
#include <stdlib.h>

#include "naru/error.h"

static long countdown = -1, live;
static bool for_good;

static void *failing_realloc(void *user, void *ptr, size_t old_size, size_t new_size) {
    if (new_size == 0) {
        __atomic_fetch_sub(&live, ptr != NULL, __ATOMIC_RELAXED);
        free(ptr);
        return NULL;
    }
    long n = __atomic_fetch_sub(&countdown, 1, __ATOMIC_RELAXED);
    if (n == 0 || (for_good && n < 0)) return NULL;
    void *p = realloc(ptr, new_size);
    __atomic_fetch_add(&live, p && !ptr, __ATOMIC_RELAXED);
    return p;
}

/* From here on allocations are counted. */
static naru_status failing_start(void) {
    static const naru_allocator hook = {sizeof hook, failing_realloc, NULL};
    return naru_set_allocator(&hook, NULL);
}

/* The n-th allocation from now on fails, all after it too where `all`. */
static void failing_at(long n, bool all) {
    for_good = all;
    countdown = n;
}

/* No more failures. How many allocations were left to the one that fails; negative: it was reached. */
static long failing_stop(void) {
    long left = countdown;
    for_good = false;
    countdown = -1;
    return left;
}

#endif
