/* SPDX-License-Identifier: MIT
 *
 * Pooling over one, two or three axes: maximum (with positions), mean, adaptive forms, unpooling. Adaptive bin i of n
 * over an axis of size s is [floor(i s / n), ceil((i + 1) s / n)); the mean over such bins is taken axis by axis.
 */
#include "script/aten/arith.h"
#include "script/aten/quant.h"

#include <math.h>

typedef struct pool {
    const char *name;
    sten *x;
    naru_dtype dtype; /* the caller's; x is a float type */
    int n;
    int64_t kernel[3], stride[3], dilation[3], pads[6];
    bool ceil, single; /* single: came without a batch axis */
} pool;

/* Adds a batch axis where there is none; computes on floats. */
static void take_input(lower *L, pool *p) {
    int rank = t_rank(L, p->x);
    p->dtype = t_dtype(L, p->x);
    if (!lower_ok(L)) return;
    if (rank != p->n + 1 && rank != p->n + 2) {
        if (strncmp(p->name, "max", 3) == 0)
            lower_raise(L, "RuntimeError", "non-empty %dD or %dD (batch mode) tensor expected for input", p->n + 1,
                        p->n + 2);
        lower_raise(L, "RuntimeError", "%s(): Expected %dD or %dD tensor, but got %s", p->name, p->n + 1, p->n + 2,
                    nn_shape(L, p->x));
        return;
    }
    p->single = rank == p->n + 1;
    if (p->single) p->x = view_unsqueeze(L, p->x, 0);
    if (!dtype_is_float(p->dtype)) p->x = cast(L, p->x, NARU_DOUBLE);
}

static sten *give(lower *L, const pool *p, sten *y, naru_dtype d) {
    y = cast(L, y, d);
    return p->single ? view_squeeze(L, y, 1, (int64_t[]){0}) : y;
}

static int64_t extent(const pool *p, int d) { return p->dilation[d] * (p->kernel[d] - 1) + 1; }

static void too_small(lower *L, const pool *p) {
    char in[100], out[100];
    int a = snprintf(in, sizeof in, "%lld", (long long)t_dim_int(L, p->x, 1));
    int b = snprintf(out, sizeof out, "%s", in);
    for (int d = 0; d < p->n && lower_ok(L); d++) {
        int64_t n = t_dim_int(L, p->x, d + 2), room = n + 2 * p->pads[d] - extent(p, d), s = p->stride[d];
        a += snprintf(in + a, sizeof in - (size_t)a, "x%lld", (long long)n);
        b += snprintf(out + b, sizeof out - (size_t)b, "x%lld",
                      (long long)((room < 0 ? -((s - 1 - room) / s) : room / s) + 1));
    }
    lower_raise(L, "RuntimeError", "Given input size: (%s). Calculated output size: (%s). Output size is too small", in,
                out);
}

static void check_window(lower *L, const pool *p) {
    for (int d = 0; d < p->n && lower_ok(L); d++) {
        sv in = t_dim(L, p->x, d + 2);
        if (p->kernel[d] > INT32_MAX || p->stride[d] > INT32_MAX || p->dilation[d] > INT32_MAX)
            lower_fail(L, NARU_SHAPE, "%s: a window of more than 2^31 elements", p->name);
        else if (p->kernel[d] <= 0 || p->stride[d] <= 0 || p->dilation[d] <= 0)
            lower_raise(L, "RuntimeError", "%s: kernel size, stride and dilation should be greater than zero", p->name);
        else if (p->pads[d] < 0)
            lower_raise(L, "RuntimeError", "pad must be non-negative, but got pad: %lld", (long long)p->pads[d]);
        else if (p->pads[d] > extent(p, d) / 2)
            lower_raise(L, "RuntimeError",
                        "pad should be at most half of effective kernel size, but got pad=%lld, kernel_size=%lld and "
                        "dilation=%lld",
                        (long long)p->pads[d], (long long)p->kernel[d], (long long)p->dilation[d]);
        else if (in.tag == SV_INT && in.i + 2 * p->pads[d] < extent(p, d) && !p->ceil) too_small(L, p);
    }
}

