/* SPDX-License-Identifier: MIT
 *
 * Node chains (util_emit.h).
 */
#include "ops/util_emit.h"

#include "ops/util_move.h"
#include "tensor/dtype.h"

static value *emit(lift_ctx *c, node *at, const char *op, int nin, value *const *in) {
    for (int i = 0; i < nin; i++)
        if (!in[i]) return NULL;
    node *n = graph_node_new(c->graph, c->block, at, op, "", nin, 1, 0);
    value *o = n ? graph_value_new(c->graph, c->block, NULL) : NULL;
    if (!o) return NULL;
    for (int i = 0; i < nin; i++) n->in[i] = in[i];
    node_set_out(n, 0, o);
    return o;
}

value *emit1(lift_ctx *c, node *at, const char *op, value *a) { return emit(c, at, op, 1, &a); }
value *emit2(lift_ctx *c, node *at, const char *op, value *a, value *b) {
    return emit(c, at, op, 2, (value *[]){a, b});
}
value *emit3(lift_ctx *c, node *at, const char *op, value *a, value *b, value *d) {
    return emit(c, at, op, 3, (value *[]){a, b, d});
}

value *emit_cast(lift_ctx *c, node *at, value *a, naru_dtype to) {
    value *v = emit1(c, at, "Cast", a);
    return v && node_add_attr(v->producer, (attr){.name = "to", .kind = ATTR_INT, .i = to}) ? v : NULL;
}

value *emit_ints(lift_ctx *c, const int64_t *v, int64_t n) { return const_ints(c->graph, c->block, v, n); }

value *emit_scalar(lift_ctx *c, naru_dtype d, double v) {
    naru_tensor *t;
    if (tensor_new(d, 0, NULL, &t, NULL) != NARU_OK) return NULL;
    dtype_set_f64(d, t->data, 0, v);
    value *x = graph_constant_new(c->graph, c->block, NULL, t);
    tensor_unref(t);
    return x;
}

naru_status emit_replace(lift_ctx *c, node *n, value *v) {
    if (!v || !v->producer) return err_oom(c->err);
    value *o = n->out[0];
    node *p = v->producer;
    n->out[0] = NULL;
    node_remove(n);
    if (o) node_set_out(p, v->out_index, o);
    return NARU_OK;
}

int value_rank(const value *v) {
    if (v->constant) return v->constant->rank;
    if (v->fact.type.has_rank) return v->fact.type.rank;
    return v->has_declared && v->declared.has_rank ? v->declared.rank : -1;
}
