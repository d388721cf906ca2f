/* SPDX-License-Identifier: MIT
 *
 * The example plugin as a shared library: from ONNX, from TorchScript, by the builder, in a plan that another process
 * loads; and libraries that are refused. The program runs itself for what must happen in another process.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "builder/plan_file.h"
#include "plugin_models.h"
#include "script_archive.h"

#define SWIGLU NARU_TEST_PLUGINS "/swiglu.so"
enum { ROWS = 5, WIDE = 8, HALF = 4 };

static int load_example(void **state) {
    naru_error err = NARU_ERROR_INIT;
    if (naru_plugin_load(SWIGLU, &err) == NARU_OK) return 0;
    print_message("%s\n", err.message);
    return -1;
}

static void assert_want(const float *y, const double *want, int n) {
    for (int i = 0; i < n; i++)
        if (!(fabs((double)y[i] - want[i]) <= 1e-6 * (1 + fabs(want[i]))))
            fail_msg("element %d: %.9g, want %.9g", i, (double)y[i], want[i]);
}

/* ---- loading ---- */
static void refused_libraries(void **state) {
    REFUSES(naru_plugin_load("/nowhere/at_all.so", &err), "cannot load the plugin library");
    REFUSES(naru_plugin_load(NARU_TEST_DATA "/bad/good.onnx", &err), "cannot load the plugin library");
    REFUSES(naru_plugin_load(NARU_TEST_PLUGINS "/no_entry.so", &err), "exports no naru_plugin_entry");
    REFUSES(naru_plugin_load(NARU_TEST_PLUGINS "/nothing.so", &err), "gives nothing");
    REFUSES(naru_plugin_load(NARU_TEST_PLUGINS "/other_abi.so", &err), "compiled for plugin ABI 2, this Naru has 1");
    REFUSES(naru_plugin_load(NARU_TEST_PLUGINS "/taken.so", &err), "the name is taken by an operator of Naru");
    REFUSES(naru_plugin_load(NARU_TEST_PLUGINS "/swiglu2.so", &err), "the name is taken by a plugin of swiglu.so");
    REFUSES(naru_plugin_load(NULL, &err), "NULL");
}

/* The first operator of taken.so went with the second: neither its ONNX name nor its schema is there. */
static void all_or_none(void **state) {
    str file = plugin_model_bytes(&(plugin_model){"taken", "Fresh", .width = 4, .out = 4});
    naru_session *s;
    REFUSES(session_of(&file, NULL, &s, NULL, &err), "operator Fresh of domain 'taken' is not supported");
    str_free(&file);
    for (size_t i = 0; naru_plugin_name(i, NULL, NULL); i++)
        assert_null(strstr(naru_plugin_name(i, NULL, NULL), "Fresh"));
}

static void listed(void **state) {
    const char *library;
    int version;
    OK(naru_plugin_load(SWIGLU, &err)); /* again: nothing happens */
    assert_string_equal(naru_plugin_name(0, &library, &version), "naru.example::SwiGLU");
    assert_string_equal(library, "swiglu.so");
    assert_int_equal(version, 1);
    assert_null(naru_plugin_name(1, NULL, NULL));
    naru_list_item item = {.size = sizeof item};
    bool op = false, kernels = false;
    for (size_t i = 0; naru_list_get(NARU_LIST_OPS, i, &item) == NARU_OK; i++) op |= !strcmp(item.name, "SwiGLU");
    for (size_t i = 0; naru_list_get(NARU_LIST_KERNELS, i, &item) == NARU_OK; i++)
        kernels |= !strcmp(item.name, "swiglu.fast");
    assert_true(op && kernels);
}

