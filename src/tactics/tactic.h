/* SPDX-License-Identifier: MIT
 *
 * Tactics: the ways to run an operator. tactics.def lists them, best first for each op; the compiler takes the first
 * that accepts the node and is not slow, and the reference evaluator is the last resort, so a node always runs. A
 * tactic turns a node into a step: prepare (once, at compile time: pack weights), workspace (once per shape), run.
 *
 * Threads: accepts, slow and prepare run on the compiling thread; workspace and run may be called concurrently for one
 * step by several contexts: they must not write the step.
 */
#ifndef TACTICS_TACTIC_H
#define TACTICS_TACTIC_H

#include <string.h>

#include "base/arena.h"
#include "base/cpu.h"
#include "base/pool.h"
#include "ops/op.h"

typedef struct tactic tactic;
typedef struct step step;

/* What a tactic computes in. FP32 is the node's own type, whatever that is (Q/DQ tactics are FP32 here: the model says
 * what they do); the others round the node's FP32 operands. One that is faster and as exact as FP32 is FP32. */
typedef enum tactic_precision { TACTIC_F32, TACTIC_BF16, TACTIC_FP16, TACTIC_PRECISIONS } tactic_precision;

/* What is known when the tactic is chosen: dims may be symbolic (DIM_UNKNOWN or < 0), constants are facts' `constant`.
 */
typedef struct tactic_query {
    const node *node;
    cpu_level cpu;
    int threads;
    int nin, nout;
    const fact *const *in; /* NULL: omitted */
    const fact *out;
    const symtab *syms; /* of symbolic dims; NULL: none */
    unsigned lower; /* precisions allowed besides FP32: bits 1 << TACTIC_BF16 ...; sessions and regions allow none */
    const tactic *asked; /* set by tactic_refuses */
} tactic_query;

typedef struct prepare_ctx {
    tactic_query q;
    arena *arena; /* small state; lives as long as the engine */
    pool *pool;   /* for packing; NULL: the caller alone */
    void *(*weights)(struct prepare_ctx *c,
                     size_t bytes); /* 64-byte aligned memory of the engine's weight store; NULL: out of memory */
    bool reuse; /* what weights gives holds the packed weights already (of a plan file) and cannot be written; it is
                   asked for in the same order and sizes */
    bool saved; /* what weights gives may be written to a plan file */
    unsigned consumed; /* set bit i when the constant input i is no longer needed once prepared (it was packed) */
    naru_error *err;
    void *engine;
} prepare_ctx;

struct step {
    const node *node;
    const tactic *tactic; /* NULL: the op's reference eval */
    void *state;          /* made by prepare */
    cpu_level cpu;
    int nin, nout;
    int *in, *out; /* slots; -1: omitted */
    int *bodies;   /* program indices of the node's blocks, in attribute order */
    int nbodies;
    const step *const *variants; /* the step in each of the engine's sets of tactics; NULL: itself in all */
};

/* Inputs are described (dtype, dims) and contiguous, but those for which the tactic says `pitched`; data is NULL while
 * planning. */
typedef struct run_ctx {
    const step *step;
    const naru_tensor *const *in; /* NULL: omitted */
    naru_tensor *const *out;      /* NULL: omitted; already described and allocated */
    void *workspace;              /* what plan asked for, 64-byte aligned */
    size_t workspace_size;
    pool *pool;
    naru_error *err;
} run_ctx;

enum {
    TACTIC_INPLACE = 1, /* out 0 may be the memory of any input of the same size that is not needed afterwards */
    TACTIC_JOINS = 2,   /* inputs become parts of out 0 (Concat): `part` says where */
    TACTIC_PARTS = 4    /* outputs are parts of input 0 (Split): `part` says where */
};

struct tactic {
    const char *name;   /* "conv.igemm" */
    const char *op;     /* op_type it implements, "Conv", in domain: */
    const char *domain; /* NULL: "" */
    unsigned flags;
    tactic_precision precision;
    /* NULL: accepted; else why not, for reports: "weight is not constant". */
    const char *(*accepts)(const tactic_query *q);
    /* NULL, or why it could run the node but is probably slower than what follows in the list: asked after accepts. The
     * builder times such tactics from optimization level 3 on. */
    const char *(*slow)(const tactic_query *q);
    naru_status (*prepare)(prepare_ctx *c, step *s); /* NULL: nothing to do */
    /* Bytes of workspace for these shapes. NULL: none. */
    size_t (*workspace)(const step *s, const naru_tensor *const *in, const naru_tensor *const *out, int threads);
    naru_status (*run)(const run_ctx *r);
    void (*release)(step *s); /* what prepare made outside arena and weights; NULL: nothing */
    /* Whether input i (output 0: i = -1) may have its rows, which run along the last axis, further apart than they are
     * long: tensor_pitch. NULL: none may. */
    bool (*pitched)(const step *s, int i);
    /* JOINS, PARTS: the element of the whole at which part i begins, the part being all that the whole has there along
     * one axis; -1: it is no such part. run leaves alone what lies at its place already. */
    int64_t (*part)(const step *s, const fact *const *in, const fact *out, int i);
};

size_t tactic_count(void); /* of the list, then registered ones: grows */
const tactic *tactic_at(size_t i);
const char *tactic_precision_name(tactic_precision p); /* "FP32", "BF16" */
static inline bool tactic_is_allowed(const tactic *t, const tactic_query *q) {
    return t->precision == TACTIC_F32 || (q->lower >> t->precision & 1);
}
/* Why it cannot run the node; NULL: it can. */
const char *tactic_refuses(const tactic *t, const tactic_query *q);
static inline void step_release(step *s) {
    if (s->tactic && s->tactic->release) s->tactic->release(s);
}
/* Registering: link and tactic stay for ever, and come before their operator. Callers take turns. */
typedef struct tactic_link {
    const tactic *tactic;
    _Atomic(struct tactic_link *) next;
} tactic_link;
void tactic_register(tactic_link *l);
/* The first of the list that is allowed, accepts and is not slow, else the first that accepts; NULL: none. */
const tactic *tactic_first(const tactic_query *q);
static inline bool tactic_is_for(const tactic *t, const node *n) {
    return strcmp(t->op, n->op_type) == 0 && strcmp(t->domain ? t->domain : "", n->domain) == 0;
}

/* Reading facts. */
static inline bool q_const(const tactic_query *q, int i) { return i < q->nin && q->in[i] && q->in[i]->constant; }
static inline bool q_given(const tactic_query *q, int i) { return i < q->nin && q->in[i]; }
static inline naru_dtype q_dtype(const tactic_query *q, int i) {
    return q_given(q, i) ? q->in[i]->type.dtype : NARU_UNDEFINED;
}
static inline int q_rank(const tactic_query *q, int i) {
    return q_given(q, i) && q->in[i]->type.has_rank ? q->in[i]->type.rank : -1;
}
/* A dim as it is known or, in examples, typically is: for `slow`, never for what must hold. */
static inline dim_t q_typical(const tactic_query *q, dim_t d) { return sym_typical(q->syms, d); }
static inline dim_t q_dim(const tactic_query *q, int i, int d) { return q->in[i]->type.dims[d]; }
/* The constant input i, contiguous, data possibly unaligned (a view of the model file). */
static inline const naru_tensor *q_tensor(const tactic_query *q, int i) { return q->in[i]->constant; }

#endif
