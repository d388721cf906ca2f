/* SPDX-License-Identifier: MIT
 *
 * What reading a plan file shares between its parts: plan_parse.c checks every byte and fills the reader,
 * plan_plugins.c finds the operators that the plan wants, plan_read.c makes the engine. All views live as long as the
 * plan's bytes or the reader's arena.
 */
#ifndef BUILDER_PLAN_READER_H
#define BUILDER_PLAN_READER_H

#include "builder/int8.h"
#include "builder/plan_file.h"
#include "builder/refit.h"
#include "ops/plugin.h"

typedef struct part {
    const uint8_t *data; /* NULL: the plan has no such section */
    size_t size, at;
} part;

typedef struct plan_reader {
    const plan_source *s;
    const build_options *o;
    part index, model, weights, plugins, int8, libraries;
    naru_error *err;
    arena *arena;
    /* of the index */
    const char *version, *kernels;
    cpu_level cpu;
    bool known_cpu;
    int level, threads;
    unsigned flags;
    uint64_t workspace, model_hash, structure;
    double accuracy, error;
    naru_constraints constraints;
    layer_rule *rules;
    int nrules;
    int nprofiles, ninputs, nlayers;
    const char **input_names;
    profile_range *ranges;
    layer *layers;
    const char **tactics; /* by layer */
    const char ***others; /* by layer and set of tactics, where the sets differ; NULL entries: as the first */
    int variants;
    int8_recipe *recipe; /* NULL: the model is as it was given */
    plan_plugin *wanted;
    int nwanted;
    plan_library *carried; /* views the plan */
    int ncarried;
    uint64_t *weight_bytes;
    uint32_t nweights, next_weight;
    size_t weight_at;
    bool no_memory; /* a text could not be copied */
    bool misfit;    /* tactics or packed weights are not those of this Naru */
    bool refitted;  /* the model has other weights than the one that the plan was built from */
} plan_reader;

/* BAD_FILE at byte `at`; OUT_OF_MEMORY where a text could not be copied. */
naru_status plan_damaged(plan_reader *r, size_t at, const char *what);
/* Head, index and the other sections. Errors: BAD_FILE, OUT_OF_MEMORY. */
naru_status plan_parse(plan_reader *r);
/* The index, the ranges and the libraries once more, after the arena that held them went. */
naru_status plan_parse_again(plan_reader *r);

/* Every operator that the plan wants is there, loaded from the plan where the caller allows it. Errors: UNSUPPORTED,
 * those of loading. */
naru_status plan_find_plugins(plan_reader *r);
/* A plugin that is there in another version, and that version; NULL: none. */
const plan_plugin *plan_other_plugin(const plan_reader *r, int *version);

#endif
