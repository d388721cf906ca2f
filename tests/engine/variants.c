/* SPDX-License-Identifier: MIT
 *
 * Tactics of their own for profiles whose times differ: by a timing cache written by hand, a layer takes one tactic in
 * the one profile and another in the other; each runs as in an engine of that profile alone, bit for bit.
 */
#include "base/hash.h"
#include "two_tactics.h"

static int64_t weights_of(const naru_engine *e) {
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(e, &info));
    assert_false(info.rebuilt);
    return info.weight_bytes;
}

static bool uses(const naru_engine *e, const char *tactic) {
    naru_layer l = {.size = sizeof l};
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++)
        if (strcmp(l.tactic, tactic) == 0) return true;
    return false;
}

static bool told(const naru_engine *e, const char *text) {
    char *json;
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &json, &err));
    bool there = strstr(json, text) != NULL;
    naru_text_free(&json);
    return there;
}

/* ---- results ---- */
static void run_size(naru_context *c, int64_t size, float out[10]) {
    float *x = random_floats((size_t)(3 * size * size), (unsigned)size);
    OK(run_cnn(c, 1, size, x, out, &err));
    free(x);
}

static void run_alone(naru_engine *e, int64_t size, float out[10]) {
    naru_context *c;
    OK(naru_context_create(e, &c, &err));
    run_size(c, size, out);
    naru_context_destroy(&c);
}

/* One context changing its profile with each run. */
static void expect_both(naru_engine *e, const float want[2][10]) {
    naru_context *c;
    float got[10];
    OK(naru_context_create(e, &c, &err));
    for (int i = 0; i < 5; i++) {
        run_size(c, i % 2 ? LARGE : SMALL, got);
        assert_int_equal(naru_context_profile(c), i % 2);
        assert_memory_equal(got, want[i % 2], sizeof got);
    }
    naru_context_destroy(&c);
}

static void session_both(const void *plan, size_t bytes, const float want[2][10]) {
    char path[] = "/tmp/naru_variants_XXXXXX";
    int fd = mkstemp(path);
    naru_session *s;
    naru_options *o = options_of("1", NULL);
    assert_true(fd >= 0 && write(fd, plan, bytes) == (ssize_t)bytes);
    close(fd);
    OK(naru_session_load(path, o, &s, NULL, &err));
    for (int i = 0; i < 4; i++) {
        int64_t size = i % 2 ? LARGE : SMALL;
        float got[10], *x = random_floats((size_t)(3 * size * size), (unsigned)size);
        session_cnn(s, 1, size, x, got);
        assert_memory_equal(got, want[i % 2], sizeof got);
        free(x);
    }
    naru_session_destroy(&s);
    naru_options_destroy(&o);
    unlink(path);
}

static void by_profile(void **state) {
    naru_timing_cache *k = decided();
    naru_engine *alone[2] = {build_with(k, false, 0, 0), build_with(k, false, 1, 1)}, *e = build_with(k, false, 0, 1),
                *f;
    float want[2][10];
    if (!uses(alone[0], "conv.winograd")) skip(); /* a CPU level without it */
    assert_true(uses(alone[1], "conv.product") && !uses(alone[1], "conv.winograd"));
    for (int i = 0; i < 2; i++) run_alone(alone[i], i ? LARGE : SMALL, want[i]);
    assert_true(told(e, "\"OtherProfiles\": [{\"Profile\": 1, \"TacticName\": \"conv.product\"}]"));
    assert_true(told(e, "taken in another"));
    assert_false(told(alone[0], "OtherProfiles"));
    expect_both(e, (const float(*)[10])want);
    /* what the sets agree on is packed once */
    assert_true(weights_of(e) > weights_of(alone[0]) && weights_of(e) < weights_of(alone[0]) + weights_of(alone[1]));
    void *plan, *again;
    size_t bytes, n;
    naru_options *o = options_of("1", NULL);
    OK(naru_engine_serialize(e, &plan, &bytes, &err));
    OK(naru_engine_load_memory(plan, bytes, NULL, o, &f, NULL, &err));
    assert_int_equal(weights_of(f), weights_of(e));
    expect_both(f, (const float(*)[10])want);
    OK(naru_engine_serialize(f, &again, &n, &err));
    assert_int_equal(n, bytes);
    assert_memory_equal(again, plan, n);
    session_both(plan, bytes, (const float(*)[10])want);
    naru_engine_destroy(&f);
    naru_engine_data_free(&plan);
    naru_engine_data_free(&again);
    for (int i = 0; i < 2; i++) naru_engine_destroy(&alone[i]);
    naru_engine_destroy(&e);
    naru_options_destroy(&o);
    naru_timing_cache_destroy(&k);
}

