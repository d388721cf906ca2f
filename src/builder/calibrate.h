/* SPDX-License-Identifier: MIT
 *
 * Calibration: the ranges of chosen tensors, from running the float model over samples; and the text file in which
 * TensorRT keeps them. See histogram.h for the algorithms.
 */
#ifndef BUILDER_CALIBRATE_H
#define BUILDER_CALIBRATE_H

#include "builder/histogram.h"
#include "builder/probe.h"
#include "base/str.h"
#include "naru/quantize.h"

typedef struct calib_entry {
    const char *name;
    calib_range range;
} calib_entry;

typedef struct calib_table { /* zero-initialise; calib_free when done */
    arena *arena;
    strmap index; /* name -> position */
    ARRAY(calib_entry) entries;
    naru_calibrator calibrator;
} calib_table;

typedef struct calib_options {
    naru_calibrator calibrator;
    double percentile;
    bool asymmetric;
    int threads;
} calib_options;

naru_status calib_put(calib_table *t, const char *name, calib_range r, naru_error *err); /* replaces; copies name */
const calib_range *calib_find(const calib_table *t, const char *name);                   /* NULL: none */
void calib_free(calib_table *t);

#define CALIB_LARGEST 1e30 /* values from here on are no quantities */

/* Ranges of the float tensors `names` of source's main block. Does not depend on the order of the batches, nor on how
 * samples are batched. Tensors with infinities or NaNs get none. Errors: no batch, what running finds. */
naru_status calib_collect(const graph_source *source, const char *const *names, size_t n, const sample_source *samples,
                          const calib_options *o, calib_table *out, naru_error *err);

/* TensorRT's cache: "TRT-8600-EntropyCalibration2", then "NAME: HEX" with the scale's (bound / 127) bits. A range from
 * a cache is symmetric. Errors: BAD_FILE with the line. */
naru_status calib_parse(const char *text, size_t size, calib_table *out, naru_error *err);
void calib_print(const calib_table *t, str *out);
double calib_kept(double bound); /* the bound that is read after it was printed */

#endif
