/* SPDX-License-Identifier: MIT
 *
 * Adding to networks: inputs, constants, operators in their general form, bodies, outputs, names.
 */
#include "api/network.h"
#include "tensor/dtype.h"

static naru_status bad(const char *where, naru_error *err) {
    return err_set(err, NARU_INVALID_ARGUMENT, "%s: NULL argument", where);
}

/* ---- inputs and constants ---- */
static naru_status type_of(naru_network *n, const char *name, naru_dtype dtype, int rank, const int64_t *dims,
                           const char *const *symbols, type *out, naru_error *err) {
    if (dtype <= NARU_UNDEFINED || dtype >= NARU_DTYPES)
        return err_set(err, NARU_INVALID_ARGUMENT, "input '%s': %d is no element type", name, (int)dtype);
    if (rank < -1 || rank > NARU_MAX_RANK || (rank > 0 && !dims))
        return err_set(err, NARU_INVALID_ARGUMENT, "input '%s': bad rank %d", name, rank);
    *out = (type){.kind = TYPE_TENSOR, .dtype = dtype, .has_rank = rank >= 0, .rank = rank < 0 ? 0 : rank};
    for (int i = 0; i < rank; i++) {
        if (dims[i] < -1)
            return err_set(err, NARU_INVALID_ARGUMENT, "input '%s': axis %d has size %lld", name, i,
                           (long long)dims[i]);
        const char *symbol = dims[i] < 0 && symbols ? symbols[i] : NULL;
        out->dims[i] = dims[i] >= 0 ? dims[i] : symbol && *symbol ? sym_name(n->graph->syms, symbol) : DIM_UNKNOWN;
        if (symbol && *symbol && out->dims[i] == DIM_UNKNOWN) return err_oom(err);
    }
    return NARU_OK;
}

naru_status naru_network_add_input(naru_network *n, const char *name, naru_dtype dtype, int rank, const int64_t *dims,
                                   const char *const *symbols, naru_network_tensor **out, naru_error *err) {
    TRY(network_is_open(n, err));
    if (!name) return bad("naru_network_add_input", err);
    type t;
    value *v;
    TRY(type_of(n, name, dtype, rank, dims, symbols, &t, err));
    TRY(edit_input(&n->edit, name, &t, &v, err));
    if (out) *out = tensor_of(v);
    return NARU_OK;
}

naru_status naru_network_add_constant(naru_network *n, const char *name, naru_tensor *tensor, naru_network_tensor **out,
                                      naru_error *err) {
    TRY(network_is_open(n, err));
    if (!tensor || !out) return bad("naru_network_add_constant", err);
    value *v;
    TRY(edit_constant(&n->edit, name, tensor, &v, err));
    *out = tensor_of(v);
    return NARU_OK;
}

naru_status naru_network_add_weights(naru_network *n, const char *name, naru_dtype dtype, int rank, const int64_t *dims,
                                     const void *data, naru_network_tensor **out, naru_error *err) {
    TRY(network_is_open(n, err));
    if (!data || !out) return bad("naru_network_add_weights", err);
    if (dtype == NARU_STRING)
        return err_set(err, NARU_TYPE, "strings have no plain memory; give them by naru_network_add_constant");
    naru_tensor *t;
    TRY(naru_tensor_create(dtype, rank, dims, &t, err));
    memcpy(t->data, data, tensor_bytes(t));
    naru_status st = naru_network_add_constant(n, name, t, out, err);
    tensor_unref(t);
    return st;
}

/* ---- attributes ---- */
static naru_status copy_strings(arena *a, const naru_attribute *from, attr *to, naru_error *err) {
    bytes *list = arena_calloc(a, from->count + 1, sizeof *list);
    for (size_t i = 0; list && i < from->count; i++) {
        const char *text = from->strings[i] ? from->strings[i] : "";
        list[i] = (bytes){arena_strdup(a, text), strlen(text)};
        if (!list[i].data) list = NULL;
    }
    to->strings = list;
    return list ? NARU_OK : err_oom(err);
}

static naru_status take_body(naru_network *n, const naru_attribute *from, attr *to, naru_error *err) {
    naru_network_body *b = from->body;
    bool mine = false;
    for (size_t i = 0; i < n->bodies.count; i++) mine |= n->bodies.data[i] == b;
    if (!mine || !b->closed || b->taken || b->outer != n->edit.at)
        return err_set(err, NARU_INVALID_ARGUMENT, "attribute '%s': %s", from->name,
                       !mine        ? "the body is not of this network"
                       : !b->closed ? "the body has not been ended"
                       : b->taken   ? "the body belongs to another layer already"
                                    : "the body began elsewhere");
    to->block = b->block;
    return NARU_OK;
}

