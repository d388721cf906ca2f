/* SPDX-License-Identifier: MIT
 *
 * StringNormalizer: the elements of x that are not stop words, in their case or in lower or upper case. [ONNX
 * StringNormalizer-10]
 *
 * x: strings [C] or [1, C] -> y of the same rank. An element goes when it equals one of `stopwords`, whole;
 * is_case_sensitive 0 (the default) compares without case. case_change_action: NONE, LOWER, UPPER, applied to what
 * stays. Change of case is code point by code point and the same under every `locale`, which is ignored; sharp s stays.
 * Versions: 10. Edge cases: when nothing stays, y is one empty string.
 */
#include "ops/util_choice.h"
#include "ops/util_text.h"

enum { ACTION, CASE_SENSITIVE, LOCALE, STOPWORDS };
static const attr_def attrs[] = {ATTR_S("case_change_action", "NONE"),
                                 ATTR_I("is_case_sensitive", 0),
                                 ATTR_OPT("locale", ATTR_STRING),
                                 ATTR_OPT("stopwords", ATTR_STRINGS),
                                 {0}};
static const char *const actions[] = {"NONE", "LOWER", "UPPER", NULL};

static uint32_t same(uint32_t cp) { return cp; }
static uint32_t fold(uint32_t cp) { return text_fold(cp); }
static uint32_t (*const maps[])(uint32_t) = {same, text_lower, text_upper};

static naru_status infer(infer_ctx *c) {
    int action, rank = in_rank(c, 0);
    TRY(util_choice(c, ACTION, actions, &action));
    if (rank < 0) return out_tensor(c, 0, NARU_STRING, -1, NULL), NARU_OK;
    if (rank != 1 && rank != 2) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 1 or 2", rank);
    if (rank == 2) TRY(util_same_dim(c, in_dim(c, 0, 0), 1, "the first dimension"));
    dim_t dims[2] = {1, 1}, count = in_dim(c, 0, rank - 1);
    bool all = !node_has(c->node, STOPWORDS) && dim_is_const(count) && count > 0;
    dims[rank - 1] = all ? count : DIM_UNKNOWN;
    out_tensor(c, 0, NARU_STRING, rank, dims);
    return NARU_OK;
}

static bool same_text(const char *a, size_t na, const char *b, size_t nb, uint32_t (*map)(uint32_t)) {
    size_t i = 0, j = 0, la, lb;
    while (i < na && j < nb) {
        if (map(text_next(a + i, na - i, &la)) != map(text_next(b + j, nb - j, &lb))) return false;
        i += la, j += lb;
    }
    return i == na && j == nb;
}

static bool stays(const node *n, const naru_tensor *x, int64_t i) {
    uint32_t (*map)(uint32_t) = node_i(n, CASE_SENSITIVE) ? same : fold;
    size_t len;
    const char *s = naru_tensor_string(x, i, &len);
    for (size_t k = 0; node_has(n, STOPWORDS) && k < n->attrs[STOPWORDS].count; k++) {
        const bytes *w = &n->attrs[STOPWORDS].strings[k];
        if (same_text(s, len, w->data, w->len, map)) return false;
    }
    return true;
}

static naru_status put(eval_ctx *c, naru_tensor *y, int64_t at, const naru_tensor *x, int64_t i,
                       uint32_t (*map)(uint32_t)) {
    size_t len;
    const char *s = naru_tensor_string(x, i, &len);
    str text = {0};
    text_map(&text, s, len, map);
    naru_status st = text.failed ? err_oom(c->err) : naru_tensor_set_string(y, at, str_text(&text), text.len, c->err);
    str_free(&text);
    return st;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    if (x->rank != 1 && (x->rank != 2 || x->dims[0] != 1))
        return eval_fail(c, NARU_SHAPE, "input must be [C] or [1, C]");
    int64_t n = tensor_count(x), kept = 0, dims[2] = {1, 1};
    bool *keep = eval_scratch(c, (size_t)n + 1);
    if (!keep) return NARU_OUT_OF_MEMORY;
    for (int64_t i = 0; i < n; i++) kept += keep[i] = stays(c->node, x, i);
    dims[x->rank - 1] = i64_max(kept, 1);
    naru_tensor *y;
    TRY(eval_alloc(c, 0, NARU_STRING, x->rank, dims, &y));
    if (!y) return NARU_OK;
    if (!kept) return naru_tensor_set_string(y, 0, "", 0, c->err);
    int action = choice_of(choice_text(c->node, ACTION), actions);
    for (int64_t i = 0, at = 0; i < n; i++)
        if (keep[i]) TRY(put(c, y, at++, x, i, maps[action < 0 ? 0 : action]));
    return NARU_OK;
}

const op_desc op_StringNormalizer = {
    .name = "StringNormalizer",
    .versions = (const short[]){10, 0},
    .sig = "X:string -> Y:string",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
