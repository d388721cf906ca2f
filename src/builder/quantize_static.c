/* SPDX-License-Identifier: MIT
 *
 * The static form: QuantizeLinear and DequantizeLinear pairs as ONNX Runtime's static quantizer puts them. Inputs and
 * outputs of the layers in the table are quantized per tensor (what only moves elements shares its input's scale),
 * weights to int8, biases to int32 at the product of both scales. A ReLU or Clip whose work the asymmetric output range
 * of the layer before it does already is dropped.
 *
 * inputs_only: pairs only before the layers with constant weights, and for the float residual beside them (it reads the
 * pair too, where the value's float form need not exist, namely behind such a layer). Behind such layers also before a
 * global mean and at one operand of a sum of two, whose float images would cost more than their arithmetic.
 */
#include <math.h>

#include "builder/quantize.h"

typedef enum role { ROLE_WEIGHTED, ROLE_ALL, ROLE_FIRST, ROLE_MOVE, ROLE_CLAMP } role;
typedef struct kind {
    const char *op;
    role role; /* weighted: x, w, b; all inputs; the first input only; moves elements; clamps them */
} kind;

static const kind kinds[] = {{"Conv", ROLE_WEIGHTED},
                             {"ConvTranspose", ROLE_WEIGHTED},
                             {"Gemm", ROLE_WEIGHTED},
                             {"MatMul", ROLE_WEIGHTED},
                             {"Add", ROLE_ALL},
                             {"Mul", ROLE_ALL},
                             {"Concat", ROLE_ALL},
                             {"AveragePool", ROLE_FIRST},
                             {"GlobalAveragePool", ROLE_FIRST},
                             {"LeakyRelu", ROLE_FIRST},
                             {"Sigmoid", ROLE_FIRST},
                             {"Softmax", ROLE_FIRST},
                             {"Resize", ROLE_FIRST},
                             {"Pad", ROLE_FIRST},
                             {"MaxPool", ROLE_MOVE},
                             {"GlobalMaxPool", ROLE_MOVE},
                             {"Reshape", ROLE_MOVE},
                             {"Flatten", ROLE_MOVE},
                             {"Transpose", ROLE_MOVE},
                             {"Squeeze", ROLE_MOVE},
                             {"Unsqueeze", ROLE_MOVE},
                             {"Slice", ROLE_MOVE},
                             {"Gather", ROLE_MOVE},
                             {"Split", ROLE_MOVE},
                             {"DepthToSpace", ROLE_MOVE},
                             {"SpaceToDepth", ROLE_MOVE},
                             {"Relu", ROLE_CLAMP},
                             {"Clip", ROLE_CLAMP}};

static const kind *kind_of(const node *n) {
    for (size_t i = 0; !*n->domain && i < COUNT_OF(kinds); i++)
        if (strcmp(n->op_type, kinds[i].op) == 0) return &kinds[i];
    return NULL;
}

static bool stays(const quantizer *q, const node *n) {
    return n->index >= 0 && n->index < q->nnodes && q->why[n->index];
}

/* ---- ranges ---- */
/* What cannot be negative: a symmetric range from a cache need not reach below 0. */
static bool never_negative(const value *v) {
    for (int hops = 0; v && v->producer && hops < 64; hops++) {
        const node *n = v->producer;
        const kind *k = kind_of(n);
        if (!k) return false;
        if (strcmp(k->op, "Relu") == 0 || strcmp(k->op, "Sigmoid") == 0 || strcmp(k->op, "Softmax") == 0) return true;
        if (strcmp(k->op, "Clip") == 0) {
            naru_tensor *lo = n->nin > 1 ? quant_constant(n->in[1]) : NULL;
            return lo && tensor_count(lo) == 1 && naru_tensor_get(lo, 0) >= 0;
        }
        if (k->role != ROLE_MOVE && strcmp(k->op, "AveragePool") != 0 && strcmp(k->op, "GlobalAveragePool") != 0)
            return false;
        v = n->nin ? n->in[0] : NULL;
    }
    return false;
}

void quant_sharpen(const graph *g, calib_table *t) {
    for (size_t i = 0; i < t->entries.count; i++) {
        const value *v = strmap_get(&g->names, t->entries.data[i].name);
        calib_range *r = &t->entries.data[i].range;
        if (v && r->lo < 0 && never_negative(v)) r->lo = 0;
    }
}

static bool range_of(const quantizer *q, const value *v, calib_range *out) {
    *out = (calib_range){0, 0, 0};
    if (!q->ranges) return true;
    const calib_range *r = calib_find(q->ranges, v->name);
    if (r) *out = *r;
    return r;
}

