/* SPDX-License-Identifier: MIT
 *
 * Expressions: literals, displays, operators, names. `dst` is where a result should go if it has to be put anywhere; it
 * is written last, by the outermost operation only, so that `x = f(x)` may compute into x.
 */
#include "script/compile_in.h"

/* ---- converting to what is wanted ---- */
static const stype *bare(const stype *t) { return t->kind == ST_OPTIONAL ? t->args[0] : t; }

static bool tuple_to_list(cc *C, val *v, const stype *list) {
    int n = v->type->n;
    for (int i = 0; i < n; i++)
        if (!stype_subtype(v->type->args[i], list->args[0])) return false;
    reg r = v->kind == VAL_REG && is_temp(v->r) ? v->r : c_temp(C), run = c_temps(C, n ? n : 1);
    if (!c_in_reg(C, v, REG_ANY)) return false;
    c_emit(C, INSN_UNPACK, run, v->r, 0, (uint32_t)n);
    c_emit(C, INSN_LIST, r, c_type_at(C, list), run, (uint32_t)n);
    *v = (val){.kind = VAL_REG, .r = r, .type = list, .taint = v->taint};
    return C->st == NARU_OK;
}

static const char *implicit(const stype *from, const stype *to) { /* the operator that converts, or NULL */
    bool tensor = from->kind == ST_TENSOR, number = from->kind == ST_NUMBER || from->kind == ST_BOOL;
    switch (to->kind) {
    case ST_INT: return tensor ? "aten::IntImplicit" : number ? "aten::Int" : NULL;
    case ST_FLOAT: return tensor ? "aten::FloatImplicit" : number ? "aten::Float" : NULL;
    case ST_COMPLEX: return tensor ? "aten::ComplexImplicit" : NULL;
    case ST_NUMBER: return tensor ? "aten::ScalarImplicit" : from->kind == ST_BOOL ? "aten::Int" : NULL;
    case ST_DEVICE: return from->kind == ST_STR ? "aten::device" : NULL;
    default: return NULL;
    }
}

bool c_fits(cc *C, val *v, const stype *wanted) {
    if (stype_subtype(v->type, wanted)) return true;
    const stype *to = bare(wanted);
    if (v->empty && (to->kind == ST_LIST || to->kind == ST_DICT) && v->type->kind == to->kind) {
        C->code.data[v->empty - 1].b = c_type_at(C, to);
        v->type = to;
        return true;
    }
    if (to->kind == ST_LIST && v->type->kind == ST_TUPLE) return tuple_to_list(C, v, to);
    const char *op = implicit(v->type, to);
    if (!op || !operator_find(C, op)) return false;
    return c_emit_op(C, op, 1, v, v->kind == VAL_REG && is_temp(v->r) ? v->r : REG_ANY, v);
}

/* ---- displays ---- */
static const stype *list_elem_hint(const stype *hint) {
    hint = hint ? bare(hint) : NULL;
    return hint && hint->kind == ST_LIST ? hint->args[0] : NULL;
}

static const stype *common(cc *C, const stype *a, const stype *b) {
    const stype *t = stype_unify(C->arena, a, b);
    return t ? t : stype_union(C->arena, 2, (const stype *[]){a, b});
}

/* One item of a display into r; *type is widened to hold it. */
static bool item_in(cc *C, const ast *n, const stype *hint, reg r, const stype **type, uint32_t *taint) {
    val v;
    if (n->kind == AST_STARRED)
        return cfail(C, NARU_BAD_MODEL, n->at, "cannot statically infer the expected size of a list in this context");
    if (!c_value_in(C, n, hint, r, &v)) return false;
    if (hint && c_fits(C, &v, hint) && C->st == NARU_OK) v.type = hint;
    if (!c_into(C, &v, r)) return false;
    *taint = taint_join(C, *taint, v.taint);
    *type = *type ? common(C, *type, v.type) : v.type;
    return *type || coom(C);
}

enum { CHUNK = 254 };

