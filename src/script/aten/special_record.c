/* SPDX-License-Identifier: MIT
 *
 * See special_record.h. The gamma functions are computed in double: their series cancel in float.
 */
#include "script/aten/special_record.h"

#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/nn.h"

static sten *like(lower *L, sten *x, double v) { return lit(L, t_dtype(L, x), v); }

/* Horner's scheme, the highest coefficient first. */
static sten *polynomial(lower *L, sten *x, int n, const double *c) {
    sten *y = like(L, x, c[0]);
    for (int i = 1; i < n; i++) y = ar_addc(L, EMIT(Mul, y, x), c[i]);
    return y;
}

/* ---- the inverse of the error function: Giles' polynomials in -log(1 - x^2) ---- */
sten *sr_erfinv(lower *L, sten *x) {
    static const double middle[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                    -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
    static const double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                                  -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
    sten *one = like(L, x, 1), *ends = EMIT(Equal, EMIT(Abs, x), one);
    sten *in = ar_where(L, ends, like(L, x, 0), x);
    sten *w = EMIT(Neg, EMIT(Log, EMIT(Mul, EMIT(Sub, one, in), EMIT(Add, one, in))));
    sten *near = polynomial(L, ar_addc(L, w, -2.5), 9, middle);
    sten *far = polynomial(L, ar_addc(L, EMIT(Sqrt, w), -3), 9, tail);
    sten *y = EMIT(Mul, ar_where(L, EMIT(Less, w, like(L, x, 5)), near, far), in);
    return ar_where(L, ends, EMIT(Mul, x, like(L, x, INFINITY)), y);
}

sten *sr_entr(lower *L, sten *x) {
    sten *zero = like(L, x, 0), *y = EMIT(Neg, EMIT(Mul, x, EMIT(Log, x)));
    y = ar_where(L, EMIT(Equal, x, zero), zero, y);
    return ar_where(L, EMIT(Less, x, zero), like(L, x, -INFINITY), y);
}

/* ---- gamma functions ---- */
static sten *widened(lower *L, sten *x) { return cast(L, x, NARU_DOUBLE); }

/* The sum of c[i] / (x + from + i) over i. */
static sten *partial_fractions(lower *L, sten *x, double from, int n, const double *c) {
    double at[16];
    int64_t size = n;
    for (int i = 0; i < n; i++) at[i] = from + i;
    sten *rows = view_unsqueeze(L, x, t_rank(L, x));
    sten *terms =
        EMIT(Div, nn_constant(L, NARU_DOUBLE, 1, &size, c), EMIT(Add, rows, nn_constant(L, NARU_DOUBLE, 1, &size, at)));
    int64_t axis = t_rank(L, rows) - 1;
    return ar_reduce(L, &op_ReduceSum, terms, 1, &axis, false);
}

/* Lanczos' approximation, x at least one half. */
static sten *lgamma_right(lower *L, sten *x) {
    static const double c[] = {676.5203681218851,  -1259.1392167224028,  771.32342877765313,    -176.61502916214059,
                               12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7};
    sten *sum = ar_addc(L, partial_fractions(L, x, 0, 8, c), 0.99999999999980993);
    sten *t = EMIT(Log, ar_addc(L, x, 6.5));
    sten *y = EMIT(Mul, ar_addc(L, x, -0.5), ar_addc(L, t, -1));
    return EMIT(Add, EMIT(Add, y, EMIT(Log, sum)), lit(L, NARU_DOUBLE, 0.91893853320467274178 - 7));
}

/* Where x is a pole: zero or a negative integer. */
static sten *at_pole(lower *L, sten *x) {
    return EMIT(And, EMIT(LessOrEqual, x, like(L, x, 0)), EMIT(Equal, x, EMIT(Floor, x)));
}

sten *sr_lgamma(lower *L, sten *x) {
    naru_dtype d = t_dtype(L, x);
    x = widened(L, x);
    sten *left = EMIT(Less, x, like(L, x, 0.5)), *other = EMIT(Sub, like(L, x, 1), x);
    sten *right = lgamma_right(L, ar_where(L, left, other, x));
    sten *frac = EMIT(Sub, x, EMIT(Floor, x));
    sten *mirror = EMIT(Neg, EMIT(Log, ar_mulc(L, EMIT(Abs, EMIT(Sin, ar_mulc(L, frac, M_PI))), 1 / M_PI)));
    sten *y = ar_where(L, left, EMIT(Sub, mirror, right), right);
    return cast(L, ar_where(L, at_pole(L, x), like(L, x, INFINITY), y), d);
}

/* x at least one half: moved up by ten, then the asymptotic series in 1 / x^2. */
static sten *digamma_right(lower *L, sten *x) {
    static const double ones[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const double series[] = {-1.0 / 132, 1.0 / 240, -1.0 / 252, 1.0 / 120, -1.0 / 12, 0};
    sten *z = ar_addc(L, x, 10), *over = EMIT(Reciprocal, z);
    sten *y = EMIT(Sub, EMIT(Log, z), ar_mulc(L, over, 0.5));
    y = EMIT(Add, y, polynomial(L, EMIT(Mul, over, over), 6, series));
    return EMIT(Sub, y, partial_fractions(L, x, 0, 10, ones));
}

sten *sr_digamma(lower *L, sten *x) {
    naru_dtype d = t_dtype(L, x);
    x = widened(L, x);
    sten *left = EMIT(Less, x, like(L, x, 0.5)), *other = EMIT(Sub, like(L, x, 1), x), *zero = like(L, x, 0);
    sten *y = digamma_right(L, ar_where(L, left, other, x));
    sten *angle = ar_mulc(L, EMIT(Sub, x, EMIT(Floor, x)), M_PI);
    sten *mirror = ar_mulc(L, EMIT(Div, EMIT(Cos, angle), EMIT(Sin, angle)), -M_PI);
    y = ar_where(L, left, EMIT(Add, y, mirror), y);
    sten *poles = ar_where(L, EMIT(Equal, x, zero), EMIT(Neg, EMIT(Reciprocal, x)), like(L, x, NAN));
    return cast(L, ar_where(L, at_pole(L, x), poles, y), d);
}

/* ---- doubles ---- */
static sten *half_of(lower *L, sten *x) { return ar_mulc(L, x, 0.5); }

static sten *hyperbolic(lower *L, sten *x, bool sine) {
    sten *up = EMIT(Exp, x), *down = EMIT(Exp, EMIT(Neg, x));
    return half_of(L, sine ? EMIT(Sub, up, down) : EMIT(Add, up, down));
}

/* log(x + sqrt(x^2 + c)) */
static sten *area(lower *L, sten *x, double c) {
    return EMIT(Log, EMIT(Add, x, EMIT(Sqrt, ar_addc(L, EMIT(Mul, x, x), c))));
}

/* A float's angle, then one Newton step in double. */
static sten *arctangent(lower *L, sten *x) {
    sten *y = widened(L, EMIT(Atan, cast(L, x, NARU_FLOAT))), *s = EMIT(Sin, y), *c = EMIT(Cos, y);
    sten *step = EMIT(Div, EMIT(Sub, s, EMIT(Mul, x, c)), EMIT(Add, c, EMIT(Mul, x, s)));
    return ar_where(L, EMIT(IsInf, x), y, EMIT(Sub, y, step));
}

/* 2 atan(x / (1 + sqrt(1 - x^2))) */
static sten *arcsine(lower *L, sten *x) {
    sten *one = like(L, x, 1), *root = EMIT(Sqrt, EMIT(Sub, one, EMIT(Mul, x, x)));
    return ar_mulc(L, arctangent(L, EMIT(Div, x, EMIT(Add, one, root))), 2);
}

sten *sr_of_double(lower *L, const op_desc *op, sten *x) {
    if (op == &op_Tan) return EMIT(Div, EMIT(Sin, x), EMIT(Cos, x));
    if (op == &op_Sinh) return hyperbolic(L, x, true);
    if (op == &op_Cosh) return hyperbolic(L, x, false);
    if (op == &op_Asinh) return EMIT(Mul, EMIT(Sign, x), area(L, EMIT(Abs, x), 1));
    if (op == &op_Acosh) return area(L, x, -1);
    if (op == &op_Atanh) return half_of(L, EMIT(Log, EMIT(Div, ar_addc(L, x, 1), EMIT(Sub, like(L, x, 1), x))));
    if (op == &op_Atan) return arctangent(L, x);
    if (op == &op_Asin) return arcsine(L, x);
    if (op == &op_Acos) return EMIT(Sub, like(L, x, M_PI_2), arcsine(L, x));
    return NULL;
}
