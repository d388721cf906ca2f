/* SPDX-License-Identifier: MIT
 *
 * Attention: Y = softmax(softcap(scale Q K') + bias) V per head, grouped-query when K and V have fewer heads. [ONNX
 * Attention-25]
 *
 * Q [B, Hq, S, D], K [B, Hk, T, D], V [B, Hk, T, Dv]; or rank 3 with heads folded into the last dim ([B, S, Hq D],
 * ...), then q_num_heads and kv_num_heads say how many. past_key, past_value [B, Hk, P, .] go before K and V; with L =
 * P + T: Y like Q with Dv; present_key, present_value [B, Hk, L, .]; qk_matmul_output [B, Hq, S, L], which is the
 * scaled product (mode 0), after softcap (1), after the bias (2) or after softmax (3). Bias: the sum of attn_mask
 * (boolean: false = -infinity; broadcast to [B, Hq, S, L], a short last dim is padded with -infinity), is_causal (key j
 * <= i + offset), the windows (i + offset - left <= j <= i + offset + right; -1: open) and nonpad_kv_seqlen (j < it).
 * offset is P, or with nonpad_kv_seqlen it - S per batch, else 0. scale defaults to 1/sqrt(D); its root multiplies Q
 * and K each. softcap: c tanh(x / c) when c > 0. Types: Q, K one float type, V another; the mask any number or bool.
 * Versions: 23, 24 (nonpad_kv_seqlen), 25 (windows). Edge cases: a row whose bias is all -infinity gives zeros. Types
 * narrower than float are rounded after each stage.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "ops/util_linear.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { IS_CAUSAL, KV_NUM_HEADS, LEFT_WINDOW, Q_NUM_HEADS, QK_MODE, RIGHT_WINDOW, SCALE, SOFTCAP, SOFTMAX_PRECISION };
static const attr_def attrs[] = {
    ATTR_I("is_causal", 0),
    ATTR_OPT("kv_num_heads", ATTR_INT),
    ATTR_I("left_window_size", -1),
    ATTR_OPT("q_num_heads", ATTR_INT),
    ATTR_I("qk_matmul_output_mode", 0),
    ATTR_I("right_window_size", -1),
    ATTR_OPT("scale", ATTR_FLOAT),
    ATTR_F("softcap", 0),
    ATTR_OPT("softmax_precision", ATTR_INT),
    {0},
};
enum { Q, K, V, MASK, PAST_KEY, PAST_VALUE, NONPAD };

/* ---- inference ---- */
typedef struct heads { /* dims of an operand as [batch, heads, length, size] */
    dim_t batch, count, length, size;
} heads;

