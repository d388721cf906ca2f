/* SPDX-License-Identifier: MIT
 *
 * Compiling a function: signature, body, code; then what it calls, from a queue, so that a chain of calls does not
 * nest. A callee that does not compile fails only when it is called. Also: the entry of a module with hooks, and
 * listing what a unit needs that is not there.
 */
#include "script/compile_in.h"

/* ---- one function ---- */
static void cc_done(cc *C) {
    for (size_t i = 0; i < C->consts.count; i++) sv_drop(C->consts.data[i]);
    ARRAY_FREE(&C->code);
    ARRAY_FREE(&C->consts);
    ARRAY_FREE(&C->calls);
    ARRAY_FREE(&C->types);
    ARRAY_FREE(&C->vars);
    ARRAY_FREE(&C->trail);
    ARRAY_FREE(&C->withs);
    ARRAY_FREE(&C->with_types);
    strmap_free(&C->const_index);
    strmap_free(&C->var_index);
}

static bool declare_params(cc *C) {
    const sfunction *f = &C->f->f;
    for (int i = 0; i < f->nparams && C->st == NARU_OK; i++) {
        uint32_t v = var_of(C, f->params[i].name), taint = TAINT_PARAM;
        if (C->st == NARU_OK && v != (uint32_t)i)
            return cfail(C, NARU_BAD_MODEL, C->at, "duplicate argument '%s' in the definition of %s", f->params[i].name,
                         f->name);
        const stype *t = f->params[i].type;
        if (t->kind == ST_CLASS && t->cls->kind == CLASS_MODULE) taint = TAINT_ATTR;
        var_assign(C, v, t, taint_of(taint, t), C->at);
    }
    return C->st == NARU_OK;
}

static bool finish_body(cc *C) { /* falls off the end */
    if (C->exits != FLOW_ON) {   /* not reached, but code ends with a RET */
        if (C->code.count &&
            (C->code.data[C->code.count - 1].op == INSN_RET || C->code.data[C->code.count - 1].op == INSN_RAISE)) {
            uint32_t end = here(C);
            for (uint32_t i = 0; i < end; i++) /* unless a statement ends there */
                if (C->code.data[i].op == INSN_IF && C->code.data[i].c == end) goto add;
            return true;
        }
    add:;
    } else if (C->ret && !stype_subtype(&stype_none, C->ret)) {
        return cfail(C, NARU_BAD_MODEL, C->f->f.def->at,
                     "Function was not annotated as having type None, but does not return along all paths");
    } else if (!C->ret) {
        C->ret = &stype_none;
    }
    val none = val_const(C, sv_none(), &stype_none);
    if (!c_in_reg(C, &none, REG_ANY)) return false;
    c_emit(C, INSN_RET, none.r, 0, 0, 0);
    return C->st == NARU_OK;
}

/* @torch.jit.unused and @torch.jit.ignore: calls fail when they are reached. */
static bool is_left_out(const ast *def) {
    const ast *d = def->kids[3];
    for (uint32_t i = 0; d && i < d->count; i++) {
        const ast *e = d->kids[i]->kind == AST_CALL ? d->kids[i]->kids[0] : d->kids[i];
        if ((e->kind == AST_NAME || e->kind == AST_ATTR) &&
            (strcmp(e->text, "unused") == 0 || strcmp(e->text, "ignore") == 0))
            return true;
    }
    return false;
}

static bool left_out(cc *C) {
    val text = val_const(C, sv_strz("This Python function is annotated to be ignored and cannot be run"), &stype_str);
    val none = val_const(C, sv_none(), &stype_none);
    if (!c_in_reg(C, &text, REG_ANY) || !c_in_reg(C, &none, REG_ANY)) return false;
    c_emit(C, INSN_RAISE, text.r, none.r, 0, 0);
    if (!C->ret) C->ret = &stype_tensor;
    return C->st == NARU_OK && code_finish(C);
}

static bool body_of(cc *C) {
    const ast *def = C->f->f.def;
    if (is_left_out(def)) return left_out(C);
    return c_block(C, def->kids[2]) && finish_body(C) && code_finish(C);
}

static bool compile_body(cc *C) {
    sfunction *f = &C->f->f;
    C->at = f->def->at;
    C->ret = f->ret;
    C->ret_declared = f->ret != NULL;
    if (!taints_new(C) || !declare_params(C) || !body_of(C)) return false;
    if (!f->ret) f->ret = C->ret ? C->ret : &stype_none;
    C->f->taints = C->taints;
    return cpass(C, code_verify(f, C->err));
}

