/* SPDX-License-Identifier: MIT
 *
 * What an operator is. One file per operator (src/ops/<name>.c) defines one `const op_desc op_<Name>`; ops.def lists
 * them. The file's head comment is the operator's manual page. See CONTRIBUTING.md for the recipe.
 *
 * infer: facts of inputs -> facts of outputs. The same function serves load time (symbolic dims) and run time planning
 *        (all dims constant, integer inputs with their content), so it must be cheap and must not allocate except from
 *        c->arena. Where an output's dims depend on data not known, leave its rank or dims unknown.
 * eval:  the reference implementation, kept for ever as oracle; also the engine's last resort. Inputs are contiguous
 * and naturally aligned. Outputs whose fact was complete are allocated already (eval_out); the others are made by
 * eval_alloc. Scratch comes from c->arena (reset after the node). Write plain loops; correctness first.
 */
#ifndef OPS_OP_H
#define OPS_OP_H

#include <stdatomic.h>

#include "graph/graph.h"

/* Rows of an attribute table, in the order of the op's enum of attribute indices; end with {0}. */
#define ATTR_I(name, dflt)                                                                                             \
    { name, ATTR_INT, false, dflt, 0, NULL, false }
#define ATTR_F(name, dflt)                                                                                             \
    { name, ATTR_FLOAT, false, 0, dflt, NULL, false }
#define ATTR_S(name, dflt)                                                                                             \
    { name, ATTR_STRING, false, 0, 0, dflt, false }
#define ATTR_OPT(name, kind)                                                                                           \
    { name, kind, false, 0, 0, NULL, true } /* absent: node_has is false */
#define ATTR_REQ(name, kind)                                                                                           \
    { name, kind, true, 0, 0, NULL, false }

/* ---- inference ---- */
typedef struct infer_ctx {
    const node *node;
    symtab *syms;
    arena *arena;
    int nin, nout;
    const fact *const *in; /* NULL: omitted */
    fact *out;             /* nout facts, zeroed (TYPE_UNKNOWN) on entry */
    naru_error *err;
    uint32_t *content_read; /* when not NULL: bit i is set as soon as the content of input i (< 32) is asked for */
    /* Infers the body of a control-flow op: facts of the block's inputs -> facts of its outputs. */
    naru_status (*infer_block)(struct infer_ctx *c, block *b, const fact *in, fact *out);
    void *user;
} infer_ctx;

/* ---- evaluation ---- */
typedef struct eval_ctx {
    const node *node;
    arena *arena;
    int nin, nout;
    naru_value **in; /* NULL: omitted */
    naru_value *
        *out; /* preset where inference knew everything; NULL else; entries of omitted outputs: see out_wanted */
    const bool *out_wanted;
    naru_error *err;
    /* Runs a nested block: nin values in, nout values out (each output a reference for the caller). */
    naru_status (*run_block)(struct eval_ctx *c, block *b, naru_value **in, naru_value **out);
    uint64_t *rng; /* state for random operators without a seed */
    void *user;
} eval_ctx;

enum {                     /* op flags */
       OP_ELEMENTWISE = 1, /* out[i] depends on in[i] only (after broadcasting) */
       OP_COMMUTATIVE = 2,
       OP_VIEW = 4,   /* output is the first input's data under other dims (Reshape, Squeeze, Flatten, Identity, ...) */
       OP_RANDOM = 8, /* never folded */
       OP_CONTROL = 16, /* has blocks that eval runs */
       OP_NOFOLD = 32   /* not folded by default (Q/DQ) */
};

/* Lifting: rewrites a node written for opset < since so that it means the same under the newest definition. Runs for
 * each adapter with from_version < `to` <= newest, ascending. May add nodes before/after through graph.h. */
typedef struct lift_ctx {
    graph *graph;
    block *block;
    int64_t version; /* opset of the node's domain in the file */
    naru_error *err;
} lift_ctx;
typedef struct adapter {
    int to; /* applies to nodes of opset < to */
    naru_status (*up)(lift_ctx *c, node *n);
} adapter;

/* Lowering (util_lower.h): rewrites a node that has the form of an opset >= `from` into the form it had before, or into
 * other operators, or refuses. Runs for each row with from > the opset wanted, descending. Facts of all values are
 * known. */
struct lower_ctx;
typedef struct down_adapter {
    int from;
    naru_status (*down)(struct lower_ctx *c, node *n);
} down_adapter;
enum { DOWN_ALWAYS = 9999 }; /* `from` of a row for what the lifted form has and no opset */

