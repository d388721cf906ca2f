/* SPDX-License-Identifier: MIT
 *
 * Functions that the compiler itself knows: those of the archive's language (annotate, unchecked_cast, uninitialized,
 * fork ...), Python's that are more than an operator (int, range, print, getattr ...), and torch.jit's. Each gets the
 * call before its arguments are evaluated.
 */
#include "script/compile_in.h"

#include <math.h>

static bool arity(cc *C, const ast *n, uint32_t least, uint32_t most) {
    uint32_t given = n->count - 1;
    if (given >= least && given <= most) return true;
    return cfail(C, NARU_BAD_MODEL, n->at, "this function takes %u argument%s, %u given", least, least == 1 ? "" : "s",
                 given);
}

static const ast *arg_at(const ast *n, uint32_t i) { /* also through a keyword */
    const ast *k = n->kids[i + 1];
    return k->kind == AST_KEYWORD ? k->kids[0] : k;
}

/* ---- types ---- */
static int tolist_code(const stype *t) { /* of the innermost element; -1: cannot be */
    while (t->kind == ST_LIST) t = t->args[0];
    switch (t->kind) {
    case ST_INT: return 0;
    case ST_FLOAT: return 1;
    case ST_BOOL: return 2;
    case ST_COMPLEX: return 3;
    default: return -1;
    }
}

static bool tolist(cc *C, const ast *call_, const stype *t, reg dst, val *out) {
    val v[3];
    int dim = 0, code_ = tolist_code(t);
    if (code_ < 0)
        return cfail(C, NARU_BAD_MODEL, call_->at,
                     "tolist() can only give lists of int, float, bool and complex, not %s", ctype(C, t));
    for (const stype *e = t; e->kind == ST_LIST; e = e->args[0]) dim++;
    if (!c_value(C, call_->kids[0]->kids[0], NULL, REG_ANY, &v[0])) return false;
    v[1] = val_const(C, sv_int(dim), &stype_int);
    v[2] = val_const(C, sv_int(code_), &stype_int);
    if (!c_emit_op(C, "prim::tolist", 3, v, dst, out)) return false;
    if (out->kind == VAL_CONST) return cfail(C, NARU_INTERNAL, call_->at, "prim::tolist gives nothing");
    out->type = t;
    return true;
}

static bool is_tolist(const ast *n) {
    return n->kind == AST_CALL && n->count == 1 && n->kids[0]->kind == AST_ATTR &&
           strcmp(n->kids[0]->text, "tolist") == 0;
}

static bool bi_annotate(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    const stype *t;
    if (!arity(C, n, 2, 2) || !cpass(C, type_of_ast(C->u, arg_at(n, 0), &t, C->err))) return false;
    const ast *e = arg_at(n, 1);
    if (is_tolist(e)) return tolist(C, e, t, dst, out);
    if (!c_value(C, e, t, dst, out)) return false;
    if (!stype_subtype(out->type, t) && !c_fits(C, out, t) && C->st == NARU_OK) {
        bool number = t->kind == ST_NUMBER || out->type->kind == ST_NUMBER; /* sizes in traces */
        bool any = out->type->kind == ST_ANY;                               /* an item of a container of modules */
        if (!number && !any)
            return cfail(C, NARU_BAD_MODEL, n->at, "expected an expression of type %s but found %s", ctype(C, t),
                         ctype(C, out->type));
    }
    out->type = t;
    out->empty = 0;
    return C->st == NARU_OK;
}

static bool bi_unchecked_cast(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    const stype *t;
    if (!arity(C, n, 2, 2) || !cpass(C, type_of_ast(C->u, arg_at(n, 0), &t, C->err))) return false;
    if (!c_value(C, arg_at(n, 1), t, dst, out)) return false;
    out->type = t;
    return true;
}

