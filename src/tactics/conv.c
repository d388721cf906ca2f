/* SPDX-License-Identifier: MIT
 *
 * Conv as a product with gathered rows, in FP32 (kernels/gemm) and with constant weights in lower precisions
 * (kernels/gemm16); 1 to 3 spatial dims, any stride, dilation, padding and
 * groups. Images are channels-last inside; channels-first ones are turned before and after. An image of few channels is
 * copied into one with its padding around it, so that the kernel reads every row in place.
 *
 * Inputs: X, W, bias, and, of a fused node, a residual of Y's shape, added before the activation.
 */
#include "tactics/conv.h"

#include <string.h>

#include "tactics/act.h"
#include "tactics/product.h"
#include "tactics/util.h"

enum { FEW_CHANNELS = 8 };

typedef struct state {
    const k_gemm *k;
    int64_t w[NARU_MAX_RANK]; /* dims of W */
    float *packed;            /* per group: packed W; NULL: W is not constant */
    float *bias;              /* NULL: none, or not constant */
    act act;
    bool last;
} state;

static int64_t group_floats(const state *st, int64_t group, int64_t taps) {
    return k_gemm_packed_floats(st->k, st->w[0] / group, st->w[1] * taps);
}

/* W [m, c, taps] of one group: k = tap * c + channel. */
static k_pack_src weight_source(const void *w, const int64_t *dims, int64_t group, int64_t taps, int64_t g) {
    int64_t m = dims[0] / group, row = dims[1] * taps;
    return (k_pack_src){(const char *)w + g * m * row * 4, taps, dims[1], m, 1, taps, row, 1.0f, NULL};
}

static const char *accepts(const tactic_query *q) {
    for (int i = 0; i < q->nin; i++)
        if (q_given(q, i) && q_dtype(q, i) != NARU_FLOAT) return "takes float32";
    int rank = q_rank(q, 0);
    if (rank < 3 || rank > 5) return "takes 1 to 3 spatial dims";
    if (q_rank(q, 1) != rank) return "rank of W is unknown";
    return NULL;
}

static naru_status prepare_by(prepare_ctx *c, step *s, const k_gemm *kernel) {
    state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (!(s->state = st)) return err_oom(c->err);
    *st = (state){.k = kernel, .act = act_of(s->node), .last = attr_int(s->node, "channels_last", 0) != 0};
    if (q_const(&c->q, 2)) {
        int64_t m = tensor_count(q_tensor(&c->q, 2));
        if (!(st->bias = c->weights(c, (size_t)m * sizeof(float) + 64))) return err_oom(c->err);
        if (!c->reuse) memcpy(st->bias, q_tensor(&c->q, 2)->data, (size_t)m * sizeof(float));
        c->consumed |= 1u << 2;
    }
    if (!q_const(&c->q, 1)) return NARU_OK;
    const naru_tensor *w = q_tensor(&c->q, 1);
    memcpy(st->w, w->dims, sizeof st->w);
    int64_t group = attr_int(s->node, "group", 1), taps = dims_product(w->dims, 2, w->rank);
    int64_t each = group_floats(st, group, taps);
    if (!(st->packed = c->weights(c, (size_t)(each * group) * sizeof(float) + 64))) return err_oom(c->err);
    for (int64_t g = 0; g < group && !c->reuse; g++) {
        k_pack_src src = weight_source(w->data, w->dims, group, taps, g);
        product_pack(c->pool, st->k, st->packed + g * each, &src);
    }
    c->consumed |= 1u << 1;
    return NARU_OK;
}
static naru_status prepare(prepare_ctx *c, step *s) { return prepare_by(c, s, k_gemm_pick(s->cpu)); }

/* Everything of one run; floats in the workspace in this order. */
typedef struct layout {
    conv_shape s;
    int64_t w[NARU_MAX_RANK];
    bool padded;          /* x is copied with its padding around it */
    int64_t pin[3];       /* size of the padded image */
    int64_t x, y, packed; /* floats; 0: not needed */
} layout;

static int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

