/* SPDX-License-Identifier: MIT
 *
 * Reductions (util_reduce.h).
 */
#include "ops/util_reduce.h"

#include "ops/util_move.h"
#include "tensor/dtype.h"

enum { KEEPDIMS, NOOP };
enum { ARG_AXIS, ARG_KEEPDIMS, ARG_LAST };

const attr_def reduce_attrs[] = {ATTR_I("keepdims", 1), ATTR_I("noop_with_empty_axes", 0), {0}};
const attr_def arg_attrs[] = {ATTR_I("axis", 0), ATTR_I("keepdims", 1), ATTR_I("select_last_index", 0), {0}};

static naru_status axes_to_input(lift_ctx *c, node *n) { return attr_ints_to_input(c, n, "axes", 1); }
const adapter reduce_adapters_13[] = {{13, axes_to_input}, {0}};
const adapter reduce_adapters_18[] = {{18, axes_to_input}, {0}};

static void reduced_type(infer_ctx *c, const bool *gone, bool keep) {
    dim_t d[NARU_MAX_RANK];
    int n = 0;
    for (int i = 0; i < in_rank(c, 0); i++)
        if (!gone[i]) d[n++] = in_dim(c, 0, i);
        else if (keep) d[n++] = 1;
    out_tensor(c, 0, in_dtype(c, 0), n, d);
}

naru_status infer_reduce(infer_ctx *c) {
    int rank = in_rank(c, 0), ax[NARU_MAX_RANK];
    bool keep = node_i(c->node, KEEPDIMS), gone[NARU_MAX_RANK] = {false};
    const int64_t *axes = NULL;
    int64_t n = 0;
    bool given = in_given(c, 1);
    dim_t unknown[NARU_MAX_RANK];
    for (int i = 0; i < NARU_MAX_RANK; i++) unknown[i] = DIM_UNKNOWN;
    if (rank < 0 || (given && !in_ints(c, 1, &axes, &n))) {
        out_tensor(c, 0, in_dtype(c, 0), rank >= 0 && keep ? rank : -1, unknown);
        return NARU_OK;
    }
    if (n == 0 && node_i(c->node, NOOP)) return out_like(c, 0, 0), NARU_OK;
    TRY(infer_axes(c, axes, n, rank, ax));
    for (int i = 0; i < rank; i++) gone[i] = n == 0;
    for (int i = 0; i < n; i++) gone[ax[i]] = true;
    reduced_type(c, gone, keep);
    return NARU_OK;
}

static naru_status read_axes(eval_ctx *c, const naru_tensor *x, bool *gone) {
    const naru_tensor *a = eval_in(c, 1);
    int64_t n = a ? tensor_count(a) : 0;
    for (int i = 0; i < x->rank; i++) gone[i] = n == 0 && !node_i(c->node, NOOP);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = dtype_get_i64(a->dtype, a->data, i);
        if (k < 0) k += x->rank;
        if (k < 0 || k >= x->rank) return eval_fail(c, NARU_SHAPE, "axis %lld is out of range", (long long)k);
        gone[k] = true;
    }
    return NARU_OK;
}

/* Splits dims and strides into those that stay and those reduced. */
typedef struct split_dims {
    int64_t kept[NARU_MAX_RANK], ks[NARU_MAX_RANK], red[NARU_MAX_RANK], rs[NARU_MAX_RANK], nk, nr;
    int k, r;
} split_dims;

static split_dims split(const naru_tensor *x, const bool *gone) {
    split_dims s = {.nk = 1, .nr = 1};
    int64_t rows[NARU_MAX_RANK];
    row_strides(x->rank, x->dims, rows);
    for (int i = 0; i < x->rank; i++) {
        if (gone[i]) s.red[s.r] = x->dims[i], s.rs[s.r++] = rows[i], s.nr *= x->dims[i];
        else s.kept[s.k] = x->dims[i], s.ks[s.k++] = rows[i], s.nk *= x->dims[i];
    }
    return s;
}

static int64_t step(int rank, const int64_t *dims, const int64_t *strides, int64_t *idx, int64_t at) {
    for (int d = rank - 1; d >= 0; d--) {
        at += strides[d];
        if (++idx[d] < dims[d]) return at;
        at -= strides[d] * dims[d];
        idx[d] = 0;
    }
    return at;
}

