/* SPDX-License-Identifier: MIT
 *
 * What the parts of the ONNX reader share: the file being read, its arena, the external files already opened.
 */
#ifndef FORMATS_ONNX_SOURCE_H
#define FORMATS_ONNX_SOURCE_H

#include "formats/onnx/onnx.h"
#include "formats/onnx/wire.h"

typedef struct onnx_source {
    arena *arena;     /* names, raw fields */
    storage *whole;   /* the file; NULL: memory that outlives the tensors */
    const char *path; /* for messages and for the folder of external data; NULL: memory, no external data */
    bool map;
    strmap externals; /* location -> storage */
} onnx_source;

typedef struct onnx_tensor {
    naru_tensor *tensor; /* one reference for the caller */
    const char *name;
    bytes extra; /* raw fields besides name and content */
} onnx_tensor;

/* One reference to the storage of a mapping; takes the caller's reference of m, also on failure. */
storage *onnx_map_storage(file_map *m);
void onnx_source_close(onnx_source *s);

naru_status onnx_read_tensor(onnx_source *s, wire w, onnx_tensor *out, naru_error *err);
/* SparseTensorProto, as the dense tensor it means; name and extra are those of its values. */
naru_status onnx_read_sparse(onnx_source *s, wire w, onnx_tensor *out, naru_error *err);
naru_status onnx_read_type(onnx_source *s, symtab *syms, wire w, type *out, naru_error *err);

/* A string field as arena text. Errors: wrong wire type; a NUL inside (names would be cut short). */
naru_status onnx_text(onnx_source *s, const wire *w, const wire_field *f, const char **out, naru_error *err);
/* Appends the whole field to raw. */
void onnx_keep(str *raw, const wire *w, const wire_field *f);
/* raw into the arena; frees raw. */
naru_status onnx_kept(onnx_source *s, str *raw, bytes *out, naru_error *err);
/* StringStringEntryProto into two arena strings. */
naru_status onnx_read_pair(onnx_source *s, const wire *w, const wire_field *f, const char **key, const char **text,
                           naru_error *err);

#endif
