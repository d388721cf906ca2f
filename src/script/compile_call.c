/* SPDX-License-Identifier: MIT
 *
 * Calls: arguments into a run of registers, then by what is called: an operator (overloads resolved here), a function
 * or method of the unit, a class, or a function that the compiler knows.
 */
#include "script/compile_in.h"

/* ---- emitting ---- */
static uint32_t call_at(cc *C, scall k) {
    size_t from = C->calls.count > 32 ? C->calls.count - 32 : 0;
    for (size_t i = C->calls.count; i-- > from;) {
        const scall *x = &C->calls.data[i];
        if (x->op == k.op && x->fn == k.fn && x->method == k.method) return (uint32_t)i;
    }
    if (!ARRAY_PUSH(&C->calls, k)) coom(C);
    return (uint32_t)(C->calls.count ? C->calls.count - 1 : 0);
}

bool c_emit_call(cc *C, sfunction *fn, const char *method, reg base, int nargs, reg dst) {
    if (nargs == 0 && base == next_temp(C)) c_temp(C);
    c_emit(C, INSN_CALL, dst, call_at(C, (scall){.fn = fn, .method = method}), base, (uint32_t)nargs);
    return C->st == NARU_OK;
}

/* Whether results may share memory with arguments: "Tensor(a)", "t(*)" behind the arrow. */
static bool shares(const schema *s) {
    const char *arrow = strstr(s->text, "->"), *last = arrow;
    while (last && (last = strstr(last + 2, "->"))) arrow = last;
    for (const char *p = arrow ? arrow + 2 : ""; *p; p++)
        if (*p == '(' && (p[1] == '*' || (p[1] >= 'a' && p[1] <= 'z' && (p[2] == ')' || p[2] == '!' || p[2] == '|'))))
            return true;
    return false;
}

bool c_emit_sop(cc *C, const sop *op, reg base, int nargs, reg dst, int nout, val *out, const stype *const *types) {
    if (base == next_temp(C)) c_temp(C);
    reg r = nout > 1 ? base : dst == REG_ANY ? base : dst;
    while (nout > 1 && (base & ~REG_TEMP) + (uint32_t)nout > C->temps) c_temp(C);
    if (nout == 0) r = base;
    c_emit(C, INSN_OP, r, call_at(C, (scall){.op = op}), base, (uint32_t)nargs);
    if (nout == 1 && C->st == NARU_OK) C->code.data[here(C) - 1].type = types[0];
    if (nout == 0) *out = val_const(C, sv_none(), &stype_none);
    else if (nout == 1) *out = val_in(r, types[0]);
    else
        *out = (val){.kind = VAL_MULTI,
                     .r = r,
                     .n = nout,
                     .schema = op->schema,
                     .type = stype_tuple(C->arena, nout, types, NULL)};
    if (nout > 1 && !out->type) return coom(C);
    return C->st == NARU_OK;
}

