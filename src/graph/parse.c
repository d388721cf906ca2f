/* SPDX-License-Identifier: MIT
 *
 * Blocks, nodes and attributes of the text form (parse.h has the grammar).
 */
#include <ctype.h>

#include "graph/parse_lex.h"

typedef struct scope {
    strmap names; /* of this block */
    struct scope *parent;
    block *block;
} scope;

static naru_status parse_block(parser *p, block *b, scope *parent);

static value *visible(const scope *s, const char *name) {
    for (; s; s = s->parent) {
        value *v = strmap_get(&s->names, name);
        if (v) return v;
    }
    return NULL;
}

/* The value of that name in this very block, made when absent. */
static naru_status own(parser *p, scope *s, const char *name, value **out) {
    struct strmap_entry *e = strmap_put(&s->names, name, NULL);
    if (!e) return err_oom(p->err);
    if (!e->ptr) e->ptr = graph_value_new(p->g, s->block, name);
    if (!(*out = e->ptr)) return err_oom(p->err);
    return NARU_OK;
}

/* "_" is nothing. */
static naru_status read_value(parser *p, scope *s, bool define, value **out) {
    const char *name;
    *out = NULL;
    bool quoted = parse_is(p, "\"");
    TRY(parse_name(p, &name));
    if (!quoted && strcmp(name, "_") == 0) return NARU_OK;
    if (!define && (*out = visible(s, name))) return NARU_OK;
    TRY(own(p, s, name, out));
    if (!define) (*out)->block = NULL; /* until it is defined */
    return NARU_OK;
}

typedef struct value_list {
    value **data;
    size_t count, cap;
} value_list;

static naru_status read_values(parser *p, scope *s, bool define, const char *end, value_list *l) {
    for (value *v; !parse_take(p, end);) {
        if (l->count) TRY(parse_need(p, ","));
        TRY(read_value(p, s, define, &v));
        if (!ARRAY_PUSH(l, v)) return err_oom(p->err);
    }
    return NARU_OK;
}

/* ---- attributes ---- */
static const char *const k_kinds[] = {"none",    "float",   "int",    "string", "tensor",  "block", "floats", "ints",
                                      "strings", "tensors", "blocks", "sparse", "sparses", "type",  "types"};

static naru_status parse_kind(parser *p, attr_kind *out) {
    const char *word;
    TRY(parse_name(p, &word));
    for (size_t i = 1; i < COUNT_OF(k_kinds); i++)
        if (strcmp(word, k_kinds[i]) == 0) return *out = (attr_kind)i, NARU_OK;
    return parse_fail(p, "an attribute's kind");
}

static size_t element_size(attr_kind k) {
    return k == ATTR_FLOATS    ? sizeof(float)
           : k == ATTR_INTS    ? sizeof(int64_t)
           : k == ATTR_STRINGS ? sizeof(bytes)
                               : sizeof(void *);
}

static naru_status new_block(parser *p, scope *s, block **out) {
    if (!(*out = graph_block_new(p->g, s->block))) return err_oom(p->err);
    return parse_block(p, *out, s);
}

static naru_status read_element(parser *p, scope *s, attr_kind k, void *at) {
    double d;
    switch (k) {
    case ATTR_FLOATS:
        TRY(parse_double(p, &d));
        *(float *)at = (float)d;
        return NARU_OK;
    case ATTR_INTS: return parse_int(p, at);
    case ATTR_STRINGS: return parse_string(p, at);
    case ATTR_GRAPHS: return new_block(p, s, at);
    default: return parse_tensor(p, at);
    }
}

static naru_status parse_list(parser *p, scope *s, attr *a) {
    size_t cap = 0, size = element_size(a->kind);
    char *data = NULL;
    TRY(parse_need(p, "["));
    while (!parse_take(p, "]")) {
        if (a->count) TRY(parse_need(p, ","));
        if (a->count == cap) {
            char *more = arena_alloc(p->g->arena, (cap ? 2 * cap : 4) * size);
            if (!more) return err_oom(p->err);
            if (cap) memcpy(more, data, cap * size);
            data = more, cap = cap ? 2 * cap : 4;
            a->ints = (const int64_t *)(void *)data;
        }
        memset(data + a->count * size, 0, size);
        naru_status st = read_element(p, s, a->kind, data + a->count * size);
        if (st == NARU_OK || (a->kind == ATTR_GRAPHS && a->blocks[a->count]))
            a->count++; /* half a block is freed as well */
        TRY(st);
    }
    a->ints = (const int64_t *)(void *)data;
    return NARU_OK;
}

static naru_status parse_content(parser *p, scope *s, attr *a) {
    double d;
    switch (a->kind) {
    case ATTR_FLOAT:
        TRY(parse_double(p, &d));
        a->f = (float)d;
        return NARU_OK;
    case ATTR_INT: return parse_int(p, &a->i);
    case ATTR_STRING: return parse_string(p, &a->s);
    case ATTR_TENSOR:
    case ATTR_SPARSE_TENSOR: return parse_tensor(p, &a->tensor);
    case ATTR_GRAPH: return new_block(p, s, &a->block);
    case ATTR_TYPE: {
        type *t = arena_calloc(p->g->arena, 1, sizeof *t);
        if (!t) return err_oom(p->err);
        a->type = t;
        return parse_type(p, t);
    }
    case ATTR_TYPES: return parse_fail(p, "another kind of attribute");
    default: return parse_list(p, s, a);
    }
}

