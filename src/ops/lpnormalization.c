/* SPDX-License-Identifier: MIT
 *
 * LpNormalization: output = input / (sum of |input|^p along axis)^(1/p), p 1 or 2. [ONNX LpNormalization-22]
 *
 * Shapes: output like input. Types: floats. Versions: 1, 22 (bfloat16). Edge cases: where the norm is 0 the output is
 * 0.
 */
#include <math.h>

#include "ops/op.h"
#include "tensor/dtype.h"

enum { AXIS, P };
static const attr_def attrs[] = {ATTR_I("axis", -1), ATTR_I("p", 2), {0}};

static naru_status infer(infer_ctx *c) {
    int64_t p = node_i(c->node, P);
    int axis;
    if (p != 1 && p != 2) return op_fail(c, NARU_BAD_MODEL, "attribute 'p' is %lld, needs 1 or 2", (long long)p);
    if (in_rank(c, 0) >= 0) TRY(infer_axis(c, node_i(c->node, AXIS), in_rank(c, 0), &axis));
    out_like(c, 0, 0);
    return NARU_OK;
}

static void normalize(const double *x, double *y, int64_t n, int64_t stride, bool squared) {
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += squared ? x[i * stride] * x[i * stride] : fabs(x[i * stride]);
    if (squared) s = sqrt(s);
    for (int64_t i = 0; i < n; i++) y[i * stride] = s == 0 ? 0 : x[i * stride] / s;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t axis = node_i(c->node, AXIS), outer = 1, inner = 1, count = tensor_count(x);
    if (axis < 0) axis += x->rank;
    for (int d = 0; d < x->rank; d++) {
        if (d < axis) outer *= x->dims[d];
        if (d > axis) inner *= x->dims[d];
    }
    const double *xd = eval_f64(c, x);
    double *yd = eval_scratch(c, (size_t)count * sizeof *yd);
    if (!xd || !yd) return NARU_OUT_OF_MEMORY;
    int64_t n = x->dims[axis];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            normalize(xd + o * n * inner + i, yd + o * n * inner + i, n, inner, node_i(c->node, P) == 2);
    dtype_write_f64(y->dtype, y->data, 0, count, yd, true);
    return NARU_OK;
}

const op_desc op_LpNormalization = {
    .name = "LpNormalization",
    .versions = (const short[]){1, 22, 0},
    .sig = "input:T -> output:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
