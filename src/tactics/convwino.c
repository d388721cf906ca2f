/* SPDX-License-Identifier: MIT
 *
 * 3x3 Conv of stride 1 in FP32 by Winograd (kernels/winograd), constant weights, one group: where the image has tiles
 * enough to pay for transformed weights four times as large. Threads share the tiles. Inputs as in conv.c.
 */
#include <string.h>

#include "kernels/winograd/winograd.h"
#include "tactics/act.h"
#include "tactics/conv.h"

/* Fewer channels: the transforms cost more than they save. Fewer pixels: the weights are read for too few tiles, and
 * tiles stick out of the image. Where sizes are not known, weights up to UNKNOWN_SIZE may be transformed. */
enum { MIN_CHANNELS = 16, MIN_PIXELS = 144, UNKNOWN_SIZE = 128 * 128 };

typedef struct state {
    const k_gemm *gemm;
    int64_t w[NARU_MAX_RANK]; /* dims of W */
    float *u, *bias;          /* bias NULL: none, or not constant */
    act act;
    bool last;
} state;

static bool all_ones(const node *n, const char *name) {
    return attr_int_at(n, name, 0, 1) == 1 && attr_int_at(n, name, 1, 1) == 1;
}

static const char *slow(const tactic_query *q) {
    const int64_t *w = q_tensor(q, 1)->dims;
    bool last = attr_int(q->node, "channels_last", 0) != 0;
    const dim_t *y = q->out->type.dims + (last ? 1 : 2), d[2] = {q_typical(q, y[0]), q_typical(q, y[1])};
    if (!dim_is_known(d[0]) || !dim_is_known(d[1]))
        return w[0] * w[1] > UNKNOWN_SIZE ? "large weights, image size unknown" : NULL;
    return d[0] * d[1] < MIN_PIXELS ? "image is small" : NULL;
}

static const char *accepts(const tactic_query *q) {
    for (int i = 0; i < q->nin; i++)
        if (q_given(q, i) && q_dtype(q, i) != NARU_FLOAT) return "takes float32";
    if (q->cpu == CPU_REF) return "not faster in plain C";
    if (q_rank(q, 0) != 4) return "takes two spatial dims";
    if (!q_const(q, 1) || q_tensor(q, 1)->rank != 4) return "W is not constant";
    const int64_t *w = q_tensor(q, 1)->dims;
    if (w[2] != 3 || w[3] != 3 || !all_ones(q->node, "strides") || !all_ones(q->node, "dilations"))
        return "not 3x3 of stride 1";
    if (attr_int(q->node, "group", 1) != 1) return "has groups";
    if (w[0] < MIN_CHANNELS || w[1] < MIN_CHANNELS) return "few channels";
    return q->out->type.has_rank && q->out->type.rank == 4 ? NULL : "rank of Y is unknown";
}

typedef struct pack_job {
    const state *st;
    const void *w;
} pack_job;

static void pack_panels(void *arg, int64_t begin, int64_t end, int worker) {
    const pack_job *j = arg;
    k_wino_pack(j->st->gemm, j->st->u, j->w, j->st->w[1], j->st->w[0], begin, end);
}

static naru_status prepare(prepare_ctx *c, step *s) {
    state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (!(s->state = st)) return err_oom(c->err);
    const naru_tensor *w = q_tensor(&c->q, 1);
    *st = (state){
        .gemm = k_gemm_pick(s->cpu), .act = act_of(s->node), .last = attr_int(s->node, "channels_last", 0) != 0};
    memcpy(st->w, w->dims, sizeof st->w);
    int64_t m = w->dims[0], ch = w->dims[1];
    st->u = c->weights(c, (size_t)k_wino_packed_floats(st->gemm, ch, m) * sizeof(float) + 64);
    if (!st->u) return err_oom(c->err);
    pack_job pack = {st, w->data};
    if (!c->reuse) parallel_for(c->pool, k_gemm_panels(st->gemm, m), 1, pack_panels, &pack);
    c->consumed |= 1u << 1;
    if (!q_const(&c->q, 2)) return NARU_OK;
    if (!(st->bias = c->weights(c, (size_t)m * sizeof(float) + 64))) return err_oom(c->err);
    if (!c->reuse) memcpy(st->bias, q_tensor(&c->q, 2)->data, (size_t)m * sizeof(float));
    c->consumed |= 1u << 2;
    return NARU_OK;
}