static layout layout_of(const state *st, const node *n, const naru_tensor *x, const naru_tensor *w,
                        const naru_tensor *y) {
    layout l = {0};
    memcpy(l.w, st->packed ? st->w : w->dims, sizeof l.w);
    l.s = conv_shape_of(n, x->dims, l.w, y->dims, x->rank, st->last);
    k_conv_geom *v = &l.s.v;
    int64_t pixels = l.s.in_pixels;
    l.padded = l.s.c <= FEW_CHANNELS && l.s.group == 1 && v->kernel[0] == 1 && l.s.taps > 1;
    for (int d = 0; d < 3; d++) {
        int64_t need = (v->out[d] - 1) * v->stride[d] + (v->kernel[d] - 1) * v->dilation[d] + 1;
        l.pin[d] = i64_max(need, v->in[d] + v->pad[d]);
        if (v->pad[d] < 0) l.padded = false;
    }
    if (l.padded) pixels = l.pin[0] * l.pin[1] * l.pin[2];
    if (l.padded || (!l.s.last && l.s.c > 1)) l.x = round16(l.s.n * pixels * l.s.c);
    if (!l.s.last && l.s.m > 1) l.y = round16(l.s.n * l.s.out_pixels * l.s.m);
    if (!st->packed)
        l.packed = round16(group_floats(&(state){.k = st->k, .w = {l.w[0], l.w[1]}}, l.s.group, l.s.taps)) * l.s.group;
    return l;
}

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    layout l = layout_of(s->state, s->node, in[0], in[1], out[0]);
    return product_workspace() * (size_t)threads + (size_t)(l.x + l.y + l.packed) * sizeof(float);
}

/* X as the kernel reads it. */
static const float *take_x(const run_ctx *r, layout *l, const float *x, float *buf) {
    conv_shape *s = &l->s;
    k_conv_geom *v = &s->v;
    if (!l->x) return x;
    image_layout from = s->last ? layout_last(s->c, v->in) : layout_first(s->c, v->in);
    if (!l->padded) {
        layout_copy(r, buf, layout_last(s->c, v->in), x, from, s->n, s->c, v->in);
        return buf;
    }
    image_layout to = layout_last(s->c, l->pin);
    memset(buf, 0, (size_t)l->x * sizeof(float));
    float *at = buf + v->pad[0] * to.axis[0] + v->pad[1] * to.axis[1] + v->pad[2] * to.axis[2];
    layout_copy(r, at, to, x, from, s->n, s->c, v->in);
    for (int d = 0; d < 3; d++) v->in[d] = l->pin[d], v->pad[d] = 0;
    return buf;
}

static bool is_product(const conv_shape *s) {
    for (int d = 0; d < 3; d++)
        if (s->v.kernel[d] != 1 || s->v.stride[d] != 1 || s->v.in[d] != s->v.out[d] || s->v.pad[d]) return false;
    return true;
}

static void pack_now(const run_ctx *r, const layout *l, const state *st, float *dst, int64_t each) {
    for (int64_t g = 0; g < l->s.group; g++) {
        k_pack_src src = weight_source(r->in[1]->data, l->w, l->s.group, l->s.taps, g);
        product_pack(r->pool, st->k, dst + g * each, &src);
    }
}

/* Channels last: pixels may be further apart than their channels; an image of few channels is copied first. */
static bool pitched(const step *s, int i) {
    const state *st = s->state;
    return st->last && (i < 0 || i == 3 || (i == 0 && st->packed && st->w[1] > FEW_CHANNELS));
}

static void run_groups(const run_ctx *r, const layout *l, const float *x, float *y, const float *packed, int64_t each) {
    const state *st = r->step->state;
    const conv_shape *s = &l->s;
    const float *bias = st->bias ? st->bias : r->step->nin > 2 && r->in[2] ? r->in[2]->data : NULL;
    const float *residual = r->step->nin > 3 && r->in[3] ? r->in[3]->data : NULL;
    if (residual && l->y) { /* turned into Y's place first */
        layout_copy(r, y, layout_last(s->m, s->v.out), residual, layout_first(s->m, s->v.out), s->n, s->m, s->v.out);
        residual = y;
    }
    int64_t m = s->m / s->group;
    for (int64_t i = 0; i < s->group; i++) {
        k_gemm_args g = {.kind = is_product(s) ? K_A_ROWS : K_A_CONV,
                         .a = x + i * s->v.channels,
                         .lda = s->v.ld,
                         .conv = &s->v,
                         .b = packed + i * each,
                         .m = s->n * s->out_pixels,
                         .n = m,
                         .k = s->taps * s->v.channels,
                         .c = y + i * m,
                         .ldc = s->last ? tensor_pitch(r->out[0]) : s->m,
                         .bias = bias ? bias + i * m : NULL,
                         .residual = residual ? residual + i * m : NULL,
                         .ldr = s->last && residual ? tensor_pitch(r->in[3]) : s->m,
                         .act = st->act.kind,
                         .p = st->act.p,
                         .q = st->act.q};
        product_run(r->pool, st->k, &g, r->workspace);
    }
}

