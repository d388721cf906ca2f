/* SPDX-License-Identifier: MIT
 *
 * QR, singular values, eigenvalues, and what follows from them: pseudo-inverses, ranks, least squares, conditions. Also
 * powers and exponentials of matrices, traces, products along an axis.
 */
#include <float.h>
#include <math.h>

#include "script/aten/linalg.h"

/* ---- QR ---- */
static void qr(lower *L, const char *mode) {
    mats a;
    if (!eager_only(L) || !mats_read(L, "linalg.qr", arg_tensor(L, 0), false, &a)) return;
    bool complete = strcmp(mode, "complete") == 0, only_r = strcmp(mode, "r") == 0;
    if (!complete && !only_r && strcmp(mode, "reduced") != 0) {
        lower_raise(L, "RuntimeError",
                    "qr received unrecognized mode '%s' but expected one of 'reduced' (default), 'r', "
                    "or 'complete'",
                    mode);
        return;
    }
    int64_t least = i64_min(a.m, a.n), k = complete ? a.m : least;
    double *q = mats_space(L, &a, a.m, k), *r = mats_space(L, &a, k, a.n), *work = mats_space(L, &a, 1, a.m + a.n);
    if (!q || !r || !work) return;
    for (int64_t b = 0; b < a.batch; b++) {
        mx_qr(a.m, a.n, a.v + b * a.m * a.n, k, only_r ? NULL : q + b * a.m * k, work);
        memcpy(r + b * k * a.n, a.v + b * a.m * a.n, (size_t)(k * a.n) * sizeof *r);
    }
    ret_tensor(L, only_r ? host_new(L, a.d, 1, (int64_t[]){0}) : mats_give(L, &a, a.m, k, q));
    ret_tensor(L, mats_give(L, &a, k, a.n, r));
}

void aten_linalg_qr(lower *L) { qr(L, arg_str(L, 1)); }
void aten_qr(lower *L) { qr(L, arg_bool(L, 1) ? "reduced" : "complete"); } /* (self, some) */

/* ---- singular values ---- */
typedef struct svd {
    mats a;
    int64_t k, ku, kv; /* singular values; columns of U, rows of V' */
    double *u, *s, *vt;
} svd;

/* One matrix: u [m, ku], s [k], vt [kv, n]. */
static void one_svd(svd *d, int64_t b, double *x, double *v) {
    int64_t m = d->a.m, n = d->a.n, k = d->k;
    double *u = d->u + b * m * d->ku, *vt = d->vt + b * d->kv * n, *s = d->s + b * k;
    bool wide = m < n; /* then the transpose is taken apart */
    const double *a = d->a.v + b * m * n;
    int64_t rows = wide ? n : m;
    if (wide) mx_transpose(m, n, a, x);
    else memcpy(x, a, (size_t)(m * n) * sizeof *x);
    mx_svd(rows, k, x, s, v); /* x [rows, k], v [k, k] */
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < k; j++) u[i * d->ku + j] = wide ? v[i * k + j] : x[i * k + j];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < k; j++) vt[j * n + i] = wide ? x[i * k + j] : v[i * k + j];
    if (d->ku > k) mx_complete(m, k, d->ku, u);
    if (d->kv > k) { /* rows of V': complete the transpose */
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < k; j++) x[i * n + j] = vt[j * n + i];
        mx_complete(n, k, n, x);
        mx_transpose(n, n, x, vt);
    }
}

static bool run_svd(lower *L, const char *who, sten *t, bool full, svd *d) {
    if (!eager_only(L) || !mats_read(L, who, t, false, &d->a)) return false;
    int64_t m = d->a.m, n = d->a.n, most = i64_max(m, n);
    d->k = i64_min(m, n);
    d->ku = full ? m : d->k, d->kv = full ? n : d->k;
    d->u = mats_space(L, &d->a, m, d->ku), d->s = mats_space(L, &d->a, 1, d->k), d->vt = mats_space(L, &d->a, d->kv, n);
    double *x = mats_space(L, &d->a, most, most), *v = mats_space(L, &d->a, d->k, d->k);
    if (!d->u || !d->s || !d->vt || !x || !v) return false;
    for (int64_t b = 0; b < d->a.batch; b++) one_svd(d, b, x, v);
    return lower_ok(L);
}

