/* SPDX-License-Identifier: MIT
 *
 * TensorRT's layers as operators: each function adds one operator or a few, all or none of them.
 */
#include <stdio.h>

#include "api/network.h"

typedef naru_network_tensor *tensor;

/* ---- one operator of one output ---- */
static naru_status add_attrs(naru_network *n, const char *op, const char *name, size_t nin, const tensor *in,
                             size_t nattrs, const naru_attribute *attrs, tensor *out, naru_error *err) {
    return naru_network_add(n, op, "", name, nin, in, nattrs, attrs, 1, out, err);
}

static naru_status add(naru_network *n, const char *op, const char *name, size_t nin, const tensor *in, tensor *out,
                       naru_error *err) {
    return add_attrs(n, op, name, nin, in, 0, NULL, out, err);
}

static naru_status check(const naru_network *n, const void *x, const tensor *out, const char *name, naru_error *err) {
    TRY(network_is_open(n, err));
    if (x && out) return NARU_OK;
    return err_set(err, NARU_INVALID_ARGUMENT, "layer '%s': NULL argument", name ? name : "");
}

static naru_status no_kind(int kind, const char *what, naru_error *err) {
    return err_set(err, NARU_INVALID_ARGUMENT, "%d is no %s", kind, what);
}

/* Several operators: the ones before the last are named after the layer. */
typedef struct group {
    naru_network *n;
    edit_mark mark;
    const char *name;
    naru_error *err;
    naru_status st; /* of the first that failed */
} group;

static group begin(naru_network *n, const char *name, naru_error *err) {
    return (group){n, edit_here(&n->edit), name, err, NARU_OK};
}

static naru_status end(group *g, tensor x, tensor *out) {
    if (g->st == NARU_OK) *out = x;
    else edit_undo(&g->n->edit, g->mark);
    return g->st;
}

/* part NULL: the last operator, which has the name; NULL comes back when something has failed. */
static tensor part_attrs(group *g, const char *part, const char *op, size_t nin, const tensor *in, size_t nattrs,
                         const naru_attribute *attrs) {
    tensor out = NULL;
    str name = {0};
    if (g->st != NARU_OK) return NULL;
    if (g->name && part) str_addf(&name, "%s/%s", g->name, part);
    const char *own = !part ? g->name : g->name ? str_text(&name) : NULL;
    g->st = name.failed ? err_oom(g->err) : add_attrs(g->n, op, own, nin, in, nattrs, attrs, &out, g->err);
    str_free(&name);
    return out;
}

static tensor part(group *g, const char *name, const char *op, size_t nin, const tensor *in) {
    return part_attrs(g, name, op, nin, in, 0, NULL);
}

/* ---- small constants ---- */
static tensor constant(group *g, naru_tensor *t) {
    tensor out = NULL;
    if (g->st == NARU_OK) g->st = naru_network_add_constant(g->n, NULL, t, &out, g->err);
    return out;
}

static tensor ints(group *g, size_t count, const int64_t *v) {
    naru_tensor *t = NULL;
    int64_t dims = (int64_t)count;
    if (g->st == NARU_OK) g->st = naru_tensor_create(NARU_INT64, 1, &dims, &t, g->err);
    if (g->st != NARU_OK) return NULL;
    if (count) memcpy(t->data, v, count * sizeof *v);
    tensor out = constant(g, t);
    tensor_unref(t);
    return out;
}

/* A scalar of x's type. */
static tensor number(group *g, tensor x, double v) {
    naru_tensor *t = NULL, *cast = NULL;
    naru_dtype d = value_of(x)->fact.type.dtype;
    if (g->st == NARU_OK) g->st = naru_tensor_create(NARU_DOUBLE, 0, NULL, &t, g->err);
    if (g->st != NARU_OK) return NULL;
    *(double *)t->data = v;
    g->st = naru_tensor_cast(t, d ? d : NARU_FLOAT, &cast, g->err);
    tensor out = g->st == NARU_OK ? constant(g, cast) : NULL;
    tensor_unref(t);
    tensor_unref(cast);
    return out;
}

static int rank_of(tensor x) { return value_of(x)->fact.type.has_rank ? value_of(x)->fact.type.rank : -1; }

/* ---- convolution and pooling ---- */
typedef struct window_attrs {
    naru_attribute a[8];
    size_t count;
    int64_t stride[NARU_WINDOW_MAX], dilation[NARU_WINDOW_MAX], pads[2 * NARU_WINDOW_MAX];
} window_attrs;