static naru_status run(const run_ctx *r) {
    const state *st = r->step->state;
    if (tensor_count(r->out[0]) == 0) return NARU_OK;
    layout l = layout_of(st, r->step->node, r->in[0], r->in[1], r->out[0]);
    float *buf = (float *)(void *)((char *)r->workspace + product_workspace() * (size_t)pool_threads(r->pool));
    float *xbuf = buf, *ybuf = l.y ? buf + l.x : r->out[0]->data, *wbuf = buf + l.x + l.y;
    int64_t each = group_floats(&(state){.k = st->k, .w = {l.w[0], l.w[1]}}, l.s.group, l.s.taps);
    if (!st->packed) pack_now(r, &l, st, wbuf, each);
    const int64_t *out = l.s.v.out;
    if (l.s.last && !l.x) l.s.v.ld = tensor_pitch(r->in[0]);
    const float *x = take_x(r, &l, r->in[0]->data, xbuf);
    run_groups(r, &l, x, ybuf, st->packed ? st->packed : wbuf, each);
    if (l.y)
        layout_copy(r, r->out[0]->data, layout_first(l.s.m, out), ybuf, layout_last(l.s.m, out), l.s.n, l.s.m, out);
    return NARU_OK;
}

const tactic tactic_conv = {.name = "conv.product",
                            .op = "Conv",
                            .accepts = accepts,
                            .prepare = prepare,
                            .workspace = workspace,
                            .run = run,
                            .pitched = pitched};
const tactic tactic_fusedconv = {.name = "conv.product",
                                 .op = "FusedConv",
                                 .domain = "naru",
                                 .accepts = accepts,
                                 .prepare = prepare,
                                 .workspace = workspace,
                                 .run = run,
                                 .pitched = pitched};

/* ---- 16-bit operands ---- */
static const char *refuses(const tactic_query *q, k_gemm16_way way) {
    const char *no = accepts(q);
    return no ? no : product_refuses(q, way, 1.0f);
}

static const char *slow_by(const tactic_query *q, k_gemm16_way way) {
    const naru_tensor *w = q_tensor(q, 1);
    const dim_t *x = q->in[0]->type.dims, *y = q->out->type.dims;
    bool last = attr_int(q->node, "channels_last", 0) != 0;
    product_size s = {0, w->dims[1]};
    if (q->out->type.has_rank && q->out->type.rank == w->rank)
        s.rows = typical_product(q, x, 1) * typical_product(q, y + (last ? 1 : 2), w->rank - 2);
    return product_slow(q, way, s);
}

#define WAY(way, kind, precision_)                                                                                     \
    static const char *accepts_##way(const tactic_query *q) { return refuses(q, kind); }                               \
    static const char *slow_##way(const tactic_query *q) { return slow_by(q, kind); }                                  \
    static naru_status prepare_##way(prepare_ctx *c, step *s) {                                                        \
        return prepare_by(c, s, k_gemm16_pick(kind, s->cpu));                                                          \
    }                                                                                                                  \
    LOWER_TACTIC(conv, "Conv", NULL, way, precision_)                                                                  \
    LOWER_TACTIC(fusedconv, "FusedConv", "naru", way, precision_)
#define LOWER_TACTIC(symbol, op_, domain_, way, precision_)                                                            \
    const tactic tactic_##symbol##_##way = {.name = "conv." #way,                                                      \
                                            .op = op_,                                                                 \
                                            .domain = domain_,                                                         \
                                            .precision = precision_,                                                   \
                                            .accepts = accepts_##way,                                                  \
                                            .slow = slow_##way,                                                        \
                                            .prepare = prepare_##way,                                                  \
                                            .workspace = workspace,                                                    \
                                            .run = run,                                                                \
                                            .pitched = pitched};
PRODUCT_WAYS(WAY)
