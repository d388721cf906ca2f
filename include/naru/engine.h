/* SPDX-License-Identifier: MIT
 *
 * Engines and what runs them. An engine is immutable (but for refit.h): threads share it. A context holds the state of
 * one run at a time and belongs to one thread at a time; an engine may have any number of them. A stream is a thread
 * that runs what is enqueued, in order. Contexts, streams and events keep alive what they need: destroy them in any
 * order.
 */
#ifndef NARU_ENGINE_H
#define NARU_ENGINE_H

#include "naru/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct naru_engine naru_engine;
typedef struct naru_context naru_context;
typedef struct naru_stream naru_stream;
typedef struct naru_event naru_event;

typedef enum naru_select { NARU_MIN, NARU_OPT, NARU_MAX } naru_select;

/* ---- engines ---- */
/* Reads a plan file, checked before use. A plan of another version of Naru or of another CPU level is built anew from
 * the model that it holds; report (may be NULL) then has a note "plan-rebuilt". model: the model that the plan was
 * built from, for a plan without weights (one built with NARU_BUILD_REFIT takes the same model with other weights too);
 * else NULL. Errors: IO, BAD_FILE (damaged: where), NOT_FOUND (weights were stripped), MISMATCH (another model),
 * UNSUPPORTED (the plan wants a plugin, plugin.h, that is not loaded: which). */
NARU_API naru_status naru_engine_load(const char *path, const naru_model *model, const naru_options *options,
                                      naru_engine **out, naru_report *report, naru_error *err);
/* The same from memory, which must stay valid and unchanged as long as the engine. */
NARU_API naru_status naru_engine_load_memory(const void *data, size_t size, const naru_model *model,
                                             const naru_options *options, naru_engine **out, naru_report *report,
                                             naru_error *err);
/* Whether a file begins as plans do. */
NARU_API bool naru_is_plan(const char *path);
/* Writes the plan. The same network, configuration and timing cache give the same bytes. */
NARU_API naru_status naru_engine_save(const naru_engine *engine, const char *path, naru_error *err);
/* The same into memory; *data is freed by naru_engine_data_free. */
NARU_API naru_status naru_engine_serialize(const naru_engine *engine, void **data, size_t *size, naru_error *err);
NARU_API void naru_engine_data_free(void **data);
NARU_API void naru_engine_destroy(naru_engine **engine);

NARU_API size_t naru_engine_inputs(const naru_engine *engine);
NARU_API size_t naru_engine_outputs(const naru_engine *engine);
NARU_API naru_status naru_engine_input(const naru_engine *engine, size_t i, naru_port *out);
NARU_API naru_status naru_engine_output(const naru_engine *engine, size_t i, naru_port *out);

NARU_API int naru_engine_profiles(const naru_engine *engine); /* at least 1 */
/* A bound of an input's shape in a profile. Errors: NOT_FOUND (profile or input). */
NARU_API naru_status naru_engine_profile_dims(const naru_engine *engine, int profile, const char *input,
                                              naru_select which, int *rank, int64_t dims[NARU_MAX_RANK],
                                              naru_error *err);

typedef struct naru_engine_info {
    size_t size;
    size_t layers;
    int64_t weight_bytes;      /* packed and kept weights */
    int64_t workspace_bytes;   /* activations of the largest shapes planned while building */
    int64_t plan_bytes;        /* size of the plan file it was loaded from; 0: built here */
    int threads, level;        /* threads of a run; optimization level of the build */
    const char *cpu, *version; /* CPU level in use; Naru that built the plan */
    bool rebuilt;              /* loaded from a plan that did not fit, from the model inside */
    double error; /* of the outputs against FP32, as naru_builder_config_set_accuracy measures it; negative: nothing is
                     lowered or quantized by the build, or it could not be measured */
    double accuracy; /* the limit that it was built with; 0: none */
} naru_engine_info;
NARU_API naru_status naru_engine_get_info(const naru_engine *engine, naru_engine_info *out);

/* Layers are what runs: nodes after fusion. Strings live as long as the engine. */
typedef struct naru_layer {
    size_t size;
    const char *name;      /* "conv1 + relu1" */
    const char *op;        /* "FusedConv" */
    const char *tactic;    /* of profile 0 (naru_engine_inspect has others): "conv.winograd"; "reference" for the plain
                              evaluator, "none" where nothing is to do */
    double time_ms;        /* of the tactic, as measured at the profiles' opt shapes; negative: not measured */
    const char *precision; /* what it computes in: "FP32", "FP16", "BF16", "INT8"; of layers that compute no floating
                              point the type of their output: "INT64", "BOOL", ...; "" where that is no tensor */
    double error; /* of a lowered layer against FP32 (naru_builder_config_set_accuracy); negative: not measured */
} naru_layer;
NARU_API naru_status naru_engine_layer(const naru_engine *engine, size_t i, naru_layer *out);
/* One line each, or JSON: {"Layers": [{"Name", "LayerType", "Inputs", "Outputs", "TacticName", "Precision", "Error"
 * (where a lowered layer's was measured), "Origin": [nodes of the model], "Rejected": [{"Tactic", "Reason",
 * "Error"}]}], "I/O Tensors": [...], "Error" (of the outputs), "ErrorLimit"}. *text freed by naru_text_free. */
