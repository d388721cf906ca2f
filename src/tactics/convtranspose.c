/* SPDX-License-Identifier: MIT
 *
 * ConvTranspose in FP32: one product per group and image, Z[pixel][tap][m] = X[pixel][c] W[c][tap][m], then each output
 * pixel gathers the taps that reach it. 1 to 3 spatial dims, constant weights; channels-last inside.
 */
#include <string.h>

#include "tactics/act.h"
#include "tactics/conv.h"
#include "tactics/product.h"

typedef struct state {
    const k_gemm *k;
    int64_t w[NARU_MAX_RANK]; /* dims of W: [c, m / group, taps...] */
    float *packed;            /* per group */
} state;

static const char *accepts(const tactic_query *q) {
    for (int i = 0; i < q->nin; i++)
        if (q_given(q, i) && q_dtype(q, i) != NARU_FLOAT) return "takes float32";
    int rank = q_rank(q, 0);
    if (rank < 3 || rank > 5) return "takes 1 to 3 spatial dims";
    if (!q_const(q, 1) || q_tensor(q, 1)->rank != rank) return "W is not constant";
    return tensor_count(q_tensor(q, 1)) == 0 ? "W is empty" : NULL;
}

/* W [c][m][taps] of one group -> [c][taps][m]. */
static void turn_weights(float *dst, const char *src, int64_t c, int64_t m, int64_t taps) {
    for (int64_t i = 0; i < c; i++)
        for (int64_t t = 0; t < taps; t++)
            for (int64_t j = 0; j < m; j++) memcpy(dst + (i * taps + t) * m + j, src + ((i * m + j) * taps + t) * 4, 4);
}

static naru_status pack_groups(prepare_ctx *c, state *st, const naru_tensor *w, int64_t group) {
    int64_t taps = dims_product(w->dims, 2, w->rank), m = w->dims[1], ch = w->dims[0] / group, n = taps * m;
    int64_t each = k_gemm_packed_floats(st->k, n, ch);
    st->packed = c->weights(c, (size_t)(each * group) * sizeof(float) + 64);
    if (c->reuse) return st->packed ? NARU_OK : err_oom(c->err);
    float *turned = mem_alloc((size_t)(ch * n) * sizeof(float));
    for (int64_t g = 0; st->packed && turned && g < group; g++) {
        turn_weights(turned, (const char *)w->data + g * ch * n * 4, ch, m, taps);
        k_pack_src src = {turned, 1, ch, n, 0, n, 1, 1.0f, NULL};
        product_pack(c->pool, st->k, st->packed + g * each, &src);
    }
    mem_free(turned);
    return st->packed && turned ? NARU_OK : err_oom(c->err);
}

static naru_status prepare(prepare_ctx *c, step *s) {
    state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (!(s->state = st)) return err_oom(c->err);
    const naru_tensor *w = q_tensor(&c->q, 1);
    st->k = k_gemm_pick(s->cpu);
    memcpy(st->w, w->dims, sizeof st->w);
    TRY(pack_groups(c, st, w, attr_int(s->node, "group", 1)));
    c->consumed |= 1u << 1;
    return NARU_OK;
}

/* The sizes as a convolution from Y to X would see them, but with in and out exchanged back: in is X's image. */
typedef struct shape {
    int64_t n, c, m, group, taps, in_pixels, out_pixels;
    int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3];
} shape;

/* Padding before the first pixel; what auto_pad or output_shape ask for follows from the output's size. */
static int64_t pad_before(const node *n, int a, int64_t in, int64_t out, int64_t k, int64_t s, int64_t d) {
    const char *mode = attr_str(n, "auto_pad", "NOTSET");
    bool given = node_attr(n, "output_shape") != NULL;
    if (!given && strcmp(mode, "NOTSET") == 0) return attr_int_at(n, "pads", (size_t)a, 0);
    if (!given && strcmp(mode, "VALID") == 0) return 0;
    int64_t total = s * (in - 1) + attr_int_at(n, "output_padding", (size_t)a, 0) + (k - 1) * d + 1 - out;
    if (total < 0) total = 0;
    return strcmp(mode, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
}

static shape shape_of(const state *st, const node *nd, const naru_tensor *x, const naru_tensor *y) {
    int axes = x->rank - 2;
    shape s = {
        .n = x->dims[0], .c = st->w[0], .group = attr_int(nd, "group", 1), .taps = 1, .in_pixels = 1, .out_pixels = 1};
    s.m = st->w[1] * s.group;
    for (int d = 0; d < 3; d++) {
        int a = d - (3 - axes);
        s.in[d] = s.out[d] = s.kernel[d] = s.stride[d] = s.dilation[d] = 1, s.pad[d] = 0;
        if (a < 0) continue;
        s.in[d] = x->dims[a + 2], s.out[d] = y->dims[a + 2], s.kernel[d] = st->w[a + 2];
        s.stride[d] = attr_int_at(nd, "strides", (size_t)a, 1),
        s.dilation[d] = attr_int_at(nd, "dilations", (size_t)a, 1);
        s.pad[d] = pad_before(nd, a, s.in[d], s.out[d], s.kernel[d], s.stride[d], s.dilation[d]);
        s.in_pixels *= s.in[d], s.out_pixels *= s.out[d], s.taps *= s.kernel[d];
    }
    return s;
}

static int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

/* One image at a time: X turned, Z of one group, Y before it is turned. */
static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    shape h = shape_of(s->state, s->node, in[0], out[0]);
    int64_t m = h.m / h.group;
    return product_workspace() * (size_t)threads +
           (size_t)(round16(h.in_pixels * h.c) + round16(h.in_pixels * h.taps * m) + round16(h.out_pixels * h.m)) *
               sizeof(float);
}