static naru_status copy_attribute(naru_network *n, const naru_attribute *from, attr *to, naru_error *err) {
    arena *a = n->graph->arena;
    const void *needed = from->kind == NARU_ATTRIBUTE_TENSOR    ? (const void *)from->tensor
                         : from->kind == NARU_ATTRIBUTE_STRING  ? from->s
                         : from->kind == NARU_ATTRIBUTE_BODY    ? (const void *)from->body
                         : from->count == 0                     ? ""
                         : from->kind == NARU_ATTRIBUTE_INTS    ? (const void *)from->ints
                         : from->kind == NARU_ATTRIBUTE_FLOATS  ? (const void *)from->floats
                         : from->kind == NARU_ATTRIBUTE_STRINGS ? (const void *)from->strings
                                                                : "";
    if (!from->name || !needed) return bad("naru_network_add: attributes", err);
    *to = (attr){.name = arena_strdup(a, from->name), .kind = (attr_kind)from->kind};
    if (!to->name) return err_oom(err);
    switch (from->kind) {
    case NARU_ATTRIBUTE_FLOAT: to->f = from->f; return NARU_OK;
    case NARU_ATTRIBUTE_INT: to->i = from->i; return NARU_OK;
    case NARU_ATTRIBUTE_TENSOR: to->tensor = from->tensor; return NARU_OK;
    case NARU_ATTRIBUTE_STRING:
        to->s = (bytes){arena_strdup(a, from->s), strlen(from->s)};
        return to->s.data ? NARU_OK : err_oom(err);
    case NARU_ATTRIBUTE_FLOATS:
        to->count = from->count;
        to->floats = arena_dup(a, from->count ? from->floats : (const float[]){0}, (from->count + !from->count) * 4);
        return to->floats ? NARU_OK : err_oom(err);
    case NARU_ATTRIBUTE_INTS:
        to->count = from->count;
        to->ints = arena_dup(a, from->count ? from->ints : (const int64_t[]){0}, (from->count + !from->count) * 8);
        return to->ints ? NARU_OK : err_oom(err);
    case NARU_ATTRIBUTE_STRINGS: to->count = from->count; return copy_strings(a, from, to, err);
    case NARU_ATTRIBUTE_BODY: return take_body(n, from, to, err);
    }
    return err_set(err, NARU_INVALID_ARGUMENT, "attribute '%s': %d is no kind of attribute", from->name,
                   (int)from->kind);
}

static naru_status copy_attributes(naru_network *n, size_t count, const naru_attribute *from, attr **out,
                                   naru_error *err) {
    if (!(*out = arena_calloc(n->graph->arena, count + 1, sizeof **out))) return err_oom(err);
    const char *at = (const char *)from; /* by the caller's size of the struct: it may have grown since */
    for (size_t i = 0; i < count; i++, at += from->size)
        TRY(copy_attribute(n, (const naru_attribute *)(const void *)at, &(*out)[i], err));
    return NARU_OK;
}

/* ---- operators ---- */
enum { MOST_PORTS = 1 << 16 };

static naru_status inputs_of(naru_network *n, const char *op, size_t count, naru_network_tensor *const *in,
                             value ***out, naru_error *err) {
    if (!(*out = arena_calloc(n->graph->arena, count + 1, sizeof **out))) return err_oom(err);
    for (size_t i = 0; i < count; i++) {
        if (in[i] && !network_owns(n, in[i]))
            return err_set(err, NARU_INVALID_ARGUMENT, "%s: input %zu is not a tensor of this network", op, i);
        (*out)[i] = value_of(in[i]);
    }
    return NARU_OK;
}

static void mark_taken(naru_network *n, int count, const attr *a) {
    for (int i = 0; i < count; i++)
        for (size_t k = 0; a[i].kind == ATTR_GRAPH && k < n->bodies.count; k++)
            if (n->bodies.data[k]->block == a[i].block) n->bodies.data[k]->taken = true;
}

naru_status naru_network_add(naru_network *n, const char *op, const char *domain, const char *name, size_t nin,
                             naru_network_tensor *const *in, size_t nattributes, const naru_attribute *attributes,
                             size_t nout, naru_network_tensor **out, naru_error *err) {
    TRY(network_is_open(n, err));
    if (!op || (nin && !in) || (nattributes && !attributes) || (nout && !out)) return bad("naru_network_add", err);
    if (nin > MOST_PORTS || nout > MOST_PORTS || nattributes > MOST_PORTS)
        return err_set(err, NARU_LIMIT, "%s: too many inputs, outputs or attributes", op);
    if (!domain || strcmp(domain, "ai.onnx") == 0) domain = "";
    value **v;
    attr *a;
    TRY(inputs_of(n, op, nin, in, &v, err));
    TRY(copy_attributes(n, nattributes, attributes, &a, err));
    value **made = arena_calloc(n->graph->arena, nout + 1, sizeof *made);
    if (!made) return err_oom(err);
    TRY(edit_node(&n->edit, op, domain, name, (int)nin, v, (int)nattributes, a, (int)nout, made, err));
    mark_taken(n, (int)nattributes, a);
    for (size_t i = 0; i < nout; i++) out[i] = tensor_of(made[i]);
    return NARU_OK;
}

