/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2 and FMA.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/reduce/reduce_tmpl.h"

const k_reduce k_reduce_avx2 = {FN(run), FN(arg)};
#endif
