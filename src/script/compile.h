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

/* ---- Python source: what the text alone does not say ---- */
typedef struct unit_name { /* what a name from outside a function stands for */
    enum {
        NAME_UNKNOWN, /* the language's own names are tried next */
        NAME_VALUE,   /* a constant; the compiler takes over the reference */
        NAME_FUNCTION,
        NAME_CLASS,
        NAME_SPACE /* a module: "torch", "torch.nn.functional", "math" */
    } kind;
    sv value;
    const stype *type;
    sfunction *fn;
    sclass *cls;
    const char *dotted; /* lives with the unit */
} unit_name;
/* Asked for each name in `in` that is no variable there, under the unit's lock. An error ends the compilation. */
typedef naru_status (*unit_name_fn)(void *user, const sfunction *in, const char *name, unit_name *out, naru_error *err);
void unit_set_names(unit *u, unit_name_fn fn, void *user);

/* Declares a module class whose methods are those of `def` (AST_CLASS of the file at `path`), whose attributes in slot
 * order and constants are given (copied; constants' values and defaults are taken over on success). INVALID_ARGUMENT:
 * the name is taken. */
naru_status unit_module(unit *u, const char *qualname, const char *path, const ast *def, int nattrs, const sattr *attrs,
                        int nconstants, const struct sconstant *constants, sclass **out, naru_error *err);

#endif
