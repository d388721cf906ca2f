/* SPDX-License-Identifier: MIT
 *
 * The graph: a model's blocks, values, nodes, attributes, symbols. Two states (docs/architecture.md): as written (nodes
 * hold op_type, domain, attributes as the file has them; node->op is NULL) and lifted (passes/lift.c: every node of a
 * known domain has its op_desc, is in the newest vocabulary, and its attributes are in the op's table order).
 * Everything lives in the graph's arena; tensors are referenced. A graph belongs to one thread at a time.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "graph/sym.h"
#include "tensor/tensor.h"

typedef struct graph graph;
typedef struct block block;
typedef struct node node;
typedef struct value value;
struct op_desc;

typedef struct bytes { /* not NUL-free: lengths are explicit; data is NUL-terminated as well */
    const char *data;
    size_t len;
} bytes;

/* ---- types ---- */
typedef enum type_kind {
    TYPE_UNKNOWN, /* nothing is known */
    TYPE_TENSOR,
    TYPE_SPARSE,
    TYPE_SEQUENCE,
    TYPE_OPTIONAL,
    TYPE_MAP,
    TYPE_OPAQUE
} type_kind;

typedef struct type {
    type_kind kind;
    naru_dtype dtype; /* tensor, sparse: element type (NARU_UNDEFINED: unknown); map: key type */
    bool has_rank;    /* tensor, sparse: rank and dims are known (a dim may be DIM_UNKNOWN) */
    int rank;
    dim_t dims[NARU_MAX_RANK];
    const struct type *elem;   /* sequence, optional: element; map: value */
    const char *domain, *name; /* opaque */
} type;

/* What is known of a value: its type and, for small integer tensors (shapes) and constants, its content. */
typedef struct fact {
    type type;
    const naru_tensor *constant; /* whole content known */
    const elem_t *elems;         /* content of a rank 0 or 1 integer tensor, partly known; NULL when not */
    int64_t nelems;
} fact;

/* ---- values ---- */
struct value {
    const char *name;      /* unique in its graph; never NULL */
    int id;                /* dense index in graph->values */
    block *block;          /* where it is defined; NULL until defined */
    node *producer;        /* NULL: block input, initializer, or undefined */
    int out_index;         /* which output of producer */
    bool is_input;         /* input of its block */
    bool is_initializer;   /* `constant` is its (default) value */
    naru_tensor *constant; /* initializers and folded constants; data may be unaligned in a mapping */
    type declared;         /* as the file says: an annotation, never believed (except for main inputs) */
    bool has_declared;
    fact fact; /* inferred */
    const char *doc;
    const char *const *meta; /* metadata_props: key, value, ..., NULL-terminated; NULL when none */
    bool sparse_initializer; /* was written as a sparse tensor: the writer writes it so again */
    bytes raw_type;     /* the declared TypeProto as the file has it (denotations); emptied by who changes `declared` */
    bytes unknown;      /* fields of its ValueInfoProto that we do not know, raw */
    bytes tensor_extra; /* initializer: TensorProto fields besides name and content (doc_string, metadata), raw */
};

/* ---- attributes ---- */
typedef enum attr_kind { /* numbers are ONNX's AttributeProto.AttributeType */
                         ATTR_NONE = 0,
                         ATTR_FLOAT = 1,
                         ATTR_INT = 2,
                         ATTR_STRING = 3,
                         ATTR_TENSOR = 4,
                         ATTR_GRAPH = 5,
                         ATTR_FLOATS = 6,
                         ATTR_INTS = 7,
                         ATTR_STRINGS = 8,
                         ATTR_TENSORS = 9,
                         ATTR_GRAPHS = 10,
                         ATTR_SPARSE_TENSOR = 11,
                         ATTR_SPARSE_TENSORS = 12,
                         ATTR_TYPE = 13,
                         ATTR_TYPES = 14
} attr_kind;

typedef struct attr {
    const char *name;
    attr_kind kind;
    const char *ref_name; /* inside a function: stands for the caller's attribute of that name; NULL otherwise */
    size_t count;         /* elements of the plural kinds */
    union {
        float f;
        int64_t i;
        bytes s;
        naru_tensor *tensor; /* sparse tensors are held dense, with `kind` saying how they were written */
        block *block;
        const float *floats;
        const int64_t *ints;
        const bytes *strings;
        naru_tensor **tensors;
        block **blocks;
        const type *type;
        const type *types;
    };
    const char *doc;
    bytes tensor_extra; /* TENSOR: TensorProto fields besides the content (name, doc_string, metadata), raw */
    bytes unknown;      /* fields of the AttributeProto that we do not know, raw */
} attr;

/* A row of an operator's attribute table (ops/op.h has the macros that make them). */
typedef struct attr_def {
    const char *name;
    attr_kind kind;
    bool required;
    int64_t i;     /* default of an INT */
    float f;       /* default of a FLOAT */
    const char *s; /* default of a STRING; NULL: none */
    bool optional; /* no default: absent means absent */
} attr_def;

