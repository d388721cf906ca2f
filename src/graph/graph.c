/* SPDX-License-Identifier: MIT
 *
 * Building and editing graphs (graph.h). Everything comes from the graph's arena; removal only unlinks.
 */
#include "graph/graph.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

graph *graph_new(void) {
    arena *a = arena_new();
    graph *g = a ? arena_calloc(a, 1, sizeof *g) : NULL;
    if (!g || !(g->syms = symtab_new(a))) {
        arena_free(a);
        return NULL;
    }
    g->arena = a;
    g->producer_name = g->producer_version = g->domain = g->path = "";
    return g;
}

static void drop_attr(attr *a) {
    if (a->kind == ATTR_TENSOR || a->kind == ATTR_SPARSE_TENSOR) tensor_unref(a->tensor);
    for (size_t i = 0; (a->kind == ATTR_TENSORS || a->kind == ATTR_SPARSE_TENSORS) && i < a->count; i++)
        tensor_unref(a->tensors[i]);
}

static bool drop_block(block *b, void *user) {
    for (node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nattrs; i++) drop_attr(&n->attrs[i]);
    return true;
}

void graph_free(graph *g) {
    if (!g) return;
    graph_each_block(g, true, drop_block, NULL);
    for (int i = 0; i < g->nfunctions; i++)
        for (int j = 0; j < g->functions[i].ndefaults; j++) drop_attr(&g->functions[i].defaults[j]);
    for (size_t i = 0; i < g->values.count; i++) tensor_unref(g->values.data[i]->constant);
    ARRAY_FREE(&g->values);
    strmap_free(&g->names);
    file_map_unref(g->file);
    arena_free(g->arena);
}

block *graph_block_new(graph *g, block *parent) {
    block *b = arena_calloc(g->arena, 1, sizeof *b);
    if (b) *b = (block){.graph = g, .parent = parent, .name = ""};
    return b;
}

static const char *fresh_name(graph *g) {
    char text[32];
    do snprintf(text, sizeof text, "naru_%d", g->fresh++);
    while (strmap_find(&g->names, text));
    return arena_strdup(g->arena, text);
}

value *graph_value_new(graph *g, block *b, const char *name) {
    value *v = arena_calloc(g->arena, 1, sizeof *v);
    if (!v) return NULL;
    v->name = name ? arena_strdup(g->arena, name) : fresh_name(g);
    v->id = (int)g->values.count;
    v->block = b;
    if (!v->name || !ARRAY_PUSH(&g->values, v)) return NULL;
    struct strmap_entry *e = strmap_put(&g->names, v->name, NULL);
    if (!e) return NULL;
    if (!e->ptr) e->ptr = v; /* the first of a name that is used in several blocks */
    return v;
}

/* Appends to an arena array; grows at powers of two. */
static bool append(graph *g, void *list, int count, const void *item) {
    void ***p = list;
    if ((count & (count - 1)) == 0) {
        void **more = arena_alloc(g->arena, (size_t)(count ? count * 2 : 1) * sizeof(void *));
        if (!more) return false;
        if (count) memcpy(more, *p, (size_t)count * sizeof(void *));
        *p = more;
    }
    (*p)[count] = (void *)item;
    return true;
}

bool block_add_initializer(block *b, value *v) {
    if (!append(b->graph, &b->initializers, b->ninit, v)) return false;
    b->ninit++;
    v->is_initializer = true;
    return true;
}

value *graph_constant_new(graph *g, block *b, const char *name, naru_tensor *t) {
    value *v = graph_value_new(g, b, name);
    if (!v || !block_add_initializer(b, v)) return NULL;
    v->constant = tensor_ref(t);
    v->fact.constant = t;
    v->fact.type = (type){.kind = TYPE_TENSOR, .dtype = t->dtype, .has_rank = true, .rank = t->rank};
    for (int i = 0; i < t->rank; i++) v->fact.type.dims[i] = t->dims[i];
    return v;
}

bool block_add_input(block *b, value *v) {
    if (!append(b->graph, &b->in, b->nin, v)) return false;
    b->nin++;
    v->is_input = true;
    return true;
}

bool block_add_output(block *b, value *v) {
    if (!append(b->graph, &b->out, b->nout, v)) return false;
    b->nout++;
    return true;
}

static void link_before(block *b, node *n, node *before) {
    n->block = b;
    n->next = before;
    n->prev = before ? before->prev : b->last;
    *(n->prev ? &n->prev->next : &b->first) = n;
    *(before ? &before->prev : &b->last) = n;
    b->nnodes++;
}

