/* SPDX-License-Identifier: MIT
 *
 * LSTM, GRU and RNN in FP32 (kernels/rnn): weights packed at prepare; per chunk of time steps one product
 * (kernels/gemm) for all inputs, then step by step the recurrent product (threads split its panels, so each keeps its
 * share of the weights in its own cache) and the cells. Default activations, constant weights, whole sequences.
 */
#include "kernels/rnn/rnn.h"
#include "tactics/product.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

enum { CHUNK_BYTES = 1 << 21 };

typedef enum cell { CELL_LSTM, CELL_GRU, CELL_RNN } cell;

typedef struct rnn_state {
    cell cell;
    int gates, dirs;
    bool linear, relu; /* GRU: linear_before_reset; RNN: the activation */
    float clip;
    int64_t input, hidden;
    struct {
        float *w;          /* packed for kernels/gemm */
        float *r, *r_h;    /* packed for kernels/rnn; GRU keeps R of z and r in r, of h in r_h */
        float *bias;       /* added to the input product, [gates * hidden] */
        float *rb;         /* init of the recurrent product: zeros, but Rb_h in the last third for a linear GRU */
        const float *peep; /* [3 * hidden] or NULL */
        bool reverse;
    } dir[2];
} rnn_state;

static cell cell_of(const node *n) {
    return n->op_type[0] == 'L' ? CELL_LSTM : n->op_type[0] == 'G' ? CELL_GRU : CELL_RNN;
}

static bool same_name(bytes a, const char *b) { return a.len == strlen(b) && strncasecmp(a.data, b, a.len) == 0; }

/* All activations are the defaults; for RNN any mix-free Tanh or Relu. */
static bool default_activations(const node *n, cell c, bool *relu) {
    const attr *a = node_attr(n, "activations");
    static const char *const names[3][3] = {{"Sigmoid", "Tanh", "Tanh"}, {"Sigmoid", "Tanh"}, {"Tanh"}};
    size_t per = c == CELL_LSTM ? 3 : c == CELL_GRU ? 2 : 1;
    *relu = false;
    if (!a || a->kind != ATTR_STRINGS) return true;
    if (c == CELL_RNN && a->count > 0) *relu = same_name(a->strings[0], "Relu");
    for (size_t i = 0; i < a->count; i++)
        if (!same_name(a->strings[i], *relu ? "Relu" : names[c][i % per])) return false;
    return true;
}

static const char *accepts(const tactic_query *q) {
    cell c = cell_of(q->node);
    bool relu;
    if (q_dtype(q, 0) != NARU_FLOAT) return "takes float32";
    if (!q_const(q, 1) || !q_const(q, 2) || (q_given(q, 3) && !q_const(q, 3))) return "weights are not constant";
    if (c == CELL_LSTM && q_given(q, 7) && !q_const(q, 7)) return "peepholes are not constant";
    if (q_given(q, 4)) return "sequence_lens is given";
    if (attr_int(q->node, "layout", 0)) return "layout 1";
    if (attr_int(q->node, "input_forget", 0)) return "input_forget";
    if (q_tensor(q, 1)->rank != 3 || q_tensor(q, 2)->rank != 3) return "weights are not of rank 3";
    if (q_tensor(q, 1)->dims[0] > 2 || q_tensor(q, 2)->dims[2] == 0 || q_tensor(q, 1)->dims[2] == 0)
        return "empty weights";
    return default_activations(q->node, c, &relu) ? NULL : "takes the default activations";
}

static float *store(prepare_ctx *c, int64_t n) { return c->weights(c, (size_t)n * sizeof(float)); }

static const char *part(const naru_tensor *t, int64_t at) { return (const char *)t->data + at * 4; }

