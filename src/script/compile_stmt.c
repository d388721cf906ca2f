/* SPDX-License-Identifier: MIT
 *
 * Statements: blocks, if, return, raise, assert, with. break and continue set flags (compile_loop.c); what follows a
 * statement that may have set them is guarded by an IF.
 */
#include "script/compile_in.h"

/* ---- blocks ---- */
static bool rest_of(cc *C, const ast *body, uint32_t from);

/* The statements from `from` on, run only when this iteration goes on. */
static bool guarded(cc *C, const ast *body, uint32_t from) {
    uint32_t mark = scope_open(C), branch = c_emit(C, INSN_IF, C->loop->go, 0, 0, 0);
    bool ok = rest_of(C, body, from);
    flow yes, no = {.exits = FLOW_JUMP};
    scope_close(C, mark, &yes);
    if (C->st == NARU_OK) C->code.data[branch].b = C->code.data[branch].c = here(C);
    int exits = C->exits;
    C->exits = FLOW_ON;
    scope_merge(C, &yes, &no);
    C->exits = exits ? FLOW_JUMP : FLOW_ON; /* the other way leads on to the loop's end */
    return ok && C->st == NARU_OK;
}

static bool rest_of(cc *C, const ast *body, uint32_t from) {
    for (uint32_t i = from; i < body->count && C->exits == FLOW_ON; i++) {
        if (!c_statement(C, body->kids[i])) return false;
        if (C->exits == FLOW_ON && C->loop && C->loop->jumps && i + 1 < body->count) return guarded(C, body, i + 1);
    }
    return true;
}

bool c_block(cc *C, const ast *body) {
    int *nesting = &unit_of(C->u)->nesting;
    if (++*nesting > MAX_NESTING) cfail(C, NARU_LIMIT, body->at, "functions that call one another nest too deep");
    bool ok = C->st == NARU_OK && rest_of(C, body, 0);
    --*nesting;
    return ok;
}

/* ---- if ---- */
static bool branch_body(cc *C, const ast *n, uint32_t i, const refine *what, flow *out);

static bool if_from(cc *C, const ast *n, uint32_t i) { /* kids i, i + 1: a condition and its body */
    cond c;
    uint32_t keep = C->temps;
    if (i > 4000) return cfail(C, NARU_LIMIT, n->at, "more than 2000 elif branches");
    if (!c_condition(C, n->kids[i], REG_ANY, &c)) return false;
    if (c.known >= 0) { /* the other part is not even looked at */
        refine_apply(C, c.known ? c.yes : c.no);
        if (c.known) return c_block(C, n->kids[i + 1]);
        if (i + 2 == n->count) return true;
        return i + 3 == n->count ? c_block(C, n->kids[i + 2]) : if_from(C, n, i + 2);
    }
    flow yes, no;
    bool jumped = C->loop && C->loop->jumps, either;
    uint32_t branch = c_emit(C, INSN_IF, c.r, 0, 0, 0);
    C->temps = keep; /* the condition was read */
    if (!branch_body(C, n, i + 1, c.yes, &yes)) return false;
    either = C->loop && C->loop->jumps;
    if (C->loop) C->loop->jumps = jumped;
    uint32_t jump = c_emit(C, INSN_JMP, 0, 0, 0, 0);
    if (!branch_body(C, n, i + 2, c.no, &no)) {
        ARRAY_FREE(&yes.changes);
        return false;
    }
    if (C->loop) C->loop->jumps |= either;
    if (C->st == NARU_OK && here(C) == jump + 1) { /* nothing in the else part */
        C->code.count--;
        C->code.data[branch].b = C->code.data[branch].c = here(C);
    } else if (C->st == NARU_OK) {
        C->code.data[branch].b = jump + 1;
        C->code.data[branch].c = C->code.data[jump].a = here(C);
    }
    return scope_merge(C, &yes, &no);
}

/* Body i of the statement (what is behind the last condition, or the next elif) in a scope of its own. */
static bool branch_body(cc *C, const ast *n, uint32_t i, const refine *what, flow *out) {
    uint32_t mark = scope_open(C), keep = C->temps;
    refine_apply(C, what);
    bool is_body = i >= n->count || n->kids[i]->kind == AST_BODY;
    bool ok = i >= n->count || (is_body ? c_block(C, n->kids[i]) : if_from(C, n, i));
    scope_close(C, mark, out);
    C->temps = keep;
    C->exits = FLOW_ON;
    if (!ok) ARRAY_FREE(&out->changes);
    return ok;
}

/* ---- return ---- */
static bool call_exit(cc *C, size_t i) {
    val obj = val_in(C->withs.data[i], C->with_types.data[i]), none[3], out;
    if (obj.type->kind != ST_CLASS) return true;
    for (int k = 0; k < 3; k++) none[k] = val_const(C, sv_none(), &stype_none);
    return c_call_method(C, &obj, "__exit__", 3, none, C->at, REG_ANY, &out);
}

bool c_leave_withs(cc *C, size_t down_to) {
    for (size_t i = C->withs.count; i-- > down_to;)
        if (!call_exit(C, i)) return false;
    return true;
}

