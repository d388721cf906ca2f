/* SPDX-License-Identifier: MIT
 *
 * MaxPool of 8 bits, channels-last (naru.LastMaxPool: whole pixels at once, kernels/qgemm) and channels-first, one and
 * two spatial dims. An output without taps is the type's least value.
 */
#include "kernels/pool/pool.h"
#include "kernels/qgemm/qgemm.h"
#include "tactics/conv.h"
#include "tactics/util.h"

typedef struct job {
    const k_qgemm *k;
    k_conv_geom v;
    int64_t c;
    bool is_signed;
    uint8_t *y;
    const uint8_t *x;
} job;

static const char *accepts(const tactic_query *q) {
    if (q_dtype(q, 0) != NARU_INT8 && q_dtype(q, 0) != NARU_UINT8) return "takes 8-bit integers";
    if (q_rank(q, 0) != 3 && q_rank(q, 0) != 4) return "takes one or two spatial dims";
    return q->nout > 1 && q->node->out[1] ? "indices are wanted" : NULL;
}

/* Output rows of channels-last images. */
static void last_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const k_conv_geom *v = &j->v;
    for (int64_t r = begin; r < end; r++) {
        int64_t y0 = r % v->out[1] * v->stride[1] - v->pad[1], ylo, yhi;
        k_pool_taps(y0, v->kernel[1], v->dilation[1], v->in[1], &ylo, &yhi);
        const uint8_t *image = j->x + r / v->out[1] * v->in[1] * v->in[2] * j->c;
        for (int64_t ox = 0; ox < v->out[2]; ox++) {
            int64_t x0 = ox * v->stride[2] - v->pad[2], xlo, xhi;
            uint8_t *to = j->y + (r * v->out[2] + ox) * j->c;
            k_pool_taps(x0, v->kernel[2], v->dilation[2], v->in[2], &xlo, &xhi);
            memset(to, j->is_signed ? 0x80 : 0, (size_t)j->c);
            for (int64_t a = ylo; a < yhi; a++)
                for (int64_t b = xlo; b < xhi; b++)
                    j->k->max(to, image + ((y0 + a * v->dilation[1]) * v->in[2] + x0 + b * v->dilation[2]) * j->c, j->c,
                              j->is_signed);
        }
    }
}

static uint8_t first_cell(const job *j, const uint8_t *plane, int64_t y0, int64_t x0) {
    const k_conv_geom *v = &j->v;
    int64_t ylo, yhi, xlo, xhi;
    uint8_t flip = j->is_signed ? 0x80 : 0, best = 0; /* in the order of unsigned numbers */
    k_pool_taps(y0, v->kernel[1], v->dilation[1], v->in[1], &ylo, &yhi);
    k_pool_taps(x0, v->kernel[2], v->dilation[2], v->in[2], &xlo, &xhi);
    for (int64_t a = ylo; a < yhi; a++)
        for (int64_t b = xlo; b < xhi; b++) {
            uint8_t t = plane[(y0 + a * v->dilation[1]) * v->in[2] + x0 + b * v->dilation[2]] ^ flip;
            best = t > best ? t : best;
        }
    return best ^ flip;
}

static void planes(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    const k_conv_geom *v = &j->v;
    for (int64_t p = begin; p < end; p++)
        for (int64_t oy = 0; oy < v->out[1]; oy++)
            for (int64_t ox = 0; ox < v->out[2]; ox++)
                j->y[(p * v->out[1] + oy) * v->out[2] + ox] = first_cell(
                    j, j->x + p * v->in[1] * v->in[2], oy * v->stride[1] - v->pad[1], ox * v->stride[2] - v->pad[2]);
}

static naru_status run_max(const run_ctx *r, bool last) {
    const naru_tensor *x = r->in[0], *y = r->out[0];
    const node *n = r->step->node;
    if (tensor_count(y) == 0) return NARU_OK;
    int64_t w[NARU_MAX_RANK] = {1, 1};
    for (int d = 2; d < x->rank; d++) w[d] = attr_int_at(n, "kernel_shape", (size_t)d - 2, 1);
    conv_shape s = conv_shape_of(n, x->dims, w, y->dims, x->rank, last);
    job j = {.k = k_qgemm_pick(r->step->cpu),
             .v = s.v,
             .c = s.c,
             .is_signed = x->dtype == NARU_INT8,
             .y = y->data,
             .x = x->data};
    int64_t cost = s.out_pixels * s.taps + 1;
    if (last) parallel_for(r->pool, s.n * s.v.out[1], 1 + 65536 / (cost * s.c / s.v.out[1] + 1), last_rows, &j);
    else parallel_for(r->pool, s.n * s.c, 1 + 16384 / cost, planes, &j);
    return NARU_OK;
}

static naru_status run_last(const run_ctx *r) { return run_max(r, true); }
static naru_status run_first(const run_ctx *r) { return run_max(r, false); }

const tactic tactic_qmaxpool = {.name = "pool.bytes", .op = "MaxPool", .accepts = accepts, .run = run_first};
const tactic tactic_qlastmaxpool = {
    .name = "pool.bytes", .op = "LastMaxPool", .domain = "naru", .accepts = accepts, .run = run_last};
