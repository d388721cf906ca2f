/* SPDX-License-Identifier: MIT
 *
 * ConvTranspose: Y[n,m,i stride + k dilation - begin] += X[n,c,i] * W[c,m,k], plus B[m]; c and m in the same group.
 * [ONNX ConvTranspose-22]
 *
 * Shapes: X [N, C, D...], W [C, M/group, K...], B [M] -> Y [N, M, O...], O = stride (D - 1) + output_padding + e -
 * begin - end with e = dilation (K - 1) + 1. output_shape (spatial) gives O instead and the padding follows from it;
 * auto_pad SAME_* means O = stride D. The larger half of such padding lies at the start, except for SAME_UPPER. Types:
 * floats. Versions: 1, 11 (wording), 22 (bfloat16). Edge cases: positions that nothing reaches hold the bias.
 */
#include "ops/util_choice.h"
#include "ops/util_pool.h"
#include "tensor/dtype.h"

enum { AUTO_PAD, DILATIONS, GROUP, KERNEL_SHAPE, OUTPUT_PADDING, OUTPUT_SHAPE, PADS, STRIDES };
static const attr_def attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),        ATTR_OPT("dilations", ATTR_INTS),      ATTR_I("group", 1),
    ATTR_OPT("kernel_shape", ATTR_INTS), ATTR_OPT("output_padding", ATTR_INTS), ATTR_OPT("output_shape", ATTR_INTS),
    ATTR_OPT("pads", ATTR_INTS),         ATTR_OPT("strides", ATTR_INTS),        {0},
};
static const window_attrs k_window = {KERNEL_SHAPE, STRIDES, DILATIONS, PADS, AUTO_PAD, -1};

/* Entry d of an optional list attribute that was checked to be long enough. */
static int64_t entry(const node *n, int k, int d, int64_t dflt) {
    int64_t count;
    const int64_t *v = node_ints(n, k, &count);
    return d < count ? v[d] : dflt;
}

static naru_status check_list(infer_ctx *c, int k, int spatial) {
    int64_t count;
    const int64_t *v = node_ints(c->node, k, &count);
    if (count && count != spatial)
        return op_fail(c, NARU_BAD_MODEL, "attribute '%s' has %lld numbers, needs %d", attrs[k].name, (long long)count,
                       spatial);
    for (int64_t i = 0; i < count; i++)
        if (v[i] < 0 || v[i] > INT32_MAX)
            return op_fail(c, NARU_BAD_MODEL, "attribute '%s' holds %lld", attrs[k].name, (long long)v[i]);
    return NARU_OK;
}

static bool is_same(const window *w) { return w->auto_pad == PAD_SAME_UPPER || w->auto_pad == PAD_SAME_LOWER; }

static naru_status out_size(infer_ctx *c, const window *w, int d, dim_t in, dim_t *out) {
    const node *n = c->node;
    *out = DIM_UNKNOWN;
    int64_t fixed = entry(n, OUTPUT_SHAPE, d, -1), s = w->stride[d];
    if (fixed >= 0) *out = fixed;
    else if (is_same(w)) *out = sym_mul(c->syms, in, s);
    else if (w->kernel[d] && dim_is_known(in)) {
        int64_t add = entry(n, OUTPUT_PADDING, d, 0) + window_extent(w, d) - w->begin[d] - w->end[d] - s;
        dim_t spread = sym_mul(c->syms, in, s);
        if (dim_is_const(spread) && spread + add < 0)
            return op_fail(c, NARU_SHAPE, "spatial axis %d of the output would have %lld elements", d,
                           (long long)(spread + add));
        *out = add >= 0 ? sym_add(c->syms, spread, add) : sym_sub(c->syms, spread, -add);
    }
    return NARU_OK;
}

static naru_status check_channels(infer_ctx *c, int xr, int wr) {
    int64_t group = node_i(c->node, GROUP);
    if (group < 1 || group > INT32_MAX)
        return op_fail(c, NARU_BAD_MODEL, "attribute 'group' is %lld", (long long)group);
    if (xr >= 0 && dim_is_const(in_dim(c, 0, 1)) && in_dim(c, 0, 1) % group)
        return op_fail(c, NARU_SHAPE, "%lld channels do not divide into %lld groups", (long long)in_dim(c, 0, 1),
                       (long long)group);
    if (xr >= 0 && wr >= 0)
        TRY(util_same_dim(c, in_dim(c, 1, 0), in_dim(c, 0, 1), "the weight's number of input channels"));
    if (wr >= 0 && in_rank(c, 2) == 1)
        TRY(util_same_dim(c, in_dim(c, 2, 0), sym_mul(c->syms, in_dim(c, 1, 1), group), "the bias's length"));
    return NARU_OK;
}

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
    TRY(check_list(c, OUTPUT_PADDING, r - 2));
    TRY(check_list(c, OUTPUT_SHAPE, r - 2));
    window w;
    TRY(window_read(c->node, &k_window, r - 2, &w, c->err));
    dim_t dims[NARU_MAX_RANK];
    dims[0] = xr >= 0 ? in_dim(c, 0, 0) : DIM_UNKNOWN;
    dims[1] = wr >= 0 ? sym_mul(c->syms, in_dim(c, 1, 1), node_i(c->node, GROUP)) : DIM_UNKNOWN;
    for (int d = 0; d < w.n; d++) {
        TRY(settle_kernel(c, &w, wr, d));
        TRY(out_size(c, &w, d, xr >= 0 ? in_dim(c, 0, d + 2) : DIM_UNKNOWN, &dims[d + 2]));
    }
    out_tensor(c, 0, in_dtype(c, 0), r, dims);
    return NARU_OK;
}

