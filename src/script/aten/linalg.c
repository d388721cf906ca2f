/* SPDX-License-Identifier: MIT
 *
 * Determinants, inverses, solving, LU, Cholesky, triangles, powers, traces. Determinants are the operator Det; the rest
 * is computed by the host in double, matrix by matrix.
 */
#include <math.h>

#include "script/aten/linalg.h"

/* ---- batches ---- */
bool mats_read(lower *L, const char *who, sten *t, bool square, mats *out) {
    int rank = t_rank(L, t);
    *out = (mats){.d = t_dtype(L, t), .batch = 1};
    if (!lower_ok(L)) return false;
    if (rank < 2) {
        lower_raise(L, "RuntimeError", "%s: The input tensor A must have at least 2 dimensions.", who);
    } else if (!dtype_is_float(out->d)) {
        static const char *const names[] = {[NARU_INT64] = "Long", [NARU_INT32] = "Int",  [NARU_INT16] = "Short",
                                            [NARU_INT8] = "Char",  [NARU_UINT8] = "Byte", [NARU_BOOL] = "Bool"};
        const char *name = (size_t)out->d < COUNT_OF(names) && names[out->d] ? names[out->d] : naru_dtype_name(out->d);
        if (dtype_is_complex(out->d)) lower_fail(L, NARU_UNSUPPORTED, "%s of complex matrices", who);
        lower_raise(L, "RuntimeError", "%s: Expected a floating point or complex tensor as input. Got %s", who, name);
    }
    if (!lower_ok(L)) return false;
    nn_dims_int(L, t, out->dims);
    out->lead = rank - 2;
    out->m = out->dims[rank - 2], out->n = out->dims[rank - 1];
    if (lower_ok(L) && square && out->m != out->n)
        lower_raise(L, "RuntimeError", "%s: A must be batches of square matrices, but they are %lld by %lld matrices",
                    who, (long long)out->m, (long long)out->n);
    for (int i = 0; i < out->lead; i++) out->batch *= out->dims[i];
    int64_t count = out->batch * out->m * out->n;
    const double *v = host_f64(L, t);
    out->v = v ? host_scratch(L, ((size_t)count + 1) * sizeof *v) : NULL;
    if (out->v) memcpy(out->v, v, (size_t)count * sizeof *v);
    return lower_ok(L);
}

double *mats_space(lower *L, const mats *like, int64_t m, int64_t n) {
    int64_t count;
    if (!dims_count(3, (int64_t[]){like->batch, m, n}, &count)) return NULL;
    return host_scratch(L, ((size_t)count + 1) * sizeof(double));
}

int64_t *mats_ints(lower *L, const mats *like, int64_t n) {
    int64_t count;
    if (!dims_count(2, (int64_t[]){like->batch, n}, &count)) return NULL;
    return host_scratch(L, ((size_t)count + 1) * sizeof(int64_t));
}

static sten *give(lower *L, const mats *like, int more, const int64_t *tail, const double *v) {
    int64_t dims[NARU_MAX_RANK];
    memcpy(dims, like->dims, sizeof dims);
    for (int i = 0; i < more; i++) dims[like->lead + i] = tail[i];
    return lower_ok(L) ? host_from_f64(L, like->d, like->lead + more, dims, v) : NULL;
}

sten *mats_give(lower *L, const mats *like, int64_t m, int64_t n, const double *v) {
    return give(L, like, 2, (int64_t[]){m, n}, v);
}
sten *mats_give_rows(lower *L, const mats *like, int64_t n, const double *v) { return give(L, like, 1, &n, v); }
sten *mats_give_scalars(lower *L, const mats *like, const double *v) { return give(L, like, 0, NULL, v); }

sten *mats_give_ints(lower *L, const mats *like, int64_t n, const int64_t *v, int64_t offset) {
    int64_t dims[NARU_MAX_RANK], count = like->batch * (n < 0 ? 1 : n);
    memcpy(dims, like->dims, sizeof dims);
    if (n >= 0) dims[like->lead] = n;
    sten *t = host_new(L, NARU_INT32, like->lead + (n >= 0), dims);
    int32_t *p = host_data(L, t);
    for (int64_t i = 0; p && i < count; i++) p[i] = (int32_t)(v[i] + offset);
    return t;
}