/* Arguments kernel, stride (none: the kernel), padding from `at` on. */
static pool read_pool(lower *L, const char *name, int n, bool dilated, int ceil) {
    pool p = {.name = name, .x = arg_tensor(L, 0), .n = n};
    arg_ints_n(L, 1, n, p.kernel);
    sv stride = arg(L, 2);
    const slist *l = sv_list(stride);
    if (stride.tag == SV_NONE || (l && l->count == 0)) memcpy(p.stride, p.kernel, sizeof p.stride);
    else arg_ints_n(L, 2, n, p.stride);
    arg_ints_n(L, 3, n, p.pads);
    for (int d = 0; d < n; d++) p.dilation[d] = 1, p.pads[n + d] = p.pads[d];
    if (dilated) arg_ints_n(L, 4, n, p.dilation);
    p.ceil = arg_bool(L, ceil);
    take_input(L, &p);
    check_window(L, &p);
    return p;
}

/* ---- maximum ---- */
/* Positions in the whole tensor become positions in each plane. */
static sten *in_plane(lower *L, sten *index, sten *x) {
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, x, dims);
    if (!lower_ok(L)) return NULL;
    sv plane = nn_product(L, rank - 2, dims + 2);
    return EMIT(Mod, index, scalar_tensor(L, plane, NARU_INT64));
}

static void max_run(lower *L, const pool *p, bool indices) {
    const la *attrs =
        ATTRS(AV("kernel_shape", p->kernel, p->n), AV("strides", p->stride, p->n), AV("dilations", p->dilation, p->n),
              AV("pads", p->pads, 2 * p->n), AI("ceil_mode", p->ceil));
    sten *out[2] = {NULL, NULL};
    if (!lower_ok(L)) return;
    lower_opn(L, &op_MaxPool, attrs, 1, (sten *[]){p->x}, indices ? 2 : 1, out);
    ret_tensor(L, give(L, p, out[0], p->dtype));
    if (indices) ret_tensor(L, give(L, p, in_plane(L, out[1], p->x), NARU_INT64));
}

static void max_pool(lower *L, const char *name, int n, bool indices) {
    pool p = read_pool(L, name, n, true, 5);
    max_run(L, &p, indices);
}

void aten_max_pool1d(lower *L) {
    if (!quant_whole(L, aten_max_pool1d)) max_pool(L, "max_pool1d", 1, false);
}
void aten_max_pool2d(lower *L) {
    if (!quant_whole(L, aten_max_pool2d)) max_pool(L, "max_pool2d", 2, false);
}
void aten_max_pool3d(lower *L) {
    if (!quant_whole(L, aten_max_pool3d)) max_pool(L, "max_pool3d", 3, false);
}
void aten_max_pool1d_with_indices(lower *L) { max_pool(L, "max_pool1d", 1, true); }
void aten_max_pool2d_with_indices(lower *L) { max_pool(L, "max_pool2d", 2, true); }
void aten_max_pool3d_with_indices(lower *L) { max_pool(L, "max_pool3d", 3, true); }

/* ---- mean ---- */
/* The end padding under which every window of ceil_mode lies wholly inside. */
static void pad_for_ceil(lower *L, pool *p) {
    for (int d = 0; d < p->n && lower_ok(L); d++) {
        int64_t in = t_dim_int(L, p->x, d + 2), room = in + 2 * p->pads[d] - p->kernel[d], s = p->stride[d];
        int64_t out = (room + s - 1) / s + 1;
        if ((out - 1) * s >= in + p->pads[d]) out--;
        p->pads[p->n + d] += i64_max(0, (out - 1) * s + p->kernel[d] - in - 2 * p->pads[d]);
    }
    p->ceil = false;
}

static void avg_pool(lower *L, const char *name, int n) {
    pool p = read_pool(L, name, n, false, 4);
    bool include = arg_bool(L, 5);
    int64_t divisor = n == 1 ? 0 : arg_int_or(L, 6, 0), size = 1;
    if (n > 1 && !arg_none(L, 6) && divisor == 0) lower_raise(L, "RuntimeError", "divisor must be not zero");
    for (int d = 0; lower_ok(L) && d < n; d++) size *= p.kernel[d];
    if (divisor) include = true;
    if (divisor && p.ceil) pad_for_ceil(L, &p);
    if (!lower_ok(L)) return;
    sten *y = EMITA(AveragePool,
                    ATTRS(AV("kernel_shape", p.kernel, n), AV("strides", p.stride, n), AV("pads", p.pads, 2 * n),
                          AI("ceil_mode", p.ceil), AI("count_include_pad", include)),
                    p.x);
    if (divisor) y = nn_times(L, y, (double)size / (double)divisor);
    ret_tensor(L, give(L, &p, y, p.dtype));
}

