/* SPDX-License-Identifier: MIT
 *
 * The two products of qgemm.h in tiles (tile_tmpl.h). All else of a kernel in tiles is the VNNI kernel's, whose packed
 * B it takes, too; its table stands beside that kernel's.
 */
#ifndef KERNELS_QGEMM_TILE_PARTS_H
#define KERNELS_QGEMM_TILE_PARTS_H

#include "kernels/qgemm/qgemm.h"

#define TILE_PARTS(isa)                                                                                                \
    void k_qgemm_run_##isa(const k_qgemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace);    \
    void k_qgemm_rows_##isa(const k_qgemm_rows *g, int64_t m, int64_t p0, int64_t p1);
TILE_PARTS(amx)
TILE_PARTS(portable16tile)
#undef TILE_PARTS

#endif