/* ---- operators ---- */
static const char *older(const cc *C, const char *name) { /* what a file of this version meant by it */
    static const struct {
        const char *name, *upgrade;
        int below;
    } table[] = {{"aten::div", "naru_upgrade::div_0_3", 4},
                 {"aten::div_", "naru_upgrade::div__0_3", 4},
                 {"aten::full", "naru_upgrade::full_0_4", 5},
                 {"aten::linspace", "naru_upgrade::linspace_0_7", 8},
                 {"aten::logspace", "naru_upgrade::logspace_0_8", 9}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (C->u->version > 0 && C->u->version < table[i].below && strcmp(table[i].name, name) == 0)
            return table[i].upgrade;
    return NULL;
}

const sop *operator_find(cc *C, const char *name) { return sop_find(name); }

static bool unknown_op(cc *C, const char *name, src_range at) {
    const char *near = NULL;
    size_t best = 4;
    str s = {0};
    for (size_t i = 0; sop_text(i); i++) {
        str_free(&s);
        str_add_n(&s, sop_text(i), strcspn(sop_text(i), ".("));
        size_t d = str_distance(str_text(&s), name);
        if (d >= best) continue;
        best = d;
        near = sop_text(i);
    }
    str_free(&s);
    if (near)
        cfail(C, NARU_UNSUPPORTED, at, "Unknown builtin op: %s. Did you mean %.*s?", name, (int)strcspn(near, ".("),
              near);
    else cfail(C, NARU_UNSUPPORTED, at, "Unknown builtin op: %s", name);
    return false;
}

/* A run of registers in the order of the parameters, made anew unless the arguments lie so already. */
static bool arrange(cc *C, const call_args *a, const matched *m, reg *base) {
    bool as_is = m->first < 0 || m->nargs == m->first + 1;
    for (int i = 0; i < m->nargs && as_is; i++)
        as_is = m->source[i] == -2 || (m->source[i] == i && a->list.data[i].v.r == a->base + (uint32_t)i);
    const stype *list = m->first >= 0 ? m->op->schema->params[m->nargs - 1].type : NULL;
    for (int i = 0; i < m->nargs; i++)
        if (m->source[i] == -2) list = m->op->schema->params[i].type;
    if (list && list->kind == ST_OPTIONAL) list = list->args[0];
    *base = as_is ? a->base : c_temps(C, m->nargs ? m->nargs : 1);
    for (int i = 0; i < m->nargs; i++) {
        reg to = *base + (uint32_t)i;
        int k = m->source[i];
        if (k == -2) {
            c_emit(C, INSN_LIST, to, c_type_at(C, list), a->base + (uint32_t)m->first, (uint32_t)(a->npos - m->first));
        } else if (k == -1) {
            c_emit(C, INSN_CONST, to, c_const_at(C, sv_keep(m->op->schema->params[i].dflt)), 0, 0);
        } else if (!as_is) {
            c_emit(C, INSN_MOVE, to, a->list.data[k].v.r, 0, 0);
        }
    }
    return C->st == NARU_OK;
}

static bool emit_matched(cc *C, const call_args *a, const matched *m, reg dst, val *out) {
    const schema *s = m->op->schema;
    reg base;
    int nargs = s->vararg ? a->npos : m->nargs;
    uint32_t taint = 0;
    for (size_t i = 0; i < a->list.count; i++) {
        taint = taint_join(C, taint, taint_of(a->list.data[i].v.taint, a->list.data[i].v.type));
        for (int k = 0; k < m->nargs; k++)
            if (m->source[k] == (int)i && s->params[k].mutated) taint_mutated(C, a->list.data[i].v.taint);
    }
    if (s->vararg) base = a->base;
    else if (!arrange(C, a, m, &base)) return false;
    if (!c_emit_sop(C, m->op, base, nargs, dst, s->nreturns, out, m->returns)) return false;
    if (shares(s) && out->kind != VAL_CONST) out->taint = taint;
    return true;
}

static bool is_number(const stype *t) {
    return t->kind == ST_INT || t->kind == ST_FLOAT || t->kind == ST_COMPLEX || t->kind == ST_NUMBER ||
           t->kind == ST_BOOL;
}

/* number ⊕ Tensor: 2 * x is x * 2, 2 < x is x > 2, 2 - x is neg(x) + 2, 2 / x is reciprocal(x) * 2. */
static bool swapped(cc *C, const char *name, const call_args *a, reg dst, val *out, bool *done) {
    static const struct {
        const char *name, *first, *then;
    } table[] = {{"aten::add", NULL, "aten::add"},        {"aten::mul", NULL, "aten::mul"},
                 {"aten::eq", NULL, "aten::eq"},          {"aten::ne", NULL, "aten::ne"},
                 {"aten::lt", NULL, "aten::gt"},          {"aten::le", NULL, "aten::ge"},
                 {"aten::gt", NULL, "aten::lt"},          {"aten::ge", NULL, "aten::le"},
                 {"aten::sub", "aten::neg", "aten::add"}, {"aten::div", "aten::reciprocal", "aten::mul"}};
    *done = false;
    if (a->list.count != 2 || a->npos != 2) return true;
    val x = a->list.data[0].v, y = a->list.data[1].v;
    if (strcmp(name, "aten::floordiv") == 0 && x.type->kind == ST_TENSOR) {
        *done = true;
        return c_emit_op(C, "aten::floor_divide", 2, (val[]){x, y}, dst, out);
    }
    if (!is_number(x.type) || y.type->kind != ST_TENSOR) return true;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (strcmp(table[i].name, name) != 0) continue;
        *done = true;
        if (table[i].first && !c_emit_op(C, table[i].first, 1, &y, REG_ANY, &y)) return false;
        return c_emit_op(C, table[i].then, 2, (val[]){y, x}, dst, out);
    }
    return true;
}

