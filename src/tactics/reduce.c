/* SPDX-License-Identifier: MIT
 *
 * Reductions, ArgMax and ArgMin in FP32 (kernels/reduce). Axes that are neighbours reduce in place as [outer, n,
 * inner]; scattered ones are first moved behind the others by a transpose into the workspace. A long reduction with few
 * outputs (the mean of an image, channels last) goes in two rounds: slices of n on all threads, then what they gave.
 * Slices depend on the shape alone: the bits are the same at every number of threads.
 */
#include "kernels/copy/copy.h"
#include "kernels/reduce/reduce.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

static const struct {
    const char *op;
    k_reduce_op code;
} ops[] = {
    {"ReduceSum", K_REDUCE_SUM},
    {"ReduceMean", K_REDUCE_MEAN},
    {"ReduceL1", K_REDUCE_L1},
    {"ReduceL2", K_REDUCE_L2},
    {"ReduceSumSquare", K_REDUCE_SUMSQ},
    {"ReduceLogSum", K_REDUCE_LOGSUM},
    {"ReduceLogSumExp", K_REDUCE_LOGSUMEXP},
    {"ReduceMax", K_REDUCE_MAX},
    {"ReduceMin", K_REDUCE_MIN},
    {"ReduceProd", K_REDUCE_PROD},
};

static k_reduce_op code_of(const node *n) {
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        if (strcmp(ops[i].op, n->op_type) == 0) return ops[i].code;
    return K_REDUCE_SUM;
}

typedef struct reduce_state {
    bool reduced[NARU_MAX_RANK]; /* by axis; all when no axes are given */
} reduce_state;

/* Axes are the constant input 1, or absent: all. */
static const char *accepts(const tactic_query *q) {
    if (q_dtype(q, 0) != NARU_FLOAT) return "takes float32";
    if (q_rank(q, 0) < 0) return "rank of X is unknown";
    bool given = q_given(q, 1);
    if (given && !q_const(q, 1)) return "axes are not constant";
    if (attr_int(q->node, "noop_with_empty_axes", 0) && (!given || tensor_count(q_tensor(q, 1)) == 0))
        return "no axes and noop_with_empty_axes";
    return NULL;
}

static naru_status prepare(prepare_ctx *c, step *s) {
    reduce_state *st = arena_alloc(c->arena, sizeof *st);
    if (!st) return err_oom(c->err);
    s->state = st;
    int rank = q_rank(&c->q, 0);
    const naru_tensor *axes = q_given(&c->q, 1) ? q_tensor(&c->q, 1) : NULL;
    int64_t n = axes ? tensor_count(axes) : 0;
    for (int i = 0; i < NARU_MAX_RANK; i++) st->reduced[i] = n == 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = dtype_get_i64(axes->dtype, axes->data, i);
        if (a < -rank || a >= rank) return err_set(c->err, NARU_SHAPE, "axis %lld of rank %d", (long long)a, rank);
        st->reduced[norm_axis(a, rank)] = true;
    }
    return NARU_OK;
}

/* [outer, n, inner] when the reduced axes (of more than one element) are neighbours. */
static bool neighbours(const reduce_state *st, const naru_tensor *x, int64_t *outer, int64_t *n, int64_t *inner) {
    int phase = 0; /* before, in, after the reduced axes */
    *outer = *n = *inner = 1;
    for (int i = 0; i < x->rank; i++) {
        if (x->dims[i] == 1) continue;
        if (st->reduced[i]) {
            if (phase == 2) return false;
            phase = 1;
            *n *= x->dims[i];
        } else if (phase == 0) {
            *outer *= x->dims[i];
        } else {
            phase = 2;
            *inner *= x->dims[i];
        }
    }
    return true;
}

/* ---- slices ---- */
enum {
    COLUMNS = 64,    /* outputs of one sweep over the rows; with fewer, lines are read more than once */
    SLICE = 32768,   /* elements, about */
    FEW = 16,        /* sweeps: too few to share among threads */
    LONG = 4 * SLICE /* elements */
};

