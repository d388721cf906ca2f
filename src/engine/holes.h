/* SPDX-License-Identifier: MIT
 *
 * The layout of one block of memory while it is planned: sizes are taken by best fit and given back, nothing moves.
 */
#ifndef ENGINE_HOLES_H
#define ENGINE_HOLES_H

#include "base/mem.h"

typedef struct hole {
    size_t at, size;
} hole;

typedef struct holes {
    ARRAY(hole) free; /* ascending, not adjacent */
    size_t top;       /* everything at or above is free */
} holes;

/* A place for `size` bytes, aligned to MEM_ALIGN; false: out of memory, or the block would be too large. */
bool holes_take(holes *l, size_t size, size_t *at);
/* Gives back what was taken at `at`; false: out of memory. */
bool holes_give(holes *l, size_t at, size_t size);

#endif
