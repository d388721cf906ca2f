/* SPDX-License-Identifier: MIT
 *
 * MatMul and Gemm in FP32 (kernels/gemm), and with constant weights in lower precisions (kernels/gemm16). A constant B
 * is packed once; any other is packed at each run, per matrix of the batch. Gemm's alpha goes into the packed B, beta C
 * into the bias (one row) or the residual (anything else). A fused MatMul brings a bias, a residual and an activation
 * of its own.
 */
#include <string.h>

#include "tactics/act.h"
#include "tactics/product.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

/* ---- MatMul ---- */
typedef struct state {
    const k_gemm *kernel;
    float *packed;     /* NULL: B is not constant */
    const float *bias; /* Gemm: beta C when it is one constant row; NULL: none or not so */
    int64_t k, n;      /* of the packed B */
    bool vector;       /* B has one axis: Y has no axis for its columns, its elements follow each other */
    act act;
} state;

/* Y's matrices: count of them, sizes of one, and the leading dims with strides in matrices of A and B (0: broadcast).
 */
typedef struct shape {
    int64_t m, n, k, count;
    int lead;
    int64_t dims[NARU_MAX_RANK], sa[NARU_MAX_RANK], sb[NARU_MAX_RANK];
} shape;

static void lead_strides(const naru_tensor *t, const shape *s, int64_t *strides) {
    int64_t n = 1;
    for (int i = s->lead - 1, j = t->rank - 3; i >= 0; i--, j--) {
        int64_t d = j >= 0 ? t->dims[j] : 1;
        strides[i] = d == 1 ? 0 : n;
        n *= d;
    }
}

static shape shape_of(const naru_tensor *a, const naru_tensor *b, const naru_tensor *y) {
    shape s = {.m = a->rank > 1 ? a->dims[a->rank - 2] : 1,
               .k = a->dims[a->rank - 1],
               .n = b->rank > 1 ? b->dims[b->rank - 1] : 1,
               .count = 1};
    s.lead = y->rank - (a->rank > 1) - (b->rank > 1);
    for (int i = 0; i < s.lead; i++) s.dims[i] = y->dims[i], s.count *= y->dims[i];
    lead_strides(a, &s, s.sa);
    lead_strides(b, &s, s.sb);
    return s;
}

static void matrix_at(const shape *s, int64_t i, int64_t *a, int64_t *b) {
    *a = *b = 0;
    for (int d = s->lead - 1; d >= 0; d--) {
        *a += i % s->dims[d] * s->sa[d], *b += i % s->dims[d] * s->sb[d];
        i /= s->dims[d];
    }
}

static const char *accepts_matmul(const tactic_query *q) {
    if (q_dtype(q, 0) != NARU_FLOAT || q_dtype(q, 1) != NARU_FLOAT) return "takes float32";
    if (q_rank(q, 0) < 1 || q_rank(q, 1) < 1) return "rank of an operand is unknown";
    for (int i = 2; i < q->nin; i++)
        if (q_given(q, i) && q_dtype(q, i) != NARU_FLOAT) return "takes float32";
    return NULL;
}

static state *state_new(prepare_ctx *c, step *s, const k_gemm *kernel) {
    state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (st) st->kernel = kernel;
    s->state = st;
    return st;
}

/* One matrix whatever the rank: constant B of leading dims 1. */
static bool single_matrix(const naru_tensor *b) { return dims_product(b->dims, 0, b->rank > 2 ? b->rank - 2 : 0) == 1; }

static naru_status pack_constant(prepare_ctx *c, const k_pack_src *src, state *st) {
    const k_gemm *k = st->kernel;
    st->k = src->channels, st->n = src->n;
    size_t floats = (size_t)k_gemm_packed_floats(k, st->n, st->k);
    if (!(st->packed = c->weights(c, (floats + 16) * sizeof(float)))) return err_oom(c->err);
    if (!c->reuse) product_pack(c->pool, k, st->packed, src);
    c->consumed |= 1u << 1;
    return NARU_OK;
}

static naru_status prepare_matmul_by(prepare_ctx *c, step *s, const k_gemm *kernel) {
    state *st = state_new(c, s, kernel);
    if (!st) return err_oom(c->err);
    st->act = act_of(s->node);
    if (!q_const(&c->q, 1) || !single_matrix(q_tensor(&c->q, 1))) return NARU_OK;
    const naru_tensor *b = q_tensor(&c->q, 1);
    st->vector = b->rank == 1;
    int64_t n = b->rank > 1 ? b->dims[b->rank - 1] : 1, k = b->rank > 1 ? b->dims[b->rank - 2] : b->dims[0];
    k_pack_src src = {b->data, 1, k, n, 0, n, 1, 1.0f, NULL};
    return pack_constant(c, &src, st);
}
static naru_status prepare_matmul(prepare_ctx *c, step *s) { return prepare_matmul_by(c, s, k_gemm_pick(s->cpu)); }

