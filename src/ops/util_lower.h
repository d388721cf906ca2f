/* SPDX-License-Identifier: MIT
 *
 * What an operator's down adapters see (op_desc.down): the facts of their node, and building what stands for it. New
 * nodes are made in the newest vocabulary, before the node, and are lowered in their turn; so an adapter says only what
 * its own operator lost. Each new node is inferred at once, and what is constant is folded at once: an adapter writes
 * the formula for unknown shapes and gets constants where shapes are known. Attributes are said right before the
 * node they are for, whose operands stand by then:
 *
 *     lw_i(c, "axis", 0);
 *     value *y = LW(c, "Concat", a, b);
 *     return lw_replace(c, n, y);
 *
 * When memory runs out the builders give NULL, take NULL, and lw_replace returns the error: no checks in between.
 */
#ifndef OPS_UTIL_LOWER_H
#define OPS_UTIL_LOWER_H

#include "ops/op.h"
#include "tensor/dtype.h"

enum { LW_ATTRS = 8 };

typedef struct lower_ctx {
    graph *graph;
    block *block;     /* where new nodes go, */
    node *at;         /* before this one; NULL: at the block's end */
    int64_t opset;    /* that is wanted */
    const char *name; /* made nodes are called NAME/OPERATOR; "" */
    attr pending[LW_ATTRS];
    int npending;
    const node *before;  /* made nodes come after this one; NULL: the block's first */
    int first;           /* values with an id from here on were made by the adapter */
    bool gone;           /* the node was replaced */
    const char *warning; /* NULL: none */
    naru_status status;  /* of building: OK, or the first failure, which is in err */
    naru_error *err;
} lower_ctx;

/* ---- looking ---- */
static inline naru_dtype lw_dtype(const value *v) { return v ? v->fact.type.dtype : NARU_UNDEFINED; }
static inline int lw_rank(const value *v) { return v && v->fact.type.has_rank ? v->fact.type.rank : -1; }
static inline value *lw_in(const node *n, int i) { return i < n->nin ? n->in[i] : NULL; }
static inline value *lw_out(const node *n, int i) { return i < n->nout ? n->out[i] : NULL; }
dim_t lw_dim(const value *v, int axis); /* axis may be negative; DIM_UNKNOWN */
/* The content of an integer value where all of it is known; in the graph's arena. */
bool lw_known_ints(lower_ctx *c, const value *v, const int64_t **out, int64_t *n);
bool lw_text_is(const node *n, int k, const char *text); /* the STRING attribute at that table index */

/* ---- building ---- */
void lw_i(lower_ctx *c, const char *name, int64_t i);
void lw_f(lower_ctx *c, const char *name, double f);
void lw_s(lower_ctx *c, const char *name, const char *s);
void lw_is(lower_ctx *c, const char *name, int64_t n, const int64_t *i);
void lw_attr(lower_ctx *c, const node *n, int k); /* the attribute at that index of n, bodies and tensors excepted */
node *lw_node(lower_ctx *c, const char *op, int nin, value *const *in, int nout);
value *lw_op(lower_ctx *c, const char *op, int nin, value *const *in); /* its only output */
#define LW(c, op, ...) lw_op(c, op, (int)(sizeof((value *[]){__VA_ARGS__}) / sizeof(value *)), (value *[]){__VA_ARGS__})
value *lw_ints(lower_ctx *c, int64_t n, const int64_t *v); /* an int64[n] constant */
#define LW_INTS(c, ...)                                                                                                \
    lw_ints(c, (int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__})
value *lw_tensor(lower_ctx *c, naru_tensor *t);         /* takes over the reference */
value *lw_int(lower_ctx *c, int64_t v);                 /* rank 0 */
value *lw_number(lower_ctx *c, naru_dtype d, double v); /* rank 0 */
value *lw_cast(lower_ctx *c, value *v, naru_dtype d);   /* v itself where it has that type */
value *lw_range(lower_ctx *c, value *limit);            /* 0 .. limit - 1, int64; limit: int64, rank 0 or [1] */
value *lw_size(lower_ctx *c, value *v, int axis);       /* int64[1]: a dim of v; axis may be negative */
/* The axes from `first` (may be negative) to the last, as an input for Reduce; NULL: the rank is not known. */
value *lw_axes(lower_ctx *c, value *v, int64_t first);
value *lw_transpose(lower_ctx *c, value *v, int rank, const int *perm);

/* ---- a body of Scan or Loop: LW(&body, ...) builds in it ---- */
lower_ctx lw_body(lower_ctx *c);
value *lw_body_in(lower_ctx *body, naru_dtype d, int rank); /* rank -1: unknown */
void lw_body_out(lower_ctx *body, value *v);
void lw_body_end(lower_ctx *c, lower_ctx *body, const char *name); /* as attribute of the next node */

/* ---- the end of an adapter ---- */
/* Output o of n is v from now on. */
void lw_output(lower_ctx *c, node *n, int o, value *v);
/* Removes n, whose outputs have been replaced. */
naru_status lw_finish(lower_ctx *c, node *n);
naru_status lw_replace(lower_ctx *c, node *n, value *v); /* both, for one output */
/* The node cannot be said at the opset: why. */
naru_status lw_refuse(lower_ctx *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* It can be said, but for a rare case that the user should know of: one fixed text, which goes to the report. */
void lw_warn(lower_ctx *c, const char *text);

#endif
