/* SPDX-License-Identifier: MIT
 *
 * Constants of the graph, and numbers that may be symbolic (lower.h).
 */
#include "script/lower_in.h"

#include <math.h>
#include <string.h>

/* ---- constants ---- */
sten *lit_tensor(lower *L, naru_tensor *t) {
    if (!t && L->st == NARU_OK) lower_oom(L);
    sten *out = L->st == NARU_OK ? L->sink->constant(L, t) : NULL;
    tensor_unref(t);
    return out;
}

static void store(naru_dtype d, void *p, double v, int64_t i, bool integral) {
    switch (d) {
    case NARU_FLOAT: *(float *)p = (float)v; break;
    case NARU_DOUBLE: *(double *)p = v; break;
    case NARU_INT64: *(int64_t *)p = integral ? i : (int64_t)v; break;
    case NARU_INT32: *(int32_t *)p = (int32_t)(integral ? i : (int64_t)v); break;
    case NARU_BOOL: *(bool *)p = integral ? i != 0 : v != 0; break;
    default: break;
    }
}

static bool stores(naru_dtype d) {
    return d == NARU_FLOAT || d == NARU_DOUBLE || d == NARU_INT64 || d == NARU_INT32 || d == NARU_BOOL;
}

static sten *number(lower *L, naru_dtype d, double v, int64_t i, bool integral) {
    if (L->st != NARU_OK) return NULL;
    naru_dtype first = stores(d) ? d : integral ? NARU_INT64 : NARU_DOUBLE;
    naru_tensor *t, *c = NULL;
    if (tensor_new(first, 0, NULL, &t, L->err) != NARU_OK) return lower_oom(L), NULL;
    store(first, t->data, v, i, integral);
    if (first != d) {
        L->st = naru_tensor_cast(t, d, &c, L->err);
        tensor_unref(t);
        if (L->st != NARU_OK) return NULL;
        t = c;
    }
    return lit_tensor(L, t);
}

sten *lit(lower *L, naru_dtype d, double v) {
    bool integral = dtype_is_int(d) && v == floor(v) && fabs(v) < 9e18;
    return number(L, d, v, integral ? (int64_t)v : 0, integral);
}
sten *lit_int(lower *L, int64_t v) { return number(L, NARU_INT64, (double)v, v, true); }

sten *lit_ints(lower *L, const int64_t *v, int n) {
    naru_tensor *t = NULL;
    if (L->st != NARU_OK) return NULL;
    if (tensor_new(NARU_INT64, 1, (int64_t[]){n}, &t, L->err) != NARU_OK) return lower_oom(L), NULL;
    if (n) memcpy(t->data, v, (size_t)n * sizeof *v);
    return lit_tensor(L, t);
}

sten *ints_tensor(lower *L, const sv *v, int n) {
    int64_t known[NARU_MAX_RANK * 2];
    sten *parts[NARU_MAX_RANK * 2];
    bool all = n <= NARU_MAX_RANK * 2;
    if (!all) return lower_fail(L, NARU_UNSUPPORTED, "a list of %d sizes", n), NULL;
    for (int i = 0; i < n; i++) {
        all = all && v[i].tag == SV_INT;
        known[i] = v[i].i;
    }
    if (all) return lit_ints(L, known, n);
    for (int i = 0; i < n; i++) {
        if (v[i].tag == SV_INT) {
            parts[i] = lit_ints(L, &v[i].i, 1);
        } else {
            sten *t = L->st == NARU_OK ? L->sink->tensor_of(L, v[i], NARU_INT64) : NULL;
            parts[i] = EMIT(Unsqueeze, t, lit_ints(L, (int64_t[]){0}, 1));
        }
    }
    return lower_op(L, &op_Concat, ATTRS(AI("axis", 0)), n, parts);
}

sten *scalar_tensor(lower *L, sv v, naru_dtype d) {
    if (L->st != NARU_OK) return NULL;
    switch (v.tag) {
    case SV_INT: return number(L, d ? d : NARU_INT64, (double)v.i, v.i, true);
    case SV_BOOL: return number(L, d ? d : NARU_BOOL, v.b, v.b, true);
    case SV_FLOAT: return number(L, d ? d : NARU_FLOAT, v.f, 0, false);
    case SV_COMPLEX: {
        const scomplex *c = (scomplex *)v.o;
        naru_tensor *t;
        naru_dtype cd = d == NARU_COMPLEX128 ? d : NARU_COMPLEX64;
        if (tensor_new(cd, 0, NULL, &t, L->err) != NARU_OK) return lower_oom(L), NULL;
        if (cd == NARU_COMPLEX128) memcpy(t->data, (double[]){c->re, c->im}, 16);
        else memcpy(t->data, (float[]){(float)c->re, (float)c->im}, 8);
        return lit_tensor(L, t);
    }
    case SV_SYM: return L->sink->tensor_of(L, v, d);
    case SV_TENSOR: return d ? cast(L, (sten *)v.o, d) : (sten *)v.o;
    default: lower_raise(L, "RuntimeError", "a number is expected, not %s", sv_tag_name(v.tag)); return NULL;
    }
}

sv item(lower *L, sten *t) {
    if (L->st != NARU_OK || !t) return sv_int(0);
    return lower_own_value(L, L->sink->item(L, t));
}

/* ---- scalars ---- */
static sv apply2(lower *L, const char *op, sv a, sv b) { return s_apply(L, op, 2, (sv[]){a, b}); }
sv s_apply(lower *L, const char *op, int n, const sv *args) {
    if (L->st != NARU_OK) return sv_int(0);
    if (!L->sink->apply) return lower_fail(L, NARU_INTERNAL, "a symbolic number outside of a recording"), sv_int(0);
    return lower_own_value(L, L->sink->apply(L, op, n, args));
}
#define S_BINARY(name, op, expr)                                                                                       \
    sv s_##name(lower *L, sv a, sv b) {                                                                                \
        if (L->st != NARU_OK) return sv_int(1);                                                                        \
        if (a.tag != SV_INT || b.tag != SV_INT) return apply2(L, op, a, b);                                            \
        return sv_int(expr);                                                                                           \
    }
static int64_t floor_div(int64_t a, int64_t b) {
    return b == 0 ? 0 : b == -1 ? -a : a / b - (a % b != 0 && (a < 0) != (b < 0));
}
S_BINARY(add, "add", (int64_t)((uint64_t)a.i + (uint64_t)b.i))
S_BINARY(sub, "sub", (int64_t)((uint64_t)a.i - (uint64_t)b.i))
S_BINARY(mul, "mul", (int64_t)((uint64_t)a.i *(uint64_t)b.i))
S_BINARY(floordiv, "floordiv", floor_div(a.i, b.i))
S_BINARY(min, "min", i64_min(a.i, b.i))
S_BINARY(max, "max", i64_max(a.i, b.i))

int64_t s_need(lower *L, sv a) {
    sv known;
    if (L->st != NARU_OK) return 1;
    if (a.tag == SV_INT) return a.i;
    if (a.tag == SV_BOOL) return a.b;
    if (a.tag != SV_SYM) return lower_raise(L, "RuntimeError", "an int is expected"), 1;
    return L->sink->need(L, a, &known) && known.tag == SV_INT ? known.i : 1;
}
bool s_is(sv a, int64_t n) { return a.tag == SV_INT && a.i == n; }
