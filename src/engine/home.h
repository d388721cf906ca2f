/* SPDX-License-Identifier: MIT
 *
 * Values that live inside another value's memory, so that joining and cutting move nothing: what enters a Concat is
 * written at its place in the result, what a Split gives is read where it lies. Found anew for each plan, since it
 * depends on shapes.
 */
#ifndef ENGINE_HOME_H
#define ENGINE_HOME_H

#include "engine/engine.h"

typedef struct home {
    int base;      /* slot of the value whose memory it is; -1: memory of its own */
    int64_t at;    /* elements from the base's start */
    int64_t pitch; /* elements from row to row along the last axis; 0: dense */
} home;

/* The homes of all slots for steps [first, last) of p; facts (per slot) of these steps are complete. *out: nslots of
 * them in `a`. Errors: OUT_OF_MEMORY. */
naru_status homes_find(const engine *e, const program *p, int variant, const fact *facts, int first, int last, arena *a,
                       home **out, naru_error *err);

/* Strides of a contiguous tensor whose rows are `pitch` elements apart; 0: it stays contiguous. */
static inline void tensor_set_pitch(naru_tensor *t, int64_t pitch) {
    for (int i = t->rank - 2; pitch && i >= 0; i--) {
        t->strides[i] = pitch;
        pitch *= t->dims[i];
    }
}

#endif
