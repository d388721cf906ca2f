/* SPDX-License-Identifier: MIT
 *
 * The reader's inside: one reader per model, one scope per block while it is read.
 */
#ifndef FORMATS_ONNX_READER_H
#define FORMATS_ONNX_READER_H

#include "formats/onnx/source.h"

enum { ONNX_BLOCK_DEPTH = 64 }; /* graphs within graphs */

typedef struct onnx_reader {
    onnx_source src;
    graph *g;
    int depth;
} onnx_reader;

typedef struct onnx_scope { /* names of one block; lookups go on to the parent */
    strmap names;
    const struct onnx_scope *parent;
    block *block;
} onnx_scope;

value *onnx_scope_own(const onnx_scope *s, const char *name);
/* The value of that name in this block, made when absent (block NULL: not defined yet). NULL: out of memory. */
value *onnx_scope_declare(onnx_reader *r, onnx_scope *s, const char *name);

/* GraphProto into b (made by the caller). parent: NULL for main. */
naru_status onnx_read_block(onnx_reader *r, wire w, block *b, const onnx_scope *parent, naru_error *err);
/* The nodes among w's fields of that number, in order; their outputs are defined in s. */
naru_status onnx_read_nodes(onnx_reader *r, wire w, uint32_t number, onnx_scope *s, naru_error *err);
/* ValueInfoProtos among w's fields of that number, onto values of this block; those of others become orphans in
 * b->infos. */
naru_status onnx_read_infos(onnx_reader *r, wire w, uint32_t number, onnx_scope *s, naru_error *err);
/* AttributeProto. n: the node it belongs to; NULL (and s NULL) for a function's default. */
naru_status onnx_read_attr(onnx_reader *r, wire w, node *n, const onnx_scope *s, attr *out, naru_error *err);
/* metadata_props among w's fields of that number. */
naru_status onnx_read_meta(onnx_reader *r, wire w, uint32_t number, const char *const **out, naru_error *err);
int64_t onnx_count_fields(wire w, uint32_t number); /* of a message that was scanned before */
/* Arena array with room for n pointers, at a power of two as graph.c's growing lists expect. */
void *onnx_list(onnx_reader *r, int64_t n);

#endif
