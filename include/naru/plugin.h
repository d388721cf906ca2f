/* SPDX-License-Identifier: MIT
 *
 * Plugins: operators of your own, in C. A registered operator is found by an ONNX node's domain and type, by a call in
 * TorchScript, and by the builder, which times its tactics and keeps its state in plans. It is registered by the
 * program (naru_plugin_register) or comes from a shared library (naru_plugin_load). A library needs no symbol of Naru:
 * all that it calls is in the table `host` that every callback is handed.
 *
 * Life: what is registered stays for the life of the process; there is no way back, and libraries are not unloaded.
 * Structs and strings are copied; functions and `user` must stay valid. Threads: registering is safe at any time, from
 * any thread; models that were loaded before do not change. infer, accepts, create, destroy, serialize and deserialize
 * may be called from any thread, for different nodes at the same time; workspace, rows, run and run_rows also for one
 * node at the same time, by several contexts: they must not write the state.
 * Tensors are contiguous in row-major order and aligned to 8 bytes; other layouts do not reach a plugin.
 */
#ifndef NARU_PLUGIN_H
#define NARU_PLUGIN_H

#include "naru/script.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A library compiled for another ABI is refused. Within one ABI, structs only grow at their ends. */
#define NARU_PLUGIN_ABI 1

typedef struct naru_plugin_host naru_plugin_host;
typedef struct naru_plugin_node naru_plugin_node; /* the node that a call is about, for attributes; valid in the call */

/* ---- what callbacks see ---- */
/* A dimension is a size >= 0, NARU_DIM_UNKNOWN, or (negative) an expression of the model's symbols: to be copied,
 * compared with == (equal expressions are equal numbers) and calculated with by host->dim; valid in the call. */
#define NARU_DIM_UNKNOWN INT64_MIN

typedef struct naru_plugin_type {
    bool given;       /* false: an input or output that the node omits */
    bool constant;    /* an input whose content never changes */
    naru_dtype dtype; /* NARU_UNDEFINED: not known */
    int rank;         /* -1: not known */
    int64_t dims[NARU_MAX_RANK];
} naru_plugin_type;

typedef struct naru_plugin_tensor {
    naru_dtype dtype; /* NARU_UNDEFINED: omitted */
    int rank;
    const int64_t *dims;
    int64_t count; /* elements */
    void *data;    /* inputs must not be written. NULL: omitted, or not known in this call */
} naru_plugin_tensor;

/* Inference at load, where dimensions may be expressions, and at run time, where they are numbers. Fill out[0..nout);
 * on entry their rank is -1 and their type is that which the signature binds, where it does. What depends on the data
 * stays unknown: see host->output. */
typedef struct naru_plugin_infer {
    const naru_plugin_host *host;
    const naru_plugin_node *node;
    void *user;
    int nin, nout;
    const naru_plugin_type *in;
    naru_plugin_type *out;
    naru_error *err; /* for host->refuse */
    void *impl;
} naru_plugin_infer;

/* May a tactic run this node? */
typedef struct naru_plugin_query {
    const naru_plugin_host *host;
    const naru_plugin_node *node;
    void *user;
    int nin, nout;
    const naru_plugin_type *in, *out;
    const char *cpu; /* highest level to use: "ref", "avx2", "avx512", ... as `naru exec --cpu` has them */
    int threads;     /* most that a run will use */
} naru_plugin_query;

/* The state of a node for one tactic, made once. */
typedef struct naru_plugin_create {
    naru_plugin_query q;
    int tactic; /* index in naru_plugin.tactics */
    /* nin of them; data where it is constant. Valid in the call: copy or pack what run needs. */
    const naru_plugin_tensor *constants;
    unsigned consumed; /* out: bit i: constant input i is not read by run, its memory may go; data will be NULL there */
    void *state;       /* out */
    naru_error *err;
} naru_plugin_create;

typedef struct naru_plugin_run {
    const naru_plugin_host *host;
    const naru_plugin_node *node;
    void *user;
    const void *state; /* of create; NULL without one */
    int nin, nout;
    const naru_plugin_tensor *in, *out;
    void *workspace; /* what `workspace` asked for, 64-byte aligned */
    size_t workspace_size;
    int threads, worker; /* run_rows: this call's thread, 0 to threads - 1 */
    naru_error *err;     /* for host->refuse */
    void *impl;
} naru_plugin_run;

/* ---- what a plugin may call ---- */
typedef void (*naru_plugin_range)(void *arg, int64_t begin, int64_t end, int worker);

