/* SPDX-License-Identifier: MIT
 *
 * softmax and log_softmax along one dimension; a 0-d tensor is one element along it.
 */
#include "script/aten/arith.h"
#include "script/aten/aten.h"

static sten *along(lower *L, const op_desc *op, sten *x, int dim) {
    bool scalar = t_rank(L, x) == 0;
    if (scalar) x = view_unsqueeze(L, x, 0);
    sten *y = lower_op(L, op, ATTRS(AI("axis", dim)), 1, &x);
    return scalar ? view_squeeze(L, y, 1, (int64_t[]){0}) : y;
}

static void soft(lower *L, const op_desc *op, int dtype_arg) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = dtype_arg < 0 ? t_dtype(L, x) : arg_dtype(L, dtype_arg, t_dtype(L, x));
    if (!dtype_is_float(d))
        lower_raise(L, "RuntimeError", "\"%s_lastdim_kernel_impl\" not implemented for '%s'",
                    op == &op_Softmax ? "softmax" : "log_softmax", sten_type_name(d));
    ret_tensor(L, along(L, op, cast(L, x, d), arg_axis(L, 1, t_rank(L, x))));
}

void aten_softmax(lower *L) { soft(L, &op_Softmax, 2); }
void aten_log_softmax(lower *L) { soft(L, &op_LogSoftmax, 2); }
void aten__softmax(lower *L) { soft(L, &op_Softmax, -1); } /* half_to_float is for other devices */
void aten__log_softmax(lower *L) { soft(L, &op_LogSoftmax, -1); }

/* Rows that are -inf throughout give zeros instead of NaN. */
void aten__safe_softmax(lower *L) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = arg_dtype(L, 2, t_dtype(L, x));
    int dim = arg_axis(L, 1, t_rank(L, x));
    x = cast(L, x, d);
    sten *y = along(L, &op_Softmax, x, dim), *minus = EMITA(IsInf, ATTRS(AI("detect_positive", 0)), x);
    sten *empty = ar_any_axes(L, minus, 1, (int64_t[]){dim}, true, true);
    ret_tensor(L, ar_where(L, empty, lit(L, d, 0), y));
}

/* True in the mask leaves an element out; a row without elements is NaN there and 0 here. mask_type: 0 [L, L] for all,
 * 1 [B, L] for keys, 2 x's shape. */
void aten__masked_softmax(lower *L) {
    sten *x = arg_tensor(L, 0), *mask = arg_tensor(L, 1);
    int rank = t_rank(L, x), dim = arg_none(L, 2) ? rank - 1 : arg_axis(L, 2, rank);
    naru_dtype d = t_dtype(L, x);
    if (t_dtype(L, mask) != NARU_BOOL) lower_raise(L, "RuntimeError", "Mask should be a boolean tensor");
    if (arg_int_or(L, 3, 2) == 1)
        for (int i = 1; i + 1 < rank; i++) mask = view_unsqueeze(L, mask, 1);
    sten *y = along(L, &op_Softmax, ar_where(L, mask, lit(L, d, -__builtin_inf()), x), dim);
    ret_tensor(L, ar_where(L, mask, lit(L, d, 0), y));
}
