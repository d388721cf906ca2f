/* SPDX-License-Identifier: MIT
 *
 * Quantiles along a dimension (or of all), interpolated between the two elements around the rank q (n - 1), which is
 * computed in the tensor's own type. A NaN in a line makes its result NaN, unless NaNs are ignored.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

typedef enum mode { LINEAR, LOWER, HIGHER, MIDPOINT, NEAREST } mode;

static mode mode_arg(lower *L, int i) {
    static const char *const names[] = {"linear", "lower", "higher", "midpoint", "nearest"};
    const char *name = arg_str(L, i);
    for (int k = 0; k < 5; k++)
        if (!strcmp(name, names[k])) return (mode)k;
    lower_raise(L, "RuntimeError",
                "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got %s", name);
    return LINEAR;
}

static double between(const double *v, double rank, mode m) { /* v in order */
    int64_t lo = (int64_t)floor(rank), hi = (int64_t)ceil(rank);
    switch (m) {
    case LOWER: return v[lo];
    case HIGHER: return v[hi];
    case NEAREST: return v[(int64_t)nearbyint(rank)];
    case MIDPOINT: return lo == hi ? v[lo] : v[lo] + (v[hi] - v[lo]) * 0.5;
    case LINEAR: break;
    }
    double w = rank - (double)lo;
    if (lo == hi || v[lo] == v[hi]) return v[lo];
    return w < 0.5 ? v[lo] + w * (v[hi] - v[lo]) : v[hi] - (v[hi] - v[lo]) * (1 - w);
}

static double quantile_of(const double *v, int64_t n, int64_t nans, double q, bool ignore_nan, mode m, bool single) {
    if (ignore_nan) n -= nans;
    if ((nans && !ignore_nan) || n == 0) return NAN;
    double rank = single ? (double)((float)q * (float)(n - 1)) : q * (double)(n - 1);
    return between(v, rank, m);
}

/* What stands at places lo and lo + 1 when the line is in order goes there in `to`. */
static void order_two(const double *from, int64_t n, int64_t lo, sort_key *k, double *to) {
    int64_t next = lo + 1;
    select_key(k, n, lo);
    for (int64_t i = next + 1; i < n; i++)
        if (k[i].key < k[next].key) next = i;
    to[lo] = from[k[lo].at];
    if (next < n) to[lo + 1] = from[k[next].at];
}

/* The line in order, as far as quantiles q look at it; NaNs at its end are counted. */
static int64_t sort_line(const double *from, int64_t n, const double *q, int64_t nq, sort_key *k, sort_key *scratch,
                         double *to) {
    int64_t nans = 0;
    for (int64_t i = 0; i < n; i++) {
        k[i] = (sort_key){key_of_double(from[i]), i};
        nans += isnan(from[i]);
    }
    if (nq <= 4 && nans == 0) {
        for (int64_t j = 0; j < nq; j++) { /* rounding may move the rank to a neighbour */
            int64_t at = (int64_t)(q[j] * (double)(n - 1));
            for (int64_t lo = at > 0 ? at - 1 : 0; lo <= at + 1 && lo < n; lo++) order_two(from, n, lo, k, to);
        }
        return 0;
    }
    sort_keys(k, scratch, n);
    for (int64_t i = 0; i < n; i++) to[i] = from[k[i].at];
    return nans;
}

/* Lines were made by exchanging `axis` with the last one, which is gone: puts the others where they were. */
static sten *unmoved(lower *L, sten *y, int lead, int axis, int rank) {
    int64_t perm[NARU_MAX_RANK];
    int n = lead + rank - 1, k = 0;
    for (; k < lead + axis; k++) perm[k] = k;
    for (int i = axis + 1; i < rank; i++, k++) perm[k] = lead + (i == rank - 1 ? axis : i);
    return n > 1 ? view_permute(L, y, perm) : y;
}

