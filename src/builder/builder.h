/* SPDX-License-Identifier: MIT
 *
 * The builder: from a model's bytes and a configuration to an engine with its profiles, its choice of tactics and the
 * reasons for it (built); and back from a plan file. What reads a model's bytes is given by who calls, so that formats
 * stay outside.
 */
#ifndef BUILDER_BUILDER_H
#define BUILDER_BUILDER_H

#include "base/file.h"
#include "builder/precision.h"
#include "builder/probe.h"
#include "builder/profiles.h"
#include "builder/timing.h"
#include "engine/engine.h"

/* The ONNX bytes of a model, shared by networks and engines. */
typedef struct model_bytes {
    atomic_int refs;
    const void *data; /* NULL: stripped */
    size_t size;
    uint64_t hash;
    str owned;     /* empty when the bytes are elsewhere */
    file_map *map; /* of a plan; NULL */
} model_bytes;
/* Takes over `owned` (also on failure) or, when it is empty, views data, which `map` (a reference of its own; NULL: the
 * caller) keeps. NULL: out of memory. */
model_bytes *model_bytes_new(str *owned, const void *data, size_t size, file_map *map);
model_bytes *model_bytes_ref(model_bytes *m);
void model_bytes_unref(model_bytes *m); /* accepts NULL */

typedef naru_status (*graph_reader)(const void *data, size_t size, graph **out, naru_error *err);
typedef naru_status (*graph_writer)(const graph *g, str *out, naru_error *err); /* as written, as a model's bytes */

/* ANEW: from a plan, whose model may be a changed one: rules may name nodes that are gone. */
enum {
    BUILD_FP16 = 1,
    BUILD_BF16 = 2,
    BUILD_INT8 = 4,
    BUILD_STRIP = 8,
    BUILD_NO_CACHE = 16,
    BUILD_CACHE_ONLY = 32,
    BUILD_ANEW = 64,
    BUILD_REFIT = 1 << 16,
    BUILD_VARIANTS = 1 << 17 /* in plan files only */
};

typedef struct build_progress {
    void (*start)(void *user, const char *phase, const char *parent, int steps);
    bool (*step)(void *user, const char *phase, int step); /* false cancels */
    void (*finish)(void *user, const char *phase);
    void *user;
} build_progress;

struct build_options {
    cpu_level cpu;
    pool *pool; /* what runs will use */
    int level;  /* 0 to 5 */
    unsigned flags;
    uint64_t workspace;  /* most bytes for one step; 0: no limit */
    double seconds;      /* of timing; 0: no limit */
    int runs;            /* of a measurement; 0: by the level */
    const bool *off;     /* by tactic, noff of them; NULL: none */
    size_t noff;         /* tactics that were registered since are on */
    timing_cache *cache; /* NULL: none */
    build_progress progress;
    const shape_profile *profiles;
    int nprofiles;
    uint64_t seed;
    double accuracy;              /* largest relative error of a lowered layer and of the outputs; 0: any */
    const sample_source *samples; /* on which errors are measured; NULL: random data at OPT */
    const layer_rule *rules;
    int nrules;
    naru_constraints constraints;
    graph_reader read;
    graph_writer write;                   /* for INT8 by calibration */
    const struct plan_library *libraries; /* for the plan */
    int nlibraries;
    const struct int8_options *int8; /* int8.h; NULL: INT8 is what Q/DQ nodes say */
    naru_report *report;
};

typedef struct rejection {
    const char *tactic, *reason;
    double ms, error; /* negative: not measured */
} rejection;

typedef struct layer { /* a step, by engine_step_index */
    const char *name;
    const tactic *tactic; /* NULL: the reference evaluator, or nothing to do */
    double ms, error;     /* error: against FP32, of a lowered layer; negative: not measured */
    rejection *rejected;
    int nrejected;
} layer;

typedef struct plan_library { /* the file of a plugin library, which plans carry */
    const char *name;         /* without folders */
    const uint8_t *data;
    size_t size;
} plan_library;

typedef struct plan_plugin { /* of an operator of the model that was registered at run time */
    const char *domain, *name, *library;
    int version;
} plan_plugin;