static bool list_chunk(cc *C, const ast *n, uint32_t from, uint32_t count, const stype *hint, reg dst,
                       const stype **elem, uint32_t *taint, uint32_t *at) {
    reg base = next_temp(C);
    uint32_t keep = C->temps;
    for (uint32_t i = 0; i < count; i++) {
        reg r = c_temp(C);
        if (!item_in(C, n->kids[from + i], hint, r, elem, taint)) return false;
        C->temps = keep + i + 1;
    }
    if (!count) base = c_temp(C);
    *at = c_emit(C, INSN_LIST, dst, 0, base, count);
    C->temps = keep;
    return C->st == NARU_OK;
}

static bool list_display(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    const stype *wanted = list_elem_hint(hint), *elem = NULL;
    uint32_t keep = C->temps, taint = 0, first, at;
    reg r = n->count > CHUNK || dst == REG_ANY ? c_temp(C) : dst;
    uint32_t inner = C->temps;
    if (!list_chunk(C, n, 0, n->count < CHUNK ? n->count : CHUNK, wanted, r, &elem, &taint, &first)) return false;
    ARRAY(uint32_t) more = {0};
    for (uint32_t i = CHUNK; i < n->count && C->st == NARU_OK; i += CHUNK) {
        uint32_t left = n->count - i;
        reg pair = c_temps(C, 2);
        if (!list_chunk(C, n, i, left < CHUNK ? left : CHUNK, wanted, pair + 1, &elem, &taint, &at)) break;
        if (!ARRAY_PUSH(&more, at)) coom(C);
        val both[2] = {val_in(r, stype_list(C->arena, elem)), val_in(pair + 1, stype_list(C->arena, elem))}, none;
        if (!c_emit_op(C, "aten::extend", 2, both, pair, &none)) break;
        C->temps = inner;
    }
    if (!elem) elem = wanted ? wanted : &stype_tensor;
    const stype *t = stype_list(C->arena, elem);
    uint32_t index = c_type_at(C, t);
    if (C->st == NARU_OK) {
        C->code.data[first].b = index;
        for (size_t i = 0; i < more.count; i++) C->code.data[more.data[i]].b = index;
    }
    ARRAY_FREE(&more);
    C->temps = keep > inner || dst != REG_ANY ? keep : inner;
    if (r != dst && dst != REG_ANY && C->st == NARU_OK) c_emit(C, INSN_MOVE, dst, r, 0, 0);
    *out = (val){.kind = VAL_REG, .r = dst == REG_ANY ? r : dst, .type = t, .taint = taint};
    if (!n->count && !wanted) out->empty = first + 1;
    return C->st == NARU_OK;
}

static bool dict_rest(cc *C, const ast *n, reg r, const stype *t) { /* what one instruction cannot hold */
    for (uint32_t i = CHUNK; i < n->count; i += 2) {
        uint32_t keep = C->temps;
        val v[3] = {val_in(r, t)}, none;
        if (!c_value(C, n->kids[i], t->args[0], REG_ANY, &v[1]) ||
            !c_value(C, n->kids[i + 1], t->args[1], REG_ANY, &v[2]))
            return false;
        if (!c_emit_op(C, "aten::_set_item", 3, v, REG_ANY, &none)) return false;
        C->temps = keep;
    }
    return true;
}

static bool dict_display(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    const stype *wanted = hint ? bare(hint) : NULL;
    bool hinted = wanted && wanted->kind == ST_DICT;
    const stype *types[2] = {NULL, NULL};
    uint32_t taint = 0, count = n->count < CHUNK ? n->count : CHUNK;
    reg r = dst == REG_ANY || count < n->count ? c_temp(C) : dst;
    uint32_t keep = C->temps;
    reg base = next_temp(C);
    for (uint32_t i = 0; i < count; i++) {
        if (!n->kids[i]) return cfail(C, NARU_UNSUPPORTED, n->at, "Dict unpacking in a display is not supported");
        reg at = c_temp(C);
        if (!item_in(C, n->kids[i], hinted ? wanted->args[i % 2] : NULL, at, &types[i % 2], &taint)) return false;
        C->temps = keep + i + 1;
    }
    if (!count) c_temp(C);
    const stype *k = types[0] ? types[0] : hinted ? wanted->args[0] : &stype_str;
    const stype *v = types[1] ? types[1] : hinted ? wanted->args[1] : &stype_tensor;
    const stype *t = stype_dict(C->arena, k, v);
    uint32_t at = c_emit(C, INSN_DICT, r, c_type_at(C, t), base, count);
    C->temps = keep;
    if (C->st != NARU_OK || !dict_rest(C, n, r, t)) return false;
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint};
    if (!n->count && !hinted) out->empty = at + 1;
    return C->st == NARU_OK;
}

