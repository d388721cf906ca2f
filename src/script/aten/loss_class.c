/* SPDX-License-Identifier: MIT
 *
 * Losses against a class: negative log likelihood, cross entropy (class numbers, probabilities, smoothed labels), and
 * connectionist temporal classification.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

enum { NONE, MEAN, SUM };
static const char *const reductions[] = {"none", "mean", "sum"};

static sten *sum_all(lower *L, sten *x) { return ar_reduce(L, &op_ReduceSum, x, 0, NULL, false); }

/* ---- negative log likelihood ---- */
static void check_targets(lower *L, sten *target, int64_t classes, int64_t ignored) {
    if (lower_recording(L) || !target || !lower_ok(L)) return;
    const int64_t *t = host_i64(L, target);
    for (int64_t i = 0, n = t ? host_count(target) : 0; i < n; i++)
        if (t[i] != ignored && (t[i] < 0 || t[i] >= classes))
            return lower_raise(L, "IndexError", "Target %lld is out of bounds.", (long long)t[i]);
}

/* x [N, C, ...] or [C]; target without the C. */
static sten *nll(lower *L, sten *x, sten *target, sten *weight, int64_t reduction, int64_t ignored) {
    bool single = t_rank(L, x) == 1;
    if (reduction < NONE || reduction > SUM)
        lower_raise(L, "RuntimeError", "%lld is not a valid value for reduction", (long long)reduction);
    if (lower_ok(L) && t_rank(L, x) == 0) lower_raise(L, "RuntimeError", "Expected input with at least 1 dimension");
    if (!lower_ok(L)) return NULL;
    target = cast(L, target, NARU_INT64);
    if (single) {
        x = view_unsqueeze(L, x, 0);
        if (t_rank(L, target) == 0) target = view_unsqueeze(L, target, 0);
    }
    if (!lower_recording(L)) check_targets(L, target, t_dim_int(L, x, 1), ignored);
    if (weight) weight = cast(L, weight, t_dtype(L, x));
    sten *in[] = {x, target, weight};
    sten *y = lower_op(L, &op_NegativeLogLikelihoodLoss,
                       ATTRS(AS("reduction", reductions[reduction]), AI("ignore_index", ignored)), weight ? 3 : 2, in);
    return single && reduction == NONE ? view_squeeze(L, y, 1, (int64_t[]){0}) : y;
}

void aten_nll_loss(lower *L) {
    ret_tensor(L, nll(L, arg_tensor(L, 0), arg_tensor(L, 1), arg_tensor_opt(L, 2), arg_int(L, 3), arg_int(L, 4)));
}

/* Weights of the targets, 0 for ignored ones. */
static sten *target_weights(lower *L, sten *target, sten *weight, int64_t ignored, naru_dtype d) {
    target = cast(L, target, NARU_INT64);
    sten *gone = EMIT(Equal, target, lit_int(L, ignored));
    if (!weight) return cast(L, EMIT(Not, gone), d);
    sten *safe = ar_where(L, gone, lit_int(L, 0), target);
    return ar_where(L, gone, lit(L, d, 0), EMITA(Gather, ATTRS(AI("axis", 0)), cast(L, weight, d), safe));
}

void aten_nll_loss_forward(lower *L) {
    sten *x = arg_tensor(L, 0), *target = arg_tensor(L, 1), *weight = arg_tensor_opt(L, 2);
    int64_t reduction = arg_int(L, 3), ignored = arg_int(L, 4);
    ret_tensor(L, nll(L, x, target, weight, reduction, ignored));
    if (reduction == NONE) ret_tensor(L, lit(L, t_dtype(L, x), 0));
    else ret_tensor(L, sum_all(L, target_weights(L, target, weight, ignored, t_dtype(L, x))));
}

/* ---- cross entropy ---- */
typedef struct ce {
    sten *logp, *target, *weight; /* weight: as [C, 1, ...] beside logp; NULL: none */
    sten *plain_weight;
    int dim;
    sv classes;
    int64_t reduction, ignored;
    double smoothing;
    naru_dtype d;
} ce;

