/* SPDX-License-Identifier: MIT
 *
 * quant_product: a product whose operands are dequantized becomes one over integers (ops/util_qfused.h):
 *   [Fused]Conv(DQ(x), DQ(w) [, bias] [, residual]) -> naru.QConv, float32 result; the same of MatMul and Gemm;
 *   QLinearConv, QLinearMatMul -> naru.QConv, naru.QMatMul, 8-bit result.
 *   GlobalAveragePool(DQ(x)), or ReduceMean over all spatial axes -> naru.QGlobalAveragePool, float32 result.
 * Weights, bias and parameters are constants; x is quantized per tensor, w per tensor or per output channel. Of
 * activations Relu and Clip go along, others become nodes again. quant_output then joins the Q behind. After the
 * fusions of float products, which have collected residual and activation; before layout.
 */
#include "passes/fuse.h"
#include "passes/quant.h"
#include "ops/util_qfused.h"
#include "tensor/dtype.h"

bool pass_quant_product(rewriter *r, node *n);

static int64_t int_attr(const node *n, const char *name, int64_t dflt) {
    const attr *a = node_attr(n, name);
    return a && a->kind == ATTR_INT ? a->i : dflt;
}
static bool is_one(const node *n, const char *name) {
    const attr *a = node_attr(n, name);
    return !a || a->f == 1;
}

/* W's shape and place of its output channels; what a tactic takes. */
static bool weights_fit(const node *n, bool conv, const naru_tensor *w) {
    int rank = value_rank(n->in[0]);
    if (!w || !tensor_is_contiguous(w) || tensor_count(w) == 0 || value_rank(n->out[0]) < 0) return false;
    if (conv) return w->rank >= 3 && w->rank <= 5 && rank == w->rank;
    return w->rank == 2 && rank >= 2;
}

static bool bias_fits(const value *b, int64_t channels, naru_dtype d) {
    const naru_tensor *t = value_const(b);
    return !b || (t && t->dtype == d && t->rank == 1 && t->dims[0] == channels);
}

static naru_tensor *turned(const naru_tensor *w) {
    naru_tensor *t = NULL;
    int64_t dims[2] = {w->dims[1], w->dims[0]};
    if (tensor_new(w->dtype, 2, dims, &t, NULL) != NARU_OK) return NULL;
    for (int64_t i = 0; i < w->dims[0]; i++)
        for (int64_t j = 0; j < w->dims[1]; j++)
            ((char *)t->data)[j * dims[1] + i] = ((const char *)w->data)[i * w->dims[1] + j];
    return t;
}

/* The activation of p behind v, as a node again. */
static value *activation_behind(rewriter *r, const node *p, value *v) {
    const attr *a = node_attr(p, "activation"), *f = node_attr(p, "activation_params");
    const char *name = a && a->kind == ATTR_STRING ? a->s.data : "";
    float f0 = f && f->count > 0 ? f->floats[0] : 0, f1 = f && f->count > 1 ? f->floats[1] : 0;
    bool tanh_form = strcmp(name, "GeluTanh") == 0;
    value *y = rw_op(r, tanh_form ? "Gelu" : name, "", 1, &v);
    if (tanh_form) rw_string(r, y, "approximate", "tanh");
    if (strcmp(name, "LeakyRelu") == 0 || strcmp(name, "HardSigmoid") == 0) rw_float(r, y, "alpha", (double)f0);
    if (strcmp(name, "HardSigmoid") == 0) rw_float(r, y, "beta", (double)f1);
    return y;
}

static bool takes_activation(const node *p) {
    const attr *a = node_attr(p, "activation");
    return !a || a->s.len == 0 || strcmp(a->s.data, "Relu") == 0 || strcmp(a->s.data, "Clip") == 0;
}

static value *made(rewriter *r, const node *n, const char *op, value *const *in) {
    value *y = rw_op(r, op, "naru", QF_INPUTS, in);
    if (!y) return NULL;
    rw_attrs_from(r, y, n);
    y->producer->name = n->name;
    if (takes_activation(n)) return y;
    rw_string(r, y, "activation", "");
    for (int i = 0; i < y->producer->nattrs; i++)
        if (strcmp(y->producer->attrs[i].name, "activation_params") == 0) y->producer->attrs[i].kind = ATTR_NONE;
    return activation_behind(r, n, y);
}