/* Where output element 0 lies in the full, unpadded result. */
static void settle_begin(const node *n, window *w, const int64_t *in, const int64_t *out) {
    for (int d = 0; d < w->n; d++) {
        if (!is_same(w) && entry(n, OUTPUT_SHAPE, d, -1) < 0) continue;
        int64_t all = w->stride[d] * (in[d] - 1) + entry(n, OUTPUT_PADDING, d, 0) + window_extent(w, d) - out[d];
        int64_t low = all >> 1; /* floor, also of a negative total */
        w->begin[d] = w->auto_pad == PAD_SAME_UPPER ? low : all - low;
    }
}

typedef struct job {
    const window *w;
    const int64_t *in, *out; /* spatial dims */
    int64_t in_rows, kernel_rows;
} job;

/* Offset of the output row that input row `at` and kernel row `k` meet, or -1. */
static int64_t row_of(const job *j, const int64_t *at, const int64_t *k) {
    int64_t row = 0;
    for (int d = 0; d < j->w->n - 1; d++) {
        int64_t p = at[d] * j->w->stride[d] + k[d] * j->w->dilation[d] - j->w->begin[d];
        if (p < 0 || p >= j->out[d]) return -1;
        row = row * j->out[d] + p;
    }
    return row * j->out[j->w->n - 1];
}

static void step_odometer(int64_t *at, const int64_t *dims, int n) {
    for (int d = n - 1; d >= 0 && ++at[d] == dims[d]; d--) at[d] = 0;
}

static void scatter_row(const job *j, const double *x, const double *kernel, double *out) {
    int last = j->w->n - 1;
    int64_t s = j->w->stride[last];
    for (int64_t k = 0; k < j->w->kernel[last]; k++) {
        int64_t shift = k * j->w->dilation[last] - j->w->begin[last];
        int64_t lo = shift >= 0 ? 0 : (-shift + s - 1) / s;
        int64_t hi = j->out[last] - 1 - shift < 0 ? 0 : i64_min(j->in[last], (j->out[last] - 1 - shift) / s + 1);
        for (int64_t i = lo; i < hi; i++) out[i * s + shift] += kernel[k] * x[i];
    }
}

/* plane += one input plane through one kernel */
static void scatter(const job *j, const double *x, const double *kernel, double *plane) {
    int last = j->w->n - 1;
    int64_t at[WINDOW_AXES] = {0};
    for (int64_t r = 0; r < j->in_rows; r++, step_odometer(at, j->in, last)) {
        int64_t k[WINDOW_AXES] = {0};
        for (int64_t q = 0; q < j->kernel_rows; q++, step_odometer(k, j->w->kernel, last)) {
            int64_t row = row_of(j, at, k);
            if (row >= 0) scatter_row(j, x + r * j->in[last], kernel + q * j->w->kernel[last], plane + row);
        }
    }
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *wt = eval_in(c, 1), *b = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    window w;
    TRY(window_read(c->node, &k_window, x->rank - 2, &w, c->err));
    job j = {&w, x->dims + 2, y->dims + 2, 1, 1};
    int64_t in_plane = 1, kernel = 1, plane = 1, channels = x->dims[1], filters = y->dims[1],
            group = node_i(c->node, GROUP);
    for (int d = 0; d < w.n; d++) {
        w.kernel[d] = wt->dims[d + 2];
        in_plane *= j.in[d], kernel *= w.kernel[d], plane *= j.out[d];
        if (d < w.n - 1) j.in_rows *= j.in[d], j.kernel_rows *= w.kernel[d];
    }
    settle_begin(c->node, &w, j.in, j.out);
    const double *xd = eval_f64(c, x), *wd = eval_f64(c, wt), *bd = b ? eval_f64(c, b) : NULL;
    double *acc = eval_scratch(c, (size_t)plane * sizeof *acc);
    if (!xd || !wd || (b && !bd) || !acc) return NARU_OUT_OF_MEMORY;
    int64_t per_in = channels / group, per_out = filters / group;
    for (int64_t nm = 0; nm < x->dims[0] * filters; nm++) {
        int64_t n = nm / filters, m = nm % filters, g = m / per_out;
        for (int64_t i = 0; i < plane; i++) acc[i] = bd ? bd[m] : 0;
        for (int64_t k = 0; in_plane && k < per_in; k++)
            scatter(&j, xd + (n * channels + g * per_in + k) * in_plane,
                    wd + ((g * per_in + k) * per_out + m % per_out) * kernel, acc);
        dtype_write_f64(y->dtype, y->data, nm * plane, plane, acc, true);
    }
    return NARU_OK;
}

const op_desc op_ConvTranspose = {
    .name = "ConvTranspose",
    .versions = (const short[]){1, 11, 22, 0},
    .sig = "X:T, W:T, B:T? -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
