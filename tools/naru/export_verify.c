/* SPDX-License-Identifier: MIT
 *
 * naru export --verify: the written model beside the module it came from, on random inputs of several sizes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"

enum { SEEDS = 3, MAX_SIZES = 40 };

typedef struct checker {
    const export_args *a;
    naru_session *s;
    naru_module *m;
    export_verdict *v;
} checker;

/* One choice of sizes: what is added to, or put in the place of, the sizes of dynamic axes. */
typedef struct sizing {
    int64_t plus, times, fixed; /* fixed > 0: that size */
    const char *only;           /* for this symbol only; NULL: all */
} sizing;

static const char *symbol_of(const export_args *a, const char *input, int axis) {
    for (size_t k = 0; k < a->naxes; k++)
        if (a->axes[k].axis == axis && strcmp(a->axes[k].of, input) == 0) return a->axes[k].symbol;
    return NULL;
}

/* False where it makes a tensor too large to try. */
static bool apply(const export_args *a, const sizing *z, shape *out) {
    for (size_t i = 0; i < a->inputs.count; i++) {
        int64_t count = 1;
        out[i] = a->inputs.items[i];
        for (int d = 0; d < out[i].rank; d++) {
            const char *symbol = symbol_of(a, out[i].name, d);
            if (symbol && (!z->only || strcmp(symbol, z->only) == 0))
                out[i].dims[d] = z->fixed ? z->fixed : out[i].dims[d] * z->times + z->plus;
            if (__builtin_mul_overflow(count, out[i].dims[d], &count) || count > VERIFY_ELEMENTS) return false;
        }
    }
    return true;
}

/* ---- one run ---- */
static naru_status run_model(checker *k, const pieces *in, named_values *out, naru_error *err) {
    named_values values = {0};
    ports known = session_inputs(k->s);
    naru_status st = NARU_OK;
    for (size_t i = 0; st == NARU_OK && i < in->count; i++) {
        naru_tensor *t = naru_ivalue_to_tensor(in->items[i].value);
        naru_value *v = NULL;
        if (find_port(&known, in->items[i].name)) st = naru_value_from_tensor(t, &v, err);
        naru_tensor_destroy(&t);
        if (v) values_add(&values, in->items[i].name, v);
    }
    if (st == NARU_OK) st = run_session(k->s, &values, NULL, 0, out, err);
    values_free(&values);
    free(known.items);
    return st;
}

/* ---- results as outputs ---- */
/* 1-D: a list of numbers or strings whose length the graph does not know; rank 0 where list is false. */
static naru_value *plain_value(naru_ivalue *const *items, size_t count, bool list) {
    naru_ikind kind = count ? naru_ivalue_kind(items[0]) : NARU_I_INT;
    naru_dtype d = kind == NARU_I_STRING   ? NARU_STRING
                   : kind == NARU_I_DOUBLE ? NARU_DOUBLE
                   : kind == NARU_I_BOOL   ? NARU_BOOL
                                           : NARU_INT64;
    naru_tensor *t = NULL;
    naru_value *out = NULL;
    if (naru_tensor_create(d, list, (int64_t[]){(int64_t)count}, &t, NULL) != NARU_OK) return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        const char *text = naru_ivalue_to_string(items[i], &n);
        if (d == NARU_STRING) naru_tensor_set_string(t, (int64_t)i, text ? text : "", n, NULL);
        else if (d == NARU_DOUBLE) ((double *)naru_tensor_data(t))[i] = naru_ivalue_to_double(items[i]);
        else if (d == NARU_BOOL) ((bool *)naru_tensor_data(t))[i] = naru_ivalue_to_bool(items[i]);
        else ((int64_t *)naru_tensor_data(t))[i] = naru_ivalue_to_int(items[i]);
    }
    naru_value_from_tensor(t, &out, NULL);
    naru_tensor_destroy(&t);
    return out;
}

static naru_value *tensor_value(const naru_ivalue *v) {
    naru_tensor *t = naru_ivalue_to_tensor(v);
    naru_value *out = NULL;
    if (t) naru_value_from_tensor(t, &out, NULL);
    naru_tensor_destroy(&t);
    return out;
}

typedef struct outputs {
    naru_value **items;
    size_t count;
} outputs;

static void add(outputs *o, naru_value *v) {
    if (!v) return;
    o->items = regrow(o->items, (o->count + 1) * sizeof *o->items);
    o->items[o->count++] = v;
}

static void outputs_free(outputs *o) {
    for (size_t i = 0; i < o->count; i++) naru_value_destroy(&o->items[i]);
    free(o->items);
    *o = (outputs){0};
}

static void add_all(const naru_ivalue *v, bool pack, outputs *o);

