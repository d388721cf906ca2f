/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2 and FMA.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/copy/copy_tmpl.h"

const k_copy k_copy_avx2 = {FN(transpose1), FN(transpose2), FN(transpose4), FN(transpose8)};
#endif
