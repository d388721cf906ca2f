/* SPDX-License-Identifier: MIT
 *
 * Loop: for (i = 0; i < M && cond; i++) (cond, carried, scanned) = body(i, cond, carried). [ONNX Loop-25]
 *
 * M and cond may be omitted (no limit; true). Outputs: the last carried values, then each scanned value stacked along a
 * new first axis; with no iteration a scanned result is empty ([0, ...] with the dims inferred for the body). Carried
 * values may change dims from one iteration to the next. Versions: 1, 11, 13, 16, 19, 21, 23, 24, 25.
 */
#include "ops/op.h"

enum { BODY };

static void loosen(fact *f, const type *after) { /* what holds for every iteration */
    f->constant = NULL;
    f->elems = NULL;
    type *t = &f->type;
    if (t->kind != after->kind || !t->has_rank || !after->has_rank || t->rank != after->rank) {
        t->has_rank = false;
        t->rank = 0;
        return;
    }
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] != after->dims[i]) t->dims[i] = DIM_UNKNOWN;
}

static naru_status infer(infer_ctx *c) {
    block *b = node_block(c->node, BODY);
    int carried = c->nin - 2;
    if (!c->infer_block) return NARU_OK;
    if (carried < 0 || b->nin != c->nin || b->nout < carried + 1 || c->nout > b->nout - 1)
        return op_fail(c, NARU_BAD_MODEL, "the body has %d inputs and %d outputs for %d carried values", b->nin,
                       b->nout, carried);
    fact *in = arena_calloc(c->arena, (size_t)b->nin + 1, sizeof *in),
         *out = arena_calloc(c->arena, (size_t)b->nout + 1, sizeof *out);
    if (!in || !out) return err_oom(c->err);
    in[0].type = (type){.kind = TYPE_TENSOR, .dtype = NARU_INT64, .has_rank = true};
    in[1].type = (type){.kind = TYPE_TENSOR, .dtype = NARU_BOOL, .has_rank = true};
    for (int i = 0; i < carried; i++) {
        if (c->in[i + 2]) in[i + 2] = *c->in[i + 2];
        in[i + 2].constant = NULL;
        in[i + 2].elems = NULL;
    }
    TRY(c->infer_block(c, b, in, out));
    for (int i = 0; i < carried; i++) loosen(&in[i + 2], &out[i + 1].type);
    TRY(c->infer_block(c, b, in, out));
    for (int i = 0; i < carried; i++) loosen(&in[i + 2], &out[i + 1].type);
    TRY(c->infer_block(c, b, in, out)); /* dims that depend on loosened dims have settled */
    for (int o = 0; o < c->nout; o++) {
        if (o < carried) {
            c->out[o].type = in[o + 2].type;
            continue;
        }
        type t = out[o + 1].type;
        if (t.has_rank && t.rank < NARU_MAX_RANK) {
            for (int d = t.rank; d > 0; d--) t.dims[d] = t.dims[d - 1];
            t.dims[0] = DIM_UNKNOWN;
            t.rank++;
        }
        c->out[o].type = t;
    }
    return NARU_OK;
}

/* Everything a run of the loop holds references to. */
typedef struct looper {
    eval_ctx *c;
    block *body;
    int carried, scanned;
    naru_value **in, **out; /* of the body */
    struct value_list {
        naru_value **data;
        size_t count, cap;
    } * stacks; /* per scanned output */
} looper;

static void release(looper *k) {
    for (int i = 0; i < k->body->nin; i++) value_unref(k->in[i]);
    for (int s = 0; s < k->scanned; s++) {
        for (size_t i = 0; i < k->stacks[s].count; i++) value_unref(k->stacks[s].data[i]);
        ARRAY_FREE(&k->stacks[s]);
    }
}

static naru_status scalar_value(naru_error *err, naru_dtype d, int64_t v, naru_value **out) {
    naru_tensor *t;
    TRY(tensor_new(d, 0, NULL, &t, err));
    if (d == NARU_INT64) *(int64_t *)t->data = v;
    else *(bool *)t->data = v != 0;
    naru_status st = value_new_tensor(t, out, err);
    tensor_unref(t);
    return st;
}

static naru_status iterate(looper *k, int64_t i, bool *go) {
    eval_ctx *c = k->c;
    value_unref(k->in[0]);
    k->in[0] = NULL;
    TRY(scalar_value(c->err, NARU_INT64, i, &k->in[0]));
    TRY(c->run_block(c, k->body, k->in, k->out));
    naru_status st = NARU_OK;
    const naru_tensor *cond = k->out[0]->tensor;
    if (k->out[0]->kind != NARU_KIND_TENSOR || cond->dtype != NARU_BOOL || tensor_count(cond) != 1)
        st = eval_fail(c, NARU_TYPE, "the body's condition must be one bool");
    else *go = *(const bool *)cond->data;
    for (int j = 0; j < k->scanned; j++) {
        naru_value *v = k->out[1 + k->carried + j];
        if (st == NARU_OK && v->kind != NARU_KIND_TENSOR)
            st = eval_fail(c, NARU_TYPE, "scan output %d is not a tensor", j);
        if (st == NARU_OK && ARRAY_PUSH(&k->stacks[j], v)) continue;
        if (st == NARU_OK) st = err_oom(c->err);
        value_unref(v);
    }
    for (int j = 0; j <= k->carried; j++) { /* condition and carried values feed the next iteration */
        value_unref(k->in[1 + j]);
        k->in[1 + j] = k->out[j];
    }
    return st;
}