/* ---- ONNX ---- */
static void in_a_session(void **state) {
    str file = swiglu_model();
    float *x = random_floats(ROWS * WIDE, 1);
    double want[ROWS * HALF];
    swiglu_want(x, ROWS, HALF, 0.5f, true, want);
    for (int threads = 1; threads <= 2; threads++) {
        naru_options *o = options_of(threads == 1 ? "1" : "2", NULL);
        naru_session *s;
        naru_tensor *y;
        OK(session_of(&file, o, &s, NULL, &err));
        for (int64_t rows = 0; rows <= ROWS; rows++) {
            OK(run_plugin(s, x, rows, WIDE, &y, &err));
            assert_int_equal(naru_tensor_dims(y)[0], rows);
            assert_int_equal(naru_tensor_dims(y)[1], HALF);
            assert_want(naru_tensor_data(y), want, (int)rows * HALF);
            naru_tensor_destroy(&y);
        }
        naru_session_destroy(&s);
        naru_options_destroy(&o);
    }
    free(x);
    str_free(&file);
}

static bool found(const naru_report *r, const char *text) {
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(r, i, &f) == NARU_OK; i++)
        if (strstr(f.message, text)) return true;
    return false;
}

static const char *first(const naru_report *r) {
    naru_finding f = {.size = sizeof f};
    return naru_report_get(r, 0, &f) == NARU_OK ? f.message : "nothing";
}

static void check(const plugin_model *m, const char *finding) {
    naru_model *model;
    naru_report *r;
    str file = plugin_model_bytes(m);
    OK(naru_model_load_memory(file.data, file.len, &model, &err));
    OK(naru_report_create(&r, &err));
    OK(naru_model_check(model, r, &err));
    bool clean = naru_report_count(r, NARU_SEVERITY_WARNING) == 0;
    if (finding ? !found(r, finding) : !clean) fail_msg("wants %s, says %s", finding ? finding : "nothing", first(r));
    naru_report_destroy(&r);
    naru_model_destroy(&model);
    str_free(&file);
}

static void checked(void **state) {
    check(&(plugin_model){"naru.example", "SwiGLU", "alpha", 1, .width = 8, .out = 4, .weights = 8, .import = 1}, NULL);
    check(&(plugin_model){"naru.example", "SwiGLU", .width = 8, .out = 4}, "'naru.example' is not imported");
    check(&(plugin_model){"naru.example", "SwiGLU", .width = 7, .out = 4, .import = 1},
          "plugin naru.example::SwiGLU of swiglu.so: the last axis of x is 7, not even");
    check(&(plugin_model){"naru.example", "SwiGLU", .width = 8, .out = 4, .weights = 6, .import = 1},
          "bias is not of one axis");
    check(&(plugin_model){"naru.example", "SwiGLU", .width = 8, .out = 5, .import = 1}, "axis 1 is declared to be 5");
    check(&(plugin_model){"naru.example", "SwiGLU", "beta", 1, .width = 8, .out = 4, .import = 1},
          "unknown attribute 'beta'");
    check(&(plugin_model){"naru.example", "SwiGLUs", .width = 8, .out = 4, .import = 1}, "not supported");
}

/* ---- TorchScript ---- */
static const char net[] = "class Net(Module):\n"
                          "  __parameters__ = []\n"
                          "  __buffers__ = []\n"
                          "  training : bool\n"
                          "  def forward(self: __torch__.Net,\n"
                          "    x: Tensor,\n"
                          "    b: Tensor) -> Tensor:\n"
                          "    y = ops.naru_example.swiglu(x, b, 0.5)\n"
                          "    return torch.relu(y)\n"
                          "  def plain(self: __torch__.Net,\n"
                          "    x: Tensor) -> Tensor:\n"
                          "    return ops.naru_example.swiglu(x)\n";

static naru_ivalue *ivalue_of(float *x, int rank, const int64_t *dims) {
    naru_tensor *t;
    naru_ivalue *v;
    size_t n = 4;
    for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
    OK(naru_tensor_wrap(NARU_FLOAT, rank, dims, x, n, NULL, NULL, &t, &err));
    OK(naru_ivalue_tensor(t, &v, &err));
    naru_tensor_destroy(&t);
    return v;
}

static void assert_called(naru_module *m, const char *method, size_t n, naru_ivalue **args, const double *want) {
    naru_ivalue *out;
    OK(naru_module_call(m, method, n, args, &out, &err));
    naru_tensor *y = naru_ivalue_to_tensor(out);
    assert_int_equal(naru_tensor_count(y), ROWS * HALF);
    assert_want(naru_tensor_data(y), want, ROWS * HALF);
    naru_tensor_destroy(&y);
    naru_ivalue_destroy(&out);
}

