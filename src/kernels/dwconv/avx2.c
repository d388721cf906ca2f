/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/dwconv/dwconv_tmpl.h"

const k_dwconv k_dwconv_avx2 = {FN(run)};
#endif
