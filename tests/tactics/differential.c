/* SPDX-License-Identifier: MIT
 *
 * Tactics against the reference evaluator, node by node, at every CPU level of this machine and with 1 and 2 threads.
 * Tactics of lower precision run on operands that these precisions hold, so that they must be as close as FP32 is:
 * how they round is the business of their kernels' tests. Where a tactic takes rows with a pitch it runs a second time
 * with gaps in every such operand: what is in them is not read, and stays.
 * A case is one line: op, attributes, inputs. Adding one needs nothing else.
 *
 *   op:         "Conv", or "naru.FusedConv" of our own domain
 *   attributes: "axis=1;alpha=0.5f;mode=tanh;pads=1,1,1,1" (a number with a dot or f is a FLOAT, a list ends in ',' or
 * has one; "p=floats:1,2" is a FLOATS) inputs:     "f32:2x3 i64:=1,-1 f32!:3x4 -"  type:dims random, type:=list content
 * (rank 1), ! constant, - omitted
 */
#include "kcheck.h"
#include "tactics/tactic.h"
#include "tensor/dtype.h"

typedef struct test_case {
    const char *op, *attrs, *inputs;
    float eps, atol; /* FP32: tolerance in eps and absolute; 0 0: exact */
} test_case;

static const test_case cases[] = {
#include "cases.def"
};

typedef struct bench_node {
    graph *g;
    arena *arena;
    node *n;
    naru_value *in[16];
    bool constant[16];
    fact in_fact[16];
    naru_value *want[8];
    void *weights[256];
    int nweights;
} bench_node;

static naru_dtype type_named(const char *s, size_t n) {
    char name[16];
    snprintf(name, sizeof name, "%.*s", (int)n, s);
    naru_dtype d = naru_dtype_parse(name);
    if (d == NARU_UNDEFINED) fail_msg("type %s", name);
    return d;
}

static bool coarse; /* FP32 operands are multiples of 1/4 below 2: so they and their products are exact in 16 bits */

static void fill_random(naru_tensor *t) {
    int64_t n = tensor_count(t);
    for (int64_t i = 0; i < n; i++) {
        if (t->dtype == NARU_BOOL) dtype_set_i64(t->dtype, t->data, i, kc_int(0, 1));
        else if (coarse && t->dtype == NARU_FLOAT) dtype_set_f64(t->dtype, t->data, i, 0.25 * (double)kc_int(-7, 7));
        else if (dtype_is_float(t->dtype)) dtype_set_f64(t->dtype, t->data, i, (double)kc_float(-2, 2));
        else dtype_set_i64(t->dtype, t->data, i, dtype_is_signed(t->dtype) ? kc_int(-9, 9) : kc_int(0, 20));
    }
}

/* One input word. */
static naru_tensor *make_input(const char *word, bool *constant) {
    const char *colon = strchr(word, ':');
    assert_non_null(colon);
    *constant = colon[-1] == '!';
    naru_dtype dtype = type_named(word, (size_t)(colon - word) - *constant);
    int64_t dims[NARU_MAX_RANK], list[64];
    int rank = 0, n = 0;
    bool given = colon[1] == '=';
    for (const char *p = colon + 1 + given; *p && *p != ' ';) {
        char *end;
        int64_t v = strtoll(p, &end, 10);
        if (given) list[n++] = v;
        else dims[rank++] = v;
        p = *end && *end != ' ' ? end + 1 : end;
    }
    if (given) rank = 1, dims[0] = n;
    naru_tensor *t;
    assert_int_equal(tensor_new(dtype, rank, dims, &t, NULL), NARU_OK);
    fill_random(t);
    for (int i = 0; i < n; i++) dtype_set_i64(dtype, t->data, i, list[i]);
    return t;
}

static attr parse_attr(arena *a, const char *text, size_t n) {
    char buf[256];
    snprintf(buf, sizeof buf, "%.*s", (int)n, text);
    char *eq = strchr(buf, '='), *v = eq + 1;
    *eq = 0;
    attr r = {.name = arena_strdup(a, buf)};
    if (!strncmp(v, "floats:", 7)) {
        float *list = arena_alloc(a, 8 * sizeof *list);
        r.kind = ATTR_FLOATS, r.floats = list;
        for (char *p = v + 7; *p;) {
            list[r.count++] = strtof(p, &p);
            if (*p) p++;
        }
        return r;
    }
    bool number = (*v >= '0' && *v <= '9') || (*v == '-' && v[1] >= '0' && v[1] <= '9');
    if (number && strchr(v, ',')) {
        int64_t *list = arena_alloc(a, 64 * sizeof *list);
        r.kind = ATTR_INTS, r.ints = list;
        for (char *p = v; *p;) {
            list[r.count++] = strtoll(p, &p, 10);
            if (*p) p++;
        }
    } else if (number && strpbrk(v, ".f")) {
        r.kind = ATTR_FLOAT, r.f = strtof(v, NULL);
    } else if (number) {
        r.kind = ATTR_INT, r.i = strtoll(v, NULL, 10);
    } else {
        r.kind = ATTR_STRING, r.s = (bytes){arena_strdup(a, v), strlen(v)};
    }
    return r;
}