void mats_share_batch(lower *L, sten **a, sten **b) {
    int ra = t_rank(L, *a), rb = t_rank(L, *b), lead = (ra > rb ? ra : rb) - 2;
    sv da[NARU_MAX_RANK], db[NARU_MAX_RANK];
    if (!lower_ok(L)) return;
    for (int i = 0; i < lead; i++) {
        int ia = i - (lead - (ra - 2)), ib = i - (lead - (rb - 2));
        int64_t x = ia < 0 ? 1 : t_dim_int(L, *a, ia), y = ib < 0 ? 1 : t_dim_int(L, *b, ib);
        da[i] = db[i] = sv_int(x == 1 ? y : x);
    }
    for (int i = 0; i < 2; i++) {
        da[lead + i] = t_dim(L, *a, ra - 2 + i);
        db[lead + i] = t_dim(L, *b, rb - 2 + i);
    }
    *a = view_expand(L, *a, lead + 2, da);
    *b = view_expand(L, *b, lead + 2, db);
}

static void singular(lower *L, const char *who, int64_t batch, const mats *a, const char *fmt, int64_t at) {
    char element[48] = "", text[200];
    if (a->lead) snprintf(element, sizeof element, "(Batch element %lld): ", (long long)batch);
    snprintf(text, sizeof text, fmt, (long long)at);
    lower_raise(L, "RuntimeError", "%s: %s%s", who, element, text);
}

/* ---- determinants ---- */
static bool square_floats(lower *L, sten *a, const char *who) {
    int rank = t_rank(L, a);
    if (lower_ok(L) && rank < 2)
        lower_raise(L, "RuntimeError", "%s: The input tensor A must have at least 2 dimensions.", who);
    if (!lower_ok(L)) return false;
    sv m = t_dim(L, a, -2), n = t_dim(L, a, -1);
    if (m.tag == SV_INT && n.tag == SV_INT && m.i != n.i)
        lower_raise(L, "RuntimeError", "%s: A must be batches of square matrices, but they are %lld by %lld matrices",
                    who, (long long)m.i, (long long)n.i);
    return lower_ok(L);
}

void aten_linalg_det(lower *L) {
    sten *a = arg_tensor(L, 0);
    if (square_floats(L, a, "linalg.det")) ret_tensor(L, EMIT(Det, a));
}

void aten_logdet(lower *L) {
    sten *a = arg_tensor(L, 0);
    if (square_floats(L, a, "logdet")) ret_tensor(L, EMIT(Log, EMIT(Det, a)));
}

/* The sign of a permutation by exchanges, times those of the diagonal. */
static void sign_and_log(const mats *a, const double *lu, const int64_t *pivot, double *sign, double *log_) {
    *sign = 1, *log_ = 0;
    for (int64_t i = 0; i < a->n; i++) {
        double d = lu[i * a->n + i];
        if (pivot[i] != i) *sign = -*sign;
        *sign *= d > 0 ? 1 : d < 0 ? -1 : d;
        *log_ += log(fabs(d));
    }
}

static bool slogdet(lower *L, mats *a, int64_t **pivot) {
    sten *t = arg_tensor(L, 0);
    if (!eager_only(L) || !mats_read(L, "linalg.slogdet", t, true, a)) return false;
    double *sign = mats_space(L, a, 1, 1), *log_ = mats_space(L, a, 1, 1);
    *pivot = mats_ints(L, a, a->n);
    if (!sign || !log_ || !*pivot) return false;
    for (int64_t b = 0; b < a->batch; b++) {
        mx_lu(a->n, a->n, a->v + b * a->n * a->n, *pivot + b * a->n, true);
        sign_and_log(a, a->v + b * a->n * a->n, *pivot + b * a->n, &sign[b], &log_[b]);
    }
    ret_tensor(L, mats_give_scalars(L, a, sign));
    ret_tensor(L, mats_give_scalars(L, a, log_));
    return lower_ok(L);
}

void aten_linalg_slogdet(lower *L) {
    mats a;
    int64_t *pivot;
    slogdet(L, &a, &pivot);
}

void aten__linalg_slogdet(lower *L) {
    mats a;
    int64_t *pivot;
    if (!slogdet(L, &a, &pivot)) return;
    ret_tensor(L, mats_give(L, &a, a.n, a.n, a.v));
    ret_tensor(L, mats_give_ints(L, &a, a.n, pivot, 1));
}

/* ---- LU ---- */
typedef struct factors {
    mats a; /* L and U */
    int64_t *pivot, *info;
} factors;