static bool bi_uninitialized(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    const stype *t;
    if (!arity(C, n, 1, 1) || !cpass(C, type_of_ast(C->u, arg_at(n, 0), &t, C->err))) return false;
    *out = val_const(C, (sv){.tag = SV_UNINIT}, t);
    return C->st == NARU_OK;
}

static bool bi_isinstance(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    return c_cond_value(C, n, dst, out);
}

/* ---- attributes by name ---- */
static bool name_of(cc *C, const ast *n, const char **out) {
    if (n->kind == AST_STR && strlen(n->text) == n->len) {
        *out = n->text;
        return true;
    }
    return cfail(C, NARU_BAD_MODEL, n->at, "getattr's second argument must be a string literal");
}

static bool bi_getattr(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    val obj;
    const char *name = "";
    if (!arity(C, n, 2, 3) || !c_expr(C, arg_at(n, 0), NULL, REG_ANY, &obj) || !name_of(C, arg_at(n, 1), &name))
        return false;
    if (n->count == 4 && !c_has_attribute(C, &obj, name)) return c_value(C, arg_at(n, 2), hint, dst, out);
    return c_attribute(C, &obj, n, name, dst, out);
}

static bool bi_hasattr(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    val obj;
    const char *name = "";
    if (!arity(C, n, 2, 2) || !c_expr(C, arg_at(n, 0), NULL, REG_ANY, &obj) || !name_of(C, arg_at(n, 1), &name))
        return false;
    *out = val_const(C, sv_bool(c_has_attribute(C, &obj, name)), &stype_bool);
    return true;
}

/* ---- casts ---- */
static bool cast_by(cc *C, const ast *n, const char *op, const stype *same, reg dst, val *out) {
    val v;
    if (!arity(C, n, 1, 1) || !c_value(C, arg_at(n, 0), NULL, dst, &v)) return false;
    if (same && stype_equal(v.type, same)) {
        *out = v;
        return true;
    }
    if (v.type->kind == ST_CLASS) {
        static const char *const methods[][2] = {{"aten::Int", "__int__"},
                                                 {"aten::Float", "__float__"},
                                                 {"aten::Bool", "__bool__"},
                                                 {"aten::str", "__str__"}};
        for (size_t i = 0; i < COUNT_OF(methods); i++)
            if (strcmp(methods[i][0], op) == 0 && sclass_method(v.type->cls, methods[i][1]))
                return c_call_method(C, &v, methods[i][1], 0, NULL, n->at, dst, out);
    }
    return c_emit_op(C, op, 1, &v, dst, out);
}

static bool bi_int(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    return cast_by(C, n, "aten::Int", &stype_int, dst, out);
}

static bool bi_float(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    if (n->count == 2 && n->kids[1]->kind == AST_STR) { /* float("inf") and its like are constants */
        double f;
        if (str_parse_double(n->kids[1]->text, &f)) {
            *out = val_const(C, sv_float(f), &stype_float);
            return true;
        }
    }
    return cast_by(C, n, "aten::Float", &stype_float, dst, out);
}

static bool bi_bool(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    return cast_by(C, n, "aten::Bool", &stype_bool, dst, out);
}
static bool bi_str(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    return cast_by(C, n, "aten::str", &stype_str, dst, out);
}

static bool bi_complex(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    val v[2];
    if (!arity(C, n, 1, 2)) return false;
    for (uint32_t i = 0; i + 1 < n->count; i++)
        if (!c_value(C, arg_at(n, i), NULL, REG_ANY, &v[i])) return false;
    return c_emit_op(C, "aten::Complex", (int)n->count - 1, v, dst, out);
}

