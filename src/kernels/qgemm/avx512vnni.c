/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512 VNNI: quadruples of 8 bits.
 */
#if defined(__AVX512VNNI__)
#define QGROUP 4
#include "kernels/lanes.h"
#define FN(name) name##_avx512vnni
#include "kernels/qgemm/qgemm_tmpl.h"

const k_qgemm k_qgemm_avx512vnni = Q_TABLE;
#endif
