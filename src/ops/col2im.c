/* SPDX-License-Identifier: MIT
 *
 * Col2Im: sums sliding blocks back into an image: out[n,c,i stride + k dilation - begin] += input[n, c K + k, i]. [ONNX
 * Col2Im-18]
 *
 * Shapes: input [N, C prod(block_shape), L], image_shape (k sizes), block_shape -> output [N, C, image...], where L is
 * the number of block positions: the product of floor((image + begin + end - e) / stride) + 1. Types: numbers (in
 * double). Edge cases: positions that no block covers are 0.
 */
#include "ops/util_choice.h"
#include "ops/util_pool.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { DILATIONS, PADS, STRIDES };
static const attr_def attrs[] = {
    ATTR_OPT("dilations", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS), ATTR_OPT("strides", ATTR_INTS), {0}};
static const window_attrs k_window = {-1, STRIDES, DILATIONS, PADS, -1, -1};

/* Block sizes into w; false when they are not known. */
static naru_status read_block(infer_ctx *c, int k, window *w, bool *known, int64_t *volume) {
    const int64_t *v;
    int64_t n;
    *known = in_ints(c, 2, &v, &n);
    *volume = 1;
    if (!*known) return NARU_OK;
    if (n != k) return op_fail(c, NARU_SHAPE, "block_shape has %lld elements, image_shape %d", (long long)n, k);
    for (int d = 0; d < k; d++) {
        if (v[d] < 1 || v[d] > INT32_MAX || !i64_mul(*volume, v[d], volume))
            return op_fail(c, NARU_SHAPE, "block_shape holds %lld", (long long)v[d]);
        w->kernel[d] = v[d];
    }
    return NARU_OK;
}

static naru_status check_length(infer_ctx *c, const window *w, const dim_t *image) {
    dim_t blocks = 1;
    for (int d = 0; d < w->n; d++) {
        dim_t n;
        TRY(window_out(w, d, image[d], c->syms, &n, c->err));
        blocks = sym_mul(c->syms, blocks, n);
    }
    return util_same_dim(c, in_dim(c, 0, 2), blocks, "the number of blocks");
}

static naru_status infer(infer_ctx *c) {
    const elem_t *image;
    int64_t k, volume;
    bool known;
    window w;
    TRY(util_need_rank(c, 0, 3, "input"));
    if (in_dtype(c, 0) == NARU_STRING || dtype_is_complex(in_dtype(c, 0)))
        return op_fail(c, NARU_UNSUPPORTED, "elements of this type are not summed");
    if (!in_elems(c, 1, &image, &k)) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    if (k < 1 || k > NARU_MAX_RANK - 2) return op_fail(c, NARU_SHAPE, "image_shape has %lld elements", (long long)k);
    TRY(window_read(c->node, &k_window, (int)k, &w, c->err));
    TRY(read_block(c, (int)k, &w, &known, &volume));
    dim_t dims[NARU_MAX_RANK] = {DIM_UNKNOWN, DIM_UNKNOWN};
    for (int d = 0; d < k; d++) dims[d + 2] = elem_to_dim(image[d]);
    if (in_rank(c, 0) == 3) {
        dim_t deep = in_dim(c, 0, 1);
        dims[0] = in_dim(c, 0, 0);
        if (known && dim_is_const(deep) && deep % volume)
            return op_fail(c, NARU_SHAPE, "%lld rows do not divide into blocks of %lld", (long long)deep,
                           (long long)volume);
        if (known) dims[1] = sym_div(c->syms, deep, volume);
        if (known) TRY(check_length(c, &w, dims + 2));
    }
    out_tensor(c, 0, in_dtype(c, 0), (int)k + 2, dims);
    return NARU_OK;
}

static void step_odometer(int64_t *at, const int64_t *dims, int n) {
    for (int d = n - 1; d >= 0 && ++at[d] == dims[d]; d--) at[d] = 0;
}

