/* SPDX-License-Identifier: MIT
 *
 * One walk over the blocks in file order with a mark per value that is defined so far and a map of the names that are
 * visible. Codes: undefined-name, order, duplicate-name, shadowed-name, undefined-output, no-operator, no-import,
 * opset, duplicate-attribute, missing-type, missing-shape.
 */
#include "passes/structure.h"

#include <stdio.h>
#include <string.h>

enum { NEWEST_OPSET = 28, MAX_DEPTH = 200, MAX_CANDIDATES = 500 };

typedef struct checker {
    graph *g;
    naru_report *report;
    naru_error *err;
    char *defined; /* by value id */
    size_t nvalues;
    strmap visible; /* names of enclosing blocks and of this one so far -> value */
    const opset *imports;
    int nimports;
    const char *place; /* "" or "function f: ", before every `where` */
} checker;

static naru_status check_block(checker *k, block *b, int depth);

#define FIND(k, severity, code, where, hint, ...)                                                                      \
    do {                                                                                                               \
        if (report_add((k)->report, severity, code, where, hint, __VA_ARGS__) != NARU_OK) return err_oom((k)->err);    \
    } while (0)
#define ERROR NARU_SEVERITY_ERROR

static const char *where_node(const checker *k, const node *n, char buf[400]) {
    size_t at = (size_t)snprintf(buf, 400, "%.80s", k->place);
    node_describe(n, buf + at, 400 - at);
    return buf;
}

static const char *where_block(const checker *k, const block *b, char buf[400]) {
    char owner[300];
    if (b->owner)
        snprintf(buf, 400, "%.80sgraph '%.60s' of %.200s", k->place, b->name ? b->name : "",
                 node_describe(b->owner, owner, sizeof owner));
    else snprintf(buf, 400, *k->place ? "%.80sbody" : "%sgraph", k->place);
    return buf;
}

/* ---- names ---- */
static bool is_defined(const checker *k, const value *v) { return (size_t)v->id < k->nvalues && k->defined[v->id]; }

static void define(checker *k, const value *v) {
    if ((size_t)v->id < k->nvalues) k->defined[v->id] = 1;
}

/* "did you mean 'x'?" */
static const char *name_hint(const checker *k, const char *name, char buf[200]) {
    const char *names[MAX_CANDIDATES];
    size_t n = 0;
    for (size_t i = 0; i < k->nvalues && n < MAX_CANDIDATES; i++)
        if (k->defined[i]) names[n++] = k->g->values.data[i]->name;
    const char *near = strlen(name) < 3 ? NULL : str_nearest(name, names, n); /* short names are near to anything */
    if (near && strcmp(near, name) != 0) snprintf(buf, 200, "did you mean '%.120s'?", near);
    else buf[0] = 0;
    return buf;
}

static naru_status check_use(checker *k, node *n, value *v) {
    char where[400], hint[200], maker[300];
    if (is_defined(k, v)) return NARU_OK;
    where_node(k, n, where);
    if (v->producer) {
        FIND(k, ERROR, "order", where, "sort the nodes so that each stands behind what it reads",
             "reads '%s' before %s defines it", v->name, node_describe(v->producer, maker, sizeof maker));
    } else {
        FIND(k, ERROR, "undefined-name", where, name_hint(k, v->name, hint), "input '%s' is not defined anywhere",
             v->name);
        v->is_input = true; /* of unknown type from here on */
        if (!v->block) v->block = n->block;
        define(k, v);
    }
    return NARU_OK;
}

/* Names that are visible; `mine` collects what this block adds, to be taken away behind it. */
typedef struct scope {
    ARRAY(const char *) mine;
    bool failed;
} scope;

static void show(checker *k, scope *s, value *v) {
    bool fresh;
    struct strmap_entry *e = strmap_put(&k->visible, v->name, &fresh);
    if (!e || (fresh && !ARRAY_PUSH(&s->mine, v->name))) s->failed = true;
    else if (fresh) e->ptr = v;
}

static void hide(checker *k, scope *s) {
    for (size_t i = 0; i < s->mine.count; i++) strmap_remove(&k->visible, s->mine.data[i]);
    ARRAY_FREE(&s->mine);
}