void aten_avg_pool1d(lower *L) {
    if (!quant_whole(L, aten_avg_pool1d)) avg_pool(L, "avg_pool1d", 1);
}
void aten_avg_pool2d(lower *L) {
    if (!quant_whole(L, aten_avg_pool2d)) avg_pool(L, "avg_pool2d", 2);
}
void aten_avg_pool3d(lower *L) {
    if (!quant_whole(L, aten_avg_pool3d)) avg_pool(L, "avg_pool3d", 3);
}

/* ---- adaptive ---- */
static int64_t bin_start(int64_t i, int64_t in, int64_t out) { return i * in / out; }
static int64_t bin_end(int64_t i, int64_t in, int64_t out) { return ((i + 1) * in + out - 1) / out; }

static pool read_adaptive(lower *L, const char *name, int n, int64_t *out) {
    pool p = {.name = name, .x = arg_tensor(L, 0), .n = n};
    arg_ints_n(L, 1, n, out);
    take_input(L, &p);
    for (int d = 0; d < n && lower_ok(L); d++)
        if (out[d] < 0)
            lower_raise(L, "RuntimeError", "%s(): elements of output_size must be greater than or equal to 0", name);
    return p;
}

static bool all_ones(int n, const int64_t *out) {
    for (int d = 0; d < n; d++)
        if (out[d] != 1) return false;
    return true;
}

/* Every output size divides the input's: then kernel and stride say it. */
static bool divides(lower *L, pool *p, const int64_t *out) {
    for (int d = 0; d < p->n && lower_ok(L); d++) {
        sv in = t_dim(L, p->x, d + 2);
        if (in.tag != SV_INT || out[d] == 0 || in.i == 0 || in.i % out[d] != 0) return false;
        p->kernel[d] = p->stride[d] = in.i / out[d];
        p->dilation[d] = 1;
    }
    return lower_ok(L);
}

/* Recording sizes that are not known: which place is in which bin, bool[out, in]. */
static sten *bins_by_size(lower *L, sv in, int64_t out) {
    int64_t *from = out < 1 << 16 ? host_scratch(L, (size_t)(out + 1) * sizeof *from) : NULL;
    if (!from) return lower_fail(L, NARU_UNSUPPORTED, "adaptive pooling to %lld bins", (long long)out), NULL;
    for (int64_t i = 0; i < out; i++) from[i] = i;
    sten *n = scalar_tensor(L, in, NARU_INT64), *parts = lit_int(L, out), *bin = lit_ints(L, from, (int)out);
    sten *start = EMIT(Div, EMIT(Mul, bin, n), parts);
    sten *end = EMIT(Div, EMIT(Add, EMIT(Mul, EMIT(Add, bin, lit_int(L, 1)), n), lit_int(L, out - 1)), parts);
    sten *place = EMIT(Range, lit_int(L, 0), n, lit_int(L, 1));
    return EMIT(And, EMIT(LessOrEqual, view_unsqueeze(L, start, 1), place),
                EMIT(Less, place, view_unsqueeze(L, end, 1)));
}

static sten *mean_by_size(lower *L, sten *x, int axis, int64_t out) {
    int last = t_rank(L, x) - 1;
    sten *weight = cast(L, bins_by_size(L, t_dim(L, x, axis), out), t_dtype(L, x));
    weight = EMIT(Div, weight, nn_reduce1(L, &op_ReduceSum, weight, 1, true));
    sten *y = EMIT(MatMul, view_transpose(L, x, axis, last), view_transpose(L, weight, 0, 1));
    return view_transpose(L, y, axis, last);
}

static sten *mean_of_bins(lower *L, sten *x, int axis, int64_t out) {
    sv size = t_dim(L, x, axis);
    if (size.tag == SV_SYM && out > 0) return mean_by_size(L, x, axis, out);
    int64_t in = s_need(L, size);
    if (!lower_ok(L) || in == out) return x;
    if (out == 0) return view_slice(L, x, axis, sv_int(0), sv_int(0), 1);
    if (out > 1 << 16) {
        lower_fail(L, NARU_UNSUPPORTED, "adaptive pooling to %lld bins", (long long)out);
        return NULL;
    }
    sten **bins = host_scratch(L, (size_t)out * sizeof *bins);
    if (!bins) return NULL;
    for (int64_t i = 0; i < out && lower_ok(L); i++) {
        sten *s = view_slice(L, x, axis, sv_int(bin_start(i, in, out)), sv_int(bin_end(i, in, out)), 1);
        bins[i] = nn_reduce1(L, &op_ReduceMean, s, axis, true);
    }
    return nn_concat(L, axis, (int)out, bins);
}

