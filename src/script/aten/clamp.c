/* SPDX-License-Identifier: MIT
 *
 * clamp and its relatives. With scalar bounds this is Clip, whose order (first the lower, then the upper bound) is
 * PyTorch's: min > max gives max.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"
#include "script/aten/quantized_pointwise.h"

/* lo and hi: NULL for none; numbers or tensors. The result has the common type of all. */
static sten *clamp(lower *L, sten *x, sten *lo, sten *hi) {
    if (!lo && !hi) lower_raise(L, "RuntimeError", "torch.clamp: At least one of 'min' or 'max' must not be None");
    naru_dtype d = promote(L, 3, (sten *[]){x, lo, hi});
    if (dtype_is_complex(d)) lower_raise(L, "RuntimeError", "clamp is not supported for complex types");
    if (d == NARU_BOOL) lower_raise(L, "RuntimeError", "\"clamp_scalar_cpu\" not implemented for 'Bool'");
    x = cast(L, x, d), lo = cast(L, lo, d), hi = cast(L, hi, d);
    if ((!lo || lo->number) && (!hi || hi->number)) return EMIT(Clip, x, lo, hi); /* numbers here are not NaN */
    if (lo) check_broadcast(L, x, lo), x = EMIT(Max, x, lo);
    if (hi) check_broadcast(L, x, hi), x = EMIT(Min, x, hi);
    return x;
}

/* A bound that is NaN makes all NaN; Clip does not promise that. */
static bool is_nan_number(sv v) { return v.tag == SV_FLOAT && isnan(v.f); }

static void clamp_args(lower *L, int lo, int hi) {
    sten *x = arg_tensor(L, 0);
    sten *a = lo >= 0 ? arg_tensor_opt(L, lo) : NULL, *b = hi >= 0 ? arg_tensor_opt(L, hi) : NULL;
    if ((lo >= 0 && is_nan_number(arg(L, lo))) || (hi >= 0 && is_nan_number(arg(L, hi)))) {
        naru_dtype d = promote(L, 3, (sten *[]){x, a, b});
        ret_tensor(L, EMIT(Add, cast(L, x, d), lit(L, d, NAN)));
        return;
    }
    ret_tensor(L, clamp(L, x, a, b));
}

void aten_clamp(lower *L) {
    if (!quantized_alike(L, aten_clamp)) clamp_args(L, 1, 2);
}
void aten_clamp_min(lower *L) {
    if (!quantized_alike(L, aten_clamp_min)) clamp_args(L, 1, -1);
}
void aten_clamp_max(lower *L) {
    if (!quantized_alike(L, aten_clamp_max)) clamp_args(L, -1, 1);
}

/* Bounds in x's own type. */
static sten *between(lower *L, sten *x, double lo, double hi) {
    return EMIT(Clip, x, lit(L, t_dtype(L, x), lo), lit(L, t_dtype(L, x), hi));
}
void aten_relu6(lower *L) {
    if (!quantized_alike(L, aten_relu6)) ret_tensor(L, between(L, arg_tensor(L, 0), 0, 6));
}
void aten_hardtanh(lower *L) {
    if (quantized_alike(L, aten_hardtanh)) return;
    sten *x = arg_tensor(L, 0);
    ret_tensor(L, between(L, x, arg_float(L, 1), arg_float(L, 2)));
}