/* ---- marking ---- */
static qtensor *marked(const quantizer *q, const value *v) { return v ? strmap_get(&q->tensors, v->name) : NULL; }

static bool mark(quantizer *q, value *v, qtensor *base) {
    if (marked(q, v)) return true;
    qtensor *t = arena_calloc(q->g->arena, 1, sizeof *t);
    if (!t) return false;
    t->v = v;
    t->base = base && base->base ? base->base : base;
    range_of(q, v, &t->range);
    struct strmap_entry *e = strmap_put(&q->tensors, v->name, NULL);
    if (!e || !ARRAY_PUSH(&q->order, t)) return false;
    e->ptr = t;
    return true;
}

/* Can v be quantized as an activation? A constant can; so can a float value that has a range. */
static const char *activation_problem(const quantizer *q, const value *v) {
    naru_tensor *c = quant_constant(v);
    if (c) return quant_constant_fits(c) ? NULL : "a constant without range";
    if (marked(q, v)) return NULL;
    if (v->producer && strcmp(v->producer->op_type, "DequantizeLinear") == 0) return "quantized already";
    if (!quant_is_float(q, v)) return "not float";
    if (v->is_input && value_is_output(v)) return "an input that is an output";
    calib_range r;
    return range_of(q, v, &r) ? NULL : "no range";
}

static int activations_of(const node *n, role r) { /* how many inputs, from the first on */
    switch (r) {
    case ROLE_ALL: return n->nin;
    case ROLE_WEIGHTED: return n->nin < 2 ? n->nin : 2;
    default: return n->nin < 1 ? n->nin : 1;
    }
}

static bool is_weight(const node *n, int i, role r) {
    if (r != ROLE_WEIGHTED || i != 1) return false;
    naru_tensor *w = quant_constant(n->in[1]);
    return w && w->rank >= 2;
}

/* inputs_only: what an 8-bit kernel takes. */
static const char *lean_problem(const quantizer *q, const node *n, role r) {
    if (n->nin < 2 || !is_weight(n, 1, r)) return "no constant weights";
    const naru_tensor *w = quant_constant(n->in[1]);
    bool conv = strcmp(n->op_type, "Conv") == 0, gemm = strcmp(n->op_type, "Gemm") == 0;
    if (conv ? w->rank < 3 || w->rank > 5 : w->rank != 2 || strcmp(n->op_type, "ConvTranspose") == 0)
        return "no 8-bit kernel";
    bool factors = quant_real_attr(n, "alpha", 1) != 1 || quant_real_attr(n, "beta", 1) != 1;
    if (gemm && (factors || quant_int_attr(n, "transA", 0))) return "no 8-bit kernel";
    if (quant_constant(n->in[0])) return "constant";
    return quant_is_float(q, n->out[0]) ? NULL : "not float";
}

static const char *node_problem(const quantizer *q, const node *n, role r) {
    if (stays(q, n)) return q->why[n->index];
    if (n->nin < 1 || n->nout < 1 || !n->out[0]) return "malformed";
    const char *lean = q->o->inputs_only ? lean_problem(q, n, r) : NULL;
    if (lean) return lean;
    for (int i = 0, k = activations_of(n, r); i < k; i++) {
        if (!n->in[i]) return "malformed";
        const char *why = is_weight(n, i, r) ? NULL : activation_problem(q, n->in[i]);
        if (why) return why;
    }
    return q->o->inputs_only ? NULL : activation_problem(q, n->out[0]);
}

/* inputs_only: v comes from a quantized layer through what its epilogue takes, so that nobody computes it in float. */
static bool behind_layer(const quantizer *q, const value *v, int hops) {
    const node *n = v ? v->producer : NULL;
    const kind *k = n && hops < 8 && !value_is_output(v) ? kind_of(n) : NULL;
    if (!k || n->nin < 1) return false;
    if (k->role == ROLE_WEIGHTED) return !node_problem(q, n, k->role);
    if (strcmp(k->op, "Add") == 0)
        return n->nin == 2 && (behind_layer(q, n->in[0], hops + 1) || behind_layer(q, n->in[1], hops + 1));
    return (k->role == ROLE_CLAMP || strcmp(k->op, "MaxPool") == 0) && behind_layer(q, n->in[0], hops + 1);
}

/* The result of a layer itself that only n reads. */
static bool layer_result(const quantizer *q, const value *v) {
    const node *p = v ? v->producer : NULL;
    const kind *k = p ? kind_of(p) : NULL;
    return k && k->role == ROLE_WEIGHTED && behind_layer(q, v, 0) && graph_count_uses(q->g, v) == 1;
}

