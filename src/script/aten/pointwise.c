/* SPDX-License-Identifier: MIT
 *
 * Arithmetic of two and three tensors: add, sub, mul, div in all modes, remainders, powers, extremes, interpolation.
 * Numbers arrive as 0-d tensors marked so; promotion is lower.h's. Complex operands compute on the host.
 */
#include <complex.h>
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"
#include "script/aten/special_record.h"

static cplx c_add(cplx a, cplx b) { return a + b; }
static cplx c_sub(cplx a, cplx b) { return a - b; }
static cplx c_mul(cplx a, cplx b) { return a * b; }
static cplx c_div(cplx a, cplx b) { return a / b; }
static cplx c_pow(cplx a, cplx b) { return b == 0 ? 1 : cpow(a, b); }

/* ---- the four ---- */
bool sv_known_as(sv v, double x) {
    return v.tag == SV_INT     ? (double)v.i == x
           : v.tag == SV_FLOAT ? v.f == x
           : v.tag == SV_BOOL  ? (double)v.b == x
                               : false;
}

static naru_dtype operands(lower *L, sten **a, sten **b) {
    check_broadcast(L, *a, *b);
    promote2(L, a, b);
    return t_dtype(L, *a);
}

sten *ar_add(lower *L, sten *a, sten *b) {
    naru_dtype d = operands(L, &a, &b);
    if (dtype_is_complex(d)) return cmap2(L, a, b, c_add);
    return d == NARU_BOOL ? EMIT(Or, a, b) : EMIT(Add, a, b);
}

