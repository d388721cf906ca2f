/* SPDX-License-Identifier: MIT
 *
 * naru.QAdd through the epilogue of quantized products (kernels/qgemm, finish()), naru.QGlobalAveragePool by exact
 * sums, Max of bytes and one constant (a Relu between Q and DQ). Scales and zero points are constants.
 */
#include "kernels/qgemm/qgemm.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

enum { RUN = 16 /* of add() */, BLOCK_PIXELS = 256 /* stay in L1 while the channels pass */ };

static bool is_byte(naru_dtype d) { return d == NARU_INT8 || d == NARU_UINT8; }

static double number(const tactic_query *q, int i, double none) {
    double v = none;
    return q_given(q, i) && const_scalar(q, i, &v) ? v : none;
}

static bool constants(const tactic_query *q, int from) {
    double v;
    for (int i = from; i < q->nin; i++)
        if (q_given(q, i) && !const_scalar(q, i, &v)) return false;
    return true;
}

/* ---- QAdd ---- */
enum { A, B, A_SCALE, A_ZERO, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO };

typedef struct add_state {
    const k_qgemm *k;
    k_qfinish f;
    int32_t a_zero;
    bool a_signed;
} add_state;

static const char *accepts_add(const tactic_query *q) {
    if (!is_byte(q_dtype(q, A)) || !is_byte(q_dtype(q, B))) return "takes 8-bit integers";
    return constants(q, A_SCALE) ? NULL : "parameters are not constant";
}

static void set_bounds(k_qfinish *f, const node *n, float y_scale) {
    const char *name = attr_str(n, "activation", "");
    const attr *p = node_attr(n, "activation_params");
    bool clip = strcmp(name, "Clip") == 0 && p && p->kind == ATTR_FLOATS;
    double low = (f->y == K_Q_S8 ? -128 : 0) - f->y_zero, high = (f->y == K_Q_S8 ? 127 : 255) - f->y_zero;
    f->lo = strcmp(name, "Relu") == 0 ? 0 : clip && p->count > 0 ? (double)(p->floats[0] / y_scale) : -INFINITY;
    f->hi = clip && p->count > 1 ? (double)(p->floats[1] / y_scale) : INFINITY;
    f->lo = f->lo > low ? f->lo < high ? f->lo : high : low;
    f->hi = f->hi < high ? f->hi > low ? f->hi : low : high;
}

static naru_status prepare_add(prepare_ctx *c, step *s) {
    const tactic_query *q = &c->q;
    add_state *st = arena_calloc(c->arena, 1, sizeof *st);
    double *m = c->weights(c, RUN * sizeof(double)), *b = c->weights(c, RUN * sizeof(double));
    if (!(s->state = st) || !m || !b) return err_oom(c->err);
    double ys = number(q, Y_SCALE, 1);
    for (int i = 0; i < RUN && !c->reuse; i++) m[i] = number(q, A_SCALE, 1) / ys, b[i] = 0;
    st->k = k_qgemm_pick(q->cpu);
    st->a_zero = (int32_t)number(q, A_ZERO, 0), st->a_signed = q_dtype(q, A) == NARU_INT8;
    st->f = (k_qfinish){.m = m,
                        .b = b,
                        .z = q_dtype(q, B) == NARU_INT8 ? K_Q_S8 : K_Q_U8,
                        .y = q->out[0].type.dtype == NARU_INT8 ? K_Q_S8 : K_Q_U8,
                        .z_zero = (int32_t)number(q, B_ZERO, 0),
                        .y_zero = (int32_t)number(q, Y_ZERO, 0),
                        .zm = number(q, B_SCALE, 1) / ys};
    set_bounds(&st->f, q->node, (float)ys);
    k_qfinish_narrow(&st->f, RUN);
    return NARU_OK;
}

typedef struct job {
    const step *s;
    const void *a, *b; /* Max: b is not NULL where the bytes are signed */
    void *y;
} job;

static void add_range(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const add_state *st = j->s->state;
    st->k->add((char *)j->y + begin, (const char *)j->a + begin, st->a_signed, st->a_zero, (const char *)j->b + begin,
               end - begin, &st->f);
}

static naru_status run_add(const run_ctx *r) {
    job j = {r->step, r->in[A]->data, r->in[B]->data, r->out[0]->data};
    if (tensor_count(r->out[0])) parallel_for(r->pool, tensor_count(r->out[0]), 32768, add_range, &j);
    return NARU_OK;
}

const tactic tactic_qadd = {
    .name = "qadd", .op = "QAdd", .domain = "naru", .accepts = accepts_add, .prepare = prepare_add, .run = run_add};

/* ---- QGlobalAveragePool ---- */
enum { X, X_SCALE, X_ZERO, MEAN_Y_SCALE, MEAN_Y_ZERO };

typedef struct mean_state {
    const k_qgemm *k;
    double x_scale, y_scale;
    int64_t x_zero, y_zero;
} mean_state;

static const char *accepts_mean(const tactic_query *q) {
    if (!is_byte(q_dtype(q, X)) || q_rank(q, X) < 3) return "takes images of 8-bit integers";
    return constants(q, X_SCALE) ? NULL : "parameters are not constant";
}

static naru_status prepare_mean(prepare_ctx *c, step *s) {
    mean_state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (!(s->state = st)) return err_oom(c->err);
    *st = (mean_state){.k = k_qgemm_pick(c->q.cpu),
                       .x_scale = number(&c->q, X_SCALE, 1),
                       .y_scale = number(&c->q, MEAN_Y_SCALE, 1),
                       .x_zero = (int64_t)number(&c->q, X_ZERO, 0),
                       .y_zero = (int64_t)number(&c->q, MEAN_Y_ZERO, 0)};
    return NARU_OK;
}

