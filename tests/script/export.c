/* SPDX-License-Identifier: MIT
 *
 * Export to ONNX, in process: archives and models with recorded calls, exported at the oldest and the newest opsets and
 * two between, checked, and run by a session on the recorded inputs. And what is refused: with every obstacle and its
 * place, with the names of what was saved in training mode, for wrong inputs.
 *
 * Arguments: names of archives or models; none: all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "naru/naru.h"
#include "script_archive.h"
#include "script_json.h"

#define DATA NARU_TEST_DATA "/"
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        naru_status status_ = (call);                                                                                  \
        if (status_ != NARU_OK) fail_msg("%s: %s", #call, err.message[0] ? err.message : naru_status_text(status_));   \
    } while (0)

enum { MAX_PORTS = 16, MAX_CALLS = 12, MAX_OUTPUTS = 160 };

static char out_path[200];
static int g_argc;
static char **g_argv;

static bool chosen(const char *name) {
    for (int i = 1; i < g_argc; i++)
        if (strcmp(g_argv[i], name) == 0) return true;
    return g_argc < 2;
}

/* ---- recorded calls ---- */
typedef struct port {
    char name[64];
    naru_tensor *t;
} port;

typedef struct call {
    port in[MAX_PORTS];
    int nin;
    const json_t *result; /* of an archive */
    naru_tensor *out[8];  /* of a model */
    int nout;
    bool done;
} call;

static naru_module *load(const char *path) {
    naru_error err = NARU_ERROR_INIT;
    naru_module *m = NULL;
    OK(naru_module_load(path, NULL, &m, &err));
    return m;
}

static naru_tensor *number(naru_dtype d, double v) {
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = NULL;
    OK(naru_tensor_create(d, 0, NULL, &t, &err));
    if (d == NARU_INT64) dtype_set_i64(d, naru_tensor_data(t), 0, (int64_t)v);
    else dtype_set_f64(d, naru_tensor_data(t), 0, v);
    return t;
}

/* The argument as inputs of the graph: one for each tensor and number; false: it has strings or dicts. */
static bool add_inputs(call *c, const char *name, const json_t *v) {
    const json_t *items = json_object_get(v, "list") ? json_object_get(v, "list") : json_object_get(v, "tuple");
    naru_error err = NARU_ERROR_INIT;
    if (json_is_null(v)) return true;
    if (json_is_string(v) || json_object_get(v, "dict")) return false;
    for (size_t i = 0; i < json_array_size(items); i++) {
        char part[64];
        snprintf(part, sizeof part, "%.40s_%zu", name, i);
        if (!add_inputs(c, part, json_array_get(items, i))) return false;
    }
    if (items) return true;
    assert_in_range(c->nin, 0, MAX_PORTS - 1);
    port *p = &c->in[c->nin++];
    snprintf(p->name, sizeof p->name, "%s", name);
    if (json_is_boolean(v)) p->t = number(NARU_BOOL, json_is_true(v));
    else if (json_is_integer(v)) p->t = number(NARU_INT64, (double)json_integer_value(v));
    else if (json_object_get(v, "float")) p->t = number(NARU_DOUBLE, sj_number(json_object_get(v, "float")));
    else {
        sten *t = sj_tensor(v);
        assert_non_null(t);
        OK(sten_export(t, &p->t, &err));
        sobj_release(&t->head);
    }
    return true;
}

static void drop_call(call *c) {
    for (int i = 0; i < c->nin; i++) naru_tensor_destroy(&c->in[i].t);
    for (int i = 0; i < c->nout; i++) naru_tensor_destroy(&c->out[i]);
}

static bool same_form(const call *a, const call *b) {
    bool same = a->nin == b->nin;
    for (int i = 0; same && i < a->nin; i++)
        same = strcmp(a->in[i].name, b->in[i].name) == 0 && a->in[i].t->dtype == b->in[i].t->dtype &&
               a->in[i].t->rank == b->in[i].t->rank;
    return same;
}

