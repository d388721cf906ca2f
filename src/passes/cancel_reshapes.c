/* SPDX-License-Identifier: MIT
 *
 * cancel_reshapes: a Reshape, Flatten, Squeeze or Unsqueeze of a reshaped value looks at the value before. The result's
 * dims must be known but for one, since a 0 in a shape ("as in the input") would look at another input now.
 */
#include "passes/rewrite.h"

bool pass_cancel_reshapes(rewriter *r, node *n);

static bool is_reshape(const node *n) {
    return node_is(n, "Reshape") || node_is(n, "Flatten") || node_is(n, "Squeeze") || node_is(n, "Unsqueeze");
}

bool pass_cancel_reshapes(rewriter *r, node *n) {
    int64_t dims[NARU_MAX_RANK];
    if (!is_reshape(n) || !n->in[0]) return false;
    const node *before = n->in[0]->producer;
    int rank = value_rank(n->out[0]), open = 0;
    if (!before || before->block != n->block || !is_reshape(before) || rank < 0) return false;
    for (int i = 0; i < rank; i++) {
        dim_t d = value_dim(n->out[0], i);
        if (d == 0) return false;
        dims[i] = dim_is_const(d) ? d : -1;
        open += !dim_is_const(d);
    }
    if (open > 1) return false;
    if (value_same_shape(before->in[0], n->out[0])) return rw_replace(r, n->out[0], before->in[0]);
    value *in[2] = {before->in[0], rw_const_ints(r, dims, rank)};
    return rw_replace(r, n->out[0], rw_op(r, "Reshape", "", 2, in));
}
