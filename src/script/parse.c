/* SPDX-License-Identifier: MIT
 *
 * The parser's entries, and the statements of one line.
 */
#include "script/parse.h"

#include <string.h>

#include "script/parse_in.h"
#include "script/text.h"

/* ---- assignments ---- */

static ast_op set_op(token_kind kind) {
    switch (kind) {
    case T_ADD_SET: return AST_OP_ADD;
    case T_SUB_SET: return AST_OP_SUB;
    case T_MUL_SET: return AST_OP_MUL;
    case T_DIV_SET: return AST_OP_DIV;
    case T_FLOORDIV_SET: return AST_OP_FLOORDIV;
    case T_MOD_SET: return AST_OP_MOD;
    case T_MATMUL_SET: return AST_OP_MATMUL;
    case T_POW_SET: return AST_OP_POW;
    case T_LSHIFT_SET: return AST_OP_LSHIFT;
    case T_RSHIFT_SET: return AST_OP_RSHIFT;
    case T_BIT_AND_SET: return AST_OP_BIT_AND;
    case T_BIT_OR_SET: return AST_OP_BIT_OR;
    case T_BIT_XOR_SET: return AST_OP_BIT_XOR;
    default: return AST_OP_COUNT;
    }
}

/* One that holds one value. */
static ast *single_target(parser *p, ast *node) {
    if (node->kind == AST_TUPLE || node->kind == AST_LIST)
        return syntax_fail(p, NARU_BAD_FILE, node->at.start, node->at.end, "only one target can be here");
    return syntax_target(p, node);
}

static ast *annotated(parser *p, ast *target, uint32_t start) {
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (!syntax_push(p, single_target(p, target)) || !syntax_push(p, syntax_annotation(p))) return NULL;
    if (!(syntax_take(p, T_SET) ? syntax_push(p, syntax_tests(p)) : syntax_push_missing(p))) return NULL;
    return syntax_node(p, AST_ANN_ASSIGN, start, mark);
}

static ast *augmented(parser *p, ast *target, uint32_t start, ast_op op) {
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (!syntax_push(p, single_target(p, target)) || !syntax_push(p, syntax_tests(p))) return NULL;
    ast *n = syntax_node(p, AST_AUG_ASSIGN, start, mark);
    if (n) n->op = (uint8_t)op;
    return n;
}

static ast *assigned(parser *p, ast *first, uint32_t start) {
    size_t mark = p->kids.count;
    ast *value = first;
    while (syntax_take(p, T_SET)) {
        if (!syntax_push(p, syntax_target(p, value))) return NULL;
        value = syntax_tests(p);
    }
    return syntax_push(p, value) ? syntax_node(p, AST_ASSIGN, start, mark) : NULL;
}

static ast *expression_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    ast *first = syntax_tests(p);
    if (!first) return NULL;
    if (syntax_is(p, T_COLON)) return annotated(p, first, start);
    if (syntax_is(p, T_SET)) return assigned(p, first, start);
    ast_op op = set_op(p->tok.kind);
    if (op != AST_OP_COUNT) return augmented(p, first, start, op);
    return syntax_push(p, first) ? syntax_node(p, AST_EXPR, start, mark) : NULL;
}

/* ---- keywords ---- */

static ast *word_statement(parser *p, ast_kind kind) {
    token t = p->tok;
    syntax_advance(p);
    return syntax_leaf(p, kind, t.start, t.end);
}

static ast *return_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (!(syntax_starts(p->tok.kind) ? syntax_push(p, syntax_tests(p)) : syntax_push_missing(p))) return NULL;
    return syntax_node(p, AST_RETURN, start, mark);
}

/* `raise E from F`, `assert c, m`: two expressions, the second after `between`, the first missing only for raise. */
static ast *two_part_statement(parser *p, ast_kind kind, token_kind between) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    syntax_advance(p);
    bool bare = kind == AST_RAISE && !syntax_starts(p->tok.kind);
    if (!(bare ? syntax_push_missing(p) : syntax_push(p, syntax_test(p)))) return NULL;
    if (!(!bare && syntax_take(p, between) ? syntax_push(p, syntax_test(p)) : syntax_push_missing(p))) return NULL;
    return syntax_node(p, kind, start, mark);
}

