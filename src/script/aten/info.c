/* SPDX-License-Identifier: MIT
 *
 * What scripts ask about a tensor: sizes, strides, type, place, and what follows from them. Everything lives on the CPU
 * and nothing records gradients: is_cuda and requires_grad are false, grad is None.
 */
#include "script/aten/arith.h"
#include "script/aten/shape_util.h"

#include <string.h>

/* ---- sizes ---- */
void aten_size(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, arg_tensor(L, 0), s);
    ret_ints(L, n, s);
}

void aten_size_int(lower *L) {
    sten *t = arg_tensor(L, 0);
    int rank = t_rank(L, t);
    if (lower_ok(L) && rank == 0)
        lower_raise(L, "IndexError", "Dimension specified as %lld but tensor has no dimensions",
                    (long long)arg_int(L, 1));
    ret_value(L, sv_keep(t_dim(L, t, arg_axis(L, 1, rank))));
}

/* How a tensor lies in memory is known only when it is there. Exporting, all lie contiguous. */
static bool lies_in_memory(lower *L) { return ar_for_export(L) || eager_only(L); }

static int strides_of(lower *L, sten *t, sv *out) {
    int rank = t_rank(L, t);
    sv stride = sv_int(1);
    if (!lies_in_memory(L)) return 0;
    for (int i = rank - 1; i >= 0; i--) {
        if (lower_recording(L)) {
            out[i] = stride;
            stride = s_mul(L, stride, t_dim(L, t, i));
        } else {
            out[i] = sv_int(t->t.strides[i]);
        }
    }
    return rank;
}

void aten_stride(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = strides_of(L, arg_tensor(L, 0), s);
    ret_ints(L, n, s);
}

void aten_stride_int(lower *L) {
    sv s[NARU_MAX_RANK] = {{0}};
    int n = strides_of(L, arg_tensor(L, 0), s);
    int dim = arg_axis(L, 1, n);
    if (lower_ok(L)) ret_value(L, sv_keep(s[dim]));
}

void aten_dim(lower *L) { ret_int(L, t_rank(L, arg_tensor(L, 0))); }
void aten_numel(lower *L) { ret_value(L, sv_keep(t_numel(L, arg_tensor(L, 0)))); }

void aten_len_tensor(lower *L) {
    sten *t = arg_tensor(L, 0);
    if (lower_ok(L) && t_rank(L, t) == 0) lower_raise(L, "RuntimeError", "len() of a 0-d tensor");
    ret_value(L, sv_keep(t_dim(L, t, 0)));
}

void aten_is_same_size(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    bool same = t_rank(L, a) == t_rank(L, b);
    for (int i = 0; same && i < t_rank(L, a); i++) same = t_dim_int(L, a, i) == t_dim_int(L, b, i);
    ret_bool(L, same);
}

void aten__shape_as_tensor(lower *L) {
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, arg_tensor(L, 0), s);
    ret_tensor(L, ints_tensor(L, s, n));
}

void aten__infer_size(lower *L) {
    sv a[NARU_MAX_RANK], b[NARU_MAX_RANK], out[NARU_MAX_RANK];
    int na = arg_sints(L, 0, a), nb = arg_sints(L, 1, b);
    int n = broadcast_two(L, na, a, nb, b, out);
    ret_ints(L, n, out);
}

void aten__size_if_not_equal(lower *L) {
    if (sv_equal(arg(L, 0), arg(L, 1))) ret_value(L, sv_none());
    else ret_value(L, sv_keep(arg(L, 0)));
}

void aten_storage_offset(lower *L) {
    sten *t = arg_tensor(L, 0);
    if (lies_in_memory(L)) ret_int(L, lower_recording(L) || !t ? 0 : storage_offset_of(t));
}

/* ---- memory ---- */
void aten_is_contiguous(lower *L) {
    sv format = arg_named(L, "memory_format");
    sten *t = arg_tensor(L, 0);
    if (lies_in_memory(L)) ret_bool(L, is_in_format(L, t, format.tag == SV_INT ? (int)format.i : 0));
}

static int64_t element_bytes(lower *L, const sten *t) { return naru_dtype_bits(t_dtype(L, t)) / 8; }
void aten_element_size(lower *L) { ret_int(L, element_bytes(L, arg_tensor(L, 0))); }
void aten_nbytes(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_value(L, sv_keep(s_mul(L, t_numel(L, t), sv_int(element_bytes(L, t)))));
}

/* ---- types ---- */
static int torch_type(const sten *t) { return t && t->q ? t->q->type : t ? torch_of_dtype(t->t.dtype) : 0; }

void aten_dtype(lower *L) { ret_int(L, torch_type(arg_tensor(L, 0))); }
void aten_is_floating_point(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_bool(L, dtype_is_float(t_dtype(L, t)) && !(t && t->q));
}
void aten_is_complex(lower *L) { ret_bool(L, dtype_is_complex(t_dtype(L, arg_tensor(L, 0)))); }
void aten_is_signed(lower *L) {
    naru_dtype d = t_dtype(L, arg_tensor(L, 0));
    ret_bool(L, dtype_is_float(d) || dtype_is_complex(d) || dtype_is_signed(d));
}
void aten_is_quantized(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_bool(L, t && t->q);
}

void aten_result_type(lower *L) {
    ret_int(L, torch_of_dtype(promote(L, 2, (sten *[]){arg_tensor(L, 0), arg_tensor(L, 1)})));
}

void aten_promote_types(lower *L) {
    naru_dtype a = arg_dtype(L, 0, NARU_UNDEFINED), b = arg_dtype(L, 1, NARU_UNDEFINED), d = promote_dtypes(a, b);
    if (lower_ok(L) && d == NARU_UNDEFINED)
        lower_raise(L, "RuntimeError", "Promotion for uint16, uint32, uint64 types is not supported");
    ret_int(L, torch_of_dtype(d));
}

void aten_can_cast(lower *L) {
    naru_dtype a = arg_dtype(L, 0, NARU_UNDEFINED), b = arg_dtype(L, 1, NARU_UNDEFINED);
    bool can = true;
    if (dtype_is_complex(a)) can = dtype_is_complex(b);
    else if (dtype_is_float(a)) can = !dtype_is_int(b);
    if (b == NARU_BOOL) can = a == NARU_BOOL;
    ret_bool(L, can);
}

/* ---- what never holds here, or always ---- */
void aten_is_false(lower *L) {
    arg_tensor(L, 0);
    ret_bool(L, false);
}
void aten_is_true(lower *L) {
    arg_tensor(L, 0);
    ret_bool(L, true);
}
void aten_zero_int(lower *L) { ret_int(L, 0); }
void aten_minus_one_int(lower *L) { ret_int(L, -1); }
void aten_none(lower *L) { ret_value(L, sv_none()); }
void aten_nothing(lower *L) {}
void aten_device_of(lower *L) { ret_value(L, sv_device("cpu")); }

void aten__assert_tensor_metadata(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv sizes[NARU_MAX_RANK];
    naru_dtype d = arg_dtype(L, 3, t_dtype(L, t));
    if (lower_ok(L) && d != t_dtype(L, t)) lower_raise(L, "RuntimeError", "Tensor dtype mismatch!");
    if (arg_none(L, 1)) return;
    int n = arg_sints(L, 1, sizes);
    bool same = n == t_rank(L, t);
    for (int i = 0; same && i < n; i++) {
        sv dim = t_dim(L, t, i);
        same = !s_known(dim) || !s_known(sizes[i]) || dim.i == sizes[i].i;
    }
    if (lower_ok(L) && !same) lower_raise(L, "RuntimeError", "Tensor sizes mismatch!");
}
