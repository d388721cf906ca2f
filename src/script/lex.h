/* SPDX-License-Identifier: MIT
 *
 * Tokens of Python: indentation, line joining, comments, strings and numbers in all their forms. A token is a range of
 * the source; values are decoded by the parser (text.h). `# type:` comments ride on the token that follows them.
 */
#ifndef SCRIPT_LEX_H
#define SCRIPT_LEX_H

#include "script/ast.h"

typedef enum token_kind {
#define TOKEN(id, text) T_##id,
#include "script/tokens.def"
    T_COUNT
} token_kind;

typedef struct token {
    token_kind kind;
    uint32_t start, end;
    uint32_t type_start, type_end; /* the first `# type:` comment since the token before: its text; empty: none */
} token;

typedef struct lex_indent {
    uint32_t column, strict; /* tabs to the next multiple of 8; tabs as 1: both must agree on what is deeper */
} lex_indent;

/* A plain value: copy it to look ahead inside a line, or to come back. */
typedef struct lexer {
    const source *src;
    uint32_t at, end;
    uint32_t brackets;   /* open ones: line ends are blanks inside */
    lex_indent *indents; /* AST_MAX_BLOCKS + 1 of them; NULL: no lines, no blocks, only tokens */
    uint32_t depth;      /* indents[depth] is the innermost block's */
    uint32_t dedents;    /* still to be given */
    token_kind last;     /* given */
    bool line_start;     /* the indentation of a line is due */
    bool field;          /* in a replacement field of an f-string: `!` is a token, `:=` is none outside brackets,
                              the field ends at `:` or `}` */
    const char *problem; /* what is wrong with the T_ERROR just given; static text */
} lexer;

/* The parts of a string literal. */
typedef struct lex_literal {
    bool raw, bytes, format;
    uint32_t start, end; /* between the quotes */
} lex_literal;

void lex_file(lexer *lx, const source *src, lex_indent *indents);
void lex_part(lexer *lx, const source *src, uint32_t start, uint32_t end);   /* an expression; line ends are blanks */
token lex_next(lexer *lx);                                                   /* T_END again and again at the end */
const char *lex_text(token_kind kind);                                       /* "'('", "a name" without the quotes */
bool lex_is_spelled(token_kind kind);                                        /* a keyword or a symbol */
lex_literal lex_take_apart(const source *src, uint32_t start, uint32_t end); /* of a T_STRING */
/* Where a format (after `:` of a replacement field) ends, at its `}`; `end` if it does not. */
uint32_t lex_format_end(const source *src, uint32_t start, uint32_t end);

#endif