sten *ar_sub(lower *L, sten *a, sten *b) {
    bool first = t_dtype(L, a) == NARU_BOOL, second = t_dtype(L, b) == NARU_BOOL;
    if (first && second)
        lower_raise(L, "RuntimeError",
                    "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                    "`logical_xor()` operator instead.");
    else if (first || second)
        lower_raise(L, "RuntimeError",
                    "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a "
                    "mask, use the `~` or `logical_not()` operator instead.");
    return dtype_is_complex(operands(L, &a, &b)) ? cmap2(L, a, b, c_sub) : EMIT(Sub, a, b);
}

sten *ar_mul(lower *L, sten *a, sten *b) {
    naru_dtype d = operands(L, &a, &b);
    if (dtype_is_complex(d)) return cmap2(L, a, b, c_mul);
    return d == NARU_BOOL ? EMIT(And, a, b) : EMIT(Mul, a, b);
}

sten *ar_div(lower *L, sten *a, sten *b) {
    naru_dtype d = operands(L, &a, &b);
    if (dtype_is_complex(d)) return cmap2(L, a, b, c_div);
    return EMIT(Div, to_float(L, a), to_float(L, b));
}

sten *ar_scale(lower *L, sten *x, sv factor) {
    if (sv_known_as(factor, 1)) return x;
    return ar_mul(L, x, scalar_tensor(L, factor, t_dtype(L, x)));
}

static void check_alpha(lower *L, sten *result, sv alpha) {
    naru_dtype d = t_dtype(L, result);
    if (alpha.tag == SV_FLOAT && (dtype_is_int(d) || d == NARU_BOOL))
        lower_raise(L, "RuntimeError",
                    "For integral input tensors, argument alpha must not be a floating point number.");
}

void aten_add(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    sv alpha = arg_scalar(L, 2);
    if (!sv_known_as(alpha, 1)) {
        operands(L, &a, &b);
        check_alpha(L, a, alpha);
        b = ar_scale(L, b, alpha);
    }
    ret_tensor(L, ar_add(L, a, b));
}

static void subtract(lower *L, sten *a, sten *b) {
    sv alpha = arg_scalar(L, 2);
    if (!sv_known_as(alpha, 1) && t_dtype(L, a) != NARU_BOOL && t_dtype(L, b) != NARU_BOOL) {
        operands(L, &a, &b);
        check_alpha(L, a, alpha);
        b = ar_scale(L, b, alpha);
    }
    ret_tensor(L, ar_sub(L, a, b));
}

void aten_sub(lower *L) { subtract(L, arg_tensor(L, 0), arg_tensor(L, 1)); }
void aten_rsub(lower *L) { subtract(L, arg_tensor(L, 1), arg_tensor(L, 0)); }
void aten_mul(lower *L) { ret_tensor(L, ar_mul(L, arg_tensor(L, 0), arg_tensor(L, 1))); }
void aten_div(lower *L) { ret_tensor(L, ar_div(L, arg_tensor(L, 0), arg_tensor(L, 1))); }

/* ---- division with rounding, remainders ---- */
static double d_trunc_div(double a, double b) { return trunc(a / b); }

/* The floor of the exact quotient, though a / b may round up to the next integer. */
static double d_floor_div(double a, double b) {
    if (b == 0) return a / b;
    double mod = fmod(a, b), q = (a - mod) / b;
    if (mod != 0 && (b < 0) != (mod < 0)) q -= 1;
    if (q == 0) return copysign(0, a / b);
    double f = floor(q);
    return q - f > 0.5 ? f + 1 : f;
}

static double d_remainder(double a, double b) {
    double mod = fmod(a, b);
    return mod != 0 && (b < 0) != (mod < 0) ? mod + b : mod;
}

/* The same for single floats (and halves): in double their quotient never rounds up to a whole number, and quotient
 * times divisor is exact, so that fmod needs no loop. */
static double quotient(double a, double b, double *mod) {
    double q = a / b;
    if (!(fabs(q) < 0x1p28)) return *mod = fmod(a, b), q;
    if (fabs(q) < 1) return *mod = a, 0;
    q = (double)(int64_t)q;
    *mod = a - q * b;
    return q;
}
static double f_remainder(double a, double b) {
    double mod;
    quotient(a, b, &mod);
    return mod != 0 && (b < 0) != (mod < 0) ? mod + b : mod;
}
static double f_floor_div(double a, double b) {
    double mod, q = quotient(a, b, &mod);
    if (b == 0 || !(fabs(q) < 0x1p28) || q == 0) return d_floor_div(a, b);
    return mod != 0 && (b < 0) != (mod < 0) ? q - 1 : q;
}

static int64_t negated(int64_t a) { return (int64_t)(0 - (uint64_t)a); }
static int64_t i_trunc_div(int64_t a, int64_t b) { return b == 0 ? 0 : b == -1 ? negated(a) : a / b; }
static int64_t i_floor_div(int64_t a, int64_t b) {
    if (b == 0 || b == -1) return i_trunc_div(a, b);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
static int64_t i_fmod(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
static int64_t i_remainder(int64_t a, int64_t b) {
    int64_t r = i_fmod(a, b);
    return r && (r < 0) != (b < 0) ? r + b : r;
}
static int64_t u_div(int64_t a, int64_t b) { return b == 0 ? 0 : (int64_t)((uint64_t)a / (uint64_t)b); }
static int64_t u_mod(int64_t a, int64_t b) { return b == 0 ? 0 : (int64_t)((uint64_t)a % (uint64_t)b); }

/* Integer division on the host, which can say that a divisor is zero. */
static sten *int_map(lower *L, sten *a, sten *b, fn_ii f, fn_ii unsigned_f) {
    if (!eager_only(L) || !b) return NULL;
    const int64_t *v = host_i64(L, b);
    for (int64_t i = 0, n = v && a && host_count(a) ? host_count(b) : 0; i < n; i++)
        if (v[i] == 0) {
            lower_raise(L, "RuntimeError", "ZeroDivisionError");
            return NULL;
        }
    return map2_int(L, a, b, t_dtype(L, a) == NARU_UINT64 ? unsigned_f : f);
}

/* bool operands divide as uint8 and the result stays that of PyTorch: bool is refused there, so uint8 never shows. */
static naru_dtype integer_operands(lower *L, const char *what, sten **a, sten **b) {
    naru_dtype d = operands(L, a, b);
    if (dtype_is_complex(d) || d == NARU_BOOL)
        lower_raise(L, "RuntimeError", "\"%s\" not implemented for '%s'", what, sten_type_name(d));
    return d;
}

/* y with the fraction dropped, in operators. */
static sten *emit_trunc(lower *L, sten *y) { return EMIT(Mul, EMIT(Sign, y), EMIT(Floor, EMIT(Abs, y))); }

/* d_floor_div in operators. */
static sten *emit_floor_div(lower *L, sten *a, sten *b) {
    naru_dtype d = t_dtype(L, a);
    sten *zero = lit(L, d, 0), *mod = EMITA(Mod, ATTRS(AI("fmod", 1)), a, b), *q = EMIT(Div, EMIT(Sub, a, mod), b);
    sten *other_sign = EMIT(Xor, EMIT(Less, b, zero), EMIT(Less, mod, zero));
    sten *down = EMIT(And, EMIT(Not, EMIT(Equal, mod, zero)), other_sign);
    q = ar_where(L, down, ar_addc(L, q, -1), q);
    sten *f = EMIT(Floor, q), *up = EMIT(Greater, EMIT(Sub, q, f), lit(L, d, 0.5));
    f = ar_where(L, up, ar_addc(L, f, 1), f);
    return ar_where(L, EMIT(Equal, b, zero), EMIT(Div, a, b), f);
}

/* d_remainder in operators. */
static sten *emit_remainder(lower *L, sten *a, sten *b) {
    sten *zero = lit(L, t_dtype(L, a), 0), *mod = EMITA(Mod, ATTRS(AI("fmod", 1)), a, b);
    sten *other_sign = EMIT(Xor, EMIT(Less, b, zero), EMIT(Less, mod, zero));
    return ar_where(L, EMIT(And, EMIT(Not, EMIT(Equal, mod, zero)), other_sign), EMIT(Add, mod, b), mod);
}

static sten *trunc_div(lower *L, sten *a, sten *b) {
    bool rec = lower_recording(L);
    if (dtype_is_float(integer_operands(L, "div_trunc_cpu", &a, &b)))
        return rec ? emit_trunc(L, EMIT(Div, a, b)) : map2(L, a, b, d_trunc_div);
    return rec ? EMIT(Div, a, b) : int_map(L, a, b, i_trunc_div, u_div);
}

static sten *floor_div(lower *L, sten *a, sten *b) {
    bool rec = lower_recording(L);
    if (dtype_is_float(integer_operands(L, "div_floor_cpu", &a, &b)))
        return rec ? emit_floor_div(L, a, b) : map2(L, a, b, t_dtype(L, a) == NARU_DOUBLE ? d_floor_div : f_floor_div);
    if (!rec) return int_map(L, a, b, i_floor_div, u_div);
    return EMIT(Div, EMIT(Sub, a, EMIT(Mod, a, b)), b);
}

static sten *remainder_of(lower *L, sten *a, sten *b) {
    bool rec = lower_recording(L);
    if (dtype_is_float(integer_operands(L, "remainder_cpu", &a, &b)))
        return rec ? emit_remainder(L, a, b) : map2(L, a, b, t_dtype(L, a) == NARU_DOUBLE ? d_remainder : f_remainder);
    return rec ? EMIT(Mod, a, b) : int_map(L, a, b, i_remainder, u_mod);
}

static sten *fmod_of(lower *L, sten *a, sten *b) {
    if (dtype_is_float(integer_operands(L, "fmod_cpu", &a, &b)) || lower_recording(L))
        return EMITA(Mod, ATTRS(AI("fmod", 1)), a, b);
    return int_map(L, a, b, i_fmod, u_mod);
}

void aten_div_mode(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    const char *mode = arg_str(L, 2);
    if (!strcmp(mode, "")) ret_tensor(L, ar_div(L, a, b));
    else if (!strcmp(mode, "trunc")) ret_tensor(L, trunc_div(L, a, b));
    else if (!strcmp(mode, "floor")) ret_tensor(L, floor_div(L, a, b));
    else
        lower_raise(L, "RuntimeError",
                    "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '%s'", mode);
}

void aten_floor_divide(lower *L) { ret_tensor(L, floor_div(L, arg_tensor(L, 0), arg_tensor(L, 1))); }
void aten_remainder(lower *L) { ret_tensor(L, remainder_of(L, arg_tensor(L, 0), arg_tensor(L, 1))); }
void aten_fmod(lower *L) { ret_tensor(L, fmod_of(L, arg_tensor(L, 0), arg_tensor(L, 1))); }

/* ---- powers ---- */
static int64_t i_pow(int64_t a, int64_t b) {
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    uint64_t r = 1, base = (uint64_t)a;
    for (; b; b >>= 1, base *= base)
        if (b & 1) r *= base;
    return (int64_t)r;
}

sten *ar_pow(lower *L, sten *a, sten *b) {
    naru_dtype d = operands(L, &a, &b);
    if (dtype_is_complex(d)) return cmap2(L, a, b, c_pow);
    if (dtype_is_float(d) || (lower_recording(L) && (d == NARU_INT32 || d == NARU_INT64))) return EMIT(Pow, a, b);
    if (!lower_recording(L)) return map2_int(L, a, b, i_pow);
    return cast(L, EMIT(Pow, cast(L, a, NARU_INT64), cast(L, b, NARU_INT64)), d);
}

/* Exponents that have a cheaper and more exact form when computing at once. */
static sten *power_by(lower *L, sten *x, double e) {
    if (e == 2) return EMIT(Mul, x, x);
    if (!dtype_is_float(t_dtype(L, x))) return NULL;
    if (e == 0.5) return EMIT(Sqrt, x);
    if (e == 3) return EMIT(Mul, EMIT(Mul, x, x), x);
    if (e == -1) return EMIT(Reciprocal, x);
    if (e == -0.5) return EMIT(Reciprocal, EMIT(Sqrt, x));
    if (e == -2) return EMIT(Reciprocal, EMIT(Mul, x, x));
    return NULL;
}

static sten *power_scalar(lower *L, sten *a, sv e, sten *b) {
    naru_dtype d = promote(L, 2, (sten *[]){a, b});
    if (dtype_is_int(d) && e.tag == SV_INT && e.i < 0)
        lower_raise(L, "RuntimeError", "Integers to negative integer powers are not allowed.");
    if (!lower_recording(L) && !dtype_is_complex(d) && d != NARU_BOOL && (e.tag == SV_INT || e.tag == SV_FLOAT)) {
        sten *y = power_by(L, cast(L, a, d), e.tag == SV_INT ? (double)e.i : e.f);
        if (y) return y;
    }
    return ar_pow(L, a, b);
}

void aten_pow(lower *L) { ret_tensor(L, ar_pow(L, arg_tensor(L, 0), arg_tensor(L, 1))); }
void aten_pow_scalar(lower *L) { ret_tensor(L, power_scalar(L, arg_tensor(L, 0), arg_scalar(L, 1), arg_tensor(L, 1))); }

static sten *widest(lower *L, sten *x, bool is_complex) {
    return cast(L, x, is_complex ? NARU_COMPLEX128 : NARU_DOUBLE);
}
void aten_float_power(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    bool is_complex = dtype_is_complex(t_dtype(L, a)) || dtype_is_complex(t_dtype(L, b));
    a = widest(L, a, is_complex), b = widest(L, b, is_complex);
    ret_tensor(L, ar_pow(L, a, b));
}

/* ---- extremes ---- */
static sten *extreme(lower *L, sten *a, sten *b, const op_desc *op) {
    naru_dtype d = operands(L, &a, &b);
    if (dtype_is_complex(d)) lower_raise(L, "RuntimeError", "maximum not implemented for complex tensors.");
    if (d == NARU_BOOL) return op == &op_Max ? EMIT(Or, a, b) : EMIT(And, a, b);
    return lower_op(L, op, NULL, 2, (sten *[]){a, b});
}

/* A NaN loses against a number. */
static sten *extreme_number(lower *L, const op_desc *op) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1), *m = extreme(L, a, b, op);
    if (!dtype_is_float(operands(L, &a, &b))) return m;
    return ar_where(L, EMIT(IsNaN, a), b, ar_where(L, EMIT(IsNaN, b), a, m));
}

void aten_maximum(lower *L) { ret_tensor(L, extreme(L, arg_tensor(L, 0), arg_tensor(L, 1), &op_Max)); }
void aten_minimum(lower *L) { ret_tensor(L, extreme(L, arg_tensor(L, 0), arg_tensor(L, 1), &op_Min)); }
void aten_fmax(lower *L) { ret_tensor(L, extreme_number(L, &op_Max)); }
void aten_fmin(lower *L) { ret_tensor(L, extreme_number(L, &op_Min)); }

/* ---- functions of two floats: `record` says them in operators ---- */
static void float2(lower *L, fn_dd f, sten *(*record)(lower *, sten *, sten *)) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    operands(L, &a, &b);
    a = to_float(L, a), b = to_float(L, b);
    if (record && lower_recording(L)) ret_tensor(L, record(L, a, b));
    else ret_tensor(L, map2(L, a, b, f));
}

