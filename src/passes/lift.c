/* SPDX-License-Identifier: MIT
 *
 * Lifting one node after another, outer blocks first; a call of a model-local function is replaced by its body and the
 * body's nodes are lifted with the function's own opset imports.
 */
#include "passes/lift.h"

#include <stdio.h>
#include <string.h>

#include "ops/sig.h"
#include "passes/order.h"

enum { MAX_CALL_DEPTH = 100, MAX_NODES = 4000000 };

typedef struct lifter {
    graph *graph;
    naru_report *report;
    naru_error *err;
    int bad;         /* findings so far */
    int depth;       /* of function calls */
    int64_t inlined; /* nodes made by inlining */
} lifter;

typedef struct imports {
    const opset *list;
    int count;
} imports;

static naru_status lift_block(lifter *k, block *b, imports im);

static naru_status oom(lifter *k) { return err_oom(k->err); }

/* One more thing that keeps the model from running; the first also becomes the error. */
static naru_status finding(lifter *k, const node *n, naru_status code, const char *kind, const char *hint,
                           const char *text) {
    char where[300];
    node_describe(n, where, sizeof where);
    if (k->bad++ == 0) err_set(k->err, code, "%s: %s", where, text);
    return report_add(k->report, NARU_SEVERITY_ERROR, kind, where, hint, "%s", text);
}

static int64_t version_of(imports im, const char *domain) {
    for (int i = 0; i < im.count; i++)
        if (strcmp(im.list[i].domain, domain) == 0) return im.list[i].version;
    return 0;
}

/* ---- attributes into table order ---- */
static bool set_default(graph *g, const attr_def *d, attr *a) {
    *a = (attr){.name = d->name};
    if (d->required || d->optional) return true;
    if (d->kind == ATTR_INT) *a = (attr){.name = d->name, .kind = ATTR_INT, .i = d->i};
    else if (d->kind == ATTR_FLOAT) *a = (attr){.name = d->name, .kind = ATTR_FLOAT, .f = d->f};
    else if (d->kind == ATTR_STRING && d->s)
        *a = (attr){.name = d->name, .kind = ATTR_STRING, .s = {d->s, strlen(d->s)}};
    return true;
}

static int table_index(const op_desc *op, const char *name) {
    for (int i = 0; op->attrs && op->attrs[i].name; i++)
        if (strcmp(op->attrs[i].name, name) == 0) return i;
    return -1;
}

static naru_status order_attrs(lifter *k, node *n) {
    const op_desc *op = n->op;
    int count = 0;
    char text[300];
    while (op->attrs && op->attrs[count].name) count++;
    attr *table = arena_calloc(k->graph->arena, (size_t)count + 1, sizeof *table);
    bool *given = arena_calloc(k->graph->arena, (size_t)count + 1, sizeof *given);
    if (!table || !given) return oom(k);
    for (int i = 0; i < count; i++) set_default(k->graph, &op->attrs[i], &table[i]);
    for (int i = 0; i < n->nattrs; i++) {
        attr *a = &n->attrs[i];
        if (a->kind == ATTR_NONE || strncmp(a->name, "__", 2) == 0) continue;
        int at = table_index(op, a->name);
        if (at < 0) {
            snprintf(text, sizeof text, "unknown attribute '%.80s'", a->name);
            TRY(finding(k, n, NARU_BAD_MODEL, "unknown-attribute", "", text));
        } else if (op->attrs[at].kind != a->kind && op->attrs[at].kind != ATTR_NONE) {
            snprintf(text, sizeof text, "attribute '%.80s' has the wrong type", a->name);
            TRY(finding(k, n, NARU_BAD_MODEL, "attribute-type", "", text));
        } else if (!given[at]) { /* of repeated ones the first counts */
            given[at] = true;
            table[at] = *a;
            a->kind = ATTR_NONE; /* moved */
        }
    }
    for (int i = 0; i < n->nattrs; i++) attr_release(&n->attrs[i]); /* what has no place in the table */
    for (int i = 0; i < count; i++)
        if (op->attrs[i].required && table[i].kind == ATTR_NONE) {
            snprintf(text, sizeof text, "attribute '%.80s' is missing", op->attrs[i].name);
            TRY(finding(k, n, NARU_BAD_MODEL, "missing-attribute", "", text));
        }
    n->attrs = table;
    n->nattrs = count;
    n->table = op->attrs;
    return NARU_OK;
}

