/* SPDX-License-Identifier: MIT
 *
 * Networks made op by op: what comes out equals the parsed model of the same operators; every layer function computes
 * what its comment says; what does not fit is refused where it is added, by name, and leaves no trace; bodies; parsed
 * networks that are extended.
 */
#include <math.h>

#include "base/cpu.h"
#include "build_calls.h"
#include "formats/onnx/onnx.h"
#include "graph/parse.h"

#define main lenet_main
#define run  run_lenet
#include "../../examples/lenet.c"
#undef run
#undef main

typedef naru_network_tensor *wire;

/* ---- running ---- */
static naru_engine *engine_of(const naru_network *n, naru_builder_config *c) {
    naru_engine *e;
    OK(naru_build(n, c, &e, NULL, &err));
    naru_builder_config_destroy(&c);
    return e;
}

/* A network without dynamic inputs, each fed with what `give` has in order; output 0 as doubles. */
typedef struct given {
    const void *data;
    size_t bytes;
} given;

static int run_fixed(naru_network *n, const given *give, double *out, int most) {
    naru_engine *e = engine_of(n, config_of(0, "1", NULL));
    naru_context *c;
    naru_port p = {.size = sizeof p};
    naru_value *v;
    OK(naru_context_create(e, &c, &err));
    for (size_t i = 0; naru_engine_input(e, i, &p) == NARU_OK; i++)
        OK(naru_context_set_address(c, p.name, (void *)give[i].data, give[i].bytes, &err));
    OK(naru_context_run(c, &err));
    OK(naru_engine_output(e, 0, &p));
    OK(naru_context_output(c, p.name, &v, &err));
    const naru_tensor *t = naru_value_tensor(v);
    int count = (int)naru_tensor_count(t);
    assert_true(count <= most);
    for (int i = 0; i < count; i++) out[i] = naru_tensor_get(t, i);
    naru_context_destroy(&c);
    naru_engine_destroy(&e);
    return count;
}

static void near(double got, double want, const char *what, int i) {
    if (isnan(got) && isnan(want)) return;
    if (!(fabs(got - want) <= 1e-5 * (1 + fabs(want)))) fail_msg("%s [%d]: %g, want %g", what, i, got, want);
}

static naru_network *empty(void) {
    naru_network *n;
    OK(naru_network_create_empty(&n, &err));
    return n;
}

static wire input(naru_network *n, const char *name, naru_dtype d, int rank, const int64_t *dims) {
    wire x;
    OK(naru_network_add_input(n, name, d, rank, dims, NULL, &x, &err));
    return x;
}

static wire weights_of(naru_network *n, int rank, const int64_t *dims, const float *v) {
    wire x;
    OK(naru_network_add_weights(n, NULL, NARU_FLOAT, rank, dims, v, &x, &err));
    return x;
}

static naru_tensor *vector(int64_t count, const float *v) {
    naru_tensor *t;
    OK(naru_tensor_create(NARU_FLOAT, 1, &count, &t, &err));
    memcpy(naru_tensor_data(t), v, (size_t)count * 4);
    return t;
}

/* ---- LeNet ---- */
static void put_constants(const naru_network *n, str *s) {
    static const char *const names[] = {"conv1", "conv2", "fc1", "fc2", "fc3"};
    for (int i = 0; i < 10; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s.%s", names[i / 2], i % 2 ? "bias" : "weight");
        const naru_tensor *t = naru_network_tensor_constant(naru_network_find_tensor(n, name));
        str_addf(s, "  const \"%s\" = float[", name);
        for (int d = 0; d < naru_tensor_rank(t); d++) str_addf(s, "%s%d", d ? "," : "", (int)naru_tensor_dims(t)[d]);
        str_add(s, "] {");
        for (int64_t k = 0; k < naru_tensor_count(t); k++) str_addf(s, "%s%.9g", k ? "," : "", naru_tensor_get(t, k));
        str_add(s, "}\n");
    }
}

/* The same network as a model of opset 17, written by hand. */
static naru_network *parsed_lenet(const naru_network *made) {
    str text = {0}, file = {0};
    str_add(&text, "ir 8\nopset \"\" 17\ngraph \"lenet\" {\n  input picture: float[batch,1,28,28]\n");
    put_constants(made, &text);
    str_add(&text, "  c1 = Conv(picture, \"conv1.weight\", \"conv1.bias\") {pads:ints = [2, 2, 2, 2]}\n"
                   "  r1 = Relu(c1)\n"
                   "  p1 = MaxPool(r1) {kernel_shape:ints = [2, 2], strides:ints = [2, 2]}\n"
                   "  c2 = Conv(p1, \"conv2.weight\", \"conv2.bias\")\n"
                   "  r2 = Relu(c2)\n"
                   "  p2 = MaxPool(r2) {kernel_shape:ints = [2, 2], strides:ints = [2, 2]}\n"
                   "  f = Flatten(p2)\n"
                   "  d1 = Gemm(f, \"fc1.weight\", \"fc1.bias\") {transB:int = 1}\n"
                   "  r3 = Relu(d1)\n"
                   "  d2 = Gemm(r3, \"fc2.weight\", \"fc2.bias\") {transB:int = 1}\n"
                   "  r4 = Relu(d2)\n"
                   "  d3 = Gemm(r4, \"fc3.weight\", \"fc3.bias\") {transB:int = 1}\n"
                   "  classes = Softmax(d3) {axis:int = 1}\n"
                   "  output classes: float[batch,10]\n}\n");
    graph *g;
    naru_model *m;
    naru_network *n;
    OK(graph_parse(str_text(&text), &g, &err));
    OK(onnx_save_memory(g, &file, &err));
    OK(naru_model_load_memory(file.data, file.len, &m, &err));
    OK(naru_network_create(m, &n, &err));
    naru_model_destroy(&m);
    graph_free(g);
    str_free(&file);
    str_free(&text);
    return n;
}

