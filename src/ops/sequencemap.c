/* SPDX-License-Identifier: MIT
 *
 * SequenceMap: applies the body to the i-th elements of all input sequences (tensors are passed whole each time) and
 * collects each output as a sequence. [ONNX SequenceMap-17]
 *
 * The first input is a sequence; the others are sequences of the same length or tensors. Versions: 17.
 */
#include "ops/op.h"

enum { BODY };

static naru_status infer(infer_ctx *c) {
    for (int o = 0; o < c->nout; o++) c->out[o].type = (type){.kind = TYPE_SEQUENCE};
    return NARU_OK;
}

static naru_status map_one(eval_ctx *c, block *b, size_t i, naru_value **in, naru_value **out, naru_value **results) {
    for (int k = 0; k < b->nin; k++) {
        naru_value *v = c->in[k];
        if (v && v->kind == NARU_KIND_SEQUENCE) {
            if (i >= v->count)
                return eval_fail(c, NARU_SHAPE, "input %d has %zu elements, the first input more", k, v->count);
            v = v->items[i];
        }
        if (!v) return eval_fail(c, NARU_BAD_MODEL, "input %d is omitted", k);
        in[k] = v;
    }
    TRY(c->run_block(c, b, in, out));
    naru_status st = NARU_OK;
    for (int o = 0; o < b->nout; o++) {
        if (st == NARU_OK && o < c->nout) st = value_push(results[o], out[o], c->err);
        if (st == NARU_OK && o < c->nout && out[o]->kind == NARU_KIND_TENSOR) results[o]->elem = out[o]->tensor->dtype;
        value_unref(out[o]);
    }
    return st;
}

static naru_status eval(eval_ctx *c) {
    block *b = node_block(c->node, BODY);
    if (c->nin < 1 || !c->in[0] || c->in[0]->kind != NARU_KIND_SEQUENCE)
        return eval_fail(c, NARU_TYPE, "the first input must be a sequence");
    if (b->nin != c->nin || b->nout < c->nout) return eval_fail(c, NARU_BAD_MODEL, "the body does not fit the node");
    naru_value **in = arena_calloc(c->arena, (size_t)b->nin + 1, sizeof *in),
               **out = arena_calloc(c->arena, (size_t)b->nout + 1, sizeof *out);
    naru_value **results = arena_calloc(c->arena, (size_t)c->nout + 1, sizeof *results);
    naru_status st = in && out && results ? NARU_OK : err_oom(c->err);
    for (int o = 0; st == NARU_OK && o < c->nout; o++) st = value_new_sequence(NARU_UNDEFINED, &results[o], c->err);
    for (size_t i = 0; st == NARU_OK && i < c->in[0]->count; i++) st = map_one(c, b, i, in, out, results);
    for (int o = 0; o < c->nout; o++) {
        if (st == NARU_OK) st = eval_set(c, o, results[o]);
        if (results) value_unref(results[o]);
    }
    return st;
}

static const attr_def attrs[] = {ATTR_REQ("body", ATTR_GRAPH), {0}};

const op_desc op_SequenceMap = {
    .name = "SequenceMap",
    .versions = (const short[]){17, 0},
    .sig = "input_sequence:seq, additional_inputs:V?...* -> out_sequence:W...* | V = all seq; W = seq",
    .since = "V never small bfloat16",
    .attrs = attrs,
    .flags = OP_CONTROL,
    .infer = infer,
    .eval = eval,
};
