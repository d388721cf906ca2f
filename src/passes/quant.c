/* SPDX-License-Identifier: MIT
 *
 * Reading Q and DQ (quant.h).
 */
#include "passes/quant.h"

#include "tensor/dtype.h"

bool quant_scale_ok(const value *v, int64_t channels) {
    const naru_tensor *t = value_const(v);
    if (!t || t->dtype != NARU_FLOAT || t->rank > 1 || !tensor_is_contiguous(t)) return false;
    int64_t n = tensor_count(t);
    if (n != 1 && n != channels) return false;
    for (int64_t i = 0; i < n; i++) {
        double s = dtype_get_f64(t->dtype, t->data, i);
        if (!(s >= 1e-30 && s <= 1e30)) return false; /* far from where float32 rounds coarsely or overflows */
    }
    return n > 0;
}

static int64_t attr_i(const node *n, const char *name, int64_t dflt) {
    const attr *a = node_attr(n, name);
    return a && a->kind == ATTR_INT ? a->i : dflt;
}

static bool is_byte(naru_dtype d) { return d == NARU_INT8 || d == NARU_UINT8; }

static bool read_params(node *n, naru_dtype d, quant *q) {
    *q = (quant){.n = n, .x = n->in[0], .scale = node_in(n, 1), .zero = node_in(n, 2), .dtype = d, .axis = -1};
    if (!is_byte(d) || !q->x || attr_i(n, "block_size", 0)) return false;
    const naru_tensor *s = value_const(q->scale), *z = value_const(q->zero);
    if (!s || !quant_scale_ok(q->scale, s->rank == 1 ? s->dims[0] : 1)) return false;
    if (q->zero && (!z || z->dtype != d || z->rank > 1 || tensor_count(z) != tensor_count(s))) return false;
    if (tensor_count(s) == 1) return true;
    int rank = value_rank(q->x);
    int64_t axis = attr_i(n, "axis", 1);
    q->axis = axis < 0 ? axis + rank : axis;
    return rank > 0 && q->axis >= 0 && q->axis < rank && value_dim(q->x, (int)q->axis) == tensor_count(s);
}

bool quant_from(const rewriter *r, const value *v, quant *q) {
    node *n = rw_from(r, v, "DequantizeLinear");
    return n && value_dtype(v) == NARU_FLOAT && read_params(n, value_dtype(n->in[0]), q);
}

bool quant_of(const node *n, quant *q) {
    if (!node_is(n, "QuantizeLinear") || !n->in[0] || value_dtype(n->in[0]) != NARU_FLOAT) return false;
    int64_t precision = attr_i(n, "precision", 0);
    if (precision && precision != NARU_FLOAT) return false;
    return read_params((node *)(uintptr_t)n, value_dtype(n->out[0]), q);
}

int64_t quant_zero(const quant *q) {
    const naru_tensor *z = value_const(q->zero);
    return z ? dtype_get_i64(z->dtype, z->data, 0) : 0;
}
float quant_scale(const quant *q) {
    const naru_tensor *s = value_const(q->scale);
    return (float)dtype_get_f64(s->dtype, s->data, 0);
}

bool quant_same(const quant *a, const quant *b) {
    return quant_is_one(a) && quant_is_one(b) && a->dtype == b->dtype && quant_scale(a) == quant_scale(b) &&
           quant_zero(a) == quant_zero(b);
}

value *quant_zero_value(rewriter *r, const quant *q) {
    if (q->zero) return q->zero;
    naru_tensor *t = NULL;
    if (tensor_new(q->dtype, 0, NULL, &t, NULL) == NARU_OK) dtype_set_i64(q->dtype, t->data, 0, 0);
    return rw_tensor(r, t);
}

value *quant_again(rewriter *r, const char *op, value *x, const quant *q) {
    value *in[3] = {x, q->scale, quant_zero_value(r, q)};
    return rw_op(r, op, "", 3, in);
}
