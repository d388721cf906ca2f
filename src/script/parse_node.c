/* SPDX-License-Identifier: MIT
 *
 * The parser's floor: failing, tokens, nodes from the stack of kids.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "script/parse_in.h"

ast *syntax_fail(parser *p, naru_status code, uint32_t start, uint32_t end, const char *fmt, ...) {
    if (p->status != NARU_OK) return NULL;
    char message[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    p->status = source_error(p->err, code, (src_range){p->lex.src, start, end}, "%s", message);
    return NULL;
}

ast *syntax_oom(parser *p) {
    if (p->status == NARU_OK) p->status = err_oom(p->err);
    return NULL;
}

ast *syntax_unexpected(parser *p, const char *wanted) {
    token t = p->tok;
    if (t.kind == T_ERROR) return syntax_fail(p, NARU_BAD_FILE, t.start, t.end, "%s", p->lex.problem);
    const char *quote = lex_is_spelled(t.kind) ? "'" : "";
    return syntax_fail(p, NARU_BAD_FILE, t.start, t.end, "expected %s, found %s%s%s", wanted, quote, lex_text(t.kind),
                       quote);
}

/* The lexer stops at an error: its message belongs to the last token. */
void syntax_advance(parser *p) {
    if (p->tok.kind >= T_NAME) p->last_end = p->tok.end; /* the end of a line or block is no text */
    p->tok = p->next;
    if (p->tok.kind != T_ERROR && p->tok.kind != T_END) p->next = lex_next(&p->lex);
}

bool syntax_is(const parser *p, token_kind kind) { return p->tok.kind == kind; }

bool syntax_take(parser *p, token_kind kind) {
    if (p->tok.kind != kind) return false;
    syntax_advance(p);
    return true;
}

bool syntax_need(parser *p, token_kind kind) {
    if (syntax_take(p, kind)) return true;
    char wanted[40];
    const char *quote = lex_is_spelled(kind) ? "'" : "";
    snprintf(wanted, sizeof wanted, "%s%s%s", quote, lex_text(kind), quote);
    syntax_unexpected(p, wanted);
    return false;
}

bool syntax_close(parser *p, token_kind kind, uint32_t open) {
    if (p->tok.kind == T_END)
        return syntax_fail(p, NARU_BAD_FILE, open, open + 1, "'%c' is never closed", p->lex.src->text[open]);
    return syntax_need(p, kind);
}

bool syntax_enter(parser *p) {
    if (p->depth++ < AST_MAX_HEIGHT) return true;
    return syntax_fail(p, NARU_LIMIT, p->tok.start, p->tok.end, "the expression is nested deeper than %d levels",
                       AST_MAX_HEIGHT);
}

bool syntax_push(parser *p, ast *kid) {
    if (!kid) return false;
    return ARRAY_PUSH(&p->kids, kid) || syntax_oom(p);
}

bool syntax_push_missing(parser *p) { return ARRAY_PUSH(&p->kids, NULL) || syntax_oom(p); }

ast *syntax_leaf(parser *p, ast_kind kind, uint32_t start, uint32_t end) {
    ast *n = arena_calloc(p->a, 1, sizeof *n);
    if (!n) return syntax_oom(p);
    n->kind = (uint8_t)kind;
    n->height = kind >= AST_NAME;
    n->at = (src_range){p->lex.src, start, end < start ? start : end};
    return n;
}

ast *syntax_measure(parser *p, ast *n) {
    unsigned height = 0;
    for (uint32_t i = 0; i < n->count; i++)
        if (n->kids[i] && n->kids[i]->height > height) height = n->kids[i]->height;
    if (++height > AST_MAX_HEIGHT)
        return syntax_fail(p, NARU_LIMIT, n->at.start, n->at.end, "the expression is nested deeper than %d levels",
                           AST_MAX_HEIGHT);
    n->height = (uint8_t)height;
    return n;
}

ast *syntax_node(parser *p, ast_kind kind, uint32_t start, size_t mark) {
    size_t count = p->kids.count - mark;
    ast *const *kids = count ? p->kids.data + mark : NULL;
    ast *n = syntax_leaf(p, kind, start, p->last_end);
    if (!n) return NULL;
    if (count && !(n->kids = arena_dup(p->a, kids, count * sizeof(ast *)))) return syntax_oom(p);
    n->count = (uint32_t)count;
    p->kids.count = mark;
    return kind >= AST_NAME ? syntax_measure(p, n) : n;
}

ast *syntax_set_text(parser *p, ast *node, const char *text, size_t n) {
    if (!node) return NULL;
    node->text = arena_strndup(p->a, text, n);
    node->len = n;
    return node->text ? node : syntax_oom(p);
}

ast *syntax_unsupported(parser *p, uint32_t start, uint32_t end, const char *message) {
    return syntax_set_text(p, syntax_leaf(p, AST_UNSUPPORTED, start, end), message, strlen(message));
}

ast *syntax_name(parser *p) {
    token t = p->tok;
    if (!syntax_need(p, T_NAME)) return NULL;
    return syntax_set_text(p, syntax_leaf(p, AST_NAME, t.start, t.end), p->lex.src->text + t.start, t.end - t.start);
}

parse_saved syntax_begin_part(parser *p, uint32_t start, uint32_t end, bool field) {
    parse_saved saved = {p->lex, p->tok, p->next, p->last_end};
    lex_part(&p->lex, saved.lex.src, start, end);
    p->lex.field = field;
    p->tok = lex_next(&p->lex);
    p->next = p->tok.kind == T_ERROR ? p->tok : lex_next(&p->lex);
    p->last_end = start;
    return saved;
}

void syntax_end_part(parser *p, const parse_saved *saved) {
    p->lex = saved->lex;
    p->tok = saved->tok;
    p->next = saved->next;
    p->last_end = saved->last_end;
}
