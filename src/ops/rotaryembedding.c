/* SPDX-License-Identifier: MIT
 *
 * RotaryEmbedding: rotates pairs (a, b) of each head's elements: (a cos - b sin, a sin + b cos). [ONNX
 * RotaryEmbedding-23]
 *
 * X [B, H, S, D], or [B, S, H D] with num_heads. The first rotary_embedding_dim elements R of a head (0: all) are
 * rotated, the rest is copied; pairs are (2i, 2i + 1) when interleaved, else (i, i + R/2). cos_cache and sin_cache are
 * [max, R/2], looked up by position_ids [B, S], or without those [B, S, R/2]. Y like X. Types: float, float16,
 * bfloat16; position_ids int64. Edge cases: a position outside the cache is an error.
 */
#include "ops/util_choice.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { INTERLEAVED, NUM_HEADS, ROTARY_DIM };
static const attr_def attrs[] = {
    ATTR_I("interleaved", 0),
    ATTR_I("num_heads", 0),
    ATTR_I("rotary_embedding_dim", 0),
    {0},
};
enum { X, COS, SIN, POSITIONS };

static naru_status check_caches(infer_ctx *c, dim_t batch, dim_t seq, dim_t half) {
    bool by_id = in_given(c, POSITIONS);
    int r = by_id ? 2 : 3;
    for (int i = COS; i <= SIN; i++) {
        TRY(util_need_rank(c, i, r, "a cache"));
        if (in_rank(c, i) != r) continue;
        TRY(util_same_dim(c, in_dim(c, i, r - 1), half, "a cache's last dim"));
        if (!by_id) TRY(util_same_dim(c, in_dim(c, i, 0), batch, "a cache's batch"));
        if (!by_id) TRY(util_same_dim(c, in_dim(c, i, 1), seq, "a cache's length"));
    }
    if (in_rank(c, COS) == 2 && in_rank(c, SIN) == 2)
        TRY(util_same_dim(c, in_dim(c, SIN, 0), in_dim(c, COS, 0), "sin_cache's length"));
    TRY(util_need_rank(c, POSITIONS, 2, "position_ids"));
    if (in_rank(c, POSITIONS) == 2) {
        TRY(util_same_dim(c, in_dim(c, POSITIONS, 0), batch, "position_ids' batch"));
        TRY(util_same_dim(c, in_dim(c, POSITIONS, 1), seq, "position_ids' length"));
    }
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, X);
    out_like(c, 0, X);
    if (r < 0) return NARU_OK;
    if (r != 3 && r != 4) return op_fail(c, NARU_SHAPE, "X has rank %d, needs 3 or 4", r);
    int64_t heads = node_i(c->node, NUM_HEADS), rotary = node_i(c->node, ROTARY_DIM);
    if (r == 3 && heads < 1) return op_fail(c, NARU_BAD_MODEL, "attribute 'num_heads' is %lld", (long long)heads);
    dim_t size = in_dim(c, X, r - 1);
    if (r == 3 && dim_is_const(size) && size % heads)
        return op_fail(c, NARU_SHAPE, "%lld does not divide into %lld heads", (long long)size, (long long)heads);
    if (r == 3) size = sym_div(c->syms, size, heads);
    if (rotary < 0 || rotary % 2 || (dim_is_const(size) && (rotary > size || (!rotary && size % 2))))
        return op_fail(c, NARU_SHAPE, "%lld of %lld elements cannot be rotated in pairs", (long long)rotary,
                       dim_is_const(size) ? (long long)size : -1);
    return check_caches(c, in_dim(c, X, 0), in_dim(c, X, r == 3 ? 1 : 2),
                        rotary ? rotary / 2 : sym_div(c->syms, size, 2));
}

