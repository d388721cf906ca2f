/* SPDX-License-Identifier: MIT
 *
 * Functions of numbers: the math module, and torch's functions given a Python number. Real arguments stay real: where
 * Python's math would raise a domain error these give NaN or infinity, as PyTorch's do.
 */
#include <math.h>

#include "script/aten/number.h"

/* ---- one argument ---- */
#define REAL(name, expr)                                                                                               \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        double x;                                                                                                      \
        return num_real(a[0], &x) && (*out = sv_float(expr), true);                                                    \
    }                                                                                                                  \
    SIMPLE(name)
#define EITHER(name, expr, cexpr)                                                                                      \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        double x;                                                                                                      \
        double complex z;                                                                                              \
        if (num_real(a[0], &x)) return *out = sv_float(expr), true;                                                    \
        return num_complex(a[0], &z) && num_put(out, cexpr);                                                           \
    }                                                                                                                  \
    SIMPLE(name)
EITHER(math_sqrt, sqrt(x), csqrt(z))
EITHER(math_exp, exp(x), cexp(z))
EITHER(math_log, log(x), clog(z))
EITHER(math_log10, log10(x), clog(z) / M_LN10)
EITHER(math_sin, sin(x), csin(z))
EITHER(math_cos, cos(x), ccos(z))
EITHER(math_tan, tan(x), ctan(z))
EITHER(math_asin, asin(x), casin(z))
EITHER(math_acos, acos(x), cacos(z))
EITHER(math_atan, atan(x), catan(z))
EITHER(math_sinh, sinh(x), csinh(z))
EITHER(math_cosh, cosh(x), ccosh(z))
EITHER(math_tanh, tanh(x), ctanh(z))
EITHER(math_asinh, asinh(x), casinh(z))
EITHER(math_acosh, acosh(x), cacosh(z))
EITHER(math_atanh, atanh(x), catanh(z))
REAL(math_log1p, log1p(x))
REAL(math_expm1, expm1(x))
REAL(math_erf, erf(x))
REAL(math_erfc, erfc(x))
REAL(math_gamma, tgamma(x))
REAL(math_lgamma, lgamma(x))
REAL(math_fabs, fabs(x))
REAL(math_degrees, x *(180.0 / M_PI))
REAL(math_radians, x *(M_PI / 180.0))
REAL(math_round, nearbyint(x))

bool fast_math_angle(const sv *a, sv *out) {
    double x;
    double complex z;
    if (num_real(a[0], &x)) return *out = sv_float(atan2(0, x)), true;
    return num_complex(a[0], &z) && (*out = sv_float(carg(z)), true);
}
SIMPLE(math_angle)

/* floor and ceil give ints; what no int can hold is an error. */
static bool whole(sv v, double (*f)(double), sv *out) {
    int64_t i;
    if (num_int(v, &i)) return *out = sv_int(i), true;
    if (v.tag != SV_FLOAT || !isfinite(v.f)) return false;
    double r = f(v.f);
    return *out = sv_int(r >= -0x1p63 && r < 0x1p63 ? (int64_t)r : INT64_MIN), true;
}
bool fast_math_floor(const sv *a, sv *out) { return whole(a[0], floor, out); }
bool fast_math_ceil(const sv *a, sv *out) { return whole(a[0], ceil, out); }

static void to_whole(lower *L, fast_fn f) {
    if (host_try(L, f) || !lower_ok(L)) return;
    double x = arg_float(L, 0);
    lower_raise(L, "RuntimeError", "Cannot convert float %s to integer", isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
}
void aten_math_floor(lower *L) { to_whole(L, fast_math_floor); }
void aten_math_ceil(lower *L) { to_whole(L, fast_math_ceil); }

#define ASK(name, real_expr, complex_expr)                                                                             \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        double x;                                                                                                      \
        double complex z;                                                                                              \
        if (num_real(a[0], &x)) return *out = sv_bool(real_expr), true;                                                \
        return num_complex(a[0], &z) && (*out = sv_bool(complex_expr), true);                                          \
    }                                                                                                                  \
    SIMPLE(name)
ASK(math_isnan, isnan(x), isnan(creal(z)) || isnan(cimag(z)))
ASK(math_isinf, isinf(x), isinf(creal(z)) || isinf(cimag(z)))
ASK(math_isfinite, isfinite(x), isfinite(creal(z)) && isfinite(cimag(z)))

/* ---- two arguments ---- */
#define REAL2(name, expr)                                                                                              \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        double x, y;                                                                                                   \
        return num_reals(a, &x, &y) && (*out = sv_float(expr), true);                                                  \
    }                                                                                                                  \
    SIMPLE(name)
REAL2(math_atan2, atan2(x, y))
REAL2(math_copysign, copysign(x, y))
REAL2(math_fmod, fmod(x, y))
REAL2(math_remainder, remainder(x, y))

bool fast_math_log_base(const sv *a, sv *out) {
    double x, y;
    double complex z, w;
    if (num_reals(a, &x, &y)) return *out = sv_float(log(x) / log(y)), true;
    return num_complexes(a, &z, &w) && num_put(out, clog(z) / clog(w));
}
SIMPLE(math_log_base)

bool fast_math_polar(const sv *a, sv *out) {
    double r, angle;
    return num_reals(a, &r, &angle) && num_put(out, CMPLX(r * cos(angle), r * sin(angle)));
}
SIMPLE(math_polar)

bool fast_math_ldexp(const sv *a, sv *out) {
    double x;
    int64_t e;
    if (!num_real(a[0], &x) || !num_int(a[1], &e)) return false;
    return *out = sv_float(ldexp(x, (int)i64_max(-100000, i64_min(e, 100000)))), true;
}
SIMPLE(math_ldexp)

bool fast_math_gcd(const sv *a, sv *out) {
    int64_t i, j;
    if (!num_ints(a, &i, &j)) return false;
    uint64_t x = i < 0 ? 0 - (uint64_t)i : (uint64_t)i, y = j < 0 ? 0 - (uint64_t)j : (uint64_t)j;
    while (y) {
        uint64_t r = x % y;
        x = y;
        y = r;
    }
    return *out = sv_int((int64_t)x), true;
}
SIMPLE(math_gcd)

bool fast_math_factorial(const sv *a, sv *out) {
    int64_t n;
    if (!num_int(a[0], &n) || n < 0) return false;
    uint64_t r = n < 66 ? 1 : 0; /* 66! has 64 factors of two: it wraps to zero, and so do all larger */
    for (int64_t i = 2; i <= n && r; i++) r *= (uint64_t)i;
    return *out = sv_int((int64_t)r), true;
}
void aten_math_factorial(lower *L) {
    if (host_try(L, fast_math_factorial) || !lower_ok(L)) return;
    lower_raise(L, "RuntimeError", "factorial() not defined for negative values");
}

/* ---- two results ---- */
void aten_math_modf(lower *L) {
    double whole_part, x = arg_float(L, 0), part = modf(x, &whole_part);
    ret_float(L, part);
    ret_float(L, whole_part);
}
void aten_math_frexp(lower *L) {
    int e = 0;
    double x = arg_float(L, 0), m = isfinite(x) ? frexp(x, &e) : x;
    ret_float(L, m);
    ret_int(L, e);
}
