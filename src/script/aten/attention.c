/* SPDX-License-Identifier: MIT
 *
 * Attention: scaled_dot_product_attention and kin become the operator Attention; weights, dropout and sums of
 * exponentials, where they are asked for, the chain MatMul, Softmax, MatMul. The fast paths of nn.MultiheadAttention
 * and nn.TransformerEncoderLayer keep heads folded in the last axis. A nested tensor is a padded batch with lengths
 * (sten.lens); only those fast paths and to_padded_tensor know it.
 */
#include <math.h>

#include "script/aten/nn.h"

typedef struct sdpa {
    sten *q, *k, *v, *mask; /* rank 4; mask: bool (true takes part) or added */
    double dropout, scale;  /* scale 0: 1 / sqrt(size) */
    bool causal;
    int rank; /* as given */
    sv lead[NARU_MAX_RANK];
} sdpa;

/* ---- any rank to [batch, heads, length, size] ---- */
static sten *to_rank4(lower *L, sten *t) {
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, t, dims);
    if (!t || !lower_ok(L)) return t;
    for (; rank < 4; rank++) t = view_unsqueeze(L, t, 0);
    if (rank == 4) return t;
    sv four[4] = {nn_product(L, rank - 3, dims), dims[rank - 3], dims[rank - 2], dims[rank - 1]};
    return nn_reshape(L, t, 4, four);
}

static void read_sdpa(lower *L, sdpa *a) {
    a->q = arg_tensor(L, 0), a->k = arg_tensor(L, 1), a->v = arg_tensor(L, 2);
    a->rank = t_rank(L, a->q);
    if (!lower_ok(L)) return;
    if (a->rank < 2 || t_rank(L, a->k) != a->rank || t_rank(L, a->v) != a->rank) {
        lower_raise(L, "RuntimeError",
                    "scaled_dot_product_attention: Expected query, key, and value to all be  at least 2 dimensional, "
                    "but got Query dim: %d, Key dim: %d, Value dim: %d instead.",
                    a->rank, t_rank(L, a->k), t_rank(L, a->v));
        return;
    }
    nn_dims(L, a->q, a->lead);
    a->q = to_rank4(L, a->q), a->k = to_rank4(L, a->k), a->v = to_rank4(L, a->v);
}

static void take_mask(lower *L, sdpa *a, sten *mask) {
    if (!mask || !lower_ok(L)) return;
    if (t_rank(L, mask) > 4) mask = to_rank4(L, mask);
    a->mask = t_dtype(L, mask) == NARU_BOOL ? mask : cast(L, mask, t_dtype(L, a->q));
}

/* Sizes of 1 among batches broadcast. */
static void match_batches(lower *L, sdpa *a) {
    sv n = t_dim(L, a->q, 0);
    sten **other[2] = {&a->k, &a->v};
    for (int i = 0; i < 2 && lower_ok(L); i++) {
        sv m = t_dim(L, *other[i], 0);
        if (s_is(m, 1) == s_is(n, 1) || !lower_ok(L)) continue;
        sv one = sv_int(-1), sizes[4] = {n, one, one, one}, q_sizes[4] = {m, one, one, one};
        if (s_is(m, 1)) *other[i] = view_expand(L, *other[i], 4, sizes);
        else a->q = view_expand(L, a->q, 4, q_sizes), n = m;
    }
}

static sten *to_given_rank(lower *L, const sdpa *a, sten *y) {
    if (a->rank == 4 || !lower_ok(L)) return y;
    sv dims[NARU_MAX_RANK];
    memcpy(dims, a->lead, sizeof dims);
    dims[a->rank - 1] = t_dim(L, y, 3);
    return nn_reshape(L, y, a->rank, dims);
}

