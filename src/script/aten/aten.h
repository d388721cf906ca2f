/* SPDX-License-Identifier: MIT
 *
 * Declares the function of every operator of aten.def. Each file of this folder includes it (and no other header of the
 * folder need declare them); lower.c builds the table from it.
 */
#ifndef SCRIPT_ATEN_ATEN_H
#define SCRIPT_ATEN_ATEN_H

#include "script/lower.h"

#define ATEN(schema, function) void aten_##function(lower *L);
#define ATEN_F(schema, function)                                                                                       \
    void aten_##function(lower *L);                                                                                    \
    bool fast_##function(const sv *args, sv *out);
#include "script/aten/aten.def"
#undef ATEN
#undef ATEN_F

#endif