static bool tuple_display(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    const stype *wanted = hint ? bare(hint) : NULL;
    bool hinted = wanted && wanted->kind == ST_TUPLE && wanted->n == (int)n->count;
    bool spread = false;
    for (uint32_t i = 0; i < n->count; i++) spread |= n->kids[i]->kind == AST_STARRED;
    reg r = want(C, dst);
    uint32_t keep = C->temps, taint = 0;
    reg base = next_temp(C);
    if (spread) return cfail(C, NARU_UNSUPPORTED, n->at, "starred items in a tuple are not supported");
    const stype **types = arena_calloc(C->arena, n->count + 1, sizeof(*types));
    if (!types) return coom(C);
    for (uint32_t i = 0; i < n->count; i++) {
        reg at = c_temp(C);
        if (!item_in(C, n->kids[i], hinted ? wanted->args[i] : NULL, at, &types[i], &taint)) return false;
        C->temps = keep + i + 1;
    }
    if (!n->count) c_temp(C);
    const stype *t = stype_tuple(C->arena, (int)n->count, types, NULL);
    c_emit(C, INSN_TUPLE, r, c_type_at(C, t), base, n->count);
    C->temps = keep;
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint};
    return C->st == NARU_OK;
}

/* ---- operators ---- */
static const char *const op_names[AST_OP_COUNT] = {[AST_OP_ADD] = "aten::add",
                                                   [AST_OP_SUB] = "aten::sub",
                                                   [AST_OP_MUL] = "aten::mul",
                                                   [AST_OP_DIV] = "aten::div",
                                                   [AST_OP_FLOORDIV] = "aten::floordiv",
                                                   [AST_OP_MOD] = "aten::remainder",
                                                   [AST_OP_MATMUL] = "aten::matmul",
                                                   [AST_OP_POW] = "aten::pow",
                                                   [AST_OP_LSHIFT] = "aten::__lshift__",
                                                   [AST_OP_RSHIFT] = "aten::__rshift__",
                                                   [AST_OP_BIT_AND] = "aten::__and__",
                                                   [AST_OP_BIT_OR] = "aten::__or__",
                                                   [AST_OP_BIT_XOR] = "aten::__xor__",
                                                   [AST_OP_LT] = "aten::lt",
                                                   [AST_OP_LE] = "aten::le",
                                                   [AST_OP_GT] = "aten::gt",
                                                   [AST_OP_GE] = "aten::ge",
                                                   [AST_OP_EQ] = "aten::eq",
                                                   [AST_OP_NE] = "aten::ne",
                                                   [AST_OP_IN] = "aten::__contains__",
                                                   [AST_OP_IS] = "aten::__is__",
                                                   [AST_OP_IS_NOT] = "aten::__isnot__"};
static const char *const op_methods[AST_OP_COUNT] = {[AST_OP_ADD] = "__add__",
                                                     [AST_OP_SUB] = "__sub__",
                                                     [AST_OP_MUL] = "__mul__",
                                                     [AST_OP_DIV] = "__truediv__",
                                                     [AST_OP_FLOORDIV] = "__floordiv__",
                                                     [AST_OP_MOD] = "__mod__",
                                                     [AST_OP_MATMUL] = "__matmul__",
                                                     [AST_OP_POW] = "__pow__",
                                                     [AST_OP_LSHIFT] = "__lshift__",
                                                     [AST_OP_RSHIFT] = "__rshift__",
                                                     [AST_OP_BIT_AND] = "__and__",
                                                     [AST_OP_BIT_OR] = "__or__",
                                                     [AST_OP_BIT_XOR] = "__xor__",
                                                     [AST_OP_LT] = "__lt__",
                                                     [AST_OP_LE] = "__le__",
                                                     [AST_OP_GT] = "__gt__",
                                                     [AST_OP_GE] = "__ge__",
                                                     [AST_OP_EQ] = "__eq__",
                                                     [AST_OP_NE] = "__ne__",
                                                     [AST_OP_IN] = "__contains__"};

