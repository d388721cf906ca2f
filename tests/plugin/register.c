/* SPDX-License-Identifier: MIT
 *
 * Plugins that the program registers itself: what is refused and why; callbacks that fail or give nonsense; attributes
 * and their defaults, workspace, ranges, outputs whose size depends on data, folding, in-place, several threads; one
 * registry for naru_register_operator too.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "plugin_models.h"
#include "oom_sweep.h"
#include "script_archive.h"

/* ---- making plugins ---- */
static naru_status run_copy(const naru_plugin_run *r) {
    memcpy(r->out[0].data, r->in[0].data, (size_t)r->in[0].count * 4);
    return NARU_OK;
}

static const naru_plugin_tactic copy = {.size = sizeof copy, .name = "test.copy", .run = run_copy};
static const naru_plugin_tactic *const copies[] = {&copy, NULL};

static naru_plugin plugin_of(const char *name) {
    return (naru_plugin){.size = sizeof(naru_plugin),
                         .abi = NARU_PLUGIN_ABI,
                         .version = 1,
                         .name = name,
                         .domain = "test",
                         .since = 1,
                         .signature = "x:T -> y:T | T = float32",
                         .tactics = copies};
}

static str model_of(const char *op, int64_t width, int64_t out) {
    return plugin_model_bytes(&(plugin_model){"test", op, .width = width, .out = out, .import = 1});
}

/* Runs the operator alone on 0.25, 0.5, ...: rows of `width`. */
static naru_status run_alone(const char *op, int64_t rows, int64_t width, int64_t out, naru_tensor **y,
                             naru_error *err) {
    str file = model_of(op, width, out);
    naru_session *s;
    float x[64];
    *y = NULL;
    for (int i = 0; i < 64; i++) x[i] = (float)(i + 1) * 0.25f;
    naru_status st = session_of(&file, NULL, &s, NULL, err);
    if (st == NARU_OK) st = run_plugin(s, x, rows, width, y, err);
    naru_session_destroy(&s);
    str_free(&file);
    return st;
}

static void assert_ran(const char *op, int64_t width, float factor) {
    naru_tensor *y;
    OK(run_alone(op, 2, width, width, &y, &err));
    assert_int_equal(naru_tensor_count(y), 2 * width);
    for (int i = 0; i < 2 * width; i++)
        assert_float_equal(naru_tensor_get(y, i), (double)(factor * (float)(i + 1) * 0.25f), 1e-6);
    naru_tensor_destroy(&y);
}

/* ---- what is refused ---- */
#define WRONG(text, ...)                                                                                               \
    do {                                                                                                               \
        naru_plugin p = plugin_of("Wrong");                                                                            \
        __VA_ARGS__;                                                                                                   \
        REFUSES(naru_plugin_register(&p, &err), text);                                                                 \
    } while (0)

