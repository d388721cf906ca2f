/* SPDX-License-Identifier: MIT
 *
 * Text of the string operators: UTF-8 code points and their simple (one to one) change of case, whatever the locale.
 * Bytes that are not UTF-8 pass through unchanged.
 */
#ifndef OPS_UTIL_TEXT_H
#define OPS_UTIL_TEXT_H

#include "ops/op.h"

#include "base/str.h"

/* The code point at s[0..n), n > 0, and its length in *len; 0x110000 + byte with length 1 where the bytes are not
 * UTF-8. */
uint32_t text_next(const char *s, size_t n, size_t *len);
/* Latin, Greek, Cyrillic, Armenian and fullwidth letters; other code points stay. */
uint32_t text_upper(uint32_t cp);
uint32_t text_lower(uint32_t cp);
static inline uint32_t text_fold(uint32_t cp) {
    return text_lower(text_upper(cp));
} /* equal for letters that differ in case */
void text_append(str *out, uint32_t cp); /* as text_next gave it */
/* s with every code point mapped, appended. */
void text_map(str *out, const char *s, size_t n, uint32_t (*map)(uint32_t));

#endif
