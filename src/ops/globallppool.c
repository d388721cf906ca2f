/* SPDX-License-Identifier: MIT
 *
 * GlobalLpPool: Y[n,c] = (sum of |X[n,c,...]|^p)^(1/p) over all spatial positions. [ONNX GlobalLpPool-22]
 *
 * Shapes: X [N, C, D...] -> Y [N, C, 1...]. Types: floats. Versions: 1 (p a float), 2 (p an int), 22 (bfloat16).
 */
#include <math.h>

#include "ops/util_global.h"

enum { P };
static const attr_def attrs[] = {ATTR_I("p", 2), {0}};

static double norm(const double *x, int64_t n, const node *nd) {
    double s = 0, p = (double)node_i(nd, P);
    for (int64_t i = 0; i < n; i++) s += pow(fabs(x[i]), p);
    return pow(s, 1 / p);
}

static naru_status infer(infer_ctx *c) {
    if (node_i(c->node, P) < 1)
        return op_fail(c, NARU_BAD_MODEL, "attribute 'p' is %lld", (long long)node_i(c->node, P));
    return global_infer(c);
}
static naru_status eval(eval_ctx *c) { return global_eval(c, norm); }

/* p was a float. */
static naru_status up2(lift_ctx *c, node *n) {
    attr *p = node_attr(n, "p");
    if (!p || p->kind != ATTR_FLOAT) return NARU_OK;
    float f = p->f;
    if (!(f >= 1 && f < 1e9f && f == (float)(int64_t)f))
        return err_set(c->err, NARU_UNSUPPORTED, "attribute 'p' is %g: only whole numbers have a meaning since opset 2",
                       (double)f);
    p->kind = ATTR_INT;
    p->i = (int64_t)f;
    return NARU_OK;
}

const op_desc op_GlobalLpPool = {
    .name = "GlobalLpPool",
    .versions = (const short[]){1, 2, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{2, up2}, {0}},
};
