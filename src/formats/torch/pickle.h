/* SPDX-License-Identifier: MIT
 *
 * Python pickles as inert data. The reader is a stack machine that runs nothing: a global is a pair of names, a call is
 * a node with a callee and arguments. What two places share in the file is one node here (compare pointers, or use `id`
 * to index a table of one's own), so aliasing survives. Protocols 0x80 2 to 5 in their binary opcodes, which covers
 * both of PyTorch's picklers. pickle.c reads, pickle_check.c bounds the result, pickle_write.c writes.
 *
 * After pickle_parse: there is no cycle, no path is longer than max_depth, and a walk that visits shared nodes again
 * each time makes at most max_unfolded steps. So plain recursion over the result is safe.
 *
 *     pickle p;
 *     TRY(pickle_parse(arena, bytes.data, bytes.size, NULL, &p, err));
 *     if (pk_is_object(p.root)) ... p.root->callee->global.module ... pk_dict_get(p.root->state, "weight")
 */
#ifndef FORMATS_TORCH_PICKLE_H
#define FORMATS_TORCH_PICKLE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

typedef enum pk_kind {
    PK_NONE,
    PK_BOOL,   /* i: 0 or 1 */
    PK_INT,    /* i */
    PK_BIGINT, /* text: two's complement bytes, low byte first, more than 8 of them */
    PK_FLOAT,  /* f */
    PK_STR,    /* text: as in the file, normally UTF-8 */
    PK_BYTES,  /* text */
    PK_LIST,   /* items */
    PK_TUPLE,  /* items */
    PK_SET,    /* items (also frozenset) */
    PK_DICT,   /* pairs */
    PK_GLOBAL, /* global: "collections" "OrderedDict"; nested names keep their dots in `name` */
    PK_REDUCE, /* callee(*args); afterwards perhaps state (BUILD), items (APPENDS), pairs (SETITEMS) */
    PK_OBJECT, /* callee.__new__(callee, *args) (NEWOBJ); likewise */
    PK_PERSID, /* args: the persistent id, normally a tuple */
} pk_kind;

typedef struct pk pk;
typedef struct pk_pair {
    pk *key, *value;
} pk_pair;

struct pk {
    pk_kind kind;
    uint32_t id;     /* 0 to pickle.count - 1 */
    uint32_t offset; /* of the opcode that made it */
    uint32_t count;  /* of items or pairs */
    uint32_t cap;
    union {
        int64_t i;
        double f;
        struct {
            const char *s; /* NUL-terminated */
            size_t n;
        } text;
        struct {
            const char *module, *name;
        } global;
        pk **items;     /* LIST, TUPLE, SET; REDUCE and OBJECT after APPENDS (never both) */
        pk_pair *pairs; /* DICT, in order, equal keys too; REDUCE and OBJECT after SETITEMS (has_pairs) */
    };
    bool has_pairs; /* REDUCE, OBJECT: `pairs` is the member in use */
    pk *callee;     /* REDUCE, OBJECT */
    pk *args;       /* REDUCE, OBJECT: a tuple, but for TorchScript's enums the bare value; PERSID: normally a tuple */
    pk *state;      /* DICT too (its BUILD, as OrderedDict's _metadata); NULL where none */
};

typedef struct pickle_options {
    size_t max_count;    /* nodes; 0: 8 million */
    size_t max_depth;    /* 0: 1000 */
    size_t max_unfolded; /* 0: 64 million */
    /* Asked for every global; false refuses the pickle with an error naming it. NULL: all pass. */
    bool (*allow)(void *user, const char *module, const char *name);
    void *user;
} pickle_options;

typedef struct pickle {
    pk *root;
    size_t count; /* nodes: one more than the largest id */
    size_t end;   /* bytes read, STOP included: where the next pickle of the stream begins */
    pk **globals; /* every GLOBAL, in order of first appearance, equal ones once */
    size_t global_count;
    pk **persids; /* every PERSID node, in order */
    size_t persid_count;
} pickle;

/* All in the arena. Errors have the byte offset, in naru_error.offset and in the text. opts may be NULL. */
naru_status pickle_parse(arena *a, const void *data, size_t size, const pickle_options *opts, pickle *out,
                         naru_error *err);

