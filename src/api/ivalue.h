/* SPDX-License-Identifier: MIT
 *
 * The public value handle: a value of the machine, and the module whose types it may name.
 */
#ifndef API_IVALUE_H
#define API_IVALUE_H

#include "naru/script.h"
#include "script/module.h"
#include "script/plugin.h"

naru_status ivalue_wrap(sv v, module *owner, naru_ivalue **out, naru_error *err); /* takes over v, also on failure */
sv ivalue_sv(const naru_ivalue *v);                                               /* borrowed */
void ivalue_call_operator(lower *L);                                              /* of a plugin_op with `script` */

#endif