static naru_status parse_attr(parser *p, scope *s, node *n) {
    attr a = {0};
    bool quoted = parse_is(p, "\"");
    TRY(parse_name(p, &a.name));
    char *colon = quoted ? NULL : strrchr((char *)(uintptr_t)a.name, ':'); /* "axis:int": ':' belongs to words */
    attr_kind kind = ATTR_NONE;
    if (colon && !parse_is(p, ":")) {
        for (size_t i = 1; i < COUNT_OF(k_kinds); i++)
            if (strcmp(colon + 1, k_kinds[i]) == 0) kind = (attr_kind)i;
        if (kind == ATTR_NONE) return parse_fail(p, "an attribute's kind");
        *colon = 0;
    } else {
        TRY(parse_need(p, ":"));
        TRY(parse_kind(p, &kind));
    }
    TRY(parse_need(p, "="));
    a.kind = kind;
    /* Added empty first, so that whatever was made is freed with the graph when reading fails. */
    attr empty = {.name = a.name};
    if (!node_add_attr(n, empty)) return err_oom(p->err);
    int at = n->nattrs - 1;
    naru_status st = parse_take(p, "@") ? parse_name(p, &a.ref_name) : parse_content(p, s, &a);
    bool owns = a.kind == ATTR_TENSOR || a.kind == ATTR_SPARSE_TENSOR ? a.tensor != NULL : true;
    if (owns && (st == NARU_OK || a.count || a.kind == ATTR_GRAPH)) n->attrs[at] = a;
    if (st != NARU_OK && a.kind == ATTR_GRAPH && !a.block) n->attrs[at].kind = ATTR_NONE;
    if (a.kind == ATTR_GRAPH && a.block && !a.ref_name) a.block->owner = n;
    for (size_t i = 0; a.kind == ATTR_GRAPHS && i < a.count; i++) a.blocks[i]->owner = n;
    return st;
}

/* ---- statements ---- */
static naru_status parse_operator(parser *p, const char **domain, const char **op, const char **overload) {
    bool quoted = parse_is(p, "\"");
    TRY(parse_name(p, op));
    *domain = *overload = "";
    char *sep =
        quoted ? NULL : strstr((char *)(uintptr_t)*op, "::"); /* a bare word takes "::" in; a quoted domain leaves it */
    if (sep && sep != *op) {
        *sep = 0;
        *domain = *op;
        *op = sep + 2;
    } else if (parse_take(p, "::")) {
        *domain = *op;
        TRY(parse_name(p, op));
    }
    if (strcmp(*domain, "ai.onnx") == 0) *domain = "";
    if (p->at < p->end && *p->at == '#') {
        p->at++;
        TRY(parse_name(p, overload));
    }
    return **op ? NARU_OK : parse_fail(p, "an operator");
}

static naru_status finish_node(parser *p, scope *s, const value_list *out, value_list *in) {
    const char *domain, *op, *overload;
    TRY(parse_operator(p, &domain, &op, &overload));
    TRY(parse_need(p, "("));
    TRY(read_values(p, s, false, ")", in));
    node *n = graph_node_new(p->g, s->block, NULL, op, domain, (int)in->count, (int)out->count, 0);
    if (!n) return err_oom(p->err);
    n->overload = overload;
    n->index = s->block->nnodes - 1;
    for (size_t i = 0; i < in->count; i++) n->in[i] = in->data[i];
    for (size_t i = 0; i < out->count; i++) {
        value *v = out->data[i];
        if (!v) continue;
        if (v->producer || v->is_input || v->is_initializer)
            return err_set(p->err, NARU_BAD_MODEL, "line %d: '%s' is defined twice", p->line, v->name);
        node_set_out(n, (int)i, v);
    }
    if (!parse_take(p, "{")) return NARU_OK;
    for (bool first = true; !parse_take(p, "}"); first = false) {
        if (!first) TRY(parse_need(p, ","));
        TRY(parse_attr(p, s, n));
    }
    return NARU_OK;
}

static naru_status parse_node(parser *p, scope *s) {
    value_list out = {0}, in = {0};
    naru_status st = read_values(p, s, true, "=", &out);
    if (st == NARU_OK) st = finish_node(p, s, &out, &in);
    ARRAY_FREE(&out);
    ARRAY_FREE(&in);
    return st;
}

static naru_status declared(parser *p, value *v) {
    if (!parse_take(p, ":")) return NARU_OK;
    v->has_declared = true;
    return parse_type(p, &v->declared);
}

static bool defined(const value *v) { return v->producer || v->is_input || v->is_initializer; }

