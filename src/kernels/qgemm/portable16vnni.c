/* SPDX-License-Identifier: MIT
 *
 * Quadruples of 8 bits in compiler vectors of 16 lanes: for tests on machines without VNNI.
 */
#define LANES_PORTABLE 16
#define QGROUP         4
#include "kernels/lanes.h"
#define FN(name) name##_portable16vnni
#include "kernels/qgemm/qgemm_tmpl.h"

const k_qgemm k_qgemm_portable16vnni = Q_TABLE;