static bool factorize(lower *L, const char *who, sten *t, bool square, bool exchange, factors *f) {
    if (!eager_only(L) || !mats_read(L, who, t, square, &f->a)) return false;
    int64_t k = i64_min(f->a.m, f->a.n), size = f->a.m * f->a.n;
    f->pivot = mats_ints(L, &f->a, k), f->info = mats_ints(L, &f->a, 1);
    if (!f->pivot || !f->info) return false;
    for (int64_t b = 0; b < f->a.batch; b++)
        f->info[b] = mx_lu(f->a.m, f->a.n, f->a.v + b * size, f->pivot + b * k, exchange);
    return lower_ok(L);
}

static int64_t first_bad(const factors *f) {
    for (int64_t b = 0; b < f->a.batch; b++)
        if (f->info[b]) return b;
    return -1;
}

void aten__linalg_det(lower *L) {
    factors f;
    sten *t = arg_tensor(L, 0);
    if (!factorize(L, "linalg.det", t, true, true, &f)) return;
    ret_tensor(L, EMIT(Det, t));
    ret_tensor(L, mats_give(L, &f.a, f.a.n, f.a.n, f.a.v));
    ret_tensor(L, mats_give_ints(L, &f.a, f.a.n, f.pivot, 1));
}

static void lu_factor(lower *L, int info_at, bool gives_info) { /* (A, pivot, check_errors) */
    factors f;
    if (!factorize(L, "linalg.lu_factor", arg_tensor(L, 0), false, arg_bool(L, 1), &f)) return;
    int64_t k = i64_min(f.a.m, f.a.n), bad = first_bad(&f);
    bool check = !gives_info || arg_bool(L, info_at);
    if (bad >= 0 && check)
        singular(
            L, "torch.linalg.lu_factor", bad, &f.a,
            "U[%1$lld,%1$lld] is zero and using it on lu_solve would result in a division by zero. If you still want "
            "to perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)",
            f.info[bad]);
    ret_tensor(L, mats_give(L, &f.a, f.a.m, f.a.n, f.a.v));
    ret_tensor(L, mats_give_ints(L, &f.a, k, f.pivot, 1));
    if (gives_info) ret_tensor(L, mats_give_ints(L, &f.a, -1, f.info, 0));
}

void aten_linalg_lu_factor(lower *L) { lu_factor(L, 0, false); }
void aten_linalg_lu_factor_ex(lower *L) { lu_factor(L, 2, true); }

static void lower_part(const mats *a, const double *lu, double *l) { /* [m, k] */
    int64_t k = i64_min(a->m, a->n);
    for (int64_t i = 0; i < a->m; i++)
        for (int64_t j = 0; j < k; j++) l[i * k + j] = i == j ? 1 : i > j ? lu[i * a->n + j] : 0;
}

static void upper_part(const mats *a, const double *lu, double *u) { /* [k, n] */
    int64_t k = i64_min(a->m, a->n);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < a->n; j++) u[i * a->n + j] = j >= i ? lu[i * a->n + j] : 0;
}

static void permutation(const mats *a, const int64_t *pivot, int64_t *order, double *p) { /* A = P L U */
    int64_t k = i64_min(a->m, a->n);
    for (int64_t i = 0; i < a->m; i++) order[i] = i;
    for (int64_t i = 0; i < k; i++) {
        int64_t t = order[i];
        order[i] = order[pivot[i]], order[pivot[i]] = t;
    }
    memset(p, 0, (size_t)(a->m * a->m) * sizeof *p);
    for (int64_t i = 0; i < a->m; i++) p[order[i] * a->m + i] = 1;
}

static void give_plu(lower *L, const mats *a, const int64_t *pivot, bool with_p, bool with_lu) {
    int64_t k = i64_min(a->m, a->n);
    double *p = mats_space(L, a, a->m, a->m), *l = mats_space(L, a, a->m, k), *u = mats_space(L, a, k, a->n);
    int64_t *order = mats_ints(L, a, a->m);
    if (!p || !l || !u || !order) return;
    for (int64_t b = 0; b < a->batch; b++) {
        if (with_p) permutation(a, pivot + b * k, order, p + b * a->m * a->m);
        lower_part(a, a->v + b * a->m * a->n, l + b * a->m * k);
        upper_part(a, a->v + b * a->m * a->n, u + b * k * a->n);
    }
    sten *none = host_new(L, a->d, 1, (int64_t[]){0});
    ret_tensor(L, with_p ? mats_give(L, a, a->m, a->m, p) : none);
    ret_tensor(L, with_lu ? mats_give(L, a, a->m, k, l) : none);
    ret_tensor(L, with_lu ? mats_give(L, a, k, a->n, u) : none);
}

