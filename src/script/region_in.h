/* SPDX-License-Identifier: MIT
 *
 * What the files of region.h share: a region, the arguments of a call as its key and leaves, a recording in progress,
 * the tree that says what a region gives back. Private to region*.c.
 */
#ifndef SCRIPT_REGION_IN_H
#define SCRIPT_REGION_IN_H

#include "engine/engine.h"
#include "script/record.h"
#include "script/region.h"

enum { REGION_KEY = 2048, REGION_LEAVES = 128, REGION_RESULTS = 128 };
/* How general a recording is: sizes and numbers unknown; sizes unknown; nothing unknown. */
enum { MODE_OPEN, MODE_NUMBERS, MODE_SIZES, MODES };

typedef struct region_result { /* of the call */
    enum { RES_OUTPUT, RES_ARG, RES_CONST, RES_SCALAR, RES_LIST, RES_TUPLE, RES_DICT } kind;
    int index;  /* OUTPUT, SCALAR: engine output; ARG: leaf */
    sv_tag is;  /* SCALAR */
    sv value;   /* CONST; DICT: a dict with the keys */
    int nchain; /* views upon OUTPUT, ARG or CONST */
    view_step *chain;
    int n; /* LIST, TUPLE, DICT */
    struct region_result *items;
    const stype *elem; /* LIST */
    const sclass *cls; /* TUPLE */
} region_result;

typedef struct watched { /* what a region took for constant */
    sten *t;
    unsigned version;
} watched;

typedef struct region {
    struct region *next; /* of one function */
    atomic_int refs;
    int mode;
    unsigned generation; /* of the unit when it was recorded */
    size_t key_size;
    uint8_t *key;
    arena *arena;
    engine *engine;
    int nleaves;
    int noutputs;
    region_result result;
    ARRAY(watched) constants;
    ARRAY(sv) kept; /* CONST results */
    struct {
        int leaf, output;
    } written[REGION_LEAVES];
    int nwritten;
} region;

typedef struct region_fn {
    struct region_fn *next;
    const sfunction *fn;
    region *regions;
    int tries;
    int mode; /* least that has worked */
    bool off;
} region_fn;

struct region_set {
    pthread_mutex_t lock;
    cpu_level cpu;
    int threads;
    region_fn *fns[256];
};

typedef struct kept_context {
    struct kept_context *next;
    region *r;
    context *c;
} kept_context;

struct region_user {
    region_set *set;
    kept_context *contexts;
    int building; /* recordings in progress: calls inside them are not regions */
};

/* ---- arguments (region_args.c) ---- */
typedef struct region_args {
    uint8_t key[REGION_KEY];
    size_t n;
    int mode;
    sv leaf[REGION_LEAVES]; /* tensors, and numbers in MODE_OPEN; borrowed */
    int nleaves;
    int ntensors, nnumbers;
    bool bad;
} region_args;

/* The call's arguments at one mode: its key and leaves. k->bad: no region can take them. */
void region_scan(region_args *k, int mode, int n, const sv *args);

/* ---- recording and compiling (region_build.c) ---- */
typedef struct region_builder {
    vm *caller;
    region_set *set;
    region *r;
    graph *g;
    recording rec;
    int mode, leaf;
    sv placed[REGION_LEAVES]; /* what stands for the leaves; borrowed */
    ARRAY(sobj *) containers; /* of the arguments, as given to the recording */
    ARRAY(size_t) counts;
    value *outs[REGION_RESULTS];
    int nouts;
    naru_error *err;
} region_builder;

/* Records f with these arguments at k's mode and compiles what was recorded; *out is referenced once. */
naru_status region_build(vm *caller, region_set *set, sfunction *f, int n, const sv *args, const region_args *k,
                         region **out, naru_error *err);
void region_unref(region *r); /* accepts NULL */

/* ---- what comes back (region_result.c) ---- */
naru_status region_describe(region_builder *b, sv v, region_result *out); /* of a finished recording */
int region_add_output(region_builder *b, value *v);                       /* its number; -1: too many */

/* ---- running (region_run.c) ---- */
/* p: the caller's pool. Any status but OK and OUT_OF_MEMORY: interpret the call. */
naru_status region_run(vm *m, region_user *u, pool *p, region *r, const region_args *k, sv *out, naru_error *err);

#endif
