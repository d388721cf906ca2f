/* SPDX-License-Identifier: MIT
 *
 * See hosted.h.
 */
#include "script/aten/hosted.h"

#include <math.h>

/* ---- shapes ---- */
bool broadcast_shape(lower *L, int n, sten *const *t, int *rank, int64_t *dims) {
    *rank = 0;
    if (!lower_ok(L)) return false;
    for (int i = 0; i < n; i++) *rank = t_rank(L, t[i]) > *rank ? t_rank(L, t[i]) : *rank;
    for (int d = *rank - 1; d >= 0; d--) {
        dims[d] = 1;
        for (int i = 0; i < n; i++) {
            int at = d - *rank + t_rank(L, t[i]);
            int64_t m = at < 0 ? 1 : host_dims(t[i])[at];
            if (m == dims[d] || m == 1) continue;
            if (dims[d] != 1) {
                lower_raise(L, "RuntimeError",
                            "The size of tensor a (%lld) must match the size of tensor b (%lld) at non-singleton "
                            "dimension %d",
                            (long long)dims[d], (long long)m, d);
                return false;
            }
            dims[d] = m;
        }
    }
    return lower_ok(L);
}

void check_broadcast(lower *L, sten *a, sten *b) {
    int rank;
    int64_t dims[NARU_MAX_RANK];
    if (lower_ok(L) && !lower_recording(L)) broadcast_shape(L, 2, (sten *[]){a, b}, &rank, dims);
}

static int64_t product(int rank, const int64_t *dims) {
    int64_t n = 1;
    for (int i = 0; i < rank; i++) n *= dims[i];
    return n;
}

/* Walks the common shape: positions of the operands' elements, the last dim as the inner loop. */
typedef struct walk {
    int n, rank;
    int64_t dims[NARU_MAX_RANK], strides[3][NARU_MAX_RANK], idx[NARU_MAX_RANK], at[3];
    int64_t inner, outer, step[3];
} walk;

static bool walk_start(lower *L, walk *w, int n, sten *const *t) {
    *w = (walk){.n = n, .inner = 1, .outer = 1};
    if (!broadcast_shape(L, n, t, &w->rank, w->dims)) return false;
    for (int i = 0; i < n; i++) {
        int64_t stride = 1;
        for (int r = t_rank(L, t[i]), d = r - 1; d >= 0; d--) {
            int64_t m = host_dims(t[i])[d];
            w->strides[i][d + w->rank - r] = m == 1 ? 0 : stride;
            stride *= m;
        }
        w->step[i] = w->rank ? w->strides[i][w->rank - 1] : 0;
    }
    if (w->rank) w->inner = w->dims[w->rank - 1], w->outer = product(w->rank - 1, w->dims);
    return true;
}

static void walk_next(walk *w) {
    for (int d = w->rank - 2; d >= 0; d--) {
        for (int i = 0; i < w->n; i++) w->at[i] += w->strides[i][d];
        if (++w->idx[d] < w->dims[d]) return;
        for (int i = 0; i < w->n; i++) w->at[i] -= w->strides[i][d] * w->dims[d];
        w->idx[d] = 0;
    }
}

/* ---- maps ---- */
sten *map1_with(lower *L, sten *x, double (*f)(double, const void *), const void *with) {
    if (!eager_only(L) || !x) return NULL;
    naru_dtype d = t_dtype(L, x);
    x = contiguous(L, x);
    if (!x) return NULL;
    sten *y = host_new(L, d, t_rank(L, x), host_dims(x));
    const void *from = host_data(L, x);
    void *to = y ? host_data(L, y) : NULL;
    if (!from || !to) return y;
    int64_t n = host_count(x);
    if (d == NARU_FLOAT)
        for (int64_t i = 0; i < n; i++) ((float *)to)[i] = (float)f((double)((const float *)from)[i], with);
    else {
        double v[256];
        for (int64_t i = 0; i < n; i += 256) {
            int64_t m = n - i < 256 ? n - i : 256;
            dtype_read_f64(d, from, i, m, v);
            for (int64_t k = 0; k < m; k++) v[k] = f(v[k], with);
            dtype_write_f64(d, to, i, m, v, false);
        }
    }
    return y;
}