static void check_heads(lower *L, const sdpa *a, bool gqa) {
    sv q = t_dim(L, a->q, 1), k = t_dim(L, a->k, 1);
    if (!lower_ok(L) || q.tag != SV_INT || k.tag != SV_INT || q.i == k.i || k.i == 1) return;
    if (!gqa)
        lower_raise(L, "RuntimeError",
                    "The size of tensor a (%lld) must match the size of tensor b (%lld) at non-singleton dimension 1",
                    (long long)q.i, (long long)k.i);
    else if (k.i == 0 || q.i % k.i)
        lower_raise(L, "RuntimeError", "Number of heads in key must divide the number of heads in query");
}

/* ---- the operator, or its parts ---- */
static sten *fused(lower *L, const sdpa *a) {
    const la none = {NULL, ATTR_NONE, 0, 0, NULL, NULL, 0};
    return lower_op(L, &op_Attention,
                    ATTRS(AI("is_causal", a->causal), a->scale != 0 ? (la)AF("scale", a->scale) : none),
                    a->mask ? 4 : 3, (sten *[]){a->q, a->k, a->v, a->mask});
}

/* Heads of keys or values, each for its group of queries. */
static sten *for_queries(lower *L, const sdpa *a, sten *k) {
    sv q = t_dim(L, a->q, 1), h = t_dim(L, k, 1);
    if (!lower_ok(L) || q.tag != SV_INT || h.tag != SV_INT || q.i == h.i || h.i <= 1) return k;
    sv one = sv_int(-1), n = t_dim(L, k, 0), len = t_dim(L, k, 2), size = t_dim(L, k, 3);
    sten *wide = view_expand(L, view_unsqueeze(L, k, 2), 5, (sv[]){one, one, sv_int(q.i / h.i), one, one});
    return nn_reshape(L, wide, 4, (sv[]){n, q, len, size});
}

static sten *causal_mask(lower *L, const sdpa *a) { /* [queries, keys], true at and below the diagonal */
    sv dims[2] = {t_dim(L, a->q, 2), t_dim(L, a->k, 2)};
    sten *ones = nn_filled_like(L, NARU_FLOAT, 1, 2, dims);
    return cast(L, EMITA(Trilu, ATTRS(AI("upper", 0)), ones), NARU_BOOL);
}

static sten *masked(lower *L, sten *scores, sten *mask) {
    if (!mask) return scores;
    if (t_dtype(L, mask) != NARU_BOOL) return EMIT(Add, scores, mask);
    return EMIT(Where, mask, scores, lit(L, t_dtype(L, scores), -INFINITY));
}

static sten *scores_of(lower *L, const sdpa *a) {
    naru_dtype d = t_dtype(L, a->q);
    sten *scale;
    if (a->scale != 0) scale = lit(L, d, a->scale);
    else scale = EMIT(Reciprocal, EMIT(Sqrt, scalar_tensor(L, t_dim(L, a->q, 3), d)));
    sten *s = EMIT(MatMul, EMIT(Mul, a->q, scale), view_transpose(L, for_queries(L, a, a->k), 2, 3));
    s = masked(L, s, a->mask);
    return a->causal ? masked(L, s, causal_mask(L, a)) : s;
}

/* Softmax whose rows of nothing but -infinity are zeros. */
static sten *safe_softmax(lower *L, sten *s) {
    sten *w = EMITA(Softmax, ATTRS(AI("axis", -1)), s), *most = nn_reduce1(L, &op_ReduceMax, s, 3, true);
    naru_dtype d = t_dtype(L, s);
    return EMIT(Where, EMIT(Equal, most, lit(L, d, -INFINITY)), lit(L, d, 0), w);
}

static sten *dropped(lower *L, sten *w, double p) {
    sv out[1], args[3] = {sv_of(w), sv_float(p), sv_bool(true)};
    if (p == 0 || !lower_ok(L)) return w;
    lower_call(L, aten_dropout, 3, args, 1, out);
    return lower_ok(L) ? sv_tensor(out[0]) : NULL;
}

