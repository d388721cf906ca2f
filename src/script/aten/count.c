/* SPDX-License-Identifier: MIT
 *
 * Counting and finding: non-zero places, bins, places in a sorted sequence, membership.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

/* ---- non-zero places ---- */
static void places_of(int64_t flat, int rank, const int64_t *dims, int64_t *to) {
    for (int d = rank - 1; d >= 0; d--) to[d] = flat % dims[d], flat /= dims[d];
}

static sten *nonzero(lower *L, sten *x) {
    if (lower_recording(L))
        return EMITA(Transpose, ATTRS(AV("perm", ((int64_t[]){1, 0}), 2)), EMIT(NonZero, ar_bool(L, x)));
    sten *there = contiguous(L, ar_bool(L, x));
    const bool *v = there ? host_data(L, there) : NULL;
    int64_t n = host_count(there), count = 0, *to;
    int rank = t_rank(L, there);
    for (int64_t i = 0; v && i < n; i++) count += v[i];
    sten *y = v || n == 0 ? host_ints(L, 2, (int64_t[]){count, rank}, &to) : NULL;
    for (int64_t i = 0, k = 0; y && i < n; i++)
        if (v[i]) places_of(i, rank, host_dims(there), to + rank * k++);
    return y;
}
void aten_nonzero(lower *L) { ret_tensor(L, nonzero(L, arg_tensor(L, 0))); }
void aten_argwhere(lower *L) { ret_tensor(L, nonzero(L, arg_tensor(L, 0))); }

void aten_nonzero_numpy(lower *L) {
    sten *x = arg_tensor(L, 0), *columns[NARU_MAX_RANK];
    if (x && t_rank(L, x) == 0) x = view_unsqueeze(L, x, 0);
    sten *y = nonzero(L, x);
    int rank = t_rank(L, x);
    for (int i = 0; i < rank; i++) columns[i] = view_select(L, y, 1, sv_int(i));
    ret_tensors(L, rank, columns);
}

void aten_nonzero_static(lower *L) {
    sten *y = eager_only(L) ? nonzero(L, arg_tensor(L, 0)) : NULL;
    int64_t size = arg_int(L, 1), fill = arg_int(L, 2), *to;
    if (size < 0) lower_raise(L, "RuntimeError", "nonzero_static: 'size' must be an non-negative integer");
    int64_t have = y ? host_dims(y)[0] : 0, rank = y ? host_dims(y)[1] : 0;
    const int64_t *v = y ? host_data(L, y) : NULL;
    sten *out = host_ints(L, 2, (int64_t[]){size, rank}, &to);
    for (int64_t i = 0; out && i < size * rank; i++) to[i] = i / rank < have ? v[i] : fill;
    ret_tensor(L, out);
}

/* ---- bins ---- */
/* Zeros of n places with `add` added at `at`. */
static sten *record_bins(lower *L, naru_dtype d, sten *n, sten *at, sten *add) {
    sten *zeros = EMIT(Expand, lit(L, d, 0), n);
    return EMITA(ScatterElements, ATTRS(AI("axis", 0), AS("reduction", "add")), zeros, at, add);
}

static void record_bincount(lower *L, sten *x, sten *weights, int64_t least) {
    sten *x64 = cast(L, x, NARU_INT64);
    sten *both[] = {x64, lit_ints(L, (int64_t[]){least - 1}, 1)}; /* at least one element to take the maximum of */
    sten *n = ar_addc(
        L, ar_reduce(L, &op_ReduceMax, lower_op(L, &op_Concat, ATTRS(AI("axis", 0)), 2, both), 0, NULL, true), 1);
    naru_dtype d = !weights ? NARU_INT64 : t_dtype(L, weights) == NARU_FLOAT ? NARU_FLOAT : NARU_DOUBLE;
    sten *add = weights ? cast(L, weights, d) : EMIT(Expand, lit_int(L, 1), EMIT(Shape, x64));
    ret_tensor(L, record_bins(L, d, n, x64, add));
}

