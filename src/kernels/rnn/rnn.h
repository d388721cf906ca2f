/* SPDX-License-Identifier: MIT
 *
 * Recurrent layers in FP32. The input products of all time steps are one GEMM outside; here are the recurrent product
 * of a step, over packed weights streamed once, and the cells' pointwise parts.
 *
 * pack():   R is [n, k] row-major (n outputs; ONNX's R of one direction: n = gates * hidden, k = hidden). Packed:
 *           panels of K_RNN_PANEL columns, [n / panel][k][panel], zero-padded; k_rnn_packed(n, k) floats.
 * matvec(): y[b * ldy + j] = init[b * ldi + j] + sum_k h[b * ldh + k] * R[j][k], j in [begin, end), b < batch;
 *           begin is a multiple of K_RNN_PANEL, end too or n. y may be init. Sums in order of k, FMA.
 * Cells work on batch rows of `hidden`; gates of one row are contiguous blocks of `hidden`, ONNX's order.
 * lstm():   gates i o f c: i = s(gi + pi c), f = s(gf + pf c), g = tanh(gc), c' = f c + i g, o = s(go + po c'),
 *           h' = o tanh(c'); p = peepholes [3 * hidden] in order i o f, or NULL.
 * gru():    gates z r h of the input product gx (all biases but Rb_h in it) and the recurrent product gh:
 *           linear (linear_before_reset): z = s(gx_z + gh_z), r likewise, n = tanh(gx_h + r (gh_h + rb_h)),
 *           h' = (1 - z) n + z h.  Otherwise call gru_reset() first, which leaves z in gx_z and gives r h, multiply
 * that into gh_h, then gru_output(): h' = (1 - z) tanh(gx_h + gh_h) + z h. rnn():    h' = f(g), f = tanh, or relu. clip
 * > 0 limits the gates' sums, before their activation, to [-clip, clip] (not c' in o tanh(c')).
 */
#ifndef KERNELS_RNN_H
#define KERNELS_RNN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

enum { K_RNN_PANEL = 64 };

static inline int64_t k_rnn_packed(int64_t n, int64_t k) {
    return (n + K_RNN_PANEL - 1) / K_RNN_PANEL * K_RNN_PANEL * k;
}

/* Any alignment of r to 1 byte; packed is 64-byte aligned for speed. */
void k_rnn_pack(float *packed, const void *r, int64_t n, int64_t k);

typedef struct k_rnn {
    void (*matvec)(float *y, int64_t ldy, const float *init, int64_t ldi, const float *h, int64_t ldh,
                   const float *packed, int64_t batch, int64_t n, int64_t k, int64_t begin, int64_t end);
    void (*lstm)(float *h, float *c, const float *gates, const float *peep, int64_t hidden, float clip);
    void (*gru_linear)(float *h_new, const float *h, const float *gx, const float *gh, const float *rb_h,
                       int64_t hidden, float clip);
    void (*gru_reset)(float *rh, float *gx, const float *h, const float *gh, int64_t hidden, float clip);
    void (*gru_output)(float *h_new, const float *h, const float *gx, const float *gh, int64_t hidden, float clip);
    void (*rnn)(float *h, const float *gates, bool relu, int64_t hidden, float clip);
} k_rnn;

#define KERNEL(level, symbol) extern const k_rnn symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/rnn/rnn.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_rnn *k_rnn_pick(cpu_level level);

#endif