typedef struct mean_job {
    const mean_state *st;
    const naru_tensor *x, *y;
    int64_t channels, pixels, blocks; /* blocks of 64 channels */
} mean_job;

static void store(const mean_job *j, int64_t i, int64_t sum) {
    double m = j->st->x_scale / ((double)j->pixels * j->st->y_scale), v = (double)sum * m;
    if (j->y->dtype == NARU_FLOAT) {
        ((float *)j->y->data)[i] = (float)v;
        return;
    }
    double lo = j->y->dtype == NARU_INT8 ? -128 : 0, hi = j->y->dtype == NARU_INT8 ? 127 : 255;
    v = rint(v) + (double)j->st->y_zero;
    ((uint8_t *)j->y->data)[i] = (uint8_t)(int32_t)(v > lo ? v < hi ? v : hi : lo);
}

static void mean_blocks(void *arg, int64_t begin, int64_t end, int worker) {
    const mean_job *j = arg;
    for (int64_t u = begin; u < end; u++) {
        int64_t image = u / j->blocks, c = u % j->blocks * 64, n = i64_min(64, j->channels - c), sums[64] = {0};
        const uint8_t *x = (const uint8_t *)j->x->data + image * j->pixels * j->channels + c;
        for (int64_t p = 0; p < j->pixels; p += BLOCK_PIXELS) {
            int32_t part[64] = {0};
            j->st->k->sum(part, x + p * j->channels, i64_min(BLOCK_PIXELS, j->pixels - p), j->channels, n,
                          j->x->dtype == NARU_INT8);
            for (int64_t i = 0; i < n; i++) sums[i] += part[i];
        }
        for (int64_t i = 0; i < n; i++) store(j, image * j->channels + c + i, sums[i] - j->pixels * j->st->x_zero);
    }
}

/* Channels-first: plane by plane. */
static void mean_planes(void *arg, int64_t begin, int64_t end, int worker) {
    const mean_job *j = arg;
    for (int64_t u = begin; u < end; u++) {
        const uint8_t *x = (const uint8_t *)j->x->data + u * j->pixels;
        uint8_t flip = j->x->dtype == NARU_INT8 ? 0x80 : 0;
        int64_t sum = 0, zero = j->st->x_zero + (flip ? 128 : 0);
        for (int64_t p = 0; p < j->pixels; p++) sum += x[p] ^ flip;
        store(j, u, sum - j->pixels * zero);
    }
}

static naru_status run_mean(const run_ctx *r) {
    const naru_tensor *x = r->in[X];
    if (!attr_int(r->step->node, "channels_last", 0)) {
        mean_job f = {.st = r->step->state, .x = x, .y = r->out[0], .pixels = dims_product(x->dims, 2, x->rank)};
        if (tensor_count(f.y))
            parallel_for(r->pool, x->dims[0] * x->dims[1], 1 + 65536 / (f.pixels + 1), mean_planes, &f);
        return NARU_OK;
    }
    mean_job j = {.st = r->step->state, .x = x, .y = r->out[0], .channels = x->dims[x->rank - 1]};
    j.pixels = dims_product(x->dims, 1, x->rank - 1), j.blocks = (j.channels + 63) / 64;
    if (tensor_count(j.y))
        parallel_for(r->pool, x->dims[0] * j.blocks, 1 + 65536 / (j.pixels * 64 + 1), mean_blocks, &j);
    return NARU_OK;
}

const tactic tactic_qglobalaveragepool = {.name = "qmean",
                                          .op = "QGlobalAveragePool",
                                          .domain = "naru",
                                          .accepts = accepts_mean,
                                          .prepare = prepare_mean,
                                          .run = run_mean};

/* ---- Max(x, constant), either order ---- */
static int constant_at(const tactic_query *q) {
    double v;
    for (int i = 1; i >= 0; i--)
        if (const_scalar(q, i, &v) && q_rank(q, i) <= 1 && q_rank(q, 1 - i) >= q_rank(q, i)) return i;
    return -1;
}

static const char *accepts_max(const tactic_query *q) {
    if (q->nin != 2 || !is_byte(q_dtype(q, 0)) || q_dtype(q, 1) != q_dtype(q, 0)) return "takes two of 8-bit integers";
    return constant_at(q) >= 0 ? NULL : "no operand is one constant";
}

typedef struct max_state {
    const k_qgemm *k;
    int x;
    uint8_t floor[RUN];
} max_state;

static naru_status prepare_max(prepare_ctx *c, step *s) {
    max_state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (!(s->state = st)) return err_oom(c->err);
    int at = constant_at(&c->q);
    st->k = k_qgemm_pick(c->q.cpu), st->x = 1 - at;
    memset(st->floor, (uint8_t)(int)number(&c->q, at, 0), RUN);
    return NARU_OK;
}

static void max_range(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const max_state *st = j->s->state;
    for (int64_t i = begin; i < end; i += RUN) {
        int64_t n = i64_min(RUN, end - i);
        memmove((char *)j->y + i, (const char *)j->a + i, (size_t)n);
        st->k->max((char *)j->y + i, st->floor, n, j->b != NULL);
    }
}

static naru_status run_max(const run_ctx *r) {
    const naru_tensor *x = r->in[((const max_state *)r->step->state)->x];
    job j = {r->step, x->data, x->dtype == NARU_INT8 ? x : NULL, r->out[0]->data};
    if (tensor_count(x)) parallel_for(r->pool, tensor_count(x), 65536, max_range, &j);
    return NARU_OK;
}

const tactic tactic_qmax = {
    .name = "max.bytes", .op = "Max", .accepts = accepts_max, .prepare = prepare_max, .run = run_max};
