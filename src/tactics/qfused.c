/* SPDX-License-Identifier: MIT
 *
 * naru.QConv and naru.QMatMul (ops/util_qfused.h): implicit GEMM over channels-last images of 8 bits (kernels/qgemm,
 * rows()). The image is brought into the kernel's words once (padded with the zero point, channels of each group up to
 * whole words; u8 images that need none of this are read where they are), so that an output position is a pointer and a
 * tap an offset. Weights are packed and the zero points' terms folded into int32 starts at prepare. Threads share
 * chunks of positions times parts of the columns; a chunk's sums go through the epilogue while they are in the cache.
 * One filter per channel (depthwise) sums s16 products along the channels instead.
 */
#include "kernels/qgemm/qgemm.h"
#include "ops/util_qfused.h"
#include "tactics/conv.h"
#include "tactics/util.h"

enum { CHUNK = 56, PART = 4 /* panels at once: the sums of both stay in L1 */, MAX_K = 32768 };

typedef struct state {
    bool conv, depthwise, x_signed;
    const k_qgemm *k;
    int64_t w[NARU_MAX_RANK]; /* dims of W */
    int64_t groups, n, per;   /* of one group: columns, channels */
    int64_t padded, taps;     /* channels up to whole words */
    int64_t element;          /* bytes of an image's element */
    int64_t columns;          /* up to whole panels */
    int64_t group_bytes;
    char *packed;
    int16_t *taps16; /* depthwise: [tap][channel] */
    int32_t *init;   /* groups x columns */
    int32_t x_zero;
    k_qfinish finish;
} state;

static bool is_byte(naru_dtype d) { return d == NARU_INT8 || d == NARU_UINT8; }

static int64_t int_of(const tactic_query *q, int i, int64_t at) {
    if (!q_given(q, i)) return 0;
    const naru_tensor *t = q_tensor(q, i);
    return dtype_get_i64(t->dtype, t->data, tensor_count(t) == 1 ? 0 : at);
}
static double number_of(const tactic_query *q, int i, int64_t at) {
    if (!q_given(q, i)) return 1;
    const naru_tensor *t = q_tensor(q, i);
    return dtype_get_f64(t->dtype, t->data, tensor_count(t) == 1 ? 0 : at);
}

/* ---- accepts ---- */
static const char *check_window(const tactic_query *q) {
    const attr *pads = node_attr(q->node, "pads");
    for (size_t i = 0; pads && pads->kind == ATTR_INTS && i < pads->count; i++)
        if (pads->ints[i] < 0) return "negative pads";
    int rank = q_rank(q, QF_X);
    if (rank < 3 || rank > 5 || q_tensor(q, QF_W)->rank != rank) return "takes 1 to 3 spatial dims";
    int64_t group = attr_int(q->node, "group", 1);
    if (group < 1 || q_tensor(q, QF_W)->dims[0] % group) return "groups do not divide the channels";
    return attr_int(q->node, "channels_last", 0) ? NULL : "image is not channels-last";
}

/* The reference has no bound; here no sum may leave INT32. */
static bool sums_fit(const tactic_query *q, int64_t k) {
    if (k > MAX_K) return false;
    if (!q_given(q, QF_BIAS) || q_dtype(q, QF_BIAS) != NARU_INT32) return true;
    int64_t room = INT32_MAX - k * 255 * 255;
    for (int64_t i = 0, n = tensor_count(q_tensor(q, QF_BIAS)); i < n; i++) {
        int64_t b = int_of(q, QF_BIAS, i);
        if (b > room || b < -room) return false;
    }
    return true;
}

