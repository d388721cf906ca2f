/* SPDX-License-Identifier: MIT
 *
 * Gather: y[a.., i.., b..] = data[a.., indices[i..], b..], a before `axis`, b after it. [ONNX Gather-13]
 *
 * Result dims: data dims with the axis replaced by the dims of indices. Negative indices count from the end (11);
 * outside
 * [-d, d) is an error. Types: any; indices int32, int64. Versions: 1, 11, 13.
 */
#include "ops/util_move.h"

enum { AXIS };

static void gather_elems(infer_ctx *c) {
    const elem_t *e;
    const int64_t *ix;
    int64_t n, m;
    if (in_rank(c, 0) != 1 || in_rank(c, 1) > 1 || !(c->in[0]->elems || c->in[0]->constant)) return;
    if (!in_elems(c, 0, &e, &n) || !in_ints(c, 1, &ix, &m)) return;
    elem_t *out = arena_alloc(c->arena, (size_t)m * sizeof *out);
    for (int64_t i = 0; out && i < m; i++) {
        int64_t k = ix[i] < 0 ? ix[i] + n : ix[i];
        if (k < 0 || k >= n) return;
        out[i] = e[k];
    }
    if (out) out_elems(c, 0, out, m);
}

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0), ir = in_rank(c, 1), axis;
    if (rank < 0 || ir < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    TRY(infer_axis(c, node_i(c->node, AXIS), rank, &axis));
    if (rank - 1 + ir > NARU_MAX_RANK)
        return op_fail(c, NARU_LIMIT, "rank %d exceeds %d", rank - 1 + ir, NARU_MAX_RANK);
    dim_t d[2 * NARU_MAX_RANK];
    int n = 0;
    for (int i = 0; i < axis; i++) d[n++] = in_dim(c, 0, i);
    for (int i = 0; i < ir; i++) d[n++] = in_dim(c, 1, i);
    for (int i = axis + 1; i < rank; i++) d[n++] = in_dim(c, 0, i);
    out_tensor(c, 0, in_dtype(c, 0), n, d);
    if (in_dtype(c, 0) == NARU_INT64 || in_dtype(c, 0) == NARU_INT32) gather_elems(c);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *ix = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    const int64_t *at = eval_i64(c, ix);
    if (!at) return NARU_OUT_OF_MEMORY;
    int64_t axis = node_i(c->node, AXIS), outer = 1, inner = 1, n = tensor_count(ix);
    if (axis < 0) axis += x->rank;
    int64_t d = x->dims[axis];
    for (int i = 0; i < axis; i++) outer *= x->dims[i];
    for (int i = (int)axis + 1; i < x->rank; i++) inner *= x->dims[i];
    for (int64_t i = 0; i < n; i++)
        if (at[i] < -d || at[i] >= d)
            return eval_fail(c, NARU_INVALID_ARGUMENT, "index %lld is outside [-%lld, %lld)", (long long)at[i],
                             (long long)d, (long long)d);
    for (int64_t o = 0; y && inner && o < outer; o++)
        for (int64_t i = 0; i < n; i++) {
            int64_t k = at[i] < 0 ? at[i] + d : at[i];
            if (!move_elems(y, (o * n + i) * inner, x, (o * d + k) * inner, inner)) return err_oom(c->err);
        }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("axis", 0), {0}};

const op_desc op_Gather = {
    .name = "Gather",
    .versions = (const short[]){1, 11, 13, 0},
    .sig = "data:T, indices:I -> output:T | T = all; I = int32 int64",
    .since = "T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
