/* SPDX-License-Identifier: MIT
 *
 * Random tensors. Values are not PyTorch's, distributions are. Eagerly numbers come from the machine's generator, each
 * on the grid of its type (2^-24 for float) so that 1 never appears; while recording from RandomUniform and
 * RandomNormal. Generator arguments are accepted and not looked at.
 */
#include "script/aten/shape_util.h"

#include <math.h>

#include "script/eager.h"
#include "script/vm.h"

/* ---- uniform and normal numbers ---- */
static double grid_of(naru_dtype d) { /* as many numbers in [0, 1) as the type tells apart */
    return d == NARU_DOUBLE ? 0x1p53 : d == NARU_FLOAT ? 0x1p24 : d == NARU_FLOAT16 ? 0x1p11 : 0x1p8;
}

static sten *drawn_here(lower *L, naru_dtype d, int n, const int64_t *dims, bool normal) {
    sten *t = host_new(L, d, n, dims);
    void *data = host_data(L, t);
    double grid = grid_of(d);
    if (!data) return NULL;
    for (int64_t i = 0, count = host_count(t); i < count; i++) {
        double v = normal ? host_normal(L) : floor(host_random(L) * grid) / grid;
        if (d == NARU_FLOAT) ((float *)data)[i] = (float)v;
        else dtype_set_f64(d, data, i, v);
    }
    return t;
}

static sten *drawn_later(lower *L, naru_dtype d, int n, const sv *sizes, bool normal) {
    int64_t dims[NARU_MAX_RANK];
    if (sizes_known(n, sizes)) {
        sizes_need(L, n, sizes, dims);
        const la *how = ATTRS(AI("dtype", (int)d), AV("shape", dims, n));
        return lower_op(L, normal ? &op_RandomNormal : &op_RandomUniform, how, 0, NULL);
    }
    sten *shape = filled(L, d, n, sizes, sv_int(0));
    return lower_op(L, normal ? &op_RandomNormalLike : &op_RandomUniformLike, ATTRS(AI("dtype", (int)d)), 1, &shape);
}

static sten *drawn(lower *L, naru_dtype d, int n, const sv *sizes, bool normal) {
    int64_t dims[NARU_MAX_RANK];
    if (!lower_ok(L)) return NULL;
    if (dtype_is_complex(d)) { /* both parts; a normal one has variance 1 in all */
        sv wide[NARU_MAX_RANK];
        if (n >= NARU_MAX_RANK) return lower_fail(L, NARU_UNSUPPORTED, "too many dimensions"), NULL;
        for (int i = 0; i < n; i++) wide[i] = sizes[i];
        wide[n] = sv_int(2);
        naru_dtype part = d == NARU_COMPLEX128 ? NARU_DOUBLE : NARU_FLOAT;
        sten *parts = drawn(L, part, n + 1, wide, normal);
        return view_complex(L, normal ? EMIT(Mul, parts, lit(L, part, M_SQRT1_2)) : parts, true);
    }
    if (!dtype_is_float(d)) {
        lower_raise(L, "NotImplementedError", "random numbers of type '%s' are not implemented", naru_dtype_name(d));
        return NULL;
    }
    if (lower_recording(L)) return drawn_later(L, d, n, sizes, normal);
    return sizes_need(L, n, sizes, dims) ? drawn_here(L, d, n, dims, normal) : NULL;
}

static sten *like(lower *L, const sten *t, naru_dtype d, bool normal) {
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, t, s);
    return drawn(L, d, n, s, normal);
}

static void ret_drawn(lower *L, bool normal) {
    sv s[NARU_MAX_RANK];
    int n = arg_sints(L, 0, s);
    ret_tensor(L, drawn(L, dtype_named(L, NARU_FLOAT), n, s, normal));
}
void aten_rand(lower *L) { ret_drawn(L, false); }
void aten_randn(lower *L) { ret_drawn(L, true); }
static void ret_drawn_like(lower *L, bool normal) {
    sten *t = arg_tensor(L, 0);
    ret_tensor(L, like(L, t, dtype_named(L, t_dtype(L, t)), normal));
}
void aten_rand_like(lower *L) { ret_drawn_like(L, false); }
void aten_randn_like(lower *L) { ret_drawn_like(L, true); }

