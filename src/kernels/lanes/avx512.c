/* SPDX-License-Identifier: MIT
 *
 * The vocabulary in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) lanes_##name##_avx512
#include "kernels/lanes/lanes_tmpl.h"

const k_lanes k_lanes_avx512 = {VL,
                                {
#define LANES_WORD(name) [K_LANES_##name] = FN(name),
#include "kernels/lanes/words.def"
#undef LANES_WORD
                                }};
#endif
