/* SPDX-License-Identifier: MIT
 *
 * Functions of one tensor. Integers and bools become float32 where the function is not an integer's own. Those that no
 * operator of Naru computes to the last digit (log1p, exp2, ...) run on the host, and are recorded as compositions.
 */
#include <complex.h>
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"
#include "script/aten/quantized_pointwise.h"
#include "script/aten/special.h"
#include "script/aten/special_record.h"

typedef sten *(*record_fn)(lower *L, sten *x);

static void no_complex(lower *L, naru_dtype d) {
    if (dtype_is_complex(d))
        lower_raise(L, "RuntimeError", "\"%s\" not implemented for '%s'", L->op->schema->name, sten_type_name(d));
}

/* ---- one operator ---- */
static void by_operator(lower *L, const op_desc *op, fn_c f) {
    sten *x = arg_tensor(L, 0);
    if (dtype_is_complex(t_dtype(L, x)) && f) {
        ret_tensor(L, cmap1(L, x, f));
        return;
    }
    no_complex(L, t_dtype(L, x));
    x = to_float(L, x);
    sten *y = ar_for_export(L) && t_dtype(L, x) == NARU_DOUBLE ? sr_of_double(L, op, x) : NULL;
    ret_tensor(L, y ? y : lower_op(L, op, NULL, 1, &x));
}

static bool is_signed(lower *L) { return t_dtype(L, arg_tensor(L, 0)) == NARU_INT8; }
static cplx c_sigmoid(cplx z) { return 1 / (1 + cexp(-z)); }

#define BY_OPERATOR(name, Op, f)                                                                                       \
    void aten_##name(lower *L) { by_operator(L, &op_##Op, f); }
BY_OPERATOR(exp, Exp, cexp)
BY_OPERATOR(log, Log, clog)
BY_OPERATOR(sqrt, Sqrt, csqrt)
BY_OPERATOR(sin, Sin, csin)
BY_OPERATOR(cos, Cos, ccos)
BY_OPERATOR(tan, Tan, ctan)
BY_OPERATOR(asin, Asin, casin)
BY_OPERATOR(acos, Acos, cacos)
BY_OPERATOR(atan, Atan, catan)
BY_OPERATOR(sinh, Sinh, csinh)
BY_OPERATOR(cosh, Cosh, ccosh)
BY_OPERATOR(asinh, Asinh, casinh)
BY_OPERATOR(acosh, Acosh, cacosh)
BY_OPERATOR(atanh, Atanh, catanh)
BY_OPERATOR(erf, Erf, NULL)

void aten_tanh(lower *L) {
    if (!quantized_as(L, aten_tanh, 2.0 / 256, is_signed(L) ? 0 : 128)) by_operator(L, &op_Tanh, ctanh);
}
void aten_sigmoid(lower *L) {
    if (!quantized_as(L, aten_sigmoid, 1.0 / 256, is_signed(L) ? -128 : 0)) by_operator(L, &op_Sigmoid, c_sigmoid);
}

static cplx c_reciprocal(cplx z) { return 1 / z; }
void aten_reciprocal(lower *L) { by_operator(L, &op_Reciprocal, c_reciprocal); }

static cplx c_rsqrt(cplx z) { return 1 / csqrt(z); }
void aten_rsqrt(lower *L) {
    sten *x = arg_tensor(L, 0);
    if (dtype_is_complex(t_dtype(L, x))) ret_tensor(L, cmap1(L, x, c_rsqrt));
    else ret_tensor(L, EMIT(Reciprocal, EMIT(Sqrt, to_float(L, x))));
}

/* ---- on the host; `record` (NULL: none) says it in operators ---- */
enum { MANY = 1024 }; /* elements from which on several kernels are faster than a loop here */
static bool fast(lower *L, const sten *x) { return x && t_dtype(L, x) == NARU_FLOAT && host_count(x) >= MANY; }

static void by_host(lower *L, fn_d f, fn_c c, record_fn record) {
    sten *x = arg_tensor(L, 0);
    if (dtype_is_complex(t_dtype(L, x)) && c) {
        ret_tensor(L, cmap1(L, x, c));
        return;
    }
    no_complex(L, t_dtype(L, x));
    x = to_float(L, x);
    ret_tensor(L, record && lower_recording(L) ? record(L, x) : map1(L, x, f));
}