static void from_script(void **state) {
    str file = script_archive(net, 1, (archive_int[]){{"training", 0}});
    float *x = random_floats(ROWS * WIDE, 2), bias[WIDE];
    double want[ROWS * HALF], plain[ROWS * HALF];
    swiglu_want(x, ROWS, HALF, 0.5f, true, want);
    swiglu_want(x, ROWS, HALF, 1, false, plain);
    for (int i = 0; i < ROWS * HALF; i++) want[i] = fmax(want[i], 0);
    for (int i = 0; i < WIDE; i++) bias[i] = (float)i;
    naru_ivalue *args[2] = {ivalue_of(x, 2, (int64_t[]){ROWS, WIDE}), ivalue_of(bias, 1, (int64_t[]){WIDE})};
    for (int regions = 0; regions < 2; regions++) { /* interpreted, and recorded into an engine */
        naru_options *o = options_of("1", NULL);
        naru_module *m;
        OK(naru_options_set(o, "regions", regions ? "1" : "0", &err));
        OK(naru_module_load_memory(file.data, file.len, o, &m, &err));
        for (int round = 0; round < 3; round++) assert_called(m, "forward", 2, args, want);
        assert_called(m, "plain", 1, args, plain);
        naru_module_destroy(&m);
        naru_options_destroy(&o);
    }
    for (int i = 0; i < 2; i++) naru_ivalue_destroy(&args[i]);
    free(x);
    str_free(&file);
}

static const naru_export_input inputs[] = {{sizeof(naru_export_input), "x", NARU_FLOAT, 2, {-1, WIDE}, {"batch"}},
                                           {sizeof(naru_export_input), "b", NARU_FLOAT, 1, {WIDE}, {NULL}}};

static naru_module *open_net(str *file) {
    naru_module *m;
    *file = script_archive(net, 1, (archive_int[]){{"training", 0}});
    OK(naru_module_load_memory(file->data, file->len, NULL, &m, &err));
    return m;
}

/* The exported model holds the node, in its domain, and runs. */
static void exported(void **state) {
    char path[] = "/tmp/naru_plugin_XXXXXX.onnx";
    assert_true(mkstemps(path, 5) >= 0);
    str file;
    naru_module *m = open_net(&file);
    naru_export_options o = {.size = sizeof o, .method = "plain", .opset = 17, .inputs = inputs, .ninputs = 1};
    OK(naru_export(m, &o, path, NULL, &err));
    naru_model *model;
    naru_session *s;
    naru_tensor *t;
    naru_value *in, *out = NULL;
    OK(naru_model_load(path, NULL, &model, &err));
    OK(naru_session_create(model, NULL, &s, NULL, &err));
    float *x = random_floats(ROWS * WIDE, 3);
    double want[ROWS * HALF];
    swiglu_want(x, ROWS, HALF, 1, false, want);
    OK(naru_tensor_wrap(NARU_FLOAT, 2, (int64_t[]){ROWS, WIDE}, x, ROWS * WIDE * 4, NULL, NULL, &t, &err));
    OK(naru_value_from_tensor(t, &in, &err));
    naru_port port = {.size = sizeof port};
    assert_int_equal(naru_session_output(s, 0, &port), NARU_OK);
    OK(naru_session_run(s, 1, (const char *[]){"x"}, &in, 1, &port.name, &out, &err));
    assert_want(naru_tensor_data(naru_value_tensor(out)), want, ROWS * HALF);
    naru_value_destroy(&out);
    naru_value_destroy(&in);
    naru_tensor_destroy(&t);
    naru_session_destroy(&s);
    naru_model_destroy(&model);
    naru_module_destroy(&m);
    free(x);
    str_free(&file);
    unlink(path);
}

/* ---- the builder ---- */
static const char *carried; /* a library for the plans of engine_of; NULL: none */

