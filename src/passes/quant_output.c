/* SPDX-License-Identifier: MIT
 *
 * quant_output: what follows a quantized product (naru.QConv, naru.QMatMul) and reads it alone joins its epilogue:
 *   QuantizeLinear per tensor behind a float32 result: the product has an 8-bit result;
 *   Relu, Clip behind a float32 result without activation;
 *   QuantizeLinear behind the float32 result of naru.QGlobalAveragePool, likewise;
 *   Max(q, zero point) behind an 8-bit one (a Relu that qdq moved between Q and DQ): rounding is monotonous, so this is
 *   Relu before it.
 * And Q([Relu, Clip](Add(DQ(a), DQ(b)))) of values of one shape becomes naru.QAdd.
 */
#include "passes/quant.h"
#include "ops/util_qfused.h"

bool pass_quant_output(rewriter *r, node *n);

static node *product(const rewriter *r, const value *v) {
    node *p = v ? v->producer : NULL;
    if (!p || p->block != r->at->block || rw_uses(r, v) != 1) return NULL;
    return node_is_naru(p, "QConv") || node_is_naru(p, "QMatMul") ? p : NULL;
}

static bool is_plain(const node *p) {
    const attr *a = node_attr(p, "activation");
    return !a || a->s.len == 0;
}

/* p again, to be changed; in: room for QF_INPUTS. */
static value *again(rewriter *r, const node *p, value **in) {
    value *y = rw_op(r, p->op_type, "naru", QF_INPUTS, in);
    if (!y) return NULL;
    rw_attrs_from(r, y, p);
    y->producer->name = p->name;
    return y;
}

static void inputs_of(const node *p, value **in) {
    for (int i = 0; i < QF_INPUTS; i++) in[i] = node_in(p, i);
}

static bool join_quantize(rewriter *r, node *n, node *p) {
    quant q;
    value *in[QF_INPUTS];
    if (node_in(p, QF_Y_SCALE) || !quant_of(n, &q) || !quant_is_one(&q)) return false;
    inputs_of(p, in);
    in[QF_Y_SCALE] = q.scale, in[QF_Y_ZERO] = quant_zero_value(r, &q);
    value *y = again(r, p, in);
    return !y || rw_replace(r, n->out[0], y);
}

static bool join_activation(rewriter *r, node *n, node *p) {
    double lo = 0, hi = 0;
    bool clip = node_is(n, "Clip");
    if (node_in(p, QF_Y_SCALE) || !is_plain(p)) return false;
    if (clip && (!value_scalar(node_in(n, 1), &lo) || !value_scalar(node_in(n, 2), &hi) || !(lo <= hi))) return false;
    value *in[QF_INPUTS];
    inputs_of(p, in);
    value *y = again(r, p, in);
    if (!y) return true;
    rw_string(r, y, "activation", n->op_type);
    if (clip) rw_floats(r, y, "activation_params", (const float[]){(float)lo, (float)hi}, 2);
    return rw_replace(r, n->out[0], y);
}

static bool join_max(rewriter *r, node *n) {
    for (int i = 0; i < 2; i++) {
        node *p = product(r, n->in[i]);
        double zero, beside;
        if (!p || !is_plain(p) || !node_in(p, QF_Y_SCALE) || !value_scalar(node_in(p, QF_Y_ZERO), &zero)) continue;
        if (!value_scalar(n->in[1 - i], &beside) || zero != beside || value_rank(n->in[1 - i]) > 1) continue;
        value *in[QF_INPUTS];
        inputs_of(p, in);
        value *y = again(r, p, in);
        rw_string(r, y, "activation", "Relu");
        return !y || rw_replace(r, n->out[0], y);
    }
    return false;
}

static bool join_mean(rewriter *r, node *n) {
    enum { X, X_SCALE, X_ZERO, Y_SCALE, Y_ZERO, INPUTS };
    quant q;
    node *p = n->in[0]->producer;
    if (!p || p->block != n->block || !node_is_naru(p, "QGlobalAveragePool") || rw_uses(r, n->in[0]) != 1) return false;
    if (node_in(p, Y_SCALE) || !quant_of(n, &q) || !quant_is_one(&q)) return false;
    value *in[INPUTS] = {p->in[X], p->in[X_SCALE], node_in(p, X_ZERO), q.scale, quant_zero_value(r, &q)};
    value *y = rw_op(r, p->op_type, "naru", INPUTS, in);
    rw_attrs_from(r, y, p);
    return !y || rw_replace(r, n->out[0], y);
}

/* n: Q. */
static bool add(rewriter *r, node *n) {
    quant q, a, b;
    double lo = 0, hi = 0;
    if (!quant_of(n, &q) || !quant_is_one(&q)) return false;
    node *act = rw_only_from(r, n->in[0], "Relu"), *clip = rw_only_from(r, n->in[0], "Clip");
    if (clip && (!value_scalar(node_in(clip, 1), &lo) || !value_scalar(node_in(clip, 2), &hi) || !(lo <= hi)))
        return false;
    node *p = rw_only_from(r, act ? act->in[0] : clip ? clip->in[0] : n->in[0], "Add");
    if (!p || !quant_from(r, p->in[0], &a) || !quant_from(r, p->in[1], &b)) return false;
    if (!quant_is_one(&a) || !quant_is_one(&b) || !value_same_shape(a.x, b.x)) return false;
    value *in[] = {a.x, b.x, a.scale, a.zero, b.scale, b.zero, q.scale, quant_zero_value(r, &q)};
    value *y = rw_op(r, "QAdd", "naru", 8, in);
    if (act || clip) rw_string(r, y, "activation", act ? "Relu" : "Clip");
    if (clip) rw_floats(r, y, "activation_params", (const float[]){(float)lo, (float)hi}, 2);
    return !y || rw_replace(r, n->out[0], y);
}

bool pass_quant_output(rewriter *r, node *n) {
    if (!n->nin || !n->in[0] || !n->out[0]) return false;
    if (node_is(n, "Max") && n->nin == 2 && n->in[1]) return join_max(r, n);
    node *p = product(r, n->in[0]);
    if (!p) return node_is(n, "QuantizeLinear") && (join_mean(r, n) || add(r, n));
    if (node_is(n, "QuantizeLinear")) return join_quantize(r, n, p);
    return (node_is(n, "Relu") || node_is(n, "Clip")) && join_activation(r, n, p);
}
