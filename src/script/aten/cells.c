/* SPDX-License-Identifier: MIT
 *
 * Recurrent cells (one step), and packing: padded batches to rows without padding and back.
 */
#include "script/aten/arith.h"
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

/* ---- packing, recorded ---- */
static sten *counting(lower *L, sv n) {
    return EMIT(Range, lit_int(L, 0), scalar_tensor(L, n, NARU_INT64), lit_int(L, 1));
}

static void find_rows(lower *L, rnn_plane *p) {
    sten *flat = nn_reshape(L, p->mask, 1, (sv[]){sv_int(-1)});
    p->at = EMIT(Squeeze, EMIT(NonZero, flat), lit_ints(L, (int64_t[]){0}, 1));
}

rnn_plane rnn_plane_of(lower *L, sten *batch_sizes, sv batch) {
    rnn_plane p = {.time = t_dim(L, batch_sizes, 0), .batch = batch};
    p.mask = EMIT(Less, counting(L, batch), view_unsqueeze(L, batch_sizes, 1));
    p.lens = nn_reduce1(L, &op_ReduceSum, cast(L, p.mask, NARU_INT64), 0, false);
    find_rows(L, &p);
    return p;
}

/* Row-major places and what is behind them: [time, batch, ...] -> [time batch, ...] and back. */
static sten *merged(lower *L, sten *t);
static sten *planed(lower *L, const rnn_plane *p, sten *flat) {
    sv dims[NARU_MAX_RANK + 1];
    int rank = nn_dims(L, flat, dims + 1);
    dims[0] = p->time, dims[1] = p->batch;
    return nn_reshape(L, flat, rank + 1, dims);
}

sten *rnn_spread(lower *L, const rnn_plane *p, sten *rows, sv fill) {
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, rows, dims);
    if (!lower_ok(L)) return NULL;
    dims[0] = s_mul(L, p->time, p->batch);
    sten *empty = EMIT(Expand, scalar_tensor(L, fill, t_dtype(L, rows)), ints_tensor(L, dims, rank));
    return planed(L, p, EMIT(ScatterND, empty, view_unsqueeze(L, p->at, 1), rows));
}

sten *rnn_rows(lower *L, const rnn_plane *p, sten *x) {
    return EMITA(Gather, ATTRS(AI("axis", 0)), merged(L, x), p->at);
}

static void record_pack(lower *L, sten *x, sten *lengths, bool batch_first) {
    if (batch_first) x = view_transpose(L, x, 0, 1);
    lengths = cast(L, lengths, NARU_INT64);
    rnn_plane p = {.batch = t_dim(L, x, 1), .lens = lengths};
    p.time = item(L, view_select(L, lengths, 0, sv_int(0))); /* the longest comes first */
    x = view_slice(L, x, 0, sv_int(0), p.time, 1);
    p.mask = EMIT(Less, view_unsqueeze(L, counting(L, p.time), 1), lengths);
    find_rows(L, &p);
    ret_tensor(L, rnn_rows(L, &p, x));
    ret_tensor(L, nn_reduce1(L, &op_ReduceSum, cast(L, p.mask, NARU_INT64), 1, false));
}

static void record_unpack(lower *L, sten *data, sten *sizes, bool batch_first, sv fill, sv total) {
    rnn_plane p = rnn_plane_of(L, sizes, item(L, view_select(L, sizes, 0, sv_int(0))));
    sten *x = rnn_spread(L, &p, data, fill);
    if (total.tag != SV_INT || total.i > 0) { /* longer than the longest */
        sv dims[NARU_MAX_RANK];
        int rank = nn_dims(L, x, dims);
        dims[0] = s_sub(L, total, p.time);
        sten *more = EMIT(Expand, scalar_tensor(L, fill, t_dtype(L, data)), ints_tensor(L, dims, rank));
        if (!s_is(dims[0], 0)) x = nn_concat(L, 0, 2, (sten *[]){x, more});
    }
    ret_tensor(L, batch_first ? view_transpose(L, x, 0, 1) : x);
    ret_tensor(L, p.lens);
}

/* ---- packing ---- */
static sten *take_rows(lower *L, sten *flat, const int64_t *rows, int64_t n) {
    sten *at = host_new(L, NARU_INT64, 1, &n);
    if (at && n) memcpy(host_data(L, at), rows, (size_t)n * sizeof *rows);
    return EMITA(Gather, ATTRS(AI("axis", 0)), flat, at);
}

/* [a, b, ...] -> [a b, ...] */
static sten *merged(lower *L, sten *t) {
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, t, dims);
    if (!lower_ok(L)) return NULL;
    dims[1] = s_mul(L, dims[0], dims[1]);
    return nn_reshape(L, t, rank - 1, dims + 1);
}

