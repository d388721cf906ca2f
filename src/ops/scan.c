/* SPDX-License-Identifier: MIT
 *
 * Scan: for each step t: (states, outputs_t) = body(states, slices t of the scan inputs); results are the last states
 * and the outputs stacked along their axis. [ONNX Scan-25]
 *
 * The last num_scan_inputs inputs are scanned along scan_input_axes, forward (0) or backward (1) by
 * scan_input_directions; outputs are stacked along scan_output_axes, appended or prepended by scan_output_directions.
 * All scanned axes have the same length. States keep their type and shape. Versions: 8 (a batch axis in front and an
 * optional sequence_lens: lifted only for a batch of 1 without lengths), 9, 11 (negative axes), 16, 19, 21, 23, 24, 25.
 */
#include "ops/util_move.h"

enum { BODY, NUM_SCAN_INPUTS, INPUT_AXES, INPUT_DIRECTIONS, OUTPUT_AXES, OUTPUT_DIRECTIONS };

static int64_t listed(const node *n, int k, int i) {
    int64_t count;
    const int64_t *v = node_ints(n, k, &count);
    return i < count ? v[i] : 0;
}

static naru_status infer(infer_ctx *c) {
    block *b = node_block(c->node, BODY);
    int64_t m = node_i(c->node, NUM_SCAN_INPUTS);
    int states = c->nin - (int)m;
    if (!c->infer_block) return NARU_OK;
    if (m < 1 || states < 0 || b->nin != c->nin || b->nout < states || c->nout > b->nout)
        return op_fail(c, NARU_BAD_MODEL, "the body has %d inputs and %d outputs for %d states and %lld scanned inputs",
                       b->nin, b->nout, states, (long long)m);
    fact *in = arena_calloc(c->arena, (size_t)b->nin + 1, sizeof *in),
         *out = arena_calloc(c->arena, (size_t)b->nout + 1, sizeof *out);
    if (!in || !out) return err_oom(c->err);
    dim_t steps = DIM_UNKNOWN;
    for (int i = 0; i < c->nin; i++) {
        if (c->in[i]) in[i].type = c->in[i]->type;
        type *t = &in[i].type;
        if (i < states || !t->has_rank) continue;
        int axis;
        TRY(infer_axis(c, listed(c->node, INPUT_AXES, i - states), t->rank, &axis));
        if (!dim_is_const(steps)) steps = t->dims[axis];
        t->rank--;
        for (int d = axis; d < t->rank; d++) t->dims[d] = t->dims[d + 1];
    }
    TRY(c->infer_block(c, b, in, out));
    for (int o = 0; o < c->nout; o++) {
        c->out[o].type = o < states ? in[o].type : out[o].type;
        type *t = &c->out[o].type;
        if (o < states || !t->has_rank || t->rank + 1 > NARU_MAX_RANK) continue;
        int axis;
        TRY(infer_axis(c, listed(c->node, OUTPUT_AXES, o - states), t->rank + 1, &axis));
        for (int d = t->rank; d > axis; d--) t->dims[d] = t->dims[d - 1];
        t->dims[axis] = steps;
        t->rank++;
    }
    return NARU_OK;
}

typedef struct scanner {
    eval_ctx *c;
    block *body;
    int states, scanned, results; /* states carried, inputs scanned, outputs stacked */
    int64_t steps;
    naru_value **in, **out;
    naru_tensor **stack; /* per result: the stacked tensor, made at the first step */
} scanner;

static int64_t axis_of(const scanner *k, int attr_index, int i, int rank) {
    int64_t a = listed(k->c->node, attr_index, i);
    return a < 0 ? a + rank : a;
}

static naru_status check(scanner *k) {
    eval_ctx *c = k->c;
    k->steps = -1;
    for (int i = 0; i < k->scanned; i++) {
        const naru_tensor *x = eval_in(c, k->states + i);
        int64_t a = x ? axis_of(k, INPUT_AXES, i, x->rank) : -1;
        if (a < 0 || a >= x->rank) return eval_fail(c, NARU_SHAPE, "scan input %d has no such axis", i);
        if (k->steps >= 0 && x->dims[a] != k->steps)
            return eval_fail(c, NARU_SHAPE, "scan input %d has %lld steps, earlier ones %lld", i, (long long)x->dims[a],
                             (long long)k->steps);
        k->steps = x->dims[a];
    }
    return NARU_OK;
}