/* ---- exporting calls of one form ---- */
static void describe(int n, call *const *calls, naru_export_input *in, char (*symbols)[8]) {
    for (int i = 0; i < calls[0]->nin; i++) {
        const naru_tensor *t = calls[0]->in[i].t;
        in[i] =
            (naru_export_input){.size = sizeof in[i], .name = calls[0]->in[i].name, .dtype = t->dtype, .rank = t->rank};
        for (int d = 0; d < t->rank; d++) {
            in[i].dims[d] = t->dims[d];
            for (int k = 1; k < n; k++)
                if (calls[k]->in[i].t->dims[d] != t->dims[d]) in[i].dims[d] = -1;
            if (in[i].dims[d] >= 0) continue;
            snprintf(symbols[i * NARU_MAX_RANK + d], 8, "s%d_%d", i, d);
            in[i].symbols[d] = symbols[i * NARU_MAX_RANK + d];
        }
    }
}

static void check_model(const char *what, int64_t opset) {
    naru_error err = NARU_ERROR_INIT;
    naru_report *report = NULL;
    naru_model *m = NULL;
    naru_finding f = {.size = sizeof f};
    OK(naru_report_create(&report, &err));
    OK(naru_model_load(out_path, NULL, &m, &err));
    OK(naru_model_check(m, report, &err));
    for (size_t i = 0; naru_report_get(report, i, &f) == NARU_OK; i++)
        if (f.severity == NARU_SEVERITY_ERROR)
            fail_msg("%s at %lld: %s: %s", what, (long long)opset, f.where, f.message);
    naru_model_destroy(&m);
    naru_report_destroy(&report);
}

/* The recorded results in order, containers opened; whole: a list of numbers is one vector. */
static int flatten(const json_t *v, bool whole, const json_t **out, int n) {
    const json_t *items = json_object_get(v, "list") ? json_object_get(v, "list") : json_object_get(v, "tuple");
    const json_t *dict = json_object_get(v, "dict");
    bool numbers = whole && json_object_get(v, "list") && json_array_size(items) > 0;
    for (size_t i = 0; numbers && i < json_array_size(items); i++) {
        const json_t *x = json_array_get(items, i);
        numbers = json_is_integer(x) || json_is_boolean(x) || json_object_get(x, "float");
    }
    if (json_is_null(v)) return n;
    if (numbers) items = NULL;
    for (size_t i = 0; i < json_array_size(items); i++) n = flatten(json_array_get(items, i), whole, out, n);
    for (size_t i = 0; i < json_array_size(dict); i++)
        n = flatten(json_array_get(json_array_get(dict, i), 1), whole, out, n);
    if (items || dict) return n;
    assert_in_range(n, 0, MAX_OUTPUTS - 1);
    out[n] = v;
    return n + 1;
}

static bool same_text(const json_t *want, const naru_tensor *got) {
    const tensor_str *s = got->dtype == NARU_STRING && tensor_count(got) == 1 ? tensor_strings(got) : NULL;
    return s && s->len == json_string_length(want) && memcmp(s->ptr, json_string_value(want), s->len) == 0;
}

static bool same_result(const json_t *want, const naru_tensor *got, str *why) {
    const sj_tolerance tol = {1e-3, 1e-4, false};
    const json_t *list = json_object_get(want, "list"), *f = json_object_get(want, "float");
    if (json_object_get(want, "tensor")) {
        sten *t = sten_from((naru_tensor *)got);
        bool same = sj_same_tensor(want, t, &tol, why);
        sobj_release(&t->head);
        return same;
    }
    if (json_is_string(want)) return same_text(want, got);
    int64_t n = list ? (int64_t)json_array_size(list) : 1;
    if (got->rank != (list ? 1 : 0) || tensor_count(got) != n) return str_addf(why, "of another shape"), false;
    for (int64_t i = 0; i < n; i++) {
        const json_t *x = list ? json_array_get(list, (size_t)i) : f ? f : want;
        double w = sj_number(list && json_object_get(x, "float") ? json_object_get(x, "float") : x);
        double g = dtype_get_f64(got->dtype, got->data, i);
        if (!sj_close(w, g, 1e-6, 1e-9)) return str_addf(why, "wanted %.9g, got %.9g", w, g), false;
    }
    return true;
}

