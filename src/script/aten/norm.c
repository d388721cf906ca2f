/* SPDX-License-Identifier: MIT
 *
 * Normalisation: batch, instance, layer, group and RMS norm with their native forms, cosine similarity. Batch norm in
 * training normalises by the batch's own statistics and moves the running ones (their variance unbiased).
 */
#include "script/aten/nn.h"

static sten *or_filled(lower *L, sten *t, naru_dtype d, double v, sv n) { return t ? t : nn_filled(L, d, v, n); }

/* ---- statistics ---- */
/* All axes but `keep` (and, with keep2 >= 0, that one). */
static int other_axes(lower *L, sten *x, int keep, int keep2, int64_t *axes) {
    int n = 0;
    for (int i = 0, rank = t_rank(L, x); i < rank; i++)
        if (i != keep && i != keep2) axes[n++] = i;
    return n;
}

typedef struct stats {
    sten *mean, *var; /* population variance; reduced axes kept as 1 */
    sv count;         /* elements that each stands for */
    sten *centred;
} stats;

static stats stats_of(lower *L, sten *x, int n, const int64_t *axes) {
    stats s = {.count = sv_int(1)};
    for (int i = 0; i < n; i++) s.count = s_mul(L, s.count, t_dim(L, x, (int)axes[i]));
    s.mean = nn_reduce(L, &op_ReduceMean, x, n, axes, true);
    s.centred = EMIT(Sub, x, s.mean);
    s.var = nn_reduce(L, &op_ReduceMean, EMIT(Mul, s.centred, s.centred), n, axes, true);
    return s;
}

static sten *inverse_std(lower *L, sten *var, double eps) { return EMIT(Reciprocal, EMIT(Sqrt, nn_plus(L, var, eps))); }

/* running = (1 - momentum) running + momentum batch */
static void move_running(lower *L, sten *running, sten *batch, double momentum) {
    if (!running) return;
    sten *old = nn_times(L, running, 1 - momentum);
    write_to(L, running, EMIT(Add, old, cast(L, nn_times(L, batch, momentum), t_dtype(L, running))));
}

static sten *unbiased(lower *L, const stats *s) {
    sv less = s_max(L, s_sub(L, s->count, sv_int(1)), sv_int(1));
    naru_dtype d = t_dtype(L, s->var);
    return EMIT(Mul, s->var, EMIT(Div, scalar_tensor(L, s->count, d), scalar_tensor(L, less, d)));
}

/* ---- batch norm ---- */
typedef struct batch {
    sten *x, *w, *b, *mean, *var;
    double momentum, eps;
} batch;

static sv channels(lower *L, sten *x) { return t_rank(L, x) > 1 ? t_dim(L, x, 1) : sv_int(1); }

static void check_vector(lower *L, const char *name, sten *t, sv c) {
    sv n = t ? t_numel(L, t) : sv_none();
    if (lower_ok(L) && n.tag == SV_INT && c.tag == SV_INT && n.i != c.i)
        lower_raise(L, "RuntimeError", "%s should contain %lld elements not %lld", name, (long long)c.i,
                    (long long)n.i);
}

static batch read_batch(lower *L) {
    batch b = {.x = arg_tensor(L, 0),
               .w = arg_tensor_opt(L, 1),
               .b = arg_tensor_opt(L, 2),
               .mean = arg_tensor_opt(L, 3),
               .var = arg_tensor_opt(L, 4)};
    b.momentum = arg_float(L, 6);
    b.eps = arg_float(L, 7);
    if (!lower_ok(L)) return b;
    sv c = channels(L, b.x);
    check_vector(L, "running_mean", b.mean, c);
    check_vector(L, "running_var", b.var, c);
    check_vector(L, "weight", b.w, c);
    check_vector(L, "bias", b.b, c);
    return b;
}

static sten *batch_eval(lower *L, const batch *b) {
    if (lower_ok(L) && (!b->mean || !b->var)) {
        lower_raise(L, "RuntimeError", "%s must be defined in evaluation mode",
                    b->mean ? "running_var" : "running_mean");
        return NULL;
    }
    sv c = channels(L, b->x);
    naru_dtype d = t_dtype(L, b->mean);
    sten *w = or_filled(L, b->w, b->b ? t_dtype(L, b->b) : d, 1, c);
    sten *bias = or_filled(L, b->b, t_dtype(L, w), 0, c);
    return EMITA(BatchNormalization, ATTRS(AF("epsilon", b->eps)), b->x, w, bias, b->mean, b->var);
}

