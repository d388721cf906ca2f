/* SPDX-License-Identifier: MIT
 *
 * Resize: samples X on a grid of another size, axis by axis. [ONNX Resize-19]
 *
 * Output index x of an axis of size `in` maps to the input position, with s = scale and real = s in:
 *   half_pixel             (x + 0.5) / s - 0.5
 *   half_pixel_symmetric   the same + in/2 (1 - out/real)
 *   pytorch_half_pixel     half_pixel, 0 when real = 1
 *   asymmetric             x / s
 *   align_corners          x (in - 1) / (real - 1), 0 when real = 1
 *   tf_half_pixel_for_nn   (x + 0.5) / s (opset 11 and 12)
 *   tf_crop_and_resize     start (in - 1) + x (end - start) (in - 1) / (real - 1), the middle when real = 1; outside:
 * the extrapolation value Modes: nearest (nearest_mode rounds), linear (2 taps), cubic (4 taps, coefficient a).
 * antialias widens the filter by 1/s when s < 1. Taps outside use the edge element, or with exclude_outside get weight
 * 0, the rest renormalized.
 *
 * Shapes: out = floor(in scale), or `sizes`; axes not in `axes` stay. With sizes, s = out / in;
 * keep_aspect_ratio_policy not_larger / not_smaller takes the least / greatest s for all axes and rounds s in half up.
 * Types: any but string; nearest copies elements; else complex is not supported, integers are rounded half to even and
 * saturate. Versions: 10 (asymmetric, floor), 11 (roi, modes, sizes), 13, 18 (axes, antialias, policy), 19
 * (half_pixel_symmetric). Edge cases: an empty axis can only stay empty.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { ANTIALIAS, AXES, COORDINATE_MODE, CUBIC_A, EXCLUDE_OUTSIDE, EXTRAPOLATION, POLICY, MODE, NEAREST_MODE };
static const attr_def attrs[] = {
    ATTR_I("antialias", 0),
    ATTR_OPT("axes", ATTR_INTS),
    ATTR_S("coordinate_transformation_mode", "half_pixel"),
    ATTR_F("cubic_coeff_a", -0.75f),
    ATTR_I("exclude_outside", 0),
    ATTR_F("extrapolation_value", 0),
    ATTR_S("keep_aspect_ratio_policy", "stretch"),
    ATTR_S("mode", "nearest"),
    ATTR_S("nearest_mode", "round_prefer_floor"),
    {0},
};
enum { HALF_PIXEL, SYMMETRIC, PYTORCH, ASYMMETRIC, ALIGN_CORNERS, TF_HALF_PIXEL, TF_CROP };
static const char *const k_coordinates[] = {"half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric",
                                            "align_corners", "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL};
enum { STRETCH, NOT_LARGER, NOT_SMALLER };
static const char *const k_policies[] = {"stretch", "not_larger", "not_smaller", NULL};
enum { NEAREST, LINEAR, CUBIC };
static const char *const k_modes[] = {"nearest", "linear", "cubic", NULL};
enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };
static const char *const k_nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};

enum { X, ROI, SCALES, SIZES };

/* Which axes are resized. */
static naru_status get_axes(const node *n, int rank, int *axes, int *count, naru_error *err) {
    int64_t given;
    const int64_t *v = node_ints(n, AXES, &given);
    bool seen[NARU_MAX_RANK] = {false};
    *count = node_has(n, AXES) ? (int)i64_min(given, rank + 1) : rank;
    if (*count > rank) return err_set(err, NARU_SHAPE, "%lld axes for a rank-%d tensor", (long long)given, rank);
    for (int i = 0; i < *count; i++) {
        int64_t a = node_has(n, AXES) ? v[i] : i;
        if (a < -rank || a >= rank)
            return err_set(err, NARU_SHAPE, "axis %lld is outside a rank-%d tensor", (long long)a, rank);
        axes[i] = (int)(a < 0 ? a + rank : a);
        if (seen[axes[i]]) return err_set(err, NARU_SHAPE, "axis %d is listed twice", axes[i]);
        seen[axes[i]] = true;
    }
    return NARU_OK;
}