/* ---- one operator ---- */
static naru_status unsupported(lifter *k, const node *n, int64_t version) {
    char text[300];
    const op_desc *op = op_find(n->domain, n->op_type);
    if (op) snprintf(text, sizeof text, "%.80s does not exist in opset %lld", n->op_type, (long long)version);
    else
        snprintf(text, sizeof text, "operator %.80s of domain '%.80s' is not supported", n->op_type,
                 *n->domain ? n->domain : "ai.onnx");
    const char *hint = !op && *n->domain ? "load a plugin library that has it (naru_plugin_load, --plugins)" : "";
    return finding(k, n, NARU_UNSUPPORTED, "unsupported-operator", hint, text);
}

/* Runs the adapters between the node's opset and the newest; the node may become another operator on the way. */
static naru_status adapt(lifter *k, node *n, int64_t version) {
    lift_ctx c = {k->graph, n->block, version, k->err};
    for (int done = 0;;) {
        const op_desc *op = n->op;
        const adapter *next = op->adapters;
        while (next && next->up && (next->to <= version || next->to <= done)) next++;
        if (!next || !next->up) return NARU_OK;
        naru_status st = next->up(&c, n);
        if (st != NARU_OK) return st;
        done = next->to;
        if (strcmp(n->op_type, op->name) != 0 && !(n->op = op_find(n->domain, n->op_type)))
            return err_set(k->err, NARU_UNSUPPORTED, "%s became %s, which is not supported", op->name, n->op_type);
        if (n->op != op) done--; /* the new operator may have an adapter for the same version */
    }
}

static naru_status check_arity(lifter *k, const node *n) {
    sig s;
    char text[200];
    if (!sig_parse(n->op->sig, &s)) return err_set(k->err, NARU_INTERNAL, "%s: malformed signature", n->op->name);
    bool variadic = s.max_in < 0;
    if (n->nin < s.min_in || (!variadic && n->nin > s.max_in)) {
        snprintf(text, sizeof text, "has %d inputs, takes %d to %d", n->nin, s.min_in, variadic ? 9999 : s.max_in);
        return finding(k, n, NARU_BAD_MODEL, "input-count", "", text);
    }
    if (s.max_out >= 0 && n->nout > s.max_out) {
        snprintf(text, sizeof text, "has %d outputs, gives at most %d", n->nout, s.max_out);
        return finding(k, n, NARU_BAD_MODEL, "output-count", "", text);
    }
    for (int i = 0; i < n->nin; i++) {
        const sig_param *p = sig_input(&s, i);
        if (p && !p->optional && !p->variadic && !n->in[i]) {
            snprintf(text, sizeof text, "required input '%.40s' is omitted", p->name);
            return finding(k, n, NARU_BAD_MODEL, "input-missing", "", text);
        }
    }
    return NARU_OK;
}

static naru_status lift_node(lifter *k, node *n, imports im) {
    int64_t version = version_of(im, n->domain);
    n->op = op_find(n->domain, n->op_type);
    if (!n->op || (version && !op_version_at(n->op, version)) || (!version && !*n->domain))
        return unsupported(k, n, version);
    node *prev = n->prev,
         *end =
             n->next; /* adapters and expansions may add nodes between prev and n; those are in the newest vocabulary */
    naru_error local = NARU_ERROR_INIT, *err = k->err;
    k->err = &local; /* a node that cannot be adapted is one finding among others */
    naru_status st = version ? adapt(k, n, version) : NARU_OK;
    k->err = err;
    if (st == NARU_OUT_OF_MEMORY) return oom(k);
    if (st != NARU_OK) return finding(k, n, st, "not-adaptable", "", local.message);
    imports newest = {(const opset[]){{"", 9999}}, 1};
    for (node *made = prev ? prev->next : n->block->first; made && made != n; made = made->next)
        if (!made->op) TRY(lift_node(k, made, newest));
    for (node *made = n->next; made && made != end; made = made->next)
        if (!made->op) TRY(lift_node(k, made, newest));
    TRY(check_arity(k, n));
    TRY(order_attrs(k, n));
    for (int i = 0; i < n->nattrs; i++) {
        attr *a = &n->attrs[i];
        if (a->kind == ATTR_GRAPH) TRY(lift_block(k, a->block, im));
        for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++) TRY(lift_block(k, a->blocks[j], im));
    }
    return NARU_OK;
}