typedef struct op_desc {
    const char *name;
    const char *domain;    /* "" for ai.onnx, "ai.onnx.ml", "com.microsoft", "naru" */
    const short *versions; /* since_versions, ascending, 0 ends; the last is the newest definition */
    int deprecated;        /* opset at which it is deprecated; 0: never */
    /* Signature: "X:T, W:T, B:T? -> Y:T | T = float16 float double bfloat16". '?' optional, '...' after a name:
     * variadic (same type), '...*' heterogeneous. A type is a variable, a dtype name, or "any". Sets after '|'
     * separated by ';'; shorthands: float = float16 float32 float64 bfloat16 (write "float32" for the type float), int
     * = all signed and unsigned 8..64, signed, unsigned, num = int + float, all = every tensor type; seq(..), opt(..),
     * map: written "seq", "opt", "map". */
    const char *sig;
    const attr_def *attrs; /* NULL: none */
    unsigned flags;
    naru_status (*infer)(infer_ctx *c);
    naru_status (*eval)(eval_ctx *c);
    const adapter *adapters; /* ascending; {0} ends; NULL: only types were extended between versions */
    /* What it learned after opset 13 (or its first version), since.h: "T 14 int8 int16; T 22 bfloat16; axes 18; T never
     * string". NULL: nothing. */
    const char *since;
    const down_adapter *down;       /* descending; {0} ends; NULL: `since` tells all */
    const struct plugin_op *plugin; /* registered at run time (ops/plugin.h); NULL: one of ops.def */
} op_desc;

/* The operator of that name and domain, or NULL: of the list, O(1), else a registered one. */
const op_desc *op_find(const char *domain, const char *name);
size_t op_count(void); /* of the list, then registered ones: grows */
const op_desc *op_at(size_t i);
/* Registering: link and operator stay for ever; no operator of that name may be there. Callers take turns; lookups may
 * go on meanwhile. */
typedef struct op_link {
    const op_desc *op;
    _Atomic(struct op_link *) next;
} op_link;
void op_register(op_link *l);
/* Newest since_version <= opset; 0: not there at that opset. */
int op_version_at(const op_desc *op, int64_t version);

/* ---- attributes of a lifted node, by table index ---- */
static inline bool node_has(const node *n, int k) { return k < n->nattrs && n->attrs[k].kind != ATTR_NONE; }
static inline int64_t node_i(const node *n, int k) { return n->attrs[k].i; }
static inline float node_f(const node *n, int k) { return n->attrs[k].f; }
static inline const char *node_s(const node *n, int k) { return node_has(n, k) ? n->attrs[k].s.data : ""; }
static inline const int64_t *node_ints(const node *n, int k, int64_t *count) {
    *count = node_has(n, k) ? (int64_t)n->attrs[k].count : 0;
    return *count ? n->attrs[k].ints : NULL;
}
static inline naru_tensor *node_tensor(const node *n, int k) { return node_has(n, k) ? n->attrs[k].tensor : NULL; }
static inline block *node_block(const node *n, int k) { return node_has(n, k) ? n->attrs[k].block : NULL; }