static sten *zero_like(lower *L, sten *x) { return lit(L, t_dtype(L, x), 0); }

/* atan(y / x), turned by pi into the left half plane. */
static sten *record_atan2(lower *L, sten *y, sten *x) {
    naru_dtype d = t_dtype(L, y);
    sten *slope = EMIT(Div, y, x);
    sten *t = ar_for_export(L) && d == NARU_DOUBLE ? sr_of_double(L, &op_Atan, slope) : EMIT(Atan, slope);
    sten *turned = ar_where(L, EMIT(Less, y, zero_like(L, y)), ar_addc(L, t, -3.14159265358979323846),
                            ar_addc(L, t, 3.14159265358979323846));
    sten *r = ar_where(L, EMIT(Less, x, zero_like(L, x)), turned, t);
    sten *origin = EMIT(And, EMIT(Equal, x, zero_like(L, x)), EMIT(Equal, y, zero_like(L, y)));
    return ar_where(L, origin, lit(L, d, 0), r);
}
static sten *record_hypot(lower *L, sten *a, sten *b) {
    return EMIT(Sqrt, EMIT(Add, EMIT(Mul, a, a), EMIT(Mul, b, b)));
}
static sten *record_logaddexp(lower *L, sten *a, sten *b) {
    sten *gap = EMIT(Abs, EMIT(Sub, a, b));
    gap = ar_where(L, EMIT(Equal, a, b), zero_like(L, a), gap); /* infinities */
    return EMIT(Add, EMIT(Max, a, b), EMIT(Log, ar_addc(L, EMIT(Exp, EMIT(Neg, gap)), 1)));
}
static sten *record_xlogy(lower *L, sten *a, sten *b) {
    sten *zero = EMIT(And, EMIT(Equal, a, zero_like(L, a)), EMIT(Not, EMIT(IsNaN, b)));
    return ar_where(L, zero, zero_like(L, a), EMIT(Mul, a, EMIT(Log, b)));
}
static sten *record_copysign(lower *L, sten *a, sten *b) {
    sten *m = EMIT(Abs, a), *zero = zero_like(L, b); /* 1 / -0 is less than 0 */
    sten *negative = EMIT(Or, EMIT(Less, b, zero), EMIT(Less, EMIT(Reciprocal, b), zero));
    return ar_where(L, negative, EMIT(Neg, m), m);
}

