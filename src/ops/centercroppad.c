/* SPDX-License-Identifier: MIT
 *
 * CenterCropPad: crops or zero-pads each listed axis (all without `axes`) around its centre to the size in shape. [ONNX
 * CenterCropPad-18]
 *
 * Cropping starts at (d - s) / 2, padding puts (s - d) / 2 in front, both rounded down. Types: any. Versions: 18.
 */
#include "ops/util_move.h"
#include "ops/util_lower.h"

enum { AXES };

static naru_status target(const node *n, int rank, int64_t count, int *axes, naru_error *err) {
    int64_t na;
    const int64_t *a = node_ints(n, AXES, &na);
    if (count != (node_has(n, AXES) ? na : rank))
        return err_set(err, NARU_SHAPE, "shape has %lld entries for %lld axes", (long long)count,
                       (long long)(node_has(n, AXES) ? na : rank));
    for (int64_t i = 0; i < count; i++) {
        int64_t k = a ? a[i] : i;
        if (k < 0) k += rank;
        if (k < 0 || k >= rank) return err_set(err, NARU_SHAPE, "axis %lld is out of range", (long long)k);
        axes[i] = (int)k;
    }
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0), axes[NARU_MAX_RANK];
    const elem_t *e;
    int64_t n;
    dim_t d[NARU_MAX_RANK];
    bool known = in_elems(c, 1, &e, &n);
    if (rank >= 0 && known) TRY(target(c->node, rank, n, axes, c->err));
    for (int i = 0; i < rank; i++) d[i] = known ? in_dim(c, 0, i) : DIM_UNKNOWN;
    for (int64_t i = 0; rank >= 0 && known && i < n; i++) d[axes[i]] = elem_to_dim(e[i]);
    out_tensor(c, 0, in_dtype(c, 0), rank, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *st = eval_in(c, 1);
    const int64_t *s = eval_i64(c, st);
    int axes[NARU_MAX_RANK];
    int64_t dims[NARU_MAX_RANK], shift[NARU_MAX_RANK] = {0}, rows[NARU_MAX_RANK], idx[NARU_MAX_RANK] = {0};
    if (!s) return NARU_OUT_OF_MEMORY;
    TRY(target(c->node, x->rank, tensor_count(st), axes, c->err));
    for (int d = 0; d < x->rank; d++) dims[d] = x->dims[d];
    for (int64_t i = 0; i < tensor_count(st); i++) {
        int64_t d = x->dims[axes[i]];
        if (s[i] < 0) return eval_fail(c, NARU_SHAPE, "shape has a negative entry");
        dims[axes[i]] = s[i];
        shift[axes[i]] = s[i] < d ? (d - s[i]) / 2 : -((s[i] - d) / 2); /* index in x = index in y + shift */
    }
    naru_tensor *y;
    TRY(eval_alloc(c, 0, x->dtype, x->rank, dims, &y));
    if (!y) return NARU_OK;
    if (x->dtype != NARU_STRING) memset(y->data, 0, tensor_bytes(y));
    row_strides(x->rank, x->dims, rows);
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        int64_t at = 0;
        bool inside = true;
        for (int d = 0; d < x->rank; d++) {
            int64_t k = idx[d] + shift[d];
            inside = inside && k >= 0 && k < x->dims[d];
            at += k * rows[d];
        }
        if (inside && !move_elems(y, i, x, at, 1)) return err_oom(c->err);
        for (int d = x->rank - 1; d >= 0 && ++idx[d] == dims[d]; d--) idx[d] = 0;
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_OPT("axes", ATTR_INTS), {0}};

static bool all_zero(lower_ctx *c, const value *v) {
    const int64_t *known;
    int64_t count, i = 0;
    if (!lw_known_ints(c, v, &known, &count)) return false;
    while (i < count && known[i] == 0) i++;
    return i == count;
}

static naru_status down18(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *want = lw_cast(c, lw_in(n, 1), NARU_INT64), *have = LW(c, "Shape", x), *axes = NULL;
    value *zero = lw_int(c, 0), *two = lw_int(c, 2);
    int64_t count;
    const int64_t *a = node_ints(n, AXES, &count);
    if (node_has(n, AXES)) {
        axes = lw_ints(c, count, a);
        have = LW(c, "Gather", have, axes);
    } else if (!(axes = lw_axes(c, x, 0))) {
        return lw_refuse(c, "the rank is not known");
    }
    value *surplus = LW(c, "Max", LW(c, "Sub", have, want), zero);
    value *missing = LW(c, "Max", LW(c, "Sub", want, have), zero);
    if (!all_zero(c, surplus)) {
        value *from = LW(c, "Div", surplus, two);
        x = LW(c, "Slice", x, from, LW(c, "Add", from, LW(c, "Min", have, want)), axes);
    }
    if (!all_zero(c, missing)) {
        value *before = LW(c, "Div", missing, two), *after = LW(c, "Sub", missing, before);
        lw_i(c, "axis", 0);
        x = LW(c, "Pad", x, LW(c, "Concat", before, after), NULL, axes);
    }
    return lw_replace(c, n, x);
}

const op_desc op_CenterCropPad = {
    .name = "CenterCropPad",
    .versions = (const short[]){18, 0},
    .sig = "input_data:T, shape:I -> output_data:T | T = all; I = int32 int64",
    .since = "T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
