/* SPDX-License-Identifier: MIT
 *
 * The weight-only form: constant weights of products, convolutions and embeddings in 8 bits (a scale per tensor or per
 * output channel) or 4 bits (a scale per block), behind a DequantizeLinear; all arithmetic stays float.
 */
#include "builder/quantize.h"

typedef struct place { /* where a node's weight is and along what its scales run */
    int input;
    int channel; /* 8 bits; -1: a scale for all */
    int along;   /* 4 bits: the axis that is summed over; -1: no 4-bit form */
} place;

static bool place_of(const quantizer *q, const node *n, place *out) {
    if (*n->domain || n->index < 0) return false;
    *out = (place){1, -1, -1};
    if (strcmp(n->op_type, "MatMul") == 0) *out = (place){1, 1, 0};
    else if (strcmp(n->op_type, "Gemm") == 0)
        *out = quant_int_attr(n, "transB", 0) ? (place){1, 0, 1} : (place){1, 1, 0};
    else if (strcmp(n->op_type, "Conv") == 0) out->channel = 0;
    else if (strcmp(n->op_type, "Gather") == 0) *out = (place){0, 0, 1};
    else return false;
    return true;
}

static const char *problem(const quantizer *q, const node *n, place p) {
    if (n->index < q->nnodes && q->why[n->index]) return q->why[n->index];
    if (n->nin <= p.input || n->nout < 1 || !n->out[0]) return "malformed";
    naru_tensor *w = quant_constant(n->in[p.input]);
    if (!w || w->rank < 2) return "its weights are no constant";
    if (tensor_count(w) == 0) return "its weights are empty";
    if (q->o->weight_bits == 4 && (p.along < 0 || w->rank != 2)) return "no 4-bit form";
    return NULL;
}

static naru_status quantize(quantizer *q, node *n, place p) {
    value *v = n->in[p.input];
    naru_tensor *w = quant_constant(v);
    bool four = q->o->weight_bits == 4;
    int axis = four ? p.along : q->o->per_channel && (w->rank == 2 || p.channel == 0) ? p.channel : -1;
    str key = {0};
    str_addf(&key, "%d %s", axis, v->name);
    char *kept = key.failed ? NULL : arena_strdup(q->g->arena, key.data);
    str_free(&key);
    struct strmap_entry *e = kept ? strmap_put(&q->made, kept, NULL) : NULL;
    if (!e) return err_oom(q->err);
    if (!e->ptr) {
        quantized_tensor t;
        TRY(four ? quant_int4(w, axis, q->o->block, &t, q->err) : quant_int8(w, axis, &t, q->err));
        value *x = quant_initializer(q, v->name, "_quantized", t.q),
              *s = quant_initializer(q, v->name, "_scale", t.scale);
        value *z = t.zero ? quant_initializer(q, v->name, "_zero_point", t.zero) : NULL;
        if (x && s && (z || !t.zero))
            e->ptr = quant_dequantize(q, q->g->main->first, v->name, x, s, z, axis, four ? q->o->block : 0);
        quantized_tensor_free(&t);
        if (!e->ptr) return err_oom(q->err);
    }
    n->in[p.input] = e->ptr;
    return NARU_OK;
}

naru_status quant_weights(quantizer *q) {
    for (node *n = q->g->main->first; n; n = n->next) {
        place p;
        if (!place_of(q, n, &p)) continue;
        const char *why = problem(q, n, p);
        bool embedding = p.input == 0; /* Gather is mostly about other things than weights */
        if (embedding && (why && n->index < q->nnodes && !q->why[n->index])) continue;
        if (n->nout > 0 && n->out[0] && !quant_add_layer(q, n, n->out[0], why)) return err_oom(q->err);
        if (!why) TRY(quantize(q, n, p));
    }
    return NARU_OK;
}
