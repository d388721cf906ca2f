/* SPDX-License-Identifier: MIT
 *
 * SpaceToDepth: [N, C, H, W] to [N, C b^2, H/b, W/b]; the inverse of DepthToSpace in the same mode. [ONNX
 * SpaceToDepth-28]
 *
 * DCR (default, the only one before 28): channel (bh b + bw) C + c; CRD: c b^2 + bh b + bw. Types: any. Versions: 1,
 * 13, 28 (mode).
 */
#include "ops/util_move.h"
#include "ops/util_lower.h"

enum { BLOCK, MODE };

static naru_status infer(infer_ctx *c) {
    int64_t b = node_i(c->node, BLOCK);
    dim_t d[4] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    if (b < 1 || b > 1 << 20) return op_fail(c, NARU_SHAPE, "blocksize is %lld", (long long)b);
    if (in_rank(c, 0) >= 0) {
        if (in_rank(c, 0) != 4) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 4", in_rank(c, 0));
        for (int i = 2; i < 4; i++)
            if (dim_is_const(in_dim(c, 0, i)) && in_dim(c, 0, i) % b)
                return op_fail(c, NARU_SHAPE, "axis %d does not divide by %lld", i, (long long)b);
        d[0] = in_dim(c, 0, 0);
        d[1] = sym_mul(c->syms, in_dim(c, 0, 1), b * b);
        d[2] = sym_div(c->syms, in_dim(c, 0, 2), b);
        d[3] = sym_div(c->syms, in_dim(c, 0, 3), b);
    }
    out_tensor(c, 0, in_dtype(c, 0), 4, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t b = node_i(c->node, BLOCK), C = x->dims[1], H = x->dims[2], W = x->dims[3], oh = y->dims[2],
            ow = y->dims[3];
    bool crd = strcmp(node_s(c->node, MODE), "CRD") == 0;
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        int64_t w = i % ow, h = i / ow % oh, oc = i / ow / oh % (C * b * b), in = i / ow / oh / (C * b * b);
        int64_t ch = crd ? oc / (b * b) : oc % C, cell = crd ? oc % (b * b) : oc / C;
        if (!move_elems(y, i, x, ((in * C + ch) * H + h * b + cell / b) * W + w * b + cell % b, 1))
            return err_oom(c->err);
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_REQ("blocksize", ATTR_INT), ATTR_S("mode", "DCR"), {0}};

/* [N, C, H/b, b, W/b, b] with the cells moved behind the channel. */
static naru_status down28(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *b = LW_INTS(c, node_i(n, BLOCK));
    if (!lw_text_is(n, MODE, "CRD")) return NARU_OK;
    value *h = LW(c, "Div", lw_size(c, x, 2), b), *w = LW(c, "Div", lw_size(c, x, 3), b);
    lw_i(c, "axis", 0);
    value *cut = LW(c, "Concat", LW_INTS(c, 0, 0), h, b, w, b);
    lw_i(c, "axis", 0);
    value *result = LW(c, "Concat", LW_INTS(c, 0, -1), h, w);
    value *y = lw_transpose(c, LW(c, "Reshape", x, cut), 6, (int[]){0, 1, 3, 5, 2, 4});
    return lw_replace(c, n, LW(c, "Reshape", y, result));
}

const op_desc op_SpaceToDepth = {
    .name = "SpaceToDepth",
    .versions = (const short[]){1, 13, 28, 0},
    .sig = "input:T -> output:T | T = all",
    .since = "T never small; mode 28",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{28, down28}, {0}},
};
