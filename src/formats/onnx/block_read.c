/* SPDX-License-Identifier: MIT
 *
 * GraphProto: 1 node, 2 name, 5 initializer, 10 doc_string, 11 input, 12 output, 13 value_info, 15 sparse_initializer,
 * 16 metadata_props. NodeProto: 1 input, 2 output, 3 name, 4 op_type, 5 attribute, 6 doc_string, 7 domain, 8 overload,
 * 9 metadata_props. ValueInfoProto: 1 name, 2 type, 3 doc_string, 4 metadata_props. A file lists nodes before inputs
 * and initializers, so a block is walked several times: inputs, initializers, nodes, outputs, value_info.
 */
#include "formats/onnx/reader.h"

value *onnx_scope_own(const onnx_scope *s, const char *name) { return strmap_get(&s->names, name); }

value *onnx_scope_declare(onnx_reader *r, onnx_scope *s, const char *name) {
    value *v = onnx_scope_own(s, name);
    if (v) return v;
    if (!(v = graph_value_new(r->g, NULL, name))) return NULL;
    struct strmap_entry *e = strmap_put(&s->names, v->name, NULL);
    if (!e) return NULL;
    e->ptr = v;
    return v;
}

/* A use: own names, then the parents'; unknown ones are declared here, undefined. */
static value *lookup(onnx_reader *r, onnx_scope *s, const char *name) {
    for (const onnx_scope *at = s; at; at = at->parent) {
        value *v = onnx_scope_own(at, name);
        if (v) return v;
    }
    return onnx_scope_declare(r, s, name);
}

int64_t onnx_count_fields(wire w, uint32_t number) {
    int64_t n = 0;
    for (wire_field f; wire_next(&w, &f, NULL) == NARU_OK && f.number;) n += f.number == number;
    return n;
}

void *onnx_list(onnx_reader *r, int64_t n) {
    int64_t cap = 1;
    while (cap < n) cap *= 2;
    return arena_calloc(r->src.arena, (size_t)cap, sizeof(void *));
}

naru_status onnx_read_meta(onnx_reader *r, wire w, uint32_t number, const char *const **out, naru_error *err) {
    int64_t n = onnx_count_fields(w, number), at = 0;
    if (!n) return NARU_OK;
    const char **list = arena_calloc(r->src.arena, 2 * (size_t)n + 1, sizeof *list);
    if (!list) return err_oom(err);
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) break;
        if (f.number != number) continue;
        TRY(onnx_read_pair(&r->src, &w, &f, &list[at], &list[at + 1], err));
        at += 2;
    }
    *out = list;
    return NARU_OK;
}

/* ---- value infos ---- */
static naru_status info_name(onnx_reader *r, wire w, const char **name, naru_error *err) {
    *name = "";
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == 1) TRY(onnx_text(&r->src, &w, &f, name, err));
    }
}

static naru_status info_field(onnx_reader *r, const wire *w, const wire_field *f, value *v, str *raw, naru_error *err) {
    wire in;
    switch (f->number) {
    case 1:
    case 4: return NARU_OK;
    case 2:
        TRY(wire_enter(w, f, &in, err));
        TRY(onnx_read_type(&r->src, r->g->syms, in, &v->declared, err));
        v->has_declared = v->declared.kind != TYPE_UNKNOWN;
        v->raw_type = (bytes){arena_strndup(r->src.arena, (const char *)f->data, f->len), f->len};
        return v->raw_type.data ? NARU_OK : err_oom(err);
    case 3: return onnx_text(&r->src, w, f, &v->doc, err);
    default: onnx_keep(raw, w, f); return NARU_OK;
    }
}

static naru_status read_info(onnx_reader *r, wire w, value *v, naru_error *err) {
    str raw = {0};
    naru_status st = onnx_read_meta(r, w, 4, &v->meta, err);
    for (wire_field f; st == NARU_OK;) {
        st = wire_next(&w, &f, err);
        if (st != NARU_OK || !f.number) break;
        st = info_field(r, &w, &f, v, &raw, err);
    }
    naru_status kept = onnx_kept(&r->src, &raw, &v->unknown, err);
    if (st == NARU_OK) st = kept;
    return st == NARU_OK ? st : err_context(err, st, "value '%s'", v->name);
}

naru_status onnx_read_infos(onnx_reader *r, wire w, uint32_t number, onnx_scope *s, naru_error *err) {
    block *b = s->block;
    if (!(b->infos = onnx_list(r, onnx_count_fields(w, number)))) return err_oom(err);
    for (wire_field f;;) {
        const char *name;
        wire in;
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number != number) continue;
        TRY(wire_enter(&w, &f, &in, err));
        TRY(info_name(r, in, &name, err));
        value *v = onnx_scope_own(s, name);
        if (!v || v->has_declared) v = graph_value_new(r->g, NULL, name); /* kept for writing only */
        if (!v) return err_oom(err);
        TRY(read_info(r, in, v, err));
        b->infos[b->ninfo++] = v;
    }
}

