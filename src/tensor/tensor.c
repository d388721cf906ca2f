/* SPDX-License-Identifier: MIT
 *
 * Storage, tensors, views, copies between strided and contiguous. Values that hold tensors are in value.c.
 */
#include "tensor/tensor.h"

#include "tensor/dtype.h"

bool dims_count(int rank, const int64_t *dims, int64_t *count) {
    int64_t n = 1, widest;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) return false;
        if (dims[i] == 0) empty = true;
        else if (!i64_mul(n, dims[i], &n)) return false;
    }
    if (!i64_mul(n, 16, &widest)) return false; /* complex128 and string descriptors: 16 bytes */
    *count = empty ? 0 : n;
    return true;
}

void tensor_set_contiguous(naru_tensor *t) {
    int64_t stride = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        t->strides[i] = stride;
        stride *= t->dims[i] ? t->dims[i] : 1;
    }
}

bool tensor_is_contiguous(const naru_tensor *t) {
    int64_t stride = 1;
    if (tensor_count(t) == 0) return true;
    for (int i = t->rank - 1; i >= 0; i--) {
        if (t->dims[i] != 1 && t->strides[i] != stride) return false;
        stride *= t->dims[i];
    }
    return true;
}

bool tensor_same_dims(const naru_tensor *a, const naru_tensor *b) {
    return a->rank == b->rank && !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

void tensor_describe(naru_tensor *t, naru_dtype dtype, int rank, const int64_t *dims) {
    t->dtype = dtype;
    t->rank = rank;
    if (rank) memcpy(t->dims, dims, (size_t)rank * sizeof *dims);
    tensor_set_contiguous(t);
}

/* ---- storage ---- */
storage *storage_new(void *data, size_t nbytes, void (*release)(void *), void *user) {
    storage *s = mem_calloc(1, sizeof *s);
    if (!s) return NULL;
    s->refs = 1;
    s->data = data;
    s->nbytes = nbytes;
    s->release = release;
    s->user = user;
    return s;
}

storage *storage_ref(storage *s) {
    if (s) atomic_fetch_add(&s->refs, 1);
    return s;
}

void storage_unref(storage *s) {
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1) return;
    for (int64_t i = 0; i < s->strings; i++) mem_free(((tensor_str *)s->data)[i].ptr);
    if (s->release) s->release(s->user);
    else mem_free(s->data);
    mem_free(s);
}

/* ---- tensors ---- */
static naru_status check_describe(naru_dtype dtype, int rank, const int64_t *dims, int64_t *count, naru_error *err) {
    if (dtype <= NARU_UNDEFINED || dtype >= NARU_DTYPES)
        return err_set(err, NARU_INVALID_ARGUMENT, "%d is not an element type", (int)dtype);
    if (rank < 0 || rank > NARU_MAX_RANK)
        return err_set(err, NARU_INVALID_ARGUMENT, "rank %d is not in 0..%d", rank, NARU_MAX_RANK);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return err_set(err, NARU_INVALID_ARGUMENT, "dimension %d is %lld, negative", i, (long long)dims[i]);
    if (!dims_count(rank, dims, count))
        return err_set(err, NARU_INVALID_ARGUMENT, "the product of %d dimensions does not fit", rank);
    return NARU_OK;
}

static naru_tensor *tensor_header(naru_dtype dtype, int rank, const int64_t *dims) {
    naru_tensor *t = mem_calloc(1, sizeof *t);
    if (!t) return NULL;
    t->refs = 1;
    tensor_describe(t, dtype, rank, dims);
    return t;
}

naru_status tensor_new(naru_dtype dtype, int rank, const int64_t *dims, naru_tensor **out, naru_error *err) {
    int64_t count;
    TRY(check_describe(dtype, rank, dims, &count, err));
    size_t bytes = dtype_bytes(dtype, count);
    naru_tensor *t = tensor_header(dtype, rank, dims);
    void *data = t ? mem_alloc(bytes) : NULL;
    storage *s = data ? storage_new(data, bytes, NULL, NULL) : NULL;
    if (!s) {
        mem_free(data), mem_free(t);
        return err_set(err, NARU_OUT_OF_MEMORY, "no memory for a tensor of %lld bytes", (long long)bytes);
    }
    if (dtype == NARU_STRING) {
        memset(data, 0, bytes);
        s->strings = count;
    }
    t->data = data;
    t->storage = s;
    *out = t;
    return NARU_OK;
}