static void give_svd(lower *L, const svd *d) {
    ret_tensor(L, mats_give(L, &d->a, d->a.m, d->ku, d->u));
    ret_tensor(L, mats_give_rows(L, &d->a, d->k, d->s));
    ret_tensor(L, mats_give(L, &d->a, d->kv, d->a.n, d->vt));
}

void aten_linalg_svd(lower *L) { /* (A, full_matrices, driver) */
    svd d;
    if (run_svd(L, "linalg.svd", arg_tensor(L, 0), arg_bool(L, 1), &d)) give_svd(L, &d);
}

void aten__linalg_svd(lower *L) { /* (A, full_matrices, compute_uv, driver) */
    svd d;
    if (!run_svd(L, "linalg.svd", arg_tensor(L, 0), arg_bool(L, 1), &d)) return;
    if (arg_bool(L, 2)) {
        give_svd(L, &d);
        return;
    }
    sten *none = host_new(L, d.a.d, 1, (int64_t[]){0});
    ret_tensor(L, none);
    ret_tensor(L, mats_give_rows(L, &d.a, d.k, d.s));
    ret_tensor(L, none);
}

void aten_svd(lower *L) { /* (self, some, compute_uv) -> U, S, V */
    svd d;
    bool some = arg_bool(L, 1), vectors = arg_bool(L, 2);
    if (!run_svd(L, "linalg.svd", arg_tensor(L, 0), !some, &d)) return;
    if (!vectors) {
        memset(d.u, 0, (size_t)(d.a.batch * d.a.m * d.ku) * sizeof *d.u);
        memset(d.vt, 0, (size_t)(d.a.batch * d.kv * d.a.n) * sizeof *d.vt);
    }
    sten *v = mats_give(L, &d.a, d.kv, d.a.n, d.vt);
    ret_tensor(L, mats_give(L, &d.a, d.a.m, d.ku, d.u));
    ret_tensor(L, mats_give_rows(L, &d.a, d.k, d.s));
    ret_tensor(L, view_transpose(L, v, d.a.lead, d.a.lead + 1));
}

void aten_linalg_svdvals(lower *L) {
    svd d;
    if (run_svd(L, "linalg.svdvals", arg_tensor(L, 0), false, &d)) ret_tensor(L, mats_give_rows(L, &d.a, d.k, d.s));
}

/* ---- symmetric spectra ---- */
typedef struct spectrum {
    mats a;
    double *w, *v;
} spectrum;

static bool run_eigh(lower *L, const char *who, sten *t, bool upper, spectrum *e) {
    if (!eager_only(L) || !mats_read(L, who, t, true, &e->a)) return false;
    int64_t n = e->a.n;
    e->w = mats_space(L, &e->a, 1, n), e->v = mats_space(L, &e->a, n, n);
    if (!e->w || !e->v) return false;
    for (int64_t b = 0; b < e->a.batch; b++) {
        double *a = e->a.v + b * n * n;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++) {
                if (upper) a[i * n + j] = a[j * n + i];
                else a[j * n + i] = a[i * n + j];
            }
        mx_eigh(n, a, e->w + b * n, e->v + b * n * n);
    }
    return lower_ok(L);
}

static bool is_upper(lower *L, int i) {
    const char *s = arg_str(L, i);
    if (lower_ok(L) && *s != 'L' && *s != 'l' && *s != 'U' && *s != 'u')
        lower_raise(L, "RuntimeError", "Expected UPLO argument to be 'L' or 'U', but got %s", s);
    return *s == 'U' || *s == 'u';
}

void aten_linalg_eigh(lower *L) { /* (A, UPLO, compute_v in the inner form) */
    spectrum e;
    bool upper = is_upper(L, 1), vectors = L->op->schema->nparams < 3 || arg_bool(L, 2);
    if (!run_eigh(L, "linalg.eigh", arg_tensor(L, 0), upper, &e)) return;
    ret_tensor(L, mats_give_rows(L, &e.a, e.a.n, e.w));
    ret_tensor(L, vectors ? mats_give(L, &e.a, e.a.n, e.a.n, e.v) : host_new(L, e.a.d, 1, (int64_t[]){0}));
}

void aten_linalg_eigvalsh(lower *L) {
    spectrum e;
    bool upper = is_upper(L, 1);
    if (run_eigh(L, "linalg.eigvalsh", arg_tensor(L, 0), upper, &e)) ret_tensor(L, mats_give_rows(L, &e.a, e.a.n, e.w));
}