static naru_status window_of(const naru_window *w, const char *name, window_attrs *out, naru_error *err) {
    out->count = 0;
    if (!w) return NARU_OK;
    if (w->rank < 1 || w->rank > NARU_WINDOW_MAX)
        return err_set(err, NARU_INVALID_ARGUMENT, "layer '%s': a window has 1 to %d axes, not %d", name ? name : "",
                       NARU_WINDOW_MAX, w->rank);
    size_t n = (size_t)w->rank;
    for (size_t i = 0; i < n; i++) {
        out->stride[i] = w->stride[i] ? w->stride[i] : 1;
        out->dilation[i] = w->dilation[i] ? w->dilation[i] : 1;
        out->pads[i] = w->pad_begin[i];
        out->pads[n + i] = w->pad_end[i];
    }
    out->a[out->count++] = naru_attribute_ints("strides", n, out->stride);
    out->a[out->count++] = naru_attribute_ints("dilations", n, out->dilation);
    out->a[out->count++] = naru_attribute_ints("pads", 2 * n, out->pads);
    return NARU_OK;
}

static naru_status convolve(naru_network *n, const char *op, const char *name, tensor x, tensor kernel, tensor bias,
                            const naru_window *w, int64_t groups, tensor *out, naru_error *err) {
    TRY(check(n, x && kernel ? x : NULL, out, name, err));
    window_attrs a;
    TRY(window_of(w, name, &a, err));
    a.a[a.count++] = naru_attribute_int("group", groups);
    return add_attrs(n, op, name, bias ? 3 : 2, (tensor[]){x, kernel, bias}, a.count, a.a, out, err);
}

naru_status naru_network_add_convolution(naru_network *n, const char *name, tensor x, tensor kernel, tensor bias,
                                         const naru_window *w, int64_t groups, tensor *out, naru_error *err) {
    return convolve(n, "Conv", name, x, kernel, bias, w, groups, out, err);
}

naru_status naru_network_add_deconvolution(naru_network *n, const char *name, tensor x, tensor kernel, tensor bias,
                                           const naru_window *w, int64_t groups, tensor *out, naru_error *err) {
    return convolve(n, "ConvTranspose", name, x, kernel, bias, w, groups, out, err);
}

naru_status naru_network_add_pooling(naru_network *n, const char *name, naru_pooling kind, tensor x,
                                     const naru_window *w, tensor *out, naru_error *err) {
    TRY(check(n, x && w ? x : NULL, out, name, err));
    if ((unsigned)kind >= NARU_POOLINGS) return no_kind((int)kind, "pooling", err);
    window_attrs a;
    TRY(window_of(w, name, &a, err));
    a.a[a.count++] = naru_attribute_ints("kernel_shape", (size_t)w->rank, w->kernel);
    a.a[a.count++] = naru_attribute_int("ceil_mode", w->ceil);
    if (kind == NARU_POOL_AVERAGE) a.a[a.count++] = naru_attribute_int("count_include_pad", w->count_pads);
    return add_attrs(n, kind == NARU_POOL_MAX ? "MaxPool" : "AveragePool", name, 1, &x, a.count, a.a, out, err);
}

/* ---- products ---- */
naru_status naru_network_add_fully_connected(naru_network *n, const char *name, tensor x, tensor kernel, tensor bias,
                                             tensor *out, naru_error *err) {
    TRY(check(n, x && kernel ? x : NULL, out, name, err));
    group g = begin(n, name, err);
    if (rank_of(x) != 2) x = part(&g, "flatten", "Flatten", 1, &x);
    naru_attribute a = naru_attribute_int("transB", 1);
    x = part_attrs(&g, NULL, "Gemm", bias ? 3 : 2, (tensor[]){x, kernel, bias}, 1, &a);
    return end(&g, x, out);
}

static tensor swapped(group *g, const char *name, tensor x) {
    int64_t perm[NARU_MAX_RANK];
    int r = rank_of(x);
    if (g->st == NARU_OK && r < 2)
        g->st = err_set(g->err, NARU_SHAPE, "layer '%s': an operand of rank %d cannot be transposed",
                        g->name ? g->name : "", r);
    if (g->st != NARU_OK) return NULL;
    for (int i = 0; i < r; i++) perm[i] = i < r - 2 ? i : i == r - 2 ? r - 1 : r - 2;
    naru_attribute a = naru_attribute_ints("perm", (size_t)r, perm);
    return part_attrs(g, name, "Transpose", 1, &x, 1, &a);
}