static bool text_in_text(cc *C, val *text, val *part, reg dst, val *out) {
    val all[4] = {*text, *part}, n;
    all[2] = val_const(C, sv_int(0), &stype_int);
    if (!c_emit_op(C, "aten::len", 1, text, REG_ANY, &all[3]) || !c_emit_op(C, "aten::find", 4, all, REG_ANY, &n))
        return false;
    return c_emit_op(C, "aten::ne", 2, (val[]){n, val_const(C, sv_int(-1), &stype_int)}, dst, out);
}

static val item_of(cc *C, const val *v, reg run, int i) {
    return (val){.kind = VAL_REG, .r = run + (uint32_t)i, .type = v->type->args[i], .taint = v->taint};
}

/* The items of two tuples, one behind the other, in a run. */
static bool two_tuples(cc *C, val *a, val *b, reg *run) {
    int n = a->type->n, m = b->type->n;
    *run = c_temps(C, n + m + 1);
    if (!c_in_reg(C, a, REG_ANY) || !c_in_reg(C, b, REG_ANY)) return false;
    c_emit(C, INSN_UNPACK, *run, a->r, 0, (uint32_t)n);
    c_emit(C, INSN_UNPACK, *run + (uint32_t)n, b->r, 0, (uint32_t)m);
    return C->st == NARU_OK;
}

static bool tuple_sum(cc *C, val *a, val *b, reg dst, val *out) {
    int n = a->type->n, m = b->type->n;
    const stype **types = arena_alloc(C->arena, (size_t)(n + m + 1) * sizeof(*types));
    reg run, r = want(C, dst);
    if (!types) return coom(C);
    if (!two_tuples(C, a, b, &run)) return false;
    for (int i = 0; i < n + m; i++) types[i] = i < n ? a->type->args[i] : b->type->args[i - n];
    const stype *t = stype_tuple(C->arena, n + m, types, NULL);
    c_emit(C, INSN_TUPLE, r, c_type_at(C, t), run, (uint32_t)(n + m));
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint_join(C, a->taint, b->taint)};
    return C->st == NARU_OK;
}

static bool tuple_equal(cc *C, val *a, val *b, bool equal, reg dst, val *out) {
    int n = a->type->n;
    reg run;
    if (n != b->type->n) {
        *out = val_const(C, sv_bool(!equal), &stype_bool);
        return true;
    }
    if (!two_tuples(C, a, b, &run)) return false;
    val all = val_const(C, sv_bool(true), &stype_bool);
    for (int i = 0; i < n; i++) {
        val x = item_of(C, a, run, i), y = item_of(C, b, run + (uint32_t)n, i), same;
        if (!c_binary(C, AST_OP_EQ, &x, &y, REG_ANY, &same) || !c_to_bool(C, &same, REG_ANY, NULL)) return false;
        if (!c_emit_op(C, "aten::__and__", 2, (val[]){all, same}, REG_ANY, &all)) return false;
    }
    if (!equal) return c_emit_op(C, "aten::__not__", 1, &all, dst, out);
    *out = all;
    return true;
}

static bool in_modules(cc *C, const val *modules, const val *key, val *out) { /* "a" in ModuleDict */
    if (key->kind != VAL_CONST || key->k.tag != SV_STR)
        return cfail(C, NARU_BAD_MODEL, C->at, "only string literals can be looked up in a container of modules");
    *out = val_const(C, sv_bool(sclass_attr(modules->type->cls, sv_string(key->k)->data) >= 0), &stype_bool);
    return true;
}

static bool tuples(cc *C, ast_op op, val *a, val *b, reg dst, val *out, bool *done) {
    *done = a->type->kind == ST_TUPLE && b->type->kind == ST_TUPLE &&
            (op == AST_OP_ADD || op == AST_OP_EQ || op == AST_OP_NE);
    if (!*done) return true;
    return op == AST_OP_ADD ? tuple_sum(C, a, b, dst, out) : tuple_equal(C, a, b, op == AST_OP_EQ, dst, out);
}

