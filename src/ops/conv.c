/* SPDX-License-Identifier: MIT
 *
 * Conv: Y[n,m,o] = B[m] + sum over c, k of X[n, g C/group + c, o stride + k dilation - pad] * W[m,c,k]; a correlation
 * over any number of spatial axes, zero outside X; m lies in group g. [ONNX Conv-22]
 *
 * Shapes: X [N, C, D...], W [M, C/group, K...], B [M] -> Y [N, M, O...], O as in util_pool.h (floor).
 * Types: floats. Versions: 1, 11 (wording), 22 (bfloat16). kernel_shape may be absent: W says it.
 * Edge cases: N = 0 or an empty output give an empty result; C = 0 gives the bias; auto_pad other than NOTSET overrides
 * pads.
 */
#include "ops/util_choice.h"
#include "ops/util_linear.h"
#include "ops/util_pool.h"
#include "tensor/dtype.h"

enum { AUTO_PAD, DILATIONS, GROUP, KERNEL_SHAPE, PADS, STRIDES };
static const attr_def attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),
    ATTR_OPT("dilations", ATTR_INTS),
    ATTR_I("group", 1),
    ATTR_OPT("kernel_shape", ATTR_INTS),
    ATTR_OPT("pads", ATTR_INTS),
    ATTR_OPT("strides", ATTR_INTS),
    {0},
};
static const window_attrs k_window = {KERNEL_SHAPE, STRIDES, DILATIONS, PADS, AUTO_PAD, -1};

/* Channels and groups of input and weight. */
static naru_status check_channels(infer_ctx *c, int xr, int wr) {
    int64_t group = node_i(c->node, GROUP);
    if (group < 1) return op_fail(c, NARU_BAD_MODEL, "attribute 'group' is %lld", (long long)group);
    if (wr < 0) return NARU_OK;
    dim_t m = in_dim(c, 1, 0), wc = in_dim(c, 1, 1);
    if (dim_is_const(m) && m % group)
        return op_fail(c, NARU_SHAPE, "%lld output channels do not divide into %lld groups", (long long)m,
                       (long long)group);
    if (in_rank(c, 2) >= 0) TRY(util_same_dim(c, in_dim(c, 2, 0), m, "the bias's length"));
    if (xr < 0 || !dim_is_const(wc) || !dim_is_const(in_dim(c, 0, 1))) return NARU_OK;
    if (in_dim(c, 0, 1) % group == 0 && in_dim(c, 0, 1) / group == wc) return NARU_OK;
    return op_fail(c, NARU_SHAPE, "input has %lld channels, the weight takes %lld in each of %lld groups",
                   (long long)in_dim(c, 0, 1), (long long)wc, (long long)group);
}