/* One value per channel -> shape that broadcasts over x. */
static sten *over_channels(lower *L, sten *v, sten *x) {
    sv dims[NARU_MAX_RANK];
    int rank = t_rank(L, x);
    if (!lower_ok(L)) return NULL;
    for (int i = 0; i < rank; i++) dims[i] = i == 1 ? sv_int(-1) : sv_int(1);
    return nn_reshape(L, v, rank, dims);
}

static sten *flat_channels(lower *L, sten *v) { return nn_reshape(L, v, 1, (sv[]){sv_int(-1)}); }

static sten *scaled_by(lower *L, sten *y, sten *w, sten *b) {
    if (w) y = EMIT(Mul, y, cast(L, over_channels(L, w, y), t_dtype(L, y)));
    return b ? EMIT(Add, y, cast(L, over_channels(L, b, y), t_dtype(L, y))) : y;
}

static sten *wide(lower *L, sten *x) { /* statistics are computed in float at least */
    return t_dtype(L, x) == NARU_DOUBLE ? x : cast(L, x, NARU_FLOAT);
}

static sten *batch_train(lower *L, const batch *b, sten **mean, sten **invstd) {
    int64_t axes[NARU_MAX_RANK];
    sten *x = wide(L, b->x);
    int n = other_axes(L, x, 1, -1, axes);
    if (!lower_ok(L)) return NULL;
    stats s = stats_of(L, x, n, axes);
    if (s_is(s.count, 1))
        lower_raise(L, "ValueError", "Expected more than 1 value per channel when training, got input size %s",
                    nn_shape(L, b->x));
    move_running(L, b->mean, flat_channels(L, s.mean), b->momentum);
    move_running(L, b->var, flat_channels(L, unbiased(L, &s)), b->momentum);
    sten *inv = inverse_std(L, s.var, b->eps);
    if (mean) *mean = flat_channels(L, s.mean), *invstd = flat_channels(L, inv);
    return cast(L, scaled_by(L, EMIT(Mul, s.centred, inv), b->w, b->b), t_dtype(L, b->x));
}

void aten_batch_norm(lower *L) {
    batch b = read_batch(L);
    ret_tensor(L, arg_bool(L, 5) ? batch_train(L, &b, NULL, NULL) : batch_eval(L, &b));
}

static void native(lower *L, const batch *b, bool training) {
    sten *mean, *invstd, *y;
    if (training) {
        y = batch_train(L, b, &mean, &invstd);
    } else {
        y = batch_eval(L, b);
        mean = invstd = nn_filled(L, t_dtype(L, b->mean), 0, sv_int(0));
    }
    ret_tensor(L, y);
    ret_tensor(L, mean);
    ret_tensor(L, invstd);
}

void aten_native_batch_norm(lower *L) {
    batch b = read_batch(L);
    native(L, &b, arg_bool(L, 5));
}

void aten_native_batch_norm_eval(lower *L) { /* (input, weight, bias, running_mean, running_var, momentum, eps) */
    batch b = {.x = arg_tensor(L, 0),
               .w = arg_tensor_opt(L, 1),
               .b = arg_tensor_opt(L, 2),
               .mean = arg_tensor(L, 3),
               .var = arg_tensor(L, 4)};
    b.momentum = arg_float(L, 5);
    b.eps = arg_float(L, 6);
    native(L, &b, false);
}

void aten_native_batch_norm_no_stats(lower *L) { /* (input, weight, bias, training, momentum, eps) */
    batch b = {.x = arg_tensor(L, 0), .w = arg_tensor_opt(L, 1), .b = arg_tensor_opt(L, 2)};
    bool training = arg_bool(L, 3);
    b.momentum = arg_float(L, 4);
    b.eps = arg_float(L, 5);
    native(L, &b, training);
}

