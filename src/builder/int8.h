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
    const calib_table *fixed; /* ranges given tensor by tensor: they win; NULL */
} int8_options;

/* All that quantizing a network took besides the network: other weights are quantized by it in the same way. */
typedef struct int8_recipe {
    uint64_t hash; /* of the float model's bytes */
    const calib_entry *ranges;
    int nranges;
    const char **kept; /* outputs of nodes that stay float though they have ranges */
    int nkept;
} int8_recipe;

/* What to build instead of m: its Q/DQ form, or m again where it has such nodes already, where nothing in it can be
 * quantized (told), or where o does not permit INT8 or has no int8 options. Without samples, cache and ranges the
 * calibration is on random data, with a warning. *recipe: how the form was made, in a; NULL where m stays m. Errors:
 * those of calibration; BAD_FILE, MISMATCH of the cache. */
naru_status int8_network(model_bytes *m, const build_options *o, arena *a, const int8_recipe **recipe,
                         model_bytes **out, naru_error *err);

/* The Q/DQ form of a float model m by a recipe: of the network that the recipe was made for, the bytes that it had
 * then. o: read, write. Errors: NOT_FOUND, UNSUPPORTED where m is another network. */
naru_status int8_requantize(model_bytes *m, const int8_recipe *r, const build_options *o, model_bytes **out,
                            naru_error *err);
/* Whether m has no nodes that quantize or compute on quantized tensors. */
naru_status int8_is_float(const model_bytes *m, graph_reader read, bool *out, naru_error *err);
const int8_recipe *int8_recipe_copy(const int8_recipe *r, arena *a); /* NULL: out of memory */

#endif
