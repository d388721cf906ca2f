/* SPDX-License-Identifier: MIT
 *
 * s16 pairs in compiler vectors of 8 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 8
#define QGROUP         2
#include "kernels/lanes.h"
#define FN(name) name##_portable8
#include "kernels/qgemm/qgemm_tmpl.h"

const k_qgemm k_qgemm_portable8 = Q_TABLE;