/* ---- instance norm ---- */
static sten *instance(lower *L, const batch *b) {
    sv c = channels(L, b->x);
    naru_dtype d = t_dtype(L, b->x);
    sten *w = or_filled(L, b->w ? cast(L, b->w, d) : NULL, d, 1, c);
    sten *bias = or_filled(L, b->b ? cast(L, b->b, d) : NULL, d, 0, c);
    return EMITA(InstanceNormalization, ATTRS(AF("epsilon", b->eps)), b->x, w, bias);
}

static void move_instance(lower *L, const batch *b) {
    int64_t axes[NARU_MAX_RANK];
    sten *x = wide(L, b->x);
    int n = other_axes(L, x, 0, 1, axes);
    if (!lower_ok(L)) return;
    stats s = stats_of(L, x, n, axes);
    sten *both[2] = {s.mean, unbiased(L, &s)}, *running[2] = {b->mean, b->var};
    for (int i = 0; i < 2; i++) {
        sten *m = nn_reduce1(L, &op_ReduceMean, both[i], 0, true);
        move_running(L, running[i], flat_channels(L, m), b->momentum);
    }
}

void aten_instance_norm(lower *L) {
    batch b = read_batch(L);
    bool use_input = arg_bool(L, 5);
    if (!lower_ok(L)) return;
    if (!use_input) {
        ret_tensor(L, batch_eval(L, &b));
        return;
    }
    sten *y = instance(L, &b);
    if (b.mean) move_instance(L, &b);
    ret_tensor(L, y);
}

/* ---- layer norm, RMS norm ---- */
static sten *ones_of(lower *L, naru_dtype d, int n, const int64_t *shape) {
    sv dims[NARU_MAX_RANK];
    for (int i = 0; i < n; i++) dims[i] = sv_int(shape[i]);
    return nn_filled_like(L, d, 1, n, dims);
}

static const char *list_text(lower *L, int n, const int64_t *v) {
    char *s = host_scratch(L, 32 + (size_t)n * 24);
    int at = 1;
    if (!s) return "";
    s[0] = '[';
    for (int i = 0; i < n; i++) at += sprintf(s + at, "%s%lld", i ? ", " : "", (long long)v[i]);
    s[at] = ']', s[at + 1] = 0;
    return s;
}

static void raise_shape(lower *L, sten *x, int n, const int64_t *shape) {
    const char *list = list_text(L, n, shape);
    lower_raise(L, "RuntimeError",
                "Given normalized_shape=%s, expected input with shape [*, %s, but got input of size%s", list, list + 1,
                nn_shape(L, x));
}

/* The axis where normalized_shape begins; checks that it is the tail of x's shape and of w's. */
static int tail_axis(lower *L, sten *x, sten *w, int n, const int64_t *shape) {
    int rank = t_rank(L, x);
    if (!lower_ok(L)) return 0;
    if (n < 1) {
        lower_raise(L, "RuntimeError",
                    "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
                    "but got normalized_shape = []");
        return 0;
    }
    for (int i = 0; i < n && lower_ok(L); i++) {
        sv d = rank < n ? sv_int(-1) : t_dim(L, x, rank - n + i);
        if (d.tag == SV_INT && d.i != shape[i]) raise_shape(L, x, n, shape);
        else if (w && (t_rank(L, w) != n || (t_dim(L, w, i).tag == SV_INT && !t_dim_is(L, w, i, shape[i]))))
            lower_raise(L, "RuntimeError",
                        "Expected weight to be of same shape as normalized_shape, but got weight of shape %s and "
                        "normalized_shape = %s",
                        nn_shape(L, w), list_text(L, n, shape));
    }
    return rank - n;
}

static void layer(lower *L, double eps, bool all) {
    sten *x = arg_tensor(L, 0), *w = arg_tensor_opt(L, 2), *b = arg_tensor_opt(L, 3), *out[3] = {NULL, NULL, NULL};
    int64_t shape[NARU_MAX_RANK];
    int n = arg_ints(L, 1, shape), axis = tail_axis(L, x, w, n, shape);
    naru_dtype d = t_dtype(L, x);
    w = w ? cast(L, w, d) : ones_of(L, d, n, shape);
    b = b ? cast(L, b, d) : NULL;
    if (!lower_ok(L)) return;
    lower_opn(L, &op_LayerNormalization, ATTRS(AI("axis", axis), AF("epsilon", eps)), b ? 3 : 2, (sten *[]){x, w, b},
              all ? 3 : 1, out);
    for (int i = 0; i < (all ? 3 : 1); i++) ret_tensor(L, out[i]);
}

