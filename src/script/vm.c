/* SPDX-License-Identifier: MIT
 *
 * The machine: one loop over instructions, frames in blocks that never move (operators and recorders may point into
 * registers while calls go on), calls without recursion of C. Cancellation and the budget are looked at where control
 * goes back or into a call. Frames are in vm_frame.c, tracebacks in vm_trace.c.
 */
#include "script/vm.h"

#include "script/eager.h"
#include "script/opcodes.h"
#include "script/vm_frame.h"

enum { MAX_NESTING = 400, MAX_RESULTS = 64 };

/* ---- what single instructions do ---- */
static naru_status unexpected(const char *what, sv got, naru_error *err) {
    if (got.tag == SV_SYM) return err_set(err, NARU_UNSUPPORTED, "%s depends on data", what);
    return err_set(err, NARU_INTERNAL, "%s is %s", what, sv_tag_name(got.tag));
}

static naru_status spend(vm *m, uint64_t n, naru_error *err) {
    if (m->budget < n) return err_set(err, NARU_LIMIT, "the budget of instructions is spent");
    m->budget -= n;
    if (m->cancelled && atomic_load_explicit(m->cancelled, memory_order_relaxed))
        return err_set(err, NARU_CANCELLED, "cancelled");
    return NARU_OK;
}

static naru_status do_op(vm *m, const scall *k, sv *r, const insn *i, naru_error *err) {
    sv results[MAX_RESULTS];
    int n = k->op->schema->varret ? 1 : k->op->schema->nreturns;
    if (n > MAX_RESULTS) return err_set(err, NARU_INTERNAL, "%s has too many results", k->op->schema->name);
    TRY(lower_run(m, k->op, i->n, r + i->c, n, results, err));
    for (int j = 0; j < n; j++) sv_set(&r[i->a + j], results[j]);
    return NARU_OK;
}

static naru_status do_tuple(const code *c, sv *r, const insn *i, naru_error *err) {
    stuple *t = stuple_new(i->n, c->types[i->b]->cls);
    if (!t) return err_oom(err);
    for (int j = 0; j < i->n; j++) t->items[j] = sv_keep(r[i->c + j]);
    sv_set(&r[i->a], sv_of(t));
    return NARU_OK;
}

static naru_status do_list(const code *c, sv *r, const insn *i, naru_error *err) {
    slist *l = slist_new(c->types[i->b]->args[0], i->n);
    if (!l) return err_oom(err);
    for (int j = 0; j < i->n; j++) l->items[l->count++] = sv_keep(r[i->c + j]);
    sv_set(&r[i->a], sv_of(l));
    return NARU_OK;
}

static naru_status do_dict(const code *c, sv *r, const insn *i, naru_error *err) {
    const stype *t = c->types[i->b];
    sdict *d = sdict_new(t->args[0], t->args[1]);
    for (int j = 0; d && j < i->n; j += 2) {
        if (sdict_put(d, sv_keep(r[i->c + j]), sv_keep(r[i->c + j + 1]))) continue;
        sobj_release(&d->head);
        return sdict_hashable(r[i->c + j]) ? err_oom(err) : unexpected("a dict's key", r[i->c + j], err);
    }
    if (!d) return err_oom(err);
    sv_set(&r[i->a], sv_of(d));
    return NARU_OK;
}

static naru_status do_unpack(vm *m, sv *r, const insn *i, naru_error *err) {
    sv from = sv_keep(r[i->b]); /* may be overwritten by its own items */
    const sv *items = NULL;
    size_t n = 0;
    naru_status st = NARU_OK;
    if (from.tag == SV_TUPLE) {
        items = sv_tuple(from)->items;
        n = (size_t)sv_tuple(from)->n;
    } else if (from.tag == SV_LIST) {
        items = sv_list(from)->items;
        n = sv_list(from)->count;
    } else {
        st = unexpected("what is unpacked", from, err);
    }
    if (st == NARU_OK && n != i->n)
        st = vm_raise(m, err, "RuntimeError", "Expected %d elements in a %s but found %zu", i->n,
                      from.tag == SV_LIST ? "list" : "tuple", n);
    for (size_t j = 0; st == NARU_OK && j < n; j++) sv_set(&r[i->a + j], sv_keep(items[j]));
    sv_drop(from);
    return st;
}

