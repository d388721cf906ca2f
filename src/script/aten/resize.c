/* SPDX-License-Identifier: MIT
 *
 * Resizing of images: the upsample family (nearest, nearest-exact, linear, cubic, and those that widen their filter
 * when they shrink), grids and sampling by them, and the interpolate of old archives.
 *
 * Where a scale is given it maps coordinates, otherwise the ratio of sizes does. Nearest follows PyTorch's arithmetic
 * in float where Resize's would choose another pixel. The widening filters are products with a matrix for each axis.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/quant.h"

typedef enum filter { NEAREST, NEAREST_EXACT, LINEAR, CUBIC, LINEAR_AA, CUBIC_AA, LANCZOS_AA } filter;

typedef struct resize {
    filter filter;
    bool align;
    sten *x;
    int n; /* spatial axes */
    sv out[3];
    double scale[3]; /* 0: not given */
    bool scaled;     /* scale is given for every axis */
    bool sized;      /* out is known or symbolic; false: only scales */
} resize;

/* ---- arguments ---- */
static bool take_rank(lower *L, resize *r) {
    int rank = t_rank(L, r->x);
    if (lower_ok(L) && rank != r->n + 2)
        lower_raise(L, "RuntimeError", "It is expected input_size equals to %d, but got size %d", r->n + 2, rank);
    return lower_ok(L);
}

static double number_in(lower *L, const slist *l, int i) {
    sv v = l->items[i];
    if (v.tag == SV_FLOAT) return v.f;
    if (v.tag == SV_INT) return (double)v.i;
    lower_raise(L, "RuntimeError", "a scale factor is no number");
    return 1;
}

/* floor(in scale), where it can be said by integers: scales like 1.5 are fractions. */
static bool size_by_scale(lower *L, sv in, double scale, sv *out) {
    enum { MOST = 100 };
    if (in.tag == SV_INT) {
        *out = sv_int((int64_t)floor((double)in.i * scale));
        return true;
    }
    int q = 1;
    while (q <= MOST && scale * q != floor(scale * q)) q++;
    if (q <= MOST) *out = s_floordiv(L, s_mul(L, in, sv_int((int64_t)(scale * q))), sv_int(q));
    return q <= MOST;
}

static void sizes_from_scales(lower *L, resize *r) {
    r->sized = true;
    for (int d = 0; d < r->n && lower_ok(L); d++) {
        if (!(r->scale[d] > 0) || r->scale[d] > 1e6) {
            lower_raise(L, "RuntimeError", "scale factors must be positive");
            return;
        }
        r->sized = size_by_scale(L, t_dim(L, r->x, d + 2), r->scale[d], &r->out[d]) && r->sized;
    }
}

static void take_sizes(lower *L, resize *r, int i) {
    sv v[NARU_MAX_RANK];
    int n = arg_sints(L, i, v);
    if (lower_ok(L) && n != r->n && n != 1)
        lower_raise(L, "RuntimeError", "It is expected output_size equals to %d, but got size %d", r->n, n);
    if (!lower_ok(L)) return;
    for (int d = 0; d < r->n; d++) r->out[d] = v[n == 1 ? 0 : d];
    r->sized = true;
}

/* .vec: (input, output_size, [align_corners,] scale_factors) */
static void read_vec(lower *L, resize *r, int scales) {
    const slist *l = sv_list(arg(L, scales));
    if (!take_rank(L, r)) return;
    if (!arg_none(L, 1) == (l != NULL)) {
        lower_raise(L, "RuntimeError", "Must specify exactly one of output_size and scale_factors");
    } else if (l) {
        if ((int)l->count != r->n) lower_raise(L, "RuntimeError", "%d scale factors are expected", r->n);
        for (int d = 0; d < r->n && lower_ok(L); d++) r->scale[d] = number_in(L, l, d);
        r->scaled = true;
        sizes_from_scales(L, r);
    } else {
        take_sizes(L, r, 1);
    }
}

/* (self, output_size, [align_corners,] scales ...) */
static void read_plain(lower *L, resize *r, int scales) {
    if (!take_rank(L, r)) return;
    take_sizes(L, r, 1);
    r->scaled = true;
    for (int d = 0; d < r->n; d++) {
        r->scale[d] = arg_float_or(L, scales + d, 0);
        r->scaled = r->scaled && r->scale[d] > 0;
    }
}

