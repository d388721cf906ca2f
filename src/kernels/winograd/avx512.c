/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/winograd/winograd_tmpl.h"

const k_winograd k_winograd_avx512 = {FN(run)};
#endif