bool c_binary(cc *C, ast_op op, val *a, val *b, reg dst, val *out) {
    val *first = op == AST_OP_IN || op == AST_OP_NOT_IN ? b : a, *second = first == a ? b : a;
    ast_op name = op == AST_OP_NOT_IN ? AST_OP_IN : op;
    bool ok, done;
    if (!tuples(C, op, a, b, dst, out, &done) || done) return C->st == NARU_OK;
    if (first->type->kind == ST_CLASS && op_methods[name] && first->type->cls->kind != CLASS_ENUM &&
        sclass_method(first->type->cls, op_methods[name]))
        ok = c_call_method(C, first, op_methods[name], 1, second, C->at, dst, out);
    else if (op == AST_OP_NE && first->type->kind == ST_CLASS && first->type->cls->kind == CLASS_PLAIN)
        ok = c_call_method(C, first, "__eq__", 1, second, C->at, dst, out) &&
             c_emit_op(C, "aten::__not__", 1, out, dst, out);
    else if (name == AST_OP_IN && first->type->kind == ST_CLASS && first->type->cls->kind == CLASS_MODULE)
        ok = in_modules(C, first, second, out);
    else if (name == AST_OP_IN && first->type->kind == ST_STR && second->type->kind == ST_STR)
        ok = text_in_text(C, first, second, dst, out);
    else if (name == AST_OP_MOD && a->type->kind == ST_STR)
        ok = c_emit_op(C, "aten::percentFormat", 2, (val[]){*a, *b}, dst, out);
    else ok = c_emit_op(C, op_names[name], 2, (val[]){*first, *second}, dst, out);
    if (ok && op == AST_OP_NOT_IN) ok = c_emit_op(C, "aten::__not__", 1, out, dst, out);
    return ok;
}

/* Where a temporary above `base` would be overwritten, it moves there. */
static bool settle(cc *C, val *v, reg base) {
    return v->kind != VAL_REG || !is_temp(v->r) || v->r <= base || c_into(C, v, base);
}

static bool binary_chain(cc *C, const ast *n, reg dst, val *out) {
    uint32_t keep = C->temps;
    reg base = c_temps(C, 2);
    val a, b;
    if (!c_value(C, n->kids[0], NULL, base, &a) || !settle(C, &a, base)) return false;
    for (uint32_t i = 1; i < n->count; i++) {
        C->temps = keep + 2;
        if (a.kind == VAL_REG && !is_temp(a.r) && n->kids[i]->height > 2 && !c_into(C, &a, base))
            return false; /* what is on the right may change the variable */
        if (!c_value(C, n->kids[i], NULL, base + 1, &b)) return false;
        bool last = i + 1 == n->count;
        if (!c_binary(C, n->ops[i - 1], &a, &b, last && dst != REG_ANY ? dst : base, out)) return false;
        if (out->r != dst && !settle(C, out, base)) return false;
        a = *out;
    }
    C->temps = keep + (out->kind == VAL_REG && out->r == base);
    return C->st == NARU_OK;
}

/* a < b < c: each operand once; the result of all but the last decides in an IF. */
static bool compare_chain(cc *C, const ast *n, reg dst, val *out) {
    if (n->count == 2) return binary_chain(C, n, dst, out);
    reg r = c_temp(C);
    val a, b, v;
    if (!c_value(C, n->kids[0], NULL, c_temp(C), &a)) return false;
    ARRAY(uint32_t) branches = {0};
    for (uint32_t i = 1; i < n->count && C->st == NARU_OK; i++) {
        if (!c_value(C, n->kids[i], NULL, c_temp(C), &b)) break;
        if (!c_binary(C, n->ops[i - 1], &a, &b, r, &v) || !c_to_bool(C, &v, r, n) || !c_into(C, &v, r)) break;
        a = b;
        if (i + 1 < n->count && !ARRAY_PUSH(&branches, c_emit(C, INSN_IF, r, 0, 0, 0))) coom(C);
    }
    for (size_t i = 0; i < branches.count && C->st == NARU_OK; i++)
        C->code.data[branches.data[i]].b = C->code.data[branches.data[i]].c = here(C);
    ARRAY_FREE(&branches);
    *out = val_in(r, &stype_bool);
    return C->st == NARU_OK;
}

