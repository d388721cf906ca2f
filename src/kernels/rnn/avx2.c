/* SPDX-License-Identifier: MIT
 *
 * The family in AVX2 and FMA.
 */
#if defined(__AVX2__)
#include "kernels/lanes.h"
#define FN(name) name##_avx2
#include "kernels/rnn/rnn_tmpl.h"

const k_rnn k_rnn_avx2 = {FN(matvec), FN(lstm), FN(gru_linear), FN(gru_reset), FN(gru_output), FN(rnn)};
#endif