/* ---- Constant ---- */
static naru_status constant_tensor(lifter *k, const attr *a, naru_tensor **out) {
    int64_t n = (int64_t)a->count;
    bool many = a->kind == ATTR_FLOATS || a->kind == ATTR_INTS || a->kind == ATTR_STRINGS;
    naru_dtype d = a->kind == ATTR_FLOAT || a->kind == ATTR_FLOATS ? NARU_FLOAT
                   : a->kind == ATTR_INT || a->kind == ATTR_INTS   ? NARU_INT64
                                                                   : NARU_STRING;
    TRY(tensor_new(d, many, &n, out, k->err));
    if (d == NARU_FLOAT) memcpy((*out)->data, many ? a->floats : &a->f, (size_t)(many ? n : 1) * sizeof(float));
    if (d == NARU_INT64) memcpy((*out)->data, many ? a->ints : &a->i, (size_t)(many ? n : 1) * sizeof(int64_t));
    for (int64_t i = 0; d == NARU_STRING && i < (many ? n : 1); i++) {
        const bytes *s = many ? &a->strings[i] : &a->s;
        TRY(naru_tensor_set_string(*out, i, s->data, s->len, k->err));
    }
    return NARU_OK;
}

static naru_status lift_constant(lifter *k, node *n) {
    static const char *const names[] = {"value",     "sparse_value", "value_float",  "value_floats",
                                        "value_int", "value_ints",   "value_string", "value_strings"};
    const attr *a = NULL;
    for (size_t i = 0; !a && i < COUNT_OF(names); i++) a = node_attr(n, names[i]);
    if (!a || n->nout != 1 || !n->out[0])
        return finding(k, n, NARU_BAD_MODEL, "missing-attribute", "", "needs one value attribute and one output");
    naru_tensor *t = NULL;
    naru_status st = NARU_OK;
    if (a->kind == ATTR_TENSOR || a->kind == ATTR_SPARSE_TENSOR) t = tensor_ref(a->tensor);
    else st = constant_tensor(k, a, &t);
    value *v = n->out[0];
    if (st == NARU_OK && !block_add_initializer(n->block, v)) st = oom(k);
    if (st == NARU_OK) {
        node_remove(n);
        v->constant = t;
        return NARU_OK;
    }
    tensor_unref(t);
    return st;
}

/* ---- functions ---- */
static const function *find_function(const graph *g, const node *n) {
    for (int i = 0; i < g->nfunctions; i++) {
        const function *f = &g->functions[i];
        if (strcmp(f->name, n->op_type) == 0 && strcmp(f->domain, n->domain) == 0 &&
            strcmp(f->overload, n->overload) == 0)
            return f;
    }
    return NULL;
}

typedef struct call {
    lifter *k;
    const node *site;
    const function *f;
    strmap env; /* function's name -> value (or NULL pointer: omitted argument) of the caller */
} call;

static naru_status clone_block(call *c, const block *from, block *parent, block **out);

static const attr *argument(const call *c, const char *name) {
    const attr *a = node_attr(c->site, name);
    for (int i = 0; !a && i < c->f->ndefaults; i++)
        if (strcmp(c->f->defaults[i].name, name) == 0) a = &c->f->defaults[i];
    return a;
}

