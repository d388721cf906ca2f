/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/copy/copy_tmpl.h"

const k_copy k_copy_avx512 = {FN(transpose1), FN(transpose2), FN(transpose4), FN(transpose8)};
#endif
