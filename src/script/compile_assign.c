/* SPDX-License-Identifier: MIT
 *
 * Assignments: to names, attributes, subscripts and tuples of them; annotated and augmented ones; del.
 */
#include "script/compile_in.h"

/* ---- one target ---- */
static bool to_name(cc *C, const ast *target, val *v, src_range at) {
    uint32_t i = var_of(C, target->text);
    if (C->st != NARU_OK) return false;
    if (v->kind != VAL_REG && v->kind != VAL_CONST && v->kind != VAL_MULTI) {
        var_bind(C, i, v);
        return C->st == NARU_OK;
    }
    if (!c_as_value(C, v, target)) return false;
    return var_assign(C, i, v->type, taint_of(v->taint, v->type), at) && c_into(C, v, (reg)i);
}

/* In the source of a plain class, __init__ says what attributes there are. */
static bool defines_attrs(const cc *C, const sclass *c) {
    return c->kind == CLASS_PLAIN && C->f->f.owner == c && strcmp(C->f->f.name, "__init__") == 0;
}

static bool add_attr(cc *C, class_in *in, const ast *target, const val *v) {
    sclass *c = &in->c;
    sattr *all = arena_alloc(C->arena, ((size_t)c->nattrs + 1) * sizeof(*all));
    if (!all) return coom(C);
    if (c->nattrs >= UINT16_MAX) return cfail(C, NARU_LIMIT, target->at, "more than %d attributes", UINT16_MAX);
    if (c->nattrs) memcpy(all, c->attrs, (size_t)c->nattrs * sizeof(*all));
    all[c->nattrs] = (sattr){.name = target->text, .type = v->type, .dflt = {.tag = SV_UNINIT}};
    c->attrs = all;
    c->nattrs++;
    return true;
}

static bool to_attribute(cc *C, const ast *target, val *v) {
    val obj;
    if (!c_as_value(C, v, target) || !c_value(C, target->kids[0], NULL, REG_ANY, &obj)) return false;
    const sclass *c = obj.type->kind == ST_CLASS ? obj.type->cls : NULL;
    if (!c) {
        val both[2] = {obj, *v}, none;
        if (obj.type->kind == ST_TENSOR && strcmp(target->text, "data") == 0)
            return c_emit_op(C, "aten::set_data", 2, both, REG_ANY, &none);
        return cfail(C, NARU_BAD_MODEL, target->at, "Tried to set an attribute: %s on a non-class: %s", target->text,
                     ctype(C, obj.type));
    }
    int slot = sclass_attr(c, target->text);
    if (slot < 0 && defines_attrs(C, c)) {
        if (C->scope > 0)
            return cfail(C, NARU_BAD_MODEL, target->at, "First assignment cannot be in a control-flow block");
        if (!add_attr(C, class_of(c), target, v)) return false;
        slot = sclass_attr(c, target->text);
    }
    if (slot < 0)
        return cfail(C, NARU_BAD_MODEL, target->at,
                     "Tried to set nonexistent attribute: %s. Did you forget to initialize it in __init__()?",
                     target->text);
    sattr *a = &c->attrs[slot];
    if (!c_fits(C, v, a->type)) {
        if (C->st != NARU_OK) return false;
        return cfail(C, NARU_BAD_MODEL, target->at, "Wrong type for attribute assignment. Expected %s but got %s",
                     ctype(C, a->type), ctype(C, v->type));
    }
    if (!c_in_reg(C, &obj, REG_ANY) || !c_in_reg(C, v, REG_ANY)) return false;
    c_emit(C, INSN_SETATTR, obj.r, (uint32_t)slot, v->r, 0);
    if (!a->written) atomic_fetch_add(&C->u->generation, 1);
    a->written = true;
    taint_mutated(C, c->kind == CLASS_MODULE ? TAINT_ATTR : obj.taint);
    return C->st == NARU_OK;
}