static naru_status clone_attr(call *c, const attr *a, block *where, attr *out) {
    const attr *src = a->ref_name ? argument(c, a->ref_name) : a;
    if (!src) {
        *out = (attr){.name = a->name};
        return NARU_OK;
    }
    *out = *src;
    out->name = a->name;
    out->ref_name = NULL;
    if (out->kind == ATTR_TENSOR || out->kind == ATTR_SPARSE_TENSOR) tensor_ref(out->tensor);
    if (out->kind == ATTR_TENSORS || out->kind == ATTR_SPARSE_TENSORS)
        for (size_t i = 0; i < out->count; i++) tensor_ref(out->tensors[i]);
    if (out->kind == ATTR_GRAPH && !a->ref_name) return clone_block(c, src->block, where, &out->block);
    return NARU_OK;
}

static naru_status map_value(call *c, block *b, const value *v, value **out) {
    *out = NULL;
    if (!v) return NARU_OK;
    struct strmap_entry *e = strmap_find(&c->env, v->name);
    if (!e) return err_set(c->k->err, NARU_BAD_MODEL, "function %s: '%s' is not defined", c->f->name, v->name);
    *out = e->ptr;
    return NARU_OK;
}

static naru_status define(call *c, block *b, const value *v, value **out) {
    value *fresh = graph_value_new(c->k->graph, b, NULL);
    struct strmap_entry *e = fresh ? strmap_put(&c->env, v->name, NULL) : NULL;
    if (!e) return oom(c->k);
    e->ptr = *out = fresh;
    return NARU_OK;
}

static naru_status clone_node(call *c, const node *n, block *b, node *before) {
    lifter *k = c->k;
    if (++k->inlined > MAX_NODES)
        return err_set(k->err, NARU_LIMIT, "functions expand to more than %d nodes", MAX_NODES);
    node *m = graph_node_new(k->graph, b, before, n->op_type, n->domain, n->nin, n->nout, n->nattrs);
    if (!m) return oom(k);
    m->overload = n->overload;
    m->name = n->name;
    for (int i = 0; i < n->nattrs; i++) TRY(clone_attr(c, &n->attrs[i], b, &m->attrs[i]));
    for (int i = 0; i < n->nin; i++) TRY(map_value(c, b, n->in[i], &m->in[i]));
    while (m->nin > 0 && !m->in[m->nin - 1]) m->nin--; /* trailing omitted arguments */
    for (int i = 0; i < n->nout; i++) {
        value *v = NULL;
        if (n->out[i]) TRY(define(c, b, n->out[i], &v));
        node_set_out(m, i, v);
    }
    return NARU_OK;
}

static naru_status clone_constants(call *c, const block *from, block *to) {
    for (int i = 0; i < from->ninit; i++) {
        const value *v = from->initializers[i];
        struct strmap_entry *e = v->constant ? strmap_put(&c->env, v->name, NULL) : NULL;
        if (!e || !(e->ptr = graph_constant_new(c->k->graph, to, NULL, v->constant))) return oom(c->k);
    }
    return NARU_OK;
}

static naru_status clone_block(call *c, const block *from, block *parent, block **out) {
    block *b = graph_block_new(c->k->graph, parent);
    if (!b) return oom(c->k);
    for (int i = 0; i < from->nin; i++) {
        value *v;
        TRY(define(c, b, from->in[i], &v));
        v->declared = from->in[i]->declared;
        if (!block_add_input(b, v)) return oom(c->k);
    }
    TRY(clone_constants(c, from, b));
    for (const node *n = from->first; n; n = n->next) TRY(clone_node(c, n, b, NULL));
    for (int i = 0; i < from->nout; i++) {
        value *v;
        TRY(map_value(c, b, from->out[i], &v));
        if (!v || !block_add_output(b, v)) return oom(c->k);
    }
    *out = b;
    return NARU_OK;
}

static naru_status expand_call(call *c, node *site) {
    lifter *k = c->k;
    const block *body = c->f->body;
    block *b = site->block;
    for (int i = 0; i < body->nin; i++) {
        struct strmap_entry *e = strmap_put(&c->env, body->in[i]->name, NULL);
        if (!e) return oom(k);
        e->ptr = i < site->nin ? site->in[i] : NULL;
    }
    TRY(clone_constants(c, body, b));
    for (const node *n = body->first; n; n = n->next) TRY(clone_node(c, n, b, site));
    for (int i = 0; i < site->nout && i < body->nout; i++) {
        value *v;
        TRY(map_value(c, b, body->out[i], &v));
        if (!site->out[i]) continue;
        if (!v) return err_set(k->err, NARU_BAD_MODEL, "function %s gives no output %d", c->f->name, i);
        node *id = graph_node_new(k->graph, b, site, "Identity", "", 1, 1, 0); /* keeps the caller's name */
        if (!id) return oom(k);
        id->in[0] = v;
        value *o = site->out[i];
        site->out[i] = NULL;
        node_set_out(id, 0, o);
    }
    return NARU_OK;
}