static naru_engine *lenet_engine(const naru_network *n) {
    naru_builder_config *c = config_of(0, "1", NULL);
    OK(add_profile(c, &err));
    return engine_of(n, c);
}

static void lenet(void **state) {
    naru_network *made, *parsed;
    OK(make_lenet(1, &made, &err));
    parsed = parsed_lenet(made);
    naru_engine *a = lenet_engine(made), *b = lenet_engine(parsed), *c;
    naru_engine_info info = {.size = sizeof info};
    naru_options *o = options_of("1", NULL);
    float *picture = random_floats(SIDE * SIDE, 3), got[CLASSES], want[CLASSES];
    OK(run_lenet(a, picture, got, &err));
    OK(run_lenet(b, picture, want, &err));
    assert_memory_equal(got, want, sizeof want);
    assert_true(got[0] > 0 && got[0] != got[1]);
    void *plan;
    size_t size;
    OK(naru_engine_serialize(a, &plan, &size, &err)); /* and its plan is one like any other */
    OK(naru_engine_load_memory(plan, size, NULL, o, &c, NULL, &err));
    OK(naru_engine_get_info(c, &info));
    assert_false(info.rebuilt);
    OK(run_lenet(c, picture, got, &err));
    assert_memory_equal(got, want, sizeof want);
    free(picture);
    naru_options_destroy(&o);
    naru_engine_destroy(&a);
    naru_engine_destroy(&b);
    naru_engine_destroy(&c);
    naru_engine_data_free(&plan);
    naru_network_destroy(&made);
    naru_network_destroy(&parsed);
}

static void questions(void **state) {
    naru_network *n;
    naru_network_layer_info l = {.size = sizeof l};
    naru_port p = {.size = sizeof p};
    OK(make_lenet(1, &n, &err));
    assert_int_equal(naru_network_layers(n), 13);
    naru_network_layer *pool = naru_network_layer_at(n, 2);
    OK(naru_network_layer_get(pool, &l));
    assert_string_equal(l.name, "pool1");
    assert_string_equal(l.op, "MaxPool");
    assert_string_equal(l.domain, "ai.onnx");
    assert_true(l.inputs == 1 && l.outputs == 1);
    assert_ptr_equal(naru_network_layer_input(pool, 0), naru_network_layer_output(naru_network_layer_at(n, 1), 0));
    assert_ptr_equal(naru_network_tensor_layer(naru_network_layer_output(pool, 0)), pool);
    assert_null(naru_network_layer_input(pool, 1));
    assert_null(naru_network_layer_at(n, 13));
    OK(naru_network_tensor_get(n, naru_network_layer_output(pool, 0), &p));
    assert_string_equal(p.type, "float[batch,6,14,14]");
    assert_string_equal(p.name, "pool1_output_0");
    assert_true(p.dims[0] == -1 && p.dims[1] == 6 && strcmp(p.symbols[0], "batch") == 0);
    OK(naru_network_tensor_get(n, naru_network_find_tensor(n, "fc1.weight"), &p));
    assert_string_equal(p.type, "float[120,400]");
    assert_null(naru_network_find_tensor(n, "fc9.weight"));
    wire pooled = naru_network_layer_output(pool, 0);
    OK(naru_network_mark_output(n, pooled, &err));
    REFUSES(naru_network_mark_output(n, pooled, &err), "'pool1_output_0' is an output already");
    OK(naru_network_output(n, 1, &p));
    assert_string_equal(p.name, "pool1_output_0");
    OK(naru_network_unmark_output(n, naru_network_find_tensor(n, "classes"), &err));
    REFUSES(naru_network_unmark_output(n, naru_network_find_tensor(n, "classes"), &err), "'classes' is no output");
    OK(naru_network_layer_set_name(n, pool, "halve", &err));
    OK(naru_network_tensor_set_name(n, pooled, "half", &err));
    REFUSES(naru_network_tensor_set_name(n, pooled, "picture", &err), "there is a tensor 'picture' already");
    REFUSES(naru_network_layer_set_name(n, pool, "conv2", &err), "there is a layer 'conv2' already");
    naru_engine *e = lenet_engine(n);
    assert_int_equal(naru_engine_outputs(e), 1);
    OK(naru_engine_output(e, 0, &p));
    assert_string_equal(p.name, "half");
    OK(naru_network_unmark_output(n, pooled, &err));
    naru_engine *none;
    naru_builder_config *c = config_of(0, "1", NULL);
    REFUSES(naru_build(n, c, &none, NULL, &err), "no output of the network is marked");
    naru_builder_config_destroy(&c);
    naru_engine_destroy(&e);
    naru_network_destroy(&n);
}