/* ---- inference ---- */
static bool given(const infer_ctx *c, int i) { /* an empty tensor stands for an omitted one */
    return in_given(c, i) && !(in_rank(c, i) == 1 && in_dim(c, i, 0) == 0);
}

static naru_status scaled_dim(infer_ctx *c, dim_t in, float s, dim_t *out) {
    *out = DIM_UNKNOWN;
    if (!(s > 0) || !isfinite(s)) return op_fail(c, NARU_SHAPE, "a scale is %g", (double)s);
    if (!dim_is_known(in)) return NARU_OK;
    if (dim_is_const(in)) {
        float size = floorf((float)in * s); /* in float, as in ONNX's own inference */
        if (!(size < 9e18f)) return op_fail(c, NARU_LIMIT, "scale %g makes %lld too large", (double)s, (long long)in);
        *out = (int64_t)size;
    } else if (s == 1) {
        *out = in;
    } else if (s >= 1 && s < 1e6f && s == floorf(s)) {
        *out = sym_mul(c->syms, in, (int64_t)s);
    } else if (s < 1 && s > 1e-6f && 1 / s == floorf(1 / s)) {
        *out = sym_div(c->syms, in, (int64_t)(1 / s));
    }
    return NARU_OK;
}

static naru_status dims_from_scales(infer_ctx *c, const int *axes, int n, dim_t *dims) {
    const naru_tensor *t = c->in[SCALES]->constant;
    if (t && (t->rank != 1 || t->dims[0] != n || !t->data))
        return op_fail(c, NARU_SHAPE, "scales has %lld elements, needs %d", (long long)tensor_count(t), n);
    for (int i = 0; i < n; i++) {
        dim_t in = dims[axes[i]];
        dims[axes[i]] = DIM_UNKNOWN;
        if (t) TRY(scaled_dim(c, in, (float)dtype_get_f64(t->dtype, t->data, i), &dims[axes[i]]));
    }
    return NARU_OK;
}

/* keep_aspect_ratio_policy: one scale for all axes. False when it is not known. */
static bool common_scale(const int *axes, int n, const dim_t *in, const elem_t *sizes, bool least, double *s) {
    *s = least ? INFINITY : 0;
    for (int i = 0; i < n; i++) {
        if (sizes[i].kind != ELEM_CONST || !dim_is_const(in[axes[i]]) || in[axes[i]] == 0) return false;
        double k = (double)sizes[i].v / (double)in[axes[i]];
        *s = least ? fmin(*s, k) : fmax(*s, k);
    }
    return n > 0;
}

static naru_status dims_from_sizes(infer_ctx *c, const int *axes, int n, dim_t *dims) {
    int policy;
    TRY(util_choice(c, POLICY, k_policies, &policy));
    const elem_t *e = NULL;
    int64_t count = 0;
    bool known = in_elems(c, SIZES, &e, &count);
    if (known && count != n) return op_fail(c, NARU_SHAPE, "sizes has %lld elements, needs %d", (long long)count, n);
    double s = 0;
    bool common = known && policy != STRETCH && common_scale(axes, n, dims, e, policy == NOT_LARGER, &s);
    for (int i = 0; i < n; i++) {
        dim_t in = dims[axes[i]];
        dims[axes[i]] = DIM_UNKNOWN;
        if (!known) continue;
        if (e[i].kind == ELEM_CONST && e[i].v < 0) return op_fail(c, NARU_SHAPE, "a size is %lld", (long long)e[i].v);
        if (policy == STRETCH) dims[axes[i]] = elem_to_dim(e[i]);
        else if (common && s * (double)in < 9e18) dims[axes[i]] = (int64_t)(s * (double)in + 0.5);
    }
    return NARU_OK;
}

