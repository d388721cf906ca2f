/* SPDX-License-Identifier: MIT
 *
 * The family in AVX-512.
 */
#if defined(__AVX512F__)
#include "kernels/lanes.h"
#define FN(name) name##_avx512
#include "kernels/rnn/rnn_tmpl.h"

const k_rnn k_rnn_avx512 = {FN(matvec), FN(lstm), FN(gru_linear), FN(gru_reset), FN(gru_output), FN(rnn)};
#endif