static sten *by_parts(lower *L, const sdpa *a, sten **weights) {
    sten *w = dropped(L, safe_softmax(L, scores_of(L, a)), a->dropout);
    if (weights) *weights = w;
    return EMIT(MatMul, w, for_queries(L, a, a->v));
}

void aten_scaled_dot_product_attention(lower *L) {
    sdpa a = {0};
    read_sdpa(L, &a);
    take_mask(L, &a, arg_tensor_opt(L, 3));
    a.dropout = arg_float(L, 4);
    a.causal = arg_bool(L, 5);
    a.scale = arg_float_or(L, 6, 0);
    if (!lower_ok(L)) return;
    if (a.causal && a.mask) {
        lower_raise(L, "RuntimeError",
                    "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True");
        return;
    }
    check_heads(L, &a, arg_bool(L, 7));
    match_batches(L, &a);
    ret_tensor(L, to_given_rank(L, &a, a.dropout > 0 ? by_parts(L, &a, NULL) : fused(L, &a)));
}

/* (query, key, value, attn_mask, dropout_p, is_causal, dropout_mask, *, scale, enable_gqa) -> output, weights */
void aten__scaled_dot_product_attention_math(lower *L) {
    sdpa a = {0};
    sten *weights = NULL;
    read_sdpa(L, &a);
    sten *mask = arg_tensor_opt(L, 3);
    take_mask(L, &a, mask ? cast(L, mask, t_dtype(L, a.q)) : NULL); /* here a bool mask is added, too */
    a.dropout = arg_float(L, 4);
    a.causal = arg_bool(L, 5);
    a.scale = arg_float_or(L, 7, 0);
    check_heads(L, &a, arg_bool(L, 8));
    match_batches(L, &a);
    sten *y = by_parts(L, &a, &weights);
    ret_tensor(L, to_given_rank(L, &a, y));
    ret_tensor(L, to_given_rank(L, &a, weights));
}

static void with_sums(lower *L, sdpa *a) { /* output, log of the sums of exponentials [batch, heads, queries] */
    match_batches(L, a);
    ret_tensor(L, a->dropout > 0 ? by_parts(L, a, NULL) : fused(L, a));
    ret_tensor(L, cast(L, nn_reduce1(L, &op_ReduceLogSumExp, scores_of(L, a), 3, false), NARU_FLOAT));
}

/* (query, key, value, dropout_p, is_causal, *, attn_mask, scale) */
void aten__scaled_dot_product_flash_attention_for_cpu(lower *L) {
    sdpa a = {0};
    read_sdpa(L, &a);
    a.dropout = arg_float(L, 3);
    a.causal = arg_bool(L, 4);
    take_mask(L, &a, arg_tensor_opt(L, 5));
    a.scale = arg_float_or(L, 6, 0);
    with_sums(L, &a);
}

/* (query, key, value, attn_bias, compute_log_sumexp, dropout_p, is_causal, *, scale) -> output, sums, seed, offset */
void aten__scaled_dot_product_efficient_attention(lower *L) {
    sdpa a = {0};
    read_sdpa(L, &a);
    take_mask(L, &a, arg_tensor_opt(L, 3));
    a.dropout = arg_float(L, 5);
    a.causal = arg_bool(L, 6);
    a.scale = arg_float_or(L, 7, 0);
    with_sums(L, &a);
    for (int i = 0; i < 2; i++) ret_tensor(L, lit_int(L, 0));
}

/* (query, key, value, dropout_p, is_causal, return_debug_mask, *, scale) -> nine results, of which two say something */
void aten__scaled_dot_product_flash_attention(lower *L) {
    sdpa a = {0};
    read_sdpa(L, &a);
    a.dropout = arg_float(L, 3);
    a.causal = arg_bool(L, 4);
    a.scale = arg_float_or(L, 6, 0);
    sv queries = t_dim(L, a.q, 2), keys = t_dim(L, a.k, 2);
    with_sums(L, &a);
    sten *none = lit_int(L, 0);
    ret_tensor(L, none);
    ret_tensor(L, none);
    ret_value(L, sv_keep(queries));
    ret_value(L, sv_keep(keys));
    for (int i = 0; i < 3; i++) ret_tensor(L, none);
}

