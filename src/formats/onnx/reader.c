/* SPDX-License-Identifier: MIT
 *
 * ModelProto: 1 ir_version, 2 producer_name, 3 producer_version, 4 domain, 5 model_version, 6 doc_string, 7 graph,
 * 8 opset_import, 14 metadata_props, 25 functions; the rest (training_info, configuration, what is to come) is kept
 * raw. FunctionProto: 1 name, 4 input, 5 output, 6 attribute, 7 node, 8 doc_string, 9 opset_import, 10 domain, 11
 * attribute_proto, 12 value_info, 13 overload, 14 metadata_props.
 */
#include "formats/onnx/reader.h"

static naru_status read_import(onnx_reader *r, const wire *w, const wire_field *f, opset *out, naru_error *err) {
    wire in;
    *out = (opset){.domain = ""};
    TRY(wire_enter(w, f, &in, err));
    for (wire_field g;;) {
        TRY(wire_next(&in, &g, err));
        if (!g.number) break;
        if (g.number == 1) TRY(onnx_text(&r->src, &in, &g, &out->domain, err));
        if (g.number == 2) {
            TRY(wire_want(&in, &g, WIRE_VARINT, err));
            out->version = (int64_t)g.v;
        }
    }
    if (!strcmp(out->domain, "ai.onnx")) out->domain = "";
    return NARU_OK;
}

static naru_status read_imports(onnx_reader *r, wire w, uint32_t number, opset **out, int *count, naru_error *err) {
    int64_t n = onnx_count_fields(w, number);
    opset *list = arena_calloc(r->src.arena, (size_t)n + 1, sizeof *list);
    if (!list) return err_oom(err);
    *out = list;
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number != number) continue;
        TRY(read_import(r, &w, &f, &list[*count], err));
        ++*count;
    }
}

/* ---- functions ---- */
static naru_status function_field(onnx_reader *r, const wire *w, const wire_field *f, function *fn, str *raw,
                                  naru_error *err) {
    switch (f->number) {
    case 1: return onnx_text(&r->src, w, f, &fn->name, err);
    case 8: return onnx_text(&r->src, w, f, &fn->doc, err);
    case 10: return onnx_text(&r->src, w, f, &fn->domain, err);
    case 13: return onnx_text(&r->src, w, f, &fn->overload, err);
    case 4:
    case 5:
    case 6:
    case 7:
    case 9:
    case 11:
    case 12:
    case 14: return wire_want(w, f, WIRE_BYTES, err);
    default: onnx_keep(raw, w, f); return NARU_OK;
    }
}

static naru_status function_fields(onnx_reader *r, wire w, function *fn, naru_error *err) {
    str raw = {0};
    naru_status st = NARU_OK;
    for (wire_field f; st == NARU_OK;) {
        st = wire_next(&w, &f, err);
        if (st != NARU_OK || !f.number) break;
        st = function_field(r, &w, &f, fn, &raw, err);
    }
    naru_status kept = onnx_kept(&r->src, &raw, &fn->unknown, err);
    return st != NARU_OK ? st : kept;
}

static naru_status function_port(onnx_reader *r, const wire *w, const wire_field *f, onnx_scope *s, naru_error *err) {
    const char *name;
    TRY(onnx_text(&r->src, w, f, &name, err));
    value *v = onnx_scope_declare(r, s, name);
    if (!v) return err_oom(err);
    if (f->number == 4) v->block = s->block;
    return (f->number == 4 ? block_add_input(s->block, v) : block_add_output(s->block, v)) ? NARU_OK : err_oom(err);
}

static naru_status function_ports(onnx_reader *r, wire w, uint32_t number, onnx_scope *s, naru_error *err) {
    for (wire_field f;;) {
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == number) TRY(function_port(r, &w, &f, s, err));
    }
}

static naru_status function_attrs(onnx_reader *r, wire w, function *fn, naru_error *err) {
    int64_t names = onnx_count_fields(w, 6), defaults = onnx_count_fields(w, 11);
    fn->attrs = arena_calloc(r->src.arena, (size_t)names + 1, sizeof *fn->attrs);
    fn->defaults = arena_calloc(r->src.arena, (size_t)defaults + 1, sizeof *fn->defaults);
    if (!fn->attrs || !fn->defaults) return err_oom(err);
    for (wire_field f;;) {
        wire in;
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number == 6) TRY(onnx_text(&r->src, &w, &f, &fn->attrs[fn->nattrs++], err));
        if (f.number != 11) continue;
        TRY(wire_enter(&w, &f, &in, err));
        TRY(onnx_read_attr(r, in, NULL, NULL, &fn->defaults[fn->ndefaults++], err));
    }
}

static naru_status function_body(onnx_reader *r, wire w, function *fn, onnx_scope *s, naru_error *err) {
    TRY(function_ports(r, w, 4, s, err));
    TRY(onnx_read_nodes(r, w, 7, s, err));
    TRY(function_ports(r, w, 5, s, err));
    return onnx_read_infos(r, w, 12, s, err);
}

static naru_status read_function(onnx_reader *r, wire w, function *fn, naru_error *err) {
    TRY(function_fields(r, w, fn, err));
    if (!strcmp(fn->domain, "ai.onnx")) fn->domain = "";
    TRY(onnx_read_meta(r, w, 14, &fn->meta, err));
    TRY(read_imports(r, w, 9, &fn->imports, &fn->nimports, err));
    TRY(function_attrs(r, w, fn, err));
    if (!(fn->body = graph_block_new(r->g, NULL))) return err_oom(err);
    fn->body->name = fn->name;
    onnx_scope s = {.block = fn->body};
    naru_status st = function_body(r, w, fn, &s, err);
    strmap_free(&s.names);
    return st;
}