void aten_symeig(lower *L) { /* (self, eigenvectors, upper) */
    spectrum e;
    bool vectors = arg_bool(L, 1), upper = arg_bool(L, 2);
    if (!run_eigh(L, "symeig", arg_tensor(L, 0), upper, &e)) return;
    ret_tensor(L, mats_give_rows(L, &e.a, e.a.n, e.w));
    ret_tensor(L, vectors ? mats_give(L, &e.a, e.a.n, e.a.n, e.v) : host_new(L, e.a.d, 1, (int64_t[]){0}));
}

/* ---- general spectra ---- */
static sten *give_complex(lower *L, const mats *a, int more, const double complex *v) {
    int64_t dims[NARU_MAX_RANK], count = a->batch;
    memcpy(dims, a->dims, sizeof dims);
    for (int i = 0; i < more; i++) count *= dims[a->lead + i] = a->n;
    dims[a->lead + more] = 2;
    double *p = host_scratch(L, ((size_t)count + 1) * 2 * sizeof *p);
    for (int64_t i = 0; p && i < count; i++) p[2 * i] = creal(v[i]), p[2 * i + 1] = cimag(v[i]);
    return p ? view_complex(L, host_from_f64(L, a->d == NARU_DOUBLE ? a->d : NARU_FLOAT, a->lead + more + 1, dims, p),
                            true)
             : NULL;
}

static void eig(lower *L, bool vectors) {
    mats a;
    sten *t = arg_tensor(L, 0);
    if (!eager_only(L) || !mats_read(L, "linalg.eig", t, true, &a)) return;
    int64_t n = a.n, size = n * n;
    double complex *w = host_scratch(L, ((size_t)(a.batch * n) + 1) * sizeof *w);
    double complex *v = host_scratch(L, ((size_t)(a.batch * size) + 1) * sizeof *v);
    double complex *x = host_scratch(L, ((size_t)size + 4) * 2 * sizeof *x);
    if (!w || !v || !x) return;
    for (int64_t b = 0; b < a.batch; b++) {
        for (int64_t i = 0; i < size; i++) x[i] = a.v[b * size + i];
        if (mx_eig(n, x, w + b * n, vectors ? v + b * size : NULL, x + size)) continue;
        lower_raise(L, "RuntimeError", "linalg.eig: the algorithm did not converge");
        return;
    }
    ret_tensor(L, give_complex(L, &a, 1, w));
    if (vectors) ret_tensor(L, give_complex(L, &a, 2, v));
}

void aten_linalg_eig(lower *L) { eig(L, true); }
void aten_linalg_eigvals(lower *L) { eig(L, false); }

/* ---- what follows ---- */
/* Singular values up to max(atol, rtol times the greatest) count as none. rtol: eps times the larger side unless given
 * or atol > 0. */
typedef struct limits {
    double atol, rtol; /* negative: not given */
} limits;

static double number_or(lower *L, int i, double none) { /* float?, or a tensor of one element */
    sv v = arg(L, i);
    if (v.tag == SV_TENSOR) v = item(L, sv_tensor(v));
    return v.tag == SV_FLOAT ? v.f : v.tag == SV_INT ? (double)v.i : none;
}

static double limit_for(const mats *a, limits l, double greatest) {
    double eps = a->d == NARU_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON;
    double atol = l.atol < 0 ? 0 : l.atol;
    double rtol = l.rtol >= 0 ? l.rtol : l.atol > 0 ? 0 : eps * (double)i64_max(a->m, a->n);
    return fmax(atol, rtol * greatest);
}

static void pinv(lower *L, limits l) {
    svd d;
    if (!run_svd(L, "linalg.pinv", arg_tensor(L, 0), false, &d)) return;
    int64_t m = d.a.m, n = d.a.n, k = d.k;
    double *x = mats_space(L, &d.a, n, m);
    for (int64_t b = 0; x && b < d.a.batch; b++) {
        const double *u = d.u + b * m * k, *s = d.s + b * k, *vt = d.vt + b * k * n;
        double limit = limit_for(&d.a, l, k ? s[0] : 0), *to = x + b * n * m;
        memset(to, 0, (size_t)(n * m) * sizeof *to);
        for (int64_t r = 0; r < k && s[r] > limit; r++)
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < m; j++) to[i * m + j] += vt[r * n + i] * u[j * k + r] / s[r];
    }
    if (x) ret_tensor(L, mats_give(L, &d.a, n, m, x));
}

