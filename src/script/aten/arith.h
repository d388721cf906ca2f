/* SPDX-License-Identifier: MIT
 *
 * Arithmetic that any operator may be made of: operands are promoted as torch does, bools and complex numbers included,
 * and what comes out are operators of Naru where they can say it.
 */
#ifndef SCRIPT_ATEN_ARITH_H
#define SCRIPT_ATEN_ARITH_H

#include "script/lower.h"

sten *ar_add(lower *L, sten *a, sten *b);
sten *ar_sub(lower *L, sten *a, sten *b);
sten *ar_mul(lower *L, sten *a, sten *b);
sten *ar_div(lower *L, sten *a, sten *b); /* true division */
sten *ar_abs(lower *L, sten *x);
sten *ar_pow(lower *L, sten *a, sten *b);
sten *ar_scale(lower *L, sten *x, sv factor); /* x times a scalar, in x's type; x itself when that is 1 */
/* With a constant of x's type. */
static inline sten *ar_addc(lower *L, sten *x, double c) { return EMIT(Add, x, lit(L, t_dtype(L, x), c)); }
static inline sten *ar_mulc(lower *L, sten *x, double c) { return EMIT(Mul, x, lit(L, t_dtype(L, x), c)); }
/* Recording for export, where a plain composition that differs at rare arguments (NaN, -0) is better than
 * an exact one of many nodes. False when computing at once or recording to run here. */
bool ar_for_export(const lower *L);
sten *ar_bool(lower *L, sten *x); /* x != 0 as bool */
bool sv_known_as(sv v, double x); /* a known number equal to x */
/* Where condition is a bool tensor; a and b of one type. */
static inline sten *ar_where(lower *L, sten *c, sten *a, sten *b) { return EMIT(Where, c, a, b); }
/* A comparison after promotion: op is &op_Equal, &op_Less, ... */
sten *ar_compare(lower *L, const op_desc *op, sten *a, sten *b);
sten *ar_all(lower *L, sten *x); /* of a bool tensor: 0-d bool */
sten *ar_any(lower *L, sten *x);
sten *ar_any_axes(lower *L, sten *x, int n, const int64_t *axes, bool keep, bool all); /* x bool; n = 0: all axes */
/* ReduceX over axes (n = 0: all); rank 0 included. The result shares nothing with x. */
sten *ar_reduce(lower *L, const op_desc *op, sten *x, int n, const int64_t *axes, bool keep);
/* How many elements fall together when reducing over axes (none: all). */
sv ar_reduced_count(lower *L, sten *x, int n, const int64_t *axes);
sten *ar_reshape(lower *L, sten *x, int rank, const int64_t *dims); /* one -1; may share memory */
sten *ar_flat(lower *L, sten *x);

#endif