static bool bi_device(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    if (n->count == 2 && n->kids[1]->kind == AST_STR && strlen(n->kids[1]->text) == n->kids[1]->len) {
        *out = val_const(C, sv_device(n->kids[1]->text), &stype_device);
        return C->st == NARU_OK;
    }
    val v[2];
    if (!arity(C, n, 1, 2)) return false;
    for (uint32_t i = 0; i + 1 < n->count; i++)
        if (!c_value(C, arg_at(n, i), NULL, REG_ANY, &v[i])) return false;
    if (v[0].type->kind == ST_DEVICE) {
        *out = v[0];
        return true;
    }
    return c_emit_op(C, "aten::device", (int)n->count - 1, v, dst, out);
}

/* ---- containers ---- */
static bool bi_list(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    if (n->count == 1) {
        ast *empty = arena_calloc(C->arena, 1, sizeof(*empty));
        if (!empty) return coom(C);
        *empty = (ast){.kind = AST_LIST, .at = n->at};
        return c_value(C, empty, hint, dst, out);
    }
    val v;
    if (!arity(C, n, 1, 1)) return false;
    const ast *a = arg_at(n, 0);
    bool lazy = a->kind == AST_CALL && a->kids[0]->kind == AST_NAME &&
                (strcmp(a->kids[0]->text, "range") == 0 || strcmp(a->kids[0]->text, "zip") == 0 ||
                 strcmp(a->kids[0]->text, "enumerate") == 0);
    if (a->kind == AST_GENERATOR) return c_value(C, a, hint, dst, out);
    if (!lazy) {
        if (!c_value(C, a, NULL, REG_ANY, &v)) return false;
        if (v.type->kind == ST_LIST || v.type->kind == ST_STR) return c_emit_op(C, "aten::list", 1, &v, dst, out);
        if (v.type->kind == ST_DICT) return c_emit_op(C, "aten::keys", 1, &v, dst, out);
        if (v.type->kind == ST_TUPLE) {
            const stype *e = c_elem_type(C, v.type), *t = e ? stype_list(C->arena, e) : NULL;
            if (!t || !c_fits(C, &v, t))
                return cfail(C, NARU_BAD_MODEL, n->at, "a list cannot be made of %s", ctype(C, v.type));
            *out = v;
            return true;
        }
    }
    /* [x for x in it] */
    ast *nodes = arena_calloc(C->arena, 4, sizeof(*nodes));
    ast **kids = arena_calloc(C->arena, 4, sizeof(*kids));
    if (!nodes || !kids) return coom(C);
    nodes[0] = (ast){.kind = AST_NAME, .text = "item of list()", .at = a->at, .height = 1};
    nodes[1] = (ast){.kind = AST_FOR_CLAUSE, .count = 2, .kids = kids, .at = a->at};
    nodes[2] = (ast){.kind = AST_LIST_COMP, .count = 2, .kids = kids + 2, .at = n->at, .height = n->height};
    kids[0] = kids[2] = &nodes[0];
    kids[1] = (ast *)a;
    kids[3] = &nodes[1];
    return c_value(C, &nodes[2], hint, dst, out);
}

static bool bi_dict(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    if (n->count == 1) {
        ast *empty = arena_calloc(C->arena, 1, sizeof(*empty));
        if (!empty) return coom(C);
        *empty = (ast){.kind = AST_DICT, .at = n->at};
        return c_value(C, empty, hint, dst, out);
    }
    val v;
    return arity(C, n, 1, 1) && c_value(C, arg_at(n, 0), NULL, REG_ANY, &v) &&
           c_emit_op(C, "aten::dict", 1, &v, dst, out);
}

static bool bi_tuple(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    if (!arity(C, n, 1, 1) || !c_value(C, arg_at(n, 0), hint, dst, out)) return false;
    return out->type->kind == ST_TUPLE ||
           cfail(C, NARU_BAD_MODEL, n->at, "%s cannot be used as a tuple", ctype(C, out->type));
}

