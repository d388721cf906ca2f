/* SPDX-License-Identifier: MIT
 *
 * Transpose: y dims[i] = x dims[perm[i]]; the default perm reverses. [ONNX Transpose-25]
 *
 * Types: any. Versions: 1, 13, 21, 23, 24, 25.
 */
#include "ops/util_move.h"

enum { PERM };

static naru_status permutation(const node *n, int rank, int *perm, naru_error *err) {
    int64_t count;
    const int64_t *p = node_ints(n, PERM, &count);
    bool seen[NARU_MAX_RANK] = {false};
    if (!node_has(n, PERM) || (count == 0 && rank == 0)) {
        for (int i = 0; i < rank; i++) perm[i] = rank - 1 - i;
        return NARU_OK;
    }
    if (count != rank)
        return err_set(err, NARU_SHAPE, "perm has %lld entries for a rank-%d tensor", (long long)count, rank);
    for (int i = 0; i < rank; i++) {
        if (p[i] < 0 || p[i] >= rank || seen[p[i]])
            return err_set(err, NARU_SHAPE, "perm is not a permutation of 0..%d", rank - 1);
        seen[p[i]] = true;
        perm[i] = (int)p[i];
    }
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0), perm[NARU_MAX_RANK];
    dim_t d[NARU_MAX_RANK];
    if (rank >= 0) TRY(permutation(c->node, rank, perm, c->err));
    for (int i = 0; i < rank; i++) d[i] = in_dim(c, 0, perm[i]);
    out_tensor(c, 0, in_dtype(c, 0), rank, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    int perm[NARU_MAX_RANK];
    int64_t rows[NARU_MAX_RANK], strides[NARU_MAX_RANK];
    TRY(permutation(c->node, x->rank, perm, c->err));
    row_strides(x->rank, x->dims, rows);
    for (int i = 0; i < x->rank; i++) strides[i] = rows[perm[i]];
    return y ? move_strided(c, y, x, 0, strides) : NARU_OK;
}

static const attr_def attrs[] = {ATTR_OPT("perm", ATTR_INTS), {0}};

const op_desc op_Transpose = {
    .name = "Transpose",
    .versions = (const short[]){1, 13, 21, 23, 24, 25, 0},
    .sig = "data:T -> transposed:T | T = all",
    .since = "T 21 float8; T never float6",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
