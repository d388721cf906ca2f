/* SPDX-License-Identifier: MIT
 *
 * Conditions: short-circuit evaluation, conditions known while compiling, and what a condition says about the types of
 * variables (`x is None`, isinstance, and / or / not of them).
 */
#include "script/compile_in.h"

static bool known(cond *out, bool truth) {
    out->known = truth;
    return true;
}

bool c_to_bool(cc *C, val *v, reg dst, const ast *at) {
    switch (v->type->kind) {
    case ST_BOOL: return true;
    case ST_TENSOR:
    case ST_INT:
    case ST_FLOAT:
    case ST_NUMBER: return c_emit_op(C, "aten::Bool", 1, v, dst, v);
    default:
        return cfail(C, NARU_BAD_MODEL, at ? at->at : C->at, "Could not cast value of type %s to bool",
                     ctype(C, v->type));
    }
}

static bool from_value(cc *C, val *v, reg dst, const ast *n, cond *out) {
    if (!c_to_bool(C, v, dst, n)) return false;
    if (v->kind == VAL_CONST) return known(out, v->k.b);
    out->r = v->r;
    return true;
}

/* ---- refinement ---- */
static var *variable(cc *C, const ast *n, uint32_t *index) { /* a name that holds a value */
    if (n->kind != AST_NAME) return NULL;
    var *x = var_find(C, n->text);
    if (!x || x->now.state != VAR_VALUE) return NULL;
    *index = (uint32_t)(x - C->vars.data);
    return x;
}

static bool may_be_none(const stype *t) { return t->kind == ST_OPTIONAL || t->kind == ST_ANY || t->kind == ST_NONE; }

/* x is None (not_: is not None). Decided now where the type says it. */
static bool is_none(cc *C, const ast *x, bool negated, reg dst, cond *out) {
    val v;
    if (!c_value(C, x, NULL, REG_ANY, &v)) return false;
    if (v.type->kind == ST_NONE || !may_be_none(v.type)) return known(out, (v.type->kind == ST_NONE) != negated);
    val both[2] = {v, val_const(C, sv_none(), &stype_none)}, r;
    if (!c_emit_op(C, negated ? "aten::__isnot__" : "aten::__is__", 2, both, dst, &r)) return false;
    out->r = r.r;
    uint32_t i;
    if (v.type->kind != ST_OPTIONAL || !variable(C, x, &i)) return true;
    refine *none = refine_add(C, NULL, i, &stype_none), *some = refine_add(C, NULL, i, v.type->args[0]);
    out->yes = negated ? some : none;
    out->no = negated ? none : some;
    return C->st == NARU_OK;
}

/* The members of t that are (or are not) of type want. */
static const stype *members(cc *C, const stype *t, const stype *wanted, bool inside) {
    if (t->kind == ST_ANY) return inside ? wanted : t;
    const stype *items[2] = {t, t};
    const stype *const *all = items;
    int n = 1;
    if (t->kind == ST_OPTIONAL) {
        n = 2;
        items[0] = t->args[0];
        items[1] = &stype_none;
        if (t->args[0]->kind == ST_UNION) {
            const stype **more = arena_alloc(C->arena, (size_t)(t->args[0]->n + 1) * sizeof(*more));
            if (!more) return NULL;
            n = t->args[0]->n + 1;
            memcpy(more, t->args[0]->args, (size_t)(n - 1) * sizeof(*more));
            more[n - 1] = &stype_none;
            all = more;
        }
    } else if (t->kind == ST_UNION) {
        n = t->n;
        all = t->args;
    }
    const stype **kept = arena_alloc(C->arena, (size_t)n * sizeof(*kept));
    int count = 0;
    for (int i = 0; kept && i < n; i++)
        if (stype_subtype(all[i], wanted) == inside) kept[count++] = all[i];
    return kept && count ? stype_union(C->arena, count, kept) : NULL;
}