void aten_linalg_lu(lower *L) {
    factors f;
    bool exchange = arg_bool(L, 1);
    if (factorize(L, "linalg.lu", arg_tensor(L, 0), false, exchange, &f)) give_plu(L, &f.a, f.pivot, exchange, true);
}

/* Pivots as given (from 1), checked. */
static int64_t *read_pivots(lower *L, sten *t, const mats *a) {
    int64_t k = i64_min(a->m, a->n), *out = mats_ints(L, a, k);
    const int64_t *p = host_i64(L, t);
    if (!out || !p) return NULL;
    if (host_count(t) != a->batch * k) lower_raise(L, "RuntimeError", "pivots do not fit the matrices");
    for (int64_t i = 0; lower_ok(L) && i < a->batch * k; i++) {
        if (p[i] < 1 || p[i] > a->m) lower_raise(L, "RuntimeError", "a pivot is out of range");
        else out[i] = p[i] - 1;
    }
    return lower_ok(L) ? out : NULL;
}

void aten_lu_unpack(lower *L) { /* (LU_data, LU_pivots, unpack_data, unpack_pivots) */
    mats a;
    sten *t = arg_tensor(L, 0), *p = arg_tensor(L, 1);
    bool data = arg_bool(L, 2), pivots = arg_bool(L, 3);
    if (!eager_only(L) || !mats_read(L, "lu_unpack", t, false, &a)) return;
    int64_t *pivot = read_pivots(L, p, &a);
    if (pivot) give_plu(L, &a, pivot, pivots, data);
}

/* ---- solving ---- */
static void transpose_all(const mats *a, double *v, double *space) {
    for (int64_t b = 0; b < a->batch; b++) {
        double *at = v + b * a->m * a->n;
        mx_transpose(a->m, a->n, at, space);
        memcpy(at, space, (size_t)(a->m * a->n) * sizeof *at);
    }
}

/* Both read with a common batch; B [n, k] below A, or [k, n] beside it (left false: X A = B, solved transposed). */
static bool read_system(lower *L, const char *who, sten *ta, sten *tb, bool left, mats *a, mats *b) {
    if (!eager_only(L)) return false;
    if (t_rank(L, ta) < 2 || t_rank(L, tb) < 2) {
        lower_raise(L, "RuntimeError", "%s: The input tensors must have at least 2 dimensions.", who);
        return false;
    }
    mats_share_batch(L, &ta, &tb);
    if (!mats_read(L, who, ta, true, a) || !mats_read(L, who, tb, false, b)) return false;
    if ((left ? b->m : b->n) != a->n) {
        lower_raise(L, "RuntimeError",
                    "%s: Incompatible shapes of A and B for the equation %s (%lldx%lld and %lldx%lld)", who,
                    left ? "AX = B" : "XA = B", (long long)a->m, (long long)a->n, (long long)b->m, (long long)b->n);
        return false;
    }
    return true;
}

static double *turned(lower *L, const mats *b, bool left) { /* [n, k] for each: the right side as columns */
    double *space = mats_space(L, b, 1, b->m * b->n);
    if (!left && space) transpose_all(b, b->v, space);
    return space;
}

static sten *give_solution(lower *L, const mats *b, bool left, double *space) {
    if (left) return mats_give(L, b, b->m, b->n, b->v);
    mats t = *b;
    t.m = b->n, t.n = b->m;
    transpose_all(&t, b->v, space);
    return mats_give(L, b, b->m, b->n, b->v);
}

/* B is a vector when it has one axis, or A's shape without its last one. */
static bool is_vector(lower *L, sten *a, sten *b) {
    int ra = t_rank(L, a), rb = t_rank(L, b);
    if (rb == 1) return true;
    if (ra - 1 != rb) return false;
    for (int i = 0; i < rb; i++)
        if (t_dim_int(L, a, i) != t_dim_int(L, b, i)) return false;
    return true;
}

typedef struct solved {
    sten *x;
    factors f;
} solved;