static const char *accepts(const tactic_query *q) {
    bool conv = strcmp(q->node->op_type, "QConv") == 0;
    if (!is_byte(q_dtype(q, QF_X)) || !is_byte(q_dtype(q, QF_W))) return "takes 8-bit integers";
    for (int i = 1; i < QF_INPUTS; i++)
        if (i != QF_Z && q_given(q, i) && !q_const(q, i)) return "a parameter is not constant";
    if (!q_const(q, QF_X_SCALE) || !q_const(q, QF_W_SCALE)) return "scales are missing";
    const naru_tensor *w = q_tensor(q, QF_W);
    if (conv) {
        const char *why = check_window(q);
        if (why) return why;
    } else if (w->rank != 2 || q_rank(q, QF_X) < 2) return "W is not a matrix";
    if (!sums_fit(q, conv ? dims_product(w->dims, 1, w->rank) : w->dims[0])) return "sums may leave INT32";
    return tensor_count(w) ? NULL : "W is empty";
}

/* ---- prepare ---- */
static k_qtype type_of(naru_dtype d) {
    return d == NARU_INT8 ? K_Q_S8 : d == NARU_UINT8 ? K_Q_U8 : d == NARU_FLOAT ? K_Q_F32 : K_Q_NONE;
}

static void set_bounds(k_qfinish *f, const node *n, float y_scale) {
    const char *name = attr_str(n, "activation", "");
    const attr *p = node_attr(n, "activation_params");
    bool given = p && p->kind == ATTR_FLOATS;
    f->lo = -INFINITY, f->hi = INFINITY;
    if (strcmp(name, "Relu") == 0) f->lo = 0;
    if (strcmp(name, "Clip") == 0 && given && p->count > 0) f->lo = (double)(p->floats[0] / y_scale);
    if (strcmp(name, "Clip") == 0 && given && p->count > 1) f->hi = (double)(p->floats[1] / y_scale);
    if (f->y == K_Q_F32) return;
    double low = (f->y == K_Q_S8 ? -128 : 0) - f->y_zero, high = (f->y == K_Q_S8 ? 127 : 255) - f->y_zero;
    f->lo = f->lo > low ? f->lo < high ? f->lo : high : low;
    f->hi = f->hi < high ? f->hi > low ? f->hi : low : high;
}

static naru_status prepare_finish(prepare_ctx *c, state *st) {
    const tactic_query *q = &c->q;
    int64_t m = st->groups * st->n;
    double *scale = c->weights(c, (size_t)m * sizeof(double) + 64), *b = c->weights(c, (size_t)m * sizeof(double) + 64);
    float *mf = c->weights(c, (size_t)m * sizeof(float) + 64), *bf = c->weights(c, (size_t)m * sizeof(float) + 64);
    if (!scale || !b || !mf || !bf) return err_oom(c->err);
    double xs = number_of(q, QF_X_SCALE, 0), ys = number_of(q, QF_Y_SCALE, 0);
    bool real = q_given(q, QF_BIAS) && q_dtype(q, QF_BIAS) == NARU_FLOAT;
    for (int64_t i = 0; i < m && !c->reuse; i++) {
        scale[i] = xs * number_of(q, QF_W_SCALE, i) / ys;
        b[i] = real ? number_of(q, QF_BIAS, i) / ys : 0;
        mf[i] = (float)scale[i], bf[i] = (float)b[i];
    }
    st->finish = (k_qfinish){.m = scale,
                             .b = b,
                             .z = type_of(q_dtype(q, QF_Z)),
                             .y = type_of(q->out[0].type.dtype),
                             .z_zero = (int32_t)int_of(q, QF_Z_ZERO, 0),
                             .y_zero = (int32_t)int_of(q, QF_Y_ZERO, 0),
                             .zm = number_of(q, QF_Z_SCALE, 0) / ys,
                             .mf = mf,
                             .bf = bf};
    set_bounds(&st->finish, q->node, (float)ys);
    k_qfinish_narrow(&st->finish, m);
    return NARU_OK;
}