typedef struct batch_job {
    const k_gemm *k;
    k_gemm_args g; /* of the first matrix */
    k_pack_src src;
    const shape *s;
    char *workspace;
    size_t each; /* workspace bytes per thread */
} batch_job;

static void batch_matrix(const batch_job *j, int64_t i, k_gemm_args *g, k_pack_src *src) {
    int64_t a, b;
    matrix_at(j->s, i, &a, &b);
    *g = j->g, *src = j->src;
    g->a += a * j->s->m * j->s->k;
    g->c += i * j->s->m * j->s->n;
    if (g->residual) g->residual += i * j->s->m * j->s->n;
    src->src = (const float *)src->src + b * j->s->k * j->s->n;
}

static void batch(void *arg, int64_t begin, int64_t end, int worker) {
    const batch_job *j = arg;
    char *ws = j->workspace + j->each * (size_t)worker;
    int64_t panels = k_gemm_panels(j->k, j->g.n);
    for (int64_t i = begin; i < end; i++) {
        k_gemm_args g;
        k_pack_src src;
        batch_matrix(j, i, &g, &src);
        g.b = (const float *)(void *)(ws + product_workspace());
        k_gemm_pack(j->k, (float *)(void *)(ws + product_workspace()), &src, 0, panels);
        j->k->run(&g, 0, g.m, 0, panels, ws);
    }
}

static size_t packed_bytes(const k_gemm *k, int64_t n, int64_t depth) {
    return align_up((size_t)k_gemm_packed_floats(k, n, depth) * sizeof(float), 64);
}

static size_t workspace_matmul(const step *s, const naru_tensor *const *in, const naru_tensor *const *out,
                               int threads) {
    const state *st = s->state;
    if (st->packed) return product_workspace() * (size_t)threads;
    shape h = shape_of(in[0], in[1], out[0]);
    return (product_workspace() + packed_bytes(st->kernel, h.n, h.k)) * (size_t)threads;
}

/* One matrix of constant weights: rows of A, Y and the residual may be further apart. */
static bool pitched_matmul(const step *s, int i) {
    const state *st = s->state;
    return st->packed && (i == 0 || (!st->vector && (i < 0 || i == 3)));
}

/* Matrices one after the other, each shared by all threads. The packed B stands behind the threads' workspaces. */
static void serial_batch(const run_ctx *r, const batch_job *j) {
    float *packed = (float *)(void *)(j->workspace + product_workspace() * (size_t)pool_threads(r->pool));
    for (int64_t i = 0; i < j->s->count; i++) {
        k_gemm_args g;
        k_pack_src src;
        batch_matrix(j, i, &g, &src);
        product_pack(r->pool, j->k, packed, &src);
        g.b = packed;
        product_run(r->pool, j->k, &g, j->workspace);
    }
}

static naru_status run_matmul(const run_ctx *r) {
    const state *st = r->step->state;
    const naru_tensor *a = r->in[0], *y = r->out[0];
    const k_gemm *k = st->kernel;
    const naru_tensor *bias = r->step->nin > 2 ? r->in[2] : NULL, *res = r->step->nin > 3 ? r->in[3] : NULL;
    k_gemm_args g = {.kind = K_A_ROWS,
                     .a = a->data,
                     .c = y->data,
                     .bias = bias ? bias->data : NULL,
                     .residual = res ? res->data : NULL,
                     .act = st->act.kind,
                     .p = st->act.p,
                     .q = st->act.q};
    if (tensor_count(y) == 0) return NARU_OK;
    if (st->packed) { /* all matrices of A are one */
        g.b = st->packed, g.k = st->k, g.n = st->n;
        g.lda = tensor_pitch(a), g.ldc = g.ldr = 1;
        if (!st->vector) g.ldc = tensor_pitch(y), g.ldr = res ? tensor_pitch(res) : 0;
        g.m = a->rank > 1 ? dims_product(a->dims, 0, a->rank - 1) : 1;
        product_run(r->pool, k, &g, r->workspace);
        return NARU_OK;
    }
    shape s = shape_of(a, r->in[1], y);
    g.m = s.m, g.n = g.ldc = g.ldr = s.n, g.k = g.lda = s.k;
    batch_job j = {k, g, {r->in[1]->data, 1, s.k, s.n, 0, s.n, 1, 1.0f, NULL}, &s, r->workspace, 0};
    j.each = product_workspace() + packed_bytes(k, s.n, s.k);
    if (s.count < pool_threads(r->pool)) serial_batch(r, &j);
    else parallel_for(r->pool, s.count, 1 + 1000000 / (s.m * s.n * (s.k + 1)), batch, &j);
    return NARU_OK;
}

