/* SPDX-License-Identifier: MIT
 *
 * Cast: y = x in the element type `to`. [ONNX Cast-28]
 *
 * Floats to floats round to nearest even; 8-bit floats saturate unless saturate = 0; to float8e8m0 by round_mode (up,
 * down, nearest). Floats to integers truncate; integers to narrower ones keep the low bits; to bool: non-zero. Strings
 * are parsed and printed as decimal. Versions: 1, 6, 9, 13, 19, 21, 23, 24, 25, 28.
 */
#include "ops/util_cast.h"
#include "ops/util_lower.h"

enum { TO, SATURATE, ROUND };

static naru_status infer(infer_ctx *c) {
    int64_t to = node_i(c->node, TO);
    if (to <= 0 || to >= NARU_DTYPES) return op_fail(c, NARU_TYPE, "to = %lld is no element type", (long long)to);
    infer_cast(c, (naru_dtype)to);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    return y ? cast_tensor(c, eval_in(c, 0), y, node_i(c->node, SATURATE), node_s(c->node, ROUND)) : NARU_OK;
}

static naru_status name_to_number(lift_ctx *c, node *n) { /* before 6 `to` is a name */
    attr *a = node_attr(n, "to");
    if (!a || a->kind != ATTR_STRING) return NARU_OK;
    char lower[24] = {0};
    for (size_t i = 0; i < a->s.len && i + 1 < sizeof lower; i++) lower[i] = (char)(a->s.data[i] | 0x20);
    a->kind = ATTR_INT;
    a->i = naru_dtype_parse(lower);
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_REQ("to", ATTR_INT), ATTR_I("saturate", 1), ATTR_S("round_mode", "up"), {0}};
static const adapter adapters[] = {{6, name_to_number}, {0}};

/* How to round to a type that the opset lacks means nothing. */
static naru_status down24(lower_ctx *c, node *n) {
    n->attrs[ROUND].kind = ATTR_NONE;
    return NARU_OK;
}
static naru_status down19(lower_ctx *c, node *n) {
    n->attrs[SATURATE].kind = ATTR_NONE;
    return NARU_OK;
}

const op_desc op_Cast = {
    .name = "Cast",
    .versions = (const short[]){1, 6, 9, 13, 19, 21, 23, 24, 25, 28, 0},
    .sig = "input:T1 -> output:T2 | T1 = all; T2 = all",
    .since = "T1 never complex64 complex128; T2 never complex64 complex128; round_mode 24; saturate 19",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
    .down = (const down_adapter[]){{24, down24}, {19, down19}, {0}},
};