/* W of group g as [taps][padded channels][columns]; what is added is the zero point, which packing makes 0. */
static void reorder(const state *st, const tactic_query *q, int64_t g, uint8_t *out) {
    const uint8_t *w = q_tensor(q, QF_W)->data;
    for (int64_t j = 0; j < st->n; j++) {
        int64_t col = g * st->n + j;
        uint8_t zero = (uint8_t)int_of(q, QF_W_ZERO, col);
        for (int64_t t = 0; t < st->taps; t++)
            for (int64_t c = 0; c < st->padded; c++) {
                int64_t at = st->conv ? (col * st->per + c) * st->taps + t : c * st->n + j;
                out[(t * st->padded + c) * st->n + j] = c < st->per ? w[at] : zero;
            }
    }
}

static void start_sums(state *st, const tactic_query *q, int64_t g, int64_t k) {
    int32_t *init = st->init + g * st->columns;
    bool whole = q_given(q, QF_BIAS) && q_dtype(q, QF_BIAS) == NARU_INT32;
    uint32_t za = (uint32_t)st->x_zero + (st->x_signed ? 128 : 0);
    for (int64_t j = 0; j < st->n; j++) {
        const char *panel = st->packed + g * st->group_bytes + j / st->k->nr * k_qgemm_panel_bytes(st->k, k);
        uint32_t v = whole ? (uint32_t)int_of(q, QF_BIAS, g * st->n + j) : 0;
        if (st->k->group == 4) v -= za * (uint32_t)k_qgemm_sums(st->k, panel, k)[j % st->k->nr];
        init[j] = (int32_t)v;
    }
}

static naru_status pack(prepare_ctx *c, state *st) {
    int64_t k = st->taps * st->padded, m = st->n * st->groups;
    st->group_bytes = (int64_t)align_up((size_t)k_qgemm_packed_bytes(st->k, st->n, k), 64);
    st->packed = c->weights(c, (size_t)(st->group_bytes * st->groups) + 64);
    if (c->reuse) return st->packed ? NARU_OK : err_oom(c->err);
    uint8_t *tmp = mem_alloc((size_t)(st->n * k) + 1);
    int32_t *zero = mem_alloc((size_t)m * sizeof *zero + 4);
    if (st->packed && tmp && zero) {
        for (int64_t i = 0; i < m; i++) zero[i] = (int32_t)int_of(&c->q, QF_W_ZERO, i);
        for (int64_t g = 0; g < st->groups; g++) {
            reorder(st, &c->q, g, tmp);
            k_qgemm_src s = {tmp, q_dtype(&c->q, QF_W) == NARU_INT8, st->n, k, st->n, 1, zero + g * st->n, 1};
            k_qgemm_pack(st->k, st->packed + g * st->group_bytes, &s);
            start_sums(st, &c->q, g, k);
        }
    }
    bool ok = st->packed && tmp && zero;
    mem_free(tmp);
    mem_free(zero);
    return ok ? NARU_OK : err_oom(c->err);
}

static naru_status pack_depthwise(prepare_ctx *c, state *st) {
    const naru_tensor *w = q_tensor(&c->q, QF_W);
    bool whole = q_given(&c->q, QF_BIAS) && q_dtype(&c->q, QF_BIAS) == NARU_INT32;
    st->taps16 = c->weights(c, (size_t)(st->groups * st->taps) * 2 + 64);
    if (!st->taps16) return err_oom(c->err);
    for (int64_t i = 0; i < st->groups && !c->reuse; i++) {
        st->init[i] = whole ? (int32_t)int_of(&c->q, QF_BIAS, i) : 0;
        for (int64_t t = 0; t < st->taps; t++)
            st->taps16[t * st->groups + i] =
                (int16_t)(dtype_get_i64(w->dtype, w->data, i * st->taps + t) - int_of(&c->q, QF_W_ZERO, i));
    }
    return NARU_OK;
}

/* Quadruples where they can be: not for depthwise, nor where a weight's zero point does not vanish in s8. */
static const k_qgemm *kernel_for(const tactic_query *q, const state *st) {
    const k_qgemm *k = k_qgemm_pick(q->cpu);
    bool quads = !st->depthwise;
    for (int64_t i = 0; i < st->groups * st->n && quads; i++)
        quads = k_qgemm_rows_ok(k, (int32_t)int_of(q, QF_W_ZERO, i), q_dtype(q, QF_W) == NARU_INT8);
    return quads || k->group == 2 ? k : k_qgemm_pick(CPU_AVX512);
}

