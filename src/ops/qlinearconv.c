/* SPDX-License-Identifier: MIT
 *
 * QLinearConv: y = saturate(round((Conv(x - x_zp, w - w_zp) + B) * x_scale * w_scale / y_scale) + y_zp). [ONNX QLinearConv-10]
 *
 * Exact integer convolution; one rounding, half to even. w_scale and w_zp: scalar or per output channel; B int32 in units of
 * x_scale * w_scale. Attributes as Conv. Versions: 10.
 */
#include "ops/util_qchain.h"

static naru_status expand(lift_ctx *c, node *n) {
    int rank = value_rank(arg(n, 3)), spatial = (rank < 0 ? 4 : rank) - 2;
    value *x = centered(c, n, arg(n, 0), arg(n, 2), 0), *w = centered(c, n, arg(n, 3), arg(n, 5), spatial + 1), *y;
    if (arg(n, 8)) y = emit3(c, n, "Conv", x, w, emit_cast(c, n, arg(n, 8), NARU_DOUBLE));
    else y = emit2(c, n, "Conv", x, w);
    for (int i = 0; y && i < n->nattrs; i++)
        if (n->attrs[i].kind != ATTR_NONE && !node_add_attr(y->producer, n->attrs[i])) return err_oom(c->err);
    value *sx = emit_cast(c, n, arg(n, 1), NARU_DOUBLE), *sw = along(c, n, emit_cast(c, n, arg(n, 4), NARU_DOUBLE), spatial);
    value *scale = emit2(c, n, "Div", emit2(c, n, "Mul", sx, sw), emit_cast(c, n, arg(n, 6), NARU_DOUBLE));
    return emit_replace(c, n, requantized(c, n, y, scale, arg(n, 7)));
}

static const attr_def attrs[] = {ATTR_S("auto_pad", "NOTSET"), ATTR_OPT("dilations", ATTR_INTS), ATTR_I("group", 1), ATTR_OPT("kernel_shape", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS), ATTR_OPT("strides", ATTR_INTS), {0}};

const op_desc op_QLinearConv = {
    .name = "QLinearConv",
    .versions = (const short[]){10, 0},
    .sig = "x:T1, x_scale:float32, x_zero_point:T1, w:T2, w_scale:float32, w_zero_point:T2, y_scale:float32, y_zero_point:T3, B:int32? -> y:T3 | T1 = int8 uint8; T2 = int8 uint8; T3 = int8 uint8",
    .attrs = attrs,
    .expand = expand,
};