static bool negate(cc *C, const ast *n, reg dst, val *out) {
    val v;
    if (!c_value(C, n->kids[0], NULL, dst, &v)) return false;
    if (v.kind == VAL_CONST && v.k.tag == SV_FLOAT) *out = val_const(C, sv_float(-v.k.f), &stype_float);
    else if (v.kind == VAL_CONST && v.k.tag == SV_INT && v.k.i != INT64_MIN)
        *out = val_const(C, sv_int(-v.k.i), &stype_int);
    else if (v.type->kind == ST_CLASS) return c_call_method(C, &v, "__neg__", 0, NULL, n->at, dst, out);
    else return c_emit_op(C, "aten::neg", 1, &v, dst, out);
    return true;
}

static bool unary(cc *C, const ast *n, reg dst, val *out) {
    val v;
    switch (n->op) {
    case AST_OP_NOT: return c_cond_value(C, n, dst, out);
    case AST_OP_NEG: return negate(C, n, dst, out);
    case AST_OP_POS: return c_value(C, n->kids[0], NULL, dst, out);
    default:
        if (!c_value(C, n->kids[0], NULL, dst, &v)) return false;
        if (v.type->kind == ST_CLASS) return c_call_method(C, &v, "__invert__", 0, NULL, n->at, dst, out);
        return c_emit_op(C, "aten::bitwise_not", 1, &v, dst, out);
    }
}

/* ---- a if c else b ---- */
static bool ternary_part(cc *C, const ast *n, const refine *what, const stype *hint, reg r, val *out) {
    uint32_t mark = scope_open(C), keep = C->temps;
    refine_apply(C, what);
    bool ok = c_value_in(C, n, hint, r, out);
    scope_close(C, mark, NULL);
    C->temps = keep;
    return ok;
}

static bool ternary(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    cond c;
    if (!c_condition(C, n->kids[0], REG_ANY, &c)) return false;
    if (c.known >= 0) return c_value(C, n->kids[c.known ? 1 : 2], hint, dst, out);
    reg r = want(C, dst);
    val a, b;
    uint32_t branch = c_emit(C, INSN_IF, c.r, 0, 0, 0);
    if (!ternary_part(C, n->kids[1], c.yes, hint, r, &a)) return false;
    uint32_t jump = c_emit(C, INSN_JMP, 0, 0, 0, 0);
    if (C->st != NARU_OK) return false;
    C->code.data[branch].b = here(C);
    if (!ternary_part(C, n->kids[2], c.no, hint, r, &b)) return false;
    C->code.data[branch].c = C->code.data[jump].a = here(C);
    const stype *t = hint && stype_subtype(a.type, hint) && stype_subtype(b.type, hint)
                         ? hint
                         : stype_unify(C->arena, a.type, b.type);
    if (!t)
        return cfail(C, NARU_BAD_MODEL, n->at, "if-expression's true branch has type %s but false branch has type %s",
                     ctype(C, a.type), ctype(C, b.type));
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint_join(C, a.taint, b.taint)};
    return C->st == NARU_OK;
}

/* ---- strings ---- */
static bool fstring(cc *C, const ast *n, reg dst, val *out) {
    str format = {0};
    val *all = arena_calloc(C->arena, n->count + 1, sizeof(*all));
    if (!all) return coom(C);
    int k = 1;
    for (uint32_t i = 0; i < n->count && C->st == NARU_OK; i++) {
        const ast *part = n->kids[i];
        if (part->kind == AST_STR) {
            str_add_n(&format, part->text, part->len);
            continue;
        }
        if (part->i) cfail(C, NARU_UNSUPPORTED, part->at, "Don't support conversion in JoinedStr");
        else if (part->count > 1 && part->kids[1])
            cfail(C, NARU_UNSUPPORTED, part->at, "Don't support formatting in JoinedStr");
        else c_value(C, part->kids[0], NULL, REG_ANY, &all[k++]);
        str_add(&format, "{}");
    }
    if (C->st == NARU_OK) all[0] = val_const(C, sv_str(str_text(&format), format.len), &stype_str);
    if (C->st == NARU_OK && k == 1) *out = all[0];
    bool ok = C->st == NARU_OK && (k == 1 || c_emit_op(C, "aten::format", k, all, dst, out));
    str_free(&format);
    return ok;
}

