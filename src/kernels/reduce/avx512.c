/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/reduce/reduce_tmpl.h"

const k_reduce k_reduce_avx512 = {FN(run), FN(arg)};
#endif
