/* SPDX-License-Identifier: MIT
 *
 * What the forms of quantization share: looking at nodes as written, making constants, nodes and layers.
 */
#include <math.h>

#include "base/str.h"
#include "builder/quantize.h"
#include "passes/lift.h"
#include "passes/lower.h"
#include "passes/pass.h"

static bool is_batch_norm(const node *n) { return !*n->domain && strcmp(n->op_type, "BatchNormalization") == 0; }

naru_status quant_prepare(graph *g, int64_t least, naru_report *report, naru_error *err) {
    int64_t version = i64_min(i64_max(graph_opset(g, ""), least), LOWER_OPSET_MAX);
    bool as_is = graph_opset(g, "") >= least && !g->nfunctions;
    for (const node *n = g->main->first; as_is && n; n = n->next) as_is = !is_batch_norm(n);
    if (as_is) return NARU_OK;
    TRY(graph_lift(g, report, err));
    TRY(passes_run(g, &(pass_options){.optimize = true, .only = "conv_bn"}, err));
    return graph_lower(g, version, report, err);
}

void quantizer_free(quantizer *q) {
    strmap_free(&q->layers);
    strmap_free(&q->tensors);
    strmap_free(&q->made);
    strmap_free(&q->nodes);
    ARRAY_FREE(&q->order);
}

void quant_number(graph *g) {
    int i = 0;
    for (node *n = g->main->first; n; n = n->next) n->index = i++;
}

bool quant_is_float(const quantizer *q, const value *v) {
    return v && v->block == q->g->main && strmap_find(q->floats, v->name);
}

naru_tensor *quant_constant(const value *v) {
    if (!v) return NULL;
    naru_tensor *t = v->is_initializer ? v->constant : NULL;
    if (!t && v->producer && !*v->producer->domain && strcmp(v->producer->op_type, "Constant") == 0) {
        attr *a = node_attr(v->producer, "value");
        if (a && a->kind == ATTR_TENSOR) t = a->tensor;
    }
    return t && t->dtype == NARU_FLOAT && tensor_is_contiguous(t) ? t : NULL;
}

int64_t quant_int_attr(const node *n, const char *name, int64_t fallback) {
    attr *a = node_attr(n, name);
    return a && a->kind == ATTR_INT ? a->i : fallback;
}

double quant_real_attr(const node *n, const char *name, double fallback) {
    attr *a = node_attr(n, name);
    return a && a->kind == ATTR_FLOAT ? a->f : fallback;
}

/* The layer whose output v is, or is made from by nodes that are no layers; -1: none. */
static int layer_behind(const quantizer *q, const value *v) {
    for (int hops = 0; v && hops < 32; hops++) {
        struct strmap_entry *e = strmap_find(&q->layers, v->name);
        if (e) return (int)e->num;
        v = v->producer && v->producer->nin ? v->producer->in[0] : NULL;
    }
    return -1;
}

quant_layer *quant_add_layer(quantizer *q, const node *n, const value *seen, const char *why) {
    quant_layer l = {.node = n->index, .quantized = !why, .why = why ? why : "", .sqnr = NAN};
    int *from = arena_calloc(q->arena, (size_t)n->nin + 1, sizeof *from);
    if (!from) return NULL;
    for (int i = 0; i < n->nin; i++)
        if ((from[l.nfrom] = layer_behind(q, n->in[i])) >= 0) l.nfrom++;
    l.from = from;
    l.op = arena_strdup(q->arena, n->op_type);
    l.output = l.seen = arena_strdup(q->arena, seen->name);
    l.name = *n->name ? arena_strdup(q->arena, n->name) : l.output;
    if (!l.op || !l.output || !l.name) return NULL;
    struct strmap_entry *e = strmap_put(&q->layers, l.output, NULL);
    if (!e || !ARRAY_PUSH(&q->result->layers, l)) return NULL;
    e->num = (int64_t)q->result->layers.count - 1;
    return &q->result->layers.data[q->result->layers.count - 1];
}

