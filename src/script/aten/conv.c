/* SPDX-License-Identifier: MIT
 *
 * Convolutions: conv1d to conv3d with numbers or words for padding, transposed ones, and the forms that traces hold
 * (_convolution and kin). Weights reach Conv and ConvTranspose as they are given.
 */
#include "script/aten/nn.h"
#include "script/kept.h"

typedef struct conv {
    sten *x, *w, *b;
    int n;                                                                        /* spatial axes */
    int64_t stride[NARU_MAX_RANK], dilation[NARU_MAX_RANK], extra[NARU_MAX_RANK]; /* extra: output_padding */
    int64_t pads[2 * NARU_MAX_RANK];                                              /* begins, then ends */
    int64_t groups;
    bool transposed;
} conv;

static conv read_conv(lower *L, int n) {
    conv c = {.x = arg_tensor(L, 0), .w = arg_tensor(L, 1), .b = arg_tensor_opt(L, 2), .n = n, .groups = 1};
    for (int i = 0; i < n && i < NARU_MAX_RANK; i++) c.stride[i] = c.dilation[i] = 1;
    return c;
}

static void read_pads(lower *L, int i, conv *c) {
    arg_ints_n(L, i, c->n, c->pads);
    for (int d = 0; d < c->n; d++) c->pads[c->n + d] = c->pads[d];
}

/* "valid", or "same": d (k - 1) in all, the odd one at the end. */
static void read_pad_word(lower *L, int i, conv *c) {
    const char *word = arg_str(L, i);
    if (strcmp(word, "valid") == 0 || !lower_ok(L)) return;
    if (strcmp(word, "same") != 0) {
        lower_raise(L, "RuntimeError", "Invalid padding string: '%s'", word);
        return;
    }
    for (int d = 0; d < c->n && lower_ok(L); d++) {
        if (c->stride[d] != 1) {
            lower_raise(L, "RuntimeError", "padding='same' is not supported for strided convolutions");
            return;
        }
        int64_t total = c->dilation[d] * (t_dim_int(L, c->w, d + 2) - 1);
        c->pads[d] = total / 2;
        c->pads[c->n + d] = total - total / 2;
    }
}

static const char *conv_name(const conv *c) {
    static const char *const names[2][3] = {{"conv1d", "conv2d", "conv3d"},
                                            {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}};
    return c->n >= 1 && c->n <= 3 ? names[c->transposed][c->n - 1] : "conv";
}

static bool known_other(sv d, int64_t n) { return d.tag == SV_INT && d.i != n; }

static void check_channels(lower *L, const conv *c) {
    sv first = t_dim(L, c->w, 0), in = t_dim(L, c->x, 1), second = t_dim(L, c->w, 1);
    if (lower_ok(L) && c->groups > INT32_MAX) lower_raise(L, "RuntimeError", "groups is out of range");
    if (!lower_ok(L) || first.tag != SV_INT || second.tag != SV_INT) return;
    int64_t want = c->transposed ? first.i : second.i * c->groups;
    int64_t out = c->transposed ? second.i * c->groups : first.i;
    if (first.i % c->groups != 0)
        lower_raise(L, "RuntimeError",
                    "Given groups=%lld, expected weight to be divisible by %lld at dimension 0, but got weight of size "
                    "[%s] instead",
                    (long long)c->groups, (long long)c->groups, nn_shape(L, c->w));
    else if (known_other(in, want))
        lower_raise(L, "RuntimeError",
                    "Given %s=%lld, weight of size %s, expected input%s to have %lld channels, but got %lld channels "
                    "instead",
                    c->transposed ? "transposed" : "groups", c->transposed ? 1LL : (long long)c->groups,
                    nn_shape(L, c->w), nn_shape(L, c->x), (long long)want, (long long)in.i);
    else if (c->b && (t_rank(L, c->b) != 1 || known_other(t_dim(L, c->b, 0), out)))
        lower_raise(L, "RuntimeError",
                    "Given %sweight of size %s, expected bias to be 1-dimensional with %lld elements, but got bias of "
                    "size %s instead",
                    c->transposed ? "transposed=1, " : "", nn_shape(L, c->w), (long long)out, nn_shape(L, c->b));
}

/* "(5 x 7)" of the padded input or of the kernel. */
static const char *sizes_text(lower *L, const conv *c, bool kernel) {
    char *s = host_scratch(L, 256);
    size_t at = 0;
    if (!s) return "";
    for (int d = 0; d < c->n && at < 200; d++) {
        int64_t v = kernel ? c->dilation[d] * (t_dim_int(L, c->w, d + 2) - 1) + 1
                           : t_dim_int(L, c->x, d + 2) + c->pads[d] + c->pads[c->n + d];
        at += (size_t)snprintf(s + at, 256 - at, "%s%lld", d ? " x " : "(", (long long)v);
    }
    snprintf(s + at, 256 - at, ")");
    return s;
}

