/* SPDX-License-Identifier: MIT
 *
 * The cache of the eager sink: an operator with its attributes, input types, ranks and known contents, the tactic
 * chosen for it, its packed weights. Found by hashing what decides the choice; the oldest go when there are too many.
 */
#ifndef SCRIPT_STEPS_H
#define SCRIPT_STEPS_H

#include "script/lower.h"
#include "tactics/tactic.h"

typedef struct step_cache step_cache;
typedef struct cached_step {
    struct cached_step *next; /* same bucket */
    uint64_t hash, used;
    size_t key_size;
    uint8_t *key;
    arena *arena;
    node node;
    step step;
    ARRAY(void *) weights;
    ARRAY(sten *) held; /* constants that the step was prepared from */
} cached_step;

step_cache *step_cache_new(cpu_level cpu, int threads); /* NULL: out of memory */
void step_cache_free(step_cache *c);
/* The step for this call: made when it is new. constant[i]: input i never changes (a parameter, by storage version) or
 * is small and decides the choice (its content is part of the key). */
naru_status step_cache_get(step_cache *c, const op_desc *op, const la *attrs, int nin, sten *const *in,
                           const bool *constant, int nout, cached_step **out, naru_error *err);

#endif