/* ---- Gemm ---- */
static const char *accepts_gemm(const tactic_query *q) {
    for (int i = 0; i < q->nin; i++)
        if (q_given(q, i) && q_dtype(q, i) != NARU_FLOAT) return "takes float32";
    return NULL;
}

static k_pack_src gemm_source(const node *n, const naru_tensor *b) {
    bool trans = attr_int(n, "transB", 0) != 0;
    int64_t rows = b->dims[0], cols = b->dims[1];
    return (k_pack_src){b->data,
                        1,
                        trans ? cols : rows,
                        trans ? rows : cols,
                        0,
                        trans ? 1 : cols,
                        trans ? cols : 1,
                        attr_float(n, "alpha", 1.0f),
                        NULL};
}

/* beta C as n values, when C is a constant of one row. */
static naru_status prepare_bias(prepare_ctx *c, const node *nd, state *st, int64_t n) {
    if (!q_const(&c->q, 2)) return NARU_OK;
    const naru_tensor *t = q_tensor(&c->q, 2);
    int64_t count = tensor_count(t);
    if (count != n || (t->rank == 2 && t->dims[0] != 1)) return NARU_OK;
    float *bias = c->weights(c, (size_t)(n + 16) * sizeof(float));
    if (!bias) return err_oom(c->err);
    if (!c->reuse) memcpy(bias, t->data, (size_t)n * sizeof(float));
    for (int64_t i = 0; i < n && !c->reuse; i++) bias[i] *= attr_float(nd, "beta", 1.0f);
    st->bias = bias;
    c->consumed |= 1u << 2;
    return NARU_OK;
}

static naru_status prepare_gemm_by(prepare_ctx *c, step *s, const k_gemm *kernel) {
    state *st = state_new(c, s, kernel);
    if (!st) return err_oom(c->err);
    if (!q_const(&c->q, 1) || q_tensor(&c->q, 1)->rank != 2) return NARU_OK;
    k_pack_src src = gemm_source(s->node, q_tensor(&c->q, 1));
    TRY(pack_constant(c, &src, st));
    return prepare_bias(c, s->node, st, st->n);
}
static naru_status prepare_gemm(prepare_ctx *c, step *s) { return prepare_gemm_by(c, s, k_gemm_pick(s->cpu)); }

static bool uses_c(const step *s, const naru_tensor *const *in) {
    return s->nin > 2 && in[2] && attr_float(s->node, "beta", 1.0f) != 0.0f && !((const state *)s->state)->bias;
}

static size_t workspace_gemm(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    const state *st = s->state;
    size_t n = product_workspace() * (size_t)threads;
    if (st->packed) return n;
    k_pack_src src = gemm_source(s->node, in[1]);
    return n + packed_bytes(st->kernel, src.n, src.channels);
}

/* Y = beta C broadcast: it is then the product's residual. */
static void spread_c(const naru_tensor *c, const naru_tensor *y, float beta) {
    int64_t m = y->dims[0], n = y->dims[1], pitch = tensor_pitch(y);
    int64_t rows = c->rank == 2 ? c->dims[0] : 1, cols = c->rank ? c->dims[c->rank - 1] : 1;
    const float *src = c->data;
    float *dst = y->data;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            dst[i * pitch + j] = beta * src[(rows == 1 ? 0 : i) * cols + (cols == 1 ? 0 : j)];
}

static bool pitched_gemm(const step *s, int i) { return i <= 0; }