static naru_status prepare(prepare_ctx *c, step *s) {
    const tactic_query *q = &c->q;
    const naru_tensor *w = q_tensor(q, QF_W);
    state *st = arena_calloc(c->arena, 1, sizeof *st);
    if (!(s->state = st)) return err_oom(c->err);
    st->conv = strcmp(q->node->op_type, "QConv") == 0;
    memcpy(st->w, w->dims, sizeof st->w);
    st->groups = st->conv ? attr_int(q->node, "group", 1) : 1;
    st->n = st->conv ? w->dims[0] / st->groups : w->dims[1], st->per = st->conv ? w->dims[1] : w->dims[0];
    st->taps = st->conv ? dims_product(w->dims, 2, w->rank) : 1;
    st->depthwise = st->conv && st->per == 1 && st->n == 1 && st->groups > 1;
    st->x_signed = q_dtype(q, QF_X) == NARU_INT8, st->x_zero = (int32_t)int_of(q, QF_X_ZERO, 0);
    st->k = kernel_for(q, st);
    st->element = 4 / st->k->group;
    st->padded = st->depthwise ? 1 : (st->per + st->k->group - 1) / st->k->group * st->k->group;
    st->columns = st->depthwise ? 1 : k_qgemm_panels(st->k, st->n) * st->k->nr;
    size_t size = (size_t)(st->groups * st->columns) * sizeof(int32_t) + 64;
    if (!(st->init = c->weights(c, size))) return err_oom(c->err);
    if (!c->reuse) memset(st->init, 0, size);
    TRY(st->depthwise ? pack_depthwise(c, st) : pack(c, st));
    TRY(prepare_finish(c, st));
    for (int i = 1; i < s->nin; i++)
        if (i != QF_Z && q_const(q, i)) c->consumed |= 1u << i;
    return NARU_OK;
}

/* ---- running ---- */
typedef struct plan {
    k_conv_geom v;
    int64_t images, pin[3]; /* padded size */
    bool copied;            /* else X is read in place */
    int64_t pixel;          /* bytes of an image's pixel */
    int64_t rows;           /* output positions of all images */
    int64_t chunk, chunks;
    int64_t taps, words; /* of rows(): a row of a kernel is one tap where its pixels lie together */
    int64_t part, parts; /* panels */
    int64_t image_bytes, offset_bytes, thread_bytes;
} plan;

static void place(const state *st, const step *s, const naru_tensor *x, const naru_tensor *y, plan *p) {
    if (st->conv) {
        conv_shape shape = conv_shape_of(s->node, x->dims, st->w, y->dims, x->rank, true);
        p->v = shape.v, p->images = shape.n;
        return;
    }
    p->images = 1;
    for (int d = 0; d < 3; d++)
        p->v.in[d] = p->v.out[d] = p->v.kernel[d] = p->v.stride[d] = p->v.dilation[d] = 1, p->v.pad[d] = 0;
    p->v.in[2] = p->v.out[2] = dims_product(x->dims, 0, x->rank - 1);
}

