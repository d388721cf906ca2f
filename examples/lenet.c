/* SPDX-License-Identifier: MIT
 *
 * A network made op by op, without any model file: LeNet-5 for 28x28 pictures. It is built into an engine for batches
 * of 1 to 8, run on one picture, and prints its layers and what it thinks of the ten classes. The weights are made up;
 * yours would come from where they are, and `naru_tensor_wrap` lends them without a copy.
 *
 *     cc lenet.c $(pkg-config --cflags --libs naru) && ./a.out
 */
#include <stdio.h>

#include "naru/naru.h"

enum { SIDE = 28, CLASSES = 10, BATCH_MAX = 8 };

/* ---- the network ---- */
typedef struct maker {
    naru_network *net;
    naru_network_tensor *x; /* what the last layer gave */
    naru_status status;     /* of the first call that failed; then nothing is added any more */
    naru_error *err;
    unsigned state; /* of the made-up weights */
} maker;

static naru_network_tensor *weights(maker *m, const char *name, int rank, const int64_t *dims, float scale) {
    naru_tensor *t = NULL;
    naru_network_tensor *out = NULL;
    if (m->status == NARU_OK) m->status = naru_tensor_create(NARU_FLOAT, rank, dims, &t, m->err);
    if (m->status != NARU_OK) return NULL;
    float *data = (float *)naru_tensor_data(t);
    for (int64_t i = 0; i < naru_tensor_count(t); i++) {
        m->state = m->state * 1664525u + 1013904223u;
        data[i] = ((float)(m->state >> 8) / 8388608.0f - 1) * scale;
    }
    m->status = naru_network_add_constant(m->net, name, t, &out, m->err);
    naru_tensor_destroy(&t); /* the network has a reference of its own */
    return out;
}

static void relu(maker *m, const char *name) {
    if (m->status != NARU_OK) return;
    m->status = naru_network_add_activation(m->net, name, NARU_RELU, m->x, 0, 0, &m->x, m->err);
}

/* Convolution of 5x5, ReLU, the largest of each 2x2. */
static void stage(maker *m, const char *names[5], int64_t from, int64_t to, int64_t pad) {
    naru_network_tensor *w = weights(m, names[0], 4, (int64_t[]){to, from, 5, 5}, 0.3f);
    naru_network_tensor *b = weights(m, names[1], 1, (int64_t[]){to}, 0.1f);
    naru_window c = {.size = sizeof c, .rank = 2, .pad_begin = {pad, pad}, .pad_end = {pad, pad}};
    naru_window p = {.size = sizeof p, .rank = 2, .kernel = {2, 2}, .stride = {2, 2}};
    if (m->status == NARU_OK)
        m->status = naru_network_add_convolution(m->net, names[2], m->x, w, b, &c, 1, &m->x, m->err);
    relu(m, names[3]);
    if (m->status == NARU_OK)
        m->status = naru_network_add_pooling(m->net, names[4], NARU_POOL_MAX, m->x, &p, &m->x, m->err);
}

static void dense(maker *m, const char *names[3], int64_t from, int64_t to) {
    naru_network_tensor *w = weights(m, names[0], 2, (int64_t[]){to, from}, 0.1f);
    naru_network_tensor *b = weights(m, names[1], 1, (int64_t[]){to}, 0.1f);
    if (m->status == NARU_OK) m->status = naru_network_add_fully_connected(m->net, names[2], m->x, w, b, &m->x, m->err);
}

