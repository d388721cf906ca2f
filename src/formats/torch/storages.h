/* SPDX-License-Identifier: MIT
 *
 * Storages of one file by folder and key: what tensors.c reads through.
 */
#ifndef FORMATS_TORCH_STORAGES_H
#define FORMATS_TORCH_STORAGES_H

#include "formats/torch/tensors.h"

/* A part of a storage: the whole, but for the views of legacy checkpoints. */
typedef struct storage_part {
    storage *storage;    /* no reference of its own: the table holds one */
    uint8_t *data;       /* first byte */
    uint64_t bytes;      /* from there on */
    torch_scalar scalar; /* of the persistent id; TORCH_SCALAR_NONE: untyped */
} storage_part;

/* The storage that persistent id p names. unit: bytes of what must be swapped in files of big-endian machines; 0: as
 * the persistent id's type says. */
naru_status storages_get(torch_storages *s, const char *folder, const pk *p, size_t unit, storage_part *out,
                         naru_error *err);

#endif