/* ---- refusals ---- */
static void refused_where_added(void **state) {
    naru_network *n = empty(), *other = empty();
    wire x = input(n, "x", NARU_FLOAT, 4, (int64_t[]){1, 3, 8, 8}), y, w, strange;
    wire v = input(n, "v", NARU_FLOAT, 1, (int64_t[]){5}), i64 = input(n, "i", NARU_INT64, 1, (int64_t[]){8});
    float k[2 * 4 * 9] = {0};
    w = weights_of(n, 4, (int64_t[]){2, 4, 3, 3}, k);
    REFUSES(naru_network_add_convolution(n, "stem", x, w, NULL, NULL, 1, &y, &err), "'stem' (Conv): ");
    assert_int_equal(naru_network_add_convolution(n, "stem", x, w, NULL, NULL, 1, &y, NULL), NARU_SHAPE);
    REFUSES(naru_network_add_elementwise(n, "sum", NARU_SUM, x, v, &y, &err),
            "'sum' (Add): axis 3 of the result: dimensions 8 and 5 cannot be broadcast together");
    REFUSES(naru_network_add_elementwise(n, "sum", NARU_SUM, x, i64, &y, &err), "'sum' (Add): ");
    assert_int_equal(naru_network_layers(n), 0); /* nothing is left of them */
    assert_null(naru_network_find_tensor(n, "stem_output_0"));
    REFUSES(naru_network_add(n, "Sofmax", NULL, NULL, 1, &x, 0, NULL, 1, &y, &err),
            "there is no operator 'Sofmax' in domain 'ai.onnx'; did you mean 'Softmax'?");
    REFUSES(naru_network_add(n, "Upsample", "ai.onnx", NULL, 1, &x, 0, NULL, 1, &y, &err), "is not in opset");
    REFUSES(naru_network_add(n, "Relu", "my.domain", NULL, 1, &x, 0, NULL, 1, &y, &err), "'Relu' in domain");
    naru_attribute a[2] = {naru_attribute_int("axes", 1), naru_attribute_int("axis", 1)};
    REFUSES(naru_network_add(n, "Softmax", "", "s", 1, &x, 1, a, 1, &y, &err),
            "'s' (Softmax): unknown attribute 'axes'");
    a[0] = naru_attribute_float("axis", 1);
    REFUSES(naru_network_add(n, "Softmax", "", "s", 1, &x, 1, a, 1, &y, &err), "attribute 'axis' has the wrong type");
    a[0] = naru_attribute_int("axis", 1);
    REFUSES(naru_network_add(n, "Softmax", "", "s", 1, &x, 2, a, 1, &y, &err), "attribute 'axis' is given twice");
    REFUSES(naru_network_add(n, "Concat", "", "s", 1, &x, 0, NULL, 1, &y, &err), "attribute 'axis' is missing");
    REFUSES(naru_network_add(n, "Softmax", "", "s", 2, (wire[]){x, x}, 0, NULL, 1, &y, &err), "has 2 inputs");
    REFUSES(naru_network_add(n, "Add", "", "s", 2, (wire[]){x, NULL}, 0, NULL, 1, &y, &err), "is omitted");
    strange = input(other, "z", NARU_FLOAT, 1, (int64_t[]){5});
    REFUSES(naru_network_add_identity(n, "id", strange, &y, &err), "input 0 is not a tensor of this network");
    REFUSES(naru_network_mark_output(n, strange, &err), "not a tensor of this network");
    REFUSES(naru_network_mark_output(n, x, &err), "'x' is an input: no layer gives it");
    REFUSES(naru_network_mark_output(n, w, &err), "is a constant: no layer gives it");
    REFUSES(naru_network_add_input(n, "x", NARU_FLOAT, 0, NULL, NULL, NULL, &err), "there is a tensor 'x' already");
    REFUSES(naru_network_add_input(n, "y", NARU_FLOAT, 1, (int64_t[]){-2}, NULL, NULL, &err), "axis 0 has size -2");
    REFUSES(naru_network_add_input(n, "y", (naru_dtype)99, 0, NULL, NULL, NULL, &err), "99 is no element type");
    /* the second operator of a layer fails: the first goes too, and the names are free again */
    wire odd = weights_of(n, 2, (int64_t[]){2, 5}, k);
    REFUSES(naru_network_add_fully_connected(n, "fc", x, odd, NULL, &y, &err), "'fc' (Gemm): ");
    assert_int_equal(naru_network_layers(n), 0);
    wire even = weights_of(n, 2, (int64_t[]){2, 192}, (float[2 * 192]){0});
    OK(naru_network_add_fully_connected(n, "fc", x, even, NULL, &y, &err));
    assert_int_equal(naru_network_layers(n), 2);
    REFUSES(naru_network_add_activation(n, "fc", NARU_RELU, x, 0, 0, &y, &err), "there is a layer 'fc' already");
    REFUSES(naru_network_add_matmul(n, NULL, v, true, v, false, &y, &err), "rank 1 cannot be transposed");
    naru_network_destroy(&other);
    naru_network_destroy(&n);
}

/* ---- layers by their numbers ---- */
typedef double (*formula)(double);
static double f_relu(double x) { return x > 0 ? x : 0; }
static double f_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double f_leaky(double x) { return x > 0 ? x : 0.25 * x; }
static double f_elu(double x) { return x > 0 ? x : 0.25 * (exp(x) - 1); }
static double f_selu(double x) { return 1.5 * (x > 0 ? x : 0.25 * (exp(x) - 1)); }
static double f_softsign(double x) { return x / (1 + fabs(x)); }
static double f_softplus(double x) { return 0.25 * log(exp(1.5 * x) + 1); }
static double f_clip(double x) { return x < 0.25 ? 0.25 : x > 1.5 ? 1.5 : x; }
static double f_hard(double x) { return fmax(0, fmin(1, 0.25 * x + 1.5)); }
static double f_scaled(double x) { return 0.25 * tanh(1.5 * x); }
static double f_thresholded(double x) { return x > 0.25 ? x : 0; }
static double f_gelu(double x) { return 0.5 * x * (1 + erf(x / sqrt(2))); }
static double f_gelu_tanh(double x) { return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))); }
static double f_swish(double x) { return x / (1 + exp(-0.25 * x)); }
static double f_hard_swish(double x) { return x * fmax(0, fmin(1, x / 6 + 0.5)); }