naru_status tensor_new_view(storage *s, void *data, naru_dtype dtype, int rank, const int64_t *dims,
                            const int64_t *strides, naru_tensor **out, naru_error *err) {
    int64_t count;
    TRY(check_describe(dtype, rank, dims, &count, err));
    naru_tensor *t = tensor_header(dtype, rank, dims);
    if (!t) return err_oom(err);
    if (strides && rank) memcpy(t->strides, strides, (size_t)rank * sizeof *strides);
    t->data = data;
    t->storage = storage_ref(s);
    *out = t;
    return NARU_OK;
}

naru_tensor *tensor_ref(naru_tensor *t) {
    atomic_fetch_add(&t->refs, 1);
    return t;
}

void tensor_unref(naru_tensor *t) {
    if (!t || atomic_load(&t->refs) == 0 || atomic_fetch_sub(&t->refs, 1) != 1) return;
    storage_unref(t->storage);
    mem_free(t);
}

/* ---- copies ---- */
static naru_status copy_string(tensor_str *to, const tensor_str *from, naru_error *err) {
    char *p = NULL;
    if (from->len) {
        if (!(p = mem_alloc(from->len + 1))) return err_oom(err);
        memcpy(p, from->ptr, from->len);
        p[from->len] = 0;
    }
    mem_free(to->ptr);
    *to = (tensor_str){p, from->len};
    return NARU_OK;
}

/* n elements of `size` bytes, source stride in bytes. */
static void copy_row(char *to, const char *from, int64_t n, size_t size, int64_t stride) {
    if (stride == (int64_t)size) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
#define ROW(T)                                                                                                         \
    for (int64_t i = 0; i < n; i++) memcpy(to + i * (int64_t)sizeof(T), from + i * stride, sizeof(T));                 \
    return
    switch (size) {
    case 1: ROW(uint8_t);
    case 2: ROW(uint16_t);
    case 4: ROW(uint32_t);
    case 8: ROW(uint64_t);
    default:
        for (int64_t i = 0; i < n; i++) memcpy(to + i * (int64_t)size, from + i * stride, size);
    }
}

/* Walks all but the last dimension like an odometer; calls row(to, from, n, from's stride in elements). */
static naru_status copy_strided(naru_tensor *dst, const naru_tensor *src, naru_error *err) {
    int last = src->rank - 1;
    int64_t index[NARU_MAX_RANK] = {0}, n = src->dims[last], rows = tensor_count(src) / n, from = 0;
    size_t size = dtype_bytes(src->dtype, 1);
    for (int64_t r = 0; r < rows; r++) {
        if (src->dtype == NARU_STRING) {
            for (int64_t i = 0; i < n; i++)
                TRY(copy_string(tensor_strings(dst) + r * n + i, tensor_strings(src) + from + i * src->strides[last],
                                err));
        } else {
            copy_row((char *)dst->data + (size_t)(r * n) * size, (const char *)src->data + from * (int64_t)size, n,
                     size, src->strides[last] * (int64_t)size);
        }
        for (int d = last - 1; d >= 0; d--) {
            from += src->strides[d];
            if (++index[d] < src->dims[d]) break;
            from -= index[d] * src->strides[d];
            index[d] = 0;
        }
    }
    return NARU_OK;
}

naru_status tensor_copy(naru_tensor *dst, const naru_tensor *src, naru_error *err) {
    int64_t count = tensor_count(src);
    if (count == 0) return NARU_OK;
    if (src->dtype != NARU_STRING && tensor_is_contiguous(src)) {
        memcpy(dst->data, src->data, tensor_bytes(src));
        return NARU_OK;
    }
    if (src->rank == 0) return copy_string(dst->data, src->data, err); /* the rest of rank 0 is contiguous */
    return copy_strided(dst, src, err);
}

naru_status tensor_clone(const naru_tensor *t, naru_tensor **out, naru_error *err) {
    naru_tensor *copy;
    TRY(tensor_new(t->dtype, t->rank, t->dims, &copy, err));
    naru_status st = tensor_copy(copy, t, err);
    if (st == NARU_OK) *out = copy;
    else tensor_unref(copy);
    return st;
}

naru_status tensor_contiguous(naru_tensor *t, naru_tensor **out, naru_error *err) {
    if (t->refs == 0 || !tensor_is_contiguous(t)) return tensor_clone(t, out, err); /* embedded ones cannot be shared */
    *out = tensor_ref(t);
    return NARU_OK;
}