void aten_bincount(lower *L) {
    sten *x = arg_tensor(L, 0), *weights = arg_tensor_opt(L, 1);
    int64_t least = arg_int(L, 2), bins = 0;
    if (ar_for_export(L)) return record_bincount(L, x, weights, least);
    if (!eager_only(L)) return;
    if (t_rank(L, x) != 1 || !dtype_is_int(t_dtype(L, x)))
        return lower_raise(L, "RuntimeError", "bincount only supports 1-d non-negative integral inputs.");
    if (least < 0) return lower_raise(L, "RuntimeError", "minlength should be >= 0");
    const int64_t *v = host_i64(L, x);
    const double *w = weights ? host_f64(L, weights) : NULL;
    int64_t n = host_count(x);
    if (weights && (t_rank(L, weights) != 1 || host_count(weights) != n))
        return lower_raise(L, "RuntimeError", "weights should be 1-d and have the same length as input");
    for (int64_t i = 0; v && i < n; i++) {
        if (v[i] < 0) return lower_raise(L, "RuntimeError", "bincount only supports 1-d non-negative integral inputs.");
        if (v[i] >= bins) bins = v[i] + 1;
    }
    if (least > bins) bins = least;
    if (bins > INT32_MAX) return lower_fail(L, NARU_LIMIT, "bincount with %lld bins", (long long)bins);
    naru_dtype d = !w ? NARU_INT64 : t_dtype(L, weights) == NARU_FLOAT ? NARU_FLOAT : NARU_DOUBLE;
    double *c = host_scratch(L, (size_t)(bins + 1) * sizeof *c);
    if (!v || !c) return;
    for (int64_t i = 0; i < bins; i++) c[i] = 0;
    for (int64_t i = 0; i < n; i++) c[v[i]] += w ? w[i] : 1;
    ret_tensor(L, host_from_f64(L, d, 1, &bins, c));
}

typedef struct bins {
    int64_t n;
    double lo, hi;
} bins;

/* The range given, or the data's; one point is widened by one to both sides. */
static bool bin_range(lower *L, const double *v, int64_t n, bool given, bins *b, const char *what) {
    if (!given) {
        b->lo = b->hi = n ? v[0] : 0;
        for (int64_t i = 0; i < n; i++) {
            if (isnan(v[i]) || isinf(v[i])) b->lo = NAN;
            else b->lo = v[i] < b->lo ? v[i] : b->lo, b->hi = v[i] > b->hi ? v[i] : b->hi;
        }
    }
    if (b->lo == b->hi) b->lo -= 1, b->hi += 1;
    if (!isfinite(b->lo) || !isfinite(b->hi))
        lower_raise(L, "RuntimeError", "%s: range of [%g, %g] is not finite", what, b->lo, b->hi);
    else if (b->lo > b->hi) lower_raise(L, "RuntimeError", "%s: max must be larger than min", what);
    return lower_ok(L);
}

/* Which bin, computed in the tensor's type; -1: outside. */
static int64_t bin_of(const bins *b, double v, bool single) {
    if (!(v >= b->lo && v <= b->hi)) return -1;
    double at = single ? (double)(((float)v - (float)b->lo) / ((float)b->hi - (float)b->lo) * (float)b->n)
                       : (v - b->lo) / (b->hi - b->lo) * (double)b->n;
    int64_t i = (int64_t)at;
    return i >= b->n ? b->n - 1 : i;
}

/* As graph operators: bins by number, what lies outside adds nothing. */
static void record_histc(lower *L, sten *x, const bins *b) {
    naru_dtype d = t_dtype(L, x);
    sten *v = ar_flat(L, x), *lo = lit(L, d, b->lo), *hi = lit(L, d, b->hi);
    if (b->lo == b->hi) { /* the data's range; one point is widened */
        lo = ar_reduce(L, &op_ReduceMin, v, 0, NULL, false), hi = ar_reduce(L, &op_ReduceMax, v, 0, NULL, false);
        sten *wide = cast(L, EMIT(Equal, lo, hi), d);
        lo = EMIT(Sub, lo, wide), hi = EMIT(Add, hi, wide);
    }
    sten *in = EMIT(And, EMIT(GreaterOrEqual, v, lo), EMIT(LessOrEqual, v, hi));
    sten *at = ar_mulc(L, EMIT(Div, EMIT(Sub, v, lo), EMIT(Sub, hi, lo)), (double)b->n);
    at = EMIT(Min, ar_where(L, in, at, lit(L, d, 0)), lit(L, d, (double)(b->n - 1)));
    ret_tensor(L, record_bins(L, d, lit_ints(L, &b->n, 1), cast(L, at, NARU_INT64), cast(L, in, d)));
}

