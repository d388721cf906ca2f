/* SPDX-License-Identifier: MIT
 *
 * The dynamic form: int8 weights, activations quantized to uint8 as they come. MatMul, Gemm and Conv with constant
 * weights become DynamicQuantizeLinear, an integer product, and the scale of both sides put back on.
 */
#include "builder/quantize.h"

typedef struct dyn {
    value *x, *scale, *zero; /* of the quantized activation */
} dyn;

static naru_status quantize_input(quantizer *q, node *n, value *x, dyn *out) {
    struct strmap_entry *e = strmap_put(&q->made, x->name, NULL);
    if (!e) return err_oom(q->err);
    node *d = e->ptr;
    if (!d) { /* right behind x, for all of its users */
        node *before = x->producer ? x->producer->next : q->g->main->first;
        d = quant_node(q, before, "DynamicQuantizeLinear", x->name, "_dynamic", &x, 1, 3, 0);
        if (!d) return err_oom(q->err);
        e->ptr = d;
    }
    *out = (dyn){d->out[0], d->out[1], d->out[2]};
    return NARU_OK;
}

static naru_status transposed(const naru_tensor *w, naru_tensor **out, naru_error *err) {
    int64_t rows = w->dims[0], cols = w->dims[1];
    TRY(tensor_new(NARU_FLOAT, 2, (int64_t[]){cols, rows}, out, err));
    const char *from = w->data;
    char *to = (*out)->data;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) memcpy(to + 4 * (j * rows + i), from + 4 * (i * cols + j), 4);
    return NARU_OK;
}

static naru_status reshaped(const naru_tensor *t, int rank, int at, naru_tensor **out, naru_error *err) {
    int64_t dims[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) dims[i] = i == at ? tensor_count(t) : 1;
    TRY(tensor_new(t->dtype, rank, dims, out, err));
    memcpy((*out)->data, t->data, tensor_bytes(t));
    return NARU_OK;
}

typedef struct weight {
    value *q, *scale, *zero, *bias;
} weight;

static naru_status make_weight(quantizer *q, const node *n, bool conv, weight *out) {
    naru_tensor *w = quant_constant(n->in[1]), *turned = NULL, *spread = NULL, *bias = NULL;
    naru_tensor *b = conv && n->nin > 2 ? quant_constant(n->in[2]) : NULL;
    bool turn = !conv && quant_int_attr(n, "transB", 0);
    quantized_tensor t = {0};
    naru_status st = turn ? transposed(w, &turned, q->err) : NARU_OK;
    if (turn) w = turned;
    int axis = !q->o->per_channel ? -1 : conv ? 0 : w->rank == 2 ? 1 : -1;
    if (st == NARU_OK) st = quant_int8(w, axis, &t, q->err);
    if (st == NARU_OK && conv && axis == 0) st = reshaped(t.scale, w->rank, 1, &spread, q->err);
    if (st == NARU_OK && b) st = reshaped(b, w->rank, 1, &bias, q->err);
    if (st == NARU_OK) {
        const char *name = n->in[1]->name;
        *out = (weight){quant_initializer(q, name, "_quantized", t.q),
                        quant_initializer(q, name, "_scale", spread ? spread : t.scale),
                        axis < 0 ? quant_initializer(q, name, "_zero_point", t.zero) : NULL,
                        bias ? quant_initializer(q, n->in[2]->name, "_spread", bias) : NULL};
        if (!out->q || !out->scale || (axis < 0 && !out->zero) || (bias && !out->bias)) st = err_oom(q->err);
    }
    quantized_tensor_free(&t);
    tensor_unref(turned);
    tensor_unref(spread);
    tensor_unref(bias);
    return st;
}

static node *binary(quantizer *q, node *before, const char *op, const char *base, const char *suffix, value *a,
                    value *b) {
    return a && b ? quant_node(q, before, op, base, suffix, (value *const[]){a, b}, 2, 1, 0) : NULL;
}

/* y = Cast(product(xq, wq)) * (xs * ws) [+ bias]; the last node gives n's output. */
static naru_status rewrite(quantizer *q, node *n, bool conv, const dyn *x, const weight *w) {
    const char *base = n->out[0]->name;
    value *bias = w->bias ? w->bias : !conv && n->nin > 2 ? n->in[2] : NULL;
    node *p = quant_node(q, n, conv ? "ConvInteger" : "MatMulInteger", base, "_integer",
                         (value *const[]){x->x, w->q, x->zero, w->zero}, w->zero ? 4 : 3, 1, conv ? n->nattrs : 0);
    if (!p) return err_oom(q->err);
    for (int i = 0; i < p->nattrs; i++) {
        p->attrs[i] = n->attrs[i];
        n->attrs[i].kind = ATTR_NONE;
    }
    node *cast = quant_node(q, n, "Cast", base, "_cast", &p->out[0], 1, 1, 1);
    if (!cast) return err_oom(q->err);
    cast->attrs[0] = (attr){.name = "to", .kind = ATTR_INT, .i = NARU_FLOAT};
    node *scale = binary(q, n, "Mul", base, "_scales", x->scale, w->scale);
    node *last = scale ? binary(q, n, "Mul", base, "_scaled", cast->out[0], scale->out[0]) : NULL;
    if (last && bias) last = binary(q, n, "Add", base, "_biased", last->out[0], bias);
    if (!last) return err_oom(q->err);
    value *y = n->out[0];
    node_remove(n);
    node_set_out(last, 0, y);
    return NARU_OK;
}

static const char *problem(const quantizer *q, const node *n, bool conv) {
    if (n->index >= 0 && n->index < q->nnodes && q->why[n->index]) return q->why[n->index];
    if (n->nin < 2 || n->nout < 1 || !n->in[0] || !n->out[0]) return "malformed";
    if (!quant_is_float(q, n->out[0]) || !quant_is_float(q, n->in[0])) return "not float";
    naru_tensor *w = quant_constant(n->in[1]);
    if (!w || w->rank < 2) return "its weights are no constant";
    if (quant_constant(n->in[0])) return "its input is constant";
    if (conv && n->nin > 2 && n->in[2] && !quant_constant(n->in[2])) return "its bias is no constant";
    if (quant_int_attr(n, "transA", 0) || quant_real_attr(n, "alpha", 1) != 1 || quant_real_attr(n, "beta", 1) != 1)
        return "its alpha, beta or transA";
    return NULL;
}

naru_status quant_dynamic(quantizer *q) {
    for (node *n = q->g->main->first, *next; n; n = next) {
        next = n->next;
        bool conv = strcmp(n->op_type, "Conv") == 0;
        if (*n->domain || n->index < 0 ||
            !(conv || strcmp(n->op_type, "MatMul") == 0 || strcmp(n->op_type, "Gemm") == 0))
            continue;
        const char *why = problem(q, n, conv);
        if (n->nout > 0 && n->out[0] && !quant_add_layer(q, n, n->out[0], why)) return err_oom(q->err);
        if (why) continue;
        dyn x = {0};
        weight w = {0};
        TRY(quantize_input(q, n, n->in[0], &x));
        TRY(make_weight(q, n, conv, &w));
        TRY(rewrite(q, n, conv, &x, &w));
    }
    return NARU_OK;
}
