/* SPDX-License-Identifier: MIT
 *
 * PRelu: y = x for x >= 0, else slope * x; slope broadcasts to x. [ONNX PRelu-16]
 *
 * Types: floats and 32/64-bit integers. Versions: 1, 6 (slope per channel), 7 (broadcast one way), 9, 16.
 */
#include "ops/util_legacy.h"
#include "ops/util_move.h"

static double f(double x, double s, const node *n) { return x < 0 ? s * x : x; }
static int64_t fi(int64_t x, int64_t s, const node *n) { return x < 0 ? (int64_t)((uint64_t)s * (uint64_t)x) : x; }
static int64_t fu(int64_t x, int64_t s, const node *n) { return x; }

static naru_status eval(eval_ctx *c) {
    naru_dtype d = eval_in(c, 0)->dtype;
    return eval_binary(c, f, d == NARU_UINT32 || d == NARU_UINT64 ? fu : fi);
}

/* Before 7 a slope of C elements lies along axis 1: unsqueeze it behind. */
static naru_status per_channel(lift_ctx *c, node *n) {
    const value *x = n->in[0], *s = n->nin > 1 ? n->in[1] : NULL;
    if (!x || !s || !s->constant || s->constant->rank != 1 || tensor_count(s->constant) == 1 || !x->declared.has_rank ||
        x->declared.rank <= 2)
        return NARU_OK;
    int64_t axes[NARU_MAX_RANK], k = x->declared.rank - 2;
    for (int64_t i = 0; i < k; i++) axes[i] = 1 + i;
    node *u = graph_node_new(c->graph, c->block, n, "Unsqueeze", "", 2, 1, 0);
    value *o = graph_value_new(c->graph, c->block, NULL), *a = const_ints(c->graph, c->block, axes, k);
    if (!u || !o || !a) return err_oom(c->err);
    u->in[0] = n->in[1];
    u->in[1] = a;
    node_set_out(u, 0, o);
    n->in[1] = o;
    return NARU_OK;
}
static const adapter adapters[] = {{7, per_channel}, {0}};

const op_desc op_PRelu = {
    .name = "PRelu",
    .versions = (const short[]){1, 6, 7, 9, 16, 0},
    .sig = "X:T, slope:T -> Y:T | T = float int32 int64 uint32 uint64",
    .since = "T 16 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_elementwise,
    .eval = eval,
    .adapters = adapters,
};