static bool bi_len(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    val v;
    if (!arity(C, n, 1, 1) || !c_expr(C, arg_at(n, 0), NULL, REG_ANY, &v)) return false;
    int known = v.kind == VAL_PACK ? v.n : -1;
    if (known < 0 && !c_as_value(C, &v, n)) return false;
    const stype *t = v.type;
    if (known < 0 && t->kind == ST_TUPLE) known = t->n;
    if (known < 0 && t->kind == ST_CLASS && sclass_method(t->cls, "__len__"))
        return c_call_method(C, &v, "__len__", 0, NULL, n->at, dst, out);
    if (known < 0 && t->kind == ST_CLASS && t->cls->kind == CLASS_MODULE) known = submodules(t->cls);
    if (known < 0) return c_emit_op(C, "aten::len", 1, &v, dst, out);
    *out = val_const(C, sv_int(known), &stype_int);
    return true;
}

static bool bi_print(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    call_args a;
    bool ok = c_args_eval(C, n, NULL, NULL, &a) && c_call_op(C, "prim::Print", &a, n->at, REG_ANY, out);
    ARRAY_FREE(&a.list);
    return ok;
}

static bool bi_iterable(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    return cfail(C, NARU_BAD_MODEL, n->at, "range, zip and enumerate can only be iterated over");
}

/* ---- forks ---- */
static void free_names(cc *C, const ast *n, ast **found, uint32_t *count, uint32_t max) {
    if (!n) return;
    if (n->kind == AST_NAME) {
        var *x = var_find(C, n->text);
        if (!x || x->now.state != VAR_VALUE || *count == max) return;
        for (uint32_t i = 0; i < *count; i++)
            if (strcmp(found[i]->text, n->text) == 0) return;
        found[(*count)++] = (ast *)n;
        return;
    }
    for (uint32_t i = 0; i < n->count; i++) free_names(C, n->kids[i], found, count, max);
}

/* A nested def becomes a function whose parameters are the variables it uses. */
static sfunction *closure(cc *C, const ast *def, ast **names, uint32_t count) {
    sfunction *f = function_new(C->u, ctext(C, "%s.%s", C->f->f.qualname, def->text), def->text, NULL, def, C->f->file);
    sparam *params = arena_calloc(C->arena, count + 1, sizeof(*params));
    if (!f || !params) {
        coom(C);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        params[i] = (sparam){.name = names[i]->text, .type = var_find(C, names[i]->text)->now.type};
    f->params = params;
    f->nparams = (int)count;
    f->state = FN_SIGNED;
    fn_of(f)->nested = true;
    if (def->kids[1] && !cpass(C, type_of_ast(C->u, def->kids[1], &f->ret, C->err))) return NULL;
    naru_status st = f->ret ? NARU_OK : unit_compile(C->u, f, C->err);
    return cpass(C, st) ? f : NULL;
}

static bool fork_nested(cc *C, const ast *n, const ast *def, reg dst, val *out) {
    enum { MAX = 200 };
    ast **names = arena_alloc(C->arena, MAX * sizeof(*names));
    uint32_t count = 0;
    if (!names) return coom(C);
    free_names(C, def->kids[2], names, &count, MAX);
    sfunction *f = closure(C, def, names, count);
    if (!f) return false;
    reg base = c_temps(C, count ? (int)count : 1), r = dst == REG_ANY ? base : dst;
    uint32_t taint = 0;
    for (uint32_t i = 0; i < count; i++) {
        var *x = var_find(C, names[i]->text);
        c_emit(C, INSN_MOVE, base + i, (reg)(x - C->vars.data), 0, 0);
        taint = taint_join(C, taint, x->now.taint);
    }
    if (!c_emit_call(C, f, NULL, base, (int)count, r)) return false;
    C->code.data[C->code.count - 1].op = INSN_FORK;
    const stype *t = stype_future(C->arena, f->ret);
    if (!t) return coom(C);
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint_call(C, f, taint)};
    return C->st == NARU_OK;
}

