/* SPDX-License-Identifier: MIT
 *
 * Frames of the machine: made with their arguments, popped with all they hold. Private to vm*.c.
 */
#ifndef SCRIPT_VM_FRAME_H
#define SCRIPT_VM_FRAME_H

#include "script/vm.h"

/* A new top frame for f, compiled when need be; missing arguments by default. */
naru_status frame_push(vm *m, sfunction *f, int n, const sv *args, naru_error *err);
/* The same for a caller from outside: arguments are checked against the signature, ints may stand for floats. */
naru_status frame_push_checked(vm *m, sfunction *f, int n, const sv *args, naru_error *err);
void frame_pop(vm *m);
void frames_free(vm *m);

#endif
