/* SPDX-License-Identifier: MIT
 *
 * The family in compiler vectors of 8 lanes: for tests on machines without the ISA of that width.
 */
#define LANES_PORTABLE 8
#include "kernels/lanes.h"
#define FN(name) name##_portable8
#include "kernels/gemm/gemm_tmpl.h"

const k_gemm k_gemm_portable8 = GEMM_TABLE;