/* ---- nearest in PyTorch's arithmetic ---- */
static int64_t nearest_of(const resize *r, int d, int64_t o, int64_t in, int64_t out) {
    if (in == out) return o;
    if (r->filter == NEAREST && out == 2 * in) return o / 2;
    float scale = r->scale[d] > 0 ? (float)(1 / r->scale[d]) : (float)in / (float)out;
    float at = r->filter == NEAREST ? (float)o * scale : ((float)o + 0.5f) * scale;
    return i64_min((int64_t)floorf(at), in - 1);
}

static int64_t nearest_of_resize(const resize *r, int d, int64_t o, int64_t in, int64_t out, bool by_size) {
    double scale = by_size ? (double)out / (double)in : (double)(float)r->scale[d];
    double x = r->filter == NEAREST ? floor((double)o / scale) : floor(((double)o + 0.5) / scale - 0.5 + 0.5);
    return x < 0 ? 0 : x > (double)(in - 1) ? in - 1 : (int64_t)x;
}

static bool agrees(lower *L, const resize *r, bool by_size) {
    for (int d = 0; d < r->n; d++) {
        sv in = t_dim(L, r->x, d + 2), out = r->out[d];
        if (in.tag != SV_INT || out.tag != SV_INT || in.i == 0 || out.i > 1 << 24) continue; /* memory ends before */
        for (int64_t o = 0; o < out.i; o++)
            if (nearest_of(r, d, o, in.i, out.i) != nearest_of_resize(r, d, o, in.i, out.i, by_size)) return false;
    }
    return true;
}

static sten *by_gather(lower *L, const resize *r) {
    sten *y = r->x;
    for (int d = 0; d < r->n && lower_ok(L); d++) {
        int64_t in = t_dim_int(L, r->x, d + 2), out = s_need(L, r->out[d]);
        int64_t *p = out < INT32_MAX ? host_scratch(L, (size_t)out * sizeof *p) : NULL;
        for (int64_t o = 0; p && o < out; o++) p[o] = nearest_of(r, d, o, in, out);
        y = p ? EMITA(Gather, ATTRS(AI("axis", d + 2)), y, lit_ints(L, p, (int)out)) : NULL;
    }
    return y;
}

/* ---- Resize ---- */
static sten *resize_node(lower *L, const resize *r, sten *x, int from, int n, int axis, bool by_size) {
    int64_t axes[3];
    for (int d = 0; d < n; d++) axes[d] = axis + d;
    static const char *const modes[] = {"nearest", "nearest", "linear", "cubic"};
    bool nearest = r->filter <= NEAREST_EXACT;
    const char *coords = r->filter == NEAREST ? "asymmetric" : r->align && !nearest ? "align_corners" : "half_pixel";
    sten *scales = NULL, *sizes = NULL;
    if (by_size) {
        sizes = ints_tensor(L, r->out + from, n);
    } else {
        float v[3];
        for (int d = 0; d < n; d++) v[d] = (float)r->scale[from + d];
        scales = nn_floats(L, v, n);
    }
    return EMITA(Resize,
                 ATTRS(AS("mode", modes[r->filter]), AS("coordinate_transformation_mode", coords), AV("axes", axes, n),
                       AS("nearest_mode", r->filter == NEAREST ? "floor" : "round_prefer_ceil"),
                       AF("cubic_coeff_a", -0.75)),
                 x, NULL, scales, sizes);
}

/* Three axes: two at once in their planes, then the first over rows of planes. */
static sten *resize_3d(lower *L, const resize *r, bool by_size) {
    sten *y = resize_node(L, r, r->x, 1, 2, 3, by_size);
    sv d[5];
    nn_dims(L, y, d);
    if (!lower_ok(L)) return NULL;
    y = nn_reshape(L, y, 4, (sv[]){d[0], d[1], d[2], s_mul(L, d[3], d[4])});
    y = resize_node(L, r, y, 0, 1, 2, by_size);
    return nn_reshape(L, y, 5, (sv[]){d[0], d[1], t_dim(L, y, 2), d[3], d[4]});
}

