/* SPDX-License-Identifier: MIT
 *
 * Where INT8 by calibration puts Q and DQ: residuals and activations join the layers before them in 8 bits; what is
 * computed in float anyway is read as such by everybody but the layers; products without constant weights, with
 * factors, and nodes in bodies stay as they are. Networks are graph text, layers are looked at in the engine.
 */
#include "build_calls.h"
#include "formats/onnx/onnx.h"
#include "graph/parse.h"

#define HEAD "ir 10\nopset \"\" 17\ngraph \"t\" {\n"
#define W    "  const w = float[4,4,1,1] {1, 2, -3, 4, 5, -6, 7, 8, 9, -1, 2, 3, 4, 5, 6, -7}\n"
#define M    "  const m = float[4,4] {1, 2, -3, 4, 5, -6, 7, 8, 9, -1, 2, 3, 4, 5, 6, -7}\n"

static naru_engine *int8_of(const char *text) {
    graph *g;
    str file = {0};
    naru_model *m;
    naru_network *n;
    naru_engine *e;
    naru_builder_config *c = config_of(1, "1", NULL);
    OK(graph_parse(text, &g, &err));
    OK(onnx_save_memory(g, &file, &err));
    OK(naru_model_load_memory(file.data, file.len, &m, &err));
    OK(naru_network_create(m, &n, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_INT8, true, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_model_destroy(&m);
    graph_free(g);
    str_free(&file);
    return e;
}

/* The operators of the engine's layers, in order. */
static void layers_are(const char *text, const char *want) {
    char got[500] = "";
    size_t at = 0;
    naru_layer l = {.size = sizeof l};
    naru_engine *e = int8_of(text);
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++)
        if (strcmp(l.op, "Transpose") != 0 && strcmp(l.op, "Reshape") != 0)
            at += (size_t)snprintf(got + at, sizeof got - at, "%s%s", at ? " " : "", l.op);
    assert_string_equal(got, want);
    naru_engine_destroy(&e);
}

/* Two layers, a residual, three activations: one Q of the input, then nothing but 8-bit layers. */
static void residuals_stay_in_eight_bits(void **state) {
    layers_are(HEAD W "  input x: float[1,4,5,5]\n"
                      "  a = Conv(x, w)\n"
                      "  b = Relu(a)\n"
                      "  c = Conv(b, w)\n"
                      "  d = Add(c, b)\n"
                      "  e = Relu(d)\n"
                      "  p = MaxPool(e) {kernel_shape:ints = [2, 2]}\n"
                      "  f = Conv(p, w)\n"
                      "  output f: float[1,4,4,4]\n}\n",
               "QuantizeLinear QConv QConv LastMaxPool QConv");
}

/* A block whose residual is a layer of its own, and the mean behind it. */
static void images_stay_in_eight_bits(void **state) {
    static const char text[] = HEAD W "  const v = float[4,4,1,1] {8, 2, 3, 4, 5, -6, 1, 8, 9, 1, 2, 3, 4, -5, 6, 7}\n"
                                      "  input x: float[1,4,5,5]\n"
                                      "  a = Conv(x, w)\n"
                                      "  b = Conv(x, v)\n"
                                      "  c = Add(a, b)\n"
                                      "  d = Relu(c)\n"
                                      "  e = GlobalAveragePool(d)\n"
                                      "  output e: float[1,4,1,1]\n}\n";
    char *lines;
    layers_are(text, "QuantizeLinear QConv QConv QGlobalAveragePool");
    naru_engine *e = int8_of(text);
    OK(naru_engine_inspect(e, NARU_INSPECT_LINES, &lines, &err));
    assert_null(strstr(lines, "float[1,5,5,4]"));
    naru_text_free(&lines);
    naru_engine_destroy(&e);
}

/* The norm's float output is the residual; only the product reads it quantized. */
static void what_is_float_anyway_is_read_so(void **state) {
    static const char text[] = HEAD M "  input x: float[3,4]\n"
                                      "  const s = float[4] {1, 2, 1, 1}\n"
                                      "  n = LayerNormalization(x, s)\n"
                                      "  p = MatMul(n, m)\n"
                                      "  y = Add(p, n)\n"
                                      "  output y: float[3,4]\n}\n";
    char *lines;
    layers_are(text, "LayerNormalization QuantizeLinear QMatMul");
    naru_engine *e = int8_of(text);
    OK(naru_engine_inspect(e, NARU_INSPECT_LINES, &lines, &err));
    assert_non_null(strstr(lines, ", n (float[3,4]) -> y (float[3,4])"));
    naru_text_free(&lines);
    naru_engine_destroy(&e);
}

/* An output of the network between layers keeps its float values. */
static void outputs_stay_float(void **state) {
    layers_are(HEAD W "  input x: float[1,4,5,5]\n"
                      "  a = Conv(x, w)\n"
                      "  b = Relu(a)\n"
                      "  c = Conv(b, w)\n"
                      "  output b: float[1,4,5,5]\n"
                      "  output c: float[1,4,5,5]\n}\n",
               "QuantizeLinear QConv QuantizeLinear QConv");
}

static void batch_norms_are_folded_first(void **state) {
    layers_are(HEAD W "  input x: float[1,4,5,5]\n"
                      "  const s = float[4] {1, 2, 3, 4}\n"
                      "  const z = float[4] {0, 0, 1, 1}\n"
                      "  a = Conv(x, w)\n"
                      "  b = BatchNormalization(a, s, z, z, s)\n"
                      "  c = Relu(b)\n"
                      "  output c: float[1,4,5,5]\n}\n",
               "QuantizeLinear QConv");
}

/* ---- what is not quantized ---- */
static void products_of_activations_stay_float(void **state) {
    layers_are(HEAD M "  input x: float[3,4]\n  input v: float[4,4]\n"
                      "  p = MatMul(x, v)\n"
                      "  q = MatMul(p, m)\n"
                      "  output q: float[3,4]\n}\n",
               "MatMul QuantizeLinear QMatMul");
}

static void factors_stay_float(void **state) {
    layers_are(HEAD M "  input x: float[3,4]\n"
                      "  p = Gemm(x, m) {alpha:float = 0.5}\n"
                      "  q = Gemm(x, m)\n"
                      "  y = Add(p, q)\n"
                      "  output y: float[3,4]\n}\n",
               "QuantizeLinear Gemm QMatMul Add");
}

static void transposed_convolutions_stay_float(void **state) {
    layers_are(HEAD W "  input x: float[1,4,5,5]\n"
                      "  a = ConvTranspose(x, w)\n"
                      "  b = Conv(a, w)\n"
                      "  output b: float[1,4,5,5]\n}\n",
               "ConvTranspose QuantizeLinear QConv");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(residuals_stay_in_eight_bits),
                                       cmocka_unit_test(images_stay_in_eight_bits),
                                       cmocka_unit_test(what_is_float_anyway_is_read_so),
                                       cmocka_unit_test(outputs_stay_float),
                                       cmocka_unit_test(batch_norms_are_folded_first),
                                       cmocka_unit_test(products_of_activations_stay_float),
                                       cmocka_unit_test(factors_stay_float),
                                       cmocka_unit_test(transposed_convolutions_stay_float)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
