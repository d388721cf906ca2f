/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 8 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 8
#include "kernels/lanes.h"
#define FN(name) name##_portable8
#include "kernels/pointwise/pointwise_tmpl.h"

const k_pointwise k_pointwise_portable8 = {.fn = {
#define PW_OP(name, operands, from, to) [K_PW_##name] = FN(name),
#include "kernels/pointwise/ops.def"
#undef PW_OP
                                           }};