static bool bi_fork(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    val f, method;
    if (n->count < 2) return arity(C, n, 1, 1);
    if (!c_expr(C, n->kids[1], NULL, REG_ANY, &f)) return false;
    if (f.kind == VAL_NESTED) return fork_nested(C, n, f.node, dst, out);
    if (f.kind == VAL_REG && callable_object(C, &f, &method)) f = method;
    if (C->st != NARU_OK) return false;
    if (f.kind != VAL_FUNCTION && f.kind != VAL_METHOD)
        return cfail(C, NARU_BAD_MODEL, n->at, "fork takes a function and its arguments");
    ast rest = *n; /* the call without fork */
    rest.kids = n->kids + 1;
    rest.count = n->count - 1;
    val self = {.kind = VAL_REG, .r = f.r, .type = f.type, .taint = f.taint};
    call_args a;
    bool ok = c_args_eval(C, &rest, f.kind == VAL_METHOD ? &self : NULL, f.fn, &a) &&
              c_call_value(C, &f, &a, n->at, dst, out);
    ARRAY_FREE(&a.list);
    if (!ok) return false;
    if (C->code.data[C->code.count - 1].op != INSN_CALL)
        return cfail(C, NARU_INTERNAL, n->at, "fork of what is not a call");
    C->code.data[C->code.count - 1].op = INSN_FORK;
    out->type = stype_future(C->arena, out->type);
    return out->type || coom(C);
}

/* ---- constants of the environment ---- */
static bool bi_true(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    *out = val_const(C, sv_bool(true), &stype_bool);
    return true;
}

static bool bi_false(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    *out = val_const(C, sv_bool(false), &stype_bool);
    return true;
}

static bool bi_nothing(cc *C, const ast *n, const stype *hint, reg dst, val *out) { /* contexts without effect here */
    *out = val_const(C, sv_none(), &stype_none);
    return true;
}

static bool bi_warn(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    val v[2];
    if (!arity(C, n, 1, 3) || !c_value(C, arg_at(n, 0), NULL, REG_ANY, &v[0])) return false;
    v[1] = val_const(C, sv_int(2), &stype_int);
    return c_emit_op(C, "aten::warn", 2, v, REG_ANY, out);
}

static bool bi_assert(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    ast *node = arena_calloc(C->arena, 1, sizeof(*node));
    ast **kids = arena_calloc(C->arena, 2, sizeof(*kids));
    if (!node || !kids) return coom(C);
    if (!arity(C, n, 1, 2)) return false;
    kids[0] = (ast *)arg_at(n, 0);
    kids[1] = n->count > 2 ? (ast *)arg_at(n, 1) : NULL;
    *node = (ast){.kind = AST_ASSERT, .count = 2, .kids = kids, .at = n->at};
    *out = val_const(C, sv_none(), &stype_none);
    return c_statement(C, node);
}

static bool bi_raise(cc *C, const ast *n, const stype *hint, reg dst,
                     val *out) { /* ops.prim.RaiseException(text, class) */
    val v[2];
    if (!arity(C, n, 1, 2)) return false;
    v[1] = val_const(C, sv_none(), &stype_none);
    for (uint32_t i = 0; i + 1 < n->count; i++)
        if (!c_value(C, arg_at(n, i), NULL, REG_ANY, &v[i])) return false;
    if (!c_in_reg(C, &v[0], REG_ANY) || !c_in_reg(C, &v[1], REG_ANY)) return false;
    c_emit(C, INSN_RAISE, v[0].r, v[1].r, 0, 0);
    C->exits = FLOW_RETURN;
    *out = val_const(C, sv_none(), &stype_none);
    return C->st == NARU_OK;
}

static bool bi_unwrap(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    val v;
    if (!arity(C, n, 1, 1) || !c_value(C, arg_at(n, 0), NULL, dst, &v)) return false;
    if (v.type->kind != ST_OPTIONAL) {
        *out = v;
        return true;
    }
    return c_emit_op(C, "aten::_unwrap_optional", 1, &v, dst, out);
}

