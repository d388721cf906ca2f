/* SPDX-License-Identifier: MIT
 *
 * sink_transposes: op(to_first(x)) -> to_first(op'(x)) for the transposes that layout made, so that images stay
 * channels last from convolution to convolution. op: elementwise (scalars and constants beside; small per-channel gates
 * are transposed instead), pooling, reductions, Q and DQ per tensor, Concat, Split, Slice, channel shuffles,
 * BatchNormalization (as a 1x1 depthwise convolution, which activations can join). Transposes only move forward, so
 * this ends.
 */
#include <math.h>

#include "passes/axes.h"
#include "tensor/dtype.h"

bool pass_sink_transposes(rewriter *r, node *n);

static const int64_t k_none[NARU_MAX_RANK];

/* to_first(v) stands for n's output. */
static bool finish(rewriter *r, node *n, value *v, int rank) {
    perm first = perm_to_first(rank);
    return rw_replace(r, n->out[0], axes_transpose(r, v, &first, true));
}

/* ---- elementwise ---- */
static bool is_scalar(const value *v) {
    int rank = value_rank(v);
    if (rank < 0) return false;
    for (int i = 0; i < rank; i++)
        if (value_dim(v, i) != 1) return false;
    return rank <= 1;
}

/* A constant of lower rank or a per-channel value: cheap to turn. */
static bool is_cheap(const value *v, int rank) {
    if (value_const(v)) return value_rank(v) <= rank;
    if (value_rank(v) != rank) return false;
    for (int i = 2; i < rank; i++)
        if (value_dim(v, i) != 1) return false;
    return true;
}

static bool can_turn(rewriter *r, const node *n, int rank) {
    for (int i = 0; i < n->nin; i++) {
        const value *v = n->in[i];
        if (!v || is_scalar(v)) continue;
        const node *t = axes_first_of(r, v);
        if (t ? value_rank(v) != rank : !is_cheap(v, rank)) return false;
    }
    return true;
}

/* The constant with its axes in the other layout; leading 1s are added to reach the rank. */
static value *turned_constant(rewriter *r, const value *v, int rank) {
    const naru_tensor *t = value_const(v);
    perm last = perm_to_last(rank);
    naru_tensor view = *t, *out;
    int64_t dims[NARU_MAX_RANK], strides[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        int k = i - (rank - t->rank);
        dims[i] = k < 0 ? 1 : t->dims[k];
        strides[i] = k < 0 ? 0 : t->strides[k];
    }
    view.rank = rank;
    for (int i = 0; i < rank; i++) view.dims[i] = dims[last.at[i]], view.strides[i] = strides[last.at[i]];
    if (tensor_new(t->dtype, rank, view.dims, &out, NULL) != NARU_OK) return r->failed = true, NULL;
    if (tensor_copy(out, &view, NULL) != NARU_OK) r->failed = true;
    return rw_tensor(r, out);
}

static value *turned(rewriter *r, value *v, int rank) {
    if (!v || is_scalar(v)) return v;
    node *t = axes_first_of(r, v);
    if (t) return t->in[0];
    if (value_const(v)) return turned_constant(r, v, rank);
    perm last = perm_to_last(rank);
    return axes_transpose(r, v, &last, true);
}

static bool sink_elementwise(rewriter *r, node *n, int rank) {
    enum { MAX = 8 };
    value *in[MAX];
    if (n->nin > MAX || n->nout != 1 || !can_turn(r, n, rank)) return false;
    for (int i = 0; i < n->nin; i++) in[i] = turned(r, n->in[i], rank);
    node *m = rw_node(r, n->op_type, n->domain, n->nin, in, 1);
    if (!m) return true;
    rw_attrs_from(r, m->out[0], n);
    return finish(r, n, m->out[0], rank);
}

/* ---- pooling and reductions ---- */
static bool sink_pool(rewriter *r, node *n, value *x, int rank) {
    bool narrow = value_dtype(x) == NARU_INT8 || value_dtype(x) == NARU_UINT8;
    if (node_out(n, 1) || (value_dtype(x) != NARU_FLOAT && !(narrow && node_is(n, "MaxPool")))) return false;
    const char *op = node_is(n, "MaxPool") ? "LastMaxPool" : "LastAveragePool";
    if (!op_find("naru", op)) return false;
    value *y = rw_op(r, op, "naru", 1, &x);
    rw_attrs_from(r, y, n);
    return finish(r, n, y, rank);
}

