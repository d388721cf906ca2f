/* SPDX-License-Identifier: MIT
 *
 * The eager sink: operators run as steps the moment they are called. Steps (operator, attributes, types, ranks, packed
 * constants) are found in a cache; views are strides; writes go into the storage.
 */
#ifndef SCRIPT_EAGER_H
#define SCRIPT_EAGER_H

#include "base/cpu.h"
#include "base/pool.h"
#include "script/vm.h"

typedef struct eager eager;
extern const sink eager_sink;

/* One per concurrent call. The pool is borrowed. */
naru_status eager_new(cpu_level cpu, pool *p, uint64_t seed, eager **out, naru_error *err);
void eager_free(eager *e);
void eager_seed(eager *e, uint64_t seed); /* torch.manual_seed */
struct kept_list **eager_kept(eager *e);  /* kept.h's place */

#endif
