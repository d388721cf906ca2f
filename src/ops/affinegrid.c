/* SPDX-License-Identifier: MIT
 *
 * AffineGrid: grid[n,o...] = theta[n] * (x, y[, z], 1) for the normalised coordinates of each output position. [ONNX
 * AffineGrid-20]
 *
 * Shapes: theta [N, k, k+1], size = (N, C, D1..Dk), k 2 or 3 -> grid [N, D1..Dk, k], innermost coordinate first.
 * Coordinates of D steps in [-1, 1]: the ends included with align_corners, else the centres of D cells. Types: floats;
 * size int64. Edge cases: D = 1 with align_corners lies at -1.
 */
#include "ops/util_choice.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { ALIGN_CORNERS };
static const attr_def attrs[] = {ATTR_I("align_corners", 0), {0}};

static naru_status infer(infer_ctx *c) {
    const elem_t *size;
    int64_t n;
    TRY(util_need_rank(c, 0, 3, "theta"));
    dim_t axes = in_rank(c, 0) == 3 ? in_dim(c, 0, 1) : DIM_UNKNOWN;
    if (dim_is_const(axes) && axes != 2 && axes != 3)
        return op_fail(c, NARU_SHAPE, "theta has %lld rows, needs 2 or 3", (long long)axes);
    if (!in_elems(c, 1, &size, &n)) {
        out_tensor(c, 0, in_dtype(c, 0), -1, NULL);
        return NARU_OK;
    }
    if (n != 4 && n != 5) return op_fail(c, NARU_SHAPE, "size has %lld elements, needs 4 or 5", (long long)n);
    int k = (int)n - 2;
    TRY(util_same_dim(c, axes, k, "theta's number of rows"));
    if (in_rank(c, 0) == 3) TRY(util_same_dim(c, in_dim(c, 0, 2), k + 1, "theta's number of columns"));
    dim_t dims[5] = {elem_to_dim(size[0])};
    if (in_rank(c, 0) == 3) TRY(util_same_dim(c, in_dim(c, 0, 0), dims[0], "theta's batch"));
    for (int d = 0; d < k; d++) dims[d + 1] = elem_to_dim(size[d + 2]);
    dims[k + 1] = k;
    out_tensor(c, 0, in_dtype(c, 0), k + 2, dims);
    return NARU_OK;
}

static double coordinate(int64_t i, int64_t size, bool align) {
    if (align) return size == 1 ? -1 : -1 + 2 * (double)i / (double)(size - 1);
    return -1 + (2 * (double)i + 1) / (double)size;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *theta = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return eval_wants(c, 0) ? eval_fail(c, NARU_SHAPE, "size is not valid") : NARU_OK;
    const double *t = eval_f64(c, theta);
    if (!t) return NARU_OUT_OF_MEMORY;
    int k = y->rank - 2;
    int64_t n = tensor_count(y) / k, plane = 1;
    for (int d = 0; d < k; d++) plane *= y->dims[d + 1];
    for (int64_t p = 0; p < n; p++) {
        double at[4] = {0}, out[3];
        int64_t rest = p % plane;
        for (int d = k; d >= 1; d--) { /* the innermost axis comes first in `at` */
            at[k - d] = coordinate(rest % y->dims[d], y->dims[d], node_i(c->node, ALIGN_CORNERS) != 0);
            rest /= y->dims[d];
        }
        at[k] = 1;
        for (int r = 0; r < k; r++) {
            out[r] = 0;
            for (int q = 0; q <= k; q++) out[r] += t[(p / plane * k + r) * (k + 1) + q] * at[q];
        }
        dtype_write_f64(y->dtype, y->data, p * k, k, out, true);
    }
    return NARU_OK;
}

/* The coordinates of `size` steps, [size]. */
static value *coordinates(lower_ctx *c, value *size, naru_dtype d, bool align) {
    value *i = lw_cast(c, lw_range(c, size), d), *one = lw_number(c, d, 1), *two = lw_number(c, d, 2);
    value *steps = lw_cast(c, size, d), *twice = LW(c, "Mul", i, two);
    if (align) steps = LW(c, "Max", LW(c, "Sub", steps, one), one);
    else twice = LW(c, "Add", twice, one);
    return LW(c, "Sub", LW(c, "Div", twice, steps), one);
}

/* A matrix of (x, y[, z], 1) for each position, times theta transposed. */
static naru_status down20(lower_ctx *c, node *n) {
    value *theta = lw_in(n, 0), *size = lw_in(n, 1), *columns[4], *last = LW_INTS(c, -1);
    naru_dtype d = lw_dtype(theta), wide = d == NARU_DOUBLE ? d : NARU_FLOAT;
    dim_t count = lw_dim(size, 0);
    if (count != 4 && count != 5) return lw_refuse(c, "the number of axes is not known");
    int k = (int)count - 2;
    value *space = LW(c, "Slice", size, LW_INTS(c, 2), LW_INTS(c, INT64_MAX));
    for (int i = 0; i < k; i++) { /* the innermost axis comes first */
        int axis = k - 1 - i;
        value *steps = LW(c, "Slice", size, LW_INTS(c, 2 + axis), LW_INTS(c, 3 + axis));
        value *v = coordinates(c, steps, wide, node_i(n, ALIGN_CORNERS) != 0);
        if (i > 0) v = LW(c, "Unsqueeze", v, lw_ints(c, i, (const int64_t[]){1, 2}));
        columns[i] = LW(c, "Unsqueeze", LW(c, "Expand", v, space), last);
    }
    columns[k] = LW(c, "Unsqueeze", LW(c, "Expand", lw_number(c, wide, 1), space), last);
    lw_i(c, "axis", -1);
    value *grid = lw_op(c, "Concat", k + 1, columns);
    grid = LW(c, "Reshape", grid, LW_INTS(c, 1, -1, k + 1));
    grid = LW(c, "MatMul", grid, lw_transpose(c, lw_cast(c, theta, wide), 3, (int[]){0, 2, 1}));
    value *batch = LW(c, "Slice", size, LW_INTS(c, 0), LW_INTS(c, 1));
    lw_i(c, "axis", 0);
    value *shape = LW(c, "Concat", batch, space, LW_INTS(c, k));
    return lw_replace(c, n, lw_cast(c, LW(c, "Reshape", grid, shape), d));
}

const op_desc op_AffineGrid = {
    .name = "AffineGrid",
    .versions = (const short[]){20, 0},
    .sig = "theta:T1, size:T2 -> grid:T1 | T1 = float; T2 = int64",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{20, down20}, {0}},
};
