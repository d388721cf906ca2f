/* SPDX-License-Identifier: MIT
 *
 * Where string literals end (lex_string.c), for the lexer only. f-strings are crossed field by field, so that a field
 * may hold the quotes that surround it.
 */
#ifndef SCRIPT_LEX_STRING_H
#define SCRIPT_LEX_STRING_H

#include "script/lex.h"

/* The bytes of a string prefix at `at` ("rb" of rb'..') or -1 where no string starts. */
int lex_prefix(const source *src, uint32_t at, uint32_t end);
/* The end of the literal that starts at `at`; 0 with *problem if it has none. */
uint32_t lex_string_end(const source *src, uint32_t at, uint32_t end, const char **problem);

#endif
