/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/pool/pool_tmpl.h"

const k_pool k_pool_avx512 = {FN(nchw), FN(nhwc)};
#endif