static bool solve(lower *L, sten *ta, sten *tb, bool left, bool check, solved *s) {
    const char *who = "linalg.solve";
    mats b;
    if (!eager_only(L)) return false;
    bool vector = t_rank(L, ta) >= 2 && is_vector(L, ta, tb);
    if (vector) tb = view_unsqueeze(L, tb, t_rank(L, tb));
    if (!factorize(L, who, ta, true, true, &s->f) || !read_system(L, who, ta, tb, left || vector, &s->f.a, &b))
        return false;
    int64_t n = s->f.a.n, size = n * n, k = left || vector ? b.n : b.m;
    double *space = turned(L, &b, left || vector);
    s->f.pivot = mats_ints(L, &b, n), s->f.info = mats_ints(L, &b, 1);
    if (!space || !s->f.pivot || !s->f.info) return false;
    for (int64_t i = 0; i < b.batch; i++) {
        double *lu = s->f.a.v + i * size;
        s->f.info[i] = mx_lu(n, n, lu, s->f.pivot + i * n, true);
        if (s->f.info[i] && check) {
            singular(L, "torch.linalg.solve", i, &s->f.a, "The solver failed because the input matrix is singular.", 0);
            return false;
        }
        mx_lu_solve(n, lu, s->f.pivot + i * n, k, b.v + i * n * k, !(left || vector));
    }
    s->x = give_solution(L, &b, left || vector, space);
    if (vector) s->x = view_select(L, s->x, t_rank(L, s->x) - 1, sv_int(0));
    return lower_ok(L);
}

void aten_linalg_solve(lower *L) {
    solved s;
    if (solve(L, arg_tensor(L, 0), arg_tensor(L, 1), arg_bool(L, 2), true, &s)) ret_tensor(L, s.x);
}

void aten_linalg_solve_ex(lower *L) {
    solved s;
    if (!solve(L, arg_tensor(L, 0), arg_tensor(L, 1), arg_bool(L, 2), arg_bool(L, 3), &s)) return;
    ret_tensor(L, s.x);
    ret_tensor(L, mats_give_ints(L, &s.f.a, -1, s.f.info, 0));
}

void aten__linalg_solve_ex(lower *L) { /* -> result, LU, pivots, info */
    solved s;
    if (!solve(L, arg_tensor(L, 0), arg_tensor(L, 1), arg_bool(L, 2), arg_bool(L, 3), &s)) return;
    ret_tensor(L, s.x);
    ret_tensor(L, mats_give(L, &s.f.a, s.f.a.n, s.f.a.n, s.f.a.v));
    ret_tensor(L, mats_give_ints(L, &s.f.a, s.f.a.n, s.f.pivot, 1));
    ret_tensor(L, mats_give_ints(L, &s.f.a, -1, s.f.info, 0));
}

static void lu_solve(lower *L, sten *lu, sten *pivots, sten *rhs, bool left, bool adjoint) {
    mats a, b;
    if (!read_system(L, "linalg.lu_solve", lu, rhs, left, &a, &b)) return;
    mats given = a;
    if (host_count(pivots) == a.n) given.batch = 1; /* one factorization for all right sides */
    int64_t *pivot = read_pivots(L, pivots, &given), n = a.n, k = left ? b.n : b.m;
    double *space = turned(L, &b, left);
    if (!pivot || !space) return;
    for (int64_t i = 0; i < b.batch; i++)
        mx_lu_solve(n, a.v + i * n * n, pivot + i % given.batch * n, k, b.v + i * n * k, adjoint == left);
    ret_tensor(L, give_solution(L, &b, left, space));
}

void aten_linalg_lu_solve(lower *L) { /* (LU, pivots, B, left, adjoint) */
    lu_solve(L, arg_tensor(L, 0), arg_tensor(L, 1), arg_tensor(L, 2), arg_bool(L, 3), arg_bool(L, 4));
}
void aten_lu_solve(lower *L) { lu_solve(L, arg_tensor(L, 1), arg_tensor(L, 2), arg_tensor(L, 0), true, false); }

static sten *solve_triangle(lower *L, sten *ta, sten *tb, bool upper, bool left, bool transposed, bool unit) {
    mats a, b;
    if (!read_system(L, "linalg.solve_triangular", ta, tb, left, &a, &b)) return NULL;
    int64_t n = a.n, k = left ? b.n : b.m;
    double *space = turned(L, &b, left);
    for (int64_t i = 0; space && i < b.batch; i++)
        mx_solve_triangle(n, a.v + i * n * n, upper, unit, transposed != !left, k, b.v + i * n * k);
    return space ? give_solution(L, &b, left, space) : NULL;
}

void aten_linalg_solve_triangular(lower *L) { /* (self, B, *, upper, left, unitriangular) */
    sten *x =
        solve_triangle(L, arg_tensor(L, 0), arg_tensor(L, 1), arg_bool(L, 2), arg_bool(L, 3), false, arg_bool(L, 4));
    ret_tensor(L, x);
}

