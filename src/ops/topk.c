/* SPDX-License-Identifier: MIT
 *
 * TopK: the K largest (or smallest) elements along an axis and their positions. [ONNX TopK-24]
 *
 * Shapes: X with dim K along axis -> Values, Indices. Order: sorted, best first (also with sorted = 0, whose order is
 * free); equal elements by lower index. Types: numeric; Indices int64. Versions: 1 (k an attribute), 10 (K an input),
 * 11 (largest, sorted), 24 (bfloat16). Edge cases: K = 0 gives an empty result; K above the dim is an error; NaN counts
 * as the largest.
 */
#include "ops/op.h"
#include "tensor/dtype.h"

enum { AXIS, LARGEST, SORTED };
static const attr_def attrs[] = {
    ATTR_I("axis", -1),
    ATTR_I("largest", 1),
    ATTR_I("sorted", 1),
    {0},
};

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0), axis;
    const elem_t *k;
    int64_t n;
    if (r < 0) {
        out_tensor(c, 0, in_dtype(c, 0), -1, NULL);
        out_tensor(c, 1, NARU_INT64, -1, NULL);
        return NARU_OK;
    }
    TRY(infer_axis(c, node_i(c->node, AXIS), r, &axis));
    dim_t dims[NARU_MAX_RANK];
    for (int d = 0; d < r; d++) dims[d] = in_dim(c, 0, d);
    dim_t have = dims[axis];
    dims[axis] = DIM_UNKNOWN;
    if (in_elems(c, 1, &k, &n)) {
        if (n != 1) return op_fail(c, NARU_SHAPE, "K has %lld elements, needs 1", (long long)n);
        if (k[0].kind == ELEM_CONST && k[0].v < 0) return op_fail(c, NARU_SHAPE, "K is %lld", (long long)k[0].v);
        dims[axis] = elem_to_dim(k[0]);
        if (dim_is_const(dims[axis]) && dim_is_const(have) && dims[axis] > have)
            return op_fail(c, NARU_SHAPE, "K is %lld, the axis has %lld elements", (long long)dims[axis],
                           (long long)have);
    }
    out_tensor(c, 0, in_dtype(c, 0), r, dims);
    out_tensor(c, 1, NARU_INT64, r, dims);
    return NARU_OK;
}

typedef struct keys {
    const double *f;  /* floats, or NULL */
    const int64_t *i; /* integers; unsigned 64-bit ones have the sign bit flipped */
    bool largest;
} keys;

/* Whether element a comes before element b. */
static bool before(const keys *k, int64_t a, int64_t b) {
    if (k->f) {
        double x = k->f[a], y = k->f[b];
        if (x != x || y != y) return x != x && y != y ? a < b : k->largest ? x != x : y != y;
        return x == y ? a < b : k->largest ? x > y : x < y;
    }
    return k->i[a] == k->i[b] ? a < b : k->largest ? k->i[a] > k->i[b] : k->i[a] < k->i[b];
}

/* Heap sort: in place, no worst case, no recursion. */
static void sift(const keys *k, int64_t *v, int64_t root, int64_t n) {
    for (int64_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && before(k, v[child], v[child + 1])) child++;
        if (!before(k, v[root], v[child])) return;
        int64_t t = v[root];
        v[root] = v[child], v[child] = t;
    }
}

static void sort(const keys *k, int64_t *v, int64_t n) {
    for (int64_t i = n / 2 - 1; i >= 0; i--) sift(k, v, i, n);
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t t = v[0];
        v[0] = v[i], v[i] = t;
        sift(k, v, 0, i);
    }
}

static naru_status read_keys(eval_ctx *c, const naru_tensor *x, keys *k) {
    k->largest = node_i(c->node, LARGEST) != 0;
    if (dtype_is_float(x->dtype)) return (k->f = eval_f64(c, x)) ? NARU_OK : NARU_OUT_OF_MEMORY;
    if (!(k->i = eval_i64(c, x))) return NARU_OUT_OF_MEMORY;
    if (x->dtype != NARU_UINT64) return NARU_OK;
    int64_t n = tensor_count(x), *flip = eval_scratch(c, (size_t)n * sizeof *flip);
    if (!flip) return NARU_OUT_OF_MEMORY;
    for (int64_t i = 0; i < n; i++) flip[i] = (int64_t)((uint64_t)k->i[i] ^ (1ull << 63));
    k->i = flip;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *values, *indices;
    if (tensor_count(eval_in(c, 1)) != 1)
        return eval_fail(c, NARU_SHAPE, "K has %lld elements, needs 1", (long long)tensor_count(eval_in(c, 1)));
    int axis = (int)(node_i(c->node, AXIS) + (node_i(c->node, AXIS) < 0 ? x->rank : 0));
    int64_t dims[NARU_MAX_RANK], outer = 1, inner = 1, n = x->dims[axis],
                                 k = dtype_get_i64(NARU_INT64, eval_in(c, 1)->data, 0);
    if (k < 0 || k > n)
        return eval_fail(c, NARU_SHAPE, "K is %lld, the axis has %lld elements", (long long)k, (long long)n);
    for (int d = 0; d < x->rank; d++) {
        dims[d] = d == axis ? k : x->dims[d];
        if (d != axis) *(d < axis ? &outer : &inner) *= x->dims[d];
    }
    TRY(eval_alloc(c, 0, x->dtype, x->rank, dims, &values));
    TRY(eval_alloc(c, 1, NARU_INT64, x->rank, dims, &indices));
    keys key = {0};
    TRY(read_keys(c, x, &key));
    int64_t *order = eval_scratch(c, (size_t)n * sizeof *order);
    if (!order) return NARU_OUT_OF_MEMORY;
    size_t size = dtype_bytes(x->dtype, 1);
    for (int64_t row = 0; row < outer * inner; row++) {
        int64_t base = row / inner * n * inner + row % inner, to = row / inner * k * inner + row % inner;
        for (int64_t i = 0; i < n; i++) order[i] = base + i * inner;
        sort(&key, order, n);
        for (int64_t i = 0; i < k; i++) {
            if (values)
                memcpy((char *)values->data + (size_t)(to + i * inner) * size,
                       (const char *)x->data + (size_t)order[i] * size, size);
            if (indices) ((int64_t *)indices->data)[to + i * inner] = (order[i] - base) / inner;
        }
    }
    return NARU_OK;
}

/* k becomes an input. */
static naru_status up10(lift_ctx *c, node *n) {
    attr *k = node_attr(n, "k");
    if (!k || k->kind != ATTR_INT) return err_set(c->err, NARU_BAD_MODEL, "attribute 'k' is missing");
    naru_tensor *t;
    TRY(tensor_new(NARU_INT64, 1, (int64_t[]){1}, &t, c->err));
    *(int64_t *)t->data = k->i;
    k->kind = ATTR_NONE;
    value *v = graph_constant_new(c->graph, c->block, NULL, t);
    tensor_unref(t);
    if (!v || !node_set_nin(n, 2)) return err_oom(c->err);
    n->in[1] = v;
    return NARU_OK;
}

const op_desc op_TopK = {
    .name = "TopK",
    .versions = (const short[]){1, 10, 11, 24, 0},
    .sig = "X:T, K:int64 -> Values:T, Indices:I | T = num; I = int64",
    .since = "T 24 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{10, up10}, {0}},
};
