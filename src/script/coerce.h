/* SPDX-License-Identifier: MIT
 *
 * Values from outside become what a method declares: ints become floats, lists and dicts get their element types.
 */
#ifndef SCRIPT_COERCE_H
#define SCRIPT_COERCE_H

#include "script/value.h"

/* v (borrowed) as a value of type t. Lists and dicts are changed in place: identity is kept. TYPE when it cannot be;
 * `what` names it in the message. */
naru_status sv_coerce(sv v, const stype *t, const char *what, sv *out, naru_error *err);

#endif
