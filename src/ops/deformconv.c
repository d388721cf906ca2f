/* SPDX-License-Identifier: MIT
 *
 * DeformConv: a 2-D convolution whose sampling points move: each kernel point of each output position reads X
 * bilinearly at its place plus (dy, dx) from offset, times mask. [ONNX DeformConv-22]
 *
 * Shapes: X [N, C, H, W], W [M, C/group, kh, kw], offset [N, offset_group kh kw 2, OH, OW] (kernel point after kernel
 * point, y before x), B [M], mask [N, offset_group kh kw, OH, OW] -> Y [N, M, OH, OW], sizes as for Conv. Types:
 * floats. Versions: 19, 22 (bfloat16). Edge cases: points outside X read 0; half outside they weigh what is inside.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "ops/util_pool.h"
#include "tensor/dtype.h"

enum { DILATIONS, GROUP, KERNEL_SHAPE, OFFSET_GROUP, PADS, STRIDES };
static const attr_def attrs[] = {
    ATTR_OPT("dilations", ATTR_INTS),
    ATTR_I("group", 1),
    ATTR_OPT("kernel_shape", ATTR_INTS),
    ATTR_I("offset_group", 1),
    ATTR_OPT("pads", ATTR_INTS),
    ATTR_OPT("strides", ATTR_INTS),
    {0},
};
static const window_attrs k_window = {KERNEL_SHAPE, STRIDES, DILATIONS, PADS, -1, -1};
enum { X, W, OFFSET, B, MASK };

static naru_status check_channels(infer_ctx *c, int64_t group, int64_t offsets) {
    dim_t ch = in_dim(c, X, 1), m = in_dim(c, W, 0);
    if (dim_is_const(ch) && (ch % group || ch % offsets))
        return op_fail(c, NARU_SHAPE, "%lld channels do not divide into %lld groups and %lld offset groups",
                       (long long)ch, (long long)group, (long long)offsets);
    if (dim_is_const(m) && m % group)
        return op_fail(c, NARU_SHAPE, "%lld filters do not divide into %lld groups", (long long)m, (long long)group);
    TRY(util_same_dim(c, in_dim(c, W, 1), sym_div(c->syms, ch, group), "the weight's number of channels"));
    TRY(util_need_rank(c, B, 1, "the bias"));
    return in_rank(c, B) == 1 ? util_same_dim(c, in_dim(c, B, 0), m, "the bias's length") : NARU_OK;
}

static naru_status check_moves(infer_ctx *c, int i, dim_t deep, const dim_t *out) {
    TRY(util_need_rank(c, i, 4, i == OFFSET ? "offset" : "mask"));
    if (in_rank(c, i) != 4) return NARU_OK;
    TRY(util_same_dim(c, in_dim(c, i, 0), out[0], "the offset's batch"));
    TRY(util_same_dim(c, in_dim(c, i, 1), deep, "the offset's number of planes"));
    TRY(util_same_dim(c, in_dim(c, i, 2), out[2], "the offset's height"));
    return util_same_dim(c, in_dim(c, i, 3), out[3], "the offset's width");
}

static naru_status infer(infer_ctx *c) {
    int64_t group = node_i(c->node, GROUP), offsets = node_i(c->node, OFFSET_GROUP);
    if (group < 1 || offsets < 1 || group > INT32_MAX || offsets > INT32_MAX)
        return op_fail(c, NARU_BAD_MODEL, "group %lld, offset_group %lld", (long long)group, (long long)offsets);
    if (in_rank(c, X) >= 0 && in_rank(c, X) != 4)
        return op_fail(c, NARU_UNSUPPORTED, "X has rank %d; only two spatial axes are supported", in_rank(c, X));
    TRY(util_need_rank(c, W, 4, "W"));
    if (in_rank(c, X) < 0 || in_rank(c, W) < 0)
        return out_tensor(c, 0, in_dtype(c, X), 4, (dim_t[]){DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN}),
               NARU_OK;
    TRY(check_channels(c, group, offsets));
    window w;
    TRY(window_read(c->node, &k_window, 2, &w, c->err));
    dim_t dims[4] = {in_dim(c, X, 0), in_dim(c, W, 0), DIM_UNKNOWN, DIM_UNKNOWN}, points = offsets;
    for (int d = 0; d < 2; d++) {
        dim_t k = in_dim(c, W, d + 2);
        if (w.kernel[d]) TRY(util_same_dim(c, k, w.kernel[d], "the weight's kernel size"));
        if (dim_is_const(k) && k < 1) return op_fail(c, NARU_SHAPE, "the kernel has size %lld", (long long)k);
        if (!w.kernel[d] && dim_is_const(k) && k <= INT32_MAX) w.kernel[d] = k;
        points = w.kernel[d] ? sym_mul(c->syms, points, w.kernel[d]) : DIM_UNKNOWN;
        if (w.kernel[d]) TRY(window_out(&w, d, in_dim(c, X, d + 2), c->syms, &dims[d + 2], c->err));
    }
    TRY(check_moves(c, OFFSET, sym_mul(c->syms, points, 2), dims));
    if (in_given(c, MASK)) TRY(check_moves(c, MASK, points, dims));
    out_tensor(c, 0, in_dtype(c, X), 4, dims);
    return NARU_OK;
}

static double bilinear(const double *x, int64_t h, int64_t w, double py, double px) {
    if (!(py > -1 && py < (double)h && px > -1 && px < (double)w)) return 0;
    double fy = floor(py), fx = floor(px), ly = py - fy, lx = px - fx, sum = 0;
    for (int k = 0; k < 4; k++) {
        int64_t y = (int64_t)fy + k / 2, q = (int64_t)fx + k % 2;
        if (y >= 0 && y < h && q >= 0 && q < w) sum += (k / 2 ? ly : 1 - ly) * (k % 2 ? lx : 1 - lx) * x[y * w + q];
    }
    return sum;
}

typedef struct job {
    const window *w;
    const naru_tensor *x, *y;
    const double *xd, *wd, *offset, *mask;
    int64_t group, offsets, channels, filters, points;
} job;

/* What the taps of channel c read at output position o: one value per kernel point. */
static void sample(const job *j, int64_t n, int64_t c, int64_t o, double *out) {
    int64_t h = j->x->dims[2], w = j->x->dims[3], oh = j->y->dims[2], ow = j->y->dims[3],
            g = c / (j->channels / j->offsets);
    const double *plane = j->xd + (n * j->channels + c) * h * w;
    for (int64_t k = 0; k < j->points; k++) {
        int64_t at = (n * j->offsets + g) * j->points + k;
        double dy = j->offset[(2 * at * oh + o / ow) * ow + o % ow],
               dx = j->offset[((2 * at + 1) * oh + o / ow) * ow + o % ow];
        double y = (double)(o / ow * j->w->stride[0] - j->w->begin[0] + k / j->w->kernel[1] * j->w->dilation[0]) + dy;
        double x = (double)(o % ow * j->w->stride[1] - j->w->begin[1] + k % j->w->kernel[1] * j->w->dilation[1]) + dx;
        out[k] = bilinear(plane, h, w, y, x) * (j->mask ? j->mask[at * oh * ow + o] : 1);
    }
}