/* The given scale says the same as the ratio of sizes. */
static bool ratios_are_scales(lower *L, const resize *r) {
    for (int d = 0; d < r->n; d++) {
        sv in = t_dim(L, r->x, d + 2);
        if (in.tag != SV_INT || r->out[d].tag != SV_INT || (double)in.i * r->scale[d] != (double)r->out[d].i)
            return false;
    }
    return true;
}

/* Scales that are no whole numbers: floor(x / scale) hangs on the last bit, so the pixels are listed in the graph. */
static bool delicate(const resize *r) {
    for (int d = 0; d < r->n; d++)
        if (r->scale[d] != floor(r->scale[d])) return true;
    return false;
}

static sten *by_listed_pixels(lower *L, const resize *r) {
    sten *y = r->x;
    for (int d = 0; d < r->n && lower_ok(L); d++) {
        sten *last = scalar_tensor(L, s_sub(L, t_dim(L, r->x, d + 2), sv_int(1)), NARU_INT64);
        sten *at = EMIT(Range, lit_int(L, 0), scalar_tensor(L, r->out[d], NARU_INT64), lit_int(L, 1));
        at = cast(L, at, NARU_FLOAT);
        if (r->filter == NEAREST_EXACT) at = nn_plus(L, at, 0.5);
        at = cast(L, EMIT(Floor, nn_times(L, at, (double)(float)(1 / r->scale[d]))), NARU_INT64);
        y = EMITA(Gather, ATTRS(AI("axis", d + 2)), y, EMIT(Min, at, last));
    }
    return y;
}

static sten *by_resize(lower *L, const resize *r) {
    bool linear = r->filter == LINEAR || r->filter == CUBIC;
    bool by_size = r->sized && (!r->scaled || (r->align && linear) || (!lower_recording(L) && ratios_are_scales(L, r)));
    if (!linear && r->sized && !agrees(L, r, by_size)) return by_gather(L, r);
    if (!linear && r->sized && r->scaled && !nn_known(L, r->x) && delicate(r)) return by_listed_pixels(L, r);
    if (r->n == 3 && !lower_recording(L)) return resize_3d(L, r, by_size);
    return resize_node(L, r, r->x, 0, r->n, 2, by_size);
}

/* ---- filters that widen ---- */
static double sinc(double x) { return x == 0 ? 1 : sin(x * 3.14159265358979323846) / (x * 3.14159265358979323846); }

static double tap(filter f, double x) {
    x = fabs(x);
    if (f == LINEAR_AA) return x < 1 ? 1 - x : 0;
    if (f == LANCZOS_AA) return x < 3 ? sinc(x) * sinc(x / 3) : 0;
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static float tap_f(filter f, float x) { /* of floats, as PyTorch rounds */
    x = fabsf(x);
    if (f == LINEAR_AA) return x < 1 ? (float)(1.0 - x) : 0;
    if (f == LANCZOS_AA) return (float)tap(f, x);
    if (x < 1) return (1.5f * x - 2.5f) * x * x + 1;
    return x < 2 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : 0;
}

/* The weights of one output; PyTorch computes those of floats in floats, those of bytes and doubles in doubles. */
static void filter_row(const resize *r, double scale, double half, int64_t o, int64_t in, double *row) {
    double support = scale >= 1 ? half * scale : half, inverse = scale >= 1 ? 1 / scale : 1;
    double centre = scale * ((double)o + 0.5), sum = 0;
    int64_t lo = i64_max((int64_t)(centre - support + 0.5), 0), hi = i64_min((int64_t)(centre + support + 0.5), in);
    for (int64_t i = lo; i < hi; i++) sum += row[i] = tap(r->filter, ((double)i - centre + 0.5) * inverse);
    for (int64_t i = lo; i < hi && sum != 0; i++) row[i] /= sum;
}
static void filter_row_f(const resize *r, float scale, double half, int64_t o, int64_t in, double *row) {
    float support = (float)(scale >= 1 ? half * scale : half), inverse = scale >= 1 ? (float)(1.0 / scale) : 1;
    float centre = (float)(scale * ((double)o + 0.5)), sum = 0;
    int64_t lo = i64_max((int64_t)(centre - support + 0.5), 0), hi = i64_min((int64_t)(centre + support + 0.5), in);
    for (int64_t i = lo; i < hi; i++) {
        float w = tap_f(r->filter, (float)(((float)i - centre + 0.5) * inverse));
        row[i] = w;
        sum += w;
    }
    for (int64_t i = lo; i < hi && sum != 0; i++) row[i] = (float)row[i] / sum;
}

/* Bytes are weighed with 16-bit numbers of so many bits behind the point. */
static int byte_weights(int64_t n, double *w) {
    double most = 0;
    int bits = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, w[i]);
    while (bits < 22 && 0.5 + most * (double)(1 << (bits + 1)) < 1 << 15) bits++;
    for (int64_t i = 0; i < n; i++) w[i] = trunc(w[i] * (double)(1 << bits) + (w[i] < 0 ? -0.5 : 0.5));
    return bits;
}

