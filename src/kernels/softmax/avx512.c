/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/softmax/softmax_tmpl.h"

const k_softmax k_softmax_avx512 = {FN(rows), FN(columns)};
#endif