static void adaptive_avg(lower *L, const char *name, int n) {
    int64_t out[3];
    pool p = read_adaptive(L, name, n, out);
    if (!lower_ok(L)) return;
    sten *y = p.x;
    if (all_ones(n, out)) {
        y = EMIT(GlobalAveragePool, y);
    } else if (divides(L, &p, out)) {
        y = EMITA(AveragePool, ATTRS(AV("kernel_shape", p.kernel, n), AV("strides", p.stride, n)), y);
    } else {
        y = t_dtype(L, y) == NARU_DOUBLE ? y : cast(L, y, NARU_FLOAT);
        for (int d = 0; d < n; d++) y = mean_of_bins(L, y, d + 2, out[d]);
    }
    ret_tensor(L, give(L, &p, y, p.dtype));
}

void aten_adaptive_avg_pool1d(lower *L) {
    if (!quant_whole(L, aten_adaptive_avg_pool1d)) adaptive_avg(L, "adaptive_avg_pool1d", 1);
}
void aten_adaptive_avg_pool2d(lower *L) {
    if (!quant_whole(L, aten_adaptive_avg_pool2d)) adaptive_avg(L, "adaptive_avg_pool2d", 2);
}
void aten_adaptive_avg_pool3d(lower *L) {
    if (!quant_whole(L, aten_adaptive_avg_pool3d)) adaptive_avg(L, "adaptive_avg_pool3d", 3);
}

/* The whole plane: its maximum and where it is. */
static void max_of_plane(lower *L, const pool *p) {
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, p->x, dims);
    if (!lower_ok(L)) return;
    sten *flat = nn_reshape(L, p->x, 3, (sv[]){dims[0], dims[1], nn_product(L, rank - 2, dims + 2)});
    sten *index = EMITA(ArgMax, ATTRS(AI("axis", 2), AI("keepdims", 1)), flat);
    for (int d = 2; d < rank; d++) dims[d] = sv_int(1);
    ret_tensor(
        L, give(L, p, nn_reshape(L, EMITA(GatherElements, ATTRS(AI("axis", 2)), flat, index), rank, dims), p->dtype));
    ret_tensor(L, give(L, p, nn_reshape(L, index, rank, dims), NARU_INT64));
}

typedef struct bins {
    int n;
    int64_t in[3], out[3];
} bins;

/* First maximum of one bin; NaN wins. */
static int64_t max_of_bin(const bins *b, const double *x, const int64_t *at) {
    int64_t lo[3] = {0, 0, 0}, hi[3] = {1, 1, 1}, in[3] = {1, 1, 1}, best = -1;
    for (int d = 0; d < b->n; d++) {
        int k = 3 - b->n + d;
        in[k] = b->in[d];
        lo[k] = bin_start(at[d], b->in[d], b->out[d]), hi[k] = bin_end(at[d], b->in[d], b->out[d]);
    }
    for (int64_t i = lo[0]; i < hi[0]; i++)
        for (int64_t j = lo[1]; j < hi[1]; j++)
            for (int64_t k = lo[2]; k < hi[2]; k++) {
                int64_t f = (i * in[1] + j) * in[2] + k;
                if (best < 0 || x[f] > x[best] || (x[f] != x[f] && x[best] == x[best])) best = f;
            }
    return best;
}

