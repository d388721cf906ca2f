/* SPDX-License-Identifier: MIT
 *
 * Convolution 3x3, stride 1, by Winograd's F(4x4, 3x3), FP32, channels last: 36 multiplications where the direct way
 * needs 144. Y = A' [(G w G') . (B' x B)] A per 6x6 input tile, with points 0, +-sqrt(1/2), +-sqrt(2), infinity, which
 * keep the transforms' factors near 1: errors are about 4 times the direct sum's.
 *
 * Tiles of 4x4 outputs are numbered [image][tile row][tile column]; run() does tiles [t0, t1) in blocks of `block`
 * tiles: transform the inputs into V[36][block][c], 36 products with the transformed weights U (kernels/gemm),
 * transform back.
 */
#ifndef KERNELS_WINOGRAD_H
#define KERNELS_WINOGRAD_H

#include "kernels/gemm/gemm.h"

typedef struct k_wino_args {
    const k_gemm *gemm; /* of the same level */
    float *y;
    const float *x, *u;           /* u: from k_wino_pack */
    const float *bias, *residual; /* NULL: none */
    int64_t h, w, c, oh, ow, m;   /* size of input and output, channels in and out */
    int64_t ldx, ldy, ldr;        /* floats between pixels of x, y, residual */
    int64_t pt, pl;               /* padding at the top and left */
    int64_t block;                /* k_wino_block() */
    k_act act;
    float p, q;
} k_wino_args;

typedef struct k_winograd {
    void (*run)(const k_wino_args *a, int64_t t0, int64_t t1, void *workspace);
} k_winograd;

static inline int64_t k_wino_tiles(const k_wino_args *a) {
    return ((a->oh + 3) / 4) * ((a->ow + 3) / 4);
} /* per image */
/* Tiles per block so that V and the products fit L2; at most what gives each thread a block. */
int64_t k_wino_block(const k_gemm *g, int64_t c, int64_t m, int64_t tiles, int threads);
size_t k_wino_workspace(const k_wino_args *a); /* bytes per thread, 64-byte aligned */
int64_t k_wino_packed_floats(const k_gemm *g, int64_t c, int64_t m);
/* w: [m][c][3][3] floats of any alignment. Panels [p0, p1) of all 36 matrices. */
void k_wino_pack(const k_gemm *g, float *u, const void *w, int64_t c, int64_t m, int64_t p0, int64_t p1);

#define KERNEL(level, symbol) extern const k_winograd symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/winograd/winograd.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_winograd *k_winograd_pick(cpu_level level);

#endif