static bool wrong_return(cc *C, const ast *n, const stype *actual) {
    if (C->ret_declared)
        return cfail(C, NARU_BAD_MODEL, n->at,
                     "Return value was annotated as having type %s but is actually of type %s", ctype(C, C->ret),
                     ctype(C, actual));
    return cfail(
        C, NARU_BAD_MODEL, n->at,
        "Previous return statement returned a value of type %s but this return statement returns a value of type %s",
        ctype(C, C->ret), ctype(C, actual));
}

static bool stmt_return(cc *C, const ast *n) {
    val v = val_const(C, sv_none(), &stype_none);
    if (n->kids[0] && !c_value(C, n->kids[0], C->ret, REG_ANY, &v)) return false;
    if (!C->ret) C->ret = v.type;
    else if (!c_fits(C, &v, C->ret)) {
        if (C->st != NARU_OK) return false;
        const stype *both = C->ret_declared ? NULL : stype_unify(C->arena, C->ret, v.type);
        if (!both) return wrong_return(C, n, v.type);
        C->ret = both;
    }
    taint_returned(C, taint_of(v.taint, v.type));
    if (C->withs.count && !c_into(C, &v, c_temp(C))) return false;
    if (!c_leave_withs(C, 0) || !c_in_reg(C, &v, REG_ANY)) return false;
    c_emit(C, INSN_RET, v.r, 0, 0, 0);
    C->exits = FLOW_RETURN;
    return C->st == NARU_OK;
}

/* ---- raise, assert ---- */
static bool raise_text(cc *C, val *text, const char *cls) {
    val name = cls ? val_const(C, sv_strz(cls), &stype_str) : val_const(C, sv_none(), &stype_none);
    if (!c_in_reg(C, text, REG_ANY) || !c_in_reg(C, &name, REG_ANY)) return false;
    c_emit(C, INSN_RAISE, text->r, name.r, 0, 0);
    return C->st == NARU_OK;
}

static const char *exception_name(cc *C, const ast *n) {
    str s = {0};
    const char *name = NULL;
    if (dotted_name(n, &s))
        name = strchr(str_text(&s), '.') ? ctext(C, "%s", str_text(&s)) : ctext(C, "builtins.%s", str_text(&s));
    str_free(&s);
    return name;
}

static bool message_of(cc *C, const ast *call_, val *text) { /* as str(exception): one argument is its text */
    uint32_t n = call_->count - 1;
    *text = val_const(C, sv_str("", 0), &stype_str);
    if (n == 0) return C->st == NARU_OK;
    if (n == 1) {
        if (!c_value(C, call_->kids[1], NULL, REG_ANY, text)) return false;
        return text->type->kind == ST_STR || c_emit_op(C, "aten::str", 1, text, REG_ANY, text);
    }
    ast tuple = *call_;
    tuple.kind = AST_TUPLE;
    tuple.kids = call_->kids + 1;
    tuple.count = n;
    return c_value(C, &tuple, NULL, REG_ANY, text) && c_emit_op(C, "aten::str", 1, text, REG_ANY, text);
}

static bool stmt_raise(cc *C, const ast *n) {
    const ast *e = n->kids[0];
    val text;
    if (!e) return cfail(C, NARU_UNSUPPORTED, n->at, "raise without an exception is not supported");
    if (n->kids[1]) return cfail(C, NARU_UNSUPPORTED, n->at, "raise from is not supported");
    const char *cls = exception_name(C, e->kind == AST_CALL ? e->kids[0] : e);
    if (!cls) return cfail(C, NARU_UNSUPPORTED, n->at, "only exceptions that are named can be raised");
    if (e->kind == AST_CALL && !message_of(C, e, &text)) return false;
    if (e->kind != AST_CALL) text = val_const(C, sv_str("", 0), &stype_str);
    if (!raise_text(C, &text, cls)) return false;
    C->exits = FLOW_RETURN;
    return true;
}

static bool assert_failed(cc *C, const ast *n) {
    val text[2];
    text[0] = val_const(C, sv_strz("AssertionError: "), &stype_str);
    if (!n->kids[1]) return raise_text(C, &text[0], NULL);
    if (!c_value(C, n->kids[1], NULL, REG_ANY, &text[1])) return false;
    if (text[1].type->kind != ST_STR && !c_emit_op(C, "aten::str", 1, &text[1], REG_ANY, &text[1])) return false;
    return c_emit_op(C, "aten::add", 2, text, REG_ANY, &text[0]) && raise_text(C, &text[0], NULL);
}

static bool stmt_assert(cc *C, const ast *n) {
    cond c;
    if (!c_condition(C, n->kids[0], REG_ANY, &c)) return false;
    if (c.known == 1) return true;
    if (c.known == 0) {
        C->exits = FLOW_RETURN;
        return assert_failed(C, n);
    }
    uint32_t branch = c_emit(C, INSN_IF, c.r, 0, 0, 0), jump = c_emit(C, INSN_JMP, 0, 0, 0, 0);
    if (C->st != NARU_OK) return false;
    C->code.data[branch].b = here(C);
    uint32_t mark = scope_open(C);
    refine_apply(C, c.no);
    bool ok = assert_failed(C, n);
    scope_close(C, mark, NULL);
    if (!ok) return false;
    C->code.data[branch].c = C->code.data[jump].a = here(C);
    refine_apply(C, c.yes);
    return C->st == NARU_OK;
}