/* [out, in], each row sums to one; bytes (bits given): to 2 ** *bits. */
static sten *filter_matrix(lower *L, const resize *r, int d, int64_t in, int64_t out, naru_dtype d_type, int *bits) {
    double half = r->filter == LINEAR_AA ? 1 : r->filter == CUBIC_AA ? 2 : 3, scale;
    int64_t count;
    if (in <= 0 || out <= 0 || !dims_count(2, (int64_t[]){in, out}, &count)) {
        lower_raise(L, "RuntimeError",
                    "Input and output sizes should be greater than 0, but got input (%lld), output "
                    "(%lld)",
                    (long long)in, (long long)out);
        return NULL;
    }
    double *w = host_scratch(L, (size_t)count * sizeof *w);
    if (!w) return NULL;
    memset(w, 0, (size_t)count * sizeof *w);
    if (r->align) scale = out > 1 ? (double)(in - 1) / (double)(out - 1) : 0;
    else scale = r->scale[d] > 0 ? 1 / r->scale[d] : (double)in / (double)out;
    for (int64_t o = 0; o < out; o++) {
        if (d_type == NARU_FLOAT) filter_row_f(r, (float)scale, half, o, in, w + o * in);
        else filter_row(r, scale, half, o, in, w + o * in);
    }
    if (bits) *bits = byte_weights(count, w);
    return nn_constant(L, d_type, 2, (int64_t[]){out, in}, w);
}

static sten *byte_steps(lower *L, sten *y, int bits, bool are_bytes) { /* each pass over bytes ends in bytes */
    if (!are_bytes) return y;
    y = EMIT(Floor, EMIT(Add, EMIT(Mul, y, lit(L, NARU_DOUBLE, 1 / (double)(1 << bits))), lit(L, NARU_DOUBLE, 0.5)));
    return EMIT(Clip, y, lit(L, NARU_DOUBLE, 0), lit(L, NARU_DOUBLE, 255));
}

/* Sizes that are not known: Resize says it, too. */
static sten *widening(lower *L, const resize *r) {
    bool by_size = r->sized && !r->scaled;
    float v[2] = {(float)r->scale[0], (float)r->scale[1]};
    return EMITA(Resize,
                 ATTRS(AS("mode", r->filter == LINEAR_AA ? "linear" : "cubic"), AF("cubic_coeff_a", -0.5),
                       AS("coordinate_transformation_mode", "half_pixel"), AI("antialias", 1), AI("exclude_outside", 1),
                       AV("axes", ((int64_t[]){2, 3}), 2)),
                 r->x, NULL, by_size ? NULL : nn_floats(L, v, 2), by_size ? ints_tensor(L, r->out, 2) : NULL);
}

