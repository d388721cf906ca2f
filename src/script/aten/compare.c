/* SPDX-License-Identifier: MIT
 *
 * Comparisons, logic, bits, and choosing by a condition.
 */
#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

#include <math.h>

/* ---- comparisons ---- */
static bool c_equal(cplx a, cplx b) { return a == b; }

static sten *equal(lower *L, sten *a, sten *b) {
    naru_dtype d = promote(L, 2, (sten *[]){a, b});
    if (dtype_is_complex(d)) return cmap2_bool(L, cast(L, a, d), cast(L, b, d), c_equal);
    return ar_compare(L, &op_Equal, a, b);
}

static void compare(lower *L, const op_desc *op) {
    ret_tensor(L, ar_compare(L, op, arg_tensor(L, 0), arg_tensor(L, 1)));
}

void aten_eq(lower *L) { ret_tensor(L, equal(L, arg_tensor(L, 0), arg_tensor(L, 1))); }
void aten_ne(lower *L) { ret_tensor(L, EMIT(Not, equal(L, arg_tensor(L, 0), arg_tensor(L, 1)))); }
void aten_lt(lower *L) { compare(L, &op_Less); }
void aten_le(lower *L) { compare(L, &op_LessOrEqual); }
void aten_gt(lower *L) { compare(L, &op_Greater); }
void aten_ge(lower *L) { compare(L, &op_GreaterOrEqual); }

/* |a - b| <= atol + rtol |b|, or equal (infinities). */
static sten *close_to(lower *L, sten *a, sten *b, double rtol, double atol, bool equal_nan) {
    if (t_dtype(L, a) != t_dtype(L, b))
        lower_raise(L, "RuntimeError", "%s did not match %s", sten_type_name(t_dtype(L, a)), sten_type_name(t_dtype(L, b)));
    sten *same = equal(L, a, b);
    if (equal_nan && dtype_is_float(t_dtype(L, a))) same = EMIT(Or, same, EMIT(And, EMIT(IsNaN, a), EMIT(IsNaN, b)));
    if (rtol == 0 && atol == 0) return same;
    sten *x = to_float(L, a), *y = to_float(L, b);
    sten *gap = ar_abs(L, ar_sub(L, x, y)), *size = ar_mulc(L, ar_abs(L, y), rtol);
    sten *finite = EMIT(Not, EMIT(IsInf, gap));
    return EMIT(Or, same, EMIT(And, finite, EMIT(LessOrEqual, gap, ar_addc(L, size, atol))));
}

static sten *close_args(lower *L) {
    return close_to(L, arg_tensor(L, 0), arg_tensor(L, 1), arg_float(L, 2), arg_float(L, 3), arg_bool(L, 4));
}
void aten_isclose(lower *L) { ret_tensor(L, close_args(L)); }
void aten_allclose(lower *L) { ret_value(L, sv_keep(item(L, ar_all(L, close_args(L))))); }

/* Two sizes; an obstacle where the graph would have to compare them. */
static bool same_size(lower *L, sv a, sv b) {
    sv same = a.tag == SV_INT && b.tag == SV_INT ? sv_bool(a.i == b.i) : s_apply(L, "eq", 2, (sv[]){a, b});
    return same.tag == SV_BOOL ? same.b : eager_only(L);
}

void aten_equal(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    int rank = t_rank(L, a);
    bool same = rank == t_rank(L, b);
    for (int i = 0; same && i < rank; i++) same = same_size(L, t_dim(L, a, i), t_dim(L, b, i));
    if (same) ret_value(L, sv_keep(item(L, ar_all(L, equal(L, a, b)))));
    else ret_bool(L, false);
}

/* ---- logic ---- */
static void logic(lower *L, const op_desc *op) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    check_broadcast(L, a, b);
    ret_tensor(L, lower_op(L, op, NULL, 2, (sten *[]){ar_bool(L, a), ar_bool(L, b)}));
}
void aten_logical_and(lower *L) { logic(L, &op_And); }
void aten_logical_or(lower *L) { logic(L, &op_Or); }
void aten_logical_xor(lower *L) { logic(L, &op_Xor); }
void aten_logical_not(lower *L) { ret_tensor(L, EMIT(Not, ar_bool(L, arg_tensor(L, 0)))); }

/* ---- bits ---- */
static void bits(lower *L, const op_desc *of_bools, const op_desc *of_ints, const char *what) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    check_broadcast(L, a, b);
    promote2(L, &a, &b);
    naru_dtype d = t_dtype(L, a);
    if (!dtype_is_int(d) && d != NARU_BOOL)
        lower_raise(L, "RuntimeError", "\"%s_cpu\" not implemented for '%s'", what, sten_type_name(d));
    ret_tensor(L, lower_op(L, d == NARU_BOOL ? of_bools : of_ints, NULL, 2, (sten *[]){a, b}));
}
void aten_bitwise_and(lower *L) { bits(L, &op_And, &op_BitwiseAnd, "bitwise_and"); }
void aten_bitwise_or(lower *L) { bits(L, &op_Or, &op_BitwiseOr, "bitwise_or"); }
void aten_bitwise_xor(lower *L) { bits(L, &op_Xor, &op_BitwiseXor, "bitwise_xor"); }