static naru_status do_slice(sv *r, const insn *i, naru_error *err) {
    stuple *from = sv_tuple(r[i->b]);
    if (!from || i->c > i->n || i->n > from->n) return unexpected("what is sliced", r[i->b], err);
    stuple *t = stuple_new(i->n - i->c, NULL);
    if (!t) return err_oom(err);
    for (int j = 0; j < t->n; j++) t->items[j] = sv_keep(from->items[i->c + j]);
    sv_set(&r[i->a], sv_of(t));
    return NARU_OK;
}

static naru_status do_item(sv *r, const insn *i, naru_error *err) {
    const stuple *t = sv_tuple(r[i->b]);
    if (!t || i->c >= t->n) return unexpected("what holds the item", r[i->b], err);
    sv_set(&r[i->a], sv_keep(t->items[i->c]));
    return NARU_OK;
}

static naru_status do_new(const code *c, sv *r, const insn *i, naru_error *err) {
    sobject *o = sobject_new(c->types[i->b]->cls);
    sv_set(&r[i->a], sv_of(o));
    return o ? NARU_OK : err_oom(err);
}

static naru_status do_attr(vm *m, sv *r, const insn *i, naru_error *err) {
    sobject *o = sv_object(r[i->b]);
    if (!o || i->c >= o->n) return unexpected("what has the attribute", r[i->b], err);
    sv v = sv_keep(o->slots[i->c]);
    naru_status st = m->sink->attr_read ? m->sink->attr_read(m, o, i->c, &v, err) : NARU_OK;
    if (st != NARU_OK) {
        sv_drop(v);
        return st;
    }
    if (v.tag == SV_UNINIT)
        return vm_raise(m, err, "RuntimeError", "'%s' object has no attribute '%s'", o->cls->name,
                        i->c < o->cls->nattrs ? o->cls->attrs[i->c].name : "?");
    sv_set(&r[i->a], v);
    return NARU_OK;
}

static naru_status do_setattr(vm *m, sv *r, const insn *i, naru_error *err) {
    sobject *o = sv_object(r[i->a]);
    if (!o || i->b >= o->n) return unexpected("what has the attribute", r[i->a], err);
    if (m->sink->attr_write) return m->sink->attr_write(m, o, i->b, r[i->c], err);
    if (!sv_join(&o->head, r[i->c])) return err_oom(err);
    sv_set(&o->slots[i->b], sv_keep(r[i->c]));
    return NARU_OK;
}

/* Recording: another value on each of two ways; something that may be None. */
static bool cannot_be_said(sv v) { return v.tag == SV_SYM && sv_sym_kind(v) == SV_UNINIT; }
static bool may_be_none(sv v) { return v.tag == SV_SYM && sv_sym_kind(v) == SV_NONE; }

static naru_status do_isinstance(const code *c, sv *r, const insn *i, naru_error *err) {
    bool is = sv_isinstance(r[i->b], c->types[i->c]);
    if (cannot_be_said(r[i->b]) || may_be_none(r[i->b])) return unexpected("a value's type", r[i->b], err);
    sv_set(&r[i->a], sv_bool(is));
    return NARU_OK;
}

static naru_status do_checked(vm *m, const code *c, sv *r, const insn *i, naru_error *err) {
    const stype *t = c->types[i->c];
    if (cannot_be_said(r[i->b])) return unexpected("a value's type", r[i->b], err);
    if (may_be_none(r[i->b]) || sv_isinstance(r[i->b], t)) {
        sv_set(&r[i->a], sv_keep(r[i->b]));
        return NARU_OK;
    }
    if (r[i->b].tag == SV_NONE) return vm_raise(m, err, "RuntimeError", "Unwrapping null optional");
    str text = {0};
    stype_print(t, &text);
    naru_status st = vm_raise(m, err, "RuntimeError", "Expected a value of type '%s' but found %s", str_text(&text),
                              sv_tag_name(r[i->b].tag));
    str_free(&text);
    return st;
}

