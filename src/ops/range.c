/* SPDX-License-Identifier: MIT
 *
 * Range: y[i] = start + i * delta, i < max(0, ceil((limit - start) / delta)). [ONNX Range-27]
 *
 * Types: float16, bfloat16, float, double, int16, int32, int64. Versions: 11, 27. delta 0 is an error.
 */
#include <math.h>

#include "ops/op.h"

#include "tensor/dtype.h"

static naru_status infer(infer_ctx *c) {
    double a, b, s;
    dim_t n = DIM_UNKNOWN;
    const elem_t *e0, *e1;
    int64_t k;
    if (in_scalar(c, 0, &a) && in_scalar(c, 1, &b) && in_scalar(c, 2, &s)) {
        if (s == 0) return op_fail(c, NARU_INVALID_ARGUMENT, "delta is 0");
        double count = ceil((b - a) / s);
        if (!(count < 9e15)) return op_fail(c, NARU_LIMIT, "%g elements", count);
        n = count > 0 ? (int64_t)count : 0;
    } else if (in_scalar(c, 0, &a) && a == 0 && in_scalar(c, 2, &s) && s == 1 && in_elems(c, 1, &e1, &k) && k == 1) {
        n = elem_to_dim(e1[0]);
    } else if (in_scalar(c, 2, &s) && s == 1 && in_elems(c, 0, &e0, &k) && k == 1 && in_elems(c, 1, &e1, &k) &&
               k == 1) {
        n = sym_sub(c->syms, elem_to_dim(e1[0]), elem_to_dim(e0[0]));
    }
    out_tensor(c, 0, in_dtype(c, 0), 1, &n);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *t[3] = {eval_in(c, 0), eval_in(c, 1), eval_in(c, 2)};
    double v[3];
    for (int i = 0; i < 3; i++) {
        if (tensor_count(t[i]) != 1) return eval_fail(c, NARU_SHAPE, "start, limit and delta must be scalars");
        v[i] = dtype_get_f64(t[i]->dtype, t[i]->data, 0);
    }
    if (v[2] == 0) return eval_fail(c, NARU_INVALID_ARGUMENT, "delta is 0");
    double count = ceil((v[1] - v[0]) / v[2]);
    if (!(count < 9e15)) return eval_fail(c, NARU_LIMIT, "%g elements", count);
    int64_t n = count > 0 ? (int64_t)count : 0;
    naru_tensor *y;
    TRY(eval_alloc(c, 0, t[0]->dtype, 1, &n, &y));
    bool ints = dtype_is_int(t[0]->dtype);
    int64_t a = dtype_get_i64(t[0]->dtype, t[0]->data, 0), s = dtype_get_i64(t[2]->dtype, t[2]->data, 0);
    for (int64_t i = 0; y && i < n; i++) {
        if (ints) dtype_set_i64(y->dtype, y->data, i, a + i * s);
        else dtype_set_f64(y->dtype, y->data, i, v[0] + (double)i * v[2]);
    }
    return NARU_OK;
}

/* The count is never less precise than stash_type asks. */
static const attr_def attrs[] = {ATTR_I("stash_type", 1), {0}};

const op_desc op_Range = {
    .name = "Range",
    .versions = (const short[]){11, 27, 0},
    .sig = "start:T, limit:T, delta:T -> output:T | T = float int16 int32 int64",
    .since = "T 27 float16 bfloat16; stash_type 27",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
