/* SPDX-License-Identifier: MIT
 *
 * What number and string literals mean: the spelling is known to be well-formed as far as the lexer looks.
 */
#ifndef SCRIPT_TEXT_H
#define SCRIPT_TEXT_H

#include <stdbool.h>

#include "base/str.h"

/* Decimal, 0x, 0o, 0b, with `_`; false: more than 64 bits. */
bool text_integer(const char *s, size_t n, uint64_t *out);
/* A float, or an imaginary one without looking at its j. Errors: OUT_OF_MEMORY as false. */
bool text_float(const char *s, size_t n, double *out);
/* The index of the first byte that is no UTF-8; n: there is none. */
size_t text_utf8(const char *s, size_t n);
void text_add_point(str *out, uint32_t point);

typedef enum text_escapes {
    TEXT_FINE,
    TEXT_BAD_ESCAPE,   /* cut short, or no code point */
    TEXT_NAMED_ESCAPE, /* \N{...} */
    TEXT_SURROGATE     /* half of a UTF-16 pair, which UTF-8 cannot hold */
} text_escapes;

/* Appends the bytes between the quotes, escapes resolved unless raw, line ends as \n. *bad: where it failed. */
text_escapes text_unescape(str *out, const char *s, size_t n, bool raw, size_t *bad);

#endif
