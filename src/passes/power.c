/* SPDX-License-Identifier: MIT
 *
 * power: Pow by a constant 1 or 2 as what costs less: x^1 -> x, x^2 -> x x. After norm and gelu, which know powers.
 */
#include "passes/rewrite.h"

bool pass_power(rewriter *r, node *n);

static bool is_float(naru_dtype d) { return d == NARU_FLOAT || d == NARU_DOUBLE; }

bool pass_power(rewriter *r, node *n) {
    double e;
    if (!node_is(n, "Pow") || !is_float(value_dtype(n->in[0])) || !value_scalar(n->in[1], &e)) return false;
    if (value_rank(n->in[0]) < value_rank(n->in[1])) return false;
    if (e == 1) return rw_replace(r, n->out[0], n->in[0]);
    if (e != 2) return false;
    value *in[2] = {n->in[0], n->in[0]};
    return rw_replace(r, n->out[0], rw_op(r, "Mul", "", 2, in));
}
