/* SPDX-License-Identifier: MIT
 *
 * The tiles' twin in plain C.
 */
#define LANES_PORTABLE 16
#define TILES_LEVEL    CPU_REF
#include "tiles_check.h"
