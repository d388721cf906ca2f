/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 16 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name) name##_portable16
#include "kernels/winograd/winograd_tmpl.h"

const k_winograd k_winograd_portable16 = {FN(run)};
