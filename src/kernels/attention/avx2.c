/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2 and FMA.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/attention/attention_tmpl.h"

const k_attention k_attention_avx2 = {FN(run)};
#endif