/* Whether the static type decides: 1 yes, 0 no, -1 at run time. */
static int decided(const stype *t, const stype *wanted) {
    if (stype_subtype(t, wanted)) return 1;
    if (t->kind == ST_ANY || t->kind == ST_NUMBER || (t->kind == ST_CLASS && t->cls->kind == CLASS_INTERFACE))
        return -1;
    if (t->kind == ST_OPTIONAL) {
        int inner = decided(t->args[0], wanted);
        return inner == 0 && !stype_subtype(&stype_none, wanted) ? 0 : -1;
    }
    if (t->kind == ST_UNION) {
        for (int i = 0; i < t->n; i++)
            if (decided(t->args[i], wanted) != 0) return -1;
        return 0;
    }
    return stype_subtype(wanted, t) ? -1 : 0;
}

static bool wanted_type(cc *C, const ast *n, const stype **out) {
    if (n->kind != AST_TUPLE) return cpass(C, type_of_ast(C->u, n, out, C->err));
    const stype **items = arena_alloc(C->arena, (n->count + 1) * sizeof(*items));
    if (!items) return coom(C);
    for (uint32_t i = 0; i < n->count; i++)
        if (!wanted_type(C, n->kids[i], &items[i])) return false;
    *out = stype_union(C->arena, (int)n->count, items);
    return *out || coom(C);
}

/* `list`, `tuple`, `dict` without what they hold, among the types asked for. */
static bool bare_container(const ast *n, const stype *t) {
    static const struct {
        const char *name;
        stype_kind kind;
    } bare[] = {{"list", ST_LIST},   {"List", ST_LIST}, {"tuple", ST_TUPLE},
                {"Tuple", ST_TUPLE}, {"dict", ST_DICT}, {"Dict", ST_DICT}};
    for (size_t i = 0; n->kind == AST_NAME && i < COUNT_OF(bare); i++)
        if (strcmp(n->text, bare[i].name) == 0) return !t || t->kind == bare[i].kind;
    bool any = false, all = n->kind == AST_TUPLE;
    for (uint32_t i = 0; all && i < n->count; i++) {
        all = bare_container(n->kids[i], NULL);
        any = any || (t && bare_container(n->kids[i], t));
    }
    return all && (any || !t);
}

/* The members of the value's type that are such containers; NULL: none. */
static const stype *bare_members(cc *C, const ast *n, const stype *of) {
    const stype *found[64];
    int count = 0;
    if (of->kind == ST_OPTIONAL) return bare_members(C, n, of->args[0]);
    if (of->kind != ST_UNION) return bare_container(n, of) ? of : NULL;
    for (int i = 0; i < of->n && count < 64; i++)
        if (bare_container(n, of->args[i])) found[count++] = of->args[i];
    return count ? stype_union(C->arena, count, found) : NULL;
}

static bool is_instance(cc *C, const ast *n, reg dst, cond *out) {
    if (n->count != 3) return cfail(C, NARU_BAD_MODEL, n->at, "isinstance takes a value and a type");
    val v;
    const stype *t;
    if (!c_value(C, n->kids[1], NULL, REG_ANY, &v)) return false;
    if (bare_container(n->kids[2], NULL)) {
        if (!(t = bare_members(C, n->kids[2], v.type))) return known(out, 0);
    } else if (!wanted_type(C, n->kids[2], &t)) {
        return false;
    }
    int d = decided(v.type, t);
    if (d >= 0) return known(out, d);
    if (!c_in_reg(C, &v, REG_ANY)) return false;
    out->r = want(C, dst);
    c_emit(C, INSN_ISINST, out->r, v.r, c_type_at(C, t), 0);
    uint32_t i;
    if (!variable(C, n->kids[1], &i)) return C->st == NARU_OK;
    const stype *yes = members(C, v.type, t, true), *no = members(C, v.type, t, false);
    if (yes) out->yes = refine_add(C, NULL, i, yes);
    if (no) out->no = refine_add(C, NULL, i, no);
    return C->st == NARU_OK;
}

static bool calls_isinstance(const ast *n) {
    if (n->kind != AST_CALL) return false;
    const ast *f = n->kids[0];
    if (f->kind == AST_NAME) return strcmp(f->text, "isinstance") == 0;
    str s = {0};
    bool yes = dotted_name(f, &s) && strcmp(str_text(&s), "torch.jit.isinstance") == 0;
    str_free(&s);
    return yes;
}