static void compare(const char *what, const call *c, size_t n, naru_value **got) {
    const json_t *want[MAX_OUTPUTS];
    str why = {0};
    int m = c->result ? flatten(c->result, false, want, 0) : c->nout;
    if (c->result && (size_t)m != n) m = flatten(c->result, true, want, 0);
    if ((size_t)m != n) fail_msg("%s: %zu outputs, %d are recorded", what, n, m);
    for (int i = 0; i < m; i++) {
        const naru_tensor *t = naru_value_tensor(got[i]);
        naru_comparison cmp = {.size = sizeof cmp};
        naru_error err = NARU_ERROR_INIT;
        assert_non_null(t);
        if (c->result && !same_result(want[i], t, &why)) fail_msg("%s: output %d: %s", what, i, str_text(&why));
        if (c->result) continue;
        OK(naru_tensor_compare(t, c->out[i], 1e-3, 2e-4, &cmp, &err));
        if (!cmp.equal) fail_msg("%s: output %d: %s", what, i, cmp.message);
    }
    str_free(&why);
}

static void run_calls(const char *what, int n, call *const *calls) {
    naru_error err = NARU_ERROR_INIT;
    naru_session *s = NULL;
    OK(naru_session_load(out_path, NULL, &s, NULL, &err));
    size_t nout = naru_session_outputs(s);
    const char *outs[MAX_OUTPUTS];
    naru_value *got[MAX_OUTPUTS] = {0}, *values[MAX_PORTS] = {0};
    assert_in_range(nout, 1, MAX_OUTPUTS);
    for (size_t i = 0; i < nout; i++) {
        naru_port p = {.size = sizeof p};
        OK(naru_session_output(s, i, &p));
        outs[i] = p.name;
    }
    for (int k = 0; k < n; k++) {
        const char *names[MAX_PORTS];
        for (int i = 0; i < calls[k]->nin; i++) {
            names[i] = calls[k]->in[i].name;
            OK(naru_value_from_tensor(calls[k]->in[i].t, &values[i], &err));
        }
        if (naru_session_run(s, (size_t)calls[k]->nin, names, values, nout, outs, got, &err) != NARU_OK)
            fail_msg("%s, call %d: %s", what, k, err.message);
        compare(what, calls[k], nout, got);
        for (int i = 0; i < calls[k]->nin; i++) naru_value_destroy(&values[i]);
        for (size_t i = 0; i < nout; i++) naru_value_destroy(&got[i]);
    }
    naru_session_destroy(&s);
}

static void export_calls(const char *name, naru_module *m, int64_t opset, int n, call *const *calls) {
    naru_export_input in[MAX_PORTS];
    char symbols[MAX_PORTS * NARU_MAX_RANK][8], what[100];
    naru_error err = NARU_ERROR_INIT;
    describe(n, calls, in, symbols);
    snprintf(what, sizeof what, "%s at %lld", name, (long long)opset);
    const naru_export_options o = {.size = sizeof o, .opset = opset, .inputs = in, .ninputs = (size_t)calls[0]->nin};
    if (naru_export(m, &o, out_path, NULL, &err) != NARU_OK) fail_msg("%s: %s", what, err.message);
    check_model(name, opset);
    run_calls(what, n, calls);
}

static void export_all_forms(const char *name, naru_module *m, int64_t opset, int n, call *calls) {
    for (int i = 0; i < n; i++) calls[i].done = false;
    for (int i = 0; i < n; i++) {
        call *same[MAX_CALLS];
        int k = 0;
        for (int j = i; j < n && !calls[i].done; j++)
            if (!calls[j].done && same_form(&calls[i], &calls[j])) same[k++] = &calls[j];
        for (int j = 0; j < k; j++) same[j]->done = true;
        if (k) export_calls(name, m, opset, k, same);
    }
}

