/* SPDX-License-Identifier: MIT
 *
 * The vocabulary of kernels/lanes.h as functions over arrays, so that tests/kernels/lanes.c can check each of its words
 * at every level. Nothing else uses them; the linker drops them from the library.
 */
#ifndef KERNELS_LANES_TEST_H
#define KERNELS_LANES_TEST_H

#include <stdint.h>

#include "base/cpu.h"

/* y, a, b, c: one vector each, as floats or as their bits; n: the lane or shift count. */
typedef void k_lanes_fn(void *y, const void *a, const void *b, const void *c, int64_t n);

typedef enum k_lanes_op {
#define LANES_WORD(name) K_LANES_##name,
#include "kernels/lanes/words.def"
#undef LANES_WORD
    K_LANES_OPS
} k_lanes_op;

typedef struct k_lanes {
    int width;
    k_lanes_fn *fn[K_LANES_OPS];
} k_lanes;

#define KERNEL(level, symbol) extern const k_lanes symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/lanes/lanes.def"
#undef PORTABLE
#undef KERNEL

#endif
