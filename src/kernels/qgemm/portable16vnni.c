/* SPDX-License-Identifier: MIT
 *
 * Quadruples of 8 bits in compiler vectors of 16 lanes: for tests on machines without VNNI; and the table
 * beside it, as avx512vnni.c has one.
 */
#define LANES_PORTABLE 16
#define QGROUP         4
#include "kernels/lanes.h"
#define FN(name) name##_portable16vnni
#include "kernels/qgemm/qgemm_tmpl.h"
#include "kernels/qgemm/tile_parts.h"

const k_qgemm k_qgemm_portable16vnni = Q_TABLE;
const k_qgemm k_qgemm_portable16tile = Q_TABLE_OF(k_qgemm_run_portable16tile, k_qgemm_rows_portable16tile);
