/* SPDX-License-Identifier: MIT
 *
 * Sequences of different lengths in one tensor: pad_sequence, and the packed form that recurrent layers take: the steps
 * of all sequences one after the other, sequences sorted by falling length, batch_sizes the number still running.
 */
#include "script/aten/shape_util.h"

#include <string.h>

void aten_pad_sequence(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    bool batch_first = arg_bool(L, 1), left = strcmp(arg_str(L, 3), "left") == 0;
    if (lower_ok(L) && n == 0) lower_raise(L, "RuntimeError", "received an empty list of sequences");
    if (!lower_ok(L)) return;
    naru_dtype d = t_dtype(L, t[0]);
    sten *fill = scalar_tensor(L, sv_float(arg_float(L, 2)), d);
    sv most = sv_int(0);
    for (int i = 0; i < n; i++) {
        if (lower_ok(L) && t_rank(L, t[i]) == 0)
            lower_raise(L, "RuntimeError", "received a sequence without dimensions");
        most = i ? s_max(L, most, t_dim(L, t[i], 0)) : t_dim(L, t[i], 0);
    }
    for (int i = 0; lower_ok(L) && i < n; i++) {
        sv before[NARU_MAX_RANK], after[NARU_MAX_RANK], missing = s_sub(L, most, t_dim(L, t[i], 0));
        for (int k = 0; k < t_rank(L, t[i]); k++) before[k] = after[k] = sv_int(0);
        *(left ? before : after) = missing;
        t[i] = pad_constant(L, cast(L, t[i], d), before, after, fill);
    }
    ret_tensor(L, stacked(L, n, t, batch_first ? 0 : 1));
}

/* Row t * batch + b of time-major data for each step of each sequence that is that long. */
static void pack_indices(const int64_t *len, int64_t batch, int64_t time, int64_t *index, int64_t *running) {
    int64_t k = 0;
    for (int64_t t = 0; t < time; t++) {
        running[t] = 0;
        for (int64_t b = 0; b < batch && len[b] > t; b++, running[t]++) index[k++] = t * batch + b;
    }
}

static bool lengths_fit(lower *L, const int64_t *len, int64_t n, int64_t longest, int64_t *total) {
    *total = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i && len[i] > len[i - 1])
            lower_raise(
                L, "RuntimeError",
                "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
                "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                "requirement if you do not need ONNX exportability.");
        if (len[i] <= 0)
            lower_raise(
                L, "RuntimeError",
                "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0");
        if (len[i] > longest)
            lower_raise(L, "RuntimeError", "Expected `len(lengths)` to be no more than the input's time axis");
        if (!lower_ok(L)) return false;
        *total += len[i];
    }
    return true;
}

void aten__pack_padded_sequence(lower *L) {
    sten *t = arg_tensor(L, 0), *lengths = arg_tensor(L, 1);
    if (!eager_only(L)) return;
    if (t_rank(L, t) < 2) {
        lower_raise(L, "RuntimeError", "Cannot pack a tensor of less than 2 dimensions");
        return;
    }
    if (arg_bool(L, 2)) t = view_transpose(L, t, 0, 1);
    const int64_t *len = host_i64(L, lengths);
    int64_t time = t_dim_int(L, t, 0), batch = t_dim_int(L, t, 1), total;
    if (lower_ok(L) && (host_count(lengths) != batch || batch == 0))
        lower_raise(L, "RuntimeError",
                    "Expected `len(lengths)` to be equal to batch_size, but got %lld (batch_size=%lld)",
                    (long long)host_count(lengths), (long long)batch);
    if (!lower_ok(L) || !lengths_fit(L, len, batch, time, &total)) return;
    sten *index = host_new(L, NARU_INT64, 1, &total), *running = host_new(L, NARU_INT64, 1, &len[0]);
    if (!index || !running) return;
    pack_indices(len, batch, len[0], host_data(L, index), host_data(L, running));
    sv s[NARU_MAX_RANK];
    int rank = sizes_of(L, t, s);
    s[1] = sv_int(time * batch);
    ret_tensor(L, gather_axis(L, reshaped(L, t, rank - 1, s + 1), index, 0));
    ret_tensor(L, running);
}

/* The packed row of each (step, sequence), `none` where the sequence has ended; lengths of the sequences. */
static bool unpack_indices(lower *L, const int64_t *running, int64_t time, int64_t steps, int64_t batch, int64_t rows,
                           int64_t *index, int64_t *len) {
    int64_t at = 0;
    for (int64_t t = 0; t < steps; t++) {
        int64_t n = t < time ? running[t] : 0;
        if (n < 0 || n > batch || (t && t < time && n > running[t - 1]) || n > rows - at) {
            lower_raise(L, "RuntimeError", "batch_sizes do not fit the packed data");
            return false;
        }
        for (int64_t b = 0; b < batch; b++) {
            index[t * batch + b] = b < n ? at + b : rows;
            if (b < n) len[b] = t + 1;
        }
        at += n;
    }
    return true;
}

void aten__pad_packed_sequence(lower *L) {
    sten *data = arg_tensor(L, 0), *sizes = arg_tensor(L, 1);
    bool batch_first = arg_bool(L, 2);
    int64_t want = arg_int(L, 4);
    if (!eager_only(L)) return;
    const int64_t *running = host_i64(L, sizes);
    int64_t time = host_count(sizes), batch = running && time ? running[0] : 0, rows = t_dim_int(L, data, 0);
    if (lower_ok(L) && want > 0 && want < time)
        lower_raise(L, "RuntimeError",
                    "Expected total_length to be at least the length of the longest sequence in input, but got "
                    "total_length=%lld and max sequence length being %lld",
                    (long long)want, (long long)time);
    int64_t dims[2] = {want > 0 ? want : time, batch}, total;
    if (!lower_ok(L)) return;
    if (batch < 0 || !i64_mul(dims[0], batch, &total)) {
        lower_raise(L, "RuntimeError", "batch_sizes do not fit the packed data");
        return;
    }
    sten *index = host_new(L, NARU_INT64, 2, dims), *len = host_new(L, NARU_INT64, 1, &batch);
    int64_t *row = host_data(L, index);
    if (!row || !unpack_indices(L, running, time, dims[0], batch, rows, row, host_data(L, len))) return;
    sv s[NARU_MAX_RANK];
    int rank = sizes_of(L, data, s);
    s[0] = sv_int(1); /* one row of padding behind the data */
    sten *parts[] = {data, filled(L, t_dtype(L, data), rank, s, arg_scalar(L, 3))};
    sten *out = gather_axis(L, concat(L, 2, parts, 0), index, 0);
    ret_tensor(L, batch_first ? view_transpose(L, out, 0, 1) : out);
    ret_tensor(L, len);
}
