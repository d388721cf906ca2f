/* SPDX-License-Identifier: MIT
 *
 * norm: spelled-out normalizations over the last axis:
 *   d = x - Mean(x);  d / Sqrt(Mean(d^2) + eps) * w + b            -> LayerNormalization
 *   x * (1 / Sqrt(Mean(x^2) + eps)) * w,  or x / Sqrt(...) * w     -> RMSNormalization
 * w and b are constants of the last axis's length; b may be missing. Float32: others round between the steps.
 */
#include "passes/fuse.h"
#include "tensor/dtype.h"

bool pass_norm(rewriter *r, node *n);

/* v = Mean(x) over the last axis, kept: x. */
static value *mean_of(const rewriter *r, const value *v) {
    const node *p = rw_from(r, v, "ReduceMean");
    const attr *keep = p ? node_attr(p, "keepdims") : NULL;
    const int64_t *axes;
    int64_t n;
    if (!p || (keep && !keep->i) || !value_ints(node_in(p, 1), &axes, &n, r->arena) || n != 1) return NULL;
    return axes[0] == -1 || axes[0] == value_rank(p->in[0]) - 1 ? p->in[0] : NULL;
}

static value *square_of(const rewriter *r, const value *v) {
    const node *p = rw_from(r, v, "Pow");
    if (p) return value_is_scalar(p->in[1], 2, 0) ? p->in[0] : NULL;
    p = rw_from(r, v, "Mul");
    return p && p->in[0] == p->in[1] ? p->in[0] : NULL;
}

/* v = Sqrt(Mean(d^2) + eps): d. */
static value *root_mean_square(const rewriter *r, const value *v, double *eps) {
    const node *sqrt_ = rw_from(r, v, "Sqrt");
    const node *add = sqrt_ ? rw_from(r, sqrt_->in[0], "Add") : NULL;
    for (int i = 0; add && i < 2; i++) {
        if (!value_scalar(add->in[i], eps)) continue;
        const value *sq = mean_of(r, add->in[1 - i]);
        return sq ? square_of(r, sq) : NULL;
    }
    return NULL;
}

/* v = x / s or x * (1 / s) with s as above: x, and d of s. */
static value *divided_by_rms(const rewriter *r, const value *v, value **d, double *eps) {
    const node *div = rw_from(r, v, "Div");
    if (div && (*d = root_mean_square(r, div->in[1], eps))) return div->in[0];
    const node *mul = rw_from(r, v, "Mul");
    for (int i = 0; mul && i < 2; i++) {
        const node *inv = rw_from(r, mul->in[i], "Reciprocal");
        const value *s = inv ? inv->in[0] : NULL;
        if (!inv && (inv = rw_from(r, mul->in[i], "Div")) && value_is_scalar(inv->in[0], 1, 0)) s = inv->in[1];
        if (s && (*d = root_mean_square(r, s, eps))) return mul->in[1 - i];
    }
    return NULL;
}

/* v = d - Mean: x with d = x - Mean(x). */
static value *centred(const rewriter *r, const value *v) {
    const node *sub = rw_from(r, v, "Sub");
    return sub && mean_of(r, sub->in[1]) == sub->in[0] ? sub->in[0] : NULL;
}

static bool is_row(const value *v, const value *x) {
    const naru_tensor *t = value_const(v);
    return t && t->rank == 1 && t->dims[0] == value_dim(x, -1) && t->dtype == value_dtype(x);
}

static bool layer_norm(rewriter *r, node *n) {
    for (int i = 0; i < 2; i++) {
        const node *mul = rw_from(r, n->in[i], "Mul");
        for (int j = 0; mul && j < 2; j++) {
            value *d, *bias = n->in[1 - i], *w = mul->in[1 - j];
            double eps;
            const value *top = divided_by_rms(r, mul->in[j], &d, &eps);
            value *x = top ? centred(r, top) : NULL;
            if (!x || (d != top && centred(r, d) != x) || !is_row(bias, x) || !is_row(w, x)) continue;
            value *in[3] = {x, w, bias}, *y = rw_op(r, "LayerNormalization", "", 3, in);
            rw_int(r, y, "axis", -1);
            rw_float(r, y, "epsilon", eps);
            return rw_replace(r, n->out[0], y);
        }
    }
    return false;
}

static bool rms_norm(rewriter *r, node *n) {
    for (int i = 0; i < 2; i++) {
        value *d, *w = n->in[1 - i];
        double eps;
        value *x = is_row(w, n->out[0]) ? divided_by_rms(r, n->in[i], &d, &eps) : NULL;
        if (!x || d != x || !is_row(w, x)) continue;
        value *whole = centred(r, x);
        const node *user = whole ? rw_user(r, n->out[0]) : NULL;
        if (user && node_is(user, "Add") && user->block == n->block) return false; /* its bias comes along */
        value *in[2] = {whole ? whole : x, w},
              *y = rw_op(r, whole ? "LayerNormalization" : "RMSNormalization", "", 2, in);
        rw_int(r, y, "axis", -1);
        rw_float(r, y, "epsilon", eps);
        return rw_replace(r, n->out[0], y);
    }
    return false;
}

bool pass_norm(rewriter *r, node *n) {
    if (n->nin != 2 || !n->out[0] || value_dtype(n->out[0]) != NARU_FLOAT) return false;
    return node_is(n, "Add") ? layer_norm(r, n) : node_is(n, "Mul") && rms_norm(r, n);
}
