/* SPDX-License-Identifier: MIT
 *
 * What operators meant in files older than their last change: the compiler calls these names instead. Division of two
 * integers truncated (file versions below 4); full without a type made floats (below 5); linspace and logspace without
 * a count took a hundred steps (below 8 and 9).
 */
#include "script/aten/nn.h"

/* ---- division ---- */
static bool is_floating(lower *L, int i) {
    sv v = arg(L, i);
    if (v.tag == SV_TENSOR) return dtype_is_float(t_dtype(L, sv_tensor(v)));
    return v.tag == SV_FLOAT;
}

static sten *old_division(lower *L) {
    sv out[1], args[3] = {arg(L, 0), arg(L, 1), lower_own_value(L, sv_strz("trunc"))};
    if (!lower_ok(L)) return NULL;
    if (is_floating(L, 0) || is_floating(L, 1)) lower_call(L, aten_div, 2, args, 1, out);
    else lower_call(L, aten_div_mode, 3, args, 1, out);
    return lower_ok(L) ? sv_tensor(out[0]) : NULL;
}

void aten_div_0_3(lower *L) { ret_tensor(L, old_division(L)); }

void aten_div_0_3_in_place(lower *L) {
    sten *self = arg_tensor(L, 0);
    write_to(L, self, old_division(L));
    ret_tensor(L, self);
}

/* Division of numbers was the same; it is here because the name leads here. */
void aten_div_0_3_numbers(lower *L) {
    sv a = arg_scalar(L, 0), b = arg_scalar(L, 1);
    if (!lower_ok(L)) return;
    if (a.tag == SV_SYM || b.tag == SV_SYM) {
        ret_value(L, sv_keep(s_apply(L, "div", 2, (sv[]){a, b})));
    } else if (a.tag == SV_COMPLEX || b.tag == SV_COMPLEX) {
        const scomplex *p = a.tag == SV_COMPLEX ? (scomplex *)a.o : NULL,
                       *q = b.tag == SV_COMPLEX ? (scomplex *)b.o : NULL;
        double ar = p ? p->re : arg_float(L, 0), ai = p ? p->im : 0, br = q ? q->re : arg_float(L, 1),
               bi = q ? q->im : 0;
        double n = br * br + bi * bi;
        ret_value(L, sv_complex((ar * br + ai * bi) / n, (ai * br - ar * bi) / n));
    } else {
        double d = arg_float(L, 1);
        ret_float(L, arg_float(L, 0) / d);
    }
}

/* ---- new tensors ---- */
enum { MAX_PARAMS = 12 };

/* The present operator with argument `at` replaced. */
static void call_with(lower *L, lower_fn fn, int at, sv v) {
    sv args[MAX_PARAMS], out[1];
    int n = L->op->schema->nparams;
    for (int i = 0; i < n && i < MAX_PARAMS; i++) args[i] = i == at ? v : arg(L, i);
    lower_call(L, fn, n, args, 1, out);
    if (lower_ok(L)) ret_tensor(L, sv_tensor(out[0]));
}

void aten_full_0_4(lower *L) { /* (size, fill_value, *, dtype, ...) */
    sv fill = arg(L, 1);
    bool plain = arg_none(L, 2) && (fill.tag == SV_INT || fill.tag == SV_BOOL);
    call_with(L, aten_full, 1, plain ? sv_float(arg_float(L, 1)) : fill);
}

void aten_linspace_0_7(lower *L) { call_with(L, aten_linspace, 2, arg_none(L, 2) ? sv_int(100) : arg(L, 2)); }
void aten_logspace_0_8(lower *L) { call_with(L, aten_logspace, 2, arg_none(L, 2) ? sv_int(100) : arg(L, 2)); }