/* What an older file's operator means: its own overloads first. */
static bool old_op(cc *C, const char *name, const call_args *a, matched *m) {
    const char *old = older(C, name);
    const sop *ops = old ? operator_find(C, old) : NULL;
    str why = {0};
    bool ok = ops && (match_exact(C, ops, a, m) || match_converted(C, ops, a, m, &why));
    str_free(&why);
    return ok;
}

bool c_call_op(cc *C, const char *name, call_args *a, src_range at, reg dst, val *out) {
    matched m;
    const sop *ops = operator_find(C, name);
    bool done;
    if (old_op(C, name, a, &m) || (ops && match_exact(C, ops, a, &m))) return emit_matched(C, a, &m, dst, out);
    if (C->st != NARU_OK || !swapped(C, name, a, dst, out, &done)) return false;
    if (done) return true;
    if (!ops) return unknown_op(C, name, at);
    str why = {0};
    bool ok = match_converted(C, ops, a, &m, &why) && emit_matched(C, a, &m, dst, out);
    if (!ok && C->st == NARU_OK && ops->next)
        cfail(C, NARU_BAD_MODEL, at, "Arguments for call are not valid. The following variants are available: %s",
              str_text(&why));
    else if (!ok && C->st == NARU_OK) cfail(C, NARU_BAD_MODEL, at, "%s(): %s", name, str_text(&why));
    str_free(&why);
    return ok;
}

bool c_emit_op(cc *C, const char *name, int nargs, const val *given, reg dst, val *out) {
    if (C->st != NARU_OK) return false;
    call_args a = {.npos = nargs};
    uint32_t keep = C->temps;
    bool in_place = nargs > 0 && dst != REG_ANY, ok = true; /* already a run, whose values stay unless dst is there? */
    for (int i = 0; i < nargs; i++)
        in_place =
            in_place && given[i].kind == VAL_REG && is_temp(given[i].r) && given[i].r == given[0].r + (uint32_t)i;
    a.base = in_place ? given[0].r : c_temps(C, nargs ? nargs : 1);
    for (int i = 0; i < nargs && ok; i++) {
        val v = given[i];
        ok = c_into(C, &v, a.base + (uint32_t)i);
        if (ok && !ARRAY_PUSH(&a.list, ((argv){NULL, v}))) ok = coom(C);
    }
    ok = ok && c_call_op(C, name, &a, C->at, dst, out);
    ARRAY_FREE(&a.list);
    if (ok) {
        uint32_t end = out->kind == VAL_REG && is_temp(out->r) ? (out->r & ~REG_TEMP) + 1 : keep;
        if (out->kind == VAL_MULTI) end = (out->r & ~REG_TEMP) + (uint32_t)out->n;
        C->temps = end > keep ? end : keep;
    }
    return ok;
}

/* ---- arguments ---- */
static bool add_arg(cc *C, call_args *a, const char *name, val v) {
    return ARRAY_PUSH(&a->list, ((argv){name, v})) || coom(C);
}

static bool spread(cc *C, call_args *a, const ast *n) { /* *tuple */
    val v;
    uint32_t keep = C->temps;
    if (!c_value(C, n->kids[0], NULL, REG_ANY, &v)) return false;
    if (v.type->kind != ST_TUPLE)
        return cfail(C, NARU_BAD_MODEL, n->at, "cannot statically infer the expected size of a list in this context");
    if (!c_in_reg(C, &v, REG_ANY)) return false;
    C->temps = keep;
    int count = v.type->n;
    reg run = c_temps(C, count);
    c_emit(C, INSN_UNPACK, run, v.r, 0, (uint32_t)count);
    for (int i = 0; i < count; i++)
        if (!add_arg(C, a, NULL,
                     (val){.kind = VAL_REG, .r = run + (uint32_t)i, .type = v.type->args[i], .taint = v.taint}))
            return false;
    a->npos += count;
    return C->st == NARU_OK;
}

static const stype *hint_of(const sfunction *fn, const call_args *a, const char *name) {
    if (!fn) return NULL;
    if (!name) return a->npos < fn->nparams ? fn->params[a->npos].type : NULL;
    for (int i = 0; i < fn->nparams; i++)
        if (strcmp(fn->params[i].name, name) == 0) return fn->params[i].type;
    return NULL;
}

