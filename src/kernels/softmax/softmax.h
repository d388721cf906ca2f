/* SPDX-License-Identifier: MIT
 *
 * Softmax and log-softmax in FP32: y = exp(x - max) / sum(exp(x - max)), or x - max - log(sum(exp(x - max))).
 *
 * rows():    y[r * ldy + j] from x[r * ldx + j], 0 <= j < n, for each row r. x and y may be the same memory.
 *            A row of n = 0 is left alone. NaN anywhere in a row, or a maximum of +inf, makes the row NaN (log: too);
 *            a row of -inf only is NaN, as the formula gives.
 * columns(): the axis is not the innermost: element j of column c is x[j * ld + c]; columns [begin, end).
 *            Workspace: 2 * K_SOFTMAX_COLUMNS floats.
 * Error: x - max is rounded to FP32, which alone moves exp by up to 2^-25 |x - max|; beside that a few eps.
 */
#ifndef KERNELS_SOFTMAX_H
#define KERNELS_SOFTMAX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

enum { K_SOFTMAX_COLUMNS = 256 };

typedef struct k_softmax {
    void (*rows)(float *y, int64_t ldy, const float *x, int64_t ldx, int64_t rows, int64_t n, bool log);
    void (*columns)(float *y, const float *x, int64_t n, int64_t ld, int64_t begin, int64_t end, bool log,
                    float *workspace);
} k_softmax;

#define KERNEL(level, symbol) extern const k_softmax symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/softmax/softmax.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_softmax *k_softmax_pick(cpu_level level);

#endif
