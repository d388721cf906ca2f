/* SPDX-License-Identifier: MIT
 *
 * common: of two nodes that compute the same (operator, attributes, inputs; small constants by content) the later one
 * goes. Exporters repeat chains of Shape and Gather, layout repeats transposes. Not random operators, not bodies.
 */
#include "passes/rewrite.h"

enum { SMALL = 64 }; /* bytes of constants compared by content */

bool pass_common(rewriter *r, node *n);

static bool same_tensor(const naru_tensor *a, const naru_tensor *b) {
    if (a == b) return true;
    if (!a || !b || a->dtype != b->dtype || a->dtype == NARU_STRING || a->rank != b->rank || !tensor_same_dims(a, b))
        return false;
    size_t n = tensor_bytes(a);
    return n <= SMALL && tensor_is_contiguous(a) && tensor_is_contiguous(b) && memcmp(a->data, b->data, n) == 0;
}

static bool same_value(const value *a, const value *b) {
    return a == b || (a && b && value_const(a) && value_const(b) && same_tensor(a->constant, b->constant));
}

static bool same_attr(const attr *a, const attr *b) {
    if (a->kind != b->kind || a->count != b->count) return false;
    switch (a->kind) {
    case ATTR_NONE: return true;
    case ATTR_INT: return a->i == b->i;
    case ATTR_FLOAT: return memcmp(&a->f, &b->f, sizeof a->f) == 0;
    case ATTR_STRING: return a->s.len == b->s.len && memcmp(a->s.data, b->s.data, a->s.len) == 0;
    case ATTR_INTS: return memcmp(a->ints, b->ints, a->count * sizeof *a->ints) == 0;
    case ATTR_FLOATS: return memcmp(a->floats, b->floats, a->count * sizeof *a->floats) == 0;
    case ATTR_TENSOR: return same_tensor(a->tensor, b->tensor);
    default: return false;
    }
}

static bool same_node(const node *a, const node *b) {
    if (a->op != b->op || a->block != b->block || a->nin != b->nin || a->nattrs != b->nattrs || b->nout != 1 ||
        !b->out[0])
        return false;
    for (int i = 0; i < a->nin; i++)
        if (!same_value(a->in[i], b->in[i])) return false;
    for (int i = 0; i < a->nattrs; i++)
        if (!same_attr(&a->attrs[i], &b->attrs[i])) return false;
    return true;
}

static bool before(const node *a, const node *b) {
    for (; a; a = a->next)
        if (a == b) return true;
    return false;
}

bool pass_common(rewriter *r, node *n) {
    const value *v = NULL;
    if (n->nout != 1 || !n->out[0] || (n->op->flags & (OP_RANDOM | OP_CONTROL))) return false;
    for (int i = 0; !v && i < n->nin; i++)
        if (n->in[i] && !value_const(n->in[i])) v = n->in[i];
    for (const use *u = v ? rw_first_use(r, v) : NULL; u; u = rw_next_use(v, u))
        if (u->node && u->node != n && same_node(n, u->node) && before(u->node, n))
            return rw_replace(r, n->out[0], u->node->out[0]);
    return false;
}
