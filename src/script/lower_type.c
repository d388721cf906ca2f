/* SPDX-License-Identifier: MIT
 *
 * Types of results (lower.h): casts, and PyTorch's promotion by categories.
 */
#include "script/lower.h"

static int onnx_type(naru_dtype d) { return (int)d; } /* naru_dtype's numbers are ONNX's */

/* A float number becomes its type from the double that it was; what it is cast to after that is made of the rounded
 * one. */
sten *cast(lower *L, sten *t, naru_dtype d) {
    if (L->st != NARU_OK || !t) return t;
    bool exact = t->exact && !dtype_is_complex(d);
    if (t->t.dtype == d) {
        t->exact = false;
        return t;
    }
    sten *out = exact ? lit(L, d, t->value) : EMITA(Cast, ATTRS(AI("to", onnx_type(d))), t);
    if (out) out->number = t->number;
    return out;
}

static int category(naru_dtype d) { return d == NARU_BOOL ? 0 : dtype_is_complex(d) ? 3 : dtype_is_float(d) ? 2 : 1; }

static naru_dtype promote_types(naru_dtype a, naru_dtype b) {
    static const naru_dtype signed_by_bytes[] = {NARU_INT8, NARU_INT16, NARU_INT32, NARU_INT32, NARU_INT64};
    if (a == b || b == NARU_UNDEFINED) return a;
    if (a == NARU_UNDEFINED) return b;
    int ca = category(a), cb = category(b);
    if (ca == 3 || cb == 3) {
        bool wide = a == NARU_COMPLEX128 || b == NARU_COMPLEX128 || a == NARU_DOUBLE || b == NARU_DOUBLE;
        return wide ? NARU_COMPLEX128 : NARU_COMPLEX64;
    }
    if (ca != cb) return ca > cb ? a : b;
    int wa = naru_dtype_bits(a), wb = naru_dtype_bits(b);
    if (ca == 2) return wa == wb ? NARU_FLOAT : wa > wb ? a : b; /* half with bfloat16 */
    bool ua = a == NARU_UINT8 || a == NARU_UINT16 || a == NARU_UINT32 || a == NARU_UINT64;
    bool ub = b == NARU_UINT8 || b == NARU_UINT16 || b == NARU_UINT32 || b == NARU_UINT64;
    if (ua == ub) return wa > wb ? a : b;
    int u = ua ? wa : wb, s = ua ? wb : wa;
    if (s > u) return ua ? b : a;
    return signed_by_bytes[u / 8 < 4 ? u / 8 : 4];
}

static naru_dtype default_type(naru_dtype d) {
    return dtype_is_complex(d) ? NARU_COMPLEX64 : dtype_is_float(d) ? NARU_FLOAT : d;
}

static naru_dtype combine(naru_dtype higher, naru_dtype lower_) {
    if (higher == NARU_UNDEFINED) return lower_;
    if (lower_ == NARU_UNDEFINED || dtype_is_complex(higher)) return higher;
    if (dtype_is_float(higher)) {
        if (!dtype_is_complex(lower_)) return higher;
        return higher == NARU_DOUBLE ? NARU_COMPLEX128 : NARU_COMPLEX64;
    }
    if (higher == NARU_BOOL || dtype_is_float(lower_) || dtype_is_complex(lower_)) return promote_types(higher, lower_);
    return higher;
}

naru_dtype promote(lower *L, int n, sten *const *t) {
    naru_dtype dims = NARU_UNDEFINED, zero = NARU_UNDEFINED, numbers = NARU_UNDEFINED;
    for (int i = 0; i < n; i++) {
        if (!t[i]) continue;
        naru_dtype d = t[i]->t.dtype;
        if (t[i]->number) numbers = promote_types(numbers, default_type(d));
        else if (t_rank(L, t[i]) == 0) zero = promote_types(zero, d);
        else dims = promote_types(dims, d);
    }
    naru_dtype d = combine(dims, combine(zero, numbers));
    return d == NARU_UNDEFINED ? NARU_FLOAT : d;
}

void promote2(lower *L, sten **a, sten **b) {
    if (L->st != NARU_OK || !*a || !*b) return;
    if ((*a)->t.dtype == (*b)->t.dtype && !(*a)->number && !(*b)->number) return;
    naru_dtype d = promote(L, 2, (sten *[]){*a, *b});
    *a = cast(L, *a, d);
    *b = cast(L, *b, d);
}

sten *to_float(lower *L, sten *t) {
    if (!t || dtype_is_float(t->t.dtype) || dtype_is_complex(t->t.dtype)) return t;
    return cast(L, t, NARU_FLOAT);
}
