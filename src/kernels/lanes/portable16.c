/* SPDX-License-Identifier: MIT
 *
 * The vocabulary in compiler vectors of 16 lanes.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name) lanes_##name##_portable16
#include "kernels/lanes/lanes_tmpl.h"

const k_lanes k_lanes_portable16 = {VL,
                                    {
#define LANES_WORD(name) [K_LANES_##name] = FN(name),
#include "kernels/lanes/words.def"
#undef LANES_WORD
                                    }};