static naru_status read_heads(infer_ctx *c, int i, int which, heads *h) {
    *h = (heads){DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    int r = in_rank(c, i);
    int64_t n = node_has(c->node, which) ? node_i(c->node, which) : 0;
    if (node_has(c->node, which) && (n < 1 || n > INT32_MAX))
        return op_fail(c, NARU_BAD_MODEL, "attribute '%s' is %lld", attrs[which].name, (long long)n);
    if (r < 0) return NARU_OK;
    h->batch = in_dim(c, i, 0);
    if (r == 4) {
        *h = (heads){h->batch, in_dim(c, i, 1), in_dim(c, i, 2), in_dim(c, i, 3)};
        return n ? util_same_dim(c, h->count, n, "the number of heads") : NARU_OK;
    }
    if (r != 3) return op_fail(c, NARU_SHAPE, "input %d has rank %d, needs 3 or 4", i, r);
    if (!n) return op_fail(c, NARU_BAD_MODEL, "attribute '%s' is missing", attrs[which].name);
    dim_t wide = in_dim(c, i, 2);
    if (dim_is_const(wide) && wide % n)
        return op_fail(c, NARU_SHAPE, "%lld does not divide into %lld heads", (long long)wide, (long long)n);
    h->count = n;
    h->length = in_dim(c, i, 1);
    h->size = sym_div(c->syms, wide, n);
    return NARU_OK;
}

static naru_status check_past(infer_ctx *c, const heads *k, const heads *v, dim_t *past) {
    *past = 0;
    if (in_given(c, PAST_KEY) != in_given(c, PAST_VALUE))
        return op_fail(c, NARU_BAD_MODEL, "past_key and past_value go together");
    if (!in_given(c, PAST_KEY)) return NARU_OK;
    if (in_given(c, NONPAD)) return op_fail(c, NARU_BAD_MODEL, "nonpad_kv_seqlen and past_key exclude each other");
    *past = DIM_UNKNOWN;
    for (int i = PAST_KEY; i <= PAST_VALUE; i++) {
        const heads *h = i == PAST_KEY ? k : v;
        TRY(util_need_rank(c, i, 4, "the past"));
        if (in_rank(c, i) != 4) continue;
        TRY(util_same_dim(c, in_dim(c, i, 0), h->batch, "the past's batch"));
        TRY(util_same_dim(c, in_dim(c, i, 1), h->count, "the past's number of heads"));
        TRY(util_same_dim(c, in_dim(c, i, 3), h->size, "the past's head size"));
        TRY(util_same_dim(c, in_dim(c, i, 2), *past, "past_value's length"));
        *past = in_dim(c, i, 2);
    }
    return NARU_OK;
}

static naru_status check_mask(infer_ctx *c, const heads *q, dim_t total) {
    int r = in_rank(c, MASK);
    const dim_t want[4] = {q->batch, q->count, q->length, total};
    if (r > 4 || r == 0) return op_fail(c, NARU_SHAPE, "attn_mask has rank %d, needs 1 to 4", r);
    for (int d = 0; d < r; d++) {
        dim_t have = in_dim(c, MASK, d), w = want[4 - r + d];
        if (!dim_is_const(have) || !dim_is_const(w) || have == w) continue;
        if (d == r - 1 ? have < w : have == 1) continue; /* a short last dim is padded */
        return op_fail(c, NARU_SHAPE, "attn_mask has %lld along axis %d, needs %lld", (long long)have, d, (long long)w);
    }
    return NARU_OK;
}

static naru_status check_attrs(infer_ctx *c) {
    int64_t mode = node_i(c->node, QK_MODE);
    if (mode < 0 || mode > 3)
        return op_fail(c, NARU_BAD_MODEL, "attribute 'qk_matmul_output_mode' is %lld", (long long)mode);
    if (node_i(c->node, LEFT_WINDOW) < -1 || node_i(c->node, RIGHT_WINDOW) < -1)
        return op_fail(c, NARU_BAD_MODEL, "a window size is below -1");
    return NARU_OK;
}

static naru_status check_heads(infer_ctx *c, const heads *q, const heads *k, const heads *v) {
    if (in_rank(c, Q) >= 0) {
        TRY(util_need_rank(c, K, in_rank(c, Q), "K"));
        TRY(util_need_rank(c, V, in_rank(c, Q), "V"));
    }
    TRY(util_same_dim(c, k->batch, q->batch, "K's batch"));
    TRY(util_same_dim(c, v->batch, q->batch, "V's batch"));
    TRY(util_same_dim(c, k->size, q->size, "K's head size"));
    TRY(util_same_dim(c, v->count, k->count, "V's number of heads"));
    TRY(util_same_dim(c, v->length, k->length, "V's length"));
    if (dim_is_const(q->count) && dim_is_const(k->count) && (k->count == 0 || q->count % k->count))
        return op_fail(c, NARU_SHAPE, "%lld query heads do not group over %lld", (long long)q->count,
                       (long long)k->count);
    if (in_given(c, NONPAD)) {
        TRY(util_need_rank(c, NONPAD, 1, "nonpad_kv_seqlen"));
        if (in_rank(c, NONPAD) == 1) TRY(util_same_dim(c, in_dim(c, NONPAD, 0), q->batch, "nonpad_kv_seqlen's length"));
    }
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    heads q, k, v;
    dim_t past;
    TRY(check_attrs(c));
    TRY(read_heads(c, Q, Q_NUM_HEADS, &q));
    TRY(read_heads(c, K, KV_NUM_HEADS, &k));
    TRY(read_heads(c, V, KV_NUM_HEADS, &v));
    TRY(check_heads(c, &q, &k, &v));
    TRY(check_past(c, &k, &v, &past));
    dim_t total = sym_add(c->syms, past, k.length);
    if (in_given(c, MASK)) TRY(check_mask(c, &q, total));
    if (in_rank(c, Q) == 3)
        out_tensor(c, 0, in_dtype(c, Q), 3, (dim_t[]){q.batch, q.length, sym_mul(c->syms, q.count, v.size)});
    else out_tensor(c, 0, in_dtype(c, Q), in_rank(c, Q), (dim_t[]){q.batch, q.count, q.length, v.size});
    out_tensor(c, 1, in_dtype(c, K), 4, (dim_t[]){q.batch, k.count, total, k.size});
    out_tensor(c, 2, in_dtype(c, V), 4, (dim_t[]){q.batch, k.count, total, v.size});
    out_tensor(c, 3, in_dtype(c, Q), 4, (dim_t[]){q.batch, q.count, q.length, total});
    return NARU_OK;
}

/* ---- evaluation ---- */
typedef struct job {
    eval_ctx *c;
    int64_t batch, qheads, kheads, queries, past, fresh, total, size, vsize;
    naru_dtype dtype, precision; /* of Q, of the softmax */
    bool folded;                 /* rank 3 */
    double root, softcap;
    const double *q, *k, *v, *mask; /* k, v: with the past, [B, Hk, L, .] */
    int64_t mask_strides[4], mask_length;
    bool mask_is_bool;
} job;

/* x rounded to a type narrower than float. */
static double round_as(naru_dtype d, double x) {
    char cell[8];
    if (d != NARU_FLOAT16 && d != NARU_BFLOAT16) return x;
    dtype_set_f64(d, cell, 0, x);
    return dtype_get_f64(d, cell, 0);
}
static double rounded(const job *j, double x) { return round_as(j->dtype, x); }

/* [B, H, L, size] from the past [B, H, P, size] and an operand in either layout. */
static const double *joined(const job *j, const naru_tensor *past, const naru_tensor *t, int64_t size,
                            naru_tensor *present) {
    const double *old = past ? eval_f64(j->c, past) : NULL, *now = eval_f64(j->c, t);
    double *all = eval_scratch(j->c, (size_t)(j->batch * j->kheads * j->total * size) * sizeof *all);
    if (!now || !all || (past && !old)) return NULL;
    for (int64_t bh = 0; bh < j->batch * j->kheads; bh++) {
        double *to = all + bh * j->total * size;
        if (old) memcpy(to, old + bh * j->past * size, (size_t)(j->past * size) * sizeof *to);
        for (int64_t i = 0; i < j->fresh; i++) {
            int64_t row = j->folded ? (bh / j->kheads * j->fresh + i) * j->kheads + bh % j->kheads : bh * j->fresh + i;
            memcpy(to + (j->past + i) * size, now + row * size, (size_t)size * sizeof *to);
        }
    }
    if (present) dtype_write_f64(present->dtype, present->data, 0, tensor_count(present), all, true);
    return all;
}

static int64_t query_row(const job *j, int64_t b, int64_t h, int64_t i) {
    return j->folded ? (b * j->queries + i) * j->qheads + h : (b * j->qheads + h) * j->queries + i;
}

/* The bias of one row; false when it is -infinity everywhere. */
static bool make_bias(const job *j, int64_t b, int64_t h, int64_t i, double *bias) {
    const node *n = j->c->node;
    const naru_tensor *nonpad = eval_in(j->c, NONPAD);
    int64_t pad = nonpad ? i64_max(-1, i64_min(INT32_MAX, dtype_get_i64(nonpad->dtype, nonpad->data, b))) : j->total,
            offset = nonpad ? pad - j->queries : j->past;
    int64_t left = node_i(n, LEFT_WINDOW), right = node_i(n, RIGHT_WINDOW), p = i + offset;
    const double *mask =
        j->mask ? j->mask + b * j->mask_strides[0] + h * j->mask_strides[1] + i * j->mask_strides[2] : NULL;
    bool any = false;
    for (int64_t k = 0; k < j->total; k++) {
        bool hidden =
            k >= pad || (node_i(n, IS_CAUSAL) && k > p) || (left >= 0 && p - k > left) || (right >= 0 && k - p > right);
        double m = !mask                 ? 0
                   : k >= j->mask_length ? -INFINITY
                   : !j->mask_is_bool    ? mask[k]
                   : mask[k] != 0        ? 0
                                         : -INFINITY;
        bias[k] = hidden ? -INFINITY : m;
        any = any || bias[k] != -INFINITY;
    }
    return any;
}

/* In the precision of d. */
static void softmax(double *x, int64_t n, naru_dtype d) {
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) top = x[i] > top || x[i] != x[i] ? x[i] : top;
    if (top == -INFINITY) top = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] = round_as(d, exp(round_as(d, x[i] - top)));
    sum = round_as(d, sum);
    for (int64_t i = 0; i < n && sum != 0; i++) x[i] = round_as(d, x[i] / sum);
}

