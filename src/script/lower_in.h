/* SPDX-License-Identifier: MIT
 *
 * What the files of lower.h share among themselves. Private to lower*.c.
 */
#ifndef SCRIPT_LOWER_IN_H
#define SCRIPT_LOWER_IN_H

#include "script/vm.h"

void lower_oom(lower *L); /* the call fails for want of memory */
/* Argument i is of another type than the operator takes; wanted: as PyTorch writes it. */
void lower_wrong_type(lower *L, int i, const char *wanted, sv got);

#endif