/* dst[.., at, ..] along `axis` = src, or src = dst[.., at, ..]: `whole` has the axis, `part` has not. */
static naru_status copy_slice(eval_ctx *c, naru_tensor *whole, naru_tensor *part, int64_t axis, int64_t at,
                              bool into_whole) {
    int64_t outer = 1, inner = 1, n = whole->dims[axis];
    for (int d = 0; d < axis; d++) outer *= whole->dims[d];
    for (int d = (int)axis + 1; d < whole->rank; d++) inner *= whole->dims[d];
    for (int64_t o = 0; inner && o < outer; o++) {
        int64_t w = (o * n + at) * inner, p = o * inner;
        if (!(into_whole ? move_elems(whole, w, part, p, inner) : move_elems(part, p, whole, w, inner)))
            return err_oom(c->err);
    }
    return NARU_OK;
}

static naru_status take_slice(scanner *k, int i, int64_t step) {
    eval_ctx *c = k->c;
    naru_tensor *x = eval_in(c, k->states + i), *t;
    int64_t axis = axis_of(k, INPUT_AXES, i, x->rank), dims[NARU_MAX_RANK];
    for (int d = 0, n = 0; d < x->rank; d++)
        if (d != axis) dims[n++] = x->dims[d];
    TRY(tensor_new(x->dtype, x->rank - 1, dims, &t, c->err));
    naru_status st =
        copy_slice(c, x, t, axis, listed(c->node, INPUT_DIRECTIONS, i) ? k->steps - 1 - step : step, false);
    value_unref(k->in[k->states + i]);
    k->in[k->states + i] = NULL;
    if (st == NARU_OK) st = value_new_tensor(t, &k->in[k->states + i], c->err);
    tensor_unref(t);
    return st;
}

static naru_status put_slice(scanner *k, int r, int64_t step) {
    eval_ctx *c = k->c;
    naru_tensor *t = k->out[k->states + r]->tensor;
    if (!t || t->rank + 1 > NARU_MAX_RANK) return eval_fail(c, NARU_TYPE, "scan output %d is not a tensor", r);
    int64_t axis = axis_of(k, OUTPUT_AXES, r, t->rank + 1), dims[NARU_MAX_RANK];
    if (axis < 0 || axis > t->rank) return eval_fail(c, NARU_SHAPE, "scan output %d has no such axis", r);
    for (int d = 0, n = 0; d <= t->rank; d++) dims[d] = d == axis ? k->steps : t->dims[n++];
    if (!k->stack[r]) TRY(tensor_new(t->dtype, t->rank + 1, dims, &k->stack[r], c->err));
    naru_tensor *y = k->stack[r];
    if (y->dtype != t->dtype || y->rank != t->rank + 1 || memcmp(y->dims, dims, (size_t)y->rank * sizeof *dims) != 0)
        return eval_fail(c, NARU_SHAPE, "scan output %d changes its type or shape", r);
    return copy_slice(c, y, t, axis, listed(c->node, OUTPUT_DIRECTIONS, r) ? k->steps - 1 - step : step, true);
}

static naru_status run_step(scanner *k, int64_t step) {
    for (int i = 0; i < k->scanned; i++) TRY(take_slice(k, i, step));
    TRY(k->c->run_block(k->c, k->body, k->in, k->out));
    naru_status st = NARU_OK;
    for (int r = 0; r < k->results; r++) {
        if (st == NARU_OK) st = put_slice(k, r, step);
        value_unref(k->out[k->states + r]);
    }
    for (int i = 0; i < k->states; i++) {
        value_unref(k->in[i]);
        k->in[i] = k->out[i];
    }
    return st;
}