static bool sink_global(rewriter *r, node *n, value *x, int rank) {
    int64_t axes[NARU_MAX_RANK];
    for (int i = 1; i < rank - 1; i++) axes[i - 1] = i;
    value *in[2] = {x, rw_const_ints(r, axes, rank - 2)};
    value *y = rw_op(r, node_is(n, "GlobalMaxPool") ? "ReduceMax" : "ReduceMean", "", 2, in);
    rw_int(r, y, "keepdims", 1);
    return finish(r, n, y, rank);
}

static bool sink_reduce(rewriter *r, node *n, value *x, int rank) {
    const attr *keep = node_attr(n, "keepdims");
    perm first = perm_to_first(rank);
    const int64_t *axes;
    int64_t count, mapped[NARU_MAX_RANK];
    bool gone[NARU_MAX_RANK] = {false};
    if (!value_ints(node_in(n, 1), &axes, &count, r->arena) || count < 1 || count > rank) return false;
    for (int64_t i = 0; i < count; i++) {
        int64_t a = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (a < 0 || a >= rank) return false;
        mapped[i] = first.at[a];
        gone[mapped[i]] = true;
    }
    bool kept = !keep || keep->i;
    /* Without the reduced axes the others must already be in order: N (and C), or anything behind a gone C. */
    int64_t before = -1;
    for (int i = 0; !kept && i < rank; i++) {
        if (gone[first.at[i]]) continue;
        if (first.at[i] < before) return false;
        before = first.at[i];
    }
    value *in[2] = {x, rw_const_ints(r, mapped, count)}, *y = rw_op(r, n->op_type, "", 2, in);
    rw_attrs_from(r, y, n);
    return kept ? finish(r, n, y, rank) : rw_replace(r, n->out[0], y);
}

/* ---- movement ---- */
static bool axis_of(const node *n, int rank, int64_t *out) {
    const attr *a = node_attr(n, "axis");
    int64_t axis = a ? a->i : 0;
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return false;
    *out = perm_to_first(rank).at[axis];
    return true;
}

static bool sink_concat(rewriter *r, node *n, int rank) {
    enum { MAX = 256 };
    int64_t axis;
    value *in[MAX];
    if (n->nin > MAX || !axis_of(n, rank, &axis)) return false;
    for (int i = 0; i < n->nin; i++) {
        node *t = n->in[i] ? axes_first_of(r, n->in[i]) : NULL;
        if (!t || value_rank(n->in[i]) != rank) return false;
        in[i] = t->in[0];
    }
    value *y = rw_op(r, "Concat", "", n->nin, in);
    rw_int(r, y, "axis", axis);
    return finish(r, n, y, rank);
}

static bool sink_split(rewriter *r, node *n, value *x, int rank) {
    int64_t axis;
    perm first = perm_to_first(rank);
    if (!axis_of(n, rank, &axis) || (node_in(n, 1) && !value_const(n->in[1])) || n->nout > 6) return false;
    value *in[2] = {x, node_in(n, 1)};
    node *m = rw_node(r, "Split", "", 2, in, n->nout);
    if (!m) return true;
    rw_attrs_from(r, m->out[0], n);
    rw_int(r, m->out[0], "axis", axis);
    for (int i = 0; i < n->nout; i++) {
        if (!n->out[i]) continue;
        if (!rw_replace(r, n->out[i], axes_transpose(r, m->out[i], &first, true))) return false;
    }
    return true;
}

static bool sink_slice(rewriter *r, node *n, value *x, int rank) {
    perm first = perm_to_first(rank);
    const int64_t *axes, *starts;
    int64_t count, nstarts, mapped[NARU_MAX_RANK];
    if (!value_ints(node_in(n, 1), &starts, &nstarts, r->arena) || nstarts > rank) return false;
    if (!node_in(n, 3)) {
        axes = k_none;
        count = nstarts;
    } else if (!value_ints(n->in[3], &axes, &count, r->arena) || count != nstarts) return false;
    for (int64_t i = 0; i < count; i++) {
        int64_t a = node_in(n, 3) ? (axes[i] < 0 ? axes[i] + rank : axes[i]) : i;
        if (a < 0 || a >= rank) return false;
        mapped[i] = first.at[a];
    }
    value *in[5] = {x, n->in[1], n->in[2], rw_const_ints(r, mapped, count), node_in(n, 4)};
    /* axes have the type of starts only by convention; int64 beside int32 would not do */
    if (value_dtype(n->in[1]) != NARU_INT64) return false;
    return finish(r, n, rw_op(r, "Slice", "", 5, in), rank);
}