void aten_histc(lower *L) {
    sten *x = arg_tensor(L, 0);
    bins b = {arg_int(L, 1), arg_float(L, 2), arg_float(L, 3)};
    naru_dtype d = t_dtype(L, x);
    if (ar_for_export(L) && dtype_is_float(d) && b.n > 0 && b.lo <= b.hi) return record_histc(L, x, &b);
    if (!eager_only(L)) return;
    if (!dtype_is_float(d)) return lower_raise(L, "RuntimeError", "\"histogram_cpu\" not implemented for integers");
    if (b.n <= 0 || b.n > INT32_MAX)
        return lower_raise(L, "RuntimeError", "torch.histogram(): bins must be > 0, but got %lld for dimension 0",
                           (long long)b.n);
    const double *v = host_f64(L, x);
    int64_t n = host_count(x);
    double *c = host_scratch(L, (size_t)b.n * sizeof *c);
    if (!v || !c || !bin_range(L, v, n, b.lo != b.hi, &b, "torch.histc")) return;
    for (int64_t i = 0; i < b.n; i++) c[i] = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t k = bin_of(&b, v[i], d != NARU_DOUBLE);
        if (k >= 0) c[k]++;
    }
    ret_tensor(L, host_from_f64(L, d, 1, &b.n, c));
}

/* ---- histogram: counts and edges ---- */
/* edges[0..n]; the last bin is closed. */
static int64_t edge_bin(const double *edges, int64_t n, double v) {
    if (!(v >= edges[0] && v <= edges[n])) return -1;
    int64_t lo = 0, hi = n;
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        if (edges[mid] <= v) lo = mid;
        else hi = mid;
    }
    return lo;
}

static void histogram(lower *L, sten *x, sten *weights, const double *edges, int64_t n, bool density) {
    const double *v = host_f64(L, x), *w = weights ? host_f64(L, weights) : NULL;
    double *c = host_scratch(L, (size_t)(n + 1) * sizeof *c), sum = 0;
    int64_t count = host_count(x), m = n + 1;
    if (!v || !c || (weights && !w)) return;
    if (weights && host_count(weights) != count)
        return lower_raise(L, "RuntimeError",
                           "torch.histogramdd(): if weight tensor is provided it must have the same "
                           "shape as the input tensor excluding its innermost dimension");
    for (int64_t i = 0; i < n; i++) c[i] = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t k = edge_bin(edges, n, v[i]);
        if (k >= 0) c[k] += w ? w[i] : 1;
    }
    for (int64_t i = 0; i < n; i++) sum += c[i];
    for (int64_t i = 0; density && i < n; i++) c[i] /= sum * (edges[i + 1] - edges[i]);
    ret_tensor(L, host_from_f64(L, t_dtype(L, x), 1, &n, c));
    ret_tensor(L, host_from_f64(L, t_dtype(L, x), 1, &m, edges));
}

void aten_histogram_bins(lower *L) {
    sten *x = arg_tensor(L, 0), *edges = arg_tensor(L, 1);
    if (!eager_only(L)) return;
    const double *e = host_f64(L, edges);
    int64_t n = host_count(edges) - 1;
    if (n < 1) lower_raise(L, "RuntimeError", "torch.histogramdd(): bins tensor should have at least 2 elements");
    if (e && lower_ok(L)) histogram(L, x, arg_tensor_opt(L, 2), e, n, arg_bool(L, 3));
}

