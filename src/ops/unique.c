/* SPDX-License-Identifier: MIT
 *
 * Unique: the distinct slices along `axis` (or elements of the flattened input): Y, the first index of each, the place
 * of every slice in Y, and how often each occurs. [ONNX Unique-28]
 *
 * sorted = 1: ascending, slices in lexicographic order; 0: in order of first appearance. Types: any number, bool,
 * string; NaN sorts last and equals itself. Versions: 11, 28 (bfloat16).
 */
#include <stdlib.h>

#include "ops/util_move.h"
#include "tensor/dtype.h"

enum { AXIS, SORTED };

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0), axis = 0;
    dim_t d[NARU_MAX_RANK] = {DIM_UNKNOWN}, one = DIM_UNKNOWN;
    if (!node_has(c->node, AXIS)) {
        out_tensor(c, 0, in_dtype(c, 0), 1, d);
    } else if (r >= 0) {
        TRY(infer_axis(c, node_i(c->node, AXIS), r, &axis));
        for (int i = 0; i < r; i++) d[i] = i == axis ? DIM_UNKNOWN : in_dim(c, 0, i);
        out_tensor(c, 0, in_dtype(c, 0), r, d);
    } else {
        out_tensor(c, 0, in_dtype(c, 0), -1, NULL);
    }
    for (int o = 1; o < c->nout; o++) out_tensor(c, o, NARU_INT64, 1, &one);
    return NARU_OK;
}

/* Slices of x along one axis: [outer, n, inner]. */
typedef struct slices {
    const naru_tensor *x;
    int64_t outer, n, inner;
} slices;

static int compare_elems(const naru_tensor *x, int64_t a, int64_t b) {
    if (x->dtype == NARU_STRING) {
        size_t la, lb;
        const char *p = naru_tensor_string(x, a, &la), *q = naru_tensor_string(x, b, &lb);
        int r = memcmp(p, q, la < lb ? la : lb);
        return r ? r : (la > lb) - (la < lb);
    }
    if (x->dtype == NARU_UINT64) {
        uint64_t p = ((const uint64_t *)x->data)[a], q = ((const uint64_t *)x->data)[b];
        return (p > q) - (p < q);
    }
    if (dtype_is_int(x->dtype) || x->dtype == NARU_BOOL) {
        int64_t p = dtype_get_i64(x->dtype, x->data, a), q = dtype_get_i64(x->dtype, x->data, b);
        return (p > q) - (p < q);
    }
    double p = dtype_get_f64(x->dtype, x->data, a), q = dtype_get_f64(x->dtype, x->data, b);
    if (p != p || q != q) return (p != p) - (q != q);
    return (p > q) - (p < q);
}

static int compare_slices(const slices *s, int64_t a, int64_t b) {
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t i = 0; i < s->inner; i++) {
            int r = compare_elems(s->x, (o * s->n + a) * s->inner + i, (o * s->n + b) * s->inner + i);
            if (r) return r;
        }
    return 0;
}

/* Stable merge sort of slice numbers. */
static void sort(const slices *s, int64_t *v, int64_t *spare, int64_t n) {
    if (n < 2) return;
    int64_t half = n / 2, i = 0, j = half, k = 0;
    sort(s, v, spare, half);
    sort(s, v + half, spare, n - half);
    while (i < half && j < n) spare[k++] = compare_slices(s, v[i], v[j]) <= 0 ? v[i++] : v[j++];
    while (i < half) spare[k++] = v[i++];
    while (j < n) spare[k++] = v[j++];
    memcpy(v, spare, (size_t)n * sizeof *v);
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static naru_status write_list(eval_ctx *c, int o, const int64_t *v, int64_t n) {
    naru_tensor *t;
    TRY(eval_alloc(c, o, NARU_INT64, 1, &n, &t));
    if (t && n) memcpy(t->data, v, (size_t)n * sizeof *v);
    return NARU_OK;
}

static naru_status write_values(eval_ctx *c, const slices *s, int axis, bool flat, const int64_t *first, int64_t n) {
    int64_t dims[NARU_MAX_RANK];
    for (int i = 0; i < s->x->rank; i++) dims[i] = s->x->dims[i];
    dims[axis] = n;
    naru_tensor *y;
    TRY(eval_alloc(c, 0, s->x->dtype, flat ? 1 : s->x->rank, dims, &y));
    for (int64_t o = 0; y && s->inner && o < s->outer; o++)
        for (int64_t i = 0; i < n; i++)
            if (!move_elems(y, (o * n + i) * s->inner, s->x, (o * s->n + first[i]) * s->inner, s->inner))
                return err_oom(c->err);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    bool flat = !node_has(c->node, AXIS);
    int64_t axis = flat ? 0 : node_i(c->node, AXIS);
    if (axis < 0) axis += x->rank;
    if (!flat && (axis < 0 || axis >= x->rank)) return eval_fail(c, NARU_SHAPE, "axis is out of range");
    slices s = {x, 1, flat ? tensor_count(x) : x->dims[axis], 1};
    for (int i = 0; !flat && i < axis; i++) s.outer *= x->dims[i];
    for (int i = (int)axis + 1; !flat && i < x->rank; i++) s.inner *= x->dims[i];
    size_t bytes_each = (size_t)s.n * sizeof(int64_t);
    int64_t *order = eval_scratch(c, bytes_each), *spare = eval_scratch(c, bytes_each),
            *group = eval_scratch(c, bytes_each);
    int64_t *first = eval_scratch(c, bytes_each), *rank_of = eval_scratch(c, bytes_each),
            *count = eval_scratch(c, bytes_each);
    if (!order || !spare || !group || !first || !rank_of || !count) return NARU_OUT_OF_MEMORY;
    for (int64_t i = 0; i < s.n; i++) order[i] = i;
    sort(&s, order, spare, s.n);
    int64_t n = 0; /* groups of equals, in ascending order; stable, so each begins with its first appearance */
    for (int64_t i = 0; i < s.n; i++) {
        if (i == 0 || compare_slices(&s, order[i - 1], order[i]) != 0) first[n++] = order[i];
        group[order[i]] = n - 1;
    }
    if (!node_i(c->node, SORTED)) qsort(first, (size_t)n, sizeof *first, ascending);
    for (int64_t i = 0; i < n; i++) rank_of[group[first[i]]] = i, count[i] = 0;
    for (int64_t i = 0; i < s.n; i++) count[group[i] = rank_of[group[i]]]++;
    TRY(write_values(c, &s, (int)axis, flat, first, n));
    TRY(write_list(c, 1, first, n));
    TRY(write_list(c, 2, group, s.n));
    return write_list(c, 3, count, n);
}

static const attr_def attrs[] = {ATTR_OPT("axis", ATTR_INT), ATTR_I("sorted", 1), {0}};

const op_desc op_Unique = {
    .name = "Unique",
    .versions = (const short[]){11, 28, 0},
    .sig = "X:T -> Y:T, indices:int64?, inverse_indices:int64?, counts:int64? | T = num bool string",
    .since = "T 28 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