value *quant_value(quantizer *q, const char *base, const char *suffix) {
    str s = {0};
    str_addf(&s, "%s%s", base, suffix);
    for (int k = 1; !s.failed && strmap_find(&q->g->names, s.data); k++) {
        s.len = 0;
        str_addf(&s, "%s%s_%d", base, suffix, k);
    }
    value *v = s.failed ? NULL : graph_value_new(q->g, q->g->main, s.data);
    str_free(&s);
    return v;
}

value *quant_initializer(quantizer *q, const char *base, const char *suffix, naru_tensor *t) {
    value *v = quant_value(q, base, suffix);
    if (!v || !block_add_initializer(q->g->main, v)) return NULL;
    v->constant = tensor_ref(t);
    return v;
}

/* BASE_OP, made unique among all nodes: ONNX Runtime wants it so. */
static const char *node_name(quantizer *q, const char *base, const char *op) {
    if (!q->nodes.count)
        for (node *n = q->g->main->first; n; n = n->next)
            if (*n->name && !strmap_put(&q->nodes, n->name, NULL)) return NULL;
    str s = {0};
    str_addf(&s, "%s_%s", base, op);
    for (int k = 1; !s.failed && strmap_find(&q->nodes, s.data); k++) {
        s.len = 0;
        str_addf(&s, "%s_%s_%d", base, op, k);
    }
    char *name = s.failed ? NULL : arena_strdup(q->g->arena, s.data);
    str_free(&s);
    return name && strmap_put(&q->nodes, name, NULL) ? name : NULL;
}

node *quant_node(quantizer *q, node *before, const char *op, const char *base, const char *suffix, value *const *in,
                 int nin, int nout, int nattrs) {
    node *n = graph_node_new(q->g, q->g->main, before, op, "", nin, nout, nattrs);
    if (!n) return NULL;
    if (!(n->name = node_name(q, base, op))) return NULL;
    for (int i = 0; i < nin; i++) n->in[i] = in[i];
    for (int i = 0; i < nout; i++) {
        value *v = quant_value(q, base, suffix);
        if (!v) return NULL;
        node_set_out(n, i, v);
    }
    return n;
}

value *quant_dequantize(quantizer *q, node *before, const char *base, value *x, value *scale, value *zero, int axis,
                        int64_t span) {
    value *const in[] = {x, scale, zero};
    int nattrs = axis < 0 ? 0 : span ? 2 : 1;
    node *n = quant_node(q, before, "DequantizeLinear", base, "_DequantizeLinear_Output", in, zero ? 3 : 2, 1, nattrs);
    if (!n) return NULL;
    if (nattrs > 0) n->attrs[0] = (attr){.name = "axis", .kind = ATTR_INT, .i = axis};
    if (nattrs > 1) n->attrs[1] = (attr){.name = "block_size", .kind = ATTR_INT, .i = span};
    return n->out[0];
}

static bool count_uses(block *b, void *user) {
    int *uses = user;
    for (node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nin; i++)
            if (n->in[i]) uses[n->in[i]->id]++;
    for (int i = 0; i < b->nout; i++)
        if (b->out[i]) uses[b->out[i]->id]++;
    return true;
}

void quant_drop_unused(graph *g) {
    int *uses = mem_calloc(g->values.count + 1, sizeof *uses);
    if (!uses) return; /* they stay: larger, not wrong */
    graph_each_block(g, true, count_uses, uses);
    block *b = g->main;
    int kept = 0;
    for (int i = 0; i < b->ninit; i++) {
        value *v = b->initializers[i];
        if (uses[v->id] || v->is_input) b->initializers[kept++] = v;
    }
    b->ninit = kept;
    for (node *n = b->first, *next; n; n = next) { /* Constant nodes likewise */
        next = n->next;
        if (!*n->domain && strcmp(n->op_type, "Constant") == 0 && n->nout == 1 && n->out[0] && !uses[n->out[0]->id])
            node_remove(n);
    }
    mem_free(uses);
}