struct naru_plugin_host {
    size_t size;
    int abi;
    const char *version; /* of Naru */
    /* Writes the message and gives code back: return host->refuse(c->err, NARU_SHAPE, "...", ...). */
    naru_status (*refuse)(naru_error *err, naru_status code, const char *format, ...);
    /* Through naru_set_allocator's hook; 64-byte aligned; NULL: out of memory. */
    void *(*alloc)(size_t bytes);
    void (*release)(void *p); /* what alloc gave; accepts NULL */

    /* -- attributes, by index in naru_plugin.attrs: the node's value, else the default -- */
    bool (*attr_given)(const naru_plugin_node *n, int k); /* the node has it */
    int64_t (*attr_int)(const naru_plugin_node *n, int k);
    float (*attr_float)(const naru_plugin_node *n, int k);
    const char *(*attr_string)(const naru_plugin_node *n, int k, size_t *length); /* NUL-terminated; length: or NULL */
    const int64_t *(*attr_ints)(const naru_plugin_node *n, int k, size_t *count);
    const float *(*attr_floats)(const naru_plugin_node *n, int k, size_t *count);
    const char *(*node_name)(const naru_plugin_node *n); /* "" where it has none */

    /* -- inference -- */
    /* op: '+', '-', '*', '/' (floor), '>' (the larger). Overflow, or anything unknown: NARU_DIM_UNKNOWN. */
    int64_t (*dim)(const naru_plugin_infer *c, char op, int64_t a, int64_t b);
    /* Rank and dims of out by ONNX's rules of broadcasting. Errors: SHAPE. */
    naru_status (*broadcast)(const naru_plugin_infer *c, const naru_plugin_type *a, const naru_plugin_type *b,
                             naru_plugin_type *out);
    /* axis in [-rank, rank) to [0, rank). Errors: SHAPE. */
    naru_status (*axis)(const naru_plugin_infer *c, int64_t axis, int rank, int *out);
    /* The content of an integer input of rank 0 or 1: all of it as numbers, or as dimensions, some maybe unknown.
     * False: not known. Valid in the call. */
    bool (*ints)(const naru_plugin_infer *c, int input, const int64_t **v, int64_t *count);
    bool (*sizes)(const naru_plugin_infer *c, int input, const int64_t **dims, int64_t *count);
    /* The one element of a constant input. */
    bool (*scalar)(const naru_plugin_infer *c, int input, double *v);

    /* -- running -- */
    /* Calls fn so that [0, n) is covered once, in pieces of at least `grain`, on up to r->threads threads. fn records
     * its errors in arg; r->err belongs to who called this. */
    void (*parallel_for)(const naru_plugin_run *r, int64_t n, int64_t grain, naru_plugin_range fn, void *arg);
    /* Gives output o, whose dims infer left unknown, its dims and zeroed memory: r->out[o] has them then. Only in
     * `run`. The node then has no plan: it runs by the first tactic that accepts, on one thread, its state made anew.
     */
    naru_status (*output)(const naru_plugin_run *r, int o, int rank, const int64_t *dims);
};

/* ---- what a plugin is ---- */
typedef enum naru_attr_kind { /* numbers are ONNX's */
                              NARU_ATTR_FLOAT = 1,
                              NARU_ATTR_INT = 2,
                              NARU_ATTR_STRING = 3,
                              NARU_ATTR_FLOATS = 6,
                              NARU_ATTR_INTS = 7
} naru_attr_kind;

typedef struct naru_plugin_attr {
    const char *name;
    naru_attr_kind kind;
    bool required; /* a node without it is refused; else the default of its kind: */
    int64_t i;
    float f;
    const char *s; /* NULL: "" */
    const int64_t *ints;
    const float *floats;
    size_t count; /* of ints or floats */
} naru_plugin_attr;

enum {                          /* flags of a tactic */
       NARU_PLUGIN_IN_PLACE = 1 /* output 0 may be the memory of an input of the same size */
};
enum {                        /* flags of a plugin */
       NARU_PLUGIN_IMPURE = 1 /* equal inputs may give different outputs: never folded, never merged */
};