/* Attributes in the order of the op's table, as lifting leaves them. */
static void set_attrs(bench_node *b, const op_desc *op, const char *text) {
    for (int k = 0; k < b->n->nattrs; k++) {
        const attr_def *d = &op->attrs[k];
        attr *a = &b->n->attrs[k];
        *a = (attr){.name = d->name};
        if (d->kind == ATTR_INT) a->i = d->i;
        if (d->kind == ATTR_FLOAT) a->f = d->f;
        if (d->kind == ATTR_STRING && d->s) a->s = (bytes){d->s, strlen(d->s)};
        if (!d->required && !d->optional &&
            (d->kind == ATTR_INT || d->kind == ATTR_FLOAT || (d->kind == ATTR_STRING && d->s)))
            a->kind = d->kind;
    }
    while (*text) {
        size_t n = strcspn(text, ";");
        attr got = parse_attr(b->g->arena, text, n);
        int k = 0;
        while (k < b->n->nattrs && strcmp(b->n->attrs[k].name, got.name)) k++;
        if (k == b->n->nattrs) fail_msg("%s has no attribute %s", op->name, got.name);
        got.name = b->n->attrs[k].name;
        b->n->attrs[k] = got;
        text += n + (text[n] == ';');
    }
}

static int count_words(const char *s) {
    int n = *s != 0;
    for (; *s; s++) n += *s == ' ';
    return n;
}

/* "naru.FusedConv" is FusedConv of domain naru. */
static const char *op_part(const char *op) { return strncmp(op, "naru.", 5) ? op : op + 5; }
static const char *domain_part(const char *op) { return strncmp(op, "naru.", 5) ? "" : "naru"; }

static int outputs_of(const char *op) {
    if (!strcmp(op, "LSTM") || !strcmp(op, "DynamicQuantizeLinear")) return 3;
    if (!strcmp(op, "GRU") || !strcmp(op, "RNN") || !strcmp(op, "Split")) return 2;
    if (!strcmp(op, "LayerNormalization")) return 3;
    return 1;
}

static void make_node(bench_node *b, const test_case *t, const op_desc *op) {
    int nin = count_words(t->inputs), nout = outputs_of(t->op), nattrs = 0;
    while (op->attrs && op->attrs[nattrs].name) nattrs++;
    b->g = graph_new();
    b->g->main = graph_block_new(b->g, NULL);
    b->arena = arena_new();
    b->n = graph_node_new(b->g, b->g->main, NULL, op_part(t->op), domain_part(t->op), nin, nout, nattrs);
    b->n->op = op;
    set_attrs(b, op, t->attrs);
    const char *word = t->inputs;
    for (int i = 0; i < nin; i++, word = strchr(word, ' ') ? strchr(word, ' ') + 1 : word) {
        if (*word == '-') continue;
        naru_tensor *x = make_input(word, &b->constant[i]);
        value_new_tensor(x, &b->in[i], NULL);
        b->n->in[i] = graph_value_new(b->g, b->g->main, NULL);
        b->in_fact[i].type = (type){.kind = TYPE_TENSOR, .dtype = x->dtype, .has_rank = true, .rank = x->rank};
        for (int d = 0; d < x->rank; d++) b->in_fact[i].type.dims[d] = x->dims[d];
        if (b->constant[i]) b->in_fact[i].constant = x;
        b->n->in[i]->fact = b->in_fact[i];
        tensor_unref(x);
    }
    for (int i = 0; i < nout; i++) node_set_out(b->n, i, graph_value_new(b->g, b->g->main, NULL));
}

static bench_node *current; /* the node whose weights are being prepared */
static void *weights(prepare_ctx *c, size_t n) {
    void *p = mem_alloc(n);
    assert_true(current->nweights < 256);
    return current->weights[current->nweights++] = p;
}

