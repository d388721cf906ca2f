/* SPDX-License-Identifier: MIT
 *
 * s16 pairs in compiler vectors of 16 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 16
#define QGROUP         2
#include "kernels/lanes.h"
#define FN(name) name##_portable16
#include "kernels/qgemm/qgemm_tmpl.h"

const k_qgemm k_qgemm_portable16 = Q_TABLE;
