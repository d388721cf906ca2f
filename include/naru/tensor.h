/* SPDX-License-Identifier: MIT
 *
 * Tensors and values: what goes into and comes out of models. A tensor is {dtype, dims, strides, data}; a value is a
 * tensor, a sequence, a map or an optional. Both are reference counted handles; counts are atomic, contents are not
 * guarded: several threads may read one tensor, a writer must be alone.
 */
#ifndef NARU_TENSOR_H
#define NARU_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "naru/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NARU_MAX_RANK 16

/* Element types; the numbers are ONNX's TensorProto.DataType. */
typedef enum naru_dtype {
    NARU_UNDEFINED = 0,
    NARU_FLOAT = 1,
    NARU_UINT8 = 2,
    NARU_INT8 = 3,
    NARU_UINT16 = 4,
    NARU_INT16 = 5,
    NARU_INT32 = 6,
    NARU_INT64 = 7,
    NARU_STRING = 8,
    NARU_BOOL = 9,
    NARU_FLOAT16 = 10,
    NARU_DOUBLE = 11,
    NARU_UINT32 = 12,
    NARU_UINT64 = 13,
    NARU_COMPLEX64 = 14,
    NARU_COMPLEX128 = 15,
    NARU_BFLOAT16 = 16,
    NARU_FLOAT8E4M3FN = 17,
    NARU_FLOAT8E4M3FNUZ = 18,
    NARU_FLOAT8E5M2 = 19,
    NARU_FLOAT8E5M2FNUZ = 20,
    NARU_UINT4 = 21,
    NARU_INT4 = 22,
    NARU_FLOAT4E2M1 = 23,
    NARU_FLOAT8E8M0 = 24,
    NARU_UINT2 = 25,
    NARU_INT2 = 26,
    NARU_FLOAT6E2M3 = 27,
    NARU_FLOAT6E3M2 = 28,
    NARU_DTYPES
} naru_dtype;

/* "float", "int64", "float16", ...: ONNX's names. Static storage. "undefined" for anything else. */
NARU_API const char *naru_dtype_name(naru_dtype dtype);
/* Inverse of naru_dtype_name; also takes "float32", "float64", "half", "f32", "i64" and the like. NARU_UNDEFINED if
 * unknown. */
NARU_API naru_dtype naru_dtype_parse(const char *name);
/* Bits of one element: 32 for float, 4 for int4, 128 for complex128; 0 for string and undefined. */
NARU_API int naru_dtype_bits(naru_dtype dtype);

typedef struct naru_tensor naru_tensor;
typedef struct naru_value naru_value;

/* A new contiguous tensor, data 64-byte aligned and zeroed (strings empty). dims: rank sizes >= 0; NULL when rank is 0.
 * Owns: caller, one reference. Errors: INVALID_ARGUMENT (rank, dims), OUT_OF_MEMORY. */
NARU_API naru_status naru_tensor_create(naru_dtype dtype, int rank, const int64_t *dims, naru_tensor **out,
                                        naru_error *err);
/* A tensor over the caller's memory (not strings). `nbytes` must cover dims; `release(user)` is called when the last
 * reference goes, may be NULL. The memory must stay valid until then. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
NARU_API naru_status naru_tensor_wrap(naru_dtype dtype, int rank, const int64_t *dims, void *data, size_t nbytes,
                                      void (*release)(void *user), void *user, naru_tensor **out, naru_error *err);
NARU_API naru_tensor *naru_tensor_retain(naru_tensor *t);
/* Drops one reference, nulls *t. Accepts NULL. */
NARU_API void naru_tensor_destroy(naru_tensor **t);

NARU_API naru_dtype naru_tensor_dtype(const naru_tensor *t);
NARU_API int naru_tensor_rank(const naru_tensor *t);
/* rank sizes; lives with the tensor. */
NARU_API const int64_t *naru_tensor_dims(const naru_tensor *t);
/* rank strides in elements. */
NARU_API const int64_t *naru_tensor_strides(const naru_tensor *t);
/* Number of elements (1 for rank 0). */
NARU_API int64_t naru_tensor_count(const naru_tensor *t);
/* Bytes of the contiguous data: count * bits / 8, rounded up; 0 for strings. */
NARU_API size_t naru_tensor_nbytes(const naru_tensor *t);
/* First element. Types under a byte are packed as in ONNX raw_data. NULL for strings. */
NARU_API void *naru_tensor_data(const naru_tensor *t);
/* String element i of a contiguous string tensor: bytes, *length set when not NULL. Lives until it is set again. */
NARU_API const char *naru_tensor_string(const naru_tensor *t, int64_t i, size_t *length);
NARU_API naru_status naru_tensor_set_string(naru_tensor *t, int64_t i, const char *bytes, size_t length,
                                            naru_error *err);
