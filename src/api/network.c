/* SPDX-License-Identifier: MIT
 *
 * naru_network_*: networks as wholes: where they come from, what there is to ask of them. What adds to them is in
 * network_add.c and network_layers.c.
 */
#include "api/network.h"

#include "api/export.h"
#include "api/model.h"
#include "formats/onnx/onnx.h"
#include "passes/lift.h"
#include "passes/lower.h"

/* ---- life ---- */
static naru_status network_new(model_bytes *m, naru_network **out, naru_error *err) {
    naru_network *n = mem_calloc(1, sizeof *n);
    if (!n) {
        model_bytes_unref(m);
        return err_oom(err);
    }
    n->bytes = m;
    naru_status st = onnx_load_memory(m->data, m->size, &n->graph, err);
    if (st == NARU_OK) *out = n;
    else naru_network_destroy(&n);
    return st;
}

naru_status naru_network_create(const naru_model *model, naru_network **out, naru_error *err) {
    if (!model || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_network_create: NULL argument");
    *out = NULL;
    model_bytes *m;
    TRY(bytes_of_graph(model->graph, &m, err));
    return network_new(m, out, err);
}

naru_status naru_network_from_module(naru_module *module, const naru_export_options *options, naru_network **out,
                                     naru_report *report, naru_error *err) {
    if (!module || !options || !out)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_network_from_module: NULL argument");
    *out = NULL;
    graph *g;
    model_bytes *m;
    TRY(export_module(module, options, &g, report, err));
    naru_status st = bytes_of_graph(g, &m, err);
    graph_free(g);
    return st == NARU_OK ? network_new(m, out, err) : st;
}

naru_status naru_network_create_empty(naru_network **out, naru_error *err) {
    if (!out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_network_create_empty: NULL argument");
    *out = NULL;
    naru_network *n = mem_calloc(1, sizeof *n);
    if (!n) return err_oom(err);
    naru_status st = (n->graph = edit_graph_new()) ? edit_begin(&n->edit, n->graph, err) : err_oom(err);
    n->open = true;
    if (st == NARU_OK) *out = n;
    else naru_network_destroy(&n);
    return st;
}

void naru_network_destroy(naru_network **network) {
    if (!network || !*network) return;
    naru_network *n = *network;
    for (size_t i = 0; i < n->bodies.count; i++) { /* what no layer took is in no graph */
        naru_network_body *b = n->bodies.data[i];
        if (!b->taken) attr_release(&(attr){.kind = ATTR_GRAPH, .block = b->block});
    }
    ARRAY_FREE(&n->bodies);
    for (size_t i = 0; i < n->texts.count; i++) mem_free(n->texts.data[i]);
    ARRAY_FREE(&n->texts);
    edit_end(&n->edit);
    graph_free(n->graph);
    model_bytes_unref(n->bytes);
    mem_free(n);
    *network = NULL;
}

/* ---- from parsed to open ---- */
/* The bytes at the newest opset: lifting that gives the vocabulary that the writer may write. */
static naru_status newest_bytes(const model_bytes *m, model_bytes **out, naru_report *report, naru_error *err) {
    graph *g;
    TRY(onnx_load_memory(m->data, m->size, &g, err));
    naru_status st = graph_lift(g, report, err);
    if (st == NARU_OK) st = graph_lower(g, LOWER_OPSET_MAX, report, err);
    if (st == NARU_OK) st = bytes_of_graph(g, out, err);
    graph_free(g);
    return st;
}

static naru_status open_graph(const model_bytes *m, graph **out, naru_report *report, naru_error *err) {
    graph *g;
    TRY(onnx_load_memory(m->data, m->size, &g, err));
    naru_status st = graph_lift(g, report, err);
    if (st == NARU_OK) st = graph_infer(g, NULL, NULL, err);
    if (st == NARU_OK) *out = g;
    else graph_free(g);
    return st;
}

naru_status naru_network_extend(naru_network *n, naru_report *report, naru_error *err) {
    if (!n) return err_set(err, NARU_INVALID_ARGUMENT, "naru_network_extend: NULL argument");
    if (n->open) return NARU_OK;
    model_bytes *m = NULL;
    graph *g = NULL;
    editor e = {0};
    TRY(newest_bytes(n->bytes, &m, report, err));
    naru_status st = open_graph(m, &g, report, err);
    if (st == NARU_OK) st = edit_begin(&e, g, err);
    if (st != NARU_OK) {
        edit_end(&e);
        graph_free(g);
        model_bytes_unref(m);
        return st;
    }
    graph_free(n->graph);
    model_bytes_unref(n->bytes);
    n->graph = g;
    n->bytes = m;
    n->edit = e;
    n->open = true;
    return NARU_OK;
}

naru_status network_bytes(const naru_network *n, model_bytes **out, naru_error *err) {
    if (!n->open) {
        *out = model_bytes_ref(n->bytes);
        return NARU_OK;
    }
    if (n->edit.at != n->graph->main) return err_set(err, NARU_INVALID_ARGUMENT, "a body of the network is still open");
    if (!n->graph->main->nout) return err_set(err, NARU_INVALID_ARGUMENT, "no output of the network is marked");
    return bytes_of_graph(n->graph, out, err);
}

naru_status naru_network_save(const naru_network *n, const char *path, naru_error *err) {
    if (!n || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_network_save: NULL argument");
    model_bytes *m;
    TRY(network_bytes(n, &m, err));
    naru_status st = file_write(path, m->data, m->size, err);
    model_bytes_unref(m);
    return st;
}

naru_status network_is_open(const naru_network *n, naru_error *err) {
    if (!n) return err_set(err, NARU_INVALID_ARGUMENT, "naru_network: NULL argument");
    if (n->open) return NARU_OK;
    return err_set(err, NARU_INVALID_ARGUMENT,
                   "the network is as it was parsed; naru_network_extend makes one of it that can be changed");
}

bool network_owns(const naru_network *n, const naru_network_tensor *t) {
    const value *v = value_of(t);
    return v && v->id >= 0 && (size_t)v->id < n->graph->values.count && n->graph->values.data[v->id] == v && v->block;
}

/* ---- ports ---- */
static naru_status text_of(naru_network *n, const value *v, const type *t, const char **out) {
    str s = {0};
    type_print(n->graph, t, &s);
    while (!s.failed && n->texts.count <= (size_t)v->id)
        if (!ARRAY_PUSH(&n->texts, NULL)) s.failed = true;
    if (s.failed) {
        str_free(&s);
        return NARU_OUT_OF_MEMORY;
    }
    char **kept = &n->texts.data[v->id];
    if (*kept && strcmp(*kept, str_text(&s)) == 0) {
        str_free(&s);
    } else {
        mem_free(*kept);
        *kept = s.data;
    }
    *out = *kept;
    return NARU_OK;
}

/* Of an open network what was inferred, else what is declared. The texts are a cache: n stays what it is. */
static naru_status port_of(const naru_network *n, const value *v, naru_port *out) {
    const char *text;
    value shown = *v;
    if (n->open) shown.declared = v->fact.type;
    TRY(text_of((naru_network *)n, v, &shown.declared, &text));
    port_fill(n->graph, &shown, text, out);
    return NARU_OK;
}

size_t naru_network_inputs(const naru_network *n) { return n ? (size_t)n->graph->main->nin : 0; }
size_t naru_network_outputs(const naru_network *n) { return n ? (size_t)n->graph->main->nout : 0; }

naru_status naru_network_input(const naru_network *n, size_t i, naru_port *out) {
    if (!n || !out) return NARU_INVALID_ARGUMENT;
    return i < naru_network_inputs(n) ? port_of(n, n->graph->main->in[i], out) : NARU_NOT_FOUND;
}

naru_status naru_network_output(const naru_network *n, size_t i, naru_port *out) {
    if (!n || !out) return NARU_INVALID_ARGUMENT;
    return i < naru_network_outputs(n) ? port_of(n, n->graph->main->out[i], out) : NARU_NOT_FOUND;
}

naru_status naru_network_tensor_get(const naru_network *n, const naru_network_tensor *t, naru_port *out) {
    if (!n || !t || !out || !network_owns(n, t)) return NARU_INVALID_ARGUMENT;
    return port_of(n, value_of(t), out);
}

/* ---- layers ---- */
size_t naru_network_layers(const naru_network *n) { return n ? (size_t)n->graph->main->nnodes : 0; }

naru_network_layer *naru_network_layer_at(const naru_network *n, size_t i) {
    node *x = n ? n->graph->main->first : NULL;
    while (x && i--) x = x->next;
    return (naru_network_layer *)x;
}

naru_status naru_network_layer_get(const naru_network_layer *l, naru_network_layer_info *out) {
    if (!l || !out) return NARU_INVALID_ARGUMENT;
    const node *x = node_of(l);
    *out = (naru_network_layer_info){.size = sizeof *out,
                                     .name = x->name,
                                     .op = x->op_type,
                                     .domain = *x->domain ? x->domain : "ai.onnx",
                                     .inputs = (size_t)x->nin,
                                     .outputs = (size_t)x->nout};
    return NARU_OK;
}

naru_network_tensor *naru_network_layer_input(const naru_network_layer *l, size_t i) {
    return l && i < (size_t)node_of(l)->nin ? tensor_of(node_of(l)->in[i]) : NULL;
}

naru_network_tensor *naru_network_layer_output(const naru_network_layer *l, size_t i) {
    return l && i < (size_t)node_of(l)->nout ? tensor_of(node_of(l)->out[i]) : NULL;
}

const naru_tensor *naru_network_tensor_constant(const naru_network_tensor *t) {
    return t && !value_of(t)->is_input ? value_of(t)->constant : NULL;
}

naru_network_layer *naru_network_tensor_layer(const naru_network_tensor *t) {
    return t ? (naru_network_layer *)value_of(t)->producer : NULL;
}

naru_network_tensor *naru_network_find_tensor(const naru_network *n, const char *name) {
    if (!n || !name) return NULL;
    for (size_t i = 0; i < n->graph->values.count; i++) {
        value *v = n->graph->values.data[i];
        if (v->block == n->graph->main && strcmp(v->name, name) == 0) return tensor_of(v);
    }
    return NULL;
}