static naru_status check_modes(infer_ctx *c) {
    int mode, other, nearest;
    TRY(util_choice(c, COORDINATE_MODE, k_coordinates, &other));
    TRY(util_choice(c, MODE, k_modes, &mode));
    TRY(util_choice(c, NEAREST_MODE, k_nearest, &nearest));
    if (mode == NEAREST && node_i(c->node, ANTIALIAS))
        return op_fail(c, NARU_BAD_MODEL, "antialias has no meaning with mode nearest");
    if (in_dtype(c, X) == NARU_STRING || (mode != NEAREST && dtype_is_complex(in_dtype(c, X))))
        return op_fail(c, NARU_UNSUPPORTED, "elements of this type are not resized");
    if (other == TF_CROP && !given(c, ROI)) return op_fail(c, NARU_BAD_MODEL, "tf_crop_and_resize needs roi");
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    TRY(check_modes(c));
    int r = in_rank(c, X), axes[NARU_MAX_RANK], n;
    if (r < 0) return out_tensor(c, 0, in_dtype(c, X), -1, NULL), NARU_OK;
    TRY(get_axes(c->node, r, axes, &n, c->err));
    dim_t dims[NARU_MAX_RANK], before[NARU_MAX_RANK];
    for (int d = 0; d < r; d++) before[d] = dims[d] = in_dim(c, X, d);
    bool scales = given(c, SCALES), sizes = given(c, SIZES);
    if (scales && sizes && in_rank(c, SCALES) == 1 && in_rank(c, SIZES) == 1 && dim_is_const(in_dim(c, SCALES, 0)))
        return op_fail(c, NARU_BAD_MODEL, "scales and sizes exclude each other");
    if (!scales && !sizes) return op_fail(c, NARU_BAD_MODEL, "needs scales or sizes");
    TRY(sizes ? dims_from_sizes(c, axes, n, dims) : dims_from_scales(c, axes, n, dims));
    for (int d = 0; d < r; d++)
        if (before[d] == 0 && dim_is_const(dims[d]) && dims[d] != 0)
            return op_fail(c, NARU_SHAPE, "axis %d is empty and cannot become %lld", d, (long long)dims[d]);
    out_tensor(c, 0, in_dtype(c, X), r, dims);
    return NARU_OK;
}

/* ---- evaluation ---- */
typedef struct job {
    const node *node;
    int coordinates, mode, nearest;
    double a, extrapolation;
    bool antialias, exclude;
} job;

/* One axis: for output o, taps index[o * taps + k] with weight[o * taps + k]; index -1 in the first: extrapolated. */
typedef struct axis_plan {
    int64_t in, out, taps;
    double scale, start, end; /* roi */
    int64_t *index;
    double *weight;
} axis_plan;

static double source(const job *j, const axis_plan *p, int64_t o) {
    double x = (double)o, in = (double)p->in, real = p->scale * in;
    switch (j->coordinates) {
    case HALF_PIXEL: return (x + 0.5) / p->scale - 0.5;
    case SYMMETRIC: return in / 2 * (1 - (double)p->out / real) + (x + 0.5) / p->scale - 0.5;
    case PYTORCH: return real == 1 ? 0 : (x + 0.5) / p->scale - 0.5;
    case ASYMMETRIC: return x / p->scale;
    case ALIGN_CORNERS: return real == 1 ? 0 : x * (in - 1) / (real - 1);
    case TF_HALF_PIXEL: return (x + 0.5) / p->scale;
    default:
        return p->start * (in - 1) +
               (real == 1 ? (p->end - p->start) * (in - 1) / 2 : x * (p->end - p->start) * (in - 1) / (real - 1));
    }
}

static double nearest(const job *j, double x) {
    switch (j->nearest) {
    case PREFER_FLOOR: return ceil(x - 0.5);
    case PREFER_CEIL: return floor(x + 0.5);
    case FLOOR: return floor(x);
    default: return ceil(x);
    }
}

static double kernel(const job *j, double d) {
    d = fabs(d);
    if (j->mode == LINEAR) return d < 1 ? 1 - d : 0;
    if (d <= 1) return ((j->a + 2) * d - (j->a + 3)) * d * d + 1;
    return d < 2 ? ((j->a * d - 5 * j->a) * d + 8 * j->a) * d - 4 * j->a : 0;
}

