/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/resize/resize_tmpl.h"

const k_resize k_resize_avx512 = {FN(taps)};
#endif
