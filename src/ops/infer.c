/* SPDX-License-Identifier: MIT
 *
 * What the operators' infer functions share: reading facts, broadcasting, integer content; and inference over a
 * whole graph (graph_infer), body by body.
 */
#include <stdarg.h>
#include <stdio.h>

#include "ops/op.h"
#include "ops/sig.h"
#include "tensor/dtype.h"

enum { MAX_ELEMS = 65536 }; /* integer content longer than this is not a shape */

naru_status op_fail(infer_ctx *c, naru_status code, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(c->err, code, "%s", text);
}

void out_tensor(infer_ctx *c, int o, naru_dtype dtype, int rank, const dim_t *dims) {
    if (o >= c->nout) return;
    type *t = &c->out[o].type;
    *t = (type){.kind = TYPE_TENSOR, .dtype = dtype, .has_rank = rank >= 0, .rank = rank < 0 ? 0 : rank};
    for (int i = 0; i < rank; i++) t->dims[i] = dims[i];
}

void out_like(infer_ctx *c, int o, int i) {
    if (o < c->nout && in_given(c, i)) c->out[o].type = c->in[i]->type;
}

void out_elems(infer_ctx *c, int o, const elem_t *e, int64_t n) {
    if (o >= c->nout || n > MAX_ELEMS) return;
    elem_t *copy = arena_dup(c->arena, e, (size_t)n * sizeof *e);
    if (!copy) return; /* content is an optional fact */
    c->out[o].elems = copy;
    c->out[o].nelems = n;
}

naru_status infer_broadcast(infer_ctx *c, dim_t a, dim_t b, dim_t *out) {
    if (a == b || b == 1) *out = a;
    else if (a == 1) *out = b;
    else if (dim_is_const(a) && dim_is_const(b))
        return op_fail(c, NARU_SHAPE, "dimensions %lld and %lld cannot be broadcast together", (long long)a,
                       (long long)b);
    else if (dim_is_const(a)) *out = a; /* the other one is 1 or equal, whatever it is called */
    else if (dim_is_const(b)) *out = b;
    else *out = DIM_UNKNOWN;
    return NARU_OK;
}

naru_status infer_broadcast_shapes(infer_ctx *c, const type *a, const type *b, type *out) {
    type r = *out;
    r.has_rank = a->has_rank && b->has_rank;
    if (!r.has_rank) {
        *out = r;
        return NARU_OK;
    }
    r.rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < r.rank; i++) {
        int ia = i - (r.rank - a->rank), ib = i - (r.rank - b->rank);
        naru_status st = infer_broadcast(c, ia < 0 ? 1 : a->dims[ia], ib < 0 ? 1 : b->dims[ib], &r.dims[i]);
        if (st != NARU_OK) return err_context(c->err, st, "axis %d of the result", i);
    }
    *out = r;
    return NARU_OK;
}

naru_status infer_same_as_first(infer_ctx *c) {
    out_like(c, 0, 0);
    return NARU_OK;
}

static naru_status broadcast_all(infer_ctx *c, naru_dtype dtype) {
    if (c->nin < 1 || !in_given(c, 0)) return op_fail(c, NARU_BAD_MODEL, "needs at least one input");
    type t = c->in[0]->type;
    for (int i = 1; i < c->nin; i++)
        if (in_given(c, i)) TRY(infer_broadcast_shapes(c, &t, &c->in[i]->type, &t));
    t.kind = TYPE_TENSOR;
    t.dtype = dtype;
    c->out[0].type = t;
    return NARU_OK;
}

naru_status infer_elementwise(infer_ctx *c) { return broadcast_all(c, in_dtype(c, 0)); }
naru_status infer_compare(infer_ctx *c) { return broadcast_all(c, NARU_BOOL); }

static bool constant_elems(const infer_ctx *c, const naru_tensor *t, const elem_t **e, int64_t *n) {
    if (!dtype_is_int(t->dtype) && t->dtype != NARU_BOOL) return false;
    if (t->rank > 1 || !t->data) return false;
    int64_t count = tensor_count(t);
    if (count > MAX_ELEMS) return false;
    elem_t *v = arena_alloc(c->arena, (size_t)count * sizeof *v);
    if (!v) return false;
    for (int64_t i = 0; i < count; i++) v[i] = elem_const(dtype_get_i64(t->dtype, t->data, i));
    *e = v;
    *n = count;
    return true;
}

