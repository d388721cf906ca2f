/* SPDX-License-Identifier: MIT
 *
 * The Silero voice detector stepped over a recorded sound, its state carried from call to call, at every CPU level:
 * each window's probability against ONNX Runtime's. If, LSTM, Conv, Pad and Slice in a model that is in use.
 */
#include "run_session.h"

enum { STATE = 128 };

typedef struct detector {
    const char *file, *recorded; /* the model; suffix of its arrays in recorded.npz */
    const char *audio;
    int64_t rate, window, before; /* samples per step, and how many of the step before are put in front */
    bool takes_rate;
    double tolerance;
    int edge; /* windows that may disagree (the half model has one on an edge) */
} detector;

static const detector DETECTORS[] = {
    {"silero/silero_vad_16k_op15.onnx", "silero_vad_16k_op15", "audio", 16000, 512, 64, true, 1e-4, 0},
    {"silero/silero_vad.onnx", "silero_vad_16k", "audio", 16000, 512, 64, true, 1e-4, 0},
    {"silero/silero_vad.onnx", "silero_vad_8k", "audio8k", 8000, 256, 32, true, 1e-4, 0},
    {"silero/silero_vad_half.onnx", "silero_vad_half", "audio", 16000, 512, 64, false, 2e-2, 1},
};

static naru_tensor *recorded(const char *prefix, const char *name) {
    char key[100];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    return read_array("silero/recorded.npz", key);
}

/* Window k of the sound with the `before` samples in front of it, zeros at the beginning. */
static void fill_window(const detector *d, const naru_tensor *audio, int64_t k, float *x) {
    const float *sound = naru_tensor_data(audio);
    for (int64_t i = 0; i < d->before + d->window; i++) {
        int64_t at = k * d->window + i - d->before;
        x[i] = at < 0 ? 0 : sound[at];
    }
}

static void step_over_sound(const detector *d, const char *cpu) {
    naru_session *s = open_session(d->file, cpu, "1");
    naru_tensor *audio = recorded("", d->audio), *want = recorded("p_", d->recorded);
    naru_tensor *x = new_tensor(NARU_FLOAT, 2, (const int64_t[]){1, d->before + d->window});
    naru_tensor *state = new_tensor(NARU_FLOAT, 3, (const int64_t[]){2, 1, STATE});
    naru_tensor *rate = new_tensor(NARU_INT64, 0, NULL);
    memset(naru_tensor_data(state), 0, naru_tensor_nbytes(state));
    *(int64_t *)naru_tensor_data(rate) = d->rate;

    int wrong = 0;
    for (int64_t k = 0; k < naru_tensor_count(want); k++) {
        naru_tensor *out[2];
        fill_window(d, audio, k, naru_tensor_data(x));
        run_session(s, d->takes_rate ? 3 : 2, (const char *const[]){"input", "state", "sr"},
                    (naru_tensor *const[]){x, state, rate}, 2, (const char *const[]){"output", "stateN"}, out);
        double p = naru_tensor_get(out[0], 0), expected = naru_tensor_get(want, k);
        if (!(p - expected <= d->tolerance && expected - p <= d->tolerance) && wrong++ == d->edge)
            fail_msg("%s at %s, window %d: probability %.6f, expected %.6f", d->recorded, cpu, (int)k, p, expected);
        naru_tensor_destroy(&out[0]);
        naru_tensor_destroy(&state);
        state = out[1];
    }
    naru_tensor *last = recorded("state_", d->recorded);
    assert_close(state, last, d->tolerance, 10 * d->tolerance);
    naru_tensor_destroy(&last);
    naru_tensor_destroy(&audio);
    naru_tensor_destroy(&want);
    naru_tensor_destroy(&x);
    naru_tensor_destroy(&state);
    naru_tensor_destroy(&rate);
    naru_session_destroy(&s);
}

static void test_probabilities(void **unused) {
    for (int level = 0; level <= (int)cpu_best(); level++)
        for (size_t k = 0; k < sizeof DETECTORS / sizeof DETECTORS[0]; k++)
            step_over_sound(&DETECTORS[k], cpu_level_name((cpu_level)level));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_probabilities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
