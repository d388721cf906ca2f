/* SPDX-License-Identifier: MIT
 *
 * Values of the TorchScript machine: 16 bytes, a tag and a number or a counted object. Lists, dicts, objects and
 * tensors are references, all else behaves as a value. Objects reachable by several threads (attributes of a module,
 * constants of code) are marked `shared`; only their counts are atomic.
 *
 * Functions that return a new sv give the caller one reference. NULL or SV_UNINIT results mean out of memory.
 */
#ifndef SCRIPT_VALUE_H
#define SCRIPT_VALUE_H

#include "script/type.h"
#include "tensor/tensor.h"

typedef enum sv_tag {
    SV_UNINIT, /* no value: prim::Uninitialized, an unset attribute */
    SV_NONE,
    SV_BOOL,
    SV_INT, /* also dtypes, layouts, memory formats, as PyTorch's numbers */
    SV_FLOAT,
    SV_HEAP, /* tags from here on hold `o` */
    SV_COMPLEX = SV_HEAP,
    SV_TENSOR,
    SV_STR,
    SV_LIST,
    SV_DICT,
    SV_TUPLE,
    SV_OBJECT,
    SV_ENUM,
    SV_FUTURE,
    SV_DEVICE, /* an sstr: "cpu", "cuda:0" */
    SV_GENERATOR,
    SV_FUNCTION, /* a function of the unit, not counted */
    SV_CUSTOM,   /* torchbind object */
    SV_SYM       /* while recording: an int, float or bool that is known when the graph runs (record.h) */
} sv_tag;

typedef struct sobj {
    int refs;
    uint8_t tag;
    uint8_t shared;  /* count atomically */
    uint8_t written; /* a shared list or dict that an operator has changed: no recording believes its content */
} sobj;

typedef struct sv {
    sv_tag tag;
    union {
        bool b;
        int64_t i;
        double f;
        sobj *o;
        const struct sfunction *fn;
    };
} sv;

typedef struct sstr {
    sobj head;
    size_t len;
    char data[]; /* NUL-terminated; UTF-8 */
} sstr;
typedef struct scomplex {
    sobj head;
    double re, im;
} scomplex;
typedef struct slist {
    sobj head;
    const stype *elem; /* lives with the unit or a schema */
    size_t count, cap;
    sv *items;
} slist;
typedef struct sdict_entry {
    sv key, value;
    uint64_t hash;
    bool live;
} sdict_entry;
typedef struct sdict { /* insertion ordered */
    sobj head;
    const stype *key, *value;
    sdict_entry *entries;
    size_t used, cap, count; /* used: entries ever put, dead ones included */
    uint32_t *index;         /* open addressing into entries, +1; size a power of two */
    size_t nindex;
} sdict;
typedef struct stuple {
    sobj head;
    const sclass *cls; /* NamedTuple, or NULL */
    int n;
    sv items[];
} stuple;
typedef struct sobject {
    sobj head;
    const sclass *cls;
    int n;
    sv *slots; /* by the class's attribute order */
} sobject;
typedef struct senum { /* one object per member: identity compares */
    sobj head;
    const sclass *cls;
    const char *name;
    sv value;
} senum;
typedef struct sfuture { /* forks run at once: a future holds its result */
    sobj head;
    sv value;
} sfuture;
typedef struct scustom { /* torchbind: packed parameters; `data` is freed by `drop` */
    sobj head;
    const char *cls; /* "__torch__.torch.classes.quantized.LinearPackedParamsBase" */
    void *data;
    void (*drop)(void *data);
} scustom;

/* How the integers of a quantized tensor stand for numbers. */
typedef struct squant {
    int refs;
    int scheme; /* 0 per tensor, 1 per channel, 4 per channel with float parameters */
    int type;   /* torch's ScalarType: 12 qint8, 13 quint8, 14 qint32, 16 quint4x2 */
    double scale;
    int64_t zero_point;
    naru_tensor *scales, *zero_points; /* per channel; double / int64 (scheme 4: float) */
    int axis;
} squant;

struct rec_tensor;
/* A tensor as scripts see it: an identity whose content may be rewritten through aliases of its storage. `t` is
 * embedded (its refs are 0) and owns a reference to t.storage. While recording, t has dtype only and `rec` says what
 * is known (record.h). */
typedef struct sten {
    sobj head;
    bool param;  /* an attribute or constant of the module: steps may pack it (checked by storage version) */
    bool fixed;  /* a small constant of the operator: steps may be made for its content */
    bool number; /* made from a Python number: never decides the result's type within its category */
    bool exact;  /* a number made from a float, `value`, which its element type may have rounded */
    double value;
    naru_tensor t;
    squant *q;         /* quantized, else NULL */
    naru_tensor *lens; /* nested: a padded batch whose samples have these lengths (int64); else NULL. Owned */
    struct rec_tensor *rec;
} sten;