/* ---- bodies ---- */
naru_status naru_network_begin_body(naru_network *n, naru_network_body **out, naru_error *err) {
    TRY(network_is_open(n, err));
    if (!out) return bad("naru_network_begin_body", err);
    naru_network_body *b = arena_calloc(n->graph->arena, 1, sizeof *b);
    block *inner = b ? graph_block_new(n->graph, n->edit.at) : NULL;
    if (!inner) return err_oom(err);
    *b = (naru_network_body){.block = inner, .outer = n->edit.at};
    inner->name = "body"; /* ONNX wants one */
    if (!ARRAY_PUSH(&n->bodies, b)) return err_oom(err);
    n->edit.at = inner;
    *out = b;
    return NARU_OK;
}

/* Bodies give what is made in them: anything else, or the same twice, by way of an Identity. */
static naru_status give(naru_network *n, value *v, naru_error *err) {
    bool own = v->block == n->edit.at && !v->is_initializer && !v->is_input && !value_is_output(v);
    if (!own) TRY(edit_node(&n->edit, "Identity", "", NULL, 1, &v, 0, NULL, 1, &v, err));
    return edit_add_output(&n->edit, v, err);
}

naru_status naru_network_end_body(naru_network *n, naru_network_body *body, size_t count,
                                  naru_network_tensor *const *outputs, naru_error *err) {
    TRY(network_is_open(n, err));
    if (!body || (count && !outputs)) return bad("naru_network_end_body", err);
    if (n->edit.at != body->block)
        return err_set(err, NARU_INVALID_ARGUMENT, "the body that is ended is not the one that is open");
    edit_mark m = edit_here(&n->edit);
    naru_status st = NARU_OK;
    for (size_t i = 0; st == NARU_OK && i < count; i++) {
        value *v = value_of(outputs[i]);
        if (!v || !network_owns(n, outputs[i]) || !edit_visible(&n->edit, v))
            st = err_set(err, NARU_INVALID_ARGUMENT, "output %zu of the body is not a tensor to be seen there", i);
        else st = give(n, v, err);
    }
    if (st != NARU_OK) {
        body->block->nout = 0;
        edit_undo(&n->edit, m);
        return st;
    }
    body->closed = true;
    n->edit.at = body->outer;
    return NARU_OK;
}

/* ---- outputs and names ---- */
static naru_status check_tensor(const naru_network *n, const naru_network_tensor *t, naru_error *err) {
    TRY(network_is_open(n, err));
    if (t && network_owns(n, t)) return NARU_OK;
    return err_set(err, NARU_INVALID_ARGUMENT, "not a tensor of this network");
}

naru_status naru_network_mark_output(naru_network *n, naru_network_tensor *t, naru_error *err) {
    TRY(check_tensor(n, t, err));
    value *v = value_of(t);
    if (n->edit.at != n->graph->main || v->block != n->graph->main)
        return err_set(err, NARU_INVALID_ARGUMENT,
                       "'%s' cannot be marked: outputs of bodies are given to "
                       "naru_network_end_body",
                       v->name);
    if (v->is_input || v->is_initializer)
        return err_set(err, NARU_INVALID_ARGUMENT, "'%s' is %s: no layer gives it (naru_network_add_identity)", v->name,
                       v->is_input ? "an input" : "a constant");
    return edit_add_output(&n->edit, v, err);
}

naru_status naru_network_unmark_output(naru_network *n, naru_network_tensor *t, naru_error *err) {
    TRY(check_tensor(n, t, err));
    value *v = value_of(t);
    if (v->block == n->graph->main && n->edit.at == n->graph->main && edit_remove_output(&n->edit, v)) return NARU_OK;
    return err_set(err, NARU_NOT_FOUND, "'%s' is no output", v->name);
}

naru_status naru_network_tensor_set_name(naru_network *n, naru_network_tensor *t, const char *name, naru_error *err) {
    TRY(check_tensor(n, t, err));
    return name ? edit_rename_value(&n->edit, value_of(t), name, err) : bad("naru_network_tensor_set_name", err);
}

naru_status naru_network_layer_set_name(naru_network *n, naru_network_layer *l, const char *name, naru_error *err) {
    TRY(network_is_open(n, err));
    if (!l || !name || node_of(l)->block->graph != n->graph) return bad("naru_network_layer_set_name", err);
    return edit_rename_node(&n->edit, node_of(l), name, err);
}