static void compare(const test_case *t, const tactic *tac, cpu_level cpu, const naru_tensor *got,
                    const naru_tensor *want) {
    char what[200];
    snprintf(what, sizeof what, "%s {%s} (%s) by %s at %s", t->op, t->attrs, t->inputs, tac->name, cpu_level_name(cpu));
    if (got->dtype == NARU_FLOAT) {
        kc_close(what, got->data, want->data, tensor_count(want), t->eps, t->atol);
        return;
    }
    for (int64_t i = 0; i < tensor_count(want); i++) {
        double a = dtype_get_f64(got->dtype, got->data, i), w = dtype_get_f64(want->dtype, want->data, i);
        double tol = dtype_is_float(got->dtype) && got->dtype != NARU_DOUBLE ? 0.005 * fabs(w) + 1e-6 : 0;
        if (!(fabs(a - w) <= tol) && !(isnan(a) && isnan(w)))
            fail_msg("%s: element %lld is %g, should be %g", what, (long long)i, a, w);
    }
}

enum { GAP = 3 }; /* elements after each row */

/* A copy with gaps, full of 0x5A (as a float: 1.5e16). */
static naru_tensor *with_gaps(const naru_tensor *t) {
    int64_t dims[NARU_MAX_RANK], row = t->dims[t->rank - 1], rows = row ? tensor_count(t) / row : 0;
    size_t size = (size_t)naru_dtype_bits(t->dtype) / 8;
    naru_tensor *g;
    memcpy(dims, t->dims, sizeof dims);
    dims[t->rank - 1] = row + GAP;
    assert_int_equal(tensor_new(t->dtype, t->rank, dims, &g, NULL), NARU_OK);
    memset(g->data, 0x5A, tensor_bytes(g));
    for (int64_t i = 0; i < rows; i++)
        memcpy((char *)g->data + (size_t)(i * (row + GAP)) * size, (const char *)t->data + (size_t)(i * row) * size,
               (size_t)row * size);
    g->dims[t->rank - 1] = row;
    return g;
}

static void close_gaps(const char *what, naru_tensor *g) {
    int64_t row = g->dims[g->rank - 1], rows = row ? tensor_count(g) / row : 0;
    size_t size = (size_t)naru_dtype_bits(g->dtype) / 8;
    for (int64_t i = 0; i < rows; i++) {
        char *from = (char *)g->data + (size_t)(i * (row + GAP)) * size;
        for (size_t k = 0; k < GAP * size; k++)
            if (from[(size_t)row * size + k] != 0x5A) fail_msg("%s: wrote between the rows", what);
        memmove((char *)g->data + (size_t)(i * row) * size, from, (size_t)row * size);
    }
    tensor_set_contiguous(g);
}

static bool has_gaps(const tactic *tac, const step *s, int i, const naru_tensor *t) {
    return t && t->rank > 1 && tac->pitched && tac->pitched(s, i);
}

static void run_tactic(bench_node *b, const test_case *t, const tactic *tac, const tactic_query *q, pool *threads,
                       bool gaps) {
    step s = {.node = b->n, .tactic = tac, .cpu = q->cpu, .nin = b->n->nin, .nout = b->n->nout};
    prepare_ctx pc = {.q = *q, .arena = b->arena, .weights = weights};
    naru_error err = {0};
    pc.err = &err;
    current = b;
    if (tac->prepare && tac->prepare(&pc, &s) != NARU_OK) fail_msg("%s: prepare: %s", t->op, err.message);
    const naru_tensor *in[16] = {0};
    naru_tensor *out[8] = {0}, *gapped[16] = {0};
    for (int i = 0; i < s.nin; i++) {
        in[i] = b->in[i] ? b->in[i]->tensor : NULL;
        if (gaps && has_gaps(tac, &s, i, in[i])) in[i] = gapped[i] = with_gaps(in[i]);
    }
    for (int i = 0; i < s.nout; i++) {
        const naru_tensor *w = b->want[i]->tensor;
        if (gaps && i == 0 && has_gaps(tac, &s, -1, w)) {
            out[i] = with_gaps(w);
            continue;
        }
        assert_int_equal(tensor_new(w->dtype, w->rank, w->dims, &out[i], NULL), NARU_OK);
        memset(out[i]->data, 0x5A, tensor_bytes(out[i]));
    }
    size_t ws = tac->workspace ? tac->workspace(&s, in, (const naru_tensor *const *)out, pool_threads(threads)) : 0;
    unsigned char *work = mem_alloc(ws + 64);
    memset(work, 0xA5, ws + 64);
    run_ctx r = {
        .step = &s, .in = in, .out = out, .workspace = work, .workspace_size = ws, .pool = threads, .err = &err};
    if (tac->run(&r) != NARU_OK) fail_msg("%s: run: %s", t->op, err.message);
    for (size_t i = 0; i < 64; i++)
        if (work[ws + i] != 0xA5) fail_msg("%s {%s} (%s): wrote past its workspace", t->op, t->attrs, t->inputs);
    for (int i = 0; i < s.nout; i++) {
        if (gaps && i == 0 && has_gaps(tac, &s, -1, out[i])) close_gaps(tac->name, out[i]);
        compare(t, tac, q->cpu, out[i], b->want[i]->tensor);
        tensor_unref(out[i]);
    }
    for (int i = 0; i < s.nin; i++) tensor_unref(gapped[i]);
    mem_free(work);
}

