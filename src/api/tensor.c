/* SPDX-License-Identifier: MIT
 *
 * The exported functions on tensors: argument checks in front of tensor/. Loading and saving are in api/files.c,
 * comparison in tensor/compare.c.
 */
#include <string.h>

#include "tensor/dtype.h"
#include "tensor/tensor.h"

static naru_status null_argument(const char *function, naru_error *err) {
    return err_set(err, NARU_INVALID_ARGUMENT, "%s: a required argument is NULL", function);
}

naru_status naru_tensor_create(naru_dtype dtype, int rank, const int64_t *dims, naru_tensor **out, naru_error *err) {
    if (!out || (rank > 0 && !dims)) return null_argument("naru_tensor_create", err);
    TRY(tensor_new(dtype, rank, dims, out, err));
    memset((*out)->data, 0, tensor_bytes(*out));
    return NARU_OK;
}

naru_status naru_tensor_wrap(naru_dtype dtype, int rank, const int64_t *dims, void *data, size_t nbytes,
                             void (*release)(void *user), void *user, naru_tensor **out, naru_error *err) {
    if (!out || (rank > 0 && !dims) || (!data && nbytes)) return null_argument("naru_tensor_wrap", err);
    if (dtype == NARU_STRING) return err_set(err, NARU_INVALID_ARGUMENT, "naru_tensor_wrap: strings cannot be wrapped");
    naru_tensor *t;
    TRY(tensor_new_view(NULL, data, dtype, rank, dims, NULL, &t, err));
    if (tensor_bytes(t) > nbytes) {
        size_t need = tensor_bytes(t);
        tensor_unref(t);
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_tensor_wrap: %zu bytes given, the dimensions need %zu", nbytes,
                       need);
    }
    if (release && !(t->storage = storage_new(data, nbytes, release, user))) {
        tensor_unref(t);
        return err_oom(err);
    }
    *out = t;
    return NARU_OK;
}

naru_tensor *naru_tensor_retain(naru_tensor *t) { return t ? tensor_ref(t) : NULL; }

void naru_tensor_destroy(naru_tensor **t) {
    if (!t) return;
    tensor_unref(*t);
    *t = NULL;
}

naru_dtype naru_tensor_dtype(const naru_tensor *t) { return t->dtype; }
int naru_tensor_rank(const naru_tensor *t) { return t->rank; }
const int64_t *naru_tensor_dims(const naru_tensor *t) { return t->dims; }
const int64_t *naru_tensor_strides(const naru_tensor *t) { return t->strides; }
int64_t naru_tensor_count(const naru_tensor *t) { return tensor_count(t); }
size_t naru_tensor_nbytes(const naru_tensor *t) { return t->dtype == NARU_STRING ? 0 : tensor_bytes(t); }
void *naru_tensor_data(const naru_tensor *t) { return t->dtype == NARU_STRING ? NULL : t->data; }

const char *naru_tensor_string(const naru_tensor *t, int64_t i, size_t *length) {
    if (!t || t->dtype != NARU_STRING || i < 0 || i >= tensor_count(t)) return NULL;
    const tensor_str *s = tensor_strings(t) + i;
    if (length) *length = s->len;
    return s->ptr ? s->ptr : "";
}

naru_status naru_tensor_set_string(naru_tensor *t, int64_t i, const char *bytes, size_t length, naru_error *err) {
    if (!t || (length && !bytes)) return null_argument("naru_tensor_set_string", err);
    if (t->dtype != NARU_STRING || i < 0 || i >= tensor_count(t))
        return err_set(err, NARU_INVALID_ARGUMENT,
                       "naru_tensor_set_string: not a string tensor, or element %lld of %lld", (long long)i,
                       (long long)tensor_count(t));
    char *p = length ? mem_alloc(length + 1) : NULL;
    if (length && !p) return err_oom(err);
    if (length) memcpy(p, bytes, length), p[length] = 0;
    mem_free(tensor_strings(t)[i].ptr);
    tensor_strings(t)[i] = (tensor_str){p, length};
    return NARU_OK;
}

