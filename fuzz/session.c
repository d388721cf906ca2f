/* SPDX-License-Identifier: MIT
 *
 * Everything between a model's bytes and its outputs, on arbitrary bytes: load, compile, run on zeros where the inputs
 * are small tensors, by the engine and by the reference evaluator.
 */
#include <string.h>

#include "naru/naru.h"

enum { MAX_INPUTS = 16, MAX_OUTPUTS = 16, MAX_ELEMENTS = 1 << 12 };

/* Zeros of the input's shape, unknown dimensions taken as 2; NULL where that is large or no tensor. */
static naru_value *zeros(const naru_port *p) {
    int64_t dims[NARU_MAX_RANK], count = 1;
    if (p->kind != NARU_KIND_TENSOR || p->rank < 0 || p->dtype == NARU_UNDEFINED) return NULL;
    for (int d = 0; d < p->rank; d++) {
        dims[d] = p->dims[d] < 0 ? 2 : p->dims[d];
        if (__builtin_mul_overflow(count, dims[d], &count) || count > MAX_ELEMENTS) return NULL;
    }
    naru_tensor *t;
    naru_value *v = NULL;
    if (naru_tensor_create(p->dtype, p->rank, dims, &t, NULL) != NARU_OK) return NULL;
    naru_value_from_tensor(t, &v, NULL);
    naru_tensor_destroy(&t);
    return v;
}

static void run(naru_session *s) {
    const char *in_names[MAX_INPUTS], *out_names[MAX_OUTPUTS];
    naru_value *in[MAX_INPUTS] = {0}, *out[MAX_OUTPUTS] = {0};
    size_t nin = naru_session_inputs(s), nout = naru_session_outputs(s), made = 0;
    naru_port p = {.size = sizeof p};
    if (nin > MAX_INPUTS || nout > MAX_OUTPUTS) return;
    for (; made < nin; made++) {
        naru_session_input(s, made, &p);
        in_names[made] = p.name;
        if (!(in[made] = zeros(&p))) break;
    }
    for (size_t i = 0; i < nout; i++) {
        naru_session_output(s, i, &p);
        out_names[i] = p.name;
    }
    if (made == nin && nout) naru_session_run(s, nin, in_names, in, nout, out_names, out, NULL);
    for (size_t i = 0; i < made; i++) naru_value_destroy(&in[i]);
    for (size_t i = 0; i < nout; i++) naru_value_destroy(&out[i]);
}

static void compile_and_run(const naru_model *m, const char *evaluator) {
    naru_options *o;
    naru_session *s;
    if (naru_options_create(&o, NULL) != NARU_OK) return;
    naru_options_set(o, "threads", "1", NULL);
    naru_options_set(o, "evaluator", evaluator, NULL);
    if (naru_session_create(m, o, &s, NULL, NULL) == NARU_OK) run(s);
    naru_session_destroy(&s);
    naru_options_destroy(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    naru_model *m;
    if (size == 0 || naru_model_load_memory(data, size, &m, NULL) != NARU_OK) return 0;
    compile_and_run(m, "engine");
    compile_and_run(m, "reference");
    naru_model_destroy(&m);
    return 0;
}
