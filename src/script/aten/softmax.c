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
                    op == &op_Softmax ? "softmax" : "log_softmax", ar_type_name(d));
    ret_tensor(L, along(L, op, cast(L, x, d), arg_axis(L, 1, t_rank(L, x))));
}

void aten_softmax(lower *L) { soft(L, &op_Softmax, 2); }
void aten_log_softmax(lower *L) { soft(L, &op_LogSoftmax, 2); }
void aten__softmax(lower *L) { soft(L, &op_Softmax, -1); } /* half_to_float is for other devices */
void aten__log_softmax(lower *L) { soft(L, &op_LogSoftmax, -1); }
