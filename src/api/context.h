/* SPDX-License-Identifier: MIT
 *
 * A context's handle: what was set, and the engine's context behind it.
 */
#ifndef API_CONTEXT_H
#define API_CONTEXT_H

#include <pthread.h>

#include "api/engine.h"

typedef struct context_in {
    naru_tensor t; /* the shape (rank -1: none yet) and, where an address is set, the memory */
    naru_value v;  /* over t */
    void *address;
    size_t room;
    naru_value *value; /* set by value: a reference; else NULL */
} context_in;

typedef struct context_out {
    naru_tensor t; /* rank -1: not known */
    naru_value v;
    void *address;
    size_t room;
    bool known;         /* every dimension is known before the run */
    naru_value *result; /* of the last run, where Naru made it */
    bool ran;
} context_out;

struct naru_context {
    naru_engine *e;
    built *b; /* the engine's when the context was made: a refit changes it for later ones only */
    context *c;
    context_in *in;
    context_out *out;
    naru_value **args, **results;
    int nin, nout;
    int wanted, chosen; /* profiles; -1: automatic, none */
    bool stale;         /* shapes changed: profile and outputs are to be found again */
    bool reads_content; /* some input's content may reach shapes */
    arena *arena;       /* of inference */
    naru_layer_time layer_time;
    void *layer_user;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    int pending; /* enqueued runs */
};

#endif