/* ---- tuples ---- */
static int starred(const ast *target) { /* index of `*rest`, -1 */
    for (uint32_t i = 0; i < target->count; i++)
        if (target->kids[i]->kind == AST_STARRED) return (int)i;
    return -1;
}

bool c_unpack(cc *C, val *v, int n, reg base, const stype **types) {
    const stype *t = v->type;
    if (t->kind == ST_TUPLE && t->n != n)
        return cfail(C, NARU_BAD_MODEL, C->at, "Provided tuple of %d values but expected %d: need %d values to unpack",
                     t->n, n, n);
    if (t->kind != ST_TUPLE && t->kind != ST_LIST) {
        if (t->kind == ST_TENSOR) { /* along its first dimension */
            if (!c_emit_op(C, "aten::unbind", 1, v, REG_ANY, v)) return false;
            t = v->type;
        } else {
            return cfail(C, NARU_BAD_MODEL, C->at, "%s cannot be used as a tuple", ctype(C, t));
        }
    }
    if (!c_in_reg(C, v, REG_ANY)) return false;
    c_emit(C, INSN_UNPACK, base, v->r, 0, (uint32_t)n);
    for (int i = 0; i < n; i++) types[i] = t->kind == ST_TUPLE ? t->args[i] : t->args[0];
    return C->st == NARU_OK;
}

/* n items of v, wherever they are. */
static bool items_of(cc *C, val *v, int n, const val **out) {
    val *items = arena_calloc(C->arena, (size_t)n + 1, sizeof(*items));
    const stype **types = arena_calloc(C->arena, (size_t)n + 1, sizeof(*types));
    if (!items || !types) return coom(C);
    *out = items;
    if (v->kind == VAL_MULTI || v->kind == VAL_PACK) {
        if (v->n != n) return cfail(C, NARU_BAD_MODEL, C->at, "need %d values to unpack, found %d", n, v->n);
        for (int i = 0; i < n; i++) {
            if (v->kind == VAL_PACK) items[i] = v->items[i];
            else
                items[i] = (val){.kind = VAL_REG, .r = v->r + (uint32_t)i, .type = v->type->args[i], .taint = v->taint};
        }
        return true;
    }
    reg base = c_temps(C, n ? n : 1);
    if (!c_as_value(C, v, NULL) || !c_unpack(C, v, n, base, types)) return false;
    for (int i = 0; i < n; i++)
        items[i] =
            (val){.kind = VAL_REG, .r = base + (uint32_t)i, .type = types[i], .taint = taint_of(v->taint, types[i])};
    return true;
}

static bool to_starred(cc *C, const ast *target, val *v, int star, src_range at) {
    int before = star, after = (int)target->count - star - 1;
    if (!c_as_value(C, v, target)) return false;
    if (v->type->kind != ST_TUPLE)
        return cfail(C, NARU_BAD_MODEL, at, "cannot statically infer the expected size of a list in this context");
    int n = v->type->n, middle = n - before - after;
    const val *items;
    if (middle < 0)
        return cfail(C, NARU_BAD_MODEL, at, "need at least %d values to unpack, found %d", before + after, n);
    if (!items_of(C, v, n, &items)) return false;
    for (int i = 0; i < (int)target->count; i++) {
        val x = i < star   ? items[i]
                : i > star ? items[i + middle - 1]
                           : (val){.kind = VAL_PACK, .n = middle, .items = items + star};
        if (i == star && !c_as_value(C, &x, target)) return false;
        if (!c_assign_to(C, i == star ? target->kids[i]->kids[0] : target->kids[i], &x, at)) return false;
    }
    return true;
}

static bool to_tuple(cc *C, const ast *target, val *v, src_range at) {
    int star = starred(target);
    if (star >= 0) return to_starred(C, target, v, star, at);
    const val *items;
    if (!items_of(C, v, (int)target->count, &items)) return false;
    for (uint32_t i = 0; i < target->count; i++) {
        val x = items[i];
        if (!c_assign_to(C, target->kids[i], &x, at)) return false;
    }
    return true;
}

