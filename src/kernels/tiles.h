/* SPDX-License-Identifier: MIT
 *
 * The tile vocabulary: eight tiles of 16 rows of 64 bytes, in AMX or, with LANES_PORTABLE, in plain C. Tile numbers are
 * literals. Between TILES_BEGIN and TILES_END functions that begin with TILES may use them; what is in a tile there at
 * first is undefined.
 *
 *   TILE_ZERO(t)   TILE_LOAD(t, p, stride)   TILE_STORE(t, p, stride)     rows `stride` bytes apart
 *   TILE_DOT_BF16(c, a, b)   c: 16 x 16 FP32 sums; a: rows of 32 BF16; b: 16 rows of 16 BF16 pairs. For each sum the
 * even products and the odd ones are each summed from 0 by fma, then c + (even + odd); subnormal operands and results
 * are zeros
 *   TILE_DOT_U8S8(c, a, b)   c: 16 x 16 INT32 sums, wrapping; a: rows of 64 u8; b: 16 rows of 16 quadruples of s8
 *
 * gcc 12 has tile intrinsics that do not tell it which memory they touch: hence assembly.
 */
#ifndef KERNELS_TILES_H
#define KERNELS_TILES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(LANES_PORTABLE)
typedef struct tile_file {
    uint32_t t[8][16][16];
} tile_file;

static inline float tile_flush(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x; }
static inline float tile_half(uint32_t w, int odd) {
    uint32_t u = odd ? w & 0xffff0000 : w << 16;
    float f;
    memcpy(&f, &u, 4);
    return tile_flush(f);
}
static inline __attribute__((unused)) void tile_dot_bf16(tile_file *f, int c, int a, int b) {
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 16; n++) {
            float s[2] = {0, 0}, sum;
            for (int k = 0; k < 16; k++)
                for (int o = 0; o < 2; o++)
                    s[o] = tile_flush(fmaf(tile_half(f->t[a][m][k], o), tile_half(f->t[b][k][n], o), s[o]));
            memcpy(&sum, &f->t[c][m][n], 4);
            sum = tile_flush(tile_flush(sum) + tile_flush(s[0] + s[1]));
            memcpy(&f->t[c][m][n], &sum, 4);
        }
}
static inline __attribute__((unused)) void tile_dot_u8s8(tile_file *f, int c, int a, int b) {
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < 16; k++)
            for (int n = 0; n < 16; n++) {
                uint8_t x[4];
                int8_t y[4];
                memcpy(x, &f->t[a][m][k], 4);
                memcpy(y, &f->t[b][k][n], 4);
                f->t[c][m][n] += (uint32_t)(x[0] * y[0] + x[1] * y[1] + x[2] * y[2] + x[3] * y[3]);
            }
}
#define TILES_BEGIN ((void)0)
#define TILES_END   ((void)0)
#define TILES                                                                                                          \
    tile_file tile_file_;                                                                                              \
    memset(&tile_file_, 0x5A, sizeof tile_file_)
#define TILE_ZERO(i) memset(tile_file_.t[i], 0, sizeof tile_file_.t[i])
#define TILE_LOAD(i, p, stride)                                                                                        \
    for (int r_ = 0; r_ < 16; r_++) memcpy(tile_file_.t[i][r_], (const char *)(p) + r_ * (int64_t)(stride), 64)
#define TILE_STORE(i, p, stride)                                                                                       \
    for (int r_ = 0; r_ < 16; r_++) memcpy((char *)(p) + r_ * (int64_t)(stride), tile_file_.t[i][r_], 64)
#define TILE_DOT_BF16(c, a, b) tile_dot_bf16(&tile_file_, c, a, b)
#define TILE_DOT_U8S8(c, a, b) tile_dot_u8s8(&tile_file_, c, a, b)

#else
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16]; /* of a row */
    uint8_t rows[16];
} tile_config;

static inline void tiles_begin(void) {
    tile_config c;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int i = 0; i < 8; i++) c.bytes[i] = 64, c.rows[i] = 16;
    __asm__ volatile("ldtilecfg %0" : : "m"(c) : "memory");
}
#define TILES_BEGIN  tiles_begin()
#define TILES        ((void)0)
#define TILES_END    __asm__ volatile("tilerelease" : : : "memory")
#define TILE_ZERO(i) __asm__ volatile("tilezero %%tmm" #i : : : "memory")
#define TILE_LOAD(i, p, stride)                                                                                        \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #i : : "r"(p), "r"((int64_t)(stride)) : "memory")
#define TILE_STORE(i, p, stride)                                                                                       \
    __asm__ volatile("tilestored %%tmm" #i ", (%0,%1,1)" : : "r"(p), "r"((int64_t)(stride)) : "memory")
#define TILE_DOT_BF16(c, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c : : : "memory")
#define TILE_DOT_U8S8(c, a, b) __asm__ volatile("tdpbusd %%tmm" #b ", %%tmm" #a ", %%tmm" #c : : : "memory")
#endif

#endif
