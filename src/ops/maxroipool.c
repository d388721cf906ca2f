/* SPDX-License-Identifier: MIT
 *
 * MaxRoiPool: the maximum of X over each cell of a fixed grid laid over each region of interest. [ONNX MaxRoiPool-22]
 *
 * Shapes: X [N, C, H, W], rois [R, 5] = (batch, x1, y1, x2, y2) -> Y [R, C, pooled_shape]. Corners times spatial_scale
 * are rounded (halves away from zero) and inclusive; a roi is at least 1x1; cell i of n spans floor(i size / n) up to
 * ceil((i + 1) size / n), cut to X. Types: floats. Versions: 1, 22 (bfloat16). Edge cases: an empty cell gives 0.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "tensor/dtype.h"

enum { POOLED_SHAPE, SPATIAL_SCALE };
static const attr_def attrs[] = {ATTR_REQ("pooled_shape", ATTR_INTS), ATTR_F("spatial_scale", 1.0f), {0}};

static naru_status infer(infer_ctx *c) {
    int64_t n;
    const int64_t *shape = node_ints(c->node, POOLED_SHAPE, &n);
    if (n != 2 || shape[0] < 1 || shape[1] < 1)
        return op_fail(c, NARU_BAD_MODEL, "attribute 'pooled_shape' must hold two positive numbers");
    TRY(util_need_rank(c, 0, 4, "X"));
    TRY(util_need_rank(c, 1, 2, "rois"));
    if (in_rank(c, 1) == 2) TRY(util_same_dim(c, in_dim(c, 1, 1), 5, "the last dim of rois"));
    out_tensor(c, 0, in_dtype(c, 0), 4,
               (dim_t[]){in_rank(c, 1) == 2 ? in_dim(c, 1, 0) : DIM_UNKNOWN,
                         in_rank(c, 0) == 4 ? in_dim(c, 0, 1) : DIM_UNKNOWN, shape[0], shape[1]});
    return NARU_OK;
}

/* Cell i of n of the range first..last, cut to [0, size). */
static void span(double first, double last, int64_t i, int64_t n, int64_t size, int64_t *lo, int64_t *hi) {
    double step = fmax(last - first + 1, 1) / (double)n, top = (double)size;
    *lo = (int64_t)fmin(fmax(first + floor((double)i * step), 0), top);
    *hi = (int64_t)fmin(fmax(first + ceil((double)(i + 1) * step), 0), top);
}

static double cell_max(const double *x, int64_t w, int64_t y0, int64_t y1, int64_t x0, int64_t x1) {
    if (y1 <= y0 || x1 <= x0) return 0;
    double best = -INFINITY;
    for (int64_t y = y0; y < y1; y++)
        for (int64_t k = x0; k < x1; k++) best = x[y * w + k] > best ? x[y * w + k] : best;
    return best;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *rois = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    const double *xd = eval_f64(c, x), *rd = eval_f64(c, rois);
    if (!xd || !rd) return NARU_OUT_OF_MEMORY;
    int64_t channels = x->dims[1], h = x->dims[2], w = x->dims[3], oh = y->dims[2], ow = y->dims[3], at = 0;
    for (int64_t r = 0; r < rois->dims[0]; r++) {
        double q[5];
        for (int i = 0; i < 5; i++) {
            if (!isfinite(rd[r * 5 + i])) return eval_fail(c, NARU_INVALID_ARGUMENT, "a roi is not finite");
            q[i] = i ? round(rd[r * 5 + i] * node_f(c->node, SPATIAL_SCALE)) : rd[r * 5];
        }
        if (!(q[0] >= 0 && q[0] < (double)x->dims[0]))
            return eval_fail(c, NARU_INVALID_ARGUMENT, "batch index %g is outside [0, %lld)", q[0],
                             (long long)x->dims[0]);
        for (int64_t p = 0; p < channels * oh * ow; p++, at++) {
            int64_t y0, y1, x0, x1;
            span(q[2], q[4], p / ow % oh, oh, h, &y0, &y1);
            span(q[1], q[3], p % ow, ow, w, &x0, &x1);
            double v = cell_max(xd + ((int64_t)q[0] * channels + p / (oh * ow)) * h * w, w, y0, y1, x0, x1);
            dtype_write_f64(y->dtype, y->data, at, 1, &v, true);
        }
    }
    return NARU_OK;
}

const op_desc op_MaxRoiPool = {
    .name = "MaxRoiPool",
    .versions = (const short[]){1, 22, 0},
    .sig = "X:T, rois:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
