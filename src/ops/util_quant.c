/* SPDX-License-Identifier: MIT
 *
 * Quantization helpers (util_quant.h).
 */
#include "ops/util_quant.h"

#include <math.h>

#include "tensor/dtype.h"

naru_status scale_map_make(eval_ctx *c, const naru_tensor *x, const naru_tensor *scale, int64_t axis,
                           int64_t block_size, scale_map *m) {
    *m = (scale_map){.outer = 1, .axis = 1, .inner = 1};
    m->one = tensor_count(scale) == 1 && !block_size;
    if (m->one) return NARU_OK;
    if (axis < 0) axis += x->rank;
    if (axis < 0 || axis >= x->rank) return eval_fail(c, NARU_SHAPE, "axis is out of range");
    for (int i = 0; i < axis; i++) m->outer *= x->dims[i];
    m->axis = x->dims[axis];
    for (int i = (int)axis + 1; i < x->rank; i++) m->inner *= x->dims[i];
    if (scale->rank == 1 && !block_size) {
        if (scale->dims[0] != m->axis)
            return eval_fail(c, NARU_SHAPE, "%lld scales for an axis of %lld", (long long)scale->dims[0],
                             (long long)m->axis);
        m->block = 0;
        return NARU_OK;
    }
    if (scale->rank != x->rank) return eval_fail(c, NARU_SHAPE, "blocked scales need the data's rank");
    m->per_axis = scale->dims[axis];
    if (!m->per_axis) return NARU_OK;
    m->block = block_size ? block_size : (m->axis + m->per_axis - 1) / m->per_axis;
    if ((m->axis + m->block - 1) / m->block != m->per_axis)
        return eval_fail(c, NARU_SHAPE, "scale has %lld blocks on the axis, block_size %lld does not fit",
                         (long long)m->per_axis, (long long)block_size);
    for (int i = 0; i < x->rank; i++)
        if (i != axis && scale->dims[i] != x->dims[i])
            return eval_fail(c, NARU_SHAPE, "scale and data differ on axis %d", i);
    return NARU_OK;
}

int64_t scale_map_at(const scale_map *m, int64_t i) {
    if (m->one) return 0;
    int64_t in = i % m->inner, a = i / m->inner % m->axis, out = i / m->inner / m->axis;
    return m->block ? (out * m->per_axis + a / m->block) * m->inner + in : a;
}

int64_t quantize_int(double v, int64_t zp, naru_dtype d) {
    double lo = (double)dtype_int_min(d), hi = (double)dtype_int_max(d);
    double r = nearbyint(v) + (double)zp;
    return (int64_t)(r != r ? 0 : r < lo ? lo : r > hi ? hi : r);
}

int64_t zero_point(const naru_tensor *t, int64_t i) {
    return t ? dtype_get_i64(t->dtype, t->data, tensor_count(t) == 1 ? 0 : i) : 0;
}

value *quant_spread(lower_ctx *c, value *x, value *v, int64_t axis, int64_t per) {
    int rank = lw_rank(x), own = lw_rank(v);
    if (own == 0 || (own == 1 && lw_dim(v, 0) == 1 && !per)) return v;
    if (rank < 1 || own < 1) return NULL;
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return NULL;
    if (own == 1 && !per) {
        int64_t behind[NARU_MAX_RANK], count = 0;
        for (int64_t d = axis + 1; d < rank; d++) behind[count] = count + 1, count++;
        return count ? LW(c, "Unsqueeze", v, lw_ints(c, count, behind)) : v;
    }
    value *at = lw_range(c, lw_size(c, x, (int)axis)), *size;
    if (per) size = LW_INTS(c, per);
    else { /* as many blocks as there are scales */ value *parts = lw_size(c, v, (int)axis), *one = LW_INTS(c, 1);
        value *up = LW(c, "Sub", LW(c, "Add", lw_size(c, x, (int)axis), parts), one);
        size = LW(c, "Div", up, parts);
    }
    at = LW(c, "Div", at, size);
    lw_i(c, "axis", axis);
    return LW(c, "Gather", v, at);
}
