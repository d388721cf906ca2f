/* SPDX-License-Identifier: MIT
 *
 * The tactic list.
 */
#include "tactics/tactic.h"

#define TACTIC(symbol) extern const tactic tactic_##symbol;
#include "tactics/tactics.def"
#undef TACTIC

static const tactic *const k_tactics[] = {
#define TACTIC(symbol) &tactic_##symbol,
#include "tactics/tactics.def"
#undef TACTIC
    NULL};

size_t tactic_count(void) { return COUNT_OF(k_tactics) - 1; }
const tactic *tactic_at(size_t i) { return k_tactics[i]; }

const char *tactic_precision_name(tactic_precision p) {
    static const char *const names[TACTIC_PRECISIONS] = {"FP32", "TF32", "BF16", "FP16"};
    return names[p];
}

const tactic *tactic_first(const tactic_query *q) {
    const tactic *slow = NULL;
    for (size_t i = 0; i < tactic_count(); i++) {
        const tactic *t = tactic_at(i);
        if (!tactic_is_for(t, q->node) || !tactic_is_allowed(t, q) || (t->accepts && t->accepts(q))) continue;
        if (!t->slow || !t->slow(q)) return t;
        if (!slow) slow = t;
    }
    return slow;
}
