/* SPDX-License-Identifier: MIT
 *
 * Squeeze: removes the dims listed in axes (each must be 1), or every dim of size 1. [ONNX Squeeze-25]
 *
 * Types: any. Versions: 1, 11 (negative axes), 13 (axes become an input), 21, 23, 24, 25.
 */
#include "ops/util_move.h"

static naru_status drop_all_ones(infer_ctx *c) {
    dim_t d[NARU_MAX_RANK];
    int n = 0;
    for (int i = 0; i < in_rank(c, 0); i++) {
        if (in_dim(c, 0, i) == 1) continue;
        if (!dim_is_const(in_dim(c, 0, i))) { /* may be 1 at run time: even the rank is unknown */
            out_tensor(c, 0, in_dtype(c, 0), -1, NULL);
            return NARU_OK;
        }
        d[n++] = in_dim(c, 0, i);
    }
    out_tensor(c, 0, in_dtype(c, 0), n, d);
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    const int64_t *axes;
    int64_t n;
    int rank = in_rank(c, 0);
    bool given = in_given(c, 1);
    if (rank < 0 || (given && !in_ints(c, 1, &axes, &n))) {
        out_tensor(c, 0, in_dtype(c, 0), -1, NULL);
        return NARU_OK;
    }
    if (!given) return drop_all_ones(c);
    int ax[NARU_MAX_RANK];
    TRY(infer_axes(c, axes, n, rank, ax));
    bool gone[NARU_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        dim_t d = in_dim(c, 0, ax[i]);
        if (dim_is_const(d) && d != 1)
            return op_fail(c, NARU_SHAPE, "axis %d has size %lld, not 1", ax[i], (long long)d);
        gone[ax[i]] = true;
    }
    dim_t d[NARU_MAX_RANK];
    int k = 0;
    for (int i = 0; i < rank; i++)
        if (!gone[i]) d[k++] = in_dim(c, 0, i);
    out_tensor(c, 0, in_dtype(c, 0), k, d);
    const elem_t *e;
    int64_t ne;
    if (k <= 1 && (c->in[0]->elems || c->in[0]->constant) && in_elems(c, 0, &e, &ne)) out_elems(c, 0, e, ne);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    return y && !move_elems(y, 0, x, 0, tensor_count(y)) ? err_oom(c->err) : NARU_OK;
}

static naru_status axes_to_input(lift_ctx *c, node *n) { return attr_ints_to_input(c, n, "axes", 1); }
static const adapter adapters[] = {{13, axes_to_input}, {0}};

const op_desc op_Squeeze = {
    .name = "Squeeze",
    .versions = (const short[]){1, 11, 13, 21, 23, 24, 25, 0},
    .sig = "data:T, axes:int64? -> squeezed:T | T = all",
    .since = "T 21 float8; T never float6",
    .flags = OP_VIEW,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
};