/* ---- nested tensors ---- */
static sten *lengths_of(lower *L, const sten *nested) {
    return lit_tensor(L, nested->lens ? tensor_ref(nested->lens) : NULL);
}

/* [batch, time], true where a sample has an element. */
static sten *inside(lower *L, sten *nested) {
    sv time = t_dim(L, nested, 1);
    sten *at = EMIT(Range, lit_int(L, 0), scalar_tensor(L, time, NARU_INT64), lit_int(L, 1));
    return EMIT(Less, view_unsqueeze(L, at, 0), view_unsqueeze(L, lengths_of(L, nested), 1));
}

static sten *nested_like(lower *L, sten *t, const sten *like) {
    if (!lower_ok(L) || !like->lens) return t;
    sten *r = view_alias(L, t);
    if (r) r->lens = tensor_ref(like->lens);
    return r;
}

/* Lengths of the rows of a mask; false: some true behind a false. */
static bool left_aligned(lower *L, sten *mask, int64_t *len) {
    int64_t batch = t_dim_int(L, mask, 0), time = t_dim_int(L, mask, 1);
    const int64_t *m = host_i64(L, mask);
    for (int64_t b = 0; m && b < batch; b++) {
        int64_t n = 0, last = 0;
        for (int64_t t = 0; t < time; t++)
            if (m[b * time + t]) n++, last = t + 1;
        if (len) len[b] = n;
        if (n != last) return false;
    }
    return m != NULL;
}

static bool check_mask(lower *L, sten *t, sten *mask) {
    if (!eager_only(L)) return false;
    if (t_rank(L, t) != 3 || t_rank(L, mask) != 2 || t_dim_int(L, t, 0) != t_dim_int(L, mask, 0) ||
        t_dim_int(L, t, 1) != t_dim_int(L, mask, 1))
        lower_raise(L, "RuntimeError",
                    "_nested_tensor_from_mask: a mask [batch, time] of a tensor [batch, time, size] "
                    "is expected");
    return lower_ok(L);
}

void aten__nested_tensor_from_mask_left_aligned(lower *L) {
    sten *t = arg_tensor(L, 0), *mask = arg_tensor(L, 1);
    if (!check_mask(L, t, mask)) return;
    bool yes = left_aligned(L, mask, NULL);
    ret_bool(L, yes);
}

void aten__nested_tensor_from_mask(lower *L) {
    sten *t = arg_tensor(L, 0), *mask = arg_tensor(L, 1);
    if (!check_mask(L, t, mask)) return;
    sten *lens = host_new(L, NARU_INT64, 1, (int64_t[]){t_dim_int(L, t, 0)}), *r = view_alias(L, t);
    if (lower_ok(L) && !left_aligned(L, mask, host_data(L, lens)))
        lower_raise(L, "RuntimeError", "Mask must be left-aligned without gaps");
    if (lower_ok(L)) L->st = sten_export(lens, &r->lens, L->err);
    ret_tensor(L, r);
}

static sten *padded_to(lower *L, sten *t, const int64_t *size, double padding) {
    int64_t pads[6] = {0};
    bool grows = false;
    for (int i = 0; i < 3; i++) {
        int64_t have = t_dim_int(L, t, i);
        if (have > size[i]) t = view_slice(L, t, i, sv_int(0), sv_int(size[i]), 1);
        else pads[3 + i] = size[i] - have, grows = grows || size[i] > have;
    }
    return grows ? EMIT(Pad, t, lit_ints(L, pads, 6), lit(L, t_dtype(L, t), padding)) : t;
}

