/* SPDX-License-Identifier: MIT
 *
 * Checkpoints of torch.save (.pth, .pt, .bin, .ckpt): the zip form and the legacy stream of pickles. The result is a
 * list of named tensors, as a state_dict has them; nested dictionaries and lists give dotted names. Nothing in the file
 * is executed; what is no tensor is left out, and an unknown class is an error only where tensors were asked for.
 */
#ifndef FORMATS_TORCH_CHECKPOINT_H
#define FORMATS_TORCH_CHECKPOINT_H

#include "formats/torch/tensors.h"

typedef struct checkpoint_entry {
    const char *name; /* "layer1.0.conv1.weight" */
    torch_tensor tensor;
} checkpoint_entry;

typedef struct checkpoint {
    checkpoint_entry *entries; /* in the file's order */
    size_t count;
    const char *selected; /* the key whose dictionary this is, dotted; "" for the whole */
    bool legacy;          /* the stream of pickles */
    arena *arena;         /* owns the names */
} checkpoint;

/* select: a dotted path of keys ("model", "ema.module"); NULL: the dictionary of tensors itself, or the well-known or
 * only one inside ("state_dict", "model", ...); when that is not clear the error lists the keys. */
naru_status checkpoint_open(const char *path, const char *select, checkpoint **out, naru_error *err);
/* The caller's bytes, free to go afterwards. `name` stands for the path. */
naru_status checkpoint_open_memory(const void *data, size_t size, const char *name, const char *select,
                                   checkpoint **out, naru_error *err);
void checkpoint_free(checkpoint *c);                                        /* accepts NULL */
const torch_tensor *checkpoint_find(const checkpoint *c, const char *name); /* NULL: none */

/* A state_dict in the zip form that torch.load reads with weights_only. Tensors of one storage stay so. */
naru_status checkpoint_save(const char *path, size_t count, const char *const *names, const torch_tensor *tensors,
                            naru_error *err);

#endif