static naru_engine *engine_of(const str *model, int level, const char *tactics, naru_timing_cache *cache) {
    naru_model *m;
    naru_network *n;
    naru_builder_config *c = config_of(level, "1", NULL);
    naru_profile *p;
    naru_engine *e;
    OK(naru_model_load_memory(model->data, model->len, &m, &err));
    OK(naru_network_create(m, &n, &err));
    naru_model_destroy(&m);
    OK(naru_profile_create(&p, &err));
    for (int b = 0; b < 3; b++)
        OK(naru_profile_set_dims(p, "x", (naru_select)b, 2, (int64_t[]){b == 0 ? 1 : b == 1 ? ROWS : 64, WIDE}, &err));
    OK(naru_builder_config_add_profile(c, p, NULL, &err));
    if (tactics) OK(naru_builder_config_set_tactics(c, tactics, &err));
    if (cache) OK(naru_builder_config_set_timing_cache(c, cache, &err));
    if (carried) OK(naru_builder_config_add_plugin_library(c, carried, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    naru_profile_destroy(&p);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    return e;
}

static void run_engine(naru_engine *e, float *y) {
    naru_context *c;
    float *x = random_floats(ROWS * WIDE, 4);
    OK(naru_context_create(e, &c, &err));
    OK(naru_context_set_input_shape(c, "x", 2, (int64_t[]){ROWS, WIDE}, &err));
    OK(naru_context_set_address(c, "x", x, ROWS * WIDE * 4, &err));
    OK(naru_context_set_address(c, "y", y, ROWS * HALF * 4, &err));
    OK(naru_context_run(c, &err));
    naru_context_destroy(&c);
    free(x);
}

static void both_tactics_are_timed(void **state) {
    str model = swiglu_model();
    naru_timing_cache *cache;
    OK(naru_timing_cache_create(&cache, &err));
    naru_engine *e = engine_of(&model, 3, NULL, cache);
    size_t times = naru_timing_cache_count(cache); /* of both tactics, and of both networks where the second won */
    assert_true(times == 2 || times == 4);
    naru_layer l = {.size = sizeof l};
    assert_int_equal(naru_engine_layer(e, 0, &l), NARU_OK);
    assert_string_equal(l.name, "the_node");
    assert_string_equal(l.op, "SwiGLU");
    assert_true(l.time_ms >= 0);
    char *text;
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err));
    assert_true(strstr(text, "swiglu.fast") && strstr(text, "swiglu.plain"));
    naru_text_free(&text);
    naru_engine_destroy(&e);
    naru_timing_cache_destroy(&cache);
    const char *const only[] = {"-swiglu.fast", "-swiglu.plain"};
    float y[ROWS * HALF];
    double want[ROWS * HALF];
    float *x = random_floats(ROWS * WIDE, 4);
    swiglu_want(x, ROWS, HALF, 0.5f, true, want);
    for (int i = 0; i < 2; i++) {
        e = engine_of(&model, 3, only[i], NULL);
        assert_int_equal(naru_engine_layer(e, 0, &l), NARU_OK);
        assert_string_equal(l.tactic, i ? "swiglu.fast" : "swiglu.plain");
        run_engine(e, y);
        assert_want(y, want, ROWS * HALF);
        naru_engine_destroy(&e);
    }
    free(x);
    str_free(&model);
}

