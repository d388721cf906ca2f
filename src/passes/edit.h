/* SPDX-License-Identifier: MIT
 *
 * Adding to a lifted graph in the newest vocabulary, op by op: each addition checks names and scopes, infers at once,
 * and leaves the graph as it was when it fails.
 */
#ifndef PASSES_EDIT_H
#define PASSES_EDIT_H

#include "ops/op.h"

typedef struct editor {
    graph *graph;  /* not owned */
    block *at;     /* where things are added: main or an open body */
    strmap layers; /* names of nodes, in all blocks */
    int fresh;     /* counter for names of nodes */
} editor;

/* An empty graph in the newest opset; NULL: out of memory. */
graph *edit_graph_new(void);
/* g lifted, in the newest opset, inferred. Errors: OUT_OF_MEMORY; the editor is to be ended all the same. */
naru_status edit_begin(editor *e, graph *g, naru_error *err);
void edit_end(editor *e);

/* Names NULL: one is made. Errors: INVALID_ARGUMENT (a name that is taken), OUT_OF_MEMORY. */
naru_status edit_input(editor *e, const char *name, const type *t, value **out, naru_error *err);
naru_status edit_constant(editor *e, const char *name, naru_tensor *t, value **out, naru_error *err);
/* attrs: their memory must be the graph's; tensors in them get a reference. Bodies: blocks whose parent is e->at; after
 * a failure they are the caller's still. */
naru_status edit_node(editor *e, const char *op, const char *domain, const char *name, int nin, value *const *in,
                      int nattrs, const attr *attrs, int nout, value **out, naru_error *err);

/* Takes back all that was added to e->at since the mark. */
typedef struct edit_mark {
    node *last;
    int ninit;
} edit_mark;
edit_mark edit_here(const editor *e);
void edit_undo(editor *e, edit_mark m);

/* A value that nodes added to e->at may read. */
bool edit_visible(const editor *e, const value *v);
naru_status edit_rename_value(editor *e, value *v, const char *name, naru_error *err);
naru_status edit_rename_node(editor *e, node *n, const char *name, naru_error *err);
naru_status edit_add_output(editor *e, value *v, naru_error *err);
bool edit_remove_output(editor *e, const value *v);

#endif
