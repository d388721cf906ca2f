/* SPDX-License-Identifier: MIT
 *
 * 2-D transposes in blocks. 4- and 8-byte elements go through registers by compiler shuffles (8x8 and 4x4 blocks),
 * which every ISA has; smaller ones are plain loops over blocks. A step writes whole cache lines of the destination.
 */
#include "kernels/copy/copy.h"

#include <string.h>

typedef uint32_t FN(v8) __attribute__((vector_size(32)));
typedef uint64_t FN(v4) __attribute__((vector_size(32)));

/* The remainder, and narrow types: blocks of 16 columns so that source lines are reused. Three rows are the planes of a
 * picture. */
#define COPY_PLAIN(name, T)                                                                                            \
    static void FN(name)(T * d, int64_t ldd, const T *s, int64_t lds, int64_t rows, int64_t cols) {                    \
        for (int64_t c = 0; rows == 3 && c < cols; c++)                                                                \
            d[c * ldd] = s[c], d[c * ldd + 1] = s[lds + c], d[c * ldd + 2] = s[2 * lds + c];                           \
        for (int64_t c0 = 0; rows != 3 && c0 < cols; c0 += 16) {                                                       \
            int64_t c1 = cols - c0 < 16 ? cols : c0 + 16;                                                              \
            for (int64_t r0 = 0; r0 < rows; r0 += 64) {                                                                \
                int64_t r1 = rows - r0 < 64 ? rows : r0 + 64;                                                          \
                for (int64_t c = c0; c < c1; c++)                                                                      \
                    for (int64_t r = r0; r < r1; r++) d[c * ldd + r] = s[r * lds + c];                                 \
            }                                                                                                          \
        }                                                                                                              \
    }
COPY_PLAIN(plain1, uint8_t)
COPY_PLAIN(plain2, uint16_t)
COPY_PLAIN(plain4, uint32_t)
COPY_PLAIN(plain8, uint64_t)

#define SHUF(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* d[c][r] = s[r][c] for 8 x 8 elements of 4 bytes: interleave pairs of rows three times. */
static inline __attribute__((always_inline)) void FN(block4)(uint32_t *d, int64_t ldd, const uint32_t *s, int64_t lds) {
    FN(v8) a[8], b[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) memcpy(&a[i], s + i * lds, 32);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) { /* b[2i], b[2i+1]: rows 2i, 2i+1 interleaved within 128-bit halves */
        b[2 * i] = SHUF(a[2 * i], a[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        b[2 * i + 1] = SHUF(a[2 * i], a[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) { /* a[4i + k]: column k (and k + 4) of rows 4i .. 4i+3 */
        a[4 * i] = SHUF(b[4 * i], b[4 * i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        a[4 * i + 1] = SHUF(b[4 * i], b[4 * i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        a[4 * i + 2] = SHUF(b[4 * i + 1], b[4 * i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        a[4 * i + 3] = SHUF(b[4 * i + 1], b[4 * i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        b[i] = SHUF(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        b[i + 4] = SHUF(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) memcpy(d + i * ldd, &b[i], 32);
}

/* The same for 4 x 4 elements of 8 bytes. */
static inline __attribute__((always_inline)) void FN(block8)(uint64_t *d, int64_t ldd, const uint64_t *s, int64_t lds) {
    FN(v4) a[4], b[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) memcpy(&a[i], s + i * lds, 32);
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        b[2 * i] = SHUF(a[2 * i], a[2 * i + 1], 0, 4, 2, 6);
        b[2 * i + 1] = SHUF(a[2 * i], a[2 * i + 1], 1, 5, 3, 7);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        a[i] = SHUF(b[i], b[i + 2], 0, 1, 4, 5);
        a[i + 2] = SHUF(b[i], b[i + 2], 2, 3, 6, 7);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) memcpy(d + i * ldd, &a[i], 32);
}

/* B x B blocks, two of them along the rows at a time; what is left by the plain loop. */
#define COPY_BLOCKED(name, T, block, plain, B)                                                                         \
    static void FN(name)(void *d_, int64_t ldd, const void *s_, int64_t lds, int64_t rows, int64_t cols) {             \
        T *d = d_;                                                                                                     \
        const T *s = s_;                                                                                               \
        int64_t r = 0, full = cols / B * B;                                                                            \
        for (; r + 2 * B <= rows; r += 2 * B)                                                                          \
            for (int64_t c = 0; c < full; c += B) {                                                                    \
                FN(block)(d + c * ldd + r, ldd, s + r * lds + c, lds);                                                 \
                FN(block)(d + c * ldd + r + B, ldd, s + (r + B) * lds + c, lds);                                       \
            }                                                                                                          \
        FN(plain)(d + r, ldd, s + r * lds, lds, rows - r, full);                                                       \
        FN(plain)(d + full * ldd, ldd, s + full, lds, rows, cols - full);                                              \
    }
COPY_BLOCKED(transpose4, uint32_t, block4, plain4, 8)
COPY_BLOCKED(transpose8, uint64_t, block8, plain8, 4)

static void FN(transpose1)(void *d, int64_t ldd, const void *s, int64_t lds, int64_t rows, int64_t cols) {
    FN(plain1)(d, ldd, s, lds, rows, cols);
}
static void FN(transpose2)(void *d, int64_t ldd, const void *s, int64_t lds, int64_t rows, int64_t cols) {
    FN(plain2)(d, ldd, s, lds, rows, cols);
}
#undef SHUF