static void refused(void **state) {
    static const naru_plugin_tactic none = {.size = sizeof none, .name = "none"};
    static const naru_plugin_tactic both = {.size = sizeof both, .name = "x", .run = run_copy, .run_rows = (void *)1};
    static const naru_plugin_tactic nameless = {.size = sizeof nameless, .run = run_copy};
    static const naru_plugin_tactic *const lists[][3] = {{&none}, {&both}, {&nameless}, {&copy, &copy}, {NULL}};
    static const naru_plugin_attr twice[] = {
        {.name = "a", .kind = NARU_ATTR_INT}, {.name = "a", .kind = NARU_ATTR_FLOAT}, {.name = NULL}};
    static const naru_plugin_attr odd[] = {{.name = "a", .kind = (naru_attr_kind)5}, {.name = NULL}};
    static const naru_plugin_attr factor[] = {{.name = "k", .kind = NARU_ATTR_FLOAT, .required = true}, {.name = NULL}};
    REFUSES(naru_plugin_register(NULL, &err), "NULL");
    WRONG("its size is not set", p.size = 0);
    WRONG("plugin ABI 2, this Naru has 1", p.abi = 2);
    WRONG("version is not at least 1", p.version = 0);
    WRONG("name is not made of", p.name = "");
    WRONG("name is not made of", p.name = "a b");
    WRONG("name is not made of", p.name = NULL);
    WRONG("domain is not made of", p.domain = NULL);
    WRONG("domain is not made of", p.domain = "a/b");
    WRONG("the domain 'naru' is Naru's own", p.domain = "naru");
    WRONG("'since' is no version", p.since = 0);
    WRONG("signature is malformed", p.signature = NULL);
    WRONG("signature is malformed", p.signature = "x:T");
    WRONG("signature is malformed", p.signature = "x:T -> y:T | T = flaot");
    WRONG("at least one input", p.signature = " -> y:float32");
    WRONG("'x' is not a tensor", p.signature = "x:seq -> y:float32");
    WRONG("plugins take no strings", p.signature = "x:all -> y:float32");
    WRONG("only the last input", p.signature = "x:T..., z:T -> y:T | T = float32");
    WRONG("needs either run, or rows", p.tactics = lists[0]);
    WRONG("needs either run, or rows", p.tactics = lists[1]);
    WRONG("a tactic has no proper name", p.tactics = lists[2]);
    WRONG("tactic 'test.copy' is listed twice", p.tactics = lists[3]);
    WRONG("no tactic", p.tactics = lists[4]);
    WRONG("no tactic", p.tactics = NULL);
    WRONG("attribute 'a' is listed twice", p.attrs = twice);
    WRONG("no proper name or kind", p.attrs = odd);
    WRONG("both or neither", p.serialize = (void *)1);
    WRONG("taken by an operator of Naru", p.name = "Conv", p.domain = "");
    WRONG("taken by an operator of Naru", p.name = "Gelu", p.domain = "ai.onnx");
    WRONG("'namespace::name' expected", p.schema = "wrong(Tensor x) -> Tensor");
    WRONG("plugin test::Wrong", p.schema = "test::wrong(Tensor x");
    WRONG("is built in", p.schema = "aten::relu(Tensor x) -> Tensor");
    WRONG("no input for 'z'", p.schema = "test::wrong(Tensor x, Tensor z) -> Tensor");
    WRONG("'x' must not be a list", p.schema = "test::wrong(Tensor[] x) -> Tensor");
    WRONG("plugins write no arguments", p.schema = "test::wrong(Tensor(a!) x) -> Tensor");
    WRONG("input 'x' is not given", p.schema = "test::wrong() -> Tensor");
    WRONG("no attribute 'k'", p.schema = "test::wrong(Tensor x, float k=1.) -> Tensor");
    WRONG("neither tensor nor attribute", p.schema = "test::wrong(Tensor x, Dict(str, int) k) -> Tensor");
    WRONG("not of the attribute's type", p.attrs = factor, p.schema = "test::wrong(Tensor x, int k) -> Tensor");
    WRONG("attribute 'k' is not given", p.attrs = factor, p.schema = "test::wrong(Tensor x) -> Tensor");
    WRONG("does not return 1 tensors", p.schema = "test::wrong(Tensor x) -> (Tensor, Tensor)");
    WRONG("result 0 is not a tensor", p.schema = "test::wrong(Tensor x) -> int");
    for (size_t i = 0; naru_plugin_name(i, NULL, NULL); i++)
        assert_null(strstr(naru_plugin_name(i, NULL, NULL), "Wrong"));
}

static void taken(void **state) {
    naru_plugin p = plugin_of("Taken"), q = plugin_of("Other");
    p.schema = q.schema = "test::taken(Tensor x) -> Tensor";
    OK(naru_plugin_register(&p, &err));
    REFUSES(naru_plugin_register(&p, &err), "plugin test::Taken: the name is taken by a plugin of the program");
    REFUSES(naru_plugin_register(&q, &err), "registered already");
    REFUSES(naru_register_operator("test::taken(Tensor x) -> Tensor", (naru_operator)(void *)1, NULL, &err),
            "registered already");
    q.schema = NULL;
    OK(naru_plugin_register(&q, &err)); /* nothing of the refused one is left */
    assert_ran("Other", 4, 1);
}

