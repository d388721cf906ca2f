/* SPDX-License-Identifier: MIT
 *
 * What the passes about quantized models share: reading QuantizeLinear and DequantizeLinear with constant parameters.
 */
#ifndef PASSES_QUANT_H
#define PASSES_QUANT_H

#include "passes/rewrite.h"

/* One side of a Q or DQ between float32 and 8 bits: q = sat(rint(x / scale) + zero). */
typedef struct quant {
    node *n;
    value *x, *scale, *zero; /* input; zero NULL: 0 */
    naru_dtype dtype;        /* NARU_INT8 or NARU_UINT8 */
    int64_t axis;            /* of per-axis scales, not negative; -1: per tensor */
} quant;

/* v is made by a DequantizeLinear / n is a QuantizeLinear with constant, positive, finite scales and constant zero
 * points, per tensor or per axis. */
bool quant_from(const rewriter *r, const value *v, quant *q);
bool quant_of(const node *n, quant *q);
static inline bool quant_is_one(const quant *q) { return q->axis < 0; }
bool quant_same(const quant *a, const quant *b); /* the same per-tensor parameters and type */
int64_t quant_zero(const quant *q);              /* per tensor */
float quant_scale(const quant *q);
/* q's zero point as a value of its type, made where there is none. */
value *quant_zero_value(rewriter *r, const quant *q);
/* QuantizeLinear or DequantizeLinear (op) of x with q's parameters, before the root. */
value *quant_again(rewriter *r, const char *op, value *x, const quant *q);
/* A positive constant of float32, 1e-30 to 1e30, 1 or `channels` elements (0: one only). */
bool quant_scale_ok(const value *v, int64_t channels);

#endif
