/* SPDX-License-Identifier: MIT
 *
 * Recurrent steps over lanes.h. The product streams each packed panel once for up to ROWS batch rows held in registers;
 * it is bound by the bandwidth of the weights, so the cells' vector sigmoid and tanh need no more tuning than that.
 */
#include "kernels/rnn/rnn.h"
#include "kernels/vmath.h"

/* Vectors of a panel; those a single row takes at once: enough chains to hide the latency of FMA. */
enum { FN(NV) = K_RNN_PANEL / VL, FN(ROW) = FN(NV) < 8 ? FN(NV) : 8 };

/* R batch rows times W vectors of one panel, all of k. */
static inline __attribute__((always_inline)) void FN(tile)(float *y, int64_t ldy, const float *init, int64_t ldi,
                                                           const float *h, int64_t ldh, const float *panel, int64_t k,
                                                           const int R, const int W, int64_t cols) {
    vf acc[4][8];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int w = 0; w < W; w++) {
            int64_t left = cols - w * VL;
            acc[r][w] = left >= VL ? v_load(init + r * ldi + w * VL)
                        : left > 0 ? v_load_n(init + r * ldi + w * VL, left)
                                   : v_set1(0.0f);
        }
    for (int64_t i = 0; i < k; i++) {
        vf b[8];
#pragma GCC unroll 8
        for (int w = 0; w < W; w++) b[w] = v_load(panel + i * K_RNN_PANEL + w * VL);
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) {
            vf a = v_set1(h[r * ldh + i]);
#pragma GCC unroll 8
            for (int w = 0; w < W; w++) acc[r][w] = v_fma(a, b[w], acc[r][w]);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int w = 0; w < W; w++) {
            int64_t left = cols - w * VL;
            if (left >= VL) v_store(y + r * ldy + w * VL, acc[r][w]);
            else if (left > 0) v_store_n(y + r * ldy + w * VL, acc[r][w], left);
        }
}

static void FN(panel1)(float *y, int64_t ldy, const float *init, int64_t ldi, const float *h, int64_t ldh,
                       const float *panel, int64_t k, int64_t cols) {
    for (int w = 0; w < FN(NV); w += FN(ROW))
        if (cols > w * VL)
            FN(tile)(y + w * VL, ldy, init + w * VL, ldi, h, ldh, panel + w * VL, k, 1, FN(ROW), cols - w * VL);
}
static void FN(panel2)(float *y, int64_t ldy, const float *init, int64_t ldi, const float *h, int64_t ldh,
                       const float *panel, int64_t k, int64_t cols) {
    for (int w = 0; w < FN(NV); w += 4)
        if (cols > w * VL)
            FN(tile)(y + w * VL, ldy, init + w * VL, ldi, h, ldh, panel + w * VL, k, 2, 4, cols - w * VL);
}
static void FN(panel4)(float *y, int64_t ldy, const float *init, int64_t ldi, const float *h, int64_t ldh,
                       const float *panel, int64_t k, int64_t cols) {
    for (int w = 0; w < FN(NV); w += 2)
        if (cols > w * VL)
            FN(tile)(y + w * VL, ldy, init + w * VL, ldi, h, ldh, panel + w * VL, k, 4, 2, cols - w * VL);
}

static void FN(matvec)(float *y, int64_t ldy, const float *init, int64_t ldi, const float *h, int64_t ldh,
                       const float *packed, int64_t batch, int64_t n, int64_t k, int64_t begin, int64_t end) {
    (void)n;
    for (int64_t j = begin; j < end; j += K_RNN_PANEL) {
        int64_t cols = end - j < K_RNN_PANEL ? end - j : K_RNN_PANEL, b = 0;
        const float *panel = packed + j * k;
        for (; b + 4 <= batch; b += 4)
            FN(panel4)(y + b * ldy + j, ldy, init + b * ldi + j, ldi, h + b * ldh, ldh, panel, k, cols);
        for (; b + 2 <= batch; b += 2)
            FN(panel2)(y + b * ldy + j, ldy, init + b * ldi + j, ldi, h + b * ldh, ldh, panel, k, cols);
        for (; b < batch; b++)
            FN(panel1)(y + b * ldy + j, ldy, init + b * ldi + j, ldi, h + b * ldh, ldh, panel, k, cols);
    }
}

