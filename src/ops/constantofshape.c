/* SPDX-License-Identifier: MIT
 *
 * ConstantOfShape: a tensor of dims `input`, every element `value` (one element; default float 0). [ONNX
 * ConstantOfShape-25]
 *
 * An empty input gives a scalar. Versions: 9, 20, 21, 23, 24, 25.
 */
#include "ops/util_move.h"

#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { VALUE };

static naru_status infer(infer_ctx *c) {
    const naru_tensor *v = node_tensor(c->node, VALUE);
    naru_dtype dtype = v ? v->dtype : NARU_FLOAT;
    if (v && tensor_count(v) != 1)
        return op_fail(c, NARU_SHAPE, "value has %lld elements, needs 1", (long long)tensor_count(v));
    const elem_t *e;
    int64_t n;
    dim_t d[NARU_MAX_RANK];
    if (!in_elems(c, 0, &e, &n)) {
        for (int i = 0; i < NARU_MAX_RANK; i++) d[i] = DIM_UNKNOWN;
        bool known = in_rank(c, 0) == 1 && dim_is_const(in_dim(c, 0, 0)) && in_dim(c, 0, 0) <= NARU_MAX_RANK;
        return out_tensor(c, 0, dtype, known ? (int)in_dim(c, 0, 0) : -1, d), NARU_OK;
    }
    if (n > NARU_MAX_RANK) return op_fail(c, NARU_LIMIT, "rank %lld exceeds %d", (long long)n, NARU_MAX_RANK);
    for (int i = 0; i < n; i++) {
        if (e[i].kind == ELEM_CONST && e[i].v < 0)
            return op_fail(c, NARU_SHAPE, "dimension %d is %lld", i, (long long)e[i].v);
        d[i] = elem_to_dim(e[i]);
    }
    out_tensor(c, 0, dtype, (int)n, d);
    if (n > 1 || (n == 1 && (!dim_is_const(d[0]) || d[0] > 64)) || !dtype_is_int(dtype)) return NARU_OK;
    elem_t fill[64];
    int64_t count = n ? d[0] : 1;
    for (int64_t i = 0; i < count; i++) fill[i] = elem_const(dtype_get_i64(dtype, v->data, 0));
    out_elems(c, 0, fill, count);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    const naru_tensor *v = node_tensor(c->node, VALUE);
    if (!y) return NARU_OK;
    if (!v) memset(y->data, 0, tensor_bytes(y));
    else if (!move_fill(y, v, 0)) return err_oom(c->err);
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_OPT("value", ATTR_TENSOR), {0}};

/* Expand took bfloat16 before. */
static naru_status down20(lower_ctx *c, node *n) {
    const naru_tensor *v = node_tensor(n, VALUE);
    if (!v || v->dtype != NARU_BFLOAT16) return NARU_OK;
    value *one = lw_number(c, v->dtype, dtype_get_f64(v->dtype, v->data, 0));
    return lw_replace(c, n, LW(c, "Expand", one, lw_in(n, 0)));
}

const op_desc op_ConstantOfShape = {
    .name = "ConstantOfShape",
    .versions = (const short[]){9, 20, 21, 23, 24, 25, 0},
    .sig = "input:int64 -> output:any",
    .since = "output 20 float8 bfloat16; output never float6 string complex64 complex128",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{20, down20}, {0}},
};
