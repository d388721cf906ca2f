/* SPDX-License-Identifier: MIT
 *
 * Grids and shuffles: meshgrid, cartesian_prod, combinations; channel and pixel shuffles; im2col, col2im.
 */
#include "script/aten/shape_util.h"

/* ---- grids ---- */
static int grid(lower *L, int i, bool xy, sten ***out) {
    sten **t;
    sv s[NARU_MAX_RANK];
    int n = arg_tensors(L, i, &t);
    if (lower_ok(L) && n == 0) lower_raise(L, "RuntimeError", "meshgrid expects a non-empty TensorList");
    if (lower_ok(L) && n > NARU_MAX_RANK) lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK);
    if (!lower_ok(L)) return 0;
    xy = xy && n > 1;
    for (int k = 0; k < n; k++) {
        if (t_rank(L, t[k]) > 1)
            lower_raise(L, "RuntimeError", "torch.meshgrid: Expected 0D or 1D tensor in the tensor list");
        if (t_dtype(L, t[k]) != t_dtype(L, t[0]))
            lower_raise(L, "RuntimeError", "meshgrid expects all tensors to have the same dtype");
        s[xy && k < 2 ? 1 - k : k] = t_numel(L, t[k]);
    }
    for (int k = 0; k < n; k++) {
        sv shape[NARU_MAX_RANK];
        int axis = xy && k < 2 ? 1 - k : k;
        for (int d = 0; d < n; d++) shape[d] = d == axis ? s[d] : sv_int(1);
        t[k] = view_expand(L, view_shape(L, t[k], n, shape, false), n, s);
    }
    *out = t;
    return n;
}

void aten_meshgrid(lower *L) {
    sten **t;
    int n = grid(L, 0, false, &t);
    ret_tensors(L, n, t);
}

void aten_meshgrid_indexing(lower *L) {
    sten **t;
    const char *order = arg_str(L, 1);
    bool xy = order[0] == 'x' && order[1] == 'y' && !order[2], ij = order[0] == 'i' && order[1] == 'j' && !order[2];
    if (lower_ok(L) && !xy && !ij)
        lower_raise(L, "RuntimeError", "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: %s",
                    order);
    int n = grid(L, 0, xy, &t);
    ret_tensors(L, n, t);
}

void aten_cartesian_prod(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    for (int i = 0; lower_ok(L) && i < n; i++)
        if (t_rank(L, t[i]) != 1)
            lower_raise(L, "RuntimeError", "Expect a 1D vector, but got shape with %d dimensions", t_rank(L, t[i]));
    if (lower_ok(L) && n == 1) {
        ret_tensor(L, t[0]);
        return;
    }
    n = grid(L, 0, false, &t);
    for (int i = 0; i < n; i++) t[i] = flat(L, t[i]);
    ret_tensor(L, n ? stacked(L, n, t, 1) : NULL);
}

/* The next choice of r of n in lexicographic order; false after the last. */
static bool next_choice(int64_t *c, int64_t r, int64_t n, bool repeats) {
    int64_t i = r - 1;
    while (i >= 0 && c[i] >= (repeats ? n - 1 : n - r + i)) i--;
    if (i < 0) return false;
    c[i]++;
    for (int64_t k = i + 1; k < r; k++) c[k] = repeats ? c[i] : c[k - 1] + 1;
    return true;
}

void aten_combinations(lower *L) {
    sten *t = arg_tensor(L, 0);
    int64_t r = arg_int(L, 1), n = t_dim_int(L, t, 0);
    bool repeats = arg_bool(L, 2);
    if (lower_ok(L) && t_rank(L, t) != 1)
        lower_raise(L, "RuntimeError", "Expect a 1D vector, but got shape with %d dimensions", t_rank(L, t));
    if (lower_ok(L) && r < 0)
        lower_raise(L, "RuntimeError", "Expect a non-negative number, but got %lld", (long long)r);
    if (!lower_ok(L)) return;
    if (r == 0) {
        ret_tensor(L, filled(L, t_dtype(L, t), 1, (sv[]){sv_int(0)}, sv_int(0)));
        return;
    }
    ARRAY(int64_t) all = {0};
    int64_t *c = arena_calloc(L->arena, (size_t)r, sizeof *c);
    bool more = repeats ? n > 0 : r <= n, fits = c != NULL;
    for (int64_t i = 0; fits && i < r; i++) c[i] = repeats ? 0 : i;
    while (fits && more) {
        for (int64_t i = 0; fits && i < r; i++) fits = ARRAY_PUSH(&all, c[i]);
        more = next_choice(c, r, n, repeats);
    }
    naru_tensor *index = NULL;
    int64_t dims[2] = {(int64_t)all.count / r, r};
    if (!fits) lower_fail(L, NARU_OUT_OF_MEMORY, "no memory for all combinations");
    else if ((L->st = tensor_new(NARU_INT64, 2, dims, &index, L->err)) == NARU_OK && all.count)
        memcpy(index->data, all.data, all.count * sizeof *all.data);
    ARRAY_FREE(&all);
    if (lower_ok(L)) ret_tensor(L, gather_axis(L, t, lit_tensor(L, index), 0));
}