typedef struct job {
    const shape *s;
    const float *z, *bias;
    float *y;  /* first channel of the group, pixels s->m apart */
    int64_t m; /* channels of the group */
} job;

/* Input coordinate that tap k sends to output o along axis d; -1: none. */
static int64_t source(const shape *s, int d, int64_t o, int64_t k) {
    int64_t at = o + s->pad[d] - k * s->dilation[d];
    if (at < 0 || at % s->stride[d] != 0 || at / s->stride[d] >= s->in[d]) return -1;
    return at / s->stride[d];
}

static void add_taps(const job *j, float *y, const int64_t *o) {
    const shape *s = j->s;
    for (int64_t kz = 0; kz < s->kernel[0]; kz++) {
        int64_t z = source(s, 0, o[0], kz);
        for (int64_t ky = 0; z >= 0 && ky < s->kernel[1]; ky++) {
            int64_t r = source(s, 1, o[1], ky);
            for (int64_t kx = 0; r >= 0 && kx < s->kernel[2]; kx++) {
                int64_t c = source(s, 2, o[2], kx);
                if (c < 0) continue;
                int64_t pixel = (z * s->in[1] + r) * s->in[2] + c, tap = (kz * s->kernel[1] + ky) * s->kernel[2] + kx;
                const float *from = j->z + (pixel * s->taps + tap) * j->m;
                for (int64_t i = 0; i < j->m; i++) y[i] += from[i];
            }
        }
    }
}

static void pixels(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const shape *s = j->s;
    for (int64_t p = begin; p < end; p++) {
        int64_t o[3] = {p / (s->out[1] * s->out[2]), p / s->out[2] % s->out[1], p % s->out[2]};
        float *y = j->y + p * s->m;
        for (int64_t i = 0; i < j->m; i++) y[i] = j->bias ? j->bias[i] : 0.0f;
        add_taps(j, y, o);
    }
}

static void run_image(const run_ctx *r, const shape *s, const float *x, float *y, float *z) {
    const state *st = r->step->state;
    int64_t c = s->c / s->group, m = s->m / s->group, n = s->taps * m, each = k_gemm_packed_floats(st->k, n, c);
    const float *bias = r->step->nin > 2 && r->in[2] ? r->in[2]->data : NULL;
    for (int64_t i = 0; i < s->group; i++) {
        k_gemm_args g = {.kind = K_A_ROWS,
                         .a = x + i * c,
                         .lda = s->c,
                         .b = st->packed + i * each,
                         .m = s->in_pixels,
                         .n = n,
                         .k = c,
                         .c = z,
                         .ldc = n};
        product_run(r->pool, st->k, &g, r->workspace);
        job j = {s, z, bias ? bias + i * m : NULL, y + i * m, m};
        parallel_for(r->pool, s->out_pixels, 1 + 16384 / (m * s->taps), pixels, &j);
    }
}

static naru_status run(const run_ctx *r) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    if (tensor_count(y) == 0) return NARU_OK;
    shape s = shape_of(r->step->state, r->step->node, x, y);
    float *xbuf = (float *)(void *)((char *)r->workspace + product_workspace() * (size_t)pool_threads(r->pool));
    float *ybuf = xbuf + round16(s.in_pixels * s.c), *z = ybuf + round16(s.out_pixels * s.m);
    for (int64_t i = 0; i < s.n; i++) {
        const float *src = (const float *)x->data + i * s.in_pixels * s.c;
        layout_copy(r, xbuf, layout_last(s.c, s.in), src, layout_first(s.c, s.in), 1, s.c, s.in);
        run_image(r, &s, xbuf, ybuf, z);
        float *dst = (float *)y->data + i * s.out_pixels * s.m;
        layout_copy(r, dst, layout_first(s.m, s.out), ybuf, layout_last(s.m, s.out), 1, s.m, s.out);
    }
    return NARU_OK;
}

const tactic tactic_convtranspose = {.name = "convtranspose.product",
                                     .op = "ConvTranspose",
                                     .accepts = accepts,
                                     .prepare = prepare,
                                     .workspace = workspace,
                                     .run = run};
