/* SPDX-License-Identifier: MIT
 *
 * Regular expressions for RegexFullMatch: RE2's syntax over UTF-8, matched in time linear in the text (states run side
 * by side, nothing is tried twice). Not there: \C and Unicode properties \p{..}, which are refused; captures, which a
 * full match needs not.
 */
#ifndef OPS_UTIL_REGEX_H
#define OPS_UTIL_REGEX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

typedef struct regex regex;

/* In the arena, for one thread. Errors: BAD_MODEL for malformed patterns, UNSUPPORTED, LIMIT. */
naru_status regex_compile(arena *a, const char *pattern, size_t n, regex **out, naru_error *err);
bool regex_full_match(regex *r, const char *s, size_t n);

#endif
