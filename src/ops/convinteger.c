/* SPDX-License-Identifier: MIT
 *
 * ConvInteger: Conv of (x - x_zero_point) and (w - w_zero_point), exact, int32. [ONNX ConvInteger-10]
 *
 * Padding counts as x_zero_point. w_zero_point: scalar or per output channel. Attributes as Conv. Versions: 10.
 */
#include "ops/util_qchain.h"

/* The node's attributes go to the Conv that replaces it. */
static bool move_attrs(value *conv, node *n) {
    for (int i = 0; conv && i < n->nattrs; i++)
        if (n->attrs[i].kind != ATTR_NONE && !node_add_attr(conv->producer, n->attrs[i])) return false;
    return conv != NULL;
}

static naru_status expand(lift_ctx *c, node *n) {
    int rank = value_rank(arg(n, 1));
    value *x = centered(c, n, arg(n, 0), arg(n, 2), 0), *w = centered(c, n, arg(n, 1), arg(n, 3), (rank < 0 ? 4 : rank) - 1);
    value *y = emit2(c, n, "Conv", x, w);
    if (!move_attrs(y, n)) return err_oom(c->err);
    return emit_replace(c, n, emit_cast(c, n, y, NARU_INT32));
}

static const attr_def attrs[] = {ATTR_S("auto_pad", "NOTSET"), ATTR_OPT("dilations", ATTR_INTS), ATTR_I("group", 1), ATTR_OPT("kernel_shape", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS), ATTR_OPT("strides", ATTR_INTS), {0}};

const op_desc op_ConvInteger = {
    .name = "ConvInteger",
    .versions = (const short[]){10, 0},
    .sig = "x:T1, w:T2, x_zero_point:T1?, w_zero_point:T2? -> y:int32 | T1 = int8 uint8; T2 = int8 uint8",
    .attrs = attrs,
    .expand = expand,
};
