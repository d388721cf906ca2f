/* SPDX-License-Identifier: MIT
 *
 * Graphs out as ModelProto, the mirror of reader.c, block_read.c and attr_read.c (field numbers there). What the reader
 * kept raw goes out as it came in; weights are written as raw_data, or beside the model when asked for. Everything
 * passes through memory once: a message's length stands before it.
 */
#include "formats/onnx/writer.h"

typedef struct writer {
    const graph *g;
    onnx_external *external; /* NULL: inline */
} writer;

static void put_block(str *s, const writer *w, const block *b);

static void put_meta(str *s, uint32_t number, const char *const *meta) {
    for (; meta && *meta; meta += 2) {
        str pair = {0};
        wire_put_text(&pair, 1, meta[0]);
        wire_put_text(&pair, 2, meta[1]);
        wire_put_message(s, number, &pair);
    }
}

static void put_imports(str *s, uint32_t number, const opset *imports, int count) {
    for (int i = 0; i < count; i++) {
        str in = {0};
        wire_put_text(&in, 1, imports[i].domain);
        wire_put_int(&in, 2, imports[i].version);
        wire_put_message(s, number, &in);
    }
}

/* ---- values ---- */
static void put_info(str *s, const writer *w, uint32_t number, const value *v) {
    str info = {0}, text = {0};
    wire_put_text(&info, 1, v->name);
    if (v->has_declared || v->raw_type.data) { /* an empty type is kept too */
        if (v->raw_type.data) onnx_put_raw(&text, v->raw_type);
        else onnx_put_type(&text, w->g->syms, &v->declared);
        wire_put_message(&info, 2, &text);
    }
    wire_put_text_opt(&info, 3, v->doc);
    put_meta(&info, 4, v->meta);
    onnx_put_raw(&info, v->unknown);
    wire_put_message(s, number, &info);
}

static void put_initializer(str *s, const writer *w, const value *v) {
    str t = {0};
    if (v->sparse_initializer) {
        onnx_put_sparse(&t, v->constant, v->name);
        wire_put_message(s, 15, &t);
        return;
    }
    onnx_put_tensor(&t, v->constant, v->name, w->external);
    onnx_put_raw(&t, v->tensor_extra);
    wire_put_message(s, 5, &t);
}

/* ---- attributes ---- */
static void put_tensor_field(str *s, uint32_t number, const naru_tensor *t, bytes extra) {
    str in = {0};
    onnx_put_tensor(&in, t, "", NULL);
    onnx_put_raw(&in, extra);
    wire_put_message(s, number, &in);
}

static void put_sparse_field(str *s, uint32_t number, const naru_tensor *t) {
    str in = {0};
    onnx_put_sparse(&in, t, "");
    wire_put_message(s, number, &in);
}

static void put_type_field(str *s, const writer *w, uint32_t number, const type *t) {
    str in = {0};
    onnx_put_type(&in, w->g->syms, t);
    wire_put_message(s, number, &in);
}

static void put_block_field(str *s, const writer *w, uint32_t number, const block *b) {
    str in = {0};
    put_block(&in, w, b);
    wire_put_message(s, number, &in);
}

static void put_payload(str *s, const writer *w, const attr *a) {
    switch (a->kind) {
    case ATTR_NONE: return;
    case ATTR_FLOAT: wire_put_float(s, 2, a->f); return;
    case ATTR_INT: wire_put_int(s, 3, a->i); return;
    case ATTR_STRING: wire_put_bytes(s, 4, a->s.data, a->s.len); return;
    case ATTR_TENSOR: put_tensor_field(s, 5, a->tensor, a->tensor_extra); return;
    case ATTR_SPARSE_TENSOR: put_sparse_field(s, 22, a->tensor); return;
    case ATTR_GRAPH: put_block_field(s, w, 6, a->block); return;
    case ATTR_TYPE: put_type_field(s, w, 14, a->type); return;
    default: break;
    }
    for (size_t i = 0; i < a->count; i++) {
        switch (a->kind) {
        case ATTR_FLOATS: wire_put_float(s, 7, a->floats[i]); break;
        case ATTR_INTS: wire_put_int(s, 8, a->ints[i]); break;
        case ATTR_STRINGS: wire_put_bytes(s, 9, a->strings[i].data, a->strings[i].len); break;
        case ATTR_TENSORS: put_tensor_field(s, 10, a->tensors[i], (bytes){"", 0}); break;
        case ATTR_SPARSE_TENSORS: put_sparse_field(s, 23, a->tensors[i]); break;
        case ATTR_GRAPHS: put_block_field(s, w, 11, a->blocks[i]); break;
        default: put_type_field(s, w, 15, &a->types[i]); break;
        }
    }
}

static void put_attr(str *s, const writer *w, uint32_t number, const attr *a) {
    str in = {0};
    wire_put_text(&in, 1, a->name);
    if (a->ref_name) wire_put_text(&in, 21, a->ref_name);
    else put_payload(&in, w, a);
    wire_put_text_opt(&in, 13, a->doc);
    wire_put_int(&in, 20, a->kind);
    onnx_put_raw(&in, a->unknown);
    wire_put_message(s, number, &in);
}

