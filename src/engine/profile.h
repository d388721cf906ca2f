/* SPDX-License-Identifier: MIT
 *
 * Step times of a session as Chrome trace events (load the file in a trace viewer). One profile may be shared by
 * several contexts.
 */
#ifndef ENGINE_PROFILE_H
#define ENGINE_PROFILE_H

#include "engine/engine.h"

naru_status profile_new(const char *path, profile **out, naru_error *err);
int64_t profile_now(void); /* nanoseconds */
/* One event; what: the step, NULL for a whole run. Events past a million are dropped. */
void profile_add(profile *p, const step *what, const context *c, int64_t begin, int64_t end);
/* Writes the file and frees *p; accepts NULL. */
naru_status profile_finish(profile *p, naru_error *err);

#endif
