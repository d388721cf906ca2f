/* SPDX-License-Identifier: MIT
 *
 * See quantized_pointwise.h.
 */
#include "script/aten/quantized_pointwise.h"

sten *dequantized(lower *L, sten *x) {
    if (!x || !x->q || !lower_ok(L)) return x;
    if (x->q->scheme != 0) lower_fail(L, NARU_UNSUPPORTED, "pointwise functions of tensors quantized per channel");
    return EMIT(DequantizeLinear, x, lit(L, NARU_FLOAT, x->q->scale), lit(L, t_dtype(L, x), (double)x->q->zero_point));
}

static bool run(lower *L, lower_fn self, double scale, int64_t zero_point) {
    sten *x = arg_tensor(L, 0);
    sv args[16], y;
    if (!x || !x->q || L->nargs > 16) return false;
    for (int i = 1; i < L->nargs; i++) args[i] = L->args[i];
    args[0] = sv_of(dequantized(L, x));
    lower_call(L, self, L->nargs, args, 1, &y);
    sten *q = EMIT(QuantizeLinear, sv_tensor(y), lit(L, NARU_FLOAT, scale), lit(L, t_dtype(L, x), (double)zero_point));
    squant *s = q ? mem_calloc(1, sizeof *s) : NULL;
    if (s) {
        *s = (squant){.refs = 1, .scheme = 0, .type = x->q->type, .scale = scale, .zero_point = zero_point};
        squant_unref(q->q);
        q->q = s;
    }
    ret_tensor(L, s ? q : NULL);
    return true;
}

static const squant *params(lower *L) {
    sv x = arg(L, 0);
    return x.tag == SV_TENSOR ? sv_tensor(x)->q : NULL;
}

bool quantized_alike(lower *L, lower_fn self) {
    const squant *q = params(L);
    return q && lower_ok(L) && run(L, self, q->scale, q->zero_point);
}
bool quantized_as(lower *L, lower_fn self, double scale, int64_t zero_point) {
    return params(L) && lower_ok(L) && run(L, self, scale, zero_point);
}