static naru_status do_raise(vm *m, sv *r, const insn *i, naru_error *err) {
    const sstr *text = sv_string(r[i->a]), *cls = sv_string(r[i->b]);
    return vm_raise_text(m, err, cls ? cls->data : NULL, text ? text->data : "", text ? text->len : 0);
}

/* The function that an instruction calls. */
static naru_status callee(const scall *k, const sv *args, int n, sfunction **out, naru_error *err) {
    if ((*out = k->fn)) return NARU_OK;
    if (n && args[0].tag == SV_FUNCTION) {
        *out = (sfunction *)args[0].fn;
        return NARU_OK;
    }
    sobject *self = n ? sv_object(args[0]) : NULL;
    if (!self) return n ? unexpected("what is called", args[0], err) : err_set(err, NARU_INTERNAL, "nothing to call");
    if ((*out = sclass_method(self->cls, k->method))) return NARU_OK;
    return err_set(err, NARU_BAD_MODEL, "%s has no method '%s'", self->cls->qualname, k->method);
}

/* Puts a result into the register of the call instruction at f->pc. */
static naru_status deliver(frame *f, sv v, naru_error *err) {
    const insn *i = &f->fn->code.insns[f->pc];
    if (i->op == INSN_FORK) v = sv_of(sfuture_new(v));
    if (v.tag == SV_UNINIT && i->op == INSN_FORK) return err_oom(err);
    sv_set(&f->regs[i->a], v);
    return NARU_OK;
}

static naru_status do_return(vm *m, sv v, naru_error *err) {
    sv_keep(v);
    frame_pop(m);
    return deliver(m->top, v, err);
}

static void use_up(sv *args, int n) { /* the callee lets go of them when it can */
    for (int j = 0; j < n; j++) sv_set(&args[j], (sv){.tag = SV_UNINIT});
}

/* Begins a call: a new top frame, or the result right away when the sink ran it (*done). */
static naru_status do_call(vm *m, frame *f, const scall *k, const insn *i, bool *done, naru_error *err) {
    sfunction *fn;
    sv *args = f->regs + i->c;
    *done = false;
    TRY(callee(k, args, i->n, &fn, err));
    if (m->sink->call) {
        sv v = sv_none();
        naru_status st = NARU_OK;
        if (m->sink->call(m, fn, i->n, args, &v, &st, err)) {
            *done = true;
            use_up(args, i->n);
            return st == NARU_OK ? deliver(f, v, err) : st;
        }
    }
    TRY(frame_push(m, fn, i->n, args, err));
    use_up(args, i->n);
    return spend(m, (uint64_t)fn->code.ninsns, err);
}

/* A condition or count that only the graph will know: the sink walks the statement. */
static naru_status ask_sink(vm *m, frame *f, bool loop, sv v, naru_error *err) {
    naru_status (*hook)(vm *, frame *, int, naru_error *) = loop ? m->sink->loop : m->sink->branch;
    if (v.tag != SV_SYM || !hook) return unexpected(loop ? "a loop's count or condition" : "a condition", v, err);
    return hook(m, f, f->pc, err);
}

/* Values are moved tag and content apart: most were just written so, and a load of both at once would wait for the two
 * stores to leave the store buffer. */
static inline void place(sv *at, const sv *from) { /* takes over *from */
    sv_tag old = at->tag;
    sobj *o = at->o;
    at->tag = from->tag;
    at->i = from->i;
    if (old >= SV_HEAP && old != SV_FUNCTION) sobj_release(o);
}
static inline void place_kept(sv *at, const sv *from) {
    if (from->tag >= SV_HEAP && from->tag != SV_FUNCTION) sobj_retain(from->o);
    place(at, from);
}

/* Most operators on numbers and lists, if k's is one. A result UNINIT: out of memory. */
static inline bool op_is_quick(const scall *k, sv *r, const insn *i) {
    sv v;
    if (!k->op->fast || i->n != k->op->nfast || !k->op->fast(r + i->c, &v)) return false;
    place(&r[i->a], &v);
    return true;
}

static inline bool count_on(sv *r, const insn *head) { /* false: that was the last round */
    sv *count = &r[head->a];
    bool more = count->tag == SV_INT && r[head->b].tag == SV_INT && count->i < r[head->b].i - 1;
    if (more) count->i++;
    return more;
}

