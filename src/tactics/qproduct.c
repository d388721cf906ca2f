/* SPDX-License-Identifier: MIT
 *
 * MatMulInteger, QLinearMatMul, ConvInteger and QLinearConv (kernels/qgemm): constant weights are packed at prepare.
 * Work is cut into chunks of rows (of A, or output positions): a thread gathers a chunk's patches from the image
 * brought to NHWC, multiplies, and requantizes and transposes the chunk while it is in cache.
 */
#include "kernels/copy/copy.h"
#include "kernels/qgemm/qgemm.h"
#include "tactics/tactic.h"
#include "tactics/util.h"

enum { CHUNK = 48 };

/* Where an operator keeps its inputs; -1: it has none. */
typedef struct layout {
    const char *op;
    int x, x_zero, w, w_zero, x_scale, w_scale, y_scale, y_zero, bias;
    bool conv;
} layout;
static const layout layouts[] = {
    {"MatMulInteger", 0, 2, 1, 3, -1, -1, -1, -1, -1, false},
    {"QLinearMatMul", 0, 2, 3, 5, 1, 4, 6, 7, -1, false},
    {"ConvInteger", 0, 2, 1, 3, -1, -1, -1, -1, -1, true},
    {"QLinearConv", 0, 2, 3, 5, 1, 4, 6, 7, 8, true},
};

static const layout *layout_of(const node *n) {
    for (size_t i = 0; i < COUNT_OF(layouts); i++)
        if (strcmp(layouts[i].op, n->op_type) == 0) return &layouts[i];
    return NULL;
}

typedef struct qp_state {
    const layout *at;
    int64_t n, k; /* of one group */
    int64_t groups;
    char *packed; /* groups one after the other */
    int64_t group_bytes;
    int64_t kernel[2], stride[2], dilation[2], pad[2];
    bool same_upper, same_lower;
} qp_state;

static bool is_byte(naru_dtype d) { return d == NARU_INT8 || d == NARU_UINT8; }

static bool scalar_like(const tactic_query *q, int i) {
    return !q_given(q, i) || q_rank(q, i) == 0 || (q_rank(q, i) == 1 && q_dim(q, i, 0) == 1);
}

static const char *accepts(const tactic_query *q) {
    const layout *l = layout_of(q->node);
    if (!is_byte(q_dtype(q, l->x)) || !is_byte(q_dtype(q, l->w))) return "takes 8-bit integers";
    if (!q_const(q, l->w) || (q_given(q, l->w_zero) && !q_const(q, l->w_zero)))
        return "weights or their zero points are not constant";
    if (!scalar_like(q, l->x_zero) || (l->x_scale >= 0 && !scalar_like(q, l->x_scale))) return "A is quantized by rows";
    if (l->y_scale >= 0 && (!scalar_like(q, l->y_scale) || !scalar_like(q, l->y_zero))) return "Y is quantized by rows";
    if (l->x_scale >= 0 && (q_dtype(q, l->x_scale) != NARU_FLOAT || !is_byte(q->out[0].type.dtype)))
        return "takes float32 scales and 8-bit results";
    const naru_tensor *w = q_tensor(q, l->w);
    if (q_given(q, l->w_zero) && q_tensor(q, l->w_zero)->rank > 1) return "zero points of W are not a vector";
    if (!l->conv) return w->rank == 2 && q_rank(q, l->x) >= 2 ? NULL : "W is not a matrix";
    return (w->rank == 3 || w->rank == 4) && tensor_count(w) ? NULL : "takes one or two spatial dims";
}

/* ---- prepare ---- */
static void read_window(qp_state *st, const node *n, const naru_tensor *w) {
    int axes = w->rank - 2;
    const char *mode = attr_str(n, "auto_pad", "NOTSET");
    st->same_upper = strcmp(mode, "SAME_UPPER") == 0, st->same_lower = strcmp(mode, "SAME_LOWER") == 0;
    for (int i = 0; i < 2; i++) {
        int a = i - (2 - axes); /* a 1-D signal is an image of height 1 */
        st->kernel[i] = a < 0 ? 1 : w->dims[2 + a];
        st->stride[i] = a < 0 ? 1 : attr_int_at(n, "strides", (size_t)a, 1);
        st->dilation[i] = a < 0 ? 1 : attr_int_at(n, "dilations", (size_t)a, 1);
        st->pad[i] = a < 0 || strcmp(mode, "NOTSET") != 0 ? 0 : attr_int_at(n, "pads", (size_t)a, 0);
    }
}

