/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/winograd/winograd_tmpl.h"

const k_winograd k_winograd_avx2 = {FN(run)};
#endif