static cplx c_log2(cplx z) { return clog(z) / M_LN2; }
static cplx c_log10(cplx z) { return clog(z) / M_LN10; }
static cplx c_log1p(cplx z) { return clog(1 + z); }
static cplx c_exp2(cplx z) { return cexp(z * M_LN2); }
static cplx c_expm1(cplx z) { return cexp(z) - 1; }
static double d_sinc(double x) { return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x); }
static double d_ndtr(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
static double d_entr(double x) { return isnan(x) ? x : x > 0 ? -x * log(x) : x == 0 ? 0 : -INFINITY; }

static sten *record_log2(lower *L, sten *x) { return ar_mulc(L, EMIT(Log, x), 1 / M_LN2); }
static sten *record_log10(lower *L, sten *x) { return ar_mulc(L, EMIT(Log, x), 1 / M_LN10); }
/* log(u) x / (u - 1) with u = 1 + x makes good what the addition lost. */
static sten *record_log1p(lower *L, sten *x) {
    sten *u = ar_addc(L, x, 1), *y = EMIT(Log, u);
    if (ar_for_export(L)) return y;
    sten *one = lit(L, t_dtype(L, x), 1), *small = EMIT(Less, EMIT(Abs, x), lit(L, t_dtype(L, x), 0.5));
    sten *fine = ar_where(L, EMIT(Equal, u, one), x, EMIT(Mul, y, EMIT(Div, x, EMIT(Sub, u, one))));
    return ar_where(L, small, fine, y);
}
static sten *record_exp2(lower *L, sten *x) { return EMIT(Pow, lit(L, t_dtype(L, x), 2), x); }
static sten *record_expm1(lower *L, sten *x) {
    sten *u = EMIT(Exp, x), *y = ar_addc(L, u, -1);
    if (ar_for_export(L)) return y;
    sten *one = lit(L, t_dtype(L, x), 1), *small = EMIT(Less, EMIT(Abs, x), lit(L, t_dtype(L, x), 0.5));
    sten *fine = ar_where(L, EMIT(Equal, u, one), x, EMIT(Mul, y, EMIT(Div, x, EMIT(Log, u))));
    return ar_where(L, small, fine, y);
}
static sten *record_erfc(lower *L, sten *x) { return EMIT(Sub, lit(L, t_dtype(L, x), 1), EMIT(Erf, x)); }
static sten *record_ndtr(lower *L, sten *x) {
    return ar_mulc(L, ar_addc(L, EMIT(Erf, ar_mulc(L, x, M_SQRT1_2)), 1), 0.5);
}
static sten *record_sinc(lower *L, sten *x) {
    sten *z = lit(L, t_dtype(L, x), 0), *one = lit(L, t_dtype(L, x), 1), *p = ar_mulc(L, x, M_PI);
    return ar_where(L, EMIT(Equal, x, z), one, EMIT(Div, EMIT(Sin, p), p));
}

static record_fn for_export(lower *L, record_fn record) { return ar_for_export(L) ? record : NULL; }

/* Logarithms by a kernel; those near whole numbers are made exact, so that log2(8) is 3. */
static bool fast_log(lower *L, fn_d f, double scale) {
    sten *x = arg_tensor(L, 0);
    if (!lower_ok(L) || lower_recording(L) || !fast(L, x)) return false;
    x = contiguous(L, x);
    sten *y = ar_mulc(L, EMIT(Log, x), scale);
    const float *from = host_data(L, x);
    float *to = y ? host_data(L, y) : NULL;
    for (int64_t i = 0, n = to ? host_count(x) : 0; i < n; i++) {
        float whole = rintf(to[i]);
        if (fabsf(to[i] - whole) < 4e-6f * (1 + fabsf(whole))) to[i] = (float)f((double)from[i]);
    }
    ret_tensor(L, y);
    return true;
}

void aten_log2(lower *L) {
    if (!fast_log(L, log2, 1 / M_LN2)) by_host(L, log2, c_log2, record_log2);
}
void aten_log10(lower *L) {
    if (!fast_log(L, log10, 1 / M_LN10)) by_host(L, log10, c_log10, record_log10);
}
static void near_zero(lower *L, fn_d f, fn_c c, record_fn record) { /* what loses digits there */
    sten *x = arg_tensor(L, 0);
    if (lower_ok(L) && !lower_recording(L) && fast(L, x)) ret_tensor(L, record(L, x));
    else by_host(L, f, c, record);
}
void aten_log1p(lower *L) { near_zero(L, log1p, c_log1p, record_log1p); }
void aten_exp2(lower *L) { by_host(L, exp2, c_exp2, record_exp2); }
void aten_expm1(lower *L) { near_zero(L, expm1, c_expm1, record_expm1); }
void aten_erfc(lower *L) { by_host(L, erfc, NULL, record_erfc); }
void aten_sinc(lower *L) { by_host(L, d_sinc, NULL, record_sinc); }
void aten_ndtr(lower *L) { by_host(L, d_ndtr, NULL, record_ndtr); }
void aten_erfinv(lower *L) { by_host(L, sf_erfinv, NULL, for_export(L, sr_erfinv)); }
void aten_lgamma(lower *L) { by_host(L, sf_lgamma, NULL, for_export(L, sr_lgamma)); }
void aten_digamma(lower *L) { by_host(L, sf_digamma, NULL, for_export(L, sr_digamma)); }
void aten_ndtri(lower *L) { by_host(L, sf_ndtri, NULL, NULL); }
void aten_log_ndtr(lower *L) { by_host(L, sf_log_ndtr, NULL, NULL); }
void aten_erfcx(lower *L) { by_host(L, sf_erfcx, NULL, NULL); }
void aten_entr(lower *L) { by_host(L, d_entr, NULL, sr_entr); }
void aten_i0(lower *L) { by_host(L, sf_i0, NULL, NULL); }
void aten_i0e(lower *L) { by_host(L, sf_i0e, NULL, NULL); }
void aten_i1(lower *L) { by_host(L, sf_i1, NULL, NULL); }
void aten_i1e(lower *L) { by_host(L, sf_i1e, NULL, NULL); }
void aten_bessel_j0(lower *L) { by_host(L, j0, NULL, NULL); }
void aten_bessel_j1(lower *L) { by_host(L, j1, NULL, NULL); }

static double d_polygamma(double x, double n) { return sf_polygamma((int)n, x); }
void aten_polygamma(lower *L) {
    int64_t n = arg_int(L, 0);
    sten *x = to_float(L, arg_tensor(L, 1));
    if (n < 0 || n > 1000) lower_raise(L, "RuntimeError", "polygamma(n, x) does not support negative n.");
    ret_tensor(L, map2(L, x, lit(L, t_dtype(L, x), (double)n), d_polygamma));
}

static double d_mvlgamma(double x, double p) {
    double s = p * (p - 1) / 4 * log(M_PI);
    for (int i = 0; i < (int)p; i++) s += sf_lgamma(x - 0.5 * i);
    return s;
}
void aten_mvlgamma(lower *L) {
    sten *x = to_float(L, arg_tensor(L, 0));
    int64_t p = arg_int(L, 1);
    if (p < 1 || p > 1000) lower_raise(L, "RuntimeError", "p has to be greater than or equal to 1");
    ret_tensor(L, map2(L, x, lit(L, t_dtype(L, x), (double)p), d_mvlgamma));
}

static void special2(lower *L, fn_dd f) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    promote2(L, &a, &b);
    ret_tensor(L, map2(L, to_float(L, a), to_float(L, b), f));
}
void aten_igamma(lower *L) { special2(L, sf_igamma); }
void aten_igammac(lower *L) { special2(L, sf_igammac); }
void aten_zeta(lower *L) { special2(L, sf_zeta); }

