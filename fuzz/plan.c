/* SPDX-License-Identifier: MIT
 *
 * Plan files, behind their hashes: the input changes a plan that is built here (offset in three bytes, new byte, again
 * and again), the hashes are made right again, and what loads is run. An input that begins as a plan does is one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "naru/naru.h"

enum { PAGE = 4096, MAX_PORTS = 8, MAX_ELEMENTS = 1 << 12 };

static uint8_t *plan; /* of a small model */
static size_t plan_size;

static void make_plan(void) {
    naru_model *m = NULL;
    naru_network *n = NULL;
    naru_builder_config *c = NULL;
    naru_options *o = NULL;
    naru_engine *e = NULL;
    naru_options_create(&o, NULL);
    naru_options_set(o, "threads", "1", NULL);
    if (naru_model_load(NARU_SOURCE_DIR "/fuzz/seeds/session/conv.onnx", NULL, &m, NULL) != NARU_OK) abort();
    if (naru_network_create(m, &n, NULL) != NARU_OK || naru_builder_config_create(&c, NULL) != NARU_OK) abort();
    naru_builder_config_set_level(c, 0, NULL);
    naru_builder_config_set_options(c, o, NULL);
    naru_profile *p;
    naru_port port = {.size = sizeof port};
    naru_profile_create(&p, NULL);
    for (size_t i = 0; naru_network_input(n, i, &port) == NARU_OK; i++)
        for (int b = 0; b < 3; b++) {
            int64_t d[NARU_MAX_RANK];
            for (int k = 0; k < port.rank; k++) d[k] = port.dims[k] < 0 ? 2 : port.dims[k];
            naru_profile_set_dims(p, port.name, (naru_select)b, port.rank, d, NULL);
        }
    naru_builder_config_add_profile(c, p, NULL, NULL);
    if (naru_build(n, c, &e, NULL, NULL) != NARU_OK) abort();
    if (naru_engine_serialize(e, (void **)&plan, &plan_size, NULL) != NARU_OK) abort();
    naru_profile_destroy(&p);
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_model_destroy(&m);
    naru_options_destroy(&o);
}

static void put64(uint8_t *p, uint64_t v) {
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> 8 * i);
}
static uint64_t get(const uint8_t *p, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static void rehash(uint8_t *data, size_t size) {
    if (size < PAGE) return;
    uint64_t n = get(data + 12, 4);
    for (uint64_t i = 0; i < n && i < 3; i++) {
        uint8_t *row = data + 32 + 32 * i;
        uint64_t at = get(row + 8, 8), len = get(row + 16, 8);
        if (at <= size && len <= size - at) put64(row + 24, hash_bytes(data + at, len, 0));
    }
    put64(data + 24, 0);
    put64(data + 24, hash_bytes(data, PAGE, 0));
}

static void run(naru_engine *e) {
    naru_context *c;
    naru_port p = {.size = sizeof p};
    if (naru_context_create(e, &c, NULL) != NARU_OK) return;
    bool small = true;
    for (size_t i = 0; naru_engine_input(e, i, &p) == NARU_OK && small; i++) {
        int rank = -1;
        int64_t dims[NARU_MAX_RANK], count = 1;
        naru_tensor *t;
        naru_value *v = NULL;
        small = naru_engine_profile_dims(e, 0, p.name, NARU_OPT, &rank, dims, NULL) == NARU_OK && rank >= 0;
        for (int d = 0; small && d < rank; d++)
            small = !__builtin_mul_overflow(count, dims[d], &count) && count <= MAX_ELEMENTS;
        if (!small || naru_tensor_create(p.dtype, rank, dims, &t, NULL) != NARU_OK) break;
        naru_value_from_tensor(t, &v, NULL);
        naru_tensor_destroy(&t);
        if (v) naru_context_set_input(c, p.name, v, NULL);
        naru_value_destroy(&v);
    }
    if (small) naru_context_run(c, NULL);
    naru_context_destroy(&c);
}

static void load(const uint8_t *data, size_t size) {
    naru_options *o;
    naru_engine *e = NULL;
    char *text = NULL;
    if (naru_options_create(&o, NULL) != NARU_OK) return;
    naru_options_set(o, "threads", "1", NULL);
    if (naru_engine_load_memory(data, size, NULL, o, &e, NULL, NULL) == NARU_OK) {
        run(e);
        naru_engine_inspect(e, NARU_INSPECT_JSON, &text, NULL);
    }
    naru_text_free(&text);
    naru_engine_destroy(&e);
    naru_options_destroy(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!plan) make_plan();
    bool whole = size >= 8 && memcmp(data, "NARUPLAN", 8) == 0;
    size_t n = whole ? size : plan_size;
    uint8_t *copy = malloc(n + 1);
    if (!copy) return 0;
    memcpy(copy, whole ? data : plan, n);
    for (size_t i = 0; !whole && i + 4 <= size; i += 4) copy[get(data + i, 3) % n] = data[i + 3];
    load(copy, n); /* as it is: the hashes tell */
    rehash(copy, n);
    load(copy, n);
    free(copy);
    return 0;
}
