/* SPDX-License-Identifier: MIT
 *
 * Depthwise convolution in FP32, channels last, one filter per channel:
 *
 *   y[oy][ox][c] = act(bias[c] + residual[oy][ox][c] + sum x[oy sh - pt + ky dh][ox sw - pl + kx dw][c] * w[ky][kx][c])
 *
 * over the taps inside the image. Weights are [kh][kw][c]. Any kernel, stride, dilation, padding; 1-D is h = kh = 1.
 * run() does output rows [begin, end) of the flattened [images, oh]; rows may run concurrently.
 */
#ifndef KERNELS_DWCONV_H
#define KERNELS_DWCONV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

typedef struct k_dw_args {
    float *y;
    const float *x, *w;
    const float *bias, *residual; /* NULL: none */
    int64_t c, h, wd, oh, ow;     /* channels; size of input and output */
    int64_t ldx, ldy, ldr;        /* floats between pixels of x, y, residual: at least c */
    int64_t kh, kw, sh, sw, dh, dw, pt, pl;
    bool clip; /* act: min(hi, max(lo, v)), NaN passes */
    float lo, hi;
} k_dw_args;

typedef struct k_dwconv {
    void (*run)(const k_dw_args *a, int64_t begin, int64_t end);
} k_dwconv;

#define KERNEL(level, symbol) extern const k_dwconv symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/dwconv/dwconv.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_dwconv *k_dwconv_pick(cpu_level level);

#endif
