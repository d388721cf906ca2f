/* SPDX-License-Identifier: MIT
 *
 * layout: convolutions compute on channels-last images, so each becomes
 *   to_first(naru.FusedConv[channels_last](to_last(X), W, B, to_last(residual))).
 * sink_transposes then moves the to_first behind what follows, cancel_transposes removes those that meet; only the
 * borders of a region stay. Float32 and naru.QConv, 1 to 3 spatial dims. After the fusions, which look for neighbours.
 */
#include "passes/axes.h"

bool pass_layout(rewriter *r, node *n);

static bool is_first_conv(const node *n) {
    if (node_is(n, "Conv")) return true;
    const attr *last = node_is_naru(n, "FusedConv") || node_is_naru(n, "QConv") ? node_attr(n, "channels_last") : NULL;
    return last && !last->i;
}

bool pass_layout(rewriter *r, node *n) {
    int rank = n->nin >= 2 && n->in[0] ? value_rank(n->in[0]) : -1;
    enum { RESIDUAL = 3, MAX = 12 };
    bool quant = node_is_naru(n, "QConv");
    if (!is_first_conv(n) || rank < 3 || rank > 5 || (!quant && value_dtype(n->in[0]) != NARU_FLOAT)) return false;
    if (!value_const(n->in[1]) || n->nin > MAX || !op_find("naru", "FusedConv")) return false;
    perm last = perm_to_last(rank), first = perm_to_first(rank);
    value *in[MAX] = {axes_transpose(r, n->in[0], &last, true)};
    for (int i = 1; i < n->nin; i++) in[i] = n->in[i];
    if (in[RESIDUAL]) in[RESIDUAL] = axes_transpose(r, in[RESIDUAL], &last, true);
    value *y = rw_op(r, quant ? "QConv" : "FusedConv", "naru", n->nin, in);
    if (!y) return true;
    rw_attrs_from(r, y, n);
    rw_int(r, y, "channels_last", 1);
    return rw_replace(r, n->out[0], axes_transpose(r, y, &first, true));
}
