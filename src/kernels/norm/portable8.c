/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 8 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 8
#include "kernels/lanes.h"
#define FN(name) name##_portable8
#include "kernels/norm/norm_tmpl.h"

const k_norm k_norm_portable8 = {FN(layer),         FN(moments), FN(affine), FN(column_moments),
                                 FN(column_affine), FN(lp),      FN(lrn)};