static void check_sizes(lower *L, const conv *c) {
    for (int d = 0; d < c->n && lower_ok(L) && !c->transposed; d++) {
        sv x = t_dim(L, c->x, d + 2), k = t_dim(L, c->w, d + 2);
        if (x.tag != SV_INT || k.tag != SV_INT || x.i + c->pads[d] + c->pads[c->n + d] > c->dilation[d] * (k.i - 1))
            continue;
        for (int i = 0; i < c->n; i++)
            if (t_dim(L, c->x, i + 2).tag != SV_INT) return;
        lower_raise(L, "RuntimeError",
                    "Calculated padded input size per channel: %s. Kernel size: %s. Kernel size can't be greater than "
                    "actual input size",
                    sizes_text(L, c, false), sizes_text(L, c, true));
    }
}

static void check_conv(lower *L, const conv *c) {
    if (!lower_ok(L)) return;
    for (int d = 0; d < c->n && lower_ok(L); d++) {
        if (c->stride[d] > INT32_MAX || c->dilation[d] > INT32_MAX || c->pads[d] > INT32_MAX)
            lower_fail(L, NARU_SHAPE, "convolution: strides, padding or dilation above 2^31");
        else if (c->stride[d] <= 0) lower_raise(L, "RuntimeError", "non-positive stride is not supported");
        else if (c->pads[d] < 0) lower_raise(L, "RuntimeError", "negative padding is not supported");
        else if (c->dilation[d] <= 0) lower_raise(L, "RuntimeError", "dilation should be greater than zero");
    }
    if (lower_ok(L) && c->groups <= 0) lower_raise(L, "RuntimeError", "non-positive groups is not supported");
    naru_dtype x = t_dtype(L, c->x), w = t_dtype(L, c->w);
    if (lower_ok(L) && x != w)
        lower_raise(L, "RuntimeError", "Input type (%s) and weight type (%s) should be the same", naru_dtype_name(x),
                    naru_dtype_name(w));
    if (!lower_ok(L)) return;
    check_channels(L, c);
    check_sizes(L, c);
}

/* Integers are convolved in double: exact up to 2^53. */
static sten *conv_node(lower *L, const conv *c, naru_dtype d) {
    int64_t kernel[NARU_MAX_RANK];
    bool known = true;
    for (int i = 0; i < c->n && known; i++) {
        sv k = t_dim(L, c->w, i + 2);
        known = k.tag == SV_INT;
        kernel[i] = known ? k.i : 0;
    }
    int n = c->n;
    const la shape = known ? (la)AV("kernel_shape", kernel, n) : (la){NULL, ATTR_NONE, 0, 0, NULL, NULL, 0};
    sten *in[3] = {cast(L, c->x, d), cast(L, c->w, d), c->b ? cast(L, c->b, d) : NULL};
    if (c->transposed)
        return lower_op(L, &op_ConvTranspose,
                        ATTRS(AV("strides", c->stride, n), AV("pads", c->pads, 2 * n), AV("dilations", c->dilation, n),
                              AV("output_padding", c->extra, n), AI("group", c->groups), shape),
                        c->b ? 3 : 2, in);
    return lower_op(L, &op_Conv,
                    ATTRS(AV("strides", c->stride, n), AV("pads", c->pads, 2 * n), AV("dilations", c->dilation, n),
                          AI("group", c->groups), shape),
                    c->b ? 3 : 2, in);
}

/* ---- weights that were computed ---- */
/* Convolutions pack their weights, which pays only for parameters. Others run as one product: the input's windows as
 * columns (a copy of it, kernel times), [groups, filters, channels kernel] times [batch, groups, channels kernel, out].
 */
static bool is_computed(lower *L, const conv *c) {
    return !lower_recording(L) && !c->w->param && !c->transposed && t_dtype(L, c->x) == NARU_FLOAT;
}

