/* SPDX-License-Identifier: MIT
 *
 * naru_model_*: models as files have them.
 */
#include "api/model.h"

#include <stdlib.h>
#include <string.h>

#include "api/options.h"
#include "formats/onnx/onnx.h"
#include "graph/print.h"
#include "passes/check.h"
#include "passes/lift.h"
#include "passes/lower.h"
#include "tensor/dtype.h"

static naru_status read_and_convert(const naru_model *m, graph **out, naru_report *report, naru_error *err) {
    TRY(m->path ? onnx_load(m->path, m->map, out, err) : onnx_load_memory(m->data, m->size, out, err));
    if (!m->version) return NARU_OK;
    naru_status st = graph_lift(*out, report, err);
    if (st == NARU_OK) st = graph_lower(*out, m->version, report, err);
    if (st == NARU_OK) return NARU_OK;
    graph_free(*out);
    *out = NULL;
    return m->path ? err_context(err, st, "%s", m->path) : st;
}

naru_status model_read(const naru_model *m, graph **out, naru_error *err) {
    return read_and_convert(m, out, NULL, err);
}

char *type_text(const graph *g, const type *t, arena *a) {
    str s = {0};
    type_print(g, t, &s);
    char *p = s.failed ? NULL : arena_strdup(a, str_text(&s));
    str_free(&s);
    return p;
}

void port_fill(const graph *g, const value *v, const char *text, naru_port *out) {
    const type *t = &v->declared;
    *out = (naru_port){
        .size = sizeof *out, .name = v->name, .type = text, .rank = -1, .optional = v->is_initializer && v->is_input};
    out->kind = t->kind == TYPE_SEQUENCE   ? NARU_KIND_SEQUENCE
                : t->kind == TYPE_MAP      ? NARU_KIND_MAP
                : t->kind == TYPE_OPTIONAL ? NARU_KIND_OPTIONAL
                                           : NARU_KIND_TENSOR;
    if (t->kind != TYPE_TENSOR) return;
    out->dtype = t->dtype;
    if (!t->has_rank) return;
    out->rank = t->rank;
    for (int i = 0; i < t->rank; i++) {
        out->dims[i] = dim_is_const(t->dims[i]) ? t->dims[i] : -1;
        out->symbols[i] = sym_plain_name(g->syms, t->dims[i]);
    }
}

/* ---- the operator histogram ---- */
static bool count_block(block *b, void *user) {
    naru_model *m = user;
    for (node *n = b->first; n; n = n->next) {
        str s = {0};
        if (*n->domain) str_addf(&s, "%s::", n->domain);
        str_add(&s, n->op_type);
        size_t i = 0;
        while (i < m->nops && strcmp(m->ops[i].name, str_text(&s)) != 0) i++;
        if (i == m->nops) {
            if ((m->nops & (m->nops - 1)) == 0) {
                struct op_count *more = arena_alloc(m->arena, (m->nops ? 2 * m->nops : 1) * sizeof *more);
                if (!more) return str_free(&s), false;
                if (m->nops) memcpy(more, m->ops, m->nops * sizeof *more);
                m->ops = more;
            }
            m->ops[m->nops++] = (struct op_count){arena_strdup(m->arena, str_text(&s)), 0};
        }
        str_free(&s);
        if (!m->ops[i].name) return false;
        m->ops[i].count++;
    }
    return true;
}

static int by_count(const void *a, const void *b) {
    const struct op_count *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->name, y->name);
}

static naru_status describe(naru_model *m, naru_error *err) {
    const block *b = m->graph->main;
    m->arena = arena_new();
    if (!m->arena || !graph_each_block(m->graph, true, count_block, m)) return err_oom(err);
    if (m->nops) qsort(m->ops, m->nops, sizeof *m->ops, by_count);
    m->input_types = arena_calloc(m->arena, (size_t)b->nin + 1, sizeof(char *));
    m->output_types = arena_calloc(m->arena, (size_t)b->nout + 1, sizeof(char *));
    if (!m->input_types || !m->output_types) return err_oom(err);
    for (int i = 0; i < b->nin; i++)
        if (!(m->input_types[i] = type_text(m->graph, &b->in[i]->declared, m->arena))) return err_oom(err);
    for (int i = 0; i < b->nout; i++)
        if (!(m->output_types[i] = type_text(m->graph, &b->out[i]->declared, m->arena))) return err_oom(err);
    return NARU_OK;
}

static naru_status finish(naru_model *m, naru_model **out, naru_report *report, naru_error *err) {
    naru_status st = read_and_convert(m, &m->graph, report, err);
    if (st == NARU_OK) st = describe(m, err);
    if (st == NARU_OK) *out = m;
    else naru_model_destroy(&m);
    return st;
}