/* ---- looking at nodes; all accept NULL and answer false, NULL or 0 for it ---- */
const char *pk_kind_text(const pk *p); /* "a list", "a call" */
bool pk_is_str(const pk *p, const char *text);
bool pk_is_global(const pk *p, const char *module, const char *name); /* name NULL: any */
/* REDUCE or OBJECT of that global. */
bool pk_calls(const pk *p, const char *module, const char *name);
/* Argument i of a call, element i of a tuple, list or set; NULL past the end. */
const pk *pk_item(const pk *p, size_t i);
size_t pk_item_count(const pk *p);           /* likewise */
bool pk_get_int(const pk *p, int64_t *out);  /* INT or BOOL */
bool pk_get_float(const pk *p, double *out); /* FLOAT, INT or BOOL */
/* DICT, or a call of collections.OrderedDict, defaultdict or Counter, whose pairs are then those of the dictionary.
 * pk_dict_get looks at every pair: a large dictionary that is asked often deserves a table. */
bool pk_is_dict(const pk *p);
size_t pk_dict_count(const pk *p);
pk_pair pk_dict_pair(const pk *p, size_t i);
const pk *pk_dict_get(const pk *p, const char *key); /* the last of that string key */
/* "module.name" of a global or of a call's callee, for messages; else the kind's text. */
void pk_add_name(str *s, const pk *p);

/* ---- writing: the opcodes of PyTorch's C++ pickler, protocol 2 ---- */
/* Values go on the machine's stack in the order of the calls; containers take what is above the mark. Strings, globals
 * are memoised by content here; objects by identity through pkw_seen and pkw_memo:
 *     if (pkw_seen(w, list)) return;            -- BINGET written
 *     pkw_op(w, PKW_EMPTY_LIST); pkw_op(w, PKW_MARK); ... items ...; pkw_op(w, PKW_APPENDS);
 *     pkw_memo(w, list);                        -- BINPUT written
 */
typedef enum pkw_opcode {
    PKW_MARK = '(',
    PKW_STOP = '.',
    PKW_NONE = 'N',
    PKW_TRUE = 0x88,
    PKW_FALSE = 0x89,
    PKW_EMPTY_TUPLE = ')',
    PKW_TUPLE = 't',
    PKW_TUPLE1 = 0x85,
    PKW_TUPLE2 = 0x86,
    PKW_TUPLE3 = 0x87,
    PKW_EMPTY_LIST = ']',
    PKW_APPEND = 'a',
    PKW_APPENDS = 'e',
    PKW_EMPTY_DICT = '}',
    PKW_SETITEMS = 'u',
    PKW_NEWOBJ = 0x81,
    PKW_BUILD = 'b',
    PKW_REDUCE = 'R',
    PKW_BINPERSID = 'Q',
} pkw_opcode;

typedef struct pk_writer {
    str out;        /* the pickle; `failed` tells of memory running out, once, at the end */
    uint32_t memos; /* given out so far */
    strmap strings; /* text and "module\nname\n" -> memo number + 1; keys in the arena */
    struct pkw_object {
        const void *identity;
        uint32_t memo;
    } * objects; /* open addressing, a power of two */
    size_t object_count, object_cap;
    arena *arena; /* of the keys */
} pk_writer;

naru_status pkw_begin(pk_writer *w, naru_error *err); /* writes PROTO 2 */
naru_status pkw_end(pk_writer *w, naru_error *err);   /* writes STOP; tells whether anything failed on the way */
void pkw_free(pk_writer *w);                          /* also after a failed pkw_begin */
void pkw_op(pk_writer *w, pkw_opcode op);
void pkw_int(pk_writer *w, int64_t v);
void pkw_float(pk_writer *w, double v);
void pkw_bool(pk_writer *w, bool v);
void pkw_str(pk_writer *w, const char *s, size_t n); /* at most 4 GiB */
void pkw_cstr(pk_writer *w, const char *s);
void pkw_global(pk_writer *w, const char *module, const char *name);
/* The same, split at the last dot: "__torch__.m.Net". */
void pkw_global_qualified(pk_writer *w, const char *qualified);
/* Closes a tuple of n items: call pkw_tuple_open(w, n) before the items (a mark when n > 3), this after. */
void pkw_tuple_open(pk_writer *w, size_t n);
void pkw_tuple_close(pk_writer *w, size_t n);
bool pkw_seen(pk_writer *w, const void *identity);
void pkw_memo(pk_writer *w, const void *identity);

#endif
