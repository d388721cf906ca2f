/* SPDX-License-Identifier: MIT
 *
 * BatchNormalization: Y = scale (X - mean) / sqrt(variance + epsilon) + B per channel. [ONNX BatchNormalization-15]
 *
 * training_mode 0: mean and variance are the inputs. 1: they are the batch's own (population variance), and
 * running = input * momentum + batch * (1 - momentum) comes out beside Y.
 * Shapes: X [N, C, D...] (or [N], then C = 1), the rest [C] -> Y like X, running_* [C]. Types: floats; scale and B, and
 * mean and variance, may each have another float type. Versions: 1 and 6 (is_test, default 0 = training), 7 (the number
 * of outputs says the mode; spatial), 9 (no spatial), 14 (training_mode, three outputs), 15 (types). spatial = 0 and
 * the saved_* outputs of before 14 are not supported.
 */
#include "ops/util_norm.h"
#include "ops/util_lower.h"

enum { EPSILON, MOMENTUM, TRAINING_MODE };
static const attr_def attrs[] = {
    ATTR_F("epsilon", 1e-5f),
    ATTR_F("momentum", 0.9f),
    ATTR_I("training_mode", 0),
    {0},
};

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0);
    if (r == 0) return op_fail(c, NARU_SHAPE, "input is a scalar");
    TRY(norm_check_channels(c, 4));
    for (int i = 1; r == 1 && i <= 4; i++)
        if (in_rank(c, i) == 1) TRY(util_same_dim(c, in_dim(c, i, 0), 1, "a per-channel operand's length"));
    if (!node_i(c->node, TRAINING_MODE) && c->nout > 1)
        for (int i = 1; i < c->nout; i++)
            if (c->node->out[i])
                return op_fail(c, NARU_BAD_MODEL, "running_mean and running_var come out only with training_mode = 1");
    out_like(c, 0, 0);
    out_like(c, 1, 3);
    out_like(c, 2, 4);
    return NARU_OK;
}

typedef struct job {
    const double *x;
    int64_t batch, channels, plane;
} job;

static void channel_stats(const job *j, int64_t ch, double *mean, double *var) {
    double s = 0, q = 0, n = (double)(j->batch * j->plane);
    for (int64_t b = 0; b < j->batch; b++)
        for (int64_t i = 0; i < j->plane; i++) s += j->x[(b * j->channels + ch) * j->plane + i];
    *mean = s / n;
    for (int64_t b = 0; b < j->batch; b++)
        for (int64_t i = 0; i < j->plane; i++) {
            double d = j->x[(b * j->channels + ch) * j->plane + i] - *mean;
            q += d * d;
        }
    *var = q / n;
}

static void write_running(naru_tensor *out, int64_t ch, double before, double batch, double momentum) {
    if (out) dtype_set_f64(out->dtype, out->data, ch, before * momentum + batch * (1 - momentum));
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    const double *in[5];
    for (int i = 0; i < 5; i++)
        if (!(in[i] = eval_f64(c, eval_in(c, i)))) return NARU_OUT_OF_MEMORY;
    job j = {in[0], x->dims[0], x->rank > 1 ? x->dims[1] : 1, 1};
    for (int d = 2; d < x->rank; d++) j.plane *= x->dims[d];
    double *row = eval_scratch(c, (size_t)j.plane * sizeof *row), eps = node_f(c->node, EPSILON),
           mom = node_f(c->node, MOMENTUM);
    if (!row) return NARU_OUT_OF_MEMORY;
    naru_tensor *y = eval_out(c, 0);
    for (int64_t ch = 0; ch < j.channels; ch++) {
        double mean = in[3][ch], var = in[4][ch];
        if (node_i(c->node, TRAINING_MODE)) {
            channel_stats(&j, ch, &mean, &var);
            write_running(eval_out(c, 1), ch, in[3][ch], mean, mom);
            write_running(eval_out(c, 2), ch, in[4][ch], var, mom);
        }
        double a = in[1][ch] / sqrt(var + eps);
        for (int64_t b = 0; y && b < j.batch; b++) {
            int64_t at = (b * j.channels + ch) * j.plane;
            for (int64_t i = 0; i < j.plane; i++) row[i] = (j.x[at + i] - mean) * a + in[2][ch];
            dtype_write_f64(y->dtype, y->data, at, j.plane, row, true);
        }
    }
    return NARU_OK;
}

/* Takes the attribute away and gives its value. */
static int64_t take_int(node *n, const char *name, int64_t dflt) {
    attr *a = node_attr(n, name);
    if (!a) return dflt;
    int64_t v = a->i;
    a->kind = ATTR_NONE;
    return v;
}

static naru_status set_training(lift_ctx *c, node *n) {
    if (node_attr(n, "training_mode")) return NARU_OK;
    return node_add_attr(n, (attr){.name = "training_mode", .kind = ATTR_INT, .i = 1}) ? NARU_OK : err_oom(c->err);
}

/* Opset 1 named inputs that may be overwritten: a hint without meaning. */
static naru_status up6(lift_ctx *c, node *n) {
    attr *a = node_attr(n, "consumed_inputs");
    if (a) a->kind = ATTR_NONE;
    return NARU_OK;
}