static plan plan_of(const state *st, const step *s, const naru_tensor *x, const naru_tensor *y, int threads) {
    plan p = {0};
    place(st, s, x, y, &p);
    p.copied = st->element != 1 || st->x_signed || st->padded != st->per;
    p.rows = p.images;
    int64_t pixels = p.images;
    for (int d = 0; d < 3; d++) {
        int64_t need = (p.v.out[d] - 1) * p.v.stride[d] + (p.v.kernel[d] - 1) * p.v.dilation[d] + 1;
        p.pin[d] = i64_max(need, p.v.in[d] + p.v.pad[d]);
        if (p.pin[d] != p.v.in[d]) p.copied = true;
        pixels *= p.pin[d], p.rows *= p.v.out[d];
    }
    p.pixel = st->groups * st->padded * st->element;
    p.chunks = (p.rows + CHUNK - 1) / CHUNK, p.chunk = ((p.rows + p.chunks - 1) / p.chunks + 3) / 4 * 4;
    p.chunks = (p.rows + p.chunk - 1) / p.chunk;
    bool together = st->groups == 1 && p.v.dilation[2] == 1;
    p.taps = together ? st->taps / p.v.kernel[2] : st->taps;
    p.words = (together ? p.v.kernel[2] : 1) * st->padded / st->k->group;
    int64_t panels = st->columns / st->k->nr;
    p.part = i64_min(panels, PART), p.parts = 1;
    if (!st->depthwise) {
        while (p.part > 1 && p.chunks * ((panels + p.part - 1) / p.part) < 2 * threads) p.part = (p.part + 1) / 2;
        p.parts = (panels + p.part - 1) / p.part;
    }
    p.image_bytes = p.copied ? (int64_t)align_up((size_t)(pixels * p.pixel) + 64, 64) : 0;
    p.offset_bytes = (int64_t)align_up((size_t)st->taps * sizeof(int64_t), 64);
    int64_t sums = st->depthwise ? st->groups + 2 : CHUNK * PART * st->k->nr;
    p.thread_bytes = (int64_t)align_up((size_t)(sums * 4 + (CHUNK + K_QGEMM_MR) * (int64_t)sizeof(void *)), 64);
    return p;
}

static size_t workspace(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads) {
    plan p = plan_of(s->state, s, in[QF_X], out[0], threads);
    return (size_t)(p.image_bytes + p.offset_bytes + p.thread_bytes * threads);
}

typedef struct job {
    const state *st;
    plan p;
    const uint8_t *x, *image;
    uint8_t *copy;
    char *y;
    const char *z;
    int64_t *offset;
    char *threads;
} job;

/* Pictures of three channels, group 4. A fourth byte meets weights that are 0, so that it may be the next pixel's;
 * nothing is read behind the last pixel. */
static void widen_three(uint8_t *d, const uint8_t *x, int64_t pixels, uint8_t flip) {
    const uint32_t flips = flip * 0x01010101u;
    for (int64_t i = 0; i + 1 < pixels; i++) {
        uint32_t word;
        memcpy(&word, x + 3 * i, 4);
        word ^= flips;
        memcpy(d + 4 * i, &word, 4);
    }
    for (int64_t i = 3 * (pixels - 1), c = 0; pixels > 0 && c < 3; c++) d[4 * (pixels - 1) + c] = x[i + c] ^ flip;
}

/* Pixels whose channels are fewer than whole words. */
static void widen_few(const job *j, uint8_t *d, const uint8_t *x, int64_t pixels) {
    const state *st = j->st;
    int64_t per = st->per, units = pixels * st->groups;
    uint8_t flip = st->x_signed ? 0x80 : 0;
    if (st->element == 1 && per == 3) {
        widen_three(d, x, units, flip);
        return;
    }
    if (st->element == 1) {
        for (int64_t i = 0; i < units; i++)
            for (int64_t c = 0; c < per; c++) d[i * st->padded + c] = x[i * per + c] ^ flip;
        return;
    }
    int16_t *wide = (int16_t *)(void *)d;
    int32_t zero = st->x_zero + (flip ? 128 : 0);
    for (int64_t i = 0; i < units; i++)
        for (int64_t c = 0; c < per; c++) wide[i * st->padded + c] = (int16_t)((x[i * per + c] ^ flip) - zero);
}

