/* SPDX-License-Identifier: MIT
 *
 * gemm_matmul: a Gemm of constant weights and a bias row, without factors, becomes MatMul + bias in fused form, so that
 * what follows (activation, residual) can join it. transB turns the weights, once, here; not when they are large, for
 * that would hold them twice while the engine is built. After conv_bn.
 */
#include "passes/fuse.h"
#include "tensor/dtype.h"

enum { MAX_TURNED = 4 << 20 }; /* bytes */

bool pass_gemm_matmul(rewriter *r, node *n);

static bool is_int(const node *n, const char *name, int64_t want) {
    const attr *a = node_attr(n, name);
    return a ? a->i == want : want == 0;
}
static bool is_one(const node *n, const char *name) {
    const attr *a = node_attr(n, name);
    return !a || a->f == 1;
}

static naru_tensor *turned(const naru_tensor *w) {
    naru_tensor view = *w, *out;
    view.dims[0] = w->dims[1], view.dims[1] = w->dims[0];
    view.strides[0] = 1, view.strides[1] = w->dims[1];
    if (tensor_new(w->dtype, 2, view.dims, &out, NULL) != NARU_OK) return NULL;
    if (tensor_copy(out, &view, NULL) == NARU_OK) return out;
    tensor_unref(out);
    return NULL;
}

bool pass_gemm_matmul(rewriter *r, node *n) {
    const naru_tensor *w = node_is(n, "Gemm") ? value_const(node_in(n, 1)) : NULL, *c = value_const(node_in(n, 2));
    if (!w || w->rank != 2 || value_dtype(n->in[0]) != NARU_FLOAT || !op_find("naru", "FusedMatMul")) return false;
    if (!is_int(n, "transA", 0) || !is_one(n, "alpha") || !is_one(n, "beta")) return false;
    bool trans = !is_int(n, "transB", 0);
    if (node_in(n, 2) && (!c || c->rank != 1 || c->dims[0] != w->dims[trans ? 0 : 1])) return false;
    if (trans && tensor_bytes(w) > MAX_TURNED) return false;
    /* Only where something will join: otherwise Gemm is as good. */
    const node *user = rw_user(r, n->out[0]);
    if (!user || user->block != n->block) return false;
    value *in[3] = {n->in[0], n->in[1], node_in(n, 2)};
    naru_tensor *t = trans ? turned(w) : NULL;
    if (trans && !t) return false;
    if (trans) in[1] = rw_tensor(r, t);
    return rw_replace(r, n->out[0], rw_op(r, "FusedMatMul", "naru", 3, in));
}