typedef struct buffers {
    double *q, *k, *scores, *bias, *y;
} buffers;

static void emit_qk(const job *j, int64_t mode, int64_t row, const double *scores) {
    naru_tensor *t = eval_out(j->c, 3);
    if (t && node_i(j->c->node, QK_MODE) == mode)
        dtype_write_f64(t->dtype, t->data, row * j->total, j->total, scores, true);
}

static void attend(const job *j, const buffers *f, int64_t b, int64_t h, int64_t i) {
    int64_t kh = h / (j->qheads / j->kheads), row = (b * j->qheads + h) * j->queries + i;
    const double *v = j->v + (b * j->kheads + kh) * j->total * j->vsize;
    naru_tensor *y = eval_out(j->c, 0);
    for (int64_t d = 0; d < j->size; d++) f->q[d] = rounded(j, j->q[query_row(j, b, h, i) * j->size + d] * j->root);
    for (int64_t k = 0; k < j->total; k++) f->scores[k] = rounded(j, util_dot(f->q, f->k + k * j->size, j->size));
    emit_qk(j, 0, row, f->scores);
    for (int64_t k = 0; j->softcap > 0 && k < j->total; k++)
        f->scores[k] = rounded(j, j->softcap * tanh(f->scores[k] / j->softcap));
    emit_qk(j, 1, row, f->scores);
    bool any = make_bias(j, b, h, i, f->bias);
    for (int64_t k = 0; k < j->total; k++) f->scores[k] = rounded(j, f->scores[k] + f->bias[k]);
    emit_qk(j, 2, row, f->scores);
    if (any) softmax(f->scores, j->total, j->precision);
    else memset(f->scores, 0, (size_t)j->total * sizeof *f->scores);
    emit_qk(j, 3, row, f->scores);
    memset(f->y, 0, (size_t)j->vsize * sizeof *f->y);
    for (int64_t k = 0; k < j->total; k++)
        if (f->scores[k] != 0) util_axpy(f->y, rounded(j, f->scores[k]), v + k * j->vsize, j->vsize);
    if (y) dtype_write_f64(y->dtype, y->data, query_row(j, b, h, i) * j->vsize, j->vsize, f->y, true);
}