/* What is given may go once it is registered. */
static void copied(void **state) {
    naru_plugin *p = malloc(sizeof *p);
    char name[] = "Copied", domain[] = "test", sig[] = "x:T -> y:T | T = float32";
    naru_plugin_tactic *t = malloc(sizeof *t);
    const naru_plugin_tactic *list[2] = {t, NULL};
    *t = copy;
    *p = plugin_of(name);
    p->domain = domain;
    p->signature = sig;
    p->tactics = list;
    OK(naru_plugin_register(p, &err));
    memset(p, 0xaa, sizeof *p);
    memset(t, 0xaa, sizeof *t);
    memset(name, 'z', sizeof name - 1);
    memset(sig, 'z', sizeof sig - 1);
    free(p);
    free(t);
    assert_ran("Copied", 4, 1);
}

/* ---- callbacks that fail ---- */
static naru_status infer_fails(const naru_plugin_infer *c) {
    return c->host->refuse(c->err, NARU_SHAPE, "it is %s", "too square");
}
static naru_status infer_says_nothing(const naru_plugin_infer *c) { return NARU_SHAPE; }
static naru_status infer_wild_dim(const naru_plugin_infer *c) {
    c->out[0].rank = 1;
    c->out[0].dims[0] = -123456;
    return NARU_OK;
}
static naru_status infer_wild_rank(const naru_plugin_infer *c) {
    c->out[0].rank = 99;
    return NARU_OK;
}
static naru_status infer_wild_type(const naru_plugin_infer *c) {
    c->out[0] = c->in[0];
    c->out[0].dtype = (naru_dtype)9999;
    return NARU_OK;
}
static naru_status create_fails(naru_plugin_create *c) {
    return c->q.host->refuse(c->err, NARU_UNSUPPORTED, "no state for this");
}
static naru_status run_fails(const naru_plugin_run *r) {
    return r->host->refuse(r->err, NARU_INTERNAL, "the run broke down");
}
static naru_status run_says_nothing(const naru_plugin_run *r) { return NARU_LIMIT; }
static const char *accepts_nothing(const naru_plugin_query *q) { return "wants another moon"; }

static void register_failing(const char *name, naru_status (*infer)(const naru_plugin_infer *),
                             naru_status (*create)(naru_plugin_create *), const naru_plugin_tactic *t) {
    const naru_plugin_tactic *list[] = {t, NULL};
    naru_plugin p = plugin_of(name);
    p.infer = infer;
    p.create = create;
    if (t) p.tactics = list;
    OK(naru_plugin_register(&p, &err));
}

static void failing(void **state) {
    static const naru_plugin_tactic breaks = {.size = sizeof breaks, .name = "breaks", .run = run_fails};
    static const naru_plugin_tactic silent = {.size = sizeof silent, .name = "silent", .run = run_says_nothing};
    static const naru_plugin_tactic picky = {
        .size = sizeof picky, .name = "picky", .run = run_copy, .accepts = accepts_nothing};
    naru_tensor *y;
    register_failing("InferFails", infer_fails, NULL, NULL);
    register_failing("InferSilent", infer_says_nothing, NULL, NULL);
    register_failing("InferDim", infer_wild_dim, NULL, NULL);
    register_failing("InferRank", infer_wild_rank, NULL, NULL);
    register_failing("InferType", infer_wild_type, NULL, NULL);
    register_failing("CreateFails", NULL, create_fails, NULL);
    register_failing("RunFails", NULL, NULL, &breaks);
    register_failing("RunSilent", NULL, NULL, &silent);
    register_failing("Picky", NULL, NULL, &picky);
    REFUSES(run_alone("InferFails", 1, 4, 4, &y, &err),
            "'the_node' (test.InferFails): plugin test::InferFails: it is too square");
    REFUSES(run_alone("InferSilent", 1, 4, 4, &y, &err), "plugin test::InferSilent: infer failed: ");
    REFUSES(run_alone("InferDim", 1, 4, 4, &y, &err), "infer gives output 'y' no dimension on axis 0");
    REFUSES(run_alone("InferRank", 1, 4, 4, &y, &err), "infer gives output 'y' rank 99");
    REFUSES(run_alone("InferType", 1, 4, 4, &y, &err), "a type that its signature does not have");
    REFUSES(run_alone("CreateFails", 1, 4, 4, &y, &err), "plugin test::CreateFails: no state for this");
    REFUSES(run_alone("RunFails", 1, 4, 4, &y, &err), "plugin test::RunFails: the run broke down");
    REFUSES(run_alone("RunSilent", 1, 4, 4, &y, &err), "plugin test::RunSilent: silent failed: ");
    REFUSES(run_alone("Picky", 1, 4, 4, &y, &err), "no tactic of plugin test::Picky accepts the node: wants another");
}

