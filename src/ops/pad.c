/* SPDX-License-Identifier: MIT
 *
 * Pad: adds pads[i] elements before and pads[i + n] after each of the n axes; negative pads remove. [ONNX Pad-25]
 *
 * mode constant (value, default 0), reflect (without the edge, and so fewer than there are), edge, wrap (19). axes (18)
 * restricts; pads of other axes are 0. Types: any. Versions: 1, 2 (attributes), 11 (inputs), 13, 18, 19, 21, 23,
 * 24, 25.
 */
#include "ops/util_move.h"
#include "ops/util_lower.h"

enum { MODE };

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0), axes[NARU_MAX_RANK];
    const int64_t *ax = NULL;
    const elem_t *p;
    int64_t n, na = 0;
    dim_t d[NARU_MAX_RANK];
    char mode = node_s(c->node, MODE)[0];
    for (int i = 0; i < NARU_MAX_RANK; i++) d[i] = DIM_UNKNOWN;
    if (rank < 0 || !in_elems(c, 1, &p, &n) || (in_given(c, 3) && !in_ints(c, 3, &ax, &na)))
        return out_tensor(c, 0, in_dtype(c, 0), rank, d), NARU_OK;
    if (!in_given(c, 3)) {
        na = rank;
        for (int i = 0; i < rank; i++) axes[i] = i;
    } else {
        TRY(infer_axes(c, ax, na, rank, axes));
    }
    if (n != 2 * na)
        return op_fail(c, NARU_SHAPE, "%lld pads for %lld axes, needs two per axis", (long long)n, (long long)na);
    for (int i = 0; i < rank; i++) d[i] = in_dim(c, 0, i);
    for (int i = 0; i < na; i++) {
        for (int side = 0; side < 2; side++) {
            elem_t e = p[i + side * na];
            dim_t *x = &d[axes[i]];
            dim_t size = in_dim(c, 0, axes[i]);
            if (mode == 'r' && e.kind == ELEM_CONST && e.v > 0 && dim_is_const(size) && e.v >= size)
                return op_fail(c, NARU_SHAPE, "axis %d: %lld elements cannot be reflected in an axis of %lld", axes[i],
                               (long long)e.v, (long long)size);
            if (e.kind == ELEM_CONST && e.v < 0) *x = sym_sub(c->syms, *x, -e.v);
            else *x = e.kind == ELEM_UNKNOWN ? DIM_UNKNOWN : sym_add(c->syms, *x, elem_to_dim(e));
        }
        if (dim_is_const(in_dim(c, 0, axes[i])) && d[axes[i]] == DIM_UNKNOWN && p[i].kind == ELEM_CONST &&
            p[i + na].kind == ELEM_CONST)
            return op_fail(c, NARU_SHAPE, "pads of axis %d remove more than there is", axes[i]);
    }
    out_tensor(c, 0, in_dtype(c, 0), rank, d);
    return NARU_OK;
}

/* Source index along one axis, or -1 for the constant. */
static int64_t source(int64_t i, int64_t d, char mode) {
    if (i >= 0 && i < d) return i;
    if (mode == 'c' || d == 0) return -1;
    if (mode == 'e') return i < 0 ? 0 : d - 1;
    if (mode == 'w') return (i % d + d) % d;
    if (d == 1) return 0;
    int64_t period = 2 * (d - 1), k = (i % period + period) % period;
    return k < d ? k : period - k;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *fill = eval_in(c, 2), *axes = eval_in(c, 3);
    const int64_t *p = eval_i64(c, eval_in(c, 1)), *ax = axes ? eval_i64(c, axes) : NULL;
    if (!p || (axes && !ax)) return NARU_OUT_OF_MEMORY;
    int64_t na = axes ? tensor_count(axes) : x->rank, before[NARU_MAX_RANK] = {0}, dims[NARU_MAX_RANK],
            rows[NARU_MAX_RANK];
    if (tensor_count(eval_in(c, 1)) != 2 * na) return eval_fail(c, NARU_SHAPE, "needs two pads per axis");
    for (int i = 0; i < x->rank; i++) dims[i] = x->dims[i];
    for (int64_t i = 0; i < na; i++) {
        int64_t a = ax ? (ax[i] < 0 ? ax[i] + x->rank : ax[i]) : i;
        if (a < 0 || a >= x->rank) return eval_fail(c, NARU_SHAPE, "axis %lld is out of range", (long long)a);
        before[a] += p[i];
        dims[a] += p[i] + p[i + na];
        if (dims[a] < 0) return eval_fail(c, NARU_SHAPE, "pads of axis %lld remove more than there is", (long long)a);
    }
    naru_tensor *y;
    TRY(eval_alloc(c, 0, x->dtype, x->rank, dims, &y));
    if (!y) return NARU_OK;
    char mode = node_s(c->node, MODE)[0];
    row_strides(x->rank, x->dims, rows);
    int64_t idx[NARU_MAX_RANK] = {0}, n = tensor_count(y);
    bool zero = !fill && x->dtype != NARU_STRING;
    if (zero) memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0;
        for (int d = 0; d < x->rank && at >= 0; d++) {
            int64_t k = source(idx[d] - before[d], x->dims[d], mode);
            at = k < 0 ? -1 : at + k * rows[d];
        }
        bool ok = at >= 0 ? move_elems(y, i, x, at, 1) : !fill || move_elems(y, i, fill, 0, 1);
        if (!ok) return err_oom(c->err);
        for (int d = x->rank - 1; d >= 0 && ++idx[d] == dims[d]; d--) idx[d] = 0;
    }
    return NARU_OK;
}