/* Images that would be float only for n: the input of a global mean; of two layers' sum the operand that is computed
 * first, since the second layer adds it. */
static bool mark_image(quantizer *q, const node *n) {
    value *v = NULL;
    if (n->nin < 1 || !n->in[0] || stays(q, n)) return true;
    if (strcmp(n->op_type, "GlobalAveragePool") == 0 && behind_layer(q, n->in[0], 0)) v = n->in[0];
    if (strcmp(n->op_type, "Add") == 0 && n->nin == 2 && layer_result(q, n->in[0]) && layer_result(q, n->in[1]))
        v = n->in[n->in[0]->producer->index < n->in[1]->producer->index ? 0 : 1];
    return !v || activation_problem(q, v) || mark(q, v, NULL);
}

static bool mark_lean(quantizer *q, node *n, role r) {
    if (r != ROLE_WEIGHTED) return mark_image(q, n);
    if (n->nin < 2 || n->nout < 1 || !n->out[0] || !is_weight(n, 1, r)) return true;
    const char *why = node_problem(q, n, r);
    if (quant_is_float(q, n->out[0]) && !quant_add_layer(q, n, n->out[0], why)) return false;
    if (why) return true;
    if (!mark(q, n->in[0], NULL)) return false;
    marked(q, n->in[0])->narrow = !behind_layer(q, n->in[0], 0);
    return true;
}

/* What only a ReLU or Clip reads need not hold more than what it lets through; then the layer before it is compared
 * behind it. */
static bool adopt_range(quantizer *q, const node *n) {
    qtensor *in = marked(q, n->in[0]), *out = marked(q, n->out[0]);
    if (graph_count_uses(q->g, in->v) != 1 || value_is_output(in->v)) return true;
    in->range = out->range;
    struct strmap_entry *e = strmap_find(&q->layers, in->v->name), *f;
    if (!e) return true;
    quant_layer *l = &q->result->layers.data[e->num];
    if (!(l->output = l->seen = arena_strdup(q->arena, out->v->name))) return false;
    int64_t at = e->num;
    if (!(f = strmap_put(&q->layers, l->output, NULL))) return false;
    f->num = at;
    return true;
}

static bool mark_node(quantizer *q, node *n, role r) {
    if (q->o->inputs_only) return mark_lean(q, n, r);
    if (n->nin < 1 || n->nout < 1 || !n->out[0]) return true; /* what checking the model tells */
    if (r == ROLE_MOVE) {
        qtensor *base = marked(q, n->in[0]);
        if (!base || stays(q, n)) return true;
        for (int i = 0; i < n->nout; i++)
            if (n->out[i] && quant_is_float(q, n->out[i]) && !mark(q, n->out[i], base)) return false;
        return true;
    }
    if (r == ROLE_CLAMP && !marked(q, n->in[0])) return true; /* between floats it stays float */
    const char *why = node_problem(q, n, r);
    if (r != ROLE_CLAMP && quant_is_float(q, n->out[0]) && !quant_add_layer(q, n, n->out[0], why)) return false;
    if (why) return true;
    for (int i = 0, k = activations_of(n, r); i < k; i++)
        if (!quant_constant(n->in[i]) && !mark(q, n->in[i], NULL)) return false;
    if (!mark(q, n->out[0], NULL)) return false;
    if (r == ROLE_CLAMP && !adopt_range(q, n)) return false;
    if (strcmp(n->op_type, "Softmax") == 0)
        marked(q, n->out[0])->range = (calib_range){0, 1, 1}; /* whatever was seen */
    return true;
}

/* ---- ReLU and Clip that quantization does by itself ---- */
static double clip_bound(const node *n, int i, double none) {
    if (strcmp(n->op_type, "Relu") == 0) return i == 1 ? 0 : none;
    if (n->nin <= i || !n->in[i]) return none;
    naru_tensor *t = quant_constant(n->in[i]);
    return t && tensor_count(t) == 1 ? naru_tensor_get(t, 0) : NAN;
}

static bool clamp_is_spare(const quantizer *q, const node *n) {
    if (stays(q, n) || q->o->activation != NARU_UINT8 || n->nin < 1 || n->nout != 1 || !n->in[0] || !n->out[0])
        return false;
    const value *x = n->in[0];
    const node *from = x->producer;
    const kind *k = from ? kind_of(from) : NULL;
    if (!k || k->role == ROLE_MOVE || k->role == ROLE_CLAMP || node_problem(q, from, k->role)) return false;
    calib_range r;
    if (graph_count_uses(q->g, x) != 1 || value_is_output(x) || activation_problem(q, n->out[0])) return false;
    range_of(q, n->out[0], &r);
    return fmin(r.lo, 0) >= clip_bound(n, 1, -INFINITY) && fmax(r.hi, 0) <= clip_bound(n, 2, INFINITY);
}

