/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2 and FMA.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/pool/pool_tmpl.h"

const k_pool k_pool_avx2 = {FN(nchw), FN(nhwc)};
#endif
