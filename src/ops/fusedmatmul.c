/* SPDX-License-Identifier: MIT
 *
 * naru.FusedMatMul: Y = activation(MatMul(A, B) + bias + Z); made by passes, never written to a file.
 *
 * bias [N] runs along Y's last axis; Z has exactly Y's shape. Attributes: activation, activation_params as in
 * FusedConv. Types: floats.
 */
#include "ops/util_choice.h"
#include "ops/util_fused.h"
#include "tensor/dtype.h"

extern const op_desc op_MatMul;

enum { ACTIVATION, ACTIVATION_PARAMS };
static const attr_def attrs[] = {ATTR_S("activation", ""), ATTR_OPT("activation_params", ATTR_FLOATS), {0}};

static naru_status infer(infer_ctx *c) {
    TRY(fused_check_activation(c, ACTIVATION));
    TRY(last_infer(c, &op_MatMul, 2, false));
    const type *y = &c->out[0].type;
    TRY(util_need_rank(c, 2, 1, "the bias"));
    if (!y->has_rank) return NARU_OK;
    if (y->rank == 0) return op_fail(c, NARU_SHAPE, "a dot product has no axis for a bias");
    if (in_rank(c, 2) == 1) TRY(util_same_dim(c, in_dim(c, 2, 0), y->dims[y->rank - 1], "the bias's length"));
    if (in_rank(c, 3) < 0) return NARU_OK;
    TRY(util_need_rank(c, 3, y->rank, "the residual"));
    for (int d = 0; d < y->rank; d++) TRY(util_same_dim(c, in_dim(c, 3, d), y->dims[d], "the residual's dim"));
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    TRY(last_eval(c, &op_MatMul, 2, false));
    naru_tensor *y = eval_out(c, 0);
    const naru_tensor *bias = eval_in(c, 2);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    int64_t n = y->dims[y->rank - 1];
    for (int64_t i = 0; bias && i < tensor_count(y); i++)
        dtype_set_f64(y->dtype, y->data, i,
                      dtype_get_f64(y->dtype, y->data, i) + dtype_get_f64(bias->dtype, bias->data, i % n));
    fused_finish(c, y, eval_in(c, 3), ACTIVATION, ACTIVATION_PARAMS);
    return NARU_OK;
}

const op_desc op_FusedMatMul = {
    .name = "FusedMatMul",
    .domain = "naru",
    .versions = (const short[]){1, 0},
    .sig = "A:T, B:T, bias:T?, Z:T? -> Y:T | T = float",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
