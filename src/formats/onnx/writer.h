/* SPDX-License-Identifier: MIT
 *
 * The writer's parts: messages appended to a str.
 */
#ifndef FORMATS_ONNX_WRITER_H
#define FORMATS_ONNX_WRITER_H

#include "formats/onnx/onnx.h"
#include "formats/onnx/wire.h"
#include "tensor/dtype.h"

typedef struct onnx_external { /* where large tensors go instead of the model file */
    file_writer *file;
    const char *location; /* its name */
    naru_status status;   /* of the first write that failed; then nothing more is written */
    naru_error *err;
} onnx_external;

/* TensorProto's fields; external NULL: inline. name "" is not written. */
void onnx_put_tensor(str *s, const naru_tensor *t, const char *name, onnx_external *external);
/* SparseTensorProto's fields for a dense tensor. */
void onnx_put_sparse(str *s, const naru_tensor *t, const char *name);
void onnx_put_type(str *s, const symtab *syms, const type *t);
void onnx_put_raw(str *s, bytes raw);

#endif
