/* SPDX-License-Identifier: MIT
 *
 * GRU: gates in the order z, r, h. [ONNX GRU-22]
 *   z = f(X Wz' + Wbz + H Rz' + Rbz), r = f(X Wr' + Wbr + H Rr' + Rbr)
 *   h = g(X Wh' + Wbh + (r * H) Rh' + Rbh), or with linear_before_reset g(X Wh' + Wbh + r * (H Rh' + Rbh))
 *   H = (1 - z) * h + z * H
 *
 * Shapes: see util_rnn.h, three gates. Outputs Y (all steps), Y_h (last state); each may be omitted.
 * Activations f, g: default Sigmoid, Tanh; clip bounds their inputs. Types: floats; sequence_lens int32.
 * Versions: 1 (output_sequence), 3 (linear_before_reset), 7, 14 (layout), 22 (bfloat16).
 */
#include "ops/util_rnn.h"
#include "ops/util_lower.h"

enum { ALPHA, BETA, ACTIVATIONS, CLIP, DIRECTION, HIDDEN_SIZE, LAYOUT, LINEAR_BEFORE_RESET };
static const attr_def attrs[] = {
    ATTR_OPT("activation_alpha", ATTR_FLOATS),
    ATTR_OPT("activation_beta", ATTR_FLOATS),
    ATTR_OPT("activations", ATTR_STRINGS),
    ATTR_OPT("clip", ATTR_FLOAT),
    ATTR_S("direction", "forward"),
    ATTR_OPT("hidden_size", ATTR_INT),
    ATTR_I("layout", 0),
    ATTR_I("linear_before_reset", 0),
    {0},
};
static const rnn_attrs k_attrs = {ALPHA, BETA, ACTIVATIONS, CLIP, DIRECTION, HIDDEN_SIZE, LAYOUT};
static const char *const k_dflt[] = {"Sigmoid", "Tanh"};
static const rnn_spec k_spec = {&k_attrs, 3, 2, k_dflt, false};

static void step(const rnn_run *r, int dir, const double *x, double *h, double *cell) {
    int64_t n = r->hidden;
    double *z = r->gates, *reset = z + n, *cand = reset + n;
    const rnn_act *f = &r->acts[dir][0], *g = &r->acts[dir][1];
    for (int k = 0; k < 3; k++) rnn_gate_w(r, dir, k, x, r->gates + k * n);
    for (int k = 0; k < 2; k++) {
        rnn_gate_r(r, dir, k, h, r->tmp);
        for (int64_t j = 0; j < n; j++)
            r->gates[k * n + j] = rnn_apply(f, rnn_clip(r, r->gates[k * n + j] + r->tmp[j]));
    }
    if (node_i(r->node, LINEAR_BEFORE_RESET)) {
        rnn_gate_r(r, dir, 2, h, r->tmp);
        for (int64_t j = 0; j < n; j++) cand[j] += reset[j] * r->tmp[j];
    } else {
        for (int64_t j = 0; j < n; j++) reset[j] *= h[j];
        rnn_gate_r(r, dir, 2, reset, r->tmp);
        for (int64_t j = 0; j < n; j++) cand[j] += r->tmp[j];
    }
    for (int64_t j = 0; j < n; j++) h[j] = (1 - z[j]) * rnn_apply(g, rnn_clip(r, cand[j])) + z[j] * h[j];
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

const op_desc op_GRU = {
    .name = "GRU",
    .versions = (const short[]){1, 3, 7, 14, 22, 0},
    .sig = "X:T, W:T, R:T, B:T?, sequence_lens:T1?, initial_h:T? -> Y:T?, Y_h:T? | T = float; T1 = int32",
    .since = "T 22 bfloat16; layout 14",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{7, up7}, {0}},
    .down = (const down_adapter[]){{14, down14}, {0}},
};
