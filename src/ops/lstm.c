/* SPDX-License-Identifier: MIT
 *
 * LSTM: gates in the order i, o, f, c; peephole weights P in the order i, o, f. [ONNX LSTM-22]
 *   i = f(X Wi' + Wbi + H Ri' + Rbi + Pi * C), f likewise with the old cell C (input_forget: f = 1 - i)
 *   c = g(X Wc' + Wbc + H Rc' + Rbc), C = f * C + i * c
 *   o = f(X Wo' + Wbo + H Ro' + Rbo + Po * C) with the new cell, H = o * h(C)
 *
 * Shapes: see util_rnn.h, four gates; P [D, 3 H]. Outputs Y (all steps), Y_h, Y_c (last states); each may be omitted.
 * Activations f, g, h: default Sigmoid, Tanh, Tanh; clip bounds the inputs of f and g (not of h, as runtimes do).
 * Types: floats; sequence_lens int32. Versions: 1 (output_sequence), 7, 14 (layout), 22 (bfloat16).
 */
#include "ops/util_rnn.h"
#include "ops/util_lower.h"

enum { ALPHA, BETA, ACTIVATIONS, CLIP, DIRECTION, HIDDEN_SIZE, INPUT_FORGET, LAYOUT };
static const attr_def attrs[] = {
    ATTR_OPT("activation_alpha", ATTR_FLOATS),
    ATTR_OPT("activation_beta", ATTR_FLOATS),
    ATTR_OPT("activations", ATTR_STRINGS),
    ATTR_OPT("clip", ATTR_FLOAT),
    ATTR_S("direction", "forward"),
    ATTR_OPT("hidden_size", ATTR_INT),
    ATTR_I("input_forget", 0),
    ATTR_I("layout", 0),
    {0},
};
static const rnn_attrs k_attrs = {ALPHA, BETA, ACTIVATIONS, CLIP, DIRECTION, HIDDEN_SIZE, LAYOUT};
static const char *const k_dflt[] = {"Sigmoid", "Tanh", "Tanh"};
static const rnn_spec k_spec = {&k_attrs, 4, 3, k_dflt, true};

static void step(const rnn_run *r, int dir, const double *x, double *h, double *cell) {
    int64_t n = r->hidden;
    const double *p = r->p ? r->p + (int64_t)dir * 3 * n : NULL;
    const rnn_act *a = r->acts[dir];
    for (int k = 0; k < 4; k++) {
        rnn_gate_w(r, dir, k, x, r->gates + k * n);
        rnn_gate_r(r, dir, k, h, r->tmp);
        for (int64_t j = 0; j < n; j++) r->gates[k * n + j] += r->tmp[j];
    }
    for (int64_t j = 0; j < n; j++) {
        double gi = r->gates[j], go = r->gates[n + j], gf = r->gates[2 * n + j], gc = r->gates[3 * n + j];
        double i = rnn_apply(&a[0], rnn_clip(r, gi + (p ? p[j] * cell[j] : 0)));
        double f = node_i(r->node, INPUT_FORGET) ? 1 - i
                                                 : rnn_apply(&a[0], rnn_clip(r, gf + (p ? p[2 * n + j] * cell[j] : 0)));
        cell[j] = f * cell[j] + i * rnn_apply(&a[1], rnn_clip(r, gc));
        double o = rnn_apply(&a[0], rnn_clip(r, go + (p ? p[n + j] * cell[j] : 0)));
        h[j] = o * rnn_apply(&a[2], cell[j]);
    }
}

static naru_status infer(infer_ctx *c) { return rnn_infer(c, &k_spec); }
static naru_status eval(eval_ctx *c) { return rnn_eval(c, &k_spec, step); }

/* output_sequence only hinted whether Y is wanted. */
static naru_status up7(lift_ctx *c, node *n) {
    attr *a = node_attr(n, "output_sequence");
    if (a) a->kind = ATTR_NONE;
    return NARU_OK;
}

static naru_status down14(lower_ctx *c, node *n) { return rnn_down14(c, n, &k_spec); }

const op_desc op_LSTM = {
    .name = "LSTM",
    .versions = (const short[]){1, 7, 14, 22, 0},
    .sig = "X:T, W:T, R:T, B:T?, sequence_lens:T1?, initial_h:T?, initial_c:T?, P:T? -> Y:T?, Y_h:T?, Y_c:T?"
           " | T = float; T1 = int32",
    .since = "T 22 bfloat16; layout 14",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{7, up7}, {0}},
    .down = (const down_adapter[]){{14, down14}, {0}},
};
