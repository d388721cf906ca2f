/* SPDX-License-Identifier: MIT
 *
 * The Silero voice detector as TorchScript, stepped over a recorded sound: the module keeps its state in attributes
 * from call to call. Each window's probability against PyTorch's, at 1 and 2 threads and every CPU level, interpreted
 * and as regions.
 */
#include "base/cpu.h"
#include "naru/script.h"
#include "run_session.h"

static naru_module *open_module(const char *cpu, const char *threads, const char *regions) {
    char path[500];
    naru_error err = NARU_ERROR_INIT;
    naru_options *o;
    naru_module *m = NULL;
    assert_int_equal(naru_options_create(&o, NULL), NARU_OK);
    naru_options_set(o, "cpu", cpu, NULL);
    naru_options_set(o, "threads", threads, NULL);
    naru_options_set(o, "regions", regions, NULL);
    snprintf(path, sizeof path, "%s/silero/silero_vad.jit", NARU_TEST_DATA);
    if (naru_module_load(path, o, &m, &err) != NARU_OK) fail_msg("%s", err.message);
    naru_options_destroy(&o);
    return m;
}

static double probability(naru_module *m, naru_tensor *x, int64_t rate) {
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *args[2], *out;
    assert_int_equal(naru_ivalue_tensor(x, &args[0], &err), NARU_OK);
    assert_int_equal(naru_ivalue_int(rate, &args[1], &err), NARU_OK);
    if (naru_module_call(m, "forward", 2, args, &out, &err) != NARU_OK) fail_msg("%s", err.message);
    naru_tensor *t = naru_ivalue_to_tensor(out);
    assert_non_null(t);
    double p = naru_tensor_get(t, 0);
    naru_tensor_destroy(&t);
    naru_ivalue_destroy(&out);
    naru_ivalue_destroy(&args[0]);
    naru_ivalue_destroy(&args[1]);
    return p;
}

static void step_over_sound(naru_module *m, const char *audio_name, const char *want_name, int64_t rate,
                            int64_t window) {
    naru_tensor *audio = read_array("silero/recorded.npz", audio_name),
                *want = read_array("silero/recorded.npz", want_name);
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *none;
    if (naru_module_call(m, "reset_states", 0, NULL, &none, &err) != NARU_OK) fail_msg("%s", err.message);
    naru_ivalue_destroy(&none);
    const float *sound = naru_tensor_data(audio);
    for (int64_t k = 0; k < naru_tensor_count(want); k++) {
        naru_tensor *x = new_tensor(NARU_FLOAT, 1, (const int64_t[]){window});
        memcpy(naru_tensor_data(x), sound + k * window, (size_t)window * sizeof *sound);
        double p = probability(m, x, rate), expected = naru_tensor_get(want, k);
        if (!(p - expected <= 1e-4 && expected - p <= 1e-4))
            fail_msg("%s, window %d: probability %.6f, expected %.6f", want_name, (int)k, p, expected);
        naru_tensor_destroy(&x);
    }
    naru_tensor_destroy(&audio);
    naru_tensor_destroy(&want);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static void test_sound(void **unused) {
    int best = (int)cpu_best();
    for (int level = SANITIZED ? best : 0; level <= best; level++)
        for (int way = 0; way < 3; way++) { /* interpreted; regions at 1 and at 2 threads */
            naru_module *m = open_module(cpu_level_name((cpu_level)level), way == 2 ? "2" : "1", way ? "1" : "0");
            step_over_sound(m, "audio", "p_jit_16k", 16000, 512);
            step_over_sound(m, "audio8k", "p_jit_8k", 8000, 256);
            naru_module_destroy(&m);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
