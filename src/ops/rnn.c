/* SPDX-License-Identifier: MIT
 *
 * RNN: H_t = f(X_t W' + Wb + H_{t-1} R' + Rb), one layer, one or two directions. [ONNX RNN-22]
 *
 * Shapes: see util_rnn.h, one gate. Outputs Y (all steps), Y_h (last state); each may be omitted.
 * Activations: default Tanh; alphas and betas are consumed in order by the functions that have them; clip bounds f's
 * input. Types: floats; sequence_lens int32. Versions: 1 (output_sequence), 7, 14 (layout), 22 (bfloat16).
 */
#include "ops/util_rnn.h"
#include "ops/util_lower.h"

enum { ALPHA, BETA, ACTIVATIONS, CLIP, DIRECTION, HIDDEN_SIZE, LAYOUT };
static const attr_def attrs[] = {
    ATTR_OPT("activation_alpha", ATTR_FLOATS),
    ATTR_OPT("activation_beta", ATTR_FLOATS),
    ATTR_OPT("activations", ATTR_STRINGS),
    ATTR_OPT("clip", ATTR_FLOAT),
    ATTR_S("direction", "forward"),
    ATTR_OPT("hidden_size", ATTR_INT),
    ATTR_I("layout", 0),
    {0},
};
static const rnn_attrs k_attrs = {ALPHA, BETA, ACTIVATIONS, CLIP, DIRECTION, HIDDEN_SIZE, LAYOUT};
static const char *const k_dflt[] = {"Tanh"};
static const rnn_spec k_spec = {&k_attrs, 1, 1, k_dflt, false};

static void step(const rnn_run *r, int dir, const double *x, double *h, double *cell) {
    rnn_gate_w(r, dir, 0, x, r->gates);
    rnn_gate_r(r, dir, 0, h, r->tmp);
    for (int64_t j = 0; j < r->hidden; j++) h[j] = rnn_apply(&r->acts[dir][0], rnn_clip(r, r->gates[j] + r->tmp[j]));
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

const op_desc op_RNN = {
    .name = "RNN",
    .versions = (const short[]){1, 7, 14, 22, 0},
    .sig = "X:T, W:T, R:T, B:T?, sequence_lens:T1?, initial_h:T? -> Y:T?, Y_h:T? | T = float; T1 = int32",
    .since = "T 22 bfloat16; layout 14",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{7, up7}, {0}},
    .down = (const down_adapter[]){{14, down14}, {0}},
};
