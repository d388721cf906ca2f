/* SPDX-License-Identifier: MIT
 *
 * The last word of a build: the network with the tactics that were measured against the network with those of
 * experience. A tactic is timed alone, without its neighbours' claims on the caches, and on a busy machine a time is
 * wrong now and then; if the whole is no faster, experience's tactics are kept. So no engine is slower than a session.
 */
#ifndef BUILDER_DUEL_H
#define BUILDER_DUEL_H

#include "builder/builder.h"

/* Whether there is something to compare: from level 3 on, all in FP32, experience's tactics are free to be taken, and
 * some step's choice is another. */
bool duel_wanted(const built *b, const tuned *steps, const build_options *o);

/* Runs b->engine and `experience` (the tuned_high tactics) in turn at each profile's OPT, unless the timing cache knows
 * the times, to which they go otherwise. *lost: b->engine is not faster; the tactics that were measured to be have got
 * that for a reason, so that tuned_choice is experience's. Without a verdict (no time left by `deadline`, 0: none; a
 * run that fails; no time in a cache that has to have it) the choice stands. */
naru_status duel(const built *b, const engine *experience, tuned *steps, const build_options *o, int64_t deadline,
                 bool *lost, naru_error *err);

#endif