static naru_status compile_one(unit *u, sfunction *f, naru_error *err) {
    fn_in *in = fn_of(f);
    TRY(unit_sign(u, f, err));
    if (in->compiling)
        return err_set(err, NARU_BAD_MODEL, "function '%s' is called recursively. Recursive calls are not supported",
                       f->name);
    if (!f->def && !in->wrapper) return err_set(err, NARU_BAD_MODEL, "'%s' has no body", f->qualname);
    if (f->owner && f->owner->kind == CLASS_INTERFACE)
        return err_set(err, NARU_BAD_MODEL, "method '%s' of an interface has no body", f->qualname);
    for (int i = 0; i < f->code.nconsts; i++) sv_drop(f->code.consts[i]); /* of an attempt that memory ended */
    f->code = (code){0};
    cc C = {.u = u, .f = in, .arena = u->arena, .err = err};
    in->compiling = true;
    if (in->wrapper) compile_entry(&C);
    else compile_body(&C);
    in->compiling = false;
    cc_done(&C);
    return C.st;
}

static bool done(const sfunction *f) { return fn_of(f)->done || f->state == FN_COMPILED || f->state == FN_FAILED; }

static naru_status compile_now(unit *u, sfunction *f, naru_error *err) {
    unit_in *in = unit_of(u);
    naru_error e = NARU_ERROR_INIT;
    naru_status st = compile_one(u, f, &e);
    if (st == NARU_OK) {
        fn_of(f)->done = true;
        if (!ARRAY_PUSH(&in->compiled, f)) st = err_oom(&e);
    }
    for (int i = 0; st == NARU_OK && i < f->code.ncalls; i++) {
        sfunction *g = f->code.calls[i].fn;
        if (g && !done(g) && !fn_of(g)->compiling && !ARRAY_PUSH(&in->queue, g)) st = err_oom(&e);
    }
    if (st == NARU_OK) return NARU_OK;
    if (st != NARU_OUT_OF_MEMORY) { /* it may work the next time */
        fn_of(f)->code = st;
        f->failure = arena_strdup(u->arena, e.message);
        if (!f->failure) f->failure = "out of memory";
        __atomic_store_n(&f->state, FN_FAILED, __ATOMIC_RELEASE);
    }
    return err_set(err, st, "%s", e.message);
}

static void publish(unit *u) {
    unit_in *in = unit_of(u);
    taints_settle(u, in->compiled.data, in->compiled.count);
    for (size_t i = 0; i < in->compiled.count; i++)
        __atomic_store_n(&in->compiled.data[i]->state, FN_COMPILED, __ATOMIC_RELEASE);
    in->compiled.count = 0;
}

static naru_status compile_closure(unit *u, sfunction *f, naru_error *err) {
    unit_in *in = unit_of(u);
    bool outermost = in->depth == 0;
    if (f->state == FN_FAILED) return err_set(err, fn_of(f)->code, "%s", f->failure);
    if (done(f)) return NARU_OK;
    if (in->depth > 200) return err_set(err, NARU_LIMIT, "functions that call one another nest too deep");
    in->depth++;
    naru_status st = compile_now(u, f, err);
    while (outermost && in->queue.count) {
        sfunction *g = in->queue.data[--in->queue.count];
        if (!done(g)) compile_now(u, g, NULL);
    }
    in->depth--;
    if (outermost) publish(u);
    return st;
}

naru_status unit_compile(unit *u, sfunction *f, naru_error *err) {
    if (__atomic_load_n(&f->state, __ATOMIC_ACQUIRE) == FN_COMPILED) return NARU_OK;
    pthread_mutex_lock(&u->lock);
    naru_status st = compile_closure(u, f, err);
    pthread_mutex_unlock(&u->lock);
    return st;
}

/* ---- hooks ---- */
/* A hook that gives None leaves things as they are. */
static bool call_hook(cc *C, const sclass *c, const char *name, int n, const val *given, val *out) {
    sfunction *fn = sclass_method(c, name);
    if (!fn) return cfail(C, NARU_BAD_MODEL, C->at, "hook '%s' of %s is not defined", name, c->qualname);
    val self = val_in(0, c->type);
    return c_call_method(C, &self, name, n, given, C->at, REG_ANY, out);
}

