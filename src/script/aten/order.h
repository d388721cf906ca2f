/* SPDX-License-Identifier: MIT
 *
 * Equality and order of any two values, as lists and sorting need them: tensors by their one element, objects by
 * __lt__.
 */
#ifndef SCRIPT_ATEN_ORDER_H
#define SCRIPT_ATEN_ORDER_H

#include "script/aten/host.h"

bool order_same(lower *L, sv a, sv b);
bool order_less(lower *L, sv a, sv b);

#endif
