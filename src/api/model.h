/* SPDX-License-Identifier: MIT
 *
 * The model handle: a graph as written, and how to read it again (a session compiles its own copy).
 */
#ifndef API_MODEL_H
#define API_MODEL_H

#include "graph/graph.h"
#include "naru/model.h"

struct naru_model {
    graph *graph; /* as written */
    char *path;   /* NULL: from memory */
    bool map;
    const void *data;
    size_t size;
    int64_t version; /* opset that it was converted to; 0: as in the file */
    arena *arena;    /* texts of info calls */
    struct op_count {
        const char *name;
        int64_t count;
    } * ops;
    size_t nops;
    char **input_types, **output_types;
};

/* A fresh graph of the same model, as written. */
naru_status model_read(const naru_model *m, graph **out, naru_error *err);
/* Fills a port from a declared type; `text` is its printed form. */
void port_fill(const graph *g, const value *v, const char *text, naru_port *out);
/* type_print into the arena; NULL: out of memory. */
char *type_text(const graph *g, const type *t, arena *a);

#endif