static double call_plain(double x, const void *f) { return (*(const fn_d *)f)(x); }
sten *map1(lower *L, sten *x, fn_d f) { return map1_with(L, x, call_plain, &f); }

sten *map1_bool(lower *L, sten *x, bool (*f)(double)) {
    if (!eager_only(L) || !x) return NULL;
    const double *v = host_f64(L, x);
    sten *y = v ? host_new(L, NARU_BOOL, t_rank(L, x), host_dims(x)) : NULL;
    bool *to = y ? host_data(L, y) : NULL;
    for (int64_t i = 0, n = to ? host_count(x) : 0; i < n; i++) to[i] = f(v[i]);
    return y;
}

static sten *walk_result(lower *L, const walk *w, naru_dtype d, void **data) {
    sten *y = host_new(L, d, w->rank, w->dims);
    *data = y ? host_data(L, y) : NULL;
    return *data ? y : NULL;
}

sten *map2(lower *L, sten *a, sten *b, fn_dd f) {
    walk w;
    if (!eager_only(L) || !walk_start(L, &w, 2, (sten *[]){a, b})) return NULL;
    naru_dtype d = t_dtype(L, a);
    const double *p = host_f64(L, a), *q = host_f64(L, b);
    void *to;
    sten *y = walk_result(L, &w, d, &to);
    double *line = host_scratch(L, (size_t)(w.inner > 0 ? w.inner : 1) * sizeof *line);
    if (!p || !q || !y || !line) return NULL;
    for (int64_t o = 0; o < w.outer; o++, walk_next(&w)) {
        for (int64_t i = 0; i < w.inner; i++) line[i] = f(p[w.at[0] + i * w.step[0]], q[w.at[1] + i * w.step[1]]);
        dtype_write_f64(d, to, o * w.inner, w.inner, line, false);
    }
    return y;
}

sten *map3(lower *L, sten *a, sten *b, sten *c, fn_ddd f) {
    walk w;
    if (!eager_only(L) || !walk_start(L, &w, 3, (sten *[]){a, b, c})) return NULL;
    naru_dtype d = t_dtype(L, a);
    const double *p = host_f64(L, a), *q = host_f64(L, b), *r = host_f64(L, c);
    void *to;
    sten *y = walk_result(L, &w, d, &to);
    if (!p || !q || !r || !y) return NULL;
    for (int64_t o = 0; o < w.outer; o++, walk_next(&w))
        for (int64_t i = 0; i < w.inner; i++) {
            double v = f(p[w.at[0] + i * w.step[0]], q[w.at[1] + i * w.step[1]], r[w.at[2] + i * w.step[2]]);
            dtype_write_f64(d, to, o * w.inner + i, 1, &v, false);
        }
    return y;
}

sten *map2_int(lower *L, sten *a, sten *b, fn_ii f) {
    walk w;
    if (!eager_only(L) || !walk_start(L, &w, 2, (sten *[]){a, b})) return NULL;
    naru_dtype d = t_dtype(L, a);
    const int64_t *p = host_i64(L, a), *q = host_i64(L, b);
    void *to;
    sten *y = walk_result(L, &w, d, &to);
    int64_t *line = host_scratch(L, (size_t)(w.inner > 0 ? w.inner : 1) * sizeof *line);
    if (!p || !q || !y || !line) return NULL;
    for (int64_t o = 0; o < w.outer; o++, walk_next(&w)) {
        for (int64_t i = 0; i < w.inner; i++) line[i] = f(p[w.at[0] + i * w.step[0]], q[w.at[1] + i * w.step[1]]);
        dtype_write_i64(d, to, o * w.inner, w.inner, line);
    }
    return y;
}

