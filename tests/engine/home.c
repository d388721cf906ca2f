/* SPDX-License-Identifier: MIT
 *
 * Parts that live in their whole (engine/home.h): random networks of products, joins, cuts, views and pointwise
 * operators against the reference evaluator, bit for bit (all values are small integers), at 1 and 2 threads and twice
 * in one context; and by name which value lives where, and which must not.
 */
#include "engine/home.h"

#include "base/str.h"
#include "graph/parse.h"
#include "kcheck.h"
#include "passes/lift.h"
#include "passes/pass.h"

static naru_error err;
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != NARU_OK) fail_msg("%s", err.message);                                                            \
    } while (0)

static graph *read_graph(const char *text) {
    graph *g = NULL;
    if (graph_parse(text, &g, &err) != NARU_OK || graph_lift(g, NULL, &err) != NARU_OK)
        fail_msg("%s\n%s", err.message, text);
    return g;
}

static naru_value *small_integers(int rank, const int64_t *dims) {
    naru_tensor *t;
    naru_value *v;
    OK(tensor_new(NARU_FLOAT, rank, dims, &t, &err));
    for (int64_t i = 0; i < tensor_count(t); i++) ((float *)t->data)[i] = (float)kc_int(-2, 2);
    OK(value_new_tensor(t, &v, &err));
    tensor_unref(t);
    return v;
}

static engine *compile(const char *text, pool *p) {
    graph *g = read_graph(text);
    engine *e;
    pass_options o = {.optimize = true, .cpu = (int)cpu_best()};
    if (passes_run(g, &o, &err) != NARU_OK || engine_compile(g, cpu_best(), p, &e, &err) != NARU_OK)
        fail_msg("%s\n%s", err.message, text);
    return e;
}

/* ---- random networks ---- */
enum { VALUES = 40, OUTPUTS = 8 };

typedef struct writer {
    str text, constants;
    struct {
        int rank;
        int64_t dims[4];
        bool used;
    } v[VALUES];
    int n, constants_made;
} writer;

static int add_value(writer *w, int rank, const int64_t *dims) {
    w->v[w->n].rank = rank;
    memcpy(w->v[w->n].dims, dims, sizeof w->v[w->n].dims);
    return w->n++;
}

static int pick(writer *w) {
    int i = kc_int(0, 2) ? kc_int(w->n > 6 ? w->n - 6 : 0, w->n - 1) : kc_int(0, w->n - 1);
    w->v[i].used = true;
    return i;
}

static void add_product(writer *w) {
    int x = pick(w), y = w->n;
    int64_t k = w->v[x].dims[w->v[x].rank - 1], dims[4];
    int n = (int)kc_int(1, 6);
    str_addf(&w->constants, "  const w%d = float[%d,%d] {", w->constants_made, (int)k, n);
    for (int i = 0; i < k * n; i++) str_addf(&w->constants, "%s%d", i ? ", " : "", (int)kc_int(-1, 1));
    str_addf(&w->constants, "}\n");
    memcpy(dims, w->v[x].dims, sizeof dims);
    dims[w->v[x].rank - 1] = n;
    str_addf(&w->text, "  m%d = MatMul(v%d, w%d)\n  v%d = Clip(m%d, lo, hi)\n", y, x, w->constants_made++, y, y);
    add_value(w, w->v[x].rank, dims);
}

static void add_join(writer *w) {
    int of[4], count = 1, a = pick(w), rank = w->v[a].rank, axis = kc_int(0, 1) ? rank - 1 : kc_int(0, rank - 1);
    int64_t dims[4];
    of[0] = a;
    memcpy(dims, w->v[a].dims, sizeof dims);
    for (int tries = 0; tries < 30 && count < 4; tries++) {
        int b = pick(w);
        bool fits = w->v[b].rank == rank;
        for (int d = 0; fits && d < rank; d++) fits = d == axis || w->v[b].dims[d] == w->v[a].dims[d];
        if (!fits || dims[axis] + w->v[b].dims[axis] > 24) continue;
        of[count++] = b;
        dims[axis] += w->v[b].dims[axis];
    }
    str_addf(&w->text, "  v%d = Concat(", w->n);
    for (int i = 0; i < count; i++) str_addf(&w->text, "%sv%d", i ? ", " : "", of[i]);
    str_addf(&w->text, ") {axis:int = %d}\n", axis);
    add_value(w, rank, dims);
}

static void add_cut(writer *w) {
    int x = pick(w), rank = w->v[x].rank, axis = kc_int(0, 1) ? rank - 1 : kc_int(0, rank - 1), y = w->n;
    int64_t all = w->v[x].dims[axis], first = kc_int(1, (int)all), dims[4];
    if (all < 2 || first == all) return;
    memcpy(dims, w->v[x].dims, sizeof dims);
    if (kc_int(0, 1)) {
        str_addf(&w->constants, "  const s%d = int64[2] {%d, %d}\n", y, (int)first, (int)(all - first));
        str_addf(&w->text, "  v%d, v%d = Split(v%d, s%d) {axis:int = %d}\n", y, y + 1, x, y, axis);
        dims[axis] = first;
        add_value(w, rank, dims);
        dims[axis] = all - first;
    } else {
        str_addf(&w->constants,
                 "  const f%d = int64[1] {%d}\n  const t%d = int64[1] {9999}\n  const a%d = int64[1] {%d}\n", y,
                 (int)first, y, y, axis);
        str_addf(&w->text, "  v%d = Slice(v%d, f%d, t%d, a%d)\n", y, x, y, y, y);
        dims[axis] = all - first;
    }
    add_value(w, rank, dims);
}