static void unlink_node(node *n) {
    block *b = n->block;
    *(n->prev ? &n->prev->next : &b->first) = n->next;
    *(n->next ? &n->next->prev : &b->last) = n->prev;
    b->nnodes--;
    n->prev = n->next = NULL;
}

node *graph_node_new(graph *g, block *b, node *before, const char *op_type, const char *domain, int nin, int nout,
                     int nattrs) {
    node *n = arena_calloc(g->arena, 1, sizeof *n);
    if (!n) return NULL;
    *n = (node){.name = "", .overload = "", .index = -1, .nin = nin, .nout = nout, .nattrs = nattrs};
    n->op_type = arena_strdup(g->arena, op_type);
    n->domain = domain && *domain ? arena_strdup(g->arena, domain) : "";
    n->in = arena_calloc(g->arena, (size_t)nin + 1, sizeof *n->in);
    n->out = arena_calloc(g->arena, (size_t)nout + 1, sizeof *n->out);
    n->attrs = arena_calloc(g->arena, (size_t)nattrs + 1, sizeof *n->attrs);
    if (!n->op_type || !n->domain || !n->in || !n->out || !n->attrs) return NULL;
    link_before(b, n, before);
    return n;
}

void node_set_out(node *n, int i, value *v) {
    n->out[i] = v;
    if (!v) return;
    v->producer = n;
    v->out_index = i;
    v->block = n->block;
}

static bool each_nested(block *b, block_fn fn, void *user);

void attr_release(attr *a) { /* bodies go with their attribute: their tensors too */
    if (a->kind == ATTR_GRAPH && a->block) each_nested(a->block, drop_block, NULL);
    for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++)
        if (a->blocks[j]) each_nested(a->blocks[j], drop_block, NULL);
    drop_attr(a);
    a->kind = ATTR_NONE;
}

void node_remove(node *n) {
    for (int i = 0; i < n->nout; i++)
        if (n->out[i] && n->out[i]->producer == n) n->out[i]->producer = NULL;
    for (int i = 0; i < n->nattrs; i++) attr_release(&n->attrs[i]);
    unlink_node(n);
}

void node_move_before(node *n, node *before) {
    block *b = n->block;
    unlink_node(n);
    link_before(b, n, before);
}

void node_move_to(node *n, block *b, node *before) {
    unlink_node(n);
    link_before(b, n, before);
    for (int i = 0; i < n->nout; i++)
        if (n->out[i]) n->out[i]->block = b;
    for (int i = 0; i < n->nattrs; i++) {
        const attr *a = &n->attrs[i];
        if (a->kind == ATTR_GRAPH && a->block) a->block->parent = b;
        for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++) a->blocks[j]->parent = b;
    }
}

bool node_set_nin(node *n, int nin) {
    if (nin > n->nin) {
        value **in = arena_calloc(n->block->graph->arena, (size_t)nin + 1, sizeof *in);
        if (!in) return false;
        if (n->nin) memcpy(in, n->in, (size_t)n->nin * sizeof *in);
        n->in = in;
    }
    n->nin = nin;
    return true;
}

bool node_add_attr(node *n, attr a) {
    attr *more = arena_calloc(n->block->graph->arena, (size_t)n->nattrs + 2, sizeof *more);
    if (!more) return false;
    if (n->nattrs) memcpy(more, n->attrs, (size_t)n->nattrs * sizeof *more);
    more[n->nattrs++] = a;
    n->attrs = more;
    return true;
}

attr *node_attr(const node *n, const char *name) {
    for (int i = 0; i < n->nattrs; i++)
        if (n->attrs[i].kind != ATTR_NONE && strcmp(n->attrs[i].name, name) == 0) return &n->attrs[i];
    return NULL;
}

/* ---- walking ---- */
static bool each_nested(block *b, block_fn fn, void *user) {
    if (!fn(b, user)) return false;
    for (node *n = b->first, *next; n; n = next) {
        next = n->next;
        for (int i = 0; i < n->nattrs; i++) {
            attr *a = &n->attrs[i];
            if (a->kind == ATTR_GRAPH && a->block && !each_nested(a->block, fn, user)) return false;
            for (size_t j = 0; a->kind == ATTR_GRAPHS && j < a->count; j++)
                if (a->blocks[j] && !each_nested(a->blocks[j], fn, user))
                    return false; /* NULL: reading failed half-way */
        }
    }
    return true;
}

bool graph_each_block(graph *g, bool functions, block_fn fn, void *user) {
    if (g->main && !each_nested(g->main, fn, user)) return false;
    for (int i = 0; functions && i < g->nfunctions; i++)
        if (g->functions[i].body && !each_nested(g->functions[i].body, fn, user)) return false;
    return true;
}

typedef struct rename {
    value *from, *to;
    int count;
} rename_t;

