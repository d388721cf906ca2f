/* SPDX-License-Identifier: MIT
 *
 * attention_guarded: what pass attention leaves: Softmax(scale Q K^T + mask) V, spelled out over [batch, heads, length,
 * size] or [batch, length, size], becomes one Attention node, which needs no matrix of queries by keys. The scale may
 * stand on the product, on Q, on K or on both; NaN rows may be replaced by zeros, as PyTorch writes it for masked rows
 * (Attention gives zeros there anyway). Float32; batch and heads of Q, K and V must be known to be equal, and the mask
 * to be as long as the keys. Nobody else may read what lies between.
 */
#include "passes/axes.h"
#include "passes/fuse.h"

bool pass_attention_guarded(rewriter *r, node *n);

typedef struct parts {
    value *q, *k, *v, *mask;
    double scale;
} parts;

/* v = x * c or x / c: x, and *scale takes c in. v itself when it is neither. */
static value *unscaled(const rewriter *r, value *v, double *scale) {
    double c;
    const node *div = rw_only_from(r, v, "Div"), *mul = rw_only_from(r, v, "Mul");
    if (div && value_scalar(div->in[1], &c) && c > 0 && value_rank(div->in[1]) <= value_rank(div->in[0])) {
        *scale /= c;
        return div->in[0];
    }
    for (int i = 0; mul && i < 2; i++)
        if (value_scalar(mul->in[i], &c) && c > 0 && value_rank(mul->in[i]) <= value_rank(mul->in[1 - i])) {
            *scale *= c;
            return mul->in[1 - i];
        }
    return v;
}

static node *softmax_of(const rewriter *r, value *p) {
    node *where = rw_only_from(r, p, "Where");
    node *softmax = rw_only_from(r, p, "Softmax");
    if (where && value_is_scalar(where->in[1], 0, 0)) {
        const node *isnan_ = rw_only_from(r, where->in[0], "IsNaN");
        softmax = rw_from(r, where->in[2], "Softmax");
        if (!softmax || !isnan_ || isnan_->in[0] != where->in[2] || rw_uses(r, where->in[2]) != 2) return NULL;
    }
    const attr *axis = softmax ? node_attr(softmax, "axis") : NULL;
    return softmax && (!axis || axis->i == -1 || axis->i == value_rank(softmax->in[0]) - 1) ? softmax : NULL;
}

/* Every dim of the mask is 1 or the scores', the last one is the scores'. */
static bool fits(const value *mask, const value *scores) {
    int rm = value_rank(mask), rs = value_rank(scores);
    if (rm < 2 || rm > rs || value_dtype(mask) != NARU_FLOAT) return false;
    for (int i = 1; i <= rm; i++) {
        dim_t m = value_dim(mask, -i), s = value_dim(scores, -i);
        if (!dim_is_known(m) || !dim_is_known(s) || (m != s && (m != 1 || i == 1))) return false;
    }
    return true;
}

static node *product_and_mask(const rewriter *r, value *scores, parts *p) {
    node *add = rw_only_from(r, scores, "Add");
    p->mask = NULL;
    for (int i = 0; i < 2; i++) {
        double scale = 1;
        value *s = add ? add->in[i] : scores;
        node *m = rw_only_from(r, unscaled(r, s, &scale), "MatMul");
        if (m && (!add || fits(add->in[1 - i], s))) {
            p->scale = scale;
            if (add) p->mask = add->in[1 - i];
            return m;
        }
    }
    return NULL;
}

static bool swaps_last(const perm *p) {
    for (int i = 0; i < p->n - 2; i++)
        if (p->at[i] != i) return false;
    return p->at[p->n - 2] == p->n - 1 && p->at[p->n - 1] == p->n - 2;
}

/* K from K^T, by undoing its transpose. */
static value *keys(rewriter *r, value *kt) {
    const node *t = rw_from(r, kt, "Transpose");
    perm p, swap = {.n = value_rank(kt)};
    if (!t || !perm_of(t, &p) || p.n != swap.n) return NULL;
    if (swaps_last(&p)) return t->in[0];
    for (int i = 0; i < swap.n; i++) swap.at[i] = i < swap.n - 2 ? i : i == swap.n - 2 ? swap.n - 1 : swap.n - 2;
    perm both = perm_then(&p, &swap);
    return axes_transpose(r, t->in[0], &both, false);
}

static bool same_heads(const value *a, const value *b, int rank) {
    if (value_rank(a) != rank || value_rank(b) != rank || value_dtype(b) != NARU_FLOAT) return false;
    for (int i = 0; i < rank - 2; i++)
        if (!dim_is_known(value_dim(a, i)) || value_dim(a, i) != value_dim(b, i)) return false;
    return true;
}

static value *with_axis(rewriter *r, value *v) {
    value *in[2] = {v, rw_const_ints(r, (const int64_t[]){1}, 1)};
    return rw_op(r, "Unsqueeze", "", 2, in);
}

static bool build(rewriter *r, node *n, parts *p, value *kt) {
    int rank = value_rank(p->q);
    if (!(p->k = keys(r, kt))) return false;
    value *in[4] = {p->q, p->k, p->v, p->mask};
    for (int i = 0; rank == 3 && i < 4; i++)
        if (in[i] && (i < 3 || value_rank(in[i]) == 3)) in[i] = with_axis(r, in[i]);
    value *y = rw_op(r, "Attention", "", 4, in);
    rw_float(r, y, "scale", p->scale);
    if (rank == 3) {
        value *sq[2] = {y, rw_const_ints(r, (const int64_t[]){1}, 1)};
        y = rw_op(r, "Squeeze", "", 2, sq);
    }
    return rw_replace(r, n->out[0], y);
}

bool pass_attention_guarded(rewriter *r, node *n) {
    parts p = {.scale = 1};
    if (!node_is(n, "MatMul") || value_dtype(n->in[0]) != NARU_FLOAT) return false;
    node *softmax = softmax_of(r, n->in[0]);
    node *qk = softmax ? product_and_mask(r, softmax->in[0], &p) : NULL;
    if (!qk) return false;
    p.q = unscaled(r, qk->in[0], &p.scale);
    value *kt = unscaled(r, qk->in[1], &p.scale);
    p.v = n->in[1];
    int rank = value_rank(p.q);
    if (rank < 3 || rank > 4 || !dim_is_const(value_dim(p.q, -1)) || value_dtype(p.q) != NARU_FLOAT) return false;
    return same_heads(p.q, kt, rank) && same_heads(p.q, p.v, rank) && build(r, n, &p, kt);
}
