/* SPDX-License-Identifier: MIT
 *
 * ONNX files: models to and from graphs as written, tensors and values to and from .pb files. The messages' field
 * numbers stand in the files that read and write them.
 */
#ifndef FORMATS_ONNX_ONNX_H
#define FORMATS_ONNX_ONNX_H

#include "graph/graph.h"

enum { ONNX_IR_MIN = 3, ONNX_IR_MAX = 14 };

/* The graph as written: domains "ai.onnx" become "", functions stay functions, weights view the mapping (map false: a
 * read copy), external data beneath the model's folder is mapped too. A name that is used and nowhere (yet) defined
 * gives a value with block NULL; when a name is defined twice in a block, the first producer stays in value->producer
 * and the second node merely lists the value among its outputs: the verifier finds both. Errors: IO, BAD_FILE,
 * BAD_MODEL, UNSUPPORTED, LIMIT. */
naru_status onnx_load(const char *path, bool map, graph **out, naru_error *err);
/* From memory that must outlive the graph and its tensors; no external data. */
naru_status onnx_load_memory(const void *data, size_t size, graph **out, naru_error *err);
/* Writes the graph. external: tensors of >= 1 KiB go to FILE.data, 4096-byte aligned. */
naru_status onnx_save(const graph *g, const char *path, bool external, naru_error *err);
/* The same into memory, everything inline; *out is freed by str_free. */
naru_status onnx_save_memory(const graph *g, str *out, naru_error *err);

/* A .pb file: TensorProto, SequenceProto, MapProto or OptionalProto, as `kind` says. */
naru_status onnx_value_load(const char *path, naru_kind kind, naru_value **out, naru_error *err);
naru_status onnx_tensor_load(const char *path, naru_tensor **out, naru_error *err);
naru_status onnx_tensor_save(const naru_tensor *t, const char *name, const char *path, naru_error *err);
naru_status onnx_value_save(const naru_value *v, const char *name, const char *path, naru_error *err);

#endif