/* ---- complex maps ---- */
naru_dtype real_of(naru_dtype d) { return d == NARU_COMPLEX64 ? NARU_FLOAT : d == NARU_COMPLEX128 ? NARU_DOUBLE : d; }
naru_dtype complex_of(naru_dtype d) {
    return d == NARU_DOUBLE || d == NARU_COMPLEX128 ? NARU_COMPLEX128 : NARU_COMPLEX64;
}

static cplx make(double re, double im) {
    double v[2] = {re, im};
    cplx z;
    memcpy(&z, v, sizeof z);
    return z;
}

static cplx load(naru_dtype d, const void *p, int64_t i) {
    if (d == NARU_COMPLEX64) return make((double)((const float *)p)[2 * i], (double)((const float *)p)[2 * i + 1]);
    return make(((const double *)p)[2 * i], ((const double *)p)[2 * i + 1]);
}

static void store(naru_dtype d, void *p, int64_t i, cplx z) {
    double v[2];
    memcpy(v, &z, sizeof v);
    for (int k = 0; k < 2; k++)
        if (d == NARU_COMPLEX64) ((float *)p)[2 * i + k] = (float)v[k];
        else ((double *)p)[2 * i + k] = v[k];
}

/* Common beginning: contiguous complex x and a result of its dims. */
static sten *cmap_start(lower *L, sten **x, naru_dtype to, const void **from, void **into) {
    if (!eager_only(L) || !*x || !(*x = contiguous(L, *x))) return NULL;
    sten *y = host_new(L, to, t_rank(L, *x), host_dims(*x));
    *from = host_data(L, *x), *into = y ? host_data(L, y) : NULL;
    return *from && *into ? y : NULL;
}

sten *cmap1(lower *L, sten *x, fn_c f) {
    const void *from;
    void *to;
    naru_dtype d = t_dtype(L, x);
    sten *y = cmap_start(L, &x, d, &from, &to);
    for (int64_t i = 0, n = y ? host_count(y) : 0; i < n; i++) store(d, to, i, f(load(d, from, i)));
    return y;
}

sten *cmap1_real(lower *L, sten *x, double (*f)(cplx)) {
    const void *from;
    void *to;
    naru_dtype d = t_dtype(L, x);
    sten *y = cmap_start(L, &x, real_of(d), &from, &to);
    for (int64_t i = 0, n = y ? host_count(y) : 0; i < n; i++) dtype_set_f64(real_of(d), to, i, f(load(d, from, i)));
    return y;
}

sten *cmap1_bool(lower *L, sten *x, bool (*f)(cplx)) {
    const void *from;
    void *to;
    naru_dtype d = t_dtype(L, x);
    sten *y = cmap_start(L, &x, NARU_BOOL, &from, &to);
    for (int64_t i = 0, n = y ? host_count(y) : 0; i < n; i++) ((bool *)to)[i] = f(load(d, from, i));
    return y;
}

static bool cmap2_start(lower *L, walk *w, sten **a, sten **b, const void **p, const void **q) {
    if (!eager_only(L)) return false;
    *a = contiguous(L, *a), *b = contiguous(L, *b);
    if (!*a || !*b || !walk_start(L, w, 2, (sten *[]){*a, *b})) return false;
    *p = host_data(L, *a), *q = host_data(L, *b);
    return *p && *q;
}

sten *cmap2(lower *L, sten *a, sten *b, fn_cc f) {
    walk w;
    const void *p, *q;
    void *to;
    naru_dtype d = t_dtype(L, a);
    if (!cmap2_start(L, &w, &a, &b, &p, &q)) return NULL;
    sten *y = walk_result(L, &w, d, &to);
    for (int64_t o = 0; y && o < w.outer; o++, walk_next(&w))
        for (int64_t i = 0; i < w.inner; i++)
            store(d, to, o * w.inner + i, f(load(d, p, w.at[0] + i * w.step[0]), load(d, q, w.at[1] + i * w.step[1])));
    return y;
}