static sten *by_matrices(lower *L, const resize *r) {
    bool open = lower_recording(L) && !nn_known(L, r->x);
    if (open && t_dtype(L, r->x) == NARU_UINT8 && !ar_for_export(L))
        return lower_fail(L, NARU_UNSUPPORTED, "resizing bytes of unknown size: Resize rounds otherwise"), NULL;
    if (open && r->filter != LANCZOS_AA && !r->align) return widening(L, r);
    naru_dtype d = t_dtype(L, r->x);
    bool in_bytes = d == NARU_UINT8;
    naru_dtype wide = d == NARU_DOUBLE || in_bytes ? NARU_DOUBLE : NARU_FLOAT;
    int64_t in[2], out[2];
    int bits[2] = {0};
    for (int i = 0; i < 2; i++) in[i] = t_dim_int(L, r->x, i + 2), out[i] = s_need(L, r->out[i]);
    sten *y = cast(L, r->x, wide), *w[2];
    for (int i = 0; i < 2 && lower_ok(L); i++)
        w[i] = in[i] == out[i] ? NULL : filter_matrix(L, r, i, in[i], out[i], wide, in_bytes ? &bits[i] : NULL);
    if (!lower_ok(L)) return NULL;
    if (w[1]) y = byte_steps(L, EMIT(MatMul, y, view_transpose(L, w[1], 0, 1)), bits[1], in_bytes);
    if (w[0]) y = byte_steps(L, EMIT(MatMul, w[0], y), bits[0], in_bytes);
    return cast(L, y, d);
}

/* "(H: 5, W: 7)" */
static const char *named_sizes(lower *L, const resize *r, bool out) {
    char *s = host_scratch(L, 128);
    int at = 0;
    if (!s) return "";
    for (int d = 0; d < r->n; d++) {
        sv v = out ? r->out[d] : t_dim(L, r->x, d + 2);
        at += snprintf(s + at, 128 - (size_t)at, "%s%c: %lld", d ? ", " : "(", "DHW"[3 - r->n + d],
                       v.tag == SV_INT ? (long long)v.i : -1);
    }
    snprintf(s + at, 128 - (size_t)at, ")");
    return s;
}

static sten *run_resize(lower *L, const resize *r) {
    for (int d = 0; d < r->n && lower_ok(L); d++)
        if (r->sized && r->out[d].tag == SV_INT && (r->out[d].i <= 0 || s_is(t_dim(L, r->x, d + 2), 0)))
            lower_raise(L, "RuntimeError",
                        "Input and output sizes should be greater than 0, but got input %s output %s",
                        named_sizes(L, r, false), named_sizes(L, r, true));
    if (!lower_ok(L)) return NULL;
    return r->filter >= LINEAR_AA ? by_matrices(L, r) : by_resize(L, r);
}

/* ---- operators ---- */
static void upsample(lower *L, filter f, int n, bool vec) {
    bool aligns = f > NEAREST_EXACT;
    resize r = {.filter = f, .n = n, .x = arg_tensor(L, 0)};
    r.align = aligns && arg_bool(L, 2);
    if (vec) read_vec(L, &r, aligns ? 3 : 2);
    else read_plain(L, &r, aligns ? 3 : 2);
    ret_tensor(L, run_resize(L, &r));
}

#define UPSAMPLE(name, filter, n)                                                                                      \
    void aten_##name(lower *L) {                                                                                       \
        if (!quant_whole(L, aten_##name)) upsample(L, filter, n, false);                                               \
    }                                                                                                                  \
    void aten_##name##_vec(lower *L) {                                                                                 \
        if (!quant_whole(L, aten_##name##_vec)) upsample(L, filter, n, true);                                          \
    }
UPSAMPLE(upsample_nearest1d, NEAREST, 1)
UPSAMPLE(upsample_nearest2d, NEAREST, 2)
UPSAMPLE(upsample_nearest3d, NEAREST, 3)
UPSAMPLE(_upsample_nearest_exact1d, NEAREST_EXACT, 1)
UPSAMPLE(_upsample_nearest_exact2d, NEAREST_EXACT, 2)
UPSAMPLE(_upsample_nearest_exact3d, NEAREST_EXACT, 3)
UPSAMPLE(upsample_linear1d, LINEAR, 1)
UPSAMPLE(upsample_bilinear2d, LINEAR, 2)
UPSAMPLE(upsample_trilinear3d, LINEAR, 3)
UPSAMPLE(upsample_bicubic2d, CUBIC, 2)
UPSAMPLE(_upsample_bilinear2d_aa, LINEAR_AA, 2)
UPSAMPLE(_upsample_bicubic2d_aa, CUBIC_AA, 2)
UPSAMPLE(_upsample_lanczos2d_aa, LANCZOS_AA, 2)

/* ---- interpolate as old archives call it ---- */
static bool filter_by_name(const char *mode, int n, bool antialias, filter *out) {
    static const struct {
        const char *name;
        int n;
        filter plain, widening;
    } table[] = {{"nearest", 0, NEAREST, NEAREST}, {"nearest-exact", 0, NEAREST_EXACT, NEAREST_EXACT},
                 {"linear", 1, LINEAR, LINEAR},    {"bilinear", 2, LINEAR, LINEAR_AA},
                 {"trilinear", 3, LINEAR, LINEAR}, {"bicubic", 2, CUBIC, CUBIC_AA}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].name, mode) == 0 && (table[i].n == 0 || table[i].n == n))
            return *out = antialias ? table[i].widening : table[i].plain, true;
    return false;
}