/* Every bin as a row of flat places, all rows of one length: its last place fills short ones. Returns the length. */
static int64_t bin_rows(lower *L, const bins *b, sten **places) {
    int64_t cells = 1, width = 1, widest[3];
    for (int d = 0; d < b->n; d++) {
        widest[d] = 0;
        for (int64_t i = 0; i < b->out[d]; i++)
            widest[d] = i64_max(widest[d], bin_end(i, b->in[d], b->out[d]) - bin_start(i, b->in[d], b->out[d]));
        if (!i64_mul(cells, b->out[d], &cells) || !i64_mul(width, widest[d], &width)) cells = INT32_MAX;
    }
    int64_t count, dims[2] = {cells, width};
    if (!dims_count(2, dims, &count) || count > 1 << 22) lower_fail(L, NARU_UNSUPPORTED, "adaptive pooling this large");
    int64_t *at = lower_ok(L) ? host_scratch(L, (size_t)(count + 1) * sizeof *at) : NULL;
    for (int64_t i = 0; at && i < count; i++) {
        int64_t cell = i / width, within = i % width, scale = 1;
        at[i] = 0;
        for (int d = b->n - 1; d >= 0; d--) {
            int64_t o = cell % b->out[d], k = within % widest[d], lo = bin_start(o, b->in[d], b->out[d]);
            at[i] += scale * i64_min(lo + k, bin_end(o, b->in[d], b->out[d]) - 1);
            scale *= b->in[d], cell /= b->out[d], within /= widest[d];
        }
    }
    *places = at ? lit_ints(L, at, (int)count) : NULL;
    return width;
}

/* The first maximum of each bin, axis by axis from the last; its place in the plane goes along. */
static void max_by_size(lower *L, const pool *p, const int64_t *out) {
    sten *y = p->x, *place = NULL;
    sv inner = sv_int(1);
    for (int d = p->n - 1; d >= 0 && lower_ok(L); d--) {
        int axis = d + 2;
        sv in = t_dim(L, y, axis);
        sten *mask = bins_by_size(L, in, out[d]);
        for (int k = d + 1; k < p->n; k++) mask = view_unsqueeze(L, mask, t_rank(L, mask));
        sten *all = ar_where(L, mask, view_unsqueeze(L, y, axis), lit(L, t_dtype(L, y), -INFINITY));
        sten *first = EMITA(ArgMax, ATTRS(AI("axis", axis + 1), AI("keepdims", 0)), all);
        y = EMITA(GatherElements, ATTRS(AI("axis", axis)), y, first);
        sten *far = EMIT(Mul, first, scalar_tensor(L, inner, NARU_INT64));
        place = place ? EMIT(Add, far, EMITA(GatherElements, ATTRS(AI("axis", axis)), place, first)) : first;
        inner = s_mul(L, inner, in);
    }
    ret_tensor(L, give(L, p, y, p->dtype));
    ret_tensor(L, give(L, p, place, NARU_INT64));
}

static void record_max_of_bins(lower *L, const pool *p, const int64_t *out) {
    bins b = {.n = p->n};
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, p->x, dims);
    int64_t cells = 1;
    for (int d = 0; d < p->n && lower_ok(L); d++) {
        b.in[d] = t_dim_int(L, p->x, d + 2), b.out[d] = out[d], cells *= out[d];
        if (lower_ok(L) && (b.in[d] < 1 || b.out[d] < 1))
            lower_fail(L, NARU_UNSUPPORTED, "adaptive pooling of nothing");
    }
    sten *places = NULL;
    int64_t width = lower_ok(L) ? bin_rows(L, &b, &places) : 0;
    sten *flat = nn_reshape(L, p->x, 3, (sv[]){dims[0], dims[1], sv_int(-1)});
    sten *rows = EMITA(Gather, ATTRS(AI("axis", 2)), flat, places);
    rows = nn_reshape(L, rows, 4, (sv[]){dims[0], dims[1], sv_int(cells), sv_int(width)});
    sten *first = EMITA(ArgMax, ATTRS(AI("axis", 3), AI("keepdims", 0)), rows);
    int64_t *starts = lower_ok(L) ? host_scratch(L, (size_t)cells * sizeof *starts) : NULL;
    for (int64_t c = 0; starts && c < cells; c++) starts[c] = c * width;
    sten *index =
        starts ? EMITA(Gather, ATTRS(AI("axis", 0)), places, EMIT(Add, first, lit_ints(L, starts, (int)cells))) : NULL;
    sten *top = EMITA(GatherElements, ATTRS(AI("axis", 2)), flat, index);
    for (int d = 0; d < p->n; d++) dims[d + 2] = sv_int(out[d]);
    ret_tensor(L, give(L, p, nn_reshape(L, top, rank, dims), p->dtype));
    ret_tensor(L, give(L, p, nn_reshape(L, index, rank, dims), NARU_INT64));
}

