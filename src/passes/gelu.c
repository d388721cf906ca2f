/* SPDX-License-Identifier: MIT
 *
 * gelu: the spelled-out Gelu, exact or by tanh, whatever the order of its factors:
 *   x * 1/2 * (1 + Erf(x / sqrt 2)) -> Gelu;  x * 1/2 * (1 + Tanh(sqrt(2/pi) (x + 0.044715 x^3))) -> Gelu(tanh).
 */
#include "passes/fuse.h"

bool pass_gelu(rewriter *r, node *n);

/* The factors of a product tree whose inner products have no other reader. */
static int factors(const rewriter *r, value *v, value **out, int n, int max, bool root) {
    node *p = v->producer;
    bool open = root || (p && node_is(p, "Mul") && p->block == r->at->block && rw_uses(r, v) == 1);
    if (!open || n > max) {
        if (n < max) out[n] = v;
        return n + 1;
    }
    n = factors(r, p->in[0], out, n, max, false);
    return factors(r, p->in[1], out, n, max, false);
}

static bool is_cube(const rewriter *r, const value *v, const value *x) {
    const node *p = rw_from(r, v, "Pow");
    if (p) return p->in[0] == x && value_is_scalar(p->in[1], 3, 0);
    p = rw_from(r, v, "Mul");
    const node *q = NULL;
    for (int i = 0; p && i < 2; i++)
        if (p->in[i] == x && (q = rw_from(r, p->in[1 - i], "Mul"))) return q->in[0] == x && q->in[1] == x;
    return false;
}

static bool is_erf_part(const rewriter *r, const value *v, const value *x) {
    const node *erf = rw_from(r, v, "Erf");
    if (!erf) return false;
    const node *p = rw_from(r, erf->in[0], "Div");
    if (p) return p->in[0] == x && value_is_scalar(p->in[1], 1.41421356, 1e-4);
    p = rw_from(r, erf->in[0], "Mul");
    return p && operand_beside_scalar(p, 0.70710678) == x;
}

static bool is_tanh_part(const rewriter *r, const value *v, const value *x) {
    const node *tanh_ = rw_from(r, v, "Tanh");
    const node *scaled = tanh_ ? rw_from(r, tanh_->in[0], "Mul") : NULL;
    const value *inner = scaled ? operand_beside_scalar(scaled, 0.79788456) : NULL;
    const node *sum = rw_from(r, inner, "Add");
    const value *cubic = sum ? other_operand(sum, x) : NULL;
    const node *mul = rw_from(r, cubic, "Mul");
    const value *cube = mul ? operand_beside_scalar(mul, 0.044715) : NULL;
    return cube && is_cube(r, cube, x);
}

bool pass_gelu(rewriter *r, node *n) {
    value *f[3];
    if (!node_is(n, "Mul") || n->nin != 2 || factors(r, n->out[0], f, 0, 3, true) != 3) return false;
    for (int half = 0; half < 3; half++) {
        if (!value_is_scalar(f[half], 0.5, 0)) continue;
        for (int k = 1; k < 3; k++) {
            value *x = f[(half + k) % 3], *part = f[(half + 3 - k) % 3];
            const node *add = rw_from(r, part, "Add");
            const value *inner = add ? operand_beside_scalar(add, 1) : NULL;
            bool exact = inner && is_erf_part(r, inner, x);
            if (!exact && !(inner && is_tanh_part(r, inner, x))) continue;
            if (!value_same_shape(x, n->out[0])) return false;
            value *y = rw_op(r, "Gelu", "", 1, &x);
            if (!exact) rw_string(r, y, "approximate", "tanh");
            return rw_replace(r, n->out[0], y);
        }
    }
    return false;
}
