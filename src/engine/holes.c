/* SPDX-License-Identifier: MIT
 *
 * See holes.h.
 */
#include "engine/holes.h"

#include <string.h>

bool holes_take(holes *l, size_t size, size_t *at) {
    size = align_up(size ? size : 1, MEM_ALIGN);
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < l->free.count; i++)
        if (l->free.data[i].size >= size && (best == SIZE_MAX || l->free.data[i].size < l->free.data[best].size))
            best = i;
    if (best == SIZE_MAX) {
        *at = l->top;
        return mem_add(l->top, size, &l->top);
    }
    hole *h = &l->free.data[best];
    *at = h->at;
    h->at += size;
    h->size -= size;
    if (h->size == 0) {
        memmove(h, h + 1, (l->free.count - best - 1) * sizeof *h);
        l->free.count--;
    }
    return true;
}

bool holes_give(holes *l, size_t at, size_t size) {
    size = align_up(size ? size : 1, MEM_ALIGN);
    size_t i = 0;
    while (i < l->free.count && l->free.data[i].at < at) i++;
    bool joins_prev = i > 0 && l->free.data[i - 1].at + l->free.data[i - 1].size == at;
    bool joins_next = i < l->free.count && at + size == l->free.data[i].at;
    if (joins_prev && joins_next) {
        l->free.data[i - 1].size += size + l->free.data[i].size;
        memmove(&l->free.data[i], &l->free.data[i + 1], (l->free.count - i - 1) * sizeof(hole));
        l->free.count--;
    } else if (joins_prev) {
        l->free.data[i - 1].size += size;
    } else if (joins_next) {
        l->free.data[i].at = at;
        l->free.data[i].size += size;
    } else {
        if (!ARRAY_RESERVE(&l->free, l->free.count + 1)) return false;
        memmove(&l->free.data[i + 1], &l->free.data[i], (l->free.count - i) * sizeof(hole));
        l->free.data[i] = (hole){at, size};
        l->free.count++;
    }
    return true;
}