/* What slices compute, and what is computed of their results; K_REDUCE_OPS: no slices. */
static const struct {
    k_reduce_op first, then;
} rounds[K_REDUCE_OPS] = {
    [K_REDUCE_SUM] = {K_REDUCE_SUM, K_REDUCE_SUM},
    [K_REDUCE_MEAN] = {K_REDUCE_SUM, K_REDUCE_SUM}, /* then divided */
    [K_REDUCE_L1] = {K_REDUCE_L1, K_REDUCE_SUM},
    [K_REDUCE_L2] = {K_REDUCE_L2, K_REDUCE_L2},
    [K_REDUCE_SUMSQ] = {K_REDUCE_SUMSQ, K_REDUCE_SUM},
    [K_REDUCE_LOGSUM] = {K_REDUCE_SUM, K_REDUCE_LOGSUM},
    [K_REDUCE_LOGSUMEXP] = {K_REDUCE_LOGSUMEXP, K_REDUCE_LOGSUMEXP},
    [K_REDUCE_MAX] = {K_REDUCE_MAX, K_REDUCE_MAX},
    [K_REDUCE_MIN] = {K_REDUCE_MIN, K_REDUCE_MIN},
    [K_REDUCE_PROD] = {K_REDUCE_OPS, K_REDUCE_OPS}, /* parts may overflow where the whole does not */
};

typedef struct shape {
    int64_t outer, n, inner;
    int64_t blocks; /* of COLUMNS of inner */
    bool scattered; /* to be moved first */
    int64_t slices; /* of n; 1: whole */
    int64_t slice;
} shape;

static shape shape_of(const reduce_state *st, const naru_tensor *x, k_reduce_op op) {
    shape s = {.slices = 1};
    s.scattered = !neighbours(st, x, &s.outer, &s.n, &s.inner);
    if (s.scattered) s.outer = s.n = s.inner = 1;
    for (int i = 0; s.scattered && i < x->rank; i++) {
        if (st->reduced[i]) s.n *= x->dims[i];
        else s.outer *= x->dims[i];
    }
    s.blocks = (s.inner + COLUMNS - 1) / COLUMNS;
    bool few = s.outer * s.blocks < FEW && tensor_count(x) >= LONG;
    if (!few || rounds[op].first == K_REDUCE_OPS) return s;
    s.slice = i64_max(COLUMNS, SLICE / s.inner);
    s.slices = (s.n + s.slice - 1) / s.slice;
    return s;
}

static size_t moved_bytes(const shape *s, const naru_tensor *x) {
    return s->scattered ? align_up(tensor_bytes(x), MEM_ALIGN) : 0;
}

static size_t workspace(const step *st, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    shape s = shape_of(st->state, in[0], code_of(st->node));
    size_t parts = s.slices > 1 ? (size_t)(s.outer * s.slices * s.inner) * sizeof(float) : 0;
    return moved_bytes(&s, in[0]) + parts;
}

typedef struct job {
    const k_reduce *k;
    const k_copy *copy;
    k_copy_plan plan;
    k_reduce_op op;
    shape s;
    float *y, *moved, *parts;
    const float *x;
} job;

static void move(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    k_copy_run(j->copy, &j->plan, j->moved, j->x, begin, end);
}

/* The output at which block b begins. */
static int64_t output_of(const shape *s, int64_t b) { return b / s->blocks * s->inner + b % s->blocks * COLUMNS; }

static void reduce(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    j->k->run(j->op, j->y, j->x, j->s.n, j->s.inner, output_of(&j->s, begin), output_of(&j->s, end));
}

static void reduce_slices(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const shape *s = &j->s;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i % s->slices * s->slice, rows = i64_min(s->slice, s->n - row);
        j->k->run(rounds[j->op].first, j->parts + i * s->inner, j->x + (i / s->slices * s->n + row) * s->inner, rows,
                  s->inner, 0, s->inner);
    }
}

static void in_slices(pool *p, job *j) {
    const shape *s = &j->s;
    int64_t total = s->outer * s->inner;
    parallel_for(p, s->outer * s->slices, 1, reduce_slices, j);
    j->k->run(rounds[j->op].then, j->y, j->parts, s->slices, s->inner, 0, total);
    for (int64_t i = 0; j->op == K_REDUCE_MEAN && i < total; i++) j->y[i] = (float)((double)j->y[i] / (double)s->n);
}

