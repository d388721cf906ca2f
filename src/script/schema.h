/* SPDX-License-Identifier: MIT
 *
 * Operators as TorchScript knows them: a schema text and the function that lowers it (lower.h). aten/aten.def is the
 * one list; its order decides overloads. Schemas are parsed when first asked for. Plugins' operators are added at run
 * time.
 */
#ifndef SCRIPT_SCHEMA_H
#define SCRIPT_SCHEMA_H

#include "script/value.h"

typedef struct lower lower;
typedef void (*lower_fn)(lower *L);
/* The short way of a simple operator with one result: all arguments are given, *out becomes the caller's (UNINIT: out
 * of memory). False: not these values, or an error; nothing has happened, the long way is taken and says why. */
typedef bool (*fast_fn)(const sv *args, sv *out);

typedef struct sparam {
    const char *name;
    const stype *type;
    int fixed;                         /* int[2]: 2, a single value stands for as many; else 0 */
    bool kwonly, has_default, mutated; /* mutated: Tensor(a!) */
    sv dflt;
} sparam;

typedef struct schema {
    const char *text;
    const char *name;     /* "aten::add" */
    const char *overload; /* "Tensor"; "" */
    int nparams, nreturns;
    const sparam *params;
    const stype *const *returns;
    const char *const *return_names; /* NULL entries: unnamed; all named: a NamedTuple by field */
    bool vararg;                     /* "..." at the end of the parameters */
    bool varret;                     /* "-> ..." : the compiler decides */
} schema;

typedef struct sop {
    const schema *schema;
    lower_fn fn;
    void *user;             /* custom operators */
    fast_fn fast;           /* or NULL */
    int nfast;              /* arguments that it takes */
    const struct sop *next; /* next overload of the same name, in list order */
} sop;

/* First overload of "aten::add" (and then ->next), or NULL. "aten::add_" without an entry of its own is derived from
 * "aten::add": computed, then written into self (in-place forms), and likewise the out forms: see lower.c. */
const sop *sop_find(const char *name);
/* All names, for "did you mean" and `naru list`. NULL past the end. */
const char *sop_text(size_t i);
/* Parses one schema text into the arena; the default values are references of out's own: schema_drop gives them back
 * (nothing to give back after a failure). */
naru_status schema_parse(arena *a, const char *text, schema *out, naru_error *err);
void schema_drop(const schema *s);
/* Registering an operator at run time, in two steps so that several are registered or none: prepare checks and
 * allocates, publish cannot fail. text as in aten.def. Errors: BAD_MODEL (does not parse), INVALID_ARGUMENT (exists
 * already), OUT_OF_MEMORY. Who registers takes turns with others (api/plugin.c). */
typedef struct sop_ticket {
    sop *op;
    void *place;
} sop_ticket;
naru_status sop_prepare(const char *text, lower_fn fn, void *user, sop_ticket *out, naru_error *err);
void sop_publish(const sop_ticket *t);
void sop_abandon(const sop_ticket *t);

#endif