static sten *record_logaddexp2(lower *L, sten *a, sten *b) {
    return ar_mulc(L, record_logaddexp(L, ar_mulc(L, a, M_LN2), ar_mulc(L, b, M_LN2)), 1 / M_LN2);
}
static sten *record_xlog1py(lower *L, sten *a, sten *b) { return record_xlogy(L, a, ar_addc(L, b, 1)); }
static sten *record_ldexp(lower *L, sten *a, sten *b) { return EMIT(Mul, a, EMIT(Pow, lit(L, t_dtype(L, b), 2), b)); }

static double d_logaddexp(double a, double b) {
    if (isinf(a) && a == b) return a;
    return fmax(a, b) + log1p(exp(-fabs(a - b))) + (isnan(a) || isnan(b) ? NAN : 0);
}
static double d_logaddexp2(double a, double b) {
    if (isinf(a) && a == b) return a;
    return fmax(a, b) + log1p(exp2(-fabs(a - b))) / M_LN2 + (isnan(a) || isnan(b) ? NAN : 0);
}
static double d_xlogy(double a, double b) { return isnan(b) ? NAN : a == 0 ? 0 : a * log(b); }
static double d_xlog1py(double a, double b) { return isnan(b) ? NAN : a == 0 ? 0 : a * log1p(b); }
static double d_ldexp(double a, double b) { return a * exp2(b); }