void aten_to_padded_tensor(lower *L) {
    sten *t = arg_tensor(L, 0);
    double padding = arg_float(L, 1);
    if (!eager_only(L)) return;
    if (!t->lens) {
        lower_raise(L, "RuntimeError", "to_padded_tensor: a nested tensor is expected");
        return;
    }
    int64_t size[NARU_MAX_RANK] = {t_dim_int(L, t, 0), 0, t_dim_int(L, t, 2)};
    const int64_t *len = t->lens->data;
    for (int64_t i = 0; i < size[0]; i++) size[1] = i64_max(size[1], len[i]);
    if (!arg_none(L, 2) && arg_ints(L, 2, size) != 3 && lower_ok(L))
        lower_raise(L, "RuntimeError", "to_padded_tensor: output_size has three numbers");
    sten *keep = view_unsqueeze(L, inside(L, t), 2);
    ret_tensor(L, padded_to(L, EMIT(Where, keep, t, lit(L, t_dtype(L, t), padding)), size, padding));
}

void aten_is_nested(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_bool(L, t && t->lens);
}

/* ---- fast paths ---- */
typedef struct mha {
    sten *q, *k, *v;
    sten *w, *b, *proj_w, *proj_b, *mask; /* w [3 size, size]; mask: true does not take part */
    int64_t heads, mask_type;
} mha;

/* Part i of the packed projections. */
static sten *third(lower *L, sten *t, int axis, sv size, int i, int n) {
    return view_slice(L, t, axis, s_mul(L, size, sv_int(i)), s_mul(L, size, sv_int(i + n)), 1);
}

static void project(lower *L, const mha *m, sten **out) {
    sv size = s_floordiv(L, t_dim(L, m->w, 0), sv_int(3));
    sten *in[3] = {m->q, m->k, m->v};
    if (m->q == m->k && m->k == m->v) {
        sten *all = nn_linear(L, m->q, m->w, m->b);
        for (int i = 0; i < 3; i++) out[i] = third(L, all, 2, size, i, 1);
        return;
    }
    for (int i = 0; i < 3; i++)
        out[i] = nn_linear(L, in[i], third(L, m->w, 0, size, i, 1), m->b ? third(L, m->b, 0, size, i, 1) : NULL);
}

/* What takes part, in a shape that broadcasts to [batch, heads, queries, keys]. */
static sten *allowed(lower *L, const mha *m, sten *src) {
    sten *keep = NULL;
    if (src->lens) keep = view_unsqueeze(L, view_unsqueeze(L, inside(L, src), 1), 1);
    if (!m->mask) return keep;
    sten *mask = EMIT(Not, cast(L, m->mask, NARU_BOOL));
    if (m->mask_type == 1) mask = view_unsqueeze(L, view_unsqueeze(L, mask, 1), 1);
    return keep ? EMIT(And, keep, mask) : mask;
}

static sten *in_heads(lower *L, sten *t,
                      int64_t heads) { /* [batch, length, heads size] -> [batch, heads, length, size] */
    sv size = s_floordiv(L, t_dim(L, t, 2), sv_int(heads));
    sten *r = nn_reshape(L, t, 4, (sv[]){t_dim(L, t, 0), t_dim(L, t, 1), sv_int(heads), size});
    return view_transpose(L, r, 1, 2);
}

/* weights: NULL where they are not wanted. */
static sten *multi_head(lower *L, const mha *m, sten **weights) {
    sten *p[3] = {NULL, NULL, NULL};
    if (!lower_ok(L)) return NULL;
    if (t_rank(L, m->q) != 3 || m->heads <= 0) {
        lower_raise(L, "RuntimeError", "expected 3-D query, got %d-D tensor", t_rank(L, m->q));
        return NULL;
    }
    project(L, m, p);
    sten *keep = allowed(L, m, m->q), *y;
    if (!weights) {
        y = lower_op(L, &op_Attention, ATTRS(AI("q_num_heads", m->heads), AI("kv_num_heads", m->heads)), keep ? 4 : 3,
                     (sten *[]){p[0], p[1], p[2], keep});
    } else {
        sdpa a = {.mask = keep};
        sv dims[3] = {t_dim(L, p[0], 0), t_dim(L, p[0], 1), t_dim(L, p[0], 2)};
        a.q = in_heads(L, p[0], m->heads), a.k = in_heads(L, p[1], m->heads), a.v = in_heads(L, p[2], m->heads);
        *weights = EMITA(Softmax, ATTRS(AI("axis", -1)), scores_of(L, &a));
        y = nn_reshape(L, view_transpose(L, EMIT(MatMul, *weights, a.v), 1, 2), 3, dims);
    }
    return nn_linear(L, y, m->proj_w, m->proj_b);
}