/* As graph operators, without NaN: the lines in order by TopK, then between the elements around each rank. */
static sten *record_quantile(lower *L, sten *x, sten *q, int naxes, int axis, bool keep, mode m) {
    naru_dtype d = t_dtype(L, x);
    int rank = t_rank(L, x), nq = t_rank(L, q);
    sten *line = naxes && rank ? view_transpose(L, x, axis, rank - 1) : ar_flat(L, x);
    int last = t_rank(L, line) - 1;
    sv n = t_dim(L, line, last);
    sten *sorted[2], *in[] = {line, ints_tensor(L, &n, 1)};
    lower_opn(L, &op_TopK, ATTRS(AI("axis", last), AI("largest", 0), AI("sorted", 1)), 2, in, 2, sorted);
    sten *at = EMIT(Mul, cast(L, q, d), scalar_tensor(L, s_sub(L, n, sv_int(1)), d));
    sten *lo = m == NEAREST ? EMIT(Round, at) : m == HIGHER ? EMIT(Ceil, at) : EMIT(Floor, at);
    sten *y = EMITA(Gather, ATTRS(AI("axis", last)), sorted[0], cast(L, lo, NARU_INT64));
    if (m == LINEAR || m == MIDPOINT) {
        sten *hi = EMIT(Ceil, at), *up = EMITA(Gather, ATTRS(AI("axis", last)), sorted[0], cast(L, hi, NARU_INT64));
        sten *part = m == LINEAR ? EMIT(Sub, at, lo) : ar_mulc(L, EMIT(Sub, hi, lo), 0.5);
        y = EMIT(Add, y, EMIT(Mul, EMIT(Sub, up, y), part));
    }
    int64_t perm[NARU_MAX_RANK];
    for (int i = 0; i < t_rank(L, y); i++) perm[i] = nq ? (i ? i - 1 : last) : i;
    if (nq && last) y = view_permute(L, y, perm); /* quantiles lead */
    if (!keep) return naxes && rank && axis != rank - 1 ? unmoved(L, y, nq, axis, rank) : y;
    y = view_unsqueeze(L, y, naxes && rank ? nq + last : nq);
    if (naxes && rank) return axis == rank - 1 ? y : view_transpose(L, y, nq + axis, nq + rank - 1);
    for (int i = 1; i < rank; i++) y = view_unsqueeze(L, y, nq);
    return y;
}

static void quantile(lower *L, bool ignore_nan) {
    sten *x = arg_tensor(L, 0), *q = arg_tensor(L, 1);
    naru_dtype d = t_dtype(L, x);
    int rank = t_rank(L, x), naxes = 0;
    int64_t axis[1];
    mode m = mode_arg(L, 4);
    if (d != NARU_FLOAT && d != NARU_DOUBLE)
        lower_raise(L, "RuntimeError", "quantile() input tensor must be either float or double dtype");
    if (s_is(t_numel(L, x), 0)) lower_raise(L, "RuntimeError", "quantile() input tensor must be non-empty");
    if (!arg_none(L, 2)) axis[0] = arg_axis(L, 2, rank), naxes = 1;
    if (ar_for_export(L) && !ignore_nan)
        return ret_tensor(L, record_quantile(L, x, q, naxes, naxes ? (int)axis[0] : 0, arg_bool(L, 3), m));
    rows r;
    if (!rows_of(L, x, naxes, axis, arg_bool(L, 3), &r)) return;
    const double *v = host_f64(L, r.x), *p = host_f64(L, q);
    int64_t nq = host_count(q), dims[NARU_MAX_RANK + 1] = {nq}, lead = t_rank(L, q) ? 1 : 0;
    sort_key *k = host_scratch(L, (size_t)r.n * 2 * sizeof *k);
    double *line = host_scratch(L, (size_t)r.n * sizeof *line);
    double *y = host_scratch(L, (size_t)(nq * r.count + 1) * sizeof *y);
    if (!v || !p || !k || !line || !y) return;
    if (lead + r.rank > NARU_MAX_RANK) return lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK);
    for (int64_t i = 0; i < nq; i++)
        if (p[i] >= 0 && p[i] <= 1) continue;
        else if (q->number) lower_raise(L, "RuntimeError", "quantile() q must be in the range [0, 1] but got %g", p[i]);
        else lower_raise(L, "RuntimeError", "quantile() q values must be in the range [0, 1]");
    for (int64_t i = 0; lower_ok(L) && i < r.count; i++) {
        int64_t nans = sort_line(v + i * r.n, r.n, p, nq, k, k + r.n, line);
        for (int64_t j = 0; j < nq; j++)
            y[j * r.count + i] = quantile_of(line, r.n, nans, p[j], ignore_nan, m, d == NARU_FLOAT);
    }
    for (int i = 0; i < r.rank; i++) dims[lead + i] = r.dims[i];
    ret_tensor(L, host_from_f64(L, d, (int)lead + r.rank, dims, y));
}
void aten_quantile(lower *L) { quantile(L, false); }
void aten_nanquantile(lower *L) { quantile(L, true); }
