/* SPDX-License-Identifier: MIT
 *
 * One step of an LSTM, shared by cells and layers with projections; packed sequences as graph operators.
 */
#ifndef SCRIPT_ATEN_RNN_H
#define SCRIPT_ATEN_RNN_H

#include "script/aten/nn.h"

/* gx [batch, 4 hidden]: x W_ih' + b_ih already; *h, *c become the next state. b_hh may be NULL. */
void rnn_lstm_step(lower *L, sten *gx, sten *w_hh, sten *b_hh, sten **h, sten **c);
/* The same for a GRU. */
sten *rnn_gru_step(lower *L, sten *gx, sten *w_hh, sten *b_hh, sten *h);
/* The same from both sums: gx and gh [batch, gates * hidden]. */
void rnn_lstm_combine(lower *L, sten *sum, sten **h, sten **c);
sten *rnn_gru_combine(lower *L, sten *gx, sten *gh, sten *h);

/* Recording: a packed sequence as the graph sees it. Its rows are the places of a [time, batch] plane where a sequence
 * goes on, in order. */
typedef struct rnn_plane {
    sv time, batch;
    sten *mask; /* bool[time, batch] */
    sten *lens; /* int64[batch] */
    sten *at;   /* int64[rows]: places in the plane */
} rnn_plane;
rnn_plane rnn_plane_of(lower *L, sten *batch_sizes, sv batch);
sten *rnn_spread(lower *L, const rnn_plane *p, sten *rows, sv fill); /* [rows, ...] -> [time, batch, ...] */
sten *rnn_rows(lower *L, const rnn_plane *p, sten *x);               /* and back */

#endif
