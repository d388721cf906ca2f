/* SPDX-License-Identifier: MIT
 *
 * fold_constants: a node all of whose inputs are constants is evaluated once, at build, by the reference evaluator.
 * Not random operators, not Q/DQ (OP_NOFOLD: they say how to quantize), not bodies, and not where the result would be
 * much larger than what it was made of (Expand, ConstantOfShape of a big shape).
 */
#include "passes/rewrite.h"

enum { MAX_GROWTH = 64 << 20, MAX_OUT = 16 };

bool pass_fold_constants(rewriter *r, node *n);

static bool foldable(const node *n, size_t *nbytes) {
    if (!n->op->eval || (n->op->flags & (OP_RANDOM | OP_NOFOLD | OP_CONTROL)) || n->nout > MAX_OUT) return false;
    for (int i = 0; i < n->nattrs; i++)
        if (n->attrs[i].kind == ATTR_GRAPH || n->attrs[i].kind == ATTR_GRAPHS) return false;
    for (int i = 0; i < n->nin; i++) {
        const naru_tensor *t = value_const(n->in[i]);
        if (n->in[i] && !t) return false;
        if (t) *nbytes += tensor_bytes(t);
    }
    return true;
}

static bool too_big(const node *n, size_t nbytes) {
    size_t out = 0;
    for (int i = 0; i < n->nout; i++) {
        if (!n->out[i] || !fact_complete(&n->out[i]->fact)) continue;
        const type *t = &n->out[i]->fact.type;
        int64_t count;
        if (!dims_count(t->rank, t->dims, &count)) return true;
        out += dtype_bytes(t->dtype, count);
    }
    return out > nbytes + MAX_GROWTH;
}

static bool evaluate(const node *n, naru_value **out) {
    enum { FEW = 32 };
    naru_value *in[FEW] = {0};
    bool ok = n->nin <= FEW;
    for (int i = 0; ok && i < n->nin; i++)
        if (n->in[i]) ok = value_new_tensor(n->in[i]->constant, &in[i], NULL) == NARU_OK;
    ok = ok && node_evaluate(n, in, out, 0, NULL) == NARU_OK; /* an error is the run's to report */
    for (int i = 0; i < n->nin && i < FEW; i++) value_unref(in[i]);
    return ok;
}

bool pass_fold_constants(rewriter *r, node *n) {
    size_t nbytes = 0;
    naru_value *out[MAX_OUT] = {0};
    if (!foldable(n, &nbytes) || too_big(n, nbytes) || !evaluate(n, out)) return false;
    bool ok = true;
    for (int i = 0; i < n->nout; i++)
        if (out[i] && (out[i]->kind != NARU_KIND_TENSOR || tensor_bytes(out[i]->tensor) > nbytes + MAX_GROWTH))
            ok = false;
    for (int i = 0; i < n->nout; i++) {
        if (ok && n->out[i] && out[i]) rw_constant(r, n->out[i], tensor_ref(out[i]->tensor));
        value_unref(out[i]);
    }
    return ok;
}
