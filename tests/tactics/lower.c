/* SPDX-License-Identifier: MIT
 *
 * When products may run in lower precision: only where the query allows it, on constant weights that the type holds,
 * and by choice only where it pays.
 */
#include "kcheck.h"
#include "tactics/tactic.h"
#include "tensor/tensor.h"

/* MatMul of float [rows, 1024] by a weight [1024, 1024] whose first element is w0. */
typedef struct query {
    graph *g;
    naru_tensor *w;
    fact in[2], out;
    const fact *pin[2];
    tactic_query q;
} query;

static void ask(query *k, dim_t rows, float w0, bool constant, unsigned lower) {
    const int64_t dims[2] = {1024, 1024};
    memset(k, 0, sizeof *k);
    assert_int_equal(tensor_new(NARU_FLOAT, 2, dims, &k->w, NULL), NARU_OK);
    memset(k->w->data, 0, tensor_bytes(k->w));
    ((float *)k->w->data)[0] = w0;
    type t = {.kind = TYPE_TENSOR, .dtype = NARU_FLOAT, .has_rank = true, .rank = 2, .dims = {rows, 1024}};
    k->in[0].type = k->in[1].type = k->out.type = t;
    k->in[1].type.dims[0] = 1024;
    k->in[1].constant = constant ? k->w : NULL;
    k->g = graph_new();
    k->g->main = graph_block_new(k->g, NULL);
    node *n = graph_node_new(k->g, k->g->main, NULL, "MatMul", "", 2, 1, 0);
    n->op = op_find("", "MatMul");
    k->pin[0] = &k->in[0], k->pin[1] = &k->in[1];
    k->q = (tactic_query){n, cpu_best(), 1, 2, 1, k->pin, &k->out, NULL, lower, NULL};
}
static void done(query *k) {
    tensor_unref(k->w);
    graph_free(k->g);
}

static const tactic *named(const char *name) {
    for (size_t i = 0; i < tactic_count(); i++)
        if (!strcmp(tactic_at(i)->name, name) && !strcmp(tactic_at(i)->op, "MatMul")) return tactic_at(i);
    fail_msg("no tactic %s", name);
    return NULL;
}

static const char *first(dim_t rows, unsigned lower) {
    query k;
    ask(&k, rows, 1, true, lower);
    const char *name = tactic_first(&k.q)->name;
    done(&k);
    return name;
}

static void test_only_where_allowed(void **state) {
    assert_string_equal(first(1, 0), "matmul.gemm");
    assert_string_equal(first(1, 1u << TACTIC_FP16), cpu_best() == CPU_REF ? "matmul.gemm" : "matmul.fp16");
    for (size_t i = 0; i < tactic_count(); i++) {
        const char *dot = strstr(tactic_at(i)->name, ".");
        bool named_so = dot && (!strncmp(dot, ".bf16", 5) || !strncmp(dot, ".fp16", 5));
        tactic_precision p = tactic_at(i)->precision;
        if (named_so) assert_int_equal(p, dot[1] == 'b' ? TACTIC_BF16 : TACTIC_FP16);
        else assert_int_equal(p, TACTIC_F32);
    }
}

/* 16-bit weights pay where they are read often: few rows, more weights than the cache holds. */
static void test_by_rows(void **state) {
    if (cpu_best() == CPU_REF || cpu_cache_l2() > 8 << 20 || cpu_dot_bf16_is_fast()) skip();
    assert_string_equal(first(1, 1u << TACTIC_BF16), "matmul.bf16");
    const char *many = cpu_best() < CPU_AMX ? "matmul.gemm" : "matmul.bf16tile";
    assert_string_equal(first(1000, 1u << TACTIC_BF16), many);
    assert_string_equal(first(DIM_UNKNOWN, 1u << TACTIC_BF16), many);
    many = cpu_best() < CPU_AVX512FP16 ? "matmul.gemm" : "matmul.fp16fma";
    assert_string_equal(first(1, 1u << TACTIC_FP16), "matmul.fp16");
    assert_string_equal(first(1000, 1u << TACTIC_FP16), many);
    assert_string_equal(first(DIM_UNKNOWN, 1u << TACTIC_FP16), many);
}

static const char *refusal(const char *tactic_name, float w0, bool constant) {
    query k;
    ask(&k, 1, w0, constant, ~0u);
    const char *no = named(tactic_name)->accepts(&k.q);
    done(&k);
    return no;
}

/* FP32 in pieces is FP32: no precision has to be allowed, but its gain is for timing to tell. */
static void test_pieces(void **state) {
    query k;
    ask(&k, 1000, 70000, true, 0);
    const tactic *t = named("matmul.fp32tile");
    assert_true(tactic_is_allowed(t, &k.q));
    k.q.cpu = CPU_AVX512FP16;
    assert_string_equal(tactic_refuses(t, &k.q), "the CPU level has no instruction for it");
    k.q.cpu = CPU_AMX; /* asked only: nothing is run */
    assert_null(tactic_refuses(t, &k.q));
    assert_non_null(strstr(t->slow(&k.q), "timing tells"));
    assert_string_equal(tactic_first(&k.q)->name, "matmul.gemm");
    done(&k);
}

static void test_weights(void **state) {
    assert_null(refusal("matmul.bf16", 70000, true));
    assert_null(refusal("matmul.fp16", 65504, true));
    assert_string_equal(refusal("matmul.fp16", -70000, true), "a weight is beyond FP16's range");
    if (cpu_best() >= CPU_AVX512FP16)
        assert_string_equal(refusal("matmul.fp16fma", -70000, true), "a weight is beyond FP16's range");
    else assert_string_equal(refusal("matmul.fp16fma", 1, true), "the CPU level has no instruction for it");
    assert_string_equal(refusal("matmul.bf16", 1, false), "weights are not constant");
    assert_string_equal(refusal("matmul.fp16", 1, false), "weights are not constant");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_only_where_allowed), cmocka_unit_test(test_by_rows),
                                       cmocka_unit_test(test_pieces), cmocka_unit_test(test_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