void aten_linalg_pinv(lower *L) { pinv(L, (limits){number_or(L, 1, -1), number_or(L, 2, -1)}); }
void aten_pinverse(lower *L) { pinv(L, (limits){-1, number_or(L, 1, -1)}); } /* (self, rcond, ...) */

static void rank_of(lower *L, limits l) {
    svd d;
    if (!run_svd(L, "linalg.matrix_rank", arg_tensor(L, 0), false, &d)) return;
    sten *t = host_new(L, NARU_INT64, d.a.lead, d.a.dims);
    int64_t *p = host_data(L, t);
    for (int64_t b = 0; p && b < d.a.batch; b++) {
        const double *s = d.s + b * d.k;
        double limit = limit_for(&d.a, l, d.k ? s[0] : 0);
        for (p[b] = 0; p[b] < d.k && s[p[b]] > limit;) p[b]++;
    }
    ret_tensor(L, t);
}

void aten_linalg_matrix_rank(lower *L) { rank_of(L, (limits){number_or(L, 1, -1), number_or(L, 2, -1)}); }
void aten_linalg_matrix_rank_tol(lower *L) { rank_of(L, (limits){number_or(L, 1, -1), 0}); } /* (self, tol) */

/* (self, p): by singular values for None, 2 and -2. */
void aten_linalg_cond(lower *L) {
    svd d;
    double p = number_or(L, 1, 2);
    if (lower_ok(L) && fabs(p) != 2) {
        lower_fail(L, NARU_UNSUPPORTED, "linalg_cond with p other than None, 2 and -2");
        return;
    }
    if (!run_svd(L, "linalg.cond", arg_tensor(L, 0), false, &d)) return;
    double *c = mats_space(L, &d.a, 1, 1);
    for (int64_t b = 0; c && b < d.a.batch; b++) {
        double most = d.k ? d.s[b * d.k] : 0, least = d.k ? d.s[b * d.k + d.k - 1] : 0;
        c[b] = d.k == 0 ? 0 : p > 0 ? most / least : least / most;
    }
    if (c) ret_tensor(L, mats_give_scalars(L, &d.a, c));
}

/* ---- least squares: (self, b, rcond, driver) -> solution, residuals, rank, singular_values ---- */
typedef struct lsq {
    svd d;
    mats b;
    double limit, *x, *rest;
    int64_t *rank;
} lsq;

static void least_squares(lsq *q, int64_t at) {
    int64_t m = q->d.a.m, n = q->d.a.n, k = q->d.k, c = q->b.n, r = 0;
    const double *u = q->d.u + at * m * k, *s = q->d.s + at * k, *vt = q->d.vt + at * k * n, *b = q->b.v + at * m * c;
    double *x = q->x + at * n * c;
    memset(x, 0, (size_t)(n * c) * sizeof *x);
    for (; r < k && s[r] > q->limit * s[0]; r++)
        for (int64_t j = 0; j < c; j++) {
            double dot = 0;
            for (int64_t i = 0; i < m; i++) dot += u[i * k + r] * b[i * c + j];
            for (int64_t i = 0; i < n; i++) x[i * c + j] += vt[r * n + i] * dot / s[r];
        }
    q->rank[at] = r;
    for (int64_t j = 0; j < c; j++) {
        double sum = 0;
        for (int64_t i = 0; i < m; i++) {
            double e = b[i * c + j];
            for (int64_t p = 0; p < n; p++) e -= q->d.a.v[(at * m + i) * n + p] * x[p * c + j];
            sum += e * e;
        }
        q->rest[at * c + j] = sum;
    }
}