static void area(lower *L, const resize *r) {
    static const lower_fn fn[] = {aten_adaptive_avg_pool1d, aten_adaptive_avg_pool2d, aten_adaptive_avg_pool3d};
    slist *sizes = slist_new(&stype_int, 3);
    sv args[2] = {sv_of(r->x), lower_own_value(L, sv_of(sizes))}, out[1];
    for (int d = 0; d < r->n && lower_ok(L); d++) slist_push(sizes, sv_int(s_need(L, r->out[d])));
    if (lower_ok(L)) lower_call(L, fn[r->n - 1], 2, args, 1, out);
    if (lower_ok(L)) ret_tensor(L, sv_tensor(out[0]));
}

static void interpolate(lower *L, const char *mode, bool align, bool recompute, bool antialias) {
    resize r = {.x = arg_tensor(L, 0), .align = align};
    r.n = t_rank(L, r.x) - 2;
    if (!lower_ok(L)) return;
    if (r.n < 1 || r.n > 3) {
        lower_raise(L, "NotImplementedError", "Input Error: Only 3D, 4D and 5D input Tensors supported (got %dD)",
                    r.n + 2);
        return;
    }
    const slist *l = sv_list(arg(L, 2));
    if (arg_none(L, 1) == arg_none(L, 2)) {
        lower_raise(L, "ValueError", "either size or scale_factor should be defined");
    } else if (!arg_none(L, 1)) {
        take_sizes(L, &r, 1);
    } else {
        for (int d = 0; d < r.n && lower_ok(L); d++)
            r.scale[d] = !l ? arg_float(L, 2) : d < (int)l->count ? number_in(L, l, d) : 0;
        sizes_from_scales(L, &r);
        r.scaled = !recompute || !r.sized;
        if (!r.scaled) memset(r.scale, 0, sizeof r.scale);
    }
    if (!lower_ok(L)) return;
    if (strcmp(mode, "area") == 0) area(L, &r);
    else if (filter_by_name(mode, r.n, antialias, &r.filter)) ret_tensor(L, run_resize(L, &r));
    else lower_raise(L, "NotImplementedError", "Input Error: mode %s does not fit %dD input", mode, r.n + 2);
}

void aten___interpolate(lower *L) { /* (input, size, scale_factor, mode, align_corners, recompute, antialias) */
    interpolate(L, arg_str(L, 3), arg_bool_or(L, 4, false), arg_bool_or(L, 5, false), arg_bool(L, 6));
}
void aten___upsample(lower *L) { interpolate(L, arg_str(L, 3), arg_bool_or(L, 4, false), false, false); }
void aten___upsample_nearest(lower *L) { interpolate(L, "nearest", false, false, false); }
void aten___upsample_bilinear(lower *L) { interpolate(L, "bilinear", true, false, false); }

/* ---- grids ---- */
/* The border around a cubic filter: PyTorch takes the nearest edge for each tap, GridSample for the position. Three
 * more rows of edge all around make that the same. */