/* A tactic that fails while it is timed is out; the build goes on. */
static void failing_while_timed(void **state) {
    static const naru_plugin_tactic breaks = {.size = sizeof breaks, .name = "second", .run = run_fails};
    const naru_plugin_tactic *list[] = {&copy, &breaks, NULL};
    naru_plugin p = plugin_of("HalfBroken");
    naru_model *m;
    naru_network *n;
    naru_builder_config *c = config_of(3, "1", NULL);
    naru_engine *e;
    char *text;
    p.tactics = list;
    OK(naru_plugin_register(&p, &err));
    str file = model_of("HalfBroken", 4, 4);
    OK(naru_model_load_memory(file.data, file.len, &m, &err));
    OK(naru_network_create(m, &n, &err));
    naru_profile *range;
    OK(naru_profile_create(&range, &err));
    for (int b = 0; b < 3; b++) OK(naru_profile_set_dims(range, "x", (naru_select)b, 2, (int64_t[]){2, 4}, &err));
    OK(naru_builder_config_add_profile(c, range, NULL, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    naru_layer layer = {.size = sizeof layer};
    assert_int_equal(naru_engine_layer(e, 0, &layer), NARU_OK);
    assert_string_equal(layer.tactic, "test.copy");
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err));
    assert_non_null(strstr(text, "failed when it was tried"));
    naru_text_free(&text);
    naru_engine_destroy(&e);
    naru_profile_destroy(&range);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_model_destroy(&m);
    str_free(&file);
}

/* ---- attributes ---- */
enum { A_INT, A_FLOAT, A_TEXT, A_INTS, A_FLOATS };
static const int64_t some_ints[] = {3, 5};
static const float some_floats[] = {0.25f, 0.5f, 8};
static const naru_plugin_attr all_kinds[] = {
    {.name = "i", .kind = NARU_ATTR_INT, .i = 7},
    {.name = "f", .kind = NARU_ATTR_FLOAT, .f = 2.5f},
    {.name = "s", .kind = NARU_ATTR_STRING, .s = "text"},
    {.name = "is", .kind = NARU_ATTR_INTS, .ints = some_ints, .count = 2},
    {.name = "fs", .kind = NARU_ATTR_FLOATS, .floats = some_floats, .count = 3},
    {.name = NULL}};

/* y[0..n) = i, f, length of s, sum of is, sum of fs, whether f is given */
static naru_status run_attrs(const naru_plugin_run *r) {
    float *y = r->out[0].data;
    size_t length, ni, nf;
    const char *s = r->host->attr_string(r->node, A_TEXT, &length);
    const int64_t *is = r->host->attr_ints(r->node, A_INTS, &ni);
    const float *fs = r->host->attr_floats(r->node, A_FLOATS, &nf);
    y[0] = (float)r->host->attr_int(r->node, A_INT);
    y[1] = r->host->attr_float(r->node, A_FLOAT);
    y[2] = (float)(strlen(s) == length ? length : 99);
    y[3] = y[4] = 0;
    for (size_t i = 0; i < ni; i++) y[3] += (float)is[i];
    for (size_t i = 0; i < nf; i++) y[4] += fs[i];
    y[5] = r->host->attr_given(r->node, A_FLOAT);
    y[6] = (float)r->host->attr_int(r->node, 99) + (float)r->host->attr_int(r->node, A_FLOAT); /* none there */
    y[7] = r->host->attr_given(r->node, 99);
    return NARU_OK;
}

