/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/dwconv/dwconv_tmpl.h"

const k_dwconv k_dwconv_avx512 = {FN(run)};
#endif
