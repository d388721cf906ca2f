/* SPDX-License-Identifier: MIT
 *
 * The tactic list, and behind it the tactics of plugins.
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

/* ---- registered at run time: behind the list, a chain that only grows ---- */
static _Atomic(tactic_link *) g_registered;

static const tactic_link *first_registered(void) { return atomic_load_explicit(&g_registered, memory_order_acquire); }
static const tactic_link *next_registered(const tactic_link *l) {
    return atomic_load_explicit(&((tactic_link *)l)->next, memory_order_acquire);
}

void tactic_register(tactic_link *l) {
    _Atomic(tactic_link *) *end = &g_registered;
    for (tactic_link *x; (x = atomic_load_explicit(end, memory_order_acquire));) end = &x->next;
    atomic_store_explicit(end, l, memory_order_release);
}

size_t tactic_count(void) {
    size_t n = COUNT_OF(k_tactics) - 1;
    for (const tactic_link *l = first_registered(); l; l = next_registered(l)) n++;
    return n;
}

const tactic *tactic_at(size_t i) {
    if (i < COUNT_OF(k_tactics) - 1) return k_tactics[i];
    const tactic_link *l = first_registered();
    for (i -= COUNT_OF(k_tactics) - 1; i > 0; i--) l = next_registered(l);
    return l->tactic;
}

const char *tactic_refuses(const tactic *t, const tactic_query *q) {
    tactic_query mine = *q;
    mine.asked = t;
    return t->accepts ? t->accepts(&mine) : NULL;
}

const char *tactic_precision_name(tactic_precision p) {
    static const char *const names[TACTIC_PRECISIONS] = {"FP32", "BF16", "FP16"};
    return names[p];
}

const tactic *tactic_first(const tactic_query *q) {
    const tactic *slow = NULL;
    for (size_t i = 0, n = tactic_count(); i < n; i++) {
        const tactic *t = tactic_at(i);
        if (!tactic_is_for(t, q->node) || !tactic_is_allowed(t, q) || tactic_refuses(t, q)) continue;
        if (!t->slow || !t->slow(q)) return t;
        if (!slow) slow = t;
    }
    return slow;
}
