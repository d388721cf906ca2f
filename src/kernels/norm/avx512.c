/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/norm/norm_tmpl.h"

const k_norm k_norm_avx512 = {FN(layer),         FN(moments), FN(affine), FN(column_moments),
                              FN(column_affine), FN(lp),      FN(lrn)};
#endif
