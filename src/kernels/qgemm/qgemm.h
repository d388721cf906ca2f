/* SPDX-License-Identifier: MIT
 *
 * Products of 8-bit integers with exact INT32 sums (wrapping), the same bits at every level:
 *
 *   C[i][j] = sum_k (A[i][k] - za[i]) * (B[k][j] - zb[j]),   A and B signed or unsigned
 *
 * Two ways, by the level. Group 2: zero points are subtracted while packing, which leaves -255..255 in s16, and pairs
 * along k go through a widening multiply-add (two products of 9 bits never overflow s32). Group 4 (VNNI): A is shifted
 * to u8 and B to s8 by 128 where needed, quadruples go through the dot instruction, and the zero points are put right
 * by row sums of A and column sums of B; AMX tiles take the same operands. No instruction that saturates 16-bit sums is
 * used anywhere.
 *
 * B is packed once in panels of nr columns: [k / group][nr][group], then zb and the column sums of the panel.
 * run(): rows [m0, m1), panels [p0, p1). Workspace: k_qgemm_workspace(). A is read in place.
 *
 * And the way between float and 8 bits, ties to even:
 *   quantize():   q = sat(rint(x / scale) + zp)           dequantize(): y = (q - zp) * scale
 *   requantize(): q = sat(rint((c + bias[j]) * scale[j]) + zp), in double; bias may be NULL;
 *                 scale_step 0: one scale
 *
 * rows(): the same product over rows that are read in place through pointers, as implicit GEMM wants it:
 *   C[i][j] = init[j] + sum over taps t, words w of dot(rows[i] + offset[t], B)
 * A word is 4 bytes of A in the form that widen() makes: group 4, u8 (signed A xor 0x80), group 2, s16 less the zero
 * point. B is packed with k = taps * words * group; with group 4 its zero points must vanish once shifted
 * (k_qgemm_rows_ok), and init carries - za colsum. rows has K_QGEMM_MR entries more, of any rows.
 *
 * finish(): the epilogue of ops/util_qfused.h on a block of sums. Its bits are those of double with explicit fma at
 * every level; FP32 is used where it surely rounds alike (k_qfinish_narrow, finish_f32.h). depthwise(): c[i] = init[i]
 * + sum_t x[offset[t] + i] w[t][i], s16 operands.
 */
#ifndef KERNELS_QGEMM_H
#define KERNELS_QGEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

/* The largest of any level; of rows() a half of a tiles' block, whole or not there. */
enum { K_QGEMM_MR = 16, K_QGEMM_NR = 32 };

typedef struct k_qgemm_args {
    const void *a; /* rows lda bytes apart */
    int64_t lda;
    bool a_signed;
    const int32_t *za; /* zero points of A's rows, za_step apart (0: one) */
    int64_t za_step;
    const void *b; /* packed */
    int64_t m, n, k;
    int32_t *c;
    int64_t ldc;
} k_qgemm_args;

/* B before packing: element (k, j) at src[k * sk + j * sj]; zb[j * zb_step]. */
typedef struct k_qgemm_src {
    const void *src;
    bool is_signed;
    int64_t n, k, sk, sj;
    const int32_t *zb;
    int64_t zb_step;
} k_qgemm_src;

typedef struct k_qgemm_rows {
    const uint8_t *const *rows;
    const int64_t *offset; /* bytes, per tap */
    int64_t taps, words;   /* words of 4 bytes per tap */
    const void *b;         /* packed */
    const int32_t *init;   /* per column, up to whole panels */
    int32_t *c;            /* m x ldc, ldc counts whole panels */
    int64_t ldc;
} k_qgemm_rows;

typedef enum k_qtype { K_Q_NONE, K_Q_S8, K_Q_U8, K_Q_F32 } k_qtype;
typedef struct k_qfinish {
    const double *m, *b; /* per column */
    double lo, hi;       /* of v; with 8-bit results inside the range of y - y_zero */
    k_qtype z, y;
    int32_t z_zero, y_zero;
    double zm;
    const float *mf, *bf; /* m and b rounded */
    float sure;           /* FP32 is right where it is no further than this from an integer; 0: never */
} k_qfinish;