bool c_assign_to(cc *C, const ast *target, val *v, src_range at) {
    switch (target->kind) {
    case AST_NAME: return to_name(C, target, v, at);
    case AST_ATTR: return to_attribute(C, target, v);
    case AST_SUBSCRIPT: return c_as_value(C, v, target) && subscript_store(C, target, v);
    case AST_TUPLE:
    case AST_LIST: return to_tuple(C, target, v, at);
    default: return cfail(C, NARU_UNSUPPORTED, target->at, "unexpected expression on left-hand side of assignment");
    }
}

/* ---- statements ---- */
static const stype *target_hint(cc *C, const ast *target) { /* what is assigned should be of this type, if known */
    if (target->kind == AST_NAME) {
        var *x = var_find(C, target->text);
        return x && x->now.state == VAR_VALUE && C->scope > 0 ? x->now.type : NULL;
    }
    if (target->kind != AST_ATTR || target->kids[0]->kind != AST_NAME) return NULL;
    var *x = var_find(C, target->kids[0]->text);
    if (!x || x->now.state != VAR_VALUE || x->now.type->kind != ST_CLASS) return NULL;
    int slot = sclass_attr(x->now.type->cls, target->text);
    return slot >= 0 ? x->now.type->cls->attrs[slot].type : NULL;
}

static bool uses(const ast *n, const char *name) {
    if (!n) return false;
    if (n->kind == AST_NAME) return strcmp(n->text, name) == 0;
    for (uint32_t i = 0; i < n->count; i++)
        if (uses(n->kids[i], name)) return true;
    return false;
}

/* `a, b = b, a`: all right sides are read first. */
static bool parallel(cc *C, const ast *target, const ast *v) {
    val *items = arena_calloc(C->arena, v->count + 1, sizeof(*items));
    if (!items) return coom(C);
    for (uint32_t i = 0; i < v->count; i++) {
        if (!c_expr(C, v->kids[i], target_hint(C, target->kids[i]), REG_ANY, &items[i])) return false;
        if (items[i].kind != VAL_REG || is_temp(items[i].r)) continue;
        bool overwritten = false; /* before it is read */
        for (uint32_t k = 0; k < i; k++) overwritten |= uses(target->kids[k], C->vars.data[items[i].r].name);
        for (uint32_t k = i + 1; k < v->count; k++) overwritten |= v->kids[k]->height > 1;
        if (overwritten && !c_into(C, &items[i], c_temp(C))) return false;
    }
    for (uint32_t i = 0; i < v->count; i++)
        if (!c_assign_to(C, target->kids[i], &items[i], v->kids[i]->at)) return false;
    return true;
}

static bool plain_names(const ast *t) {
    for (uint32_t i = 0; i < t->count; i++)
        if (t->kids[i]->kind == AST_STARRED) return false;
    return true;
}

/* Where the value may be computed into: the register of a name. */
static reg place(cc *C, const ast *target) {
    if (target->kind != AST_NAME) return REG_ANY;
    return (reg)var_of(C, target->text);
}

bool stmt_assign(cc *C, const ast *n) {
    const ast *v = n->kids[n->count - 1], *first = n->kids[0];
    val x;
    if (n->count == 2 && first->kind == AST_TUPLE && v->kind == AST_TUPLE && first->count == v->count &&
        !(first->flags & AST_TRAILING_COMMA) && plain_names(first) && plain_names(v))
        return parallel(C, first, v);
    reg dst = n->count == 2 ? place(C, first) : REG_ANY;
    if (!c_expr(C, v, target_hint(C, first), dst, &x)) return false;
    for (uint32_t i = 0; i + 1 < n->count; i++) {
        val each = x;
        if (n->count > 2 && !c_as_value(C, &each, v)) return false;
        if (!c_assign_to(C, n->kids[i], &each, v->at)) return false;
    }
    return true;
}

