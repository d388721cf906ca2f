/* SPDX-License-Identifier: MIT
 *
 * Building for down adapters (util_lower.h).
 */
#include "ops/util_lower.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ops/util_move.h"
#include "tensor/dtype.h"

enum { FOLD_MAX = 65536 }; /* elements of a result that is folded at once */

static void *failed(lower_ctx *c, naru_status st) {
    if (c->status == NARU_OK) c->status = st == NARU_OUT_OF_MEMORY ? err_oom(c->err) : st;
    return NULL;
}
static void *oom(lower_ctx *c) { return failed(c, NARU_OUT_OF_MEMORY); }

/* ---- looking ---- */
dim_t lw_dim(const value *v, int axis) {
    int rank = lw_rank(v);
    if (axis < 0) axis += rank;
    return rank < 0 || axis < 0 || axis >= rank ? DIM_UNKNOWN : v->fact.type.dims[axis];
}

static const naru_tensor *constant_of(const value *v) { return v && !v->is_input ? v->constant : NULL; }

bool lw_known_ints(lower_ctx *c, const value *v, const int64_t **out, int64_t *n) {
    const naru_tensor *t = constant_of(v);
    bool ints = t && t->data && dtype_is_int(t->dtype) && t->rank <= 1 && tensor_is_contiguous(t);
    if (!v || (!ints && !v->fact.elems)) return false;
    *n = ints ? tensor_count(t) : v->fact.nelems;
    int64_t *x = arena_alloc(c->graph->arena, ((size_t)*n + 1) * sizeof *x);
    if (!x) return oom(c), false;
    for (int64_t i = 0; i < *n; i++) {
        if (!ints && v->fact.elems[i].kind != ELEM_CONST) return false;
        x[i] = ints ? dtype_get_i64(t->dtype, t->data, i) : v->fact.elems[i].v;
    }
    *out = x;
    return true;
}

bool lw_text_is(const node *n, int k, const char *text) { return strcmp(node_s(n, k), text) == 0; }

/* ---- attributes ---- */
static void pend(lower_ctx *c, attr a) {
    if (c->npending == LW_ATTRS) failed(c, err_set(c->err, NARU_INTERNAL, "too many attributes"));
    else c->pending[c->npending++] = a;
}

void lw_i(lower_ctx *c, const char *name, int64_t i) { pend(c, (attr){.name = name, .kind = ATTR_INT, .i = i}); }
void lw_f(lower_ctx *c, const char *name, double f) {
    pend(c, (attr){.name = name, .kind = ATTR_FLOAT, .f = (float)f});
}
void lw_s(lower_ctx *c, const char *name, const char *s) {
    pend(c, (attr){.name = name, .kind = ATTR_STRING, .s = {s, strlen(s)}});
}
void lw_is(lower_ctx *c, const char *name, int64_t n, const int64_t *i) {
    int64_t *copy = arena_alloc(c->graph->arena, ((size_t)n + 1) * sizeof *copy);
    if (!copy) {
        oom(c);
        return;
    }
    memcpy(copy, i, (size_t)n * sizeof *copy);
    pend(c, (attr){.name = name, .kind = ATTR_INTS, .ints = copy, .count = (size_t)n});
}
void lw_attr(lower_ctx *c, const node *n, int k) {
    if (node_has(n, k)) pend(c, n->attrs[k]);
}

static bool default_attrs(graph *g, node *n) {
    const attr_def *d = n->op->attrs;
    int count = 0;
    while (d && d[count].name) count++;
    n->attrs = arena_calloc(g->arena, (size_t)count + 1, sizeof *n->attrs);
    if (!n->attrs) return false;
    n->nattrs = count;
    n->table = d;
    for (int i = 0; i < count; i++) {
        attr *a = &n->attrs[i];
        *a = (attr){.name = d[i].name};
        if (d[i].required || d[i].optional) continue;
        if (d[i].kind == ATTR_INT) a->kind = ATTR_INT, a->i = d[i].i;
        if (d[i].kind == ATTR_FLOAT) a->kind = ATTR_FLOAT, a->f = d[i].f;
        if (d[i].kind == ATTR_STRING && d[i].s) a->kind = ATTR_STRING, a->s = (bytes){d[i].s, strlen(d[i].s)};
    }
    return true;
}

static bool take_pending(lower_ctx *c, node *n) {
    for (int p = 0; p < c->npending; p++) {
        int k = 0;
        while (k < n->nattrs && strcmp(n->attrs[k].name, c->pending[p].name) != 0) k++;
        if (k == n->nattrs)
            return failed(c, err_set(c->err, NARU_INTERNAL, "%s has no attribute %s", n->op_type, c->pending[p].name));
        const char *name = n->attrs[k].name;
        n->attrs[k] = c->pending[p];
        n->attrs[k].name = name;
        if (n->attrs[k].kind == ATTR_GRAPH) n->attrs[k].block->owner = n;
    }
    c->npending = 0;
    return true;
}

