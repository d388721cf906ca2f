/* SPDX-License-Identifier: MIT
 *
 * TfIdfVectorizer: how often the n-grams of a pool occur in each row of x. [ONNX TfIdfVectorizer-9]
 *
 * x [C] or [N, C] (a scalar counts as [1]) -> y [M] or [N, M] float, M = max(ngram_indexes) + 1. The pool, pool_int64s
 * or pool_strings as x has integers or strings, lists all 1-grams, then all 2-grams, ...; those of n items begin at
 * ngram_counts[n - 1]. N-gram i of the pool counts in column ngram_indexes[i]. An occurrence is n items of the row at
 * equal distances 1 to max_skip_count + 1, n from min_gram_length to max_gram_length; 1-grams are counted once. mode
 * TF: the counts; IDF: the weight (of the n-gram; 1 without `weights`) where the count is not 0; TFIDF: weight times
 * count. Versions: 9. Edge cases: an empty row gives zeros; of two equal n-grams in the pool the last one counts.
 */
#include "ops/util_choice.h"
#include "tensor/dtype.h"

enum { MAX_GRAM, MAX_SKIP, MIN_GRAM, MODE, COUNTS, INDEXES, POOL_INTS, POOL_STRINGS, WEIGHTS };
static const attr_def attrs[] = {ATTR_REQ("max_gram_length", ATTR_INT), ATTR_REQ("max_skip_count", ATTR_INT),
                                 ATTR_REQ("min_gram_length", ATTR_INT), ATTR_REQ("mode", ATTR_STRING),
                                 ATTR_REQ("ngram_counts", ATTR_INTS),   ATTR_REQ("ngram_indexes", ATTR_INTS),
                                 ATTR_OPT("pool_int64s", ATTR_INTS),    ATTR_OPT("pool_strings", ATTR_STRINGS),
                                 ATTR_OPT("weights", ATTR_FLOATS),      {0}};
static const char *const modes[] = {"TF", "IDF", "TFIDF", NULL};

static int64_t attr_count(const node *n, int k) { return node_has(n, k) ? (int64_t)n->attrs[k].count : 0; }
static bool by_strings(const node *n) { return attr_count(n, POOL_STRINGS) > 0; }
static int64_t pool_size(const node *n) { return attr_count(n, by_strings(n) ? POOL_STRINGS : POOL_INTS); }

/* Pool items [*from, *to) are the n-grams of n items. */
static void gram_range(const node *nd, int64_t n, int64_t *from, int64_t *to) {
    int64_t sizes;
    const int64_t *start = node_ints(nd, COUNTS, &sizes);
    *from = n <= sizes ? start[n - 1] : pool_size(nd);
    *to = n < sizes ? start[n] : pool_size(nd);
}

static naru_status check_pool(infer_ctx *c) {
    const node *n = c->node;
    int64_t sizes = attr_count(n, COUNTS), grams = 0;
    if (attr_count(n, POOL_INTS) && attr_count(n, POOL_STRINGS))
        return op_fail(c, NARU_BAD_MODEL, "has both pool_int64s and pool_strings");
    for (int64_t k = 1; k <= sizes; k++) {
        int64_t from, to;
        gram_range(n, k, &from, &to);
        if (from < 0 || to < from || to > pool_size(n) || (to - from) % k)
            return op_fail(c, NARU_BAD_MODEL, "ngram_counts does not divide the pool into n-grams of %lld",
                           (long long)k);
        grams += (to - from) / k;
    }
    if (sizes && n->attrs[COUNTS].ints[0] != 0) return op_fail(c, NARU_BAD_MODEL, "ngram_counts does not begin with 0");
    if (attr_count(n, INDEXES) != grams)
        return op_fail(c, NARU_BAD_MODEL, "ngram_indexes has %lld entries for %lld n-grams",
                       (long long)attr_count(n, INDEXES), (long long)grams);
    if (attr_count(n, WEIGHTS) && attr_count(n, WEIGHTS) != grams)
        return op_fail(c, NARU_BAD_MODEL, "weights has %lld entries for %lld n-grams",
                       (long long)attr_count(n, WEIGHTS), (long long)grams);
    return NARU_OK;
}