/* ---- nodes ---- */
struct node {
    const char *op_type;
    const char *domain;   /* "" for ai.onnx (both spellings) */
    const char *overload; /* "" */
    const char *name;     /* "" when unnamed */
    const char *doc;      /* NULL when none */
    const char *const *meta;
    int index;                /* position in the file's node list of its block, for messages; -1 for made nodes */
    const struct op_desc *op; /* lifted state */
    const attr_def *table;    /* lifted state: the operator's attribute table, NULL when it has none */
    attr *attrs;              /* as written: file order; lifted: op table order, missing ones are ATTR_NONE */
    int nattrs;
    value **in; /* NULL entry: omitted optional input */
    int nin;
    value **out; /* NULL entry: omitted output */
    int nout;
    block *block; /* owner */
    node *prev, *next;
    const char *origin; /* names of the nodes as written that it came from, a line each; "": none; NULL: its own */
    bytes unknown;      /* fields of the NodeProto that we do not know, raw */
};

/* ---- blocks ---- */
struct block {
    graph *graph;
    block *parent; /* NULL for main and function bodies */
    node *owner;   /* the node whose attribute this is; NULL for main and functions */
    const char *name, *doc;
    const char *const *meta;
    value **in;
    int nin;
    value **out;
    int nout;
    node *first, *last;
    int nnodes;
    value **initializers; /* in file order */
    int ninit;
    value **infos; /* values with value_info, in file order (as-written state only) */
    int ninfo;
    bytes unknown; /* fields of the GraphProto that we do not know (quantization annotations included), raw */
};

typedef struct opset {
    const char *domain; /* "" for ai.onnx */
    int64_t version;
} opset;

typedef struct function {
    const char *name, *domain, *overload, *doc;
    const char *const *meta;
    block *body;        /* inputs and outputs are the formal parameters */
    const char **attrs; /* attribute parameters without default */
    int nattrs;
    attr *defaults; /* attribute parameters with default */
    int ndefaults;
    opset *imports;
    int nimports;
    bytes unknown;
} function;

struct graph {
    arena *arena;
    symtab *syms;
    int64_t ir_version, model_version;
    const char *producer_name, *producer_version, *domain, *doc;
    const char *const *meta;
    opset *imports;
    int nimports;
    block *main;
    function *functions;
    int nfunctions;
    ARRAY(value *) values; /* every value, by id */
    strmap names;          /* name -> value, main and subgraphs together once names are unique (lifted) */
    bool lifted;
    const char *path; /* of the file, for messages; "" when from memory */
    file_map *file;   /* mapping that constants may view; NULL */
    bytes unknown;    /* unknown fields of ModelProto (training_info, configuration included) */
    int fresh;        /* counter for made names */
};

/* ---- building and editing (graph.c). NULL or false means out of memory. ---- */
graph *graph_new(void);
void graph_free(graph *g); /* accepts NULL; drops tensor and mapping references */
block *graph_block_new(graph *g, block *parent);
value *graph_value_new(graph *g, block *b, const char *name); /* name copied; NULL: a fresh unique name */
value *graph_constant_new(graph *g, block *b, const char *name,
                          naru_tensor *t); /* initializer; takes a tensor reference */
/* Makes a node with nin inputs and nout outputs (all NULL) and nattrs attributes (ATTR_NONE); appended when before is
 * NULL. */
node *graph_node_new(graph *g, block *b, node *before, const char *op_type, const char *domain, int nin, int nout,
                     int nattrs);
void node_set_out(node *n, int i, value *v); /* sets producer too */
void node_remove(node *n);                   /* unlinks; its outputs lose their producer */
void node_move_before(node *n, node *before);
void node_move_to(node *n, block *b, node *before); /* into another block, its outputs with it */
bool node_set_nin(node *n, int nin);                /* grows or shrinks the input list */
/* Every use of `from` (node inputs in all blocks, block outputs) becomes `to`. */
void graph_replace_uses(graph *g, value *from, value *to);
int graph_count_uses(const graph *g, const value *v); /* node inputs and block outputs, all blocks */
bool value_is_output(const value *v);                 /* an output of its block */
/* Calls fn for each block: main (and, when `functions`, function bodies) and all nested ones, outer first. */
typedef bool (*block_fn)(block *b, void *user);
bool graph_each_block(graph *g, bool functions, block_fn fn, void *user); /* false as soon as fn gives false */
bool block_add_input(block *b, value *v);
bool block_add_output(block *b, value *v);
bool block_add_initializer(block *b, value *v);          /* the caller sets v->constant */
int64_t graph_opset(const graph *g, const char *domain); /* imported version; 0 when not imported */
attr *node_attr(const node *n, const char *name);        /* by name, NULL when absent or ATTR_NONE */
void attr_release(attr *a);                              /* drops what it holds, bodies' tensors too; kind ATTR_NONE */
bool node_add_attr(node *n, attr a);                     /* appends (as-written state) */
/* "node 12 'conv1' (Conv)" into buf. */
const char *node_describe(const node *n, char *buf, size_t size);
void type_print(const graph *g, const type *t, str *out); /* "float[batch,3,?]", "seq(int64[?])" */
bool type_equal(const type *a, const type *b);

#endif