static sten *with_edges(lower *L, sten *x, sten **grid, bool align) {
    enum { MORE = 3 };
    int64_t pads[8] = {0, 0, MORE, MORE, 0, 0, MORE, MORE};
    naru_dtype d = t_dtype(L, *grid);
    sten *by[2];
    for (int i = 0; i < 2; i++) { /* innermost first; the centre stays where it is */
        sten *n = scalar_tensor(L, t_dim(L, x, 3 - i), d), *cells = align ? nn_plus(L, n, -1) : n;
        by[i] = view_unsqueeze(L, EMIT(Div, cells, nn_plus(L, cells, 2 * MORE)), 0);
    }
    *grid = EMIT(Mul, *grid, nn_concat(L, 0, 2, by));
    return EMITA(Pad, ATTRS(AS("mode", "edge")), x, lit_ints(L, pads, 8));
}

void aten_grid_sampler(lower *L) {
    static const char *const modes[] = {"linear", "nearest", "cubic"}, *const pads[] = {"zeros", "border",
                                                                                        "reflection"};
    sten *x = arg_tensor(L, 0), *grid = arg_tensor(L, 1);
    int64_t mode = arg_int(L, 2), pad = arg_int(L, 3);
    bool align = arg_bool(L, 4);
    int rank = t_rank(L, x);
    if (!lower_ok(L)) return;
    if (mode < 0 || mode > 2 || pad < 0 || pad > 2 || (rank != 4 && rank != 5) || t_rank(L, grid) != rank ||
        (mode == 2 && rank == 5)) {
        lower_raise(
            L, "RuntimeError",
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with "
            "sizes %s and grid with sizes %s",
            nn_shape(L, x), nn_shape(L, grid));
        return;
    }
    if (mode == 2 && pad == 1) x = with_edges(L, x, &grid, align);
    ret_tensor(L, EMITA(GridSample,
                        ATTRS(AS("mode", modes[mode]), AS("padding_mode", pads[pad]), AI("align_corners", align)), x,
                        grid));
}

/* n points in [-1, 1], the ends or the centres of cells; one point is 0. */
static double grid_point(int64_t i, int64_t n, bool align) {
    double at = n > 1 ? -1 + 2 * (double)i / (double)(n - 1) : 0;
    return align ? at : at * (double)(n - 1) / (double)n;
}

/* [cells, k + 1]: coordinates, the innermost axis first, and 1. */
static sten *base_grid(lower *L, naru_dtype d, int k, const int64_t *size, bool align, int64_t cells) {
    double *v = host_scratch(L, (size_t)(cells * (k + 1)) * sizeof *v);
    if (!v) return NULL;
    for (int64_t c = 0; c < cells; c++) {
        int64_t rest = c;
        for (int a = k - 1; a >= 0; a--) {
            v[c * (k + 1) + (k - 1 - a)] = grid_point(rest % size[a], size[a], align);
            rest /= size[a];
        }
        v[c * (k + 1) + k] = 1;
    }
    return nn_constant(L, d, 2, (int64_t[]){cells, k + 1}, v);
}

void aten_affine_grid_generator(lower *L) {
    sten *theta = arg_tensor(L, 0);
    sv size[NARU_MAX_RANK], dims[5];
    int n = arg_sints(L, 1, size), k = n - 2;
    bool align = arg_bool(L, 2), known = true;
    int64_t spatial[3] = {1, 1, 1}, cells = 1;
    if (!lower_ok(L)) return;
    if (k < 2 || k > 3) {
        lower_raise(L, "RuntimeError", "AffineGridGenerator needs 4d (spatial) or 5d (volumetric) inputs.");
        return;
    }
    for (int a = 0; a < k; a++) {
        known = known && size[a + 2].tag == SV_INT && size[a + 2].i > 0 && i64_mul(cells, size[a + 2].i, &cells);
        if (known) spatial[a] = size[a + 2].i;
    }
    if (!known || cells > 1 << 26) {
        ret_tensor(L, EMITA(AffineGrid, ATTRS(AI("align_corners", align)), theta, ints_tensor(L, size, n)));
        return;
    }
    sten *grid = base_grid(L, t_dtype(L, theta), k, spatial, align, cells);
    sten *y = EMIT(MatMul, grid, view_transpose(L, theta, 1, 2));
    dims[0] = size[0];
    for (int a = 0; a < k; a++) dims[a + 1] = size[a + 2];
    dims[k + 1] = sv_int(k);
    ret_tensor(L, nn_reshape(L, y, k + 2, dims));
}