static int64_t element_offset(const naru_tensor *t, int64_t i) {
    int64_t at = 0;
    for (int d = t->rank - 1; d >= 0; d--) {
        at += i % t->dims[d] * t->strides[d];
        i /= t->dims[d];
    }
    return at;
}

double naru_tensor_get(const naru_tensor *t, int64_t i) {
    if (!t || t->dtype == NARU_STRING || i < 0 || i >= tensor_count(t)) return 0;
    return dtype_get_f64(t->dtype, t->data, element_offset(t, i));
}

enum { CHUNK = 512 };

/* A double that rounds to any narrower type as v itself does: what does not fit becomes one sticky bit. */
static double sticky_double(uint64_t v) {
    if (v >> 53) v = (v & ~UINT64_C(0xfff)) | (v & 0xfff ? 0x800 : 0);
    return (double)v;
}

static void read_real(const naru_tensor *from, naru_dtype target, int64_t at, int64_t n, double *out) {
    dtype_read_f64(from->dtype, from->data, at, n, out);
    if (from->dtype != NARU_UINT64 || target == NARU_DOUBLE) return;
    for (int64_t i = 0; i < n; i++) out[i] = sticky_double((uint64_t)dtype_get_i64(from->dtype, from->data, at + i));
}

/* Integers travel as int64 (uint64 to integers keeps its bits), all else as double. */
static void cast_elements(const naru_tensor *from, naru_tensor *to) {
    bool ints =
        from->dtype == NARU_UINT64 ? dtype_is_int(to->dtype) : dtype_is_int(from->dtype) || from->dtype == NARU_BOOL;
    int64_t count = tensor_count(from), whole[CHUNK];
    double real[CHUNK];
    for (int64_t at = 0; at < count; at += CHUNK) {
        int64_t n = i64_min(CHUNK, count - at);
        if (ints) {
            dtype_read_i64(from->dtype, from->data, at, n, whole);
            dtype_write_i64(to->dtype, to->data, at, n, whole);
        } else {
            read_real(from, to->dtype, at, n, real);
            dtype_write_f64(to->dtype, to->data, at, n, real, true);
        }
    }
}

static void cast_complex(const naru_tensor *from, naru_tensor *to) { /* as pairs of reals */
    naru_dtype a = from->dtype == NARU_COMPLEX64 ? NARU_FLOAT : NARU_DOUBLE,
               b = to->dtype == NARU_COMPLEX64 ? NARU_FLOAT : NARU_DOUBLE;
    for (int64_t i = 0; i < 2 * tensor_count(from); i++) dtype_set_f64(b, to->data, i, dtype_get_f64(a, from->data, i));
}

naru_status naru_tensor_cast(const naru_tensor *t, naru_dtype dtype, naru_tensor **out, naru_error *err) {
    if (!t || !out) return null_argument("naru_tensor_cast", err);
    if (dtype == t->dtype) return tensor_clone(t, out, err);
    if (dtype == NARU_STRING || t->dtype == NARU_STRING)
        return err_set(err, NARU_TYPE, "naru_tensor_cast: no conversion between strings and numbers");
    naru_tensor *to, *dense = NULL;
    TRY(naru_tensor_create(dtype, t->rank, t->dims, &to, err));
    naru_status st = tensor_is_contiguous(t) ? NARU_OK : tensor_clone(t, &dense, err);
    if (st != NARU_OK) {
        tensor_unref(to);
        return st;
    }
    const naru_tensor *from = dense ? dense : t;
    if (dtype_is_complex(dtype) && dtype_is_complex(t->dtype)) cast_complex(from, to);
    else cast_elements(from, to);
    tensor_unref(dense);
    *out = to;
    return NARU_OK;
}
