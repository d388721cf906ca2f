/* SPDX-License-Identifier: MIT
 *
 * The builder and what it makes: profiles and their rules, contexts, streams, tactics by timing, the timing cache, the
 * inspector.
 */
#include "build_calls.h"

#include <jansson.h>
#include <pthread.h>
#include <unistd.h>

static naru_engine *build_three(int level) {
    naru_network *n = open_network(SMALLCNN);
    naru_builder_config *c = config_of(level, "1", NULL);
    naru_engine *e;
    add_size_profile(c, 200, 224, 240);
    add_size_profile(c, 241, 256, 300);
    add_size_profile(c, 352, 384, 400);
    OK(naru_build(n, c, &e, NULL, &err));
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    return e;
}

/* ---- profiles ---- */
static void three_profiles(void **state) {
    naru_engine *e = build_three(3);
    naru_session *s;
    naru_context *c;
    naru_options *o = options_of("1", NULL);
    OK(naru_session_load(SMALLCNN, o, &s, NULL, &err));
    OK(naru_context_create(e, &c, &err));
    assert_int_equal(naru_engine_profiles(e), 3);
    static const int64_t sizes[] = {224, 256, 384, 200, 300, 400};
    static const int chosen[] = {0, 1, 2, 0, 1, 2};
    for (int i = 0; i < 6; i++) {
        float got[20], want[20], *x = random_floats(2 * 3 * 400 * 400, (unsigned)i);
        OK(run_cnn(c, 2, sizes[i], x, got, &err));
        assert_int_equal(naru_context_profile(c), chosen[i]);
        session_cnn(s, 2, sizes[i], x, want);
        assert_near(got, want, 20);
        free(x);
    }
    naru_context_destroy(&c);
    naru_session_destroy(&s);
    naru_options_destroy(&o);
    naru_engine_destroy(&e);
}

/* The profiles' own sizes against the reference evaluator. */
static void profiles_equal_the_reference(void **state) {
    naru_engine *e = build_three(0);
    naru_session *s;
    naru_context *c;
    naru_options *o = options_of("1", NULL);
    OK(naru_options_set(o, "evaluator", "reference", &err));
    OK(naru_session_load(SMALLCNN, o, &s, NULL, &err));
    OK(naru_context_create(e, &c, &err));
    static const int64_t sizes[] = {224, 256, 384};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    enum { SIZES = 1 }; /* plain C on large pictures takes minutes there */
#else
    enum { SIZES = 3 };
#endif
    for (int i = 0; i < SIZES; i++) {
        float got[10], want[10], *x = random_floats(3 * 384 * 384, (unsigned)i);
        OK(run_cnn(c, 1, sizes[i], x, got, &err));
        session_cnn(s, 1, sizes[i], x, want);
        assert_near(got, want, 10);
        free(x);
    }
    naru_context_destroy(&c);
    naru_session_destroy(&s);
    naru_options_destroy(&o);
    naru_engine_destroy(&e);
}

static void outside_is_refused(void **state) {
    naru_engine *e = build_three(0);
    naru_context *c;
    OK(naru_context_create(e, &c, &err));
    REFUSES(naru_context_set_input_shape(c, "input", 4, (int64_t[]){1, 3, 500, 384}, &err),
            "input 'input': axis 2 is 500; no profile takes these shapes; the nearest, profile 2, takes 352 to 400");
    REFUSES(naru_context_set_input_shape(c, "input", 4, (int64_t[]){5, 3, 224, 224}, &err),
            "input 'input': axis 0 is 5; no profile takes these shapes; the nearest, profile 0, takes 1 to 4");
    OK(naru_context_set_profile(c, 1, &err));
    REFUSES(naru_context_set_input_shape(c, "input", 4, (int64_t[]){1, 3, 384, 384}, &err),
            "input 'input': axis 2 is 384; profile 1 takes 241 to 300; it fits profile 2");
    REFUSES(naru_context_set_input_shape(c, "input", 4, (int64_t[]){1, 3, 320, 320}, &err),
            "axis 2 is 320; profile 1 takes 241 to 300; no profile is nearer");
    REFUSES(naru_context_set_input_shape(c, "input", 3, (int64_t[]){3, 256, 256}, &err),
            "must have 4 dimensions, has 3");
    REFUSES(naru_context_set_input_shape(c, "inputs", 1, (int64_t[]){3}, &err), "did you mean 'input'?");
    REFUSES(naru_context_set_profile(c, 3, &err), "there is no profile 3; the engine has 3");
    REFUSES(naru_context_run(c, &err), "input 'input' has neither address nor value");
    float x[4];
    OK(naru_context_set_address(c, "input", x, sizeof x, &err));
    OK(naru_context_set_input_shape(c, "input", 4, (int64_t[]){1, 3, 256, 256}, &err));
    REFUSES(naru_context_run(c, &err), "input 'input' needs 786432 bytes, the memory given has 16");
    naru_context_destroy(&c);
    naru_engine_destroy(&e);
}