bool c_args_eval(cc *C, const ast *n, const val *self, const sfunction *fn, call_args *a) {
    *a = (call_args){.base = next_temp(C)};
    val v;
    if (self) { /* it may lie at the base already */
        v = *self;
        if (v.kind == VAL_REG && is_temp(v.r) && v.r + 1 == a->base) a->base = v.r;
        else c_temp(C);
        if (!c_into(C, &v, a->base) || !add_arg(C, a, NULL, v)) return false;
        a->npos = 1;
    }
    for (uint32_t i = 1; i < n->count; i++) {
        const ast *k = n->kids[i];
        if (k->kind == AST_STARRED) {
            if (!spread(C, a, k)) return false;
            continue;
        }
        const char *name = k->kind == AST_KEYWORD ? k->text : NULL;
        if (k->kind == AST_KEYWORD && !name)
            return cfail(C, NARU_UNSUPPORTED, k->at, "'**' arguments are not supported");
        if (!name && (int)a->list.count > a->npos)
            return cfail(C, NARU_BAD_MODEL, k->at, "positional argument follows keyword argument");
        reg r = c_temp(C);
        uint32_t keep = C->temps;
        if (!c_value_in(C, name ? k->kids[0] : k, hint_of(fn, a, name), r, &v) || !add_arg(C, a, name, v)) return false;
        C->temps = keep;
        a->npos += !name;
    }
    return C->st == NARU_OK;
}

/* ---- functions of the unit ---- */
static int param_of(const sfunction *fn, const char *name) {
    for (int i = 0; i < fn->nparams; i++)
        if (strcmp(fn->params[i].name, name) == 0) return i;
    return -1;
}

/* from[p]: the argument for parameter p, -1: none. *last: how many parameters have to be passed. */
static bool assign_params(cc *C, const sfunction *fn, const call_args *a, src_range at, int *from, int *last) {
    for (int i = 0; i < fn->nparams; i++) from[i] = -1;
    if (a->npos > fn->nparams)
        return cfail(C, NARU_BAD_MODEL, at, "%s: Expected at most %d arguments but found %d positional arguments.",
                     fn->name, fn->nparams, a->npos);
    for (size_t i = 0; i < a->list.count; i++) {
        const char *name = a->list.data[i].name;
        int p = name ? param_of(fn, name) : (int)i;
        if (p < 0) return cfail(C, NARU_BAD_MODEL, at, "%s: Keyword argument %s unknown.", fn->name, name);
        if (from[p] >= 0)
            return cfail(C, NARU_BAD_MODEL, at, "%s: argument %s specified twice.", fn->name, fn->params[p].name);
        if (!name && fn->params[p].kwonly)
            return cfail(C, NARU_BAD_MODEL, at, "%s: argument %s is keyword-only.", fn->name, fn->params[p].name);
        from[p] = (int)i;
    }
    *last = 0;
    for (int p = 0; p < fn->nparams; p++) {
        if (from[p] >= 0) *last = p + 1;
        else if (!fn->params[p].has_default)
            return cfail(C, NARU_BAD_MODEL, at, "%s: Argument %s not provided.", fn->name, fn->params[p].name);
    }
    return true;
}

static bool pass_args(cc *C, sfunction *fn, call_args *a, src_range at, const int *from, int last, reg *base) {
    bool as_is = true;
    for (int p = 0; p < last && as_is; p++) as_is = from[p] == p && a->list.data[p].v.r == a->base + (uint32_t)p;
    *base = as_is ? a->base : c_temps(C, last ? last : 1);
    for (int p = 0; p < last; p++) {
        const sparam *want_p = &fn->params[p];
        val v = from[p] >= 0 ? a->list.data[from[p]].v : val_const(C, sv_keep(want_p->dflt), want_p->type);
        if (from[p] >= 0 && !c_fits(C, &v, want_p->type)) {
            if (C->st != NARU_OK) return false;
            return cfail(C, NARU_BAD_MODEL, at,
                         "%s: Expected a value of type '%s' for argument '%s' but instead found type '%s'.", fn->name,
                         ctype(C, want_p->type), want_p->name, ctype(C, v.type));
        }
        if (!c_into(C, &v, *base + (uint32_t)p)) return false;
    }
    return true;
}