static naru_status read_port(onnx_reader *r, const wire *w, const wire_field *f, onnx_scope *s, bool input,
                             naru_error *err) {
    wire in;
    const char *name;
    TRY(wire_enter(w, f, &in, err));
    TRY(info_name(r, in, &name, err));
    value *v = input ? onnx_scope_declare(r, s, name) : lookup(r, s, name);
    if (!v) return err_oom(err);
    if (input) v->block = s->block;
    if (!(input ? block_add_input(s->block, v) : block_add_output(s->block, v))) return err_oom(err);
    return v->has_declared ? NARU_OK : read_info(r, in, v, err);
}

static naru_status read_ports(onnx_reader *r, wire w, uint32_t number, onnx_scope *s, naru_error *err) {
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == number) TRY(read_port(r, &w, &f, s, number == 11, err));
    }
}

/* ---- initializers ---- */
static void set_constant(value *v, naru_tensor *t) {
    v->constant = t;
    v->fact.constant = t;
    v->fact.type = (type){.kind = TYPE_TENSOR, .dtype = t->dtype, .has_rank = true, .rank = t->rank};
    for (int i = 0; i < t->rank; i++) v->fact.type.dims[i] = t->dims[i];
}

static naru_status read_initializer(onnx_reader *r, const wire *w, const wire_field *f, onnx_scope *s,
                                    naru_error *err) {
    wire in;
    onnx_tensor t;
    bool sparse = f->number == 15;
    TRY(wire_enter(w, f, &in, err));
    TRY(sparse ? onnx_read_sparse(&r->src, in, &t, err) : onnx_read_tensor(&r->src, in, &t, err));
    value *v = onnx_scope_declare(r, s, t.name);
    if (!v) {
        tensor_unref(t.tensor);
        return err_oom(err);
    }
    s->block->initializers[s->block->ninit++] = v;
    if (v->is_initializer) { /* twice: listed twice, which the verifier reports */
        tensor_unref(t.tensor);
        return NARU_OK;
    }
    v->block = s->block;
    v->is_initializer = true;
    v->sparse_initializer = sparse;
    v->tensor_extra = t.extra;
    set_constant(v, t.tensor);
    if (v->is_input) v->fact = (fact){0}; /* a default, not a constant */
    return NARU_OK;
}

static naru_status read_initializers(onnx_reader *r, wire w, onnx_scope *s, naru_error *err) {
    s->block->initializers = onnx_list(r, onnx_count_fields(w, 5) + onnx_count_fields(w, 15));
    if (!s->block->initializers) return err_oom(err);
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == 5 || f.number == 15) TRY(read_initializer(r, &w, &f, s, err));
    }
}

/* ---- nodes ---- */
typedef struct node_head {
    const char *op_type, *domain, *overload, *name, *doc;
    int nin, nout, nattrs;
    bytes unknown;
} node_head;

static naru_status head_field(onnx_reader *r, const wire *w, const wire_field *f, node_head *h, str *raw,
                              naru_error *err) {
    switch (f->number) {
    case 1: h->nin++; return wire_want(w, f, WIRE_BYTES, err);
    case 2: h->nout++; return wire_want(w, f, WIRE_BYTES, err);
    case 3: return onnx_text(&r->src, w, f, &h->name, err);
    case 4: return onnx_text(&r->src, w, f, &h->op_type, err);
    case 5: h->nattrs++; return wire_want(w, f, WIRE_BYTES, err);
    case 6: return onnx_text(&r->src, w, f, &h->doc, err);
    case 7: return onnx_text(&r->src, w, f, &h->domain, err);
    case 8: return onnx_text(&r->src, w, f, &h->overload, err);
    case 9: return NARU_OK;
    default: onnx_keep(raw, w, f); return NARU_OK;
    }
}

static naru_status read_head(onnx_reader *r, wire w, node_head *h, naru_error *err) {
    *h = (node_head){.op_type = "", .domain = "", .overload = "", .name = ""};
    str raw = {0};
    naru_status st = NARU_OK;
    for (wire_field f; st == NARU_OK;) {
        st = wire_next(&w, &f, err);
        if (st != NARU_OK || !f.number) break;
        st = head_field(r, &w, &f, h, &raw, err);
    }
    naru_status kept = onnx_kept(&r->src, &raw, &h->unknown, err);
    if (!strcmp(h->domain, "ai.onnx")) h->domain = "";
    return st != NARU_OK ? st : kept;
}