static sten *windows(lower *L, const conv *c, int64_t *out) { /* [batch, channels, kernel..., out...], a view */
    int n = c->n;
    int64_t pads[2 * NARU_MAX_RANK] = {0}, perm[NARU_MAX_RANK] = {0, 1};
    bool padded = false;
    for (int d = 0; d < n; d++) {
        pads[2 + d] = c->pads[d], pads[4 + n + d] = c->pads[n + d];
        padded = padded || c->pads[d] || c->pads[n + d];
    }
    sten *x = padded ? EMIT(Pad, c->x, lit_ints(L, pads, 2 * (n + 2))) : c->x;
    for (int d = 0; d < n && lower_ok(L); d++) {
        int64_t k = t_dim_int(L, c->w, d + 2), last = t_rank(L, x);
        x = view_unfold(L, x, d + 2, (k - 1) * c->dilation[d] + 1, c->stride[d]);
        x = view_slice(L, x, (int)last, sv_int(0), sv_int(INT64_MAX), c->dilation[d]);
        out[d] = t_dim_int(L, x, d + 2);
    }
    for (int d = 0; d < n; d++) perm[2 + d] = 2 + n + d, perm[2 + n + d] = 2 + d;
    return view_permute(L, x, perm);
}

static sten *by_product(lower *L, const conv *c) {
    int n = c->n;
    int64_t out[NARU_MAX_RANK], all = 1, kernel = 1;
    sten *x = windows(L, c, out);
    if (!lower_ok(L)) return NULL;
    for (int d = 0; d < n; d++) all *= out[d], kernel *= t_dim_int(L, c->w, d + 2);
    sv batch = t_dim(L, x, 0), g = sv_int(c->groups), k = sv_int(t_dim_int(L, c->w, 1) * kernel);
    int64_t filters = t_dim_int(L, c->w, 0);
    sten *columns = nn_reshape(L, x, 4, (sv[]){batch, g, k, sv_int(all)});
    sten *w = nn_reshape(L, c->w, 3, (sv[]){g, sv_int(filters / c->groups), k});
    sten *y = EMIT(MatMul, w, columns);
    sv dims[NARU_MAX_RANK] = {batch, sv_int(filters)}, bias[NARU_MAX_RANK] = {sv_int(1), sv_int(filters)};
    for (int d = 0; d < n; d++) dims[2 + d] = sv_int(out[d]), bias[2 + d] = sv_int(1);
    y = nn_reshape(L, y, n + 2, dims);
    return c->b ? EMIT(Add, y, nn_reshape(L, c->b, n + 2, bias)) : y;
}

static sten *run_conv(lower *L, conv *c) {
    int rank = t_rank(L, c->x);
    if (!lower_ok(L)) return NULL;
    if (t_rank(L, c->w) != c->n + 2 || (rank != c->n + 2 && rank != c->n + 1)) {
        lower_raise(L, "RuntimeError",
                    "Expected %dD (unbatched) or %dD (batched) input to %s, but got input of size: %s", c->n + 1,
                    c->n + 2, conv_name(c), nn_shape(L, c->x));
        return NULL;
    }
    bool single = rank == c->n + 1;
    if (single) c->x = view_unsqueeze(L, c->x, 0);
    check_conv(L, c);
    naru_dtype d = t_dtype(L, c->x);
    if (!lower_ok(L)) return NULL;
    if (is_computed(L, c)) {
        sten *y = by_product(L, c);
        return single ? view_squeeze(L, y, 1, (int64_t[]){0}) : y;
    }
    sten *y = dtype_is_float(d) ? conv_node(L, c, d) : cast(L, conv_node(L, c, NARU_DOUBLE), d);
    return single ? view_squeeze(L, y, 1, (int64_t[]){0}) : y;
}

/* ---- conv1d, conv2d, conv3d ---- */
static void conv_n(lower *L, int n, bool word) {
    conv c = read_conv(L, n);
    arg_ints_n(L, 3, n, c.stride);
    arg_ints_n(L, 5, n, c.dilation);
    c.groups = arg_int(L, 6);
    if (word) read_pad_word(L, 4, &c);
    else read_pads(L, 4, &c);
    ret_tensor(L, run_conv(L, &c));
}

void aten_conv1d(lower *L) { conv_n(L, 1, false); }
void aten_conv2d(lower *L) { conv_n(L, 2, false); }
void aten_conv3d(lower *L) { conv_n(L, 3, false); }
void aten_conv1d_word(lower *L) { conv_n(L, 1, true); }
void aten_conv2d_word(lower *L) { conv_n(L, 2, true); }
void aten_conv3d_word(lower *L) { conv_n(L, 3, true); }

static void transpose_n(lower *L, int n) {
    conv c = read_conv(L, n);
    c.transposed = true;
    arg_ints_n(L, 3, n, c.stride);
    read_pads(L, 4, &c);
    arg_ints_n(L, 5, n, c.extra);
    c.groups = arg_int(L, 6);
    arg_ints_n(L, 7, n, c.dilation);
    ret_tensor(L, run_conv(L, &c));
}