/* ---- references ---- */
void sobj_free(sobj *o); /* when the last reference goes; use sv_drop */
static inline void sobj_retain(sobj *o) {
    if (o->shared) __atomic_add_fetch(&o->refs, 1, __ATOMIC_RELAXED);
    else o->refs++;
}
static inline void sobj_release(sobj *o) {
    if (o && (o->shared ? __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) : --o->refs) == 0) sobj_free(o);
}
static inline bool sv_heap(sv v) { return v.tag >= SV_HEAP && v.tag != SV_FUNCTION; }
static inline sv sv_keep(sv v) {
    if (sv_heap(v)) sobj_retain(v.o);
    return v;
}
static inline void sv_drop(sv v) {
    if (sv_heap(v)) sobj_release(v.o);
}
static inline void sv_set(sv *at, sv v) { /* takes over v */
    sv old = *at;
    *at = v;
    sv_drop(old);
}
/* Marks all that is reachable as shared between threads; false: out of memory (then part of it is marked). */
bool sv_share(sv v);
/* Before v is put into a container: a shared one shares what it holds. False: out of memory. */
bool sv_join(const sobj *into, sv v);

/* ---- making ---- */
static inline sv sv_none(void) { return (sv){.tag = SV_NONE}; }
static inline sv sv_bool(bool b) { return (sv){.tag = SV_BOOL, .b = b}; }
static inline sv sv_int(int64_t i) { return (sv){.tag = SV_INT, .i = i}; }
static inline sv sv_float(double f) { return (sv){.tag = SV_FLOAT, .f = f}; }
static inline sv sv_of(void *object) { /* of any object that begins with sobj; NULL: SV_UNINIT */
    return object ? (sv){.tag = (sv_tag)((sobj *)object)->tag, .o = object} : (sv){.tag = SV_UNINIT};
}
sv sv_str(const char *s, size_t n);
sv sv_strz(const char *s);
bool device_is_named(const char *s); /* "cpu", "cuda:0": one of PyTorch's device types, with or without an index */
sv sv_device(const char *s);
sv sv_complex(double re, double im);
slist *slist_new(const stype *elem, size_t cap);
bool slist_push(slist *l, sv v); /* takes over v, also on failure */
sdict *sdict_new(const stype *key, const stype *value);
bool sdict_hashable(sv key);
sv *sdict_find(const sdict *d, sv key);       /* borrowed place; NULL: absent (or not hashable) */
bool sdict_put(sdict *d, sv key, sv value);   /* takes over both, also on failure */
bool sdict_remove(sdict *d, sv key, sv *out); /* out NULL: dropped */
void sdict_clear(sdict *d);
stuple *stuple_new(int n, const sclass *cls);                    /* items SV_UNINIT */
sobject *sobject_new(const sclass *cls);                         /* slots SV_UNINIT */
senum *senum_new(const sclass *cls, const char *name, sv value); /* takes over value, also on failure */
const char *sten_type_name(naru_dtype d); /* as PyTorch prints it: "Float", "Long" (value_print.c) */
sv senum_mention(
    const senum *member);       /* PyTorch makes a value of each mention: equal, not identical; UNINIT: no memory */
sfuture *sfuture_new(sv value); /* likewise */
scustom *scustom_new(const char *cls, void *data, void (*drop)(void *data)); /* data stays the caller's on failure */
/* A tensor over a storage (takes its own reference); strides NULL: contiguous. */
sten *sten_view(storage *s, void *data, naru_dtype d, int rank, const int64_t *dims, const int64_t *strides);
sten *sten_new(naru_dtype d, int rank, const int64_t *dims); /* contiguous, uninitialised */
sten *sten_from(naru_tensor *t);                             /* shares t's storage, or copies when it has none */
naru_status sten_export(const sten *x, naru_tensor **out, naru_error *err); /* a heap tensor sharing the storage */
squant *squant_ref(squant *q);
void squant_unref(squant *q);

static inline sten *sv_tensor(sv v) { return v.tag == SV_TENSOR ? (sten *)v.o : NULL; }
static inline sstr *sv_string(sv v) { return v.tag == SV_STR || v.tag == SV_DEVICE ? (sstr *)v.o : NULL; }
static inline slist *sv_list(sv v) { return v.tag == SV_LIST ? (slist *)v.o : NULL; }
static inline sdict *sv_dict(sv v) { return v.tag == SV_DICT ? (sdict *)v.o : NULL; }
static inline stuple *sv_tuple(sv v) { return v.tag == SV_TUPLE ? (stuple *)v.o : NULL; }
static inline sobject *sv_object(sv v) { return v.tag == SV_OBJECT ? (sobject *)v.o : NULL; }

/* ---- looking ---- */
bool sv_is(sv a, sv b);    /* identity: the same object, or equal simple values */
bool sv_equal(sv a, sv b); /* == of everything but tensors (those: identity) */
uint64_t sv_hash(sv v);    /* of a dict key: int, float, bool, str, complex, tensor, device, enum, tuple */
/* v is of type t, containers by their declared element types (empty ones included). */
bool sv_isinstance(sv v, const stype *t);
sv_tag sv_sym_kind(sv v); /* of a SYM: SV_INT, SV_FLOAT, SV_BOOL, SV_LIST ... (record.h) */
/* As str() and print() write it, PyTorch's forms: 1.5, True, [1, 2], {a: 1}, tensors in C++ style. */
void sv_print(sv v, str *out);
const char *sv_tag_name(sv_tag t); /* "int", "Tensor", "List", for messages */

/* torch's ScalarType numbers. -1 / NARU_UNDEFINED where there is no counterpart. */
int torch_of_dtype(naru_dtype d);
naru_dtype dtype_of_torch(int64_t scalar_type); /* quantized types: their integers */
const char *torch_dtype_name(int scalar_type);  /* "float32", "c10::Half" is "float16" */

#endif