static sten *class_sum(lower *L, const ce *c, sten *x) {
    return EMIT(Neg, ar_reduce(L, &op_ReduceSum, x, 1, (int64_t[]){c->dim}, false));
}
static sten *over(lower *L, sten *x, sten *n) { return EMIT(Div, x, n); }
static sten *number(lower *L, const ce *c, sv v) { return scalar_tensor(L, v, c->d); }

static sten *entropy_probabilities(lower *L, const ce *c) {
    sten *t = cast(L, c->target, c->d);
    if (c->smoothing > 0)
        t = EMIT(Add, ar_mulc(L, t, 1 - c->smoothing), over(L, lit(L, c->d, c->smoothing), number(L, c, c->classes)));
    sten *p = EMIT(Mul, c->logp, t);
    if (c->weight) p = EMIT(Mul, p, c->weight);
    sten *loss = class_sum(L, c, p);
    if (c->reduction == NONE) return loss;
    if (c->reduction == SUM) return sum_all(L, loss);
    sv samples = s_floordiv(L, t_numel(L, c->logp), c->classes);
    return over(L, sum_all(L, loss), number(L, c, samples));
}

/* A share of the loss is spread over all classes. */
static sten *entropy_smoothed(lower *L, const ce *c) {
    sten *sharp = nll(L, c->logp, c->target, c->plain_weight, c->reduction, c->ignored);
    sten *smooth = class_sum(L, c, c->weight ? EMIT(Mul, c->logp, c->weight) : c->logp);
    sten *gone = EMIT(Equal, cast(L, c->target, NARU_INT64), lit_int(L, c->ignored));
    smooth = ar_where(L, gone, lit(L, c->d, 0), smooth);
    if (c->reduction != NONE) smooth = sum_all(L, smooth);
    if (c->reduction == MEAN)
        smooth = over(L, smooth, sum_all(L, target_weights(L, c->target, c->plain_weight, c->ignored, c->d)));
    sten *share = over(L, lit(L, c->d, c->smoothing), number(L, c, c->classes));
    return EMIT(Add, ar_mulc(L, sharp, 1 - c->smoothing), EMIT(Mul, smooth, share));
}

static bool same_shape(lower *L, sten *a, sten *b) {
    int rank = t_rank(L, a);
    if (rank != t_rank(L, b)) return false;
    for (int i = 0; i < rank && !lower_recording(L); i++)
        if (t_dim_int(L, a, i) != t_dim_int(L, b, i)) return false;
    return true;
}

void aten_cross_entropy_loss(lower *L) {
    sten *x = arg_tensor(L, 0);
    int rank = t_rank(L, x);
    ce c = {.target = arg_tensor(L, 1),
            .plain_weight = arg_tensor_opt(L, 2),
            .dim = rank == 1 ? 0 : 1,
            .reduction = arg_int(L, 3),
            .ignored = arg_int(L, 4),
            .smoothing = arg_float(L, 5),
            .d = t_dtype(L, x)};
    if (lower_ok(L) && rank == 0) lower_raise(L, "RuntimeError", "Expected input with at least 1 dimension");
    if (c.smoothing < 0 || c.smoothing > 1)
        lower_raise(L, "RuntimeError", "label_smoothing must be between 0.0 and 1.0. Got: %g", c.smoothing);
    if (!lower_ok(L)) return;
    c.classes = t_dim(L, x, c.dim);
    c.logp = EMITA(LogSoftmax, ATTRS(AI("axis", c.dim)), x);
    if (c.plain_weight) {
        int64_t dims[NARU_MAX_RANK];
        for (int i = 0; i < rank - c.dim; i++) dims[i] = i ? 1 : -1;
        c.weight = ar_reshape(L, cast(L, c.plain_weight, c.d), rank - c.dim, dims);
    }
    if (dtype_is_float(t_dtype(L, c.target)) && same_shape(L, x, c.target)) ret_tensor(L, entropy_probabilities(L, &c));
    else if (c.smoothing > 0) ret_tensor(L, entropy_smoothed(L, &c));
    else ret_tensor(L, nll(L, c.logp, c.target, c.plain_weight, c.reduction, c.ignored));
}

