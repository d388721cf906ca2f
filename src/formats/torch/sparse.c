/* SPDX-License-Identifier: MIT
 *
 * COO to dense: every index is checked, and a file of few values may not ask for a huge result.
 */
#include "formats/torch/sparse.h"

#include "tensor/dtype.h"

enum { DENSE_ROOM = 64 << 20, DENSE_TIMES = 1024 }; /* bytes a result may have: room + times * bytes of values */

/* Expanded tensors claim more than their storage has. */
static bool is_whole(const naru_tensor *t) { return t->storage && tensor_bytes(t) <= t->storage->nbytes; }

static naru_status check(const naru_tensor *indices, const naru_tensor *values, int rank, const int64_t *dims,
                         naru_error *err) {
    int64_t count;
    if (indices->dtype != NARU_INT64 || indices->rank != 2 || values->rank < 1 || indices->dims[0] > rank ||
        values->rank - 1 != rank - indices->dims[0] || values->dims[0] != indices->dims[1])
        return err_set(err, NARU_BAD_FILE, "indices and values of a sparse tensor do not fit together");
    if (!is_whole(indices) || !is_whole(values))
        return err_set(err, NARU_BAD_FILE, "indices or values of a sparse tensor are expanded");
    for (int i = 1; i < values->rank; i++)
        if (values->dims[i] != dims[rank - values->rank + i])
            return err_set(err, NARU_BAD_FILE, "values of a sparse tensor do not fit its size");
    if (!dims_count(rank, dims, &count)) return err_set(err, NARU_BAD_FILE, "a sparse tensor's size is absurdly large");
    size_t most = DENSE_ROOM + DENSE_TIMES * tensor_bytes(values);
    if (dtype_bytes(values->dtype, count) > most)
        return err_set(err, NARU_LIMIT,
                       "a sparse tensor of %lld elements, %lld of them given, is too large to be dense",
                       (long long)count, (long long)tensor_count(values));
    return NARU_OK;
}

static void add_elements(naru_dtype d, void *to, int64_t at, const void *from, int64_t start, int64_t n) {
    if (d == NARU_COMPLEX64 || d == NARU_COMPLEX128) {
        d = d == NARU_COMPLEX64 ? NARU_FLOAT : NARU_DOUBLE;
        at *= 2, start *= 2, n *= 2;
    }
    for (int64_t i = 0; i < n; i++) {
        if (dtype_is_float(d))
            dtype_set_f64(d, to, at + i, dtype_get_f64(d, to, at + i) + dtype_get_f64(d, from, start + i));
        else {
            uint64_t sum = (uint64_t)dtype_get_i64(d, to, at + i) + (uint64_t)dtype_get_i64(d, from, start + i);
            dtype_set_i64(d, to, at + i, (int64_t)sum);
        }
    }
}

/* Where entry e begins in the result, in elements; -1: an index out of range. */
static int64_t place(const naru_tensor *indices, const naru_tensor *dense, int64_t e) {
    const int64_t *index = indices->data;
    int64_t at = 0;
    for (int64_t k = 0; k < indices->dims[0]; k++) {
        int64_t i = index[k * indices->dims[1] + e];
        if (i < 0 || i >= dense->dims[k]) return -1;
        at += i * dense->strides[k];
    }
    return at;
}

static naru_status fill(const naru_tensor *indices, const naru_tensor *values, naru_tensor *dense, naru_error *err) {
    int64_t n = values->dims[0], block = n ? tensor_count(values) / n : 0;
    memset(dense->data, 0, tensor_bytes(dense));
    if (tensor_count(dense) == 0) return NARU_OK;
    for (int64_t e = 0; e < n; e++) {
        int64_t at = place(indices, dense, e);
        if (at < 0) return err_set(err, NARU_BAD_FILE, "index %lld of a sparse tensor is out of range", (long long)e);
        add_elements(dense->dtype, dense->data, at, values->data, e * block, block);
    }
    return NARU_OK;
}

naru_status sparse_densify(naru_tensor *indices, naru_tensor *values, int rank, const int64_t *dims, naru_tensor **out,
                           naru_error *err) {
    TRY(check(indices, values, rank, dims, err));
    naru_tensor *i = NULL, *v = NULL, *dense = NULL;
    naru_status st = tensor_contiguous(indices, &i, err);
    if (st == NARU_OK) st = tensor_contiguous(values, &v, err);
    if (st == NARU_OK) st = tensor_new(values->dtype, rank, dims, &dense, err);
    if (st == NARU_OK) st = fill(i, v, dense, err);
    tensor_unref(i);
    tensor_unref(v);
    if (st != NARU_OK) return tensor_unref(dense), st;
    *out = dense;
    return NARU_OK;
}
