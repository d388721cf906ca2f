/* SPDX-License-Identifier: MIT
 *
 * Expressions: operators by precedence, attributes, calls, subscripts, tuples without parentheses, targets. Chains of
 * operators of one precedence become one wide node, made in a loop.
 */
#include "script/parse_in.h"

typedef struct {
    bool is;
    uint8_t level, op;
} infix;

static const infix infixes[T_COUNT] = {
    [T_OR] = {true, LEVEL_OR, AST_OP_OR},
    [T_AND] = {true, LEVEL_AND, AST_OP_AND},
    [T_LT] = {true, LEVEL_COMPARE, AST_OP_LT},
    [T_LE] = {true, LEVEL_COMPARE, AST_OP_LE},
    [T_GT] = {true, LEVEL_COMPARE, AST_OP_GT},
    [T_GE] = {true, LEVEL_COMPARE, AST_OP_GE},
    [T_EQ] = {true, LEVEL_COMPARE, AST_OP_EQ},
    [T_NE] = {true, LEVEL_COMPARE, AST_OP_NE},
    [T_IN] = {true, LEVEL_COMPARE, AST_OP_IN},
    [T_IS] = {true, LEVEL_COMPARE, AST_OP_IS},
    [T_NOT] = {true, LEVEL_COMPARE, AST_OP_NOT_IN}, /* with `in` after it */
    [T_BIT_OR] = {true, LEVEL_BIT_OR, AST_OP_BIT_OR},
    [T_BIT_XOR] = {true, LEVEL_BIT_XOR, AST_OP_BIT_XOR},
    [T_BIT_AND] = {true, LEVEL_BIT_AND, AST_OP_BIT_AND},
    [T_LSHIFT] = {true, LEVEL_SHIFT, AST_OP_LSHIFT},
    [T_RSHIFT] = {true, LEVEL_SHIFT, AST_OP_RSHIFT},
    [T_ADD] = {true, LEVEL_SUM, AST_OP_ADD},
    [T_SUB] = {true, LEVEL_SUM, AST_OP_SUB},
    [T_MUL] = {true, LEVEL_PRODUCT, AST_OP_MUL},
    [T_DIV] = {true, LEVEL_PRODUCT, AST_OP_DIV},
    [T_FLOORDIV] = {true, LEVEL_PRODUCT, AST_OP_FLOORDIV},
    [T_MOD] = {true, LEVEL_PRODUCT, AST_OP_MOD},
    [T_AT] = {true, LEVEL_PRODUCT, AST_OP_MATMUL},
};

/* ---- chains ---- */

static infix infix_here(const parser *p) {
    if (syntax_is(p, T_NOT) && p->next.kind != T_IN) return (infix){0};
    return infixes[p->tok.kind];
}

static ast_op take_infix(parser *p) {
    ast_op op = infixes[p->tok.kind].op;
    if (syntax_is(p, T_NOT)) syntax_advance(p);
    else if (syntax_is(p, T_IS) && p->next.kind == T_NOT) {
        syntax_advance(p);
        op = AST_OP_IS_NOT;
    }
    syntax_advance(p);
    return op;
}

static bool is_number(const ast *n) { return n->kind == AST_INT || n->kind == AST_FLOAT; }

static ast *finish_chain(parser *p, level lv, uint32_t start, size_t mark, size_t ops_mark) {
    const uint8_t *ops = p->ops.data + ops_mark;
    size_t count = p->ops.count - ops_mark;
    ast *const *kids = p->kids.data + mark;
    p->ops.count = ops_mark;
    if (lv == LEVEL_SUM && count == 1 && is_number(kids[0]) && kids[1]->kind == AST_COMPLEX && kids[1]->c.re == 0) {
        p->kids.count = mark;
        return syntax_complex(p, start, kids[0], ops[0] == AST_OP_SUB, kids[1]);
    }
    ast *n = syntax_node(p, lv <= LEVEL_AND ? AST_BOOLOP : lv == LEVEL_COMPARE ? AST_COMPARE : AST_BINARY, start, mark);
    if (!n) return NULL;
    n->op = ops[0];
    if (n->kind == AST_BOOLOP) return n;
    n->ops = arena_dup(p->a, ops, count);
    return n->ops ? n : syntax_oom(p);
}