/* Kernel size along spatial axis d, from the attribute or the weight. */
static naru_status settle_kernel(infer_ctx *c, window *w, int wr, int d) {
    dim_t k = wr < 0 ? DIM_UNKNOWN : in_dim(c, 1, d + 2);
    if (w->kernel[d]) return util_same_dim(c, k, w->kernel[d], "the weight's kernel size");
    if (!dim_is_const(k)) return NARU_OK;
    if (k < 1 || k > INT32_MAX) return op_fail(c, NARU_SHAPE, "the kernel has size %lld", (long long)k);
    w->kernel[d] = k;
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    int xr = in_rank(c, 0), wr = in_rank(c, 1), r = xr >= 0 ? xr : wr;
    TRY(util_need_rank(c, 2, 1, "the bias"));
    if (r < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    if (r < 3) return op_fail(c, NARU_SHAPE, "%s has rank %d, needs 3 or more", xr >= 0 ? "input" : "weight", r);
    if (xr >= 0) TRY(util_need_rank(c, 1, xr, "the weight"));
    TRY(check_channels(c, xr, wr));
    window w;
    TRY(window_read(c->node, &k_window, r - 2, &w, c->err));
    dim_t dims[NARU_MAX_RANK];
    dims[0] = xr >= 0 ? in_dim(c, 0, 0) : DIM_UNKNOWN;
    dims[1] = wr >= 0 ? in_dim(c, 1, 0) : DIM_UNKNOWN;
    for (int d = 0; d < w.n; d++) {
        TRY(settle_kernel(c, &w, wr, d));
        dims[d + 2] = DIM_UNKNOWN;
        if (xr >= 0 && w.kernel[d]) TRY(window_out(&w, d, in_dim(c, 0, d + 2), c->syms, &dims[d + 2], c->err));
        if (dims[d + 2] == 0 && w.auto_pad != PAD_SAME_UPPER && w.auto_pad != PAD_SAME_LOWER)
            return op_fail(c, NARU_SHAPE, "spatial axis %d: the kernel is larger than the padded input", d);
    }
    out_tensor(c, 0, in_dtype(c, 0), r, dims);
    return NARU_OK;
}

/* One output row needs these pieces: a kernel row (all kernel indices but the last) and the input row that it meets. */
typedef struct piece {
    int64_t in_row; /* offset of the input row in its plane */
    int64_t kernel; /* offset of the kernel row in its plane */
} piece;

typedef struct job {
    const window *w;
    const naru_tensor *x;
    naru_tensor *y;
    const double *xd, *wd, *bd;
    int64_t group, channels, filters; /* channels and filters of one group */
    int64_t in_plane, kernel_plane;
    piece *pieces;
    int64_t npieces;
    double *acc;
} job;

static void find_pieces(job *j, const int64_t *out_at) {
    const window *w = j->w;
    int64_t at[WINDOW_AXES] = {0}, total = 1;
    for (int d = 0; d < w->n - 1; d++) total *= w->kernel[d];
    j->npieces = 0;
    for (int64_t k = 0; k < total; k++) {
        int64_t row = 0;
        bool inside = true;
        for (int d = 0; d < w->n - 1; d++) {
            int64_t p = out_at[d] * w->stride[d] - w->begin[d] + at[d] * w->dilation[d];
            inside = inside && p >= 0 && p < j->x->dims[d + 2];
            row = row * j->x->dims[d + 2] + p;
        }
        int last = w->n - 1;
        if (inside) j->pieces[j->npieces++] = (piece){row * j->x->dims[last + 2], k * w->kernel[last]};
        for (int d = last - 1; d >= 0 && ++at[d] == w->kernel[d]; d--) at[d] = 0;
    }
}

/* acc[o] += weight * in[o stride + k dilation - begin] for every o where that lies inside the row. */
static void add_tap(double *acc, int64_t out, const double *in, int64_t width, double weight, int64_t stride,
                    int64_t shift) {
    int64_t lo = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    int64_t hi = width - 1 - shift < 0 ? 0 : i64_min(out, (width - 1 - shift) / stride + 1);
    if (stride == 1) {
        if (hi > lo) util_axpy(acc + lo, weight, in + lo + shift, hi - lo);
        return;
    }
    for (int64_t o = lo; o < hi; o++) acc[o] += weight * in[o * stride + shift];
}

static void conv_row(job *j, int64_t n, int64_t m, int64_t out) {
    int last = j->w->n - 1;
    int64_t g = m / j->filters, width = j->x->dims[last + 2], k = j->w->kernel[last];
    for (int64_t o = 0; o < out; o++) j->acc[o] = j->bd ? j->bd[m] : 0;
    for (int64_t c = 0; c < j->channels; c++) {
        const double *plane = j->xd + (n * j->group * j->channels + g * j->channels + c) * j->in_plane;
        const double *kernel = j->wd + (m * j->channels + c) * j->kernel_plane;
        for (int64_t p = 0; p < j->npieces; p++)
            for (int64_t i = 0; i < k; i++)
                add_tap(j->acc, out, plane + j->pieces[p].in_row, width, kernel[j->pieces[p].kernel + i],
                        j->w->stride[last], i * j->w->dilation[last] - j->w->begin[last]);
    }
}

static void conv_rows(job *j, int64_t batch, int64_t filters, int64_t rows, int64_t row) {
    int64_t at[WINDOW_AXES] = {0};
    for (int64_t r = 0; r < rows; r++) {
        find_pieces(j, at);
        for (int64_t nm = 0; nm < batch * filters; nm++) {
            conv_row(j, nm / filters, nm % filters, row);
            dtype_write_f64(j->y->dtype, j->y->data, (nm * rows + r) * row, row, j->acc, true);
        }
        for (int d = j->w->n - 2; d >= 0 && ++at[d] == j->y->dims[d + 2]; d--) at[d] = 0;
    }
}

/* A 1x1 convolution that moves nothing sees each plane as one row. */
static bool is_pointwise(const window *w) {
    for (int d = 0; d < w->n; d++)
        if (w->kernel[d] != 1 || w->stride[d] != 1 || w->begin[d] || w->end[d]) return false;
    return true;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *wt = eval_in(c, 1), *b = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    window w;
    TRY(window_read(c->node, &k_window, x->rank - 2, &w, c->err));
    job j = {.w = &w,
             .x = x,
             .y = y,
             .group = node_i(c->node, GROUP),
             .channels = wt->dims[1],
             .in_plane = 1,
             .kernel_plane = 1};
    j.filters = wt->dims[0] / j.group;
    int64_t rows = 1, pieces = 1;
    for (int d = 0; d < w.n; d++) {
        w.kernel[d] = wt->dims[d + 2];
        j.in_plane *= x->dims[d + 2];
        j.kernel_plane *= w.kernel[d];
        if (d < w.n - 1) rows *= y->dims[d + 2], pieces *= w.kernel[d];
    }
    window_resolve(&w, x->dims + 2);
    int64_t row = y->dims[y->rank - 1];
    naru_tensor flat = *x;
    if (is_pointwise(&w)) {
        row = flat.dims[2] = j.in_plane;
        rows = w.n = 1;
        j.x = &flat;
    }
    j.xd = eval_f64(c, x);
    j.wd = eval_f64(c, wt);
    j.bd = b ? eval_f64(c, b) : NULL;
    j.pieces = eval_scratch(c, (size_t)pieces * sizeof *j.pieces);
    j.acc = eval_scratch(c, (size_t)row * sizeof *j.acc);
    if (!j.xd || !j.wd || (b && !j.bd) || !j.pieces || !j.acc) return NARU_OUT_OF_MEMORY;
    conv_rows(&j, x->dims[0], wt->dims[0], rows, row);
    return NARU_OK;
}

const op_desc op_Conv = {
    .name = "Conv",
    .versions = (const short[]){1, 11, 22, 0},
    .sig = "X:T, W:T, B:T? -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