void aten_atan2(lower *L) { float2(L, atan2, record_atan2); }
void aten_hypot(lower *L) { float2(L, hypot, record_hypot); }
void aten_logaddexp(lower *L) { float2(L, d_logaddexp, record_logaddexp); }
void aten_logaddexp2(lower *L) { float2(L, d_logaddexp2, ar_for_export(L) ? record_logaddexp2 : NULL); }
void aten_xlogy(lower *L) { float2(L, d_xlogy, record_xlogy); }
void aten_xlog1py(lower *L) { float2(L, d_xlog1py, ar_for_export(L) ? record_xlog1py : NULL); }
void aten_copysign(lower *L) { float2(L, copysign, record_copysign); }
void aten_ldexp(lower *L) { float2(L, d_ldexp, record_ldexp); }

/* ---- neighbours of a float in its own type ---- */
static double f_nextafter(double a, double b) { return (double)nextafterf((float)a, (float)b); }
static double next16(double a, double b, uint16_t (*pack)(double), float (*unpack)(uint16_t)) {
    if (isnan(a) || isnan(b)) return NAN;
    if (a == b) return b;
    uint16_t h = pack(a);
    if (a == 0) return copysign((double)unpack(1), b);
    return (double)unpack((uint16_t)((b > a) == (a > 0) ? h + 1 : h - 1));
}
static double h_nextafter(double a, double b) { return next16(a, b, half_from_double, half_to_float); }
static double b_nextafter(double a, double b) { return next16(a, b, bf16_from_double, bf16_to_float); }