static bool callee_failed(cc *C, sfunction *fn, naru_status st, const naru_error *e) {
    err_set(C->err, st, "%s; '%s' is being compiled since it was called from '%s'", e->message, fn->qualname,
            C->f->f.qualname);
    return cpass(C, st);
}

bool compile_callee(cc *C, sfunction *fn, src_range at) {
    naru_error e = NARU_ERROR_INIT;
    if (fn_of(fn)->compiling)
        return cfail(C, NARU_BAD_MODEL, at, "function '%s' is called recursively. Recursive calls are not supported",
                     fn->name);
    naru_status st = unit_compile(C->u, fn, &e);
    return st == NARU_OK || callee_failed(C, fn, st, &e);
}

static bool sign(cc *C, sfunction *fn, src_range at) {
    naru_error e = NARU_ERROR_INIT;
    naru_status st = unit_sign(C->u, fn, &e);
    if (st != NARU_OK) return callee_failed(C, fn, st, &e);
    return fn->ret || compile_callee(C, fn, at); /* the result type is that of the body */
}

bool c_call_function(cc *C, sfunction *fn, call_args *a, src_range at, reg dst, val *out) {
    if (!sign(C, fn, at)) return false;
    int *from = arena_alloc(C->arena, (size_t)(fn->nparams + 1) * sizeof(int)), last;
    reg base;
    if (!from) return coom(C);
    if (!assign_params(C, fn, a, at, from, &last) || !pass_args(C, fn, a, at, from, last, &base)) return false;
    if (base == next_temp(C)) c_temp(C);
    reg r = dst == REG_ANY ? base : dst;
    uint32_t taint = 0;
    for (size_t i = 0; i < a->list.count; i++)
        taint = taint_join(C, taint, taint_of(a->list.data[i].v.taint, a->list.data[i].v.type));
    if (!c_emit_call(C, fn, NULL, base, last, r)) return false;
    taint = taint_call(C, fn, taint);
    *out = (val){.kind = VAL_REG, .r = r, .type = fn->ret, .taint = taint_of(taint, fn->ret)};
    return C->st == NARU_OK;
}

/* A method of an interface: found at run time by name. */
static bool call_dynamic(cc *C, sfunction *declared, call_args *a, src_range at, reg dst, val *out) {
    if (!sign(C, declared, at)) return false;
    int *from = arena_alloc(C->arena, (size_t)(declared->nparams + 1) * sizeof(int)), last;
    reg base;
    if (!from) return coom(C);
    if (!assign_params(C, declared, a, at, from, &last) || !pass_args(C, declared, a, at, from, last, &base))
        return false;
    reg r = dst == REG_ANY ? base : dst;
    if (!c_emit_call(C, NULL, declared->name, base, last, r)) return false;
    uint32_t taint = taint_call(C, NULL, 0);
    *out = (val){.kind = VAL_REG, .r = r, .type = declared->ret, .taint = taint_of(taint, declared->ret)};
    return C->st == NARU_OK;
}

/* ---- classes ---- */
static bool make_tuple(cc *C, const sclass *c, call_args *a, src_range at, reg dst, val *out) {
    reg base = c_temps(C, c->nattrs ? c->nattrs : 1), r = want(C, dst);
    const stype **types = arena_calloc(C->arena, (size_t)c->nattrs + 1, sizeof(*types));
    uint32_t taint = 0;
    if (!types) return coom(C);
    if (a->npos > c->nattrs)
        return cfail(C, NARU_BAD_MODEL, at, "%s takes %d fields, %d given", c->name, c->nattrs, a->npos);
    for (int i = 0; i < c->nattrs; i++) {
        int k = i < a->npos ? i : -1;
        for (size_t j = (size_t)a->npos; j < a->list.count; j++)
            if (strcmp(a->list.data[j].name, c->attrs[i].name) == 0) k = (int)j;
        if (k < 0 && c->attrs[i].dflt.tag == SV_UNINIT)
            return cfail(C, NARU_BAD_MODEL, at, "%s: Argument %s not provided.", c->name, c->attrs[i].name);
        val v = k >= 0 ? a->list.data[k].v : val_const(C, sv_keep(c->attrs[i].dflt), c->attrs[i].type);
        if (k >= 0 && !c_fits(C, &v, c->attrs[i].type)) {
            if (C->st != NARU_OK) return false;
            return cfail(C, NARU_BAD_MODEL, at,
                         "%s: Expected a value of type '%s' for argument '%s' but instead found type '%s'.", c->name,
                         ctype(C, c->attrs[i].type), c->attrs[i].name, ctype(C, v.type));
        }
        if (!c_into(C, &v, base + (uint32_t)i)) return false;
        taint = taint_join(C, taint, taint_of(v.taint, v.type));
        types[i] = c->attrs[i].type;
    }
    for (size_t j = (size_t)a->npos; j < a->list.count; j++)
        if (sclass_attr(c, a->list.data[j].name) < 0)
            return cfail(C, NARU_BAD_MODEL, at, "%s: Keyword argument %s unknown.", c->name, a->list.data[j].name);
    const stype *t = stype_tuple(C->arena, c->nattrs, types, c);
    c_emit(C, INSN_TUPLE, r, c_type_at(C, t), base, (uint32_t)c->nattrs);
    *out = (val){.kind = VAL_REG, .r = r, .type = t, .taint = taint};
    return C->st == NARU_OK;
}