static bool replace_in_block(block *b, void *user) {
    rename_t *r = user;
    for (node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nin; i++)
            if (n->in[i] == r->from) n->in[i] = r->to;
    for (int i = 0; i < b->nout; i++)
        if (b->out[i] == r->from) b->out[i] = r->to;
    return true;
}

void graph_replace_uses(graph *g, value *from, value *to) {
    rename_t r = {from, to, 0};
    graph_each_block(g, true, replace_in_block, &r);
}

static bool count_in_block(block *b, void *user) {
    rename_t *r = user;
    for (node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nin; i++) r->count += n->in[i] == r->from;
    for (int i = 0; i < b->nout; i++) r->count += b->out[i] == r->from;
    return true;
}

int graph_count_uses(const graph *g, const value *v) {
    rename_t r = {.from = (value *)v};
    graph_each_block((graph *)g, true, count_in_block, &r);
    return r.count;
}

bool value_is_output(const value *v) {
    for (int i = 0; v->block && i < v->block->nout; i++)
        if (v->block->out[i] == v) return true;
    return false;
}

int64_t graph_opset(const graph *g, const char *domain) {
    if (strcmp(domain, "ai.onnx") == 0) domain = "";
    for (int i = 0; i < g->nimports; i++)
        if (strcmp(g->imports[i].domain, domain) == 0) return g->imports[i].version;
    return 0;
}

const char *node_describe(const node *n, char *buf, size_t size) {
    const char *sep = n->domain && *n->domain ? "." : "";
    if (n->index >= 0 && *n->name)
        snprintf(buf, size, "node %d '%.100s' (%.60s%s%.60s)", n->index, n->name, n->domain, sep, n->op_type);
    else if (n->index >= 0) snprintf(buf, size, "node %d (%.60s%s%.60s)", n->index, n->domain, sep, n->op_type);
    else if (*n->name) snprintf(buf, size, "node '%.100s' (%.60s%s%.60s)", n->name, n->domain, sep, n->op_type);
    else
        snprintf(buf, size, "node (%.60s%s%.60s) giving '%.100s'", n->domain, sep, n->op_type,
                 n->nout && n->out[0] ? n->out[0]->name : "");
    return buf;
}

/* ---- types ---- */
/* A name that could be read as something else (a number, two dims) stands in quotes. */
static void print_symbol(const char *name, str *out) {
    bool plain = isalpha((unsigned char)*name) || *name == '_';
    for (const char *c = name; *c; c++) plain = plain && (isalnum((unsigned char)*c) || strchr("_.:", *c));
    if (!plain) str_add(out, "\"");
    for (const char *c = name; *c; c++) {
        if (*c == '"' || *c == '\\') str_add(out, "\\");
        if ((unsigned char)*c < 32) str_addf(out, "\\x%02x", (unsigned char)*c);
        else str_add_n(out, c, 1);
    }
    if (!plain) str_add(out, "\"");
}

void type_print(const graph *g, const type *t, str *out) {
    switch (t->kind) {
    case TYPE_UNKNOWN: str_add(out, "?"); return;
    case TYPE_SEQUENCE:
    case TYPE_OPTIONAL:
        str_add(out, t->kind == TYPE_SEQUENCE ? "seq(" : "optional(");
        if (t->elem) type_print(g, t->elem, out);
        else str_add(out, "?");
        str_add(out, ")");
        return;
    case TYPE_MAP:
        str_addf(out, "map(%s,", naru_dtype_name(t->dtype));
        if (t->elem) type_print(g, t->elem, out);
        else str_add(out, "?");
        str_add(out, ")");
        return;
    case TYPE_OPAQUE: str_addf(out, "opaque(%s,%s)", t->domain ? t->domain : "", t->name ? t->name : ""); return;
    case TYPE_SPARSE: str_add(out, "sparse "); break;
    case TYPE_TENSOR: break;
    }
    str_add(out, t->dtype ? naru_dtype_name(t->dtype) : "?");
    if (!t->has_rank) {
        str_add(out, "[...]");
        return;
    }
    str_add(out, "[");
    for (int i = 0; i < t->rank; i++) {
        if (i) str_add(out, ",");
        const char *symbol = g ? sym_plain_name(g->syms, t->dims[i]) : NULL;
        if (symbol) print_symbol(symbol, out);
        else sym_print(g ? g->syms : NULL, t->dims[i], out);
    }
    str_add(out, "]");
}

bool type_equal(const type *a, const type *b) {
    if (a->kind != b->kind || a->dtype != b->dtype || a->has_rank != b->has_rank || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    if (!a->elem != !b->elem) return false;
    return !a->elem || type_equal(a->elem, b->elem);
}
