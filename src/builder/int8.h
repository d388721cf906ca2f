/* SPDX-License-Identifier: MIT
 *
 * INT8 that a build is permitted, of a network without Q/DQ nodes: where the ranges of its tensors come from, and the
 * network made into its Q/DQ form, which is what then is built and what the plan holds.
 */
#ifndef BUILDER_INT8_H
#define BUILDER_INT8_H

#include "builder/builder.h"
#include "builder/calibrate.h"

typedef struct int8_options {
    naru_calibrator calibrator;
    double percentile;
    bool any_cache;                                                                          /* of whatever algorithm */
    sample_source samples;                                                                   /* batch NULL: none */
    naru_status (*read_cache)(void *user, const void **data, size_t *size, naru_error *err); /* NULL: none */
    naru_status (*write_cache)(void *user, const void *data, size_t size, naru_error *err);  /* NULL: nowhere */
    void *user;
    const calib_table *fixed;                                        /* ranges given tensor by tensor: they win; NULL */
    naru_status (*write)(const graph *g, str *out, naru_error *err); /* a graph as written as a model's bytes */
} int8_options;

/* What to build instead of m: its Q/DQ form, or m again where it has such nodes already, where nothing in it can be
 * quantized (told), or where o does not permit INT8 or has no int8 options. Without samples, cache and ranges the
 * calibration is on random data, with a warning. Errors: those of calibration; BAD_FILE, MISMATCH of the cache;
 * UNSUPPORTED where the plan would be stripped. */
naru_status int8_network(model_bytes *m, const build_options *o, model_bytes **out, naru_error *err);

#endif