/* W of one group as [k = taps * channels][n], taps first. */
static void reorder(const naru_tensor *w, int64_t g, int64_t n, int64_t channels, int64_t taps, uint8_t *out) {
    const uint8_t *src = (const uint8_t *)w->data + g * n * channels * taps;
    for (int64_t j = 0; j < n; j++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t t = 0; t < taps; t++) out[(t * channels + c) * n + j] = src[(j * channels + c) * taps + t];
}

static naru_status pack_groups(prepare_ctx *c, qp_state *st, const naru_tensor *w, const int32_t *zero,
                               int64_t zero_step) {
    const k_qgemm *k = k_qgemm_pick(c->q.cpu);
    st->group_bytes = (int64_t)align_up((size_t)k_qgemm_packed_bytes(k, st->n, st->k), 64);
    st->packed = c->weights(c, (size_t)(st->group_bytes * st->groups) + 64);
    if (c->reuse) return st->packed ? NARU_OK : err_oom(c->err);
    uint8_t *tmp = mem_alloc((size_t)(st->n * st->k) + 1);
    if (!st->packed || !tmp) {
        mem_free(tmp);
        return err_oom(c->err);
    }
    for (int64_t g = 0; g < st->groups; g++) {
        k_qgemm_src s = {tmp, w->dtype == NARU_INT8, st->n, st->k, st->n, 1, zero + g * st->n * zero_step, zero_step};
        if (st->at->conv) reorder(w, g, st->n, w->dims[1], dims_product(w->dims, 2, w->rank), tmp);
        else s.src = w->data;
        k_qgemm_pack(k, st->packed + g * st->group_bytes, &s);
    }
    mem_free(tmp);
    return NARU_OK;
}

static naru_status prepare(prepare_ctx *c, step *s) {
    qp_state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (!st) return err_oom(c->err);
    s->state = st;
    st->at = layout_of(c->q.node);
    const naru_tensor *w = q_tensor(&c->q, st->at->w),
                      *z = q_given(&c->q, st->at->w_zero) ? q_tensor(&c->q, st->at->w_zero) : NULL;
    st->groups = 1, st->n = w->dims[1], st->k = w->dims[0];
    if (st->at->conv) {
        st->groups = attr_int(c->q.node, "group", 1);
        if (st->groups < 1 || w->dims[0] % st->groups)
            return err_set(c->err, NARU_SHAPE, "group %lld", (long long)st->groups);
        st->n = w->dims[0] / st->groups, st->k = dims_product(w->dims, 1, w->rank);
        read_window(st, c->q.node, w);
    }
    int64_t nz = z ? tensor_count(z) : 1;
    if (nz != 1 && nz != st->n * st->groups) return err_set(c->err, NARU_SHAPE, "%lld zero points of W", (long long)nz);
    int32_t *zero = arena_calloc(c->arena, (size_t)nz, sizeof *zero);
    if (!zero) return err_oom(c->err);
    for (int64_t i = 0; z && i < nz; i++) zero[i] = (int32_t)dtype_get_i64(z->dtype, z->data, i);
    c->consumed |= 1u << st->at->w;
    return pack_groups(c, st, w, zero, nz != 1);
}

/* ---- running ---- */
typedef struct job {
    const run_ctx *r;
    const qp_state *st;
    const k_qgemm *k;
    const k_copy *copy;
    const uint8_t *x; /* A, or the images in NHWC */
    int32_t x_zero, y_zero;
    const double *scales; /* per output column, or NULL: INT32 results */
    const int32_t *bias;
    int64_t rows;   /* of A; of one image: output positions */
    int64_t chunks; /* of one image */
    int64_t in[2], out[2], channels, pad[2];
    char *workspace;
    int64_t per_thread, im2col, sums;
} job;

static const naru_tensor *input(const run_ctx *r, int i) { return i >= 0 && i < r->step->nin ? r->in[i] : NULL; }

static int32_t first_int(const naru_tensor *t) { return t ? (int32_t)dtype_get_i64(t->dtype, t->data, 0) : 0; }

/* Patches of positions [p0, p1) of an image for group g: [tap][channel], x's zero point outside. */
static void gather(const job *j, const uint8_t *image, int64_t g, int64_t p0, int64_t p1, uint8_t *rows) {
    const qp_state *st = j->st;
    int64_t per = j->channels / st->groups;
    for (int64_t p = p0; p < p1; p++) {
        int64_t oy = p / j->out[1], ox = p % j->out[1];
        for (int64_t ky = 0; ky < st->kernel[0]; ky++) {
            int64_t iy = oy * st->stride[0] - j->pad[0] + ky * st->dilation[0];
            for (int64_t kx = 0; kx < st->kernel[1]; kx++, rows += per) {
                int64_t ix = ox * st->stride[1] - j->pad[1] + kx * st->dilation[1];
                bool inside = iy >= 0 && iy < j->in[0] && ix >= 0 && ix < j->in[1];
                if (inside) memcpy(rows, image + (iy * j->in[1] + ix) * j->channels + g * per, (size_t)per);
                else memset(rows, (uint8_t)j->x_zero, (size_t)per);
            }
        }
    }
}