void aten_bitwise_not(lower *L) {
    sten *x = arg_tensor(L, 0);
    ret_tensor(L, t_dtype(L, x) == NARU_BOOL ? EMIT(Not, x) : EMIT(BitwiseNot, x));
}

/* Floats shift by powers of two (the operators << and >> allow it). */
static void shift(lower *L, bool left) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    check_broadcast(L, a, b);
    promote2(L, &a, &b);
    naru_dtype d = t_dtype(L, a);
    if (dtype_is_float(d)) {
        sten *power = EMIT(Pow, lit(L, d, 2), b);
        ret_tensor(L, left ? EMIT(Mul, a, power) : EMIT(Div, a, power));
    } else {
        ret_tensor(L, EMITA(BitShift, ATTRS(AS("direction", left ? "LEFT" : "RIGHT")), a, b));
    }
}
void aten_left_shift(lower *L) { shift(L, true); }
void aten_right_shift(lower *L) { shift(L, false); }

static int64_t i_gcd(int64_t a, int64_t b) {
    uint64_t x = a < 0 ? 0 - (uint64_t)a : (uint64_t)a, y = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
    while (y) {
        uint64_t t = x % y;
        x = y, y = t;
    }
    return (int64_t)x;
}
static int64_t i_lcm(int64_t a, int64_t b) {
    int64_t g = i_gcd(a, b);
    if (g == 0) return 0;
    uint64_t r = (uint64_t)(a / g) * (uint64_t)b;
    return (int64_t)r < 0 ? (int64_t)(0 - r) : (int64_t)r;
}
static void int2(lower *L, fn_ii f) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    promote2(L, &a, &b);
    if (!dtype_is_int(t_dtype(L, a))) lower_raise(L, "RuntimeError", "%s takes integers", L->op->schema->name);
    ret_tensor(L, map2_int(L, a, b, f));
}
void aten_gcd(lower *L) { int2(L, i_gcd); }
void aten_lcm(lower *L) { int2(L, i_lcm); }

/* ---- choosing ---- */
static sten *condition(lower *L, sten *c) {
    naru_dtype d = t_dtype(L, c);
    if (d != NARU_BOOL && d != NARU_UINT8)
        lower_raise(L, "RuntimeError",
                    "where expected condition to be a boolean tensor, but got a tensor with dtype %s", sten_type_name(d));
    return cast(L, c, NARU_BOOL);
}

void aten_where(lower *L) {
    sten *c = condition(L, arg_tensor(L, 0)), *a = arg_tensor(L, 1), *b = arg_tensor(L, 2);
    check_broadcast(L, a, b);
    check_broadcast(L, c, a);
    check_broadcast(L, c, b);
    promote2(L, &a, &b);
    ret_tensor(L, ar_where(L, c, a, b));
}

void aten_masked_fill(lower *L) {
    sten *x = arg_tensor(L, 0), *mask = arg_tensor(L, 1), *v = arg_tensor(L, 2);
    if (t_dtype(L, mask) != NARU_BOOL)
        lower_raise(L, "RuntimeError", "masked_fill_ only supports boolean masks, but got mask with dtype %s",
                    t_dtype(L, mask) == NARU_INT64   ? "long int"
                    : t_dtype(L, mask) == NARU_UINT8 ? "unsigned char"
                    : t_dtype(L, mask) == NARU_FLOAT ? "float"
                                                     : sten_type_name(t_dtype(L, mask)));
    if (v && t_rank(L, v) != 0)
        lower_raise(L, "RuntimeError",
                    "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with %d dimension(s).",
                    t_rank(L, v));
    check_broadcast(L, mask, x);
    ret_tensor(L, ar_where(L, mask, cast(L, v, t_dtype(L, x)), x));
}

/* ---- &=, |=, ^=, <<=, >>= ---- */
static void in_place(lower *L, lower_fn plain) {
    sv y;
    lower_call(L, plain, L->nargs, L->args, 1, &y);
    write_to(L, arg_tensor(L, 0), sv_tensor(y));
    ret_tensor(L, arg_tensor(L, 0));
}
void aten___iand__(lower *L) { in_place(L, aten_bitwise_and); }
void aten___ior__(lower *L) { in_place(L, aten_bitwise_or); }
void aten___ixor__(lower *L) { in_place(L, aten_bitwise_xor); }
void aten___ilshift__(lower *L) { in_place(L, aten_left_shift); }
void aten___irshift__(lower *L) { in_place(L, aten_right_shift); }
