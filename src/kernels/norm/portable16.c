/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 16 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name) name##_portable16
#include "kernels/norm/norm_tmpl.h"

const k_norm k_norm_portable16 = {FN(layer),         FN(moments), FN(affine), FN(column_moments),
                                  FN(column_affine), FN(lp),      FN(lrn)};