/* ---- sign and size: numbers of every type ---- */
static double c_abs(cplx z) { return cabs(z); }
static cplx c_neg(cplx z) { return -z; }
static cplx c_sgn(cplx z) { return z == 0 ? 0 : z / cabs(z); }

sten *ar_abs(lower *L, sten *x) {
    naru_dtype d = t_dtype(L, x);
    if (dtype_is_complex(d)) return cmap1_real(L, x, c_abs);
    return d == NARU_BOOL ? fresh(L, x) : EMIT(Abs, x);
}
void aten_abs(lower *L) { ret_tensor(L, ar_abs(L, arg_tensor(L, 0))); }

void aten_neg(lower *L) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    if (d == NARU_BOOL)
        lower_raise(L, "RuntimeError",
                    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a "
                    "mask, use the `~` or `logical_not()` operator instead.");
    if (dtype_is_complex(d)) ret_tensor(L, cmap1(L, x, c_neg));
    else if (dtype_is_int(d) && !dtype_is_signed(d)) ret_tensor(L, EMIT(Sub, lit(L, d, 0), x));
    else ret_tensor(L, EMIT(Neg, x));
}

static double d_sign(double x) { return (x > 0) - (x < 0); } /* 0 for NaN */
void aten_sign(lower *L) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    if (dtype_is_complex(d)) ret_tensor(L, cmap1(L, x, c_sgn));
    else if (d == NARU_BOOL) ret_tensor(L, fresh(L, x));
    else if (!dtype_is_float(d) || ar_for_export(L)) ret_tensor(L, EMIT(Sign, x));
    else if (!lower_recording(L)) ret_tensor(L, map1(L, x, d_sign));
    else ret_tensor(L, ar_where(L, EMIT(IsNaN, x), lit(L, d, 0), EMIT(Sign, x)));
}