static naru_status check_lengths(infer_ctx *c) {
    int64_t least = node_i(c->node, MIN_GRAM), most = node_i(c->node, MAX_GRAM);
    int mode;
    if (least < 1 || most < least)
        return op_fail(c, NARU_BAD_MODEL, "n-grams of %lld to %lld items", (long long)least, (long long)most);
    if (node_i(c->node, MAX_SKIP) < 0) return op_fail(c, NARU_BAD_MODEL, "max_skip_count is negative");
    if (in_dtype(c, 0) && pool_size(c->node) && (in_dtype(c, 0) == NARU_STRING) != by_strings(c->node))
        return op_fail(c, NARU_TYPE, "the pool and the input are not of one type");
    return util_choice(c, MODE, modes, &mode);
}

static naru_status infer(infer_ctx *c) {
    TRY(check_pool(c));
    TRY(check_lengths(c));
    int64_t n, columns = 0;
    const int64_t *index = node_ints(c->node, INDEXES, &n);
    for (int64_t i = 0; i < n; i++) {
        if (index[i] < 0 || index[i] == INT64_MAX)
            return op_fail(c, NARU_BAD_MODEL, "ngram_indexes holds %lld", (long long)index[i]);
        columns = i64_max(columns, index[i] + 1);
    }
    int rank = in_rank(c, 0);
    if (rank > 2) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 1 or 2", rank);
    dim_t dims[2] = {columns, columns};
    if (rank == 2) dims[0] = in_dim(c, 0, 0);
    out_tensor(c, 0, NARU_FLOAT, rank < 0 ? -1 : rank == 2 ? 2 : 1, dims);
    return NARU_OK;
}

/* ---- the pool as a hash table of n-grams ---- */
typedef struct item { /* s NULL: the integer */
    const char *s;
    size_t len;
    int64_t i;
} item;

typedef struct gram {
    const item *first; /* NULL: a free slot */
    int64_t n, column;
} gram;

typedef struct table {
    gram *slots;
    uint64_t mask;
} table;

