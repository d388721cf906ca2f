/* SPDX-License-Identifier: MIT
 *
 * A complete program: loads an ONNX model whose inputs are float tensors, runs it once on ones (every open dimension is
 * taken as 1, of a picture's height and width as 32) and prints what came out.
 *
 *     cc run_model.c $(pkg-config --cflags --libs naru) && ./a.out model.onnx
 */
#include <stdio.h>
#include <stdlib.h>

#include "naru/session.h"

enum { PORTS_MAX = 16 };

static naru_status make_ones(const naru_port *port, naru_value **out, naru_error *err) {
    int64_t dims[NARU_MAX_RANK];
    naru_tensor *tensor = NULL;
    for (int i = 0; i < port->rank; i++) dims[i] = port->dims[i] >= 0 ? port->dims[i] : i >= 2 ? 32 : 1;
    naru_status status = naru_tensor_create(NARU_FLOAT, port->rank, dims, &tensor, err);
    if (status != NARU_OK) return status;
    float *data = naru_tensor_data(tensor);
    for (int64_t i = 0; i < naru_tensor_count(tensor); i++) data[i] = 1;
    status = naru_value_from_tensor(tensor, out, err);
    naru_tensor_destroy(&tensor);
    return status;
}

static void print_tensor(const char *name, const naru_tensor *t) {
    printf("%s: %s[", name, naru_dtype_name(naru_tensor_dtype(t)));
    for (int i = 0; i < naru_tensor_rank(t); i++) printf("%s%lld", i ? "," : "", (long long)naru_tensor_dims(t)[i]);
    printf("] =");
    for (int64_t i = 0; i < naru_tensor_count(t) && i < 8; i++) printf(" %.5g", naru_tensor_get(t, i));
    printf("\n");
}

static naru_status run(naru_session *session, naru_error *err) {
    const char *in_names[PORTS_MAX], *out_names[PORTS_MAX];
    naru_value *in[PORTS_MAX] = {0}, *out[PORTS_MAX] = {0};
    size_t nin = naru_session_inputs(session), nout = naru_session_outputs(session);
    naru_port port = {.size = sizeof port};
    naru_status status = NARU_OK;
    if (nin > PORTS_MAX || nout > PORTS_MAX) return NARU_LIMIT;
    for (size_t i = 0; status == NARU_OK && i < nin; i++) {
        naru_session_input(session, i, &port);
        in_names[i] = port.name;
        status = make_ones(&port, &in[i], err);
    }
    for (size_t i = 0; i < nout; i++) {
        naru_session_output(session, i, &port);
        out_names[i] = port.name;
    }
    if (status == NARU_OK) status = naru_session_run(session, nin, in_names, in, nout, out_names, out, err);
    for (size_t i = 0; status == NARU_OK && i < nout; i++)
        if (naru_value_tensor(out[i])) print_tensor(out_names[i], naru_value_tensor(out[i]));
    for (size_t i = 0; i < nin; i++) naru_value_destroy(&in[i]);
    for (size_t i = 0; i < nout; i++) naru_value_destroy(&out[i]);
    return status;
}

int main(int argc, char **argv) {
    naru_error err = NARU_ERROR_INIT;
    naru_session *session = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: run_model MODEL.onnx\n");
        return 2;
    }
    naru_status status = naru_session_load(argv[1], NULL, &session, NULL, &err);
    if (status == NARU_OK) status = run(session, &err);
    naru_session_destroy(&session);
    if (status == NARU_OK) return 0;
    fprintf(stderr, "%s\n", err.message[0] ? err.message : naru_status_text(status));
    return 1;
}
