/* SPDX-License-Identifier: MIT
 *
 * qdq: QuantizeLinear and DequantizeLinear (per tensor, constant parameters) move over what commutes with them, so that
 * they meet each other and the products:
 *   op(DQ(q)) -> DQ(op(q)), Q(op(x)) -> op(Q(x)) where only Q reads op
 *                                    op: MaxPool, Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Slice, Expand
 *   Concat(DQ(a), DQ(b), ...) of equal parameters -> DQ(Concat(a, b, ...))
 *   Relu(DQ(q)) -> DQ(Max(q, zero point)), or DQ(q) where the zero point is the type's least value
 *   Q(DQ(q)) of equal parameters -> q       (exact: (q - z) s / s rounds back to q - z, which has 9 bits)
 * DQ of an INT32 constant (a bias) and Q of a float32 constant (weights) are computed. All give the same bits: the
 * operators choose or move elements, and Q and DQ are monotonous functions of one element. (A NaN that MaxPool would
 * spread before Q stays in its element behind it.)
 */
#include "passes/quant.h"
#include "tensor/dtype.h"

bool pass_qdq(rewriter *r, node *n);

static bool commutes(const node *n) {
    static const char *const names[] = {"MaxPool",   "Reshape",   "Flatten", "Squeeze",
                                        "Unsqueeze", "Transpose", "Slice",   "Expand"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (node_is(n, names[i])) return !node_out(n, 1);
    return false;
}

/* A window wholly in the padding gives -infinity, which DQ cannot say: pads stay under the kernel. */
static bool pool_is_safe(const node *n) {
    if (!node_is(n, "MaxPool")) return true;
    const attr *pads = node_attr(n, "pads"), *k = node_attr(n, "kernel_shape"), *d = node_attr(n, "dilations"),
               *ceil = node_attr(n, "ceil_mode");
    if (!k || (ceil && ceil->i)) return false;
    for (size_t i = 0; d && d->kind == ATTR_INTS && i < d->count; i++)
        if (d->ints[i] != 1) return false;
    for (size_t i = 0; pads && pads->kind == ATTR_INTS && i < pads->count; i++)
        if (pads->ints[i] >= k->ints[i % k->count]) return false;
    return true;
}

/* op of n over x instead of its first input. */
static value *over(rewriter *r, const node *n, value *x) {
    enum { MAX = 5 };
    value *in[MAX] = {x};
    if (n->nin > MAX) return r->failed = true, NULL;
    for (int i = 1; i < n->nin; i++) in[i] = n->in[i];
    value *y = rw_op(r, n->op_type, "", n->nin, in);
    rw_attrs_from(r, y, n);
    return y;
}

static bool dq_forward(rewriter *r, node *n) {
    quant q;
    if (n->nin > 5 || !pool_is_safe(n) || !quant_from(r, n->in[0], &q) || !quant_is_one(&q) || value_const(q.x))
        return false;
    return rw_replace(r, n->out[0], quant_again(r, "DequantizeLinear", over(r, n, q.x), &q));
}

static bool q_backward(rewriter *r, node *n, const quant *q) {
    quant other;
    node *p = n->in[0]->producer;
    if (!p || p->block != n->block || p->nin > 5 || rw_uses(r, n->in[0]) != 1 || !commutes(p) || !pool_is_safe(p))
        return false;
    if (!p->in[0] || value_const(p->in[0]) || quant_from(r, p->in[0], &other)) return false;
    return rw_replace(r, n->out[0], over(r, p, quant_again(r, "QuantizeLinear", p->in[0], q)));
}

static bool concat(rewriter *r, node *n) {
    enum { MAX = 256 };
    value *in[MAX];
    quant first, q;
    if (n->nin > MAX) return false;
    for (int i = 0; i < n->nin; i++) {
        if (!quant_from(r, n->in[i], &q) || !quant_is_one(&q)) return false;
        if (i == 0) first = q;
        if (!quant_same(&first, &q)) return false;
        in[i] = q.x;
    }
    value *y = rw_op(r, "Concat", "", n->nin, in);
    rw_attrs_from(r, y, n);
    return rw_replace(r, n->out[0], quant_again(r, "DequantizeLinear", y, &first));
}

static bool relu(rewriter *r, node *n) {
    quant q;
    if (!quant_from(r, n->in[0], &q) || !quant_is_one(&q)) return false;
    value *y = q.x;
    if (quant_zero(&q) != dtype_int_min(q.dtype)) {
        value *in[2] = {q.x, quant_zero_value(r, &q)};
        y = rw_op(r, "Max", "", 2, in);
    }
    return rw_replace(r, n->out[0], quant_again(r, "DequantizeLinear", y, &q));
}

/* DQ of INT32, Q of float32: nodes of constants that fold_constants leaves alone. */
static bool fold(rewriter *r, node *n, const naru_tensor *t) {
    naru_value *in[3] = {NULL}, *out[1] = {NULL};
    bool ok = n->nin <= 3 && tensor_count(t) <= (64 << 20);
    for (int i = 0; ok && i < n->nin; i++) {
        const naru_tensor *c = value_const(n->in[i]);
        ok = n->in[i] == NULL || (c && value_wrap_aligned((naru_tensor *)(uintptr_t)c, &in[i], NULL) == NARU_OK);
    }
    ok = ok && node_evaluate(n, in, out, 0, NULL) == NARU_OK && out[0];
    if (ok) ok = rw_constant(r, n->out[0], tensor_ref(out[0]->tensor));
    for (int i = 0; i < 3; i++) value_unref(in[i]);
    value_unref(out[0]);
    return ok;
}

static bool quantize(rewriter *r, node *n) {
    quant q, before;
    const naru_tensor *t = value_const(n->in[0]);
    if (!quant_of(n, &q)) return false;
    if (t) return fold(r, n, t);
    if (!quant_is_one(&q)) return false;
    if (quant_from(r, n->in[0], &before)) return quant_same(&q, &before) && rw_replace(r, n->out[0], before.x);
    return q_backward(r, n, &q);
}

bool pass_qdq(rewriter *r, node *n) {
    if (!n->nin || !n->nout || !n->in[0] || !n->out[0] || *n->domain) return false;
    if (node_is(n, "QuantizeLinear")) return quantize(r, n);
    if (node_is(n, "DequantizeLinear")) {
        const naru_tensor *t = value_const(n->in[0]);
        return t && t->dtype == NARU_INT32 && fold(r, n, t);
    }
    if (node_is(n, "Concat")) return concat(r, n);
    if (node_is(n, "Relu")) return relu(r, n);
    return commutes(n) && value_dtype(n->in[0]) == NARU_FLOAT && dq_forward(r, n);
}
