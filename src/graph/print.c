/* SPDX-License-Identifier: MIT
 *
 * Printing the text form.
 */
#include "graph/print.h"

void graph_print(const graph *g, str *out) {
    for (const node *n = g->main->first; n; n = n->next) {
        for (int i = 0; i < n->nout; i++) str_addf(out, "%s%s", i ? ", " : "", n->out[i] ? n->out[i]->name : "_");
        str_addf(out, " = %s(", n->op_type);
        for (int i = 0; i < n->nin; i++) str_addf(out, "%s%s", i ? ", " : "", n->in[i] ? n->in[i]->name : "_");
        str_add(out, ")\n");
    }
}