/* ---- connectionist temporal classification ---- */
typedef struct ctc {
    const double *p; /* log probabilities [T, N, C] */
    int64_t t, n, c, blank;
    const int64_t *targets, *input_lengths, *target_lengths;
    int64_t longest; /* of the targets */
    double *alpha;   /* [N, T, 2 * longest + 1] */
} ctc;

static double log_sum3(double a, double b, double c) {
    double m = fmax(a, fmax(b, c));
    return m == -INFINITY ? m : m + log(exp(a - m) + exp(b - m) + exp(c - m));
}

/* The states of a sample are blank, label, blank, ..., blank. */
static double ctc_sample(const ctc *k, int64_t i, const int64_t *labels) {
    int64_t s = 2 * k->target_lengths[i] + 1, width = 2 * k->longest + 1, t = k->input_lengths[i];
    double *alpha = k->alpha + i * k->t * width;
    for (int64_t j = 0; j < k->t * width; j++) alpha[j] = -INFINITY;
    if (t == 0) return s == 1 ? 0 : INFINITY;
    const double *p = k->p + i * k->c;
    alpha[0] = p[k->blank];
    if (s > 1) alpha[1] = p[labels[0]];
    for (int64_t u = 1; u < t; u++) {
        const double *before = alpha + (u - 1) * width;
        p = k->p + (u * k->n + i) * k->c;
        for (int64_t j = 0; j < s; j++) {
            bool label = j % 2, skip = label && j >= 2 && labels[j / 2] != labels[j / 2 - 1];
            double v = log_sum3(before[j], j ? before[j - 1] : -INFINITY, skip ? before[j - 2] : -INFINITY);
            alpha[u * width + j] = v + p[label ? labels[j / 2] : k->blank];
        }
    }
    const double *last = alpha + (t - 1) * width;
    return -log_sum3(last[s - 1], s > 1 ? last[s - 2] : -INFINITY, -INFINITY);
}

static const int64_t *lengths(lower *L, int i, int64_t n) {
    sv v = arg(L, i);
    const int64_t *out = NULL;
    int64_t count = 0;
    if (v.tag == SV_LIST) {
        const slist *l = sv_list(v);
        int64_t *to = host_scratch(L, (l->count + 1) * sizeof *to);
        count = (int64_t)l->count;
        for (int64_t k = 0; to && k < count; k++) to[k] = s_need(L, l->items[k]);
        out = to;
    } else if (v.tag == SV_TENSOR) {
        out = host_i64(L, sv_tensor(v));
        count = host_count(sv_tensor(v));
    } else if (v.tag == SV_INT) {
        int64_t *to = host_scratch(L, sizeof *to);
        if (to) *to = v.i;
        out = to, count = 1;
    }
    if (count != n)
        lower_raise(L, "RuntimeError", "%s must be of size batch_size", i == 2 ? "input_lengths" : "target_lengths");
    return lower_ok(L) ? out : NULL;
}