/* ---- with ---- */
static bool enter(cc *C, const ast *item) {
    val obj, entered;
    if (!c_value(C, item->kids[0], NULL, REG_ANY, &obj)) return false;
    const stype *t = obj.type;
    reg r = c_temps(C, 1);
    if (t->kind != ST_CLASS && t->kind != ST_NONE)
        return cfail(C, NARU_BAD_MODEL, item->at, "Object does not define __enter__ and __exit__: %s", ctype(C, t));
    if (!c_into(C, &obj, r)) return false;
    if (t->kind == ST_NONE) entered = obj;
    else if (!sclass_method(t->cls, "__enter__") || !sclass_method(t->cls, "__exit__"))
        return cfail(C, NARU_BAD_MODEL, item->at, "Object does not define __enter__ and __exit__: %s", ctype(C, t));
    else if (!c_call_method(C, &obj, "__enter__", 0, NULL, item->at, REG_ANY, &entered)) return false;
    obj = val_in(r, t);
    if (!ARRAY_PUSH(&C->withs, r) || !ARRAY_PUSH(&C->with_types, t)) return coom(C);
    return !item->kids[1] || c_assign_to(C, item->kids[1], &entered, item->at);
}

bool stmt_with(cc *C, const ast *n) {
    size_t before = C->withs.count;
    bool ok = true;
    for (uint32_t i = 0; i + 1 < n->count && ok; i++) ok = enter(C, n->kids[i]);
    uint32_t keep = C->temps;
    ok = ok && c_block(C, n->kids[n->count - 1]);
    C->temps = keep;
    if (ok && C->exits != FLOW_RETURN) ok = c_leave_withs(C, before);
    C->withs.count = C->with_types.count = before;
    return ok;
}

/* ---- break, continue ---- */
static bool stmt_jump(cc *C, const ast *n) {
    bool is_break = n->kind == AST_BREAK;
    const char *word = is_break ? "break" : "continue";
    if (!C->loop) return cfail(C, NARU_BAD_MODEL, n->at, "'%s' outside of a loop", word);
    if (C->loop->unrolled)
        return cfail(C, NARU_UNSUPPORTED, n->at,
                     "Because we emit iteration over modulelists or tuples as unrolled loops, we do not support break "
                     "or continue inside the body of these loops");
    uint32_t k = c_const_at(C, sv_bool(false));
    c_emit(C, INSN_CONST, C->loop->go, k, 0, 0);
    if (is_break) c_emit(C, INSN_CONST, C->loop->live, k, 0, 0);
    C->loop->jumps = true;
    C->exits = FLOW_JUMP;
    return C->st == NARU_OK;
}

/* ---- all ---- */
static bool one(cc *C, const ast *n) {
    val v;
    switch (n->kind) {
    case AST_EXPR: return n->kids[0]->kind == AST_STR || c_expr(C, n->kids[0], NULL, REG_ANY, &v);
    case AST_ASSIGN: return stmt_assign(C, n);
    case AST_ANN_ASSIGN: return stmt_ann_assign(C, n);
    case AST_AUG_ASSIGN: return stmt_aug_assign(C, n);
    case AST_RETURN: return stmt_return(C, n);
    case AST_RAISE: return stmt_raise(C, n);
    case AST_ASSERT: return stmt_assert(C, n);
    case AST_IF: return if_from(C, n, 0);
    case AST_WHILE: return stmt_while(C, n);
    case AST_FOR: return stmt_for(C, n);
    case AST_WITH: return stmt_with(C, n);
    case AST_PASS: return true;
    case AST_BREAK:
    case AST_CONTINUE: return stmt_jump(C, n);
    case AST_DEL: return stmt_del(C, n);
    case AST_FUNCTION: /* archives: the body of a fork */
        v = (val){.kind = VAL_NESTED, .node = n, .r = REG_ANY};
        var_bind(C, var_of(C, n->text), &v);
        return C->st == NARU_OK;
    case AST_UNSUPPORTED: return cfail(C, NARU_UNSUPPORTED, n->at, "%s", n->text);
    case AST_IMPORT: return cfail(C, NARU_UNSUPPORTED, n->at, "import statements aren't supported");
    case AST_CLASS: return cfail(C, NARU_UNSUPPORTED, n->at, "class definitions aren't supported");
    default: return cfail(C, NARU_UNSUPPORTED, n->at, "%s is not supported here", ast_kind_name((ast_kind)n->kind));
    }
}

bool c_statement(cc *C, const ast *n) {
    if (C->st != NARU_OK) return false;
    src_range before = C->at;
    uint32_t keep = C->temps;
    C->at = n->at;
    bool ok = one(C, n) && C->st == NARU_OK;
    C->at = before;
    C->temps = keep;
    return ok;
}