static naru_status read_functions(onnx_reader *r, wire w, naru_error *err) {
    int64_t n = onnx_count_fields(w, 25);
    if (!n) return NARU_OK;
    if (!(r->g->functions = arena_calloc(r->src.arena, (size_t)n, sizeof *r->g->functions))) return err_oom(err);
    for (wire_field f;;) {
        wire in;
        TRY(wire_next(&w, &f, err));
        if (!f.number) return NARU_OK;
        if (f.number != 25) continue;
        TRY(wire_enter(&w, &f, &in, err));
        function *fn = &r->g->functions[r->g->nfunctions++];
        *fn = (function){.name = "", .domain = "", .overload = ""};
        naru_status st = read_function(r, in, fn, err);
        if (st != NARU_OK) return err_context(err, st, "function '%s'", fn->name);
    }
}

/* ---- model ---- */
static naru_status model_field(onnx_reader *r, const wire *w, const wire_field *f, wire *body, str *raw,
                               naru_error *err) {
    graph *g = r->g;
    switch (f->number) {
    case 1: g->ir_version = (int64_t)f->v; return wire_want(w, f, WIRE_VARINT, err);
    case 2: return onnx_text(&r->src, w, f, &g->producer_name, err);
    case 3: return onnx_text(&r->src, w, f, &g->producer_version, err);
    case 4: return onnx_text(&r->src, w, f, &g->domain, err);
    case 5: g->model_version = (int64_t)f->v; return wire_want(w, f, WIRE_VARINT, err);
    case 6: return onnx_text(&r->src, w, f, &g->doc, err);
    case 7:
        if (body->base) return err_set(err, NARU_BAD_FILE, "not an ONNX model: two graphs");
        return wire_enter(w, f, body, err);
    case 8:
    case 14:
    case 25: return wire_want(w, f, WIRE_BYTES, err);
    default: onnx_keep(raw, w, f); return NARU_OK;
    }
}

static naru_status model_fields(onnx_reader *r, wire w, wire *body, naru_error *err) {
    str raw = {0};
    naru_status st = NARU_OK;
    for (wire_field f; st == NARU_OK;) {
        st = wire_next(&w, &f, err);
        if (st != NARU_OK || !f.number) break;
        st = model_field(r, &w, &f, body, &raw, err);
    }
    naru_status kept = onnx_kept(&r->src, &raw, &r->g->unknown, err);
    return st != NARU_OK ? st : kept;
}

static naru_status check_head(const graph *g, const wire *body, naru_error *err) {
    if (!body->base || !g->ir_version)
        return err_set(err, NARU_BAD_FILE, "not an ONNX model: it has no %s", body->base ? "IR version" : "graph");
    if (g->ir_version < ONNX_IR_MIN || g->ir_version > ONNX_IR_MAX)
        return err_set(err, NARU_UNSUPPORTED, "IR version %lld, Naru reads %d to %d", (long long)g->ir_version,
                       ONNX_IR_MIN, ONNX_IR_MAX);
    return NARU_OK;
}

static naru_status read_model(onnx_reader *r, wire w, naru_error *err) {
    wire body = {0};
    naru_status st = model_fields(r, w, &body, err);
    if (st != NARU_OK)
        return body.base || st != NARU_BAD_FILE ? st : err_context(err, st, "not an ONNX model, or damaged");
    TRY(check_head(r->g, &body, err));
    TRY(onnx_read_meta(r, w, 14, &r->g->meta, err));
    TRY(read_imports(r, w, 8, &r->g->imports, &r->g->nimports, err));
    if (!(r->g->main = graph_block_new(r->g, NULL))) return err_oom(err);
    TRY(onnx_read_block(r, body, r->g->main, NULL, err));
    return read_functions(r, w, err);
}

/* Takes the source's storage along; the graph keeps what it needs of it. */
static naru_status load(onnx_reader *r, const void *data, size_t size, graph **out, naru_error *err) {
    const uint8_t *p = data;
    naru_status st = read_model(r, (wire){p, p, p + size}, err);
    onnx_source_close(&r->src);
    if (st == NARU_OK) *out = r->g;
    else graph_free(r->g);
    return st;
}

naru_status onnx_load_memory(const void *data, size_t size, graph **out, naru_error *err) {
    graph *g = graph_new();
    if (!g) return err_oom(err);
    onnx_reader r = {.src = {.arena = g->arena}, .g = g};
    return load(&r, data, size, out, err);
}

static naru_status load_map(file_map *m, const char *path, bool map, graph **out, naru_error *err) {
    graph *g = graph_new();
    storage *whole = g ? onnx_map_storage(file_map_ref(m)) : NULL;
    if (!whole || !(g->path = arena_strdup(g->arena, path))) {
        storage_unref(whole);
        if (g) g->path = "";
        graph_free(g);
        return err_oom(err);
    }
    g->file = file_map_ref(m);
    onnx_reader r = {.src = {.arena = g->arena, .whole = whole, .path = path, .map = map}, .g = g};
    return load(&r, m->data, m->size, out, err);
}

naru_status onnx_load(const char *path, bool map, graph **out, naru_error *err) {
    file_map *m;
    TRY(file_map_open(path, map, &m, err));
    naru_status st = load_map(m, path, map, out, err);
    file_map_unref(m);
    return st == NARU_OK ? st : err_context(err, st, "%s", path);
}
