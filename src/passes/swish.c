/* SPDX-License-Identifier: MIT
 *
 * swish: products of a value with a function of itself that have a name:
 *   x Sigmoid(x) -> Swish;  x HardSigmoid(x; 1/6, 1/2) -> HardSwish;  x Clip(x + 3, 0, 6) / 6 -> HardSwish.
 * The inner nodes may have other readers; they then stay.
 */
#include "passes/fuse.h"

bool pass_swish(rewriter *r, node *n);

static bool near(float x, double want) { return (double)x > want * 0.999 && (double)x < want * 1.001; }

static const char *function_of(const rewriter *r, const value *f, const value *x) {
    const node *p = rw_from(r, f, "Sigmoid");
    if (p && p->in[0] == x) return "Swish";
    p = rw_from(r, f, "HardSigmoid");
    if (!p || p->in[0] != x) return NULL;
    const attr *a = node_attr(p, "alpha"), *b = node_attr(p, "beta");
    return a && b && near(a->f, 1.0 / 6) && near(b->f, 0.5) ? "HardSwish" : NULL;
}

/* Clip(x + 3, 0, 6) */
static bool is_relu6_plus3(const rewriter *r, const value *f, const value *x) {
    const node *clip = rw_from(r, f, "Clip");
    if (!clip || !value_is_scalar(node_in(clip, 1), 0, 0) || !value_is_scalar(node_in(clip, 2), 6, 0)) return false;
    const node *add = rw_from(r, clip->in[0], "Add");
    return add && operand_beside_scalar(add, 3) == x;
}

static bool put(rewriter *r, node *n, const char *op, value *x) {
    return value_same_shape(x, n->out[0]) && rw_replace(r, n->out[0], rw_op(r, op, "", 1, &x));
}

static bool divided(rewriter *r, node *n) {
    const node *mul = value_is_scalar(node_in(n, 1), 6, 1e-6) ? rw_from(r, n->in[0], "Mul") : NULL;
    for (int i = 0; mul && i < 2; i++)
        if (is_relu6_plus3(r, mul->in[1 - i], mul->in[i])) return put(r, n, "HardSwish", mul->in[i]);
    return false;
}

/* x * (Clip(x + 3, 0, 6) / 6) */
static bool inner_divided(const rewriter *r, const value *f, const value *x) {
    const node *div = rw_from(r, f, "Div");
    return div && value_is_scalar(div->in[1], 6, 1e-6) && is_relu6_plus3(r, div->in[0], x);
}

bool pass_swish(rewriter *r, node *n) {
    if (node_is(n, "Div")) return divided(r, n);
    if (!node_is(n, "Mul") || n->nin != 2) return false;
    for (int i = 0; i < 2; i++) {
        value *x = n->in[i], *f = n->in[1 - i];
        const char *op = function_of(r, f, x);
        if (!op && inner_divided(r, f, x)) op = "HardSwish";
        if (op) return put(r, n, op, x);
    }
    return false;
}
