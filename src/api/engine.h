/* SPDX-License-Identifier: MIT
 *
 * The handles of engines and of what the builder is given.
 */
#ifndef API_ENGINE_H
#define API_ENGINE_H

#include "builder/builder.h"
#include "naru/builder.h"
#include "naru/engine.h"

struct naru_engine {
    atomic_int refs;
    built *b;
    pool *pool;
    arena *arena; /* texts of ports */
    char **input_types, **output_types;
    uint64_t seed;
};

struct naru_profile {
    shape_profile p;
};

struct naru_timing_cache {
    timing_cache c;
};

/* Takes b and p, also on failure. */
naru_status engine_handle(built *b, pool *p, uint64_t seed, naru_engine **out, naru_error *err);
naru_engine *engine_retain(naru_engine *e);
void engine_release(naru_engine *e); /* accepts NULL */
/* The pool that the options ask for. */
naru_status options_pool(const naru_options *o, pool **out, naru_error *err);
/* Texts of the types of a block's inputs and outputs. */
naru_status port_texts(const graph *g, arena *a, char ***in, char ***out, naru_error *err);
naru_status bytes_of_graph(const graph *g, model_bytes **out, naru_error *err);
/* Inputs by value (NULL: not given) against the engine's profiles. *variant: the set of tactics to run. */
naru_status engine_fits(const naru_engine *e, naru_value *const *in, int *variant, naru_error *err);

/* Loads a plugin library from memory (plugin.c): its code runs. */
naru_status plugin_load_memory(const char *name, const void *data, size_t size, naru_error *err);

#endif
