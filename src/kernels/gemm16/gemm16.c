/* SPDX-License-Identifier: MIT
 *
 * Choice of a kernel, and the range of FP16.
 */
#include "kernels/gemm16/gemm16.h"

#include <math.h>
#include <string.h>

static const struct {
    cpu_level level;
    k_gemm16_way way;
    const k_gemm *kernel;
} list[] = {
#define KERNEL(level, way, symbol) {level, way, &symbol},
#define PORTABLE(way, symbol)
#include "kernels/gemm16/gemm16.def"
#undef PORTABLE
#undef KERNEL
};

const k_gemm *k_gemm16_pick(k_gemm16_way way, cpu_level level) {
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i].way == way && list[i].level <= level) return list[i].kernel;
    return NULL;
}

bool k_gemm16_fits(const void *x, int64_t n, float scale) {
    const char *p = x;
    for (int64_t i = 0; i < n; i++) {
        float f;
        memcpy(&f, p + 4 * i, 4);
        if (isfinite(f) && fabsf(f * scale) >= 65520.0f) return false; /* half way from 65504 to what would follow */
    }
    return true;
}
