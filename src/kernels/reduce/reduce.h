/* SPDX-License-Identifier: MIT
 *
 * Reductions in FP32 over the middle dim of a dense [outer, n, inner] view; y is [outer, inner].
 *
 *   SUM       sum x                    MEAN   sum x / n
 *   L1        sum |x|                  L2     sqrt(sum x^2)
 *   SUMSQ     sum x^2                  LOGSUM log(sum x)
 *   LOGSUMEXP m + log(sum exp(x - m)), m = max x (0 where that is infinite)
 *   MAX, MIN  NaN if any is NaN        PROD   product
 * n = 0 gives the neutral element: 0 for sums, 1, -inf for MAX and LOGSUM and LOGSUMEXP, +inf for MIN, NaN for MEAN.
 * Sums are blocked: error at most 64 eps * sum of magnitudes (of exp(x - m) for LOGSUMEXP), mostly a few eps.
 *
 * run(): outputs [begin, end) of the flattened [outer, inner].
 * arg(): index of the largest (smallest) element as int64, of equal ones the first, or the last if `last`;
 *        a NaN counts as larger (smaller) than all, n >= 1.
 */
#ifndef KERNELS_REDUCE_H
#define KERNELS_REDUCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

typedef enum k_reduce_op {
    K_REDUCE_SUM,
    K_REDUCE_MEAN,
    K_REDUCE_L1,
    K_REDUCE_L2,
    K_REDUCE_SUMSQ,
    K_REDUCE_LOGSUM,
    K_REDUCE_LOGSUMEXP,
    K_REDUCE_MAX,
    K_REDUCE_MIN,
    K_REDUCE_PROD,
    K_REDUCE_OPS
} k_reduce_op;

typedef struct k_reduce {
    void (*run)(k_reduce_op op, float *y, const float *x, int64_t n, int64_t inner, int64_t begin, int64_t end);
    void (*arg)(bool max, bool last, int64_t *y, const float *x, int64_t n, int64_t inner, int64_t begin, int64_t end);
} k_reduce;

#define KERNEL(level, symbol) extern const k_reduce symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/reduce/reduce.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_reduce *k_reduce_pick(cpu_level level);

#endif