/* Reads and checks the arguments; *single: the input has no batch. */
static bool ctc_args(lower *L, ctc *k, bool *single, int64_t *target_stride) {
    sten *x = arg_tensor(L, 0), *target = arg_tensor(L, 1);
    if (!eager_only(L) || !x || !target) return false;
    int rank = t_rank(L, x);
    *single = rank == 2;
    if (rank != 2 && rank != 3) return lower_raise(L, "RuntimeError", "log_probs must be 2-D or 3-D"), false;
    const int64_t *dims = host_dims(x);
    *k = (ctc){.t = dims[0], .n = *single ? 1 : dims[1], .c = dims[rank - 1], .blank = arg_int(L, 4)};
    k->p = host_f64(L, x), k->targets = host_i64(L, target);
    k->input_lengths = lengths(L, 2, k->n), k->target_lengths = lengths(L, 3, k->n);
    if (!k->p || !k->targets || !k->input_lengths || !k->target_lengths) return false;
    if (k->blank < 0 || k->blank >= k->c) return lower_raise(L, "RuntimeError", "blank must be in label range"), false;
    if (t_rank(L, target) > 2 || (t_rank(L, target) == 2 && host_dims(target)[0] != k->n))
        return lower_raise(L, "RuntimeError", "targets must be 1-D or have a row for each of the batch"), false;
    *target_stride = t_rank(L, target) == 2 ? host_dims(target)[1] : 0;
    int64_t total = 0;
    for (int64_t i = 0; i < k->n; i++) {
        int64_t m = k->target_lengths[i];
        if (k->input_lengths[i] < 0 || k->input_lengths[i] > k->t)
            lower_raise(
                L, "RuntimeError",
                "Expected input_lengths to have value at most %lld, but got value %lld (while checking arguments "
                "for ctc_loss_allocate_outputs)",
                (long long)k->t, (long long)k->input_lengths[i]);
        if (m < 0 || m > host_count(target) || (*target_stride && m > *target_stride))
            lower_raise(L, "RuntimeError", "Expected tensor to have size at least %lld at dimension 1", (long long)m);
        if (!lower_ok(L)) return false;
        total += m;
        if (m > k->longest) k->longest = m;
    }
    if (!*target_stride && total != host_count(target))
        return lower_raise(L, "RuntimeError", "Expected target to have the length of all targets together"), false;
    for (int64_t i = 0; i < host_count(target); i++)
        if (k->targets[i] < 0 || k->targets[i] >= k->c) {
            bool padding = *target_stride && i % *target_stride >= k->target_lengths[i / *target_stride];
            if (!padding) return lower_raise(L, "RuntimeError", "Expected targets to be in the label range"), false;
        }
    k->alpha = host_scratch(L, (size_t)(k->n * k->t * (2 * k->longest + 1) + 1) * sizeof *k->alpha);
    return k->alpha != NULL;
}

static double *ctc_losses(lower *L, const ctc *k, int64_t stride, bool zero_infinity) {
    double *loss = host_scratch(L, (size_t)(k->n + 1) * sizeof *loss);
    int64_t at = 0;
    for (int64_t i = 0; loss && i < k->n; i++) {
        loss[i] = ctc_sample(k, i, k->targets + (stride ? i * stride : at));
        at += k->target_lengths[i];
        if (zero_infinity && loss[i] == INFINITY) loss[i] = 0;
    }
    return loss;
}

void aten_ctc_loss(lower *L) {
    ctc k;
    bool single;
    int64_t stride, reduction = arg_int(L, 5);
    if (!ctc_args(L, &k, &single, &stride)) return;
    double *loss = ctc_losses(L, &k, stride, arg_bool(L, 6)), sum = 0;
    if (!loss) return;
    for (int64_t i = 0; i < k.n; i++)
        sum += reduction == MEAN ? loss[i] / (double)(k.target_lengths[i] > 0 ? k.target_lengths[i] : 1) / (double)k.n
                                 : loss[i];
    naru_dtype d = t_dtype(L, arg_tensor(L, 0));
    if (reduction == NONE) ret_tensor(L, host_from_f64(L, d, single ? 0 : 1, &k.n, loss));
    else ret_tensor(L, host_from_f64(L, d, 0, NULL, &sum));
}

void aten__ctc_loss(lower *L) {
    ctc k;
    bool single;
    int64_t stride;
    if (!ctc_args(L, &k, &single, &stride)) return;
    double *loss = ctc_losses(L, &k, stride, arg_bool(L, 5));
    if (!loss) return;
    naru_dtype d = t_dtype(L, arg_tensor(L, 0));
    const int64_t dims[] = {k.n, k.t, 2 * k.longest + 1};
    ret_tensor(L, host_from_f64(L, d, 1, &k.n, loss));
    ret_tensor(L, host_from_f64(L, d, 3, dims, k.alpha));
}
