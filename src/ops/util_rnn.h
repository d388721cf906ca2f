/* SPDX-License-Identifier: MIT
 *
 * What RNN, GRU and LSTM share: their attributes, shape checks, activation functions, and the loop over directions,
 * samples and time steps.
 *
 * layout 0: X [S, N, I], states [D, N, H], Y [S, D, N, H]; layout 1: X [N, S, I], states [N, D, H], Y [N, S, D, H].
 * W [D, G H, I], R [D, G H, H], B [D, 2 G H] = Wb then Rb, for G gates. Direction `reverse` runs each sample's valid
 * part backwards; steps beyond sequence_lens leave zeros in Y and the state as it was.
 */
#ifndef OPS_UTIL_RNN_H
#define OPS_UTIL_RNN_H

#include "ops/util_lower.h"

typedef struct rnn_attrs { /* indices in the op's attribute table */
    int alpha, beta, activations, clip, direction, hidden_size, layout;
} rnn_attrs;

enum rnn_fn {
    RNN_RELU,
    RNN_TANH,
    RNN_SIGMOID,
    RNN_AFFINE,
    RNN_LEAKY,
    RNN_THRESHOLDED,
    RNN_SCALED_TANH,
    RNN_HARD_SIGMOID,
    RNN_ELU,
    RNN_SOFTSIGN,
    RNN_SOFTPLUS
};
typedef struct rnn_act {
    enum rnn_fn fn;
    double alpha, beta;
} rnn_act;
double rnn_apply(const rnn_act *a, double x);

typedef struct rnn_spec {
    const rnn_attrs *attrs;
    int gates;
    int nacts;               /* activations of one direction */
    const char *const *dflt; /* their default names */
    bool cell;               /* has initial_c, Y_c and P (LSTM) */
} rnn_spec;

typedef struct rnn_run {
    const rnn_spec *spec;
    int dirs;
    bool reverse, batch_first;
    int64_t seq, batch, input, hidden;
    double clip; /* infinity: none */
    rnn_act acts[2][3];
    const double *x, *w, *r, *b, *p; /* b, p: NULL when absent */
    const node *node;
    double *gates; /* scratch, gates * hidden */
    double *tmp;   /* scratch, hidden */
} rnn_run;

/* The rnn activations of a node, alphas and betas consumed in order by the functions that have them. */
naru_status rnn_read_acts(const node *n, const rnn_spec *s, int dirs, rnn_act acts[2][3], naru_error *err);
naru_status rnn_infer(infer_ctx *c, const rnn_spec *s);
/* One step: h (and cell) become the next state. x is the step's input. */
typedef void (*rnn_step)(const rnn_run *r, int dir, const double *x, double *h, double *cell);
naru_status rnn_eval(eval_ctx *c, const rnn_spec *s, rnn_step step);
/* Below 14 there is no layout 1: transposes around the node. */
naru_status rnn_down14(lower_ctx *c, node *n, const rnn_spec *s);
/* out[j] = W[row + j] . x (+ R[row + j] . h), clipped by the caller; j < hidden, row = gate * hidden. */
void rnn_gate_w(const rnn_run *r, int dir, int gate, const double *x, double *out); /* W x + Wb */
void rnn_gate_r(const rnn_run *r, int dir, int gate, const double *h, double *out); /* R h + Rb */
static inline double rnn_clip(const rnn_run *r, double v) {
    return v > r->clip ? r->clip : v < -r->clip ? -r->clip : v;
}

#endif
