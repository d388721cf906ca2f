/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 16 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name) name##_portable16
#include "kernels/pointwise/pointwise_tmpl.h"

const k_pointwise k_pointwise_portable16 = {.fn = {
#define PW_OP(name, operands, from, to) [K_PW_##name] = FN(name),
#include "kernels/pointwise/ops.def"
#undef PW_OP
                                            }};
