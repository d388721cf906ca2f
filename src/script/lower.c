/* SPDX-License-Identifier: MIT
 *
 * What operators are written with (lower.h), as far as it is the same for every sink: failing and owning, running an
 * operator, what a tensor is, repeated rounds, the forms derived from a plain one. Beside it: arguments and results
 * (lower_arg.c), constants and scalars (lower_scalar.c), types of results (lower_type.c), views (lower_view.c), memory
 * (lower_memory.c). The sink does the rest.
 */
#include "script/lower.h"

#include <stdarg.h>
#include <stdio.h>

#include "script/lower_in.h"

/* ---- failing and owning ---- */
void lower_fail(lower *L, naru_status status, const char *fmt, ...) {
    if (L->st != NARU_OK) return;
    char text[500];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    L->st = err_set(L->err, status, "%s", text);
}

void lower_raise(lower *L, const char *exception, const char *fmt, ...) {
    if (L->st != NARU_OK) return;
    char text[500];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    L->st = vm_raise(L->vm, L->err, exception, "%s", text);
}

void lower_oom(lower *L) {
    if (L->st == NARU_OK) L->st = err_oom(L->err);
}

static bool own(lower *L, sobj *o) {
    if (ARRAY_PUSH(&L->vm->temps, o)) return true;
    sobj_release(o);
    return false;
}

sten *lower_own(lower *L, sten *t) {
    if (t && own(L, &t->head)) return t;
    lower_oom(L);
    return NULL;
}

sv lower_own_value(lower *L, sv v) {
    if (v.tag == SV_UNINIT || (sv_heap(v) && !own(L, v.o))) {
        lower_oom(L);
        return sv_none();
    }
    return v;
}

bool lower_recording(const lower *L) { return L->sink->records; }

bool eager_only(lower *L) {
    if (L->st != NARU_OK) return false;
    if (!L->sink->records) return true;
    lower_fail(L, NARU_UNSUPPORTED, "%s looks at the data of tensors", L->op ? L->op->schema->name : "this operator");
    return false;
}

/* ---- running one operator ---- */
bool lower_writes_shared(int n, const sv *args, const sop *op) {
    return n > 0 && (args[0].tag == SV_LIST || args[0].tag == SV_DICT) && args[0].o->shared &&
           op->schema->params[0].mutated;
}

static void note_write(vm *m, sobj *o) { /* regions that read it are stale, the first time */
    if (__atomic_exchange_n(&o->written, 1, __ATOMIC_RELAXED)) return;
    if (m->unit) atomic_fetch_add(&m->unit->generation, 1);
}

naru_status lower_run(vm *m, const sop *op, int n, const sv *args, int nout, sv *out, naru_error *err) {
    lower L = {.vm = m, .sink = m->sink, .op = op, .args = args, .nargs = n, .out = out, .err = err, .arena = m->arena};
    L.temps = m->temps.count;
    if (n > op->schema->nparams && !op->schema->vararg)
        return err_set(err, NARU_INVALID_ARGUMENT, "%s takes at most %d arguments, %d are given", op->schema->name,
                       op->schema->nparams, n);
    if (!m->sink->records && lower_writes_shared(n, args, op)) note_write(m, args[0].o);
    if (!m->sink->before || !m->sink->before(&L, nout)) op->fn(&L);
    if (L.st == NARU_UNSUPPORTED && m->sink->after) {
        while (L.nout > 0) sv_drop(out[--L.nout]);
        if (m->sink->after(&L, nout)) L.st = NARU_OK;
    }
    if (L.st == NARU_OK && L.nout != nout && !op->schema->varret)
        L.st = err_set(err, NARU_INTERNAL, "%s gave %d results, not %d", op->schema->name, L.nout, nout);
    if (L.st != NARU_OK)
        while (L.nout > 0) sv_drop(out[--L.nout]);
    while (m->temps.count > L.temps) sobj_release(m->temps.data[--m->temps.count]);
    if (L.temps == 0) arena_reset(m->arena);
    return L.st;
}

void lower_call(lower *L, lower_fn fn, int nargs, const sv *args, int nout, sv *out) {
    for (int i = 0; i < nout; i++) out[i] = sv_none();
    if (L->st != NARU_OK) return;
    lower inner = {.vm = L->vm,
                   .sink = L->sink,
                   .op = L->op,
                   .args = args,
                   .nargs = nargs,
                   .out = out,
                   .err = L->err,
                   .arena = L->arena,
                   .temps = L->vm->temps.count};
    fn(&inner);
    L->st = inner.st;
    if (L->st == NARU_OK && inner.nout != nout)
        lower_fail(L, NARU_INTERNAL, "an inner call gave %d results", inner.nout);
    for (int i = 0; i < inner.nout; i++) out[i] = lower_own_value(L, out[i]);
}

/* ---- what a tensor is ---- */
naru_dtype t_dtype(lower *L, const sten *t) { return t ? t->t.dtype : NARU_FLOAT; }
int t_rank(lower *L, const sten *t) {
    if (L->st != NARU_OK || !t) return 0;
    return L->sink->records ? L->sink->rank(L, t) : t->t.rank;
}
sv t_dim(lower *L, const sten *t, int i) {
    if (L->st != NARU_OK || !t) return sv_int(1);
    int rank = t_rank(L, t);
    if (i < 0) i += rank;
    if (i < 0 || i >= rank) return lower_raise(L, "IndexError", "Dimension out of range"), sv_int(1);
    return L->sink->records ? L->sink->dim(L, (sten *)t, i) : sv_int(t->t.dims[i]);
}
int64_t t_dim_int(lower *L, const sten *t, int i) { return s_need(L, t_dim(L, t, i)); }
bool t_dim_is(lower *L, const sten *t, int i, int64_t n) { return s_is(t_dim(L, t, i), n); }
sv t_numel(lower *L, const sten *t) {
    sv n = sv_int(1);
    int rank = t_rank(L, t);
    for (int i = 0; i < rank; i++) n = s_mul(L, n, t_dim(L, t, i));
    return n;
}