static void drop_spare_clamps(quantizer *q) {
    for (node *n = q->g->main->first, *next; n; n = next) {
        next = n->next;
        const kind *k = kind_of(n);
        if (!k || k->role != ROLE_CLAMP || !clamp_is_spare(q, n)) continue;
        node *from = n->in[0]->producer;
        int at = n->in[0]->out_index;
        value *out = n->out[0];
        node_remove(n);
        node_set_out(from, at, out);
    }
}

/* ---- emitting ---- */
static naru_status parameters(quantizer *q, qtensor *t) {
    if (t->scale) return NARU_OK;
    if (t->base) {
        TRY(parameters(q, t->base));
        t->scale = t->base->scale;
        t->zero = t->base->zero;
        return NARU_OK;
    }
    float scale;
    int zero;
    quant_parameters(t->range, q->o->activation, &scale, &zero);
    naru_tensor *s = NULL, *z = NULL;
    naru_status st = tensor_new(NARU_FLOAT, 0, NULL, &s, q->err);
    if (st == NARU_OK) st = tensor_new(q->o->activation, 0, NULL, &z, q->err);
    if (st == NARU_OK) {
        *(float *)s->data = scale;
        *(uint8_t *)z->data = (uint8_t)zero;
        t->scale = quant_initializer(q, t->v->name, "_scale", s);
        t->zero = quant_initializer(q, t->v->name, "_zero_point", z);
        if (!t->scale || !t->zero) st = err_oom(q->err);
    }
    tensor_unref(s);
    tensor_unref(z);
    return st;
}

typedef ARRAY(node *) node_list;

static void give_to_layers(const node_list *layers, const value *v, value *y) {
    for (size_t i = 0; i < layers->count; i++)
        if (layers->data[i]->in[0] == v) layers->data[i]->in[0] = y;
}

static naru_status emit_pair(quantizer *q, qtensor *t, const node_list *layers) {
    TRY(parameters(q, t));
    graph *g = q->g;
    value *v = t->v;
    node *producer = v->producer, *before = producer ? producer->next : g->main->first;
    const char *base = v->name;
    bool output = value_is_output(v);
    node *quant = quant_node(q, before, "QuantizeLinear", base, "_QuantizeLinear_Output",
                             (value *const[]){v, t->scale, t->zero}, 3, 1, 0);
    value *y = quant ? quant_dequantize(q, before, base, quant->out[0], t->scale, t->zero, -1, 0) : NULL;
    if (!y) return err_oom(q->err);
    if (t->narrow) {
        give_to_layers(layers, v, y);
        t->seen = v; /* as others see it */
        return NARU_OK;
    }
    if (output) { /* the output keeps its name: what the producer gives gets a new one */
        value *from = quant_value(q, base, "_QuantizeLinear_Input");
        if (!from) return err_oom(q->err);
        node_set_out(producer, v->out_index, from);
        node_set_out(y->producer, 0, v);
        quant->in[0] = from;
        t->seen = v;
        return NARU_OK;
    }
    graph_replace_uses(g, v, y);
    quant->in[0] = v;
    t->seen = y;
    return NARU_OK;
}

/* A constant in int8 or as activation, behind its DequantizeLinear: made once per constant and axis. */
static naru_status constant_value(quantizer *q, value *v, int axis, bool weight, value **out, value **scale) {
    str key = {0};
    str_addf(&key, "%d %d %s", axis, weight, v->name);
    char *kept = key.failed ? NULL : arena_strdup(q->g->arena, key.data);
    str_free(&key);
    struct strmap_entry *e = kept ? strmap_put(&q->made, kept, NULL) : NULL;
    if (!e) return err_oom(q->err);
    if (!e->ptr) {
        quantized_tensor t;
        naru_tensor *c = quant_constant(v);
        TRY(weight ? quant_int8(c, axis, &t, q->err) : quant_constant_input(c, q->o->activation, &t, q->err));
        value *x = quant_initializer(q, v->name, "_quantized", t.q),
              *s = quant_initializer(q, v->name, "_scale", t.scale);
        value *z = quant_initializer(q, v->name, "_zero_point", t.zero);
        quantized_tensor_free(&t);
        if (x && s && z) e->ptr = quant_dequantize(q, q->g->main->first, v->name, x, s, z, axis, 0);
        if (!e->ptr) return err_oom(q->err);
    }
    *out = e->ptr;
    *scale = (*out)->producer->in[1];
    return NARU_OK;
}