static inline vf FN(clip)(vf x, vf clip) { return v_min(clip, v_max(v_sub(v_set1(0.0f), clip), x)); }
static inline vf FN(sigm)(vf x, vf clip) { return v_sigmoid(FN(clip)(x, clip)); }
static inline vf FN(tanh)(vf x, vf clip) { return v_tanh(FN(clip)(x, clip)); }
static inline vf FN(limit)(float clip) { return v_set1(clip > 0 ? clip : INFINITY); }
static inline vf FN(ld)(const float *p, int64_t k) { return k == VL ? v_load(p) : v_load_n(p, k); }
static inline void FN(st)(float *p, vf v, int64_t k) {
    if (k == VL) v_store(p, v);
    else v_store_n(p, v, k);
}

static void FN(lstm)(float *h, float *c, const float *gates, const float *peep, int64_t hidden, float clip) {
    vf lim = FN(limit)(clip), zero = v_set1(0.0f);
    for (int64_t j = 0; j < hidden; j += VL) {
        int64_t k = hidden - j < VL ? hidden - j : VL;
        const float *g = gates + j, *p = peep ? peep + j : g;
        vf cj = FN(ld)(c + j, k);
        vf i = FN(sigm)(v_fma(peep ? FN(ld)(p, k) : zero, peep ? cj : zero, FN(ld)(g, k)), lim);
        vf f =
            FN(sigm)(v_fma(peep ? FN(ld)(p + 2 * hidden, k) : zero, peep ? cj : zero, FN(ld)(g + 2 * hidden, k)), lim);
        cj = v_fma(f, cj, v_mul(i, FN(tanh)(FN(ld)(g + 3 * hidden, k), lim)));
        vf o = FN(sigm)(v_fma(peep ? FN(ld)(p + hidden, k) : zero, peep ? cj : zero, FN(ld)(g + hidden, k)), lim);
        FN(st)(c + j, cj, k);
        FN(st)(h + j, v_mul(o, v_tanh(cj)), k);
    }
}

static void FN(gru_linear)(float *h_new, const float *h, const float *gx, const float *gh, const float *rb_h,
                           int64_t hidden, float clip) {
    vf lim = FN(limit)(clip), one = v_set1(1.0f);
    for (int64_t j = 0; j < hidden; j += VL) {
        int64_t k = hidden - j < VL ? hidden - j : VL;
        vf z = FN(sigm)(v_add(FN(ld)(gx + j, k), FN(ld)(gh + j, k)), lim);
        vf r = FN(sigm)(v_add(FN(ld)(gx + hidden + j, k), FN(ld)(gh + hidden + j, k)), lim);
        vf t = FN(ld)(gh + 2 * hidden + j, k);
        if (rb_h) t = v_add(t, FN(ld)(rb_h + j, k));
        vf n = FN(tanh)(v_fma(r, t, FN(ld)(gx + 2 * hidden + j, k)), lim);
        FN(st)(h_new + j, v_fma(z, FN(ld)(h + j, k), v_mul(v_sub(one, z), n)), k);
    }
}

static void FN(gru_reset)(float *rh, float *gx, const float *h, const float *gh, int64_t hidden, float clip) {
    vf lim = FN(limit)(clip);
    for (int64_t j = 0; j < hidden; j += VL) {
        int64_t k = hidden - j < VL ? hidden - j : VL;
        vf z = FN(sigm)(v_add(FN(ld)(gx + j, k), FN(ld)(gh + j, k)), lim);
        vf r = FN(sigm)(v_add(FN(ld)(gx + hidden + j, k), FN(ld)(gh + hidden + j, k)), lim);
        FN(st)(gx + j, z, k);
        FN(st)(rh + j, v_mul(r, FN(ld)(h + j, k)), k);
    }
}

static void FN(gru_output)(float *h_new, const float *h, const float *gx, const float *gh, int64_t hidden, float clip) {
    vf lim = FN(limit)(clip), one = v_set1(1.0f);
    for (int64_t j = 0; j < hidden; j += VL) {
        int64_t k = hidden - j < VL ? hidden - j : VL;
        vf z = FN(ld)(gx + j, k);
        vf n = FN(tanh)(v_add(FN(ld)(gx + 2 * hidden + j, k), FN(ld)(gh + 2 * hidden + j, k)), lim);
        FN(st)(h_new + j, v_fma(z, FN(ld)(h + j, k), v_mul(v_sub(one, z), n)), k);
    }
}

static void FN(rnn)(float *h, const float *gates, bool relu, int64_t hidden, float clip) {
    vf lim = FN(limit)(clip);
    for (int64_t j = 0; j < hidden; j += VL) {
        int64_t k = hidden - j < VL ? hidden - j : VL;
        vf g = FN(clip)(FN(ld)(gates + j, k), lim);
        FN(st)(h + j, relu ? v_max(v_set1(0.0f), g) : v_tanh(g), k);
    }
}
