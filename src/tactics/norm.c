/* SPDX-License-Identifier: MIT
 *
 * Normalisations in FP32 (kernels/norm): LayerNormalization, RMSNormalization, InstanceNormalization,
 * GroupNormalization, BatchNormalization (inference), LpNormalization, LRN.
 */
#include "kernels/norm/norm.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

static const char *accepts_float(const tactic_query *q) {
    for (int i = 0; i < q->nin; i++)
        if (q_given(q, i) && q_dtype(q, i) != NARU_FLOAT) return "takes float32";
    return NULL;
}

/* ---- over trailing dims ---- */
typedef struct layer_job {
    const k_norm *k;
    k_layer_args a;
} layer_job;

static void layer_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const layer_job *j = arg;
    j->k->layer(&j->a, begin, end);
}

/* Scale and bias have the normalised dims, all of them known to be so. */
static const char *accepts_layer(const tactic_query *q) {
    const char *why = accepts_float(q);
    if (why) return why;
    int rank = q_rank(q, 0);
    if (rank < 1) return "rank of X is unknown or 0";
    int axis = norm_axis(attr_int(q->node, "axis", -1), rank);
    for (int i = 1; i < q->nin; i++) {
        if (!q_given(q, i)) continue;
        if (q_rank(q, i) != rank - axis) return "scale or bias is broadcast";
        for (int d = 0; d < rank - axis; d++)
            if (q_dim(q, i, d) != q_dim(q, 0, axis + d)) return "scale or bias is broadcast";
    }
    return NULL;
}

static naru_status run_layer(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    const node *nd = r->step->node;
    int axis = norm_axis(attr_int(nd, "axis", -1), x->rank);
    int64_t n = dims_product(x->dims, axis, x->rank), outer = dims_product(x->dims, 0, axis);
    if (n == 0 || outer == 0) return NARU_OK;
    const step *s = r->step;
    layer_job j = {.k = k_norm_pick(s->cpu)};
    j.a = (k_layer_args){.y = r->out[0]->data,
                         .x = x->data,
                         .n = n,
                         .eps = attr_float(nd, "epsilon", 1e-5f),
                         .scale = s->nin > 1 && r->in[1] ? r->in[1]->data : NULL,
                         .bias = s->nin > 2 && r->in[2] ? r->in[2]->data : NULL,
                         .mean = s->nout > 1 && r->out[1] ? r->out[1]->data : NULL,
                         .inv = s->nout > 2 && r->out[2] ? r->out[2]->data : NULL,
                         .rms = nd->op_type[0] == 'R'};
    parallel_for(r->pool, outer, 1 + 8192 / n, layer_rows, &j);
    return NARU_OK;
}

/* ---- over planes: x is [n, c, plane] ---- */
typedef struct plane_job {
    const k_norm *k;
    float *y;
    const float *x, *scale, *bias, *mean, *var;
    int64_t c, plane, groups;
    float eps;
} plane_job;

static void batch_planes(void *arg, int64_t begin, int64_t end, int worker) {
    const plane_job *j = arg;
    for (int64_t p = begin; p < end; p++) {
        int64_t c = p % j->c;
        float a = j->scale[c] / sqrtf(j->var[c] + j->eps), b = j->bias[c] - j->mean[c] * a;
        j->k->affine(j->y + p * j->plane, j->x + p * j->plane, 1, j->plane, &a, &b);
    }
}

/* Groups of the flattened [n, groups]; instance norm has a group per channel. */
static void group_planes(void *arg, int64_t begin, int64_t end, int worker) {
    const plane_job *j = arg;
    int64_t per = j->c / j->groups;
    for (int64_t g = begin; g < end; g++) {
        const float *x = j->x + g * per * j->plane;
        float mean, var;
        j->k->moments(x, per * j->plane, &mean, &var);
        float inv = 1.0f / sqrtf(var + j->eps);
        for (int64_t i = 0; i < per; i++) {
            int64_t c = g % j->groups * per + i;
            float a = j->scale[c] * inv, b = j->bias[c] - mean * a;
            j->k->affine(j->y + (g * per + i) * j->plane, x + i * j->plane, 1, j->plane, &a, &b);
        }
    }
}

static const char *accepts_planes(const tactic_query *q) {
    if (q_rank(q, 0) < 2) return "rank of X is unknown or under 2";
    return accepts_float(q);
}

static plane_job plane_of(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    return (plane_job){.k = k_norm_pick(r->step->cpu),
                       .y = r->out[0]->data,
                       .x = x->data,
                       .scale = r->in[1]->data,
                       .bias = r->in[2]->data,
                       .c = x->dims[1],
                       .plane = dims_product(x->dims, 2, x->rank),
                       .eps = attr_float(r->step->node, "epsilon", 1e-5f),
                       .groups = x->dims[1]};
}