/* ---- shuffles ---- */
static void divisible(lower *L, sv n, int64_t by, const char *message) {
    if (s_known(n) && (by <= 0 || n.i % by)) lower_raise(L, "RuntimeError", message, (long long)n.i, (long long)by);
}

void aten_channel_shuffle(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv s[NARU_MAX_RANK], split[NARU_MAX_RANK + 1];
    int rank = sizes_of(L, t, s);
    int64_t groups = arg_int(L, 1);
    if (lower_ok(L) && (rank < 3 || rank >= NARU_MAX_RANK))
        lower_raise(L, "RuntimeError", "channel_shuffle expects input with > 2 dims, but got input with %d", rank);
    if (lower_ok(L) && groups <= 0)
        lower_raise(L, "RuntimeError", "Number of groups to divide channels in must be positive. Value of groups:%lld",
                    (long long)groups);
    if (lower_ok(L))
        divisible(L, s[1], groups,
                  "Number of channels must be divisible by groups. Got %lld channels and %lld groups.");
    if (!lower_ok(L)) return;
    split[0] = s[0], split[1] = sv_int(groups), split[2] = s_floordiv(L, s[1], sv_int(groups));
    for (int i = 2; i < rank; i++) split[i + 1] = s[i];
    sten *cut = reshaped(L, t, rank + 1, split);
    ret_tensor(L, reshaped(L, fresh(L, view_transpose(L, cut, 1, 2)), rank, s));
}

/* Leading axes are one batch: [.., C, H, W] as [N, C, H, W]; the three sizes of the result are s[3]. */
static void ret_images(lower *L, sten *t, sten *images, const sv *three) {
    sv s[NARU_MAX_RANK];
    int rank = sizes_of(L, t, s);
    for (int i = 0; lower_ok(L) && i < 3; i++) s[rank - 3 + i] = three[i];
    ret_tensor(L, rank == 4 ? images : reshaped(L, images, rank, s));
}

static sten *as_images(lower *L, sten *t, const char *name, sv *nchw) {
    sv s[NARU_MAX_RANK];
    int rank = sizes_of(L, t, s);
    if (lower_ok(L) && rank < 3)
        lower_raise(L, "RuntimeError",
                    "%s expects input to have at least 3 dimensions, but got input with %d dimension(s)", name, rank);
    if (!lower_ok(L)) return NULL;
    nchw[0] = rank == 4 ? s[0] : sizes_product(L, 0, rank - 3, s);
    for (int i = 0; i < 3; i++) nchw[1 + i] = s[rank - 3 + i];
    return rank == 4 ? t : reshaped(L, t, 4, nchw);
}