void aten_conv_transpose1d(lower *L) { transpose_n(L, 1); }
void aten_conv_transpose2d(lower *L) { transpose_n(L, 2); }
void aten_conv_transpose3d(lower *L) { transpose_n(L, 3); }

/* ---- the general forms: the weight's rank says how many spatial axes ---- */
static int axes_of_weight(lower *L) {
    int rank = t_rank(L, arg_tensor(L, 1));
    if (lower_ok(L) && rank < 3) lower_raise(L, "RuntimeError", "weight should have at least three dimensions");
    return lower_ok(L) ? rank - 2 : 0;
}

void aten_convolution(lower *L) {
    int n = axes_of_weight(L);
    conv c = read_conv(L, n);
    arg_ints_n(L, 3, n, c.stride);
    read_pads(L, 4, &c);
    arg_ints_n(L, 5, n, c.dilation);
    c.transposed = arg_bool(L, 6);
    arg_ints_n(L, 7, n, c.extra);
    c.groups = arg_int(L, 8);
    ret_tensor(L, run_conv(L, &c));
}

void aten__convolution_mode(lower *L) {
    int n = axes_of_weight(L);
    conv c = read_conv(L, n);
    arg_ints_n(L, 3, n, c.stride);
    arg_ints_n(L, 5, n, c.dilation);
    c.groups = arg_int(L, 6);
    read_pad_word(L, 4, &c);
    ret_tensor(L, run_conv(L, &c));
}

/* Time, batch, channels; weight [k, in, out]. */
void aten_conv_tbc(lower *L) {
    conv c = read_conv(L, 1);
    int64_t pad = arg_int(L, 3);
    if (lower_ok(L) && (t_rank(L, c.x) != 3 || t_rank(L, c.w) != 3))
        lower_raise(L, "RuntimeError", "Input and weight must have 3 dims: time, batch, in_channel");
    if (!lower_ok(L)) return;
    c.x = view_permute(L, c.x, (int64_t[]){1, 2, 0});
    c.w = view_permute(L, c.w, (int64_t[]){2, 1, 0});
    c.pads[0] = c.pads[1] = pad;
    sten *y = run_conv(L, &c);
    ret_tensor(L, view_permute(L, y, (int64_t[]){2, 0, 1}));
}

/* ---- weight norm: v g / |v|, the norm over all axes but dim (-1: over all) ---- */
static sten *norm_except(lower *L, sten *v, double p, int64_t dim) {
    int64_t axes[NARU_MAX_RANK];
    int n = 0, rank = t_rank(L, v);
    if (lower_ok(L) && dim != -1 && (dim < 0 || dim >= rank))
        lower_raise(L, "IndexError", "Dimension out of range (expected to be in range of [-1, %d], but got %lld)",
                    rank - 1, (long long)dim);
    for (int i = 0; i < rank; i++)
        if (i != dim) axes[n++] = i;
    if (p == 2) return nn_reduce(L, &op_ReduceL2, v, n, axes, dim != -1);
    naru_dtype d = t_dtype(L, v);
    sten *sum = nn_reduce(L, &op_ReduceSum, EMIT(Pow, EMIT(Abs, v), lit(L, d, p)), n, axes, dim != -1);
    return EMIT(Pow, sum, lit(L, d, 1 / p));
}

void aten_norm_except_dim(lower *L) { /* (v, pow, dim) */
    ret_tensor(L, norm_except(L, arg_tensor(L, 0), (double)arg_int(L, 1), arg_int(L, 2)));
}

static void weight_norm(lower *L, bool norms) { /* (v, g, dim): made once from parameters */
    sten *from[2] = {arg_tensor(L, 0), arg_tensor(L, 1)}, *made[2] = {NULL, NULL};
    int64_t dim = arg_int(L, 2);
    if (!lower_ok(L)) return;
    const char *kept_tag = dim == 0 ? "weight norm 0" : dim == 1 ? "weight norm 1" : "weight norm";
    bool keeps = dim == 0 || dim == 1;
    if (!keeps || !kept_find(L, kept_tag, 2, from, 2, made)) {
        made[1] = norm_except(L, from[0], 2, dim);
        made[0] = EMIT(Mul, from[0], EMIT(Div, from[1], made[1]));
        if (keeps && lower_ok(L)) kept_store(L, kept_tag, 2, from, 2, made);
    }
    ret_tensor(L, made[0]);
    if (norms) ret_tensor(L, made[1]);
}

void aten__weight_norm(lower *L) { weight_norm(L, false); }
void aten__weight_norm_interface(lower *L) { weight_norm(L, true); }
