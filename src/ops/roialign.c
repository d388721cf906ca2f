/* SPDX-License-Identifier: MIT
 *
 * RoiAlign: pools each region of interest into a fixed grid, sampling X bilinearly. [ONNX RoiAlign-22]
 *
 * Shapes: X [N, C, H, W], rois [R, 4] = (x1, y1, x2, y2), batch_indices [R] -> Y [R, C, output_height, output_width].
 * A roi times spatial_scale, less 0.5 with half_pixel, is cut into output cells; with output_half_pixel it is at least
 * 1x1. Each cell takes sampling_ratio x sampling_ratio samples (0: ceil(cell size) each way). avg: their mean; max: the
 * greatest of all four weighted corner values of all samples (not of the interpolated values). Samples outside [-1,
 * size] count as 0. Types: floats; batch_indices int64. Versions: 10 (output_half_pixel), 16
 * (coordinate_transformation_mode), 22.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { COORDINATES, MODE, OUTPUT_HEIGHT, OUTPUT_WIDTH, SAMPLING_RATIO, SPATIAL_SCALE };
static const attr_def attrs[] = {
    ATTR_S("coordinate_transformation_mode", "half_pixel"),
    ATTR_S("mode", "avg"),
    ATTR_I("output_height", 1),
    ATTR_I("output_width", 1),
    ATTR_I("sampling_ratio", 0),
    ATTR_F("spatial_scale", 1.0f),
    {0},
};
static const char *const k_coordinates[] = {"half_pixel", "output_half_pixel", NULL};
static const char *const k_modes[] = {"avg", "max", NULL};
enum { MAX_SAMPLES = 1 << 20 };

static naru_status infer(infer_ctx *c) {
    int mode, half;
    TRY(util_choice(c, COORDINATES, k_coordinates, &half));
    TRY(util_choice(c, MODE, k_modes, &mode));
    int64_t h = node_i(c->node, OUTPUT_HEIGHT), w = node_i(c->node, OUTPUT_WIDTH),
            ratio = node_i(c->node, SAMPLING_RATIO);
    if (h < 1 || w < 1 || h > INT32_MAX || w > INT32_MAX || ratio < 0 || ratio > MAX_SAMPLES)
        return op_fail(c, NARU_BAD_MODEL, "output size %lld x %lld, sampling_ratio %lld", (long long)h, (long long)w,
                       (long long)ratio);
    TRY(util_need_rank(c, 0, 4, "X"));
    TRY(util_need_rank(c, 1, 2, "rois"));
    TRY(util_need_rank(c, 2, 1, "batch_indices"));
    dim_t rois = in_rank(c, 1) == 2 ? in_dim(c, 1, 0) : DIM_UNKNOWN;
    if (in_rank(c, 1) == 2) TRY(util_same_dim(c, in_dim(c, 1, 1), 4, "the last dim of rois"));
    if (in_rank(c, 2) == 1) {
        TRY(util_same_dim(c, in_dim(c, 2, 0), rois, "the length of batch_indices"));
        if (!dim_is_const(rois)) rois = in_dim(c, 2, 0);
    }
    out_tensor(c, 0, in_dtype(c, 0), 4, (dim_t[]){rois, in_rank(c, 0) == 4 ? in_dim(c, 0, 1) : DIM_UNKNOWN, h, w});
    return NARU_OK;
}

/* The four weighted corners of one sample of a plane. */
static void corners(const double *x, int64_t h, int64_t w, double py, double px, double out[4]) {
    memset(out, 0, 4 * sizeof *out);
    if (!(py >= -1 && py <= (double)h && px >= -1 && px <= (double)w)) return;
    py = fmax(py, 0), px = fmax(px, 0);
    int64_t y0 = i64_min((int64_t)py, h - 1), x0 = i64_min((int64_t)px, w - 1), y1 = i64_min(y0 + 1, h - 1),
            x1 = i64_min(x0 + 1, w - 1);
    double ly = y0 == h - 1 ? 0 : py - (double)y0, lx = x0 == w - 1 ? 0 : px - (double)x0;
    out[0] = (1 - ly) * (1 - lx) * x[y0 * w + x0];
    out[1] = (1 - ly) * lx * x[y0 * w + x1];
    out[2] = ly * (1 - lx) * x[y1 * w + x0];
    out[3] = ly * lx * x[y1 * w + x1];
}

typedef struct cell { /* samples start + (i + 0.5) step */
    double y, x, step_y, step_x;
    int64_t ny, nx;
} cell;

