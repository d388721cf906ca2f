/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 8 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 8
#include "kernels/lanes.h"
#define FN(name) name##_portable8
#include "kernels/rnn/rnn_tmpl.h"

const k_rnn k_rnn_portable8 = {FN(matvec), FN(lstm), FN(gru_linear), FN(gru_reset), FN(gru_output), FN(rnn)};
