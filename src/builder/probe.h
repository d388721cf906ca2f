/* SPDX-License-Identifier: MIT
 *
 * Probes: a model compiled so that chosen inner values come out too; and batches of samples to run through it.
 */
#ifndef BUILDER_PROBE_H
#define BUILDER_PROBE_H

#include "engine/engine.h"

/* A fresh copy of the model, as written; each call gives the same graph. */
typedef struct graph_source {
    naru_status (*read)(void *user, graph **out, naru_error *err);
    void *user;
} graph_source;

/* Batch `index`: one value per model input, as naru_samples has it (NOT_FOUND past the last). */
typedef struct sample_source {
    naru_status (*batch)(void *user, size_t index, size_t nin, naru_value **in, naru_error *err);
    void *user;
} sample_source;

/* Types, ranks and fixed sizes of a batch against the main block's inputs. */
naru_status probe_check_inputs(const block *b, naru_value *const *in, naru_error *err);

typedef struct probe probe;
/* Takes g (as written), also on failure. names: values of the main block. threads 0: all. */
naru_status probe_new(graph *g, const char *const *names, size_t n, int threads, probe **out, naru_error *err);
void probe_free(probe *p); /* accepts NULL */
/* Runs batch `index` of s: *more false past the last one. Else seen[i] is the value of names[i] and, where `outs` is
 * not NULL, outs[k] that of the model's output k: borrowed until the next run. */
naru_status probe_run(probe *p, const sample_source *s, size_t index, bool *more, naru_error *err);
const naru_tensor *probe_value(const probe *p, size_t i); /* of names[i] in the last run; NULL: no tensor */
size_t probe_outputs(const probe *p);                     /* of the model */
const naru_tensor *probe_output(const probe *p, size_t k);

#endif