/* B of one direction is [Wb, Rb], each [gates * hidden]. */
static naru_status prepare_bias(prepare_ctx *c, rnn_state *st, int d) {
    int64_t n = st->gates * st->hidden;
    float *bias = store(c, n), *rb = store(c, n);
    if (!bias || !rb) return err_oom(c->err);
    st->dir[d].bias = bias, st->dir[d].rb = rb;
    if (c->reuse) return NARU_OK;
    memset(bias, 0, (size_t)n * 4), memset(rb, 0, (size_t)n * 4);
    if (!q_given(&c->q, 3)) return NARU_OK;
    const naru_tensor *b = q_tensor(&c->q, 3);
    for (int64_t i = 0; i < n; i++) {
        float w, r;
        memcpy(&w, part(b, 2 * d * n + i), 4), memcpy(&r, part(b, (2 * d + 1) * n + i), 4);
        bool apart = st->cell == CELL_GRU && st->linear && i >= 2 * st->hidden;
        bias[i] = apart ? w : w + r;
        rb[i] = apart ? r : 0.0f;
    }
    return NARU_OK;
}

static naru_status prepare_dir(prepare_ctx *c, rnn_state *st, int d) {
    int64_t h = st->hidden, n = st->gates * h, split = st->cell == CELL_GRU ? 2 * h : n;
    const naru_tensor *w = q_tensor(&c->q, 1), *r = q_tensor(&c->q, 2);
    const k_gemm *gemm = k_gemm_pick(c->q.cpu);
    k_pack_src src = {part(w, d * n * st->input), 1, st->input, n, 0, 1, st->input, 1.0f, NULL};
    st->dir[d].w = store(c, k_gemm_packed_floats(gemm, n, st->input) + 16);
    st->dir[d].r = store(c, k_rnn_packed(split, h));
    if (!st->dir[d].w || !st->dir[d].r) return err_oom(c->err);
    if (!c->reuse) {
        k_gemm_pack(gemm, st->dir[d].w, &src, 0, k_gemm_panels(gemm, n));
        k_rnn_pack(st->dir[d].r, part(r, d * n * h), split, h);
    }
    if (split < n) {
        st->dir[d].r_h = store(c, k_rnn_packed(h, h));
        if (!st->dir[d].r_h) return err_oom(c->err);
        if (!c->reuse) k_rnn_pack(st->dir[d].r_h, part(r, (d * n + split) * h), h, h);
    }
    if (st->cell == CELL_LSTM && q_given(&c->q, 7)) {
        float *p = store(c, 3 * h);
        if (!p) return err_oom(c->err);
        if (!c->reuse) memcpy(p, part(q_tensor(&c->q, 7), d * 3 * h), (size_t)(3 * h) * 4);
        st->dir[d].peep = p;
    }
    return prepare_bias(c, st, d);
}

static naru_status prepare(prepare_ctx *c, step *s) {
    rnn_state *st = arena_alloc(c->arena, sizeof *st);
    if (!st) return err_oom(c->err);
    const node *n = c->q.node;
    const naru_tensor *w = q_tensor(&c->q, 1), *r = q_tensor(&c->q, 2);
    *st = (rnn_state){.cell = cell_of(n),
                      .dirs = (int)w->dims[0],
                      .input = w->dims[2],
                      .hidden = r->dims[2],
                      .linear = attr_int(n, "linear_before_reset", 0) != 0,
                      .clip = attr_float(n, "clip", 0.0f)};
    st->gates = st->cell == CELL_LSTM ? 4 : st->cell == CELL_GRU ? 3 : 1;
    default_activations(n, st->cell, &st->relu);
    s->state = st;
    for (int d = 0; d < st->dirs; d++) {
        st->dir[d].reverse = d == 1 || strcmp(attr_str(n, "direction", "forward"), "reverse") == 0;
        TRY(prepare_dir(c, st, d));
    }
    c->consumed |= 1u << 1 | 1u << 2 | 1u << 3 | (st->cell == CELL_LSTM ? 1u << 7 : 0);
    return NARU_OK;
}

/* ---- products over the pool ---- */
typedef struct product {
    const k_rnn *k;
    float *y;
    const float *init, *x, *packed;
    int64_t ldy, ldi, ldx, rows, n, depth;
} product;

