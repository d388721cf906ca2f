/* SPDX-License-Identifier: MIT
 *
 * Plain C, sums in double: the oracle. Reads the packed B too, in any of its forms.
 */
#include "kernels/gemm/gemm.h"

#include <math.h>

#include "tensor/dtype.h"

enum { NR = K_GEMM_REF_NR };

static double conv_a(const k_gemm_args *g, int64_t i, int64_t k) {
    const k_conv_geom *v = g->conv;
    int64_t tap = k / v->channels, at[K_CONV_DIMS], image = 1, pixel = 0;
    for (int d = K_CONV_DIMS - 1; d >= 0; d--) {
        at[d] = i % v->out[d] * v->stride[d] + tap % v->kernel[d] * v->dilation[d] - v->pad[d];
        i /= v->out[d], tap /= v->kernel[d];
    }
    for (int d = 0; d < K_CONV_DIMS; d++) {
        if (at[d] < 0 || at[d] >= v->in[d]) return 0;
        pixel = pixel * v->in[d] + at[d], image *= v->in[d];
    }
    return g->a[(i * image + pixel) * v->ld + k % v->channels];
}

static double a_at(const k_gemm_args *g, int64_t i, int64_t k) {
    if (g->kind == K_A_CONV) return conv_a(g, i, k);
    return g->kind == K_A_ROWS ? g->a[i * g->lda + k] : g->a[k * g->lda + i];
}

static double b_at(const k_gemm_args *g, k_b_form form, int nr, int64_t k, int64_t j) {
    int64_t panel = j / nr, col = j % nr, pair = panel * ((g->k + 1) / 2) + k / 2;
    const float *f = g->b;
    const uint16_t *h = g->b;
    switch (form) {
    case K_B_BF16: return bf16_to_float(h[(pair * nr + col) * 2 + k % 2]);
    case K_B_FP16: return half_to_float(h[(panel * g->k + k) * nr + col]);
    case K_B_PIECES:
        h += (pair * 3 * nr + col) * 2 + k % 2;
        return (double)bf16_to_float(h[0]) + bf16_to_float(h[2 * nr]) + bf16_to_float(h[4 * nr]);
    default: return f[(panel * g->k + k) * nr + col];
    }
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double clip(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

static float act1(double x, k_act act, float p, float q) {
    switch (act) {
    case K_ACT_CLIP: return (float)clip(x, p, q);
    case K_ACT_LEAKY: return (float)(x < 0 ? p * x : x);
    case K_ACT_SIGMOID: return (float)sigmoid(x);
    case K_ACT_TANH: return (float)tanh(x);
    case K_ACT_HARDSIGMOID: return (float)clip(p * x + q, 0, 1);
    case K_ACT_HARDSWISH: return (float)(x * clip(x / 6 + 0.5, 0, 1));
    case K_ACT_SILU: return (float)(x * sigmoid(x));
    case K_ACT_GELU: return (float)(x * 0.5 * (1 + erf(x * 0.70710678118654752440)));
    case K_ACT_GELU_TANH: return (float)(x * 0.5 * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x))));
    default: return (float)x;
    }
}

/* Columns side by side, since finding an element of A in an image costs more than a product. */
enum { COLUMNS = 64 };

void k_gemm_ref_run(const k_gemm_args *g, k_b_form form, int64_t m0, int64_t m1, int64_t p0, int64_t p1) {
    const int64_t n1 = p1 * NR < g->n ? p1 * NR : g->n;
    for (int64_t i = m0; i < m1; i++)
        for (int64_t j0 = p0 * NR; j0 < n1; j0 += COLUMNS) {
            const int64_t n = n1 - j0 < COLUMNS ? n1 - j0 : COLUMNS;
            double s[COLUMNS] = {0};
            for (int64_t k = 0; k < g->k; k++) {
                const double x = a_at(g, i, k);
                for (int64_t j = 0; j < n; j++) s[j] += x * b_at(g, form, NR, k, j0 + j);
            }
            for (int64_t j = 0; j < n; j++) {
                if (g->bias) s[j] += g->bias[j0 + j];
                if (g->residual) s[j] += g->residual[i * g->ldr + j0 + j];
                g->c[i * g->ldc + j0 + j] = act1(s[j], g->act, g->p, g->q);
            }
        }
}

void k_gemm_ref_sums(const k_gemm_args *g, k_b_form form, int nr, int64_t i, int64_t j0, int64_t n, int64_t k0,
                     int64_t k1, float *sums) {
    for (int64_t from = 0; from < n; from += COLUMNS) {
        const int64_t some = n - from < COLUMNS ? n - from : COLUMNS;
        double s[COLUMNS] = {0};
        for (int64_t k = k0; k < k1; k++) {
            const double x = a_at(g, i, k);
            for (int64_t j = 0; j < some; j++) s[j] += x * b_at(g, form, nr, k, j0 + from + j);
        }
        for (int64_t j = 0; j < some; j++) sums[from + j] = (float)s[j];
    }
}

static void run(const k_gemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace) {
    k_gemm_ref_run(g, K_B_F32, m0, m1, p0, p1);
}

static void activate(float *x, int64_t ld, int64_t rows, int64_t cols, k_act act, float p, float q) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) x[i * ld + j] = act1(x[i * ld + j], act, p, q);
}

const k_gemm k_gemm_ref = {K_B_F32, 1, NR, run, activate};
