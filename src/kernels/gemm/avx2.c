/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm_avx2 = GEMM_TABLE;
#endif
