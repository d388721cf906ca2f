/* SPDX-License-Identifier: MIT
 *
 * CausalConvWithState: a depthwise 1-D convolution over the past and the input, and the new past. [ONNX
 * CausalConvWithState-27]
 *
 * output[b,c,t] = act(bias[c] + sum over i < k of weight[c,0,i] * full[b,c,t+i]) with full = past_state then input.
 * Shapes: input [B, C, L], weight [C, 1, k], bias [C], past_state [B, C, k-1] (absent: zeros) -> output [B, C, L],
 * present_state [B, C, k-1] = the end of full. activation: none, silu or swish (x sigmoid(x)). Types: float, float16,
 * bfloat16.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { ACTIVATION };
static const attr_def attrs[] = {ATTR_S("activation", "none"), {0}};
static const char *const k_activations[] = {"none", "silu", "swish", NULL};
enum { INPUT, WEIGHT, BIAS, PAST };

static naru_status infer(infer_ctx *c) {
    int act;
    dim_t dims[3] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN}, k = DIM_UNKNOWN;
    TRY(util_choice(c, ACTIVATION, k_activations, &act));
    TRY(util_need_rank(c, INPUT, 3, "input"));
    TRY(util_need_rank(c, WEIGHT, 3, "weight"));
    TRY(util_need_rank(c, BIAS, 1, "bias"));
    TRY(util_need_rank(c, PAST, 3, "past_state"));
    for (int d = 0; in_rank(c, INPUT) == 3 && d < 3; d++) dims[d] = in_dim(c, INPUT, d);
    if (in_rank(c, WEIGHT) == 3) {
        TRY(util_same_dim(c, in_dim(c, WEIGHT, 0), dims[1], "the weight's channels"));
        TRY(util_same_dim(c, in_dim(c, WEIGHT, 1), 1, "the weight's second dim"));
        k = in_dim(c, WEIGHT, 2);
        if (k == 0) return op_fail(c, NARU_SHAPE, "the kernel is empty");
        k = sym_sub(c->syms, k, 1);
    }
    if (in_rank(c, BIAS) == 1) TRY(util_same_dim(c, in_dim(c, BIAS, 0), dims[1], "the bias's length"));
    if (in_rank(c, PAST) == 3) {
        TRY(util_same_dim(c, in_dim(c, PAST, 0), dims[0], "the past's batch"));
        TRY(util_same_dim(c, in_dim(c, PAST, 1), dims[1], "the past's channels"));
        TRY(util_same_dim(c, in_dim(c, PAST, 2), k, "the past's length"));
    }
    out_tensor(c, 0, in_dtype(c, INPUT), 3, dims);
    out_tensor(c, 1, in_dtype(c, INPUT), 3, (dim_t[]){dims[0], dims[1], k});
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, INPUT), *wt = eval_in(c, WEIGHT), *b = eval_in(c, BIAS), *past = eval_in(c, PAST);
    naru_tensor *y = eval_out(c, 0), *present = eval_out(c, 1);
    int64_t channels = x->dims[1], n = x->dims[2], k = wt->dims[2], total = n + k - 1;
    bool silu = choice_of(choice_text(c->node, ACTIVATION), k_activations) > 0;
    const double *w = eval_f64(c, wt), *bias = b ? eval_f64(c, b) : NULL;
    double *full = eval_scratch(c, (size_t)total * sizeof *full), *out = eval_scratch(c, (size_t)n * sizeof *out);
    if (!w || (b && !bias) || !full || !out) return NARU_OUT_OF_MEMORY;
    for (int64_t r = 0; r < x->dims[0] * channels; r++) {
        memset(full, 0, (size_t)total * sizeof *full);
        if (past) dtype_read_f64(past->dtype, past->data, r * (k - 1), k - 1, full);
        dtype_read_f64(x->dtype, x->data, r * n, n, full + k - 1);
        for (int64_t t = 0; t < n; t++) {
            double s = bias ? bias[r % channels] : 0;
            for (int64_t i = 0; i < k; i++) s += w[r % channels * k + i] * full[t + i];
            out[t] = silu ? s / (1 + exp(-s)) : s;
        }
        if (y) dtype_write_f64(y->dtype, y->data, r * n, n, out, true);
        if (present) dtype_write_f64(present->dtype, present->data, r * (k - 1), k - 1, full + n, true);
    }
    return NARU_OK;
}

static naru_status down27(lower_ctx *c, node *n) {
    value *x = lw_in(n, INPUT), *w = lw_in(n, WEIGHT), *past = lw_in(n, PAST), *full;
    dim_t channels = lw_dim(w, 0), k = lw_dim(w, 2);
    if (!dim_is_const(channels) || !dim_is_const(k)) return lw_refuse(c, "the dims of the weight are not known");
    if (past) {
        lw_i(c, "axis", 2);
        full = LW(c, "Concat", past, x);
    } else {
        full = LW(c, "Pad", x, LW_INTS(c, 0, 0, k - 1, 0, 0, 0));
    }
    lw_i(c, "group", channels);
    value *y = LW(c, "Conv", full, w, lw_in(n, BIAS));
    if (!lw_text_is(n, ACTIVATION, "none")) y = LW(c, "Mul", y, LW(c, "Sigmoid", y));
    value *present = LW(c, "Slice", full, lw_size(c, x, 2), LW_INTS(c, INT64_MAX), LW_INTS(c, 2));
    lw_output(c, n, 0, y);
    lw_output(c, n, 1, present);
    return lw_finish(c, n);
}

const op_desc op_CausalConvWithState = {
    .name = "CausalConvWithState",
    .versions = (const short[]){27, 0},
    .sig = "input:T, weight:T, bias:T?, past_state:T? -> output:T, present_state:T? | T = float32 float16 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{27, down27}, {0}},
};
