/* SPDX-License-Identifier: MIT
 *
 * FP32 matrix product C = act(A B + bias + residual), and convolution as the same product: the rows of A are then
 * gathered from an NHWC image (implicit im2col).
 *
 * B is packed once as panels [ceil(n / nr)][k][nr], zero-padded, 64-byte aligned (k_gemm_pack); kernels/gemm16 keeps it
 * in 16 bits. Work is cut by the
 * caller into rows [m0, m1) x panels [p0, p1); disjoint pieces may run concurrently with a workspace each.
 *
 * A, by kind:
 *   K_A_ROWS  element (i, k) at a[i lda + k]
 *   K_A_COLS  element (i, k) at a[k lda + i]
 *   K_A_CONV  row i is an output position (image, then spatial coordinates, last fastest), k = tap * channels + channel
 * C may be the residual's memory (same ldr), no other overlap. Nothing beyond the matrices is read or written.
 * A NaN or an infinity takes part as IEEE says, zero padding included; clip and relu let NaN through.
 */
#ifndef KERNELS_GEMM_H
#define KERNELS_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

typedef enum k_act {
    K_ACT_NONE,
    K_ACT_CLIP,  /* min(q, max(p, x)); relu is p = 0, q = inf */
    K_ACT_LEAKY, /* x < 0 ? p x : x */
    K_ACT_SIGMOID,
    K_ACT_TANH,
    K_ACT_HARDSIGMOID, /* clip(p x + q, 0, 1) */
    K_ACT_HARDSWISH,   /* x clip(x / 6 + 1/2, 0, 1) */
    K_ACT_SILU,        /* x sigmoid(x) */
    K_ACT_GELU,        /* x (1 + erf(x / sqrt 2)) / 2 */
    K_ACT_GELU_TANH,   /* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
    K_ACTS
} k_act;

enum { K_CONV_DIMS = 3 };

/* Convolution seen as gather; unused leading dims are 1 (a 1-D signal has in = {1, 1, w}). */
typedef struct k_conv_geom {
    int64_t channels; /* of one group: floats copied per tap */
    int64_t ld;       /* floats between neighbouring pixels: all channels of the image */
    int64_t in[K_CONV_DIMS], out[K_CONV_DIMS], kernel[K_CONV_DIMS], stride[K_CONV_DIMS], dilation[K_CONV_DIMS];
    int64_t pad[K_CONV_DIMS]; /* before the first pixel; may be negative */
} k_conv_geom;

/* The packed forms of B; [k] counts from the top of a panel. */
typedef enum k_b_form {
    K_B_F32,    /* [k][nr] */
    K_B_BF16,   /* [k / 2][nr] words: elements 2i (low half) and 2i + 1 of a column, the last 0 when k is odd */
    K_B_FP16,   /* [k][nr] */
    K_B_PIECES, /* [k / 2][3][nr] words as K_B_BF16's: the first, second and third piece of FP32 (gemm16.h) */
    K_B_FORMS
} k_b_form;

typedef enum k_a_kind { K_A_ROWS, K_A_COLS, K_A_CONV } k_a_kind;

typedef struct k_gemm_args {
    k_a_kind kind;
    const float *a;
    int64_t lda;
    const k_conv_geom *conv; /* K_A_CONV */
    const void *b;           /* packed in the kernel's form */
    int64_t m, n, k;
    float *c;
    int64_t ldc;
    const float *bias;     /* n values or NULL */
    const float *residual; /* m x n with row stride ldr, or NULL; added before the activation */
    int64_t ldr;
    k_act act;
    float p, q; /* of the activation */
} k_gemm_args;

typedef struct k_gemm {
    k_b_form form;
    int mr, nr; /* the register tile; nr is a multiple of 4 */
    /* Rows [m0, m1), panels [p0, p1). workspace: k_gemm_workspace() bytes, 64-byte aligned. */
    void (*run)(const k_gemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace);
    /* x[i * ld + j] = act(x) for a block already in memory. */
    void (*activate)(float *x, int64_t ld, int64_t rows, int64_t cols, k_act act, float p, float q);
} k_gemm;

enum { K_GEMM_KC = 768, K_GEMM_MR_MAX = 14 }; /* depth of a K block in floats; the largest mr of any level */
static inline size_t k_gemm_workspace(void) { return (size_t)K_GEMM_MR_MAX * (2 * K_GEMM_KC + 32) * sizeof(float); }
static inline int64_t k_gemm_panels(const k_gemm *k, int64_t n) { return (n + k->nr - 1) / k->nr; }

/* The loops of the plain C kernels, of whatever form. */
enum { K_GEMM_REF_NR = 4 };
void k_gemm_ref_run(const k_gemm_args *g, k_b_form form, int64_t m0, int64_t m1, int64_t p0, int64_t p1);
/* sums[j] = sum of A(i, k) B(k, j0 + j), j < n, k0 <= k < k1, in double; B is packed for nr columns. */
void k_gemm_ref_sums(const k_gemm_args *g, k_b_form form, int nr, int64_t i, int64_t j0, int64_t n, int64_t k0,
                     int64_t k1, float *sums);

/* Where B comes from: element (k, n), k = tap * channels + channel, at src[tap st + channel sc + n sn] floats; src of
 * any byte alignment. A plain matrix has taps = 1. Values are multiplied by `scale`, and by scale_n[n] unless NULL. */
typedef struct k_pack_src {
    const void *src;
    int64_t taps, channels, n;
    int64_t st, sc, sn;
    float scale;
    const float *scale_n;
} k_pack_src;

/* Memory of a packed B of any form, counted in floats. */
int64_t k_gemm_packed_floats(const k_gemm *k, int64_t n, int64_t depth);
/* Panels [p0, p1) to their place in dst (the whole packed matrix). */
void k_gemm_pack(const k_gemm *k, void *dst, const k_pack_src *s, int64_t p0, int64_t p1);

#define KERNEL(level, symbol) extern const k_gemm symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/gemm/gemm.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_gemm *k_gemm_pick(cpu_level level);

#endif