static naru_status read_mask(job *j) {
    const naru_tensor *m = eval_in(j->c, MASK);
    if (!m) return NARU_OK;
    const int64_t want[4] = {j->batch, j->qheads, j->queries, m->dims[m->rank - 1]};
    j->mask_length = want[3];
    j->mask_is_bool = m->dtype == NARU_BOOL;
    broadcast_strides(m, 4, want, j->mask_strides);
    return (j->mask = eval_f64(j->c, m)) ? NARU_OK : NARU_OUT_OF_MEMORY;
}

static naru_status prepare(job *j) {
    const naru_tensor *q = eval_in(j->c, Q), *k = eval_in(j->c, K), *v = eval_in(j->c, V),
                      *pk = eval_in(j->c, PAST_KEY);
    const node *n = j->c->node;
    j->folded = q->rank == 3;
    j->dtype = q->dtype;
    j->precision = node_has(n, SOFTMAX_PRECISION) ? (naru_dtype)node_i(n, SOFTMAX_PRECISION) : q->dtype;
    j->batch = q->dims[0];
    j->qheads = j->folded ? node_i(n, Q_NUM_HEADS) : q->dims[1],
    j->kheads = j->folded ? node_i(n, KV_NUM_HEADS) : k->dims[1];
    j->queries = q->dims[j->folded ? 1 : 2], j->fresh = k->dims[j->folded ? 1 : 2];
    j->size = j->folded ? q->dims[2] / j->qheads : q->dims[3],
    j->vsize = j->folded ? v->dims[2] / j->kheads : v->dims[3];
    j->past = pk ? pk->dims[2] : 0;
    j->total = j->past + j->fresh;
    j->softcap = node_f(n, SOFTCAP);
    j->root = rounded(j, sqrt(node_has(n, SCALE) ? node_f(n, SCALE) : 1 / sqrt((double)j->size)));
    j->q = eval_f64(j->c, q);
    j->k = joined(j, pk, k, j->size, eval_out(j->c, 1));
    j->v = joined(j, eval_in(j->c, PAST_VALUE), v, j->vsize, eval_out(j->c, 2));
    if (!j->q || !j->k || !j->v) return NARU_OUT_OF_MEMORY;
    return read_mask(j);
}