static double squeeze_of(const job *j, const axis_plan *p) { return j->antialias ? fmin(p->scale, 1) : 1; }

static int64_t first_tap(const job *j, const axis_plan *p) {
    return (int64_t)floor((j->mode == LINEAR ? -1 : -2) / squeeze_of(j, p)) + 1;
}

static int64_t clamp(double x, int64_t n) { return x < 0 ? 0 : x > (double)(n - 1) ? n - 1 : (int64_t)x; }

static void plan_output(const job *j, const axis_plan *p, int64_t o) {
    double x = source(j, p, o), sum = 0;
    int64_t *index = p->index + o * p->taps;
    double *weight = p->weight + o * p->taps;
    if (j->coordinates == TF_CROP && !(x >= 0 && x <= (double)(p->in - 1))) {
        for (int64_t k = 0; k < p->taps; k++) index[k] = -1;
        return;
    }
    if (j->mode == NEAREST) {
        index[0] = clamp(nearest(j, x), p->in);
        weight[0] = 1;
        return;
    }
    double base = ceil(x) - 1, s = squeeze_of(j, p); /* the pixel left of x, also of a whole x */
    int64_t first = first_tap(j, p);
    for (int64_t k = 0; k < p->taps; k++) {
        double at = base + (double)(first + k);
        weight[k] = j->exclude && (at < 0 || at >= (double)p->in) ? 0 : kernel(j, (at - x) * s);
        index[k] = clamp(at, p->in);
        sum += weight[k];
    }
    for (int64_t k = 0; (j->exclude || j->antialias) && sum != 0 && k < p->taps; k++) weight[k] /= sum;
}

static naru_status plan_axis(eval_ctx *c, const job *j, axis_plan *p) {
    p->taps = j->mode == NEAREST ? 1 : 2 - 2 * first_tap(j, p);
    size_t n;
    if (!mem_mul((size_t)p->taps, (size_t)p->out, &n) || !mem_mul(n, 8, &n))
        return eval_fail(c, NARU_LIMIT, "the filter is too large");
    p->index = eval_scratch(c, n);
    p->weight = eval_scratch(c, n);
    if (!p->index || !p->weight) return NARU_OUT_OF_MEMORY;
    for (int64_t o = 0; o < p->out; o++) plan_output(j, p, o);
    return NARU_OK;
}

/* y[outer, out, inner] from x[outer, in, inner] */
static void resize_f64(const job *j, const axis_plan *p, const double *x, double *y, int64_t outer, int64_t inner) {
    for (int64_t u = 0; u < outer; u++)
        for (int64_t o = 0; o < p->out; o++) {
            double *row = y + (u * p->out + o) * inner;
            const int64_t *index = p->index + o * p->taps;
            for (int64_t i = 0; i < inner; i++) row[i] = index[0] < 0 ? j->extrapolation : 0;
            for (int64_t k = 0; index[0] >= 0 && k < p->taps; k++)
                for (int64_t i = 0; i < inner; i++)
                    row[i] += p->weight[o * p->taps + k] * x[(u * p->in + index[k]) * inner + i];
        }
}

static void resize_copy(const axis_plan *p, const char *x, char *y, int64_t outer, size_t inner, const char *fill,
                        size_t size) {
    for (int64_t u = 0; u < outer; u++)
        for (int64_t o = 0; o < p->out; o++) {
            char *row = y + (size_t)(u * p->out + o) * inner;
            if (p->index[o] >= 0) memcpy(row, x + (size_t)(u * p->in + p->index[o]) * inner, inner);
            else
                for (size_t i = 0; i < inner; i += size) memcpy(row + i, fill, size);
        }
}

static bool is_identity(const job *j, const axis_plan *p) {
    return fabs(p->scale - 1) < 1e-9 && p->in == p->out &&
           (j->coordinates != TF_CROP || (fabs(p->start) < 1e-9 && fabs(p->end - 1) < 1e-9));
}