/* ---- the loop (longer than a function should be: one case per instruction) ---- */
#define TRY_IN_RUN(expr)                                                                                               \
    if ((st = (expr)) != NARU_OK) goto fail
#define DO(expr)                                                                                                       \
    {                                                                                                                  \
        TRY_IN_RUN(expr);                                                                                              \
        break;                                                                                                         \
    }
#define RESUME(expr) /* where the sink left off */                                                                     \
    {                                                                                                                  \
        TRY_IN_RUN(expr);                                                                                              \
        pc = (uint32_t)f->pc;                                                                                          \
        break;                                                                                                         \
    }
#define ENTER_FRAME(at)                                                                                                \
    do {                                                                                                               \
        f = m->top;                                                                                                    \
        c = &f->fn->code;                                                                                              \
        insns = c->insns;                                                                                              \
        r = f->regs;                                                                                                   \
        lo = f == base ? (uint32_t)from : 0;                                                                           \
        span = f == base ? (uint32_t)(to - from) : (uint32_t)c->ninsns;                                                \
        pc = (at);                                                                                                     \
    } while (0)

/* Runs from `start` until control leaves [from, to) or base returns. */
static naru_status run(vm *m, frame *base, int start, int from, int to, bool *returned, sv *out, naru_error *err) {
    frame *f;
    const code *c;
    const insn *insns;
    sv *r;
    uint32_t lo, span, pc;
    naru_status st = NARU_OK;
    bool quick = !m->sink->before; /* no one looks at operators */
    *returned = false;
    ENTER_FRAME((uint32_t)start);
    for (;;) {
        f->pc = (int)pc;
        if (pc - lo >= span) {
            if (f == base) return NARU_OK;
            st = err_set(err, NARU_INTERNAL, "%s: control left the code", f->fn->name);
            goto fail;
        }
        const insn *i = &insns[pc++];
        switch ((insn_op)i->op) {
        case INSN_MOVE: place_kept(&r[i->a], &r[i->b]); break;
        case INSN_TAKE:
            if (i->a == i->b) break;
            place(&r[i->a], &r[i->b]);
            r[i->b].tag = SV_UNINIT;
            break;
        case INSN_CONST: place_kept(&r[i->a], &c->consts[i->b]); break;
        case INSN_CLEAR: sv_set(&r[i->a], (sv){.tag = SV_UNINIT}); break;
        case INSN_OP:
            if (quick && op_is_quick(&c->calls[i->b], r, i)) DO(r[i->a].tag == SV_UNINIT ? err_oom(err) : NARU_OK);
            DO(do_op(m, &c->calls[i->b], r, i, err));
        case INSN_CALL:
        case INSN_FORK: {
            bool done;
            TRY_IN_RUN(do_call(m, f, &c->calls[i->b], i, &done, err));
            if (!done) ENTER_FRAME(0);
            break;
        }
        case INSN_ATTR: DO(do_attr(m, r, i, err));
        case INSN_SETATTR: DO(do_setattr(m, r, i, err));
        case INSN_TUPLE: DO(do_tuple(c, r, i, err));
        case INSN_LIST: DO(do_list(c, r, i, err));
        case INSN_DICT: DO(do_dict(c, r, i, err));
        case INSN_UNPACK: DO(do_unpack(m, r, i, err));
        case INSN_ITEM: DO(do_item(r, i, err));
        case INSN_TSLICE: DO(do_slice(r, i, err));
        case INSN_NEW: DO(do_new(c, r, i, err));
        case INSN_ISINST: DO(do_isinstance(c, r, i, err));
        case INSN_CHECKED: DO(do_checked(m, c, r, i, err));
        case INSN_IF:
            if (r[i->a].tag != SV_BOOL) RESUME(ask_sink(m, f, false, r[i->a], err));
            if (!r[i->a].b) pc = i->b;
            break;
        case INSN_JMP: pc = i->a; break;
        case INSN_FOR:
            if (r[i->b].tag != SV_INT) RESUME(ask_sink(m, f, true, r[i->b], err));
            sv_set(&r[i->a], sv_int(0));
            if (r[i->b].i <= 0) pc = i->c;
            break;
        case INSN_NEXT:
            TRY_IN_RUN(spend(m, pc - i->a, err));
            pc = count_on(r, &insns[i->a]) ? i->a + 1u : insns[i->a].c;
            break;
        case INSN_WHILE:
            if (r[i->a].tag != SV_BOOL) RESUME(ask_sink(m, f, true, r[i->a], err));
            if (!r[i->a].b) pc = i->c;
            break;
        case INSN_AGAIN:
            TRY_IN_RUN(spend(m, pc - i->a, err));
            pc = i->a;
            break;
        case INSN_RET:
            *returned = f == base;
            if (*returned) return *out = sv_keep(r[i->a]), NARU_OK;
            TRY_IN_RUN(do_return(m, r[i->a], err));
            ENTER_FRAME((uint32_t)m->top->pc + 1);
            break;
        case INSN_RAISE: DO(do_raise(m, r, i, err));
        case INSN_COUNT: break;
        }
    }
fail:
    vm_trace(m, st, err);
    while (m->top != base) frame_pop(m);
    return st;
}

