/* SPDX-License-Identifier: MIT
 *
 * What the files of layers and linear algebra share: constant vectors, reductions, scaling, complex numbers as pairs of
 * real tensors, and texts of shapes for messages.
 */
#ifndef SCRIPT_ATEN_NN_H
#define SCRIPT_ATEN_NN_H

#include <stdio.h>

#include "script/aten/aten.h"

/* ---- constants ---- */
sten *nn_filled(lower *L, naru_dtype d, double v, sv n); /* [n] times v */
sten *nn_filled_like(lower *L, naru_dtype d, double v, int rank, const sv *dims);
sten *nn_floats(lower *L, const float *v, int n); /* float[n], few: steps are made for their content */
/* Any shape, rounded to d. */
sten *nn_constant(lower *L, naru_dtype d, int rank, const int64_t *dims, const double *v);

/* ---- arithmetic ---- */
sten *nn_scaled(lower *L, sten *t, sv s); /* t times a Scalar, in t's type; t itself when s is 1 */
bool nn_scalar_is(sv s, double v);        /* known to be v */
sten *nn_add(lower *L, sten *a, sten *b); /* b may be NULL: a */
sten *nn_times(lower *L, sten *t, double v);
sten *nn_plus(lower *L, sten *t, double v);
sten *nn_reduce(lower *L, const op_desc *op, sten *t, int n, const int64_t *axes, bool keep);
sten *nn_reduce1(lower *L, const op_desc *op, sten *t, int axis, bool keep);
sten *nn_concat(lower *L, int axis, int n, sten *const *t);
/* Matrix product in numpy's rules, any type: narrow integers through int32, complex as four products. */
sten *nn_matmul(lower *L, sten *a, sten *b);
/* x W' + b; W [out, in] as it is given, so that it can be packed. b may be NULL. */
sten *nn_linear(lower *L, sten *x, sten *w, sten *b);

/* ---- shapes ---- */
int nn_dims(lower *L, sten *t, sv *dims);                   /* rank */
void nn_dims_int(lower *L, sten *t, int64_t *dims);         /* all must be known */
sv nn_product(lower *L, int n, const sv *dims);             /* 1 for none */
sten *nn_reshape(lower *L, sten *t, int rank, const sv *d); /* view_shape, copying where it must */
bool nn_known(lower *L, const sten *t);                     /* every dim is a number */
/* "[2, 3]" (or "2x3" with sep "x"), in scratch; "?" for what is not known. */
const char *nn_shape(lower *L, const sten *t);
const char *nn_shape_by(lower *L, const sten *t, const char *sep);

/* ---- complex ---- */
void nn_parts(lower *L, sten *t, sten **re, sten **im); /* of a real tensor: im is NULL */
sten *nn_join(lower *L, sten *re, sten *im);
naru_dtype nn_real_dtype(naru_dtype complex_dtype);
naru_dtype nn_complex_dtype(naru_dtype real_dtype);

#endif