/* Scale and roi of axis number i of n. */
static naru_status read_axis(eval_ctx *c, const job *j, int i, int n, axis_plan *p, int policy, double common) {
    const naru_tensor *roi = eval_in(c, ROI), *scales = eval_in(c, SCALES), *sizes = eval_in(c, SIZES);
    bool by_size = sizes && tensor_count(sizes) > 0;
    if (by_size) p->scale = policy == STRETCH ? (double)p->out / (double)p->in : common;
    else p->scale = dtype_get_f64(scales->dtype, scales->data, i);
    p->start = 0, p->end = 1;
    if (j->coordinates != TF_CROP) return NARU_OK;
    if (tensor_count(roi) != 2 * n)
        return eval_fail(c, NARU_SHAPE, "roi has %lld elements, needs %d", (long long)tensor_count(roi), 2 * n);
    p->start = dtype_get_f64(roi->dtype, roi->data, i);
    p->end = dtype_get_f64(roi->dtype, roi->data, n + i);
    if (!isfinite(p->start) || !isfinite(p->end)) return eval_fail(c, NARU_INVALID_ARGUMENT, "roi is not finite");
    return NARU_OK;
}

static double find_common(eval_ctx *c, const naru_tensor *x, const int *axes, int n, int policy) {
    const naru_tensor *sizes = eval_in(c, SIZES);
    double s = policy == NOT_LARGER ? INFINITY : 0;
    for (int i = 0; policy != STRETCH && sizes && tensor_count(sizes) == n && i < n; i++) {
        double k = (double)dtype_get_i64(sizes->dtype, sizes->data, i) / (double)x->dims[axes[i]];
        s = policy == NOT_LARGER ? fmin(s, k) : fmax(s, k);
    }
    return s;
}

static void split_dims(const int64_t *dims, int rank, int axis, int64_t *outer, int64_t *inner) {
    *outer = *inner = 1;
    for (int d = 0; d < rank; d++)
        if (d != axis) *(d < axis ? outer : inner) *= dims[d];
}

/* One axis of the running data; `now` are its dims. */
static naru_status resize_axis(eval_ctx *c, const job *j, const axis_plan *p, naru_dtype dtype, int rank, int64_t *now,
                               int axis, const void **data) {
    int64_t outer, inner, count;
    split_dims(now, rank, axis, &outer, &inner);
    now[axis] = p->out;
    bool copy = j->mode == NEAREST;
    size_t size = copy ? dtype_bytes(dtype, 1) : sizeof(double);
    if (!dims_count(rank, now, &count)) return eval_fail(c, NARU_LIMIT, "the result is too large");
    void *next = eval_scratch(c, (size_t)count * size);
    if (!next) return NARU_OUT_OF_MEMORY;
    char fill[16] = {0};
    if (copy) dtype_set_f64(dtype, fill, 0, j->extrapolation);
    if (copy) resize_copy(p, *data, next, outer, (size_t)inner * size, fill, size);
    else resize_f64(j, p, *data, next, outer, inner);
    *data = next;
    return NARU_OK;
}