void aten_histogram(lower *L) {
    sten *x = arg_tensor(L, 0);
    bins b = {.n = arg_int(L, 1)};
    if (!eager_only(L)) return;
    if (b.n <= 0 || b.n > INT32_MAX)
        return lower_raise(L, "RuntimeError", "torch.histogramdd(): bins must be > 0, but got %lld for dimension 0",
                           (long long)b.n);
    bool given = !arg_none(L, 2);
    slist *range = sv_list(arg(L, 2));
    if (given && (!range || range->count != 2)) return lower_raise(L, "RuntimeError", "range should have 2 elements");
    if (given) b.lo = range->items[0].f, b.hi = range->items[1].f;
    const double *v = host_f64(L, x);
    double *e = host_scratch(L, (size_t)(b.n + 1) * sizeof *e);
    if (!v || !e || !bin_range(L, v, host_count(x), given, &b, "torch.histogramdd()")) return;
    for (int64_t i = 0; i <= b.n; i++) {
        e[i] = i == b.n ? b.hi : b.lo + (b.hi - b.lo) * (double)i / (double)b.n;
        if (t_dtype(L, x) == NARU_FLOAT) e[i] = (double)(float)e[i];
    }
    histogram(L, x, arg_tensor_opt(L, 3), e, b.n, arg_bool(L, 4));
}

/* ---- places in a sorted sequence ---- */
/* The first place whose element is not less than v, or (right) is greater. */
#define SEARCH(name, type)                                                                                             \
    static int64_t name(const type *s, int64_t n, const int64_t *order, type v, bool right) {                          \
        int64_t lo = 0, hi = n;                                                                                        \
        while (lo < hi) {                                                                                              \
            int64_t mid = lo + (hi - lo) / 2;                                                                          \
            type x = s[order ? order[mid] : mid];                                                                      \
            if (right ? x > v : x >= v) hi = mid;                                                                      \
            else lo = mid + 1;                                                                                         \
        }                                                                                                              \
        return lo;                                                                                                     \
    }
SEARCH(search_f64, double)
SEARCH(search_i64, int64_t)

static sten *record_search(lower *L, sten *s, sten *v, bool right, naru_dtype out) {
    promote2(L, &s, &v);
    sten *column = view_unsqueeze(L, v, t_rank(L, v));
    sten *before = EMIT(Not, right ? EMIT(Greater, s, column) : EMIT(GreaterOrEqual, s, column)); /* NaN: all */
    return ar_reduce(L, &op_ReduceSum, cast(L, before, out), 1, (int64_t[]){t_rank(L, v)}, false);
}

static void rows_differ(lower *L, sten *s, sten *v) {
    str text = {0};
    sten *both[] = {s, v};
    for (int k = 0; k < 2; k++) {
        str_addf(&text, k ? "] and input value tensor [" : "boundaries tensor [");
        for (int i = 0; i < t_rank(L, both[k]); i++)
            str_addf(&text, i ? ", %lld" : "%lld", (long long)host_dims(both[k])[i]);
    }
    lower_raise(
        L, "RuntimeError",
        "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
        "tensor and input value tensor must match, but we got %s]",
        str_text(&text));
    str_free(&text);
}