/* Columns [j, j + n) of some rows: y, z (NULL: none) and c point at the first of them. */
typedef struct k_qepilogue {
    void *y;
    const void *z;
    int64_t ld; /* of y and z, in elements */
    const int32_t *c;
    int64_t ldc, j, rows, n;
} k_qepilogue;

typedef struct k_qgemm {
    int group, nr;
    void (*run)(const k_qgemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace);
    void (*quantize)(void *q, const float *x, int64_t n, float scale, int32_t zp, bool is_signed);
    void (*dequantize)(float *y, const void *q, int64_t n, float scale, int32_t zp, bool is_signed);
    void (*requantize)(void *q, const int32_t *c, int64_t n, const int32_t *bias, const double *scale,
                       int64_t scale_step, int32_t zp, bool is_signed);
    void (*rows)(const k_qgemm_rows *g, int64_t m, int64_t p0, int64_t p1);
    /* n bytes of A to words' form */
    void (*widen)(void *d, const void *x, int64_t n, int32_t zero, bool is_signed);
    void (*finish)(const k_qepilogue *e, const k_qfinish *f);
    /* y = finish(a - a_zero) of n bytes with z of bytes, one scale: f->m and f->b have 16 equal elements */
    void (*add)(void *y, const void *a, bool a_signed, int32_t a_zero, const void *z, int64_t n, const k_qfinish *f);
    void (*depthwise)(int32_t *c, const int16_t *x, const int64_t *offset, int64_t taps, const int16_t *w,
                      const int32_t *init, int64_t n); /* offset: elements */
    /* acc[i] += sum over pixels of x[p * ld + i] */
    void (*sum)(int32_t *acc, const void *x, int64_t pixels, int64_t ld, int64_t n, bool is_signed);
    void (*max)(void *d, const void *x, int64_t n, bool is_signed);   /* d = max(d, x), bytes */
    void (*range)(const float *x, int64_t n, float *min, float *max); /* NaN ignored; +inf, -inf when n = 0 */
} k_qgemm;

static inline int64_t k_qgemm_panels(const k_qgemm *k, int64_t n) { return (n + k->nr - 1) / k->nr; }
/* Bytes of one packed panel. */
static inline int64_t k_qgemm_panel_bytes(const k_qgemm *q, int64_t k) {
    return ((k + q->group - 1) / q->group + 2) * q->nr * 4;
}
static inline int64_t k_qgemm_packed_bytes(const k_qgemm *q, int64_t n, int64_t k) {
    return k_qgemm_panels(q, n) * k_qgemm_panel_bytes(q, k);
}
/* 32 rows of bytes padded to whole tiles, or 12 of words of two bytes of A. */
static inline int64_t k_qgemm_workspace(int64_t k) { return 32 * (k + 128) + 128; }

/* Sets f->sure by f->m and f->b (n of each) and all else in f but mf and bf. */
void k_qfinish_narrow(k_qfinish *f, int64_t n);

void k_qgemm_pack(const k_qgemm *q, void *packed, const k_qgemm_src *s);

/* Column sums of a panel packed for group 4, behind its zero points. */
static inline const int32_t *k_qgemm_sums(const k_qgemm *q, const void *panel, int64_t k) {
    return (const int32_t *)panel + ((k + q->group - 1) / q->group + 1) * q->nr;
}
/* May a column of this zero point go through rows()? */
static inline bool k_qgemm_rows_ok(const k_qgemm *q, int32_t zb, bool is_signed) {
    return q->group == 2 || zb == (is_signed ? 0 : 128);
}

#define KERNEL(level, symbol) extern const k_qgemm symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/qgemm/qgemm.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_qgemm *k_qgemm_pick(cpu_level level);

#endif