static void write_result(naru_tensor *y, const job *j, const void *data) {
    int64_t n = tensor_count(y);
    if (j->mode == NEAREST) {
        memcpy(y->data, data, tensor_bytes(y));
    } else if (!dtype_is_int(y->dtype)) {
        dtype_write_f64(y->dtype, y->data, 0, n, data, true);
    } else {
        double low = (double)dtype_int_min(y->dtype), high = (double)dtype_int_max(y->dtype);
        for (int64_t i = 0; i < n; i++) {
            double v = rint(((const double *)data)[i]);
            if (v >= high) dtype_set_i64(y->dtype, y->data, i, (int64_t)dtype_int_max(y->dtype));
            else dtype_set_f64(y->dtype, y->data, i, v < low ? low : v);
        }
    }
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, X);
    const node *n = c->node;
    naru_tensor *y = eval_out(c, 0);
    int axes[NARU_MAX_RANK], count;
    if (!y) return eval_wants(c, 0) ? eval_fail(c, NARU_SHAPE, "the output's size is not known") : NARU_OK;
    if (tensor_count(y) == 0) return NARU_OK;
    job j = {n,
             choice_of(choice_text(n, COORDINATE_MODE), k_coordinates),
             choice_of(choice_text(n, MODE), k_modes),
             choice_of(choice_text(n, NEAREST_MODE), k_nearest),
             node_f(n, CUBIC_A),
             node_f(n, EXTRAPOLATION),
             node_i(n, ANTIALIAS) != 0,
             node_i(n, EXCLUDE_OUTSIDE) != 0};
    if (j.mode == NEAREST && naru_dtype_bits(x->dtype) < 8)
        return eval_fail(c, NARU_UNSUPPORTED, "elements under a byte are not resized");
    TRY(get_axes(n, x->rank, axes, &count, c->err));
    int policy = choice_of(choice_text(n, POLICY), k_policies);
    double common = find_common(c, x, axes, count, policy);
    const void *data = j.mode == NEAREST ? x->data : eval_f64(c, x);
    if (!data) return NARU_OUT_OF_MEMORY;
    int64_t now[NARU_MAX_RANK];
    memcpy(now, x->dims, sizeof now);
    for (int i = 0; i < count; i++) {
        axis_plan p = {.in = x->dims[axes[i]], .out = y->dims[axes[i]]};
        TRY(read_axis(c, &j, i, count, &p, policy, common));
        if (is_identity(&j, &p)) continue;
        TRY(plan_axis(c, &j, &p));
        TRY(resize_axis(c, &j, &p, x->dtype, x->rank, now, axes[i], &data));
    }
    write_result(y, &j, data);
    return NARU_OK;
}

/* Resize-10 had two inputs and one meaning: asymmetric coordinates, rounded down. */
static naru_status up11(lift_ctx *c, node *n) {
    if (n->nin == 2) {
        value *scales = n->in[1];
        if (!node_set_nin(n, 3)) return err_oom(c->err);
        n->in[1] = NULL;
        n->in[2] = scales;
    }
    if (!node_add_attr(
            n, (attr){.name = "coordinate_transformation_mode", .kind = ATTR_STRING, .s = {"asymmetric", 10}}) ||
        !node_add_attr(n, (attr){.name = "nearest_mode", .kind = ATTR_STRING, .s = {"floor", 5}}))
        return err_oom(c->err);
    return NARU_OK;
}

/* One value per axis of the tensor: those of the listed axes in `v`, the others from `rest`. */
static value *spread(lower_ctx *c, const node *n, value *rest, value *v) {
    int64_t count;
    const int64_t *axes = node_ints(n, AXES, &count);
    return LW(c, "ScatterElements", rest, lw_ints(c, count, axes), v);
}

static value *vector(lower_ctx *c, naru_dtype d, int64_t count, double v) {
    return LW(c, "Expand", lw_number(c, d, v), LW_INTS(c, count));
}

static naru_status drop_axes(lower_ctx *c, node *n, int rank) {
    int64_t count;
    naru_dtype d = lw_dtype(lw_in(n, ROI));
    node_ints(n, AXES, &count);
    if (lw_in(n, SCALES)) n->in[SCALES] = spread(c, n, vector(c, NARU_FLOAT, rank, 1), n->in[SCALES]);
    if (lw_in(n, SIZES)) n->in[SIZES] = spread(c, n, LW(c, "Shape", n->in[X]), n->in[SIZES]);
    if (lw_in(n, ROI) && lw_text_is(n, COORDINATE_MODE, "tf_crop_and_resize")) {
        value *from = LW(c, "Slice", n->in[ROI], LW_INTS(c, 0), LW_INTS(c, count));
        value *to = LW(c, "Slice", n->in[ROI], LW_INTS(c, count), LW_INTS(c, 2 * count));
        from = spread(c, n, vector(c, d, rank, 0), from);
        to = spread(c, n, vector(c, d, rank, 1), to);
        lw_i(c, "axis", 0);
        n->in[ROI] = LW(c, "Concat", from, to);
    } else if (lw_in(n, ROI)) {
        n->in[ROI] = NULL;
    }
    n->attrs[AXES].kind = ATTR_NONE;
    return c->status;
}

