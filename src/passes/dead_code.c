/* SPDX-License-Identifier: MIT
 *
 * dead_code: a node none of whose outputs is read goes away, and with it what only it read. Outputs of a node that
 * nobody reads become omitted where the operator's signature lets them be (then no memory is planned for them).
 */
#include "ops/sig.h"
#include "passes/rewrite.h"

bool pass_dead_code(rewriter *r, node *n);

bool pass_dead_code(rewriter *r, node *n) {
    if (rw_sweep(r, n)) return true;
    if (n->nout < 2 || (n->op->flags & OP_CONTROL)) return false;
    sig s;
    bool changed = false;
    if (!sig_parse(n->op->sig, &s)) return false;
    for (int i = 1; i < n->nout; i++) {
        const sig_param *p = sig_output(&s, i);
        if (!n->out[i] || !p || !p->optional || rw_uses(r, n->out[i]) > 0) continue;
        n->out[i]->producer = NULL;
        n->out[i] = NULL;
        changed = true;
    }
    return changed;
}
