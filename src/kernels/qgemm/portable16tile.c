/* SPDX-License-Identifier: MIT
 *
 * The products in tiles in plain C: for tests on machines without AMX.
 */
#define LANES_PORTABLE 16
#define TILE_FN(name)  name##_portable16tile
#define TILE_FEW_BY    k_qgemm_portable16vnni
#include "kernels/qgemm/tile_tmpl.h"