/* Rows of the padded image. */
static void make_image(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const state *st = j->st;
    const plan *p = &j->p;
    int fill = st->element == 2 ? 0 : (uint8_t)(st->x_zero ^ (st->x_signed ? 0x80 : 0));
    int64_t channels = st->groups * st->per;
    for (int64_t r = begin; r < end; r++) {
        int64_t iy = r % p->pin[1] - p->v.pad[1], iz = r / p->pin[1] % p->pin[0] - p->v.pad[0],
                n = r / p->pin[1] / p->pin[0];
        uint8_t *d = j->copy + r * p->pin[2] * p->pixel;
        bool inside = iy >= 0 && iy < p->v.in[1] && iz >= 0 && iz < p->v.in[0];
        int64_t row = p->v.in[2] * p->pixel, left = inside ? p->v.pad[2] * p->pixel : p->pin[2] * p->pixel;
        bool few = st->padded != st->per;
        memset(d, fill, (size_t)(few ? p->pin[2] * p->pixel : left));
        if (!inside) continue;
        const uint8_t *x = j->x + ((n * p->v.in[0] + iz) * p->v.in[1] + iy) * p->v.in[2] * channels;
        if (few && st->per < 16) widen_few(j, d + left, x, p->v.in[2]);
        else if (few)
            for (int64_t i = 0; i < p->v.in[2] * st->groups; i++)
                st->k->widen(d + left + i * st->padded * st->element, x + i * st->per, st->per, st->x_zero,
                             st->x_signed);
        else st->k->widen(d + left, x, p->v.in[2] * channels, st->x_zero, st->x_signed);
        if (!few) memset(d + left + row, fill, (size_t)(p->pin[2] * p->pixel - left - row));
    }
}

/* Where the windows of output positions [from, from + n) begin. */
static void point(const job *j, int64_t from, int64_t n, const uint8_t **rows) {
    const plan *p = &j->p;
    const k_conv_geom *v = &p->v;
    int64_t ox = from % v->out[2], oy = from / v->out[2] % v->out[1], oz = from / v->out[2] / v->out[1] % v->out[0],
            image = from / v->out[2] / v->out[1] / v->out[0];
    for (int64_t i = 0; i < n; i++) {
        int64_t z = image * p->pin[0] + oz * v->stride[0], y = z * p->pin[1] + oy * v->stride[1];
        rows[i] = j->image + (y * p->pin[2] + ox * v->stride[2]) * p->pixel;
        if (++ox < v->out[2]) continue;
        ox = 0;
        if (++oy < v->out[1]) continue;
        oy = 0;
        if (++oz < v->out[0]) continue;
        oz = 0, image++;
    }
    for (int64_t i = n; i < n + K_QGEMM_MR; i++) rows[i] = rows[n - 1];
}

/* The epilogue of columns [column, column + n) of rows [from, from + rows). */
static void finish(const job *j, const int32_t *c, int64_t ldc, int64_t from, int64_t rows, int64_t column, int64_t n) {
    const state *st = j->st;
    const k_qfinish *f = &st->finish;
    int64_t ld = st->groups * st->n, at = from * ld + column;
    k_qepilogue e = {j->y + at * (f->y == K_Q_F32 ? 4 : 1),
                     j->z ? j->z + at * (f->z == K_Q_F32 ? 4 : 1) : NULL,
                     ld,
                     c,
                     ldc,
                     column,
                     rows,
                     n};
    st->k->finish(&e, f);
}

static void units(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const state *st = j->st;
    const plan *p = &j->p;
    int32_t *sums = (int32_t *)(void *)(j->threads + p->thread_bytes * worker);
    const uint8_t **rows = (const uint8_t **)(void *)(sums + CHUNK * PART * st->k->nr);
    int64_t panels = st->columns / st->k->nr, panel_bytes = k_qgemm_panel_bytes(st->k, st->taps * st->padded);
    for (int64_t u = begin; u < end; u++) {
        int64_t from = u / p->parts * p->chunk, n = i64_min(p->chunk, p->rows - from), p0 = u % p->parts * p->part,
                np = i64_min(p->part, panels - p0), column = p0 * st->k->nr,
                count = i64_min(np * st->k->nr, st->n - column);
        if (u == begin || p0 == 0 || st->groups > 1) point(j, from, n, rows);
        for (int64_t g = 0; g < st->groups; g++) {
            k_qgemm_rows a = {rows,
                              j->offset,
                              p->taps,
                              p->words,
                              st->packed + g * st->group_bytes + p0 * panel_bytes,
                              st->init + g * st->columns + column,
                              sums,
                              np * st->k->nr};
            st->k->rows(&a, n, 0, np);
            finish(j, sums, a.ldc, from, n, g * st->n + column, count);
            for (int64_t i = 0; i < n + K_QGEMM_MR && g + 1 < st->groups; i++) rows[i] += st->padded * st->element;
        }
    }
}

