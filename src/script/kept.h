/* SPDX-License-Identifier: MIT
 *
 * Tensors that an operator makes from parameters alone (gates in another order, a filter turned around): kept beside
 * the eager sink's steps and found again while the parameters' storages are not written to. What is found counts as a
 * parameter itself, so that steps may pack it.
 */
#ifndef SCRIPT_KEPT_H
#define SCRIPT_KEPT_H

#include "script/lower.h"

enum { KEPT_MAX_FROM = 8, KEPT_MAX_MADE = 4 };

/* tag: what is made, a string literal. Entries of `from` may be NULL. False: not there (while recording, or when some
 * tensor is no parameter, always); make them then and call kept_store. */
bool kept_find(lower *L, const char *tag, int n, sten *const *from, int nmade, sten **made);
void kept_store(lower *L, const char *tag, int n, sten *const *from, int nmade, sten *const *made);

typedef struct kept_list kept_list;
void kept_free(kept_list *k);

#endif