static ast *del_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    syntax_advance(p);
    ast *targets = syntax_target(p, syntax_targets(p));
    if (!targets || !(targets->kind == AST_TUPLE ? syntax_spread(p, targets) : syntax_push(p, targets))) return NULL;
    return syntax_node(p, AST_DEL, start, mark);
}

static ast *names_refused(parser *p, const char *message) {
    uint32_t start = p->tok.start;
    do {
        syntax_advance(p);
        if (!syntax_name(p)) return NULL;
    } while (syntax_is(p, T_COMMA));
    return syntax_unsupported(p, start, p->last_end, message);
}

/* ---- imports ---- */

/* a.b.c, blanks left out; appended to s. Without dots: only the first name. */
static bool dotted(parser *p, str *s, bool dots) {
    do {
        token t = p->tok;
        if (!syntax_need(p, T_NAME)) return false;
        if (s->len && s->data[s->len - 1] != '.') str_add(s, ".");
        str_add_n(s, p->lex.src->text + t.start, t.end - t.start);
    } while (dots && syntax_take(p, T_DOT));
    return true;
}

static ast *alias(parser *p, bool from) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    str name = {0};
    ast *n = NULL;
    if (dotted(p, &name, !from) && (syntax_take(p, T_AS) ? syntax_push(p, syntax_name(p)) : syntax_push_missing(p)))
        n = syntax_node(p, AST_ALIAS, start, mark);
    n = name.failed ? syntax_oom(p) : syntax_set_text(p, n, str_text(&name), name.len);
    str_free(&name);
    return n;
}

static bool aliases(parser *p, bool from) {
    uint32_t open = p->tok.start;
    bool wrapped = from && syntax_take(p, T_OPEN);
    do
        if (!syntax_push(p, alias(p, from))) return false;
    while (syntax_take(p, T_COMMA) && !(wrapped && syntax_is(p, T_CLOSE)));
    return !wrapped || syntax_close(p, T_CLOSE, open);
}

/* The module of `from`, with its leading dots. */
static bool from_module(parser *p, str *module) {
    while (syntax_is(p, T_DOT) || syntax_is(p, T_ELLIPSIS)) {
        str_add(module, syntax_is(p, T_DOT) ? "." : "...");
        syntax_advance(p);
    }
    if (module->len && syntax_is(p, T_IMPORT)) return true;
    return dotted(p, module, true);
}

static ast *from_import(parser *p, uint32_t start, size_t mark) {
    str module = {0};
    ast *n = NULL;
    if (from_module(p, &module) && syntax_need(p, T_IMPORT) && (syntax_take(p, T_MUL) || aliases(p, true)))
        n = syntax_node(p, AST_IMPORT, start, mark);
    n = module.failed ? syntax_oom(p) : syntax_set_text(p, n, str_text(&module), module.len);
    str_free(&module);
    return n;
}

static ast *import_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    bool from = syntax_is(p, T_FROM);
    syntax_advance(p);
    ast *n = from ? from_import(p, start, mark) : aliases(p, false) ? syntax_node(p, AST_IMPORT, start, mark) : NULL;
    return n && p->functions ? syntax_unsupported(p, start, n->at.end, "import statements aren't supported") : n;
}

/* `type X = T` (Python 3.12): two names in a row. */
static bool at_type_alias(const parser *p) {
    return syntax_is(p, T_NAME) && p->next.kind == T_NAME && p->tok.end - p->tok.start == 4 &&
           memcmp(p->lex.src->text + p->tok.start, "type", 4) == 0;
}

static ast *type_alias(parser *p) {
    uint32_t start = p->tok.start;
    while (!syntax_is(p, T_NEWLINE) && !syntax_is(p, T_END) && !syntax_is(p, T_ERROR)) syntax_advance(p);
    return syntax_unsupported(p, start, p->last_end, "TypeAlias aren't supported");
}

/* ---- one line ---- */

static ast *simple(parser *p) {
    switch (p->tok.kind) {
    case T_PASS: return word_statement(p, AST_PASS);
    case T_BREAK: return word_statement(p, AST_BREAK);
    case T_CONTINUE: return word_statement(p, AST_CONTINUE);
    case T_RETURN: return return_statement(p);
    case T_RAISE: return two_part_statement(p, AST_RAISE, T_FROM);
    case T_ASSERT: return two_part_statement(p, AST_ASSERT, T_COMMA);
    case T_DEL: return del_statement(p);
    case T_IMPORT:
    case T_FROM: return import_statement(p);
    case T_GLOBAL: return names_refused(p, "global variables aren't supported");
    case T_NONLOCAL: return names_refused(p, "nonlocal variables aren't supported");
    case T_INDENT: return syntax_unexpected(p, "a statement");
    default: return at_type_alias(p) ? type_alias(p) : expression_statement(p);
    }
}