static bool declared_before(cc *C, const ast *target) {
    var *x = target->kind == AST_NAME ? var_find(C, target->text) : NULL;
    return x && x->now.state == VAR_VALUE && C->scope > 0 && x->now.scope < C->scope;
}

bool stmt_ann_assign(cc *C, const ast *n) {
    const stype *t;
    val v;
    if (!n->kids[2])
        return cfail(C, NARU_UNSUPPORTED, n->at, "annotated assignments without assigned value aren't supported");
    if (!cpass(C, type_of_ast(C->u, n->kids[1], &t, C->err))) return false;
    if (declared_before(C, n->kids[0]))
        return cfail(
            C, NARU_BAD_MODEL, n->at,
            "Attempting to declare and annotate the type of variable '%s' that is already defined in an outer block",
            n->kids[0]->text);
    if (!c_value(C, n->kids[2], t, place(C, n->kids[0]), &v)) return false;
    if (!c_fits(C, &v, t)) {
        if (C->st != NARU_OK) return false;
        return cfail(C, NARU_BAD_MODEL, n->at,
                     "Variable '%s' is annotated with type %s but is being assigned to a value of type %s",
                     n->kids[0]->kind == AST_NAME ? n->kids[0]->text : "", ctype(C, t), ctype(C, v.type));
    }
    v.type = t;
    v.empty = 0;
    return c_assign_to(C, n->kids[0], &v, n->kids[2]->at);
}

/* ---- x op= v ---- */
static const struct {
    ast_op op;
    const char *tensor, *method;
} augmented[] = {{AST_OP_ADD, "aten::add_", "__iadd__"},
                 {AST_OP_SUB, "aten::sub_", "__isub__"},
                 {AST_OP_MUL, "aten::mul_", "__imul__"},
                 {AST_OP_DIV, "aten::div_", "__itruediv__"},
                 {AST_OP_MOD, "aten::fmod_", "__imod__"},
                 {AST_OP_POW, "aten::pow_", "__ipow__"},
                 {AST_OP_BIT_OR, "aten::__ior__", "__ior__"},
                 {AST_OP_BIT_AND, "aten::__iand__", "__iand__"},
                 {AST_OP_BIT_XOR, "aten::__ixor__", "__ixor__"},
                 {AST_OP_LSHIFT, "aten::__ilshift__", "__ilshift__"},
                 {AST_OP_RSHIFT, "aten::__irshift__", "__irshift__"}};

static int augmented_of(ast_op op) {
    for (size_t i = 0; i < COUNT_OF(augmented); i++)
        if (augmented[i].op == op) return (int)i;
    return -1;
}

/* old op= v; *changed: the result has to be stored again. */
static bool update(cc *C, int i, val *old, val *v, reg dst, val *out, bool *changed) {
    const stype *t = old->type;
    bool list = t->kind == ST_LIST && (augmented[i].op == AST_OP_ADD || augmented[i].op == AST_OP_MUL);
    *changed = true;
    if (t->kind == ST_CLASS && sclass_method(t->cls, augmented[i].method))
        return c_call_method(C, old, augmented[i].method, 1, v, C->at, dst, out);
    if (list && augmented[i].op == AST_OP_ADD) {
        *changed = false;
        c_fits(C, v, t);
        return c_emit_op(C, "aten::add_", 2, (val[]){*old, *v}, REG_ANY, out);
    }
    if (t->kind == ST_TENSOR || list) {
        *changed = false;
        return c_emit_op(C, augmented[i].tensor, 2, (val[]){*old, *v}, REG_ANY, out);
    }
    if (augmented[i].op == AST_OP_MOD && t->kind != ST_STR)
        return c_emit_op(C, "aten::fmod", 2, (val[]){*old, *v}, dst, out);
    return c_binary(C, augmented[i].op, old, v, dst, out);
}

