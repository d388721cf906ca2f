/* SPDX-License-Identifier: MIT
 *
 * Shape: y = dims of x from `start` to `end` (exclusive), as int64. [ONNX Shape-25]
 *
 * Negative start and end count from the rank; both are clamped to [0, rank]. Types: any. Versions: 1, 13, 15 (start,
 * end), 19, 21, 23, 24, 25. Rank 0 gives an empty list. The result's content is known as soon as the dims are.
 */
#include "ops/op.h"
#include "ops/util_lower.h"

enum { START, END };

static void range(const node *n, int rank, int *from, int *to) {
    int64_t a = node_i(n, START), b = node_has(n, END) ? node_i(n, END) : rank;
    if (a < 0) a += rank;
    if (b < 0) b += rank;
    a = a < 0 ? 0 : a > rank ? rank : a;
    b = b < a ? a : b > rank ? rank : b;
    *from = (int)a;
    *to = (int)b;
}

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0), a, b;
    dim_t len = DIM_UNKNOWN;
    if (rank >= 0) {
        range(c->node, rank, &a, &b);
        len = b - a;
    }
    out_tensor(c, 0, NARU_INT64, 1, &len);
    if (rank < 0) return NARU_OK;
    elem_t e[NARU_MAX_RANK];
    for (int i = a; i < b; i++) e[i - a] = elem_of_dim(in_dim(c, 0, i));
    out_elems(c, 0, e, b - a);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    int a, b;
    range(c->node, x->rank, &a, &b);
    for (int i = a; y && i < b; i++) ((int64_t *)y->data)[i - a] = x->dims[i];
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("start", 0), ATTR_OPT("end", ATTR_INT), {0}};

static naru_status down15(lower_ctx *c, node *n) {
    if (!node_i(n, START) && !node_has(n, END)) return NARU_OK;
    value *from = LW_INTS(c, node_i(n, START)), *to = LW_INTS(c, node_has(n, END) ? node_i(n, END) : INT64_MAX);
    return lw_replace(c, n, LW(c, "Slice", LW(c, "Shape", lw_in(n, 0)), from, to, LW_INTS(c, 0)));
}

const op_desc op_Shape = {
    .name = "Shape",
    .versions = (const short[]){1, 13, 15, 19, 21, 23, 24, 25, 0},
    .sig = "data:all -> shape:int64",
    .since = "data never float6; end 15; start 15",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{15, down15}, {0}},
};
