/* SPDX-License-Identifier: MIT
 *
 * LinearAttention: attention through a state S [dk, dv] per key head that is updated token by token. [ONNX
 * LinearAttention-27]
 *
 *   S = exp(decay) S (rules gated, gated_delta), u = v, or beta (v - S' k) (delta, gated_delta), S = S + k u', out =
 * scale S' q
 *
 * Shapes: query [B, T, Hq dk], key [B, T, Hk dk], value [B, T, Hk dv], past_state [B, Hk, dk, dv] (absent: zeros),
 * decay [B, T, Hk] or [B, T, Hk dk], beta [B, T, Hk] or [B, T, 1] -> output [B, T, Hq dv], present_state like
 * past_state. Query heads share a state in groups of Hq/Hk. scale 0 means 1/sqrt(dk); chunk_size is a hint. Types:
 * float, float16, bfloat16; the state may have another.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "tensor/dtype.h"

enum { CHUNK_SIZE, KV_NUM_HEADS, Q_NUM_HEADS, SCALE, UPDATE_RULE };
static const attr_def attrs[] = {
    ATTR_I("chunk_size", 64), ATTR_REQ("kv_num_heads", ATTR_INT),   ATTR_REQ("q_num_heads", ATTR_INT),
    ATTR_F("scale", 0),       ATTR_S("update_rule", "gated_delta"), {0},
};
enum { LINEAR, GATED, DELTA, GATED_DELTA };
static const char *const k_rules[] = {"linear", "gated", "delta", "gated_delta", NULL};
enum { QUERY, KEY, VALUE, PAST, DECAY, BETA };

static naru_status check_rule(infer_ctx *c) {
    int rule;
    TRY(util_choice(c, UPDATE_RULE, k_rules, &rule));
    bool gated = rule == GATED || rule == GATED_DELTA, delta = rule >= DELTA;
    if (in_given(c, DECAY) != gated)
        return op_fail(c, NARU_BAD_MODEL, "update_rule '%s' %s decay", k_rules[rule], gated ? "needs" : "forbids");
    if (in_given(c, BETA) != delta)
        return op_fail(c, NARU_BAD_MODEL, "update_rule '%s' %s beta", k_rules[rule], delta ? "needs" : "forbids");
    return NARU_OK;
}

/* Last dim of a rank-3 input split into heads. */
static naru_status head_size(infer_ctx *c, int i, int64_t heads, dim_t *size) {
    *size = DIM_UNKNOWN;
    TRY(util_need_rank(c, i, 3, "an operand"));
    if (in_rank(c, i) != 3) return NARU_OK;
    dim_t wide = in_dim(c, i, 2);
    if (dim_is_const(wide) && wide % heads)
        return op_fail(c, NARU_SHAPE, "%lld does not divide into %lld heads", (long long)wide, (long long)heads);
    *size = sym_div(c->syms, wide, heads);
    if (in_rank(c, QUERY) != 3) return NARU_OK;
    TRY(util_same_dim(c, in_dim(c, i, 0), in_dim(c, QUERY, 0), "an operand's batch"));
    return util_same_dim(c, in_dim(c, i, 1), in_dim(c, QUERY, 1), "an operand's length");
}

static naru_status check_gate(infer_ctx *c, int i, dim_t a, dim_t b) {
    TRY(util_need_rank(c, i, 3, "decay or beta"));
    if (in_rank(c, i) != 3) return NARU_OK;
    if (in_rank(c, QUERY) == 3) {
        TRY(util_same_dim(c, in_dim(c, i, 0), in_dim(c, QUERY, 0), "the batch of decay or beta"));
        TRY(util_same_dim(c, in_dim(c, i, 1), in_dim(c, QUERY, 1), "the length of decay or beta"));
    }
    return in_dim(c, i, 2) == a ? NARU_OK : util_same_dim(c, in_dim(c, i, 2), b, "the last dim of decay or beta");
}

static naru_status infer(infer_ctx *c) {
    int64_t hq = node_i(c->node, Q_NUM_HEADS), hk = node_i(c->node, KV_NUM_HEADS);
    dim_t dk, dk2, dv;
    if (hq < 1 || hk < 1 || hq > INT32_MAX || hq % hk)
        return op_fail(c, NARU_BAD_MODEL, "%lld query heads do not group over %lld", (long long)hq, (long long)hk);
    TRY(check_rule(c));
    TRY(head_size(c, QUERY, hq, &dk));
    TRY(head_size(c, KEY, hk, &dk2));
    TRY(head_size(c, VALUE, hk, &dv));
    TRY(util_same_dim(c, dk2, dk, "the key's head size"));
    TRY(check_gate(c, DECAY, hk, sym_mul(c->syms, dk, hk)));
    TRY(check_gate(c, BETA, hk, 1));
    bool known = in_rank(c, QUERY) == 3;
    dim_t batch = known ? in_dim(c, QUERY, 0) : DIM_UNKNOWN, t = known ? in_dim(c, QUERY, 1) : DIM_UNKNOWN,
          state[4] = {batch, hk, dk, dv};
    TRY(util_need_rank(c, PAST, 4, "past_state"));
    for (int d = 0; in_rank(c, PAST) == 4 && d < 4; d++)
        TRY(util_same_dim(c, in_dim(c, PAST, d), state[d], "a dim of past_state"));
    out_tensor(c, 0, in_dtype(c, QUERY), 3, (dim_t[]){batch, t, sym_mul(c->syms, dv, hq)});
    out_tensor(c, 1, in_given(c, PAST) ? in_dtype(c, PAST) : in_dtype(c, QUERY), 4, state);
    return NARU_OK;
}

