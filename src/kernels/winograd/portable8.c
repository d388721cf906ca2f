/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 8 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 8
#include "kernels/lanes.h"
#define FN(name) name##_portable8
#include "kernels/winograd/winograd_tmpl.h"

const k_winograd k_winograd_portable8 = {FN(run)};