/* ---- archives ---- */
static const int64_t opsets[] = {13, 17, 20, 28};

static void one_archive(const char *name, int64_t oldest) {
    char path[300];
    json_error_t problem;
    call calls[MAX_CALLS];
    memset(calls, 0, sizeof calls);
    int n = 0;
    snprintf(path, sizeof path, DATA "script/torch-2.15/%s.json", name);
    json_t *j = json_load_file(path, 0, &problem), *all = json_object_get(j, "calls");
    if (!j) fail_msg("%s: %s", path, problem.text);
    snprintf(path, sizeof path, DATA "script/torch-2.15/%s.pt", name);
    naru_module *m = load(path);
    for (size_t i = 0; i < json_array_size(all) && n < MAX_CALLS; i++) {
        const json_t *line = json_array_get(all, i), *args = json_object_get(line, "args");
        call *c = &calls[n];
        bool fits = strcmp(json_string_value(json_object_get(line, "method")), "forward") == 0;
        fits = fits && !json_object_get(line, "raises");
        for (size_t k = 0; fits && k < json_array_size(args); k++) {
            const char *arg, *type;
            bool has_default;
            naru_error err = NARU_ERROR_INIT;
            OK(naru_module_argument(m, "forward", k, &arg, &type, &has_default, &err));
            fits = add_inputs(c, arg, json_array_get(args, k));
        }
        c->result = json_object_get(line, "result");
        if (fits) n++;
        else drop_call(c), *c = (call){0};
    }
    assert_in_range(n, 1, MAX_CALLS);
    for (size_t o = 0; o < COUNT_OF(opsets); o++)
        if (opsets[o] >= oldest) export_all_forms(name, m, opsets[o], n, calls);
    for (int i = 0; i < n; i++) drop_call(&calls[i]);
    naru_module_destroy(&m);
    json_decref(j);
}

/* The oldest opset that has what each needs. */
static const struct {
    const char *name;
    int64_t oldest;
} archives[] = {
    {"control_loops", 13},   {"control_ternary", 13},  {"control_while", 13},    {"layer_act", 13},
    {"layer_attention", 13}, {"layer_conv", 13},       {"layer_embed", 13},      {"layer_norm", 13},
    {"layer_pool", 13},      {"layer_resize", 17},     {"layer_rnn", 13},        {"module_functions", 13},
    {"module_hooks", 13},    {"module_with", 13},      {"program_loop", 13},     {"program_nms", 13},
    {"tensor_alias", 17},    {"tensor_index", 13},     {"tensor_pointwise", 13}, {"tensor_promotion", 20},
    {"tensor_reduce", 17},   {"tensor_scalars", 20},   {"tensor_shape", 13},     {"trace_dict", 13},
    {"type_class", 13},      {"type_class_state", 13}, {"type_interface", 13},   {"type_optional", 13},
};

static void recorded_archives(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(archives); i++)
        if (chosen(archives[i].name)) one_archive(archives[i].name, archives[i].oldest);
}

/* ---- models ---- */
typedef struct model {
    const char *name, *file, *calls, *in[4], *out[4];
} model;

static const model models[] = {
    {"llama", "models/llama.pt", "models/llama.npz", {"ids", "past_k", "past_v"}, {"logits", "k", "v"}},
    {"lstm", "models/lstm.pt", "models/lstm.npz", {"ids"}, {"tags", "h", "c"}},
    {"mobile", "models/mobile.pt", "models/mobile.npz", {"image"}, {"logits"}},
    {"router", "models/router.pt", "models/router.npz", {"x", "steps"}, {"y", "rounds"}},
    {"speech", "models/speech.pt", "models/speech.npz", {"sound", "state"}, {"letters", "last"}},
    {"torchtransformer", "models/torchtransformer.pt", "models/torchtransformer.npz", {"features"}, {"out"}},
    {"unet", "models/unet.pt", "models/unet.npz", {"image"}, {"masks"}},
    {"vit", "models/vit.pt", "models/vit.npz", {"image"}, {"logits"}},
    {"detector", "models/detector.pt", "models/detector.npz", {"image"}, {"boxes", "scores", "labels"}},
    {"smallcnn", "smallcnn/smallcnn_script.pt", "smallcnn/calls.npz", {"input"}, {"logits"}},
};