static void run(const job *j, const double *bias, naru_tensor *y, double *taps) {
    int64_t plane = y->dims[2] * y->dims[3], per_in = j->channels / j->group, per_out = j->filters / j->group;
    for (int64_t n = 0; n < y->dims[0]; n++)
        for (int64_t o = 0; o < plane; o++) {
            for (int64_t c = 0; c < j->channels; c++) sample(j, n, c, o, taps + c * j->points);
            for (int64_t m = 0; m < j->filters; m++) {
                double sum = bias ? bias[m] : 0;
                const double *from = taps + m / per_out * per_in * j->points, *weight = j->wd + m * per_in * j->points;
                for (int64_t k = 0; k < per_in * j->points; k++) sum += from[k] * weight[k];
                dtype_write_f64(y->dtype, y->data, (n * j->filters + m) * plane + o, 1, &sum, true);
            }
        }
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, X), *wt = eval_in(c, W), *b = eval_in(c, B), *mask = eval_in(c, MASK);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    window w;
    TRY(window_read(c->node, &k_window, 2, &w, c->err));
    w.kernel[0] = wt->dims[2], w.kernel[1] = wt->dims[3];
    job j = {&w,
             x,
             y,
             eval_f64(c, x),
             eval_f64(c, wt),
             eval_f64(c, eval_in(c, OFFSET)),
             mask ? eval_f64(c, mask) : NULL,
             node_i(c->node, GROUP),
             node_i(c->node, OFFSET_GROUP),
             x->dims[1],
             wt->dims[0],
             w.kernel[0] * w.kernel[1]};
    const double *bias = b ? eval_f64(c, b) : NULL;
    double *taps = eval_scratch(c, (size_t)(j.channels * j.points) * sizeof *taps);
    if (!j.xd || !j.wd || !j.offset || (mask && !j.mask) || (b && !bias) || !taps) return NARU_OUT_OF_MEMORY;
    run(&j, bias, y, taps);
    return NARU_OK;
}

const op_desc op_DeformConv = {
    .name = "DeformConv",
    .versions = (const short[]){19, 22, 0},
    .sig = "X:T, W:T, offset:T, B:T?, mask:T? -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