/* ---- all ---- */
static bool name(cc *C, const ast *n, val *out) {
    var *x = var_find(C, n->text);
    if (!x || (x->now.state == VAR_UNDEFINED && !x->now.why)) return c_find_name(C, n, n->text, out);
    if (x->now.state == VAR_UNDEFINED) return cfail(C, NARU_BAD_MODEL, n->at, "%s", x->now.why);
    if (x->now.state == VAR_BOUND) *out = *x->now.bound;
    else *out = (val){.kind = VAL_REG, .r = (reg)(x - C->vars.data), .type = x->now.type, .taint = x->now.taint};
    return true;
}

static bool is_none_compare(const ast *n) {
    return n->count == 2 && (n->ops[0] == AST_OP_IS || n->ops[0] == AST_OP_IS_NOT) &&
           (n->kids[0]->kind == AST_NONE || n->kids[1]->kind == AST_NONE);
}

static bool any(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    switch (n->kind) {
    case AST_NAME: return name(C, n, out);
    case AST_ATTR: {
        val obj;
        return c_expr(C, n->kids[0], NULL, is_temp(dst) ? dst : REG_ANY, &obj) &&
               c_attribute(C, &obj, n, n->text, dst, out);
    }
    case AST_SUBSCRIPT: return c_subscript(C, n, hint, dst, out);
    case AST_CALL: return c_call(C, n, hint, dst, out);
    case AST_INT: *out = val_const(C, sv_int(n->i), &stype_int); return C->st == NARU_OK;
    case AST_FLOAT: *out = val_const(C, sv_float(n->f), &stype_float); return C->st == NARU_OK;
    case AST_COMPLEX: *out = val_const(C, sv_complex(n->c.re, n->c.im), &stype_complex); return C->st == NARU_OK;
    case AST_STR: *out = val_const(C, sv_str(n->text, n->len), &stype_str); return C->st == NARU_OK;
    case AST_BOOL: *out = val_const(C, sv_bool(n->i != 0), &stype_bool); return C->st == NARU_OK;
    case AST_NONE: *out = val_const(C, sv_none(), &stype_none); return C->st == NARU_OK;
    case AST_FSTRING: return fstring(C, n, dst, out);
    case AST_LIST: return list_display(C, n, hint, dst, out);
    case AST_TUPLE: return tuple_display(C, n, hint, dst, out);
    case AST_DICT: return dict_display(C, n, hint, dst, out);
    case AST_UNARY: return unary(C, n, dst, out);
    case AST_BINARY: return binary_chain(C, n, dst, out);
    case AST_COMPARE: return is_none_compare(n) ? c_cond_value(C, n, dst, out) : compare_chain(C, n, dst, out);
    case AST_BOOLOP: return c_cond_value(C, n, dst, out);
    case AST_TERNARY: return ternary(C, n, hint, dst, out);
    case AST_LIST_COMP:
    case AST_GENERATOR:
    case AST_DICT_COMP: return c_comprehension(C, n, hint, dst, out);
    case AST_UNSUPPORTED: return cfail(C, NARU_UNSUPPORTED, n->at, "%s", n->text);
    default: return cfail(C, NARU_UNSUPPORTED, n->at, "%s is not supported here", ast_kind_name((ast_kind)n->kind));
    }
}

bool c_expr(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    if (C->st != NARU_OK) return false;
    src_range before = C->at;
    int *nesting = &unit_of(C->u)->nesting;
    if (++*nesting > MAX_NESTING) cfail(C, NARU_LIMIT, n->at, "functions that call one another nest too deep");
    C->at = n->at;
    *out = (val){.r = REG_ANY};
    bool ok = C->st == NARU_OK && any(C, n, hint, dst, out) && C->st == NARU_OK;
    C->at = before;
    --*nesting;
    return ok;
}

bool c_value(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    return c_expr(C, n, hint, dst, out) && c_as_value(C, out, n);
}

bool c_value_in(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    return c_value(C, n, hint, dst, out) && c_into(C, out, dst);
}
