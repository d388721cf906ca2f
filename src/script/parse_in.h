/* SPDX-License-Identifier: MIT
 *
 * Inside the parser: its state, tokens, making of nodes (parse_node.c), and what its files call of each other:
 * parse.c entries and simple statements, parse_block.c compound ones, parse_def.c functions and classes, parse_type.c
 * annotations, parse_expr.c operators and calls, parse_atom.c displays and comprehensions, parse_text.c literals.
 * A function returns its node, or NULL after syntax_fail; the first failure stays.
 */
#ifndef SCRIPT_PARSE_IN_H
#define SCRIPT_PARSE_IN_H

#include "base/mem.h"
#include "script/lex.h"
#include "script/parse.h"

typedef struct parser {
    arena *a;
    naru_error *err;
    naru_status status; /* of the first failure */
    lexer lex;
    token tok, next;    /* the token looked at, and the one after it */
    uint32_t last_end;  /* where the token before tok ended */
    unsigned depth;     /* of expressions being parsed */
    unsigned functions; /* around this place */
    bool in_class;      /* the block is a class's own */
    ARRAY(ast *) kids;  /* of the nodes being made: each takes those above its mark */
    ARRAY(uint8_t) ops;
} parser;

/* Precedence, loosest first. */
typedef enum level {
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_BIT_OR,
    LEVEL_BIT_XOR,
    LEVEL_BIT_AND,
    LEVEL_SHIFT,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_UNARY
} level;

/* ---- parse_node.c ---- */
ast *syntax_fail(parser *p, naru_status code, uint32_t start, uint32_t end, const char *fmt, ...) PRINTF_LIKE(5, 6);
ast *syntax_unexpected(parser *p, const char *wanted); /* fails at tok */
ast *syntax_oom(parser *p);
void syntax_advance(parser *p);
bool syntax_is(const parser *p, token_kind kind);
bool syntax_take(parser *p, token_kind kind);                 /* passes over it, if it is there */
bool syntax_need(parser *p, token_kind kind);                 /* false: failed */
bool syntax_close(parser *p, token_kind kind, uint32_t open); /* the bracket that closes the one at `open` */
bool syntax_enter(parser *p); /* one level of expressions deeper; false: failed. p->depth-- leaves */

bool syntax_push(parser *p, ast *kid); /* a kid for the node in the making; NULL kid: false */
bool syntax_push_missing(parser *p);   /* a kid that is not there */
/* Makes a node of the kids above `mark`, that spans from start to the last token passed. */
ast *syntax_node(parser *p, ast_kind kind, uint32_t start, size_t mark);
/* Sets the height from the kids; NULL: it is more than AST_MAX_HEIGHT. */
ast *syntax_measure(parser *p, ast *n);
ast *syntax_leaf(parser *p, ast_kind kind, uint32_t start, uint32_t end);
ast *syntax_set_text(parser *p, ast *node, const char *text, size_t n); /* node NULL: NULL */
ast *syntax_unsupported(parser *p, uint32_t start, uint32_t end, const char *message);
ast *syntax_name(parser *p); /* a T_NAME as a NAME */

/* Another text of the same source, with the lexer put aside. */
typedef struct parse_saved {
    lexer lex;
    token tok, next;
    uint32_t last_end;
} parse_saved;
parse_saved syntax_begin_part(parser *p, uint32_t start, uint32_t end, bool field);
void syntax_end_part(parser *p, const parse_saved *saved);

/* ---- parse_expr.c ---- */
ast *syntax_test(parser *p);  /* one expression without commas */
ast *syntax_named(parser *p); /* and `name := value` */
ast *syntax_level(parser *p, level min);
ast *syntax_tests(parser *p);                    /* with commas: a tuple; starred ones, `yield` too */
ast *syntax_targets(parser *p);                  /* of `for` and `del`: commas, up to what is no operand of `|` */
bool syntax_starts(token_kind kind);             /* an expression can start with it */
bool syntax_arguments(parser *p, uint32_t open); /* pushes them; from after the `(` to after the `)` */
bool syntax_spread(parser *p, const ast *node);  /* pushes the node's kids */
ast *syntax_lone_star(parser *p, const ast *n);  /* fails: `*x` where nothing takes it apart */
ast *syntax_target(parser *p, ast *node);        /* checks that a value can be put there; lists become tuples */

/* ---- parse_atom.c ---- */
ast *syntax_atom(parser *p);
ast *syntax_star_or_named(parser *p);
bool syntax_clauses(parser *p, bool *async); /* pushes `for ... in ... if ...` */
bool syntax_at_clause(const parser *p);
ast *syntax_lambda(parser *p);
ast *syntax_yield(parser *p);

/* ---- parse_text.c ---- */
ast *syntax_number(parser *p, uint32_t start, bool negative);
ast *syntax_strings(parser *p); /* adjacent ones are one */
ast *syntax_complex(parser *p, uint32_t start, const ast *real, bool minus, const ast *imaginary); /* 3.+4.j */

/* ---- parse_def.c ---- */
ast *syntax_decorated(parser *p);
ast *syntax_function(parser *p, uint32_t start, ast *decorators, bool async);
ast *syntax_class(parser *p, uint32_t start, ast *decorators);
ast *syntax_params(parser *p, token_kind close); /* T_CLOSE: annotations allowed; T_COLON: those of a lambda */

/* ---- parse_type.c ---- */
ast *syntax_annotation(parser *p);                                     /* an expression whose strings are types too */
ast *syntax_resolve(parser *p, ast *type);                             /* the same for an expression made already */
ast *syntax_type_comment(parser *p, token t);                          /* the type in the comment before t */
bool syntax_signature(parser *p, token t, ast *function, bool method); /* `# type: (A, B) -> R` */

/* ---- parse.c ---- */
bool syntax_simple_line(parser *p); /* pushes the statements up to the end of the line */

/* ---- parse_block.c ---- */
bool syntax_statement(parser *p);             /* pushes */
ast *syntax_block(parser *p, token *comment); /* from the `:` on; *comment (may be NULL): the token that has the type
                                                comment at the start of the block, if there is one */

#endif
