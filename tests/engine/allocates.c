/* SPDX-License-Identifier: MIT
 *
 * A planned run allocates nothing: the second run at the same shapes, outputs given by the caller, on every model of
 * tests/data/models whose output sizes do not depend on data.
 */
#include "engine_calls.h"

#include "base/mem.h"

static const char *const k_models[][2] = {
    {"encoder", "encoder_op17.onnx"},
    {"encoder", "encoder_dynamo.onnx"},
    {"torchtransformer", "torchtransformer_dynamo.onnx"},
    {"llama", "llama_op17.onnx"},
    {"llama", "llama_dynamo.onnx"},
    {"lstm", "lstm_op17.onnx"},
    {"speech", "speech_op17.onnx"},
    {"vit", "vit_op17.onnx"},
    {"mobile", "mobile_op17.onnx"},
    {"unet", "unet_op17.onnx"},
};

static void second_run(const char *name, const char *file, const char *threads) {
    naru_session *s = open_session(file, threads);
    recorded r;
    naru_value *out[MAX_PORTS] = {0};
    naru_error err = NARU_ERROR_INIT;
    read_call(s, name, 0, &r);
    make_outputs(&r, out);
    uint64_t before = 0;
    for (int run = 0; run < 3; run++) {
        if (run == 2) before = mem_alloc_count();
        if (naru_session_run(s, r.nin, r.in_names, r.in, r.nout, r.out_names, out, &err) != NARU_OK)
            fail_msg("%s: %s", file, err.message);
    }
    uint64_t made = mem_alloc_count() - before;
    if (made) fail_msg("%s: the third run made %llu allocations", file, (unsigned long long)made);
    assert_outputs(&r, out);
    for (size_t i = 0; i < r.nout; i++) naru_value_destroy(&out[i]);
    drop_call(&r);
    naru_session_destroy(&s);
}

static void planned_runs_allocate_nothing(void **state) {
    for (size_t i = 0; i < sizeof k_models / sizeof *k_models; i++) {
        second_run(k_models[i][0], k_models[i][1], "1");
        second_run(k_models[i][0], k_models[i][1], "2");
    }
}

static void nothing_leaks(void **state) {
    size_t live = mem_live_count();
    second_run("unet", "unet_op17.onnx", "2");
    assert_int_equal(mem_live_count(), live);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(planned_runs_allocate_nothing),
                                       cmocka_unit_test(nothing_leaks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