static void panels(void *arg, int64_t begin, int64_t end, int worker) {
    const product *p = arg;
    p->k->matvec(p->y, p->ldy, p->init, p->ldi, p->x, p->ldx, p->packed, p->rows, p->n, p->depth, begin * K_RNN_PANEL,
                 i64_min(end * K_RNN_PANEL, p->n));
}

/* y = init + x * packed. A thread's share is worth the fork from about 16 thousand multiply-adds of 16 lanes. */
static void multiply(pool *pl, product p) {
    int64_t work = p.depth * K_RNN_PANEL * (p.rows + 1) / 2 + 1;
    parallel_for(pl, (p.n + K_RNN_PANEL - 1) / K_RNN_PANEL, 1 + 131072 / work, panels, &p);
}

/* ---- one direction ---- */
typedef struct pass {
    const k_rnn *k;
    const rnn_state *st;
    pool *pool;
    int d;
    int64_t t, b; /* steps, batch */
    float *gx, *gh, *h[2], *c, *rh;
    int64_t chunk;  /* steps of gx */
    void *products; /* workspace of the input product */
} pass;

static int64_t chunk_of(int64_t t, int64_t step_bytes) {
    return i64_max(1, i64_min(t, CHUNK_BYTES / (step_bytes + 1)));
}

static void step_lstm(const pass *p, float *gx, const float *h, float *h_new) {
    int64_t hid = p->st->hidden, n = 4 * hid;
    multiply(p->pool, (product){p->k, p->gh, gx, h, p->st->dir[p->d].r, n, n, hid, p->b, n, hid});
    for (int64_t b = 0; b < p->b; b++)
        p->k->lstm(h_new + b * hid, p->c + b * hid, p->gh + b * n, p->st->dir[p->d].peep, hid, p->st->clip);
}

static void step_gru(const pass *p, float *gx, const float *h, float *h_new) {
    int64_t hid = p->st->hidden, n = 3 * hid;
    const float *rb = p->st->dir[p->d].rb, *r = p->st->dir[p->d].r, *r_h = p->st->dir[p->d].r_h;
    multiply(p->pool, (product){p->k, p->gh, rb, h, r, n, 0, hid, p->b, 2 * hid, hid});
    if (p->st->linear) {
        multiply(p->pool, (product){p->k, p->gh + 2 * hid, rb + 2 * hid, h, r_h, n, 0, hid, p->b, hid, hid});
        for (int64_t b = 0; b < p->b; b++)
            p->k->gru_linear(h_new + b * hid, h + b * hid, gx + b * n, p->gh + b * n, NULL, hid, p->st->clip);
        return;
    }
    for (int64_t b = 0; b < p->b; b++)
        p->k->gru_reset(p->rh + b * hid, gx + b * n, h + b * hid, p->gh + b * n, hid, p->st->clip);
    multiply(p->pool, (product){p->k, p->gh + 2 * hid, rb + 2 * hid, p->rh, r_h, n, 0, hid, p->b, hid, hid});
    for (int64_t b = 0; b < p->b; b++)
        p->k->gru_output(h_new + b * hid, h + b * hid, gx + b * n, p->gh + b * n, hid, p->st->clip);
}

static void step_rnn(const pass *p, float *gx, const float *h, float *h_new) {
    int64_t hid = p->st->hidden;
    multiply(p->pool, (product){p->k, p->gh, gx, h, p->st->dir[p->d].r, hid, hid, hid, p->b, hid, hid});
    for (int64_t b = 0; b < p->b; b++) p->k->rnn(h_new + b * hid, p->gh + b * hid, p->st->relu, hid, p->st->clip);
}

static void initial(float *to, const naru_tensor *from, int d, int64_t n) {
    if (from) memcpy(to, (const float *)from->data + d * n, (size_t)n * 4);
    else memset(to, 0, (size_t)n * 4);
}