static void bad_profiles(void **state) {
    naru_network *n = open_network(SMALLCNN);
    naru_builder_config *c = config_of(0, "1", NULL);
    naru_engine *e;
    naru_profile *p;
    REFUSES(naru_build(n, c, &e, NULL, &err), "input 'input' has no fixed shape, and the profile has no MIN for it");
    OK(naru_profile_create(&p, &err));
    OK(naru_profile_set_dims(p, "input", NARU_MIN, 4, (int64_t[]){1, 3, 64, 64}, &err));
    OK(naru_profile_set_dims(p, "input", NARU_OPT, 4, (int64_t[]){1, 3, 32, 64}, &err));
    OK(naru_profile_set_dims(p, "input", NARU_MAX, 4, (int64_t[]){1, 3, 96, 96}, &err));
    REFUSES(naru_profile_check(p, n, &err), "input 'input': axis 2 has MIN 64, OPT 32, MAX 96");
    OK(naru_profile_set_dims(p, "input", NARU_OPT, 4, (int64_t[]){1, 4, 64, 64}, &err));
    OK(naru_profile_set_dims(p, "input", NARU_MAX, 4, (int64_t[]){1, 4, 96, 96}, &err));
    REFUSES(naru_profile_check(p, n, &err), "input 'input': axis 1 is fixed at 3, OPT is 4");
    OK(naru_profile_set_dims(p, "input", NARU_OPT, 3, (int64_t[]){3, 64, 64}, &err));
    REFUSES(naru_profile_check(p, n, &err), "OPT has 3 dimensions, another bound has 4");
    REFUSES(naru_profile_set_dims(p, "input", NARU_OPT, 1, (int64_t[]){-1}, &err), "axis 0 has OPT -1");
    OK(naru_profile_set_dims(p, "inptu", NARU_OPT, 1, (int64_t[]){1}, &err));
    REFUSES(naru_profile_check(p, n, &err), "the network has no input 'inptu'; it has 'input'");
    naru_profile_destroy(&p);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
}

/* ---- shapes and memory ---- */
static void shapes_are_told(void **state) {
    naru_engine *e = build_three(0);
    naru_context *c;
    size_t missing;
    int rank;
    int64_t d[NARU_MAX_RANK];
    OK(naru_context_create(e, &c, &err));
    OK(naru_context_infer_shapes(c, &missing, &err));
    assert_int_equal(missing, 1);
    OK(naru_context_shape(c, "logits", &rank, d, &err));
    assert_true(rank == 2 && d[0] == -1 && d[1] == 10);
    OK(naru_context_set_input_shape(c, "input", 4, (int64_t[]){3, 3, 256, 256}, &err));
    OK(naru_context_infer_shapes(c, &missing, &err));
    assert_int_equal(missing, 0);
    OK(naru_context_shape(c, "logits", &rank, d, &err));
    assert_true(rank == 2 && d[0] == 3 && d[1] == 10);
    float *x = random_floats(3 * 3 * 256 * 256, 1), small[10];
    OK(naru_context_set_address(c, "input", x, 3 * 3 * 256 * 256 * 4, &err));
    OK(naru_context_set_address(c, "logits", small, sizeof small, &err));
    REFUSES(naru_context_run(c, &err), "output 'logits' needs 120 bytes, the memory given has 40");
    OK(naru_context_set_address(c, "logits", NULL, 0, &err));
    OK(naru_context_run(c, &err));
    naru_value *v;
    OK(naru_context_output(c, "logits", &v, &err));
    assert_int_equal(naru_tensor_count(naru_value_tensor(v)), 30);
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(e, &info));
    assert_true(info.workspace_bytes > naru_context_memory(c) && naru_context_memory(c) > 0);
    assert_true(info.layers > 0 && info.weight_bytes > 0);
    free(x);
    naru_context_destroy(&c);
    naru_engine_destroy(&e);
}

