/* SPDX-License-Identifier: MIT
 *
 * Functions, their parameters, classes, decorators.
 */
#include <string.h>

#include "script/parse_in.h"

/* ---- parameters ---- */

typedef struct {
    token_kind close;
    bool keyword_only, after_default, after_stars;
} param_state;

static uint8_t param_flags(parser *p, param_state *st) {
    uint8_t flags = st->keyword_only ? AST_KEYWORD_ONLY : 0;
    if (!st->keyword_only && syntax_take(p, T_MUL)) {
        flags = AST_STAR;
        st->keyword_only = true;
    } else if (syntax_take(p, T_POW)) {
        flags = AST_STAR_STAR;
        st->after_stars = true;
    }
    return flags;
}

static bool param_default(parser *p, param_state *st, const ast *name, uint8_t flags) {
    if (syntax_take(p, T_SET)) {
        if (flags & (AST_STAR | AST_STAR_STAR))
            return syntax_fail(p, NARU_BAD_FILE, name->at.start, name->at.end, "a parameter with stars has no default");
        if (!(flags & AST_KEYWORD_ONLY)) st->after_default = true;
        return syntax_push(p, syntax_test(p));
    }
    if (st->after_default && !flags)
        return syntax_fail(p, NARU_BAD_FILE, name->at.start, name->at.end,
                           "a default is missing: '%s' follows one that has", name->text);
    return syntax_push_missing(p);
}

static ast *param(parser *p, param_state *st) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    if (st->after_stars)
        return syntax_fail(p, NARU_BAD_FILE, start, p->tok.end, "no parameter may follow the one with two stars");
    uint8_t flags = param_flags(p, st);
    ast *name = syntax_name(p);
    if (!name) return NULL;
    bool annotated = st->close == T_CLOSE && syntax_take(p, T_COLON);
    if (annotated && syntax_is(p, T_MUL)) syntax_advance(p); /* *args: *Ts */
    if (!(annotated ? syntax_push(p, syntax_annotation(p)) : syntax_push_missing(p)) ||
        !param_default(p, st, name, flags))
        return NULL;
    ast *n = syntax_node(p, AST_PARAM, start, mark);
    if (!n) return NULL;
    n->flags = flags;
    n->text = name->text;
    n->len = name->len;
    return n;
}

/* `/` after parameters, `*` before a comma: marks, not parameters. */
static bool mark_only(parser *p, param_state *st, size_t mark) {
    if (syntax_is(p, T_DIV) && p->kids.count > mark) {
        for (size_t i = mark; i < p->kids.count; i++) p->kids.data[i]->flags |= AST_POSITIONAL_ONLY;
        syntax_advance(p);
        return true;
    }
    if (!st->keyword_only && syntax_is(p, T_MUL) && p->next.kind == T_COMMA) {
        st->keyword_only = true;
        syntax_advance(p);
        return true;
    }
    return false;
}

/* A comment `# type: T` behind a parameter is its annotation. */
static bool param_comment(parser *p, size_t mark) {
    if (!p->tok.type_end || p->kids.count == mark) return true;
    ast *last = p->kids.data[p->kids.count - 1];
    if (last->kids[0]) return true;
    last->kids[0] = syntax_type_comment(p, p->tok);
    return last->kids[0];
}

ast *syntax_params(parser *p, token_kind close) {
    param_state st = {.close = close};
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    while (!syntax_is(p, close)) {
        if (!mark_only(p, &st, mark) && !syntax_push(p, param(p, &st))) return NULL;
        bool comma = syntax_take(p, T_COMMA);
        if (close == T_CLOSE && !param_comment(p, mark)) return NULL;
        if (!comma) break;
    }
    return syntax_node(p, AST_PARAMS, start, mark);
}

/* ---- functions ---- */