typedef struct job {
    const double *q, *k, *v, *decay, *beta;
    int64_t steps, hq, hk, dk, dv, decay_width, beta_width;
    double scale;
    double *s, *u, *out; /* state [dk, dv], update [dv], output row [dv] */
} job;

/* Token row (b * steps + t) through head h's state. */
static void update(const job *j, int64_t row, int64_t h) {
    const double *k = j->k + (row * j->hk + h) * j->dk, *v = j->v + (row * j->hk + h) * j->dv;
    for (int64_t i = 0; j->decay && i < j->dk; i++) {
        double g = exp(j->decay[row * j->decay_width + (j->decay_width == j->hk ? h : h * j->dk + i)]);
        for (int64_t m = 0; m < j->dv; m++) j->s[i * j->dv + m] *= g;
    }
    for (int64_t m = 0; m < j->dv; m++) {
        double got = 0;
        for (int64_t i = 0; j->beta && i < j->dk; i++) got += j->s[i * j->dv + m] * k[i];
        j->u[m] = j->beta ? j->beta[row * j->beta_width + (j->beta_width == 1 ? 0 : h)] * (v[m] - got) : v[m];
    }
    for (int64_t i = 0; i < j->dk; i++)
        for (int64_t m = 0; m < j->dv; m++) j->s[i * j->dv + m] += k[i] * j->u[m];
}

static void read_out(const job *j, int64_t row, int64_t head, naru_tensor *y) {
    const double *q = j->q + (row * j->hq + head) * j->dk;
    memset(j->out, 0, (size_t)j->dv * sizeof *j->out);
    for (int64_t i = 0; i < j->dk; i++)
        for (int64_t m = 0; m < j->dv; m++) j->out[m] += j->scale * q[i] * j->s[i * j->dv + m];
    dtype_write_f64(y->dtype, y->data, (row * j->hq + head) * j->dv, j->dv, j->out, true);
}

static naru_status prepare(eval_ctx *c, job *j) {
    const naru_tensor *q = eval_in(c, QUERY), *v = eval_in(c, VALUE), *decay = eval_in(c, DECAY),
                      *beta = eval_in(c, BETA);
    j->hq = node_i(c->node, Q_NUM_HEADS), j->hk = node_i(c->node, KV_NUM_HEADS);
    j->steps = q->dims[1], j->dk = q->dims[2] / j->hq, j->dv = v->dims[2] / j->hk;
    j->scale = node_f(c->node, SCALE) != 0 ? node_f(c->node, SCALE) : 1 / sqrt((double)j->dk);
    j->decay_width = decay ? decay->dims[2] : 0, j->beta_width = beta ? beta->dims[2] : 0;
    j->q = eval_f64(c, q), j->k = eval_f64(c, eval_in(c, KEY)), j->v = eval_f64(c, v);
    j->decay = decay ? eval_f64(c, decay) : NULL, j->beta = beta ? eval_f64(c, beta) : NULL;
    j->s = eval_scratch(c, (size_t)(j->dk * j->dv) * 8), j->u = eval_scratch(c, (size_t)j->dv * 8),
    j->out = eval_scratch(c, (size_t)j->dv * 8);
    bool ok = j->q && j->k && j->v && (j->decay || !decay) && (j->beta || !beta) && j->s && j->u && j->out;
    return ok ? NARU_OK : NARU_OUT_OF_MEMORY;
}

static naru_status eval(eval_ctx *c) {
    job j = {0};
    TRY(prepare(c, &j));
    const naru_tensor *past = eval_in(c, PAST);
    naru_tensor *y = eval_out(c, 0), *present = eval_out(c, 1);
    int64_t n = j.dk * j.dv, group = j.hq / j.hk;
    for (int64_t bh = 0; bh < eval_in(c, QUERY)->dims[0] * j.hk; bh++) {
        memset(j.s, 0, (size_t)n * sizeof *j.s);
        if (past) dtype_read_f64(past->dtype, past->data, bh * n, n, j.s);
        for (int64_t t = 0; t < j.steps; t++) {
            int64_t row = bh / j.hk * j.steps + t;
            update(&j, row, bh % j.hk);
            for (int64_t g = 0; y && g < group; g++) read_out(&j, row, bh % j.hk * group + g, y);
        }
        if (present) dtype_write_f64(present->dtype, present->data, bh * n, n, j.s, true);
    }
    return NARU_OK;
}

const op_desc op_LinearAttention = {
    .name = "LinearAttention",
    .versions = (const short[]){27, 0},
    .sig = "query:T, key:T, value:T, past_state:S?, decay:T?, beta:T? -> output:T, present_state:S?"
           " | T = float16 bfloat16 float32; S = float16 bfloat16 float32",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
