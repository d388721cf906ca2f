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
typedef struct region_user region_user;
extern const sink eager_sink;

/* One per concurrent call. The pool is borrowed. */
naru_status eager_new(cpu_level cpu, pool *p, uint64_t seed, eager **out, naru_error *err);
void eager_free(eager *e);
/* Regions that calls may run as (region.h): the state owns `u`. NULL: none. */
void eager_use_regions(eager *e, region_user *u);
region_user *eager_regions(const eager *e);
pool *eager_pool(const eager *e);
/* A recorded view of what is now a tensor: places may still count from the end. NULL: said in L. */
sten *eager_view_later(lower *L, sten *t, const view_step *v);
void sten_copy(sten *to, const sten *from); /* elements; same type and dims, other memory; `to` counts as written */
void eager_seed(eager *e, uint64_t seed);   /* torch.manual_seed */
struct kept_list **eager_kept(eager *e);    /* kept.h's place */

#endif