/* A method of a module, recorded, built. */
static void built_from_a_module(void **state) {
    str file;
    naru_module *m = open_net(&file);
    naru_export_options o = {.size = sizeof o, .opset = 17, .inputs = inputs, .ninputs = 2};
    naru_network *n;
    naru_builder_config *c = config_of(1, "1", NULL);
    naru_profile *p;
    naru_engine *e;
    OK(naru_network_from_module(m, &o, &n, NULL, &err));
    OK(naru_profile_create(&p, &err));
    for (int b = 0; b < 3; b++) OK(naru_profile_set_dims(p, "x", (naru_select)b, 2, (int64_t[]){ROWS, WIDE}, &err));
    OK(naru_builder_config_add_profile(c, p, NULL, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    bool there = false;
    naru_layer l = {.size = sizeof l};
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++) there |= strcmp(l.op, "SwiGLU") == 0;
    assert_true(there);
    naru_engine_destroy(&e);
    naru_profile_destroy(&p);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_module_destroy(&m);
    str_free(&file);
}

/* A network made op by op. */
static void added_to_a_network(void **state) {
    naru_network *n;
    naru_network_tensor *in[2], *y;
    naru_builder_config *c = config_of(1, "1", NULL);
    naru_engine *e;
    float bias[WIDE], got[ROWS * HALF];
    double want[ROWS * HALF];
    naru_attribute alpha = naru_attribute_float("alpha", 0.5f);
    for (int i = 0; i < WIDE; i++) bias[i] = (float)i;
    OK(naru_network_create_empty(&n, &err));
    OK(naru_network_add_input(n, "x", NARU_FLOAT, 2, (int64_t[]){ROWS, WIDE}, NULL, &in[0], &err));
    OK(naru_network_add_weights(n, "bias", NARU_FLOAT, 1, (int64_t[]){WIDE}, bias, &in[1], &err));
    REFUSES(naru_network_add(n, "SwiGLU", "naru.example", NULL, 2, (naru_network_tensor *[]){in[1], in[0]}, 1, &alpha,
                             1, &y, &err),
            "bias is not of one axis");
    OK(naru_network_add(n, "SwiGLU", "naru.example", NULL, 2, in, 1, &alpha, 1, &y, &err));
    OK(naru_network_tensor_set_name(n, y, "y", &err));
    OK(naru_network_mark_output(n, y, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    float *x = random_floats(ROWS * WIDE, 4);
    run_engine(e, got);
    swiglu_want(x, ROWS, HALF, 0.5f, true, want);
    assert_want(got, want, ROWS * HALF);
    free(x);
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
}

/* ---- plans, in another process ---- */
enum { SAYS = 100 }; /* exit codes of the other process */

/* argv: --plan LIBRARY|- PLAN OUT; loads, runs, writes the result; OUT gets the message where it fails, and the note
 * where it was built anew. */
static int other_process(char **argv) {
    naru_error err = NARU_ERROR_INIT;
    naru_engine *e = NULL;
    naru_report *r = NULL;
    naru_finding f = {.size = sizeof f};
    FILE *out = fopen(argv[4], "wb");
    naru_status st = naru_report_create(&r, &err);
    naru_options *o = options_of("1", NULL);
    if (strcmp(argv[2], "-") != 0) st = naru_plugin_load(argv[2], &err);
    if (st == NARU_OK) st = naru_engine_load(argv[3], NULL, o, &e, r, &err);
    if (st != NARU_OK) {
        fputs(err.message, out);
    } else if (naru_report_get(r, 0, &f) == NARU_OK) {
        fputs(f.message, out);
    } else {
        float y[ROWS * HALF];
        run_engine(e, y);
        fwrite(y, sizeof y, 1, out);
    }
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
    naru_options_destroy(&o);
    if (fclose(out)) return 1;
    return st == NARU_OK ? 0 : SAYS;
}

/* Its exit code; what it wrote. */
static int in_another_process(const char *library, const char *file, char *wrote, size_t size, size_t *got) {
    char out[] = "/tmp/naru_plugin_out_XXXXXX";
    int fd = mkstemp(out), status = 0;
    assert_true(fd >= 0);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "test", "--plan", library, file, out, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    ssize_t n = read(fd, wrote, size - 1);
    assert_true(n >= 0);
    wrote[n] = 0;
    *got = (size_t)n;
    close(fd);
    unlink(out);
    return WEXITSTATUS(status);
}

static void plan_in_another_process(void **state) {
    char path[] = "/tmp/naru_plugin_plan_XXXXXX", wrote[4096];
    assert_true(mkstemp(path) >= 0);
    for (int fast = 0; fast < 2; fast++) {
        str model = swiglu_model();
        naru_engine *e = engine_of(&model, 3, fast ? "-swiglu.plain" : "-swiglu.fast", NULL);
        float y[ROWS * HALF];
        size_t n;
        run_engine(e, y);
        OK(naru_engine_save(e, path, &err));
        naru_engine_destroy(&e);
        assert_int_equal(in_another_process(SWIGLU, path, wrote, sizeof wrote, &n), 0);
        assert_int_equal(n, sizeof y);
        assert_memory_equal(wrote, y, sizeof y);
        assert_int_equal(in_another_process("-", path, wrote, sizeof wrote, &n), SAYS);
        if (!strstr(wrote, "naru.example::SwiGLU of the plugin library swiglu.so (version 1), which is not loaded"))
            fail_msg("says: %s", wrote);
        assert_int_equal(in_another_process(NARU_TEST_PLUGINS "/swiglu2.so", path, wrote, sizeof wrote, &n), 0);
        if (!strstr(wrote, "it was built with version 1 of plugin naru.example::SwiGLU, 2 is loaded"))
            fail_msg("says: %s", wrote);
        str_free(&model);
    }
    unlink(path);
}

/* Every byte of the plan is under a hash: a state cannot be damaged unseen. */
static void damaged_plan(void **state) {
    str model = swiglu_model();
    naru_engine *e = engine_of(&model, 1, NULL, NULL), *f;
    void *data;
    size_t size;
    OK(naru_engine_serialize(e, &data, &size, &err));
    for (size_t at = 0; at < size; at += 61) {
        naru_error err = NARU_ERROR_INIT;
        ((uint8_t *)data)[at] ^= 4;
        assert_int_not_equal(naru_engine_load_memory(data, size, NULL, NULL, &f, NULL, &err), NARU_OK);
        ((uint8_t *)data)[at] ^= 4;
    }
    OK(naru_engine_load_memory(data, size, NULL, NULL, &f, NULL, &err));
    naru_engine_destroy(&f);
    naru_engine_data_free(&data);
    naru_engine_destroy(&e);
    str_free(&model);
}

/* ---- plans whose hashes are right and whose content is not ---- */
static uint8_t *section_row(uint8_t *data, int kind) {
    for (int i = 0; i < PLAN_SECTIONS; i++) {
        uint8_t *row = data + PLAN_TABLE_AT + i * PLAN_ROW;
        if (plan_get(row, 4) == (uint64_t)kind) return row;
    }
    fail_msg("no section %d", kind);
    return NULL;
}

static void reseal(uint8_t *data, int kind) {
    uint8_t *row = section_row(data, kind);
    plan_put(row + 24, hash_bytes(data + plan_get(row + 8, 8), plan_get(row + 16, 8), 0), 8);
    memset(data + PLAN_HASH_AT, 0, 8);
    plan_put(data + PLAN_HASH_AT, hash_bytes(data, PLAN_PAGE, 0), 8);
}

typedef struct forged {
    int kind;
    size_t at; /* in the section */
    uint64_t value;
    int bytes;
    const char *says;
} forged;

static void forged_plan(void **state) {
    /* PLUGINS: count, "naru.example" (12), "SwiGLU" (6), "swiglu.so" (9), version; WEIGHTS: size of the state, state */
    static const forged list[] = {
        {PLAN_PLUGINS, 0, 1u << 30, 4, "its plugins make no sense"},
        {PLAN_PLUGINS, 0, 0, 4, "its plugins make no sense"},
        {PLAN_PLUGINS, 0, 2, 4, "its plugins make no sense"},
        {PLAN_PLUGINS, 4, 1u << 31, 4, "its plugins make no sense"},
        {PLAN_PLUGINS, 8, 0, 1, "its plugins make no sense"},
        {PLAN_PLUGINS, 8, 'N', 1, "operator Naru.example::SwiGLU of the plugin library swiglu.so"},
        {PLAN_WEIGHTS, 0, UINT64_MAX, 8, "tactics and weights are not those of its model"},
        {PLAN_WEIGHTS, 0, 95, 8, "tactics and weights are not those of its model"},
        {PLAN_WEIGHTS, 64, 33, 8, "plugin naru.example::SwiGLU of swiglu.so: the state has another size than it says"},
        {PLAN_WEIGHTS, 64, UINT64_MAX, 8, "the state has another size than it says"},
    };
    str model = swiglu_model();
    naru_engine *e = engine_of(&model, 1, NULL, NULL), *f;
    void *data;
    size_t size;
    OK(naru_engine_serialize(e, &data, &size, &err));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        uint8_t *copy = malloc(size), *row;
        memcpy(copy, data, size);
        row = section_row(copy, list[i].kind);
        plan_put(copy + plan_get(row + 8, 8) + list[i].at, list[i].value, list[i].bytes);
        reseal(copy, list[i].kind);
        REFUSES(naru_engine_load_memory(copy, size, NULL, NULL, &f, NULL, &err), list[i].says);
        free(copy);
    }
    naru_engine_data_free(&data);
    naru_engine_destroy(&e);
    str_free(&model);
}

/* ---- plans that carry a library ---- */
static void loads(const void *data, size_t size, bool code, const char *says) {
    naru_options *o = options_of("1", NULL);
    naru_engine *f = NULL;
    OK(naru_options_set(o, "plan_code", code ? "1" : "0", &err));
    if (says) REFUSES(naru_engine_load_memory(data, size, NULL, o, &f, NULL, &err), says);
    else OK(naru_engine_load_memory(data, size, NULL, o, &f, NULL, &err));
    naru_engine_destroy(&f);
    naru_options_destroy(&o);
}

/* The file "swiglu.so" is no library: with its operator renamed the plan needs it, and only who allows it tries it. */
static void carried_library(void **state) {
    char folder[] = "/tmp/naru_carried_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/swiglu.so", folder);
    FILE *f = fopen(path, "wb");
    assert_true(f && fwrite("no library at all", 1, 17, f) == 17 && fclose(f) == 0);
    naru_builder_config *c = config_of(1, "1", NULL);
    REFUSES(naru_builder_config_add_plugin_library(c, "/nowhere/swiglu.so", &err), "/nowhere/swiglu.so");
    naru_builder_config_destroy(&c);
    str model = swiglu_model();
    carried = path;
    naru_engine *e = engine_of(&model, 1, NULL, NULL);
    carried = NULL;
    void *data;
    size_t size;
    OK(naru_engine_serialize(e, &data, &size, &err));
    loads(data, size, false, NULL); /* its operator is there: nothing of the plan runs */
    loads(data, size, true, NULL);
    uint8_t *names = (uint8_t *)data + plan_get(section_row(data, PLAN_PLUGINS) + 8, 8);
    uint8_t *files = (uint8_t *)data + plan_get(section_row(data, PLAN_LIBRARIES) + 8, 8);
    names[8] = 'N';
    reseal(data, PLAN_PLUGINS);
    loads(data, size, false, "which is not loaded; the plan carries it; option plan_code");
    loads(data, size, true, "the plugin library swiglu.so in the plan: cannot load the plugin library");
    static const struct {
        size_t at;
        uint64_t value;
        int bytes;
    } bends[] = {{0, 1u << 30, 4}, {0, 0, 4},   {0, 2, 4},          {4, 1u << 31, 4},
                 {17, 18, 8},      {17, 16, 8}, {17, UINT64_MAX, 8}};
    for (size_t i = 0; i < sizeof bends / sizeof *bends; i++) {
        uint64_t was = plan_get(files + bends[i].at, bends[i].bytes);
        plan_put(files + bends[i].at, bends[i].value, bends[i].bytes);
        reseal(data, PLAN_LIBRARIES);
        loads(data, size, true, "its plugin libraries make no sense");
        plan_put(files + bends[i].at, was, bends[i].bytes);
    }
    naru_engine_data_free(&data);
    naru_engine_destroy(&e);
    str_free(&model);
    remove(path);
    rmdir(folder);
}

int main(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "--plan") == 0) return other_process(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listed),
        cmocka_unit_test(refused_libraries),
        cmocka_unit_test(all_or_none),
        cmocka_unit_test(in_a_session),
        cmocka_unit_test(checked),
        cmocka_unit_test(from_script),
        cmocka_unit_test(exported),
        cmocka_unit_test(both_tactics_are_timed),
        cmocka_unit_test(built_from_a_module),
        cmocka_unit_test(added_to_a_network),
        cmocka_unit_test(plan_in_another_process),
        cmocka_unit_test(damaged_plan),
        cmocka_unit_test(forged_plan),
        cmocka_unit_test(carried_library),
    };
    return cmocka_run_group_tests(tests, load_example, NULL);
}