typedef enum naru_inspect { NARU_INSPECT_LINES, NARU_INSPECT_JSON } naru_inspect;
NARU_API naru_status naru_engine_inspect(const naru_engine *engine, naru_inspect form, char **text, naru_error *err);

/* ---- contexts ---- */
NARU_API naru_status naru_context_create(naru_engine *engine, naru_context **out, naru_error *err);
/* Waits for what is enqueued on it. */
NARU_API void naru_context_destroy(naru_context **context);
/* The profile that shapes must fit; -1 (as created): the one that fits best is chosen for each run. */
NARU_API naru_status naru_context_set_profile(naru_context *context, int profile, naru_error *err);
NARU_API int naru_context_profile(const naru_context *context); /* of the shapes as set; -1: none fits yet */
/* Errors: NOT_FOUND (name), SHAPE: input, axis, value, range and nearest profile. */
NARU_API naru_status naru_context_set_input_shape(naru_context *context, const char *input, int rank,
                                                  const int64_t *dims, naru_error *err);
/* Shapes of outputs from those of inputs. *missing (may be NULL): inputs whose shape is not known yet. */
NARU_API naru_status naru_context_infer_shapes(naru_context *context, size_t *missing, naru_error *err);
/* The shape as set or inferred; -1 where it is not known. rank -1: not even the rank. */
NARU_API naru_status naru_context_shape(const naru_context *context, const char *tensor, int *rank,
                                        int64_t dims[NARU_MAX_RANK], naru_error *err);
/* Memory of an input or output, of at least `bytes` bytes, aligned to its element; NULL: Naru allocates (outputs). It
 * is read and written by runs until another is set. Not for strings and sequences. */
NARU_API naru_status naru_context_set_address(naru_context *context, const char *tensor, void *address, size_t bytes,
                                              naru_error *err);
/* An input by value, shape included; the context keeps a reference. */
NARU_API naru_status naru_context_set_input(naru_context *context, const char *input, naru_value *value,
                                            naru_error *err);
/* Runs now. Errors: those of shapes; NOT_FOUND (an input that has neither address nor value). */
NARU_API naru_status naru_context_run(naru_context *context, naru_error *err);
/* What the last run gave, borrowed until the next; of an output with an address, a tensor over that memory. */
NARU_API naru_status naru_context_output(const naru_context *context, const char *output, naru_value **out,
                                         naru_error *err);
/* Called after each layer of each run; slows runs down a little. NULL: no more. */
typedef void (*naru_layer_time)(void *user, size_t layer, const char *name, double ms);
NARU_API void naru_context_set_profiler(naru_context *context, naru_layer_time fn, void *user);
NARU_API int64_t naru_context_memory(const naru_context *context); /* activations allocated so far, bytes */

/* ---- streams and events ---- */
NARU_API naru_status naru_stream_create(naru_stream **out, naru_error *err);
NARU_API void naru_stream_destroy(naru_stream **stream); /* waits for everything enqueued */
/* Runs the context when everything enqueued before is done. Until then the context must not be touched. */
NARU_API naru_status naru_context_enqueue(naru_context *context, naru_stream *stream, naru_error *err);
/* Waits until all is done; the first failure of an enqueued run since the last call, if any. */
NARU_API naru_status naru_stream_synchronize(naru_stream *stream, naru_error *err);

NARU_API naru_status naru_event_create(naru_event **out, naru_error *err);
NARU_API void naru_event_destroy(naru_event **event);
/* The event happens when everything enqueued on the stream so far is done. */
NARU_API naru_status naru_event_record(naru_event *event, naru_stream *stream, naru_error *err);
NARU_API naru_status naru_event_wait(naru_event *event); /* an event that was never recorded has happened */
NARU_API bool naru_event_happened(const naru_event *event);
/* What is enqueued on the stream from now on waits for the event. */
NARU_API naru_status naru_stream_wait_event(naru_stream *stream, naru_event *event, naru_error *err);
NARU_API double naru_event_elapsed_ms(const naru_event *from, const naru_event *to); /* negative: not both happened */

#ifdef __cplusplus
}
#endif
#endif
