/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 16 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 16
#include "kernels/lanes.h"
#define FN(name) name##_portable16
#include "kernels/rnn/rnn_tmpl.h"

const k_rnn k_rnn_portable16 = {FN(matvec), FN(lstm), FN(gru_linear), FN(gru_reset), FN(gru_output), FN(rnn)};
