/* SPDX-License-Identifier: MIT
 *
 * AMX itself, where the CPU has it and the kernel permits it; else skipped.
 */
#if defined(__AMX_INT8__)
#define TILES_LEVEL CPU_AMX
#include "tiles_check.h"
#else
#include <stdio.h>
int main(void) { return printf("not run: compiled without AMX\n"), 77; }
#endif