naru_status naru_model_load(const char *path, const naru_options *options, naru_model **out, naru_error *err) {
    if (!path || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_model_load: NULL argument");
    *out = NULL;
    naru_model *m = mem_calloc(1, sizeof *m);
    if (!m || !(m->path = mem_strdup(path))) {
        mem_free(m);
        return err_oom(err);
    }
    m->map = option_int(options, OPTION_map);
    return finish(m, out, NULL, err);
}

naru_status naru_model_load_memory(const void *data, size_t size, naru_model **out, naru_error *err) {
    if (!data || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_model_load_memory: NULL argument");
    *out = NULL;
    naru_model *m = mem_calloc(1, sizeof *m);
    if (!m) return err_oom(err);
    m->data = data;
    m->size = size;
    return finish(m, out, NULL, err);
}

naru_status naru_model_convert(const naru_model *model, int64_t version, naru_model **out, naru_report *report,
                               naru_error *err) {
    if (!model || !out) return err_set(err, NARU_INVALID_ARGUMENT, "naru_model_convert: NULL argument");
    *out = NULL;
    if (version < LOWER_OPSET_MIN || version > LOWER_OPSET_MAX)
        return err_set(err, NARU_INVALID_ARGUMENT, "opset %lld is outside %d to %d", (long long)version,
                       LOWER_OPSET_MIN, LOWER_OPSET_MAX);
    naru_model *m = mem_calloc(1, sizeof *m);
    if (!m || (model->path && !(m->path = mem_strdup(model->path)))) {
        mem_free(m);
        return err_oom(err);
    }
    m->map = model->map;
    m->data = model->data;
    m->size = model->size;
    m->version = version;
    return finish(m, out, report, err);
}

void naru_model_destroy(naru_model **model) {
    if (!model || !*model) return;
    graph_free((*model)->graph);
    arena_free((*model)->arena);
    mem_free((*model)->path);
    mem_free(*model);
    *model = NULL;
}

naru_status naru_model_save(const naru_model *m, const char *path, bool external, naru_error *err) {
    if (!m || !path) return err_set(err, NARU_INVALID_ARGUMENT, "naru_model_save: NULL argument");
    return onnx_save(m->graph, path, external, err);
}

naru_status naru_model_check(const naru_model *m, naru_report *report, naru_error *err) {
    if (!m || !report) return err_set(err, NARU_INVALID_ARGUMENT, "naru_model_check: NULL argument");
    graph *g; /* inference writes facts: the handle's graph stays as it is */
    TRY(model_read(m, &g, err));
    naru_status st = graph_check(g, report, err);
    graph_free(g);
    return st;
}

naru_status naru_model_print(const naru_model *m, char **text, naru_error *err) {
    if (!m || !text) return err_set(err, NARU_INVALID_ARGUMENT, "naru_model_print: NULL argument");
    str s = {0};
    graph_print(m->graph, &s);
    if (s.failed) return str_free(&s), err_oom(err);
    *text = s.data ? s.data : mem_strdup("");
    return *text ? NARU_OK : err_oom(err);
}

void naru_text_free(char **text) {
    if (!text) return;
    mem_free(*text);
    *text = NULL;
}

size_t naru_model_inputs(const naru_model *m) { return m ? (size_t)m->graph->main->nin : 0; }
size_t naru_model_outputs(const naru_model *m) { return m ? (size_t)m->graph->main->nout : 0; }

naru_status naru_model_input(const naru_model *m, size_t i, naru_port *out) {
    if (!m || !out) return NARU_INVALID_ARGUMENT;
    if (i >= naru_model_inputs(m)) return NARU_NOT_FOUND;
    port_fill(m->graph, m->graph->main->in[i], m->input_types[i], out);
    return NARU_OK;
}

naru_status naru_model_output(const naru_model *m, size_t i, naru_port *out) {
    if (!m || !out) return NARU_INVALID_ARGUMENT;
    if (i >= naru_model_outputs(m)) return NARU_NOT_FOUND;
    port_fill(m->graph, m->graph->main->out[i], m->output_types[i], out);
    return NARU_OK;
}

/* ---- info ---- */
typedef struct sums {
    int64_t nodes, parameters, bytes;
} sums;

static void add_tensor(sums *s, const naru_tensor *t, bool parameter) {
    if (!t) return;
    s->bytes += (int64_t)tensor_bytes(t);
    if (parameter && dtype_is_float(t->dtype)) s->parameters += tensor_count(t);
}

static bool sum_block(block *b, void *user) {
    sums *s = user;
    s->nodes += b->nnodes;
    for (int i = 0; i < b->ninit; i++) add_tensor(s, b->initializers[i]->constant, true);
    for (node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nattrs; i++)
            if (n->attrs[i].kind == ATTR_TENSOR) add_tensor(s, n->attrs[i].tensor, false);
    return true;
}

naru_status naru_model_get_info(const naru_model *m, naru_model_info *out) {
    if (!m || !out) return NARU_INVALID_ARGUMENT;
    const graph *g = m->graph;
    sums s = {0};
    graph_each_block((graph *)g, true, sum_block, &s);
    size_t nmeta = 0;
    while (g->meta && g->meta[2 * nmeta]) nmeta++;
    *out = (naru_model_info){sizeof *out,
                             "ONNX",
                             g->ir_version,
                             g->model_version,
                             g->producer_name,
                             g->producer_version,
                             g->main->name,
                             g->doc ? g->doc : "",
                             s.nodes,
                             s.parameters,
                             s.bytes,
                             g->nfunctions,
                             (size_t)g->nimports,
                             nmeta,
                             m->nops};
    return NARU_OK;
}

const char *naru_model_opset(const naru_model *m, size_t i, int64_t *version) {
    if (!m || i >= (size_t)m->graph->nimports) return NULL;
    if (version) *version = m->graph->imports[i].version;
    return *m->graph->imports[i].domain ? m->graph->imports[i].domain : "ai.onnx";
}

const char *naru_model_metadata(const naru_model *m, size_t i, const char **value_out) {
    if (!m || !m->graph->meta) return NULL;
    for (size_t k = 0; k <= i; k++)
        if (!m->graph->meta[2 * k]) return NULL;
    if (value_out) *value_out = m->graph->meta[2 * i + 1];
    return m->graph->meta[2 * i];
}

const char *naru_model_operator(const naru_model *m, size_t i, int64_t *count) {
    if (!m || i >= m->nops) return NULL;
    if (count) *count = m->ops[i].count;
    return m->ops[i].name;
}
