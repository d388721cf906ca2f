/* SPDX-License-Identifier: MIT
 *
 * Operators registered at run time (naru/plugin.h): the checked copy of a plugin with the op_desc made of it, its
 * inference and evaluation, and running one of its tactics. What is registered never changes and never goes.
 */
#ifndef OPS_PLUGIN_H
#define OPS_PLUGIN_H

#include "base/cpu.h"
#include "base/pool.h"
#include "naru/plugin.h"
#include "ops/op.h"

enum { PLUGIN_MAX_TACTICS = 16, PLUGIN_MAX_ARITY = 64 };

typedef struct plugin_op {
    op_desc desc; /* desc.plugin is this */
    op_link link;
    naru_plugin p; /* the copy: strings and tables in arena */
    naru_plugin_tactic tactics[PLUGIN_MAX_TACTICS];
    int ntactics;
    short versions[2];
    const char *title;   /* "my.ops::Scale" */
    const char *library; /* file name without folders; "": the program */
    arena *arena;
} plugin_op;

extern const naru_plugin_host plugin_host;

/* Checks and copies; nothing is registered. Errors as naru_plugin_register. */
naru_status plugin_make(const naru_plugin *p, const char *library, plugin_op **out, naru_error *err);
void plugin_free(plugin_op *op); /* of one that was not published; accepts NULL */
void plugin_publish(plugin_op *op);

/* ---- for who runs them ---- */
/* Facts of a node's inputs (NULL entries: omitted) and outputs, as plugins see them. */
void plugin_in_types(int n, const fact *const *f, naru_plugin_type *out);
void plugin_out_types(const node *n, const fact *f, naru_plugin_type *out);

/* State for one tactic. in: facts of inputs, for the constants. data not NULL: by
 * deserialize. consumed may be NULL. */
naru_status plugin_state_make(const plugin_op *op, int tactic, const node *n, naru_plugin_query q, arena *a,
                              const fact *const *in, const void *data, size_t size, void **state, unsigned *consumed,
                              naru_error *err);
void plugin_state_free(const plugin_op *op, void *state);

typedef struct plugin_job { /* one run of a tactic */
    const plugin_op *op;
    int tactic;
    const node *node;
    const void *state;
    int nin, nout;
    const naru_tensor *const *in; /* NULL: omitted; data NULL while planning */
    naru_tensor *const *out;      /* NULL: omitted */
    void *workspace;
    size_t workspace_size;
    pool *pool;
    int threads;
    eval_ctx *eval;         /* when outputs may be made while it runs; NULL */
    const naru_dtype *made; /* their types */
    naru_error *err;
} plugin_job;
size_t plugin_workspace(const plugin_job *j);
naru_status plugin_run(const plugin_job *j);

/* of the operator */
naru_status plugin_infer(infer_ctx *c);
naru_status plugin_eval(eval_ctx *c);

#endif