static const float points[8] = {-3, -1.25f, -0.5f, 0, 0.125f, 0.75f, 1.75f, 4};

static void activations_compute(void **state) {
    static const formula f[NARU_ACTIVATIONS] = {[NARU_RELU] = f_relu,
                                                [NARU_SIGMOID] = f_sigmoid,
                                                [NARU_TANH] = tanh,
                                                [NARU_LEAKY_RELU] = f_leaky,
                                                [NARU_ELU] = f_elu,
                                                [NARU_SELU] = f_selu,
                                                [NARU_SOFTSIGN] = f_softsign,
                                                [NARU_SOFTPLUS] = f_softplus,
                                                [NARU_CLIP] = f_clip,
                                                [NARU_HARD_SIGMOID] = f_hard,
                                                [NARU_SCALED_TANH] = f_scaled,
                                                [NARU_THRESHOLDED_RELU] = f_thresholded,
                                                [NARU_GELU_ERF] = f_gelu,
                                                [NARU_GELU_TANH] = f_gelu_tanh,
                                                [NARU_SWISH] = f_swish,
                                                [NARU_HARD_SWISH] = f_hard_swish};
    for (int k = 0; k < NARU_ACTIVATIONS; k++) {
        naru_network *n = empty();
        wire x = input(n, "x", NARU_FLOAT, 1, (int64_t[]){8}), y;
        double out[8];
        OK(naru_network_add_activation(n, "a", (naru_activation)k, x, 0.25f, 1.5f, &y, &err));
        OK(naru_network_mark_output(n, y, &err));
        assert_int_equal(run_fixed(n, &(given){points, sizeof points}, out, 8), 8);
        for (int i = 0; i < 8; i++) near(out[i], f[k]((double)points[i]), "activation", 100 * k + i);
        naru_network_destroy(&n);
    }
}

static double f_recip(double x) { return 1 / x; }
static double f_neg(double x) { return -x; }
static double f_sign(double x) { return (x > 0) - (x < 0); }

static void unaries_compute(void **state) {
    static const formula f[NARU_UNARIES] = {
        [NARU_EXP] = exp,     [NARU_LOG] = log,        [NARU_SQRT] = sqrt, [NARU_RECIP] = f_recip, [NARU_ABS] = fabs,
        [NARU_NEG] = f_neg,   [NARU_SIN] = sin,        [NARU_COS] = cos,   [NARU_TAN] = tan,       [NARU_SINH] = sinh,
        [NARU_COSH] = cosh,   [NARU_ASIN] = asin,      [NARU_ACOS] = acos, [NARU_ATAN] = atan,     [NARU_ASINH] = asinh,
        [NARU_ACOSH] = acosh, [NARU_ATANH] = atanh,    [NARU_CEIL] = ceil, [NARU_FLOOR] = floor,   [NARU_ERF] = erf,
        [NARU_SIGN] = f_sign, [NARU_ROUND] = nearbyint};
    static const float x[4] = {0.5f, 0.25f, 0.75f, 0.875f};
    for (int k = 0; k < NARU_UNARIES; k++) {
        naru_network *n = empty();
        wire v = input(n, "x", NARU_FLOAT, 1, (int64_t[]){4}), y;
        double out[4];
        float up[4];
        for (int i = 0; i < 4; i++) up[i] = x[i] + (k == NARU_ACOSH ? 1 : 0);
        if (k == NARU_ISINF) up[1] = INFINITY;
        if (k == NARU_ISNAN) up[2] = NAN;
        if (k == NARU_NOT) OK(naru_network_add_cast(n, "bool", v, NARU_BOOL, &v, &err));
        OK(naru_network_add_unary(n, "u", (naru_unary)k, v, &y, &err));
        OK(naru_network_mark_output(n, y, &err));
        assert_int_equal(run_fixed(n, &(given){up, sizeof up}, out, 4), 4);
        for (int i = 0; i < 4; i++)
            near(out[i],
                 f[k]              ? f[k]((double)up[i])
                 : k == NARU_ISINF ? i == 1
                 : k == NARU_ISNAN ? i == 2
                                   : 0,
                 "unary", 100 * k + i);
        naru_network_destroy(&n);
    }
}

static double pair(int k, double a, double b) {
    switch (k) {
    case NARU_SUM: return a + b;
    case NARU_PROD: return a * b;
    case NARU_MAXIMUM: return fmax(a, b);
    case NARU_MINIMUM: return fmin(a, b);
    case NARU_SUB: return a - b;
    case NARU_DIV: return a / b;
    case NARU_POW: return pow(a, b);
    case NARU_FLOOR_DIV: return floor(a / b);
    case NARU_AND: return a != 0 && b != 0;
    case NARU_OR: return a != 0 || b != 0;
    case NARU_XOR: return (a != 0) != (b != 0);
    case NARU_EQUAL: return a == b;
    case NARU_GREATER: return a > b;
    default: return a < b;
    }
}

