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

typedef struct engine_weight {
    void *data;
    size_t bytes;
    bool borrowed; /* memory of a plan file: not freed, never written */
} engine_weight;

typedef struct engine {
    graph *graph;
    arena *arena;
    program *programs; /* [0] is main */
    int nprograms;
    engine_slot *slots;
    int nslots;
    int max_arity;                /* inputs or outputs of any step */
    ARRAY(engine_weight) weights; /* packed, in the order of packing */
    size_t weight_bytes;
    cpu_level cpu;
    int threads;
    int variants; /* sets of tactics: a context runs one of them */
} engine;

/* A value that never changes (an input's default may be overridden). */
static inline bool engine_slot_fixed(const engine_slot *s) { return (s->constant || s->packed) && !s->value->is_input; }

/* How to compile. Steps are numbered through all programs in order: `index` is that number. */
typedef struct compile_options {
    cpu_level cpu;
    int threads;
    pool *pool;          /* packs weights; NULL: the caller alone */
    bool keep_constants; /* constants stay when they are packed: the builder tries other tactics on them */
    bool zeroed;         /* bytes of packed weights that no tactic writes are zero, so that plans are reproducible */
    int variants;        /* sets of tactics; 0: one */
    /* The tactic of a step in a set; NULL: the reference evaluator. Not given: the first that accepts. Asked set by set
     * for each step; sets that agree on a step share what is packed for it. */
    const tactic *(*choose)(void *user, const tactic_query *q, int index, int variant);
    /* Gives weights that are packed already, in the order in which they were packed; false: they do not fit. */
    bool (*packed)(void *user, size_t bytes, void **data);
    bool (*progress)(void *user, int done, int all); /* false cancels */
    void *user;
} compile_options;

/* Take ownership of g (lifted, passes done), also on failure. */
naru_status engine_compile(graph *g, cpu_level cpu, pool *p, engine **out, naru_error *err);
naru_status engine_compile_with(graph *g, const compile_options *o, engine **out, naru_error *err);
int engine_step_index(const engine *e, const step *s); /* its number; -1: not of this engine */
const step *engine_step(const engine *e, int index);   /* NULL past the end */
static inline const step *step_variant(const step *s, int variant) { return s->variants ? s->variants[variant] : s; }
/* What main outputs become for these inputs, as far as it can be told without running (shapes.c). content: the data of
 * an input where it is known (else NULL entries). out: a fact per main output, its memory in `a`. */
naru_status engine_infer(const engine *e, const type *in, const naru_tensor *const *content, arena *a, fact *out,
                         naru_error *err);
void engine_free(engine *e);

/* ---- plans ---- */
enum { BIND_BLOCK, BIND_ALIAS, BIND_OUTPUT }; /* where an output slot's memory is */
typedef struct binding {
    int slot;
    int kind;
    int alias;     /* ALIAS: slot whose data it shares; OUTPUT: index of the main output */
    size_t offset; /* BLOCK */
    int64_t pitch; /* BLOCK: elements between rows along the last axis; 0: dense */
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
    int variant; /* which of the engine's sets of tactics runs; to be set between runs */
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
    /* Before a planned step of a tactic runs: the builder tries others on the same data. */
    naru_status (*observe)(void *user, struct context *c, const run_ctx *r);
    void (*timed)(void *user, const step *s, int64_t begin, int64_t end); /* after each step, nanoseconds */
    void *observer;
    size_t peak_block;
    const atomic_int *cancelled; /* looked at between steps; NULL: never */
    uint64_t budget;             /* steps and segments that may still run; 0: no limit */
} context;

naru_status context_new(const engine *e, pool *p, context **out, naru_error *err);
void context_free(context *c);
/* in: one per main input (NULL where the input has a default). outs: one per main output; where not NULL it is a
 * caller's contiguous tensor to be filled (dtype and dims must fit), where NULL it receives a reference. */
naru_status context_run(context *c, naru_value *const *in, naru_value **outs, uint64_t seed, naru_error *err);
/* Bytes of the first segment's block for inputs of these types and dims; where data is given it is read, as planning
 * needs it. Runs nothing. */
naru_status context_measure(context *c, const naru_tensor *const *in, size_t *bytes, naru_error *err);

/* plan.c: the plan for running program p from step `first` with the present slot values; *out->last == first: not
 * plannable. */
naru_status segment_get(context *c, int p, int first, segment **out, naru_error *err);
naru_status segment_plan(context *c, segment *s, plan **out, naru_error *err);
void segment_free(segment *s);

#endif