naru_status naru_network_add_matmul(naru_network *n, const char *name, tensor a, bool ta, tensor b, bool tb,
                                    tensor *out, naru_error *err) {
    TRY(check(n, a && b ? a : NULL, out, name, err));
    group g = begin(n, name, err);
    if (ta) a = swapped(&g, "transpose_a", a);
    if (tb && g.st == NARU_OK) b = swapped(&g, "transpose_b", b);
    return end(&g, part(&g, NULL, "MatMul", 2, (tensor[]){a, b}), out);
}

/* ---- activations and unary ---- */
static const struct {
    const char *op;
    const char *alpha, *beta; /* attributes; NULL: not one */
} activations[NARU_ACTIVATIONS] = {
    [NARU_RELU] = {"Relu", NULL, NULL},         [NARU_SIGMOID] = {"Sigmoid", NULL, NULL},
    [NARU_TANH] = {"Tanh", NULL, NULL},         [NARU_LEAKY_RELU] = {"LeakyRelu", "alpha", NULL},
    [NARU_ELU] = {"Elu", "alpha", NULL},        [NARU_SELU] = {"Selu", "alpha", "gamma"},
    [NARU_SOFTSIGN] = {"Softsign", NULL, NULL}, [NARU_SOFTPLUS] = {"Softplus", NULL, NULL},
    [NARU_CLIP] = {"Clip", NULL, NULL},         [NARU_HARD_SIGMOID] = {"HardSigmoid", "alpha", "beta"},
    [NARU_SCALED_TANH] = {"Tanh", NULL, NULL},  [NARU_THRESHOLDED_RELU] = {"ThresholdedRelu", "alpha", NULL},
    [NARU_GELU_ERF] = {"Gelu", NULL, NULL},     [NARU_GELU_TANH] = {"Gelu", NULL, NULL},
    [NARU_SWISH] = {"Swish", "alpha", NULL},    [NARU_HARD_SWISH] = {"HardSwish", NULL, NULL},
};

static tensor times(group *g, const char *name, tensor x, double factor) {
    tensor f = number(g, x, factor);
    return part(g, name, "Mul", 2, (tensor[]){x, f});
}

/* alpha * f(beta * x) */
static naru_status scaled(naru_network *n, const char *name, const char *op, tensor x, float alpha, float beta,
                          tensor *out, naru_error *err) {
    group g = begin(n, name, err);
    if (beta != 1) x = times(&g, "beta", x, (double)beta);
    x = part(&g, alpha != 1 ? "f" : NULL, op, 1, &x);
    if (alpha != 1 && g.st == NARU_OK) x = times(&g, NULL, x, (double)alpha);
    return end(&g, x, out);
}

static naru_status clip(naru_network *n, const char *name, tensor x, float lo, float hi, tensor *out, naru_error *err) {
    group g = begin(n, name, err);
    tensor l = number(&g, x, (double)lo), h = number(&g, x, (double)hi);
    return end(&g, part(&g, NULL, "Clip", 3, (tensor[]){x, l, h}), out);
}

naru_status naru_network_add_activation(naru_network *n, const char *name, naru_activation kind, tensor x, float alpha,
                                        float beta, tensor *out, naru_error *err) {
    TRY(check(n, x, out, name, err));
    if ((unsigned)kind >= NARU_ACTIVATIONS) return no_kind((int)kind, "activation", err);
    naru_attribute a[2];
    size_t count = 0;
    const char *op = activations[kind].op;
    if (kind == NARU_CLIP) return clip(n, name, x, alpha, beta, out, err);
    if (kind == NARU_SOFTPLUS || kind == NARU_SCALED_TANH) return scaled(n, name, op, x, alpha, beta, out, err);
    if (activations[kind].alpha) a[count++] = naru_attribute_float(activations[kind].alpha, alpha);
    if (activations[kind].beta) a[count++] = naru_attribute_float(activations[kind].beta, beta);
    if (kind == NARU_GELU_TANH) a[count++] = naru_attribute_string("approximate", "tanh");
    return add_attrs(n, op, name, 1, &x, count, a, out, err);
}