static const char net[] = "class Net(Module):\n"
                          "  __parameters__ = []\n"
                          "  __buffers__ = []\n"
                          "  training : bool\n"
                          "  def forward(self: __torch__.Net,\n"
                          "    x: Tensor) -> Tensor:\n"
                          "    return ops.test.attrs(x, 4, 1.5, \"ab\", [1, 2, 3], [0.5, 0.75])\n"
                          "  def some(self: __torch__.Net,\n"
                          "    x: Tensor) -> Tensor:\n"
                          "    return ops.test.attrs(x, 4)\n";

static void assert_values(naru_module *m, const char *method, const double *want) {
    float x[8] = {0};
    naru_tensor *t;
    naru_ivalue *v, *out;
    OK(naru_tensor_wrap(NARU_FLOAT, 1, (int64_t[]){8}, x, sizeof x, NULL, NULL, &t, &err));
    OK(naru_ivalue_tensor(t, &v, &err));
    for (int round = 0; round < 2; round++) {
        OK(naru_module_call(m, method, 1, &v, &out, &err));
        naru_tensor *y = naru_ivalue_to_tensor(out);
        for (int i = 0; i < 8; i++) assert_float_equal(naru_tensor_get(y, i), want[i], 1e-6);
        naru_tensor_destroy(&y);
        naru_ivalue_destroy(&out);
    }
    naru_ivalue_destroy(&v);
    naru_tensor_destroy(&t);
}

static void attributes(void **state) {
    static const naru_plugin_tactic t = {.size = sizeof t, .name = "attrs", .run = run_attrs};
    const naru_plugin_tactic *list[] = {&t, NULL};
    naru_plugin p = plugin_of("Attrs");
    p.attrs = all_kinds;
    p.tactics = list;
    p.schema = "test::attrs(Tensor x, int i, float? f=None, str? s=None, int[]? is=None, float[]? fs=None) -> Tensor";
    OK(naru_plugin_register(&p, &err));
    naru_tensor *y;
    static const double defaults[] = {7, 2.5, 4, 8, 8.75, 0, 0, 0};
    OK(run_alone("Attrs", 1, 8, 8, &y, &err));
    for (int i = 0; i < 8; i++) assert_float_equal(naru_tensor_get(y, i), defaults[i], 1e-6);
    naru_tensor_destroy(&y);
    str file = plugin_model_bytes(&(plugin_model){"test", "Attrs", "f", 0.5f, .width = 8, .out = 8, .import = 1});
    naru_session *s;
    float x[8] = {0};
    OK(session_of(&file, NULL, &s, NULL, &err));
    OK(run_plugin(s, x, 1, 8, &y, &err));
    assert_float_equal(naru_tensor_get(y, 1), 0.5, 1e-6);
    assert_float_equal(naru_tensor_get(y, 5), 1, 0);
    naru_tensor_destroy(&y);
    naru_session_destroy(&s);
    str_free(&file);
    for (int regions = 0; regions < 2; regions++) {
        naru_options *o = options_of("1", NULL);
        naru_module *m;
        file = script_archive(net, 1, (archive_int[]){{"training", 0}});
        OK(naru_options_set(o, "regions", regions ? "1" : "0", &err));
        OK(naru_module_load_memory(file.data, file.len, o, &m, &err));
        assert_values(m, "forward", (double[]){4, 1.5, 2, 6, 1.25, 1, 0, 0});
        assert_values(m, "some", (double[]){4, 2.5, 4, 8, 8.75, 0, 0, 0});
        naru_module_destroy(&m);
        naru_options_destroy(&o);
        str_free(&file);
    }
}

/* ---- running ---- */
static atomic_int states, ranges;
static int user_mark;