static naru_tensor *stored(const model *m, int k, const char *kind, const char *name) {
    char place[400];
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = NULL;
    snprintf(place, sizeof place, DATA "%s:c%d_%s_%s", m->calls, k, kind, name);
    return naru_tensor_load(place, &t, &err) == NARU_OK ? t : NULL;
}

static void one_model(const model *m) {
    char path[300];
    call calls[MAX_CALLS];
    memset(calls, 0, sizeof calls);
    int n = 0;
    for (; n < MAX_CALLS; n++) {
        call *c = &calls[n];
        for (int i = 0; i < 4 && m->in[i] && (c->in[i].t = stored(m, n, "in", m->in[i])); i++, c->nin++)
            snprintf(c->in[i].name, sizeof c->in[i].name, "%s", m->in[i]);
        if (c->nin == 0) break;
        for (int i = 0; i < 4 && m->out[i]; i++, c->nout++)
            if (!(c->out[i] = stored(m, n, "out", m->out[i]))) fail_msg("%s has no output '%s'", m->name, m->out[i]);
    }
    assert_in_range(n, 1, MAX_CALLS);
    snprintf(path, sizeof path, DATA "%s", m->file);
    naru_module *module = load(path);
    for (size_t o = 0; o < COUNT_OF(opsets); o++) export_all_forms(m->name, module, opsets[o], n, calls);
    for (int i = 0; i < n; i++) drop_call(&calls[i]);
    naru_module_destroy(&module);
}

static void recorded_models(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(models); i++)
        if (chosen(models[i].name)) one_model(&models[i]);
}

/* ---- what is refused ---- */
static naru_status try_export(naru_module *m, int64_t opset, const char *inputs, naru_report *report, naru_error *err) {
    naru_export_input in[8];
    char text[200], *at = text, *item;
    size_t n = 0;
    snprintf(text, sizeof text, "%s", inputs); /* "x:2,3 n:" */
    while (n < 8 && (item = strsep(&at, " "))) {
        char *dims = strchr(item, ':');
        if (!dims) continue;
        *dims++ = 0;
        in[n] = (naru_export_input){.size = sizeof in[n], .name = item, .dtype = NARU_FLOAT};
        for (char *d; *dims && (d = strsep(&dims, ",")); in[n].rank++) {
            in[n].dims[in[n].rank] = strtol(d, NULL, 10);
            if (!dims) {
                in[n].rank++;
                break;
            }
        }
        n++;
    }
    const naru_export_options o = {.size = sizeof o, .opset = opset, .inputs = in, .ninputs = n};
    *err = (naru_error)NARU_ERROR_INIT;
    return naru_export(m, &o, out_path, report, err);
}

static naru_module *of_code(const char *code, str *bytes) {
    naru_error err = NARU_ERROR_INIT;
    naru_module *m = NULL;
    *bytes = script_archive(code, 0, NULL);
    OK(naru_module_load_memory(bytes->data, bytes->len, NULL, &m, &err));
    return m;
}

