/* SPDX-License-Identifier: MIT
 *
 * Depthwise Conv in FP32 (kernels/dwconv): one filter per channel, one or two spatial dims, constant weights. Threads
 * share the output rows. Inputs as in conv.c.
 */
#include <string.h>

#include "kernels/dwconv/dwconv.h"
#include "tactics/act.h"
#include "tactics/conv.h"

typedef struct state {
    int64_t w[NARU_MAX_RANK]; /* dims of W */
    float *packed, *bias;     /* [taps][c]; bias NULL: none, or not constant */
    act act;
    bool last;
} state;

static const char *accepts(const tactic_query *q) {
    for (int i = 0; i < q->nin; i++)
        if (q_given(q, i) && q_dtype(q, i) != NARU_FLOAT) return "takes float32";
    int rank = q_rank(q, 0);
    if (rank != 3 && rank != 4) return "takes one or two spatial dims";
    if (!q_const(q, 1) || q_tensor(q, 1)->rank != rank) return "W is not constant";
    const int64_t *w = q_tensor(q, 1)->dims;
    if (w[1] != 1 || w[0] != attr_int(q->node, "group", 1)) return "not one filter per channel";
    return w[0] < 2 ? "a single channel" : NULL;
}

/* W [c, 1, taps] -> [taps][c], any alignment. */
static void pack(float *dst, const void *w, int64_t c, int64_t taps) {
    for (int64_t t = 0; t < taps; t++)
        for (int64_t i = 0; i < c; i++) memcpy(dst + t * c + i, (const char *)w + (i * taps + t) * 4, 4);
}

static naru_status prepare(prepare_ctx *c, step *s) {
    state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (!(s->state = st)) return err_oom(c->err);
    const naru_tensor *w = q_tensor(&c->q, 1);
    *st = (state){.act = act_of(s->node), .last = attr_int(s->node, "channels_last", 0) != 0};
    memcpy(st->w, w->dims, sizeof st->w);
    int64_t m = w->dims[0], taps = dims_product(w->dims, 2, w->rank);
    if (!(st->packed = c->weights(c, (size_t)(m * taps) * sizeof(float) + 64))) return err_oom(c->err);
    if (!c->reuse) pack(st->packed, w->data, m, taps);
    c->consumed |= 1u << 1;
    if (!q_const(&c->q, 2)) return NARU_OK;
    if (!(st->bias = c->weights(c, (size_t)m * sizeof(float) + 64))) return err_oom(c->err);
    if (!c->reuse) memcpy(st->bias, q_tensor(&c->q, 2)->data, (size_t)m * sizeof(float));
    c->consumed |= 1u << 2;
    return NARU_OK;
}

static int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    const state *st = s->state;
    if (st->last) return 0;
    return (size_t)(round16(tensor_count(in[0])) + round16(tensor_count(out[0]))) * sizeof(float);
}

typedef struct job {
    const k_dwconv *k;
    const k_gemm *gemm; /* for activations beyond clip */
    k_dw_args a;
    act act;
} job;

static void rows(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    j->k->run(&j->a, begin, end);
    if (j->act.kind > K_ACT_CLIP)
        j->gemm->activate(j->a.y + begin * j->a.ow * j->a.ldy, j->a.ldy, (end - begin) * j->a.ow, j->a.c, j->act.kind,
                          j->act.p, j->act.q);
}

static job job_of(const run_ctx *r, const conv_shape *s) {
    const state *st = r->step->state;
    const k_conv_geom *v = &s->v;
    job j = {.k = k_dwconv_pick(r->step->cpu), .gemm = k_gemm_pick(r->step->cpu), .act = st->act};
    j.a = (k_dw_args){.w = st->packed,
                      .bias = st->bias,
                      .c = s->m,
                      .h = v->in[1],
                      .wd = v->in[2],
                      .oh = v->out[1],
                      .ow = v->out[2],
                      .ldx = s->c,
                      .ldy = s->m,
                      .ldr = s->m,
                      .kh = v->kernel[1],
                      .kw = v->kernel[2],
                      .sh = v->stride[1],
                      .sw = v->stride[2],
                      .dh = v->dilation[1],
                      .dw = v->dilation[2],
                      .pt = v->pad[1],
                      .pl = v->pad[2],
                      .clip = st->act.kind == K_ACT_CLIP,
                      .lo = st->act.p,
                      .hi = st->act.q};
    if (!j.a.bias && r->step->nin > 2 && r->in[2]) j.a.bias = r->in[2]->data;
    return j;
}

static bool pitched(const step *s, int i) {
    const state *st = s->state;
    return st->last && (i <= 0 || i == 3);
}

static naru_status run(const run_ctx *r) {
    const state *st = r->step->state;
    const naru_tensor *x = r->in[0], *y = r->out[0], *res = r->step->nin > 3 ? r->in[3] : NULL;
    if (tensor_count(y) == 0) return NARU_OK;
    conv_shape s = conv_shape_of(r->step->node, x->dims, st->w, y->dims, x->rank, st->last);
    job j = job_of(r, &s);
    const int64_t *in = s.v.in, *out = s.v.out;
    j.a.x = x->data, j.a.y = y->data, j.a.residual = res ? res->data : NULL;
    if (st->last) {
        j.a.ldx = tensor_pitch(x), j.a.ldy = tensor_pitch(y);
        if (res) j.a.ldr = tensor_pitch(res);
    } else {
        float *xbuf = r->workspace, *ybuf = xbuf + round16(tensor_count(x));
        layout_copy(r, xbuf, layout_last(s.c, in), x->data, layout_first(s.c, in), s.n, s.c, in);
        if (res) layout_copy(r, ybuf, layout_last(s.m, out), res->data, layout_first(s.m, out), s.n, s.m, out);
        j.a.x = xbuf, j.a.y = ybuf, j.a.residual = res ? ybuf : NULL;
    }
    int64_t cost = s.v.out[2] * s.c * s.taps;
    parallel_for(r->pool, s.n * out[1], 1 + 200000 / (cost + 1), rows, &j);
    if (!st->last) layout_copy(r, y->data, layout_first(s.m, out), j.a.y, layout_last(s.m, out), s.n, s.m, out);
    return NARU_OK;
}

const tactic tactic_conv_depthwise = {.name = "conv.depthwise",
                                      .op = "Conv",
                                      .accepts = accepts,
                                      .prepare = prepare,
                                      .workspace = workspace,
                                      .run = run,
                                      .pitched = pitched};
const tactic tactic_fusedconv_depthwise = {.name = "conv.depthwise",
                                           .op = "FusedConv",
                                           .domain = "naru",
                                           .accepts = accepts,
                                           .prepare = prepare,
                                           .workspace = workspace,
                                           .run = run,
                                           .pitched = pitched};