static naru_status create_counted(naru_plugin_create *c) {
    if (c->q.user != &user_mark) return NARU_INTERNAL;
    atomic_fetch_add(&states, 1);
    c->state = c->q.host->alloc(16);
    return c->state ? NARU_OK : NARU_OUT_OF_MEMORY;
}
static void destroy_counted(const naru_plugin_host *host, void *user, void *s) {
    atomic_fetch_sub(&states, user == &user_mark);
    host->release(s);
}
static size_t workspace_rows(const naru_plugin_run *r) { return (size_t)r->threads * 64; }
static int64_t rows_of(const naru_plugin_run *r) { return r->in[0].dims[0]; }

/* y = 2 x, by way of this thread's part of the workspace */
static naru_status run_rows(const naru_plugin_run *r, int64_t begin, int64_t end) {
    if (!r->state || r->worker >= r->threads || r->workspace_size < (size_t)r->threads * 64) return NARU_INTERNAL;
    float *mine = (float *)((char *)r->workspace + r->worker * 64);
    int64_t n = r->in[0].dims[1];
    const float *x = r->in[0].data;
    float *y = r->out[0].data;
    atomic_fetch_add(&ranges, 1);
    for (int64_t i = begin * n; i < end * n; i++) {
        mine[i % 16] = x[i] * 2;
        y[i] = mine[i % 16];
        if (x[i] == 13) return r->host->refuse(r->err, NARU_INTERNAL, "row %lld is unlucky", (long long)(i / n));
    }
    return NARU_OK;
}

static void twice_part(void *arg, int64_t begin, int64_t end, int worker) {
    const naru_plugin_run *r = arg;
    for (int64_t i = begin; i < end; i++) ((float *)r->out[0].data)[i] = ((const float *)r->in[0].data)[i] * 2;
}
static naru_status run_parallel(const naru_plugin_run *r) {
    r->host->parallel_for(r, r->in[0].count, 1, twice_part, (void *)r);
    return NARU_OK;
}

static void in_ranges(void **state) {
    static const naru_plugin_tactic t = {.size = sizeof t,
                                         .name = "rows",
                                         .flags = NARU_PLUGIN_IN_PLACE,
                                         .workspace = workspace_rows,
                                         .rows = rows_of,
                                         .run_rows = run_rows};
    const naru_plugin_tactic *list[] = {&t, NULL};
    naru_plugin p = plugin_of("Rows");
    p.tactics = list;
    p.user = &user_mark;
    p.create = create_counted;
    p.destroy = destroy_counted;
    OK(naru_plugin_register(&p, &err));
    str file = model_of("Rows", 16, 16);
    naru_options *o = options_of("2", NULL);
    naru_session *s;
    naru_tensor *y;
    float *x = random_floats(640 * 16, 5);
    OK(session_of(&file, o, &s, NULL, &err));
    assert_int_equal(atomic_load(&states), 1);
    OK(run_plugin(s, x, 640, 16, &y, &err));
    for (int i = 0; i < 640 * 16; i++)
        if (((float *)naru_tensor_data(y))[i] != 2 * x[i]) fail_msg("element %d", i);
    assert_true(atomic_load(&ranges) > 1);
    naru_tensor_destroy(&y);
    x[300 * 16 + 3] = 13;
    REFUSES(run_plugin(s, x, 640, 16, &y, &err), "row 300 is unlucky");
    OK(run_plugin(s, x, 0, 16, &y, &err)); /* nothing to do */
    naru_tensor_destroy(&y);
    naru_session_destroy(&s);
    assert_int_equal(atomic_load(&states), 0);
    naru_options_destroy(&o);
    free(x);
    str_free(&file);
    static const naru_plugin_tactic par = {.size = sizeof par, .name = "parallel", .run = run_parallel};
    const naru_plugin_tactic *other[] = {&par, NULL};
    p = plugin_of("Parallel");
    p.tactics = other;
    OK(naru_plugin_register(&p, &err));
    assert_ran("Parallel", 8, 2);
}