static void max_of_bins(lower *L, const pool *p, const int64_t *out) {
    bool known = true;
    for (int d = 0; d < p->n; d++) known = known && t_dim(L, p->x, d + 2).tag == SV_INT;
    if (lower_recording(L)) return known ? record_max_of_bins(L, p, out) : max_by_size(L, p, out);
    bins b = {.n = p->n};
    int64_t dims[NARU_MAX_RANK], planes, cells = 1, plane = 1;
    if (!eager_only(L)) return;
    const double *x = host_f64(L, p->x);
    nn_dims_int(L, p->x, dims);
    planes = dims[0] * dims[1];
    for (int d = 0; d < p->n && lower_ok(L); d++) {
        if (out[d] > 1 << 20) lower_fail(L, NARU_UNSUPPORTED, "adaptive pooling to %lld bins", (long long)out[d]);
        plane *= b.in[d] = dims[d + 2];
        cells *= dims[d + 2] = b.out[d] = out[d];
    }
    if (!lower_ok(L)) return;
    sten *index = host_new(L, NARU_INT64, p->n + 2, dims);
    int64_t *where = lower_ok(L) ? host_data(L, index) : NULL;
    double *v = where ? host_scratch(L, (size_t)(planes * cells) * sizeof *v) : NULL;
    if (!where || !x || !v) return;
    for (int64_t i = 0; i < planes; i++)
        for (int64_t c = 0; c < cells; c++) {
            int64_t at[3] = {0, 0, 0}, rest = c;
            for (int d = p->n - 1; d >= 0; d--) at[d] = rest % out[d], rest /= out[d];
            int64_t best = max_of_bin(&b, x + i * plane, at);
            where[i * cells + c] = best;
            v[i * cells + c] = best < 0 ? 0 : x[i * plane + best];
        }
    ret_tensor(L, give(L, p, host_from_f64(L, t_dtype(L, p->x), p->n + 2, dims, v), p->dtype));
    ret_tensor(L, give(L, p, index, NARU_INT64));
}

static void adaptive_max(lower *L, const char *name, int n) {
    int64_t out[3];
    pool p = read_adaptive(L, name, n, out);
    if (!lower_ok(L)) return;
    if (all_ones(n, out)) max_of_plane(L, &p);
    else if (divides(L, &p, out)) max_run(L, &p, true);
    else max_of_bins(L, &p, out);
}

void aten_adaptive_max_pool1d(lower *L) { adaptive_max(L, "adaptive_max_pool1d", 1); }
void aten_adaptive_max_pool2d(lower *L) { adaptive_max(L, "adaptive_max_pool2d", 2); }
void aten_adaptive_max_pool3d(lower *L) { adaptive_max(L, "adaptive_max_pool3d", 3); }

/* ---- unpooling ---- */
static void max_unpool(lower *L, int n) {
    sten *x = arg_tensor(L, 0), *index = arg_tensor(L, 1);
    sv dims[NARU_MAX_RANK], flat[NARU_MAX_RANK];
    int rank = nn_dims(L, x, dims);
    int64_t out[3];
    arg_ints_n(L, 2, n, out);
    if (!lower_ok(L)) return;
    if (rank != n + 1 && rank != n + 2) {
        lower_raise(L, "RuntimeError",
                    "Input to max_unpooling%dd should be a %dd or %dd Tensor, but got a tensor with "
                    "%d dims.",
                    n, n + 1, n + 2, rank);
        return;
    }
    int lead = rank - n;
    memcpy(flat, dims, sizeof flat);
    flat[lead] = nn_product(L, n, dims + lead);
    x = nn_reshape(L, x, lead + 1, flat), index = nn_reshape(L, index, lead + 1, flat);
    int64_t cells = 1;
    for (int d = 0; d < n; d++) {
        if (out[d] < 0 || !i64_mul(cells, out[d], &cells)) {
            lower_raise(L, "RuntimeError", "max_unpool%dd: output_size is not possible", n);
            return;
        }
        dims[lead + d] = sv_int(out[d]);
    }
    flat[lead] = sv_int(cells);
    sten *zeros = nn_filled_like(L, t_dtype(L, x), 0, lead + 1, flat);
    sten *y = EMITA(ScatterElements, ATTRS(AI("axis", lead)), zeros, index, x);
    ret_tensor(L, nn_reshape(L, y, rank, dims));
}

void aten_max_unpool2d(lower *L) { max_unpool(L, 2); }
void aten_max_unpool3d(lower *L) { max_unpool(L, 3); }
