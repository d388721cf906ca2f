/* SPDX-License-Identifier: MIT
 *
 * torchvision's operators: suppression of overlapping boxes, pooling of regions, deformable convolution.
 */
#include <math.h>
#include <stdlib.h>

#include "script/aten/nn.h"

/* ---- nms ---- */
typedef struct ranked {
    float score;
    int64_t at;
} ranked;

static int by_score(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Overlap in float, as torchvision computes it: which boxes go depends on the last bit. */
static bool overlaps(const float *a, const float *b, float area_a, float area_b, double limit) {
    float w = fmaxf(0, fminf(a[2], b[2]) - fmaxf(a[0], b[0])), h = fmaxf(0, fminf(a[3], b[3]) - fmaxf(a[1], b[1]));
    float shared = w * h;
    return shared / (area_a + area_b - shared) > limit;
}

static float area_of(const float *b) { return (b[2] - b[0]) * (b[3] - b[1]); }

static void suppress(lower *L, sten *boxes, sten *scores, double limit) {
    const float *box = host_data(L, cast(L, boxes, NARU_FLOAT)), *score = host_data(L, cast(L, scores, NARU_FLOAT));
    int64_t n = t_dim_int(L, boxes, 0), kept = 0;
    ranked *order = host_scratch(L, ((size_t)n + 1) * sizeof *order);
    float *area = host_scratch(L, ((size_t)n + 1) * sizeof *area);
    bool *gone = host_scratch(L, (size_t)n + 1);
    int64_t *keep = host_scratch(L, ((size_t)n + 1) * sizeof *keep);
    if (!lower_ok(L)) return;
    for (int64_t i = 0; i < n; i++) order[i] = (ranked){score[i], i}, area[i] = area_of(box + 4 * i), gone[i] = false;
    qsort(order, (size_t)n, sizeof *order, by_score);
    for (int64_t i = 0; i < n; i++) {
        int64_t a = order[i].at;
        if (gone[a]) continue;
        keep[kept++] = a;
        for (int64_t j = i + 1; j < n; j++) {
            int64_t b = order[j].at;
            if (!gone[b]) gone[b] = overlaps(box + 4 * a, box + 4 * b, area[a], area[b], limit);
        }
    }
    sten *out = host_new(L, NARU_INT64, 1, &kept);
    if (out && kept) memcpy(host_data(L, out), keep, (size_t)kept * sizeof *keep);
    ret_tensor(L, out);
}

static bool check_boxes(lower *L, sten *boxes, sten *scores) {
    if (!lower_ok(L)) return false;
    sv four = t_rank(L, boxes) == 2 ? t_dim(L, boxes, 1) : sv_int(0);
    if (t_rank(L, boxes) != 2) lower_raise(L, "RuntimeError", "boxes should be a 2d tensor, got %dD", t_rank(L, boxes));
    else if (four.tag == SV_INT && four.i != 4)
        lower_raise(L, "RuntimeError", "boxes should have 4 elements in dimension 1, got %lld", (long long)four.i);
    else if (t_rank(L, scores) != 1)
        lower_raise(L, "RuntimeError", "scores should be a 1d tensor, got %dD", t_rank(L, scores));
    else if (nn_known(L, boxes) && nn_known(L, scores) && t_dim_int(L, boxes, 0) != t_dim_int(L, scores, 0))
        lower_raise(L, "RuntimeError",
                    "boxes and scores should have same number of elements in dimension 0, got %lld and %lld",
                    (long long)t_dim_int(L, boxes, 0), (long long)t_dim_int(L, scores, 0));
    return lower_ok(L);
}

void aten_vision_nms(lower *L) {
    sten *boxes = arg_tensor(L, 0), *scores = arg_tensor(L, 1);
    double limit = arg_float(L, 2);
    if (!check_boxes(L, boxes, scores)) return;
    if (!lower_recording(L)) {
        suppress(L, boxes, scores, limit);
        return;
    }
    sten *b = view_unsqueeze(L, cast(L, boxes, NARU_FLOAT), 0), *s = cast(L, scores, NARU_FLOAT);
    s = view_unsqueeze(L, view_unsqueeze(L, s, 0), 0);
    float cut = (float)limit;
    sten *all = lit_ints(L, (int64_t[]){INT64_MAX}, 1),
         *found = EMIT(NonMaxSuppression, b, s, all, nn_floats(L, &cut, 1));
    ret_tensor(L, view_select(L, found, 1, sv_int(2)));
}

/* ---- regions: rows of (batch, x1, y1, x2, y2) ---- */
static bool check_rois(lower *L, sten *x, sten *rois) {
    if (!lower_ok(L)) return false;
    if (t_rank(L, x) != 4 || t_rank(L, rois) != 2 || (t_dim(L, rois, 1).tag == SV_INT && !t_dim_is(L, rois, 1, 5)))
        lower_raise(L, "RuntimeError", "rois must have shape as Tensor[K, 5]");
    return lower_ok(L);
}

void aten_vision_roi_align(lower *L) { /* (input, rois, spatial_scale, height, width, sampling_ratio, aligned) */
    sten *x = arg_tensor(L, 0), *rois = arg_tensor(L, 1);
    double scale = arg_float(L, 2);
    int64_t h = arg_int(L, 3), w = arg_int(L, 4), ratio = i64_max(arg_int(L, 5), 0);
    bool aligned = arg_bool(L, 6);
    if (!check_rois(L, x, rois)) return;
    sten *batch = cast(L, view_select(L, rois, 1, sv_int(0)), NARU_INT64);
    sten *box = view_slice(L, rois, 1, sv_int(1), sv_int(5), 1);
    ret_tensor(L, EMITA(RoiAlign,
                        ATTRS(AS("coordinate_transformation_mode", aligned ? "half_pixel" : "output_half_pixel"),
                              AS("mode", "avg"), AI("output_height", h), AI("output_width", w),
                              AI("sampling_ratio", ratio), AF("spatial_scale", scale)),
                        x, box, batch));
}

typedef struct regions {
    int64_t n, channels, in_h, in_w; /* of the input */
    int64_t count, h, w;             /* regions, cells of each */
    int64_t out_channels;
    double scale;
    const double *x, *roi;
    sten *values, *extra; /* results: numbers and positions or channels */
    double *value;
    int32_t *index;
} regions;

static int64_t clamped(double v, int64_t limit) { return v < 0 ? 0 : v > (double)limit ? limit : (int64_t)v; }

/* Results [count, out_channels, h, w]: numbers, and int32. */
static bool open_regions(lower *L, regions *r, bool by_position) {
    sten *x = arg_tensor(L, 0), *rois = arg_tensor(L, 1);
    r->scale = arg_float(L, 2);
    r->h = arg_int(L, 3), r->w = arg_int(L, 4);
    if (!check_rois(L, x, rois) || !eager_only(L)) return false;
    int64_t in[4], dims[4];
    nn_dims_int(L, x, in);
    r->n = in[0], r->channels = in[1], r->in_h = in[2], r->in_w = in[3];
    r->count = t_dim_int(L, rois, 0);
    if (r->h <= 0 || r->w <= 0 || r->h > 1 << 20 || r->w > 1 << 20 || (by_position && r->channels % (r->h * r->w))) {
        lower_raise(L, "RuntimeError", "input channels must be a multiple of pooling height * pooling width");
        return false;
    }
    r->out_channels = by_position ? r->channels / (r->h * r->w) : r->channels;
    dims[0] = r->count, dims[1] = r->out_channels, dims[2] = r->h, dims[3] = r->w;
    r->x = host_f64(L, x), r->roi = host_f64(L, rois);
    r->values = host_new(L, NARU_DOUBLE, 4, dims);
    r->extra = host_new(L, NARU_INT32, 4, dims);
    r->value = host_data(L, r->values), r->index = host_data(L, r->extra);
    for (int64_t k = 0; lower_ok(L) && k < r->count; k++)
        if (!(r->roi[5 * k] >= 0 && r->roi[5 * k] < (double)r->n))
            lower_raise(L, "RuntimeError", "a region names batch %g of %lld", r->roi[5 * k], (long long)r->n);
    return lower_ok(L);
}

static void give_regions(lower *L, const regions *r) {
    ret_tensor(L, cast(L, r->values, t_dtype(L, arg_tensor(L, 0))));
    ret_tensor(L, r->extra);
}

static const double *plane_of(const regions *r, int64_t batch, int64_t channel) {
    return r->x + (batch * r->channels + channel) * r->in_h * r->in_w;
}

/* Cells of a region: first, region, output channel, row and column. */
typedef void (*cell_fn)(regions *r, int64_t k, int64_t c, int64_t i, int64_t j, int64_t at);
static void each_cell(regions *r, cell_fn fn) {
    int64_t at = 0;
    for (int64_t k = 0; k < r->count; k++)
        for (int64_t c = 0; c < r->out_channels; c++)
            for (int64_t i = 0; i < r->h; i++)
                for (int64_t j = 0; j < r->w; j++) fn(r, k, c, i, j, at++);
}

typedef struct range {
    int64_t lo, hi;
} range;

/* roi_pool: whole pixels from `start` to `end` inclusive, cut into n cells. */
static range cell_range(double start, double end, double scale, int64_t i, int64_t n, int64_t limit) {
    double a = round(start * scale), b = round(end * scale), bin = fmax(b - a + 1, 1) / (double)n;
    return (range){clamped(floor((double)i * bin) + a, limit), clamped(ceil((double)(i + 1) * bin) + a, limit)};
}

static void max_cell(regions *r, int64_t k, int64_t c, int64_t i, int64_t j, int64_t at) {
    const double *roi = r->roi + 5 * k, *plane = plane_of(r, (int64_t)roi[0], c);
    range y = cell_range(roi[2], roi[4], r->scale, i, r->h, r->in_h);
    range x = cell_range(roi[1], roi[3], r->scale, j, r->w, r->in_w);
    bool empty = y.hi <= y.lo || x.hi <= x.lo;
    double best = empty ? 0 : -(double)3.4028234663852886e38f;
    int64_t where = -1;
    for (int64_t p = y.lo; p < y.hi; p++)
        for (int64_t q = x.lo; q < x.hi; q++)
            if (plane[p * r->in_w + q] > best) best = plane[where = p * r->in_w + q];
    r->value[at] = best;
    r->index[at] = (int32_t)where;
}

void aten_vision_roi_pool(lower *L) {
    regions r = {0};
    if (!open_regions(L, &r, false)) return;
    each_cell(&r, max_cell);
    give_regions(L, &r);
}

/* ps_roi_pool: cell (i, j) of channel c reads channel (c h + i) w + j; the last row and column never count. */
static range mean_range(double start, double end, double scale, int64_t i, int64_t n, int64_t limit) {
    double a = round(start * scale), bin = fmax(round(end * scale) - a, 1) / (double)n;
    return (range){clamped(floor((double)i * bin) + a, limit - 1), clamped(ceil((double)(i + 1) * bin) + a, limit - 1)};
}

static void mean_cell(regions *r, int64_t k, int64_t c, int64_t i, int64_t j, int64_t at) {
    const double *roi = r->roi + 5 * k;
    int64_t channel = (c * r->h + i) * r->w + j;
    const double *plane = plane_of(r, (int64_t)roi[0], channel);
    range y = mean_range(roi[2], roi[4], r->scale, i, r->h, r->in_h);
    range x = mean_range(roi[1], roi[3], r->scale, j, r->w, r->in_w);
    double sum = 0, n = (double)((y.hi - y.lo) * (x.hi - x.lo));
    for (int64_t p = y.lo; p < y.hi; p++)
        for (int64_t q = x.lo; q < x.hi; q++) sum += plane[p * r->in_w + q];
    r->value[at] = y.hi <= y.lo || x.hi <= x.lo ? 0 : sum / n;
    r->index[at] = (int32_t)channel;
}

void aten_vision_ps_roi_pool(lower *L) {
    regions r = {0};
    if (!open_regions(L, &r, true)) return;
    each_cell(&r, mean_cell);
    give_regions(L, &r);
}

/* Between four pixels; outside by a pixel or more is 0. */
static double between(const double *plane, int64_t h, int64_t w, double y, double x) {
    if (y < -1 || y > (double)h || x < -1 || x > (double)w) return 0;
    y = fmax(y, 0), x = fmax(x, 0);
    int64_t y0 = i64_min((int64_t)y, h - 1), x0 = i64_min((int64_t)x, w - 1);
    int64_t y1 = i64_min(y0 + 1, h - 1), x1 = i64_min(x0 + 1, w - 1);
    double fy = y0 == h - 1 ? 0 : y - (double)y0, fx = x0 == w - 1 ? 0 : x - (double)x0;
    return (1 - fy) * ((1 - fx) * plane[y0 * w + x0] + fx * plane[y0 * w + x1]) +
           fy * ((1 - fx) * plane[y1 * w + x0] + fx * plane[y1 * w + x1]);
}

static int64_t samples_of(int64_t ratio, double cell) { return ratio > 0 ? ratio : i64_max((int64_t)ceil(cell), 0); }

static double sampled_mean(const regions *r, const double *plane, double y0, double x0, double ch, double cw,
                           int64_t ratio) {
    int64_t ny = samples_of(ratio, ch), nx = samples_of(ratio, cw);
    double sum = 0;
    for (int64_t p = 0; p < ny; p++)
        for (int64_t q = 0; q < nx; q++)
            sum += between(plane, r->in_h, r->in_w, y0 + ((double)p + 0.5) * ch / (double)ny,
                           x0 + ((double)q + 0.5) * cw / (double)nx);
    return ny > 0 && nx > 0 ? sum / (double)(ny * nx) : 0;
}

void aten_vision_ps_roi_align(lower *L) { /* (..., sampling_ratio) */
    regions r = {0};
    int64_t ratio = arg_int(L, 5);
    if (!open_regions(L, &r, true)) return;
    if (ratio > 1 << 12) lower_raise(L, "RuntimeError", "ps_roi_align: sampling_ratio is too large");
    int64_t at = 0;
    for (int64_t k = 0; k < r.count && lower_ok(L); k++) {
        const double *roi = r.roi + 5 * k;
        double x = roi[1] * r.scale - 0.5, y = roi[2] * r.scale - 0.5;
        double cw = (roi[3] * r.scale - 0.5 - x) / (double)r.w, ch = (roi[4] * r.scale - 0.5 - y) / (double)r.h;
        if (fabs(cw) > 1e6 || fabs(ch) > 1e6) lower_raise(L, "RuntimeError", "ps_roi_align: a region is too large");
        for (int64_t c = 0; c < r.out_channels * r.h * r.w && lower_ok(L); c++, at++) {
            int64_t i = c / r.w % r.h, j = c % r.w;
            r.value[at] = sampled_mean(&r, plane_of(&r, (int64_t)roi[0], c), y + (double)i * ch, x + (double)j * cw, ch,
                                       cw, ratio);
            r.index[at] = (int32_t)c;
        }
    }
    if (lower_ok(L)) give_regions(L, &r);
}

/* ---- deform_conv2d: (input, weight, offset, mask, bias, strides, pads, dilations, groups, offset_groups, use_mask)
 * ---- */
void aten_vision_deform_conv2d(lower *L) {
    sten *x = arg_tensor(L, 0), *w = arg_tensor(L, 1), *offset = arg_tensor(L, 2), *mask = arg_tensor(L, 3);
    sten *bias = arg_tensor(L, 4);
    int64_t stride[2] = {arg_int(L, 5), arg_int(L, 6)}, pad[2] = {arg_int(L, 7), arg_int(L, 8)};
    int64_t dilation[2] = {arg_int(L, 9), arg_int(L, 10)}, groups = arg_int(L, 11), offset_groups = arg_int(L, 12);
    int64_t pads[4] = {pad[0], pad[1], pad[0], pad[1]};
    bool use_mask = arg_bool(L, 13);
    if (!lower_ok(L)) return;
    if (groups <= 0 || offset_groups <= 0 || stride[0] <= 0 || stride[1] <= 0 || dilation[0] <= 0 || dilation[1] <= 0) {
        lower_raise(L, "RuntimeError", "deform_conv2d: strides, dilations and groups must be positive");
        return;
    }
    ret_tensor(L, EMITA(DeformConv,
                        ATTRS(AV("strides", stride, 2), AV("pads", pads, 4), AV("dilations", dilation, 2),
                              AI("group", groups), AI("offset_group", offset_groups)),
                        x, w, offset, bias, use_mask ? mask : NULL));
}

/* ---- overlap of rotated boxes (x, y, width, height, degrees) ---- */
typedef struct point {
    double x, y;
} point;
enum { MAX_CORNERS = 16 };

static void corners_of(const double *b, point *p) {
    double a = b[4] * 3.14159265358979323846 / 180, c = cos(a) / 2, s = sin(a) / 2;
    for (int i = 0; i < 4; i++) {
        double w = i == 0 || i == 3 ? -b[2] : b[2], h = i < 2 ? -b[3] : b[3];
        p[i] = (point){b[0] + w * c + h * s, b[1] - w * s + h * c};
    }
}

static double side(point a, point b, point p) { return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x); }