static bool make_object(cc *C, const stype *t, call_args *a, src_range at, reg dst, val *out) {
    sfunction *init = sclass_method(t->cls, "__init__");
    reg r = c_temp(C);
    if (!class_init(C, t->cls, at)) return false;
    c_emit(C, INSN_NEW, r, c_type_at(C, t), 0, 0);
    *out = val_in(r, t);
    if (!init) return C->st == NARU_OK;
    call_args all = {.npos = a->npos + 1, .base = c_temps(C, (int)a->list.count + 1)};
    bool ok = true;
    for (size_t i = 0; i <= a->list.count && ok; i++) {
        argv x = i ? a->list.data[i - 1] : (argv){NULL, *out};
        ok = c_into(C, &x.v, all.base + (uint32_t)i) && (ARRAY_PUSH(&all.list, x) || coom(C));
    }
    val none;
    ok = ok && c_call_function(C, init, &all, at, REG_ANY, &none);
    ARRAY_FREE(&all.list);
    if (ok && dst != REG_ANY) ok = c_into(C, out, dst);
    return ok;
}

static bool call_type(cc *C, val *callee, call_args *a, src_range at, reg dst, val *out) {
    const stype *t = callee->type;
    if (t->kind == ST_TUPLE && t->cls) return make_tuple(C, t->cls, a, at, dst, out);
    if (t->kind == ST_CLASS && t->cls->kind == CLASS_PLAIN) return make_object(C, t, a, at, dst, out);
    return cfail(C, NARU_UNSUPPORTED, at, "objects of type %s cannot be made here", ctype(C, t));
}

/* ---- all ---- */
static bool call_member(cc *C, val *callee, call_args *a, src_range at, reg dst, val *out) {
    sfunction *fn = callee->fn;
    if (fn->owner && fn->owner->kind == CLASS_INTERFACE) return call_dynamic(C, fn, a, at, dst, out);
    return c_call_function(C, fn, a, at, dst, out);
}

static bool call_cast(cc *C, const val *callee, const call_args *a, src_range at, reg dst, val *out) {
    int64_t dtype = 6;
    torch_constant(callee->name, &dtype);
    if (a->list.count) return cfail(C, NARU_BAD_MODEL, at, "this method takes no arguments");
    val both[2] = {*callee, val_const(C, sv_int(dtype), &stype_int)};
    both[0].kind = callee->r == REG_ANY ? VAL_CONST : VAL_REG;
    return c_emit_op(C, "aten::to", 2, both, dst, out);
}

bool c_call_value(cc *C, val *callee, call_args *a, src_range at, reg dst, val *out) {
    switch (callee->kind) {
    case VAL_BUILTIN: return c_call_op(C, callee->name, a, at, dst, out);
    case VAL_FUNCTION: return c_call_function(C, callee->fn, a, at, dst, out);
    case VAL_METHOD: return call_member(C, callee, a, at, dst, out);
    case VAL_TYPE: return call_type(C, callee, a, at, dst, out);
    case VAL_CAST: return call_cast(C, callee, a, at, dst, out);
    case VAL_SPACE: /* torch.cuda(x) in an archive is aten::cuda */
        if (str_starts(callee->name, "torch.") && !strchr(callee->name + 6, '.'))
            return c_call_op(C, ctext(C, "aten::%s", callee->name + 6), a, at, dst, out);
        return cfail(C, NARU_BAD_MODEL, at, "module '%s' is not callable", callee->name);
    default:
        return cfail(C, NARU_BAD_MODEL, at, "'%s' object is not callable",
                     callee->type ? ctype(C, callee->type) : "this");
    }
}