/* left and all operators of this precedence that follow. */
static ast *chain(parser *p, level lv, ast *left, uint32_t start) {
    size_t mark = p->kids.count, ops_mark = p->ops.count;
    if (!syntax_push(p, left)) return NULL;
    for (infix in = infix_here(p); in.is && in.level == lv; in = infix_here(p)) {
        uint8_t op = (uint8_t)take_infix(p);
        if (!ARRAY_PUSH(&p->ops, op)) return syntax_oom(p);
        if (!syntax_push(p, syntax_level(p, lv + 1))) return NULL;
    }
    return finish_chain(p, lv, start, mark, ops_mark);
}

/* ---- prefixes ---- */

static ast *make_unary(parser *p, ast_op op, uint32_t start, ast *operand) {
    size_t mark = p->kids.count;
    if (!syntax_push(p, operand)) return NULL;
    ast *n = syntax_node(p, AST_UNARY, start, mark);
    if (n) n->op = (uint8_t)op;
    return n;
}

static ast *negation(parser *p, level min) {
    if (min > LEVEL_NOT) return syntax_unexpected(p, "an operand");
    uint32_t start = p->tok.start;
    syntax_advance(p);
    if (!syntax_enter(p)) return NULL;
    ast *operand = syntax_level(p, LEVEL_NOT);
    p->depth--;
    return make_unary(p, AST_OP_NOT, start, operand);
}

static ast *primary(parser *p);
static ast *unary(parser *p);

static ast *power(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    ast *base = primary(p);
    if (!base || !syntax_take(p, T_POW)) return base;
    if (!syntax_enter(p) || !syntax_push(p, base) || !syntax_push(p, unary(p))) return NULL;
    p->depth--;
    ast *n = syntax_node(p, AST_BINARY, start, mark);
    if (!n) return NULL;
    n->op = AST_OP_POW;
    n->ops = arena_dup(p->a, &n->op, 1);
    return n->ops ? n : syntax_oom(p);
}

/* `-1` is a constant, unless something binds tighter than the minus. */
static bool at_lone_number(const parser *p) {
    if (p->tok.kind != T_INT && p->tok.kind != T_FLOAT && p->tok.kind != T_IMAGINARY) return false;
    token_kind k = p->next.kind;
    return k != T_POW && k != T_DOT && k != T_OPEN && k != T_OPEN_SQUARE;
}

static ast *unary(parser *p) {
    uint32_t start = p->tok.start;
    ast_op op = syntax_is(p, T_SUB)     ? AST_OP_NEG
                : syntax_is(p, T_ADD)   ? AST_OP_POS
                : syntax_is(p, T_TILDE) ? AST_OP_INVERT
                                        : AST_OP_COUNT;
    if (op == AST_OP_COUNT) return power(p);
    syntax_advance(p);
    if (op == AST_OP_NEG && at_lone_number(p)) return syntax_number(p, start, true);
    if (!syntax_enter(p)) return NULL;
    ast *operand = unary(p);
    p->depth--;
    return make_unary(p, op, start, operand);
}

ast *syntax_level(parser *p, level min) {
    uint32_t start = p->tok.start;
    ast *left = syntax_is(p, T_NOT) ? negation(p, min) : unary(p);
    while (left) {
        infix in = infix_here(p);
        if (!in.is || in.level < min) break;
        left = chain(p, in.level, left, start);
    }
    return left;
}

/* ---- attributes, calls, subscripts ---- */

static ast *attribute(parser *p, ast *object, uint32_t start) {
    syntax_advance(p);
    size_t mark = p->kids.count;
    token t = p->tok;
    if (!syntax_push(p, object) || !syntax_need(p, T_NAME)) return NULL;
    return syntax_set_text(p, syntax_node(p, AST_ATTR, start, mark), p->lex.src->text + t.start, t.end - t.start);
}

static ast *keyword(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    if (syntax_take(p, T_POW)) return syntax_push(p, syntax_test(p)) ? syntax_node(p, AST_KEYWORD, start, mark) : NULL;
    token t = p->tok;
    syntax_advance(p);
    syntax_advance(p); /* name, `=` */
    if (!syntax_push(p, syntax_test(p))) return NULL;
    return syntax_set_text(p, syntax_node(p, AST_KEYWORD, start, mark), p->lex.src->text + t.start, t.end - t.start);
}

