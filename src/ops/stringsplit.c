/* SPDX-License-Identifier: MIT
 *
 * StringSplit: the pieces of each string between delimiters, and how many there are. [ONNX StringSplit-20]
 *
 * X: strings [*] -> Y: strings [*, most], short rows filled up with empty strings; Z: int64 [*], the numbers of pieces.
 * A `delimiter` that is absent or empty stands for runs of white space (ASCII), those at both ends dropped; any other
 * one is taken literally and leaves empty pieces between neighbours. After `maxsplit` splits (absent or negative: no
 * limit) the rest is one piece. Versions: 20. Edge cases: an empty X gives most = 0; an empty string has no piece under
 * white space, one else.
 */
#include "ops/op.h"

enum { DELIMITER, MAXSPLIT };
static const attr_def attrs[] = {ATTR_OPT("delimiter", ATTR_STRING), ATTR_OPT("maxsplit", ATTR_INT), {0}};

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0);
    dim_t dims[NARU_MAX_RANK] = {0};
    if (rank >= NARU_MAX_RANK) return op_fail(c, NARU_LIMIT, "the result has rank %d", rank + 1);
    bool empty = false;
    for (int i = 0; i < rank; i++) empty |= (dims[i] = in_dim(c, 0, i)) == 0;
    out_tensor(c, 1, NARU_INT64, rank, dims);
    if (rank >= 0) dims[rank] = empty ? 0 : DIM_UNKNOWN;
    out_tensor(c, 0, NARU_STRING, rank < 0 ? -1 : rank + 1, dims);
    return NARU_OK;
}

typedef struct splitter {
    const char *s, *end; /* what is left; s NULL: nothing */
    const char *delimiter;
    size_t ndelimiter;
    int64_t left; /* splits that may still be made; < 0: any number */
} splitter;

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool at_delimiter(const splitter *t, const char *p) {
    if (!t->ndelimiter) return is_space(*p);
    return (size_t)(t->end - p) >= t->ndelimiter && memcmp(p, t->delimiter, t->ndelimiter) == 0;
}

static void skip_space(splitter *t) {
    while (t->s && t->s < t->end && is_space(*t->s)) t->s++;
    if (t->s == t->end) t->s = NULL;
}

static bool next_piece(splitter *t, const char **piece, size_t *n) {
    if (!t->ndelimiter) skip_space(t);
    if (!t->s) return false;
    const char *p = t->s;
    while (p < t->end && (t->left == 0 || !at_delimiter(t, p))) p++;
    *piece = t->s;
    *n = (size_t)(p - t->s);
    t->s = p < t->end ? p + t->ndelimiter : NULL;
    if (t->left > 0) t->left--;
    return true;
}

static splitter start(const eval_ctx *c, int64_t i) {
    size_t n;
    const char *s = naru_tensor_string(eval_in(c, 0), i, &n);
    const attr *d = &c->node->attrs[DELIMITER];
    bool has = node_has(c->node, DELIMITER);
    return (splitter){s, s + n, has ? d->s.data : "", has ? d->s.len : 0,
                      node_has(c->node, MAXSPLIT) ? node_i(c->node, MAXSPLIT) : -1};
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    if (x->rank >= NARU_MAX_RANK) return eval_fail(c, NARU_LIMIT, "the result has rank %d", x->rank + 1);
    int64_t n = tensor_count(x), most = 0, dims[NARU_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    naru_tensor *y, *z;
    const char *p;
    size_t len;
    TRY(eval_alloc(c, 1, NARU_INT64, x->rank, dims, &z));
    for (int64_t i = 0; i < n; i++) {
        splitter t = start(c, i);
        int64_t count = 0;
        while (next_piece(&t, &p, &len)) count++;
        most = i64_max(most, count);
        if (z) ((int64_t *)z->data)[i] = count;
    }
    dims[x->rank] = most;
    TRY(eval_alloc(c, 0, NARU_STRING, x->rank + 1, dims, &y));
    for (int64_t i = 0; y && i < n; i++) {
        splitter t = start(c, i);
        for (int64_t k = 0; k < most; k++) {
            bool more = next_piece(&t, &p, &len);
            TRY(naru_tensor_set_string(y, i * most + k, more ? p : "", more ? len : 0, c->err));
        }
    }
    return NARU_OK;
}

const op_desc op_StringSplit = {
    .name = "StringSplit",
    .versions = (const short[]){20, 0},
    .sig = "X:string -> Y:string, Z:int64",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