void aten_layer_norm(lower *L) { layer(L, arg_float(L, 4), false); }
void aten_native_layer_norm(lower *L) { layer(L, arg_float(L, 4), true); }

static double rms_eps(lower *L, int i, naru_dtype d) {
    return arg_float_or(L, i, d == NARU_DOUBLE ? 0x1p-52 : 0x1p-23);
}

static sten *rms(lower *L, int *axis, double *eps) {
    sten *x = arg_tensor(L, 0), *w = arg_tensor_opt(L, 2);
    int64_t shape[NARU_MAX_RANK];
    int n = arg_ints(L, 1, shape);
    *axis = tail_axis(L, x, w, n, shape);
    naru_dtype d = t_dtype(L, x);
    *eps = rms_eps(L, 3, d);
    w = w ? w : ones_of(L, d, n, shape);
    return EMITA(RMSNormalization, ATTRS(AI("axis", *axis), AF("epsilon", *eps)), x, w);
}

void aten_rms_norm(lower *L) {
    int axis;
    double eps;
    ret_tensor(L, rms(L, &axis, &eps));
}

void aten__fused_rms_norm(lower *L) { /* the second result: 1 / sqrt(mean of x^2 + eps) */
    int axis, n = 0;
    int64_t axes[NARU_MAX_RANK];
    double eps;
    sten *y = rms(L, &axis, &eps), *x = wide(L, arg_tensor(L, 0));
    for (int i = axis, rank = t_rank(L, x); i < rank; i++) axes[n++] = i;
    ret_tensor(L, y);
    ret_tensor(L, inverse_std(L, nn_reduce(L, &op_ReduceMean, EMIT(Mul, x, x), n, axes, true), eps));
}

/* ---- group norm ---- */
static sten *group(lower *L, sten *x, int64_t groups, sten *w, sten *b, double eps) {
    sv c = t_rank(L, x) >= 2 ? t_dim(L, x, 1) : sv_int(0);
    naru_dtype d = t_dtype(L, x);
    if (!lower_ok(L)) return NULL;
    if (groups <= 0) {
        lower_raise(L, "RuntimeError", "Expected num groups to be greater than 0, got %lld", (long long)groups);
    } else if (t_rank(L, x) < 2) {
        lower_raise(L, "RuntimeError", "Expected at least 2 dimensions for input tensor but received %d", t_rank(L, x));
    } else if (c.tag == SV_INT && c.i % groups != 0) {
        lower_raise(L, "RuntimeError",
                    "Expected number of channels in input to be divisible by num_groups, but got input of shape %s and "
                    "num_groups=%lld",
                    nn_shape(L, x), (long long)groups);
    }
    w = or_filled(L, w ? cast(L, w, d) : NULL, d, 1, c);
    b = or_filled(L, b ? cast(L, b, d) : NULL, d, 0, c);
    return EMITA(GroupNormalization, ATTRS(AI("num_groups", groups), AF("epsilon", eps)), x, w, b);
}

void aten_group_norm(lower *L) {
    ret_tensor(L,
               group(L, arg_tensor(L, 0), arg_int(L, 1), arg_tensor_opt(L, 2), arg_tensor_opt(L, 3), arg_float(L, 4)));
}

void aten_native_group_norm(lower *L) { /* (input, weight, bias, N, C, HxW, group, eps) -> out, mean, rstd [N, group] */
    sten *x = arg_tensor(L, 0);
    int64_t g = arg_int(L, 6), axes[1] = {2};
    double eps = arg_float(L, 7);
    sten *y = group(L, x, g, arg_tensor_opt(L, 1), arg_tensor_opt(L, 2), eps);
    sten *rows = nn_reshape(L, wide(L, x), 3, (sv[]){t_dim(L, x, 0), sv_int(g), sv_int(-1)});
    stats s = stats_of(L, rows, 1, axes);
    ret_tensor(L, y);
    ret_tensor(L, cast(L, view_squeeze(L, s.mean, 1, axes), t_dtype(L, x)));
    ret_tensor(L, cast(L, view_squeeze(L, inverse_std(L, s.var, eps), 1, axes), t_dtype(L, x)));
}