/* ---- and, or, not ---- */
static refine *join(cc *C, refine *a, refine *b) {
    for (; b; b = b->next) a = refine_add(C, a, b->v, b->type);
    return a;
}

/* The operands from i on, their value into r: in `and`, r false ends it. */
static bool rest_of(cc *C, const ast *n, uint32_t i, reg r, cond *out) {
    bool is_and = n->op == AST_OP_AND;
    cond a = {.known = -1};
    if (!c_condition(C, n->kids[i], r, &a)) return false;
    if (a.known >= 0 && (a.known == 0) == is_and) { /* decides */
        *out = a;
        return true;
    }
    if (i + 1 == n->count) {
        *out = a;
        if (a.known < 0 && a.r != r) c_emit(C, INSN_MOVE, r, a.r, 0, 0);
        out->r = r;
        return C->st == NARU_OK;
    }
    if (a.known >= 0) return rest_of(C, n, i + 1, r, out);
    if (a.r != r) c_emit(C, INSN_MOVE, r, a.r, 0, 0);
    uint32_t mark = scope_open(C), branch = c_emit(C, INSN_IF, r, 0, 0, 0), jump = 0;
    if (!is_and) {
        jump = c_emit(C, INSN_JMP, 0, 0, 0, 0);
        if (C->st == NARU_OK) C->code.data[branch].b = here(C);
    }
    refine_apply(C, is_and ? a.yes : a.no);
    cond b = {.known = -1};
    bool ok = rest_of(C, n, i + 1, r, &b);
    if (ok && b.known >= 0) c_emit(C, INSN_CONST, r, c_const_at(C, sv_bool(b.known)), 0, 0);
    scope_close(C, mark, NULL);
    if (!ok || C->st != NARU_OK) return false;
    if (is_and) C->code.data[branch].b = here(C);
    else C->code.data[jump].a = here(C);
    C->code.data[branch].c = here(C);
    *out = (cond){.known = -1, .r = r};
    if (is_and) out->yes = join(C, a.yes, b.yes);
    else out->no = join(C, a.no, b.no);
    if (b.known >= 0 && (b.known == 0) == is_and) out->known = -1; /* a ran, the result is constant all the same */
    return C->st == NARU_OK;
}

static bool negation(cc *C, const ast *n, reg dst, cond *out) {
    cond a = {.known = -1};
    if (!c_condition(C, n->kids[0], dst, &a)) return false;
    *out = (cond){.known = a.known < 0 ? -1 : !a.known, .yes = a.no, .no = a.yes};
    if (a.known >= 0) return true;
    val v = val_in(a.r, &stype_bool), r;
    if (!c_emit_op(C, "aten::__not__", 1, &v, dst, &r)) return false;
    out->r = r.r;
    return true;
}

static bool is_none_test(const ast *n) {
    return n->kind == AST_COMPARE && n->count == 2 && (n->ops[0] == AST_OP_IS || n->ops[0] == AST_OP_IS_NOT);
}

bool c_condition(cc *C, const ast *n, reg dst, cond *out) {
    *out = (cond){.known = -1, .r = REG_ANY};
    if (n->kind == AST_BOOLOP) return rest_of(C, n, 0, is_temp(dst) ? dst : c_temp(C), out);
    if (n->kind == AST_UNARY && n->op == AST_OP_NOT) return negation(C, n, dst, out);
    if (is_none_test(n) && n->kids[1]->kind == AST_NONE)
        return is_none(C, n->kids[0], n->ops[0] == AST_OP_IS_NOT, dst, out);
    if (is_none_test(n) && n->kids[0]->kind == AST_NONE)
        return is_none(C, n->kids[1], n->ops[0] == AST_OP_IS_NOT, dst, out);
    if (calls_isinstance(n)) return is_instance(C, n, dst, out);
    val v;
    return c_value(C, n, NULL, dst, &v) && from_value(C, &v, dst, n, out);
}

bool c_cond_value(cc *C, const ast *n, reg dst, val *out) {
    cond c;
    if (!c_condition(C, n, dst, &c)) return false;
    *out = c.known >= 0 ? val_const(C, sv_bool(c.known), &stype_bool) : val_in(c.r, &stype_bool);
    return true;
}
