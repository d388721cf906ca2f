/* SPDX-License-Identifier: MIT
 *
 * attention: Softmax(scale Q K' + mask) V spelled out becomes Attention; scale may stand before or after the product,
 * as factors or divisors. Then, where the heads are folded and unfolded around it by Reshape and Transpose(0, 2, 1, 3),
 * the rank 3 form takes the folded operands and the four transposes go away.
 *
 * Needs: rank 4, float32, equal batch and heads of Q, K and V (no broadcast), a mask whose last dim is that of the
 * scores. A row masked entirely by -infinity gives zeros instead of NaN. After gelu and norm; before bias rows go into
 * products.
 */
#include "passes/rewrite.h"

bool pass_attention(rewriter *r, node *n);

static bool perm_is(const node *n, const int64_t *want) {
    const attr *p = node_attr(n, "perm");
    if (!p || p->kind != ATTR_INTS || p->count != 4) return false;
    for (int i = 0; i < 4; i++)
        if (p->ints[i] != want[i]) return false;
    return true;
}
static const int64_t k_heads[4] = {0, 2, 1, 3}, k_swap[4] = {0, 1, 3, 2}, k_both[4] = {0, 2, 3, 1};

static value *transposed(const rewriter *r, const value *v, const int64_t *perm) {
    const node *t = rw_from(r, v, "Transpose");
    return t && perm_is(t, perm) ? t->in[0] : NULL;
}

/* v without factors and divisors that are constants; they go into *scale. `only`: v and what is under it have no other
 * reader. */
static value *unscaled(const rewriter *r, value *v, double *scale, bool only) {
    for (;;) {
        double c;
        const node *m = only ? rw_only_from(r, v, "Mul") : rw_from(r, v, "Mul");
        const node *d = only ? rw_only_from(r, v, "Div") : rw_from(r, v, "Div");
        if (m && value_scalar(m->in[1], &c) && value_rank(m->in[0]) == 4) *scale *= c, v = m->in[0];
        else if (m && value_scalar(m->in[0], &c) && value_rank(m->in[1]) == 4) *scale *= c, v = m->in[1];
        else if (d && value_scalar(d->in[1], &c) && c != 0 && value_rank(d->in[0]) == 4) *scale /= c, v = d->in[0];
        else return v;
    }
}

typedef struct match {
    node *product; /* Q K' */
    value *q, *k, *v, *mask;
    bool k_folded; /* k is [B, T, H, D] */
    double scale;
} match;

static bool same_dim(const value *a, int i, const value *b, int j) {
    dim_t x = value_dim(a, i);
    return x != DIM_UNKNOWN && x == value_dim(b, j);
}

/* Each dim of the mask is 1 or that of the scores, the last one the scores'. */
static bool mask_fits(const value *mask, const value *scores) {
    int rank = value_rank(mask);
    if (rank < 1 || rank > 4 || value_dtype(mask) != NARU_FLOAT || !same_dim(mask, rank - 1, scores, 3)) return false;
    for (int i = 0; i < rank - 1; i++)
        if (value_dim(mask, i) != 1 && !same_dim(mask, i, scores, 4 - rank + i)) return false;
    return true;
}

/* The softmax's input: [mask +] scale * product. */
static bool match_scores(const rewriter *r, value *s, match *m) {
    const node *add = rw_only_from(r, s, "Add");
    for (int i = 0; i < 3; i++) {
        if (i < 2 && !add) continue;
        double scale = m->scale;
        value *x = unscaled(r, i < 2 ? add->in[i] : s, &scale, true);
        node *p = rw_only_from(r, x, "MatMul");
        if (!p || value_rank(x) != 4) continue;
        if (i < 2 && !mask_fits(add->in[1 - i], x)) continue;
        m->product = p, m->scale = scale, m->mask = i < 2 ? add->in[1 - i] : NULL;
        return true;
    }
    return false;
}

