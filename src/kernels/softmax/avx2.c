/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2 and FMA.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/softmax/softmax_tmpl.h"

const k_softmax k_softmax_avx2 = {FN(rows), FN(columns)};
#endif