static ast *generator_argument(parser *p, ast *element, uint32_t start) {
    size_t mark = p->kids.count;
    bool async = false;
    if (!syntax_push(p, element) || !syntax_clauses(p, &async)) return NULL;
    ast *n = syntax_node(p, AST_GENERATOR, start, mark);
    return n && async ? syntax_unsupported(p, start, n->at.end, "async comprehensions aren't supported") : n;
}

static ast *argument(parser *p, bool *keywords) {
    uint32_t start = p->tok.start;
    if (syntax_is(p, T_POW) || (syntax_is(p, T_NAME) && p->next.kind == T_SET)) {
        *keywords = true;
        return keyword(p);
    }
    bool starred = syntax_is(p, T_MUL);
    ast *value = syntax_star_or_named(p);
    if (value && *keywords && !starred)
        return syntax_fail(p, NARU_BAD_FILE, start, p->last_end, "a positional argument after a keyword argument");
    return value && syntax_at_clause(p) ? generator_argument(p, value, start) : value;
}

bool syntax_arguments(parser *p, uint32_t open) {
    bool keywords = false;
    while (!syntax_is(p, T_CLOSE)) {
        if (syntax_is(p, T_END) || !syntax_push(p, argument(p, &keywords))) break;
        if (!syntax_take(p, T_COMMA)) break;
    }
    return p->status == NARU_OK && syntax_close(p, T_CLOSE, open);
}

static ast *call(parser *p, ast *callee, uint32_t start) {
    size_t mark = p->kids.count;
    uint32_t open = p->tok.start;
    syntax_advance(p);
    if (!syntax_push(p, callee) || !syntax_arguments(p, open)) return NULL;
    return syntax_node(p, AST_CALL, start, mark);
}

/* One bound of a slice, or a kid that is not there. */
static bool bound(parser *p) {
    if (syntax_starts(p->tok.kind)) return syntax_push(p, syntax_test(p));
    return syntax_push_missing(p);
}

static ast *index_item(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    if (!syntax_is(p, T_COLON)) {
        ast *first = syntax_star_or_named(p);
        if (!first || !syntax_is(p, T_COLON)) return first;
        if (!syntax_push(p, first)) return NULL;
    } else if (!syntax_push_missing(p)) return NULL;
    syntax_advance(p);
    if (!bound(p)) return NULL;
    if (!(syntax_take(p, T_COLON) ? bound(p) : syntax_push_missing(p))) return NULL;
    return syntax_node(p, AST_SLICE, start, mark);
}

bool syntax_spread(parser *p, const ast *node) {
    for (uint32_t i = 0; i < node->count; i++)
        if (!syntax_push(p, node->kids[i])) return false;
    return true;
}

static ast *subscript(parser *p, ast *object, uint32_t start) {
    size_t mark = p->kids.count;
    uint32_t open = p->tok.start;
    bool tuple = false;
    syntax_advance(p);
    if (!syntax_push(p, object)) return NULL;
    ast *item = index_item(p);
    if (item && item->kind == AST_TUPLE && !syntax_is(p, T_COMMA)) {
        tuple = true;
        if (!syntax_spread(p, item)) return NULL;
    } else if (!syntax_push(p, item)) return NULL;
    else tuple = item->kind == AST_STARRED;
    while (syntax_take(p, T_COMMA)) {
        tuple = true;
        if (syntax_is(p, T_CLOSE_SQUARE)) break;
        if (!syntax_push(p, index_item(p))) return NULL;
    }
    if (!syntax_close(p, T_CLOSE_SQUARE, open)) return NULL;
    ast *n = syntax_node(p, AST_SUBSCRIPT, start, mark);
    if (n && tuple) n->flags = AST_TUPLE_INDEX;
    return n;
}

static ast *primary(parser *p) {
    uint32_t start = p->tok.start;
    bool awaited = syntax_take(p, T_AWAIT);
    ast *n = syntax_atom(p);
    while (n) {
        if (syntax_is(p, T_DOT)) n = attribute(p, n, start);
        else if (syntax_is(p, T_OPEN)) n = call(p, n, start);
        else if (syntax_is(p, T_OPEN_SQUARE)) n = subscript(p, n, start);
        else break;
    }
    return n && awaited ? syntax_unsupported(p, start, p->last_end, "Await aren't supported") : n;
}