static void every_obstacle(void **state) {
    (void)state;
    static const char code[] = "class Net(Module):\n"
                               "  __parameters__ = []\n"
                               "  __buffers__ = []\n"
                               "  def forward(self: __torch__.Net,\n"
                               "    x: Tensor) -> Tuple[Tensor, Tensor, Tensor]:\n"
                               "    a = torch.special_bessel_j0(x)\n"
                               "    b = torch.add(a, x)\n"
                               "    c = torch.poisson(x)\n"
                               "    d = torch.special_bessel_j1(torch.mul(x, 2))\n"
                               "    return (b, c, d)\n";
    str bytes;
    naru_module *m = of_code(code, &bytes);
    naru_error err = NARU_ERROR_INIT;
    naru_report *report = NULL;
    naru_finding f = {.size = sizeof f};
    static const char *const want[][2] = {{":6, in forward", "special_bessel_j0"},
                                          {":8, in forward", "poisson"},
                                          {":9, in forward", "special_bessel_j1"}};
    OK(naru_report_create(&report, &err));
    unlink(out_path);
    assert_int_equal(try_export(m, 17, "x:2,3", report, &err), NARU_UNSUPPORTED);
    assert_non_null(strstr(err.message, "3 places cannot be exported"));
    assert_int_equal(access(out_path, F_OK), -1); /* nothing is written */
    assert_int_equal(naru_report_count(report, NARU_SEVERITY_ERROR), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(naru_report_get(report, i, &f), NARU_OK);
        assert_string_equal(f.code, "unsupported-operator");
        assert_non_null(strstr(f.where, want[i][0]));
        assert_non_null(strstr(f.message, want[i][1]));
    }
    naru_report_destroy(&report);
    assert_int_equal(try_export(m, 17, "x:2,3", NULL, &err), NARU_UNSUPPORTED); /* without a report: the first */
    assert_non_null(strstr(err.message, "bessel_j0"));
    naru_module_destroy(&m);
    str_free(&bytes);
}

/* What a branch that raises would have needed is no obstacle; a loop's is told once. */
static void obstacles_in_control_flow(void **state) {
    (void)state;
    static const char code[] = "class Net(Module):\n"
                               "  __parameters__ = []\n"
                               "  __buffers__ = []\n"
                               "  def forward(self: __torch__.Net,\n"
                               "    x: Tensor,\n"
                               "    n: int) -> Tensor:\n"
                               "    if torch.gt(n, 3):\n"
                               "      _0 = torch.format(\"{} is too large\", n)\n"
                               "      ops.prim.RaiseException(_0, \"builtins.ValueError\")\n"
                               "    else:\n"
                               "      pass\n"
                               "    y = x\n"
                               "    for i in range(n):\n"
                               "      y = torch.add(torch.special_bessel_j0(y), i)\n"
                               "    return y\n"
                               "  def fine(self: __torch__.Net,\n"
                               "    x: Tensor,\n"
                               "    n: int) -> Tensor:\n"
                               "    if torch.gt(n, 3):\n"
                               "      _0 = torch.format(\"{} is too large\", n)\n"
                               "      ops.prim.RaiseException(_0, \"builtins.ValueError\")\n"
                               "    else:\n"
                               "      pass\n"
                               "    return torch.mul(x, n)\n";
    str bytes;
    naru_module *m = of_code(code, &bytes);
    naru_error err = NARU_ERROR_INIT;
    naru_report *report = NULL;
    OK(naru_report_create(&report, &err));
    assert_int_equal(try_export(m, 17, "x:4 n:", report, &err), NARU_UNSUPPORTED);
    assert_int_equal(naru_report_count(report, NARU_SEVERITY_ERROR), 1);
    naru_report_destroy(&report);
    const naru_export_input in[] = {{.size = sizeof in[0], .name = "x", .dtype = NARU_FLOAT, .rank = 1, .dims = {4}},
                                    {.size = sizeof in[0], .name = "n", .dtype = NARU_INT64}};
    const naru_export_options o = {.size = sizeof o, .method = "fine", .opset = 17, .inputs = in, .ninputs = 2};
    OK(naru_export(m, &o, out_path, NULL, &err));
    check_model("fine", 17);
    naru_module_destroy(&m);
    str_free(&bytes);
}