/* In arithmetic: |a| u (1 + 2u), u half an ulp of one, is more than half the way to either neighbour and less than one
 * and a half. Small numbers are scaled out of the way of the least ones, whose neighbours are all equally far. */
static sten *record_nextafter(lower *L, sten *a, sten *b, int bits, int least) {
    naru_dtype d = t_dtype(L, a);
    sten *towards = EMIT(Sub, cast(L, EMIT(Greater, b, a), d), cast(L, EMIT(Less, b, a), d));
    sten *one = lit(L, d, 1), *size = EMIT(Abs, a);
    sten *small = EMIT(Less, size, lit(L, d, ldexp(1, least + 2 * bits)));
    sten *v = EMIT(Mul, a, ar_where(L, small, lit(L, d, ldexp(1, 2 * bits)), one));
    sten *step = ar_mulc(L, EMIT(Abs, v), ldexp(1 + ldexp(1, 1 - bits), -bits));
    sten *next = EMIT(Add, v, EMIT(Mul, towards, step));
    next = EMIT(Mul, next, ar_where(L, small, lit(L, d, ldexp(1, -2 * bits)), one));
    sten *last = EMIT(LessOrEqual, size, lit(L, d, ldexp(1, least + bits)));
    next = ar_where(L, last, EMIT(Add, a, ar_mulc(L, towards, ldexp(1, least))), next);
    return ar_where(L, EMIT(Or, EMIT(Equal, a, b), EMIT(IsNaN, b)), b, next);
}

void aten_nextafter(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    naru_dtype d = operands(L, &a, &b);
    if (ar_for_export(L) && d == NARU_FLOAT) return ret_tensor(L, record_nextafter(L, a, b, 24, -149));
    if (ar_for_export(L) && d == NARU_DOUBLE) return ret_tensor(L, record_nextafter(L, a, b, 53, -1074));
    ret_tensor(L, map2(L, a, b,
                       d == NARU_DOUBLE     ? nextafter
                       : d == NARU_FLOAT16  ? h_nextafter
                       : d == NARU_BFLOAT16 ? b_nextafter
                                            : f_nextafter));
}

void aten_heaviside(lower *L) {
    sten *x = arg_tensor(L, 0), *v = arg_tensor(L, 1);
    check_broadcast(L, x, v);
    naru_dtype d = t_dtype(L, x);
    if (d != t_dtype(L, v))
        lower_raise(L, "RuntimeError", "heaviside is not yet implemented for tensors with different dtypes.");
    bool odd = d == NARU_BOOL;
    if (odd) x = cast(L, x, NARU_UINT8), v = cast(L, v, NARU_UINT8);
    sten *zero = zero_like(L, x), *one = lit(L, t_dtype(L, x), 1);
    sten *y = ar_where(L, EMIT(Equal, x, zero), v, ar_where(L, EMIT(Greater, x, zero), one, zero));
    ret_tensor(L, odd ? cast(L, y, NARU_BOOL) : y);
}