/* is_test said the mode, whatever the outputs. */
static naru_status up7(lift_ctx *c, node *n) {
    if (!take_int(n, "is_test", 0)) return set_training(c, n);
    for (int i = 1; i < n->nout; i++) /* in test mode they have no value */
        if (n->out[i] && graph_count_uses(c->graph, n->out[i]))
            return err_set(c->err, NARU_BAD_MODEL, "output %d has no value with is_test = 1", i);
    n->nout = 1;
    return NARU_OK;
}

static naru_status up9(lift_ctx *c, node *n) {
    if (take_int(n, "spatial", 1)) return NARU_OK;
    return err_set(c->err, NARU_UNSUPPORTED, "spatial = 0 (statistics per element) is not supported");
}

/* Outputs beyond Y meant training: mean, var, saved_mean, saved_var. */
static naru_status up14(lift_ctx *c, node *n) {
    bool training = false;
    for (int i = 1; i < n->nout; i++) training = training || n->out[i];
    for (int i = 3; i < n->nout; i++)
        if (n->out[i] && graph_count_uses(c->graph, n->out[i]))
            return err_set(c->err, NARU_UNSUPPORTED, "output %d (%s) is not supported", i,
                           i == 3 ? "saved_mean" : "saved_var");
    if (n->nout > 3) n->nout = 3;
    return training ? set_training(c, n) : NARU_OK;
}

/* All operands in one type, the widest of theirs. */
static naru_status unify(lower_ctx *c, node *n, int count) {
    naru_dtype d = lw_dtype(n->in[0]), wide = d;
    for (int i = 1; i < count; i++) {
        naru_dtype other = lw_dtype(n->in[i]);
        if (other != wide) wide = wide == NARU_DOUBLE || other == NARU_DOUBLE ? NARU_DOUBLE : NARU_FLOAT;
    }
    if (wide == d && lw_dtype(n->in[1]) == d && (count < 5 || lw_dtype(n->in[3]) == d)) return NARU_OK;
    value *in[5];
    for (int i = 0; i < 5; i++) in[i] = i < count ? lw_cast(c, n->in[i], wide) : n->in[i];
    for (int k = EPSILON; k <= TRAINING_MODE; k++) lw_attr(c, n, k);
    node *m = lw_node(c, "BatchNormalization", 5, in, n->nout);
    for (int o = 0; m && o < n->nout; o++)
        if (n->out[o]) lw_output(c, n, o, lw_cast(c, m->out[o], lw_dtype(n->out[o])));
    return lw_finish(c, n);
}
static naru_status down15(lower_ctx *c, node *n) { return unify(c, n, 3); }

static value *running(lower_ctx *c, value *before, value *batch, double momentum) {
    naru_dtype d = lw_dtype(before), wide = lw_dtype(batch);
    value *old = LW(c, "Mul", lw_cast(c, before, wide), lw_number(c, wide, momentum));
    value *now = LW(c, "Mul", LW(c, "Reshape", batch, LW_INTS(c, -1)), lw_number(c, wide, 1 - momentum));
    return lw_cast(c, LW(c, "Add", old, now), d);
}

/* Training before 14 was said by outputs that nobody else had: it is spelled out. */
static naru_status train(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    norm_parts parts;
    naru_dtype d = lw_dtype(x), wide = norm_type(d);
    int rank = lw_rank(x);
    int64_t axes[NARU_MAX_RANK] = {0}, count = 1;
    if (rank < 2) return lw_refuse(c, "training_mode with an input of unknown rank or rank 1");
    for (int i = 2; i < rank; i++) axes[count++] = i;
    value *spread = LW(c, "Unsqueeze", lw_cast(c, lw_in(n, 1), wide), lw_ints(c, rank - 1, axes));
    value *shift = LW(c, "Unsqueeze", lw_cast(c, lw_in(n, 2), wide), lw_ints(c, rank - 1, axes));
    value *y = norm_lower(c, lw_cast(c, x, wide), lw_ints(c, count, axes), node_f(n, EPSILON), &parts);
    y = LW(c, "Add", LW(c, "Mul", y, spread), shift);
    lw_output(c, n, 0, lw_cast(c, y, d));
    if (lw_out(n, 1)) lw_output(c, n, 1, running(c, n->in[3], parts.mean, node_f(n, MOMENTUM)));
    if (lw_out(n, 2)) lw_output(c, n, 2, running(c, n->in[4], parts.variance, node_f(n, MOMENTUM)));
    return lw_finish(c, n);
}
static naru_status down14(lower_ctx *c, node *n) { return node_i(n, TRAINING_MODE) ? train(c, n) : unify(c, n, 5); }

const op_desc op_BatchNormalization = {
    .name = "BatchNormalization",
    .versions = (const short[]){1, 6, 7, 9, 14, 15, 0},
    .sig = "X:T, scale:T1, B:T1, input_mean:T2, input_var:T2 -> Y:T, running_mean:T2?, running_var:T2?"
           " | T = float; T1 = float; T2 = float",
    .since = "T 14 bfloat16; T1 14 bfloat16; T2 14 bfloat16; training_mode 14",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{6, up6}, {7, up7}, {9, up9}, {14, up14}, {0}},
    .down = (const down_adapter[]){{15, down15}, {14, down14}, {0}},
};