static naru_status check_output(checker *k, node *n, int i, scope *s) {
    char where[400], first[300];
    value *v = n->out[i];
    if (v->producer == n && v->out_index == i && !v->is_input && !v->is_initializer) {
        const value *outer = strmap_get(&k->visible, v->name);
        if (outer && outer != v)
            FIND(k, ERROR, "shadowed-name", where_node(k, n, where), "rename it",
                 "output '%s' has the name of a value outside", v->name);
        define(k, v);
        show(k, s, v);
        return NARU_OK;
    }
    const char *by = v->is_input         ? "as an input of the graph"
                     : v->is_initializer ? "as an initializer"
                     : v->producer       ? node_describe(v->producer, first, sizeof first)
                                         : "before";
    FIND(k, ERROR, "duplicate-name", where_node(k, n, where), "every value is defined once (SSA): rename one",
         "output '%s' is defined already, %s%s", v->name, v->is_input || v->is_initializer || !v->producer ? "" : "by ",
         by);
    value *fresh = graph_value_new(k->g, n->block, NULL);
    if (!fresh) return err_oom(k->err);
    if (v->producer == n && v->out_index == i) v->producer = NULL;
    n->out[i] = NULL;
    node_set_out(n, i, fresh);
    return NARU_OK;
}

/* ---- nodes ---- */
static bool imported(const checker *k, const char *domain) {
    for (int i = 0; i < k->nimports; i++)
        if (strcmp(k->imports[i].domain, domain) == 0) return true;
    return false;
}

static bool is_function(const graph *g, const node *n) {
    for (int i = 0; i < g->nfunctions; i++)
        if (strcmp(g->functions[i].name, n->op_type) == 0 && strcmp(g->functions[i].domain, n->domain) == 0)
            return true;
    return false;
}

static naru_status check_header(checker *k, const node *n) {
    char where[400];
    where_node(k, n, where);
    if (!*n->op_type) FIND(k, ERROR, "no-operator", where, "", "the node names no operator");
    if (!imported(k, n->domain) && !is_function(k->g, n))
        FIND(k, ERROR, "no-import", where, "add an opset_import for it", "operator domain '%s' is not imported",
             *n->domain ? n->domain : "ai.onnx");
    for (int i = 0; i < n->nattrs; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(n->attrs[i].name, n->attrs[j].name) == 0)
                FIND(k, ERROR, "duplicate-attribute", where, "", "attribute '%s' is given twice", n->attrs[i].name);
    return NARU_OK;
}

static naru_status check_node(checker *k, node *n, scope *s, int depth) {
    TRY(check_header(k, n));
    for (int i = 0; i < n->nin; i++)
        if (n->in[i]) TRY(check_use(k, n, n->in[i]));
    for (int i = 0; i < n->nattrs; i++) {
        const attr *a = &n->attrs[i];
        if (a->kind == ATTR_GRAPH && a->block && !a->ref_name) TRY(check_block(k, a->block, depth + 1));
        for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++) TRY(check_block(k, a->blocks[j], depth + 1));
    }
    for (int i = 0; i < n->nout; i++)
        if (n->out[i]) TRY(check_output(k, n, i, s));
    return NARU_OK;
}

/* ---- blocks ---- */
static naru_status check_inputs(checker *k, block *b, scope *s) {
    char where[400];
    for (int i = 0; i < b->nin; i++) {
        for (int j = 0; j < i; j++)
            if (b->in[i] == b->in[j])
                FIND(k, ERROR, "duplicate-name", where_block(k, b, where), "", "input '%s' is listed twice",
                     b->in[i]->name);
        define(k, b->in[i]);
        show(k, s, b->in[i]);
    }
    for (int i = 0; i < b->ninit; i++) {
        define(k, b->initializers[i]);
        show(k, s, b->initializers[i]);
    }
    return NARU_OK;
}

