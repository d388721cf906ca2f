/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2: s16 pairs.
 */
#if defined(__AVX2__)
#define QGROUP 2
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/qgemm/qgemm_tmpl.h"

const k_qgemm k_qgemm_avx2 = Q_TABLE;
#endif
