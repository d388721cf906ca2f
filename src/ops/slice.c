/* SPDX-License-Identifier: MIT
 *
 * Slice: y = x[start:end:step] along the given axes, Python's rules. [ONNX Slice-13]
 *
 * Negative starts and ends count from the dim; for step > 0 both are clamped to [0, d], for step < 0 start to [0, d-1]
 * and end to
 * [-1, d-1]. Types: any. Versions: 1 (attributes starts, ends, axes), 10 (inputs, steps), 11, 13. Empty results are
 * allowed.
 */
#include "ops/util_move.h"

/* Number of elements; *start becomes the first index. */
static int64_t extent(int64_t d, int64_t *start, int64_t end, int64_t step) {
    if (d <= 0) return *start = 0;
    int64_t s = *start, lo = step > 0 ? 0 : -1, hi = step > 0 ? d : d - 1;
    if (s < 0) s += d;
    s = s < 0 ? 0 : s > hi ? hi : s;
    if (end < 0) end = end < -d ? lo : end + d;
    end = end < lo ? lo : end > hi ? hi : end;
    *start = s;
    int64_t span = step > 0 ? end - s : s - end, pace = step > 0 ? step : step == INT64_MIN ? INT64_MAX : -step;
    return span <= 0 ? 0 : (span - 1) / pace + 1;
}

static elem_t wrap(elem_t e, symtab *s, dim_t d) { /* a constant negative index from the end of a symbolic dim */
    if (e.kind != ELEM_CONST || e.v >= 0) return e;
    return elem_of_dim(sym_sub(s, d, -e.v));
}

/* A symbolic dim with step 1: end - start where both are plain. */
static dim_t symbolic_extent(infer_ctx *c, dim_t d, elem_t start, elem_t end, elem_t step) {
    if (step.kind != ELEM_CONST || step.v != 1 || !dim_is_known(d)) return DIM_UNKNOWN;
    bool to_end = end.kind == ELEM_CONST && end.v >= INT32_MAX;
    elem_t s = wrap(start, c->syms, d), e = to_end ? elem_of_dim(d) : wrap(end, c->syms, d);
    if (!to_end && e.kind == ELEM_CONST) return DIM_UNKNOWN; /* min(end, d) */
    if (s.kind == ELEM_UNKNOWN || e.kind == ELEM_UNKNOWN) return DIM_UNKNOWN;
    return sym_sub(c->syms, elem_to_dim(e), elem_to_dim(s));
}

static naru_status lists(infer_ctx *c, const elem_t **v, int64_t *n, int *axes) {
    int rank = in_rank(c, 0);
    const int64_t *ax = NULL;
    int64_t na;
    if (in_given(c, 3) && !in_ints(c, 3, &ax, &na)) return NARU_NOT_FOUND;
    for (int i = 0; i < 3; i++) v[i] = NULL;
    *n = -1;
    int64_t count;
    static const int input[3] = {1, 2, 4};
    for (int i = 0; i < 3; i++)
        if (in_given(c, input[i]) && in_elems(c, input[i], &v[i], &count)) *n = count;
    if (ax) *n = na;
    if (*n < 0 && in_rank(c, 1) == 1 && dim_is_const(in_dim(c, 1, 0))) *n = in_dim(c, 1, 0);
    if (*n < 0 || *n > rank) return NARU_NOT_FOUND;
    for (int i = 0; i < 3; i++)
        if (v[i] && in_elems(c, input[i], &v[i], &count) && count != *n)
            return op_fail(c, NARU_SHAPE, "starts, ends, axes and steps differ in length");
    int64_t all[NARU_MAX_RANK];
    for (int64_t i = 0; i < *n; i++) all[i] = i;
    return infer_axes(c, ax ? ax : all, *n, rank, axes);
}

