/* SPDX-License-Identifier: MIT
 *
 * If: runs then_branch or else_branch, whose outputs become the node's. [ONNX If-25]
 *
 * Branches take no inputs and see the outer values. Their outputs may differ in dims: the inferred type is what they
 * share. Versions: 1, 11, 13, 16, 19, 21, 23, 24, 25.
 */
#include "ops/op.h"

enum { ELSE, THEN };

static void unite(type *a, const type *b) {
    if (a->kind != b->kind) {
        *a = (type){0};
        return;
    }
    if (a->dtype != b->dtype) a->dtype = NARU_UNDEFINED;
    if (!a->has_rank || !b->has_rank || a->rank != b->rank) {
        a->has_rank = false;
        a->rank = 0;
        return;
    }
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) a->dims[i] = DIM_UNKNOWN;
}

static naru_status infer(infer_ctx *c) {
    if (!c->infer_block) return NARU_OK;
    block *t = node_block(c->node, THEN), *e = node_block(c->node, ELSE);
    if (t->nout < c->nout || e->nout < c->nout)
        return op_fail(c, NARU_BAD_MODEL, "branches give %d and %d outputs, the node has %d", t->nout, e->nout,
                       c->nout);
    fact *a = arena_calloc(c->arena, (size_t)t->nout + 1, sizeof *a),
         *b = arena_calloc(c->arena, (size_t)e->nout + 1, sizeof *b);
    if (!a || !b) return err_oom(c->err);
    TRY(c->infer_block(c, t, NULL, a));
    TRY(c->infer_block(c, e, NULL, b));
    for (int i = 0; i < c->nout; i++) {
        c->out[i].type = a[i].type;
        unite(&c->out[i].type, &b[i].type);
    }
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *cond = eval_in(c, 0);
    if (!cond || tensor_count(cond) != 1) return eval_fail(c, NARU_SHAPE, "the condition must be one bool");
    block *b = node_block(c->node, *(const bool *)cond->data ? THEN : ELSE);
    if (b->nout < c->nout)
        return eval_fail(c, NARU_BAD_MODEL, "the branch gives %d outputs, the node has %d", b->nout, c->nout);
    naru_value **out = arena_calloc(c->arena, (size_t)b->nout + 1, sizeof *out);
    if (!out) return err_oom(c->err);
    naru_status st = c->run_block(c, b, NULL, out);
    for (int i = 0; i < b->nout; i++) {
        if (st == NARU_OK && i < c->nout) st = eval_set(c, i, out[i]);
        value_unref(out[i]);
    }
    return st;
}

static const attr_def attrs[] = {ATTR_REQ("else_branch", ATTR_GRAPH), ATTR_REQ("then_branch", ATTR_GRAPH), {0}};

const op_desc op_If = {
    .name = "If",
    .versions = (const short[]){1, 11, 13, 16, 19, 21, 23, 24, 25, 0},
    .sig = "cond:bool -> outputs:V...* | V = all seq opt",
    .since = "V 16 bfloat16 opt; V never float6",
    .attrs = attrs,
    .flags = OP_CONTROL,
    .infer = infer,
    .eval = eval,
};