static naru_status make_lenet(unsigned seed, naru_network **out, naru_error *err) {
    maker m = {.status = NARU_OK, .err = err, .state = seed};
    m.status = naru_network_create_empty(&m.net, err);
    if (m.status == NARU_OK)
        m.status = naru_network_add_input(m.net, "picture", NARU_FLOAT, 4, (int64_t[]){-1, 1, SIDE, SIDE},
                                          (const char *[]){"batch", NULL, NULL, NULL}, &m.x, err);
    stage(&m, (const char *[]){"conv1.weight", "conv1.bias", "conv1", "relu1", "pool1"}, 1, 6, 2);
    stage(&m, (const char *[]){"conv2.weight", "conv2.bias", "conv2", "relu2", "pool2"}, 6, 16, 0);
    dense(&m, (const char *[]){"fc1.weight", "fc1.bias", "fc1"}, 400, 120);
    relu(&m, "relu3");
    dense(&m, (const char *[]){"fc2.weight", "fc2.bias", "fc2"}, 120, 84);
    relu(&m, "relu4");
    dense(&m, (const char *[]){"fc3.weight", "fc3.bias", "fc3"}, 84, CLASSES);
    if (m.status == NARU_OK) m.status = naru_network_add_softmax(m.net, "softmax", m.x, 1, &m.x, err);
    if (m.status == NARU_OK) m.status = naru_network_tensor_set_name(m.net, m.x, "classes", err);
    if (m.status == NARU_OK) m.status = naru_network_mark_output(m.net, m.x, err);
    if (m.status != NARU_OK) naru_network_destroy(&m.net);
    *out = m.net;
    return m.status;
}

/* ---- the engine ---- */
static naru_status add_profile(naru_builder_config *config, naru_error *err) {
    static const int64_t batches[] = {1, 1, BATCH_MAX};
    naru_profile *p = NULL;
    naru_status status = naru_profile_create(&p, err);
    for (int i = 0; i < 3 && status == NARU_OK; i++)
        status = naru_profile_set_dims(p, "picture", (naru_select)i, 4, (int64_t[]){batches[i], 1, SIDE, SIDE}, err);
    if (status == NARU_OK) status = naru_builder_config_add_profile(config, p, NULL, err);
    naru_profile_destroy(&p);
    return status;
}

static naru_status build(const naru_network *net, naru_engine **out, naru_error *err) {
    naru_builder_config *config = NULL;
    naru_status status = naru_builder_config_create(&config, err);
    if (status == NARU_OK) status = add_profile(config, err);
    if (status == NARU_OK) status = naru_build(net, config, out, NULL, err);
    naru_builder_config_destroy(&config);
    return status;
}

static naru_status run(naru_engine *engine, float *picture, float *classes, naru_error *err) {
    naru_context *c = NULL;
    naru_status status = naru_context_create(engine, &c, err);
    if (status == NARU_OK) status = naru_context_set_input_shape(c, "picture", 4, (int64_t[]){1, 1, SIDE, SIDE}, err);
    if (status == NARU_OK) status = naru_context_set_address(c, "picture", picture, SIDE * SIDE * sizeof *picture, err);
    if (status == NARU_OK) status = naru_context_set_address(c, "classes", classes, CLASSES * sizeof *classes, err);
    if (status == NARU_OK) status = naru_context_run(c, err);
    naru_context_destroy(&c);
    return status;
}

static void print_layers(const naru_network *net) {
    naru_network_layer_info l = {.size = sizeof l};
    naru_port p = {.size = sizeof p};
    for (size_t i = 0; i < naru_network_layers(net); i++) {
        const naru_network_layer *layer = naru_network_layer_at(net, i);
        naru_network_layer_get(layer, &l);
        naru_network_tensor_get(net, naru_network_layer_output(layer, 0), &p);
        printf("%-12s %-8s %s\n", l.name, l.op, p.type);
    }
}

int main(void) {
    naru_error err = NARU_ERROR_INIT;
    naru_network *net = NULL;
    naru_engine *engine = NULL;
    float picture[SIDE * SIDE], classes[CLASSES];
    for (int i = 0; i < SIDE * SIDE; i++) picture[i] = (float)((i * i) % 17) / 17; /* some stripes */
    naru_status status = make_lenet(1, &net, &err);
    if (status == NARU_OK) {
        print_layers(net);
        status = build(net, &engine, &err);
    }
    if (status == NARU_OK) status = run(engine, picture, classes, &err);
    for (int i = 0; status == NARU_OK && i < CLASSES; i++) printf("class %d: %.4f\n", i, (double)classes[i]);
    naru_engine_destroy(&engine);
    naru_network_destroy(&net);
    if (status == NARU_OK) return 0;
    fprintf(stderr, "%s\n", err.message[0] ? err.message : naru_status_text(status));
    return 1;
}