static void slice_elems(infer_ctx *c, int64_t start, int64_t step, int64_t n) {
    const elem_t *e;
    int64_t ne;
    if (in_rank(c, 0) != 1 || !(c->in[0]->elems || c->in[0]->constant) || !in_elems(c, 0, &e, &ne) || n > ne) return;
    elem_t *out = arena_alloc(c->arena, (size_t)n * sizeof *out);
    for (int64_t i = 0; out && i < n; i++) out[i] = e[start + i * step];
    if (out) out_elems(c, 0, out, n);
}

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0), axes[NARU_MAX_RANK];
    const elem_t *v[3];
    int64_t n;
    if (rank < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    dim_t d[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) d[i] = in_dim(c, 0, i);
    naru_status st = lists(c, v, &n, axes);
    if (st == NARU_NOT_FOUND) { /* which axes is not known: any dim may change */
        for (int i = 0; i < rank; i++) d[i] = DIM_UNKNOWN;
        return out_tensor(c, 0, in_dtype(c, 0), rank, d), NARU_OK;
    }
    TRY(st);
    for (int i = 0; i < n; i++) {
        elem_t unknown = {0}, s = v[0] ? v[0][i] : unknown, e = v[1] ? v[1][i] : unknown;
        elem_t step = v[2] ? v[2][i] : in_given(c, 4) ? unknown : elem_const(1);
        dim_t size = d[axes[i]];
        if (step.kind == ELEM_CONST && step.v == 0) return op_fail(c, NARU_SHAPE, "step is 0");
        if (dim_is_const(size) && s.kind == ELEM_CONST && e.kind == ELEM_CONST && step.kind == ELEM_CONST) {
            int64_t start = s.v;
            d[axes[i]] = extent(size, &start, e.v, step.v);
            slice_elems(c, start, step.v, d[axes[i]]);
        } else {
            d[axes[i]] = symbolic_extent(c, size, s, e, step);
        }
    }
    const elem_t *kept = c->out[0].elems;
    int64_t nkept = c->out[0].nelems;
    out_tensor(c, 0, in_dtype(c, 0), rank, d);
    c->out[0].elems = kept;
    c->out[0].nelems = nkept;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    int64_t rows[NARU_MAX_RANK], strides[NARU_MAX_RANK], dims[NARU_MAX_RANK], offset = 0;
    row_strides(x->rank, x->dims, rows);
    for (int i = 0; i < x->rank; i++) dims[i] = x->dims[i], strides[i] = rows[i];
    const naru_tensor *ax = eval_in(c, 3), *st = eval_in(c, 4);
    const int64_t *starts = eval_i64(c, eval_in(c, 1)), *ends = eval_i64(c, eval_in(c, 2));
    const int64_t *axes = ax ? eval_i64(c, ax) : NULL, *steps = st ? eval_i64(c, st) : NULL;
    if (!starts || !ends || (ax && !axes) || (st && !steps)) return NARU_OUT_OF_MEMORY;
    int64_t n = tensor_count(eval_in(c, 1));
    if (n > x->rank || tensor_count(eval_in(c, 2)) != n || (ax && tensor_count(ax) != n) ||
        (st && tensor_count(st) != n))
        return eval_fail(c, NARU_SHAPE, "starts, ends, axes and steps differ in length");
    for (int64_t i = 0; i < n; i++) {
        int64_t a = axes ? axes[i] : i, step = steps ? steps[i] : 1, s = starts[i];
        if (a < 0) a += x->rank;
        if (a < 0 || a >= x->rank || step == 0) return eval_fail(c, NARU_SHAPE, "axis or step out of range");
        dims[a] = extent(x->dims[a], &s, ends[i], step);
        offset += s * rows[a];
        strides[a] = dims[a] > 1 ? rows[a] * step : 0;
        if (step == 1) strides[a] = rows[a];
    }
    naru_tensor *y;
    TRY(eval_alloc(c, 0, x->dtype, x->rank, dims, &y));
    return y ? move_strided(c, y, x, offset, strides) : NARU_OK;
}

static naru_status to_inputs(lift_ctx *c, node *n) {
    TRY(attr_ints_to_input(c, n, "starts", 1));
    TRY(attr_ints_to_input(c, n, "ends", 2));
    return attr_ints_to_input(c, n, "axes", 3);
}
static const adapter adapters[] = {{10, to_inputs}, {0}};

const op_desc op_Slice = {
    .name = "Slice",
    .versions = (const short[]){1, 10, 11, 13, 0},
    .sig = "data:T, starts:I, ends:I, axes:I?, steps:I? -> output:T | T = all; I = int32 int64",
    .since = "T never small",
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
};
