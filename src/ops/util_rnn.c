/* SPDX-License-Identifier: MIT
 *
 * The frame of RNN, GRU and LSTM; see util_rnn.h.
 */
#include "ops/util_rnn.h"

#include <math.h>
#include <strings.h>

#include "ops/util_choice.h"
#include "ops/util_linear.h"
#include "tensor/dtype.h"

/* ---- activations ---- */
static const struct {
    const char *name;
    bool has_alpha, has_beta;
    float alpha, beta;
} k_fns[] = {
    [RNN_RELU] = {"Relu", 0, 0, 0, 0},
    [RNN_TANH] = {"Tanh", 0, 0, 0, 0},
    [RNN_SIGMOID] = {"Sigmoid", 0, 0, 0, 0},
    [RNN_AFFINE] = {"Affine", 1, 1, 1.0f, 0},
    [RNN_LEAKY] = {"LeakyRelu", 1, 0, 0.01f, 0},
    [RNN_THRESHOLDED] = {"ThresholdedRelu", 1, 0, 1.0f, 0},
    [RNN_SCALED_TANH] = {"ScaledTanh", 1, 1, 1.0f, 1.0f},
    [RNN_HARD_SIGMOID] = {"HardSigmoid", 1, 1, 0.2f, 0.5f},
    [RNN_ELU] = {"Elu", 1, 0, 1.0f, 0},
    [RNN_SOFTSIGN] = {"Softsign", 0, 0, 0, 0},
    [RNN_SOFTPLUS] = {"Softplus", 0, 0, 0, 0},
};

double rnn_apply(const rnn_act *a, double x) {
    switch (a->fn) {
    case RNN_RELU: return x > 0 ? x : x != x ? x : 0;
    case RNN_TANH: return tanh(x);
    case RNN_SIGMOID: return 1 / (1 + exp(-x));
    case RNN_AFFINE: return a->alpha * x + a->beta;
    case RNN_LEAKY: return x >= 0 ? x : a->alpha * x;
    case RNN_THRESHOLDED: return x >= a->alpha ? x : 0;
    case RNN_SCALED_TANH: return a->alpha * tanh(a->beta * x);
    case RNN_HARD_SIGMOID: return fmin(1, fmax(0, a->alpha * x + a->beta));
    case RNN_ELU: return x >= 0 ? x : a->alpha * expm1(x);
    case RNN_SOFTSIGN: return x / (1 + fabs(x));
    case RNN_SOFTPLUS: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    }
    return x;
}

static int find_fn(const char *name) {
    for (int i = 0; i < (int)COUNT_OF(k_fns); i++)
        if (strcasecmp(name, k_fns[i].name) == 0) return i;
    return -1;
}

static float next_float(const node *n, int k, size_t *at, float dflt) {
    return node_has(n, k) && *at < n->attrs[k].count ? n->attrs[k].floats[(*at)++] : dflt;
}

naru_status rnn_read_acts(const node *n, const rnn_spec *s, int dirs, rnn_act acts[2][3], naru_error *err) {
    const attr *given = node_has(n, s->attrs->activations) ? &n->attrs[s->attrs->activations] : NULL;
    if (given && given->count != (size_t)(dirs * s->nacts))
        return err_set(err, NARU_BAD_MODEL, "attribute 'activations' has %zu names, needs %d", given->count,
                       dirs * s->nacts);
    size_t alpha = 0, beta = 0;
    for (int i = 0; i < dirs * s->nacts; i++) {
        const char *name = given ? given->strings[i].data : s->dflt[i % s->nacts];
        int fn = find_fn(name);
        if (fn < 0) return err_set(err, NARU_UNSUPPORTED, "activation '%.40s' is not known", name);
        rnn_act *a = &acts[i / s->nacts][i % s->nacts];
        *a = (rnn_act){(enum rnn_fn)fn, k_fns[fn].alpha, k_fns[fn].beta};
        if (k_fns[fn].has_alpha) a->alpha = next_float(n, s->attrs->alpha, &alpha, k_fns[fn].alpha);
        if (k_fns[fn].has_beta) a->beta = next_float(n, s->attrs->beta, &beta, k_fns[fn].beta);
    }
    return NARU_OK;
}

/* ---- shapes ---- */
static const char *const k_directions[] = {"forward", "reverse", "bidirectional", NULL};

static naru_status check_dims(infer_ctx *c, int i, int rank, const dim_t *want) {
    if (in_rank(c, i) < 0) return NARU_OK;
    if (in_rank(c, i) != rank) return op_fail(c, NARU_SHAPE, "input %d has rank %d, needs %d", i, in_rank(c, i), rank);
    for (int d = 0; d < rank; d++) {
        dim_t have = in_dim(c, i, d);
        if (dim_is_const(have) && dim_is_const(want[d]) && have != want[d])
            return op_fail(c, NARU_SHAPE, "input %d has %lld along axis %d, needs %lld", i, (long long)have, d,
                           (long long)want[d]);
    }
    return NARU_OK;
}