naru_status naru_network_add_unary(naru_network *n, const char *name, naru_unary kind, tensor x, tensor *out,
                                   naru_error *err) {
    static const char *const ops[NARU_UNARIES] = {
        [NARU_EXP] = "Exp",     [NARU_LOG] = "Log",   [NARU_SQRT] = "Sqrt",   [NARU_RECIP] = "Reciprocal",
        [NARU_ABS] = "Abs",     [NARU_NEG] = "Neg",   [NARU_SIN] = "Sin",     [NARU_COS] = "Cos",
        [NARU_TAN] = "Tan",     [NARU_SINH] = "Sinh", [NARU_COSH] = "Cosh",   [NARU_ASIN] = "Asin",
        [NARU_ACOS] = "Acos",   [NARU_ATAN] = "Atan", [NARU_ASINH] = "Asinh", [NARU_ACOSH] = "Acosh",
        [NARU_ATANH] = "Atanh", [NARU_CEIL] = "Ceil", [NARU_FLOOR] = "Floor", [NARU_ERF] = "Erf",
        [NARU_NOT] = "Not",     [NARU_SIGN] = "Sign", [NARU_ROUND] = "Round", [NARU_ISINF] = "IsInf",
        [NARU_ISNAN] = "IsNaN",
    };
    TRY(check(n, x, out, name, err));
    if ((unsigned)kind >= NARU_UNARIES) return no_kind((int)kind, "unary operation", err);
    return add(n, ops[kind], name, 1, &x, out, err);
}

/* ---- elementwise and scale ---- */
naru_status naru_network_add_elementwise(naru_network *n, const char *name, naru_elementwise kind, tensor a, tensor b,
                                         tensor *out, naru_error *err) {
    static const char *const ops[NARU_ELEMENTWISES] = {
        [NARU_SUM] = "Add",   [NARU_PROD] = "Mul",       [NARU_MAXIMUM] = "Max", [NARU_MINIMUM] = "Min",
        [NARU_SUB] = "Sub",   [NARU_DIV] = "Div",        [NARU_POW] = "Pow",     [NARU_FLOOR_DIV] = "Div",
        [NARU_AND] = "And",   [NARU_OR] = "Or",          [NARU_XOR] = "Xor",     [NARU_EQUAL] = "Equal",
        [NARU_LESS] = "Less", [NARU_GREATER] = "Greater"};
    TRY(check(n, a && b ? a : NULL, out, name, err));
    if ((unsigned)kind >= NARU_ELEMENTWISES) return no_kind((int)kind, "elementwise operation", err);
    if (kind != NARU_FLOOR_DIV) return add(n, ops[kind], name, 2, (tensor[]){a, b}, out, err);
    group g = begin(n, name, err);
    a = part(&g, "div", ops[kind], 2, (tensor[]){a, b});
    return end(&g, part(&g, NULL, "Floor", 1, &a), out);
}

/* t as a constant that meets axis `axis` of a tensor of rank r. */
static tensor along(group *g, naru_tensor *t, int axis, int r) {
    naru_tensor *shaped = NULL;
    int64_t dims[NARU_MAX_RANK], count = tensor_count(t);
    if (g->st != NARU_OK) return NULL;
    if (axis < 0 || count == 1) return constant(g, t);
    for (int i = 0; i < r - axis; i++) dims[i] = i ? 1 : count;
    g->st = tensor_clone(t, &shaped, g->err);
    if (g->st != NARU_OK) return NULL;
    tensor_describe(shaped, t->dtype, r - axis, dims);
    tensor out = constant(g, shaped);
    tensor_unref(shaped);
    return out;
}

naru_status naru_network_add_scale(naru_network *n, const char *name, tensor x, int axis, naru_tensor *shift,
                                   naru_tensor *scale, naru_tensor *power, tensor *out, naru_error *err) {
    TRY(check(n, x, out, name, err));
    int r = rank_of(x);
    if (axis < -1 || (axis >= 0 && axis >= r))
        return err_set(err, NARU_SHAPE, "layer '%s': axis %d of a tensor of rank %d", name ? name : "", axis, r);
    group g = begin(n, name, err);
    const struct {
        naru_tensor *t;
        const char *part, *op;
    } rows[] = {{scale, "scale", "Mul"}, {shift, "shift", "Add"}, {power, "power", "Pow"}};
    int last = power ? 2 : shift ? 1 : scale ? 0 : -1;
    for (int i = 0; i <= last; i++) {
        if (!rows[i].t) continue;
        tensor c = along(&g, rows[i].t, axis, r);
        x = part(&g, i < last ? rows[i].part : NULL, rows[i].op, 2, (tensor[]){x, c});
    }
    if (last < 0) x = part(&g, NULL, "Identity", 1, &x);
    return end(&g, x, out);
}

/* ---- softmax, concatenation, shuffle, reduction ---- */
naru_status naru_network_add_softmax(naru_network *n, const char *name, tensor x, int axis, tensor *out,
                                     naru_error *err) {
    TRY(check(n, x, out, name, err));
    naru_attribute a = naru_attribute_int("axis", axis);
    return add_attrs(n, "Softmax", name, 1, &x, 1, &a, out, err);
}

