/* SPDX-License-Identifier: MIT
 *
 * The parser of the language: one for the code inside archives and for Python as people write it. A file must be
 * Python; what the language refuses inside it becomes AST_UNSUPPORTED nodes, so that only the function that uses it
 * fails. Everything is made in the arena, the source too (reach it through node->at.src).
 */
#ifndef SCRIPT_PARSE_H
#define SCRIPT_PARSE_H

#include "script/ast.h"

/* A whole file: *module is an AST_MODULE. Errors: BAD_FILE (message with file, line, column), LIMIT, OUT_OF_MEMORY. */
naru_status script_parse(arena *a, const char *name, const char *text, size_t n, ast **module, naru_error *err);

/* One expression and nothing after it. */
naru_status script_parse_expr(arena *a, const char *name, const char *text, size_t n, ast **expr, naru_error *err);

/* A type as text: "Dict[str, List[Tensor]]", "__torch__.Vec", "Tensor | None". The
 * result is an expression of NAME, ATTR, SUBSCRIPT, TUPLE, LIST, NONE, ELLIPSIS, constants and BINARY `|`. */
naru_status script_parse_type(arena *a, const char *name, const char *text, size_t n, ast **type, naru_error *err);

#endif
