/* SPDX-License-Identifier: MIT
 *
 * Unsqueeze: inserts dims of size 1 so that the result has them at the positions `axes`. [ONNX Unsqueeze-25]
 *
 * Axes count in the result's rank and may be negative (11). Types: any. Versions: 1, 11, 13 (axes become an input), 21,
 * 23, 24, 25.
 */
#include "ops/util_move.h"

static naru_status infer(infer_ctx *c) {
    const int64_t *axes;
    int64_t n;
    int rank = in_rank(c, 0);
    if (rank < 0 || !in_ints(c, 1, &axes, &n)) {
        out_tensor(c, 0, in_dtype(c, 0), -1, NULL);
        return NARU_OK;
    }
    int total = rank + (int)n, ax[NARU_MAX_RANK];
    if (n > NARU_MAX_RANK || total > NARU_MAX_RANK)
        return op_fail(c, NARU_LIMIT, "rank %d exceeds %d", total, NARU_MAX_RANK);
    TRY(infer_axes(c, axes, n, total, ax));
    bool fresh[NARU_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) fresh[ax[i]] = true;
    dim_t d[NARU_MAX_RANK];
    for (int i = 0, k = 0; i < total; i++) d[i] = fresh[i] ? 1 : in_dim(c, 0, k++);
    out_tensor(c, 0, in_dtype(c, 0), total, d);
    const elem_t *e;
    int64_t ne;
    if (total <= 1 && (c->in[0]->elems || c->in[0]->constant) && in_elems(c, 0, &e, &ne)) out_elems(c, 0, e, ne);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    return y && !move_elems(y, 0, eval_in(c, 0), 0, tensor_count(y)) ? err_oom(c->err) : NARU_OK;
}

static naru_status axes_to_input(lift_ctx *c, node *n) { return attr_ints_to_input(c, n, "axes", 1); }
static const adapter adapters[] = {{13, axes_to_input}, {0}};

const op_desc op_Unsqueeze = {
    .name = "Unsqueeze",
    .versions = (const short[]){1, 11, 13, 21, 23, 24, 25, 0},
    .sig = "data:T, axes:int64 -> expanded:T | T = all",
    .since = "T 21 float8; T never float6",
    .flags = OP_VIEW,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
};