void aten_pixel_shuffle(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv s[4];
    int64_t r = arg_int(L, 1);
    sten *x = as_images(L, t, "pixel_shuffle", s);
    if (lower_ok(L) && (r <= 0 || r > 1 << 15))
        lower_raise(L, "RuntimeError", "pixel_shuffle expects a positive upscale_factor, but got %lld", (long long)r);
    if (lower_ok(L))
        divisible(L, s[1], r * r,
                  "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                  "upscale_factor, but input.size(-3)=%lld is not divisible by %lld");
    if (!lower_ok(L)) return;
    sv three[3] = {s_floordiv(L, s[1], sv_int(r * r)), s_mul(L, s[2], sv_int(r)), s_mul(L, s[3], sv_int(r))};
    ret_images(L, t, moved(L, EMITA(DepthToSpace, ATTRS(AI("blocksize", r), AS("mode", "CRD")), x), x), three);
}

void aten_pixel_unshuffle(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv s[4];
    int64_t r = arg_int(L, 1);
    sten *x = as_images(L, t, "pixel_unshuffle", s);
    if (lower_ok(L) && (r <= 0 || r > 1 << 15))
        lower_raise(L, "RuntimeError", "pixel_unshuffle expects a positive downscale_factor, but got %lld",
                    (long long)r);
    if (lower_ok(L))
        divisible(L, s[2], r,
                  "pixel_unshuffle expects height to be divisible by downscale_factor, but input.size(-2)=%lld is not "
                  "divisible by %lld");
    if (lower_ok(L))
        divisible(L, s[3], r,
                  "pixel_unshuffle expects width to be divisible by downscale_factor, but input.size(-1)=%lld is not "
                  "divisible by %lld");
    if (!lower_ok(L)) return;
    sv f = sv_int(r), h = s_floordiv(L, s[2], f), w = s_floordiv(L, s[3], f);
    sv three[3] = {s_mul(L, s[1], sv_int(r * r)), h, w};
    sten *cut = reshaped(L, x, 6, (sv[]){s[0], s[1], h, f, w, f});
    sten *moved = fresh(L, view_permute(L, cut, (int64_t[]){0, 1, 3, 5, 2, 4}));
    ret_images(L, t, reshaped(L, moved, 4, (sv[]){s[0], three[0], h, w}), three);
}

/* ---- sliding blocks: arguments kernel_size, dilation, padding, stride from `first` on ---- */
typedef struct blocks {
    int64_t kernel[2], dilation[2], padding[2], stride[2];
} blocks;

static bool read_blocks(lower *L, int first, blocks *b) {
    int64_t v[4][NARU_MAX_RANK];
    for (int i = 0; i < 4; i++) arg_ints_n(L, first + i, 2, v[i]);
    for (int i = 0; lower_ok(L) && i < 2; i++) {
        b->kernel[i] = v[0][i], b->dilation[i] = v[1][i], b->padding[i] = v[2][i], b->stride[i] = v[3][i];
        if (b->kernel[i] <= 0 || b->dilation[i] <= 0 || b->stride[i] <= 0 || b->padding[i] < 0 ||
            b->kernel[i] > INT32_MAX || b->dilation[i] > INT32_MAX || b->padding[i] > INT32_MAX)
            lower_raise(L, "RuntimeError",
                        "kernel, dilation and stride should be greater than zero and padding not negative");
    }
    return lower_ok(L);
}

/* [N, C, H, W] to [N, C kh kw, blocks]: windows as views, one copy. */
void aten_im2col(lower *L) {
    sten *t = arg_tensor(L, 0);
    blocks b;
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank != 3 && rank != 4)
        lower_raise(L, "RuntimeError", "Expected 3D or 4D (batch mode) tensor for input, but got %dD", rank);
    if (!read_blocks(L, 1, &b)) return;
    if (rank == 3) t = view_unsqueeze(L, t, 0);
    if (b.padding[0] || b.padding[1]) {
        sv p[4] = {sv_int(0), sv_int(0), sv_int(b.padding[0]), sv_int(b.padding[1])};
        t = pad_constant(L, t, p, p, lit(L, t_dtype(L, t), 0));
    }
    for (int i = 0; i < 2; i++) t = view_unfold(L, t, 2 + i, (b.kernel[i] - 1) * b.dilation[i] + 1, b.stride[i]);
    for (int i = 0; i < 2; i++) t = view_slice(L, t, 4 + i, sv_int(0), sv_int(INT64_MAX), b.dilation[i]);
    sv n = t_dim(L, t, 0), c = s_mul(L, t_dim(L, t, 1), sv_int(b.kernel[0] * b.kernel[1]));
    sv count = s_mul(L, t_dim(L, t, 2), t_dim(L, t, 3));
    t = fresh(L, view_permute(L, t, (int64_t[]){0, 1, 4, 5, 2, 3}));
    t = rank == 3 ? reshaped(L, t, 2, (sv[]){c, count}) : reshaped(L, t, 3, (sv[]){n, c, count});
    ret_tensor(L, t);
}

void aten_col2im(lower *L) {
    sten *t = arg_tensor(L, 0);
    blocks b;
    sv size[NARU_MAX_RANK];
    int rank = t_rank(L, t), n = arg_sints(L, 1, size);
    if (lower_ok(L) && rank != 2 && rank != 3)
        lower_raise(L, "RuntimeError", "Expected 2D or 3D (batch mode) tensor for input, but got %dD", rank);
    if (lower_ok(L) && n != 2) lower_raise(L, "RuntimeError", "output_size must be two ints");
    if (!read_blocks(L, 2, &b)) return;
    int64_t pads[4] = {b.padding[0], b.padding[1], b.padding[0], b.padding[1]};
    if (rank == 2) t = view_unsqueeze(L, t, 0);
    t = EMITA(Col2Im, ATTRS(AV("dilations", b.dilation, 2), AV("pads", pads, 4), AV("strides", b.stride, 2)), t,
              ints_tensor(L, size, 2), lit_ints(L, b.kernel, 2));
    ret_tensor(L, rank == 2 ? view_select(L, t, 0, sv_int(0)) : t);
}