/* `[T, ...]` after a name (Python 3.12): passed over. */
static bool type_params(parser *p, bool *any) {
    uint32_t open = p->tok.start, depth = 0;
    *any = syntax_is(p, T_OPEN_SQUARE);
    if (!*any) return true;
    do {
        depth += syntax_is(p, T_OPEN_SQUARE);
        depth -= syntax_is(p, T_CLOSE_SQUARE);
        if (syntax_is(p, T_END) || syntax_is(p, T_ERROR)) return syntax_close(p, T_CLOSE_SQUARE, open);
        syntax_advance(p);
    } while (depth);
    return true;
}

/* A body that says why the function cannot be compiled. */
static ast *refused_body(parser *p, uint32_t start, uint32_t end, const char *message) {
    size_t mark = p->kids.count;
    return syntax_push(p, syntax_unsupported(p, start, end, message)) ? syntax_node(p, AST_BODY, start, mark) : NULL;
}

static bool head(parser *p, bool *generic) {
    uint32_t open;
    if (!type_params(p, generic)) return false;
    open = p->tok.start;
    if (!syntax_need(p, T_OPEN) || !syntax_push(p, syntax_params(p, T_CLOSE)) || !syntax_close(p, T_CLOSE, open))
        return false;
    return syntax_take(p, T_ARROW) ? syntax_push(p, syntax_annotation(p)) : syntax_push_missing(p);
}

static ast *body(parser *p, token *comment, bool *method) {
    *method = p->in_class;
    p->in_class = false;
    p->functions++;
    ast *b = syntax_block(p, comment);
    p->functions--;
    p->in_class = *method;
    return b;
}

ast *syntax_function(parser *p, uint32_t start, ast *decorators, bool async) {
    size_t mark = p->kids.count;
    uint32_t def = p->tok.start;
    bool generic, method;
    token comment = {0};
    syntax_advance(p);
    ast *name = syntax_name(p);
    if (!name || !head(p, &generic)) return NULL;
    ast *b = body(p, &comment, &method);
    if (b && async) b = refused_body(p, def, name->at.end, "async function definitions aren't supported");
    if (b && generic) b = refused_body(p, def, name->at.end, "type parameters aren't supported");
    if (!syntax_push(p, b) || !syntax_push(p, decorators)) return NULL;
    ast *n = syntax_set_text(p, syntax_node(p, AST_FUNCTION, start, mark), name->text, name->len);
    return n && syntax_signature(p, comment, n, method) ? n : NULL;
}

/* ---- classes ---- */

static bool bases(parser *p) {
    uint32_t open = p->tok.start;
    size_t mark = p->kids.count;
    if (syntax_take(p, T_OPEN) && !syntax_arguments(p, open)) return false;
    return syntax_push(p, syntax_node(p, AST_ARGS, open, mark));
}

ast *syntax_class(parser *p, uint32_t start, ast *decorators) {
    size_t mark = p->kids.count;
    bool generic, outer = p->in_class;
    syntax_advance(p);
    ast *name = syntax_name(p);
    if (!name || !type_params(p, &generic) || !bases(p)) return NULL;
    p->in_class = true;
    ast *b = syntax_block(p, NULL);
    p->in_class = outer;
    if (!syntax_push(p, b) || !syntax_push(p, decorators)) return NULL;
    if (p->functions || generic) {
        p->kids.count = mark;
        return syntax_unsupported(p, start, name->at.end,
                                  generic ? "type parameters aren't supported" : "class definitions aren't supported");
    }
    return syntax_set_text(p, syntax_node(p, AST_CLASS, start, mark), name->text, name->len);
}

ast *syntax_decorated(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    while (syntax_take(p, T_AT))
        if (!syntax_push(p, syntax_named(p)) || !syntax_need(p, T_NEWLINE)) return NULL;
    ast *decorators = syntax_node(p, AST_DECORATORS, start, mark);
    if (!decorators) return NULL;
    if (syntax_is(p, T_CLASS)) return syntax_class(p, p->tok.start, decorators);
    bool async = syntax_is(p, T_ASYNC) && p->next.kind == T_DEF;
    if (async) syntax_advance(p);
    return syntax_is(p, T_DEF) ? syntax_function(p, p->tok.start, decorators, async)
                               : syntax_unexpected(p, "a function or a class after its decorators");
}
