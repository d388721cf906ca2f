/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/pointwise/pointwise_tmpl.h"

const k_pointwise k_pointwise_avx512 = {.fn = {
#define PW_OP(name, operands, from, to) [K_PW_##name] = FN(name),
#include "kernels/pointwise/ops.def"
#undef PW_OP
                                        }};
#endif
