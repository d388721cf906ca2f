/* SPDX-License-Identifier: MIT
 *
 * The adapter for binary operators of opset < 7.
 */
#include "ops/util_legacy.h"

#include "ops/util_move.h"

/* B of rank r aligned at `axis` of A (rank n) is B unsqueezed behind: dims n - axis - r more. */
static naru_status align(lift_ctx *c, node *n) {
    attr *axis = node_attr(n, "axis"), *flag = node_attr(n, "broadcast"), *consumed = node_attr(n, "consumed_inputs");
    if (consumed) consumed->kind = ATTR_NONE;
    if (flag) flag->kind = ATTR_NONE;
    if (!axis) return NARU_OK;
    int64_t at = axis->i;
    axis->kind = ATTR_NONE;
    if (n->nin < 2 || !n->in[0] || !n->in[1]) return NARU_OK;
    const value *a = n->in[0], *b = n->in[1];
    int ra = a->constant ? a->constant->rank : a->declared.has_rank ? a->declared.rank : -1;
    int rb = b->constant ? b->constant->rank : b->declared.has_rank ? b->declared.rank : -1;
    if (ra < 0 || rb < 0)
        return err_set(c->err, NARU_UNSUPPORTED, "broadcasting with axis needs declared ranks before opset 7");
    if (at < 0) at += ra;
    int64_t extra = ra - at - rb, axes[NARU_MAX_RANK];
    if (extra <= 0) return NARU_OK;
    if (extra > NARU_MAX_RANK) return err_set(c->err, NARU_BAD_MODEL, "axis %lld is out of range", (long long)at);
    for (int64_t i = 0; i < extra; i++) axes[i] = rb + i;
    node *u = graph_node_new(c->graph, c->block, n, "Unsqueeze", "", 2, 1, 0);
    value *o = graph_value_new(c->graph, c->block, NULL), *k = const_ints(c->graph, c->block, axes, extra);
    if (!u || !o || !k) return err_oom(c->err);
    u->in[0] = n->in[1];
    u->in[1] = k;
    node_set_out(u, 0, o);
    n->in[1] = o;
    return NARU_OK;
}

const adapter legacy_broadcast[] = {{7, align}, {0}};
