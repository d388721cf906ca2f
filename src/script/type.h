/* SPDX-License-Identifier: MIT
 *
 * Types of TorchScript. A type is immutable; simple ones are the singletons below, the others live in the arena they
 * were made in (a unit's, a schema's) and are compared with stype_equal, never by pointer. NamedTuples are TUPLE types
 * with a class; modules, script classes, interfaces, enums and torchbind classes are CLASS types.
 */
#ifndef SCRIPT_TYPE_H
#define SCRIPT_TYPE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

typedef struct sclass sclass;
typedef struct stype stype;

typedef enum stype_kind {
    ST_TENSOR,
    ST_INT,
    ST_FLOAT,
    ST_COMPLEX,
    ST_BOOL,
    ST_STR,
    ST_NONE,
    ST_NUMBER, /* int, float or complex ("Scalar") */
    ST_ANY,
    ST_DEVICE,
    ST_GENERATOR,
    ST_STORAGE,
    ST_STREAM,
    ST_LIST,     /* args[0] */
    ST_DICT,     /* args[0] key, args[1] value */
    ST_TUPLE,    /* args; cls: the NamedTuple, or NULL */
    ST_OPTIONAL, /* args[0], itself neither Optional nor None */
    ST_UNION,    /* args, flat, without None (Optional[Union] says that) */
    ST_FUTURE,   /* args[0]; Await and RRef too */
    ST_CLASS,    /* cls */
    ST_FUNCTION, /* a function as value: name is its qualified name */
    ST_VAR       /* type variable of a schema: name */
} stype_kind;

struct stype {
    stype_kind kind;
    int n;
    const stype *const *args;
    const sclass *cls;
    const char *name;
};

extern const stype stype_tensor, stype_int, stype_float, stype_complex, stype_bool, stype_str, stype_none, stype_number,
    stype_any, stype_device, stype_generator, stype_storage, stype_stream;

/* NULL: out of memory. Optional of Optional, of None or of Any gives what it says. */
const stype *stype_list(arena *a, const stype *elem);
const stype *stype_dict(arena *a, const stype *key, const stype *value);
const stype *stype_tuple(arena *a, int n, const stype *const *items, const sclass *named);
const stype *stype_optional(arena *a, const stype *elem);
const stype *stype_union(arena *a, int n, const stype *const *items); /* flattens; one left: that; None: Optional */
const stype *stype_future(arena *a, const stype *elem);
const stype *stype_class(arena *a, const sclass *cls);

bool stype_equal(const stype *a, const stype *b); /* classes by their qualified names */
/* a value of type a may stand where b is wanted, without conversion (section 2.1 of the reference) */
bool stype_subtype(const stype *a, const stype *b);
/* Smallest type that both fit: equal, Optional when one is None, Tensor, else NULL. */
const stype *stype_unify(arena *a, const stype *x, const stype *y);
/* "Dict[str, List[Tensor]]", as the archive's code writes it. */
void stype_print(const stype *t, str *out);

#endif