/* The scales that the known dims and sizes amount to; false when they are not known. */
static bool known_scales(lower_ctx *c, const node *n, double *scales, int *count) {
    int rank = lw_rank(n->in[X]), axes[NARU_MAX_RANK];
    const int64_t *sizes;
    int64_t given;
    if (rank < 0 || get_axes(n, rank, axes, count, c->err) != NARU_OK) return false;
    const value *s = lw_in(n, SCALES);
    if (s && s->constant && !s->is_input && tensor_count(s->constant) == *count) {
        for (int i = 0; i < *count; i++) scales[i] = dtype_get_f64(s->constant->dtype, s->constant->data, i);
        return true;
    }
    if (!lw_in(n, SIZES) || !lw_known_ints(c, n->in[SIZES], &sizes, &given) || given != *count) return false;
    for (int i = 0; i < *count; i++) {
        dim_t d = lw_dim(n->in[X], axes[i]);
        if (!dim_is_const(d) || d == 0) return false;
        scales[i] = (double)sizes[i] / (double)d;
    }
    return true;
}

/* Where nothing shrinks antialias does nothing. */
static naru_status drop_antialias(lower_ctx *c, node *n) {
    double scales[NARU_MAX_RANK];
    int count;
    if (!node_i(n, ANTIALIAS)) return NARU_OK;
    bool grows = known_scales(c, n, scales, &count);
    for (int i = 0; grows && i < count; i++) grows = scales[i] >= 1;
    if (!grows) return lw_refuse(c, "antialias of an image that may shrink");
    n->attrs[ANTIALIAS].i = 0;
    return NARU_OK;
}

static naru_status down18(lower_ctx *c, node *n) {
    int rank = lw_rank(n->in[X]);
    if (!lw_text_is(n, POLICY, "stretch")) {
        if (lw_in(n, SIZES)) return lw_refuse(c, "keep_aspect_ratio_policy '%s'", node_s(n, POLICY));
        n->attrs[POLICY].kind = ATTR_NONE; /* it is about sizes */
    }
    TRY(drop_antialias(c, n));
    if (!node_has(n, AXES)) return NARU_OK;
    return rank < 0 ? lw_refuse(c, "axes of an unknown rank") : drop_axes(c, n, rank);
}

/* With sizes the scale is exact, and half_pixel_symmetric is half_pixel. */
static naru_status down19(lower_ctx *c, node *n) {
    if (!lw_text_is(n, COORDINATE_MODE, "half_pixel_symmetric")) return NARU_OK;
    if (!lw_in(n, SIZES) || !lw_text_is(n, POLICY, "stretch"))
        return lw_refuse(c, "coordinate_transformation_mode 'half_pixel_symmetric'");
    n->attrs[COORDINATE_MODE].s = (bytes){"half_pixel", 10};
    return NARU_OK;
}

static naru_status newest(lower_ctx *c, node *n) {
    if (!lw_text_is(n, COORDINATE_MODE, "tf_half_pixel_for_nn")) return NARU_OK;
    return lw_refuse(c, "coordinate_transformation_mode 'tf_half_pixel_for_nn' went with opset 13");
}

const op_desc op_Resize = {
    .name = "Resize",
    .versions = (const short[]){10, 11, 13, 18, 19, 0},
    .sig = "X:T1, roi:T2?, scales:float32?, sizes:int64? -> Y:T1 | T1 = all; T2 = float16 float32 float64",
    .since = "T1 never small; antialias 18; axes 18; keep_aspect_ratio_policy 18",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{11, up11}, {0}},
    .down = (const down_adapter[]){{DOWN_ALWAYS, newest}, {19, down19}, {18, down18}, {0}},
};
