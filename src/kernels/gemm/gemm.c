/* SPDX-License-Identifier: MIT
 *
 * Packing of B, the same for every level but for the panel width.
 */
#include "kernels/gemm/gemm.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "tensor/dtype.h"

static int64_t panel_floats(const k_gemm *k, int64_t depth) {
    switch (k->form) {
    case K_B_BF16: return (depth + 1) / 2 * k->nr;
    case K_B_FP16: return depth * (k->nr / 2);
    case K_B_PIECES: return (depth + 1) / 2 * k->nr * 3;
    default: return depth * k->nr;
    }
}

int64_t k_gemm_packed_floats(const k_gemm *k, int64_t n, int64_t depth) {
    return k_gemm_panels(k, n) * panel_floats(k, depth);
}

static float load(const char *p, int64_t i) {
    float x;
    memcpy(&x, p + i * 4, 4);
    return x;
}

/* cols columns of one tap, columns inner: sources whose columns are neighbours. */
static void pack_rows(float *dst, int nr, const char *src, const k_pack_src *s, int64_t cols) {
    for (int64_t c = 0; c < s->channels; c++, dst += nr) {
        memcpy(dst, src + c * s->sc * 4, (size_t)cols * 4);
        memset(dst + cols, 0, (size_t)(nr - cols) * 4);
    }
}

/* The general case in blocks of channels, so that the block of the panel written stays in L1. */
static void pack_any(float *dst, int nr, const char *src, const k_pack_src *s, int64_t cols) {
    enum { BLOCK = 64, GROUP = 8 };
    for (int64_t c0 = 0; c0 < s->channels; c0 += BLOCK) {
        int64_t c1 = c0 + BLOCK < s->channels ? c0 + BLOCK : s->channels;
        int64_t j = 0;
        for (; j + GROUP <= cols; j += GROUP) /* several columns at once: neighbours are written together */
            for (int64_t c = c0; c < c1; c++)
                for (int64_t l = 0; l < GROUP; l++) dst[c * nr + j + l] = load(src, (j + l) * s->sn + c * s->sc);
        for (; j < cols; j++)
            for (int64_t c = c0; c < c1; c++) dst[c * nr + j] = load(src, j * s->sn + c * s->sc);
        for (int64_t c = c0; c < c1; c++) memset(dst + c * nr + cols, 0, (size_t)(nr - cols) * 4);
    }
}

static void scale_panel(float *dst, int nr, int64_t depth, const k_pack_src *s, int64_t n0, int64_t cols) {
    for (int64_t k = 0; k < depth; k++, dst += nr)
        for (int64_t j = 0; j < cols; j++) dst[j] *= s->scale_n ? s->scale * s->scale_n[n0 + j] : s->scale;
}

/* Rows [k0, k0 + rows) of a panel, rounded from FP32 rows. */
static void put_bf16(uint16_t *panel, const float *x, int nr, int64_t k0, int64_t rows) {
    for (int64_t k = k0; k < k0 + rows; k++)
        for (int j = 0; j < nr; j++) panel[(k / 2 * nr + j) * 2 + k % 2] = bf16_from_float(*x++);
}
static void put_fp16(uint16_t *panel, const float *x, int nr, int64_t k0, int64_t rows) {
    for (int64_t i = 0; i < rows * nr; i++) panel[k0 * nr + i] = half_from_float(x[i]);
}

/* Pieces of one element go to p, p + step, p + 2 step; a value that is not finite, to the first. */
static void put_piece(uint16_t *p, int64_t step, float x) {
    const float most = 0x1.fep127f; /* of BF16: what is above does not round up to infinity */
    const bool finite = isfinite(x);
    for (int i = 0; i < 3; i++, p += step) {
        *p = bf16_from_float(finite ? fminf(most, fmaxf(-most, x)) : x);
        x = finite ? x - bf16_to_float(*p) : 0;
    }
}
static void put_pieces(uint16_t *panel, const float *x, int nr, int64_t k0, int64_t rows) {
    for (int64_t k = k0; k < k0 + rows; k++)
        for (int j = 0; j < nr; j++) put_piece(panel + (k / 2 * 3 * nr + j) * 2 + k % 2, 2 * nr, *x++);
}

/* Element k of a last pair that has none. */
static void put_zeros(const k_gemm *k, uint16_t *panel, int64_t depth) {
    int64_t planes = k->form == K_B_PIECES ? 3 : 1;
    uint16_t *last = panel + depth / 2 * planes * k->nr * 2;
    for (int64_t j = 0; j < planes * k->nr; j++) last[j * 2 + 1] = 0;
}

/* A panel of 16-bit elements, by way of a few rows in FP32. */
static void pack_half(const k_gemm *k, uint16_t *panel, const k_pack_src *s, int64_t n0, int64_t cols) {
    enum { ROWS = 32, NR_MAX = 64 };
    float rows[ROWS * NR_MAX];
    int nr = k->nr;
    for (int64_t t = 0; t < s->taps; t++)
        for (int64_t c = 0; c < s->channels; c += ROWS) {
            k_pack_src part = *s;
            part.channels = s->channels - c < ROWS ? s->channels - c : ROWS;
            const char *src = (const char *)s->src + (t * s->st + c * s->sc + n0 * s->sn) * 4;
            (s->sn == 1 ? pack_rows : pack_any)(rows, nr, src, &part, cols);
            if (s->scale != 1.0f || s->scale_n) scale_panel(rows, nr, part.channels, s, n0, cols);
            (k->form == K_B_FP16     ? put_fp16
             : k->form == K_B_PIECES ? put_pieces
                                     : put_bf16)(panel, rows, nr, t * s->channels + c, part.channels);
        }
    int64_t depth = s->taps * s->channels;
    if (k->form != K_B_FP16 && depth % 2) put_zeros(k, panel, depth);
}

void k_gemm_pack(const k_gemm *k, void *dst, const k_pack_src *s, int64_t p0, int64_t p1) {
    int nr = k->nr;
    int64_t depth = s->taps * s->channels;
    for (int64_t p = p0; p < p1; p++) {
        int64_t n0 = p * nr, cols = s->n - n0 < nr ? s->n - n0 : nr;
        float *panel = (float *)dst + p * panel_floats(k, depth);
        if (k->form != K_B_F32) {
            pack_half(k, (uint16_t *)(void *)panel, s, n0, cols);
            continue;
        }
        for (int64_t t = 0; t < s->taps; t++) {
            const char *src = (const char *)s->src + (t * s->st + n0 * s->sn) * 4;
            (s->sn == 1 ? pack_rows : pack_any)(panel + t * s->channels * nr, nr, src, s, cols);
        }
        if (s->scale != 1.0f || s->scale_n) scale_panel(panel, nr, depth, s, n0, cols);
    }
}