sten *cmap2_bool(lower *L, sten *a, sten *b, bool (*f)(cplx, cplx)) {
    walk w;
    const void *p, *q;
    void *to;
    naru_dtype d = t_dtype(L, a);
    if (!cmap2_start(L, &w, &a, &b, &p, &q)) return NULL;
    sten *y = walk_result(L, &w, NARU_BOOL, &to);
    for (int64_t o = 0; y && o < w.outer; o++, walk_next(&w))
        for (int64_t i = 0; i < w.inner; i++)
            ((bool *)to)[o * w.inner + i] = f(load(d, p, w.at[0] + i * w.step[0]), load(d, q, w.at[1] + i * w.step[1]));
    return y;
}

/* ---- lines and rows ---- */
lines lines_of(lower *L, const sten *x, int dim) {
    lines l = {1, 1, 1};
    int rank = x ? t_rank(L, x) : 0;
    if (rank == 0) return l;
    l.outer = product(dim, host_dims(x));
    l.n = host_dims(x)[dim];
    l.inner = product(rank - dim - 1, host_dims(x) + dim + 1);
    if (l.inner == 0) l.outer = 0, l.inner = 1;
    return l;
}

bool rows_of(lower *L, sten *x, int naxes, const int64_t *axes, bool keep, rows *out) {
    *out = (rows){.count = 1, .n = 1};
    if (!eager_only(L) || !x) return false;
    int rank = t_rank(L, x), k = 0;
    bool gone[NARU_MAX_RANK];
    int64_t perm[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) gone[i] = naxes == 0;
    for (int i = 0; i < naxes && rank; i++) gone[axes[i]] = true;
    for (int i = 0; i < rank; i++) {
        if (!gone[i]) perm[k++] = i, out->count *= host_dims(x)[i];
        else out->n *= host_dims(x)[i];
        if (!gone[i] || keep) out->dims[out->rank++] = gone[i] ? 1 : host_dims(x)[i];
    }
    for (int i = 0; i < rank; i++)
        if (gone[i]) perm[k++] = i;
    out->x = contiguous(L, view_permute(L, x, perm));
    return out->x != NULL;
}

/* ---- order ---- */
int64_t key_of_double(double v) {
    int64_t b;
    if (isnan(v)) return INT64_MAX;
    if (v == 0) return 0;
    memcpy(&b, &v, sizeof b);
    return b >= 0 ? b : (int64_t)((uint64_t)INT64_MIN - (uint64_t)b);
}

const int64_t *order_keys(lower *L, sten *x) {
    if (!eager_only(L) || !x) return NULL;
    naru_dtype d = t_dtype(L, x);
    int64_t n = host_count(x);
    int64_t *k = host_scratch(L, (size_t)(n > 0 ? n : 1) * sizeof *k);
    if (dtype_is_float(d)) {
        const double *v = host_f64(L, x);
        for (int64_t i = 0; v && k && i < n; i++) k[i] = key_of_double(v[i]);
        return v ? k : NULL;
    }
    const int64_t *v = host_i64(L, x);
    for (int64_t i = 0; v && k && i < n; i++) k[i] = d == NARU_UINT64 ? (int64_t)((uint64_t)v[i] ^ (1ull << 63)) : v[i];
    return v ? k : NULL;
}

static void insertion(sort_key *v, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        sort_key x = v[i];
        int64_t j = i;
        for (; j > 0 && v[j - 1].key > x.key; j--) v[j] = v[j - 1];
        v[j] = x;
    }
}

static void merge(const sort_key *a, int64_t na, const sort_key *b, int64_t nb, sort_key *to) {
    int64_t i = 0, j = 0, k = 0;
    while (i < na && j < nb) to[k++] = a[i].key <= b[j].key ? a[i++] : b[j++];
    while (i < na) to[k++] = a[i++];
    while (j < nb) to[k++] = b[j++];
}

enum { RUN = 16 };

