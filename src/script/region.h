/* SPDX-License-Identifier: MIT
 *
 * Regions: calls of functions whose tensor code is straight enough are recorded once (record.h), compiled into an
 * engine and run as that from then on. A region is found by what its recording depended on: the kinds of the arguments,
 * element types, ranks, which sizes are 0 or 1, and, when it could not be had more generally, numbers and sizes. It is
 * left again when a parameter that it took for constant has been written since. What does not record is interpreted,
 * and the functions that it calls are tried in their turn.
 */
#ifndef SCRIPT_REGION_H
#define SCRIPT_REGION_H

#include "base/cpu.h"
#include "script/eager.h"

typedef struct region_set region_set; /* of a module; shared by its threads */

region_set *region_set_new(cpu_level cpu, int threads); /* NULL: out of memory */
void region_set_free(region_set *s);                    /* no call may be running; accepts NULL */
void region_set_clear(region_set *s);                   /* attributes were replaced: all regions are stale */
/* Runs the call as region: true, with *out and *st; false: interpret it. */
bool region_call(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_status *st, naru_error *err);

/* The same, but none is made: for callers that hold the module only for reading. */
bool region_call_known(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_status *st, naru_error *err);

/* For eager states: the set that they use, and the contexts that they keep. */
region_user *region_user_new(region_set *s); /* NULL: out of memory */
void region_user_free(region_user *u);       /* accepts NULL */

#endif
