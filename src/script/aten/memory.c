/* SPDX-License-Identifier: MIT
 *
 * Copies, writes and the storage behind a tensor: contiguous, clone, copy_, fill_, resize_, set_, is_set_to. A memory
 * format other than the plain one changes strides only (channels last: the axis of channels lies innermost); while
 * recording it means nothing.
 */
#include "script/aten/arith.h"
#include "script/aten/shape_util.h"
#include "script/record.h"

#include <string.h>

enum { PLAIN, PRESERVE, CHANNELS_LAST, CHANNELS_LAST_3D };

static int format_named(lower *L, int none) {
    sv v = arg_named(L, "memory_format");
    return v.tag == SV_INT ? (int)v.i : none;
}

/* Channels behind the image, or as they were; false when the format does not fit the rank. */
static bool channels_perm(lower *L, const sten *t, int format, int64_t *to, int64_t *back) {
    int rank = t_rank(L, t), want = format == CHANNELS_LAST ? 4 : 5;
    if (rank != want) {
        lower_raise(L, "RuntimeError", "required rank %d tensor to use channels_last%s format", want,
                    want == 5 ? "_3d" : "");
        return false;
    }
    for (int i = 0; i < rank; i++) {
        to[i] = i == 0 ? 0 : i == rank - 1 ? 1 : i + 1;
        back[i] = i == 0 ? 0 : i == 1 ? rank - 1 : i - 1;
    }
    return true;
}

sten *in_format(lower *L, sten *t, int format, bool copy) {
    if (!lower_ok(L)) return NULL;
    if (lower_recording(L) || (format != CHANNELS_LAST && format != CHANNELS_LAST_3D))
        return copy ? fresh(L, t) : format == PRESERVE ? t : contiguous(L, t);
    int64_t to[NARU_MAX_RANK], back[NARU_MAX_RANK];
    if (!channels_perm(L, t, format, to, back)) return NULL;
    sten *last = view_permute(L, t, to), *packed = copy ? fresh(L, last) : contiguous(L, last);
    return packed == last ? t : view_permute(L, packed, back);
}

bool is_in_format(lower *L, sten *t, int format) {
    if (!lower_ok(L) || !t || lower_recording(L)) return true;
    if (format != CHANNELS_LAST && format != CHANNELS_LAST_3D) return tensor_is_contiguous(&t->t);
    int64_t to[NARU_MAX_RANK], back[NARU_MAX_RANK];
    if (t_rank(L, t) != (format == CHANNELS_LAST ? 4 : 5) || !channels_perm(L, t, format, to, back)) return false;
    sten *last = view_permute(L, t, to);
    return last && tensor_is_contiguous(&last->t);
}

void aten_contiguous(lower *L) { ret_tensor(L, in_format(L, arg_tensor(L, 0), format_named(L, PLAIN), false)); }
void aten_clone(lower *L) { ret_tensor(L, in_format(L, arg_tensor(L, 0), format_named(L, PRESERVE), true)); }
void aten_fresh(lower *L) { ret_tensor(L, fresh(L, arg_tensor(L, 0))); }

/* ---- writing ---- */
void aten_copy_(lower *L) { /* src: a tensor or a number */
    sten *self = arg_tensor(L, 0), *src = arg_tensor(L, 1);
    sv s[NARU_MAX_RANK];
    broadcast_sizes(L, 2, (sten *[]){self, src}, s); /* only for its message */
    write_to(L, self, src);
    ret_tensor(L, self);
}

void aten_copy(lower *L) {
    sten *self = arg_tensor(L, 0);
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, self, s);
    ret_tensor(L, fresh(L, view_expand(L, cast(L, arg_tensor(L, 1), t_dtype(L, self)), n, s)));
}

static sten *fill_value(lower *L, naru_dtype d) { /* argument 1: a number or a 0-d tensor */
    if (arg(L, 1).tag != SV_TENSOR) return scalar_tensor(L, arg_scalar(L, 1), d);
    sten *v = arg_tensor(L, 1);
    int rank = t_rank(L, v);
    if (rank > 0)
        lower_raise(L, "RuntimeError",
                    "fill_ only supports 0-dimension value tensor but got tensor with %d dimensions.", rank);
    return cast(L, v, d);
}

void aten_fill_(lower *L) {
    sten *self = arg_tensor(L, 0);
    write_to(L, self, fill_value(L, t_dtype(L, self)));
    ret_tensor(L, self);
}

void aten_fill(lower *L) {
    sten *self = arg_tensor(L, 0);
    sv s[NARU_MAX_RANK];
    int n = sizes_of(L, self, s);
    ret_tensor(L, EMIT(Expand, fill_value(L, t_dtype(L, self)), ints_tensor(L, s, n)));
}

void aten_zero_(lower *L) {
    sten *self = arg_tensor(L, 0);
    write_to(L, self, lit(L, t_dtype(L, self), 0));
    ret_tensor(L, self);
}
void aten_zero(lower *L) {
    sten *self = arg_tensor(L, 0);
    ret_tensor(L, filled_like(L, self, t_dtype(L, self), 0));
}

