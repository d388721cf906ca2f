/* SPDX-License-Identifier: MIT
 *
 * Other weights for the same network: which tensors of a model are weights, what of a model is left without them, and
 * an engine made again with the tactics that it has.
 */
#ifndef BUILDER_REFIT_H
#define BUILDER_REFIT_H

#include "builder/builder.h"

/* A weight: an initializer or Constant of the main graph. Not those of int64, bool and string: sizes, indices and masks
 * belong to the structure. */
typedef struct refit_weight {
    const char *name;
    naru_tensor **at; /* in the graph */
} refit_weight;
/* Those of a graph as written, in its order. The list is the arena's. Errors: OUT_OF_MEMORY. */
naru_status refit_weights(graph *g, arena *a, refit_weight **out, int *count, naru_error *err);
/* A hash of everything in the model but its weights' content and who wrote it. */
naru_status refit_structure(const model_bytes *m, graph_reader read, uint64_t *out, naru_error *err);
/* b again, with the weights of m, which has b's structure: lifted, simplified and packed anew, with b's tactics. Where
 * the weights make another graph of it (one that a pass looks at), tactics are chosen by experience, which report is
 * told. o: pool, read and report are used. Errors: OUT_OF_MEMORY, those of building. */
naru_status refit(const built *b, model_bytes *m, const build_options *o, built **out, naru_error *err);

#endif