/* Kept dims first, reduced ones last. */
static void plan_move(job *j, const reduce_state *st, const naru_tensor *x) {
    int64_t dim[NARU_MAX_RANK], ds[NARU_MAX_RANK], ss[NARU_MAX_RANK], stride = 1;
    for (int pass = 1; pass >= 0; pass--)
        for (int i = x->rank - 1; i >= 0; i--)
            if (st->reduced[i] == (pass == 1)) ds[i] = stride, stride *= x->dims[i];
    for (int i = 0; i < x->rank; i++) dim[i] = x->dims[i], ss[i] = x->strides[i];
    k_copy_prepare(&j->plan, x->rank, dim, ds, ss, 4);
}

static naru_status run(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    const reduce_state *st = r->step->state;
    k_reduce_op op = code_of(r->step->node);
    job j = {.k = k_reduce_pick(r->step->cpu),
             .copy = k_copy_pick(r->step->cpu),
             .op = op,
             .s = shape_of(st, x, op),
             .y = r->out[0]->data,
             .x = x->data,
             .moved = r->workspace};
    if (tensor_count(r->out[0]) == 0) return NARU_OK;
    if (j.s.scattered) {
        plan_move(&j, st, x);
        parallel_for(r->pool, j.plan.units, 2, move, &j);
        j.x = j.moved;
    }
    if (j.s.slices > 1) {
        j.parts = (float *)(void *)((char *)r->workspace + moved_bytes(&j.s, x));
        in_slices(r->pool, &j);
    } else {
        int64_t cost = j.s.n * i64_min(j.s.inner, COLUMNS) + 1;
        parallel_for(r->pool, j.s.outer * j.s.blocks, 1 + 16384 / cost, reduce, &j);
    }
    return NARU_OK;
}

/* ---- ArgMax, ArgMin ---- */
typedef struct arg_job {
    const k_reduce *k;
    int64_t *y;
    const float *x;
    int64_t n, inner;
    bool max, last;
} arg_job;

static void arg_lines(void *arg, int64_t begin, int64_t end, int worker) {
    const arg_job *j = arg;
    j->k->arg(j->max, j->last, j->y, j->x, j->n, j->inner, begin, end);
}

static const char *accepts_arg(const tactic_query *q) {
    if (q_dtype(q, 0) != NARU_FLOAT) return "takes float32";
    return q_rank(q, 0) < 1 ? "rank of X is unknown or 0" : NULL;
}

static naru_status run_arg(const run_ctx *r) {
    const naru_tensor *x = r->in[0];
    const node *n = r->step->node;
    int axis = norm_axis(attr_int(n, "axis", 0), x->rank);
    arg_job j = {.k = k_reduce_pick(r->step->cpu),
                 .y = r->out[0]->data,
                 .x = x->data,
                 .n = x->dims[axis],
                 .inner = dims_product(x->dims, axis + 1, x->rank),
                 .max = strcmp(n->op_type, "ArgMax") == 0,
                 .last = attr_int(n, "select_last_index", 0) != 0};
    if (j.n == 0 && tensor_count(r->out[0])) return err_set(r->err, NARU_SHAPE, "%s over an empty axis", n->op_type);
    parallel_for(r->pool, tensor_count(r->out[0]), 1 + 8192 / (j.n + 1), arg_lines, &j);
    return NARU_OK;
}

#define REDUCE(symbol, opname)                                                                                         \
    const tactic tactic_reduce_##symbol = {                                                                            \
        .name = "reduce", .op = opname, .accepts = accepts, .prepare = prepare, .workspace = workspace, .run = run};
REDUCE(sum, "ReduceSum")
REDUCE(mean, "ReduceMean")
REDUCE(l1, "ReduceL1")
REDUCE(l2, "ReduceL2")
REDUCE(sumsquare, "ReduceSumSquare")
REDUCE(logsum, "ReduceLogSum")
REDUCE(logsumexp, "ReduceLogSumExp")
REDUCE(max, "ReduceMax")
REDUCE(min, "ReduceMin")
REDUCE(prod, "ReduceProd")
const tactic tactic_argmax = {.name = "reduce.arg", .op = "ArgMax", .accepts = accepts_arg, .run = run_arg};
const tactic tactic_argmin = {.name = "reduce.arg", .op = "ArgMin", .accepts = accepts_arg, .run = run_arg};
