/* SPDX-License-Identifier: MIT
 *
 * How far a quantized graph is from the float model: signal to noise of each layer and of the outputs, accuracy on
 * labelled samples.
 */
#ifndef BUILDER_QUANTIZE_COMPARE_H
#define BUILDER_QUANTIZE_COMPARE_H

#include "builder/quantize.h"

typedef struct comparer { /* the float side, kept over rounds; zero-initialise, comparer_free when done */
    probe *probe;
    strmap where; /* name -> index of the probe's values */
    arena *arena;
} comparer;

/* names: every value that a layer may be compared by. */
naru_status comparer_open(comparer *c, const graph_source *source, const char *const *names, size_t n, int threads,
                          naru_error *err);
void comparer_free(comparer *c);
/* Fills r's layers' sqnr, r->sqnr, r->accuracy*. Takes g (quantized, as written). */
naru_status comparer_run(comparer *c, graph *g, const sample_source *samples, const naru_tensor *labels, int threads,
                         quant_result *r, naru_error *err);

#endif