/* ---- entries ---- */
naru_status vm_init(vm *m, unit *u, struct eager *e) {
    *m = (vm){.unit = u, .eager = e, .sink = &eager_sink, .max_depth = 2000, .budget = UINT64_MAX, .no_grad = true};
    return (m->arena = arena_new()) ? NARU_OK : NARU_OUT_OF_MEMORY;
}

void vm_done(vm *m) {
    frames_free(m);
    while (m->temps.count) sobj_release(m->temps.data[--m->temps.count]);
    ARRAY_FREE(&m->temps);
    arena_free(m->arena);
    str_free(&m->message);
    str_free(&m->trace);
    *m = (vm){0};
}

static naru_status nest(vm *m, naru_error *err) {
    if (m->nesting >= MAX_NESTING) return err_set(err, NARU_LIMIT, "statements and calls nest too deep");
    m->nesting++;
    return NARU_OK;
}

naru_status vm_run_range(vm *m, frame *f, int from, int to, bool *returned, sv *out, naru_error *err) {
    *returned = false;
    if (f != m->top) return err_set(err, NARU_INTERNAL, "not the frame in progress");
    TRY(nest(m, err));
    naru_status st = run(m, f, from, from, to, returned, out, err);
    m->nesting--;
    return st;
}

naru_status vm_run_rest(vm *m, frame *f, int from, bool *returned, sv *out, naru_error *err) {
    *returned = false;
    if (f != m->top) return err_set(err, NARU_INTERNAL, "not the frame in progress");
    TRY(nest(m, err));
    naru_status st = run(m, f, from, 0, f->fn->code.ninsns, returned, out, err);
    m->nesting--;
    if (st == NARU_OK && !*returned) st = err_set(err, NARU_INTERNAL, "%s did not return", f->fn->name);
    return st;
}

static naru_status run_top(vm *m, sv *out, naru_error *err) {
    frame *f = m->top;
    bool returned;
    naru_status st = run(m, f, 0, 0, f->fn->code.ninsns, &returned, out, err);
    if (st == NARU_OK && !returned) st = err_set(err, NARU_INTERNAL, "%s did not return", f->fn->name);
    return st;
}

/* A call from outside: what was said about the last failure is forgotten. */
static void forget_failure(vm *m) {
    if (m->top) return;
    m->raised[0] = 0;
    str_free(&m->message);
    str_free(&m->trace);
}

naru_status vm_call(vm *m, sfunction *f, int n, const sv *args, sv *out, naru_error *err) {
    forget_failure(m);
    *out = sv_none();
    TRY(nest(m, err));
    naru_status st = spend(m, 1, err);
    if (st == NARU_OK) st = frame_push_checked(m, f, n, args, err);
    if (st == NARU_OK) {
        st = run_top(m, out, err);
        frame_pop(m);
    }
    m->nesting--;
    return st;
}

naru_status vm_op(vm *m, const sop *op, int n, const sv *args, int nout, sv *out, naru_error *err) {
    forget_failure(m);
    naru_status st = lower_run(m, op, n, args, nout, out, err);
    if (st != NARU_OK && !m->top) vm_trace(m, st, err);
    return st;
}
