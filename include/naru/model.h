/* SPDX-License-Identifier: MIT
 *
 * Models as files have them: load, look, check, save. To run one make a session (session.h). A model handle is
 * immutable after loading and may be used from several threads.
 */
#ifndef NARU_MODEL_H
#define NARU_MODEL_H

#include "naru/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct naru_model naru_model;
typedef struct naru_options naru_options;

/* Options are set by name, as text; options.def lists them. A NULL naru_options means all defaults. What takes options
 * copies what it needs: they may be changed or destroyed afterwards. */
NARU_API naru_status naru_options_create(naru_options **out, naru_error *err);
NARU_API void naru_options_destroy(naru_options **options);
/* Errors: NOT_FOUND (unknown name, with the nearest), INVALID_ARGUMENT (not a number, out of range). */
NARU_API naru_status naru_options_set(naru_options *options, const char *name, const char *value, naru_error *err);
NARU_API const char *naru_options_get(const naru_options *options, const char *name); /* NULL: unknown name */

/* Reads an ONNX model, graph as written; weights stay in the mapped file. `options` may be NULL (only `map` matters).
 * Owns: caller. Errors: IO, BAD_FILE (with file offset), BAD_MODEL, LIMIT, OUT_OF_MEMORY. */
NARU_API naru_status naru_model_load(const char *path, const naru_options *options, naru_model **out, naru_error *err);
/* The same from memory, which must stay valid and unchanged as long as the model and anything made from it. External
 * data has no folder to lie in: such a model is UNSUPPORTED. */
NARU_API naru_status naru_model_load_memory(const void *data, size_t size, naru_model **out, naru_error *err);
NARU_API void naru_model_destroy(naru_model **model);
/* Writes the model as ONNX, everything kept. external: weights of >= 1 KiB go to FILE.data beside it; both files are
 * whole before either takes its place. Errors: IO, LIMIT (2 GiB and more without external). */
NARU_API naru_status naru_model_save(const naru_model *model, const char *path, bool external, naru_error *err);
/* All findings (structure, SSA, order, types, shapes, opset) go to report. Returns OK when the check could be made:
 * look at naru_report_count(report, NARU_SEVERITY_ERROR). */
NARU_API naru_status naru_model_check(const naru_model *model, naru_report *report, naru_error *err);
/* The model at another opset of ai.onnx, 13 to 28, as a handle of its own (to save, print, check, run); the original
 * stays as it is. Functions are inlined; what an opset lacks is expressed by operators that it has. What cannot be is
 * in report (may be NULL), all of it, each with the opset that it needs; then the result is UNSUPPORTED. Warnings in it
 * name what differs in rare cases.
 * Owns: caller. Errors: INVALID_ARGUMENT (opset), UNSUPPORTED, BAD_MODEL, TYPE, SHAPE, OUT_OF_MEMORY. */
NARU_API naru_status naru_model_convert(const naru_model *model, int64_t opset, naru_model **out, naru_report *report,
                                        naru_error *err);
/* The stable text form of the graph, NUL-terminated; *text freed by naru_text_free. */
NARU_API naru_status naru_model_print(const naru_model *model, char **text, naru_error *err);
NARU_API void naru_text_free(char **text);

/* An input or output as declared. Strings live as long as the model (or session) asked. */
typedef struct naru_port {
    size_t size;
    const char *name;
    const char *type; /* "float[batch,3,224,224]", "seq(int64[?])" */
    naru_kind kind;
    naru_dtype dtype;                   /* tensors: element type */
    int rank;                           /* tensors: -1 when unknown */
    int64_t dims[NARU_MAX_RANK];        /* -1 where not fixed */
    const char *symbols[NARU_MAX_RANK]; /* name of a symbolic dimension, else NULL */
    bool optional;                      /* an input with a default (initializer) */
} naru_port;
NARU_API size_t naru_model_inputs(const naru_model *model);
NARU_API size_t naru_model_outputs(const naru_model *model);
NARU_API naru_status naru_model_input(const naru_model *model, size_t i, naru_port *out);
NARU_API naru_status naru_model_output(const naru_model *model, size_t i, naru_port *out);

/* What `naru info` shows. Strings live as long as the model. */
typedef struct naru_model_info {
    size_t size;
    const char *format; /* "ONNX" */
    int64_t ir_version, model_version;
    const char *producer_name, *producer_version, *graph_name, *doc;
    int64_t nodes;        /* all blocks, functions included */
    int64_t parameters;   /* elements of float initializers */
    int64_t weight_bytes; /* bytes of all initializers and Constant tensors */
    int64_t functions;
    size_t opsets, metadata, operators; /* counts for the calls below */
} naru_model_info;
NARU_API naru_status naru_model_get_info(const naru_model *model, naru_model_info *out);
NARU_API const char *naru_model_opset(const naru_model *model, size_t i,
                                      int64_t *version); /* domain, "ai.onnx" for the default */
NARU_API const char *naru_model_metadata(const naru_model *model, size_t i, const char **value); /* key */
/* Operator histogram, most frequent first: "Conv" or "domain::Name". */
NARU_API const char *naru_model_operator(const naru_model *model, size_t i, int64_t *count);

#ifdef __cplusplus
}
#endif
#endif