void sort_keys(sort_key *v, sort_key *scratch, int64_t n) {
    sort_key *from = v, *to = scratch;
    for (int64_t i = 0; i < n; i += RUN) insertion(v + i, n - i < RUN ? n - i : RUN);
    for (int64_t width = RUN; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width) {
            int64_t na = n - i < width ? n - i : width, nb = n - i - na < width ? n - i - na : width;
            merge(from + i, na, from + i + na, nb, to + i);
        }
        sort_key *t = from;
        from = to, to = t;
    }
    if (from != v) memcpy(v, from, (size_t)n * sizeof *v);
}

static bool before(const sort_key *a, const sort_key *b) { return a->key != b->key ? a->key < b->key : a->at < b->at; }

/* A heap of the k least seen so far, the greatest of them on top. */
static void sift(sort_key *v, int64_t k, int64_t at) {
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= k) return;
        if (child + 1 < k && before(&v[child], &v[child + 1])) child++;
        if (!before(&v[at], &v[child])) return;
        sort_key t = v[at];
        v[at] = v[child], v[child] = t;
        at = child;
    }
}

void least_keys(sort_key *v, sort_key *scratch, int64_t n, int64_t k) {
    if (k == 0) return;
    if (k > n / 8) {
        sort_keys(v, scratch, n);
        return;
    }
    for (int64_t i = k / 2 - 1; i >= 0; i--) sift(v, k, i);
    for (int64_t i = k; i < n; i++)
        if (before(&v[i], &v[0])) v[0] = v[i], sift(v, k, 0);
    for (int64_t i = k - 1; i > 0; i--) {
        sort_key t = v[0];
        v[0] = v[i], v[i] = t;
        sift(v, i, 0);
    }
}

static void swap_keys(sort_key *v, int64_t a, int64_t b) {
    sort_key t = v[a];
    v[a] = v[b], v[b] = t;
}

void select_key(sort_key *v, int64_t n, int64_t k) {
    uint64_t random = 0x9E3779B97F4A7C15u;
    int64_t lo = 0, hi = n - 1;
    while (lo < hi) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        sort_key pivot = v[lo + (int64_t)((random >> 33) % (uint64_t)(hi - lo + 1))];
        int64_t i = lo, j = hi;
        while (i <= j) {
            while (before(&v[i], &pivot)) i++;
            while (before(&pivot, &v[j])) j--;
            if (i <= j) swap_keys(v, i++, j--);
        }
        if (k <= j) hi = j;
        else if (k >= i) lo = i;
        else return;
    }
}

sten *pick_elements(lower *L, sten *x, int rank, const int64_t *dims, const int64_t *at) {
    if (!lower_ok(L) || !x || !at || !(x = contiguous(L, x))) return NULL;
    naru_dtype d = t_dtype(L, x);
    sten *y = host_new(L, d, rank, dims);
    const char *from = host_data(L, x);
    char *to = y ? host_data(L, y) : NULL;
    if (!from || !to) return NULL;
    size_t size = (size_t)naru_dtype_bits(d) / 8;
    int64_t n = product(rank, dims);
    switch (size) {
    case 1:
        for (int64_t i = 0; i < n; i++) to[i] = from[at[i]];
        break;
    case 4:
        for (int64_t i = 0; i < n; i++) ((uint32_t *)to)[i] = ((const uint32_t *)from)[at[i]];
        break;
    case 8:
        for (int64_t i = 0; i < n; i++) ((uint64_t *)to)[i] = ((const uint64_t *)from)[at[i]];
        break;
    default:
        for (int64_t i = 0; i < n; i++) memcpy(to + (size_t)i * size, from + (size_t)at[i] * size, size);
    }
    return y;
}

sten *host_ints(lower *L, int rank, const int64_t *dims, int64_t **data) {
    sten *t = lower_ok(L) ? host_new(L, NARU_INT64, rank, dims) : NULL;
    *data = t ? host_data(L, t) : NULL;
    return *data ? t : NULL;
}

int dims_without(lower *L, const sten *x, int dim, bool keep, int64_t *dims) {
    int rank = x ? t_rank(L, x) : 0, k = 0;
    for (int i = 0; i < rank; i++)
        if (i != dim) dims[k++] = host_dims(x)[i];
        else if (keep) dims[k++] = 1;
    return k;
}
