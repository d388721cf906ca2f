/* SPDX-License-Identifier: MIT
 *
 * Recurrent steps in plain C: the oracle of rnn_tmpl.h.
 */
#include "kernels/rnn/rnn.h"

#include <math.h>

static float clipped(float x, float clip) { return clip > 0 ? fminf(fmaxf(x, -clip), clip) : x; }
static float sigm(float x, float clip) { return 1.0f / (1.0f + expf(-clipped(x, clip))); }
static float tanh_(float x, float clip) { return tanhf(clipped(x, clip)); }

static void matvec_ref(float *y, int64_t ldy, const float *init, int64_t ldi, const float *h, int64_t ldh,
                       const float *packed, int64_t batch, int64_t n, int64_t k, int64_t begin, int64_t end) {
    (void)n;
    for (int64_t b = 0; b < batch; b++) {
        for (int64_t j = begin; j < end; j++) {
            const float *col = packed + j / K_RNN_PANEL * K_RNN_PANEL * k + j % K_RNN_PANEL;
            float s = init[b * ldi + j];
            for (int64_t i = 0; i < k; i++) s = fmaf(h[b * ldh + i], col[i * K_RNN_PANEL], s);
            y[b * ldy + j] = s;
        }
    }
}

static void lstm_ref(float *h, float *c, const float *gates, const float *peep, int64_t hidden, float clip) {
    for (int64_t j = 0; j < hidden; j++) {
        const float *g = gates + j, *p = peep ? peep + j : 0;
        float i = sigm(g[0] + (p ? p[0] * c[j] : 0), clip);
        float f = sigm(g[2 * hidden] + (p ? p[2 * hidden] * c[j] : 0), clip);
        float cj = f * c[j] + i * tanh_(g[3 * hidden], clip);
        float o = sigm(g[hidden] + (p ? p[hidden] * cj : 0), clip);
        c[j] = cj;
        h[j] = o * tanhf(cj);
    }
}

static void gru_linear_ref(float *h_new, const float *h, const float *gx, const float *gh, const float *rb_h,
                           int64_t hidden, float clip) {
    for (int64_t j = 0; j < hidden; j++) {
        float z = sigm(gx[j] + gh[j], clip), r = sigm(gx[hidden + j] + gh[hidden + j], clip);
        float n = tanh_(gx[2 * hidden + j] + r * (gh[2 * hidden + j] + (rb_h ? rb_h[j] : 0)), clip);
        h_new[j] = (1 - z) * n + z * h[j];
    }
}

static void gru_reset_ref(float *rh, float *gx, const float *h, const float *gh, int64_t hidden, float clip) {
    for (int64_t j = 0; j < hidden; j++) {
        gx[j] = sigm(gx[j] + gh[j], clip);
        rh[j] = sigm(gx[hidden + j] + gh[hidden + j], clip) * h[j];
    }
}

static void gru_output_ref(float *h_new, const float *h, const float *gx, const float *gh, int64_t hidden, float clip) {
    for (int64_t j = 0; j < hidden; j++)
        h_new[j] = (1 - gx[j]) * tanh_(gx[2 * hidden + j] + gh[2 * hidden + j], clip) + gx[j] * h[j];
}

static void rnn_ref(float *h, const float *gates, bool relu, int64_t hidden, float clip) {
    for (int64_t j = 0; j < hidden; j++) h[j] = relu ? fmaxf(clipped(gates[j], clip), 0) : tanh_(gates[j], clip);
}

const k_rnn k_rnn_ref = {matvec_ref, lstm_ref, gru_linear_ref, gru_reset_ref, gru_output_ref, rnn_ref};