/* Rows of sums become the output's: in place for matrices, transposed to planes for images. */
static void emit(const job *j, const int32_t *sums, int64_t rows, int64_t g, void *y, int64_t plane, uint8_t *narrow) {
    const qp_state *st = j->st;
    bool is_signed = j->r->out[0]->dtype == NARU_INT8;
    if (!j->scales) {
        j->copy->transpose4(y, plane, sums, st->n, rows, st->n);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        j->k->requantize(narrow + i * st->n, sums + i * st->n, st->n, j->bias ? j->bias + g * st->n : NULL,
                         j->scales + g * st->n, 1, j->y_zero, is_signed);
    j->copy->transpose1(y, plane, narrow, st->n, rows, st->n);
}

static void conv_chunks(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const qp_state *st = j->st;
    char *ws = j->workspace + j->per_thread * worker;
    uint8_t *rows = (uint8_t *)ws, *narrow = rows + j->im2col;
    int32_t *sums = (int32_t *)(void *)(ws + j->im2col + j->sums);
    void *inner = (char *)sums + j->sums * 4;
    int64_t size = j->scales ? 1 : 4;
    for (int64_t u = begin; u < end; u++) {
        int64_t image = u / j->chunks, p0 = u % j->chunks * CHUNK, p1 = i64_min(p0 + CHUNK, j->rows);
        for (int64_t g = 0; g < st->groups; g++) {
            gather(j, j->x + image * j->in[0] * j->in[1] * j->channels, g, p0, p1, rows);
            k_qgemm_args a = {rows,       st->k, j->r->in[st->at->x]->dtype == NARU_INT8,
                              &j->x_zero, 0,     st->packed + g * st->group_bytes,
                              p1 - p0,    st->n, st->k,
                              sums,       st->n};
            j->k->run(&a, 0, p1 - p0, 0, k_qgemm_panels(j->k, st->n), inner);
            char *y = (char *)j->r->out[0]->data + ((image * st->groups + g) * st->n * j->rows + p0) * size;
            emit(j, sums, p1 - p0, g, y, j->rows, narrow);
        }
    }
}

static void matrix_chunks(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const qp_state *st = j->st;
    char *ws = j->workspace + j->per_thread * worker;
    int32_t *sums = (int32_t *)(void *)ws;
    const naru_tensor *y = j->r->out[0];
    for (int64_t u = begin; u < end; u++) {
        int64_t p0 = u * CHUNK, p1 = i64_min(p0 + CHUNK, j->rows);
        k_qgemm_args a = {j->x + p0 * st->k,
                          st->k,
                          j->r->in[st->at->x]->dtype == NARU_INT8,
                          &j->x_zero,
                          0,
                          st->packed,
                          p1 - p0,
                          st->n,
                          st->k,
                          j->scales ? sums : (int32_t *)y->data + p0 * st->n,
                          st->n};
        j->k->run(&a, 0, p1 - p0, 0, k_qgemm_panels(j->k, st->n), ws + j->sums * 4);
        for (int64_t i = p0; j->scales && i < p1; i++)
            j->k->requantize((char *)y->data + i * st->n, sums + (i - p0) * st->n, st->n, NULL, j->scales, 1, j->y_zero,
                             y->dtype == NARU_INT8);
    }
}

/* Bytes of the parts of a thread's workspace, and of what all share: scales, and the images in NHWC. */
typedef struct sizes {
    int64_t im2col, sums, per_thread, scales, image;
} sizes;

static sizes sizes_of(const qp_state *st, const naru_tensor *x) {
    sizes s = {.sums = (int64_t)align_up((size_t)(CHUNK * st->n), 64),
               .scales = (int64_t)align_up((size_t)(st->n * st->groups) * sizeof(double), 64)};
    if (st->at->conv)
        s.im2col = (int64_t)align_up((size_t)(CHUNK * st->k), 64),
        s.image = (int64_t)align_up((size_t)tensor_count(x), 64);
    s.per_thread = s.im2col + 5 * s.sums + (int64_t)align_up((size_t)k_qgemm_workspace(st->k), 64);
    return s;
}

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    const qp_state *st = s->state;
    sizes z = sizes_of(st, in[st->at->x]);
    return (size_t)(z.scales + z.image + z.per_thread * threads);
}

