/* SPDX-License-Identifier: MIT
 *
 * Trees as text: (kind attributes kid kid ...), statements on lines of their own, "_" for a kid that is not there.
 */
#include "script/ast.h"

const char *ast_kind_name(ast_kind kind) {
    static const char *const names[] = {
#define AST_KIND(id, name) name,
#include "script/ast.def"
    };
    return names[kind];
}

const char *ast_op_name(ast_op op) {
    static const char *const names[] = {
#define AST_OP(id, spelling) spelling,
#include "script/ast_ops.def"
    };
    return names[op];
}

static void add_quoted(str *s, const char *text, size_t n) {
    str_add(s, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') str_addf(s, "\\%c", c);
        else if (c == '\n') str_add(s, "\\n");
        else if (c < 0x20 || c == 0x7f) str_addf(s, "\\x%02x", c);
        else str_add_n(s, text + i, 1);
    }
    str_add(s, "\"");
}

static void add_flags(str *s, const ast *n) {
    static const struct {
        uint8_t flag;
        const char *name;
    } flags[] = {{AST_TRAILING_COMMA, "comma"},
                 {AST_PAREN, "paren"},
                 {AST_TUPLE_INDEX, "spread"},
                 {AST_STAR, "star"},
                 {AST_STAR_STAR, "star-star"},
                 {AST_KEYWORD_ONLY, "keyword-only"},
                 {AST_POSITIONAL_ONLY, "positional-only"}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (n->flags & flags[i].flag) str_addf(s, " %s", flags[i].name);
}

static void add_value(str *s, const ast *n) {
    switch (n->kind) {
    case AST_INT: str_addf(s, " %lld", (long long)n->i); break;
    case AST_BOOL: str_add(s, n->i ? " True" : " False"); break;
    case AST_FLOAT:
        str_add(s, " ");
        str_add_double(s, n->f);
        break;
    case AST_COMPLEX:
        str_add(s, " ");
        str_add_double(s, n->c.re);
        str_add(s, " ");
        str_add_double(s, n->c.im);
        break;
    case AST_FORMAT:
        if (n->i) str_addf(s, " !%c", (char)n->i);
        break;
    case AST_UNARY:
    case AST_BOOLOP:
    case AST_AUG_ASSIGN: str_addf(s, " %s", ast_op_name(n->op)); break;
    case AST_BINARY:
    case AST_COMPARE:
        for (uint32_t i = 0; i + 1 < n->count; i++) str_addf(s, " %s", ast_op_name(n->ops[i]));
        break;
    default:
        if (!n->text) break;
        str_add(s, " ");
        if (n->kind == AST_STR || n->kind == AST_UNSUPPORTED) add_quoted(s, n->text, n->len);
        else str_add_n(s, n->text, n->len);
    }
}

/* These stand on a line of their own when inside another node. */
static bool owns_line(const ast *n) {
    return n && (n->kind <= AST_IMPORT || n->kind == AST_PARAMS || n->kind == AST_DECORATORS) && n->kind != AST_MODULE;
}

static void print(str *s, const ast *n, int indent) {
    if (!n) {
        str_add(s, "_");
        return;
    }
    if (n->kind == AST_NAME) {
        str_add_n(s, n->text, n->len);
        return;
    }
    str_addf(s, "(%s", ast_kind_name(n->kind));
    add_value(s, n);
    add_flags(s, n);
    for (uint32_t i = 0; i < n->count; i++) {
        if (owns_line(n->kids[i]) || (n->kids[i] && n->kind == AST_BODY)) str_addf(s, "\n%*s", indent + 2, "");
        else str_add(s, " ");
        print(s, n->kids[i], indent + 2);
    }
    str_add(s, ")");
}

void ast_print(str *s, const ast *node) {
    print(s, node, 0);
    str_add(s, "\n");
}
