/* SPDX-License-Identifier: MIT
 *
 * Optimization profiles: as a user states them (shape_profile), and settled against a graph (profile_range, one per
 * profile and main input, nothing left open).
 */
#ifndef BUILDER_PROFILES_H
#define BUILDER_PROFILES_H

#include "graph/graph.h"

enum { BOUND_MIN, BOUND_OPT, BOUND_MAX, BOUNDS };
enum { PROFILES_MAX = 64, PROFILE_VALUES_MAX = 64 };

typedef struct profile_input {
    char *name;
    bool has_dims[BOUNDS], has_values[BOUNDS];
    int rank[BOUNDS];
    int64_t dims[BOUNDS][NARU_MAX_RANK];
    size_t count[BOUNDS];
    int64_t values[BOUNDS][PROFILE_VALUES_MAX];
} profile_input;

typedef struct shape_profile {
    ARRAY(profile_input) inputs;
} shape_profile;

void shape_profile_clear(shape_profile *p);
naru_status shape_profile_copy(shape_profile *to, const shape_profile *from, naru_error *err);
naru_status shape_profile_dims(shape_profile *p, const char *input, int which, int rank, const int64_t *dims,
                               naru_error *err);
naru_status shape_profile_values(shape_profile *p, const char *input, int which, size_t count, const int64_t *values,
                                 naru_error *err);

typedef struct profile_range {
    bool open; /* not a tensor of known rank: anything goes */
    int rank;
    int64_t dims[BOUNDS][NARU_MAX_RANK];
    int nvalues; /* 0: the content is not bounded */
    int64_t values[BOUNDS][PROFILE_VALUES_MAX];
} profile_range;

/* Every rule; out: one per main input of b. index: the profile's number for messages, -1: it has none. */
naru_status profile_settle(const graph *g, const shape_profile *p, int index, profile_range *out, naru_error *err);

/* Profiles of an engine: ranges[profile * ninputs + input]. */
typedef struct profile_set {
    const graph *graph; /* names of inputs */
    int n, ninputs;
    profile_range *ranges;
} profile_set;

/* The shapes of a run: rank -1 where an input has none (yet). values may be NULL. */
typedef struct run_shape {
    int rank;
    const int64_t *dims;
    const int64_t *values;
    int nvalues;
} run_shape;

/* Whether the shapes (as far as known) fit profile `wanted`; -1: the best fitting one, told in *chosen. The error names
 * input, axis, value, range and the nearest profile. */
naru_status profile_choose(const profile_set *s, const run_shape *shapes, int wanted, int *chosen, naru_error *err);

#endif
