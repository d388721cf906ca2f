/* SPDX-License-Identifier: MIT
 *
 * The engine: a lifted, optimised graph compiled into programs of steps (compile.c), planned per shape (plan.c), run in
 * contexts (run.c). An engine is immutable after compiling and shared by threads; a context belongs to one thread at a
 * time.
 *
 * A program is one block. Its steps run in order, cut into segments where sizes depend on data: a segment is planned
 * whole (dims, memory, workspace) and cached by the shapes, and where they reach a shape the contents, of the values
 * that enter it; a step that cannot be planned even then (sequences, strings, control flow, data-dependent outputs)
 * runs through the op's eval on the heap and the next segment begins behind it.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdatomic.h>

#include "tactics/tactic.h"

typedef struct program {
    const block *block;
    step *steps;
    int nsteps;
    int *in, *out; /* slots of the block's inputs and outputs */
    int nin, nout;
    int *captured; /* slots of outer values read inside, nested bodies included */
    int ncaptured;
    int **dies; /* per step: slots of this program whose last use it is, -1 ends */
} program;

typedef struct engine_slot {
    const value *value;
    naru_tensor
        *constant; /* aligned and contiguous; NULL when not constant, or packed; an input's is only its default */
    bool packed;   /* a constant whose content lives on in steps only */
} engine_slot;

typedef struct engine {
    graph *graph;
    arena *arena;
    program *programs; /* [0] is main */
    int nprograms;
    engine_slot *slots;
    int nslots;
    int max_arity; /* inputs or outputs of any step */
    ARRAY(void *) weights;
    size_t weight_bytes;
    cpu_level cpu;
    int threads;
} engine;

/* A value that never changes (an input's default may be overridden). */
static inline bool engine_slot_fixed(const engine_slot *s) { return (s->constant || s->packed) && !s->value->is_input; }

/* Takes ownership of g (lifted, passes done), also on failure. */
naru_status engine_compile(graph *g, cpu_level cpu, int threads, engine **out, naru_error *err);
void engine_free(engine *e);

/* ---- plans ---- */
enum { BIND_BLOCK, BIND_ALIAS, BIND_OUTPUT }; /* where an output slot's memory is */
typedef struct binding {
    int slot;
    int kind;
    int alias;     /* ALIAS: slot whose data it shares; OUTPUT: index of the main output */
    size_t offset; /* BLOCK */
    naru_dtype dtype;
    int rank;
    int64_t dims[]; /* rank of them; bindings are variable-sized, linked by `next` */
} binding;

typedef struct plan {
    struct plan *next;
    uint64_t used;   /* tick of last use, for the LRU */
    int first, last; /* steps [first, last) */
    int64_t *key;
    int nkey;
    arena *arena;
    binding **binds; /* in step order */
    int nbinds;
    size_t *workspace; /* per step: offset into the block */
    size_t *workspace_size;
    size_t block_size;
} plan;

typedef struct segment { /* everything about planning from step `first` of a program */
    int program, first;
    int *entry; /* slots read at or after `first` that are defined before it (constants left out) */
    int nentry;
    bool *content; /* per entry: its content reaches a shape */
    plan *plans;
    int nplans;
    char *block;
    size_t block_size;
} segment;

typedef struct cell { /* a slot's state in one context */
    naru_value v;     /* embedded: kind TENSOR over t */
    naru_tensor t;
    naru_value *ref; /* current value: &v or a heap reference (owned); NULL: none */
} cell;

typedef struct profile profile; /* profile.h */

typedef struct context {
    const engine *engine;
    pool *pool;
    cell *slots;
    segment ***segments; /* [program][first], made on demand */
    fact *facts;         /* per slot, while planning */
    int *heap;           /* slots that hold heap references, to drop after the run */
    int nheap;
    const naru_tensor **in; /* argument arrays of max_arity */
    naru_tensor **out;
    int64_t *key;
    int key_cap;
    arena *scratch; /* of eval steps; reset after each */
    arena *planning;
    uint64_t tick;
    uint64_t rng;
    int depth;
    naru_tensor **outputs; /* main outputs being written directly; NULL entries: see run.c */
    bool *given;           /* per main output: the caller's */
    profile *profile;
    size_t peak_block;
    const atomic_int *cancelled; /* looked at between steps; NULL: never */
    uint64_t budget;             /* steps and segments that may still run; 0: no limit */
} context;

naru_status context_new(const engine *e, pool *p, context **out, naru_error *err);
void context_free(context *c);
/* in: one per main input (NULL where the input has a default). outs: one per main output; where not NULL it is a
 * caller's contiguous tensor to be filled (dtype and dims must fit), where NULL it receives a reference. */
naru_status context_run(context *c, naru_value *const *in, naru_value **outs, uint64_t seed, naru_error *err);

/* plan.c: the plan for running program p from step `first` with the present slot values; *out->last == first: not
 * plannable. */
naru_status segment_get(context *c, int p, int first, segment **out, naru_error *err);
naru_status segment_plan(context *c, segment *s, plan **out, naru_error *err);
void segment_free(segment *s);

#endif
