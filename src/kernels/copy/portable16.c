/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 16 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name) name##_portable16
#include "kernels/copy/copy_tmpl.h"

const k_copy k_copy_portable16 = {FN(transpose1), FN(transpose2), FN(transpose4), FN(transpose8)};
