/* SPDX-License-Identifier: MIT
 *
 * Recurrent cells: one step of an LSTM, a GRU, a plain network.
 */
#include "script/aten/rnn.h"

/* Part i of n along the last axis. */
static sten *part(lower *L, sten *t, int n, int i) {
    int axis = t_rank(L, t) - 1;
    sv size = s_floordiv(L, t_dim(L, t, axis), sv_int(n));
    return view_slice(L, t, axis, s_mul(L, size, sv_int(i)), s_mul(L, size, sv_int(i + 1)), 1);
}

/* ---- steps ---- */
void rnn_lstm_combine(lower *L, sten *sum, sten **h, sten **c) {
    if (!lower_ok(L)) return;
    sten *i = EMIT(Sigmoid, part(L, sum, 4, 0)), *f = EMIT(Sigmoid, part(L, sum, 4, 1));
    sten *g = EMIT(Tanh, part(L, sum, 4, 2)), *o = EMIT(Sigmoid, part(L, sum, 4, 3));
    *c = EMIT(Add, EMIT(Mul, f, *c), EMIT(Mul, i, g));
    *h = EMIT(Mul, o, EMIT(Tanh, *c));
}

void rnn_lstm_step(lower *L, sten *gx, sten *w_hh, sten *b_hh, sten **h, sten **c) {
    rnn_lstm_combine(L, EMIT(Add, gx, nn_linear(L, *h, w_hh, b_hh)), h, c);
}

sten *rnn_gru_combine(lower *L, sten *gx, sten *gh, sten *h) {
    if (!lower_ok(L)) return NULL;
    sten *r = EMIT(Sigmoid, EMIT(Add, part(L, gx, 3, 0), part(L, gh, 3, 0)));
    sten *z = EMIT(Sigmoid, EMIT(Add, part(L, gx, 3, 1), part(L, gh, 3, 1)));
    sten *n = EMIT(Tanh, EMIT(Add, part(L, gx, 3, 2), EMIT(Mul, r, part(L, gh, 3, 2))));
    return EMIT(Add, n, EMIT(Mul, z, EMIT(Sub, h, n)));
}

sten *rnn_gru_step(lower *L, sten *gx, sten *w_hh, sten *b_hh, sten *h) {
    return rnn_gru_combine(L, gx, nn_linear(L, h, w_hh, b_hh), h);
}

/* ---- cells: (input, hx, w_ih, w_hh, b_ih, b_hh) ---- */
void aten_lstm_cell(lower *L) {
    sten **hx, *x = arg_tensor(L, 0);
    int n = arg_tensors(L, 1, &hx);
    if (lower_ok(L) && n != 2) lower_raise(L, "RuntimeError", "lstm_cell expects two hidden states");
    sten *gx = nn_linear(L, x, arg_tensor(L, 2), arg_tensor_opt(L, 4));
    if (!lower_ok(L)) return;
    sten *h = hx[0], *c = hx[1];
    rnn_lstm_step(L, gx, arg_tensor(L, 3), arg_tensor_opt(L, 5), &h, &c);
    ret_tensor(L, h);
    ret_tensor(L, c);
}

void aten_gru_cell(lower *L) {
    sten *gx = nn_linear(L, arg_tensor(L, 0), arg_tensor(L, 2), arg_tensor_opt(L, 4));
    ret_tensor(L, rnn_gru_step(L, gx, arg_tensor(L, 3), arg_tensor_opt(L, 5), arg_tensor(L, 1)));
}

static sten *simple(lower *L) {
    sten *gx = nn_linear(L, arg_tensor(L, 0), arg_tensor(L, 2), arg_tensor_opt(L, 4));
    return EMIT(Add, gx, nn_linear(L, arg_tensor(L, 1), arg_tensor(L, 3), arg_tensor_opt(L, 5)));
}

void aten_rnn_tanh_cell(lower *L) { ret_tensor(L, EMIT(Tanh, simple(L))); }
void aten_rnn_relu_cell(lower *L) { ret_tensor(L, EMIT(Relu, simple(L))); }
