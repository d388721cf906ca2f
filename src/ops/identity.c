/* SPDX-License-Identifier: MIT
 *
 * Identity: y = x, tensors, sequences and optionals alike. [ONNX Identity-25]
 *
 * Versions: 1, 13, 14 (sequences), 16 (optionals), 19, 21, 23, 24, 25.
 */
#include "ops/util_move.h"
#include "ops/util_lower.h"

static naru_status infer(infer_ctx *c) {
    if (in_given(c, 0)) c->out[0] = *c->in[0];
    c->out[0].constant = NULL;
    const elem_t *e;
    int64_t n;
    if (in_given(c, 0) && in_rank(c, 0) >= 0 && in_rank(c, 0) <= 1 && (c->in[0]->elems || c->in[0]->constant) &&
        in_elems(c, 0, &e, &n))
        out_elems(c, 0, e, n);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0), *x = eval_in(c, 0);
    if (!y || !x) return eval_set(c, 0, c->in[0]);
    return move_elems(y, 0, x, 0, tensor_count(x)) ? NARU_OK : err_oom(c->err);
}

/* What cannot be passed on yet is read where it comes from; an output's name has to stay. */
static naru_status bypass(lower_ctx *c, node *n, type_kind kind) {
    value *x = lw_in(n, 0), *y = lw_out(n, 0);
    if (!x || !y || x->fact.type.kind != kind || value_is_output(y)) return NARU_OK;
    graph_replace_uses(c->graph, y, x);
    n->out[0] = NULL;
    return lw_finish(c, n);
}
static naru_status down16(lower_ctx *c, node *n) { return bypass(c, n, TYPE_OPTIONAL); }
static naru_status down14(lower_ctx *c, node *n) { return bypass(c, n, TYPE_SEQUENCE); }

const op_desc op_Identity = {
    .name = "Identity",
    .versions = (const short[]){1, 13, 14, 16, 19, 21, 23, 24, 25, 0},
    .sig = "input:V -> output:V | V = all seq opt",
    .since = "V 14 seq; V 16 opt; V never float6",
    .flags = OP_VIEW,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{16, down16}, {14, down14}, {0}},
};
