/* SPDX-License-Identifier: MIT
 *
 * AttributeProto: 1 name, 2 f, 3 i, 4 s, 5 t, 6 g, 7 floats, 8 ints, 9 strings, 10 tensors, 11 graphs, 13 doc_string,
 * 14 tp, 15 type_protos, 20 type, 21 ref_attr_name, 22 sparse_tensor, 23 sparse_tensors. `type` decides which field
 * counts; old files leave it out, then the populated field does.
 */
#include "formats/onnx/reader.h"

static attr_kind kind_of_field(uint32_t number) {
    switch (number) {
    case 2: return ATTR_FLOAT;
    case 3: return ATTR_INT;
    case 4: return ATTR_STRING;
    case 5: return ATTR_TENSOR;
    case 6: return ATTR_GRAPH;
    case 7: return ATTR_FLOATS;
    case 8: return ATTR_INTS;
    case 9: return ATTR_STRINGS;
    case 10: return ATTR_TENSORS;
    case 11: return ATTR_GRAPHS;
    case 14: return ATTR_TYPE;
    case 15: return ATTR_TYPES;
    case 22: return ATTR_SPARSE_TENSOR;
    case 23: return ATTR_SPARSE_TENSORS;
    default: return ATTR_NONE;
    }
}

static int number_type(attr_kind k) { return k == ATTR_FLOATS ? WIRE_FIXED32 : WIRE_VARINT; }

typedef struct scan {
    attr_kind declared, seen;
    int64_t count[15]; /* entries by kind */
    const char *doc;
} scan_t;

static naru_status scan_field(onnx_reader *r, const wire *w, const wire_field *f, attr *out, scan_t *s, str *raw,
                              naru_error *err) {
    attr_kind k = kind_of_field(f->number);
    switch (f->number) {
    case 1: return onnx_text(&r->src, w, f, &out->name, err);
    case 13: return onnx_text(&r->src, w, f, &out->doc, err);
    case 20:
        s->declared = f->v <= ATTR_TYPES ? (attr_kind)f->v : ATTR_NONE;
        if (f->v > ATTR_TYPES)
            return err_set(err, NARU_BAD_MODEL, "attribute type %llu is unknown", (unsigned long long)f->v);
        return wire_want(w, f, WIRE_VARINT, err);
    case 21:
        TRY(onnx_text(&r->src, w, f, &out->ref_name, err));
        if (!*out->ref_name) out->ref_name = NULL;
        return NARU_OK;
    }
    if (k == ATTR_NONE) {
        onnx_keep(raw, w, f);
        return NARU_OK;
    }
    s->seen = k;
    int64_t n = 1;
    if (k == ATTR_FLOATS || k == ATTR_INTS) TRY(wire_count(w, f, number_type(k), &n, err));
    else TRY(wire_want(w, f, k == ATTR_FLOAT ? WIRE_FIXED32 : k == ATTR_INT ? WIRE_VARINT : WIRE_BYTES, err));
    s->count[k] += n;
    return NARU_OK;
}

static naru_status scan_attr(onnx_reader *r, wire w, attr *out, scan_t *s, naru_error *err) {
    str raw = {0};
    naru_status st = NARU_OK;
    for (wire_field f; st == NARU_OK;) {
        st = wire_next(&w, &f, err);
        if (st != NARU_OK || !f.number) break;
        st = scan_field(r, &w, &f, out, s, &raw, err);
    }
    naru_status kept = onnx_kept(&r->src, &raw, &out->unknown, err);
    return st != NARU_OK ? st : kept;
}

