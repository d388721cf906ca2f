/* SPDX-License-Identifier: MIT
 *
 * Special functions as compositions of graph operators, for export: good to a few units of 1e-7 where the function is
 * not near a zero; poles and NaN as PyTorch has them.
 */
#ifndef SCRIPT_ATEN_SPECIAL_RECORD_H
#define SCRIPT_ATEN_SPECIAL_RECORD_H

#include "script/lower.h"

sten *sr_erfinv(lower *L, sten *x);
sten *sr_lgamma(lower *L, sten *x);
sten *sr_digamma(lower *L, sten *x);
sten *sr_entr(lower *L, sten *x);
/* Functions that ONNX Runtime has for float only, of a double: op is &op_Tan, &op_Atan, ... NULL: none of them. */
sten *sr_of_double(lower *L, const op_desc *op, sten *x);

#endif