void aten_square(lower *L) {
    sten *x = arg_tensor(L, 0);
    if (t_dtype(L, x) == NARU_BOOL) x = cast(L, x, NARU_INT64);
    ret_tensor(L, ar_mul(L, x, x));
}

void aten_positive(lower *L) {
    sten *x = arg_tensor(L, 0);
    if (t_dtype(L, x) == NARU_BOOL)
        lower_raise(L, "RuntimeError", "The `+` operator, on a bool tensor is not supported.");
    ret_tensor(L, x);
}

/* ---- rounding: integers stay ---- */
static void rounding(lower *L, const op_desc *op) {
    sten *x = arg_tensor(L, 0);
    no_complex(L, t_dtype(L, x));
    ret_tensor(L, dtype_is_float(t_dtype(L, x)) ? lower_op(L, op, NULL, 1, &x) : fresh(L, x));
}
void aten_floor(lower *L) { rounding(L, &op_Floor); }
void aten_ceil(lower *L) { rounding(L, &op_Ceil); }
void aten_round(lower *L) { rounding(L, &op_Round); }

static sten *truncated(lower *L, sten *x) {
    if (!lower_recording(L)) return map1(L, x, trunc);
    return EMIT(Mul, EMIT(Sign, x), EMIT(Floor, EMIT(Abs, x)));
}
void aten_trunc(lower *L) {
    sten *x = arg_tensor(L, 0);
    no_complex(L, t_dtype(L, x));
    ret_tensor(L, dtype_is_float(t_dtype(L, x)) ? truncated(L, x) : fresh(L, x));
}
void aten_frac(lower *L) {
    sten *x = arg_tensor(L, 0);
    no_complex(L, t_dtype(L, x));
    ret_tensor(L, EMIT(Sub, x, truncated(L, x)));
}

/* round(x 10^n) / 10^n, computed in x's type as PyTorch does. */
void aten_round_decimals(lower *L) {
    sten *x = arg_tensor(L, 0);
    int64_t n = arg_int(L, 1);
    if (!dtype_is_float(t_dtype(L, x)))
        lower_raise(L, "RuntimeError", "\"round_vml_cpu\" not implemented for '%s'", sten_type_name(t_dtype(L, x)));
    sten *p = lit(L, t_dtype(L, x), pow(10, fabs((double)n)));
    if (n == 0) ret_tensor(L, EMIT(Round, x));
    else if (n > 0) ret_tensor(L, EMIT(Div, EMIT(Round, EMIT(Mul, x, p)), p));
    else ret_tensor(L, EMIT(Mul, EMIT(Round, EMIT(Div, x, p)), p));
}

/* ---- constants in front ---- */
static void scaled(lower *L, double factor) {
    sten *x = arg_tensor(L, 0);
    no_complex(L, t_dtype(L, x));
    ret_tensor(L, ar_mulc(L, to_float(L, x), factor));
}
void aten_deg2rad(lower *L) { scaled(L, M_PI / 180); }
void aten_rad2deg(lower *L) { scaled(L, 180 / M_PI); }

void aten_logit(lower *L) {
    sten *x = to_float(L, arg_tensor(L, 0));
    naru_dtype d = t_dtype(L, x);
    double eps = arg_float_or(L, 1, -1);
    if (eps >= 0) x = EMIT(Clip, x, lit(L, d, eps), lit(L, d, 1 - eps));
    ret_tensor(L, EMIT(Log, EMIT(Div, x, EMIT(Sub, lit(L, d, 1), x))));
}

/* ---- what kind of number ---- */
/* Integers are never special: all false, or all true. */
static sten *everywhere(lower *L, sten *x, bool all) {
    sten *same = EMIT(Equal, x, x);
    return all ? same : EMIT(Not, same);
}

static bool c_isnan(cplx z) { return isnan(creal(z)) || isnan(cimag(z)); }
static bool c_isinf(cplx z) { return isinf(creal(z)) || isinf(cimag(z)); }
static bool c_isfinite(cplx z) { return isfinite(creal(z)) && isfinite(cimag(z)); }
static bool c_isreal(cplx z) { return cimag(z) == 0; }

static void classify(lower *L, sten *(*f)(lower *, sten *), bool (*c)(cplx), bool of_ints) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    if (dtype_is_complex(d) && c) ret_tensor(L, cmap1_bool(L, x, c));
    else ret_tensor(L, dtype_is_float(d) ? f(L, x) : everywhere(L, x, of_ints));
}