static void elementwise_computes(void **state) {
    static const float a[4] = {1, 0, 2.5f, 7}, b[4] = {1, 2, 0.5f, 3};
    for (int k = 0; k < NARU_ELEMENTWISES; k++) {
        naru_network *n = empty();
        wire x = input(n, "a", NARU_FLOAT, 1, (int64_t[]){4}), y = input(n, "b", NARU_FLOAT, 1, (int64_t[]){4}), z;
        double out[4];
        if (k == NARU_AND || k == NARU_OR || k == NARU_XOR) {
            OK(naru_network_add_cast(n, NULL, x, NARU_BOOL, &x, &err));
            OK(naru_network_add_cast(n, NULL, y, NARU_BOOL, &y, &err));
        }
        OK(naru_network_add_elementwise(n, "e", (naru_elementwise)k, x, y, &z, &err));
        OK(naru_network_mark_output(n, z, &err));
        assert_int_equal(run_fixed(n, (given[]){{a, sizeof a}, {b, sizeof b}}, out, 4), 4);
        for (int i = 0; i < 4; i++) near(out[i], pair(k, (double)a[i], (double)b[i]), "elementwise", 100 * k + i);
        naru_network_destroy(&n);
    }
}

/* Output 0 of a network with one input of these dims and content. */
static void expect(naru_network *n, wire y, const float *x, size_t nx, int nwant, const double *want,
                   const char *what) {
    double out[64];
    OK(naru_network_mark_output(n, y, &err));
    assert_int_equal(run_fixed(n, &(given){x, nx * 4}, out, 64), nwant);
    for (int i = 0; i < nwant; i++) near(out[i], want[i], what, i);
    naru_network_destroy(&n);
}

static void scale_and_shuffle(void **state) {
    float x[12];
    for (int i = 0; i < 12; i++) x[i] = (float)i;
    naru_tensor *scale = vector(2, (float[]){2, 3}), *shift = vector(2, (float[]){1, -1}),
                *two = vector(1, (float[]){2});
    double want[12];
    naru_network *n = empty();
    wire v = input(n, "x", NARU_FLOAT, 3, (int64_t[]){1, 2, 6}), y;
    OK(naru_network_add_scale(n, "s", v, 1, shift, scale, two, &y, &err));
    for (int i = 0; i < 12; i++) want[i] = i < 6 ? pow(2 * i + 1, 2) : pow(3 * i - 1, 2);
    expect(n, y, x, 12, 12, want, "scale");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 3, (int64_t[]){1, 2, 6});
    OK(naru_network_add_scale(n, "s", v, -1, NULL, two, NULL, &y, &err));
    for (int i = 0; i < 12; i++) want[i] = 2 * i;
    expect(n, y, x, 12, 12, want, "uniform scale");
    n = empty(); /* [2,6] -> [6,2] -> [3,4] -> [4,3] */
    v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 6});
    OK(naru_network_add_shuffle(n, "s", v, (int[]){1, 0}, 2, (int64_t[]){3, -1}, (int[]){1, 0}, &y, &err));
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 3; c++) {
            int flat = c * 4 + r; /* in [3,4], which is [6,2] row by row */
            want[r * 3 + c] = (flat % 2) * 6 + flat / 2;
        }
    expect(n, y, x, 12, 12, want, "shuffle");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 6});
    OK(naru_network_add_shuffle(n, "s", v, NULL, -1, NULL, NULL, &y, &err));
    for (int i = 0; i < 12; i++) want[i] = i;
    expect(n, y, x, 12, 12, want, "no shuffle");
    naru_tensor_destroy(&scale);
    naru_tensor_destroy(&shift);
    naru_tensor_destroy(&two);
}

static void products(void **state) {
    static const float x[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 2, -1, 3, 1};
    naru_network *n = empty();
    wire v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){3, 2}), w = weights_of(n, 2, (int64_t[]){2, 3}, b), y;
    /* x^T [2,3] times b^T [3,2] */
    OK(naru_network_add_matmul(n, "m", v, true, w, true, &y, &err));
    expect(n, y, x, 6, 4, (double[]){1 * 1 + 5 * 2, -1 + 9 + 5, 2 * 1 + 6 * 2, -2 + 12 + 6}, "matmul");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 3, (int64_t[]){1, 3, 1});
    w = weights_of(n, 2, (int64_t[]){2, 3}, b);
    wire bias = weights_of(n, 1, (int64_t[]){2}, (float[]){10, 20});
    OK(naru_network_add_fully_connected(n, "fc", v, w, bias, &y, &err));
    expect(n, y, x, 3, 2, (double[]){1 + 6 + 10, -1 + 6 + 3 + 20}, "fully connected");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 3, (int64_t[]){1, 1, 2});
    w = weights_of(n, 3, (int64_t[]){1, 1, 2}, (float[]){1, 10});
    naru_window s = {.size = sizeof s, .rank = 1, .stride = {2}};
    OK(naru_network_add_deconvolution(n, "d", v, w, NULL, &s, 1, &y, &err));
    expect(n, y, x, 2, 4, (double[]){1, 10, 2, 20}, "deconvolution");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 3, (int64_t[]){1, 2, 3});
    w = weights_of(n, 3, (int64_t[]){2, 1, 2}, (float[]){1, 10, 2, 20});
    OK(naru_network_add_convolution(n, "c", v, w, NULL, NULL, 2, &y, &err));
    expect(n, y, x, 6, 4, (double[]){21, 32, 108, 130}, "grouped convolution");
}

