/* SPDX-License-Identifier: MIT
 *
 * halves: operators on FP16 and BF16 that have fast kernels in FP32 only run in FP32, between Casts:
 *
 *   y = Conv(x, w)   ->   y = Cast<half>(Conv(Cast<float>(x), w as float))
 *
 * A value that is the rounding of an FP32 one is read as that: between two such operators nothing is rounded. Results
 * lie nearer to the exact ones than the model's own types would give, and what overflows FP16 on the way does not. What
 * the model's other operators read, and its outputs, are rounded and keep their types; so do operators of FP32 that
 * read a Cast of the model's own.
 *
 *   products       always
 *   elementwise    where an operand is in FP32 already: alone they are as fast in halves
 *   movers         where all that they move is in FP32 already, so that patterns are found behind them
 */
#include <stdio.h>

#include "ops/sig.h"
#include "passes/rewrite.h"

bool pass_halves(rewriter *r, node *n);

enum { MAX_IN = 32, MAX_OUT = 8 };
typedef enum kind { NONE, PRODUCT, ELEMENT, MOVER } kind;

static const struct {
    kind kind;
    const char *ops; /* each between blanks */
} k_kinds[] = {
    {PRODUCT, " Conv ConvTranspose Gemm MatMul Einsum Attention LSTM GRU RNN Softmax LogSoftmax LayerNormalization "
              "RMSNormalization GroupNormalization InstanceNormalization BatchNormalization LpNormalization LRN "
              "AveragePool MaxPool LpPool GlobalAveragePool GlobalMaxPool ReduceMean ReduceSum ReduceMax ReduceMin "
              "ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp Resize GridSample "},
    {ELEMENT, " Add Sub Mul Div Pow Min Max Sum Mean Sqrt Exp Log Erf Tanh Sigmoid Relu LeakyRelu PRelu Elu Celu Selu "
              "HardSigmoid HardSwish Gelu Swish Mish Softplus Softsign Clip Neg Abs Reciprocal Sin Cos Where "},
    {MOVER, " Identity Reshape Transpose Flatten Squeeze Unsqueeze Concat Split Slice Gather Expand Pad Tile "
            "DepthToSpace SpaceToDepth "},
};

static kind kind_of(const node *n) {
    char word[40];
    int len = snprintf(word, sizeof word, " %s ", n->op_type);
    for (size_t i = 0; !*n->domain && len < (int)sizeof word && i < COUNT_OF(k_kinds); i++)
        if (strstr(k_kinds[i].ops, word)) return k_kinds[i].kind;
    return NONE;
}

static bool is_half(const value *v) {
    return v && v->fact.type.kind == TYPE_TENSOR && (value_dtype(v) == NARU_FLOAT16 || value_dtype(v) == NARU_BFLOAT16);
}

/* The FP32 value that v is the rounding of. */
static value *wide_of(const rewriter *r, const value *v) {
    const node *cast = rw_from(r, v, "Cast");
    return cast && value_dtype(cast->in[0]) == NARU_FLOAT ? cast->in[0] : NULL;
}

/* Is it worth it? movers: all operands that are no constants are wide; elementwise: one is. */
static bool wanted(const rewriter *r, const node *n, kind k) {
    int wide = 0, narrow = 0;
    for (int i = 0; i < n->nin; i++)
        if (is_half(n->in[i]) && !value_const(n->in[i])) *(wide_of(r, n->in[i]) ? &wide : &narrow) += 1;
    return k == PRODUCT || (wide > 0 && (k == ELEMENT || narrow == 0));
}

static bool takes_float(const sig *s, const sig_param *p) { return p && sig_types(s, p) >> NARU_FLOAT & 1; }

/* Every half may be FP32 instead, and each half that comes out has the type of one that goes in. */
static bool can_widen(const node *n, const sig *s) {
    bool vars[SIG_MAX_VARS] = {false};
    if (n->nin > MAX_IN || n->nout > MAX_OUT) return false;
    for (int i = 0; i < n->nin; i++) {
        const sig_param *p = sig_input(s, i);
        if (!is_half(n->in[i])) continue;
        if (!takes_float(s, p)) return false;
        if (p->var >= 0) vars[p->var] = true;
    }
    for (int i = 0; i < n->nout; i++) {
        const sig_param *p = sig_output(s, i);
        if (is_half(n->out[i]) && (!takes_float(s, p) || p->var < 0 || !vars[p->var])) return false;
    }
    return is_half(node_out(n, 0));
}

static value *cast(rewriter *r, value *v, naru_dtype d) {
    value *out = rw_op(r, "Cast", "", 1, &v);
    rw_int(r, out, "to", d);
    return out;
}

static value *widened(rewriter *r, value *v) {
    if (!is_half(v)) return v;
    if (value_const(v)) return rw_tensor(r, tensor_as(tensor_ref(v->constant), NARU_FLOAT));
    value *wide = wide_of(r, v);
    return wide ? wide : cast(r, v, NARU_FLOAT);
}

bool pass_halves(rewriter *r, node *n) {
    kind k = kind_of(n);
    sig s;
    if (k == NONE || !n->op || !is_half(node_out(n, 0)) || !wanted(r, n, k)) return false;
    if (!sig_parse(n->op->sig, &s) || !can_widen(n, &s)) return false;
    value *in[MAX_IN];
    for (int i = 0; i < n->nin; i++) in[i] = widened(r, n->in[i]);
    node *wide = rw_node(r, n->op_type, "", n->nin, in, n->nout);
    if (!wide) return false;
    rw_attrs_from(r, wide->out[0], n);
    for (int i = 0; i < n->nout; i++) {
        value *old = n->out[i];
        if (!old) continue;
        if (!rw_replace(r, old, is_half(old) ? cast(r, wide->out[i], value_dtype(old)) : wide->out[i])) return false;
    }
    return true;
}