static uint64_t hash_items(const item *x, int64_t n, int64_t step) {
    uint64_t h = 1469598103934665603u;
    for (int64_t i = 0; i < n; i++) {
        const item *t = &x[i * step];
        for (size_t k = 0; t->s && k < t->len; k++) h = (h ^ (uint8_t)t->s[k]) * 1099511628211u;
        h = (h ^ (t->s ? t->len : (uint64_t)t->i)) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

static bool same_item(const item *a, const item *b) {
    if (!a->s) return a->i == b->i;
    return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

/* The slot of the n items x[0], x[step], ...: theirs, or the free one where they belong. */
static gram *find(const table *t, const item *x, int64_t n, int64_t step) {
    for (uint64_t at = hash_items(x, n, step);; at++) {
        gram *g = &t->slots[at & t->mask];
        if (!g->first) return g;
        bool same = g->n == n;
        for (int64_t i = 0; same && i < n; i++) same = same_item(&g->first[i], &x[i * step]);
        if (same) return g;
    }
}

static item *pool_items(eval_ctx *c) {
    const node *n = c->node;
    int64_t count = pool_size(n);
    item *p = eval_scratch(c, ((size_t)count + 1) * sizeof *p);
    for (int64_t i = 0; p && i < count; i++) {
        if (by_strings(n))
            p[i] = (item){n->attrs[POOL_STRINGS].strings[i].data, n->attrs[POOL_STRINGS].strings[i].len, 0};
        else p[i] = (item){NULL, 0, n->attrs[POOL_INTS].ints[i]};
    }
    return p;
}

static item *input_items(eval_ctx *c, const naru_tensor *x) {
    int64_t count = tensor_count(x);
    item *p = eval_scratch(c, ((size_t)count + 1) * sizeof *p);
    for (int64_t i = 0; p && i < count; i++) {
        p[i] = (item){0};
        if (x->dtype == NARU_STRING) p[i].s = naru_tensor_string(x, i, &p[i].len);
        else p[i].i = dtype_get_i64(x->dtype, x->data, i);
    }
    return p;
}

static naru_status build(eval_ctx *c, table *t) {
    int64_t count, id = 0, sizes = attr_count(c->node, COUNTS);
    const int64_t *index = node_ints(c->node, INDEXES, &count);
    uint64_t slots = 4;
    while (slots < 2 * (uint64_t)count) slots *= 2;
    t->slots = eval_scratch(c, slots * sizeof(gram));
    t->mask = slots - 1;
    const item *pool = pool_items(c);
    if (!t->slots || !pool) return NARU_OUT_OF_MEMORY;
    memset(t->slots, 0, slots * sizeof(gram));
    for (int64_t n = 1; n <= sizes; n++) {
        int64_t from, to;
        gram_range(c->node, n, &from, &to);
        for (int64_t i = from; i < to; i += n, id++)
            if (n >= node_i(c->node, MIN_GRAM) && n <= node_i(c->node, MAX_GRAM))
                *find(t, &pool[i], n, 1) = (gram){&pool[i], n, index[id]};
    }
    return NARU_OK;
}

static void count_row(const node *nd, const table *t, const item *x, int64_t n, double *counts) {
    int64_t least = node_i(nd, MIN_GRAM), most = i64_min(i64_min(node_i(nd, MAX_GRAM), attr_count(nd, COUNTS)), n);
    for (int64_t step = 1; step <= i64_min(node_i(nd, MAX_SKIP), n) + 1; step++)
        for (int64_t size = step > 1 ? i64_max(least, 2) : least; size <= most; size++)
            for (int64_t i = 0; i + (size - 1) * step < n; i++) {
                const gram *g = find(t, &x[i], size, step);
                if (g->first) counts[g->column]++;
            }
}

/* Weight per column; NULL when every weight is 1. */
static naru_status column_weights(eval_ctx *c, int64_t columns, double **out) {
    *out = NULL;
    if (!attr_count(c->node, WEIGHTS)) return NARU_OK;
    double *w = eval_scratch(c, (size_t)columns * sizeof *w);
    if (!w) return NARU_OUT_OF_MEMORY;
    int64_t n;
    const int64_t *index = node_ints(c->node, INDEXES, &n);
    for (int64_t i = 0; i < columns; i++) w[i] = 1;
    for (int64_t i = 0; i < n; i++) w[index[i]] = (double)c->node->attrs[WEIGHTS].floats[i];
    *out = w;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t columns = y->dims[y->rank - 1], rows = y->rank == 2 ? y->dims[0] : 1,
            length = x->rank ? x->dims[x->rank - 1] : 1;
    table t;
    double *w, *counts = eval_scratch(c, ((size_t)columns + 1) * sizeof *counts);
    const item *items = input_items(c, x);
    if (!counts || !items) return NARU_OUT_OF_MEMORY;
    TRY(build(c, &t));
    TRY(column_weights(c, columns, &w));
    int mode = choice_of(node_s(c->node, MODE), modes);
    for (int64_t r = 0; r < rows; r++) {
        memset(counts, 0, (size_t)columns * sizeof *counts);
        count_row(c->node, &t, items + r * length, length, counts);
        for (int64_t i = 0; i < columns; i++) {
            double v = mode == 1 && counts[i] > 0 ? 1 : counts[i];
            ((float *)y->data)[r * columns + i] = (float)(mode > 0 && w ? v * w[i] : v);
        }
    }
    return NARU_OK;
}

const op_desc op_TfIdfVectorizer = {
    .name = "TfIdfVectorizer",
    .versions = (const short[]){9, 0},
    .sig = "X:T -> Y:float32 | T = string int32 int64",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