/* ---- ternaries, commas ---- */

static ast *ternary(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    ast *value = syntax_level(p, LEVEL_OR);
    if (!value || !syntax_take(p, T_IF)) return value;
    if (!syntax_push(p, syntax_level(p, LEVEL_OR)) || !syntax_push(p, value) || !syntax_need(p, T_ELSE) ||
        !syntax_push(p, syntax_test(p)))
        return NULL;
    return syntax_node(p, AST_TERNARY, start, mark);
}

ast *syntax_test(parser *p) {
    if (!syntax_enter(p)) return NULL;
    ast *n = syntax_is(p, T_LAMBDA) ? syntax_lambda(p) : ternary(p);
    p->depth--;
    return n;
}

ast *syntax_named(parser *p) {
    if (!syntax_is(p, T_NAME) || p->next.kind != T_WALRUS) return syntax_test(p);
    uint32_t start = p->tok.start;
    syntax_advance(p);
    syntax_advance(p);
    return syntax_test(p) ? syntax_unsupported(p, start, p->last_end, "NamedExpr aren't supported") : NULL;
}

bool syntax_starts(token_kind kind) {
    switch (kind) {
    case T_NAME:
    case T_INT:
    case T_FLOAT:
    case T_IMAGINARY:
    case T_STRING:
    case T_FALSE:
    case T_NONE:
    case T_TRUE:
    case T_NOT:
    case T_LAMBDA:
    case T_AWAIT:
    case T_ELLIPSIS:
    case T_ADD:
    case T_SUB:
    case T_MUL:
    case T_TILDE:
    case T_OPEN:
    case T_OPEN_SQUARE:
    case T_OPEN_CURLY: return true;
    default: return false;
    }
}

static ast *starred(parser *p, ast *(*element)(parser *)) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    syntax_advance(p);
    return syntax_push(p, element(p)) ? syntax_node(p, AST_STARRED, start, mark) : NULL;
}

static ast *operand(parser *p) { return syntax_level(p, LEVEL_BIT_OR); }

ast *syntax_star_or_named(parser *p) { return syntax_is(p, T_MUL) ? starred(p, syntax_test) : syntax_named(p); }

ast *syntax_lone_star(parser *p, const ast *n) {
    return syntax_fail(p, NARU_BAD_FILE, n->at.start, n->at.end, "a starred expression belongs in a tuple");
}

/* Elements with commas between: a tuple, unless it is one element without a comma. */
static ast *listed(parser *p, ast *(*element)(parser *)) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    bool comma = false;
    do {
        ast *e = syntax_is(p, T_MUL) ? starred(p, element) : element(p);
        if (!syntax_push(p, e)) return NULL;
        comma = syntax_take(p, T_COMMA);
    } while (comma && syntax_starts(p->tok.kind));
    if (!comma && p->kids.count == mark + 1) return p->kids.data[--p->kids.count];
    ast *n = syntax_node(p, AST_TUPLE, start, mark);
    if (n && comma) n->flags = AST_TRAILING_COMMA;
    return n;
}

ast *syntax_tests(parser *p) {
    ast *n = syntax_is(p, T_YIELD) ? syntax_yield(p) : listed(p, syntax_test);
    return n && n->kind == AST_STARRED ? syntax_lone_star(p, n) : n;
}

ast *syntax_targets(parser *p) { return listed(p, operand); }

/* ---- targets ---- */

static ast *tuple_target(parser *p, ast *node) {
    if (node->kind == AST_LIST) node->flags = AST_PAREN;
    node->kind = AST_TUPLE;
    for (uint32_t i = 0; i < node->count; i++) {
        ast *e = node->kids[i];
        if (!syntax_target(p, e->kind == AST_STARRED ? e->kids[0] : e)) return NULL;
    }
    return node;
}

ast *syntax_target(parser *p, ast *node) {
    if (!node) return NULL;
    switch (node->kind) {
    case AST_NAME:
    case AST_ATTR:
    case AST_SUBSCRIPT: return node;
    case AST_TUPLE:
    case AST_LIST: return tuple_target(p, node);
    case AST_STARRED: return syntax_lone_star(p, node);
    default:
        return syntax_fail(p, NARU_BAD_FILE, node->at.start, node->at.end,
                           "not a target: only names, attributes, subscripts and tuples of them are");
    }
}