/* ---- storages ---- */
/* The first elements of t's memory under new dims: the same storage where it is long enough, else a longer copy. */
static sten *resized(lower *L, sten *t, int n, const int64_t *dims) {
    int64_t count, strides[NARU_MAX_RANK], stride = 1, offset = t ? storage_offset_of(t) : 0;
    if (!eager_only(L) || !t) return NULL;
    for (int i = n - 1; i >= 0; i--) {
        if (dims[i] < 0) {
            lower_raise(L, "RuntimeError", "requested resize to a negative size %lld", (long long)dims[i]);
            return NULL;
        }
        strides[i] = stride;
        if (!i64_mul(stride, dims[i] ? dims[i] : 1, &stride)) {
            lower_fail(L, NARU_OUT_OF_MEMORY, "resize to too many elements");
            return NULL;
        }
    }
    if (!dims_count(n, dims, &count)) {
        lower_fail(L, NARU_OUT_OF_MEMORY, "resize to too many elements");
        return NULL;
    }
    size_t have = t->t.storage ? t->t.storage->nbytes : 0, size = dtype_bytes(t->t.dtype, 1);
    size_t left = have / size - (size_t)offset;
    if ((size_t)count <= left) return view_strided(L, t, n, dims, strides, offset);
    sten *out = host_new(L, t->t.dtype, n, dims);
    if (!out) return NULL;
    memcpy(out->t.data, t->t.data, left * size);
    memset((char *)out->t.data + left * size, 0, ((size_t)count - left) * size);
    return out;
}

static sten *resized_as_given(lower *L, sten *t) {
    int64_t dims[NARU_MAX_RANK];
    int n = arg_ints(L, 1, dims);
    return resized(L, t, n, dims);
}
void aten_resize_(lower *L) { become(L, resized_as_given(L, arg_tensor(L, 0))); }
void aten_resize(lower *L) { ret_tensor(L, fresh(L, resized_as_given(L, arg_tensor(L, 0)))); }

static sten *resized_as_other(lower *L, sten *t) {
    sten *like = arg_tensor(L, 1);
    int64_t dims[NARU_MAX_RANK];
    int n = t_rank(L, like);
    for (int i = 0; i < n; i++) dims[i] = t_dim_int(L, like, i);
    return resized(L, t, n, dims);
}
void aten_resize_as_(lower *L) { become(L, resized_as_other(L, arg_tensor(L, 0))); }
void aten_resize_as(lower *L) { ret_tensor(L, fresh(L, resized_as_other(L, arg_tensor(L, 0)))); }

static sten *empty_tensor(lower *L, naru_dtype d) { return filled(L, d, 1, &(sv){.tag = SV_INT, .i = 0}, sv_int(0)); }

void aten_set_(lower *L) {
    sten *self = arg_tensor(L, 0);
    become(L, L->nargs > 1 ? arg_tensor(L, 1) : empty_tensor(L, t_dtype(L, self)));
}
void aten_set(lower *L) {
    sten *self = arg_tensor(L, 0);
    ret_tensor(L, L->nargs > 1 ? view_alias(L, arg_tensor(L, 1)) : empty_tensor(L, t_dtype(L, self)));
}

void aten_set_strided_(lower *L) { /* self, source tensor, offset, size, stride */
    int64_t dims[NARU_MAX_RANK], strides[NARU_MAX_RANK], stride = 1, offset = arg_int(L, 2);
    int n = arg_ints(L, 3, dims), m = arg_ints(L, 4, strides);
    for (int i = n - 1; lower_ok(L) && m == 0 && i >= 0; i--) {
        strides[i] = stride;
        if (dims[i] < 0 || !i64_mul(stride, dims[i] ? dims[i] : 1, &stride))
            lower_raise(L, "RuntimeError", "size %lld of dimension %d", (long long)dims[i], i);
    }
    if (lower_ok(L) && m && m != n) lower_raise(L, "RuntimeError", "mismatch in length of strides and shape");
    become(L, lower_ok(L) ? view_strided(L, arg_tensor(L, 1), n, dims, strides, offset) : NULL);
}

void aten_set_data(lower *L) { set_tensor(L, arg_tensor(L, 0), arg_tensor(L, 1)); }

void aten_is_set_to(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    bool known;
    if (!a || !b) return;
    if (ar_for_export(L)) {
        bool is = record_same_view(a, b, &known);
        if (known || eager_only(L)) ret_bool(L, is);
        return;
    }
    if (!eager_only(L)) return;
    const naru_tensor *x = &a->t, *y = &b->t;
    bool same = x->storage == y->storage && x->data == y->data && tensor_same_dims(x, y);
    for (int i = 0; same && i < x->rank; i++) same = x->strides[i] == y->strides[i];
    ret_bool(L, same);
}