static naru_status run_groups(const run_ctx *r) {
    plane_job j = plane_of(r);
    if (r->step->node->op_type[0] == 'G') j.groups = attr_int(r->step->node, "num_groups", 1);
    if (tensor_count(r->in[0]) == 0) return NARU_OK;
    if (j.groups < 1 || j.c % j.groups)
        return err_set(r->err, NARU_SHAPE, "%lld channels are not a multiple of %lld groups", (long long)j.c,
                       (long long)j.groups);
    parallel_for(r->pool, r->in[0]->dims[0] * j.groups, 1 + 8192 / (j.c / j.groups * j.plane), group_planes, &j);
    return NARU_OK;
}

static const char *accepts_batch(const tactic_query *q) {
    if (attr_int(q->node, "training_mode", 0)) return "training mode";
    if (q->nin < 5) return "statistics are omitted";
    return accepts_planes(q);
}

static naru_status run_batch(const run_ctx *r) {
    plane_job j = plane_of(r);
    j.mean = r->in[3]->data, j.var = r->in[4]->data;
    if (tensor_count(r->in[0]) == 0) return NARU_OK;
    parallel_for(r->pool, r->in[0]->dims[0] * j.c, 1 + 16384 / j.plane, batch_planes, &j);
    return NARU_OK;
}

/* ---- LpNormalization ---- */
typedef struct lp_job {
    const k_norm *k;
    float *y;
    const float *x;
    int64_t n, inner;
    int p;
} lp_job;

static void lp_lines(void *arg, int64_t begin, int64_t end, int worker) {
    const lp_job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t at = i / j->inner * j->n * j->inner + i % j->inner;
        j->k->lp(j->y + at, j->x + at, j->n, j->inner, j->p);
    }
}

static naru_status run_lp(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    if (tensor_count(x) == 0 || x->rank == 0) return NARU_OK;
    int axis = norm_axis(attr_int(r->step->node, "axis", -1), x->rank);
    lp_job j = {.k = k_norm_pick(r->step->cpu),
                .y = r->out[0]->data,
                .x = x->data,
                .n = x->dims[axis],
                .inner = dims_product(x->dims, axis + 1, x->rank),
                .p = (int)attr_int(r->step->node, "p", 2)};
    parallel_for(r->pool, tensor_count(x) / j.n, 1 + 8192 / j.n, lp_lines, &j);
    return NARU_OK;
}

/* ---- LRN: a plane at a time ---- */
typedef struct lrn_job {
    const k_norm *k;
    k_lrn_args a; /* of the first plane */
    int64_t channels, before, after;
} lrn_job;

static void lrn_planes(void *arg, int64_t begin, int64_t end, int worker) {
    const lrn_job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        k_lrn_args a = j->a;
        int64_t c = i % j->channels;
        a.y += i * a.n, a.x += i * a.n;
        a.from = -i64_min(c, j->before), a.to = i64_min(j->channels - 1 - c, j->after);
        j->k->lrn(&a);
    }
}

static const char *accepts_lrn(const tactic_query *q) {
    const char *no = accepts_float(q);
    return no || q_rank(q, 0) >= 2 ? no : "rank of X is unknown or under 2";
}

static naru_status run_lrn(const run_ctx *r) {
    const node *n = r->step->node;
    const naru_tensor *x = r->in[0];
    if (tensor_count(x) == 0) return NARU_OK;
    int64_t size = attr_int(n, "size", 1), plane = dims_product(x->dims, 2, x->rank);
    lrn_job j = {.k = k_norm_pick(r->step->cpu),
                 .a = {.y = r->out[0]->data,
                       .x = x->data,
                       .n = plane,
                       .step = plane,
                       .bias = attr_float(n, "bias", 1.0f),
                       .alpha = attr_float(n, "alpha", 1e-4f) / (float)size,
                       .beta = attr_float(n, "beta", 0.75f)},
                 .channels = x->dims[1],
                 .before = (size - 1) / 2,
                 .after = size / 2};
    parallel_for(r->pool, x->dims[0] * x->dims[1], 1 + 8192 / (plane * size), lrn_planes, &j);
    return NARU_OK;
}

const tactic tactic_layernorm = {.name = "norm.rows",
                                 .op = "LayerNormalization",
                                 .flags = TACTIC_INPLACE,
                                 .accepts = accepts_layer,
                                 .run = run_layer};
const tactic tactic_rmsnorm = {
    .name = "norm.rows", .op = "RMSNormalization", .flags = TACTIC_INPLACE, .accepts = accepts_layer, .run = run_layer};
const tactic tactic_instancenorm = {
    .name = "norm.planes", .op = "InstanceNormalization", .accepts = accepts_planes, .run = run_groups};
const tactic tactic_groupnorm = {
    .name = "norm.planes", .op = "GroupNormalization", .accepts = accepts_planes, .run = run_groups};
const tactic tactic_batchnorm = {
    .name = "norm.affine", .op = "BatchNormalization", .accepts = accepts_batch, .run = run_batch};
const tactic tactic_lrn = {.name = "norm.lrn", .op = "LRN", .accepts = accepts_lrn, .run = run_lrn};
const tactic tactic_lpnorm = {.name = "norm.lp", .op = "LpNormalization", .accepts = accepts_float, .run = run_lp};