/* ---- operators ---- */
void lower_opn(lower *L, const op_desc *op, const la *attrs, int nin, sten *const *in, int nout, sten **outs) {
    for (int i = 0; i < nout; i++) outs[i] = NULL;
    if (L->st == NARU_OK) L->sink->op(L, op, attrs, nin, in, nout, outs);
}
sten *lower_op(lower *L, const op_desc *op, const la *attrs, int nin, sten *const *in) {
    sten *out;
    lower_opn(L, op, attrs, nin, in, 1, &out);
    return out;
}

/* ---- loops ---- */
void lower_repeat(lower *L, sv count, int n, sten **state, repeat_fn body, void *user, sten **all) {
    if (all) *all = NULL;
    if (!lower_ok(L)) return;
    if (count.tag != SV_INT && L->sink->repeat) return L->sink->repeat(L, count, n, state, body, user, all);
    int64_t rounds = count.tag == SV_NONE ? INT64_MAX : s_need(L, count);
    ARRAY(sten *) kept = {0};
    bool go = true;
    for (int64_t i = 0; i < rounds && go && lower_ok(L); i++) {
        sten *one = NULL, *more = NULL;
        body(L, user, lit_int(L, i), state, all ? &one : NULL, &more);
        if (more) go = item(L, more).b;
        if (!all) continue;
        one = EMIT(Unsqueeze, one, lit_ints(L, (int64_t[]){0}, 1));
        if (!ARRAY_PUSH(&kept, one)) lower_oom(L);
    }
    if (all && kept.count && lower_ok(L))
        *all = lower_op(L, &op_Concat, ATTRS(AI("axis", 0)), (int)kept.count, kept.data);
    ARRAY_FREE(&kept);
}

/* ---- derived forms ---- */
/* Whether a result of type d may be written into a tensor of type `into`. */
static bool holds(naru_dtype into, naru_dtype d) {
    if (dtype_is_complex(d)) return dtype_is_complex(into);
    if (dtype_is_float(d)) return dtype_is_float(into) || dtype_is_complex(into);
    return d == NARU_BOOL || into != NARU_BOOL;
}

static void run_plain(lower *L, int nargs, sv *out, sten *into) {
    const sop *plain = L->op->user;
    lower inner = {.vm = L->vm,
                   .sink = L->sink,
                   .op = plain,
                   .args = L->args,
                   .nargs = nargs,
                   .out = out,
                   .err = L->err,
                   .arena = L->arena,
                   .temps = L->vm->temps.count};
    plain->fn(&inner);
    L->st = inner.st;
    if (L->st != NARU_OK || inner.nout != 1) {
        while (inner.nout > 0) sv_drop(out[--inner.nout]);
        if (L->st == NARU_OK) lower_fail(L, NARU_INTERNAL, "%s gave %d results", plain->schema->name, inner.nout);
        return;
    }
    sten *t = sv_tensor(lower_own_value(L, out[0]));
    if (!t || !into) return lower_fail(L, NARU_INTERNAL, "%s gave no tensor", plain->schema->name);
    if (!holds(into->t.dtype, t->t.dtype))
        return lower_raise(L, "RuntimeError", "result type %s can't be cast to the desired output type %s",
                           sten_type_name(t->t.dtype), sten_type_name(into->t.dtype));
    if (L->sink->records || t != into) write_to(L, into, t);
}

void lower_in_place(lower *L) {
    sv out[8], self = arg(L, 0);
    if (self.tag != SV_TENSOR) return lower_wrong_type(L, 0, "Tensor", self);
    sten *into = sv_tensor(self);
    run_plain(L, L->nargs, out, into);
    if (L->st == NARU_OK) ret_value(L, sv_keep(self));
}

void lower_out_form(lower *L) {
    sv out[8], into = arg(L, L->op->schema->nparams - 1);
    if (into.tag != SV_TENSOR) return lower_wrong_type(L, L->op->schema->nparams - 1, "Tensor", into);
    int n = L->nargs < L->op->schema->nparams ? L->nargs : L->op->schema->nparams - 1;
    const sop *plain = L->op->user;
    lower inner = {.vm = L->vm,
                   .sink = L->sink,
                   .op = plain,
                   .args = L->args,
                   .nargs = n,
                   .out = out,
                   .err = L->err,
                   .arena = L->arena,
                   .temps = L->vm->temps.count};
    plain->fn(&inner);
    L->st = inner.st;
    if (L->st != NARU_OK) return;
    sten *t = sv_tensor(lower_own_value(L, out[0])), *dst = sv_tensor(into);
    if (!t) return lower_fail(L, NARU_INTERNAL, "%s gave no tensor", plain->schema->name);
    set_tensor(L, dst, cast(L, t, dst->t.dtype)); /* out is resized as PyTorch does */
    if (L->st == NARU_OK) ret_value(L, sv_keep(into));
}
