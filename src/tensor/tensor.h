/* SPDX-License-Identifier: MIT
 *
 * The tensor inside: one struct for constants, inputs, outputs, and the executor's slots (which are embedded structs
 * that point into planned memory and own nothing). Element conversion is in dtype.h.
 */
#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "naru/tensor.h"

/* Shared bytes. `release(user)` when the last reference goes; NULL: mem_free(data). */
typedef struct storage {
    atomic_int refs;
    void *data;
    size_t nbytes;
    int64_t strings; /* > 0: data is tensor_str[strings], each ptr owned */
    void (*release)(void *user);
    void *user;
    atomic_uint version; /* grows when somebody writes into it: what was packed from it is stale */
} storage;

static inline unsigned storage_version(const storage *s) { return s ? atomic_load(&s->version) : 0; }
static inline void storage_written(storage *s) {
    if (s) atomic_fetch_add_explicit(&s->version, 1, memory_order_relaxed);
}

typedef struct tensor_str {
    char *ptr; /* mem_alloc'd, NUL-terminated for convenience; NULL when empty */
    size_t len;
} tensor_str;

struct naru_tensor {
    atomic_int refs; /* 0: embedded in another struct, never freed by tensor_unref */
    naru_dtype dtype;
    int rank;
    int64_t dims[NARU_MAX_RANK];
    int64_t strides[NARU_MAX_RANK]; /* in elements; under a byte: contiguous only */
    void *data;                     /* first element */
    storage *storage;               /* NULL: the memory belongs to somebody else */
};

struct naru_value {
    atomic_int refs; /* 0: embedded */
    naru_kind kind;
    naru_tensor *tensor; /* TENSOR: the tensor; MAP: the keys */
    naru_value **items;  /* SEQUENCE, MAP: values; OPTIONAL: items[0] when count is 1 */
    size_t count, cap;
    naru_dtype elem; /* SEQUENCE: element type where known even when empty, else NARU_UNDEFINED */
};

static inline int64_t tensor_count(const naru_tensor *t) {
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++) n *= t->dims[i];
    return n;
}
static inline size_t dtype_bytes(naru_dtype d, int64_t count) { /* strings: size of the tensor_str array */
    return d == NARU_STRING ? (size_t)count * sizeof(tensor_str) : ((size_t)count * (size_t)naru_dtype_bits(d) + 7) / 8;
}
static inline size_t tensor_bytes(const naru_tensor *t) { return dtype_bytes(t->dtype, tensor_count(t)); }

/* Product of dims, each >= 0, overflow-checked (also as bytes of the widest type); false otherwise. */
bool dims_count(int rank, const int64_t *dims, int64_t *count);
void tensor_set_contiguous(naru_tensor *t); /* strides from dims */
bool tensor_is_contiguous(const naru_tensor *t);
bool tensor_same_dims(const naru_tensor *a, const naru_tensor *b);

/* Fills dtype, rank, dims, contiguous strides of an embedded tensor (data and storage untouched). */
void tensor_describe(naru_tensor *t, naru_dtype dtype, int rank, const int64_t *dims);

/* New owned tensor; data uninitialised (strings: empty). */
naru_status tensor_new(naru_dtype dtype, int rank, const int64_t *dims, naru_tensor **out, naru_error *err);
/* New tensor sharing `s` (takes a reference); strides NULL: contiguous. */
naru_status tensor_new_view(storage *s, void *data, naru_dtype dtype, int rank, const int64_t *dims,
                            const int64_t *strides, naru_tensor **out, naru_error *err);
naru_tensor *tensor_ref(naru_tensor *t);
void tensor_unref(naru_tensor *t);                                                  /* accepts NULL */
naru_status tensor_clone(const naru_tensor *t, naru_tensor **out, naru_error *err); /* contiguous deep copy */
naru_status tensor_contiguous(naru_tensor *t, naru_tensor **out, naru_error *err);  /* a reference when it already is */
/* Copies elements of src (any strides) to contiguous dst of the same dtype and dims. Strings are duplicated. */
naru_status tensor_copy(naru_tensor *dst, const naru_tensor *src, naru_error *err);
storage *storage_new(void *data, size_t nbytes, void (*release)(void *), void *user); /* NULL: out of memory */
storage *storage_ref(storage *s);
void storage_unref(storage *s);
static inline tensor_str *tensor_strings(const naru_tensor *t) { return (tensor_str *)t->data; }

/* Value helpers. */
naru_status value_new_tensor(naru_tensor *t, naru_value **out, naru_error *err); /* takes its own reference */
naru_status value_new_sequence(naru_dtype elem, naru_value **out, naru_error *err);
naru_status value_push(naru_value *seq, naru_value *item, naru_error *err); /* takes its own reference */
naru_value *value_ref(naru_value *v);
void value_unref(naru_value *v);

#endif
