/* SPDX-License-Identifier: MIT
 *
 * Trilu: keeps the upper (upper = 1) or lower triangle of the last two axes, from diagonal k; the rest is 0. [ONNX
 * Trilu-14]
 *
 * Types: any number, bool. Versions: 14. k may lie outside the matrix.
 */
#include "ops/util_move.h"

#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { UPPER };

static naru_status infer(infer_ctx *c) {
    if (in_rank(c, 0) >= 0 && in_rank(c, 0) < 2)
        return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2 or more", in_rank(c, 0));
    out_like(c, 0, 0);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *kt = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t k = kt ? dtype_get_i64(kt->dtype, kt->data, 0) : 0, rows = x->dims[x->rank - 2],
            cols = x->dims[x->rank - 1], n = cols ? tensor_count(x) / cols : 0;
    bool upper = node_i(c->node, UPPER);
    memset(y->data, 0, tensor_bytes(y));
    k = i64_max(-rows - 1, i64_min(k, cols + 1)); /* beyond that nothing changes */
    for (int64_t i = 0; i < n; i++) {
        int64_t edge = i64_max(0, i64_min(i % rows + k + !upper, cols)); /* where the kept columns begin or end */
        int64_t from = i * cols + (upper ? edge : 0), count = upper ? cols - edge : edge;
        if (!move_elems(y, from, x, from, count)) return err_oom(c->err);
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("upper", 1), {0}};

/* A mask from the numbers of rows and columns. */
static naru_status down14(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *k = lw_in(n, 1) ? lw_in(n, 1) : lw_int(c, 0);
    value *row = LW(c, "Unsqueeze", lw_range(c, lw_size(c, x, -2)), LW_INTS(c, 1));
    value *distance = LW(c, "Sub", lw_range(c, lw_size(c, x, -1)), row);
    value *keep = LW(c, node_i(n, UPPER) ? "GreaterOrEqual" : "LessOrEqual", distance, k);
    return lw_replace(c, n, LW(c, "Where", keep, x, lw_number(c, lw_dtype(x), 0)));
}

const op_desc op_Trilu = {
    .name = "Trilu",
    .versions = (const short[]){14, 0},
    .sig = "input:T, k:int64? -> output:T | T = num bool",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{14, down14}, {0}},
};