/* ---- threads and streams ---- */
enum { CONTEXTS = 8, RUNS = 4 };
static const int64_t thread_sizes[2] = {224, 256}; /* of two profiles */

typedef struct job {
    naru_engine *e;
    float *x;
    const float (*want)[10]; /* by size */
    int first;
    bool ok;
} job;

static void *run_alone(void *arg) {
    job *j = arg;
    naru_context *c;
    naru_error err = NARU_ERROR_INIT;
    j->ok = naru_context_create(j->e, &c, &err) == NARU_OK;
    for (int i = 0; j->ok && i < RUNS; i++) {
        float got[10];
        int k = (i + j->first) % 2;
        j->ok = run_cnn(c, 1, thread_sizes[k], j->x, got, &err) == NARU_OK && memcmp(got, j->want[k], sizeof got) == 0;
    }
    naru_context_destroy(&c);
    return NULL;
}

/* Each changes its shape with every run, half of them the other way round. */
static void eight_contexts(void **state) {
    naru_engine *e = build_three(0);
    naru_context *c;
    float *x = random_floats(3 * 256 * 256, 5), want[2][10];
    OK(naru_context_create(e, &c, &err));
    for (int k = 0; k < 2; k++) OK(run_cnn(c, 1, thread_sizes[k], x, want[k], &err));
    pthread_t t[CONTEXTS];
    job jobs[CONTEXTS];
    for (int i = 0; i < CONTEXTS; i++) {
        jobs[i] = (job){e, x, (const float(*)[10])want, i % 2, false};
        assert_int_equal(pthread_create(&t[i], NULL, run_alone, &jobs[i]), 0);
    }
    for (int i = 0; i < CONTEXTS; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < CONTEXTS; i++) assert_true(jobs[i].ok);
    naru_context_destroy(&c);
    naru_engine_destroy(&e);
    free(x);
}

static void streams(void **state) {
    naru_engine *e = build_three(0);
    naru_context *c[2];
    naru_stream *s[2];
    naru_event *done[2];
    float *x = random_floats(3 * 224 * 224, 5), got[2][10];
    for (int i = 0; i < 2; i++) {
        OK(naru_context_create(e, &c[i], &err));
        OK(naru_stream_create(&s[i], &err));
        OK(naru_event_create(&done[i], &err));
        assert_true(naru_event_happened(done[i]));
        OK(naru_context_set_input_shape(c[i], "input", 4, (int64_t[]){1, 3, 224, 224}, &err));
        OK(naru_context_set_address(c[i], "input", x, 3 * 224 * 224 * 4, &err));
        OK(naru_context_set_address(c[i], "logits", got[i], sizeof got[i], &err));
    }
    naru_engine_destroy(&e); /* contexts keep it */
    for (int k = 0; k < 3; k++) OK(naru_context_enqueue(c[0], s[0], &err));
    OK(naru_event_record(done[0], s[0], &err));
    OK(naru_stream_wait_event(s[1], done[0], &err));
    OK(naru_context_enqueue(c[1], s[1], &err));
    OK(naru_event_record(done[1], s[1], &err));
    assert_int_equal(naru_event_wait(done[1]), NARU_OK);
    assert_true(naru_event_happened(done[0]) && naru_event_happened(done[1]));
    assert_true(naru_event_elapsed_ms(done[0], done[1]) > 0);
    assert_memory_equal(got[0], got[1], sizeof got[0]);
    OK(naru_context_set_address(c[0], "logits", got[0], 8, &err));
    OK(naru_context_enqueue(c[0], s[0], &err));
    REFUSES(naru_stream_synchronize(s[0], &err), "output 'logits' needs 40 bytes");
    OK(naru_stream_synchronize(s[0], &err));
    for (int i = 0; i < 2; i++) {
        naru_event_destroy(&done[i]);
        naru_stream_destroy(&s[i]);
        naru_context_destroy(&c[i]);
    }
    free(x);
}

/* ---- tactics ---- */
static size_t count_tactic(naru_engine *e, const char *name) {
    naru_layer l = {.size = sizeof l};
    size_t n = 0;
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++) n += strcmp(l.tactic, name) == 0;
    return n;
}