bool c_call_method(cc *C, const val *self, const char *method, int n, const val *given, src_range at, reg dst,
                   val *out) {
    sfunction *fn = sclass_method(self->type->cls, method);
    if (!fn) return cfail(C, NARU_BAD_MODEL, at, "'%s' object has no method '%s'", ctype(C, self->type), method);
    call_args a = {.npos = n + 1, .base = c_temps(C, n + 1)};
    bool ok = true;
    for (int i = 0; i <= n && ok; i++) {
        argv x = {NULL, i ? given[i - 1] : *self};
        ok = c_as_value(C, &x.v, NULL) && c_into(C, &x.v, a.base + (uint32_t)i) && (ARRAY_PUSH(&a.list, x) || coom(C));
    }
    val callee = {.kind = VAL_METHOD, .fn = fn};
    ok = ok && call_member(C, &callee, &a, at, dst, out);
    ARRAY_FREE(&a.list);
    return ok;
}

bool callable_object(cc *C, val *callee, val *method) {
    const stype *t = callee->type;
    if (callee->kind != VAL_REG && callee->kind != VAL_CONST) return false;
    if (t->kind == ST_FUNCTION && callee->kind == VAL_CONST) {
        *method = (val){.kind = VAL_FUNCTION, .fn = (sfunction *)callee->k.fn};
        return true;
    }
    if (t->kind != ST_CLASS) return false;
    class_in *c = class_of(t->cls);
    sfunction *fn = sclass_method(t->cls, "__call__");
    if (!fn && t->cls->kind == CLASS_MODULE && cpass(C, sclass_entry(C->u, &c->c, &fn, C->err)) && !fn) return false;
    if (!fn) fn = sclass_method(t->cls, "forward");
    if (!fn) return false;
    *method = (val){.kind = VAL_METHOD, .fn = fn, .r = callee->r, .type = t, .k = callee->k, .taint = callee->taint};
    return true;
}

bool c_call(cc *C, const ast *n, const stype *hint, reg dst, val *out) {
    uint32_t keep = C->temps;
    val callee, method;
    if (!c_expr(C, n->kids[0], NULL, REG_ANY, &callee)) return false;
    if (callee.kind == VAL_SPECIAL) return callee.special(C, n, hint, dst, out);
    if (callee.kind == VAL_TYPE && callee.name && callee.type->kind == ST_CLASS) { /* C.__new__(C) */
        *out = val_in(want(C, dst), callee.type);
        c_emit(C, INSN_NEW, out->r, c_type_at(C, callee.type), 0, 0);
        return C->st == NARU_OK;
    }
    if (callable_object(C, &callee, &method)) {
        method.n = callee.kind == VAL_CONST;
        callee = method;
    }
    if (C->st != NARU_OK) return false;
    bool has_self = (callee.kind == VAL_METHOD && !fn_of(callee.fn)->is_static) ||
                    (callee.kind == VAL_BUILTIN && (callee.r != REG_ANY || callee.n));
    val self = {.kind = callee.n ? VAL_CONST : VAL_REG,
                .r = callee.r,
                .k = callee.k,
                .type = callee.type,
                .taint = callee.taint};
    sfunction *fn = callee.kind == VAL_FUNCTION || callee.kind == VAL_METHOD ? callee.fn : NULL;
    call_args a;
    if (fn && !sign(C, fn, n->at)) return false;
    bool ok = c_args_eval(C, n, has_self ? &self : NULL, fn, &a) && c_call_value(C, &callee, &a, n->at, dst, out);
    ARRAY_FREE(&a.list);
    if (ok) { /* what is not the result is free again */
        C->temps = keep;
        if (out->kind == VAL_REG && is_temp(out->r) && out->r != dst && (out->r & ~REG_TEMP) >= keep)
            C->temps = (out->r & ~REG_TEMP) + 1;
        if (out->kind == VAL_MULTI) C->temps = (out->r & ~REG_TEMP) + (uint32_t)out->n;
    }
    return ok;
}
