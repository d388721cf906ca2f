/* SPDX-License-Identifier: MIT
 *
 * Clip: y = min(max(x, min), max); an omitted bound is none. [ONNX Clip-13]
 *
 * min > max gives max everywhere. NaN stays NaN. Types: numbers. Versions: 1, 6 (attributes), 11 (inputs), 12, 13.
 */
#include "ops/op.h"

#include "tensor/dtype.h"

static naru_status infer(infer_ctx *c) { return infer_same_as_first(c); }

static naru_status eval_ints(eval_ctx *c, const naru_tensor *lo, const naru_tensor *hi) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    bool u = x->dtype == NARU_UINT64;
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        int64_t v = dtype_get_i64(x->dtype, x->data, i), a, b;
        if (lo && (a = dtype_get_i64(lo->dtype, lo->data, 0), u ? (uint64_t)v < (uint64_t)a : v < a)) v = a;
        if (hi && (b = dtype_get_i64(hi->dtype, hi->data, 0), u ? (uint64_t)v > (uint64_t)b : v > b)) v = b;
        dtype_set_i64(y->dtype, y->data, i, v);
    }
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *lo = eval_in(c, 1), *hi = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    if ((lo && tensor_count(lo) != 1) || (hi && tensor_count(hi) != 1))
        return eval_fail(c, NARU_SHAPE, "min and max must be scalars");
    if (dtype_is_int(x->dtype)) return eval_ints(c, lo, hi);
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        double v = dtype_get_f64(x->dtype, x->data, i), b;
        if (lo && v < (b = dtype_get_f64(lo->dtype, lo->data, 0))) v = b;
        if (hi && v > (b = dtype_get_f64(hi->dtype, hi->data, 0))) v = b;
        dtype_set_f64(y->dtype, y->data, i, v);
    }
    return NARU_OK;
}

/* The old attributes are floats: their constants take the data's type (f32 in practice; f16 and f64 through CastLike).
 */
static naru_status bound(lift_ctx *c, node *n, const char *name, int at) {
    attr *a = node_attr(n, name);
    if (!a) return NARU_OK;
    naru_tensor *t;
    TRY(tensor_new(NARU_FLOAT, 0, NULL, &t, c->err));
    *(float *)t->data = a->f;
    a->kind = ATTR_NONE;
    value *k = graph_constant_new(c->graph, c->block, NULL, t);
    tensor_unref(t);
    if (!k || (n->nin <= at && !node_set_nin(n, at + 1))) return err_oom(c->err);
    n->in[at] = k;
    const type *x = &n->in[0]->declared;
    if (x->dtype != NARU_FLOAT16 && x->dtype != NARU_DOUBLE) return NARU_OK;
    node *cast = graph_node_new(c->graph, c->block, n, "CastLike", "", 2, 1, 0);
    value *o = graph_value_new(c->graph, c->block, NULL);
    if (!cast || !o) return err_oom(c->err);
    cast->in[0] = k;
    cast->in[1] = n->in[0];
    node_set_out(cast, 0, o);
    n->in[at] = o;
    return NARU_OK;
}

static naru_status to_inputs(lift_ctx *c, node *n) {
    TRY(bound(c, n, "min", 1));
    return bound(c, n, "max", 2);
}
static const adapter adapters[] = {{11, to_inputs}, {0}};

const op_desc op_Clip = {
    .name = "Clip",
    .versions = (const short[]){1, 6, 11, 12, 13, 0},
    .sig = "input:T, min:T?, max:T? -> output:T | T = num",
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
};