static naru_status hand_over(scanner *k) {
    eval_ctx *c = k->c;
    for (int o = 0; o < c->nout; o++) {
        if (!eval_wants(c, o)) continue;
        if (o < k->states) {
            TRY(eval_set(c, o, k->in[o]));
            continue;
        }
        if (!k->stack[o - k->states])
            return eval_fail(c, NARU_SHAPE, "no step was made: the dims of scan output %d are not known",
                             o - k->states);
        naru_value *v;
        TRY(value_new_tensor(k->stack[o - k->states], &v, c->err));
        naru_status st = eval_set(c, o, v);
        value_unref(v);
        TRY(st);
    }
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    block *b = node_block(c->node, BODY);
    scanner k = {.c = c, .body = b, .scanned = (int)node_i(c->node, NUM_SCAN_INPUTS)};
    k.states = c->nin - k.scanned;
    k.results = b->nout - k.states;
    if (k.scanned < 1 || k.states < 0 || k.results < 0 || b->nin != c->nin || c->nout > b->nout)
        return eval_fail(c, NARU_BAD_MODEL, "the body does not fit the node");
    for (int i = 0; i < k.states; i++)
        if (!c->in[i]) return eval_fail(c, NARU_BAD_MODEL, "state %d is omitted", i);
    k.in = arena_calloc(c->arena, (size_t)b->nin + 1, sizeof *k.in);
    k.out = arena_calloc(c->arena, (size_t)b->nout + 1, sizeof *k.out);
    k.stack = arena_calloc(c->arena, (size_t)k.results + 1, sizeof *k.stack);
    if (!k.in || !k.out || !k.stack) return err_oom(c->err);
    for (int i = 0; i < k.states; i++) k.in[i] = value_ref(c->in[i]);
    naru_status st = check(&k);
    for (int64_t t = 0; st == NARU_OK && t < k.steps; t++) st = run_step(&k, t);
    if (st == NARU_OK) st = hand_over(&k);
    for (int i = 0; i < b->nin; i++) value_unref(k.in[i]);
    for (int r = 0; r < k.results; r++) tensor_unref(k.stack[r]);
    return st;
}

/* Scan-8: sequence_lens comes first and may be omitted; every input has a batch axis in front, which the body does not
 * see. With a batch of 1 that axis is squeezed away before and put back behind. */
static naru_status drop_batch(lift_ctx *c, node *n) {
    if (n->nin < 1 || n->in[0]) return err_set(c->err, NARU_UNSUPPORTED, "Scan-8 with sequence_lens");
    int64_t zero = 0;
    value *axes = const_ints(c->graph, c->block, &zero, 1);
    if (!axes) return err_oom(c->err);
    for (int i = 1; i < n->nin; i++) {
        const value *v = n->in[i];
        const type *t = v ? &v->declared : NULL;
        if (!t || !t->has_rank || t->rank < 1 || t->dims[0] != 1)
            return err_set(c->err, NARU_UNSUPPORTED, "Scan-8 with a batch other than 1");
        node *s = graph_node_new(c->graph, c->block, n, "Squeeze", "", 2, 1, 0);
        value *o = graph_value_new(c->graph, c->block, NULL);
        if (!s || !o) return err_oom(c->err);
        s->in[0] = n->in[i];
        s->in[1] = axes;
        node_set_out(s, 0, o);
        n->in[i - 1] = o;
    }
    n->nin--;
    attr *d = node_attr(n, "directions");
    if (d) d->name = "scan_input_directions";
    for (int i = 0; i < n->nout; i++) {
        if (!n->out[i]) continue;
        node *u = graph_node_new(c->graph, c->block, n->next, "Unsqueeze", "", 2, 1, 0);
        value *o = graph_value_new(c->graph, c->block, NULL), *result = n->out[i];
        if (!u || !o) return err_oom(c->err);
        node_set_out(n, i, o);
        u->in[0] = o;
        u->in[1] = axes;
        node_set_out(u, 0, result);
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_REQ("body", ATTR_GRAPH),
                                 ATTR_REQ("num_scan_inputs", ATTR_INT),
                                 ATTR_OPT("scan_input_axes", ATTR_INTS),
                                 ATTR_OPT("scan_input_directions", ATTR_INTS),
                                 ATTR_OPT("scan_output_axes", ATTR_INTS),
                                 ATTR_OPT("scan_output_directions", ATTR_INTS),
                                 {0}};
static const adapter adapters[] = {{9, drop_batch}, {0}};

const op_desc op_Scan = {
    .name = "Scan",
    .versions = (const short[]){8, 9, 11, 16, 19, 21, 23, 24, 25, 0},
    .sig = "initial_state_and_scan_inputs:V...* -> final_state_and_scan_outputs:V...* | V = all",
    .since = "V 16 bfloat16; V never float6",
    .attrs = attrs,
    .flags = OP_CONTROL,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
};