void aten_linalg_lstsq(lower *L) {
    lsq q;
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    double rcond = number_or(L, 2, -1);
    const char *driver = arg_str(L, 3);
    if (!eager_only(L)) return;
    bool vector = t_rank(L, b) == t_rank(L, a) - 1;
    if (vector) b = view_unsqueeze(L, b, t_rank(L, b));
    if (t_rank(L, a) < 2 || t_rank(L, b) < 2) {
        lower_raise(L, "RuntimeError", "torch.linalg.lstsq: input must have at least 2 dimensions.");
        return;
    }
    mats_share_batch(L, &a, &b);
    if (!run_svd(L, "torch.linalg.lstsq", a, false, &q.d) || !mats_read(L, "torch.linalg.lstsq", b, false, &q.b))
        return;
    if (q.b.m != q.d.a.m) {
        lower_raise(L, "RuntimeError", "torch.linalg.lstsq: input.size(-2) should match other.size(-2)");
        return;
    }
    double eps = q.d.a.d == NARU_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON;
    q.limit = rcond >= 0 ? rcond : eps * (double)i64_max(q.d.a.m, q.d.a.n);
    q.x = mats_space(L, &q.b, q.d.a.n, q.b.n), q.rest = mats_space(L, &q.b, 1, q.b.n), q.rank = mats_ints(L, &q.b, 1);
    if (!q.x || !q.rest || !q.rank) return;
    bool full = true;
    for (int64_t i = 0; i < q.b.batch; i++) {
        least_squares(&q, i);
        full = full && q.rank[i] == q.d.a.n;
    }
    sten *x = mats_give(L, &q.b, q.d.a.n, q.b.n, q.x), *none = host_new(L, q.d.a.d, 1, (int64_t[]){0});
    sten *rank = host_new(L, NARU_INT64, q.b.lead, q.b.dims);
    if (rank) memcpy(host_data(L, rank), q.rank, (size_t)q.b.batch * sizeof *q.rank);
    ret_tensor(L, vector ? view_select(L, x, t_rank(L, x) - 1, sv_int(0)) : x);
    bool rests = full && q.d.a.m > q.d.a.n && *driver && strcmp(driver, "gelsy") != 0;
    ret_tensor(L, rests ? mats_give_rows(L, &q.b, q.b.n, q.rest) : none);
    ret_tensor(L, strcmp(driver, "gels") == 0 ? host_new(L, NARU_INT64, 1, (int64_t[]){0}) : rank);
    ret_tensor(L,
               driver[0] == 'g' && driver[strlen(driver) - 1] == 'd' ? mats_give_rows(L, &q.d.a, q.d.k, q.d.s) : none);
}

/* ---- powers, exponentials ---- */
static sten *identity_like(lower *L, sten *a) {
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, a, dims);
    if (!lower_ok(L) || rank < 2) return NULL;
    sten *eye = EMITA(EyeLike, ATTRS(AI("dtype", t_dtype(L, a))),
                      nn_filled_like(L, t_dtype(L, a), 0, 2, (sv[]){dims[rank - 2], dims[rank - 1]}));
    return EMIT(Expand, eye, ints_tensor(L, dims, rank));
}

void aten_linalg_matrix_power(lower *L) {
    sten *a = arg_tensor(L, 0), *y = NULL;
    int64_t n = arg_int(L, 1);
    if (lower_ok(L) && t_rank(L, a) < 2)
        lower_raise(L, "RuntimeError", "linalg.matrix_power: The input tensor A must have at least 2 dimensions.");
    if (!lower_ok(L)) return;
    if (n < 0) {
        sv out[1], args[1] = {sv_of(a)};
        lower_call(L, aten_linalg_inv, 1, args, 1, out);
        a = lower_ok(L) ? sv_tensor(out[0]) : NULL;
        n = n == INT64_MIN ? INT64_MAX : -n;
    }
    for (; n && lower_ok(L); n >>= 1) {
        if (n & 1) y = y ? nn_matmul(L, y, a) : a;
        if (n > 1) a = nn_matmul(L, a, a);
    }
    ret_tensor(L, y ? y : identity_like(L, a));
}

/* exp(A) = exp(A / 2^s)^(2^s), the series for a norm under 1/2. */
static void one_exp(int64_t n, const double *a, double *out, double *x, double *term) {
    double norm = 0;
    for (int64_t i = 0; i < n; i++) {
        double row = 0;
        for (int64_t j = 0; j < n; j++) row += fabs(a[i * n + j]);
        norm = fmax(norm, row);
    }
    int s = norm > 0.5 && isfinite(norm) ? (int)ceil(log2(norm)) + 1 : 0;
    double scale = ldexp(1, -s);
    mx_identity(n, out);
    mx_identity(n, term);
    for (int k = 1; k <= 20; k++) {
        mx_multiply(n, n, n, term, a, x);
        for (int64_t i = 0; i < n * n; i++) out[i] += term[i] = x[i] * scale / k;
    }
    for (int i = 0; i < s; i++) {
        mx_multiply(n, n, n, out, out, x);
        memcpy(out, x, (size_t)(n * n) * sizeof *x);
    }
}