static void add_view(writer *w) { /* the first two dims as one, or a new first one */
    int x = pick(w), rank = w->v[x].rank;
    int64_t dims[4] = {1};
    if (rank == 3) {
        dims[0] = w->v[x].dims[0] * w->v[x].dims[1], dims[1] = w->v[x].dims[2];
        rank = 2;
    } else {
        memcpy(dims + 1, w->v[x].dims, (size_t)rank * sizeof *dims);
        rank++;
    }
    str_addf(&w->constants, "  const r%d = int64[%d] {", w->n, rank);
    for (int d = 0; d < rank; d++) str_addf(&w->constants, "%s%d", d ? ", " : "", (int)dims[d]);
    str_addf(&w->constants, "}\n");
    str_addf(&w->text, "  v%d = Reshape(v%d, r%d)\n", w->n, x, w->n);
    add_value(w, rank, dims);
}

static void add_pointwise(writer *w) {
    int x = pick(w);
    if (kc_int(0, 1)) str_addf(&w->text, "  v%d = Neg(v%d)\n", w->n, x);
    else str_addf(&w->text, "  v%d = Add(v%d, v%d)\n", w->n, x, x);
    add_value(w, w->v[x].rank, w->v[x].dims);
}

static char *random_network(writer *w) {
    int64_t x[4] = {kc_int(1, 3), kc_int(1, 4), kc_int(1, 6)};
    void (*const add[])(writer *) = {add_product, add_product, add_join, add_join, add_cut, add_view, add_pointwise};
    *w = (writer){0};
    add_value(w, 3, x);
    for (int i = kc_int(4, 24); i > 0 && w->n < VALUES - 2; i--) add[kc_int(0, (int)COUNT_OF(add) - 1)](w);
    str all = {0};
    str_addf(&all, "ir 10\nopset \"\" 25\ngraph \"t\" {\n  input v0: float[%d,%d,%d]\n", (int)x[0], (int)x[1],
             (int)x[2]);
    str_addf(&all, "  const lo = float[] {-4}\n  const hi = float[] {4}\n%s%s", str_text(&w->constants),
             str_text(&w->text));
    int outputs = 0;
    for (int i = w->n - 1; i > 0 && outputs < OUTPUTS; i--)
        if (!w->v[i].used || i == w->n - 1 || !kc_int(0, 9)) str_addf(&all, "  output v%d\n", i), outputs++;
    if (!outputs) str_addf(&all, "  y = Relu(v0)\n  output y\n");
    str_addf(&all, "}\n");
    str_free(&w->text), str_free(&w->constants);
    return all.data;
}

static void expect_same(const char *text, const graph *g, naru_value **got, naru_value **want) {
    for (int i = 0; i < g->main->nout; i++) {
        const naru_tensor *a = got[i]->tensor, *b = want[i]->tensor;
        if (!tensor_same_dims(a, b)) fail_msg("output %d has other dims:\n%s", i, text);
        for (int64_t k = 0; k < tensor_count(a); k++)
            if (((float *)a->data)[k] != ((float *)b->data)[k])
                fail_msg("output %d, element %d is %g, should be %g:\n%s", i, (int)k, (double)((float *)a->data)[k],
                         (double)((float *)b->data)[k], text);
    }
}

static size_t g_parts; /* slots that lived in another, over all networks */

static void count_parts(const context *c) {
    const program *p = &c->engine->programs[0];
    for (const plan *q = c->segments[0][0] ? c->segments[0][0]->plans : NULL; q; q = q->next) {
        home *homes;
        arena *a = arena_new();
        OK(homes_find(c->engine, p, c->variant, c->facts, q->first, q->last, a, &homes, &err));
        for (int i = 0; i < c->engine->nslots; i++) g_parts += homes[i].base >= 0;
        arena_free(a);
    }
}

static void random_case(pool *p) {
    writer w;
    char *text = random_network(&w);
    graph *g = read_graph(text);
    engine *e = compile(text, p);
    context *c;
    OK(context_new(e, p, &c, &err));
    for (int run = 0; run < 2; run++) {
        naru_value *in = small_integers(3, w.v[0].dims), *want[OUTPUTS] = {0}, *got[OUTPUTS] = {0};
        OK(graph_evaluate(g, &in, want, 1, &err));
        if (context_run(c, &in, got, 1, &err) != NARU_OK) fail_msg("%s\n%s", err.message, text);
        expect_same(text, g, got, want);
        value_unref(in);
        for (int i = 0; i < OUTPUTS; i++) value_unref(want[i]), value_unref(got[i]);
    }
    count_parts(c);
    context_free(c);
    engine_free(e);
    graph_free(g);
    mem_free(text);
}

