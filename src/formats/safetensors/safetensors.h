/* SPDX-License-Identifier: MIT
 *
 * safetensors files: a length, a JSON table of names, types, shapes and byte ranges, then the bytes. Tensors are in
 * place in the mapped file, over pages that may be written without changing it.
 */
#ifndef FORMATS_SAFETENSORS_SAFETENSORS_H
#define FORMATS_SAFETENSORS_SAFETENSORS_H

#include "base/arena.h"
#include "base/str.h"
#include "tensor/tensor.h"

typedef struct safetensors_entry {
    const char *name;
    naru_tensor *tensor;
} safetensors_entry;

typedef struct safetensors {
    safetensors_entry *entries; /* in order of their bytes */
    size_t count;
    const char **metadata; /* key, value, key, value, ... */
    size_t metadata_count; /* pairs */
    arena *arena;
} safetensors;

/* Whether the bytes begin as such a file does. */
bool safetensors_sniff(const void *data, size_t size);
naru_status safetensors_open(const char *path, safetensors **out, naru_error *err);
/* The caller's bytes, copied. `name` stands for the path. */
naru_status safetensors_open_memory(const void *data, size_t size, const char *name, safetensors **out,
                                    naru_error *err);
void safetensors_free(safetensors *s); /* accepts NULL; tensors referenced elsewhere stay valid */
naru_tensor *safetensors_find(const safetensors *s, const char *name); /* NULL: none; no reference added */

/* Appears whole. metadata: pairs as above, may be NULL. Tensors of any strides; no strings. */
naru_status safetensors_save(const char *path, size_t count, const char *const *names, naru_tensor *const *tensors,
                             size_t metadata_count, const char *const *metadata, naru_error *err);
/* The same into bytes appended to out. */
naru_status safetensors_print(size_t count, const char *const *names, naru_tensor *const *tensors,
                              size_t metadata_count, const char *const *metadata, str *out, naru_error *err);

#endif