/* Element i (row-major) of a numeric tensor as double (complex: real part). */
NARU_API double naru_tensor_get(const naru_tensor *t, int64_t i);
/* A new contiguous tensor of type `dtype` holding the same values, each correctly rounded (saturating as ONNX Cast). */
NARU_API naru_status naru_tensor_cast(const naru_tensor *t, naru_dtype dtype, naru_tensor **out, naru_error *err);

/* Comparison |got - want| <= atol + rtol * |want|, NaN equal to NaN, infinities equal to themselves; strings, bools and
 * integers likewise (strings exactly). */
typedef struct naru_comparison {
    size_t size;
    bool equal;          /* same dtype, same dims, no element outside tolerance */
    int64_t differing;   /* elements outside tolerance */
    int64_t count;       /* elements compared */
    double worst_abs;    /* largest |got - want| */
    double worst_rel;    /* |got - want| / max(|want|, tiny) at the same element */
    int64_t worst_index; /* row-major index of that element, -1 where none */
    double worst_got, worst_want;
    char message[300]; /* one line for a person */
} naru_comparison;
NARU_API naru_status naru_tensor_compare(const naru_tensor *got, const naru_tensor *want, double rtol, double atol,
                                         naru_comparison *out, naru_error *err);

/* Reads a tensor by the file's ending: .npy, .pb (ONNX TensorProto), FILE.npz:KEY. Errors: IO, BAD_FILE, UNSUPPORTED.
 */
NARU_API naru_status naru_tensor_load(const char *path, naru_tensor **out, naru_error *err);
/* Raw little-endian file of exactly the bytes that dtype and dims need. */
NARU_API naru_status naru_tensor_load_raw(const char *path, naru_dtype dtype, int rank, const int64_t *dims,
                                          naru_tensor **out, naru_error *err);
/* Writes by the ending: .npy, .pb, else raw bytes. */
NARU_API naru_status naru_tensor_save(const naru_tensor *t, const char *path, naru_error *err);

/* An .npz archive: list and read its arrays. */
typedef struct naru_npz naru_npz;
NARU_API naru_status naru_npz_open(const char *path, naru_npz **out, naru_error *err);
NARU_API void naru_npz_close(naru_npz **npz);
NARU_API size_t naru_npz_count(const naru_npz *npz);
NARU_API const char *naru_npz_key(const naru_npz *npz, size_t index);
NARU_API naru_status naru_npz_read(naru_npz *npz, const char *key, naru_tensor **out, naru_error *err);
/* Writes `count` arrays; deflated when `compress`. */
NARU_API naru_status naru_npz_write(const char *path, size_t count, const char *const *keys,
                                    naru_tensor *const *tensors, bool compress, naru_error *err);

typedef enum naru_kind { NARU_KIND_TENSOR = 1, NARU_KIND_SEQUENCE, NARU_KIND_MAP, NARU_KIND_OPTIONAL } naru_kind;

/* Values. Constructors take their own references of what they are given; the caller keeps its own. */
NARU_API naru_status naru_value_from_tensor(naru_tensor *t, naru_value **out, naru_error *err);
NARU_API naru_status naru_value_from_list(naru_value *const *items, size_t count, naru_value **out, naru_error *err);
/* keys: rank-1 integer or string tensor; values: sequence of as many values. */
NARU_API naru_status naru_value_from_map(naru_tensor *keys, naru_value *values, naru_value **out, naru_error *err);
/* value NULL: an empty optional. */
NARU_API naru_status naru_value_optional(naru_value *value, naru_value **out, naru_error *err);
NARU_API naru_value *naru_value_retain(naru_value *v);
NARU_API void naru_value_destroy(naru_value **v);
NARU_API naru_kind naru_value_kind(const naru_value *v);
NARU_API naru_tensor *naru_value_tensor(const naru_value *v); /* borrowed; NULL unless a tensor */
NARU_API size_t naru_value_count(const naru_value *v);        /* sequence or map length; optional: 0 or 1 */
NARU_API naru_value *naru_value_item(const naru_value *v,
                                     size_t index);         /* borrowed; sequence item, map value, optional's content */
NARU_API naru_tensor *naru_value_keys(const naru_value *v); /* borrowed; map keys */

/* Reads a value from an ONNX .pb file, which carries no tag: kind says whether it holds a TensorProto, SequenceProto,
 * MapProto or OptionalProto. Errors: IO, BAD_FILE, UNSUPPORTED. */
NARU_API naru_status naru_value_load(const char *path, naru_kind kind, naru_value **out, naru_error *err);
/* Writes a value as the ONNX message of its kind; a tensor by the ending, as naru_tensor_save does. */
NARU_API naru_status naru_value_save(const naru_value *v, const char *path, naru_error *err);

#ifdef __cplusplus
}
#endif
#endif
