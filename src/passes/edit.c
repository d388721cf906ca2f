/* SPDX-License-Identifier: MIT
 *
 * Editing a lifted graph op by op (edit.h).
 */
#include "passes/edit.h"

#include <stdio.h>

#include "passes/lift.h"
#include "passes/lower.h"

graph *edit_graph_new(void) {
    graph *g = graph_new();
    if (!g) return NULL;
    opset *newest = arena_calloc(g->arena, 1, sizeof *newest);
    if (!newest || !(g->main = graph_block_new(g, NULL))) {
        graph_free(g);
        return NULL;
    }
    *newest = (opset){"", LOWER_OPSET_MAX};
    g->imports = newest;
    g->nimports = 1;
    g->ir_version = lower_ir_version(LOWER_OPSET_MAX);
    g->producer_name = "naru";
    g->main->name = "network";
    g->lifted = true;
    return g;
}

static bool note_names(block *b, void *user) {
    editor *e = user;
    for (node *n = b->first; n; n = n->next)
        if (*n->name && !strmap_put(&e->layers, n->name, NULL)) return false;
    return true;
}

naru_status edit_begin(editor *e, graph *g, naru_error *err) {
    *e = (editor){.graph = g, .at = g->main};
    return graph_each_block(g, false, note_names, e) ? NARU_OK : err_oom(err);
}

void edit_end(editor *e) { strmap_free(&e->layers); }

/* ---- names ---- */
static naru_status name_is_free(const editor *e, const char *name, naru_error *err) {
    if (!*name) return err_set(err, NARU_INVALID_ARGUMENT, "a tensor's name must not be empty");
    if (!strmap_get(&e->graph->names, name)) return NARU_OK;
    return err_set(err, NARU_INVALID_ARGUMENT, "there is a tensor '%s' already", name);
}

static naru_status layer_is_free(const editor *e, const char *name, naru_error *err) {
    if (!*name) return err_set(err, NARU_INVALID_ARGUMENT, "a layer's name must not be empty");
    if (!strmap_find(&e->layers, name)) return NARU_OK;
    return err_set(err, NARU_INVALID_ARGUMENT, "there is a layer '%s' already", name);
}

static const char *fresh_layer(editor *e, const char *op) {
    char text[100];
    do snprintf(text, sizeof text, "%.60s_%d", op, e->fresh++);
    while (strmap_find(&e->layers, text));
    return arena_strdup(e->graph->arena, text);
}

/* A value that has gone gives its name back. */
static void forget(editor *e, value *v) {
    if (strmap_get(&e->graph->names, v->name) == v) strmap_remove(&e->graph->names, v->name);
    tensor_unref(v->constant);
    v->constant = NULL;
    v->fact = (fact){0};
    v->block = NULL;
    v->producer = NULL;
    v->is_input = v->is_initializer = false;
}

naru_status edit_rename_value(editor *e, value *v, const char *name, naru_error *err) {
    if (strcmp(v->name, name) == 0) return NARU_OK;
    TRY(name_is_free(e, name, err));
    char *copy = arena_strdup(e->graph->arena, name);
    struct strmap_entry *to = copy ? strmap_put(&e->graph->names, copy, NULL) : NULL;
    if (!to) return err_oom(err);
    to->ptr = v;
    strmap_remove(&e->graph->names, v->name);
    v->name = copy;
    return NARU_OK;
}

naru_status edit_rename_node(editor *e, node *n, const char *name, naru_error *err) {
    if (strcmp(n->name, name) == 0) return NARU_OK;
    TRY(layer_is_free(e, name, err));
    char *copy = arena_strdup(e->graph->arena, name);
    if (!copy || !strmap_put(&e->layers, copy, NULL)) return err_oom(err);
    if (*n->name) strmap_remove(&e->layers, n->name);
    n->name = copy;
    return NARU_OK;
}

/* ---- inputs and constants ---- */
naru_status edit_input(editor *e, const char *name, const type *t, value **out, naru_error *err) {
    TRY(name ? name_is_free(e, name, err) : NARU_OK);
    value *v = graph_value_new(e->graph, e->at, name);
    if (!v) return err_oom(err);
    if (!block_add_input(e->at, v)) {
        forget(e, v);
        return err_oom(err);
    }
    v->declared = v->fact.type = *t;
    v->has_declared = true;
    *out = v;
    return NARU_OK;
}