static void wrong_inputs(void **state) {
    (void)state;
    naru_module *m = load(DATA "script/torch-2.15/control_while.pt"),
                *text = load(DATA "script/torch-2.15/control_return.pt");
    naru_error err;
    assert_int_equal(try_export(m, 17, "x:3", NULL, &err), NARU_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "'limit'"));
    assert_int_equal(try_export(m, 17, "x:3 limit: more:2", NULL, &err), NARU_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "more"));
    assert_int_equal(try_export(m, 17, "x:3 limit:2", NULL, &err), NARU_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "is a number"));
    assert_int_equal(try_export(text, 17, "x:3 mode:", NULL, &err), NARU_UNSUPPORTED);
    assert_non_null(strstr(err.message, "'mode' of type str"));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(try_export(m, i ? 29 : 12, "x:3 limit:", NULL, &err), NARU_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "opset"));
    }
    naru_module_destroy(&m);
    naru_module_destroy(&text);
}

static void names_and_methods(void **state) {
    (void)state;
    naru_module *m = load(DATA "smallcnn/smallcnn_trace.pt");
    naru_error err = NARU_ERROR_INIT;
    const naru_export_input in = {.size = sizeof in,
                                  .name = "image",
                                  .dtype = NARU_FLOAT,
                                  .rank = 4,
                                  .dims = {-1, 3, 32, 32},
                                  .symbols = {"batch"}};
    const char *names[] = {"score", "more"};
    const naru_export_axis axis = {"score", 0, "batch"};
    naru_export_options o = {.size = sizeof o,
                             .opset = 17,
                             .inputs = &in,
                             .ninputs = 1,
                             .output_names = names,
                             .noutputs = 2,
                             .output_axes = &axis,
                             .noutput_axes = 1};
    assert_int_equal(naru_export(m, &o, out_path, NULL, &err), NARU_INVALID_ARGUMENT); /* one output */
    o.noutputs = 1;
    o.method = "foward";
    assert_int_equal(naru_export(m, &o, out_path, NULL, &err), NARU_NOT_FOUND);
    o.method = NULL;
    OK(naru_export(m, &o, out_path, NULL, &err));
    naru_model *file = NULL;
    naru_port p = {.size = sizeof p};
    OK(naru_model_load(out_path, NULL, &file, &err));
    OK(naru_model_input(file, 0, &p));
    assert_string_equal(p.name, "image");
    assert_string_equal(p.type, "float[batch,3,32,32]");
    OK(naru_model_output(file, 0, &p));
    assert_string_equal(p.name, "score");
    assert_string_equal(p.type, "float[batch,10]");
    naru_model_destroy(&file);
    naru_module_destroy(&m);
}

static void training_mode(void **state) {
    (void)state;
    naru_module *m = load(DATA "smallcnn/smallcnn_trainmode.pt");
    naru_error err = NARU_ERROR_INIT;
    naru_report *report = NULL;
    naru_finding f = {.size = sizeof f};
    bool seen[2] = {false, false};
    OK(naru_report_create(&report, &err));
    OK(try_export(m, 17, "x:2,3,16,16", report, &err));
    for (size_t i = 0; naru_report_get(report, i, &f) == NARU_OK; i++) {
        assert_int_equal(f.severity, NARU_SEVERITY_WARNING);
        assert_string_equal(f.code, "training-mode");
        seen[0] = seen[0] || strcmp(f.where, "bn1") == 0;
        seen[1] = seen[1] || strcmp(f.where, "bn2") == 0;
    }
    assert_true(seen[0] && seen[1]);
    check_model("trainmode", 17);
    naru_report_destroy(&report);
    naru_module_info info = {.size = sizeof info};
    OK(naru_module_get_info(m, &info));
    assert_true(info.training); /* as it was */
    naru_module_destroy(&m);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_archives), cmocka_unit_test(recorded_models),
        cmocka_unit_test(every_obstacle),    cmocka_unit_test(obstacles_in_control_flow),
        cmocka_unit_test(wrong_inputs),      cmocka_unit_test(names_and_methods),
        cmocka_unit_test(training_mode),
    };
    g_argc = argc;
    g_argv = argv;
    snprintf(out_path, sizeof out_path, "/tmp/naru-export-%ld.onnx", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(out_path);
    return failed;
}
