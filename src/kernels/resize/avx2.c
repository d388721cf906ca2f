/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2 and FMA.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/resize/resize_tmpl.h"

const k_resize k_resize_avx2 = {FN(taps)};
#endif
