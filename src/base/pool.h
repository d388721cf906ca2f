/* SPDX-License-Identifier: MIT
 *
 * The thread pool: fork-join over index ranges. Workers spin briefly between the loops of a run, then park; an idle
 * process uses no CPU. One loop runs at a time: a nested or contended parallel_for runs inline on its caller.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "naru/error.h"

typedef struct pool pool;

/* CPUs this process may use: affinity and the cgroup's quota honoured; at least 1. */
int pool_cpus(void);
/* threads counts the caller: 1 makes a pool without workers; 0: pool_cpus(). spin_us: how long a worker spins before it
 * parks. */
naru_status pool_create(int threads, int spin_us, pool **out, naru_error *err);
void pool_destroy(pool *p);      /* accepts NULL; no loop may be running */
int pool_threads(const pool *p); /* NULL: 1 */

/* Calls fn(arg, begin, end, worker) so that [0, n) is covered once, in pieces of at least `grain` indices; returns when
 * all is done. worker < pool_threads(p) identifies the thread within this loop. fn must not fail: it records errors in
 * arg. */
typedef void (*pool_fn)(void *arg, int64_t begin, int64_t end, int worker);
void parallel_for(pool *p, int64_t n, int64_t grain, pool_fn fn, void *arg);

#endif