naru_status eval_reduce(eval_ctx *c, double (*f)(const double *, int64_t), int64_t (*g)(const int64_t *, int64_t)) {
    const naru_tensor *x = eval_in(c, 0);
    bool gone[NARU_MAX_RANK], ints = g && (dtype_is_int(x->dtype) || x->dtype == NARU_BOOL);
    TRY(read_axes(c, x, gone));
    split_dims s = split(x, gone);
    int64_t dims[NARU_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!gone[i]) dims[rank++] = x->dims[i];
        else if (node_i(c->node, KEEPDIMS)) dims[rank++] = 1;
    naru_tensor *y;
    TRY(eval_alloc(c, 0, x->dtype, rank, dims, &y));
    double *v = eval_scratch(c, (size_t)i64_max(s.nr, 1) * sizeof *v);
    int64_t *iv = (int64_t *)v, ki[NARU_MAX_RANK] = {0}, base = 0;
    if (!v) return NARU_OUT_OF_MEMORY;
    for (int64_t o = 0; y && o < s.nk; o++) {
        int64_t ri[NARU_MAX_RANK] = {0}, at = base;
        for (int64_t i = 0; i < s.nr; i++) {
            if (ints) iv[i] = dtype_get_i64(x->dtype, x->data, at);
            else v[i] = dtype_get_f64(x->dtype, x->data, at);
            at = step(s.r, s.red, s.rs, ri, at);
        }
        if (ints && s.nr == 0 && g(iv, 0) == INT64_MIN) dtype_set_i64(y->dtype, y->data, o, dtype_int_min(y->dtype));
        else if (ints && s.nr == 0 && g(iv, 0) == INT64_MAX)
            dtype_set_i64(y->dtype, y->data, o, (int64_t)dtype_int_max(y->dtype));
        else if (ints) dtype_set_i64(y->dtype, y->data, o, g(iv, s.nr));
        else dtype_set_f64(y->dtype, y->data, o, f(v, s.nr));
        base = step(s.k, s.kept, s.ks, ki, base);
    }
    return NARU_OK;
}

naru_status infer_arg(infer_ctx *c) {
    int axis;
    bool gone[NARU_MAX_RANK] = {false};
    if (in_rank(c, 0) < 0) return out_tensor(c, 0, NARU_INT64, -1, NULL), NARU_OK;
    TRY(infer_axis(c, node_i(c->node, ARG_AXIS), in_rank(c, 0), &axis));
    gone[axis] = true;
    reduced_type(c, gone, node_i(c->node, ARG_KEEPDIMS));
    c->out[0].type.dtype = NARU_INT64;
    return NARU_OK;
}

naru_status eval_arg(eval_ctx *c, bool (*better)(double, double)) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    bool gone[NARU_MAX_RANK] = {false}, last = node_i(c->node, ARG_LAST);
    int64_t axis = node_i(c->node, ARG_AXIS), ki[NARU_MAX_RANK] = {0}, base = 0;
    gone[axis < 0 ? axis + x->rank : axis] = true;
    split_dims s = split(x, gone);
    if (s.nr == 0 && s.nk) return eval_fail(c, NARU_SHAPE, "the axis is empty");
    for (int64_t o = 0; o < s.nk; o++) {
        int64_t best = 0;
        double top = dtype_get_f64(x->dtype, x->data, base);
        for (int64_t i = 1; i < s.nr; i++) {
            double v = dtype_get_f64(x->dtype, x->data, base + i * s.rs[0]);
            if (better(v, top) || (last && v == top)) best = i, top = v;
        }
        ((int64_t *)y->data)[o] = best;
        base = step(s.k, s.kept, s.ks, ki, base);
    }
    return NARU_OK;
}

naru_status reduce_down18(lower_ctx *c, node *n, const char *alone) {
    value *x = lw_in(n, 0), *axes = lw_in(n, 1);
    const int64_t *known = NULL;
    int64_t count = 0;
    if (axes && !lw_known_ints(c, axes, &known, &count)) return lw_refuse(c, "the axes are not constant");
    if (!count && node_i(n, NOOP))
        return lw_replace(c, n, lw_op(c, alone, strcmp(alone, "Mul") == 0 ? 2 : 1, (value *[]){x, x}));
    n->attrs[NOOP].i = 0;
    n->nin = 1;
    if (!count) return NARU_OK;
    attr a = {.name = "axes", .kind = ATTR_INTS, .ints = known, .count = (size_t)count};
    return node_add_attr(n, a) ? NARU_OK : err_oom(c->err);
}

naru_status reduce_down20(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    if (lw_dtype(x) != NARU_BOOL) return NARU_OK;
    x = lw_cast(c, x, NARU_UINT8); /* its bounds are the neutral elements */
    lw_attr(c, n, KEEPDIMS);
    lw_attr(c, n, NOOP);
    value *y = LW(c, n->op_type, x, lw_in(n, 1));
    return lw_replace(c, n, lw_cast(c, y, NARU_BOOL));
}
