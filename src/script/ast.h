/* SPDX-License-Identifier: MIT
 *
 * Syntax trees of the language: one uniform node, its kinds in ast.def. Type annotations are ordinary expressions.
 * The parser guarantees bounds, so that a walk may recurse: an expression is at most AST_MAX_HEIGHT nodes high, blocks
 * nest at most AST_MAX_BLOCKS deep. What can be long (elif, operators, arguments, statements) is wide, not deep.
 */
#ifndef SCRIPT_AST_H
#define SCRIPT_AST_H

#include "script/source.h"

#define AST_MAX_HEIGHT 200
#define AST_MAX_BLOCKS 400 /* early returns make printed code nest one level each */

typedef enum ast_kind {
#define AST_KIND(id, name) AST_##id,
#include "script/ast.def"
    AST_KIND_COUNT
} ast_kind;

typedef enum ast_op {
#define AST_OP(id, spelling) AST_OP_##id,
#include "script/ast_ops.def"
    AST_OP_COUNT
} ast_op;

enum {
    AST_TRAILING_COMMA = 1,   /* TUPLE: the last element has a comma after it: `a, b, = t` */
    AST_PAREN = 2,            /* TUPLE: written in parentheses */
    AST_TUPLE_INDEX = 4,      /* SUBSCRIPT: the index is a tuple, even of one: `x[i,]` */
    AST_STAR = 8,             /* PARAM: *args */
    AST_STAR_STAR = 16,       /* PARAM: **kwargs */
    AST_KEYWORD_ONLY = 32,    /* PARAM: after `*` or `*args` */
    AST_POSITIONAL_ONLY = 64, /* PARAM: before `/` */
};

typedef struct ast ast;
struct ast {
    uint8_t kind;       /* ast_kind */
    uint8_t op;         /* ast_op */
    uint8_t flags;      /* AST_TRAILING_COMMA ... */
    uint8_t height;     /* of an expression: 1 for a leaf */
    uint32_t count;     /* kids */
    ast **kids;         /* NULL entries only where ast.def says so */
    const uint8_t *ops; /* BINARY, COMPARE: count - 1 values of ast_op */
    src_range at;
    const char *text; /* NUL-terminated */
    union {
        size_t len; /* STR and wherever text is set: bytes of text */
        int64_t i;
        double f;
        struct {
            double re, im;
        } c;
    };
};

const char *ast_kind_name(ast_kind kind);
const char *ast_op_name(ast_op op);

/* The tree as indented S-expressions: stable, for tests and `naru` dumps (ast_print.c). */
void ast_print(str *s, const ast *node);

#endif