static bool match_operands(const rewriter *r, match *m) {
    m->q = unscaled(r, m->product->in[0], &m->scale, false);
    value *kt = unscaled(r, m->product->in[1], &m->scale, false);
    m->k = transposed(r, kt, k_swap);
    if (!m->k && (m->k = transposed(r, kt, k_both))) m->k_folded = true;
    if (!m->k || !(m->scale > 0)) return false;
    const value *all[3] = {m->q, m->k, m->v};
    for (int i = 0; i < 3; i++)
        if (value_rank(all[i]) != 4 || value_dtype(all[i]) != NARU_FLOAT) return false;
    int kh = m->k_folded ? 2 : 1, kt_axis = m->k_folded ? 1 : 2;
    return same_dim(m->q, 0, m->k, 0) && same_dim(m->q, 0, m->v, 0) && same_dim(m->q, 1, m->k, kh) &&
           same_dim(m->q, 1, m->v, 1) && same_dim(m->q, 3, m->k, 3) && same_dim(m->k, kt_axis, m->v, 2);
}

static bool spelled_out(rewriter *r, node *n) {
    const node *sm = rw_only_from(r, n->in[0], "Softmax");
    match m = {.v = n->in[1], .scale = 1};
    if (!sm || value_rank(sm->in[0]) != 4) return false;
    const attr *axis = node_attr(sm, "axis");
    if (axis && axis->i != -1 && axis->i != 3) return false;
    if (!match_scores(r, sm->in[0], &m) || !match_operands(r, &m)) return false;
    value *k = m.k;
    if (m.k_folded) {
        k = rw_op(r, "Transpose", "", 1, &m.k);
        if (!k) return false;
        rw_ints(r, k, "perm", k_heads, 4);
    }
    value *in[4] = {m.q, k, m.v, m.mask};
    value *y = rw_op(r, "Attention", "", m.mask ? 4 : 3, in);
    if (!y) return false;
    rw_float(r, y, "scale", m.scale);
    return rw_replace(r, n->out[0], y);
}

/* The [B, S, H D] that Reshape and Transpose(0, 2, 1, 3) turned into v, [B, H, S, D] with constant H and D; else NULL.
 */
static value *folded(const rewriter *r, const value *v) {
    value *split = transposed(r, v, k_heads);
    const node *reshape = rw_from(r, split, "Reshape");
    if (!reshape || value_rank(reshape->in[0]) != 3) return NULL;
    value *x = reshape->in[0];
    dim_t h = value_dim(split, 2), d = value_dim(split, 3);
    bool fits = h > 0 && d > 0 && value_dim(x, 2) == h * d && same_dim(x, 0, split, 0) && same_dim(x, 1, split, 1);
    return fits ? x : NULL;
}

/* Reshape(Transpose(Attention(..))) of folded operands. */
static bool unfold(rewriter *r, node *n) {
    const node *t = rw_only_from(r, n->in[0], "Transpose");
    const node *a = t && perm_is(t, k_heads) ? rw_only_from(r, t->in[0], "Attention") : NULL;
    if (!a || a->nin > 4 || value_rank(n->out[0]) != 3) return false;
    value *q = folded(r, a->in[0]), *k = folded(r, a->in[1]), *v = folded(r, a->in[2]);
    if (!q || !k || !v) return false;
    dim_t heads = value_dim(a->in[0], 1), size = value_dim(a->in[2], 3);
    if (value_dim(n->out[0], 2) != heads * size || !same_dim(n->out[0], 0, q, 0) || !same_dim(n->out[0], 1, q, 1))
        return false;
    value *in[4] = {q, k, v, node_in(a, 3)};
    value *y = rw_op(r, "Attention", "", in[3] ? 4 : 3, in);
    if (!y) return false;
    rw_attrs_from(r, y, a);
    rw_int(r, y, "q_num_heads", heads);
    rw_int(r, y, "kv_num_heads", value_dim(a->in[1], 1));
    return rw_replace(r, n->out[0], y);
}

bool pass_attention(rewriter *r, node *n) {
    if (node_is(n, "MatMul")) return spelled_out(r, n);
    return node_is(n, "Reshape") && unfold(r, n);
}
