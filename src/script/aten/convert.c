/* SPDX-License-Identifier: MIT
 *
 * Conversions: element types (to and the casts), tensors to numbers and back, lists. Devices are accepted and mean
 * nothing: a tensor sent to "cuda:0" stays where it is, because files carry the devices of the machine that made them.
 */
#include "script/aten/shape_util.h"

#include <math.h>

/* ---- to ---- */
/* All overloads: dtype from an argument of that name or from `other`; the tensor itself when nothing changes. */
void aten_to(lower *L) {
    sten *t = arg_tensor(L, 0), *other = NULL;
    int at = arg_at(L, "other");
    naru_dtype d = dtype_named(L, t_dtype(L, t));
    if (at >= 0 && (other = arg_tensor(L, at))) d = t_dtype(L, other);
    sv copy = arg_named(L, "copy"), format = arg_named(L, "memory_format");
    bool copies = copy.tag == SV_BOOL && copy.b;
    sten *out = cast(L, t, d);
    if (format.tag == SV_INT && format.i > 1) out = in_format(L, out, (int)format.i, copies && out == t);
    else if (copies && out == t) out = fresh(L, t);
    ret_tensor(L, out);
}

void aten__to_copy(lower *L) {
    sten *t = arg_tensor(L, 0), *out = cast(L, t, dtype_named(L, t_dtype(L, t)));
    sv format = arg_named(L, "memory_format");
    ret_tensor(L, in_format(L, out, format.tag == SV_INT ? (int)format.i : 1, out == t));
}

void aten_type_as(lower *L) { ret_tensor(L, cast(L, arg_tensor(L, 0), t_dtype(L, arg_tensor(L, 1)))); }

#define CAST(name, type)                                                                                               \
    void aten__cast_##name(lower *L) { ret_tensor(L, cast(L, arg_tensor(L, 0), type)); }
CAST(Byte, NARU_UINT8)
CAST(Char, NARU_INT8)
CAST(Short, NARU_INT16)
CAST(Int, NARU_INT32)
CAST(Long, NARU_INT64)
CAST(Half, NARU_FLOAT16)
CAST(Float, NARU_FLOAT)
CAST(Double, NARU_DOUBLE)

/* ---- tensors to numbers ---- */
void aten_item(lower *L) { ret_value(L, sv_keep(item(L, arg_tensor(L, 0)))); }

/* The one element in a given type: a number that is known is converted here, one that is not by a Cast. */
static sv item_as(lower *L, sten *t, naru_dtype d) {
    sv v = item(L, t);
    return v.tag == SV_SYM && t_dtype(L, t) != d ? item(L, cast(L, t, d)) : v;
}

static int64_t int_of_float(lower *L, double f) {
    if (isnan(f)) lower_raise(L, "ValueError", "cannot convert float NaN to integer");
    else if (f >= 0x1p63 || f < -0x1p63) lower_raise(L, "OverflowError", "cannot convert float %g to integer", f);
    else return (int64_t)f;
    return 0;
}

void aten_Int_tensor(lower *L) {
    sv v = item_as(L, arg_tensor(L, 0), NARU_INT64);
    if (!lower_ok(L)) return;
    if (v.tag == SV_FLOAT) ret_int(L, int_of_float(L, v.f));
    else if (v.tag == SV_BOOL) ret_int(L, v.b);
    else if (v.tag == SV_COMPLEX)
        lower_raise(L, "RuntimeError", "value cannot be converted to type int64_t without overflow");
    else ret_value(L, sv_keep(v));
}

void aten_Float_tensor(lower *L) {
    sv v = item_as(L, arg_tensor(L, 0), NARU_DOUBLE);
    if (!lower_ok(L)) return;
    if (v.tag == SV_INT) ret_float(L, (double)v.i);
    else if (v.tag == SV_BOOL) ret_float(L, v.b);
    else if (v.tag == SV_COMPLEX)
        lower_raise(L, "RuntimeError", "value cannot be converted to type double without overflow");
    else ret_value(L, sv_keep(v));
}

static void one_value(lower *L, sten *t) {
    sv n = t_numel(L, t);
    if (!lower_ok(L) || !s_known(n) || n.i == 1) return;
    lower_raise(L, "RuntimeError", "Boolean value of Tensor with %s is ambiguous",
                n.i ? "more than one value" : "no values");
}

void aten_Bool_tensor(lower *L) { /* also is_nonzero */
    sten *t = arg_tensor(L, 0);
    one_value(L, t);
    sv v = item_as(L, t, NARU_BOOL);
    if (!lower_ok(L)) return;
    if (v.tag == SV_FLOAT) ret_bool(L, v.f != 0);
    else if (v.tag == SV_INT) ret_bool(L, v.i != 0);
    else if (v.tag == SV_COMPLEX) ret_bool(L, ((scomplex *)v.o)->re != 0 || ((scomplex *)v.o)->im != 0);
    else ret_value(L, sv_keep(v));
}

static double part(lower *L, int i, bool imaginary) { /* an argument as real or imaginary part */
    sv v = arg(L, i);
    if (v.tag == SV_TENSOR) v = item(L, sv_tensor(v));
    if (v.tag == SV_COMPLEX) return imaginary ? ((scomplex *)v.o)->im : ((scomplex *)v.o)->re;
    return imaginary ? 0 : arg_float(L, i);
}

void aten_Complex(lower *L) { /* of one number or tensor, or of two parts: x + i y */
    double re = part(L, 0, false), im = part(L, 0, true);
    if (L->nargs > 1) re -= part(L, 1, true), im += part(L, 1, false);
    if (lower_ok(L)) ret_value(L, sv_complex(re, im));
}

