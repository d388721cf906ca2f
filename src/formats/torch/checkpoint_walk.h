/* SPDX-License-Identifier: MIT
 *
 * From the pickle of a checkpoint to named tensors: which dictionary is meant, and what it holds.
 */
#ifndef FORMATS_TORCH_CHECKPOINT_WALK_H
#define FORMATS_TORCH_CHECKPOINT_WALK_H

#include "formats/torch/checkpoint.h"

/* The part of root that `select` names, or the obvious one (NULL); *path: its dotted keys, in the arena. */
naru_status checkpoint_select(const pk *root, const char *select, arena *a, const pk **out, const char **path,
                              naru_error *err);
/* All tensors at and below p into c->entries; names are in c->arena. */
naru_status checkpoint_collect(checkpoint *c, torch_storages *s, const char *folder, const pk *p, naru_error *err);

/* The pickled state of an nn.Module, where its parameters, buffers and children are; NULL: p is none. */
const pk *checkpoint_module_state(const pk *p);

#endif