static bool keep_unless_none(cc *C, val *now, const val *given) {
    if (given->type->kind == ST_NONE) return true;
    if (given->type->kind != ST_OPTIONAL) {
        *now = *given;
        return true;
    }
    val r;
    reg to = c_temp(C);
    val both[2] = {*given, val_const(C, sv_none(), &stype_none)};
    if (!c_into(C, now, to) || !c_emit_op(C, "aten::__isnot__", 2, both, REG_ANY, &r)) return false;
    uint32_t branch = c_emit(C, INSN_IF, r.r, 0, 0, 0);
    c_emit(C, INSN_MOVE, to, given->r, 0, 0);
    if (C->st == NARU_OK) C->code.data[branch].b = C->code.data[branch].c = here(C);
    now->type = given->type->args[0];
    return C->st == NARU_OK;
}

static bool pack_inputs(cc *C, val *inputs) { /* one value stands for a tuple of it */
    if (inputs->type->kind == ST_TUPLE) return true;
    const stype *t = stype_tuple(C->arena, 1, &inputs->type, NULL);
    reg base = c_temp(C);
    if (!c_into(C, inputs, base)) return false;
    c_emit(C, INSN_TUPLE, base, c_type_at(C, t), base, 1);
    *inputs = val_in(base, t);
    return t ? C->st == NARU_OK : coom(C);
}

static bool call_forward(cc *C, const sclass *c, val *inputs, val *out) {
    int n = inputs->type->n;
    val *given = arena_calloc(C->arena, (size_t)n + 1, sizeof(*given)), self = val_in(0, c->type);
    reg base = c_temps(C, n ? n : 1);
    if (!given) return coom(C);
    if (!c_in_reg(C, inputs, REG_ANY)) return false;
    c_emit(C, INSN_UNPACK, base, inputs->r, 0, (uint32_t)n);
    for (int i = 0; i < n; i++) given[i] = val_in(base + (uint32_t)i, inputs->type->args[i]);
    return c_call_method(C, &self, "forward", n, given, C->at, REG_ANY, out);
}

bool compile_entry(cc *C) {
    sfunction *f = &C->f->f;
    const sclass *c = f->owner;
    int n = f->nparams - 1;
    const stype **types = arena_calloc(C->arena, (size_t)n + 1, sizeof(*types));
    if (!taints_new(C) || !declare_params(C)) return false;
    if (!types) return coom(C);
    reg base = c_temps(C, n ? n : 1);
    for (int i = 0; i < n; i++) {
        types[i] = f->params[i + 1].type;
        c_emit(C, INSN_MOVE, base + (uint32_t)i, (reg)(i + 1), 0, 0);
    }
    const stype *t = stype_tuple(C->arena, n, types, NULL);
    c_emit(C, INSN_TUPLE, base, c_type_at(C, t), base, (uint32_t)n);
    val inputs = val_in(base, t), result, got;
    for (int i = 0; i < c->npre; i++)
        if (!call_hook(C, c, c->pre[i], 1, &inputs, &got) || !keep_unless_none(C, &inputs, &got) ||
            !pack_inputs(C, &inputs))
            return false;
    if (!call_forward(C, c, &inputs, &result)) return false;
    for (int i = 0; i < c->nhooks; i++)
        if (!call_hook(C, c, c->hooks[i], 2, (val[]){inputs, result}, &got) || !keep_unless_none(C, &result, &got))
            return false;
    f->ret = result.type;
    if (!c_in_reg(C, &result, REG_ANY)) return false;
    c_emit(C, INSN_RET, result.r, 0, 0, 0);
    taint_returned(C, taint_join(C, TAINT_ATTR, TAINT_PARAM));
    if (!code_finish(C)) return false;
    C->f->taints = C->taints;
    return cpass(C, code_verify(f, C->err));
}

static naru_status entry_of(unit *u, class_in *c, sfunction **out, naru_error *err) {
    sfunction *forward = sclass_method(&c->c, "forward");
    if (!forward) return err_set(err, NARU_NOT_FOUND, "module '%s' has no forward", c->c.name);
    *out = forward;
    if (!c->c.npre && !c->c.nhooks) return NARU_OK;
    if (!c->entry) {
        TRY(unit_sign(u, forward, err));
        sparam *params = arena_dup(u->arena, forward->params, (size_t)forward->nparams * sizeof(*params));
        c->entry = params ? function_new(u, forward->qualname, "forward", &c->c, NULL, c->file) : NULL;
        if (!c->entry) return err_oom(err);
        for (int i = 0; i < forward->nparams; i++) params[i].dflt = sv_keep(params[i].dflt);
        fn_of(c->entry)->wrapper = true;
        c->entry->params = params;
        c->entry->nparams = forward->nparams;
        c->entry->src = forward->src;
        __atomic_store_n(&c->entry->state, FN_SIGNED, __ATOMIC_RELEASE);
    }
    *out = c->entry;
    return NARU_OK;
}

