/* SPDX-License-Identifier: MIT
 *
 * Sorting and choosing by rank along a dimension: sort, topk, kthvalue, median, mode. NaN counts as the greatest, equal
 * elements keep their order.
 */
#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

/* x's elements of every line in order, k of each: values and their places in the line. */
typedef struct ordered {
    sten *values, *places;
} ordered;

typedef struct sorter {
    lines l;
    const int64_t *keys;
    sort_key *v, *scratch;
} sorter;

static bool sorter_of(lower *L, sten *x, int dim, sorter *s) {
    if (!eager_only(L) || !x) return false;
    s->l = lines_of(L, x, dim);
    s->keys = order_keys(L, x);
    s->v = host_scratch(L, (size_t)(s->l.n + 1) * sizeof *s->v);
    s->scratch = host_scratch(L, (size_t)(s->l.n + 1) * sizeof *s->v);
    return s->keys && s->v && s->scratch;
}

static void load_line(sorter *s, int64_t line, bool descending) {
    const int64_t *k = s->keys + line_start(&s->l, line);
    for (int64_t j = 0; j < s->l.n; j++) s->v[j] = (sort_key){descending ? ~k[j * s->l.inner] : k[j * s->l.inner], j};
}

static ordered order_lines(lower *L, sten *x, int dim, int64_t k, bool descending) {
    sorter s;
    ordered out = {0};
    int rank = t_rank(L, x);
    int64_t dims[NARU_MAX_RANK], *at;
    x = contiguous(L, x);
    if (!sorter_of(L, x, dim, &s)) return out;
    for (int i = 0; i < rank; i++) dims[i] = i == dim ? k : host_dims(x)[i];
    int64_t n = s.l.outer * s.l.inner;
    int64_t *flat = host_scratch(L, (size_t)(n * k + 1) * sizeof *flat);
    out.places = host_ints(L, rank, dims, &at);
    if (!flat || !out.places) return out;
    for (int64_t i = 0; i < n; i++) {
        load_line(&s, i, descending);
        least_keys(s.v, s.scratch, s.l.n, k);
        int64_t from = line_start(&s.l, i), to = i / s.l.inner * k * s.l.inner + i % s.l.inner;
        for (int64_t j = 0; j < k; j++) {
            at[to + j * s.l.inner] = s.v[j].at;
            flat[to + j * s.l.inner] = from + s.v[j].at * s.l.inner;
        }
    }
    out.values = pick_elements(L, x, rank, dims, flat);
    return out;
}

/* TopK with a count that may be known only later. */
static ordered record_topk(lower *L, sten *x, int dim, sv k, bool largest) {
    sten *outs[2], *in[] = {x, ints_tensor(L, &k, 1)};
    naru_dtype d = t_dtype(L, x);
    if (d == NARU_BOOL) in[0] = cast(L, x, NARU_UINT8);
    lower_opn(L, &op_TopK, ATTRS(AI("axis", dim), AI("largest", largest), AI("sorted", 1)), 2, in, 2, outs);
    return (ordered){cast(L, outs[0], d), outs[1]};
}

static ordered sorted(lower *L, sten *x, int dim, bool descending) {
    if (t_rank(L, x) == 0) return (ordered){fresh(L, x), lit_int(L, 0)};
    if (lower_recording(L)) return record_topk(L, x, dim, t_dim(L, x, dim), descending);
    return order_lines(L, x, dim, t_dim_int(L, x, dim), descending);
}

static void no_complex(lower *L, sten *x) {
    if (dtype_is_complex(t_dtype(L, x))) lower_raise(L, "RuntimeError", "Sort does not support complex dtypes on CPU");
}

static void sort(lower *L, int dim_arg, int descending_arg, bool values, bool places) {
    sten *x = arg_tensor(L, 0);
    no_complex(L, x);
    ordered o = sorted(L, x, arg_axis(L, dim_arg, t_rank(L, x)), arg_bool(L, descending_arg));
    if (values) ret_tensor(L, o.values);
    if (places) ret_tensor(L, o.places);
}
void aten_sort(lower *L) { sort(L, 1, 2, true, true); }
void aten_sort_stable(lower *L) { sort(L, 2, 3, true, true); }
void aten_argsort(lower *L) { sort(L, 1, 2, false, true); }
void aten_argsort_stable(lower *L) { sort(L, 2, 3, false, true); }
void aten_msort(lower *L) {
    sten *x = arg_tensor(L, 0);
    no_complex(L, x);
    ret_tensor(L, sorted(L, x, 0, false).values);
}

void aten_topk(lower *L) {
    sten *x = arg_tensor(L, 0);
    sv k = arg_sint(L, 1);
    int rank = t_rank(L, x), dim = arg_axis(L, 2, rank);
    bool largest = arg_bool(L, 3);
    no_complex(L, x);
    sv n = rank ? t_dim(L, x, dim) : sv_int(1);
    if (k.tag == SV_INT && (k.i < 0 || (n.tag == SV_INT && k.i > n.i)))
        lower_raise(L, "RuntimeError", "selected index k out of range");
    ordered o = {0};
    if (rank == 0) o = (ordered){fresh(L, x), lit_int(L, 0)};
    else if (lower_recording(L)) o = record_topk(L, x, dim, k, largest);
    else o = order_lines(L, x, dim, s_need(L, k), largest);
    ret_tensor(L, o.values);
    ret_tensor(L, o.places);
}

/* The k-th least of every line (k counts from 1), as PyTorch without NaN. */
static void record_kth(lower *L, sten *x, int dim, bool keep, sv k, bool places) {
    if (t_rank(L, x) == 0) {
        ret_tensor(L, fresh(L, x));
        if (places) ret_tensor(L, lit_int(L, 0));
        return;
    }
    ordered o = record_topk(L, x, dim, k, false);
    sten *both[] = {o.values, o.places};
    sv last = sv_int(-1);
    for (int i = 0; i < 1 + places; i++)
        ret_tensor(L,
                   keep ? view_slice(L, both[i], dim, last, sv_int(INT64_MAX), 1) : view_select(L, both[i], dim, last));
}