static void windows_and_reductions(void **state) {
    static const float x[6] = {1, 2, 3, 4, 5, 6};
    naru_window w = {.size = sizeof w, .rank = 1, .kernel = {2}, .stride = {2}, .pad_begin = {1}, .pad_end = {1}};
    naru_network *n = empty();
    wire v = input(n, "x", NARU_FLOAT, 3, (int64_t[]){1, 1, 6}), y;
    OK(naru_network_add_pooling(n, "p", NARU_POOL_AVERAGE, v, &w, &y, &err));
    expect(n, y, x, 6, 4, (double[]){1, 2.5, 4.5, 6}, "average pooling");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 3, (int64_t[]){1, 1, 6});
    w.count_pads = true;
    OK(naru_network_add_pooling(n, "p", NARU_POOL_AVERAGE, v, &w, &y, &err));
    expect(n, y, x, 6, 4, (double[]){0.5, 2.5, 4.5, 3}, "average pooling with pads");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 3, (int64_t[]){1, 1, 6});
    w = (naru_window){.size = sizeof w, .rank = 1, .kernel = {4}, .stride = {4}, .ceil = true};
    OK(naru_network_add_pooling(n, "p", NARU_POOL_MAX, v, &w, &y, &err));
    expect(n, y, x, 6, 2, (double[]){4, 6}, "max pooling, ceil");
    static const double sums[NARU_REDUCTIONS][2] = {[NARU_REDUCE_SUM] = {6, 15},
                                                    [NARU_REDUCE_PROD] = {6, 120},
                                                    [NARU_REDUCE_MAX] = {3, 6},
                                                    [NARU_REDUCE_MIN] = {1, 4},
                                                    [NARU_REDUCE_MEAN] = {2, 5}};
    for (int k = 0; k < NARU_REDUCTIONS; k++) {
        naru_port p = {.size = sizeof p};
        n = empty();
        v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 3});
        OK(naru_network_add_reduce(n, "r", (naru_reduction)k, v, 1, (int64_t[]){-1}, k & 1, &y, &err));
        OK(naru_network_tensor_get(n, y, &p));
        assert_int_equal(p.rank, k & 1 ? 2 : 1);
        expect(n, y, x, 6, 2, sums[k], "reduction");
    }
    n = empty();
    v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 3});
    OK(naru_network_add_reduce(n, "r", NARU_REDUCE_SUM, v, 0, NULL, false, &y, &err));
    expect(n, y, x, 6, 1, (double[]){21}, "sum of all");
}

static void joining_and_types(void **state) {
    static const float x[4] = {1, -2, 3.5f, 100};
    naru_network *n = empty();
    wire v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 2}), y;
    OK(naru_network_add_concat(n, "c", 2, (wire[]){v, v}, 1, &y, &err));
    expect(n, y, x, 4, 8, (double[]){1, -2, 1, -2, 3.5, 100, 3.5, 100}, "concat");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 2});
    OK(naru_network_add_softmax(n, "s", v, 0, &y, &err));
    double e = exp(-2.5);
    expect(n, y, x, 4, 4, (double[]){e / (1 + e), 0, 1 / (1 + e), 1}, "softmax");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 2});
    wire scale = weights_of(n, 0, NULL, (float[]){0.5f}), zero;
    OK(naru_network_add_quantize(n, "q", v, scale, NULL, 1, NARU_INT8, &y, &err));
    OK(naru_network_add_dequantize(n, "dq", y, scale, NULL, 1, &y, &err));
    expect(n, y, x, 4, 4, (double[]){1, -2, 3.5, 63.5}, "int8");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 2});
    scale = weights_of(n, 1, (int64_t[]){2}, (float[]){0.5f, 1});
    OK(naru_network_add_weights(n, "zero", NARU_UINT8, 1, (int64_t[]){2}, (uint8_t[]){10, 1}, &zero, &err));
    OK(naru_network_add_quantize(n, "q", v, scale, zero, 1, NARU_UINT8, &y, &err));
    expect(n, y, x, 4, 4, (double[]){12, 0, 17, 101}, "uint8 by axis");
    n = empty();
    v = input(n, "x", NARU_FLOAT, 2, (int64_t[]){2, 2});
    OK(naru_network_add_cast(n, "c", v, NARU_INT32, &y, &err));
    OK(naru_network_add_identity(n, "id", y, &y, &err));
    expect(n, y, x, 4, 4, (double[]){1, -2, 3, 100}, "cast");
}

/* ---- weights that are the caller's ---- */
static void count_release(void *user) { ++*(int *)user; }

static void borrowed_weights(void **state) {
    static float w[4] = {1, 2, 3, 4}, x[4] = {10, 20, 30, 40};
    int released = 0;
    naru_tensor *t;
    naru_network *n = empty();
    wire v = input(n, "x", NARU_FLOAT, 1, (int64_t[]){4}), c, y;
    OK(naru_tensor_wrap(NARU_FLOAT, 1, (int64_t[]){4}, w, sizeof w, count_release, &released, &t, &err));
    OK(naru_network_add_constant(n, "w", t, &c, &err));
    naru_tensor_destroy(&t);
    assert_int_equal(released, 0);
    OK(naru_network_add_elementwise(n, "sum", NARU_SUM, v, c, &y, &err));
    OK(naru_network_mark_output(n, y, &err));
    double out[4];
    assert_int_equal(run_fixed(n, &(given){x, sizeof x}, out, 4), 4);
    near(out[3], 44, "borrowed", 3);
    naru_network_destroy(&n);
    assert_int_equal(released, 1);
}