/* The part of polygon p on the inner side of edge a b; turn: +1 or -1, which side that is. */
static int cut_by(point a, point b, double turn, const point *p, int n, point *out) {
    int k = 0;
    for (int i = 0; i < n; i++) {
        point from = p[i], to = p[(i + 1) % n];
        double d0 = turn * side(a, b, from), d1 = turn * side(a, b, to);
        if (d0 >= 0 && k < MAX_CORNERS) out[k++] = from;
        if ((d0 < 0) != (d1 < 0) && k < MAX_CORNERS) {
            double t = d0 / (d0 - d1);
            out[k++] = (point){from.x + t * (to.x - from.x), from.y + t * (to.y - from.y)};
        }
    }
    return k;
}

static double polygon_area(const point *p, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += p[i].x * p[(i + 1) % n].y - p[(i + 1) % n].x * p[i].y;
    return fabs(sum) / 2;
}

static double rotated_overlap(const double *a, const double *b) {
    double areas = a[2] * a[3] + b[2] * b[3];
    if (a[2] * a[3] < 1e-14 || b[2] * b[3] < 1e-14) return 0;
    double near[5] = {0, 0, a[2], a[3], a[4]}, other[5] = {b[0] - a[0], b[1] - a[1], b[2], b[3], b[4]};
    point p[2][MAX_CORNERS], q[4];
    corners_of(near, p[0]);
    corners_of(other, q);
    double turn = side(q[0], q[1], q[2]) >= 0 ? 1 : -1;
    int n = 4;
    for (int i = 0; i < 4; i++) n = cut_by(q[i], q[(i + 1) % 4], turn, p[i % 2], n, p[(i + 1) % 2]);
    double shared = polygon_area(p[0], n);
    return shared / (areas - shared);
}

void aten_vision_box_iou_rotated(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    if (!eager_only(L)) return;
    if (t_rank(L, a) != 2 || t_rank(L, b) != 2 || t_dim_int(L, a, 1) != 5 || t_dim_int(L, b, 1) != 5) {
        lower_raise(L, "RuntimeError", "box_iou_rotated: boxes [n, 5] are expected");
        return;
    }
    int64_t dims[2] = {t_dim_int(L, a, 0), t_dim_int(L, b, 0)}, count;
    const double *x = host_f64(L, a), *y = host_f64(L, b);
    if (!lower_ok(L) || !dims_count(2, dims, &count)) return;
    double *v = host_scratch(L, ((size_t)count + 1) * sizeof *v);
    for (int64_t i = 0; v && i < count; i++) v[i] = rotated_overlap(x + i / dims[1] * 5, y + i % dims[1] * 5);
    if (v) ret_tensor(L, host_from_f64(L, NARU_FLOAT, 2, dims, v));
}

void aten_vision_cuda_version(lower *L) { ret_int(L, -1); }