/* ---- one element of each line ---- */
/* `choose` gets the keys of a line, loaded but not in order, and gives the place of the one it wants. */
typedef int64_t (*choose_fn)(sorter *s, int64_t k);

static void one_of_line(lower *L, sten *x, int dim, bool keep, choose_fn choose, int64_t k, bool places) {
    sorter s;
    int64_t dims[NARU_MAX_RANK], *at;
    x = contiguous(L, x);
    if (!sorter_of(L, x, dim, &s)) return;
    int rank = dims_without(L, x, dim, keep, dims);
    int64_t n = s.l.outer * s.l.inner, *flat = host_scratch(L, (size_t)(n + 1) * sizeof *flat);
    sten *index = host_ints(L, rank, dims, &at);
    for (int64_t i = 0; flat && index && i < n; i++) {
        load_line(&s, i, false);
        at[i] = choose(&s, k);
        flat[i] = line_start(&s.l, i) + at[i] * s.l.inner;
    }
    ret_tensor(L, pick_elements(L, x, rank, dims, flat));
    if (places) ret_tensor(L, index);
}

static int64_t choose_kth(sorter *s, int64_t k) {
    select_key(s->v, s->l.n, k - 1);
    return s->v[k - 1].at;
}

void aten_kthvalue(lower *L) {
    sten *x = arg_tensor(L, 0);
    int64_t k = arg_int(L, 1);
    int rank = t_rank(L, x), dim = arg_axis(L, 2, rank);
    bool keep = arg_bool(L, 3);
    if (ar_for_export(L)) return record_kth(L, x, dim, keep, sv_int(k), true);
    if (!eager_only(L)) return;
    if (k < 1 || k > (rank ? t_dim_int(L, x, dim) : 1))
        lower_raise(L, "RuntimeError", "kthvalue(): selected number k out of range for dimension %d", dim);
    one_of_line(L, x, dim, keep, choose_kth, k, true);
}

/* The lower middle; NaN as soon as there is one. */
static int64_t choose_median(sorter *s, int64_t ignore_nan) {
    int64_t n = s->l.n, nans = 0, first = -1;
    for (int64_t i = 0; i < n; i++)
        if (s->v[i].key == INT64_MAX) nans++, first = first < 0 ? i : first;
    if (nans && (!ignore_nan || nans == n)) return s->v[first].at;
    select_key(s->v, n, (n - nans - 1) / 2);
    return s->v[(n - nans - 1) / 2].at;
}

/* int64's greatest is not NaN. */
static int64_t choose_median_int(sorter *s, int64_t unused) {
    select_key(s->v, s->l.n, (s->l.n - 1) / 2);
    return s->v[(s->l.n - 1) / 2].at;
}

/* (n + 1) / 2 */
static sv lower_middle(lower *L, sv n) { return s_floordiv(L, s_add(L, n, sv_int(1)), sv_int(2)); }

static void median(lower *L, sten *x, int dim, bool keep, bool ignore_nan, bool places) {
    if (ar_for_export(L) && !ignore_nan)
        return record_kth(L, x, dim, keep, t_rank(L, x) ? lower_middle(L, t_dim(L, x, dim)) : sv_int(1), places);
    if (!eager_only(L)) return;
    no_complex(L, x);
    if (t_rank(L, x) && t_dim_is(L, x, dim, 0) && places)
        lower_raise(L, "IndexError", "median(): Expected reduction dim %d to have non-zero size.", dim);
    one_of_line(L, x, dim, keep, dtype_is_float(t_dtype(L, x)) ? choose_median : choose_median_int, ignore_nan, places);
}

static void median_all(lower *L, bool ignore_nan) {
    sten *x = arg_tensor(L, 0);
    if (s_is(t_numel(L, x), 0))
        ret_tensor(L, lit(L, t_dtype(L, x), dtype_is_float(t_dtype(L, x)) ? __builtin_nan("") : 0));
    else median(L, ar_flat(L, x), 0, false, ignore_nan, false);
}
static void median_dim(lower *L, bool ignore_nan) {
    sten *x = arg_tensor(L, 0);
    median(L, x, arg_axis(L, 1, t_rank(L, x)), arg_bool(L, 2), ignore_nan, true);
}
void aten_median(lower *L) { median_all(L, false); }
void aten_nanmedian(lower *L) { median_all(L, true); }
void aten_median_dim(lower *L) { median_dim(L, false); }
void aten_nanmedian_dim(lower *L) { median_dim(L, true); }

/* The most frequent, the least of those; its last place. */
static int64_t choose_mode(sorter *s, int64_t unused) {
    int64_t best = 0, most = 0;
    sort_keys(s->v, s->scratch, s->l.n);
    for (int64_t i = 0, run = 0; i < s->l.n; i++) {
        run = i && s->v[i].key == s->v[i - 1].key ? run + 1 : 1;
        if (run > most) most = run, best = i;
    }
    return s->v[best].at;
}

void aten_mode(lower *L) {
    sten *x = arg_tensor(L, 0);
    int rank = t_rank(L, x), dim = arg_axis(L, 1, rank);
    bool keep = arg_bool(L, 2);
    if (!eager_only(L)) return;
    if (rank && t_dim_is(L, x, dim, 0))
        lower_raise(L, "IndexError", "mode(): Expected reduction dim %d to have non-zero size.", dim);
    one_of_line(L, x, dim, keep, choose_mode, 0, true);
}