static naru_status stack(looper *k, int s, int o) {
    eval_ctx *c = k->c;
    int64_t n = (int64_t)k->stacks[s].count, dims[NARU_MAX_RANK] = {0};
    naru_tensor *y;
    if (n == 0) { /* no iteration: the body's declared or inferred element type and dims, first axis 0 */
        const type *t = &k->body->out[1 + k->carried + s]->fact.type;
        if (!t->dtype) t = &k->body->out[1 + k->carried + s]->declared;
        for (int d = 0; t->has_rank && d < t->rank && d + 1 < NARU_MAX_RANK; d++)
            dims[d + 1] = dim_is_const(t->dims[d]) ? t->dims[d] : 0;
        return eval_alloc(c, o, t->dtype ? t->dtype : NARU_FLOAT,
                          t->has_rank && t->rank < NARU_MAX_RANK ? t->rank + 1 : 1, dims, &y);
    }
    const naru_tensor *first = k->stacks[s].data[0]->tensor;
    if (first->rank + 1 > NARU_MAX_RANK) return eval_fail(c, NARU_LIMIT, "scan output has too many dimensions");
    dims[0] = n;
    for (int d = 0; d < first->rank; d++) dims[d + 1] = first->dims[d];
    TRY(eval_alloc(c, o, first->dtype, first->rank + 1, dims, &y));
    size_t each = tensor_bytes(first);
    for (int64_t i = 0; y && i < n; i++) {
        const naru_tensor *t = k->stacks[s].data[i]->tensor;
        if (t->dtype != first->dtype || !tensor_same_dims(t, first))
            return eval_fail(c, NARU_SHAPE, "scan output %d changes its type or shape", s);
        if (t->dtype == NARU_STRING)
            for (int64_t e = 0, m = tensor_count(t); e < m; e++) {
                size_t len;
                const char *text = naru_tensor_string(t, e, &len);
                TRY(naru_tensor_set_string(y, i * m + e, text, len, c->err));
            }
        else if (naru_dtype_bits(t->dtype) < 8)
            return eval_fail(c, NARU_UNSUPPORTED, "scan outputs of types under a byte");
        else memcpy((char *)y->data + each * (size_t)i, t->data, each);
    }
    return NARU_OK;
}

static naru_status run(looper *k, int64_t trips, bool go) {
    eval_ctx *c = k->c;
    TRY(scalar_value(c->err, NARU_BOOL, go, &k->in[1]));
    for (int i = 0; i < k->carried; i++) k->in[2 + i] = value_ref(c->in[2 + i]);
    for (int64_t i = 0; go && i < trips; i++) TRY(iterate(k, i, &go));
    for (int o = 0; o < c->nout; o++) {
        if (!eval_wants(c, o)) continue;
        if (o < k->carried) TRY(eval_set(c, o, k->in[2 + o]));
        else TRY(stack(k, o - k->carried, o));
    }
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    block *b = node_block(c->node, BODY);
    const naru_tensor *m = eval_in(c, 0), *cond = eval_in(c, 1);
    looper k = {.c = c, .body = b, .carried = c->nin - 2};
    k.scanned = b->nout - 1 - k.carried;
    if (b->nin != c->nin || k.scanned < 0 || c->nout > b->nout - 1)
        return eval_fail(c, NARU_BAD_MODEL, "the body does not fit the node");
    for (int i = 0; i < k.carried; i++)
        if (!c->in[2 + i]) return eval_fail(c, NARU_BAD_MODEL, "carried value %d is omitted", i);
    k.in = arena_calloc(c->arena, (size_t)b->nin + 1, sizeof *k.in);
    k.out = arena_calloc(c->arena, (size_t)b->nout + 1, sizeof *k.out);
    k.stacks = arena_calloc(c->arena, (size_t)k.scanned + 1, sizeof *k.stacks);
    if (!k.in || !k.out || !k.stacks) return err_oom(c->err);
    naru_status st = run(&k, m ? *(const int64_t *)m->data : INT64_MAX, cond ? *(const bool *)cond->data : true);
    release(&k);
    return st;
}

static const attr_def attrs[] = {ATTR_REQ("body", ATTR_GRAPH), {0}};

const op_desc op_Loop = {
    .name = "Loop",
    .versions = (const short[]){1, 11, 13, 16, 19, 21, 23, 24, 25, 0},
    .sig = "M:int64?, cond:bool?, v_initial:V...* -> v_final_and_scan_outputs:V...* | V = all seq opt",
    .since = "V 16 bfloat16 opt; V never float6",
    .attrs = attrs,
    .flags = OP_CONTROL,
    .infer = infer,
    .eval = eval,
};