static naru_status parse_input(parser *p, scope *s) {
    const char *name;
    value *v;
    TRY(parse_name(p, &name));
    TRY(own(p, s, name, &v));
    if (defined(v)) return err_set(p->err, NARU_BAD_MODEL, "line %d: '%s' is defined twice", p->line, name);
    v->block = s->block;
    if (!block_add_input(s->block, v)) return err_oom(p->err);
    return declared(p, v);
}

static naru_status parse_output(parser *p, scope *s) {
    value *v;
    TRY(read_value(p, s, false, &v));
    if (!v) return parse_fail(p, "a name");
    if (!block_add_output(s->block, v)) return err_oom(p->err);
    return declared(p, v);
}

static naru_status parse_const(parser *p, scope *s) {
    const char *name;
    value *v;
    TRY(parse_name(p, &name));
    TRY(own(p, s, name, &v));
    if (v->producer || v->is_initializer)
        return err_set(p->err, NARU_BAD_MODEL, "line %d: '%s' is defined twice", p->line, name);
    TRY(parse_need(p, "="));
    TRY(parse_tensor(p, &v->constant));
    v->block = s->block;
    return block_add_initializer(s->block, v) ? NARU_OK : err_oom(p->err);
}

/* The word, and then neither "=" nor ",": those would make it an output's name. */
static bool keyword(parser *p, const char *word) {
    parse_space(p);
    const char *start = p->at;
    int line = p->line;
    if (parse_take(p, word) && p->at < p->end && isspace((unsigned char)*p->at) && !parse_is(p, "=") &&
        !parse_is(p, ","))
        return true;
    p->at = start;
    p->line = line;
    return false;
}

static naru_status parse_statements(parser *p, scope *s) {
    TRY(parse_need(p, "{"));
    while (!parse_take(p, "}")) {
        if (p->at >= p->end) return parse_fail(p, "'}'");
        if (keyword(p, "input")) TRY(parse_input(p, s));
        else if (keyword(p, "const")) TRY(parse_const(p, s));
        else if (keyword(p, "output")) TRY(parse_output(p, s));
        else TRY(parse_node(p, s));
    }
    return NARU_OK;
}

static naru_status parse_block(parser *p, block *b, scope *parent) {
    scope s = {.parent = parent, .block = b};
    if (++p->depth > PARSE_DEPTH)
        return err_set(p->err, NARU_LIMIT, "line %d: blocks are nested deeper than %d", p->line, PARSE_DEPTH);
    naru_status st = parse_statements(p, &s);
    p->depth--;
    strmap_free(&s.names);
    return st;
}

/* ---- the file ---- */
static naru_status parse_opset(parser *p) {
    graph *g = p->g;
    bytes domain;
    int64_t version;
    TRY(parse_string(p, &domain));
    TRY(parse_int(p, &version));
    opset *more = arena_alloc(g->arena, ((size_t)g->nimports + 1) * sizeof *more);
    if (!more) return err_oom(p->err);
    if (g->nimports) memcpy(more, g->imports, (size_t)g->nimports * sizeof *more);
    more[g->nimports++] = (opset){domain.data, version};
    g->imports = more;
    return NARU_OK;
}

static naru_status parse_function(parser *p) {
    graph *g = p->g;
    function f = {.doc = NULL};
    TRY(parse_operator(p, &f.domain, &f.name, &f.overload));
    function *more = arena_alloc(g->arena, ((size_t)g->nfunctions + 1) * sizeof *more);
    if (!more || !(f.body = graph_block_new(g, NULL))) return err_oom(p->err);
    f.body->name = f.name;
    if (g->nfunctions) memcpy(more, g->functions, (size_t)g->nfunctions * sizeof *more);
    more[g->nfunctions++] = f; /* known to the graph before its body, for graph_free */
    g->functions = more;
    return parse_block(p, f.body, NULL);
}

static naru_status parse_graph(parser *p) {
    graph *g = p->g;
    bytes name;
    if (g->main) return parse_fail(p, "one graph");
    TRY(parse_string(p, &name));
    if (!(g->main = graph_block_new(g, NULL))) return err_oom(p->err);
    g->main->name = name.data;
    return parse_block(p, g->main, NULL);
}

static naru_status parse_file(parser *p) {
    for (parse_space(p); p->at < p->end; parse_space(p)) {
        if (keyword(p, "ir")) TRY(parse_int(p, &p->g->ir_version));
        else if (keyword(p, "opset")) TRY(parse_opset(p));
        else if (keyword(p, "lifted")) continue;
        else if (keyword(p, "graph")) TRY(parse_graph(p));
        else if (keyword(p, "function")) TRY(parse_function(p));
        else return parse_fail(p, "'ir', 'opset', 'graph' or 'function'");
    }
    return p->g->main ? NARU_OK : parse_fail(p, "'graph'");
}

naru_status graph_parse(const char *text, graph **out, naru_error *err) {
    naru_error local = NARU_ERROR_INIT;
    *out = NULL;
    parser p = {.at = text, .end = text + strlen(text), .line = 1, .g = graph_new(), .err = err ? err : &local};
    if (!p.g) return err_oom(err);
    naru_status st = parse_file(&p);
    if (st == NARU_OK) *out = p.g;
    else graph_free(p.g);
    return st;
}
