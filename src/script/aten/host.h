/* SPDX-License-Identifier: MIT
 *
 * What the operators on host values share: the long way around a short one, checked access to strings and containers,
 * results made of text. Not for operators on tensors.
 */
#ifndef SCRIPT_ATEN_HOST_H
#define SCRIPT_ATEN_HOST_H

#include "base/str.h"
#include "script/aten/aten.h"
#include "script/vm.h"

enum { HOST_ARGS = 8 }; /* most parameters of an operator with a short way */

/* Runs the short way on all arguments, defaults included; numbers known only to the graph go to the recording. False:
 * the short way refused, the caller says why (or failed already: lower_ok). */
bool host_try(lower *L, fast_fn f);
/* The same where refusing can only mean values of other types. */
void host_simple(lower *L, fast_fn f);
#define SIMPLE(name)                                                                                                   \
    void aten_##name(lower *L) { host_simple(L, fast_##name); }

void host_oom(lower *L);
/* Arguments of the right kind, or an error and NULL. */
sstr *host_str(lower *L, int i);
slist *host_list(lower *L, int i);
sdict *host_dict(lower *L, int i);
/* Recording: a value that the graph computes cannot be looked at here. True: all of v is known. */
bool host_known(lower *L, sv v);
void host_ret_str(lower *L, const char *s, size_t n);
void host_ret_text(lower *L, str *s); /* frees it */
/* Adds a value to a list being made (takes over v); false: out of memory, said. */
bool host_push(lower *L, slist *l, sv v);
/* Python's index: from the end when negative; false when outside. */
static inline bool host_index(int64_t *i, size_t n) {
    if (*i < 0) *i += (int64_t)n;
    return *i >= 0 && *i < (int64_t)n;
}
/* Python's slice of n items: start and count of the items, each `step` on. False: step is zero (said). */
bool host_slice(lower *L, size_t n, int64_t *start, int64_t *count, int64_t *step);

#endif