/* ---- integers ---- */
/* Integers in [low, high), both maybe symbolic. */
static sten *integers(lower *L, naru_dtype d, int n, const sv *sizes, sv low, sv high) {
    if (s_known(low) && s_known(high) && low.i >= high.i)
        lower_raise(L, "RuntimeError", "random_ expects 'from' to be less than 'to', but got from=%lld >= to=%lld",
                    (long long)low.i, (long long)high.i);
    sten *u = drawn(L, NARU_DOUBLE, n, sizes, false), *span = scalar_tensor(L, s_sub(L, high, low), NARU_DOUBLE);
    sten *whole = cast(L, EMIT(Floor, EMIT(Mul, u, span)), NARU_INT64);
    return cast(L, EMIT(Add, whole, scalar_tensor(L, low, NARU_INT64)), d);
}

void aten_randint(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = arg_sints(L, 1, s);
    ret_tensor(L, integers(L, dtype_named(L, NARU_INT64), n, s, sv_int(0), arg_sint(L, 0)));
}
void aten_randint_low(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = arg_sints(L, 2, s);
    ret_tensor(L, integers(L, dtype_named(L, NARU_INT64), n, s, arg_sint(L, 0), arg_sint(L, 1)));
}

static sten *integers_like(lower *L, sten *t, naru_dtype d, sv low, sv high) {
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, t, s);
    return integers(L, d, n, s, low, high);
}
void aten_randint_like(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_tensor(L, integers_like(L, t, dtype_named(L, t_dtype(L, t)), sv_int(0), arg_sint(L, 1)));
}
void aten_randint_like_low(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_tensor(L, integers_like(L, t, dtype_named(L, t_dtype(L, t)), arg_sint(L, 1), arg_sint(L, 2)));
}

/* random_(): all values that the type holds exactly, from 0 on. */
static sten *any_integers(lower *L, sten *t) {
    naru_dtype d = t_dtype(L, t);
    if (dtype_is_float(d)) return integers_like(L, t, d, sv_int(0), sv_int((int64_t)grid_of(d) + 1));
    if (d == NARU_BOOL) return integers_like(L, t, d, sv_int(0), sv_int(2));
    if (d != NARU_INT64) return integers_like(L, t, d, sv_int(0), sv_int((int64_t)dtype_int_max(d) + 1));
    sten *high = integers_like(L, t, d, sv_int(0), sv_int((int64_t)1 << 31));
    sten *low = integers_like(L, t, d, sv_int(0), sv_int((int64_t)1 << 32));
    return EMIT(Add, EMIT(Mul, high, lit_int(L, (int64_t)1 << 32)), low);
}
void aten_random(lower *L) { ret_tensor(L, any_integers(L, arg_tensor(L, 0))); }
void aten_random_to(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_tensor(L, integers_like(L, t, t_dtype(L, t), sv_int(0), arg_sint(L, 1)));
}
void aten_random_from(lower *L) {
    sten *t = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, t);
    int64_t most = dtype_is_float(d) ? (int64_t)grid_of(d) + 1
                   : d == NARU_INT64 ? INT64_MAX
                                     : (int64_t)dtype_int_max(d) + 1;
    ret_tensor(L, integers_like(L, t, d, arg_sint(L, 1), arg_sint_or(L, 2, most)));
}

void aten_randperm(lower *L) {
    sv n = arg_sint(L, 0);
    naru_dtype d = dtype_named(L, NARU_INT64);
    if (lower_ok(L) && s_known(n) && n.i < 0)
        lower_raise(L, "RuntimeError", "Trying to create tensor with negative dimension %lld: [%lld]", (long long)n.i,
                    (long long)n.i);
    if (!lower_ok(L)) return;
    if (lower_recording(L)) { /* the order of random keys */
        sten *in[] = {drawn(L, NARU_DOUBLE, 1, &n, false), ints_tensor(L, &n, 1)}, *out[2];
        lower_opn(L, &op_TopK, ATTRS(AI("axis", -1), AI("largest", 1), AI("sorted", 1)), 2, in, 2, out);
        ret_tensor(L, cast(L, out[1], d));
        return;
    }
    sten *t = host_new(L, NARU_INT64, 1, &n.i);
    int64_t *v = host_data(L, t);
    for (int64_t i = 0; v && i < n.i; i++) {
        int64_t k = (int64_t)(host_random(L) * (double)(i + 1));
        v[i] = v[k];
        v[k] = i;
    }
    ret_tensor(L, cast(L, t, d));
}