/* Refitting keeps them. */
static void refitted(void **state) {
    naru_timing_cache *k = decided();
    naru_engine *e = build_with(k, false, 0, 1);
    naru_refitter *r;
    naru_weight w = {.size = sizeof w};
    float want[2][10], got[2][10];
    for (int i = 0; i < 2; i++) run_alone(e, i ? LARGE : SMALL, want[i]);
    OK(naru_refitter_create(e, &r, &err));
    for (int way = 0; way < 2; way++) {
        for (size_t i = 0; naru_refitter_weight(r, i, &w) == NARU_OK; i++) {
            naru_tensor *t;
            const naru_tensor *is = naru_refitter_tensor(r, w.name);
            OK(naru_tensor_create(NARU_FLOAT, w.rank, w.dims, &t, &err));
            for (int64_t j = 0; j < naru_tensor_count(t); j++)
                ((float *)naru_tensor_data(t))[j] = (float)naru_tensor_get(is, j) * (way ? 0.5f : 2);
            OK(naru_refitter_set(r, w.name, t, &err));
            naru_tensor_destroy(&t);
        }
        OK(naru_refitter_refit(r, NULL, &err));
        for (int i = 0; i < 2; i++) run_alone(e, i ? LARGE : SMALL, got[i]);
        if (way) assert_memory_equal(got, want, sizeof want);
        else assert_true(memcmp(got, want, sizeof want) != 0);
    }
    if (uses(e, "conv.winograd")) assert_true(told(e, "OtherProfiles"));
    naru_refitter_destroy(&r);
    naru_engine_destroy(&e);
    naru_timing_cache_destroy(&k);
}

/* A small gain in one profile is not worth packing weights twice: the sum decides. */
static void small_gains_do_not_count(void **state) {
    char path[] = "/tmp/naru_variants_XXXXXX";
    naru_timing_cache *k = decided(), *mild;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    OK(naru_timing_cache_save(k, path, &err));
    slightly = true;
    rewrite(path);
    slightly = false;
    OK(naru_timing_cache_create(&mild, &err));
    OK(naru_timing_cache_load(mild, path, &err));
    naru_engine *e = build_with(mild, false, 0, 1);
    assert_false(told(e, "OtherProfiles"));
    naru_engine_destroy(&e);
    naru_timing_cache_destroy(&k);
    naru_timing_cache_destroy(&mild);
    unlink(path);
}

/* ---- forged plans ---- */
static uint64_t get64(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}
static void put64(uint8_t *p, uint64_t v) {
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> 8 * i);
}

/* Any byte of the index changed, its hash made right again: what loads runs in both profiles or says why not. */
static void forged(void **state) {
    naru_timing_cache *k = decided();
    naru_engine *e = build_with(k, false, 0, 1);
    naru_options *o = options_of("1", NULL);
    uint8_t *data;
    size_t n, loaded = 0;
    float got[10], *x = random_floats(3 * LARGE * LARGE, 1);
    OK(naru_engine_serialize(e, (void **)&data, &n, &err));
    uint64_t at = get64(data + 32 + 8), size = get64(data + 32 + 16);
    for (size_t i = 0; i < size; i++) {
        naru_engine *f = NULL;
        naru_context *c = NULL;
        data[at + i] ^= (uint8_t)(1 + i % 255);
        put64(data + 32 + 24, hash_bytes(data + at, size, 0));
        put64(data + 24, 0);
        put64(data + 24, hash_bytes(data, 4096, 0));
        if (naru_engine_load_memory(data, n, NULL, o, &f, NULL, NULL) == NARU_OK) {
            OK(naru_context_create(f, &c, &err));
            run_cnn(c, 1, SMALL, x, got, NULL);
            run_cnn(c, 1, LARGE, x, got, NULL);
            naru_context_destroy(&c);
            loaded++;
        }
        naru_engine_destroy(&f);
        data[at + i] ^= (uint8_t)(1 + i % 255);
    }
    assert_true(loaded > 0 && loaded < size);
    free(x);
    naru_engine_data_free((void **)&data);
    naru_options_destroy(&o);
    naru_engine_destroy(&e);
    naru_timing_cache_destroy(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_profile), cmocka_unit_test(refitted),
                                       cmocka_unit_test(small_gains_do_not_count), cmocka_unit_test(forged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
