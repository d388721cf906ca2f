/* SPDX-License-Identifier: MIT
 *
 * What a pass file sees: looking around a node, and proposing a patch. A pass has one function, called for every node
 * as root; it matches backwards from its root, builds new nodes (rw_node, before the root), says which values they
 * stand for (rw_replace, rw_constant) and returns true. The driver then applies the patch: it infers the new nodes,
 * compares types, rewires uses, and removes what is no longer read. Returning false discards what was built.
 */
#ifndef PASSES_REWRITE_H
#define PASSES_REWRITE_H

#include "ops/op.h"
#include "passes/pass.h"

typedef struct use {
    node *node; /* NULL: output `index` of block */
    block *block;
    int index;
    struct use *next;
} use;

typedef struct subst {
    value *old, *by;       /* by NULL: constant */
    naru_tensor *constant; /* owned until applied */
} subst;

typedef struct rewriter {
    graph *g;
    arena *arena;
    const pass_options *options;
    naru_error *err;
    ARRAY(use *) uses; /* by value id; records may be stale, see use_live */
    ARRAY(int) counts; /* by value id: live uses */
    node *at;          /* the root: new nodes go before it */
    ARRAY(node *) made;
    ARRAY(subst) substs;
    ARRAY(node *) gone; /* removed by the patch being applied */
    bool failed;        /* out of memory while building */
} rewriter;

typedef bool (*match_fn)(rewriter *r, node *n);

/* ---- looking ---- */
static inline bool node_is(const node *n, const char *op) { return n && strcmp(n->op_type, op) == 0 && !*n->domain; }
static inline bool node_is_naru(const node *n, const char *op) {
    return n && strcmp(n->op_type, op) == 0 && strcmp(n->domain, "naru") == 0;
}
static inline value *node_in(const node *n, int i) { return i < n->nin ? n->in[i] : NULL; }
static inline value *node_out(const node *n, int i) { return i < n->nout ? n->out[i] : NULL; }
/* Content that never changes; NULL when not constant (a main input's default is not). */
static inline const naru_tensor *value_const(const value *v) { return v && !v->is_input ? v->constant : NULL; }
bool value_scalar(const value *v, double *out);                /* constant of one element */
bool value_is_scalar(const value *v, double want, double tol); /* |x - want| <= tol |want| */
static inline int value_rank(const value *v) { return v->fact.type.has_rank ? v->fact.type.rank : -1; }
static inline naru_dtype value_dtype(const value *v) { return v ? v->fact.type.dtype : NARU_UNDEFINED; }
dim_t value_dim(const value *v, int i);                /* DIM_UNKNOWN where nothing is known; i < 0 from the end */
bool value_same_shape(const value *a, const value *b); /* rank and every dim known and equal */
bool value_ints(const value *v, const int64_t **out, int64_t *n, arena *a); /* constant integers, rank 0 or 1 */
int rw_uses(const rewriter *r, const value *v);                             /* node inputs and block outputs */
/* v's producer when that is `op` of ai.onnx in the root's block, else NULL. */
node *rw_from(const rewriter *r, const value *v, const char *op);
/* The same, and the root's pattern is v's only reader, so that it goes away with it. */
node *rw_only_from(const rewriter *r, const value *v, const char *op);
node *rw_user(const rewriter *r, const value *v);           /* the single node that reads v; NULL otherwise */
const use *rw_first_use(const rewriter *r, const value *v); /* live uses, for loops */
const use *rw_next_use(const value *v, const use *u);
bool rw_before(const node *a, const node *b);                      /* of one block: a comes first, or is b */
bool rw_same_constant(const naru_tensor *a, const naru_tensor *b); /* by content, where that is small */
bool rw_same_attrs(const node *a, const node *b);                  /* of one operator; bodies never are */

/* ---- building ---- */
/* A node before the root with default attributes; in: nin values (NULL: omitted). NULL when memory is out. */
node *rw_node(rewriter *r, const char *op, const char *domain, int nin, value *const *in, int nout);
value *rw_op(rewriter *r, const char *op, const char *domain, int nin, value *const *in); /* one output; its value */
void rw_int(rewriter *r, const value *v, const char *name, int64_t i); /* attributes of v's (new) producer */
void rw_float(rewriter *r, const value *v, const char *name, double f);
void rw_string(rewriter *r, const value *v, const char *name, const char *s);
void rw_ints(rewriter *r, const value *v, const char *name, const int64_t *i, size_t n);
void rw_floats(rewriter *r, const value *v, const char *name, const float *f, size_t n);
void rw_attrs_from(rewriter *r, const value *v, const node *n); /* attributes of n that the op has too */
value *rw_tensor(rewriter *r, naru_tensor *t);                  /* a constant; takes over the reference */
value *rw_const_ints(rewriter *r, const int64_t *v, int64_t n); /* int64[n] */
value *rw_const_float(rewriter *r, naru_dtype d, double v);     /* rank 0 */
/* A contiguous constant as new tensor of doubles; NULL when that cannot be. */
naru_tensor *tensor_as_double(const naru_tensor *t);
naru_tensor *tensor_as(naru_tensor *t, naru_dtype d); /* consumes t */
/* Every use of old reads `by` instead. False (nothing is done) when that cannot be, because both are outputs by name.
 */
bool rw_replace(rewriter *r, value *old, value *by);
bool rw_constant(rewriter *r, value *old, naru_tensor *t); /* takes over the reference */

/* The nodes and constants of a body of the root move before the root, and its outputs stand for the root's. Not undone
 * by a pass that returns false. */
bool rw_inline(rewriter *r, block *body);

/* ---- for the driver ---- */
naru_status rw_init(rewriter *r, graph *g, const pass_options *o, naru_error *err);
void rw_free(rewriter *r);
naru_status rw_begin(rewriter *r, node *root);
void rw_discard(rewriter *r);
naru_status rw_apply(rewriter *r, const char *pass);
/* Removes n when nothing reads its outputs, and then what only n read. True when it did. */
bool rw_sweep(rewriter *r, node *n);

#endif