typedef struct naru_plugin_tactic {
    size_t size;      /* sizeof(naru_plugin_tactic) */
    const char *name; /* "my_ops.scale.avx2": in reports, plans, timing caches; letters, digits, '.', '_' */
    unsigned flags;
    /* NULL: it can; else why not, static text. A NULL function accepts everything. */
    const char *(*accepts)(const naru_plugin_query *q);
    /* Bytes of scratch for these shapes (tensors without data). May be NULL. */
    size_t (*workspace)(const naru_plugin_run *r);
    /* One of the two: the whole node, which may call host->parallel_for; */
    naru_status (*run)(const naru_plugin_run *r);
    /* or rows [begin, end) of rows(r) independent ones, several ranges at a time, each of at least `grain` rows (at
     * least 1). r->err is the range's own. */
    int64_t (*rows)(const naru_plugin_run *r);
    naru_status (*run_rows)(const naru_plugin_run *r, int64_t begin, int64_t end);
    int64_t grain;
} naru_plugin_tactic;

typedef struct naru_plugin {
    size_t size; /* sizeof(naru_plugin) */
    int abi;     /* NARU_PLUGIN_ABI */
    int version; /* of the implementation, from 1: what plans and timing caches hold of another version is not used */
    const char *name;
    const char *domain; /* "my.ops"; "" for ai.onnx, where no operator of ONNX can be replaced; not "naru" */
    int since;          /* version of the domain that has it first, at least 1 */
    /* "X:T, scale:T? -> Y:T | T = float16 float32": name:type of each input and output; a type is that of a variable
     * (all that have it are of one element type) or an element type, or a set: float, int, signed, unsigned, num.
     * '?' after it: optional; "..." behind the last input: any number. Sets after '|', separated by ';'. "float" is
     * the set of all floating types; the type of 32 bits is "float32". At most 24 parameters, no strings. */
    const char *signature;
    const naru_plugin_attr *attrs; /* ended by a row without name; NULL: none */
    /* TorchScript's name and signature, or NULL: "my_ops::scale(Tensor x, Tensor? scale=None, float k=2.) -> Tensor".
     * Tensor, Tensor? and (last) Tensor[] are the inputs in order; int, bool, float, str, int[], float[] and their
     * optional forms are attributes of that name (a float is kept as float32). It then runs, is recorded, and exports
     * as the ONNX node. */
    const char *schema;
    unsigned flags;
    void *user; /* handed to every callback */
    /* NULL: every output is as input 0. */
    naru_status (*infer)(const naru_plugin_infer *c);
    /* State of a node; all four may be NULL. serialize: *size bytes are wanted; buffer NULL: tell them. Equal states
     * must give equal bytes. deserialize instead of create, when a plan is loaded or was just made; data is 64-byte
     * aligned and stays until destroy. serialize and deserialize: both or neither; without them a plan's node is
     * created again. */
    naru_status (*create)(naru_plugin_create *c);
    void (*destroy)(const naru_plugin_host *host, void *user, void *state);
    naru_status (*serialize)(const naru_plugin_host *host, void *user, const void *state, void *buffer, size_t *size);
    naru_status (*deserialize)(naru_plugin_create *c, const void *data, size_t size);
    const naru_plugin_tactic *const *tactics; /* preferred first, ended by NULL; at least one, at most 16 */
    /* Instead of name, signature and tactics: an operator of TorchScript only, on values (naru_register_operator). */
    naru_operator script;
} naru_plugin;

/* ---- registering ---- */
/* Errors: INVALID_ARGUMENT (what is wrong with it, or the name, schema or tactic is taken), UNSUPPORTED (another ABI),
 * OUT_OF_MEMORY. On failure nothing is registered. */
NARU_API naru_status naru_plugin_register(const naru_plugin *plugin, naru_error *err);

/* What a library gives, static storage. */
typedef struct naru_plugin_library {
    size_t size; /* sizeof(naru_plugin_library) */
    int abi;     /* NARU_PLUGIN_ABI */
    size_t count;
    const naru_plugin *const *plugins;
} naru_plugin_library;
/* The library defines and exports this; Naru does not. */
NARU_API const naru_plugin_library *naru_plugin_entry(void);
typedef const naru_plugin_library *(*naru_plugin_entry_fn)(void);

/* Loads a shared library (path as dlopen takes it; a name of a file in the current folder will do) and registers all
 * its plugins, or none. A library that is loaded already is left alone. Its code runs in this process: load only what
 * you trust. Errors: IO (the loader's reason), BAD_FILE (no naru_plugin_entry, or it gives nothing), and those of
 * naru_plugin_register. */
NARU_API naru_status naru_plugin_load(const char *path, naru_error *err);

/* Plugin i in order of registration: its name "my.ops::Scale" (or the schema's name), the library it came from ("":
 * the program). Strings live as long as the process. NULL past the end. */
NARU_API const char *naru_plugin_name(size_t i, const char **library, int *version);

#ifdef __cplusplus
}
#endif
#endif