static void note_read(const infer_ctx *c, int i) {
    if (c->content_read && i < 32) *c->content_read |= 1u << i;
}

bool in_elems(const infer_ctx *c, int i, const elem_t **e, int64_t *n) {
    if (!in_given(c, i)) return false;
    note_read(c, i);
    if (c->in[i]->elems) {
        *e = c->in[i]->elems;
        *n = c->in[i]->nelems;
        return true;
    }
    return c->in[i]->constant && constant_elems(c, c->in[i]->constant, e, n);
}

bool in_ints(const infer_ctx *c, int i, const int64_t **v, int64_t *n) {
    const elem_t *e;
    if (!in_elems(c, i, &e, n)) return false;
    int64_t *out = arena_alloc(c->arena, (size_t)*n * sizeof *out);
    if (!out) return false;
    for (int64_t k = 0; k < *n; k++) {
        if (e[k].kind != ELEM_CONST) return false;
        out[k] = e[k].v;
    }
    *v = out;
    return true;
}

bool in_scalar(const infer_ctx *c, int i, double *v) {
    if (!in_given(c, i)) return false;
    note_read(c, i);
    const naru_tensor *t = c->in[i]->constant;
    if (t && t->data && t->dtype != NARU_STRING && tensor_count(t) == 1)
        return *v = dtype_get_f64(t->dtype, t->data, 0), true;
    if (c->in[i]->elems && c->in[i]->nelems == 1 && c->in[i]->elems[0].kind == ELEM_CONST)
        return *v = (double)c->in[i]->elems[0].v, true;
    return false;
}

static elem_t elem_op(symtab *s, elem_t a, elem_t b, char op) {
    int64_t r = 0;
    if (a.kind == ELEM_CONST && b.kind == ELEM_CONST) {
        bool overflow = op == '+'   ? __builtin_add_overflow(a.v, b.v, &r)
                        : op == '-' ? __builtin_sub_overflow(a.v, b.v, &r)
                        : op == '*' ? __builtin_mul_overflow(a.v, b.v, &r)
                                    : b.v == 0 || (a.v == INT64_MIN && b.v == -1);
        if (overflow) return (elem_t){0};
        return elem_const(op == '/' ? a.v / b.v : r);
    }
    if (op == '+' && b.kind == ELEM_CONST && b.v < 0 && b.v != INT64_MIN) return elem_op(s, a, elem_const(-b.v), '-');
    if (op == '+' && a.kind == ELEM_CONST && a.v < 0 && a.v != INT64_MIN) return elem_op(s, b, elem_const(-a.v), '-');
    dim_t x = elem_to_dim(a), y = elem_to_dim(b);
    if (!dim_is_known(x) || !dim_is_known(y)) return (elem_t){0};
    switch (op) {
    case '+': return elem_of_dim(sym_add(s, x, y));
    case '-': return elem_of_dim(sym_sub(s, x, y));
    case '*': return elem_of_dim(sym_mul(s, x, y));
    default: return elem_of_dim(sym_div(s, x, y));
    }
}

void infer_elems2(infer_ctx *c, char op) {
    const elem_t *a, *b;
    int64_t na, nb;
    if (!dtype_is_int(in_dtype(c, 0)) || !in_elems(c, 0, &a, &na) || !in_elems(c, 1, &b, &nb)) return;
    int64_t n = na == 1 ? nb : na;
    if ((na != n && na != 1) || (nb != n && nb != 1)) return;
    elem_t *out = arena_alloc(c->arena, (size_t)n * sizeof *out);
    for (int64_t i = 0; out && i < n; i++) out[i] = elem_op(c->syms, a[na == 1 ? 0 : i], b[nb == 1 ? 0 : i], op);
    if (out) c->out[0].elems = out, c->out[0].nelems = n;
}