/* The hidden size from the attribute or from R. */
static naru_status hidden_of(infer_ctx *c, const rnn_spec *s, dim_t *out) {
    *out = in_rank(c, 2) == 3 ? in_dim(c, 2, 2) : DIM_UNKNOWN;
    if (!node_has(c->node, s->attrs->hidden_size)) return NARU_OK;
    int64_t h = node_i(c->node, s->attrs->hidden_size);
    if (h < 1 || h > INT32_MAX) return op_fail(c, NARU_BAD_MODEL, "attribute 'hidden_size' is %lld", (long long)h);
    *out = h;
    return NARU_OK;
}

static naru_status check_inputs(infer_ctx *c, const rnn_spec *s, int dirs, dim_t batch, dim_t input, dim_t hidden,
                                bool batch_first) {
    dim_t gh = sym_mul(c->syms, s->gates, hidden), d = dirs;
    TRY(check_dims(c, 1, 3, (dim_t[]){d, gh, input}));
    TRY(check_dims(c, 2, 3, (dim_t[]){d, gh, hidden}));
    TRY(check_dims(c, 3, 2, (dim_t[]){d, sym_mul(c->syms, 2, gh)}));
    TRY(check_dims(c, 4, 1, (dim_t[]){batch}));
    const dim_t *state = batch_first ? (dim_t[]){batch, d, hidden} : (dim_t[]){d, batch, hidden};
    TRY(check_dims(c, 5, 3, state));
    if (s->cell) {
        TRY(check_dims(c, 6, 3, state));
        TRY(check_dims(c, 7, 2, (dim_t[]){d, sym_mul(c->syms, 3, hidden)}));
    }
    return NARU_OK;
}

naru_status rnn_infer(infer_ctx *c, const rnn_spec *s) {
    int direction;
    rnn_act acts[2][3];
    TRY(util_choice(c, s->attrs->direction, k_directions, &direction));
    int dirs = direction == 2 ? 2 : 1;
    TRY(rnn_read_acts(c->node, s, dirs, acts, c->err));
    bool batch_first = node_i(c->node, s->attrs->layout) != 0;
    if (node_has(c->node, s->attrs->clip) && !(node_f(c->node, s->attrs->clip) >= 0)) /* NaN too */
        return op_fail(c, NARU_BAD_MODEL, "attribute 'clip' is %g", (double)node_f(c->node, s->attrs->clip));
    TRY(util_need_rank(c, 0, 3, "X"));
    bool known = in_rank(c, 0) == 3;
    dim_t seq = known ? in_dim(c, 0, batch_first) : DIM_UNKNOWN,
          batch = known ? in_dim(c, 0, !batch_first) : DIM_UNKNOWN;
    dim_t input = known ? in_dim(c, 0, 2) : DIM_UNKNOWN, hidden;
    TRY(hidden_of(c, s, &hidden));
    TRY(check_inputs(c, s, dirs, batch, input, hidden, batch_first));
    dim_t y[4] = {seq, dirs, batch, hidden}, y1[4] = {batch, seq, dirs, hidden}, h[3] = {dirs, batch, hidden},
          h1[3] = {batch, dirs, hidden};
    out_tensor(c, 0, in_dtype(c, 0), 4, batch_first ? y1 : y);
    out_tensor(c, 1, in_dtype(c, 0), 3, batch_first ? h1 : h);
    if (s->cell) out_tensor(c, 2, in_dtype(c, 0), 3, batch_first ? h1 : h);
    return NARU_OK;
}

/* ---- evaluation ---- */
void rnn_gate_w(const rnn_run *r, int dir, int gate, const double *x, double *out) {
    int64_t h = r->hidden, row = ((int64_t)dir * r->spec->gates + gate) * h;
    const double *b = r->b ? r->b + ((int64_t)dir * 2 * r->spec->gates + gate) * h : NULL;
    for (int64_t j = 0; j < h; j++) out[j] = util_dot(r->w + (row + j) * r->input, x, r->input) + (b ? b[j] : 0);
}

void rnn_gate_r(const rnn_run *r, int dir, int gate, const double *hid, double *out) {
    int64_t h = r->hidden, row = ((int64_t)dir * r->spec->gates + gate) * h;
    const double *b = r->b ? r->b + ((int64_t)(dir * 2 + 1) * r->spec->gates + gate) * h : NULL;
    for (int64_t j = 0; j < h; j++) out[j] = util_dot(r->r + (row + j) * h, hid, h) + (b ? b[j] : 0);
}

static int64_t state_at(const rnn_run *r, int dir, int64_t n) {
    return (r->batch_first ? n * r->dirs + dir : dir * r->batch + n) * r->hidden;
}

static void load_state(eval_ctx *c, const naru_tensor *init, const rnn_run *r, int dir, int64_t n, double *state) {
    memset(state, 0, (size_t)r->hidden * sizeof *state);
    if (init) dtype_read_f64(init->dtype, init->data, state_at(r, dir, n), r->hidden, state);
}

