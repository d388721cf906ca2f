/* SPDX-License-Identifier: MIT
 *
 * The handle of networks. Handles of their tensors and layers are values and nodes of its graph by another name.
 */
#ifndef API_NETWORK_H
#define API_NETWORK_H

#include "api/engine.h"
#include "passes/edit.h"

struct naru_network_body {
    block *block;
    block *outer;       /* where it began */
    bool closed, taken; /* ended; an attribute of a layer */
};

struct naru_network {
    model_bytes *bytes; /* what it was made from, which an extended graph's constants view; NULL: made here */
    graph *graph;       /* as parsed: as written; open: lifted, in the newest opset, inferred */
    bool open;          /* can be added to */
    editor edit;        /* when open */
    ARRAY(naru_network_body *) bodies; /* in the graph's arena */
    ARRAY(char *) texts;               /* of types, by value id, as last asked for */
};

/* The model to build: a reference. Errors: INVALID_ARGUMENT (no output is marked, a body is open), OUT_OF_MEMORY. */
naru_status network_bytes(const naru_network *n, model_bytes **out, naru_error *err);
/* n is open; err says so when it is not. */
naru_status network_is_open(const naru_network *n, naru_error *err);
bool network_owns(const naru_network *n, const naru_network_tensor *t);

static inline value *value_of(const naru_network_tensor *t) { return (value *)t; }
static inline node *node_of(const naru_network_layer *l) { return (node *)l; }
static inline naru_network_tensor *tensor_of(value *v) { return (naru_network_tensor *)v; }

#endif