/* ---- constants ---- */
value *lw_tensor(lower_ctx *c, naru_tensor *t) {
    value *v = t && c->status == NARU_OK ? graph_constant_new(c->graph, c->block, NULL, t) : NULL;
    tensor_unref(t);
    return v ? v : oom(c);
}

value *lw_ints(lower_ctx *c, int64_t n, const int64_t *v) {
    value *x = c->status == NARU_OK ? const_ints(c->graph, c->block, v, n) : NULL;
    return x ? x : oom(c);
}

value *lw_int(lower_ctx *c, int64_t v) {
    naru_tensor *t = NULL;
    if (tensor_new(NARU_INT64, 0, NULL, &t, NULL) == NARU_OK) memcpy(t->data, &v, sizeof v);
    return lw_tensor(c, t);
}

value *lw_number(lower_ctx *c, naru_dtype d, double v) {
    naru_tensor *t = NULL;
    if (tensor_new(d, 0, NULL, &t, NULL) != NARU_OK) return oom(c);
    if (dtype_is_int(d)) dtype_set_i64(d, t->data, 0, (int64_t)v);
    else dtype_set_f64(d, t->data, 0, v);
    return lw_tensor(c, t);
}

/* ---- folding ---- */
static bool small(const fact *f) {
    int64_t n = 1;
    if (!fact_complete(f)) return false;
    for (int i = 0; i < f->type.rank; i++)
        if (f->type.dims[i] > FOLD_MAX || (n *= f->type.dims[i]) > FOLD_MAX) return false;
    return true;
}

/* A shape computation whose content inference knows. */
static naru_tensor *known_content(const value *v) {
    const fact *f = &v->fact;
    if (!f->elems || !small(f) || f->type.rank > 1 || !dtype_is_int(f->type.dtype)) return NULL;
    for (int64_t i = 0; i < f->nelems; i++)
        if (f->elems[i].kind != ELEM_CONST) return NULL;
    naru_tensor *t;
    if (tensor_new(f->type.dtype, f->type.rank, f->type.dims, &t, NULL) != NARU_OK) return NULL;
    for (int64_t i = 0; i < tensor_count(t); i++)
        dtype_set_i64(t->dtype, t->data, i, f->nelems == 1 ? f->elems[0].v : f->elems[i].v);
    return t;
}

static naru_tensor *evaluated(const node *n) {
    naru_value *in[16] = {NULL}, *out = NULL;
    bool ok = n->nin > 0 && n->nin <= 16 && n->nout == 1 && small(&n->out[0]->fact) &&
              !(n->op->flags & (OP_RANDOM | OP_CONTROL));
    for (int i = 0; ok && i < n->nin; i++)
        if (n->in[i]) ok = constant_of(n->in[i]) && value_new_tensor(n->in[i]->constant, &in[i], NULL) == NARU_OK;
    naru_error err = NARU_ERROR_INIT;
    ok = ok && node_evaluate(n, in, &out, 0, &err) == NARU_OK && out->kind == NARU_KIND_TENSOR;
    naru_tensor *t = ok ? tensor_ref(out->tensor) : NULL;
    for (int i = 0; i < n->nin && i < 16; i++) value_unref(in[i]);
    value_unref(out);
    return t;
}

/* ---- nodes ---- */
static bool name_after(lower_ctx *c, node *n) {
    size_t base = strlen(c->name), op = strlen(n->op_type);
    if (!base) return true;
    char *name = arena_alloc(c->graph->arena, base + op + 2);
    if (!name) return false;
    memcpy(name, c->name, base);
    name[base] = '/';
    memcpy(name + base + 1, n->op_type, op + 1);
    n->name = name;
    return true;
}

node *lw_node(lower_ctx *c, const char *op, int nin, value *const *in, int nout) {
    const op_desc *desc = op_find("", op);
    if (c->status != NARU_OK) return NULL;
    if (!desc) return failed(c, err_set(c->err, NARU_INTERNAL, "there is no %s", op));
    while (nin > 0 && !in[nin - 1]) nin--;
    node *n = graph_node_new(c->graph, c->block, c->at, op, "", nin, nout, 0);
    if (!n) return oom(c);
    n->op = desc;
    if (!name_after(c, n)) return oom(c);
    if (!default_attrs(c->graph, n)) return oom(c);
    for (int i = 0; i < nin; i++) n->in[i] = in[i];
    for (int i = 0; i < nout; i++) {
        value *v = graph_value_new(c->graph, c->block, NULL);
        if (!v) return oom(c);
        node_set_out(n, i, v);
    }
    if (!take_pending(c, n)) return NULL;
    naru_status st = node_infer(c->graph, n, c->err);
    if (st != NARU_OK) return failed(c, err_context(c->err, st, "%s of the lowering", op));
    return n;
}

value *lw_op(lower_ctx *c, const char *op, int nin, value *const *in) {
    node *n = lw_node(c, op, nin, in, 1);
    if (!n) return NULL;
    naru_tensor *t = known_content(n->out[0]);
    if (!t) t = evaluated(n);
    if (!t) return n->out[0];
    node_remove(n);
    return lw_tensor(c, t);
}

