/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm_avx512 = GEMM_TABLE;
#endif