/* ---- channel shuffle: Reshape(Transpose(Reshape([N, C, D...] -> [N, G, C/G, D...]), G and C/G swapped) -> [N, C,
 * D...]) ---- */
static bool swaps_groups(const node *t, int rank) {
    perm p;
    if (!perm_of(t, &p) || p.n != rank + 1 || p.at[1] != 2 || p.at[2] != 1) return false;
    for (int i = 3; i < p.n; i++)
        if (p.at[i] != i) return false;
    return p.at[0] == 0;
}

/* The whole pattern is rooted at its last Reshape. 0 in a shape keeps the dim of N and D..., whatever they are. */
static bool sink_shuffle(rewriter *r, node *n) {
    const node *swap = rw_only_from(r, n->in[0], "Transpose");
    const node *split = swap ? rw_only_from(r, swap->in[0], "Reshape") : NULL;
    const node *t = split ? axes_first_of(r, split->in[0]) : NULL;
    int rank = t ? value_rank(t->out[0]) : 0;
    if (rank < 3 || value_rank(split->out[0]) != rank + 1 || !swaps_groups(swap, rank)) return false;
    if (!value_same_shape(t->out[0], n->out[0])) return false;
    for (int i = 2; i < rank; i++)
        if (!dim_is_known(value_dim(t->out[0], i)) || value_dim(t->out[0], i) != value_dim(split->out[0], i + 1))
            return false;
    dim_t c = value_dim(t->out[0], 1), g = value_dim(split->out[0], 1), each = value_dim(split->out[0], 2);
    if (!dim_is_const(c) || !dim_is_const(g) || !dim_is_const(each) || g * each != c || c == 0) return false;
    int64_t shape[NARU_MAX_RANK] = {0};
    perm p = {.n = rank + 1};
    for (int i = 0; i <= rank; i++) p.at[i] = i;
    p.at[rank - 1] = rank, p.at[rank] = rank - 1;
    shape[rank - 1] = g, shape[rank] = each;
    value *in[2] = {t->in[0], rw_const_ints(r, shape, rank + 1)}, *y = rw_op(r, "Reshape", "", 2, in);
    y = axes_transpose(r, y, &p, false);
    shape[rank - 1] = c;
    value *back[2] = {y, rw_const_ints(r, shape, rank)};
    return finish(r, n, rw_op(r, "Reshape", "", 2, back), rank);
}

/* ---- pixels as a sequence: Transpose(Reshape([N, C, D...] -> [N, C, P]), 0 2 1) is a Reshape of [N, D..., C] ---- */
static bool sink_sequence(rewriter *r, node *n) {
    perm p;
    const node *flat = rw_only_from(r, n->in[0], "Reshape");
    const node *t = flat ? axes_first_of(r, flat->in[0]) : NULL;
    if (!t || !perm_of(n, &p) || p.n != 3 || p.at[0] != 0 || p.at[1] != 2) return false;
    dim_t c = value_dim(t->out[0], 1);
    if (!dim_is_const(c) || c == 0 || value_dim(flat->out[0], 1) != c || !dim_is_known(value_dim(t->out[0], 0)))
        return false;
    if (value_dim(flat->out[0], 0) != value_dim(t->out[0], 0) || value_dim(flat->out[0], 2) == 0) return false;
    dim_t pixels = value_dim(flat->out[0], 2);
    value *in[2] = {t->in[0], rw_const_ints(r, (const int64_t[]){0, dim_is_const(pixels) ? pixels : -1, c}, 3)};
    return rw_replace(r, n->out[0], rw_op(r, "Reshape", "", 2, in));
}

/* ---- BatchNormalization ---- */
static naru_tensor *vector(int64_t n, int rank) {
    int64_t dims[NARU_MAX_RANK] = {n, 1};
    for (int i = 1; i < rank; i++) dims[i] = 1;
    naru_tensor *t;
    return tensor_new(NARU_FLOAT, rank, dims, &t, NULL) == NARU_OK ? t : NULL;
}

