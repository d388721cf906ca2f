/* SPDX-License-Identifier: MIT
 *
 * Sessions: a model compiled for this machine, ready to run at any shape that fits it. A session may be run from
 * several threads at once: it holds a bounded pool of contexts over one immutable engine.
 */
#ifndef NARU_SESSION_H
#define NARU_SESSION_H

#include "naru/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct naru_session naru_session;

/* Compiles a model. The model may be destroyed afterwards. report (may be NULL) receives every unsupported operator.
 * Errors: BAD_MODEL, UNSUPPORTED (first operator and count; all in report), TYPE, SHAPE, OUT_OF_MEMORY. */
NARU_API naru_status naru_session_create(const naru_model *model, const naru_options *options, naru_session **out,
                                         naru_report *report, naru_error *err);
/* Load and compile in one step; path may also be a plan (engine.h). Errors: those of naru_model_load (of a plan: of
 * naru_engine_load) and of naru_session_create. */
NARU_API naru_status naru_session_load(const char *path, const naru_options *options, naru_session **out,
                                       naru_report *report, naru_error *err);
/* Waits for nothing: no run may be in flight. Writes the trace that the option `profile` asks for. */
NARU_API void naru_session_destroy(naru_session **session);

/* Inputs and outputs in the model's order; strings live as long as the session. Any thread. */
NARU_API size_t naru_session_inputs(const naru_session *session);
NARU_API size_t naru_session_outputs(const naru_session *session);
NARU_API naru_status naru_session_input(const naru_session *session, size_t i, naru_port *out);
NARU_API naru_status naru_session_output(const naru_session *session, size_t i, naru_port *out);

/* Runs once. in_names[i] -> in[i] for nin inputs (inputs with defaults may be left out). For output k, named
 * out_names[k]: where outs[k] is NULL on entry it receives a new value (owned by the caller); where it is a tensor
 * value made by the caller, its dtype and dims must equal the result's and the result is written into it. nout 0 with
 * out_names NULL is an error. On failure library-made outs are NULL again.
 * Errors: NOT_FOUND (name, with the nearest), TYPE, SHAPE (input, axis, expected, given), OUT_OF_MEMORY.
 * Threads: any number of concurrent calls. */
NARU_API naru_status naru_session_run(naru_session *session, size_t nin, const char *const *in_names,
                                      naru_value *const *in, size_t nout, const char *const *out_names,
                                      naru_value **outs, naru_error *err);

/* Memory and structure of the compiled session. */
typedef struct naru_session_info {
    size_t size;
    int64_t steps;           /* after fusion */
    int64_t weight_bytes;    /* packed and kept weights */
    int64_t workspace_bytes; /* planned activation memory of the largest plan so far */
    int threads;
    const char *cpu; /* level in use */
} naru_session_info;
NARU_API naru_status naru_session_get_info(const naru_session *session, naru_session_info *out);

/* What the library consists of, for `naru list`. */
typedef enum naru_list {
    NARU_LIST_OPS,
    NARU_LIST_KERNELS,
    NARU_LIST_PASSES,
    NARU_LIST_KNOBS,
    NARU_LIST_OPTIONS
} naru_list;
typedef struct naru_list_item {
    size_t size;
    char name[96];
    char detail[400]; /* ops: domain and versions; kernels: level; passes, knobs, options: help */
} naru_list_item;
/* NARU_NOT_FOUND past the end. */
NARU_API naru_status naru_list_get(naru_list list, size_t index, naru_list_item *out);

#ifdef __cplusplus
}
#endif
#endif
