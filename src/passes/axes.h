/* SPDX-License-Identifier: MIT
 *
 * Permutations for the passes about layouts. A transpose by perm gives y.dims[i] = x.dims[perm[i]].
 * "to last" turns [N, C, D...] into [N, D..., C], "to first" turns it back. Transposes made by the layout pass are
 * marked, so that only they, and no model's own, are moved around.
 */
#ifndef PASSES_AXES_H
#define PASSES_AXES_H

#include "passes/rewrite.h"

typedef struct perm {
    int n;
    int64_t at[NARU_MAX_RANK];
} perm;

perm perm_to_last(int rank);
perm perm_to_first(int rank);
perm perm_then(const perm *first, const perm *second); /* one transpose that does both */
bool perm_is_identity(const perm *p);
bool perm_of(const node *n, perm *out); /* of a Transpose node; the default reverses */
/* Transpose of v before the root. marked: movable. */
value *axes_transpose(rewriter *r, value *v, const perm *p, bool marked);
bool axes_is_marked(const node *n);
/* v's producer when it is a marked to-first Transpose. */
node *axes_first_of(const rewriter *r, const value *v);

#endif