static naru_status eval(eval_ctx *c) {
    job j = {.c = c};
    TRY(prepare(&j));
    size_t total = (size_t)j.total, size = (size_t)j.size;
    buffers f = {eval_scratch(c, size * 8), eval_scratch(c, total * size * 8), eval_scratch(c, total * 8),
                 eval_scratch(c, total * 8), eval_scratch(c, (size_t)j.vsize * 8)};
    if (!f.q || !f.k || !f.scores || !f.bias || !f.y) return NARU_OUT_OF_MEMORY;
    for (int64_t b = 0; b < j.batch; b++)
        for (int64_t h = 0; h < j.qheads; h++) {
            const double *k = j.k + (b * j.kheads + h / (j.qheads / j.kheads)) * j.total * j.size;
            for (int64_t e = 0; e < j.total * j.size; e++) f.k[e] = rounded(&j, k[e] * j.root);
            for (int64_t i = 0; i < j.queries; i++) attend(&j, &f, b, h, i);
        }
    return NARU_OK;
}

/* ---- lowering: the products and the softmax, in Q's type stage by stage as eval rounds ---- */
typedef struct plan {
    lower_ctx *c;
    const node *n;
    value *q, *k, *v; /* [B, H, S, D], [B, Hk, L, D], [B, Hk, L, Dv] */
    naru_dtype dtype;
} plan;

static value *unfolded(lower_ctx *c, value *v, int64_t count) { /* [B, S, H D] as [B, H, S, D] */
    if (lw_rank(v) != 3) return v;
    v = LW(c, "Reshape", v, LW_INTS(c, 0, 0, count, -1));
    return lw_transpose(c, v, 4, (int[]){0, 2, 1, 3});
}

static value *with_past(lower_ctx *c, value *past, value *v) {
    if (!past) return v;
    lw_i(c, "axis", 2);
    return LW(c, "Concat", past, v);
}

/* Each of Hk heads serves `group` query heads. */
static value *repeated(lower_ctx *c, value *v, int64_t group) {
    if (group == 1) return v;
    value *batch = lw_size(c, v, 0);
    lw_i(c, "start", 2);
    value *rest = LW(c, "Shape", v);
    lw_i(c, "axis", 0);
    value *shape = LW(c, "Concat", batch, LW_INTS(c, -1), rest);
    v = LW(c, "Expand", LW(c, "Unsqueeze", v, LW_INTS(c, 2)), LW_INTS(c, 1, 1, group, 1, 1));
    return LW(c, "Reshape", v, shape);
}

static dim_t head_count(const node *n, const value *v, int which) {
    return node_has(n, which) ? node_i(n, which) : lw_rank(v) == 4 ? lw_dim(v, 1) : DIM_UNKNOWN;
}