naru_status edit_constant(editor *e, const char *name, naru_tensor *t, value **out, naru_error *err) {
    TRY(name ? name_is_free(e, name, err) : NARU_OK);
    value *v = graph_value_new(e->graph, e->at, name);
    if (!v) return err_oom(err);
    if (!block_add_initializer(e->at, v)) {
        forget(e, v);
        return err_oom(err);
    }
    v->constant = tensor_ref(t);
    v->fact = (fact){.constant = t};
    v->fact.type = (type){.kind = TYPE_TENSOR, .dtype = t->dtype, .has_rank = true, .rank = t->rank};
    for (int i = 0; i < t->rank; i++) v->fact.type.dims[i] = t->dims[i];
    *out = v;
    return NARU_OK;
}

/* ---- nodes ---- */
bool edit_visible(const editor *e, const value *v) {
    for (const block *b = e->at; b; b = b->parent)
        if (v->block == b) return true;
    return false;
}

static const char *domain_of(const op_desc *d) { return d->domain ? d->domain : ""; }

static naru_status find_op(const char *op, const char *domain, const op_desc **out, naru_error *err) {
    const op_desc *d = op_find(domain, op);
    bool gone = d && !*domain && (!op_version_at(d, LOWER_OPSET_MAX) || d->deprecated);
    *out = d;
    if (d && !gone) return NARU_OK;
    if (gone) return err_set(err, NARU_UNSUPPORTED, "%s is not in opset %d", op, LOWER_OPSET_MAX);
    enum { MOST = 512 };
    const char *names[MOST];
    size_t n = 0;
    for (size_t i = 0; i < op_count() && n < MOST; i++)
        if (strcmp(domain_of(op_at(i)), domain) == 0) names[n++] = op_at(i)->name;
    const char *near = str_nearest(op, names, n);
    return err_set(err, NARU_UNSUPPORTED, "there is no operator '%s' in domain '%s'%s%s%s", op,
                   *domain ? domain : "ai.onnx", near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static naru_status import(graph *g, const op_desc *d, naru_error *err) {
    for (int i = 0; i < g->nimports; i++)
        if (strcmp(g->imports[i].domain, domain_of(d)) == 0) return NARU_OK;
    opset *list = arena_calloc(g->arena, (size_t)g->nimports + 1, sizeof *list);
    if (!list) return err_oom(err);
    memcpy(list, g->imports, (size_t)g->nimports * sizeof *list);
    list[g->nimports] = (opset){domain_of(d), op_version_at(d, INT16_MAX)};
    g->imports = list;
    g->nimports++;
    return NARU_OK;
}

/* Bodies must have a place in the operator's table, so that lifting keeps them; names come once. */
static naru_status check_attrs(const op_desc *d, int nattrs, const attr *attrs, naru_error *err) {
    for (int i = 0; i < nattrs; i++) {
        for (int j = 0; j < i; j++)
            if (strcmp(attrs[i].name, attrs[j].name) == 0)
                return err_set(err, NARU_INVALID_ARGUMENT, "attribute '%s' is given twice", attrs[i].name);
        const attr_def *t = d->attrs;
        while (t && t->name && strcmp(t->name, attrs[i].name) != 0) t++;
        if (attrs[i].kind == ATTR_GRAPH && (!t || !t->name || t->kind != ATTR_GRAPH))
            return err_set(err, NARU_BAD_MODEL, "%s has no body '%s'", d->name, attrs[i].name);
    }
    return NARU_OK;
}

/* Leaves bodies, which are the caller's still. */
static void drop_node(editor *e, node *n) {
    for (int i = 0; i < n->nout; i++)
        if (n->out[i]) forget(e, n->out[i]);
    for (int i = 0; i < n->nattrs; i++)
        if (n->attrs[i].kind == ATTR_GRAPH) n->attrs[i].kind = ATTR_NONE;
    strmap_remove(&e->layers, n->name);
    node_remove(n);
}

static naru_status make_outputs(editor *e, node *n, naru_error *err) {
    for (int i = 0; i < n->nout; i++) {
        str name = {0};
        str_addf(&name, "%s_output_%d", n->name, i);
        naru_status st = name.failed ? err_oom(err) : name_is_free(e, str_text(&name), err);
        value *v = st == NARU_OK ? graph_value_new(e->graph, n->block, str_text(&name)) : NULL;
        if (st == NARU_OK && !v) st = err_oom(err);
        str_free(&name);
        TRY(st);
        node_set_out(n, i, v);
    }
    return NARU_OK;
}

static naru_status settle_node(editor *e, node *n, int nattrs, const attr *attrs, naru_error *err) {
    for (int i = 0; i < nattrs; i++) {
        n->attrs[i] = attrs[i];
        if (attrs[i].kind == ATTR_TENSOR) tensor_ref(attrs[i].tensor);
    }
    TRY(make_outputs(e, n, err));
    TRY(node_lift(e->graph, n, err));
    return node_infer(e->graph, n, err);
}

static naru_status add_checked(editor *e, const op_desc *d, const char *name, int nin, value *const *in, int nattrs,
                               const attr *attrs, int nout, node **out, naru_error *err) {
    graph *g = e->graph;
    char where[300];
    TRY(import(g, d, err));
    node *n = graph_node_new(g, e->at, NULL, d->name, domain_of(d), nin, nout, nattrs);
    if (!n) return err_oom(err);
    n->name = name;
    n->index = e->at->nnodes - 1;
    for (int i = 0; i < nin; i++) n->in[i] = in[i];
    naru_status st = strmap_put(&e->layers, name, NULL) ? NARU_OK : err_oom(err);
    if (st == NARU_OK) {
        st = settle_node(e, n, nattrs, attrs, err);
        if (st != NARU_OK) err_context(err, st, "%s", node_describe(n, where, sizeof where));
    }
    if (st != NARU_OK) drop_node(e, n);
    for (int i = 0; st == NARU_OK && i < n->nattrs; i++)
        if (n->attrs[i].kind == ATTR_GRAPH) n->attrs[i].block->owner = n;
    *out = n;
    return st;
}

naru_status edit_node(editor *e, const char *op, const char *domain, const char *name, int nin, value *const *in,
                      int nattrs, const attr *attrs, int nout, value **out, naru_error *err) {
    const op_desc *d;
    TRY(find_op(op, domain, &d, err));
    TRY(check_attrs(d, nattrs, attrs, err));
    TRY(name ? layer_is_free(e, name, err) : NARU_OK);
    for (int i = 0; i < nin; i++)
        if (in[i] && !edit_visible(e, in[i]))
            return err_set(err, NARU_INVALID_ARGUMENT, "%s %s%s%sinput %d '%s' is not to be seen from here", op,
                           name ? "'" : "", name ? name : "", name ? "': " : "", i, in[i]->name);
    const char *own = name ? arena_strdup(e->graph->arena, name) : fresh_layer(e, op);
    if (!own) return err_oom(err);
    node *n;
    TRY(add_checked(e, d, own, nin, in, nattrs, attrs, nout, &n, err));
    for (int i = 0; i < nout; i++) out[i] = n->out[i];
    return NARU_OK;
}

/* ---- taking back ---- */
edit_mark edit_here(const editor *e) { return (edit_mark){e->at->last, e->at->ninit}; }

void edit_undo(editor *e, edit_mark m) {
    block *b = e->at;
    while (b->last && b->last != m.last) {
        node *n = b->last;
        for (int i = 0; i < n->nout; i++)
            if (n->out[i]) forget(e, n->out[i]);
        strmap_remove(&e->layers, n->name);
        node_remove(n);
    }
    while (b->ninit > m.ninit) forget(e, b->initializers[--b->ninit]);
}

/* ---- outputs ---- */
naru_status edit_add_output(editor *e, value *v, naru_error *err) {
    if (value_is_output(v)) return err_set(err, NARU_INVALID_ARGUMENT, "'%s' is an output already", v->name);
    if (!block_add_output(e->at, v)) return err_oom(err);
    if (!v->is_input) v->declared = v->fact.type;
    v->has_declared = v->declared.kind != TYPE_UNKNOWN;
    return NARU_OK;
}

bool edit_remove_output(editor *e, const value *v) {
    block *b = e->at;
    for (int i = 0; i < b->nout; i++) {
        if (b->out[i] != v) continue;
        memmove(b->out + i, b->out + i + 1, (size_t)(b->nout - 1 - i) * sizeof *b->out);
        b->nout--;
        return true;
    }
    return false;
}
