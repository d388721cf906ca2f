/* SPDX-License-Identifier: MIT
 *
 * Shared by the fusing passes (fuse.h).
 */
#include "passes/fuse.h"

#include "tensor/dtype.h"

typedef struct form {
    const char *plain, *fused;
} form;
static const form k_forms[] = {{"Conv", "FusedConv"}, {"MatMul", "FusedMatMul"}};

static const char *fused_name(const node *p) {
    for (size_t i = 0; i < COUNT_OF(k_forms); i++)
        if (node_is(p, k_forms[i].plain) || node_is_naru(p, k_forms[i].fused)) return k_forms[i].fused;
    return NULL;
}

node *fuse_product(const rewriter *r, const value *v) {
    node *p = v ? v->producer : NULL;
    if (!p || p->block != r->at->block || !fused_name(p) || rw_uses(r, v) != 1) return NULL;
    if (!op_find("naru", fused_name(p))) return NULL;
    return value_dtype(v) == NARU_FLOAT ? p : NULL;
}

bool fuse_is_plain(const node *p) {
    const attr *a = node_attr(p, "activation");
    return !a || a->s.len == 0;
}
bool fuse_has_residual(const node *p) { return node_in(p, FUSE_RESIDUAL) != NULL; }

value *fuse_start(rewriter *r, const node *p) {
    value *in[FUSE_INPUTS] = {NULL};
    for (int i = 0; i < p->nin && i < FUSE_INPUTS; i++) in[i] = p->in[i];
    node *n = rw_node(r, fused_name(p), "naru", FUSE_INPUTS, in, 1);
    if (!n) return NULL;
    int nin = n->nin;
    if (!node_set_nin(n, FUSE_INPUTS)) return r->failed = true, NULL; /* room; what stays NULL is trimmed */
    for (int i = nin; i < FUSE_INPUTS; i++) n->in[i] = NULL;
    rw_attrs_from(r, n->out[0], p);
    n->name = p->name;
    return n->out[0];
}

value *other_operand(const node *n, const value *v) {
    if (n->nin != 2) return NULL;
    return n->in[0] == v ? n->in[1] : n->in[1] == v ? n->in[0] : NULL;
}

value *operand_beside_scalar(const node *n, double want) {
    for (int i = 0; i < 2 && n->nin == 2; i++)
        if (value_is_scalar(n->in[i], want, 1e-3)) return n->in[1 - i];
    return NULL;
}

const double *channel_constant(rewriter *r, const value *v, int rank, int axis, int64_t channels) {
    const naru_tensor *t = value_const(v);
    if (!t || !dtype_is_float(t->dtype) || t->rank > rank || !tensor_is_contiguous(t)) return NULL;
    int64_t n = tensor_count(t);
    int at = t->rank - (rank - axis); /* of the channels in t */
    if (n != 1 && (n != channels || at < 0 || t->dims[at] != channels)) return NULL;
    double *out = arena_alloc(r->arena, (size_t)channels * sizeof *out);
    for (int64_t i = 0; out && i < channels; i++) out[i] = dtype_get_f64(t->dtype, t->data, n == 1 ? 0 : i);
    return out;
}
