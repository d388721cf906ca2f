/* SPDX-License-Identifier: MIT
 *
 * common: of two nodes that compute the same (operator, attributes, inputs; small constants by content) the later one
 * goes. Exporters repeat chains of Shape and Gather, layout repeats transposes. Not random operators, not bodies.
 */
#include "passes/rewrite.h"

bool pass_common(rewriter *r, node *n);

static bool same_value(const value *a, const value *b) {
    return a == b || (a && b && value_const(a) && value_const(b) && rw_same_constant(a->constant, b->constant));
}

static bool same_node(const node *a, const node *b) {
    if (a->op != b->op || a->block != b->block || a->nin != b->nin || b->nout != 1 || !b->out[0]) return false;
    for (int i = 0; i < a->nin; i++)
        if (!same_value(a->in[i], b->in[i])) return false;
    return rw_same_attrs(a, b);
}

bool pass_common(rewriter *r, node *n) {
    const value *v = NULL;
    if (n->nout != 1 || !n->out[0] || (n->op->flags & (OP_RANDOM | OP_CONTROL))) return false;
    for (int i = 0; !v && i < n->nin; i++)
        if (n->in[i] && !value_const(n->in[i])) v = n->in[i];
    for (const use *u = v ? rw_first_use(r, v) : NULL; u; u = rw_next_use(v, u))
        if (u->node && u->node != n && same_node(n, u->node) && rw_before(u->node, n))
            return rw_replace(r, n->out[0], u->node->out[0]);
    return false;
}
