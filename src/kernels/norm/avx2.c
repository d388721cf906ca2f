/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2 and FMA.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/norm/norm_tmpl.h"

const k_norm k_norm_avx2 = {FN(layer), FN(moments), FN(affine), FN(column_moments), FN(column_affine), FN(lp), FN(lrn)};
#endif