static naru_status run_gemm(const run_ctx *r) {
    const step *s = r->step;
    const state *st = s->state;
    const naru_tensor *a = r->in[0], *y = r->out[0];
    bool trans = attr_int(s->node, "transA", 0) != 0;
    if (tensor_count(y) == 0) return NARU_OK;
    const k_gemm *k = st->kernel;
    k_gemm_args g = {.kind = trans ? K_A_COLS : K_A_ROWS,
                     .a = a->data,
                     .lda = tensor_pitch(a),
                     .b = st->packed,
                     .m = y->dims[0],
                     .n = y->dims[1],
                     .k = a->dims[trans ? 0 : 1],
                     .c = y->data,
                     .ldc = tensor_pitch(y)};
    if (!st->packed) {
        float *packed = (float *)(void *)((char *)r->workspace + product_workspace() * (size_t)pool_threads(r->pool));
        k_pack_src src = gemm_source(s->node, r->in[1]);
        product_pack(r->pool, k, packed, &src);
        g.b = packed;
    }
    g.bias = st->bias;
    if (uses_c(s, r->in)) {
        spread_c(r->in[2], y, attr_float(s->node, "beta", 1.0f));
        g.residual = g.c, g.ldr = g.ldc;
    }
    product_run(r->pool, k, &g, r->workspace);
    return NARU_OK;
}

const tactic tactic_matmul = {.name = "matmul.gemm",
                              .op = "MatMul",
                              .accepts = accepts_matmul,
                              .prepare = prepare_matmul,
                              .workspace = workspace_matmul,
                              .run = run_matmul,
                              .pitched = pitched_matmul};
const tactic tactic_fusedmatmul = {.name = "matmul.gemm",
                                   .op = "FusedMatMul",
                                   .domain = "naru",
                                   .accepts = accepts_matmul,
                                   .prepare = prepare_matmul,
                                   .workspace = workspace_matmul,
                                   .run = run_matmul,
                                   .pitched = pitched_matmul};
const tactic tactic_gemm = {.name = "gemm.gemm",
                            .op = "Gemm",
                            .accepts = accepts_gemm,
                            .prepare = prepare_gemm,
                            .workspace = workspace_gemm,
                            .run = run_gemm,
                            .pitched = pitched_gemm};

/* ---- 16-bit operands ---- */
static const char *refuses_matmul(const tactic_query *q, k_gemm16_way way) {
    const char *no = accepts_matmul(q);
    if (!no) no = product_refuses(q, way, 1.0f);
    return no || single_matrix(q_tensor(q, 1)) ? no : "weights are several matrices";
}

static const char *refuses_gemm(const tactic_query *q, k_gemm16_way way) {
    const char *no = accepts_gemm(q);
    if (!no) no = product_refuses(q, way, attr_float(q->node, "alpha", 1.0f));
    return no || q_tensor(q, 1)->rank == 2 ? no : "rank of B is not 2";
}

static const char *slow_matmul(const tactic_query *q, k_gemm16_way way) {
    product_size s = {typical_product(q, q->in[0]->type.dims, q_rank(q, 0) - 1), tensor_count(q_tensor(q, 1))};
    return product_slow(q, way, s);
}

static const char *slow_gemm(const tactic_query *q, k_gemm16_way way) {
    bool trans = attr_int(q->node, "transA", 0) != 0;
    product_size s = {q_rank(q, 0) == 2 ? typical_product(q, q->in[0]->type.dims + trans, 1) : 0,
                      tensor_count(q_tensor(q, 1))};
    return product_slow(q, way, s);
}

#define LOWER(family, way, kind)                                                                                       \
    static const char *accepts_##family##_##way(const tactic_query *q) { return refuses_##family(q, kind); }           \
    static const char *slow_##family##_##way(const tactic_query *q) { return slow_##family(q, kind); }                 \
    static naru_status prepare_##family##_##way(prepare_ctx *c, step *s) {                                             \
        return prepare_##family##_by(c, s, k_gemm16_pick(kind, s->cpu));                                               \
    }
#define LOWER_TACTIC(symbol, family, op_, domain_, way, precision_)                                                    \
    const tactic tactic_##symbol##_##way = {.name = #family "." #way,                                                  \
                                            .op = op_,                                                                 \
                                            .domain = domain_,                                                         \
                                            .precision = precision_,                                                   \
                                            .accepts = accepts_##family##_##way,                                       \
                                            .slow = slow_##family##_##way,                                             \
                                            .prepare = prepare_##family##_##way,                                       \
                                            .workspace = workspace_##family,                                           \
                                            .run = run_##family,                                                       \
                                            .pitched = pitched_##family};
#define WAY(way, kind, precision)                                                                                      \
    LOWER(matmul, way, kind)                                                                                           \
    LOWER(gemm, way, kind)                                                                                             \
    LOWER_TACTIC(matmul, matmul, "MatMul", NULL, way, precision)                                                       \
    LOWER_TACTIC(fusedmatmul, matmul, "FusedMatMul", "naru", way, precision)                                           \
    LOWER_TACTIC(gemm, gemm, "Gemm", NULL, way, precision)
PRODUCT_WAYS(WAY)