static bool sink_batchnorm(rewriter *r, node *n, value *x, int rank) {
    const naru_tensor *p[4];
    const attr *training = node_attr(n, "training_mode"), *eps = node_attr(n, "epsilon");
    if ((training && training->i) || n->nin != 5 || value_dtype(x) != NARU_FLOAT || node_out(n, 1) ||
        !op_find("naru", "FusedConv"))
        return false;
    for (int i = 0; i < 4; i++)
        if (!(p[i] = value_const(n->in[i + 1])) || p[i]->rank != 1 || p[i]->dims[0] != p[0]->dims[0]) return false;
    int64_t c = p[0]->dims[0];
    naru_tensor *w = vector(c, rank), *b = vector(c, 1);
    for (int64_t i = 0; w && b && i < c; i++) {
        double v[4];
        for (int k = 0; k < 4; k++) v[k] = dtype_get_f64(p[k]->dtype, p[k]->data, i);
        double scale = v[0] / sqrt(v[3] + (double)(eps ? eps->f : 1e-5f));
        dtype_set_f64(NARU_FLOAT, w->data, i, scale);
        dtype_set_f64(NARU_FLOAT, b->data, i, v[1] - scale * v[2]);
    }
    value *in[3] = {x, rw_tensor(r, w), NULL};
    in[2] = rw_tensor(r, b);
    value *y = rw_op(r, "FusedConv", "naru", 3, in);
    rw_int(r, y, "group", c);
    rw_int(r, y, "channels_last", 1);
    return finish(r, n, y, rank);
}

/* ---- QuantizeLinear, DequantizeLinear per tensor ---- */
static bool sink_quantize(rewriter *r, node *n, value *x, int rank) {
    const attr *size = node_attr(n, "block_size");
    if ((size && size->i) || n->nin > 3) return false;
    for (int i = 1; i < n->nin; i++)
        if (n->in[i] && !is_scalar(n->in[i])) return false;
    value *in[3] = {x, n->in[1], node_in(n, 2)}, *y = rw_op(r, n->op_type, "", 3, in);
    rw_attrs_from(r, y, n);
    return finish(r, n, y, rank);
}

static bool sink_mean(rewriter *r, node *n, value *x, int rank) {
    enum { MAX = 5 };
    value *in[MAX] = {x};
    if (n->nin > MAX || !node_attr(n, "channels_last") || node_attr(n, "channels_last")->i) return false;
    for (int i = 1; i < n->nin; i++) in[i] = n->in[i];
    value *y = rw_op(r, n->op_type, "naru", n->nin, in);
    rw_int(r, y, "channels_last", 1);
    return finish(r, n, y, rank);
}

/* ---- the pass ---- */
static node *transposed_input(rewriter *r, const node *n) {
    for (int i = 0; i < n->nin; i++) {
        node *t = n->in[i] ? axes_first_of(r, n->in[i]) : NULL;
        if (t) return t;
    }
    return NULL;
}

static bool is_reduction(const node *n) { return !*n->domain && strncmp(n->op_type, "Reduce", 6) == 0; }

bool pass_sink_transposes(rewriter *r, node *n) {
    if (node_is(n, "Transpose") && n->in[0] && n->out[0] && sink_sequence(r, n)) return true;
    if (node_is(n, "Reshape") && n->in[0] && n->out[0] && sink_shuffle(r, n)) return true;
    node *t = n->nout >= 1 && n->out[0] ? transposed_input(r, n) : NULL;
    if (!t || (n->op->flags & OP_CONTROL)) return false;
    int rank = value_rank(t->out[0]);
    if (rank < 3) return false;
    if (((n->op->flags & OP_ELEMENTWISE) && !*n->domain) || node_is_naru(n, "QAdd"))
        return sink_elementwise(r, n, rank);
    if (node_is(n, "Concat")) return sink_concat(r, n, rank);
    if (n->in[0] != t->out[0]) return false;
    value *x = t->in[0];
    if (node_is(n, "MaxPool") || node_is(n, "AveragePool")) return sink_pool(r, n, x, rank);
    if (node_is(n, "GlobalAveragePool") || node_is(n, "GlobalMaxPool")) return sink_global(r, n, x, rank);
    if (node_is_naru(n, "QGlobalAveragePool")) return sink_mean(r, n, x, rank);
    if (node_is(n, "BatchNormalization")) return sink_batchnorm(r, n, x, rank);
    if (node_is(n, "QuantizeLinear") || node_is(n, "DequantizeLinear")) return sink_quantize(r, n, x, rank);
    if (node_is(n, "Split")) return sink_split(r, n, x, rank);
    if (node_is(n, "Slice")) return sink_slice(r, n, x, rank);
    return is_reduction(n) && sink_reduce(r, n, x, rank);
}
