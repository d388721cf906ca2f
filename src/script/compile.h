/* SPDX-License-Identifier: MIT
 *
 * What others need of the compiler beyond unit.h: the entry of a module with hooks, operators that a unit needs and
 * this build lacks, and the seam through which names outside the source (Python globals) reach the compiler.
 */
#ifndef SCRIPT_COMPILE_H
#define SCRIPT_COMPILE_H

#include "script/unit.h"

/* What `module(...)` from outside runs: forward with the module's hooks around it, as a function of forward's
 * parameters (compiled with unit_compile like any other); forward itself where there are no hooks. NOT_FOUND: no
 * forward. */
naru_status sclass_entry(unit *u, sclass *c, sfunction **out, naru_error *err);

/* Compiles every function of every class and function declared so far (and what those reach), and reports what fails:
 * code "unknown-operator" (where: the operator) once each, "not-compiled" (where: the function). */
naru_status unit_check(unit *u, naru_report *report, naru_error *err);

#endif