/* Walks the steps of direction p->d; the last h is in p->h[0] or [1], returned. */
static const float *walk(const run_ctx *r, const pass *p, float *y) {
    const rnn_state *st = p->st;
    int64_t bh = p->b * st->hidden, n = st->gates * st->hidden, in_row = p->b * st->input;
    const float *x = r->in[0]->data;
    int now = 0;
    for (int64_t done = 0; done < p->t; done += p->chunk) {
        int64_t len = i64_min(p->chunk, p->t - done), first = st->dir[p->d].reverse ? p->t - done - len : done;
        k_gemm_args g = {.a = x + first * in_row,
                         .lda = st->input,
                         .b = st->dir[p->d].w,
                         .m = len * p->b,
                         .n = n,
                         .k = st->input,
                         .c = p->gx,
                         .ldc = n,
                         .bias = st->dir[p->d].bias};
        product_run(p->pool, k_gemm_pick(r->step->cpu), &g, p->products);
        for (int64_t i = 0; i < len; i++, now ^= 1) {
            int64_t at = st->dir[p->d].reverse ? len - 1 - i : i;
            float *gx = p->gx + at * p->b * n;
            if (st->cell == CELL_LSTM) step_lstm(p, gx, p->h[now], p->h[now ^ 1]);
            else if (st->cell == CELL_GRU) step_gru(p, gx, p->h[now], p->h[now ^ 1]);
            else step_rnn(p, gx, p->h[now], p->h[now ^ 1]);
            if (y) memcpy(y + ((first + at) * st->dirs + p->d) * bh, p->h[now ^ 1], (size_t)bh * 4);
        }
    }
    return p->h[now];
}

static int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    const rnn_state *st = s->state;
    int64_t t = in[0]->dims[0], b = in[0]->dims[1], n = b * st->gates * st->hidden, bh = round16(b * st->hidden);
    return (size_t)(round16(chunk_of(t, n * 4) * n) + round16(n) + 4 * bh) * sizeof(float) +
           product_workspace() * (size_t)threads;
}

static naru_status run(const run_ctx *r) {
    const step *s = r->step;
    const rnn_state *st = s->state;
    const naru_tensor *x = r->in[0], *h0 = s->nin > 5 ? r->in[5] : NULL, *c0 = s->nin > 6 ? r->in[6] : NULL;
    int64_t b = x->dims[1], n = b * st->gates * st->hidden, bh = b * st->hidden;
    if (x->dims[2] != st->input)
        return err_set(r->err, NARU_SHAPE, "X has %lld features, W takes %lld", (long long)x->dims[2],
                       (long long)st->input);
    pass p = {.k = k_rnn_pick(s->cpu),
              .st = st,
              .pool = r->pool,
              .t = x->dims[0],
              .b = b,
              .gx = r->workspace,
              .chunk = chunk_of(x->dims[0], n * 4)};
    p.gh = p.gx + round16(p.chunk * n), p.h[0] = p.gh + round16(n), p.h[1] = p.h[0] + round16(bh);
    p.c = p.h[1] + round16(bh), p.rh = p.c + round16(bh), p.products = p.rh + round16(bh);
    for (p.d = 0; p.d < st->dirs; p.d++) {
        initial(p.h[0], h0, p.d, bh);
        initial(p.c, st->cell == CELL_LSTM ? c0 : NULL, p.d, bh);
        const float *h = walk(r, &p, s->nout > 0 && r->out[0] ? r->out[0]->data : NULL);
        if (s->nout > 1 && r->out[1]) memcpy((float *)r->out[1]->data + p.d * bh, h, (size_t)bh * 4);
        if (s->nout > 2 && r->out[2]) memcpy((float *)r->out[2]->data + p.d * bh, p.c, (size_t)bh * 4);
    }
    return NARU_OK;
}

#define RNN(symbol, opname)                                                                                            \
    const tactic tactic_##symbol = {.name = "rnn.packed",                                                              \
                                    .op = opname,                                                                      \
                                    .accepts = accepts,                                                                \
                                    .prepare = prepare,                                                                \
                                    .workspace = workspace,                                                            \
                                    .run = run};
RNN(lstm, "LSTM")
RNN(gru, "GRU")
RNN(rnn, "RNN")
