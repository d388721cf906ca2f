/* SPDX-License-Identifier: MIT
 *
 * A compilation unit: the classes and functions of one archive (or, later, of Python source), found by qualified name,
 * their source parsed when first asked for and their functions compiled when first called. Everything lives in the
 * unit's arena and is immutable once made; a lock guards making. Shared by the threads that run its module.
 */
#ifndef SCRIPT_UNIT_H
#define SCRIPT_UNIT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "script/ast.h"
#include "script/schema.h"
#include "script/source.h"

typedef struct unit unit;
typedef struct sfunction sfunction;

/* ---- classes ---- */
typedef enum sclass_kind {
    CLASS_MODULE,
    CLASS_PLAIN,
    CLASS_INTERFACE, /* methods have no bodies; calls are dispatched by name at run time */
    CLASS_TUPLE,     /* NamedTuple: attrs are the fields */
    CLASS_ENUM,
    CLASS_CUSTOM /* torchbind: __torch__.torch.classes.<ns>.<name>; no source */
} sclass_kind;

typedef struct sattr {
    const char *name;
    const stype *type;
    bool param, buffer;
    bool written; /* some compiled code of the unit sets it (SETATTR): not a constant of regions; see unit_written */
    sv dflt;      /* NamedTuple field default; UNINIT when none */
} sattr;

struct sclass {
    unit *unit;
    const char *qualname; /* "__torch__.m.Net" */
    const char *name;     /* "Net" */
    sclass_kind kind;
    const stype *type; /* of instances */
    int nattrs;
    sattr *attrs; /* slot order */
    int nconstants;
    struct sconstant {
        const char *name;
        sv value;
        const stype *type;
    } * constants; /* Final: in code, not in slots */
    int nmethods;
    sfunction **methods; /* forward, __init__, __getstate__, property getters, hooks, ... */
    int npre, nhooks;    /* __forward_pre_hooks__, __forward_hooks__: method names */
    const char **pre, **hooks;
    int nmembers;
    senum **members; /* ENUM */
    const ast *def;
    const source *src;
};
int sclass_attr(const sclass *c, const char *name);          /* slot, -1 */
sfunction *sclass_method(const sclass *c, const char *name); /* NULL */
const struct sconstant *sclass_constant(const sclass *c, const char *name);

/* ---- code ---- */
typedef struct insn { /* opcodes.def; registers are indices into the frame */
    uint8_t op;
    uint8_t n;
    uint16_t a;
    uint16_t b;
    uint16_t c;
} insn;

typedef struct scall { /* what an OP or CALL instruction names */
    const sop *op;     /* OP */
    sfunction *fn;     /* CALL, FORK: NULL when `method` is looked up in the first argument's class at run time */
    const char *method;
} scall;

typedef struct code {
    insn *insns;
    int ninsns;
    sv *consts; /* shared */
    int nconsts;
    scall *calls;
    int ncalls;
    const stype **types;
    int ntypes;
    int nregs;     /* parameters first */
    uint32_t *pos; /* per instruction: byte offset in the source, for tracebacks */
} code;

enum { FN_DECLARED, FN_SIGNED, FN_COMPILED, FN_FAILED };
struct sfunction {
    unit *unit;
    const char *qualname, *name;
    const sclass *owner; /* methods; else NULL */
    const ast *def;
    const source *src;
    int state;            /* atomic: code is valid from FN_COMPILED on */
    int nparams;          /* self included */
    const sparam *params; /* parameters with defaults; for methods params[0] is self */
    const stype *ret;
    code code;
    bool writes_attrs;   /* it, or what it calls, sets attributes or mutates containers of the module */
    const char *failure; /* FN_FAILED: what compiling said */
};

/* ---- the unit ---- */
/* Gives the text of a code file by its path below code/ ("__torch__/a/b.py"), or NOT_FOUND. Text lives with user. */
typedef naru_status (*unit_source_fn)(void *user, const char *path, const char **text, size_t *n, naru_error *err);

struct unit {
    arena *arena;
    pthread_mutex_t lock; /* recursive: held while declaring and compiling */
    unit_source_fn source;
    void *user;
    strmap files;           /* path -> parsed file */
    strmap classes;         /* qualified name -> sclass */
    strmap functions;       /* qualified name -> sfunction */
    sv constants;           /* CONSTANTS: a tuple, cN by index; NONE when there is none */
    atomic_uint generation; /* grows when an attribute turns out to be written by some function: regions are stale */
    int version;            /* file version 1..10: upgraders (reference 2.4) */
    const char *origin;     /* file name, for messages */
};

naru_status unit_new(unit_source_fn source, void *user, int version, unit **out, naru_error *err);
void unit_free(unit *u);
/* By qualified name; parses its file and declares the class (attributes, constants, methods, not their bodies). */
naru_status unit_class(unit *u, const char *qualname, sclass **out, naru_error *err);
naru_status unit_function(unit *u, const char *qualname, sfunction **out, naru_error *err);
/* A type as text: "Dict[str, __torch__.a.B]", names looked up in the unit. */
naru_status unit_type(unit *u, const char *text, size_t n, const stype **out, naru_error *err);
/* Resolves the signature, then the body of f and (lazily, at first call) what it calls. Thread-safe; cheap when done.
 * Errors carry file, line, the marked source line and "'f' is being compiled since it was called from 'g'". */
naru_status unit_compile(unit *u, sfunction *f, naru_error *err);
/* The signature alone: parameters, defaults, return type. */
naru_status unit_sign(unit *u, sfunction *f, naru_error *err);
/* Code as text, for tests and `naru info --code`: one instruction a line. */
void code_print(const sfunction *f, str *out);

#endif