static double pool(const double *x, int64_t h, int64_t w, const cell *k, bool max) {
    double sum = 0, best = 0, v[4];
    bool any = false;
    for (int64_t i = 0; i < k->ny; i++)
        for (int64_t j = 0; j < k->nx; j++) {
            corners(x, h, w, k->y + ((double)i + 0.5) * k->step_y, k->x + ((double)j + 0.5) * k->step_x, v);
            sum += v[0] + v[1] + v[2] + v[3];
            double top = fmax(fmax(v[0], v[1]), fmax(v[2], v[3]));
            best = any ? fmax(best, top) : top;
            any = true;
        }
    return max ? best : sum / (double)i64_max(1, k->ny * k->nx);
}

typedef struct roi {
    double y, x, cell_h, cell_w;
    int64_t ny, nx;
} roi;

static naru_status read_roi(eval_ctx *c, const double *v, int64_t ratio, roi *r) {
    const node *n = c->node;
    bool half = choice_of(choice_text(n, COORDINATES), k_coordinates) == 0;
    double scale = node_f(n, SPATIAL_SCALE), shift = half ? 0.5 : 0;
    double h = (v[3] - v[1]) * scale, w = (v[2] - v[0]) * scale;
    r->x = v[0] * scale - shift, r->y = v[1] * scale - shift;
    if (!half) h = fmax(h, 1), w = fmax(w, 1);
    r->cell_h = h / (double)node_i(n, OUTPUT_HEIGHT), r->cell_w = w / (double)node_i(n, OUTPUT_WIDTH);
    if (!(fabs(r->cell_h) < MAX_SAMPLES && fabs(r->cell_w) < MAX_SAMPLES && isfinite(r->x) && isfinite(r->y)))
        return eval_fail(c, NARU_INVALID_ARGUMENT, "a roi is not finite or too large");
    r->ny = ratio > 0 ? ratio : i64_max(0, (int64_t)ceil(r->cell_h));
    r->nx = ratio > 0 ? ratio : i64_max(0, (int64_t)ceil(r->cell_w));
    if (r->ny * r->nx > MAX_SAMPLES)
        return eval_fail(c, NARU_LIMIT, "a roi asks for %lld x %lld samples a cell", (long long)r->ny,
                         (long long)r->nx);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *rois = eval_in(c, 1), *batch = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    const double *xd = eval_f64(c, x), *rd = eval_f64(c, rois);
    if (!xd || !rd) return NARU_OUT_OF_MEMORY;
    int64_t channels = x->dims[1], h = x->dims[2], w = x->dims[3], oh = y->dims[2], ow = y->dims[3], at = 0;
    if (h * w == 0) return eval_fail(c, NARU_SHAPE, "an empty plane cannot be sampled");
    bool max = choice_of(choice_text(c->node, MODE), k_modes) == 1;
    for (int64_t r = 0; r < rois->dims[0]; r++) {
        roi a = {0};
        TRY(read_roi(c, rd + r * 4, node_i(c->node, SAMPLING_RATIO), &a));
        int64_t b = dtype_get_i64(batch->dtype, batch->data, r);
        if (b < 0 || b >= x->dims[0])
            return eval_fail(c, NARU_INVALID_ARGUMENT, "batch index %lld is outside [0, %lld)", (long long)b,
                             (long long)x->dims[0]);
        for (int64_t p = 0; p < channels * oh * ow; p++, at++) {
            int64_t ch = p / (oh * ow), py = p / ow % oh, px = p % ow;
            cell k = {a.y + (double)py * a.cell_h, a.x + (double)px * a.cell_w, 0, 0, a.ny, a.nx};
            k.step_y = a.ny ? a.cell_h / (double)a.ny : 0, k.step_x = a.nx ? a.cell_w / (double)a.nx : 0;
            double v = pool(xd + (b * channels + ch) * h * w, h, w, &k, max);
            dtype_write_f64(y->dtype, y->data, at, 1, &v, true);
        }
    }
    return NARU_OK;
}

/* There was no half-pixel shift. */
static naru_status up16(lift_ctx *c, node *n) {
    attr a = {.name = "coordinate_transformation_mode", .kind = ATTR_STRING, .s = {"output_half_pixel", 17}};
    return node_add_attr(n, a) ? NARU_OK : err_oom(c->err);
}

/* There was no shift; with it a small roi is not widened, which cannot be said otherwise. */
static naru_status down16(lower_ctx *c, node *n) {
    if (!lw_text_is(n, COORDINATES, "output_half_pixel")) return lw_refuse(c, "there are no half pixels");
    n->attrs[COORDINATES].kind = ATTR_NONE;
    return NARU_OK;
}

const op_desc op_RoiAlign = {
    .name = "RoiAlign",
    .versions = (const short[]){10, 16, 22, 0},
    .sig = "X:T1, rois:T1, batch_indices:T2 -> Y:T1 | T1 = float; T2 = int64",
    .since = "T1 22 bfloat16; coordinate_transformation_mode 16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{16, up16}, {0}},
    .down = (const down_adapter[]){{16, down16}, {0}},
};