/* (query, key, value, embed_dim, num_head, qkv_weight, qkv_bias, proj_weight, proj_bias, mask, need_weights,
 * average_attn_weights, mask_type) */
void aten__native_multi_head_attention(lower *L) {
    mha m = {.q = arg_tensor(L, 0), .k = arg_tensor(L, 1), .v = arg_tensor(L, 2)};
    m.heads = arg_int(L, 4);
    m.w = arg_tensor(L, 5), m.b = arg_tensor(L, 6), m.proj_w = arg_tensor(L, 7), m.proj_b = arg_tensor(L, 8);
    m.mask = arg_tensor_opt(L, 9);
    bool need = arg_bool(L, 10), average = arg_bool(L, 11);
    m.mask_type = arg_int_or(L, 12, 2);
    sten *weights = NULL, *y = multi_head(L, &m, need ? &weights : NULL);
    if (!lower_ok(L)) return;
    ret_tensor(L, nested_like(L, y, m.q));
    if (!need) ret_value(L, sv_none());
    else ret_tensor(L, average ? nn_reduce1(L, &op_ReduceMean, weights, 1, false) : weights);
}

static sten *layer_norm(lower *L, sten *x, sten *w, sten *b, double eps) {
    return EMITA(LayerNormalization, ATTRS(AI("axis", -1), AF("epsilon", eps)), x, w, b);
}

/* (src, embed_dim, num_heads, qkv weight, bias, proj weight, bias, use_gelu, norm_first, eps, norm 1 weight, bias, norm
 * 2 weight, bias, ffn 1 weight, bias, ffn 2 weight, bias, mask, mask_type) */
void aten__transformer_encoder_layer_fwd(lower *L) {
    sten *src = arg_tensor(L, 0), *norm[4], *ffn[4], *x = src;
    mha m = {.heads = arg_int(L, 2),
             .w = arg_tensor(L, 3),
             .b = arg_tensor(L, 4),
             .proj_w = arg_tensor(L, 5),
             .proj_b = arg_tensor(L, 6),
             .mask = arg_tensor_opt(L, 18),
             .mask_type = arg_int_or(L, 19, 2)};
    bool gelu = arg_bool(L, 7), first = arg_bool(L, 8);
    double eps = arg_float(L, 9);
    for (int i = 0; i < 4; i++) norm[i] = arg_tensor(L, 10 + i), ffn[i] = arg_tensor(L, 14 + i);
    if (first) x = nested_like(L, layer_norm(L, x, norm[0], norm[1], eps), src);
    m.q = m.k = m.v = x;
    x = EMIT(Add, multi_head(L, &m, NULL), src);
    if (!first) x = layer_norm(L, x, norm[0], norm[1], eps);
    sten *y = nn_linear(L, first ? layer_norm(L, x, norm[2], norm[3], eps) : x, ffn[0], ffn[1]);
    y = gelu ? EMIT(Gelu, y) : EMIT(Relu, y);
    y = EMIT(Add, x, nn_linear(L, y, ffn[2], ffn[3]));
    if (!first) y = layer_norm(L, y, norm[2], norm[3], eps);
    if (lower_ok(L)) ret_tensor(L, nested_like(L, y, src));
}
