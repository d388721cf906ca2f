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