static naru_status check_outputs(checker *k, block *b) {
    char where[400], hint[200];
    for (int i = 0; i < b->nout; i++) {
        value *v = b->out[i];
        if (is_defined(k, v)) continue;
        FIND(k, ERROR, "undefined-output", where_block(k, b, where), name_hint(k, v->name, hint),
             "output '%s' is not defined by any node", v->name);
        v->is_input = true;
        if (!v->block) v->block = b;
        define(k, v);
    }
    return NARU_OK;
}

static naru_status check_block(checker *k, block *b, int depth) {
    if (depth > MAX_DEPTH) return err_set(k->err, NARU_LIMIT, "blocks are nested deeper than %d", MAX_DEPTH);
    scope s = {0};
    naru_status st = check_inputs(k, b, &s);
    for (node *n = b->first; st == NARU_OK && n; n = n->next) st = check_node(k, n, &s, depth);
    if (st == NARU_OK) st = check_outputs(k, b);
    if (st == NARU_OK && s.failed) st = err_oom(k->err);
    hide(k, &s);
    return st;
}

/* ---- the model's own declarations ---- */
static naru_status check_port(checker *k, const value *v, const char *what) {
    char where[400];
    snprintf(where, sizeof where, "%s '%.200s'", what, v->name);
    const type *t = &v->declared;
    if (t->kind == TYPE_UNKNOWN) FIND(k, ERROR, "missing-type", where, "", "has no type");
    else if (t->kind == TYPE_TENSOR && t->dtype == NARU_UNDEFINED)
        FIND(k, ERROR, "missing-type", where, "", "has no element type");
    else if (t->kind == TYPE_TENSOR && !t->has_rank)
        FIND(k, NARU_SEVERITY_WARNING, "missing-shape", where, "", "has no shape: any rank is taken");
    return NARU_OK;
}

static naru_status check_ports(checker *k) {
    const block *b = k->g->main;
    for (int i = 0; i < b->nin; i++) TRY(check_port(k, b->in[i], "input"));
    for (int i = 0; i < b->nout; i++)
        if (!b->out[i]->is_input) TRY(check_port(k, b->out[i], "output"));
    return NARU_OK;
}

static naru_status check_imports(checker *k) {
    const graph *g = k->g;
    if (!g->nimports) FIND(k, ERROR, "no-import", "model", "", "imports no operator set");
    for (int i = 0; i < g->nimports; i++) {
        const opset *o = &g->imports[i];
        for (int j = 0; j < i; j++)
            if (strcmp(o->domain, g->imports[j].domain) == 0)
                FIND(k, ERROR, "opset", "model", "", "domain '%s' is imported twice",
                     *o->domain ? o->domain : "ai.onnx");
        if (!*o->domain && (o->version < 1 || o->version > NEWEST_OPSET))
            FIND(k, ERROR, "opset", "model", "convert the model to an older opset, or update naru",
                 "opset %lld of ai.onnx is not known; the newest known is %d", (long long)o->version, NEWEST_OPSET);
    }
    return NARU_OK;
}

static naru_status check_functions(checker *k) {
    graph *g = k->g;
    for (int i = 0; i < g->nfunctions; i++) {
        function *f = &g->functions[i];
        char place[120];
        snprintf(place, sizeof place, "function %.60s: ", f->name);
        k->place = place;
        if (f->nimports) k->imports = f->imports, k->nimports = f->nimports;
        naru_status st = check_block(k, f->body, 0);
        k->place = "";
        k->imports = g->imports, k->nimports = g->nimports;
        TRY(st);
    }
    return NARU_OK;
}

naru_status structure_check(graph *g, naru_report *report, naru_error *err) {
    checker k = {.g = g,
                 .report = report,
                 .err = err,
                 .nvalues = g->values.count,
                 .imports = g->imports,
                 .nimports = g->nimports,
                 .place = ""};
    if (!(k.defined = mem_calloc(k.nvalues + 1, 1))) return err_oom(err);
    naru_status st = check_imports(&k);
    if (st == NARU_OK) st = check_ports(&k);
    if (st == NARU_OK) st = check_block(&k, g->main, 0);
    if (st == NARU_OK) st = check_functions(&k);
    strmap_free(&k.visible);
    mem_free(k.defined);
    return st;
}