/* ---- nodes and blocks ---- */
static void put_node(str *s, const writer *w, uint32_t number, const node *n) {
    str in = {0};
    for (int i = 0; i < n->nin; i++) wire_put_text(&in, 1, n->in[i] ? n->in[i]->name : "");
    for (int i = 0; i < n->nout; i++) wire_put_text(&in, 2, n->out[i] ? n->out[i]->name : "");
    wire_put_text_opt(&in, 3, n->name);
    wire_put_text(&in, 4, n->op_type);
    for (int i = 0; i < n->nattrs; i++)
        if (n->attrs[i].kind != ATTR_NONE || n->attrs[i].ref_name) put_attr(&in, w, 5, &n->attrs[i]);
    wire_put_text_opt(&in, 6, n->doc);
    wire_put_text_opt(&in, 7, n->domain);
    wire_put_text_opt(&in, 8, n->overload);
    put_meta(&in, 9, n->meta);
    onnx_put_raw(&in, n->unknown);
    wire_put_message(s, number, &in);
}

static void put_block(str *s, const writer *w, const block *b) {
    for (const node *n = b->first; n; n = n->next) put_node(s, w, 1, n);
    wire_put_text_opt(s, 2, b->name);
    for (int i = 0; i < b->ninit; i++) put_initializer(s, w, b->initializers[i]);
    wire_put_text_opt(s, 10, b->doc);
    for (int i = 0; i < b->nin; i++) put_info(s, w, 11, b->in[i]);
    for (int i = 0; i < b->nout; i++) put_info(s, w, 12, b->out[i]);
    for (int i = 0; i < b->ninfo; i++) put_info(s, w, 13, b->infos[i]);
    put_meta(s, 16, b->meta);
    onnx_put_raw(s, b->unknown);
}

static void put_function(str *s, const writer *w, const function *f) {
    str in = {0};
    wire_put_text(&in, 1, f->name);
    for (int i = 0; i < f->body->nin; i++) wire_put_text(&in, 4, f->body->in[i]->name);
    for (int i = 0; i < f->body->nout; i++) wire_put_text(&in, 5, f->body->out[i]->name);
    for (int i = 0; i < f->nattrs; i++) wire_put_text(&in, 6, f->attrs[i]);
    for (const node *n = f->body->first; n; n = n->next) put_node(&in, w, 7, n);
    wire_put_text_opt(&in, 8, f->doc);
    put_imports(&in, 9, f->imports, f->nimports);
    wire_put_text(&in, 10, f->domain);
    for (int i = 0; i < f->ndefaults; i++) put_attr(&in, w, 11, &f->defaults[i]);
    for (int i = 0; i < f->body->ninfo; i++) put_info(&in, w, 12, f->body->infos[i]);
    wire_put_text_opt(&in, 13, f->overload);
    put_meta(&in, 14, f->meta);
    onnx_put_raw(&in, f->unknown);
    wire_put_message(s, 25, &in);
}

static void put_model(str *s, const writer *w) {
    const graph *g = w->g;
    wire_put_int(s, 1, g->ir_version);
    wire_put_text_opt(s, 2, g->producer_name);
    wire_put_text_opt(s, 3, g->producer_version);
    wire_put_text_opt(s, 4, g->domain);
    if (g->model_version) wire_put_int(s, 5, g->model_version);
    wire_put_text_opt(s, 6, g->doc);
    put_block_field(s, w, 7, g->main);
    put_imports(s, 8, g->imports, g->nimports);
    put_meta(s, 14, g->meta);
    for (int i = 0; i < g->nfunctions; i++) put_function(s, w, &g->functions[i]);
    onnx_put_raw(s, g->unknown);
}

naru_status onnx_save_memory(const graph *g, str *out, naru_error *err) {
    put_model(out, &(writer){.g = g});
    return out->failed ? err_oom(err) : NARU_OK;
}

/* Both files are whole before either takes its place, the data first: no model ever names data that is not there, and
 * a model that cannot be written leaves the data of the one before it alone. */
static naru_status save_both(const str *model, const char *path, file_writer *data, naru_error *err) {
    file_writer *w = NULL;
    naru_status st = file_writer_begin(path, &w, err);
    if (st == NARU_OK) st = file_writer_put(w, model->data, model->len, err);
    if (st == NARU_OK) st = file_writer_close(w, err);
    if (st == NARU_OK) st = file_writer_close(data, err);
    bool some = file_writer_size(data) > 0; /* no empty data file */
    naru_status ended = file_writer_end(data, st == NARU_OK && some, err);
    if (st == NARU_OK) st = ended;
    if (w) ended = file_writer_end(w, st == NARU_OK, err);
    return st == NARU_OK ? ended : st;
}

static naru_status save_external(const graph *g, const char *path, naru_error *err) {
    str model = {0}, file = {0};
    const char *slash = strrchr(path, '/');
    onnx_external e = {.err = err};
    str_addf(&file, "%s.data", path);
    naru_status st = file.failed ? err_oom(err) : file_writer_begin(file.data, &e.file, err);
    if (st == NARU_OK) {
        e.location = file.data + (slash ? slash + 1 - path : 0);
        put_model(&model, &(writer){g, &e});
        st = e.status != NARU_OK ? e.status : model.failed ? err_oom(err) : NARU_OK;
        if (st == NARU_OK) st = save_both(&model, path, e.file, err);
        else file_writer_end(e.file, false, NULL);
    }
    str_free(&model);
    str_free(&file);
    return st;
}

naru_status onnx_save(const graph *g, const char *path, bool external, naru_error *err) {
    if (external) return save_external(g, path, err);
    str s = {0};
    naru_status st = onnx_save_memory(g, &s, err);
    if (st == NARU_OK && s.len > INT32_MAX)
        st = err_set(err, NARU_LIMIT, "%s: a model of %zu bytes; more than 2 GiB needs external data", path, s.len);
    if (st == NARU_OK) st = file_write(path, s.data, s.len, err);
    str_free(&s);
    return st;
}