/* ---- choices ---- */
static sten *coins(lower *L, sten *t, sten *p) { /* of t's sizes and type: 1 with probability p */
    sten *u = like(L, t, NARU_DOUBLE, false);
    return cast(L, EMIT(Less, u, cast(L, p, NARU_DOUBLE)), t_dtype(L, t));
}
static sten *probability(lower *L, int i) {
    double p = arg_float(L, i);
    if (lower_ok(L) && !(p >= 0 && p <= 1))
        lower_raise(L, "RuntimeError", "bernoulli_ expects p to be in [0, 1], but got p=%g", p);
    return lit(L, NARU_DOUBLE, p);
}
void aten_bernoulli(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_tensor(L, coins(L, t, t));
}
void aten_bernoulli_p(lower *L) { ret_tensor(L, coins(L, arg_tensor(L, 0), probability(L, 1))); }
void aten_bernoulli_tensor(lower *L) { ret_tensor(L, coins(L, arg_tensor(L, 0), arg_tensor(L, 1))); }

static void ret_written(lower *L, sten *values) {
    sten *self = arg_tensor(L, 0);
    write_to(L, self, values);
    ret_tensor(L, self);
}
void aten_bernoulli_p_(lower *L) { ret_written(L, coins(L, arg_tensor(L, 0), probability(L, 1))); }
void aten_bernoulli_tensor_(lower *L) { ret_written(L, coins(L, arg_tensor(L, 0), arg_tensor(L, 1))); }

static sten *exponentials(lower *L, const sten *t, naru_dtype d) { /* rate 1 */
    sten *u = like(L, t, d, false);
    return EMIT(Neg, EMIT(Log, EMIT(Sub, lit(L, d, 1), u)));
}

static void check_weights(lower *L, sten *w) {
    const double *v = host_f64(L, w);
    int64_t n = host_dims(w)[1];
    for (int64_t r = 0; v && lower_ok(L) && r < host_dims(w)[0]; r++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            double x = v[r * n + i];
            if (!(x >= 0) || isinf(x))
                lower_raise(L, "RuntimeError", "probability tensor contains either `inf`, `nan` or element < 0");
            sum += x;
        }
        if (!(sum > 0)) lower_raise(L, "RuntimeError", "invalid multinomial distribution (sum of probabilities <= 0)");
    }
}

static sten *with_replacement(lower *L, sten *w, int64_t count) {
    if (lower_recording(L))
        return EMITA(Multinomial, ATTRS(AI("dtype", NARU_INT64), AI("sample_size", count)), EMIT(Log, w));
    const double *v = host_f64(L, w);
    int64_t n = host_dims(w)[1], dims[2] = {host_dims(w)[0], count};
    sten *out = host_new(L, NARU_INT64, 2, dims);
    int64_t *pick = host_data(L, out);
    double *sum = host_scratch(L, (size_t)n * sizeof *sum);
    for (int64_t r = 0; v && pick && sum && r < dims[0]; r++) {
        for (int64_t i = 0; i < n; i++) sum[i] = (i ? sum[i - 1] : 0) + v[r * n + i];
        for (int64_t k = 0; k < count; k++) {
            double at = host_random(L) * sum[n - 1];
            int64_t lo = 0, hi = n - 1; /* the first whose sum exceeds `at` */
            while (lo < hi) {
                int64_t mid = (lo + hi) / 2;
                if (sum[mid] > at) hi = mid;
                else lo = mid + 1;
            }
            pick[r * count + k] = lo;
        }
    }
    return out;
}