naru_status naru_network_add_concat(naru_network *n, const char *name, size_t count, const tensor *x, int axis,
                                    tensor *out, naru_error *err) {
    TRY(check(n, x, out, name, err));
    naru_attribute a = naru_attribute_int("axis", axis);
    return add_attrs(n, "Concat", name, count, x, 1, &a, out, err);
}

static tensor transposed(group *g, const char *name, tensor x, const int *perm) {
    int64_t p[NARU_MAX_RANK];
    int r = g->st == NARU_OK ? rank_of(x) : 0;
    if (r < 0)
        g->st = err_set(g->err, NARU_SHAPE, "layer '%s': the rank to transpose is not known", g->name ? g->name : "");
    if (g->st != NARU_OK) return NULL;
    for (int i = 0; i < r; i++) p[i] = perm[i];
    naru_attribute a = naru_attribute_ints("perm", (size_t)r, p);
    return part_attrs(g, name, "Transpose", 1, &x, 1, &a);
}

naru_status naru_network_add_shuffle(naru_network *n, const char *name, tensor x, const int *before, int rank,
                                     const int64_t *dims, const int *after, tensor *out, naru_error *err) {
    TRY(check(n, x, out, name, err));
    bool reshape = rank >= 0;
    if (rank > NARU_MAX_RANK || (rank > 0 && !dims))
        return err_set(err, NARU_INVALID_ARGUMENT, "layer '%s': bad shape", name ? name : "");
    group g = begin(n, name, err);
    if (before) x = transposed(&g, reshape || after ? "before" : NULL, x, before);
    if (reshape) {
        tensor shape = ints(&g, (size_t)rank, dims);
        x = part(&g, after ? "reshape" : NULL, "Reshape", 2, (tensor[]){x, shape});
    }
    if (after) x = transposed(&g, NULL, x, after);
    if (!before && !reshape && !after) x = part(&g, NULL, "Identity", 1, &x);
    return end(&g, x, out);
}

naru_status naru_network_add_reduce(naru_network *n, const char *name, naru_reduction kind, tensor x, size_t count,
                                    const int64_t *axes, bool keep_dims, tensor *out, naru_error *err) {
    static const char *const ops[NARU_REDUCTIONS] = {[NARU_REDUCE_SUM] = "ReduceSum",
                                                     [NARU_REDUCE_PROD] = "ReduceProd",
                                                     [NARU_REDUCE_MAX] = "ReduceMax",
                                                     [NARU_REDUCE_MIN] = "ReduceMin",
                                                     [NARU_REDUCE_MEAN] = "ReduceMean"};
    TRY(check(n, x && (axes || !count) ? x : NULL, out, name, err));
    if ((unsigned)kind >= NARU_REDUCTIONS) return no_kind((int)kind, "reduction", err);
    group g = begin(n, name, err);
    naru_attribute a = naru_attribute_int("keepdims", keep_dims);
    tensor in[2] = {x, count ? ints(&g, count, axes) : NULL};
    return end(&g, part_attrs(&g, NULL, ops[kind], count ? 2 : 1, in, 1, &a), out);
}

/* ---- types ---- */
naru_status naru_network_add_identity(naru_network *n, const char *name, tensor x, tensor *out, naru_error *err) {
    TRY(check(n, x, out, name, err));
    return add(n, "Identity", name, 1, &x, out, err);
}

naru_status naru_network_add_cast(naru_network *n, const char *name, tensor x, naru_dtype dtype, tensor *out,
                                  naru_error *err) {
    TRY(check(n, x, out, name, err));
    naru_attribute a = naru_attribute_int("to", dtype);
    return add_attrs(n, "Cast", name, 1, &x, 1, &a, out, err);
}

naru_status naru_network_add_quantize(naru_network *n, const char *name, tensor x, tensor scale, tensor zero, int axis,
                                      naru_dtype dtype, tensor *out, naru_error *err) {
    TRY(check(n, x && scale ? x : NULL, out, name, err));
    naru_attribute a[2] = {naru_attribute_int("axis", axis), naru_attribute_int("output_dtype", dtype)};
    return add_attrs(n, "QuantizeLinear", name, zero ? 3 : 2, (tensor[]){x, scale, zero}, zero ? 1 : 2, a, out, err);
}

naru_status naru_network_add_dequantize(naru_network *n, const char *name, tensor x, tensor scale, tensor zero,
                                        int axis, tensor *out, naru_error *err) {
    TRY(check(n, x && scale ? x : NULL, out, name, err));
    naru_attribute a = naru_attribute_int("axis", axis);
    return add_attrs(n, "DequantizeLinear", name, zero ? 3 : 2, (tensor[]){x, scale, zero}, 1, &a, out, err);
}