/* One head's elements in place. */
static void rotate(double *x, const double *cos, const double *sin, int64_t half, bool interleaved) {
    for (int64_t i = 0; i < half; i++) {
        double *a = x + (interleaved ? 2 * i : i), *b = x + (interleaved ? 2 * i + 1 : i + half), u = *a, v = *b;
        *a = u * cos[i] - v * sin[i];
        *b = u * sin[i] + v * cos[i];
    }
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, X), *ct = eval_in(c, COS), *st = eval_in(c, SIN), *pt = eval_in(c, POSITIONS);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    bool folded = x->rank == 3;
    int64_t heads = folded ? node_i(c->node, NUM_HEADS) : x->dims[1], seq = x->dims[folded ? 1 : 2];
    int64_t size = folded ? x->dims[2] / heads : x->dims[3],
            half = (node_i(c->node, ROTARY_DIM) ? node_i(c->node, ROTARY_DIM) : size) / 2;
    const double *xd = eval_f64(c, x), *cos = eval_f64(c, ct), *sin = eval_f64(c, st);
    const int64_t *at = pt ? pt->data : NULL;
    double *row = eval_scratch(c, (size_t)size * sizeof *row);
    if (!xd || !cos || !sin || !row) return NARU_OUT_OF_MEMORY;
    for (int64_t r = 0; r < x->dims[0] * seq * heads; r++) { /* rows in X's order */
        int64_t b = r / (seq * heads), s = folded ? r / heads % seq : r % seq, p = at ? at[b * seq + s] : b * seq + s;
        if (at && (p < 0 || p >= ct->dims[0]))
            return eval_fail(c, NARU_INVALID_ARGUMENT, "position %lld is outside the cache of %lld", (long long)p,
                             (long long)ct->dims[0]);
        memcpy(row, xd + r * size, (size_t)size * sizeof *row);
        rotate(row, cos + p * half, sin + p * half, half, node_i(c->node, INTERLEAVED) != 0);
        dtype_write_f64(y->dtype, y->data, r * size, size, row, true);
    }
    return NARU_OK;
}

static value *part(lower_ctx *c, value *x, value *from, value *to, int64_t step) { /* of the last axis */
    return LW(c, "Slice", x, from, to, LW_INTS(c, -1), LW_INTS(c, step));
}

static value *joined(lower_ctx *c, value *a, value *b) {
    if (!b) return a;
    lw_i(c, "axis", -1);
    return LW(c, "Concat", a, b);
}

/* A cache as [B, S, R/2], with an axis for the heads. */
static value *cache(lower_ctx *c, const node *n, int i, int heads_axis) {
    value *v = lw_in(n, i);
    if (lw_in(n, POSITIONS)) v = LW(c, "Gather", v, lw_in(n, POSITIONS));
    return LW(c, "Unsqueeze", v, LW_INTS(c, heads_axis));
}

static naru_status down23(lower_ctx *c, node *n) {
    value *x = lw_in(n, X), *end = LW_INTS(c, INT64_MAX), *zero = LW_INTS(c, 0), *rest = NULL, *a, *b;
    int rank = lw_rank(x);
    int64_t rotary = node_i(n, ROTARY_DIM);
    if (rank < 0) return lw_refuse(c, "the rank is not known");
    if (rank == 3) x = LW(c, "Reshape", x, LW_INTS(c, 0, 0, node_i(n, NUM_HEADS), -1));
    value *cos = cache(c, n, COS, rank == 3 ? 2 : 1), *sin = cache(c, n, SIN, rank == 3 ? 2 : 1);
    if (rotary && rotary != lw_dim(x, -1)) {
        rest = part(c, x, LW_INTS(c, rotary), end, 1);
        x = part(c, x, zero, LW_INTS(c, rotary), 1);
    }
    if (node_i(n, INTERLEAVED)) {
        a = part(c, x, zero, end, 2), b = part(c, x, LW_INTS(c, 1), end, 2);
    } else {
        value *half = lw_size(c, cos, -1);
        a = part(c, x, zero, half, 1), b = part(c, x, half, end, 1);
    }
    value *u = LW(c, "Sub", LW(c, "Mul", a, cos), LW(c, "Mul", b, sin));
    value *v = LW(c, "Add", LW(c, "Mul", a, sin), LW(c, "Mul", b, cos));
    if (node_i(n, INTERLEAVED)) {
        value *last = LW_INTS(c, -1);
        u = joined(c, LW(c, "Unsqueeze", u, last), LW(c, "Unsqueeze", v, last));
        u = LW(c, "Reshape", u, LW_INTS(c, 0, 0, 0, -1));
    } else {
        u = joined(c, u, v);
    }
    u = joined(c, u, rest);
    if (rank == 3) u = LW(c, "Reshape", u, LW_INTS(c, 0, 0, -1));
    return lw_replace(c, n, u);
}

const op_desc op_RotaryEmbedding = {
    .name = "RotaryEmbedding",
    .versions = (const short[]){23, 0},
    .sig = "X:T, cos_cache:T, sin_cache:T, position_ids:M? -> Y:T | T = float32 float16 bfloat16; M = int64",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{23, down23}, {0}},
};