/* ---- the implicit ones: only 0-d tensors, and no float to int ---- */
static sten *implicit(lower *L) {
    sten *t = arg_tensor(L, 0);
    if (lower_ok(L) && t_rank(L, t) != 0)
        lower_raise(L, "RuntimeError", "Cannot input a tensor of dimension other than 0 as a scalar argument");
    return t;
}

void aten_IntImplicit(lower *L) {
    sten *t = implicit(L);
    naru_dtype d = t_dtype(L, t);
    if (lower_ok(L) && !dtype_is_int(d) && d != NARU_BOOL)
        lower_raise(L, "RuntimeError", "Cannot input a tensor of type %s as an integral argument", naru_dtype_name(d));
    aten_Int_tensor(L);
}
void aten_FloatImplicit(lower *L) {
    implicit(L);
    aten_Float_tensor(L);
}
void aten_ComplexImplicit(lower *L) {
    implicit(L);
    aten_Complex(L);
}
void aten_ScalarImplicit(lower *L) { ret_value(L, sv_keep(item(L, implicit(L)))); }

/* ---- numbers to tensors ---- */
/* A Python number as at::scalar_to_tensor makes it: double, int64, bool or complex128, 0-d. */
void aten_NumToTensor(lower *L) {
    sv v = arg_scalar(L, 0);
    naru_dtype d = v.tag == SV_FLOAT ? NARU_DOUBLE : v.tag == SV_COMPLEX ? NARU_COMPLEX128 : NARU_UNDEFINED;
    ret_tensor(L, scalar_tensor(L, v, d));
}

/* ---- lists ---- */
/* List[int], List[List[int]], ...: types of nested lists, of the four kinds that tolist gives. */
enum { TOLIST_DEPTH = 6 };
#define LIST_OF(name, inner)                                                                                           \
    static const stype *const name##_args[] = {&inner};                                                                \
    static const stype name = {.kind = ST_LIST, .n = 1, .args = name##_args};
#define LISTS_OF(kind)                                                                                                 \
    LIST_OF(kind##_1, stype_##kind)                                                                                    \
    LIST_OF(kind##_2, kind##_1)                                                                                        \
    LIST_OF(kind##_3, kind##_2)                                                                                        \
    LIST_OF(kind##_4, kind##_3)                                                                                        \
    LIST_OF(kind##_5, kind##_4)                                                                                        \
    static const stype *const kind##_lists[TOLIST_DEPTH] = {&stype_##kind, &kind##_1, &kind##_2,                       \
                                                            &kind##_3,     &kind##_4, &kind##_5};
LISTS_OF(int)
LISTS_OF(float)
LISTS_OF(bool)
LISTS_OF(complex)

static sv element(const sten *t, int64_t offset, int kind) {
    const char *at = (const char *)t->t.data + offset * naru_dtype_bits(t->t.dtype) / 8;
    switch (kind) {
    case 0: return sv_int(dtype_get_i64(t->t.dtype, at, 0));
    case 1: return sv_float(dtype_get_f64(t->t.dtype, at, 0));
    case 2: return sv_bool(*(const bool *)at);
    default: break;
    }
    if (t->t.dtype == NARU_COMPLEX64) return sv_complex(((const float *)at)[0], ((const float *)at)[1]);
    return sv_complex(((const double *)at)[0], ((const double *)at)[1]);
}

static sv nested(const sten *t, int dim, int64_t offset, int kind, const stype *const *types) {
    if (dim == t->t.rank) return element(t, offset, kind);
    int64_t n = t->t.dims[dim];
    slist *l = slist_new(types[t->t.rank - dim - 1], (size_t)n);
    for (int64_t i = 0; l && i < n; i++) {
        sv v = nested(t, dim + 1, offset + i * t->t.strides[dim], kind, types);
        if (v.tag == SV_UNINIT || !slist_push(l, v)) {
            sobj_release(&l->head);
            return (sv){.tag = SV_UNINIT};
        }
    }
    return sv_of(l);
}

/* prim::tolist(tensor, depth, type): depth of the declared list, type 0 int, 1 float, 2 bool, 3 complex. */
void aten_tolist(lower *L) {
    static const stype *const *const lists[] = {int_lists, float_lists, bool_lists, complex_lists};
    sten *t = arg_tensor(L, 0);
    int64_t depth = arg_int(L, 1), kind = arg_int(L, 2);
    if (!eager_only(L) || !t) return;
    naru_dtype d = t_dtype(L, t);
    int is = dtype_is_complex(d) ? 3 : d == NARU_BOOL ? 2 : dtype_is_float(d) ? 1 : 0;
    if (t->t.rank != depth)
        lower_raise(L, "RuntimeError",
                    "Output annotation list dimension and runtime tensor dimension must match for tolist()");
    else if (is != kind)
        lower_raise(L, "RuntimeError",
                    "Output annotation element type and runtime tensor element type must match for tolist()");
    else if (t->t.rank >= TOLIST_DEPTH)
        lower_fail(L, NARU_UNSUPPORTED, "tolist() of more than %d dimensions", TOLIST_DEPTH - 1);
    else ret_value(L, nested(t, 0, 0, (int)kind, lists[kind]));
}

void aten__tensor_to_list(lower *L) {
    sten *t = arg_tensor(L, 0);
    if (!eager_only(L)) return;
    const int64_t *v = host_i64(L, t);
    int64_t n = host_count(t);
    slist *l = v ? slist_new(&stype_int, (size_t)n) : NULL;
    for (int64_t i = 0; l && i < n; i++) slist_push(l, sv_int(v[i])); /* has its room */
    if (v) ret_value(L, sv_of(l));
}