static float float_of(uint64_t v) {
    uint32_t u = (uint32_t)v;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static naru_status read_bytes(onnx_reader *r, const wire_field *f, bytes *out, naru_error *err) {
    out->data = arena_strndup(r->src.arena, (const char *)f->data, f->len);
    out->len = f->len;
    return out->data ? NARU_OK : err_oom(err);
}

static naru_status read_block(onnx_reader *r, wire in, node *n, const onnx_scope *s, block **out, naru_error *err) {
    if (!n) return err_set(err, NARU_UNSUPPORTED, "a graph as a function attribute's default");
    block *b = graph_block_new(r->g, n->block);
    if (!b) return err_oom(err);
    b->owner = n;
    *out = b; /* before it is filled: graph_free must find its tensors when reading fails */
    return onnx_read_block(r, in, b, s, err);
}

static naru_status read_tensor(onnx_reader *r, wire in, bool sparse, naru_tensor **out, bytes *extra, naru_error *err) {
    onnx_tensor t;
    TRY(sparse ? onnx_read_sparse(&r->src, in, &t, err) : onnx_read_tensor(&r->src, in, &t, err));
    *out = t.tensor;
    if (!extra) return NARU_OK;
    str raw = {0}; /* an attribute's tensor keeps its name too */
    if (*t.name) wire_put_text(&raw, 8, t.name);
    str_add_n(&raw, t.extra.data, t.extra.len);
    return onnx_kept(&r->src, &raw, extra, err);
}

/* Message-valued entries, one each. `at`: index for the plural kinds. */
static naru_status read_message(onnx_reader *r, const wire *w, const wire_field *f, node *n, const onnx_scope *s,
                                attr *out, size_t at, naru_error *err) {
    wire in;
    TRY(wire_enter(w, f, &in, err));
    switch (out->kind) {
    case ATTR_TENSOR: return read_tensor(r, in, false, &out->tensor, &out->tensor_extra, err);
    case ATTR_SPARSE_TENSOR: return read_tensor(r, in, true, &out->tensor, &out->tensor_extra, err);
    case ATTR_TENSORS: return read_tensor(r, in, false, &out->tensors[at], NULL, err);
    case ATTR_SPARSE_TENSORS: return read_tensor(r, in, true, &out->tensors[at], NULL, err);
    case ATTR_GRAPH: return read_block(r, in, n, s, &out->block, err);
    case ATTR_GRAPHS: return read_block(r, in, n, s, &out->blocks[at], err);
    case ATTR_TYPE: return onnx_read_type(&r->src, r->g->syms, in, (type *)out->type, err);
    default: return onnx_read_type(&r->src, r->g->syms, in, (type *)&out->types[at], err);
    }
}

static naru_status fill_field(onnx_reader *r, const wire *w, const wire_field *f, node *n, const onnx_scope *s,
                              attr *out, size_t *at, naru_error *err) {
    uint64_t v;
    switch (out->kind) {
    case ATTR_FLOAT: out->f = float_of(f->v); return NARU_OK;
    case ATTR_INT: out->i = (int64_t)f->v; return NARU_OK;
    case ATTR_STRING: return read_bytes(r, f, &out->s, err);
    case ATTR_STRINGS: return read_bytes(r, f, (bytes *)&out->strings[(*at)++], err);
    case ATTR_FLOATS:
        for (const uint8_t *p = wire_first(f); wire_entry(f, WIRE_FIXED32, &p, &v);)
            ((float *)out->floats)[(*at)++] = float_of(v);
        return NARU_OK;
    case ATTR_INTS:
        for (const uint8_t *p = wire_first(f); wire_entry(f, WIRE_VARINT, &p, &v);)
            ((int64_t *)out->ints)[(*at)++] = (int64_t)v;
        return NARU_OK;
    default: return read_message(r, w, f, n, s, out, (*at)++, err);
    }
}

static size_t entry_size(attr_kind k) {
    switch (k) {
    case ATTR_FLOATS: return sizeof(float);
    case ATTR_INTS: return sizeof(int64_t);
    case ATTR_STRINGS: return sizeof(bytes);
    case ATTR_TENSORS:
    case ATTR_SPARSE_TENSORS:
    case ATTR_GRAPHS: return sizeof(void *);
    case ATTR_TYPE:
    case ATTR_TYPES: return sizeof(type);
    default: return 0;
    }
}

/* Zeroed room for the payload; kind is set only now, so that a half-read graph can be freed. */
static naru_status prepare(onnx_reader *r, attr_kind kind, int64_t count, attr *out, naru_error *err) {
    bool plural = kind >= ATTR_FLOATS && kind != ATTR_SPARSE_TENSOR && kind != ATTR_TYPE;
    if (out->ref_name) count = 0; /* the caller's attribute takes its place */
    if (!plural && !out->ref_name && count != 1 && !(count == 0 && kind <= ATTR_STRING))
        return err_set(err, NARU_BAD_MODEL,
                       count ? "given more than once" : "its type is declared, its value is missing");
    if (!plural && kind == ATTR_STRING) out->s = (bytes){"", 0};
    if (entry_size(kind) && count > 0) {
        void *p = arena_calloc(r->src.arena, (size_t)count, entry_size(kind));
        if (!p) return err_oom(err);
        out->floats = p; /* all pointers of the union share this place */
    }
    out->count = plural ? (size_t)count : 0;
    out->kind = kind;
    return NARU_OK;
}

static naru_status read_attr(onnx_reader *r, wire w, node *n, const onnx_scope *s, attr *out, naru_error *err) {
    scan_t scan = {0};
    TRY(scan_attr(r, w, out, &scan, err));
    attr_kind kind = scan.declared ? scan.declared : scan.seen;
    if (kind == ATTR_NONE && !out->ref_name) return err_set(err, NARU_BAD_MODEL, "has no type and no value");
    TRY(prepare(r, kind, scan.count[kind], out, err));
    if (out->ref_name) return NARU_OK;
    size_t at = 0;
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (kind_of_field(f.number) == kind && kind != ATTR_NONE) TRY(fill_field(r, &w, &f, n, s, out, &at, err));
    }
}

naru_status onnx_read_attr(onnx_reader *r, wire w, node *n, const onnx_scope *s, attr *out, naru_error *err) {
    *out = (attr){.name = ""};
    naru_status st = read_attr(r, w, n, s, out, err);
    return st == NARU_OK ? st : err_context(err, st, "attribute '%s'", out->name);
}