naru_status sclass_entry(unit *u, sclass *c, sfunction **out, naru_error *err) {
    pthread_mutex_lock(&u->lock);
    *out = NULL;
    naru_status st = entry_of(u, class_of(c), out, err);
    pthread_mutex_unlock(&u->lock);
    return st;
}

/* ---- what is missing ---- */
typedef struct checking {
    unit *u;
    naru_report *report;
    strmap seen;
    naru_error *err;
} checking;

static naru_status missing_op(checking *k, const char *name, const char *where) {
    bool fresh;
    const char *kept = arena_strdup(k->u->arena, name);
    if (!kept || !strmap_put(&k->seen, kept, &fresh)) return err_oom(k->err);
    if (!fresh) return NARU_OK;
    return report_add(k->report, NARU_SEVERITY_ERROR, "unknown-operator", kept, "",
                      "operator %s, used by %s, is not implemented", kept, where);
}

static naru_status check_call(checking *k, const ast *n, const char *where) {
    str s = {0}, op = {0};
    naru_status st = NARU_OK;
    int64_t number;
    if (dotted_name(n->kids[0], &s) && !special_find(str_text(&s))) {
        const char *name = str_text(&s), *dot = strrchr(name, '.');
        if (str_starts(name, "torch.") && dot == name + 5 && !torch_constant(dot + 1, &number))
            str_addf(&op, "aten::%s", dot + 1);
        else if (str_starts(name, "ops.") && dot > name + 4)
            str_addf(&op, "%.*s::%s", (int)(dot - name - 4), name + 4, dot + 1);
        if (op.len && !sop_find(str_text(&op))) st = missing_op(k, str_text(&op), where);
    }
    str_free(&s);
    str_free(&op);
    return st;
}

static naru_status check_ops(checking *k, const ast *n, const char *where) {
    if (!n) return NARU_OK;
    if (n->kind == AST_CALL) TRY(check_call(k, n, where));
    for (uint32_t i = 0; i < n->count; i++) TRY(check_ops(k, n->kids[i], where));
    return NARU_OK;
}

static naru_status check_function(checking *k, sfunction *f) {
    if (!f->def || (f->owner && f->owner->kind == CLASS_INTERFACE)) return NARU_OK;
    TRY(check_ops(k, f->def->kids[2], f->qualname));
    naru_error e = NARU_ERROR_INIT;
    naru_status st = unit_compile(k->u, f, &e);
    if (st == NARU_OK) return NARU_OK;
    if (st == NARU_OUT_OF_MEMORY) return err_oom(k->err);
    return report_add(k->report, NARU_SEVERITY_ERROR, "not-compiled", f->qualname, "", "%s", e.message);
}

/* Checking makes new classes and functions known: until nothing is added. */
static naru_status check_all(checking *k, strmap *done_fns) {
    for (size_t before = 0, now = 1; before != now;) {
        before = k->u->classes.count + k->u->functions.count;
        ARRAY(sfunction *) fns = {0};
        bool ok = true;
        for (size_t i = 0; i < k->u->functions.cap; i++)
            if (k->u->functions.entries[i].key) ok = ok && ARRAY_PUSH(&fns, k->u->functions.entries[i].ptr);
        for (size_t i = 0; i < k->u->classes.cap; i++) {
            const sclass *c = k->u->classes.entries[i].key ? k->u->classes.entries[i].ptr : NULL;
            for (int m = 0; c && m < c->nmethods; m++) ok = ok && ARRAY_PUSH(&fns, c->methods[m]);
        }
        naru_status st = ok ? NARU_OK : err_oom(k->err);
        for (size_t i = 0; i < fns.count && st == NARU_OK; i++) {
            bool fresh;
            if (!strmap_put(done_fns, fns.data[i]->qualname, &fresh)) st = err_oom(k->err);
            else if (fresh) st = check_function(k, fns.data[i]);
        }
        ARRAY_FREE(&fns);
        TRY(st);
        now = k->u->classes.count + k->u->functions.count;
    }
    return NARU_OK;
}

naru_status unit_check(unit *u, naru_report *report, naru_error *err) {
    checking k = {.u = u, .report = report, .err = err};
    strmap done_fns = {0};
    pthread_mutex_lock(&u->lock);
    naru_status st = check_all(&k, &done_fns);
    pthread_mutex_unlock(&u->lock);
    strmap_free(&done_fns);
    strmap_free(&k.seen);
    return st;
}