/* ---- inference helpers (infer.c) ---- */
naru_status op_fail(infer_ctx *c, naru_status code, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline bool in_given(const infer_ctx *c, int i) { return i < c->nin && c->in[i]; }
static inline naru_dtype in_dtype(const infer_ctx *c, int i) {
    return in_given(c, i) ? c->in[i]->type.dtype : NARU_UNDEFINED;
}
static inline int in_rank(const infer_ctx *c, int i) { /* -1: unknown */
    return in_given(c, i) && c->in[i]->type.has_rank ? c->in[i]->type.rank : -1;
}
static inline dim_t in_dim(const infer_ctx *c, int i, int d) { return c->in[i]->type.dims[d]; }
void out_tensor(infer_ctx *c, int o, naru_dtype dtype, int rank, const dim_t *dims); /* rank -1: unknown rank */
void out_like(infer_ctx *c, int o, int i);                       /* same type as input i (content not) */
void out_elems(infer_ctx *c, int o, const elem_t *e, int64_t n); /* content of a rank 0/1 integer output (copied) */
/* Broadcast of two dims or shapes, ONNX rules. False with the error set when they cannot be. */
naru_status infer_broadcast(infer_ctx *c, dim_t a, dim_t b, dim_t *out);
naru_status infer_broadcast_shapes(infer_ctx *c, const type *a, const type *b, type *out); /* dims only */
naru_status infer_same_as_first(infer_ctx *c);                                             /* unary elementwise */
naru_status infer_elementwise(infer_ctx *c); /* n-ary broadcast, dtype of input 0 */
naru_status infer_compare(infer_ctx *c);     /* broadcast, bool */
/* Content of a binary integer op on shapes ('+', '-', '*', '/'): when both inputs' elements are known (one may be a
 * single element), out 0 gets its elements. Call after infer_elementwise. */
void infer_elems2(infer_ctx *c, char op);
/* Content of integer input i: elems (at most `max`), or false when not known. Reads constants of any integer type. */
bool in_elems(const infer_ctx *c, int i, const elem_t **e, int64_t *n);
/* The same when every element is a constant. */
bool in_ints(const infer_ctx *c, int i, const int64_t **v, int64_t *n);
/* A scalar constant as double (any numeric type). */
bool in_scalar(const infer_ctx *c, int i, double *v);
/* Axis in [-rank, rank) to [0, rank); error names the op's axis otherwise. */
naru_status infer_axis(infer_ctx *c, int64_t axis, int rank, int *out);
/* The same for lists: normalised, checked for repeats. */
naru_status infer_axes(infer_ctx *c, const int64_t *axes, int64_t n, int rank, int *out);

/* ---- evaluation helpers (eval.c) ---- */
naru_status eval_fail(eval_ctx *c, naru_status code, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline naru_tensor *eval_in(const eval_ctx *c, int i) { /* NULL when omitted */
    return i < c->nin && c->in[i] ? c->in[i]->tensor : NULL;
}
static inline naru_tensor *eval_out(const eval_ctx *c, int o) { /* NULL when omitted or not yet allocated */
    return o < c->nout && c->out[o] ? c->out[o]->tensor : NULL;
}
static inline bool eval_wants(const eval_ctx *c, int o) { return o < c->nout && c->out_wanted[o]; }
/* Output o as a fresh tensor (for dims that only eval knows); reuses the preset one when it fits. */
naru_status eval_alloc(eval_ctx *c, int o, naru_dtype dtype, int rank, const int64_t *dims, naru_tensor **out);
/* Output o becomes v (takes its own reference): sequences, optionals, maps. */
naru_status eval_set(eval_ctx *c, int o, naru_value *v);
void *eval_scratch(eval_ctx *c, size_t bytes); /* 64-byte aligned; NULL with the error set when out of memory */
/* Whole contiguous tensor as doubles / int64s in scratch (not copied when it already has that type). */
const double *eval_f64(eval_ctx *c, const naru_tensor *t);
const int64_t *eval_i64(eval_ctx *c, const naru_tensor *t);
/* Elementwise drivers: broadcast, convert in chunks, call, convert back with rounding. Integer types use i64 when
 * given. */
typedef double (*fn1)(double, const node *);
typedef double (*fn2)(double, double, const node *);
typedef int64_t (*ifn1)(int64_t, const node *);
typedef int64_t (*ifn2)(int64_t, int64_t, const node *);
naru_status eval_unary(eval_ctx *c, fn1 f, ifn1 g);
naru_status eval_binary(eval_ctx *c, fn2 f, ifn2 g);
/* Broadcast iteration: strides (in elements, 0 on broadcast dims) of `t` seen under out's dims. */
void broadcast_strides(const naru_tensor *t, int rank, const int64_t *dims, int64_t *strides);

/* ---- running a whole graph on the reference evaluator (evaluate.c) ---- */
/* g lifted. in[i]: value of main input i (NULL: its initializer default). out: main->nout references for the caller. */
naru_status graph_evaluate(graph *g, naru_value *const *in, naru_value **out, uint64_t seed, naru_error *err);
/* Infers facts of all values of g from its inputs' declared types (or `inputs`, one per main input, when not NULL).
 * Errors of single nodes go to report (NULL: the first is returned). */
naru_status graph_infer(graph *g, const fact *inputs, naru_report *report, naru_error *err);
naru_status node_infer(graph *g, node *n, naru_error *err); /* one node, from its inputs' current facts */
/* Infers, presets outputs and evaluates c->node: what both the evaluator and the engine's last resort do. */
naru_status op_run(eval_ctx *c, symtab *syms);
/* A value over t, or over an aligned contiguous copy where t is neither. */
naru_status value_wrap_aligned(naru_tensor *t, naru_value **out, naru_error *err);
bool tensor_is_aligned(const naru_tensor *t);     /* data is aligned to its element size */
bool fact_complete(const fact *f);                /* a tensor whose dtype and every dim are constants */
void fact_of_value(const naru_value *v, fact *f); /* type and content of a run-time value (NULL: unknown) */
/* Evaluates one node with constant inputs: for folding. out: n->nout references. */
naru_status node_evaluate(const node *n, naru_value **in, naru_value **out, uint64_t seed, naru_error *err);

#endif