static void test_random(void **state) {
    pool *p;
    OK(pool_create(2, 0, &p, &err));
    g_parts = 0;
    for (int i = 0; i < 1500; i++) random_case(i % 2 ? p : NULL);
    assert_true(g_parts > 1500);
    pool_destroy(p);
    assert_int_equal(mem_live_count(), 0);
}

/* ---- who lives where ---- */
static int slot_named(const engine *e, const char *name) {
    for (int i = 0; i < e->nslots; i++)
        if (strcmp(e->slots[i].value->name, name) == 0) return i;
    fail_msg("no value %s", name);
    return -1;
}

/* Runs the body of a network of x: float[2,3,4] and gives `part`'s home. */
static home home_of(const char *body, const char *part, const char *base) {
    char text[2000];
    const int64_t dims[4] = {2, 3, 4};
    snprintf(text, sizeof text,
             "ir 10\nopset \"\" 25\ngraph \"t\" {\n  input x: float[2,3,4]\n"
             "  const w = float[4,2] {1, 1, 1, 1, 1, 1, 1, 1}\n  const v = float[2,2] {1, 1, 1, 1}\n"
             "  const u = float[1,1] {1}\n  const s = int64[2] {1, 1}\n%s}\n",
             body);
    engine *e;
    graph *g = read_graph(text);
    pass_options nothing = {0};
    OK(passes_run(g, &nothing, &err));
    OK(engine_compile(g, cpu_best(), NULL, &e, &err));
    context *c;
    OK(context_new(e, NULL, &c, &err));
    naru_value *in = small_integers(3, dims), *out[4] = {0};
    OK(context_run(c, &in, out, 1, &err));
    arena *a = arena_new();
    home *homes;
    OK(homes_find(e, &e->programs[0], 0, c->facts, 0, e->programs[0].nsteps, a, &homes, &err));
    home h = homes[slot_named(e, part)];
    if (base) assert_int_equal(h.base, slot_named(e, base));
    else assert_int_equal(h.base, -1);
    value_unref(in);
    for (int i = 0; i < 4; i++) value_unref(out[i]);
    arena_free(a);
    context_free(c);
    engine_free(e);
    return h;
}

#define TWO   "  a = MatMul(x, w)\n  b = MatMul(x, w)\n"
#define AFTER "  z = MatMul(c, w)\n  output z\n"

static void test_places(void **state) {
    home h = home_of(TWO "  c = Concat(a, b) {axis:int = 2}\n" AFTER, "b", "c");
    assert_int_equal(h.at, 2);
    assert_int_equal(h.pitch, 4);
    h = home_of(TWO "  c = Concat(a, b) {axis:int = 0}\n  z = MatMul(c, v)\n  output z\n", "b", "c");
    assert_int_equal(h.at, 12);
    assert_int_equal(h.pitch, 0);
    h = home_of("  a = MatMul(x, w)\n  c, d = Split(a, s) {axis:int = 2}\n"
                "  y = MatMul(c, u)\n  z = MatMul(d, u)\n  output y\n  output z\n",
                "d", "a");
    assert_int_equal(h.at, 1);
    assert_int_equal(h.pitch, 2);
    h = home_of(TWO "  c = Concat(a, b, b) {axis:int = 2}\n  z = Neg(c)\n  output z\n", "b", "c"); /* once */
    assert_int_equal(h.at, 2);
    /* a join whose parts lie side by side in a larger one */
    h = home_of(TWO "  c = Concat(a, b) {axis:int = 2}\n  d = MatMul(c, w)\n"
                    "  e = Concat(a, b, d) {axis:int = 2}\n  z = Neg(e)\n  output z\n",
                "c", "e");
    assert_int_equal(h.at, 0);
    assert_int_equal(h.pitch, 6);
}

static void test_refused(void **state) {
    /* an axis in the middle of several blocks */
    home_of(TWO "  c = Concat(a, b) {axis:int = 1}\n  z = MatMul(c, v)\n  output z\n", "a", NULL);
    /* read by what takes no pitch */
    home_of(TWO "  n = Neg(a)\n  c = Concat(a, b) {axis:int = 2}\n  output n\n" AFTER, "a", NULL);
    /* made by what takes none */
    home_of("  a = Neg(x)\n  b = MatMul(x, w)\n  c = Concat(a, b) {axis:int = 2}\n  z = Neg(c)\n  output z\n", "a",
            NULL);
    /* outputs have memory of the caller's */
    home_of(TWO "  c = Concat(a, b) {axis:int = 2}\n  output a\n" AFTER, "a", NULL);
    home_of(TWO "  c = Concat(a, b) {axis:int = 2}\n  output c\n", "a", NULL);
    /* inputs, too */
    home_of("  c, d = Split(x, t) {axis:int = 2}\n  z = MatMul(c, v)\n  y = MatMul(d, v)\n"
            "  const t = int64[2] {2, 2}\n  output z\n  output y\n",
            "c", NULL);
}

int main(void) {
    kc_seed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
