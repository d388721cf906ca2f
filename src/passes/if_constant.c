/* SPDX-License-Identifier: MIT
 *
 * if_constant: an If whose condition is a constant is replaced by the branch that it takes.
 */
#include "passes/rewrite.h"
#include "tensor/dtype.h"

bool pass_if_constant(rewriter *r, node *n);

bool pass_if_constant(rewriter *r, node *n) {
    const naru_tensor *c = node_is(n, "If") ? value_const(n->in[0]) : NULL;
    if (!c || c->dtype != NARU_BOOL || tensor_count(c) != 1) return false;
    const attr *branch = node_attr(n, dtype_get_i64(NARU_BOOL, c->data, 0) ? "then_branch" : "else_branch");
    if (!branch || !branch->block || branch->block->nin || branch->block->nout != n->nout) return false;
    return rw_inline(r, branch->block);
}