struct built {         /* shared by an engine's handle and its contexts */
    atomic_int others; /* references besides the first */
    engine *engine;
    arena *arena;
    model_bytes *model;
    profile_set profiles;
    layer *layers;
    int nlayers;
    int level, threads;
    unsigned flags;
    size_t workspace;   /* bytes of the largest block at the profiles' MAX */
    uint64_t structure; /* hash of the model without its weights (refit.h); 0: not asked for */
    const char *version;
    size_t plan_bytes;
    bool rebuilt;
    const plan_plugin *plugins; /* that the model needs */
    int nplugins;
    const plan_library *libraries;
    int nlibraries;
    double accuracy;                  /* the limit; 0: none */
    double error;                     /* of the outputs against FP32; negative: nothing is lowered, or not measured */
    const struct int8_recipe *recipe; /* how `model` was made of a float one (int8.h); NULL: it is as it was given */
    layer_rule *rules;                /* what was asked, to build anew */
    int nrules;
    naru_constraints constraints;
};

naru_status build(model_bytes *m, const build_options *o, built **out, naru_error *err);
/* The set of tactics that runs in a profile (its number; -1: none yet). */
static inline int built_variant(const built *b, int index) { return b->engine->variants > 1 && index > 0 ? index : 0; }
built *built_ref(built *b);
void built_free(built *b); /* drops a reference; accepts NULL */

/* b carries copies of them. */
naru_status built_carry(built *b, const plan_library *libraries, int n, naru_error *err);

/* ---- steps of a build ---- */
/* The graph ready to compile; b->plugins are found on the way. */
naru_status build_graph(built *b, const build_options *o, graph **out, naru_error *err);
/* profiles against g. */
naru_status build_profiles(built *b, const graph *g, const build_options *o, naru_error *err);
/* Layers' names, the memory of the largest shapes: when b->engine and b->profiles are there. */
naru_status build_finish(built *b, const build_options *o, naru_error *err);

/* tune.c: what is known of the tactics of each step. */
typedef struct candidate {
    const tactic *tactic;
    const char *why_not; /* NULL: it may be chosen */
    const char *slow;    /* why experience does not prefer it; NULL */
    double ms;           /* sum over profiles; negative: not measured */
    double *at;          /* by profile; meant where ms is not negative */
    double error;        /* against FP32, the largest of all runs; negative: not measured */
} candidate;
struct tuned {
    candidate *c; /* the tactics of the operator, in list order */
    int n;
    int asked; /* naru_precision that the layer should have; NOT_ASKED */
    int last;  /* run it was last measured in */
};
/* Fills `steps` (nsteps of them, zeroed) while compiling, by the choose callback of an engine. */
naru_status tuned_ask(tuned *t, const tactic_query *q, const build_options *o, arena *a);
/* By time, where it was measured, else by experience: of the tactics of the precision asked for, if any is left. -1:
 * none. */
int tuned_choice(const tuned *t);
/* The same for one profile by number: another tactic of the same precision that is clearly faster there, which pays for
 * packing the weights a second time. */
int tuned_choice_at(const tuned *t, int index);
bool tuned_may_lower(const tuned *t);
int tuned_high(const tuned *t); /* the FP32 tactic that experience prefers */
/* Runs e, whose tactics are the tuned_high ones, once at each profile's OPT, and on the samples, and measures times and
 * errors there. Candidates of too large an error get their reason. */
struct network_runs;
naru_status tune(built *b, const engine *e, tuned *steps, const build_options *o, struct network_runs *runs,
                 naru_error *err);

/* inspect.c */
naru_status built_lines(const built *b, str *out, naru_error *err);
naru_status built_json(const built *b, str *out, naru_error *err);
const char *layer_tactic_name(const built *b, int i);

/* ---- plan files (plan_file.c, plan_parse.c, plan_read.c) ---- */
naru_status plan_write(const built *b, str *out, naru_error *err);
/* Plans of these flags take other weights at load. */
static inline bool plan_has_structure(unsigned flags) { return (flags & BUILD_STRIP) && (flags & BUILD_REFIT); }
typedef struct plan_source {
    const void *data;
    size_t size;
    file_map *map;      /* NULL: the caller's memory */
    model_bytes *model; /* for a plan without weights; NULL */
    bool cpu_asked;     /* o->cpu was asked for: another level rebuilds */
    /* Loads a plugin library that the plan carries; NULL: its code may not run. */
    naru_status (*load_library)(const char *name, const void *data, size_t size, naru_error *err);
} plan_source;
/* o: cpu, pool, read, report are used; level, flags and profiles come from the plan. */
naru_status plan_load(const plan_source *s, const build_options *o, built **out, naru_error *err);
bool plan_begins(const void *data, size_t size);

#endif