/* x_scale * w_scale / y_scale by column. */
static naru_status fill_scales(const run_ctx *r, const qp_state *st, double *out) {
    const naru_tensor *xs = input(r, st->at->x_scale), *ws = input(r, st->at->w_scale), *ys = input(r, st->at->y_scale);
    int64_t n = st->n * st->groups, nw = tensor_count(ws);
    if (nw != 1 && nw != n)
        return err_set(r->err, NARU_SHAPE, "%lld scales of W for %lld columns", (long long)nw, (long long)n);
    for (int64_t i = 0; i < n; i++)
        out[i] = (double)*(const float *)xs->data * (double)((const float *)ws->data)[nw == 1 ? 0 : i] /
                 (double)*(const float *)ys->data;
    return NARU_OK;
}

static naru_status begin(const run_ctx *r, job *j, const sizes *z) {
    const qp_state *st = r->step->state;
    const layout *l = st->at;
    *j = (job){.r = r,
               .st = st,
               .k = k_qgemm_pick(r->step->cpu),
               .copy = k_copy_pick(r->step->cpu),
               .x = r->in[l->x]->data,
               .x_zero = first_int(input(r, l->x_zero)),
               .y_zero = first_int(input(r, l->y_zero)),
               .per_thread = z->per_thread,
               .im2col = z->im2col,
               .sums = z->sums,
               .workspace = (char *)r->workspace + z->scales + z->image};
    const naru_tensor *b = input(r, l->bias);
    if (b) j->bias = b->data;
    if (l->x_scale < 0) return NARU_OK;
    j->scales = r->workspace;
    return fill_scales(r, st, r->workspace);
}

static naru_status run_matrix(const run_ctx *r) {
    const qp_state *st = r->step->state;
    const naru_tensor *x = r->in[st->at->x];
    sizes z = sizes_of(st, x);
    job j;
    TRY(begin(r, &j, &z));
    j.rows = dims_product(x->dims, 0, x->rank - 1);
    if (tensor_count(r->out[0])) parallel_for(r->pool, (j.rows + CHUNK - 1) / CHUNK, 1, matrix_chunks, &j);
    return NARU_OK;
}

typedef struct nhwc_job {
    const k_copy *k;
    uint8_t *d;
    const uint8_t *s;
    int64_t channels, plane;
} nhwc_job;

static void to_nhwc(void *arg, int64_t from, int64_t to, int worker) {
    const nhwc_job *j = arg;
    int64_t n = j->channels * j->plane;
    for (int64_t i = from; i < to; i++)
        j->k->transpose1(j->d + i * n, j->channels, j->s + i * n, j->plane, j->channels, j->plane);
}

static void place_window(job *j, const naru_tensor *x, const naru_tensor *y) {
    const qp_state *st = j->st;
    int axes = x->rank - 2;
    for (int i = 0; i < 2; i++) {
        int a = i - (2 - axes);
        j->in[i] = a < 0 ? 1 : x->dims[2 + a], j->out[i] = a < 0 ? 1 : y->dims[2 + a], j->pad[i] = st->pad[i];
        int64_t total =
            i64_max(0, (j->out[i] - 1) * st->stride[i] + (st->kernel[i] - 1) * st->dilation[i] + 1 - j->in[i]);
        if (st->same_upper) j->pad[i] = total / 2;
        if (st->same_lower) j->pad[i] = (total + 1) / 2;
    }
}

static naru_status run_conv(const run_ctx *r) {
    const qp_state *st = r->step->state;
    const naru_tensor *x = r->in[st->at->x], *y = r->out[0];
    sizes z = sizes_of(st, x);
    job j;
    TRY(begin(r, &j, &z));
    if (tensor_count(y) == 0) return NARU_OK;
    place_window(&j, x, y);
    j.channels = x->dims[1], j.rows = j.out[0] * j.out[1], j.chunks = (j.rows + CHUNK - 1) / CHUNK;
    uint8_t *image = (uint8_t *)r->workspace + z.scales;
    nhwc_job t = {j.copy, image, x->data, j.channels, j.in[0] * j.in[1]};
    parallel_for(r->pool, x->dims[0], 1, to_nhwc, &t);
    j.x = image;
    parallel_for(r->pool, x->dims[0] * j.chunks, 1, conv_chunks, &j);
    return NARU_OK;
}

#define QPRODUCT(symbol, opname, fn)                                                                                   \
    const tactic tactic_##symbol = {                                                                                   \
        .name = "qproduct", .op = opname, .accepts = accepts, .prepare = prepare, .workspace = workspace, .run = fn};
QPRODUCT(matmulinteger, "MatMulInteger", run_matrix)
QPRODUCT(qlinearmatmul, "QLinearMatMul", run_matrix)
QPRODUCT(convinteger, "ConvInteger", run_conv)
QPRODUCT(qlinearconv, "QLinearConv", run_conv)