static naru_engine *build_unet(naru_builder_config *c, naru_report *r) {
    naru_network *n = open_network(NARU_TEST_DATA "/models/unet_op17.onnx");
    naru_profile *p;
    naru_port port = {.size = sizeof port};
    naru_engine *e;
    OK(naru_profile_create(&p, &err));
    for (size_t i = 0; naru_network_input(n, i, &port) == NARU_OK; i++)
        for (int b = 0; b < 3; b++) {
            int64_t d[NARU_MAX_RANK];
            for (int k = 0; k < port.rank; k++) d[k] = port.dims[k] >= 0 ? port.dims[k] : k == 0 ? 1 + b : 32 * (b + 1);
            OK(naru_profile_set_dims(p, port.name, (naru_select)b, port.rank, d, &err));
        }
    OK(naru_builder_config_add_profile(c, p, NULL, &err));
    OK(naru_build(n, c, &e, r, &err));
    naru_profile_destroy(&p);
    naru_network_destroy(&n);
    return e;
}

static void tactic_sources(void **state) {
    naru_builder_config *c = config_of(3, "1", NULL);
    OK(naru_builder_config_set_tactics(c, "-conv.winograd,-conv.depthwise", &err));
    naru_engine *e = build_unet(c, NULL);
    assert_int_equal(count_tactic(e, "conv.winograd"), 0);
    assert_true(count_tactic(e, "conv.product") > 0);
    char *text;
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err));
    assert_non_null(strstr(text, "switched off by the tactic sources"));
    naru_text_free(&text);
    naru_engine_destroy(&e);
    REFUSES(naru_builder_config_set_tactics(c, "-conv.winogard", &err), "did you mean 'conv.winograd'?");
    REFUSES(naru_builder_config_set_tactics(c, "conv", &err), "wants a sign");
    OK(naru_builder_config_set_tactics(c, "-conv", &err)); /* the reference evaluator stays */
    e = build_unet(c, NULL);
    assert_true(count_tactic(e, "reference") > 0);
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
}

static void workspace_pool(void **state) {
    naru_builder_config *c = config_of(1, "1", NULL);
    OK(naru_builder_config_set_memory_pool(c, NARU_POOL_WORKSPACE, 100, &err));
    naru_engine *e = build_unet(c, NULL);
    char *text;
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err));
    assert_non_null(strstr(text, "wants more workspace than its pool has"));
    naru_text_free(&text);
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
}

static void *plan_of(naru_engine *e, size_t *size) {
    void *data;
    OK(naru_engine_serialize(e, &data, size, &err));
    return data;
}

static void timing_caches(void **state) {
    char path[] = "/tmp/naru_cache_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    naru_timing_cache *k, *again;
    naru_builder_config *c = config_of(3, "1", NULL);
    OK(naru_timing_cache_create(&k, &err));
    OK(naru_builder_config_set_timing_cache(c, k, &err));
    naru_engine *a = build_unet(c, NULL), *b;
    assert_true(naru_timing_cache_count(k) > 1);
    OK(naru_timing_cache_save(k, path, &err));
    OK(naru_timing_cache_create(&again, &err));
    OK(naru_timing_cache_load(again, path, &err));
    OK(naru_timing_cache_load(again, path, &err));
    assert_int_equal(naru_timing_cache_count(k), naru_timing_cache_count(again));
    naru_builder_config_destroy(&c);
    c = config_of(3, "1", NULL);
    OK(naru_builder_config_set_timing_cache(c, again, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_TIMING_CACHE_ONLY, true, &err));
    b = build_unet(c, NULL); /* measures nothing, decides the same */
    size_t na, nb;
    void *pa = plan_of(a, &na), *pb = plan_of(b, &nb);
    assert_int_equal(na, nb);
    assert_memory_equal(pa, pb, na);
    naru_engine_data_free(&pa);
    naru_engine_data_free(&pb);
    naru_engine_destroy(&a);
    naru_engine_destroy(&b);
    naru_timing_cache_destroy(&again);
    OK(naru_timing_cache_create(&again, &err));
    OK(naru_builder_config_set_timing_cache(c, again, &err));
    naru_builder_config_destroy(&c);
    REFUSES(naru_timing_cache_load(again, "/nonexistent/cache", &err), "there is no such file");
    FILE *f = fopen(path, "a");
    fputs("gibberish\n", f);
    fclose(f);
    REFUSES(naru_timing_cache_load(again, path, &err), "is no measurement");
    unlink(path);
    naru_timing_cache_destroy(&k);
    naru_timing_cache_destroy(&again);
}