/* ---- mixes ---- */
static sten *lerp_by(lower *L, sten *a, sten *b, sten *w) {
    return ar_add(L, a, ar_mul(L, cast(L, w, t_dtype(L, a)), ar_sub(L, b, a)));
}

/* b - (b - a)(1 - w) where w is one half or more, so that w = 1 gives b exactly. */
static sten *lerp_from_end(lower *L, sten *a, sten *b, sten *w) {
    w = cast(L, w, t_dtype(L, a));
    sten *rest = ar_sub(L, lit(L, t_dtype(L, w), 1), w);
    return ar_sub(L, b, ar_mul(L, ar_sub(L, b, a), rest));
}

static const char *c_name(naru_dtype d) {
    return d == NARU_FLOAT ? "float" : d == NARU_DOUBLE ? "double" : d == NARU_INT64 ? "long int" : sten_type_name(d);
}
static void check_lerp(lower *L, sten *a, sten *b) {
    naru_dtype x = t_dtype(L, a), y = t_dtype(L, b);
    if (x != y) lower_raise(L, "RuntimeError", "expected dtype %s for `end` but got dtype %s", c_name(x), c_name(y));
}

void aten_lerp_scalar(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1), *w = arg_tensor(L, 2);
    sv v = arg_scalar(L, 2);
    check_lerp(L, a, b);
    double known = v.tag == SV_FLOAT ? v.f : v.tag == SV_INT ? (double)v.i : 0;
    ret_tensor(L, fabs(known) < 0.5 ? lerp_by(L, a, b, w) : lerp_from_end(L, a, b, w));
}

void aten_lerp(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1), *w = arg_tensor(L, 2);
    check_lerp(L, a, b);
    if (dtype_is_complex(t_dtype(L, a))) return ret_tensor(L, lerp_by(L, a, b, w));
    w = cast(L, w, t_dtype(L, a));
    sten *near = EMIT(Less, EMIT(Abs, w), lit(L, t_dtype(L, w), 0.5));
    ret_tensor(L, ar_where(L, near, lerp_by(L, a, b, w), lerp_from_end(L, a, b, w)));
}

void aten_addcmul(lower *L) {
    sten *x = arg_tensor(L, 0), *a = arg_tensor(L, 1), *b = arg_tensor(L, 2);
    naru_dtype d = promote(L, 3, (sten *[]){x, a, b});
    a = ar_scale(L, cast(L, a, d), arg_scalar(L, 3));
    ret_tensor(L, ar_add(L, cast(L, x, d), ar_mul(L, a, cast(L, b, d))));
}

void aten_addcdiv(lower *L) {
    sten *x = arg_tensor(L, 0), *a = arg_tensor(L, 1), *b = arg_tensor(L, 2);
    naru_dtype d = promote(L, 2, (sten *[]){a, b});
    if (dtype_is_int(d) || d == NARU_BOOL)
        lower_raise(L, "RuntimeError",
                    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will "
                    "perform a true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented "
                    "as (input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as "
                    "(input + value * tensor1 / tensor2) for float inputs. The future addcdiv behavior is just the "
                    "latter implementation: (input + value * tensor1 / tensor2), for all dtypes.");
    d = promote(L, 3, (sten *[]){x, a, b});
    a = ar_scale(L, cast(L, a, d), arg_scalar(L, 3));
    ret_tensor(L, ar_add(L, cast(L, x, d), ar_div(L, a, cast(L, b, d))));
}

/* ---- in-place forms whose overloads have other names than the plain ones ---- */
static void in_place(lower *L, lower_fn plain) {
    sv y;
    lower_call(L, plain, L->nargs, L->args, 1, &y);
    write_to(L, arg_tensor(L, 0), sv_tensor(y));
    ret_tensor(L, arg_tensor(L, 0));
}
void aten_pow_(lower *L) { in_place(L, aten_pow); }
void aten_pow_scalar_(lower *L) { in_place(L, aten_pow_scalar); }
void aten_float_power_(lower *L) { in_place(L, aten_float_power); }
void aten_floor_divide_(lower *L) { in_place(L, aten_floor_divide); }
