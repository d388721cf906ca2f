/* SPDX-License-Identifier: MIT
 *
 * NumPy's .npy (one array) and .npz (a zip of .npy files). The exported calls are in api/files.c; text of the header is
 * in header.c, elements in npy.c, the archive in npz.c.
 */
#ifndef FORMATS_NPY_NPY_H
#define FORMATS_NPY_NPY_H

#include "base/str.h"
#include "tensor/tensor.h"

/* Where the bytes come from: read gives exactly n bytes, or false at the end (or after a failure, told by the source).
 */
typedef struct npy_source {
    bool (*read)(void *user, void *dst, size_t n);
    void *user;
    uint64_t size; /* bytes there can be at most: sizes in the header are believed only up to it */
} npy_source;

/* How the file stores one element. */
typedef struct npy_elem {
    naru_dtype dtype;
    size_t size; /* bytes in the file; 4 per character for text; types under a byte take a whole one */
    bool swap;   /* big-endian */
    bool text;   /* UCS-4 ('U') instead of bytes ('S') */
} npy_elem;

typedef struct npy_header {
    npy_elem elem;
    bool fortran;
    int rank;
    int64_t dims[NARU_MAX_RANK];
} npy_header;

enum { NPY_HEADER_LIMIT = 1 << 16 };

/* The dictionary of the header, text[0..n). */
naru_status npy_header_parse(const char *text, size_t n, npy_header *out, naru_error *err);
/* Magic, version, dictionary, padding. `elem` as npy_elem_of gives it. */
void npy_header_print(const naru_tensor *t, npy_elem elem, str *out);
/* How t's elements are written. */
npy_elem npy_elem_of(const naru_tensor *t);

naru_status npy_read(const npy_source *source, naru_tensor **out, naru_error *err);
naru_status npy_read_memory(const void *data, size_t size, naru_tensor **out, naru_error *err);
/* The whole file as bytes appended to out. */
naru_status npy_print(const naru_tensor *t, str *out, naru_error *err);
naru_status npy_load(const char *path, naru_tensor **out, naru_error *err);
naru_status npy_save(const naru_tensor *t, const char *path, naru_error *err);

#endif