void aten_triangular_solve(lower *L) { /* (self, A, upper, transpose, unitriangular) -> solution, copy of A */
    sten *a = arg_tensor(L, 1);
    sten *x = solve_triangle(L, a, arg_tensor(L, 0), arg_bool(L, 2), true, arg_bool(L, 3), arg_bool(L, 4));
    ret_tensor(L, x);
    ret_tensor(L, fresh(L, a));
}

/* ---- inverses ---- */
static bool invert(lower *L, const char *who, bool check, factors *f, sten **out) {
    if (!factorize(L, who, arg_tensor(L, 0), true, true, f)) return false;
    int64_t n = f->a.n;
    double *x = mats_space(L, &f->a, n, n);
    for (int64_t b = 0; x && b < f->a.batch; b++) {
        if (f->info[b] && check) {
            singular(
                L, who, b, &f->a,
                "The diagonal element %lld is zero, the inversion could not be completed because the input matrix is "
                "singular.",
                f->info[b]);
            return false;
        }
        mx_identity(n, x + b * n * n);
        mx_lu_solve(n, f->a.v + b * n * n, f->pivot + b * n, n, x + b * n * n, false);
    }
    *out = x ? mats_give(L, &f->a, n, n, x) : NULL;
    return lower_ok(L);
}

void aten_linalg_inv(lower *L) {
    factors f;
    sten *x;
    if (invert(L, "linalg.inv", true, &f, &x)) ret_tensor(L, x);
}

void aten_linalg_inv_ex(lower *L) {
    factors f;
    sten *x;
    if (!invert(L, "linalg.inv_ex", arg_bool(L, 1), &f, &x)) return;
    ret_tensor(L, x);
    ret_tensor(L, mats_give_ints(L, &f.a, -1, f.info, 0));
}

/* ---- Cholesky ---- */
static void cholesky(lower *L, bool upper, bool check, bool gives_info) {
    mats a;
    if (!eager_only(L) || !mats_read(L, "linalg.cholesky", arg_tensor(L, 0), true, &a)) return;
    int64_t n = a.n, *info = mats_ints(L, &a, 1);
    double *space = mats_space(L, &a, n, n);
    if (!info || !space) return;
    if (upper) transpose_all(&a, a.v, space); /* only one half is read */
    for (int64_t b = 0; b < a.batch; b++) {
        info[b] = mx_cholesky(n, a.v + b * n * n);
        if (info[b] && check) {
            singular(L, "linalg.cholesky", b, &a,
                     "The factorization could not be completed because the input is not positive-definite (the leading "
                     "minor of order %lld is not positive-definite).",
                     info[b]);
            return;
        }
    }
    if (upper) transpose_all(&a, a.v, space);
    ret_tensor(L, mats_give(L, &a, n, n, a.v));
    if (gives_info) ret_tensor(L, mats_give_ints(L, &a, -1, info, 0));
}

void aten_linalg_cholesky(lower *L) { cholesky(L, arg_bool(L, 1), true, false); }
void aten_linalg_cholesky_ex(lower *L) { cholesky(L, arg_bool(L, 1), arg_bool(L, 2), true); }

static void solve_by_half(const mats *a, bool upper, int64_t k, double *b, int64_t i) {
    const double *h = a->v + i * a->n * a->n;
    mx_solve_triangle(a->n, h, upper, false, upper, k, b);
    mx_solve_triangle(a->n, h, upper, false, !upper, k, b);
}

void aten_cholesky_solve(lower *L) { /* (B, factor, upper) */
    mats a, b;
    bool upper = arg_bool(L, 2);
    if (!read_system(L, "cholesky_solve", arg_tensor(L, 1), arg_tensor(L, 0), true, &a, &b)) return;
    for (int64_t i = 0; i < b.batch; i++) solve_by_half(&a, upper, b.n, b.v + i * b.m * b.n, i);
    ret_tensor(L, mats_give(L, &b, b.m, b.n, b.v));
}

void aten_cholesky_inverse(lower *L) { /* (factor, upper) */
    mats a;
    bool upper = arg_bool(L, 1);
    if (!eager_only(L) || !mats_read(L, "cholesky_inverse", arg_tensor(L, 0), true, &a)) return;
    double *x = mats_space(L, &a, a.n, a.n);
    for (int64_t i = 0; x && i < a.batch; i++) {
        mx_identity(a.n, x + i * a.n * a.n);
        solve_by_half(&a, upper, a.n, x + i * a.n * a.n, i);
    }
    if (x) ret_tensor(L, mats_give(L, &a, a.n, a.n, x));
}