static naru_status to_inputs(lift_ctx *c, node *n) {
    attr *old = node_attr(n, "paddings");
    if (old) old->name = "pads";
    TRY(attr_ints_to_input(c, n, "pads", 1));
    attr *v = node_attr(n, "value");
    if (!v) return NARU_OK;
    naru_tensor *t;
    TRY(tensor_new(NARU_FLOAT, 0, NULL, &t, c->err));
    *(float *)t->data = v->f;
    node *cast = graph_node_new(c->graph, c->block, n, "CastLike", "", 2, 1, 0); /* the value takes the data's type */
    value *k = graph_constant_new(c->graph, c->block, NULL, t), *o = graph_value_new(c->graph, c->block, NULL);
    tensor_unref(t);
    if (!cast || !k || !o || !node_set_nin(n, 3)) return err_oom(c->err);
    cast->in[0] = k;
    cast->in[1] = n->in[0];
    node_set_out(cast, 0, o);
    n->in[2] = o;
    v->kind = ATTR_NONE;
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_S("mode", "constant"), {0}};
static const adapter adapters[] = {{11, to_inputs}, {0}};

/* pads of every axis, from those of the listed ones. */
static value *full_pads(lower_ctx *c, value *pads, value *axes, int rank) {
    if (!axes) return pads;
    value *r = LW_INTS(c, rank), *zeros = LW(c, "Expand", lw_int(c, 0), LW_INTS(c, 2 * rank));
    value *begin = LW(c, "Mod", lw_cast(c, axes, NARU_INT64), r); /* negative ones count from the end */
    value *end = LW(c, "Add", begin, r);
    lw_i(c, "axis", 0);
    value *at = LW(c, "Concat", begin, end);
    return LW(c, "ScatterElements", zeros, at, pads);
}

static naru_status down18(lower_ctx *c, node *n) {
    if (!lw_in(n, 3)) return NARU_OK;
    if (lw_rank(n->in[0]) < 0) return lw_refuse(c, "the rank is not known");
    n->in[1] = full_pads(c, n->in[1], n->in[3], lw_rank(n->in[0]));
    n->in[3] = NULL;
    n->nin = 3;
    return c->status;
}

/* Element i of the padded axis is element (i - before) modulo the size. */
static value *wrapped(lower_ctx *c, value *x, value *pads, int axis, int rank) {
    value *zero = lw_int(c, 0), *size = LW(c, "Squeeze", lw_size(c, x, axis), LW_INTS(c, 0));
    lw_i(c, "axis", 0);
    value *before = LW(c, "Gather", pads, lw_int(c, axis));
    lw_i(c, "axis", 0);
    value *after = LW(c, "Gather", pads, lw_int(c, axis + rank));
    value *at = LW(c, "Range", LW(c, "Sub", zero, before), LW(c, "Add", size, after), lw_int(c, 1));
    at = LW(c, "Mod", at, size);
    lw_i(c, "axis", axis);
    return LW(c, "Gather", x, at);
}

static naru_status down19(lower_ctx *c, node *n) {
    value *y = lw_in(n, 0);
    int rank = lw_rank(y);
    int64_t count;
    const int64_t *known;
    if (!lw_text_is(n, MODE, "wrap")) return NARU_OK;
    if (rank < 0) return lw_refuse(c, "mode wrap of an unknown rank");
    value *pads = full_pads(c, n->in[1], lw_in(n, 3), rank);
    if (!lw_known_ints(c, pads, &known, &count) || count != 2 * rank) known = NULL;
    for (int i = 0; i < rank; i++)
        if (!known || known[i] || known[i + rank]) y = wrapped(c, y, pads, i, rank);
    return lw_replace(c, n, y);
}

const op_desc op_Pad = {
    .name = "Pad",
    .versions = (const short[]){1, 2, 11, 13, 18, 19, 21, 23, 24, 25, 0},
    .sig = "data:T, pads:int64, constant_value:T?, axes:I? -> output:T | T = all; I = int32 int64",
    .since = "T 21 float8; T never float6; axes 18",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
    .down = (const down_adapter[]){{19, down19}, {18, down18}, {0}},
};
