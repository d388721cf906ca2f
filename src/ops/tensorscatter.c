/* SPDX-License-Identifier: MIT
 *
 * TensorScatter: a copy of past_cache with `update` written along one axis from write_indices[batch] on. [ONNX
 * TensorScatter-24]
 *
 * Shapes: past_cache [B, ..., L, ...], update the same with M <= L along axis, write_indices [B] (absent: 0) ->
 * present_cache like past_cache. Mode linear: writing past L is an error; circular: it wraps. Types: any but string.
 */
#include "ops/util_choice.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { AXIS, MODE };
static const attr_def attrs[] = {ATTR_I("axis", -2), ATTR_S("mode", "linear"), {0}};
static const char *const k_modes[] = {"linear", "circular", NULL};

static naru_status infer(infer_ctx *c) {
    int mode, axis, r = in_rank(c, 0);
    TRY(util_choice(c, MODE, k_modes, &mode));
    if (in_dtype(c, 0) == NARU_STRING) return op_fail(c, NARU_UNSUPPORTED, "strings are not scattered");
    out_like(c, 0, 0);
    if (r < 0) return NARU_OK;
    TRY(infer_axis(c, node_i(c->node, AXIS), r, &axis));
    if (axis == 0) return op_fail(c, NARU_BAD_MODEL, "the axis is the batch");
    TRY(util_need_rank(c, 1, r, "update"));
    for (int d = 0; d < r && in_rank(c, 1) == r; d++) {
        dim_t have = in_dim(c, 1, d), most = in_dim(c, 0, d);
        if (d != axis) TRY(util_same_dim(c, have, most, "a dim of update"));
        else if (dim_is_const(have) && dim_is_const(most) && have > most)
            return op_fail(c, NARU_SHAPE, "update has %lld along the axis, the cache %lld", (long long)have,
                           (long long)most);
    }
    TRY(util_need_rank(c, 2, 1, "write_indices"));
    if (in_rank(c, 2) == 1) TRY(util_same_dim(c, in_dim(c, 2, 0), in_dim(c, 0, 0), "the length of write_indices"));
    return NARU_OK;
}

static void copy_row(naru_tensor *y, int64_t to, const naru_tensor *u, int64_t from, int64_t n) {
    if (naru_dtype_bits(y->dtype) % 8 == 0) {
        size_t size = dtype_bytes(y->dtype, 1);
        memcpy((char *)y->data + (size_t)to * size, (const char *)u->data + (size_t)from * size, (size_t)n * size);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        dtype_set_f64(y->dtype, y->data, to + i, dtype_get_f64(u->dtype, u->data, from + i));
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *u = eval_in(c, 1), *w = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    memcpy(y->data, x->data, tensor_bytes(x));
    int axis = (int)(node_i(c->node, AXIS) + (node_i(c->node, AXIS) < 0 ? x->rank : 0));
    bool wrap = choice_of(choice_text(c->node, MODE), k_modes) == 1;
    int64_t outer = 1, inner = 1, n = x->dims[axis], m = u->dims[axis];
    for (int d = 0; d < x->rank; d++)
        if (d != axis) *(d < axis ? &outer : &inner) *= x->dims[d];
    for (int64_t o = 0; o < outer && m > 0; o++) {
        int64_t start = w ? ((const int64_t *)w->data)[o / (outer / x->dims[0])] : 0;
        if (wrap) start = (start % n + n) % n;
        if (start < 0 || (!wrap && start > n - m))
            return eval_fail(c, NARU_INVALID_ARGUMENT, "%lld elements from %lld on do not fit into %lld", (long long)m,
                             (long long)start, (long long)n);
        for (int64_t i = 0; i < m; i++) copy_row(y, (o * n + (start + i) % n) * inner, u, (o * m + i) * inner, inner);
    }
    return NARU_OK;
}

static value *trailing(lower_ctx *c, value *v, int count) { /* v with `count` more axes behind */
    int64_t axes[NARU_MAX_RANK];
    for (int i = 0; i < count; i++) axes[i] = -1 - i;
    return count > 0 ? LW(c, "Unsqueeze", v, lw_ints(c, count, axes)) : v;
}

/* The positions written, for every element of update. */
static naru_status down24(lower_ctx *c, node *n) {
    value *past = lw_in(n, 0), *update = lw_in(n, 1), *start = lw_in(n, 2);
    int rank = lw_rank(past), axis;
    if (rank < 0) return lw_refuse(c, "the rank is not known");
    axis = (int)(node_i(n, AXIS) + (node_i(n, AXIS) < 0 ? rank : 0));
    value *at = trailing(c, lw_range(c, lw_size(c, update, axis)), rank - 1 - axis);
    if (start) at = LW(c, "Add", at, trailing(c, start, rank - 1));
    if (lw_text_is(n, MODE, "circular")) at = LW(c, "Mod", at, lw_size(c, past, axis));
    at = LW(c, "Expand", at, LW(c, "Shape", update));
    lw_i(c, "axis", axis);
    return lw_replace(c, n, LW(c, "ScatterElements", past, at, update));
}

const op_desc op_TensorScatter = {
    .name = "TensorScatter",
    .versions = (const short[]){24, 0},
    .sig = "past_cache:T, update:T, write_indices:int64? -> present_cache:T | T = all",
    .since = "T never float6 uint2 int2",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{24, down24}, {0}},
};