static void depthwise(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const state *st = j->st;
    int32_t *sums = (int32_t *)(void *)(j->threads + j->p.thread_bytes * worker);
    const uint8_t **rows = (const uint8_t **)(void *)(sums + (st->groups + 1) / 2 * 2);
    for (int64_t u = begin; u < end; u++) {
        int64_t from = u * j->p.chunk, n = i64_min(j->p.chunk, j->p.rows - from);
        point(j, from, n, rows);
        for (int64_t i = 0; i < n; i++) {
            st->k->depthwise(sums, (const int16_t *)(const void *)rows[i], j->offset, st->taps, st->taps16, st->init,
                             st->groups);
            finish(j, sums, 0, from + i, 1, 0, st->groups);
        }
    }
}

static void set_offsets(const job *j) {
    const plan *p = &j->p;
    const k_conv_geom *v = &p->v;
    int64_t unit = j->st->depthwise ? p->pixel / j->st->element : p->pixel, t = 0;
    int64_t across = !j->st->depthwise && p->taps < j->st->taps ? 1 : v->kernel[2];
    for (int64_t z = 0; z < v->kernel[0]; z++)
        for (int64_t y = 0; y < v->kernel[1]; y++)
            for (int64_t x = 0; x < across; x++, t++)
                j->offset[t] =
                    ((z * v->dilation[0] * p->pin[1] + y * v->dilation[1]) * p->pin[2] + x * v->dilation[2]) * unit;
}

static naru_status run(const run_ctx *r) {
    const state *st = r->step->state;
    const naru_tensor *x = r->in[QF_X], *z = r->step->nin > QF_Z ? r->in[QF_Z] : NULL;
    if (tensor_count(r->out[0]) == 0) return NARU_OK;
    job j = {.st = st, .p = plan_of(st, r->step, x, r->out[0], pool_threads(r->pool)), .x = x->data};
    const plan *p = &j.p;
    j.copy = r->workspace, j.image = p->copied ? j.copy : j.x;
    j.offset = (int64_t *)(void *)(j.copy + p->image_bytes), j.threads = (char *)j.offset + p->offset_bytes;
    j.y = r->out[0]->data, j.z = z ? z->data : NULL;
    set_offsets(&j);
    if (p->copied)
        parallel_for(r->pool, p->images * p->pin[0] * p->pin[1], 1 + 32768 / (p->pin[2] * p->pixel + 1), make_image,
                     &j);
    if (st->depthwise) {
        parallel_for(r->pool, p->chunks, 1 + 100000 / (p->chunk * st->groups * st->taps + 1), depthwise, &j);
        return NARU_OK;
    }
    int64_t cost = p->chunk * st->taps * st->padded * p->part * st->k->nr;
    parallel_for(r->pool, p->chunks * p->parts, 1 + 1000000 / (cost + 1), units, &j);
    return NARU_OK;
}

const tactic tactic_qconv = {.name = "qproduct.rows",
                             .op = "QConv",
                             .domain = "naru",
                             .accepts = accepts,
                             .prepare = prepare,
                             .workspace = workspace,
                             .run = run};
const tactic tactic_qmatmul = {.name = "qproduct.rows",
                               .op = "QMatMul",
                               .domain = "naru",
                               .accepts = accepts,
                               .prepare = prepare,
                               .workspace = workspace,
                               .run = run};
