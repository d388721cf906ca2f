/* SPDX-License-Identifier: MIT
 *
 * MaxPool (without indices), AveragePool and their global forms in FP32, NCHW, one and two spatial dims (kernels/pool,
 * kernels/reduce).
 */
#include "kernels/pool/pool.h"
#include "kernels/reduce/reduce.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

typedef struct job {
    const k_pool *k;
    k_pool_args p;
    float *y;
    const float *x;
    char *workspace;
} job;

static void planes(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    j->k->nchw(&j->p, j->y, j->x, begin, end,
               j->workspace + align_up((size_t)k_pool_workspace(&j->p), 64) * (size_t)worker);
}

/* Pads of one axis from auto_pad or pads; `out` as inference made it. */
static void pads_of(const node *n, int axis, int axes, int64_t in, int64_t out, int64_t k, int64_t s, int64_t d,
                    int64_t *before, int64_t *after) {
    const char *mode = attr_str(n, "auto_pad", "NOTSET");
    *before = *after = 0;
    if (strcmp(mode, "NOTSET") == 0) {
        *before = attr_int_at(n, "pads", (size_t)axis, 0);
        *after = attr_int_at(n, "pads", (size_t)(axis + axes), 0);
    } else if (strcmp(mode, "VALID") != 0) {
        int64_t total = i64_max((out - 1) * s + (k - 1) * d + 1 - in, 0);
        *before = strcmp(mode, "SAME_LOWER") == 0 ? (total + 1) / 2 : total / 2;
        *after = total - *before;
    }
}

static k_pool_args args_of(const step *s, const naru_tensor *x, const naru_tensor *y) {
    const node *n = s->node;
    int axes = x->rank - 2, last = axes - 1;
    k_pool_args p = {.h = 1,
                     .oh = 1,
                     .kh = 1,
                     .sh = 1,
                     .dh = 1,
                     .w = x->dims[x->rank - 1],
                     .ow = y->dims[y->rank - 1],
                     .c = 1,
                     .average = n->op_type[0] == 'A',
                     .include_pad = attr_int(n, "count_include_pad", 0) != 0};
    p.kw = attr_int_at(n, "kernel_shape", (size_t)last, 1), p.sw = attr_int_at(n, "strides", (size_t)last, 1);
    p.dw = attr_int_at(n, "dilations", (size_t)last, 1);
    pads_of(n, last, axes, p.w, p.ow, p.kw, p.sw, p.dw, &p.pl, &p.pr);
    if (axes == 1) return p;
    p.h = x->dims[2], p.oh = y->dims[2];
    p.kh = attr_int_at(n, "kernel_shape", 0, 1), p.sh = attr_int_at(n, "strides", 0, 1);
    p.dh = attr_int_at(n, "dilations", 0, 1);
    pads_of(n, 0, axes, p.h, p.oh, p.kh, p.sh, p.dh, &p.pt, &p.pb);
    return p;
}

static const char *accepts_global(const tactic_query *q) {
    if (q_dtype(q, 0) != NARU_FLOAT) return "takes float32";
    return q_rank(q, 0) < 2 ? "rank of X is unknown or under 2" : NULL;
}

static const char *accepts(const tactic_query *q) {
    if (q_dtype(q, 0) != NARU_FLOAT) return "takes float32";
    if (q_rank(q, 0) != 3 && q_rank(q, 0) != 4) return "takes one or two spatial dims";
    return q->nout > 1 && q->node->out[1] ? "indices are wanted" : NULL;
}

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    k_pool_args p = args_of(s, in[0], out[0]);
    return align_up((size_t)k_pool_workspace(&p), 64) * (size_t)threads;
}

static naru_status run(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    job j = {.k = k_pool_pick(r->step->cpu),
             .p = args_of(r->step, x, y),
             .y = y->data,
             .x = x->data,
             .workspace = r->workspace};
    int64_t n = x->dims[0] * x->dims[1], cost = j.p.oh * j.p.ow * j.p.kh * j.p.kw + 1;
    if (tensor_count(y)) parallel_for(r->pool, n, 1 + 16384 / cost, planes, &j);
    return NARU_OK;
}

typedef struct global_job {
    const k_reduce *k;
    k_reduce_op op;
    float *y;
    const float *x;
    int64_t n;
} global_job;

static void global_planes(void *arg, int64_t begin, int64_t end, int worker) {
    const global_job *j = arg;
    j->k->run(j->op, j->y, j->x, j->n, 1, begin, end);
}

static naru_status run_global(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    bool average = strcmp(r->step->node->op_type, "GlobalAveragePool") == 0;
    global_job j = {.k = k_reduce_pick(r->step->cpu),
                    .op = average ? K_REDUCE_MEAN : K_REDUCE_MAX,
                    .y = r->out[0]->data,
                    .x = x->data,
                    .n = dims_product(x->dims, 2, x->rank)};
    parallel_for(r->pool, x->dims[0] * x->dims[1], 1 + 16384 / (j.n + 1), global_planes, &j);
    return NARU_OK;
}

const tactic tactic_maxpool = {
    .name = "pool.nchw", .op = "MaxPool", .accepts = accepts, .workspace = workspace, .run = run};
const tactic tactic_averagepool = {
    .name = "pool.nchw", .op = "AveragePool", .accepts = accepts, .workspace = workspace, .run = run};
const tactic tactic_globalaveragepool = {
    .name = "pool.global", .op = "GlobalAveragePool", .accepts = accepts_global, .run = run_global};
const tactic tactic_globalmaxpool = {
    .name = "pool.global", .op = "GlobalMaxPool", .accepts = accepts_global, .run = run_global};

/* ---- channels last ---- */
typedef struct last_job {
    const k_pool *k;
    k_pool_args p;
    float *y;
    const float *x;
} last_job;

static void last_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const last_job *j = arg;
    j->k->nhwc(&j->p, j->y, j->x, begin, end);
}

static naru_status run_last(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    if (tensor_count(y) == 0) return NARU_OK;
    naru_tensor fx = *x, fy = *y; /* the dims as args_of reads them */
    for (int d = 2; d < x->rank; d++) fx.dims[d] = x->dims[d - 1], fy.dims[d] = y->dims[d - 1];
    last_job j = {.k = k_pool_pick(r->step->cpu), .p = args_of(r->step, &fx, &fy), .y = y->data, .x = x->data};
    j.p.c = x->dims[x->rank - 1], j.p.ldx = tensor_pitch(x), j.p.ldy = tensor_pitch(y);
    j.p.average = r->step->node->op_type[4] == 'A';
    int64_t cost = j.p.ow * j.p.c * j.p.kh * j.p.kw + 1;
    parallel_for(r->pool, x->dims[0] * j.p.oh, 1 + 65536 / cost, last_rows, &j);
    return NARU_OK;
}

static bool pitched_last(const step *s, int i) { return i <= 0; }

#define LAST_POOL(symbol, op_)                                                                                         \
    const tactic tactic_##symbol = {.name = "pool.nhwc",                                                               \
                                    .op = op_,                                                                         \
                                    .domain = "naru",                                                                  \
                                    .accepts = accepts,                                                                \
                                    .run = run_last,                                                                   \
                                    .pitched = pitched_last};
LAST_POOL(lastmaxpool, "LastMaxPool")
LAST_POOL(lastaveragepool, "LastAveragePool")