static value *root_of_scale(const plan *p) {
    lower_ctx *c = p->c;
    dim_t size = lw_dim(p->q, -1);
    if (node_has(p->n, SCALE)) return lw_number(c, p->dtype, sqrt(node_f(p->n, SCALE)));
    if (dim_is_const(size)) return lw_number(c, p->dtype, sqrt(1 / sqrt((double)size)));
    value *d = lw_cast(c, lw_size(c, p->q, -1), NARU_FLOAT);
    return lw_cast(c, LW(c, "Reciprocal", LW(c, "Sqrt", LW(c, "Sqrt", d))), p->dtype);
}

static value *scores(const plan *p, value *root) {
    lower_ctx *c = p->c;
    value *k = lw_transpose(c, LW(c, "Mul", p->k, root), 4, (int[]){0, 1, 3, 2});
    return LW(c, "MatMul", LW(c, "Mul", p->q, root), k);
}

static value *both(lower_ctx *c, const char *op, value *a, value *b) { return !a ? b : !b ? a : LW(c, op, a, b); }

/* 0 where v (bool) holds, else -infinity. */
static value *as_bias(const plan *p, value *v) {
    return LW(p->c, "Where", v, lw_number(p->c, p->dtype, 0), lw_number(p->c, p->dtype, -INFINITY));
}

static value *mask_bias(const plan *p, value *mask) {
    lower_ctx *c = p->c;
    if (!mask) return NULL;
    dim_t have = lw_dim(mask, -1), total = lw_dim(p->k, 2);
    mask = lw_dtype(mask) == NARU_BOOL ? as_bias(p, mask) : lw_cast(c, mask, p->dtype);
    if (dim_is_known(have) && have == total) return mask;
    value *missing = LW(c, "Sub", lw_size(c, p->k, 2), lw_size(c, mask, -1));
    lw_i(c, "axis", 0);
    value *pads = LW(c, "Concat", LW_INTS(c, 0), missing);
    return LW(c, "Pad", mask, pads, lw_number(c, p->dtype, -INFINITY), LW_INTS(c, -1));
}

/* Which keys a query sees by position, [S, L] or [B, 1, S, L]; NULL: all. */
static value *visible(const plan *p) {
    lower_ctx *c = p->c;
    const node *n = p->n;
    value *nonpad = lw_in(n, NONPAD), *past = lw_in(n, PAST_KEY), *seen = NULL;
    int64_t left = node_i(n, LEFT_WINDOW), right = node_i(n, RIGHT_WINDOW);
    bool causal = node_i(n, IS_CAUSAL) != 0;
    if (!nonpad && !causal && left < 0 && right < 0) return NULL;
    value *key = lw_range(c, lw_size(c, p->k, 2));
    value *query = LW(c, "Unsqueeze", lw_range(c, lw_size(c, p->q, 2)), LW_INTS(c, 1));
    if (nonpad) nonpad = LW(c, "Unsqueeze", nonpad, LW_INTS(c, 1, 2, 3));
    if (nonpad) query = LW(c, "Add", query, LW(c, "Sub", nonpad, lw_size(c, p->q, 2)));
    else if (past) query = LW(c, "Add", query, lw_size(c, past, 2));
    if (nonpad) seen = LW(c, "Less", key, nonpad);
    if (causal) seen = both(c, "And", seen, LW(c, "LessOrEqual", key, query));
    if (left >= 0) seen = both(c, "And", seen, LW(c, "LessOrEqual", LW(c, "Sub", query, key), lw_int(c, left)));
    if (right >= 0) seen = both(c, "And", seen, LW(c, "LessOrEqual", LW(c, "Sub", key, query), lw_int(c, right)));
    return seen;
}