naru_status infer_axis(infer_ctx *c, int64_t axis, int rank, int *out) {
    if (axis < -(int64_t)rank || axis >= rank)
        return op_fail(c, NARU_SHAPE, "axis %lld is outside [%d, %d) of a rank-%d tensor", (long long)axis, -rank, rank,
                       rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return NARU_OK;
}

naru_status infer_axes(infer_ctx *c, const int64_t *axes, int64_t n, int rank, int *out) {
    bool seen[NARU_MAX_RANK] = {false};
    if (n > rank) return op_fail(c, NARU_SHAPE, "%lld axes for a rank-%d tensor", (long long)n, rank);
    for (int64_t i = 0; i < n; i++) {
        TRY(infer_axis(c, axes[i], rank, &out[i]));
        if (seen[out[i]]) return op_fail(c, NARU_SHAPE, "axis %d is listed twice", out[i]);
        seen[out[i]] = true;
    }
    return NARU_OK;
}

/* ---- whole graphs ---- */
typedef struct walk {
    graph *graph;
    naru_report *report;
} walk;

static naru_status infer_nodes(graph *g, block *b, naru_report *report, naru_error *err);

static void settle_constant(value *v) {
    if (!v->constant) return;
    v->fact.constant = v->constant;
    type *t = &v->fact.type;
    *t = (type){.kind = TYPE_TENSOR, .dtype = v->constant->dtype, .has_rank = true, .rank = v->constant->rank};
    for (int i = 0; i < t->rank; i++) t->dims[i] = v->constant->dims[i];
}

static naru_status infer_block_cb(infer_ctx *c, block *b, const fact *in, fact *out) {
    walk *w = c->user;
    for (int i = 0; i < b->nin; i++) b->in[i]->fact = in[i];
    TRY(infer_nodes(w->graph, b, w->report, c->err));
    for (int i = 0; i < b->nout; i++) out[i] = b->out[i]->fact;
    return NARU_OK;
}

static naru_status infer_one(graph *g, node *n, naru_report *report, naru_error *err) {
    enum { FEW = 16 };
    const fact *in_few[FEW], **in = in_few;
    fact *out = arena_calloc(g->arena, (size_t)n->nout + 1, sizeof *out);
    if (n->nin > FEW) in = arena_alloc(g->arena, (size_t)n->nin * sizeof *in);
    if (!out || !in) return err_oom(err);
    for (int i = 0; i < n->nin; i++) in[i] = n->in[i] ? &n->in[i]->fact : NULL;
    walk w = {g, report};
    infer_ctx c = {.node = n,
                   .syms = g->syms,
                   .arena = g->arena,
                   .nin = n->nin,
                   .nout = n->nout,
                   .in = in,
                   .out = out,
                   .err = err,
                   .infer_block = infer_block_cb,
                   .user = &w};
    naru_status st = n->op ? sig_check_facts(n->op, n->nin, in, err) : NARU_OK;
    if (st == NARU_OK && n->op && n->op->infer) st = n->op->infer(&c);
    for (int i = 0; i < n->nout; i++)
        if (n->out[i]) n->out[i]->fact = st == NARU_OK ? out[i] : (fact){0};
    return st;
}

naru_status node_infer(graph *g, node *n, naru_error *err) {
    for (int i = 0; i < n->nin; i++)
        if (n->in[i] && !n->in[i]->is_input) settle_constant(n->in[i]);
    return infer_one(g, n, NULL, err);
}

static naru_status infer_nodes(graph *g, block *b, naru_report *report, naru_error *err) {
    for (int i = 0; i < b->ninit; i++) /* the default of an input may be overridden: not a fact */
        if (!b->initializers[i]->is_input) settle_constant(b->initializers[i]);
    for (node *n = b->first; n; n = n->next) {
        naru_error local = NARU_ERROR_INIT;
        naru_status st = infer_one(g, n, report, &local);
        if (st == NARU_OK) continue;
        char where[300];
        node_describe(n, where, sizeof where);
        if (st == NARU_OUT_OF_MEMORY || !report) return err_set(err, st, "%s: %s", where, local.message);
        TRY(report_add(report, NARU_SEVERITY_ERROR, st == NARU_TYPE ? "type" : "shape", where, "", "%s",
                       local.message));
    }
    return NARU_OK;
}

naru_status graph_infer(graph *g, const fact *inputs, naru_report *report, naru_error *err) {
    block *b = g->main;
    for (int i = 0; i < b->nin; i++) {
        value *v = b->in[i];
        v->fact = inputs ? inputs[i] : (fact){.type = v->declared};
    }
    return infer_nodes(g, b, report, err);
}
