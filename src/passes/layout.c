/* SPDX-License-Identifier: MIT
 *
 * layout: convolutions compute on channels-last images, so each becomes
 *   to_first(naru.FusedConv[channels_last](to_last(X), W, B, to_last(residual))).
 * sink_transposes then moves the to_first behind what follows, cancel_transposes removes those that meet; only the
 * borders of a region stay. Float32, 1 to 3 spatial dims. After the fusions, which look for neighbours.
 */
#include "passes/axes.h"

bool pass_layout(rewriter *r, node *n);

static bool is_first_conv(const node *n) {
    if (node_is(n, "Conv")) return true;
    const attr *last = node_is_naru(n, "FusedConv") ? node_attr(n, "channels_last") : NULL;
    return last && !last->i;
}

bool pass_layout(rewriter *r, node *n) {
    int rank = n->nin >= 2 && n->in[0] ? value_rank(n->in[0]) : -1;
    if (!is_first_conv(n) || rank < 3 || rank > 5 || value_dtype(n->in[0]) != NARU_FLOAT) return false;
    if (!value_const(n->in[1]) || !op_find("naru", "FusedConv")) return false;
    perm last = perm_to_last(rank), first = perm_to_first(rank);
    value *in[4] = {axes_transpose(r, n->in[0], &last, true), n->in[1], node_in(n, 2), NULL};
    if (node_in(n, 3)) in[3] = axes_transpose(r, n->in[3], &last, true);
    value *y = rw_op(r, "FusedConv", "naru", 4, in);
    if (!y) return true;
    rw_attrs_from(r, y, n);
    rw_int(r, y, "channels_last", 1);
    return rw_replace(r, n->out[0], axes_transpose(r, y, &first, true));
}