/* A list whose length the graph does not know: one tensor, or one sequence. */
static void add_packed(naru_ivalue **items, size_t count, outputs *o) {
    if (!count || naru_ivalue_kind(items[0]) != NARU_I_TENSOR) {
        add(o, plain_value(items, count, true));
        return;
    }
    outputs each = {0};
    naru_value *sequence = NULL;
    for (size_t i = 0; i < count; i++) add(&each, tensor_value(items[i]));
    naru_value_from_list(each.items, each.count, &sequence, NULL);
    add(o, sequence);
    outputs_free(&each);
}

static void add_items(const naru_ivalue *v, bool pack, outputs *o) {
    size_t n = naru_ivalue_count(v);
    naru_ivalue **items = take((n + 1) * sizeof *items);
    for (size_t i = 0; i < n; i++) items[i] = naru_ivalue_item(v, i);
    if (pack && naru_ivalue_kind(v) == NARU_I_LIST) add_packed(items, n, o);
    else
        for (size_t i = 0; i < n; i++) add_all(items[i], pack, o);
    for (size_t i = 0; i < n; i++) naru_ivalue_destroy(&items[i]);
    free(items);
}

static void add_all(const naru_ivalue *v, bool pack, outputs *o) {
    naru_ivalue *one = (naru_ivalue *)v;
    switch (naru_ivalue_kind(v)) {
    case NARU_I_TENSOR: add(o, tensor_value(v)); break;
    case NARU_I_BOOL:
    case NARU_I_INT:
    case NARU_I_DOUBLE:
    case NARU_I_STRING: add(o, plain_value(&one, 1, false)); break;
    case NARU_I_LIST:
    case NARU_I_TUPLE:
    case NARU_I_DICT: add_items(v, pack, o); break;
    default: break;
    }
}

/* Numbers may be narrower in the graph. */
static naru_status compare(checker *k, const naru_tensor *got, const naru_tensor *want, naru_comparison *c,
                           naru_error *err) {
    naru_tensor *same = NULL;
    naru_dtype d = naru_tensor_dtype(want);
    if (naru_tensor_rank(want) > 1 || naru_tensor_dtype(got) == d || d == NARU_STRING)
        return naru_tensor_compare(got, want, k->a->rtol, k->a->atol, c, err);
    naru_status st = naru_tensor_cast(got, d, &same, err);
    if (st == NARU_OK) st = naru_tensor_compare(same, want, k->a->rtol, k->a->atol, c, err);
    naru_tensor_destroy(&same);
    return st;
}

static bool value_agrees(checker *k, const naru_value *got, const naru_value *want, double *worst, char *why,
                         size_t size) {
    naru_error err = NARU_ERROR_INIT;
    naru_comparison c = {.size = sizeof c};
    if (naru_value_kind(got) != naru_value_kind(want) || naru_value_count(got) != naru_value_count(want)) {
        char a[100], b[100];
        snprintf(why, size, "got %s, want %s", value_type_text(got, a, sizeof a), value_type_text(want, b, sizeof b));
        return false;
    }
    if (!naru_value_tensor(want)) {
        for (size_t i = 0; i < naru_value_count(want); i++)
            if (!value_agrees(k, naru_value_item(got, i), naru_value_item(want, i), worst, why, size)) return false;
        return true;
    }
    naru_status st = compare(k, naru_value_tensor(got), naru_value_tensor(want), &c, &err);
    if (c.worst_abs > *worst) *worst = c.worst_abs;
    if (st == NARU_OK && c.equal) return true;
    snprintf(why, size, "%.400s", st == NARU_OK ? c.message : err.message);
    return false;
}

static bool outputs_agree(checker *k, const named_values *got, const naru_ivalue *result, double *worst, char *why,
                          size_t size) {
    outputs want = {0};
    bool ok = true;
    char inner[420];
    add_all(result, false, &want);
    if (want.count != got->count) {
        outputs_free(&want);
        add_all(result, true, &want);
    }
    if (want.count != got->count) {
        snprintf(why, size, "the model has %zu outputs, the module gives %zu", got->count, want.count);
        ok = false;
    }
    for (size_t i = 0; ok && i < want.count; i++) {
        ok = value_agrees(k, got->values[i], want.items[i], worst, inner, sizeof inner);
        if (!ok) snprintf(why, size, "%.70s: %.420s", got->names[i], inner);
    }
    outputs_free(&want);
    return ok;
}

static void label(const checker *k, const shape *s, char *text, size_t size) {
    char dims[200];
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < k->a->inputs.count && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s%s", i ? " " : "", s[i].name,
                               dims_text(s[i].rank, s[i].dims, dims, sizeof dims));
}

typedef enum { AGREES, DIFFERS, REFUSED } outcome;