/* The cache's file with the times of the tactic `name` replaced, of the whole network's too; false: it has none. */
static bool set_time(const char *path, const char *name, const char *ms) {
    static char text[1 << 16];
    bool found = false;
    FILE *f = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_true(n < sizeof text - 1);
    text[n] = 0;
    f = fopen(path, "w");
    for (char *line = text, *end; *line && (end = strchr(line, '\n')); line = end + 1) {
        char *tactic = strchr(line, ' ') + 1, *old = strchr(tactic, ' ') + 1, *rest = strchr(old, ' ');
        bool it = end - line > 33 && strncmp(tactic, name, strlen(name)) == 0 && tactic[strlen(name)] == ' ';
        if (it) fprintf(f, "%.*s%s%.*s", (int)(old - line), line, ms, (int)(end + 1 - rest), rest);
        else fprintf(f, "%.*s", (int)(end + 1 - line), line);
        found |= it;
    }
    fclose(f);
    return found;
}

/* Builds with the times of a file, which gets those that were missing; the number of Winograd's layers. */
static int build_with(const char *path, bool only, bool *gave_up) {
    naru_builder_config *c = config_of(3, "1", NULL);
    naru_timing_cache *k;
    char *text;
    OK(naru_timing_cache_create(&k, &err));
    if (access(path, R_OK) == 0) OK(naru_timing_cache_load(k, path, &err));
    OK(naru_builder_config_set_timing_cache(c, k, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_TIMING_CACHE_ONLY, only, &err));
    naru_engine *e = build_unet(c, NULL);
    int n = count_tactic(e, "conv.winograd");
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err));
    *gave_up = strstr(text, "faster alone, but the whole network was not") != NULL;
    if (!only) OK(naru_timing_cache_save(k, path, &err));
    naru_text_free(&text);
    naru_engine_destroy(&e);
    naru_timing_cache_destroy(&k);
    naru_builder_config_destroy(&c);
    return n;
}

/* Tactics that are faster alone are taken only where the whole network is faster, too. */
static void the_whole_decides(void **state) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/naru_cache_%ld", (long)getpid());
    bool gave_up;
    naru_builder_config *c = config_of(1, "1", NULL);
    naru_engine *e = build_unet(c, NULL);
    int experience = count_tactic(e, "conv.winograd");
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
    build_with(path, false, &gave_up);
    bool choice =
        set_time(path, "conv.winograd", experience ? "1000" : "0.000001") && set_time(path, "conv.product", "1");
    set_time(path, "experience", "1"), set_time(path, "measured", "0.5");
    if (choice) {
        int alone = build_with(path, true, &gave_up); /* no time of this network: the layers' decide */
        assert_int_not_equal(alone, experience);
        assert_false(gave_up);
        build_with(path, false, &gave_up); /* measures the network */
        assert_true(set_time(path, "experience", "1") && set_time(path, "measured", "0.995"));
        assert_int_equal(build_with(path, true, &gave_up), experience);
        assert_true(gave_up);
        assert_true(set_time(path, "measured", "0.9"));
        assert_int_equal(build_with(path, true, &gave_up), alone);
        assert_false(gave_up);
    }
    unlink(path);
    if (!choice) skip();
}

static void the_time_limit(void **state) {
    naru_builder_config *c = config_of(3, "1", NULL);
    naru_report *r;
    naru_finding f = {.size = sizeof f};
    OK(naru_report_create(&r, &err));
    OK(naru_builder_config_set_time_limit(c, 1e-9, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_FP16, true, &err));
    naru_engine *e = build_unet(c, r);
    bool late = false, kept = false;
    for (size_t i = 0; naru_report_get(r, i, &f) == NARU_OK; i++) {
        late |= strcmp(f.code, "out-of-time") == 0;
        kept |= strcmp(f.code, "precision-not-lowered") == 0 || strcmp(f.code, "precision-lowered") == 0;
    }
    assert_true(late && kept);
    naru_report_destroy(&r);
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
}

/* ---- progress ---- */
typedef struct watcher {
    int depth, phases, steps, stop_at;
} watcher;