special_fn special_find(const char *name) {
    static const struct {
        const char *name;
        special_fn fn;
    } table[] = {{"annotate", bi_annotate},
                 {"torch.jit.annotate", bi_annotate},
                 {"unchecked_cast", bi_unchecked_cast},
                 {"uninitialized", bi_uninitialized},
                 {"isinstance", bi_isinstance},
                 {"torch.jit.isinstance", bi_isinstance},
                 {"getattr", bi_getattr},
                 {"hasattr", bi_hasattr},
                 {"int", bi_int},
                 {"float", bi_float},
                 {"bool", bi_bool},
                 {"str", bi_str},
                 {"complex", bi_complex},
                 {"torch.device", bi_device},
                 {"list", bi_list},
                 {"dict", bi_dict},
                 {"tuple", bi_tuple},
                 {"len", bi_len},
                 {"print", bi_print},
                 {"range", bi_iterable},
                 {"zip", bi_iterable},
                 {"enumerate", bi_iterable},
                 {"fork", bi_fork},
                 {"awaitable", bi_fork},
                 {"torch.jit.fork", bi_fork},
                 {"torch.jit._fork", bi_fork},
                 {"torch.jit._awaitable", bi_fork},
                 {"torch.jit.is_scripting", bi_true},
                 {"torch.jit.is_tracing", bi_false},
                 {"torch.compiler.is_compiling", bi_false},
                 {"torch.compiler.is_dynamo_compiling", bi_false},
                 {"torch.onnx.is_in_onnx_export", bi_false},
                 {"torch.no_grad", bi_nothing},
                 {"torch.autograd.profiler.record_function", bi_nothing},
                 {"torch.cuda.amp.autocast", bi_nothing},
                 {"torch.autocast", bi_nothing},
                 {"torch.amp.autocast", bi_nothing},
                 {"warnings.warn", bi_warn},
                 {"torch._assert", bi_assert},
                 {"torch._check", bi_assert},
                 {"torch.jit._unwrap_optional", bi_unwrap}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].name, name) == 0) return table[i].fn;
    return strcmp(name, "ops.prim.RaiseException") == 0 ? bi_raise : NULL;
}

bool torch_constant(const char *name, int64_t *out) {
    static const struct {
        const char *name;
        int v;
    } table[] = {{"uint8", 0},
                 {"int8", 1},
                 {"int16", 2},
                 {"short", 2},
                 {"int32", 3},
                 {"int", 3},
                 {"int64", 4},
                 {"long", 4},
                 {"float16", 5},
                 {"half", 5},
                 {"float32", 6},
                 {"float", 6},
                 {"float64", 7},
                 {"double", 7},
                 {"complex32", 8},
                 {"chalf", 8},
                 {"complex64", 9},
                 {"cfloat", 9},
                 {"complex128", 10},
                 {"cdouble", 10},
                 {"bool", 11},
                 {"qint8", 12},
                 {"quint8", 13},
                 {"qint32", 14},
                 {"bfloat16", 15},
                 {"quint4x2", 16},
                 {"float8_e5m2", 23},
                 {"float8_e4m3fn", 24},
                 {"float8_e5m2fnuz", 25},
                 {"float8_e4m3fnuz", 26},
                 {"uint16", 27},
                 {"uint32", 28},
                 {"uint64", 29},
                 {"strided", 0},
                 {"sparse_coo", 1},
                 {"sparse_csr", 2},
                 {"contiguous_format", 0},
                 {"preserve_format", 1},
                 {"channels_last", 2},
                 {"channels_last_3d", 3},
                 {"per_tensor_affine", 0},
                 {"per_channel_affine", 1},
                 {"per_tensor_symmetric", 2},
                 {"per_channel_symmetric", 3},
                 {"per_channel_affine_float_qparams", 4}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].name, name) == 0) {
            *out = table[i].v;
            return true;
        }
    return false;
}