static int channel_axis(const quantizer *q, const node *n, const naru_tensor *w) {
    if (!q->o->per_channel) return -1;
    if (strcmp(n->op_type, "Conv") == 0) return 0;
    if (strcmp(n->op_type, "ConvTranspose") == 0) return quant_int_attr(n, "group", 1) == 1 ? 1 : -1;
    if (strcmp(n->op_type, "Gemm") == 0) return quant_int_attr(n, "transB", 0) ? 0 : 1;
    return w->rank == 2 ? 1 : -1;
}

static naru_status emit_bias(quantizer *q, node *n, const qtensor *x, const value *wscale) {
    naru_tensor *b = n->nin > 2 ? quant_constant(n->in[2]) : NULL;
    const naru_tensor *w = wscale->constant;
    if (!x || !b || b->rank != 1 || (tensor_count(w) > 1 && tensor_count(w) != b->dims[0])) return NARU_OK;
    if (quant_real_attr(n, "alpha", 1) != 1 || quant_real_attr(n, "beta", 1) != 1) return NARU_OK;
    quantized_tensor t;
    bool fits;
    TRY(quant_bias(b, *(const float *)x->scale->constant->data, w, &t, &fits, q->err));
    if (!fits) return NARU_OK; /* it stays float */
    const char *name = n->in[2]->name;
    value *qv = quant_initializer(q, name, "_quantized", t.q),
          *s = quant_initializer(q, name, "_quantized_scale", t.scale);
    value *z = quant_initializer(q, name, "_quantized_zero_point", t.zero);
    int axis = t.scale->rank ? 0 : -1;
    quantized_tensor_free(&t);
    value *y = qv && s && z ? quant_dequantize(q, q->g->main->first, name, qv, s, z, axis, 0) : NULL;
    if (!y) return err_oom(q->err);
    n->in[2] = y;
    return NARU_OK;
}

static naru_status emit_constants(quantizer *q, node *n, role r, const qtensor *x) {
    for (int i = 0, k = activations_of(n, r); i < k; i++) {
        naru_tensor *c = quant_constant(n->in[i]);
        if (!c) continue;
        bool weight = is_weight(n, i, r);
        value *y = NULL, *scale = NULL;
        TRY(constant_value(q, n->in[i], weight ? channel_axis(q, n, c) : -1, weight, &y, &scale));
        n->in[i] = y;
        if (weight) TRY(emit_bias(q, n, x, scale));
    }
    return NARU_OK;
}

static naru_status emit(quantizer *q, size_t first_layer) {
    node_list nodes = {0}; /* as they were: emitting adds nodes */
    naru_status st = NARU_OK;
    for (node *n = q->g->main->first; n && st == NARU_OK; n = n->next) {
        const kind *k = kind_of(n);
        if (k && k->role != ROLE_MOVE && k->role != ROLE_CLAMP && !node_problem(q, n, k->role) &&
            !ARRAY_PUSH(&nodes, n))
            st = err_oom(q->err);
    }
    ARRAY(qtensor *) inputs = {0}; /* the bias needs the scale of the activation, whose name changes on the way */
    for (size_t i = 0; i < nodes.count && st == NARU_OK; i++)
        if (!ARRAY_PUSH(&inputs, marked(q, nodes.data[i]->in[0]))) st = err_oom(q->err);
    for (size_t i = 0; i < q->order.count && st == NARU_OK; i++) st = emit_pair(q, q->order.data[i], &nodes);
    for (size_t i = 0; i < nodes.count && st == NARU_OK; i++)
        st = emit_constants(q, nodes.data[i], kind_of(nodes.data[i])->role, inputs.data[i]);
    ARRAY_FREE(&nodes);
    ARRAY_FREE(&inputs);
    for (size_t i = first_layer; i < q->result->layers.count && st == NARU_OK; i++) {
        quant_layer *l = &q->result->layers.data[i];
        qtensor *t = strmap_get(&q->tensors, l->output);
        if (t && !(l->seen = arena_strdup(q->arena, t->seen->name))) st = err_oom(q->err);
    }
    return st;
}

naru_status quant_static(quantizer *q) {
    size_t first_layer = q->result->layers.count;
    if (q->ranges && !q->o->inputs_only) drop_spare_clamps(q);
    for (node *n = q->g->main->first; n; n = n->next) {
        const kind *k = kind_of(n);
        if (k && !mark_node(q, n, k->role)) return err_oom(q->err);
    }
    return q->ranges ? emit(q, first_layer) : NARU_OK;
}
