/* SPDX-License-Identifier: MIT
 *
 * Runs of the whole network during a build: on random data at each profile's OPT, or on batches of samples; what FP32
 * gave in them is kept, for the lowered network to be compared with.
 */
#ifndef BUILDER_RUNS_H
#define BUILDER_RUNS_H

#include "builder/builder.h"

enum { RUN_BATCHES = 8 }; /* most batches of samples that are run */

typedef struct network_run {
    bool samples;
    int index; /* of the profile or the batch */
    naru_value **out;
} network_run;

typedef struct network_runs { /* zero-initialise; runs_free when done */
    ARRAY(network_run) kept;
    int nout;
    bool incomplete;  /* one could not be run */
    bool original;    /* kept is of the network before it was quantized */
    int64_t deadline; /* of measuring (profile_now); 0: none */
} network_runs;

void runs_free(network_runs *r);
/* Runs c; keep: with its outputs kept. *ran false: there is no such batch, or inputs without a shape. */
naru_status runs_run(network_runs *r, const built *b, const build_options *o, context *c, bool samples, int index,
                     bool keep, bool *ran, naru_error *err);
/* Runs c on the random data of profile `index`; the milliseconds of the run alone. */
naru_status runs_time(const built *b, const build_options *o, context *c, int index, double *ms, naru_error *err);
/* Runs e, which is the network before it was quantized, on everything and keeps its outputs. */
naru_status runs_original(network_runs *r, const built *b, const build_options *o, const engine *e, naru_error *err);
/* How far the outputs of e are from those kept: the largest relative error; negative: nothing to compare. */
naru_status runs_compare(const network_runs *r, const built *b, const build_options *o, const engine *e, double *error,
                         naru_error *err);

/* Random data at OPT, for an input of type d (its values where the profile bounds them). */
naru_status profile_sample(const profile_range *r, const type *d, uint64_t *state, naru_value **out, naru_error *err);

/* ||got - want|| / ||want||, in Euclid's norm; of other types than floating point the share of elements that differ.
 * Infinite: other shapes, or got is not finite where want is. */
double tensor_error(const naru_tensor *got, const naru_tensor *want);

#endif
