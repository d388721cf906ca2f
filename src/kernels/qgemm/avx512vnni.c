/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512 VNNI: quadruples of 8 bits; and the table of the one whose products are AMX tiles (amx.c).
 */
#if defined(__AVX512VNNI__)
#define QGROUP 4
#include "kernels/lanes.h"
#define FN(name) name##_avx512vnni
#include "kernels/qgemm/qgemm_tmpl.h"
#include "kernels/qgemm/tile_parts.h"

const k_qgemm k_qgemm_avx512vnni = Q_TABLE;
const k_qgemm k_qgemm_amx = Q_TABLE_OF(k_qgemm_run_amx, k_qgemm_rows_amx);
#endif
