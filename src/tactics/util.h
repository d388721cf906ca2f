/* SPDX-License-Identifier: MIT
 *
 * What the tactics of several families share: attributes by name with defaults, constants as numbers, shape products.
 */
#ifndef TACTICS_UTIL_H
#define TACTICS_UTIL_H

#include <math.h>

#include "tactics/tactic.h"
#include "tensor/dtype.h"

static inline int64_t attr_int(const node *n, const char *name, int64_t dflt) {
    const attr *a = node_attr(n, name);
    return a && a->kind == ATTR_INT ? a->i : dflt;
}
static inline float attr_float(const node *n, const char *name, float dflt) {
    const attr *a = node_attr(n, name);
    return a && a->kind == ATTR_FLOAT ? a->f : dflt;
}
static inline const char *attr_str(const node *n, const char *name, const char *dflt) {
    const attr *a = node_attr(n, name);
    return a && a->kind == ATTR_STRING && a->s.data ? a->s.data : dflt;
}
/* Element i of an INTS attribute, dflt when it is absent or shorter. */
static inline int64_t attr_int_at(const node *n, const char *name, size_t i, int64_t dflt) {
    const attr *a = node_attr(n, name);
    return a && a->kind == ATTR_INTS && i < a->count ? a->ints[i] : dflt;
}

/* The single element of the constant input i. */
static inline bool const_scalar(const tactic_query *q, int i, double *v) {
    if (!q_const(q, i) || tensor_count(q_tensor(q, i)) != 1 || q_dtype(q, i) == NARU_STRING) return false;
    *v = dtype_get_f64(q_tensor(q, i)->dtype, q_tensor(q, i)->data, 0);
    return true;
}

/* Elements from one row along the last axis to the next. */
static inline int64_t tensor_pitch(const naru_tensor *t) {
    return t->rank < 2 ? tensor_count(t) : t->strides[t->rank - 2];
}

/* Product of dims[from .. to). */
static inline int64_t dims_product(const int64_t *dims, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++) n *= dims[i];
    return n;
}
static inline int norm_axis(int64_t axis, int rank) { return (int)(axis < 0 ? axis + rank : axis); }

/* Bytes of an element that the copying kernels move; 0: not one of 1, 2, 4, 8, 16. */
static inline int copy_size(naru_dtype d) {
    int bits = d == NARU_STRING || d == NARU_UNDEFINED ? 0 : naru_dtype_bits(d);
    return bits == 8 || bits == 16 || bits == 32 || bits == 64 || bits == 128 ? bits / 8 : 0;
}

#endif
