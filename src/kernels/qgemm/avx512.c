/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512 BW: s16 pairs.
 */
#if defined(__AVX512F__)
#define QGROUP 2
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/qgemm/qgemm_tmpl.h"

const k_qgemm k_qgemm_avx512 = Q_TABLE;
#endif