static int try_tactics(bench_node *b, const test_case *t, cpu_level cpu, pool *threads) {
    const fact *in[16] = {0};
    fact out[8] = {0};
    int ran = 0;
    for (int i = 0; i < b->n->nin; i++) in[i] = b->in[i] ? &b->in_fact[i] : NULL;
    for (int i = 0; i < b->n->nout; i++) {
        const naru_tensor *w = b->want[i]->tensor;
        out[i].type = (type){.kind = TYPE_TENSOR, .dtype = w->dtype, .has_rank = true, .rank = w->rank};
        for (int d = 0; d < w->rank; d++) out[i].type.dims[d] = w->dims[d];
        b->n->out[i]->fact = out[i];
    }
    tactic_query q = {b->n, cpu, pool_threads(threads), b->n->nin, b->n->nout, in, out, NULL, ~0u, NULL};
    for (size_t i = 0; i < tactic_count(); i++) {
        const tactic *tac = tactic_at(i);
        if ((tac->precision != TACTIC_F32) != coarse || strcmp(tac->op, op_part(t->op)) ||
            strcmp(tac->domain ? tac->domain : "", domain_part(t->op)) || tactic_refuses(tac, &q))
            continue;
        run_tactic(b, t, tac, &q, threads, false);
        if (tac->pitched) run_tactic(b, t, tac, &q, threads, true);
        ran++;
    }
    return ran;
}

/* The tactics of FP32, or those of lower precisions: how many ran. */
static int run_case(const test_case *t, pool *threads) {
    const op_desc *op = op_find(domain_part(t->op), op_part(t->op));
    if (!op) {
        printf("no such operator yet: %s\n", t->op);
        return 0;
    }
    bench_node b = {0};
    naru_error err = {0};
    make_node(&b, t, op);
    if (node_evaluate(b.n, b.in, b.want, 1, &err) != NARU_OK)
        fail_msg("%s {%s} (%s): %s", t->op, t->attrs, t->inputs, err.message);
    int all = 0;
    for (int cpu = 0; cpu <= (int)cpu_best(); cpu++) {
        int ran = try_tactics(&b, t, (cpu_level)cpu, NULL);
        if (!ran && !coarse) fail_msg("no tactic takes %s {%s} (%s)", t->op, t->attrs, t->inputs);
        all += ran + try_tactics(&b, t, (cpu_level)cpu, threads);
    }
    for (int i = 0; i < b.n->nout; i++) value_unref(b.want[i]);
    for (int i = 0; i < b.n->nin; i++) value_unref(b.in[i]);
    for (int i = 0; i < b.nweights; i++) mem_free(b.weights[i]);
    arena_free(b.arena);
    graph_free(b.g);
    return all;
}

static bool has_products(const char *op) {
    static const char *const ops[] = {"MatMul", "Gemm", "Conv", "naru.FusedMatMul", "naru.FusedConv"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (!strcmp(op, ops[i])) return true;
    return false;
}

static void test_cases(void **state) {
    pool *threads;
    assert_int_equal(pool_create(2, 0, &threads, NULL), NARU_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(&cases[i], threads);
    int lower = 0;
    coarse = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (has_products(cases[i].op)) lower += run_case(&cases[i], threads);
    coarse = false;
    assert_true(lower >= 2 * 2 * 20); /* 20 cases of constant weights, BF16 and FP16, twice each level */
    pool_destroy(threads);
    assert_int_equal(mem_live_count(), 0);
}

int main(void) {
    kc_seed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
