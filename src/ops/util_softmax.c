/* SPDX-License-Identifier: MIT
 *
 * Rows along one axis; the old form becomes Flatten, the operator on the last axis, Reshape back.
 */
#include "ops/util_softmax.h"

#include "tensor/dtype.h"

enum { AXIS };

const attr_def softmax_attrs[] = {ATTR_I("axis", -1), {0}};

naru_status infer_softmax(infer_ctx *c) {
    int axis;
    if (in_rank(c, 0) > 0) TRY(infer_axis(c, node_i(c->node, AXIS), in_rank(c, 0), &axis));
    out_like(c, 0, 0);
    return NARU_OK;
}

naru_status eval_softmax(eval_ctx *c, void (*row)(const double *, double *, int64_t)) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y || !tensor_count(x)) return NARU_OK;
    int64_t axis = node_i(c->node, AXIS), outer = 1, inner = 1;
    if (axis < 0) axis += x->rank;
    int64_t n = x->rank ? x->dims[axis] : 1;
    for (int i = 0; i < axis; i++) outer *= x->dims[i];
    for (int i = (int)axis + 1; i < x->rank; i++) inner *= x->dims[i];
    double *in = eval_scratch(c, (size_t)n * sizeof *in), *out = eval_scratch(c, (size_t)n * sizeof *out);
    if (!in || !out) return NARU_OUT_OF_MEMORY;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < inner; k++) {
            int64_t base = o * n * inner + k;
            for (int64_t i = 0; i < n; i++) in[i] = dtype_get_f64(x->dtype, x->data, base + i * inner);
            row(in, out, n);
            for (int64_t i = 0; i < n; i++) dtype_set_f64(y->dtype, y->data, base + i * inner, out[i]);
        }
    return NARU_OK;
}

static node *helper(lift_ctx *c, node *before, const char *op, int nin, value **out) {
    node *n = graph_node_new(c->graph, c->block, before, op, "", nin, 1, 0);
    *out = n ? graph_value_new(c->graph, c->block, NULL) : NULL;
    if (*out) node_set_out(n, 0, *out);
    return *out ? n : NULL;
}

static naru_status flatten(lift_ctx *c, node *n) {
    attr *a = node_attr(n, "axis");
    int64_t axis = a ? a->i : 1;
    const type *t = n->in[0] ? &n->in[0]->declared : NULL;
    if (t && t->has_rank && (axis == t->rank - 1 || axis == -1)) { /* the last axis: both meanings agree */
        if (a) a->i = -1;
        else if (!node_add_attr(n, (attr){.name = "axis", .kind = ATTR_INT, .i = -1})) return err_oom(c->err);
        return NARU_OK;
    }
    value *flat, *dims, *result = n->out[0], *inner = graph_value_new(c->graph, c->block, NULL);
    node *f = helper(c, n, "Flatten", 1, &flat), *s = helper(c, n, "Shape", 1, &dims);
    node *r = graph_node_new(c->graph, c->block, n->next, "Reshape", "", 2, 1, 0);
    if (!f || !s || !r || !inner || !node_add_attr(f, (attr){.name = "axis", .kind = ATTR_INT, .i = axis}))
        return err_oom(c->err);
    f->in[0] = s->in[0] = n->in[0];
    n->in[0] = flat;
    node_set_out(n, 0, inner);
    r->in[0] = inner;
    r->in[1] = dims;
    node_set_out(r, 0, result);
    if (a) a->i = -1;
    else if (!node_add_attr(n, (attr){.name = "axis", .kind = ATTR_INT, .i = -1})) return err_oom(c->err);
    return NARU_OK;
}

const adapter softmax_adapters[] = {{13, flatten}, {0}};