static bool check_lengths(lower *L, const int64_t *len, int64_t n, int64_t time) {
    for (int64_t i = 0; i < n && lower_ok(L); i++) {
        if (len[i] <= 0)
            lower_raise(L, "RuntimeError",
                        "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= "
                        "0");
        else if (i && len[i] > len[i - 1])
            lower_raise(L, "RuntimeError",
                        "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
                        "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                        "requirement if you do not need ONNX exportability.");
        else if (len[i] > time)
            lower_raise(L, "RuntimeError",
                        "Expected `len(lengths)` to be equal to batch_size, and lengths within the padded input");
    }
    return lower_ok(L);
}

void aten__pack_padded_sequence(lower *L) { /* (input, lengths, batch_first) -> data, batch_sizes */
    sten *x = arg_tensor(L, 0), *lengths = arg_tensor(L, 1);
    bool batch_first = arg_bool(L, 2);
    if (ar_for_export(L)) return record_pack(L, x, lengths, batch_first);
    if (!eager_only(L)) return;
    int64_t time = t_dim_int(L, x, batch_first ? 1 : 0), batch = t_dim_int(L, x, batch_first ? 0 : 1), k = 0;
    const int64_t *len = host_i64(L, lengths);
    if (lower_ok(L) && (t_rank(L, lengths) != 1 || host_count(lengths) != batch)) {
        lower_raise(L, "RuntimeError",
                    "Expected `len(lengths)` to be equal to batch_size, but got %lld (batch_size=%lld)",
                    (long long)host_count(lengths), (long long)batch);
        return;
    }
    if (lower_ok(L) && batch == 0) lower_raise(L, "RuntimeError", "Cannot pack empty tensors.");
    if (!len || !check_lengths(L, len, batch, time)) return;
    sten *sizes = host_new(L, NARU_INT64, 1, &len[0]);
    int64_t *rows = host_scratch(L, (size_t)(len[0] * batch) * sizeof *rows), *size = host_data(L, sizes);
    if (!rows || !size) return;
    for (int64_t t = 0; t < len[0]; t++) {
        int64_t b = 0;
        for (; b < batch && len[b] > t; b++) rows[k++] = batch_first ? b * time + t : t * batch + b;
        size[t] = b;
    }
    ret_tensor(L, take_rows(L, merged(L, x), rows, k));
    ret_tensor(L, sizes);
}

/* Rows of `data` with one row of `fill` behind them. */
static sten *with_padding(lower *L, sten *data, sv fill) {
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, data, dims);
    if (!lower_ok(L)) return NULL;
    dims[0] = sv_int(1);
    sten *row = EMIT(Expand, scalar_tensor(L, fill, t_dtype(L, data)), ints_tensor(L, dims, rank));
    return nn_concat(L, 0, 2, (sten *[]){data, row});
}

void aten__pad_packed_sequence(lower *L) { /* (data, batch_sizes, batch_first, padding_value, total_length) */
    sten *data = arg_tensor(L, 0), *sizes = arg_tensor(L, 1);
    bool batch_first = arg_bool(L, 2);
    sv fill = arg_scalar(L, 3), dims[NARU_MAX_RANK];
    if (ar_for_export(L)) return record_unpack(L, data, sizes, batch_first, fill, arg_sint(L, 4));
    int64_t total = arg_int(L, 4), steps, rows, at = 0;
    if (!eager_only(L)) return;
    const int64_t *size = host_i64(L, sizes);
    rows = t_dim_int(L, data, 0), steps = host_count(sizes);
    if (!size || steps == 0 || !lower_ok(L)) {
        lower_raise(L, "RuntimeError", "_pad_packed_sequence: batch_sizes is empty");
        return;
    }
    if (total > 0 && total < steps) {
        lower_raise(L, "RuntimeError",
                    "Expected total_length to be at least the length of the longest sequence in input, but got "
                    "total_length=%lld and max sequence length being %lld",
                    (long long)total, (long long)steps);
        return;
    }
    int64_t time = total > 0 ? total : steps, batch = size[0], count;
    if (batch <= 0 || !dims_count(2, (int64_t[]){time, batch}, &count)) {
        lower_raise(L, "RuntimeError", "_pad_packed_sequence: batch_sizes or total_length are out of range");
        return;
    }
    sten *lengths = host_new(L, NARU_INT64, 1, &batch);
    int64_t *len = host_data(L, lengths), *from = host_scratch(L, (size_t)(count + 1) * sizeof *from);
    if (!len || !from) return;
    memset(len, 0, (size_t)batch * sizeof *len);
    for (int64_t t = 0; t < time; t++)
        for (int64_t b = 0; b < batch; b++) {
            bool there = t < steps && b < size[t] && at < rows;
            from[batch_first ? b * time + t : t * batch + b] = there ? at++ : rows;
            if (there) len[b] = t + 1;
        }
    sten *flat = take_rows(L, with_padding(L, data, fill), from, count);
    int rank = nn_dims(L, data, dims + 1);
    dims[0] = sv_int(batch_first ? batch : time), dims[1] = sv_int(batch_first ? time : batch);
    ret_tensor(L, nn_reshape(L, flat, rank + 1, dims));
    ret_tensor(L, lengths);
}