static void start(void *u, const char *phase, const char *parent, int steps) {
    watcher *w = u;
    assert_true(steps >= 0 && (w->depth > 0) == (parent != NULL));
    w->depth++;
    w->phases++;
}
static bool step(void *u, const char *phase, int at) { return ++((watcher *)u)->steps != ((watcher *)u)->stop_at; }
static void finish(void *u, const char *phase) { ((watcher *)u)->depth--; }

static naru_status build_watched(watcher *w, naru_error *err) {
    naru_network *n = open_network(SMALLCNN);
    naru_builder_config *c = config_of(3, "1", NULL);
    naru_engine *e = NULL;
    add_size_profile(c, 24, 32, 40);
    naru_builder_config_set_progress(c, &(naru_progress){sizeof(naru_progress), start, step, finish, w}, NULL);
    naru_status st = naru_build(n, c, &e, NULL, err);
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    return st;
}

static void progress_and_cancelling(void **state) {
    watcher w = {0};
    OK(build_watched(&w, &err));
    assert_int_equal(w.depth, 0);
    assert_true(w.phases >= 3 && w.steps > 5);
    for (int i = 1; i <= w.steps; i++) {
        watcher k = {.stop_at = i};
        naru_error err = NARU_ERROR_INIT;
        if (build_watched(&k, &err) != NARU_CANCELLED) fail_msg("step %d of %d: %s", i, w.steps, err.message);
        assert_int_equal(k.depth, 0);
    }
}

/* ---- the inspector and the profiler ---- */
static void inspector(void **state) {
    naru_engine *e = build_three(3);
    char *text;
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err));
    json_error_t why;
    json_t *j = json_loads(text, 0, &why);
    if (!j) fail_msg("%s in %s", why.text, text);
    json_t *layers = json_object_get(j, "Layers"), *l;
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(e, &info));
    assert_int_equal(json_array_size(layers), info.layers);
    bool fused = false;
    size_t i;
    json_array_foreach(layers, i, l) {
        assert_true(json_is_string(json_object_get(l, "Name")) && json_is_string(json_object_get(l, "TacticName")));
        assert_true(json_is_array(json_object_get(l, "Rejected")));
        fused |= json_array_size(json_object_get(l, "Origin")) == 2 &&
                 strcmp(json_string_value(json_object_get(l, "LayerType")), "naru::FusedConv") == 0;
    }
    assert_true(fused); /* Conv + Relu */
    json_t *io = json_object_get(j, "I/O Tensors");
    assert_int_equal(json_array_size(io), 2);
    assert_int_equal(json_array_size(json_object_get(json_array_get(io, 0), "ProfileInfo")), 3);
    json_decref(j);
    naru_text_free(&text);
    OK(naru_engine_inspect(e, NARU_INSPECT_LINES, &text, &err));
    assert_non_null(strstr(text, "Layer(naru::FusedConv)"));
    naru_text_free(&text);
    naru_engine_destroy(&e);
}

static void count_layer(void *user, size_t layer, const char *name, double ms) {
    assert_true(ms >= 0 && *name);
    ((int *)user)[layer < 99 ? layer : 99]++;
}

static void profiler(void **state) {
    naru_engine *e = build_three(0);
    naru_context *c;
    int seen[100] = {0};
    float *x = random_floats(3 * 224 * 224, 5), got[10];
    OK(naru_context_create(e, &c, &err));
    naru_context_set_profiler(c, count_layer, seen);
    for (int i = 0; i < 2; i++) OK(run_cnn(c, 1, 224, x, got, &err));
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(e, &info));
    for (size_t i = 0; i < info.layers; i++) assert_int_equal(seen[i], 2);
    free(x);
    naru_context_destroy(&c);
    naru_engine_destroy(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_profiles),
        cmocka_unit_test(profiles_equal_the_reference),
        cmocka_unit_test(outside_is_refused),
        cmocka_unit_test(bad_profiles),
        cmocka_unit_test(shapes_are_told),
        cmocka_unit_test(eight_contexts),
        cmocka_unit_test(streams),
        cmocka_unit_test(tactic_sources),
        cmocka_unit_test(workspace_pool),
        cmocka_unit_test(timing_caches),
        cmocka_unit_test(the_whole_decides),
        cmocka_unit_test(the_time_limit),
        cmocka_unit_test(progress_and_cancelling),
        cmocka_unit_test(inspector),
        cmocka_unit_test(profiler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