/* ---- bodies ---- */
static void branches(void **state) {
    for (int flag = 0; flag < 2; flag++) {
        naru_network *n = empty();
        naru_network_body *yes, *no;
        wire c = input(n, "c", NARU_BOOL, 0, NULL), x = input(n, "x", NARU_FLOAT, 1, (int64_t[]){2}), y, z;
        OK(naru_network_begin_body(n, &yes, &err));
        OK(naru_network_add_elementwise(n, "double", NARU_SUM, x, x, &y, &err));
        OK(naru_network_end_body(n, yes, 1, &y, &err));
        OK(naru_network_begin_body(n, &no, &err));
        naru_engine *e;
        naru_builder_config *config = config_of(0, "1", NULL);
        REFUSES(naru_build(n, config, &e, NULL, &err), "a body of the network is still open");
        naru_builder_config_destroy(&config);
        REFUSES(naru_network_end_body(n, yes, 0, NULL, &err), "is not the one that is open");
        REFUSES(naru_network_add_identity(n, NULL, y, &z, &err), "'double_output_0' is not to be seen from here");
        REFUSES(naru_network_mark_output(n, x, &err), "cannot be marked");
        OK(naru_network_end_body(n, no, 1, &x, &err)); /* a value from outside */
        naru_attribute a[2] = {naru_attribute_body("then_branch", yes), naru_attribute_body("else_branch", no)};
        REFUSES(naru_network_add(n, "Relu", "", "if", 1, &c, 2, a, 1, &z, &err), "Relu has no body 'then_branch'");
        REFUSES(naru_network_add(n, "If", "", "if", 1, &x, 2, a, 1, &z, &err), "'if' (If): ");
        OK(naru_network_add(n, "If", "", "if", 1, &c, 2, a, 1, &z, &err));
        REFUSES(naru_network_add(n, "If", "", "again", 1, &c, 2, a, 1, &z, &err), "belongs to another layer already");
        naru_port p = {.size = sizeof p};
        OK(naru_network_tensor_get(n, z, &p));
        assert_string_equal(p.type, "float[2]");
        OK(naru_network_mark_output(n, z, &err));
        double out[2];
        bool on = flag;
        assert_int_equal(run_fixed(n, (given[]){{&on, 1}, {(float[]){3, 4}, 8}}, out, 2), 2);
        near(out[1], flag ? 8 : 4, "If", flag);
        naru_network_destroy(&n);
    }
}

static void loops(void **state) {
    naru_network *n = empty();
    naru_network_body *b;
    wire x = input(n, "x", NARU_FLOAT, 0, NULL), count, yes, out[1], y, in[2];
    OK(naru_network_add_weights(n, "count", NARU_INT64, 0, NULL, (int64_t[]){5}, &count, &err));
    OK(naru_network_add_weights(n, "yes", NARU_BOOL, 0, NULL, (bool[]){true}, &yes, &err));
    OK(naru_network_begin_body(n, &b, &err));
    input(n, "i", NARU_INT64, 0, NULL);
    in[0] = input(n, "go_on", NARU_BOOL, 0, NULL);
    in[1] = input(n, "sum", NARU_FLOAT, 0, NULL);
    OK(naru_network_add_elementwise(n, "step", NARU_SUM, in[1], x, &y, &err));
    OK(naru_network_end_body(n, b, 2, (wire[]){in[0], y}, &err));
    naru_attribute a = naru_attribute_body("body", b);
    OK(naru_network_add(n, "Loop", "", "loop", 3, (wire[]){count, yes, x}, 1, &a, 1, out, &err));
    float one = 1.5f;
    expect(n, out[0], &one, 1, 1, (double[]){9}, "Loop");
    n = empty(); /* a body that nobody takes is no leak */
    OK(naru_network_begin_body(n, &b, &err));
    naru_tensor *t = vector(1, (float[]){1});
    naru_attribute fill = naru_attribute_of("value", NARU_ATTRIBUTE_TENSOR);
    fill.tensor = t;
    OK(naru_network_add_weights(n, "shape", NARU_INT64, 1, (int64_t[]){1}, (int64_t[]){3}, &y, &err));
    OK(naru_network_add(n, "ConstantOfShape", "", NULL, 1, &y, 1, &fill, 1, &y, &err));
    naru_tensor_destroy(&t);
    naru_network_destroy(&n);
}

/* ---- parsed networks that go on ---- */
static void extended(void **state) {
    naru_network *n = open_network(SMALLCNN);
    wire y;
    naru_port p = {.size = sizeof p};
    REFUSES(naru_network_add_input(n, "z", NARU_FLOAT, 0, NULL, NULL, &y, &err), "naru_network_extend makes one");
    OK(naru_network_extend(n, NULL, &err));
    OK(naru_network_extend(n, NULL, &err));
    wire logits = naru_network_find_tensor(n, "logits");
    OK(naru_network_tensor_get(n, logits, &p));
    assert_true(p.rank == 2 && p.dims[1] == 10);
    OK(naru_network_add_softmax(n, "probabilities", logits, 1, &y, &err));
    OK(naru_network_mark_output(n, y, &err));
    naru_builder_config *c = config_of(0, "1", NULL);
    add_size_profile(c, 20, 28, 40);
    naru_engine *e = engine_of(n, c);
    naru_network_destroy(&n);
    naru_context *k;
    float *x = random_floats(3 * 28 * 28, 3), out[10];
    naru_value *v;
    OK(naru_context_create(e, &k, &err));
    OK(run_cnn(k, 1, 28, x, out, &err));
    OK(naru_context_output(k, "probabilities_output_0", &v, &err));
    double sum = 0, all = 0;
    for (int i = 0; i < 10; i++) sum += exp((double)out[i]);
    for (int i = 0; i < 10; i++) {
        double q = naru_tensor_get(naru_value_tensor(v), i);
        near(q, exp((double)out[i]) / sum, "softmax of logits", i);
        all += q;
    }
    near(all, 1, "sum", 0);
    free(x);
    naru_context_destroy(&k);
    naru_engine_destroy(&e);
}

