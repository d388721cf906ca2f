/* SPDX-License-Identifier: MIT
 *
 * The vocabulary in AVX2.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) lanes_##name##_avx2
#include "kernels/lanes/lanes_tmpl.h"

const k_lanes k_lanes_avx2 = {VL,
                              {
#define LANES_WORD(name) [K_LANES_##name] = FN(name),
#include "kernels/lanes/words.def"
#undef LANES_WORD
                              }};
#endif