/* Rows that see nothing give zeros instead of the NaN of a softmax. */
static value *weights(const plan *p, value *s, value *bias) {
    lower_ctx *c = p->c;
    naru_dtype precision = node_has(p->n, SOFTMAX_PRECISION) ? (naru_dtype)node_i(p->n, SOFTMAX_PRECISION) : p->dtype;
    s = lw_cast(c, LW(c, "Softmax", lw_cast(c, s, precision)), p->dtype);
    if (!bias || (!lw_in(p->n, MASK) && !lw_in(p->n, NONPAD) && node_i(p->n, LEFT_WINDOW) < 0)) return s;
    value *most = LW(c, "ReduceMax", bias, LW_INTS(c, -1));
    value *dead = LW(c, "Equal", most, lw_number(c, p->dtype, -INFINITY));
    return LW(c, "Where", dead, lw_number(c, p->dtype, 0), s);
}

static value *product(const plan *p, value *w) {
    lower_ctx *c = p->c;
    naru_dtype other = lw_dtype(p->v), d = p->dtype;
    if (d != other) d = d == NARU_DOUBLE || other == NARU_DOUBLE ? NARU_DOUBLE : NARU_FLOAT;
    return lw_cast(c, LW(c, "MatMul", lw_cast(c, w, d), lw_cast(c, p->v, d)), p->dtype);
}

static naru_status down23(lower_ctx *c, node *n) {
    value *q = lw_in(n, Q), *k = lw_in(n, K), *v = lw_in(n, V), *stage[4];
    int rank = lw_rank(q);
    dim_t heads_q = head_count(n, q, Q_NUM_HEADS), heads_k = head_count(n, k, KV_NUM_HEADS);
    bool known = dim_is_const(heads_q) && dim_is_const(heads_k) && heads_k > 0;
    if (rank < 0) return lw_refuse(c, "the rank of Q is not known");
    if (!known && (!dim_is_known(heads_q) || heads_q != heads_k))
        return lw_refuse(c, "the numbers of heads are not known");
    int64_t group = known ? heads_q / heads_k : 1;
    k = with_past(c, lw_in(n, PAST_KEY), unfolded(c, k, heads_k));
    v = with_past(c, lw_in(n, PAST_VALUE), unfolded(c, v, heads_k));
    plan p = {c, n, unfolded(c, q, heads_q), repeated(c, k, group), repeated(c, v, group), lw_dtype(q)};
    stage[0] = stage[1] = scores(&p, root_of_scale(&p));
    if (node_f(n, SOFTCAP) > 0) {
        value *cap = lw_number(c, p.dtype, node_f(n, SOFTCAP));
        stage[1] = LW(c, "Mul", LW(c, "Tanh", LW(c, "Div", stage[0], cap)), cap);
    }
    value *seen = visible(&p), *bias = mask_bias(&p, lw_in(n, MASK));
    if (seen) bias = both(c, "Add", bias, as_bias(&p, seen));
    stage[2] = both(c, "Add", stage[1], bias);
    stage[3] = weights(&p, stage[2], bias);
    value *y = product(&p, stage[3]);
    if (rank == 3) y = lw_transpose(c, y, 4, (int[]){0, 2, 1, 3});
    if (rank == 3) y = LW(c, "Reshape", y, LW_INTS(c, 0, 0, -1));
    lw_output(c, n, 0, y);
    lw_output(c, n, 1, k);
    lw_output(c, n, 2, v);
    lw_output(c, n, 3, stage[node_i(n, QK_MODE)]);
    return lw_finish(c, n);
}

static naru_status down24(lower_ctx *c, node *n) { return lw_in(n, NONPAD) ? down23(c, n) : NARU_OK; }
static naru_status down25(lower_ctx *c, node *n) {
    return node_i(n, LEFT_WINDOW) >= 0 || node_i(n, RIGHT_WINDOW) >= 0 ? down23(c, n) : NARU_OK;
}

const op_desc op_Attention = {
    .name = "Attention",
    .versions = (const short[]){23, 24, 25, 0},
    .sig = "Q:T1, K:T1, V:T2, attn_mask:U?, past_key:T1?, past_value:T2?, nonpad_kv_seqlen:int64?"
           " -> Y:T1, present_key:T1?, present_value:T2?, qk_matmul_output:T1? | T1 = float; T2 = float; U = num bool",
    .since = "left_window_size 25; right_window_size 25; nonpad_kv_seqlen 24",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{25, down25}, {24, down24}, {23, down23}, {0}},
};