void aten_linalg_matrix_exp(lower *L) {
    mats a;
    if (!eager_only(L) || !mats_read(L, "linalg.matrix_exp", arg_tensor(L, 0), true, &a)) return;
    double *out = mats_space(L, &a, a.n, a.n), *x = mats_space(L, &a, a.n, a.n), *term = mats_space(L, &a, a.n, a.n);
    if (!out || !x || !term) return;
    for (int64_t b = 0; b < a.batch; b++) one_exp(a.n, a.v + b * a.n * a.n, out + b * a.n * a.n, x, term);
    ret_tensor(L, mats_give(L, &a, a.n, a.n, out));
}

/* ---- sums of products ---- */
void aten_trace(lower *L) {
    sten *a = arg_tensor(L, 0);
    if (lower_ok(L) && t_rank(L, a) != 2)
        lower_raise(L, "RuntimeError", "trace: expected a matrix, but got tensor with dim %d", t_rank(L, a));
    if (!dtype_is_float(t_dtype(L, a)) && !dtype_is_complex(t_dtype(L, a))) a = cast(L, a, NARU_INT64);
    sten *d = view_diagonal(L, a, 0, 0, 1), *re, *im;
    nn_parts(L, d, &re, &im);
    re = nn_reduce1(L, &op_ReduceSum, re, 0, false);
    ret_tensor(L, im ? nn_join(L, re, nn_reduce1(L, &op_ReduceSum, im, 0, false)) : re);
}

void aten_linalg_vecdot(lower *L) { /* sum of conj(x) y along dim */
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    promote2(L, &a, &b);
    if (lower_ok(L) && dtype_is_complex(t_dtype(L, a)))
        lower_fail(L, NARU_UNSUPPORTED, "linalg_vecdot of complex numbers");
    sten *y = EMIT(Mul, a, b);
    ret_tensor(L, nn_reduce1(L, &op_ReduceSum, y, arg_axis(L, 2, t_rank(L, y)), false));
}

/* Three elements along dim: (a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0). */
static sten *turned_by(lower *L, sten *t, int dim, int64_t k) {
    sten *part[2] = {view_slice(L, t, dim, sv_int(k), sv_int(3), 1), view_slice(L, t, dim, sv_int(0), sv_int(k), 1)};
    return nn_concat(L, dim, 2, part);
}

void aten_linalg_cross(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    promote2(L, &a, &b);
    int rank = t_rank(L, a), dim = arg_axis(L, 2, rank);
    if (!lower_ok(L)) return;
    if (rank != t_rank(L, b)) {
        lower_raise(L, "RuntimeError", "linalg.cross: inputs must have the same number of dimensions.");
        return;
    }
    sv x = t_dim(L, a, dim), y = t_dim(L, b, dim);
    if ((x.tag == SV_INT && x.i != 3) || (y.tag == SV_INT && y.i != 3)) {
        lower_raise(L, "RuntimeError", "linalg.cross: inputs dimension %lld must have length 3. Got %lld and %lld",
                    (long long)arg_int(L, 2), x.tag == SV_INT ? (long long)x.i : -1,
                    y.tag == SV_INT ? (long long)y.i : -1);
        return;
    }
    sten *p = EMIT(Mul, turned_by(L, a, dim, 1), turned_by(L, b, dim, 2));
    ret_tensor(L, EMIT(Sub, p, EMIT(Mul, turned_by(L, a, dim, 2), turned_by(L, b, dim, 1))));
}

void aten_cross(lower *L) { /* dim None: the first of size 3 */
    sten *a = arg_tensor(L, 0);
    sv args[3] = {arg(L, 0), arg(L, 1), arg(L, 2)}, out[1];
    for (int i = 0, rank = t_rank(L, a); args[2].tag == SV_NONE && i < rank; i++)
        if (t_dim_int(L, a, i) == 3) args[2] = sv_int(i);
    if (lower_ok(L) && args[2].tag == SV_NONE) lower_raise(L, "RuntimeError", "no dimension of size 3 in input");
    if (lower_ok(L)) lower_call(L, aten_linalg_cross, 3, args, 1, out);
    if (lower_ok(L)) ret_tensor(L, sv_tensor(out[0]));
}