typedef struct job {
    const k_winograd *k;
    k_wino_args a;
    int64_t tiles;
    char *workspace;
} job;

static job job_of(const step *s, const conv_shape *v, int threads) {
    const state *st = s->state;
    job j = {.k = k_winograd_pick(s->cpu)};
    j.a = (k_wino_args){.gemm = st->gemm,
                        .u = st->u,
                        .bias = st->bias,
                        .h = v->v.in[1],
                        .w = v->v.in[2],
                        .c = v->c,
                        .oh = v->v.out[1],
                        .ow = v->v.out[2],
                        .m = v->m,
                        .ldx = v->c,
                        .ldy = v->m,
                        .ldr = v->m,
                        .pt = v->v.pad[1],
                        .pl = v->v.pad[2],
                        .act = st->act.kind,
                        .p = st->act.p,
                        .q = st->act.q};
    j.tiles = v->n * k_wino_tiles(&j.a);
    j.a.block = k_wino_block(st->gemm, v->c, v->m, i64_max(j.tiles, 1), threads);
    return j;
}

static int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    const state *st = s->state;
    conv_shape v = conv_shape_of(s->node, in[0]->dims, st->w, out[0]->dims, 4, st->last);
    job j = job_of(s, &v, threads);
    size_t n = k_wino_workspace(&j.a) * (size_t)threads;
    if (!st->last) n += (size_t)(round16(tensor_count(in[0])) + round16(tensor_count(out[0]))) * sizeof(float);
    return n;
}

static void blocks(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    j->k->run(&j->a, begin * j->a.block, i64_min(end * j->a.block, j->tiles),
              j->workspace + k_wino_workspace(&j->a) * (size_t)worker);
}

static bool pitched(const step *s, int i) {
    const state *st = s->state;
    return st->last && (i <= 0 || i == 3);
}

static naru_status run(const run_ctx *r) {
    const state *st = r->step->state;
    const naru_tensor *x = r->in[0], *y = r->out[0], *res = r->step->nin > 3 ? r->in[3] : NULL;
    if (tensor_count(y) == 0) return NARU_OK;
    int threads = pool_threads(r->pool);
    conv_shape s = conv_shape_of(r->step->node, x->dims, st->w, y->dims, 4, st->last);
    job j = job_of(r->step, &s, threads);
    const int64_t *in = s.v.in, *out = s.v.out;
    j.workspace = r->workspace;
    if (!j.a.bias && r->step->nin > 2 && r->in[2]) j.a.bias = r->in[2]->data;
    j.a.x = x->data, j.a.y = y->data, j.a.residual = res ? res->data : NULL;
    if (st->last) {
        j.a.ldx = tensor_pitch(x), j.a.ldy = tensor_pitch(y);
        if (res) j.a.ldr = tensor_pitch(res);
    } else {
        float *xbuf = (float *)(void *)(j.workspace + k_wino_workspace(&j.a) * (size_t)threads);
        float *ybuf = xbuf + round16(tensor_count(x));
        layout_copy(r, xbuf, layout_last(s.c, in), x->data, layout_first(s.c, in), s.n, s.c, in);
        if (res) layout_copy(r, ybuf, layout_last(s.m, out), res->data, layout_first(s.m, out), s.n, s.m, out);
        j.a.x = xbuf, j.a.y = ybuf, j.a.residual = res ? ybuf : NULL;
    }
    parallel_for(r->pool, (j.tiles + j.a.block - 1) / j.a.block, 1, blocks, &j);
    if (!st->last) layout_copy(r, y->data, layout_first(s.m, out), j.a.y, layout_last(s.m, out), s.n, s.m, out);
    return NARU_OK;
}

const tactic tactic_conv_winograd = {.name = "conv.winograd",
                                     .op = "Conv",
                                     .accepts = accepts,
                                     .slow = slow,
                                     .prepare = prepare,
                                     .workspace = workspace,
                                     .run = run,
                                     .pitched = pitched};
const tactic tactic_fusedconv_winograd = {.name = "conv.winograd",
                                          .op = "FusedConv",
                                          .domain = "naru",
                                          .accepts = accepts,
                                          .slow = slow,
                                          .prepare = prepare,
                                          .workspace = workspace,
                                          .run = run,
                                          .pitched = pitched};