/* s has one row for all of v, or rows of the same leading dims. */
static void search(lower *L, sten *s, sten *v, sten *sorter, bool right, naru_dtype out) {
    int rank = t_rank(L, s);
    if (lower_ok(L) && rank == 0)
        lower_raise(L, "RuntimeError", "boundaries tensor should have positive dimension, but got 0 dimension");
    if (lower_recording(L) && rank == 1 && !sorter) {
        ret_tensor(L, record_search(L, s, v, right, out));
        return;
    }
    if (!eager_only(L)) return;
    bool same = rank == t_rank(L, v);
    for (int i = 0; same && i + 1 < rank; i++) same = host_dims(s)[i] == host_dims(v)[i];
    if (rank > 1 && !same) return rows_differ(L, s, v);
    bool ints = !dtype_is_float(t_dtype(L, s)) && !dtype_is_float(t_dtype(L, v));
    int64_t n = host_dims(s)[rank - 1], total = host_count(v), row = rank > 1 ? host_dims(v)[rank - 1] : total;
    const double *sf = ints ? NULL : host_f64(L, s), *vf = ints ? NULL : host_f64(L, v);
    const int64_t *si = ints ? host_i64(L, s) : NULL, *vi = ints ? host_i64(L, v) : NULL;
    const int64_t *order = sorter ? host_i64(L, sorter) : NULL;
    sten *y = host_new(L, NARU_INT64, t_rank(L, v), host_dims(v));
    int64_t *to = y ? host_data(L, y) : NULL;
    if (sorter && host_count(sorter) != host_count(s))
        return lower_raise(L, "RuntimeError", "torch.searchsorted(): boundary and sorter must have the same size");
    for (int64_t i = 0; order && i < host_count(sorter); i++)
        if (order[i] < 0 || order[i] >= n)
            return lower_raise(L, "RuntimeError", "torch.searchsorted(): sorter index out of range");
    for (int64_t i = 0; to && lower_ok(L) && i < total; i++) {
        int64_t from = rank > 1 ? i / row * n : 0;
        const int64_t *o = order ? order + from : NULL;
        to[i] = ints ? search_i64(si + from, n, o, vi[i], right) : search_f64(sf + from, n, o, vf[i], right);
    }
    ret_tensor(L, cast(L, y, out));
}

void aten_searchsorted(lower *L) {
    const char *side = arg_str(L, 4);
    bool right = arg_bool(L, 3) || !strcmp(side, "right");
    if (*side && strcmp(side, "left") != 0 && strcmp(side, "right") != 0)
        lower_raise(L, "RuntimeError", "torch.searchsorted(): side can only be 'left' or 'right' but got %s", side);
    if (arg_bool(L, 3) && !strcmp(side, "left"))
        lower_raise(L, "RuntimeError",
                    "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was "
                    "True");
    search(L, arg_tensor(L, 0), arg_tensor(L, 1), arg_tensor_opt(L, 5), right,
           arg_bool(L, 2) ? NARU_INT32 : NARU_INT64);
}
void aten_bucketize(lower *L) {
    sten *edges = arg_tensor(L, 1);
    if (lower_ok(L) && t_rank(L, edges) != 1)
        lower_raise(L, "RuntimeError", "boundaries tensor must be 1 dimension, but got dim(%d)", t_rank(L, edges));
    search(L, edges, arg_tensor(L, 0), NULL, arg_bool(L, 3), arg_bool(L, 2) ? NARU_INT32 : NARU_INT64);
}

/* ---- membership ---- */
static bool has_key(const sort_key *v, int64_t n, int64_t key) {
    int64_t lo = 0, hi = n;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (v[mid].key < key) lo = mid + 1;
        else hi = mid;
    }
    return lo < n && v[lo].key == key;
}

static sten *is_in(lower *L, sten *x, sten *set) {
    promote2(L, &x, &set);
    if (lower_recording(L)) {
        sten *hits = EMIT(Equal, view_unsqueeze(L, x, t_rank(L, x)), ar_flat(L, set));
        return ar_any_axes(L, hits, 1, (int64_t[]){t_rank(L, x)}, false, false);
    }
    const int64_t *k = order_keys(L, x), *m = order_keys(L, set);
    int64_t n = host_count(set);
    bool floats = dtype_is_float(t_dtype(L, x));
    sort_key *v = host_scratch(L, (size_t)(2 * n + 1) * sizeof *v);
    sten *y = k && m && v ? host_new(L, NARU_BOOL, t_rank(L, x), host_dims(x)) : NULL;
    bool *to = y ? host_data(L, y) : NULL;
    for (int64_t i = 0; to && i < n; i++) v[i] = (sort_key){m[i], i};
    if (to) sort_keys(v, v + n, n);
    for (int64_t i = 0; to && i < host_count(x); i++) to[i] = has_key(v, n, k[i]) && !(floats && k[i] == INT64_MAX);
    return y;
}
void aten_isin(lower *L) {
    sten *y = is_in(L, arg_tensor(L, 0), arg_tensor(L, 1));
    ret_tensor(L, arg_bool(L, 3) ? EMIT(Not, y) : y);
}