/* Adds one plane's columns [volume, blocks] into the image. */
static void fold(const window *w, const double *cols, double *image, const int64_t *dims, const int64_t *blocks,
                 int64_t volume, int64_t nblocks) {
    int64_t k[WINDOW_AXES] = {0};
    for (int64_t q = 0; q < volume; q++, step_odometer(k, w->kernel, w->n)) {
        int64_t b[WINDOW_AXES] = {0};
        for (int64_t i = 0; i < nblocks; i++, step_odometer(b, blocks, w->n)) {
            int64_t at = 0;
            bool inside = true;
            for (int d = 0; d < w->n; d++) {
                int64_t p = b[d] * w->stride[d] + k[d] * w->dilation[d] - w->begin[d];
                inside = inside && p >= 0 && p < dims[d];
                at = at * dims[d] + p;
            }
            if (inside) image[at] += cols[q * nblocks + i];
        }
    }
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *sizes = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return eval_wants(c, 0) ? eval_fail(c, NARU_SHAPE, "image_shape or block_shape is not valid") : NARU_OK;
    window w;
    TRY(window_read(c->node, &k_window, y->rank - 2, &w, c->err));
    int64_t blocks[WINDOW_AXES], volume = 1, plane = 1, n = x->dims[2];
    for (int d = 0; d < w.n; d++) {
        volume *= w.kernel[d] = dtype_get_i64(sizes->dtype, sizes->data, d);
        plane *= y->dims[d + 2];
        blocks[d] = (y->dims[d + 2] + w.begin[d] + w.end[d] - window_extent(&w, d)) / w.stride[d] + 1;
    }
    const double *xd = eval_f64(c, x);
    double *acc = eval_scratch(c, (size_t)plane * sizeof *acc);
    if (!xd || !acc) return NARU_OUT_OF_MEMORY;
    for (int64_t p = 0; p < y->dims[0] * y->dims[1]; p++) {
        memset(acc, 0, (size_t)plane * sizeof *acc);
        fold(&w, xd + p * volume * n, acc, y->dims + 2, blocks, volume, n);
        dtype_write_f64(y->dtype, y->data, p * plane, plane, acc, true);
    }
    return NARU_OK;
}

/* A transposed convolution whose kernel puts row k of a block at position k. The channels join the batch. */
static naru_tensor *unit_kernel(const window *w, int64_t volume, naru_dtype d, naru_error *err) {
    int64_t dims[NARU_MAX_RANK] = {volume, 1};
    naru_tensor *t;
    for (int i = 0; i < w->n; i++) dims[i + 2] = w->kernel[i];
    if (tensor_new(d, w->n + 2, dims, &t, err) != NARU_OK) return NULL;
    memset(t->data, 0, tensor_bytes(t));
    for (int64_t i = 0; i < volume; i++) dtype_set_f64(d, t->data, i * volume + i, 1);
    return t;
}

static void conv_attrs(lower_ctx *c, const window *w, const int64_t *rest) {
    int64_t pads[2 * NARU_MAX_RANK];
    for (int d = 0; d < w->n; d++) pads[d] = w->begin[d], pads[d + w->n] = w->end[d];
    lw_is(c, "kernel_shape", w->n, w->kernel);
    lw_is(c, "strides", w->n, w->stride);
    lw_is(c, "dilations", w->n, w->dilation);
    lw_is(c, "pads", 2 * w->n, pads);
    lw_is(c, "output_padding", w->n, rest);
}

static naru_status down18(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    const int64_t *image, *sizes;
    int64_t k, kb, volume = 1, cut[NARU_MAX_RANK] = {-1}, result[NARU_MAX_RANK] = {-1}, rest[NARU_MAX_RANK];
    naru_dtype d = lw_dtype(x), wide = d == NARU_DOUBLE || dtype_is_int(d) ? NARU_DOUBLE : NARU_FLOAT;
    dim_t channels = lw_dim(lw_out(n, 0), 1);
    window w;
    if (!lw_known_ints(c, lw_in(n, 1), &image, &k) || !lw_known_ints(c, lw_in(n, 2), &sizes, &kb) || k != kb ||
        k > NARU_MAX_RANK - 2 || !dim_is_const(channels))
        return lw_refuse(c, "the sizes are not constant");
    TRY(window_read(n, &k_window, (int)k, &w, c->err));
    for (int i = 0; i < k; i++) {
        w.kernel[i] = sizes[i];
        volume *= sizes[i];
        int64_t room = image[i] + w.begin[i] + w.end[i] - window_extent(&w, i);
        cut[i + 2] = room / w.stride[i] + 1;
        rest[i] = room % w.stride[i];
        result[i + 2] = image[i];
    }
    if (volume > 1 << 12) return lw_refuse(c, "blocks of %lld", (long long)volume);
    cut[1] = volume;
    result[1] = channels;
    naru_tensor *kernel = unit_kernel(&w, volume, wide, c->err);
    if (!kernel) return NARU_OUT_OF_MEMORY;
    value *kernel_value = lw_tensor(c, kernel);
    x = LW(c, "Reshape", lw_cast(c, x, wide), lw_ints(c, k + 2, cut));
    conv_attrs(c, &w, rest);
    x = LW(c, "ConvTranspose", x, kernel_value);
    return lw_replace(c, n, lw_cast(c, LW(c, "Reshape", x, lw_ints(c, k + 2, result)), d));
}

const op_desc op_Col2Im = {
    .name = "Col2Im",
    .versions = (const short[]){18, 0},
    .sig = "input:T, image_shape:int64, block_shape:int64 -> output:T | T = all",
    .since = "T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