static bool update_item(cc *C, const ast *n, int i, const ast *target) {
    val obj, v, index, old, out, none;
    bool changed;
    if (!c_value(C, target->kids[0], NULL, REG_ANY, &obj)) return false;
    if (obj.type->kind == ST_TENSOR) {
        return c_value(C, n->kids[1], NULL, REG_ANY, &v) && subscript_update(C, target, &obj, augmented[i].tensor, &v);
    }
    if (target->count != 2 || target->kids[1]->kind == AST_SLICE || obj.type->kind == ST_TUPLE)
        return cfail(C, NARU_UNSUPPORTED, n->at,
                     "Sliced expression not yet supported for subscripted assignment. File a bug if you want this");
    bool cls = obj.type->kind == ST_CLASS;
    if (!c_value(C, target->kids[1], NULL, REG_ANY, &index)) return false;
    bool ok = cls ? c_call_method(C, &obj, "__getitem__", 1, &index, n->at, REG_ANY, &old)
                  : c_emit_op(C, "aten::__getitem__", 2, (val[]){obj, index}, REG_ANY, &old);
    if (!ok || !c_value(C, n->kids[1], NULL, REG_ANY, &v) || !update(C, i, &old, &v, REG_ANY, &out, &changed))
        return false;
    if (!changed) return true;
    if (cls) return c_call_method(C, &obj, "__setitem__", 2, (val[]){index, out}, n->at, REG_ANY, &none);
    return c_emit_op(C, "aten::_set_item", 3, (val[]){obj, index, out}, REG_ANY, &none);
}

bool stmt_aug_assign(cc *C, const ast *n) {
    const ast *target = n->kids[0];
    int i = augmented_of((ast_op)n->op);
    if (i < 0)
        return cfail(C, NARU_UNSUPPORTED, n->at, "unsupported kind of augmented assignment: %s",
                     n->op == AST_OP_FLOORDIV ? "FloorDiv" : ast_op_name((ast_op)n->op));
    if (target->kind == AST_SUBSCRIPT) return update_item(C, n, i, target);
    val old, v, out;
    bool changed;
    if (!c_value(C, target, NULL, REG_ANY, &old)) return false;
    const stype *hint = old.type->kind == ST_LIST ? old.type : NULL;
    if (!c_value(C, n->kids[1], hint, REG_ANY, &v) || !update(C, i, &old, &v, place(C, target), &out, &changed))
        return false;
    return !changed || c_assign_to(C, target, &out, n->kids[1]->at);
}

/* ---- del ---- */
static bool del_one(cc *C, const ast *t) {
    val obj, index, none;
    if (t->kind == AST_NAME) {
        var *x = var_find(C, t->text);
        if (!x || x->now.state == VAR_UNDEFINED) return cfail(C, NARU_BAD_MODEL, t->at, "undefined value %s", t->text);
        c_emit(C, INSN_CLEAR, (reg)(x - C->vars.data), 0, 0, 0);
        var_set(C, (uint32_t)(x - C->vars.data),
                (var_now){.state = VAR_UNDEFINED, .why = ctext(C, "undefined value %s", t->text), .assigned = true});
        return C->st == NARU_OK;
    }
    if (t->kind != AST_SUBSCRIPT || t->count != 2)
        return cfail(C, NARU_UNSUPPORTED, t->at,
                     "del statements are only supported for deleting list and dict items and variables");
    if (!c_value(C, t->kids[0], NULL, REG_ANY, &obj) || !c_value(C, t->kids[1], NULL, REG_ANY, &index)) return false;
    if (obj.type->kind == ST_CLASS) return c_call_method(C, &obj, "__delitem__", 1, &index, t->at, REG_ANY, &none);
    return c_emit_op(C, "aten::Delete", 2, (val[]){obj, index}, REG_ANY, &none);
}

bool stmt_del(cc *C, const ast *n) {
    for (uint32_t i = 0; i < n->count; i++)
        if (!del_one(C, n->kids[i])) return false;
    return true;
}
