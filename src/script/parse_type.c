/* SPDX-License-Identifier: MIT
 *
 * Annotations: strings in them are types written ahead of their definition; `# type:` comments are annotations of
 * another spelling. What is no type makes an UNSUPPORTED node: a comment never breaks a file.
 */
#include <string.h>

#include "script/parse_in.h"

/* Runs `parse` over a part of the source. A failure other than of memory gives a node with the complaint. */
static ast *part(parser *p, uint32_t start, uint32_t end, ast *(*parse)(parser *), const char *complaint) {
    naru_error *err = p->err;
    unsigned depth = p->depth;
    size_t kids = p->kids.count, ops = p->ops.count;
    p->err = NULL; /* not a failure of the file */
    parse_saved saved = syntax_begin_part(p, start, end, false);
    ast *n = parse(p);
    if (n && !syntax_is(p, T_END)) n = syntax_unexpected(p, "the end");
    syntax_end_part(p, &saved);
    p->err = err;
    if (n) return n;
    if (p->status == NARU_OUT_OF_MEMORY) return err_oom(err), NULL;
    p->status = NARU_OK;
    p->depth = depth;
    p->kids.count = kids;
    p->ops.count = ops;
    return syntax_unsupported(p, start, end, complaint);
}

/* A string that is a type: it must stand in the source as it is. */
static ast *quoted(parser *p, ast *s) {
    lex_literal l = lex_take_apart(p->lex.src, s->at.start, s->at.end);
    if (l.end - l.start != s->len || memcmp(p->lex.src->text + l.start, s->text, s->len) != 0)
        return syntax_unsupported(p, s->at.start, s->at.end,
                                  "an annotation in a string of several parts or with escapes");
    return part(p, l.start, l.end, syntax_annotation, "the string is not a type");
}

ast *syntax_resolve(parser *p, ast *type) {
    if (!type) return NULL;
    if (type->kind == AST_STR) return quoted(p, type);
    bool composed = type->kind == AST_SUBSCRIPT || type->kind == AST_TUPLE || type->kind == AST_LIST ||
                    (type->kind == AST_BINARY && type->op == AST_OP_BIT_OR);
    for (uint32_t i = 0; composed && i < type->count; i++)
        if (!(type->kids[i] = syntax_resolve(p, type->kids[i]))) return NULL;
    return composed ? syntax_measure(p, type) : type; /* what was a string may be higher now */
}

ast *syntax_annotation(parser *p) { return syntax_resolve(p, syntax_test(p)); }

ast *syntax_type_comment(parser *p, token t) {
    return part(p, t.type_start, t.type_end, syntax_annotation, "the comment is not a type");
}

/* ---- signatures ---- */

static bool signature_types(parser *p) {
    while (!syntax_is(p, T_CLOSE)) {
        if (!syntax_take(p, T_MUL)) syntax_take(p, T_POW); /* stars of *args and **kwargs */
        if (!syntax_push(p, syntax_annotation(p))) return false;
        if (!syntax_take(p, T_COMMA)) break;
    }
    return true;
}

/* A TUPLE of the types of the parameters and, last, of the result. */
static ast *signature(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    if (!syntax_need(p, T_OPEN) || !signature_types(p) || !syntax_need(p, T_CLOSE) || !syntax_need(p, T_ARROW) ||
        !syntax_push(p, syntax_annotation(p)))
        return NULL;
    return syntax_node(p, AST_TUPLE, start, mark);
}

static void annotate(ast *params, uint32_t skipped, const ast *types) {
    for (uint32_t i = 0; i + 1 < types->count; i++)
        if (!params->kids[skipped + i]->kids[0]) params->kids[skipped + i]->kids[0] = types->kids[i];
}

bool syntax_signature(parser *p, token t, ast *function, bool method) {
    const char *text = p->lex.src->text + t.type_start;
    if (!t.type_end || *text != '(') return true;
    ast *types = part(p, t.type_start, t.type_end, signature, "the comment is not a signature");
    if (!types) return false;
    ast *params = function->kids[0];
    uint32_t given = types->count - 1;
    bool any = types->kind == AST_TUPLE && given == 1 && types->kids[0]->kind == AST_ELLIPSIS;
    bool self = method && given + 1 == params->count;
    if (types->kind == AST_UNSUPPORTED) function->kids[1] = types;
    else if (!any && !self && given != params->count)
        function->kids[1] = syntax_unsupported(
            p, t.type_start, t.type_end, "the comment has another number of types than the function has parameters");
    else {
        if (!any) annotate(params, self, types);
        if (!function->kids[1]) function->kids[1] = types->kids[given];
    }
    return function->kids[1];
}