static naru_status lift_range(lifter *k, block *b, node *from, const node *end, imports im);

static naru_status inline_call(lifter *k, node *site, const function *f) {
    if (k->depth >= MAX_CALL_DEPTH)
        return err_set(k->err, NARU_LIMIT, "function %s: calls are nested deeper than %d (recursion?)", f->name,
                       MAX_CALL_DEPTH);
    call c = {k, site, f, {0}};
    block *b = site->block;
    node *prev = site->prev;
    naru_status st = expand_call(&c, site);
    strmap_free(&c.env);
    if (st != NARU_OK) return st;
    imports im = f->nimports ? (imports){f->imports, f->nimports} : (imports){k->graph->imports, k->graph->nimports};
    k->depth++;
    st = lift_range(k, b, prev ? prev->next : b->first, site, im);
    k->depth--;
    if (st == NARU_OK) node_remove(site);
    return st;
}

/* ---- blocks ---- */
static naru_status lift_range(lifter *k, block *b, node *from, const node *end, imports im) {
    for (node *n = from, *next; n && n != end; n = next) {
        next = n->next;
        if (n->op) continue;
        const function *f = find_function(k->graph, n);
        if (f) TRY(inline_call(k, n, f));
        else if (strcmp(n->op_type, "Constant") == 0 && !*n->domain) TRY(lift_constant(k, n));
        else TRY(lift_node(k, n, im));
        if (k->bad > 200) return k->err ? k->err->code : NARU_UNSUPPORTED;
    }
    return NARU_OK;
}

static naru_status lift_block(lifter *k, block *b, imports im) { return lift_range(k, b, b->first, NULL, im); }

/* Before IR 4 every initializer had to be listed as an input too; nobody means to override those. */
static void settle_old_inputs(graph *g) {
    block *b = g->main;
    int kept = 0;
    for (int i = 0; i < b->nin; i++) {
        value *v = b->in[i];
        if (v->is_initializer && v->constant) v->is_input = false;
        else b->in[kept++] = v;
    }
    b->nin = kept;
}

naru_status graph_lift(graph *g, naru_report *report, naru_error *err) {
    naru_error local = NARU_ERROR_INIT;
    if (g->ir_version < 4) settle_old_inputs(g);
    lifter k = {.graph = g, .report = report, .err = err ? err : &local};
    k.err->code = NARU_OK;
    TRY(graph_sort(g, k.err));
    imports im = {g->imports, g->nimports};
    static const opset first = {"", 1};
    if (!im.count) im = (imports){&first, 1};
    naru_status st = lift_block(&k, g->main, im);
    if (st == NARU_OK && k.bad) {
        st = k.err->code ? k.err->code : NARU_BAD_MODEL;
        if (k.bad > 1) err_context(k.err, st, "%d nodes cannot be run; the first", k.bad);
        return st;
    }
    TRY(st);
    g->lifted = true;
    return NARU_OK;
}

naru_status node_lift(graph *g, node *n, naru_error *err) {
    static const opset newest = {"", 9999};
    naru_error local = NARU_ERROR_INIT;
    lifter k = {.graph = g, .err = &local};
    naru_status st = lift_node(&k, n, (imports){&newest, 1});
    if (st == NARU_OK && k.bad) st = local.code ? local.code : NARU_BAD_MODEL;
    if (st == NARU_OK) return st;
    char where[300]; /* the finding names the node: who calls does that */
    size_t head = strlen(node_describe(n, where, sizeof where));
    bool named = strncmp(local.message, where, head) == 0 && local.message[head] == ':';
    return err_set(err, st, "%s", local.message + (named ? head + 2 : 0));
}
