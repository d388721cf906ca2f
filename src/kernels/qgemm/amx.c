/* SPDX-License-Identifier: MIT
 *
 * The products in AMX tiles.
 */
#if defined(__AMX_INT8__)
#define TILE_FN(name) name##_amx
#define TILE_FEW_BY   k_qgemm_avx512vnni
#include "kernels/qgemm/tile_tmpl.h"
#endif