value *lw_cast(lower_ctx *c, value *v, naru_dtype d) {
    if (lw_dtype(v) == d) return v;
    lw_i(c, "to", d);
    return LW(c, "Cast", v);
}

value *lw_range(lower_ctx *c, value *limit) {
    if (lw_rank(limit) != 0) limit = LW(c, "Squeeze", limit, LW_INTS(c, 0));
    return LW(c, "Range", lw_int(c, 0), limit, lw_int(c, 1));
}

value *lw_size(lower_ctx *c, value *v, int axis) {
    lw_i(c, "start", axis);
    if (axis != -1) lw_i(c, "end", axis + 1);
    return LW(c, "Shape", v);
}

value *lw_axes(lower_ctx *c, value *v, int64_t first) {
    int64_t axes[NARU_MAX_RANK], end = first < 0 ? 0 : lw_rank(v);
    int n = 0;
    if (end < 0 || first < -NARU_MAX_RANK) return NULL;
    while (first < end) axes[n++] = first++;
    return lw_ints(c, n, axes);
}

value *lw_transpose(lower_ctx *c, value *v, int rank, const int *perm) {
    int64_t p[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) p[i] = perm[i];
    lw_is(c, "perm", rank, p);
    return LW(c, "Transpose", v);
}

/* ---- bodies ---- */
lower_ctx lw_body(lower_ctx *c) {
    lower_ctx body = {
        .graph = c->graph, .opset = c->opset, .name = c->name, .first = c->first, .status = c->status, .err = c->err};
    body.block = graph_block_new(c->graph, c->block);
    if (!body.block) oom(&body);
    else body.block->name = "body"; /* ONNX wants one */
    return body;
}

value *lw_body_in(lower_ctx *body, naru_dtype d, int rank) {
    value *v = body->status == NARU_OK ? graph_value_new(body->graph, body->block, NULL) : NULL;
    if (!v || !block_add_input(body->block, v)) return oom(body);
    v->fact.type = (type){.kind = TYPE_TENSOR, .dtype = d, .has_rank = rank >= 0, .rank = rank < 0 ? 0 : rank};
    for (int i = 0; i < rank; i++) v->fact.type.dims[i] = DIM_UNKNOWN;
    return v;
}

void lw_body_out(lower_ctx *body, value *v) {
    if (v && body->status == NARU_OK && !block_add_output(body->block, v)) oom(body);
}

static void declare(value *v) { /* runtimes want to know the rank */
    v->declared = v->fact.type;
    v->has_declared = v->fact.type.kind == TYPE_TENSOR && v->fact.type.dtype;
}

void lw_body_end(lower_ctx *c, lower_ctx *body, const char *name) {
    if (c->status == NARU_OK) c->status = body->status;
    if (c->status != NARU_OK) return;
    for (int i = 0; i < body->block->nin; i++) declare(body->block->in[i]);
    for (int i = 0; i < body->block->nout; i++) declare(body->block->out[i]);
    pend(c, (attr){.name = name, .kind = ATTR_GRAPH, .block = body->block});
}

/* ---- the end ---- */
static void rename_uses(lower_ctx *c, const value *from, value *to) { /* only what the adapter made can read it */
    for (node *n = c->at ? c->at->prev : NULL; n && n != c->before; n = n->prev)
        for (int i = 0; i < n->nin; i++)
            if (n->in[i] == from) n->in[i] = to;
}

static void become_constant(lower_ctx *c, value *old, naru_tensor *t) {
    old->producer = NULL;
    old->constant = tensor_ref(t);
    old->fact.constant = t;
    if (!block_add_initializer(old->block, old)) oom(c);
}

void lw_output(lower_ctx *c, node *n, int o, value *v) {
    value *old = o < n->nout ? n->out[o] : NULL;
    if (!old || c->status != NARU_OK || !v) return;
    if (lw_dtype(old) && lw_dtype(v) && lw_dtype(old) != lw_dtype(v)) {
        failed(c, err_set(c->err, NARU_INTERNAL, "the lowering of %s gives %s instead of %s", n->op_type,
                          naru_dtype_name(lw_dtype(v)), naru_dtype_name(lw_dtype(old))));
        return;
    }
    bool made = v->id >= c->first && v->producer;
    if (!made && constant_of(v)) {
        n->out[o] = NULL;
        become_constant(c, old, v->constant);
        return;
    }
    if (!made && !(v = lw_op(c, "Identity", 1, &v))) return; /* it keeps its name */
    n->out[o] = NULL;
    node_set_out(v->producer, v->out_index, old);
    v->producer = NULL;
    rename_uses(c, v, old);
}

naru_status lw_finish(lower_ctx *c, node *n) {
    TRY(c->status);
    node_remove(n);
    c->gone = true;
    return NARU_OK;
}

naru_status lw_replace(lower_ctx *c, node *n, value *v) {
    lw_output(c, n, 0, v);
    return lw_finish(c, n);
}

naru_status lw_refuse(lower_ctx *c, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    TRY(c->status);
    return err_set(c->err, NARU_UNSUPPORTED, "%s", text);
}

void lw_warn(lower_ctx *c, const char *text) { c->warning = text; }