static void tell(checker *k, const char *sizes, int64_t seed, outcome o, double worst, const char *why) {
    static const char *const words[] = {"ok       ", "DIFFERENT", "refused  "};
    k->v->ok = k->v->ok && o != DIFFERS;
    k->v->compared += o != REFUSED;
    k->v->refused += o == REFUSED;
    if (worst > k->v->worst) k->v->worst = worst;
    if (k->v->runs)
        json_array_append_new(k->v->runs,
                              json_pack("{ss sI ss so ss}", "sizes", utf8(sizes), "seed", (json_int_t)seed, "outcome",
                                        o == AGREES    ? "agrees"
                                        : o == DIFFERS ? "differs"
                                                       : "refused",
                                        "worst_abs", json_number(worst), "message", utf8(why)));
    else if (o == AGREES) printf("%s  %s: worst difference %.3g\n", words[o], sizes, worst);
    else printf("%s  %s: %s\n", words[o], sizes, why);
}

/* False: the module itself refuses these sizes, so further seeds are of no use. */
static bool run_pair(checker *k, const pieces *in, const call_args *args, const char *sizes, int64_t seed) {
    naru_error err = NARU_ERROR_INIT, bad = NARU_ERROR_INIT;
    naru_ivalue *result = NULL;
    named_values got = {0};
    char why[500] = "";
    double worst = 0;
    naru_status st = run_model(k, in, &got, &bad); /* first: the method may change its arguments */
    naru_status ref = naru_module_call_named(k->m, k->a->method ? k->a->method : "forward", args->count, args->names,
                                             args->values, &result, &err);
    if (ref != NARU_OK) tell(k, sizes, seed, REFUSED, 0, err.message);
    else if (st != NARU_OK) tell(k, sizes, seed, DIFFERS, 0, bad.message);
    else {
        bool ok = outputs_agree(k, &got, result, &worst, why, sizeof why);
        tell(k, sizes, seed, ok ? AGREES : DIFFERS, worst, why);
    }
    values_free(&got);
    naru_ivalue_destroy(&result);
    return ref == NARU_OK;
}

static int try_sizes(checker *k, const shape *s, int seeds) {
    char sizes[600];
    int code = -1;
    bool go_on = true;
    label(k, s, sizes, sizeof sizes);
    for (int64_t seed = 0; code < 0 && go_on && seed < seeds; seed++) {
        pieces in = {0};
        call_args args = {0};
        for (size_t i = 0; code < 0 && i < k->a->inputs.count; i++)
            code = random_piece(&s[i], (uint64_t)seed * 1000003 + i, &in);
        if (code < 0)
            code = arrange_arguments("export", k->m, k->a->method ? k->a->method : "forward", &in, true, &args);
        if (code < 0) go_on = run_pair(k, &in, &args, sizes, seed);
        call_args_free(&args);
        pieces_free(&in);
    }
    return code;
}

/* ---- all sizes ---- */
static bool tried(const checker *k, shape *const *seen, size_t n, const shape *s) {
    for (size_t i = 0; i < n; i++) {
        bool same = true;
        for (size_t j = 0; same && j < k->a->inputs.count; j++)
            same = memcmp(seen[i][j].dims, s[j].dims, (size_t)s[j].rank * sizeof(int64_t)) == 0;
        if (same) return true;
    }
    return false;
}

/* As given, with every open axis one larger, twice as large, 1; then each symbol alone at 1 and one larger. */
static size_t choose(const export_args *a, sizing *out) {
    size_t n = 0;
    out[n++] = (sizing){.times = 1};
    out[n++] = (sizing){.times = 1, .plus = 1};
    out[n++] = (sizing){.times = 2};
    for (size_t i = 0; i < a->naxes && n + 3 < MAX_SIZES; i++) {
        out[n++] = (sizing){.times = 1, .fixed = 1, .only = a->axes[i].symbol};
        out[n++] = (sizing){.times = 1, .plus = 1, .only = a->axes[i].symbol};
    }
    out[n++] = (sizing){.times = 1, .fixed = 1};
    return n;
}

static int compare_all(checker *k) {
    sizing z[MAX_SIZES];
    shape *seen[MAX_SIZES];
    size_t n = choose(k->a, z), count = 0;
    int code = -1;
    for (size_t i = 0; code < 0 && i < n; i++) {
        shape *s = take((k->a->inputs.count + 1) * sizeof *s);
        bool fresh = apply(k->a, &z[i], s) && !tried(k, seen, count, s);
        if (fresh) code = try_sizes(k, s, i == 0 ? SEEDS : 1);
        if (fresh) seen[count++] = s;
        else free(s);
    }
    while (count) free(seen[--count]);
    if (code < 0 && k->v->compared == 0) k->v->ok = false;
    return code;
}

int verify_export(const export_args *a, export_verdict *out) {
    naru_error err = NARU_ERROR_INIT;
    checker k = {.a = a, .v = out};
    int code = load_session(a->output, a->options, &k.s);
    naru_options_set(a->options, "regions", "0", NULL); /* operator by operator: as far from the model as can be */
    if (code < 0) code = load_module(a->path, a->options, &k.m);
    if (code < 0 && !a->training && naru_module_train(k.m, false, &err) != NARU_OK) code = fail(&err);
    if (code < 0) code = compare_all(&k);
    naru_session_destroy(&k.s);
    naru_module_destroy(&k.m);
    return code;
}