/* ---- outputs that depend on the data: the elements over 1 ---- */
static naru_status infer_some(const naru_plugin_infer *c) { return NARU_OK; }
static naru_status run_some(const naru_plugin_run *r) {
    const float *x = r->in[0].data;
    int64_t n = 0;
    for (int64_t i = 0; i < r->in[0].count; i++) n += x[i] > 1;
    naru_status st = r->host->output(r, 0, 1, &n);
    if (st != NARU_OK) return st;
    if (r->out[0].count != n || r->host->output(r, 0, 1, &n) == NARU_OK) return NARU_INTERNAL;
    r->err->code = NARU_OK;
    for (int64_t i = 0, at = 0; i < r->in[0].count; i++)
        if (x[i] > 1) ((float *)r->out[0].data)[at++] = x[i];
    return NARU_OK;
}
static naru_status run_none(const naru_plugin_run *r) { return NARU_OK; }

static void data_dependent(void **state) {
    static const naru_plugin_tactic t = {.size = sizeof t, .name = "some", .run = run_some};
    static const naru_plugin_tactic lazy = {.size = sizeof lazy, .name = "lazy", .run = run_none};
    naru_tensor *y;
    register_failing("Some", infer_some, NULL, &t);
    register_failing("Lazy", infer_some, NULL, &lazy);
    OK(run_alone("Some", 1, 8, 4, &y, &err));
    assert_int_equal(naru_tensor_count(y), 4);
    for (int i = 0; i < 4; i++) assert_float_equal(naru_tensor_get(y, i), 1.25 + 0.25 * i, 0);
    naru_tensor_destroy(&y);
    REFUSES(run_alone("Lazy", 1, 8, 4, &y, &err), "plugin test::Lazy did not make output 0");
}

/* ---- several threads: registering, and running one engine's state ---- */
static void *register_many(void *arg) {
    int who = *(int *)arg, won = 0;
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "Many%d", i);
        naru_plugin p = plugin_of(name);
        won += naru_plugin_register(&p, NULL) == NARU_OK;
        if (i % 8 == who % 8) {
            naru_tensor *y;
            naru_error err = NARU_ERROR_INIT;
            if (run_alone(name, 2, 4, 4, &y, &err) != NARU_OK) won += 1000;
            naru_tensor_destroy(&y);
        }
    }
    *(int *)arg = won;
    return NULL;
}

static void from_threads(void **state) {
    enum { N = 4 };
    pthread_t threads[N];
    int won[N], sum = 0;
    for (int i = 0; i < N; i++) won[i] = i;
    for (int i = 0; i < N; i++) assert_int_equal(pthread_create(&threads[i], NULL, register_many, &won[i]), 0);
    for (int i = 0; i < N; i++) pthread_join(threads[i], NULL), sum += won[i];
    assert_int_equal(sum, 40); /* each name once */
}

/* ---- a library that registers in its constructor ---- */
static void register_late(void) {
    naru_plugin p = plugin_of("Selfish");
    OK(naru_plugin_register(&p, &err));
}

static void while_loading(void **state) {
    char address[32];
    snprintf(address, sizeof address, "%llx", (unsigned long long)(uintptr_t)register_late);
    setenv("NARU_TEST_CALLBACK", address, 1);
    REFUSES(naru_plugin_load(NARU_TEST_PLUGINS "/selfish.so", &err), "exports no naru_plugin_entry");
    unsetenv("NARU_TEST_CALLBACK");
    assert_ran("Selfish", 4, 1);
}

/* ---- memory ---- */
static naru_status rows_session(const void *file, naru_error *err) {
    float x[32] = {0};
    naru_session *s = NULL;
    naru_tensor *y = NULL;
    naru_status st = session_of(file, NULL, &s, NULL, err);
    if (st == NARU_OK) st = run_plugin(s, x, 2, 16, &y, err);
    if (st == NARU_OK) naru_tensor_destroy(&y);
    naru_session_destroy(&s);
    return st;
}

