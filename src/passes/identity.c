/* SPDX-License-Identifier: MIT
 *
 * identity: nodes whose output is their input: Identity, Dropout in inference, Cast to the same type, reshaping to the
 * same shape, Transpose in order, Slice of everything, Expand and Tile to the same shape, Pad by nothing, Concat, Sum,
 * Min, Max and Mean of one, multiplication and division by one.
 */
#include "passes/rewrite.h"

bool pass_identity(rewriter *r, node *n);

static bool all_ints(rewriter *r, const value *v, int64_t want) {
    const int64_t *x;
    int64_t count;
    if (!v) return true;
    if (!value_ints(v, &x, &count, r->arena)) return false;
    for (int64_t i = 0; i < count; i++)
        if (x[i] != want) return false;
    return true;
}

static bool inference_dropout(const node *n) {
    const value *training = node_in(n, 2);
    double x;
    return !training || (value_scalar(training, &x) && x == 0);
}

static bool in_order(const node *n) {
    const attr *p = node_attr(n, "perm");
    for (size_t i = 0; p && i < p->count; i++)
        if (p->ints[i] != (int64_t)i) return false;
    return p || value_rank(n->in[0]) == 1;
}

static bool keeps_shape(const node *n) {
    static const char *const ops[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile"};
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        if (node_is(n, ops[i])) return value_same_shape(n->in[0], n->out[0]);
    return false;
}

/* [0, "the end") of every axis listed, forwards. */
static bool whole_slice(rewriter *r, const node *n) {
    const int64_t *end;
    int64_t count;
    if (!all_ints(r, node_in(n, 4), 1)) return false;
    if (value_same_shape(n->in[0], n->out[0])) return true;
    if (!all_ints(r, node_in(n, 1), 0) || !value_ints(node_in(n, 2), &end, &count, r->arena)) return false;
    for (int64_t i = 0; i < count; i++)
        if (end[i] < INT32_MAX) return false;
    return true;
}

static bool same_type(const node *n) {
    return value_dtype(n->in[0]) == value_dtype(n->out[0]) && value_dtype(n->in[0]) != NARU_UNDEFINED;
}

static bool changes_nothing(rewriter *r, const node *n) {
    if (node_is(n, "Identity")) return true;
    if (node_is(n, "Dropout")) return inference_dropout(n);
    if (node_is(n, "Cast") || node_is(n, "CastLike")) return same_type(n);
    if (node_is(n, "Transpose")) return in_order(n);
    if (node_is(n, "Slice")) return whole_slice(r, n);
    if (node_is(n, "Pad")) return node_in(n, 1) && all_ints(r, n->in[1], 0);
    if (node_is(n, "Concat") || node_is(n, "Sum") || node_is(n, "Max") || node_is(n, "Min") || node_is(n, "Mean"))
        return n->nin == 1;
    if (node_is(n, "Mul") || node_is(n, "Div"))
        return n->nin == 2 && value_is_scalar(n->in[1], 1, 0) && value_rank(n->in[1]) <= value_rank(n->in[0]);
    return keeps_shape(n);
}

bool pass_identity(rewriter *r, node *n) {
    if (n->nin < 1 || !n->in[0] || n->nout < 1 || !n->out[0]) return false;
    if (n->nout > 1 && n->out[1] && rw_uses(r, n->out[1]) > 0) return false;
    return changes_nothing(r, n) && rw_replace(r, n->out[0], n->in[0]);
}
