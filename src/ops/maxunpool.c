/* SPDX-License-Identifier: MIT
 *
 * MaxUnpool: puts each element of X where MaxPool's Indices say it came from, zeros elsewhere. [ONNX MaxUnpool-22]
 *
 * Shapes: X, I [N, C, D...] -> [N, C, (D - 1) stride - begin - end + kernel]. I holds flat positions in a tensor of
 * that shape; with output_shape the result is cut or padded with zeros at the ends to it. Types: floats; I and
 * output_shape int64. Versions: 9, 11, 22. Edge cases: an index outside is an error; the last of several writers wins.
 */
#include "ops/util_choice.h"
#include "ops/util_pool.h"

enum { KERNEL_SHAPE, PADS, STRIDES };
static const attr_def attrs[] = {
    ATTR_REQ("kernel_shape", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS), ATTR_OPT("strides", ATTR_INTS), {0}};
static const window_attrs k_window = {KERNEL_SHAPE, STRIDES, -1, PADS, -1, -1};

static int64_t natural(const window *w, int d, int64_t in) {
    return (in - 1) * w->stride[d] - w->begin[d] - w->end[d] + w->kernel[d];
}

static naru_status infer_given(infer_ctx *c, int r, dim_t *dims) {
    const elem_t *e;
    int64_t n;
    for (int d = 0; d < r; d++) dims[d] = DIM_UNKNOWN;
    if (!in_elems(c, 2, &e, &n)) return NARU_OK;
    if (n != r) return op_fail(c, NARU_SHAPE, "output_shape has %lld elements, needs %d", (long long)n, r);
    for (int d = 0; d < r; d++) dims[d] = elem_to_dim(e[d]);
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0);
    if (r < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    if (r < 3) return op_fail(c, NARU_SHAPE, "X has rank %d, needs 3 or more", r);
    TRY(util_need_rank(c, 1, r, "I"));
    window w;
    TRY(window_read(c->node, &k_window, r - 2, &w, c->err));
    dim_t dims[NARU_MAX_RANK];
    for (int d = 0; d < r; d++) {
        dim_t in = in_dim(c, 0, d);
        if (in_rank(c, 1) == r) TRY(util_same_dim(c, in_dim(c, 1, d), in, "a dim of I"));
        dims[d] = in;
        if (d < 2) continue;
        int64_t add = natural(&w, d - 2, 0);
        dim_t spread = sym_mul(c->syms, in, w.stride[d - 2]);
        if (dim_is_const(spread) && spread + add < 0)
            return op_fail(c, NARU_SHAPE, "axis %d of the result would be negative", d);
        dims[d] = add >= 0 ? sym_add(c->syms, spread, add) : sym_sub(c->syms, spread, -add);
    }
    if (in_given(c, 2)) TRY(infer_given(c, r, dims));
    out_tensor(c, 0, in_dtype(c, 0), r, dims);
    return NARU_OK;
}

/* Flat position in `from` -> flat position in `to`, or -1 when it is cut off. */
static int64_t remap(int64_t flat, int rank, const int64_t *from, const int64_t *to) {
    int64_t out = 0, scale = 1;
    for (int d = rank - 1; d >= 0; d--) {
        int64_t i = flat % from[d];
        flat /= from[d];
        if (i >= to[d]) return -1;
        out += i * scale;
        scale *= to[d];
    }
    return out;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *index = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return eval_wants(c, 0) ? eval_fail(c, NARU_SHAPE, "output_shape is not valid") : NARU_OK;
    window w;
    TRY(window_read(c->node, &k_window, x->rank - 2, &w, c->err));
    int64_t dims[NARU_MAX_RANK], total;
    for (int d = 0; d < x->rank; d++) dims[d] = d < 2 ? x->dims[d] : i64_max(0, natural(&w, d - 2, x->dims[d]));
    if (!dims_count(x->rank, dims, &total)) return eval_fail(c, NARU_LIMIT, "the result is too large");
    memset(y->data, 0, tensor_bytes(y));
    const int64_t *at = index->data;
    size_t size = dtype_bytes(x->dtype, 1);
    for (int64_t i = 0; i < tensor_count(x); i++) {
        if (at[i] < 0 || at[i] >= total)
            return eval_fail(c, NARU_INVALID_ARGUMENT, "index %lld is outside [0, %lld)", (long long)at[i],
                             (long long)total);
        int64_t to = remap(at[i], x->rank, dims, y->dims);
        if (to >= 0) memcpy((char *)y->data + (size_t)to * size, (const char *)x->data + (size_t)i * size, size);
    }
    return NARU_OK;
}

const op_desc op_MaxUnpool = {
    .name = "MaxUnpool",
    .versions = (const short[]){9, 11, 22, 0},
    .sig = "X:T1, I:T2, output_shape:T2? -> output:T1 | T1 = float; T2 = int64",
    .since = "T1 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