bool syntax_simple_line(parser *p) {
    do
        if (!syntax_push(p, simple(p))) return false;
    while (syntax_take(p, T_SEMICOLON) && !syntax_is(p, T_NEWLINE));
    return syntax_need(p, T_NEWLINE);
}

/* ---- entries ---- */

static ast *module(parser *p) {
    size_t mark = p->kids.count;
    while (!syntax_is(p, T_END)) {
        if (syntax_take(p, T_NEWLINE)) continue;
        if (!syntax_statement(p)) return NULL;
    }
    return syntax_node(p, AST_MODULE, 0, mark);
}

static ast *lone(parser *p, ast *n) { return n && !syntax_is(p, T_END) ? syntax_unexpected(p, "the end") : n; }

static ast *expression(parser *p) { return lone(p, syntax_tests(p)); }

static ast *only_type(parser *p, ast *n) {
    if (!n) return NULL;
    switch (n->kind) {
    case AST_NAME:
    case AST_NONE:
    case AST_ELLIPSIS:
    case AST_INT:
    case AST_BOOL:
    case AST_STR: return n;
    case AST_ATTR:
    case AST_SUBSCRIPT:
    case AST_TUPLE:
    case AST_LIST:
        for (uint32_t i = 0; i < n->count; i++)
            if (!only_type(p, n->kids[i])) return NULL;
        return n;
    case AST_BINARY:
        for (uint32_t i = 0; i < n->count; i++)
            if (n->op != AST_OP_BIT_OR || !only_type(p, n->kids[i])) break;
            else if (i + 1 == n->count) return n;
        break;
    default: break;
    }
    return syntax_fail(p, NARU_BAD_FILE, n->at.start, n->at.end, "this is not a type");
}

static ast *type_text(parser *p) { return only_type(p, lone(p, syntax_annotation(p))); }

static naru_status check_text(const source *src, naru_error *err) {
    size_t bad = text_utf8(src->text, src->size);
    const char *nul = memchr(src->text, 0, src->size);
    const char *what = "the text is not UTF-8 here";
    if (nul && (size_t)(nul - src->text) < bad) bad = (size_t)(nul - src->text), what = "a NUL byte";
    if (bad == src->size) return NARU_OK;
    return source_error(err, NARU_BAD_FILE, (src_range){src, (uint32_t)bad, (uint32_t)bad + 1}, "%s", what);
}

typedef struct {
    const char *name, *text;
    size_t n;
    bool lines; /* statements: line ends and indentation count */
    ast *(*parse)(parser *);
} job;

static naru_status run(arena *a, const job *j, ast **out, naru_error *err) {
    source *src;
    lex_indent indents[AST_MAX_BLOCKS + 1];
    TRY(source_new(a, j->name, j->text, j->n, &src, err));
    TRY(check_text(src, err));
    parser p = {.a = a, .err = err};
    if (j->lines) lex_file(&p.lex, src, indents);
    else lex_part(&p.lex, src, 0, src->size);
    p.tok = lex_next(&p.lex);
    p.next = p.tok.kind == T_ERROR ? p.tok : lex_next(&p.lex);
    ast *n = j->parse(&p);
    ARRAY_FREE(&p.kids);
    ARRAY_FREE(&p.ops);
    if (p.status != NARU_OK) return p.status;
    *out = n;
    return NARU_OK;
}

naru_status script_parse(arena *a, const char *name, const char *text, size_t n, ast **out, naru_error *err) {
    return run(a, &(job){name, text, n, true, module}, out, err);
}

naru_status script_parse_expr(arena *a, const char *name, const char *text, size_t n, ast **out, naru_error *err) {
    return run(a, &(job){name, text, n, false, expression}, out, err);
}

naru_status script_parse_type(arena *a, const char *name, const char *text, size_t n, ast **out, naru_error *err) {
    return run(a, &(job){name, text, n, false, type_text}, out, err);
}