static bool from_float(rewriter *r, node *n, bool conv) {
    quant x, w, z;
    bool gemm = node_is(n, "Gemm"), trans = gemm && int_attr(n, "transB", 0);
    if (gemm && (int_attr(n, "transA", 0) || !is_one(n, "alpha") || !is_one(n, "beta"))) return false;
    if (!quant_from(r, n->in[0], &x) || !quant_is_one(&x) || !quant_from(r, node_in(n, 1), &w)) return false;
    const naru_tensor *t = value_const(w.x);
    if (!weights_fit(n, conv, t) || int_attr(n, "channels_last", 0)) return false;
    int axis = conv || trans ? 0 : 1;
    if (!quant_is_one(&w) && w.axis != axis) return false;
    if (!bias_fits(node_in(n, FUSE_BIAS), t->dims[axis], NARU_FLOAT)) return false;
    value *in[QF_INPUTS] = {[QF_X] = x.x,         [QF_W] = w.x,           [QF_BIAS] = node_in(n, FUSE_BIAS),
                            [QF_X_ZERO] = x.zero, [QF_X_SCALE] = x.scale, [QF_W_SCALE] = w.scale,
                            [QF_W_ZERO] = w.zero};
    if (!gemm) in[QF_Z] = node_in(n, FUSE_RESIDUAL);
    if (in[QF_Z] && quant_from(r, in[QF_Z], &z) && quant_is_one(&z))
        in[QF_Z] = z.x, in[QF_Z_SCALE] = z.scale, in[QF_Z_ZERO] = z.zero;
    if (trans) in[QF_W] = rw_tensor(r, turned(t));
    value *y = made(r, n, conv ? "QConv" : "QMatMul", in);
    return !y || rw_replace(r, n->out[0], y);
}

/* Inputs of QLinearConv and QLinearMatMul: x, scale, zero, w, scale, zero, y_scale, y_zero, bias. */
static bool from_qlinear(rewriter *r, node *n, bool conv) {
    const naru_tensor *w = value_const(n->in[3]), *wz = value_const(n->in[5]);
    naru_dtype x = value_dtype(n->in[0]);
    if ((x != NARU_INT8 && x != NARU_UINT8) || !weights_fit(n, conv, w)) return false;
    int64_t channels = w->dims[conv ? 0 : 1];
    if (!quant_scale_ok(n->in[1], 0) || !quant_scale_ok(n->in[4], channels) || !quant_scale_ok(n->in[6], 0))
        return false;
    const naru_tensor *xz = value_const(n->in[2]), *yz = value_const(n->in[7]);
    if (!xz || !yz || !wz || tensor_count(xz) != 1 || tensor_count(yz) != 1 || xz->rank > 1 || yz->rank > 1)
        return false;
    if (wz->rank > 1 || (tensor_count(wz) != 1 && tensor_count(wz) != channels)) return false;
    if (!bias_fits(node_in(n, 8), channels, NARU_INT32)) return false;
    value *in[QF_INPUTS] = {[QF_X] = n->in[0],       [QF_W] = n->in[3],       [QF_BIAS] = node_in(n, 8),
                            [QF_X_SCALE] = n->in[1], [QF_X_ZERO] = n->in[2],  [QF_W_SCALE] = n->in[4],
                            [QF_W_ZERO] = n->in[5],  [QF_Y_SCALE] = n->in[6], [QF_Y_ZERO] = n->in[7]};
    value *y = made(r, n, conv ? "QConv" : "QMatMul", in);
    return !y || rw_replace(r, n->out[0], y);
}

static bool over_pixels(rewriter *r, const node *n, int rank) {
    const int64_t *axes;
    int64_t count, seen = 0;
    if (!value_ints(node_in(n, 1), &axes, &count, r->arena) || count != rank - 2 || !int_attr(n, "keepdims", 1))
        return false;
    for (int64_t i = 0; i < count; i++) {
        int64_t a = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (a < 2 || a >= rank || (seen >> a & 1)) return false;
        seen |= (int64_t)1 << a;
    }
    return true;
}

static bool mean(rewriter *r, node *n) {
    quant x;
    int rank = value_rank(n->in[0]);
    if (rank < 3 || !quant_from(r, n->in[0], &x) || !quant_is_one(&x)) return false;
    if (node_is(n, "ReduceMean") && !over_pixels(r, n, rank)) return false;
    value *in[3] = {x.x, x.scale, x.zero};
    return rw_replace(r, n->out[0], rw_op(r, "QGlobalAveragePool", "naru", 3, in));
}

bool pass_quant_product(rewriter *r, node *n) {
    if (n->nin && n->in[0] && n->out[0] && (node_is(n, "GlobalAveragePool") || node_is(n, "ReduceMean")))
        return mean(r, n);
    if (n->nin < 2 || !n->in[0] || !n->in[1] || !n->out[0]) return false;
    if (node_is(n, "QLinearConv") || node_is(n, "QLinearMatMul")) return from_qlinear(r, n, node_is(n, "QLinearConv"));
    if (value_dtype(n->in[0]) != NARU_FLOAT) return false;
    if (node_is(n, "Conv") || node_is_naru(n, "FusedConv")) return from_float(r, n, true);
    if (node_is(n, "MatMul") || node_is_naru(n, "FusedMatMul") || node_is(n, "Gemm")) return from_float(r, n, false);
    return false;
}