static sten *is_nan(lower *L, sten *x) { return EMIT(IsNaN, x); }
static sten *is_inf(lower *L, sten *x) { return EMIT(IsInf, x); }
static sten *is_finite(lower *L, sten *x) { return EMIT(Not, EMIT(Or, EMIT(IsInf, x), EMIT(IsNaN, x))); }
static sten *is_posinf(lower *L, sten *x) { return EMITA(IsInf, ATTRS(AI("detect_negative", 0)), x); }
static sten *is_neginf(lower *L, sten *x) { return EMITA(IsInf, ATTRS(AI("detect_positive", 0)), x); }
static sten *is_real(lower *L, sten *x) { return EMIT(Or, EMIT(IsNaN, x), EMIT(Equal, x, x)); }

void aten_isnan(lower *L) { classify(L, is_nan, c_isnan, false); }
void aten_isinf(lower *L) { classify(L, is_inf, c_isinf, false); }
void aten_isfinite(lower *L) { classify(L, is_finite, c_isfinite, true); }
void aten_isposinf(lower *L) { classify(L, is_posinf, NULL, false); }
void aten_isneginf(lower *L) { classify(L, is_neginf, NULL, false); }
void aten_isreal(lower *L) { classify(L, is_real, c_isreal, true); }

static bool d_signbit(double x) { return signbit(x) != 0; }
void aten_signbit(lower *L) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    no_complex(L, d);
    if (d == NARU_BOOL) ret_tensor(L, everywhere(L, x, false));
    else if (dtype_is_float(d) && !lower_recording(L)) ret_tensor(L, map1_bool(L, x, d_signbit));
    else if (!dtype_is_float(d)) ret_tensor(L, EMIT(Less, x, lit(L, d, 0)));
    else ret_tensor(L, EMIT(Or, EMIT(Less, x, lit(L, d, 0)), EMIT(Less, EMIT(Reciprocal, x), lit(L, d, 0))));
}

static double greatest(naru_dtype d) {
    return d == NARU_DOUBLE     ? 1.7976931348623157e308
           : d == NARU_FLOAT16  ? 65504
           : d == NARU_BFLOAT16 ? 0x1.FEp127
                                : 0x1.FFFFFEp127;
}

static double d_number(double x, const void *with) {
    const double *v = with; /* for NaN, infinity, -infinity */
    return isnan(x) ? v[0] : !isinf(x) ? x : x > 0 ? v[1] : v[2];
}

void aten_nan_to_num(lower *L) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    no_complex(L, d);
    if (!dtype_is_float(d)) {
        ret_tensor(L, fresh(L, x));
        return;
    }
    double nan = arg_float_or(L, 1, 0), hi = arg_float_or(L, 2, greatest(d)), lo = arg_float_or(L, 3, -greatest(d));
    if (lower_ok(L) && !lower_recording(L)) {
        ret_tensor(L, map1_with(L, x, d_number, (double[]){nan, hi, lo}));
        return;
    }
    x = ar_where(L, EMIT(IsNaN, x), lit(L, d, nan), x);
    x = ar_where(L, is_posinf(L, x), lit(L, d, hi), x);
    ret_tensor(L, ar_where(L, is_neginf(L, x), lit(L, d, lo), x));
}

void aten_is_nonzero(lower *L) {
    sv n = t_numel(L, arg_tensor(L, 0));
    if (n.tag == SV_INT && n.i != 1)
        lower_raise(L, "RuntimeError",
                    n.i ? "Boolean value of Tensor with more than one value is ambiguous"
                        : "Boolean value of Tensor with no values is ambiguous");
    ret_value(L, sv_keep(item(L, ar_bool(L, arg_tensor(L, 0)))));
}

/* x = mantissa 2^exponent with 0.5 <= |mantissa| < 1 */
static double d_mantissa(double x) {
    int e;
    return frexp(x, &e);
}
static double d_exponent(double x) {
    int e = 0;
    if (isfinite(x)) frexp(x, &e);
    return e;
}
void aten_frexp(lower *L) {
    sten *x = arg_tensor(L, 0);
    if (!dtype_is_float(t_dtype(L, x)))
        lower_raise(L, "RuntimeError", "torch.frexp() only supports floating-point dtypes");
    ret_tensor(L, map1(L, x, d_mantissa));
    ret_tensor(L, cast(L, map1(L, x, d_exponent), NARU_INT32));
}

void aten_bessel_y0(lower *L) { by_host(L, y0, NULL, NULL); }
void aten_bessel_y1(lower *L) { by_host(L, y1, NULL, NULL); }
static double d_spherical(double x) { return x == 0 ? 1 : isinf(x) ? 0 : sin(x) / x; }
void aten_spherical_bessel_j0(lower *L) { by_host(L, d_spherical, NULL, NULL); }