static void run_sample(eval_ctx *c, const rnn_run *r, rnn_step step, int dir, int64_t n, int64_t len, double *h,
                       double *cell) {
    naru_tensor *y = eval_out(c, 0);
    load_state(c, eval_in(c, 5), r, dir, n, h);
    load_state(c, r->spec->cell ? eval_in(c, 6) : NULL, r, dir, n, cell);
    bool backwards = r->reverse || dir == 1;
    for (int64_t s = 0; s < len; s++) {
        int64_t t = backwards ? len - 1 - s : s;
        step(r, dir, r->x + (r->batch_first ? n * r->seq + t : t * r->batch + n) * r->input, h, cell);
        int64_t at = r->batch_first ? (n * r->seq + t) * r->dirs + dir : (t * r->dirs + dir) * r->batch + n;
        if (y) dtype_write_f64(y->dtype, y->data, at * r->hidden, r->hidden, h, true);
    }
    if (eval_out(c, 1))
        dtype_write_f64(eval_out(c, 1)->dtype, eval_out(c, 1)->data, state_at(r, dir, n), r->hidden, h, true);
    if (r->spec->cell && eval_out(c, 2))
        dtype_write_f64(eval_out(c, 2)->dtype, eval_out(c, 2)->data, state_at(r, dir, n), r->hidden, cell, true);
}

static naru_status prepare(eval_ctx *c, const rnn_spec *s, rnn_run *r) {
    const naru_tensor *x = eval_in(c, 0);
    int direction = choice_of(choice_text(c->node, s->attrs->direction), k_directions);
    *r = (rnn_run){
        .spec = s, .dirs = direction == 2 ? 2 : 1, .reverse = direction == 1, .node = c->node, .clip = INFINITY};
    r->batch_first = node_i(c->node, s->attrs->layout) != 0;
    r->seq = x->dims[r->batch_first], r->batch = x->dims[!r->batch_first], r->input = x->dims[2];
    r->hidden = eval_in(c, 2)->dims[2];
    if (node_has(c->node, s->attrs->clip) && node_f(c->node, s->attrs->clip) > 0)
        r->clip = node_f(c->node, s->attrs->clip);
    TRY(rnn_read_acts(c->node, s, r->dirs, r->acts, c->err));
    const naru_tensor *b = eval_in(c, 3), *p = s->cell ? eval_in(c, 7) : NULL;
    r->x = eval_f64(c, x), r->w = eval_f64(c, eval_in(c, 1)), r->r = eval_f64(c, eval_in(c, 2));
    r->b = b ? eval_f64(c, b) : NULL, r->p = p ? eval_f64(c, p) : NULL;
    r->gates = eval_scratch(c, (size_t)(s->gates * r->hidden) * sizeof *r->gates);
    r->tmp = eval_scratch(c, (size_t)r->hidden * sizeof *r->tmp);
    return r->x && r->w && r->r && (r->b || !b) && (r->p || !p) && r->gates && r->tmp ? NARU_OK : NARU_OUT_OF_MEMORY;
}

naru_status rnn_eval(eval_ctx *c, const rnn_spec *s, rnn_step step) {
    rnn_run r;
    TRY(prepare(c, s, &r));
    const naru_tensor *lens = eval_in(c, 4);
    double *h = eval_scratch(c, (size_t)r.hidden * sizeof *h), *cell = eval_scratch(c, (size_t)r.hidden * sizeof *cell);
    if (!h || !cell) return NARU_OUT_OF_MEMORY;
    if (eval_out(c, 0)) memset(eval_out(c, 0)->data, 0, tensor_bytes(eval_out(c, 0)));
    for (int64_t n = 0; n < r.batch; n++) {
        int64_t len = lens ? dtype_get_i64(lens->dtype, lens->data, n) : r.seq;
        if (len < 0 || len > r.seq)
            return eval_fail(c, NARU_INVALID_ARGUMENT, "sequence_lens[%lld] is %lld, outside [0, %lld]", (long long)n,
                             (long long)len, (long long)r.seq);
        for (int dir = 0; dir < r.dirs; dir++) run_sample(c, &r, step, dir, n, len, h, cell);
    }
    return NARU_OK;
}

naru_status rnn_down14(lower_ctx *c, node *n, const rnn_spec *s) {
    enum { INPUTS = 8, X = 0, FIRST_STATE = 5, LAST_STATE = 6 };
    value *in[INPUTS] = {NULL};
    if (!node_i(n, s->attrs->layout)) return NARU_OK;
    for (int i = 0; i < n->nin && i < INPUTS; i++) {
        bool batch_first = i == X || i == FIRST_STATE || (s->cell && i == LAST_STATE);
        in[i] = n->in[i] && batch_first ? lw_transpose(c, n->in[i], 3, (int[]){1, 0, 2}) : n->in[i];
    }
    for (int k = 0; k < n->nattrs; k++)
        if (k != s->attrs->layout) lw_attr(c, n, k);
    node *m = lw_node(c, n->op_type, INPUTS, in, n->nout);
    for (int o = 0; m && o < n->nout; o++) {
        value *v = m->out[o];
        if (!n->out[o]) m->out[o] = NULL;
        else if (o == 0) lw_output(c, n, o, lw_transpose(c, v, 4, (int[]){2, 0, 1, 3}));
        else lw_output(c, n, o, lw_transpose(c, v, 3, (int[]){1, 0, 2}));
    }
    return lw_finish(c, n);
}