/* Registering and running, the n-th allocation failing: an error, nothing half registered, in the end it works. */
static void out_of_memory(void **state) {
    naru_plugin p = plugin_of("Memory");
    naru_plugin_attr attrs[] = {all_kinds[A_INT], all_kinds[A_TEXT], all_kinds[A_INTS], {.name = NULL}};
    p.attrs = attrs;
    p.schema = "test::memory(Tensor x, int i=3) -> Tensor";
    int failed = 0;
    for (long n = 0;; n++) {
        naru_error err = NARU_ERROR_INIT;
        failing_at(n, false);
        naru_status st = naru_plugin_register(&p, &err);
        failing_stop();
        if (st == NARU_OK) break;
        if (st != NARU_OUT_OF_MEMORY) fail_msg("allocation %ld failing: %s", n, err.message);
        failed++;
    }
    assert_true(failed > 5);
    str file = model_of("Rows", 16, 16);
    sweep_with("running", rows_session, &file, (sweep_rules){0, 5, false});
    str_free(&file);
}

/* The example plugin: timed, its state serialized, the plan loaded, run. */
static naru_status build_and_run(naru_error *err) {
    str file = swiglu_model();
    naru_model *m = NULL;
    naru_network *n = NULL;
    naru_builder_config *c = NULL;
    naru_profile *p = NULL;
    naru_options *o = NULL;
    naru_engine *e = NULL, *again = NULL;
    naru_context *k = NULL;
    void *data = NULL;
    size_t size = 0;
    float x[16] = {0}, y[8];
    naru_status st = file.failed ? NARU_OUT_OF_MEMORY : naru_model_load_memory(file.data, file.len, &m, err);
    if (st == NARU_OK) st = naru_network_create(m, &n, err);
    if (st == NARU_OK) st = naru_builder_config_create(&c, err);
    if (st == NARU_OK) st = naru_options_create(&o, err);
    if (st == NARU_OK) st = naru_options_set(o, "threads", "1", err);
    if (st == NARU_OK) st = naru_builder_config_set_options(c, o, err);
    if (st == NARU_OK) st = naru_builder_config_set_timing_runs(c, 1, err);
    if (st == NARU_OK) st = naru_profile_create(&p, err);
    for (int b = 0; st == NARU_OK && b < 3; b++)
        st = naru_profile_set_dims(p, "x", (naru_select)b, 2, (int64_t[]){2, 8}, err);
    if (st == NARU_OK) st = naru_builder_config_add_profile(c, p, NULL, err);
    if (st == NARU_OK) st = naru_build(n, c, &e, NULL, err);
    if (st == NARU_OK) st = naru_engine_serialize(e, &data, &size, err);
    if (st == NARU_OK) st = naru_engine_load_memory(data, size, NULL, o, &again, NULL, err);
    if (st == NARU_OK) st = naru_context_create(again, &k, err);
    if (st == NARU_OK) st = naru_context_set_input_shape(k, "x", 2, (int64_t[]){2, 8}, err);
    if (st == NARU_OK) st = naru_context_set_address(k, "x", x, sizeof x, err);
    if (st == NARU_OK) st = naru_context_set_address(k, "y", y, sizeof y, err);
    if (st == NARU_OK) st = naru_context_run(k, err);
    naru_context_destroy(&k);
    naru_engine_destroy(&again);
    naru_engine_destroy(&e);
    naru_engine_data_free(&data);
    naru_options_destroy(&o);
    naru_profile_destroy(&p);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_model_destroy(&m);
    str_free(&file);
    return st;
}

static void building_out_of_memory(void **state) {
    OK(naru_plugin_load(NARU_TEST_PLUGINS "/swiglu.so", &err));
    OK(build_and_run(&err)); /* once, so that what is made once is there */
    sweep_plain("building", build_and_run, 0);
}

int main(void) {
    if (failing_start() != NARU_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(taken),
        cmocka_unit_test(copied),
        cmocka_unit_test(failing),
        cmocka_unit_test(failing_while_timed),
        cmocka_unit_test(attributes),
        cmocka_unit_test(in_ranges),
        cmocka_unit_test(data_dependent),
        cmocka_unit_test(from_threads),
        cmocka_unit_test(while_loading),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(building_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
