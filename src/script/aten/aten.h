/* SPDX-License-Identifier: MIT
 *
 * Declares the function of every operator of aten.def. Each file of this folder includes it (and no other header of the
 * folder need declare them); lower.c builds the table from it.
 */
#ifndef SCRIPT_ATEN_ATEN_H
#define SCRIPT_ATEN_ATEN_H

#include "script/lower.h"

#define ATEN(schema, function) void aten_##function(lower *L);
#include "script/aten/aten.def"
#undef ATEN

#endif