/* Brought to the newest opset, a model computes what it computed. */
static void one_extended(const char *file, int64_t size) {
    char path[500];
    snprintf(path, sizeof path, NARU_TEST_DATA "/models/%s", file);
    naru_network *n = open_network(path);
    naru_engine *e[2];
    naru_context *c[2];
    naru_port p = {.size = sizeof p};
    for (int k = 0; k < 2; k++) {
        if (k) OK(naru_network_extend(n, NULL, &err));
        naru_builder_config *config = config_of(0, "1", NULL);
        add_uniform_profile(n, config, size);
        e[k] = engine_of(n, config);
        OK(naru_context_create(e[k], &c[k], &err));
        give_random_inputs(c[k], e[k], size);
        OK(naru_context_run(c[k], &err));
    }
    assert_int_equal(naru_engine_outputs(e[0]), naru_engine_outputs(e[1]));
    for (size_t i = 0; naru_engine_output(e[0], i, &p) == NARU_OK; i++) {
        naru_value *a, *b;
        naru_comparison k = {.size = sizeof k};
        OK(naru_context_output(c[0], p.name, &a, &err));
        OK(naru_context_output(c[1], p.name, &b, &err));
        OK(naru_tensor_compare(naru_value_tensor(b), naru_value_tensor(a), 1e-4, 1e-5, &k, &err));
        if (!k.equal) fail_msg("%s: %s: %s", file, p.name, k.message);
    }
    for (int k = 0; k < 2; k++) {
        naru_context_destroy(&c[k]);
        naru_engine_destroy(&e[k]);
    }
    naru_network_destroy(&n);
}

static void models_extended(void **state) {
    one_extended("lstm_op13.onnx", 7);
    one_extended("lstm_dynamo.onnx", 7);
    one_extended("mobile_op17.onnx", 64);
    one_extended("unet_op13.onnx", 64);
    one_extended("router_op17.onnx", 16);
    one_extended("speech_op17.onnx", 800);
    one_extended("encoder_op13.onnx", 12);
}

/* FP16's largest is 65504: neither inputs nor sums beyond it become infinities where FP32's do not. At level 1 a
 * lowered tactic is preferred, and the builder's random inputs, small ones, give no reason against it. */
static void beyond_fp16(void **state) {
    enum { M = 40, K = 512, N = 48 };
    static float w[K * N], x[M * K];
    naru_engine *e;
    naru_context *ctx;
    naru_value *v;
    naru_layer l = {.size = sizeof l};
    naru_port port = {.size = sizeof port};
    if (cpu_best() < CPU_AVX512FP16) skip();
    for (int i = 0; i < K * N; i++) w[i] = (float)(i % 7 - 2) * 16;
    for (int i = 0; i < M * K; i++) x[i] = (float)(i % 5) * (i / K % 3 == 0 ? 1.0f : i / K % 3 == 1 ? 1000 : 40000);
    naru_network *n = empty();
    wire y, a = input(n, "x", NARU_FLOAT, 2, (int64_t[]){M, K});
    OK(naru_network_add_matmul(n, "m", a, false, weights_of(n, 2, (int64_t[]){K, N}, w), false, &y, &err));
    OK(naru_network_mark_output(n, y, &err));
    naru_builder_config *c = config_of(1, "1", NULL);
    OK(naru_builder_config_set_flag(c, NARU_BUILD_FP16, true, &err));
    e = engine_of(n, c);
    OK(naru_engine_layer(e, 0, &l));
    assert_string_equal(l.tactic, "matmul.fp16fma");
    OK(naru_context_create(e, &ctx, &err));
    OK(naru_context_set_address(ctx, "x", x, sizeof x, &err));
    OK(naru_context_run(ctx, &err));
    OK(naru_engine_output(e, 0, &port));
    OK(naru_context_output(ctx, port.name, &v, &err));
    for (int i = 0; i < M * N; i++) {
        double want = 0, size = 0;
        for (int k = 0; k < K; k++) {
            const double p = (double)x[i / N * K + k] * (double)w[k * N + i % N];
            want += p, size += fabs(p);
        }
        const double got = naru_tensor_get(naru_value_tensor(v), i);
        if (!(fabs(got - want) <= 0x1p-6 * size)) fail_msg("[%d]: %g, want %g", i, got, want);
    }
    naru_context_destroy(&ctx);
    naru_engine_destroy(&e);
    naru_network_destroy(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lenet),
        cmocka_unit_test(beyond_fp16),
        cmocka_unit_test(questions),
        cmocka_unit_test(refused_where_added),
        cmocka_unit_test(activations_compute),
        cmocka_unit_test(unaries_compute),
        cmocka_unit_test(elementwise_computes),
        cmocka_unit_test(scale_and_shuffle),
        cmocka_unit_test(products),
        cmocka_unit_test(windows_and_reductions),
        cmocka_unit_test(joining_and_types),
        cmocka_unit_test(borrowed_weights),
        cmocka_unit_test(branches),
        cmocka_unit_test(loops),
        cmocka_unit_test(extended),
        cmocka_unit_test(models_extended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