void aten_multinomial(lower *L) {
    sten *w = arg_tensor(L, 0);
    int64_t count = arg_int(L, 1);
    bool again = arg_bool(L, 2);
    int rank = t_rank(L, w);
    naru_dtype d = t_dtype(L, w);
    if (lower_ok(L) && (rank < 1 || rank > 2)) lower_raise(L, "RuntimeError", "prob_dist must be 1 or 2 dim");
    if (lower_ok(L) && !dtype_is_float(d))
        lower_raise(L, "RuntimeError", "multinomial only supports floating-point dtypes for input");
    if (lower_ok(L) && count <= 0) lower_raise(L, "RuntimeError", "cannot sample n_sample <= 0 samples");
    sv n = t_dim(L, w, -1);
    if (lower_ok(L) && !again && s_known(n) && count > n.i)
        lower_raise(L, "RuntimeError", "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
    if (rank == 1) w = view_unsqueeze(L, w, 0);
    if (lower_ok(L) && !lower_recording(L)) check_weights(L, w);
    if (!lower_ok(L)) return;
    sten *out[2];
    if (again) {
        out[1] = with_replacement(L, w, count);
    } else { /* the largest of weights over exponential numbers */
        w = cast(L, w, NARU_DOUBLE);
        sten *in[] = {EMIT(Div, w, exponentials(L, w, NARU_DOUBLE)), lit_ints(L, &count, 1)};
        lower_opn(L, &op_TopK, ATTRS(AI("axis", -1), AI("largest", 1), AI("sorted", 1)), 2, in, 2, out);
    }
    ret_tensor(L, rank == 1 ? view_select(L, out[1], 0, sv_int(0)) : out[1]);
}

/* ---- normal ---- */
static void check_std(lower *L, double s) {
    if (lower_ok(L) && !(s >= 0)) lower_raise(L, "RuntimeError", "normal expects std >= 0.0, but found std %g", s);
}
static sten *scaled(lower *L, sten *z, sten *mean, sten *std) {
    naru_dtype d = t_dtype(L, z);
    return EMIT(Add, EMIT(Mul, z, cast(L, std, d)), cast(L, mean, d));
}

static void ret_normal_of(lower *L, sten *mean, sten *std, sten *typed) {
    sv s[NARU_MAX_RANK];
    int n = broadcast_sizes(L, 2, (sten *[]){mean, std}, s);
    ret_tensor(L, scaled(L, drawn(L, t_dtype(L, typed), n, s, true), mean, std));
}
void aten_normal_mean(lower *L) { /* mean a tensor; std a number or a tensor */
    sten *mean = arg_tensor(L, 0);
    if (arg(L, 1).tag == SV_FLOAT) check_std(L, arg_float(L, 1));
    ret_normal_of(L, mean, arg_tensor(L, 1), mean);
}
void aten_normal_std(lower *L) {
    sten *std = arg_tensor(L, 1);
    ret_normal_of(L, arg_tensor(L, 0), std, std);
}
void aten_normal_size(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = arg_sints(L, 2, s);
    check_std(L, arg_float(L, 1));
    ret_tensor(L, scaled(L, drawn(L, dtype_named(L, NARU_FLOAT), n, s, true), arg_tensor(L, 0), arg_tensor(L, 1)));
}

static sten *normal_like_self(lower *L) {
    sten *t = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, t);
    check_std(L, arg_float(L, 2));
    return scaled(L, like(L, t, d, true), lit(L, d, arg_float(L, 1)), lit(L, d, arg_float(L, 2)));
}
void aten_normal_functional(lower *L) { ret_tensor(L, normal_like_self(L)); }
void aten_normal_(lower *L) { ret_written(L, normal_like_self(L)); }
void aten_log_normal(lower *L) { ret_tensor(L, EMIT(Exp, normal_like_self(L))); }

/* ---- by inversion ---- */
void aten_uniform(lower *L) {
    sten *t = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, t);
    double from = arg_float(L, 1), to = arg_float(L, 2);
    if (lower_ok(L) && from > to)
        lower_raise(L, "RuntimeError", "uniform_ expects to return a [from, to) range, but found from=%g > to=%g", from,
                    to);
    sten *u = like(L, t, d, false);
    ret_tensor(L, EMIT(Add, EMIT(Mul, u, lit(L, d, to - from)), lit(L, d, from)));
}

void aten_exponential(lower *L) {
    sten *t = arg_tensor(L, 0);
    double rate = arg_float(L, 1);
    if (lower_ok(L) && !(rate > 0))
        lower_raise(L, "RuntimeError", "exponential_ expects lambda > 0.0, but found lambda=%g", rate);
    naru_dtype d = t_dtype(L, t);
    ret_tensor(L, EMIT(Div, exponentials(L, t, d), lit(L, d, rate)));
}

void aten_cauchy(lower *L) {
    sten *t = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, t);
    sten *angle = EMIT(Mul, EMIT(Sub, like(L, t, d, false), lit(L, d, 0.5)), lit(L, d, M_PI));
    ret_tensor(L, EMIT(Add, EMIT(Mul, EMIT(Tan, angle), lit(L, d, arg_float(L, 2))), lit(L, d, arg_float(L, 1))));
}

void aten_geometric(lower *L) {
    sten *t = arg_tensor(L, 0);
    double p = arg_float(L, 1);
    if (lower_ok(L) && !(p > 0 && p < 1))
        lower_raise(L, "RuntimeError", "geometric_ expects p to be in (0, 1), but got p=%g", p);
    sten *e = exponentials(L, t, NARU_DOUBLE), *one = lit(L, NARU_DOUBLE, 1);
    ret_tensor(L, cast(L, EMIT(Max, EMIT(Ceil, EMIT(Div, e, lit(L, NARU_DOUBLE, -log1p(-p)))), one), t_dtype(L, t)));
}

void aten_manual_seed(lower *L) {
    int64_t seed = arg_int(L, 0);
    if (lower_ok(L) && L->vm->eager) eager_seed(L->vm->eager, (uint64_t)seed);
}