/* The first definition of a name stays the producer; a second only lists the value. */
static naru_status define(onnx_reader *r, onnx_scope *s, node *n, int i, const char *name, naru_error *err) {
    value *v = onnx_scope_declare(r, s, name);
    if (!v) return err_oom(err);
    if (v->block) n->out[i] = v;
    else node_set_out(n, i, v);
    return NARU_OK;
}

static naru_status fill_node(onnx_reader *r, wire w, onnx_scope *s, node *n, naru_error *err) {
    int in = 0, attrs = 0;
    for (wire_field f;;) {
        const char *name;
        wire inner;
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == 1) {
            TRY(onnx_text(&r->src, &w, &f, &name, err));
            if (*name && !(n->in[in] = lookup(r, s, name))) return err_oom(err);
            in++;
        } else if (f.number == 5) {
            TRY(wire_enter(&w, &f, &inner, err));
            TRY(onnx_read_attr(r, inner, n, s, &n->attrs[attrs++], err));
        }
    }
}

/* After inputs and bodies: what a node defines is not visible inside it. */
static naru_status define_outputs(onnx_reader *r, wire w, onnx_scope *s, node *n, naru_error *err) {
    int out = 0;
    for (wire_field f;;) {
        const char *name;
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number != 2) continue;
        TRY(onnx_text(&r->src, &w, &f, &name, err));
        if (*name) TRY(define(r, s, n, out, name, err));
        out++;
    }
}

static naru_status read_node(onnx_reader *r, wire w, onnx_scope *s, int index, naru_error *err) {
    node_head h;
    TRY(read_head(r, w, &h, err));
    node *n = graph_node_new(r->g, s->block, NULL, h.op_type, h.domain, h.nin, h.nout, h.nattrs);
    if (!n) return err_oom(err);
    n->name = h.name;
    n->overload = h.overload;
    n->doc = h.doc;
    n->unknown = h.unknown;
    n->index = index;
    naru_status st = onnx_read_meta(r, w, 9, &n->meta, err);
    if (st == NARU_OK) st = fill_node(r, w, s, n, err);
    if (st == NARU_OK) st = define_outputs(r, w, s, n, err);
    char where[300];
    return st == NARU_OK ? st : err_context(err, st, "%s", node_describe(n, where, sizeof where));
}

naru_status onnx_read_nodes(onnx_reader *r, wire w, uint32_t number, onnx_scope *s, naru_error *err) {
    int index = 0;
    for (wire_field f;;) {
        wire in;
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number != number) continue;
        TRY(wire_enter(&w, &f, &in, err));
        TRY(read_node(r, in, s, index++, err));
    }
}

/* ---- blocks ---- */
static naru_status block_field(onnx_reader *r, const wire *w, const wire_field *f, block *b, str *raw,
                               naru_error *err) {
    switch (f->number) {
    case 1:
    case 5:
    case 11:
    case 12:
    case 13:
    case 15:
    case 16: return wire_want(w, f, WIRE_BYTES, err);
    case 2: return onnx_text(&r->src, w, f, &b->name, err);
    case 10: return onnx_text(&r->src, w, f, &b->doc, err);
    default: onnx_keep(raw, w, f); return NARU_OK;
    }
}

static naru_status read_fields(onnx_reader *r, wire w, block *b, naru_error *err) {
    str raw = {0};
    naru_status st = NARU_OK;
    for (wire_field f; st == NARU_OK;) {
        st = wire_next(&w, &f, err);
        if (st != NARU_OK || !f.number) break;
        st = block_field(r, &w, &f, b, &raw, err);
    }
    naru_status kept = onnx_kept(&r->src, &raw, &b->unknown, err);
    return st != NARU_OK ? st : kept;
}

static naru_status read_parts(onnx_reader *r, wire w, onnx_scope *s, naru_error *err) {
    TRY(read_fields(r, w, s->block, err));
    TRY(onnx_read_meta(r, w, 16, &s->block->meta, err));
    TRY(read_ports(r, w, 11, s, err));
    TRY(read_initializers(r, w, s, err));
    TRY(onnx_read_nodes(r, w, 1, s, err));
    TRY(read_ports(r, w, 12, s, err));
    return onnx_read_infos(r, w, 13, s, err);
}

naru_status onnx_read_block(onnx_reader *r, wire w, block *b, const onnx_scope *parent, naru_error *err) {
    if (r->depth >= ONNX_BLOCK_DEPTH)
        return err_set(err, NARU_LIMIT, "graphs are nested more than %d deep", ONNX_BLOCK_DEPTH);
    onnx_scope s = {.parent = parent, .block = b};
    r->depth++;
    naru_status st = read_parts(r, w, &s, err);
    r->depth--;
    strmap_free(&s.names);
    return st;
}
