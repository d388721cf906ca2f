/* SPDX-License-Identifier: MIT
 *
 * What operators are written with (lower.h), as far as it is the same for every sink: arguments, results, errors,
 * promotion, views in normal form, writes. The sink does the rest.
 */
#include "script/lower.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "script/vm.h"

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

static void lower_oom(lower *L) {
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

/* ---- arguments ---- */
sv arg(const lower *L, int i) {
    if (i < L->nargs) return L->args[i];
    const schema *s = L->op->schema;
    return i < s->nparams && s->params[i].has_default ? s->params[i].dflt : sv_none();
}

static const char *param_name(const lower *L, int i) {
    return L->op && i < L->op->schema->nparams ? L->op->schema->params[i].name : "argument";
}

static void wrong_type(lower *L, int i, const char *wanted, sv got) {
    lower_raise(L, "RuntimeError", "%s(): expected a value of type '%s' for argument '%s' but got '%s'",
                L->op ? L->op->schema->name : "operator", wanted, param_name(L, i), sv_tag_name(got.tag));
}

static bool is_number(sv v) {
    return v.tag == SV_INT || v.tag == SV_FLOAT || v.tag == SV_BOOL || v.tag == SV_COMPLEX || v.tag == SV_SYM;
}

static sten *wrap_number(lower *L, sv v) {
    sten *t = scalar_tensor(L, v, NARU_UNDEFINED);
    if (t) {
        t->number = true;
        t->exact = v.tag == SV_FLOAT;
        t->value = t->exact ? v.f : 0;
    }
    return t;
}

static sten *as_tensor(lower *L, int i, sv v) {
    if (L->st != NARU_OK) return NULL;
    if (v.tag == SV_TENSOR) return (sten *)v.o;
    if (is_number(v)) return wrap_number(L, v);
    wrong_type(L, i, "Tensor", v);
    return NULL;
}

sten *arg_tensor(lower *L, int i) { return as_tensor(L, i, arg(L, i)); }
sten *arg_tensor_opt(lower *L, int i) { return arg_none(L, i) ? NULL : arg_tensor(L, i); }

static int items_of(lower *L, int i, sv v, const sv **items) { /* of a list or tuple; -1: neither */
    if (v.tag == SV_LIST) return *items = sv_list(v)->items, (int)i64_min((int64_t)sv_list(v)->count, INT32_MAX);
    if (v.tag == SV_TUPLE) return *items = sv_tuple(v)->items, sv_tuple(v)->n;
    return -1;
}

int arg_tensors(lower *L, int i, sten ***out) {
    const sv *items = NULL;
    sv v = arg(L, i);
    *out = NULL;
    if (L->st != NARU_OK) return 0;
    int n = items_of(L, i, v, &items);
    if (n < 0) return wrong_type(L, i, "List[Tensor]", v), 0;
    if (!(*out = arena_alloc(L->arena, ((size_t)n + 1) * sizeof **out))) return lower_oom(L), 0;
    for (int k = 0; k < n; k++) (*out)[k] = items[k].tag == SV_NONE ? NULL : as_tensor(L, i, items[k]);
    return L->st == NARU_OK ? n : 0;
}

static int64_t to_int(lower *L, int i, sv v) {
    if (v.tag == SV_TENSOR) v = item(L, (sten *)v.o);
    if (v.tag == SV_SYM) return s_need(L, v);
    if (v.tag == SV_INT) return v.i;
    if (v.tag == SV_BOOL) return v.b;
    if (v.tag == SV_FLOAT && v.f == floor(v.f) && fabs(v.f) < 9e18) return (int64_t)v.f;
    if (L->st == NARU_OK) wrong_type(L, i, "int", v);
    return 0;
}
int64_t arg_int(lower *L, int i) { return L->st == NARU_OK ? to_int(L, i, arg(L, i)) : 0; }
int64_t arg_int_or(lower *L, int i, int64_t none) { return arg_none(L, i) ? none : arg_int(L, i); }

static double to_double(lower *L, int i, sv v) {
    if (v.tag == SV_TENSOR) v = item(L, (sten *)v.o);
    sv known;
    if (v.tag == SV_SYM) v = L->sink->need(L, v, &known) ? known : sv_int(0);
    if (v.tag == SV_FLOAT) return v.f;
    if (v.tag == SV_INT) return (double)v.i;
    if (v.tag == SV_BOOL) return v.b;
    if (L->st == NARU_OK) wrong_type(L, i, "float", v);
    return 0;
}
double arg_float(lower *L, int i) { return L->st == NARU_OK ? to_double(L, i, arg(L, i)) : 0; }
double arg_float_or(lower *L, int i, double none) { return arg_none(L, i) ? none : arg_float(L, i); }

bool arg_bool(lower *L, int i) {
    sv v = arg(L, i), known;
    if (L->st != NARU_OK) return false;
    if (v.tag == SV_TENSOR) v = item(L, (sten *)v.o);
    if (v.tag == SV_SYM) v = L->sink->need(L, v, &known) ? known : sv_bool(false);
    if (v.tag == SV_BOOL) return v.b;
    if (v.tag == SV_INT) return v.i != 0;
    if (L->st == NARU_OK) wrong_type(L, i, "bool", v);
    return false;
}
bool arg_bool_or(lower *L, int i, bool none) { return arg_none(L, i) ? none : arg_bool(L, i); }

const char *arg_str(lower *L, int i) {
    sv v = arg(L, i);
    if (v.tag == SV_STR || v.tag == SV_DEVICE) return sv_string(v)->data;
    if (v.tag != SV_NONE && L->st == NARU_OK) wrong_type(L, i, "str", v);
    return "";
}

sv arg_scalar(lower *L, int i) {
    sv v = arg(L, i);
    if (L->st != NARU_OK) return sv_int(0);
    if (v.tag == SV_TENSOR) v = item(L, (sten *)v.o);
    if (is_number(v)) return v;
    if (L->st == NARU_OK) wrong_type(L, i, "number", v);
    return sv_int(0);
}

naru_dtype arg_dtype(lower *L, int i, naru_dtype none) {
    if (arg_none(L, i)) return none;
    int64_t number_ = arg_int(L, i);
    naru_dtype d = dtype_of_torch(number_);
    if (d == NARU_UNDEFINED) lower_raise(L, "RuntimeError", "dtype %lld is not supported", (long long)number_);
    return d;
}

static sv to_sint(lower *L, int i, sv v) {
    if (v.tag == SV_TENSOR) v = item(L, (sten *)v.o);
    if (v.tag == SV_SYM || v.tag == SV_INT) return v;
    return sv_int(to_int(L, i, v));
}
sv arg_sint(lower *L, int i) { return L->st == NARU_OK ? to_sint(L, i, arg(L, i)) : sv_int(0); }
sv arg_sint_or(lower *L, int i, int64_t none) { return arg_none(L, i) ? sv_int(none) : arg_sint(L, i); }

int arg_sints(lower *L, int i, sv *out) {
    const sv *items = NULL;
    sv v = arg(L, i);
    if (L->st != NARU_OK || v.tag == SV_NONE) return 0;
    int n = items_of(L, i, v, &items);
    if (n < 0) return out[0] = to_sint(L, i, v), 1;
    if (n > NARU_MAX_RANK) return lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK), 0;
    for (int k = 0; k < n; k++) out[k] = to_sint(L, i, items[k]);
    return n;
}

int arg_ints(lower *L, int i, int64_t *out) {
    sv v[NARU_MAX_RANK];
    int n = arg_sints(L, i, v);
    for (int k = 0; k < n; k++) out[k] = s_need(L, v[k]);
    return n;
}

int arg_ints_n(lower *L, int i, int n, int64_t *out) {
    int64_t v[NARU_MAX_RANK];
    int got = arg_ints(L, i, v);
    if (L->st == NARU_OK && (got == 1 || got == n))
        for (int k = 0; k < n; k++) out[k] = v[got == 1 ? 0 : k];
    else if (L->st == NARU_OK)
        lower_raise(L, "RuntimeError", "%s must be a single int or a list of %d ints", param_name(L, i), n);
    for (int k = 0; L->st == NARU_OK && k < n; k++) /* kernels, strides, paddings: nothing sensible is larger */
        if (out[k] > INT32_MAX || out[k] < -INT32_MAX)
            lower_raise(L, "RuntimeError", "%s is out of range: %lld", param_name(L, i), (long long)out[k]);
    return n;
}

static int axis_in(lower *L, int64_t a, int rank) {
    int64_t least = rank ? -rank : -1, most = rank ? rank - 1 : 0;
    if (a < least || a > most) {
        lower_raise(L, "IndexError", "Dimension out of range (expected to be in range of [%lld, %lld], but got %lld)",
                    (long long)least, (long long)most, (long long)a);
        return 0;
    }
    return (int)(a < 0 ? a + (rank ? rank : 1) : a);
}
int arg_axis(lower *L, int i, int rank) { return axis_in(L, arg_int(L, i), rank); }

int arg_axes(lower *L, int i, int rank, int64_t *out) {
    int n = arg_ints(L, i, out);
    for (int k = 0; k < n; k++) {
        out[k] = axis_in(L, out[k], rank);
        for (int j = 0; j < k; j++)
            if (out[j] == out[k])
                lower_raise(L, "RuntimeError", "dim %lld appears multiple times in the list of dims",
                            (long long)out[k]);
    }
    return L->st == NARU_OK ? n : 0;
}

/* ---- results ---- */
void ret_value(lower *L, sv v) {
    if (v.tag == SV_UNINIT && L->st == NARU_OK) lower_oom(L);
    if (L->st != NARU_OK) {
        sv_drop(v);
        return;
    }
    L->out[L->nout++] = v;
}

void ret_tensor(lower *L, sten *t) {
    if (L->st != NARU_OK) return;
    if (!t) return lower_oom(L);
    if (t->number) { /* a result is no Python number any more */
        sten *plain = view_alias(L, t);
        if (!plain) return;
        t = plain;
    }
    ret_value(L, sv_keep(sv_of(t)));
}

void ret_tensors(lower *L, int n, sten *const *t) {
    if (L->st != NARU_OK) return;
    slist *l = slist_new(&stype_tensor, (size_t)n);
    if (!l) return lower_oom(L);
    for (int i = 0; i < n; i++)
        if (!slist_push(l, sv_keep(sv_of(t[i])))) {
            sobj_release(&l->head);
            return lower_oom(L);
        }
    ret_value(L, sv_of(l));
}

void ret_ints(lower *L, int n, const sv *v) {
    if (L->st != NARU_OK) return;
    slist *l = slist_new(&stype_int, (size_t)n);
    if (!l) return lower_oom(L);
    for (int i = 0; i < n; i++)
        if (!slist_push(l, sv_keep(v[i]))) {
            sobj_release(&l->head);
            return lower_oom(L);
        }
    ret_value(L, sv_of(l));
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

/* ---- constants ---- */
sten *lit_tensor(lower *L, naru_tensor *t) {
    if (!t && L->st == NARU_OK) lower_oom(L);
    sten *out = L->st == NARU_OK ? L->sink->constant(L, t) : NULL;
    tensor_unref(t);
    return out;
}

static void store(naru_dtype d, void *p, double v, int64_t i, bool integral) {
    switch (d) {
    case NARU_FLOAT: *(float *)p = (float)v; break;
    case NARU_DOUBLE: *(double *)p = v; break;
    case NARU_INT64: *(int64_t *)p = integral ? i : (int64_t)v; break;
    case NARU_INT32: *(int32_t *)p = (int32_t)(integral ? i : (int64_t)v); break;
    case NARU_BOOL: *(bool *)p = integral ? i != 0 : v != 0; break;
    default: break;
    }
}

static bool stores(naru_dtype d) {
    return d == NARU_FLOAT || d == NARU_DOUBLE || d == NARU_INT64 || d == NARU_INT32 || d == NARU_BOOL;
}

static sten *number(lower *L, naru_dtype d, double v, int64_t i, bool integral) {
    if (L->st != NARU_OK) return NULL;
    naru_dtype first = stores(d) ? d : integral ? NARU_INT64 : NARU_DOUBLE;
    naru_tensor *t, *c = NULL;
    if (tensor_new(first, 0, NULL, &t, L->err) != NARU_OK) return lower_oom(L), NULL;
    store(first, t->data, v, i, integral);
    if (first != d) {
        L->st = naru_tensor_cast(t, d, &c, L->err);
        tensor_unref(t);
        if (L->st != NARU_OK) return NULL;
        t = c;
    }
    return lit_tensor(L, t);
}

sten *lit(lower *L, naru_dtype d, double v) {
    bool integral = dtype_is_int(d) && v == floor(v) && fabs(v) < 9e18;
    return number(L, d, v, integral ? (int64_t)v : 0, integral);
}
sten *lit_int(lower *L, int64_t v) { return number(L, NARU_INT64, (double)v, v, true); }

sten *lit_ints(lower *L, const int64_t *v, int n) {
    naru_tensor *t = NULL;
    if (L->st != NARU_OK) return NULL;
    if (tensor_new(NARU_INT64, 1, (int64_t[]){n}, &t, L->err) != NARU_OK) return lower_oom(L), NULL;
    if (n) memcpy(t->data, v, (size_t)n * sizeof *v);
    return lit_tensor(L, t);
}

sten *ints_tensor(lower *L, const sv *v, int n) {
    int64_t known[NARU_MAX_RANK * 2];
    sten *parts[NARU_MAX_RANK * 2];
    bool all = n <= NARU_MAX_RANK * 2;
    if (!all) return lower_fail(L, NARU_UNSUPPORTED, "a list of %d sizes", n), NULL;
    for (int i = 0; i < n; i++) {
        all = all && v[i].tag == SV_INT;
        known[i] = v[i].i;
    }
    if (all) return lit_ints(L, known, n);
    for (int i = 0; i < n; i++) {
        if (v[i].tag == SV_INT) {
            parts[i] = lit_ints(L, &v[i].i, 1);
        } else {
            sten *t = L->st == NARU_OK ? L->sink->tensor_of(L, v[i], NARU_INT64) : NULL;
            parts[i] = EMIT(Unsqueeze, t, lit_ints(L, (int64_t[]){0}, 1));
        }
    }
    return lower_op(L, &op_Concat, ATTRS(AI("axis", 0)), n, parts);
}

sten *scalar_tensor(lower *L, sv v, naru_dtype d) {
    if (L->st != NARU_OK) return NULL;
    switch (v.tag) {
    case SV_INT: return number(L, d ? d : NARU_INT64, (double)v.i, v.i, true);
    case SV_BOOL: return number(L, d ? d : NARU_BOOL, v.b, v.b, true);
    case SV_FLOAT: return number(L, d ? d : NARU_FLOAT, v.f, 0, false);
    case SV_COMPLEX: {
        const scomplex *c = (scomplex *)v.o;
        naru_tensor *t;
        naru_dtype cd = d == NARU_COMPLEX128 ? d : NARU_COMPLEX64;
        if (tensor_new(cd, 0, NULL, &t, L->err) != NARU_OK) return lower_oom(L), NULL;
        if (cd == NARU_COMPLEX128) memcpy(t->data, (double[]){c->re, c->im}, 16);
        else memcpy(t->data, (float[]){(float)c->re, (float)c->im}, 8);
        return lit_tensor(L, t);
    }
    case SV_SYM: return L->sink->tensor_of(L, v, d);
    case SV_TENSOR: return d ? cast(L, (sten *)v.o, d) : (sten *)v.o;
    default: lower_raise(L, "RuntimeError", "a number is expected, not %s", sv_tag_name(v.tag)); return NULL;
    }
}

sv item(lower *L, sten *t) {
    if (L->st != NARU_OK || !t) return sv_int(0);
    return lower_own_value(L, L->sink->item(L, t));
}

/* ---- scalars ---- */
static sv apply2(lower *L, const char *op, sv a, sv b) { return s_apply(L, op, 2, (sv[]){a, b}); }
sv s_apply(lower *L, const char *op, int n, const sv *args) {
    if (L->st != NARU_OK) return sv_int(0);
    if (!L->sink->apply) return lower_fail(L, NARU_INTERNAL, "a symbolic number outside of a recording"), sv_int(0);
    return lower_own_value(L, L->sink->apply(L, op, n, args));
}
#define S_BINARY(name, op, expr)                                                                                       \
    sv s_##name(lower *L, sv a, sv b) {                                                                                \
        if (L->st != NARU_OK) return sv_int(1);                                                                        \
        if (a.tag != SV_INT || b.tag != SV_INT) return apply2(L, op, a, b);                                            \
        return sv_int(expr);                                                                                           \
    }
static int64_t floor_div(int64_t a, int64_t b) {
    return b == 0 ? 0 : b == -1 ? -a : a / b - (a % b != 0 && (a < 0) != (b < 0));
}
S_BINARY(add, "add", (int64_t)((uint64_t)a.i + (uint64_t)b.i))
S_BINARY(sub, "sub", (int64_t)((uint64_t)a.i - (uint64_t)b.i))
S_BINARY(mul, "mul", (int64_t)((uint64_t)a.i *(uint64_t)b.i))
S_BINARY(floordiv, "floordiv", floor_div(a.i, b.i))
S_BINARY(min, "min", i64_min(a.i, b.i))
S_BINARY(max, "max", i64_max(a.i, b.i))

int64_t s_need(lower *L, sv a) {
    sv known;
    if (L->st != NARU_OK) return 1;
    if (a.tag == SV_INT) return a.i;
    if (a.tag == SV_BOOL) return a.b;
    if (a.tag != SV_SYM) return lower_raise(L, "RuntimeError", "an int is expected"), 1;
    return L->sink->need(L, a, &known) && known.tag == SV_INT ? known.i : 1;
}
bool s_is(sv a, int64_t n) { return a.tag == SV_INT && a.i == n; }

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

/* ---- types ---- */
static int onnx_type(naru_dtype d) { return (int)d; } /* naru_dtype's numbers are ONNX's */

/* A float number becomes its type from the double that it was; what it is cast to after that is made of the rounded
 * one. */
sten *cast(lower *L, sten *t, naru_dtype d) {
    if (L->st != NARU_OK || !t) return t;
    bool exact = t->exact && !dtype_is_complex(d);
    if (t->t.dtype == d) {
        t->exact = false;
        return t;
    }
    sten *out = exact ? lit(L, d, t->value) : EMITA(Cast, ATTRS(AI("to", onnx_type(d))), t);
    if (out) out->number = t->number;
    return out;
}

static int category(naru_dtype d) { return d == NARU_BOOL ? 0 : dtype_is_complex(d) ? 3 : dtype_is_float(d) ? 2 : 1; }

static naru_dtype promote_types(naru_dtype a, naru_dtype b) {
    static const naru_dtype signed_by_bytes[] = {NARU_INT8, NARU_INT16, NARU_INT32, NARU_INT32, NARU_INT64};
    if (a == b || b == NARU_UNDEFINED) return a;
    if (a == NARU_UNDEFINED) return b;
    int ca = category(a), cb = category(b);
    if (ca == 3 || cb == 3) {
        bool wide = a == NARU_COMPLEX128 || b == NARU_COMPLEX128 || a == NARU_DOUBLE || b == NARU_DOUBLE;
        return wide ? NARU_COMPLEX128 : NARU_COMPLEX64;
    }
    if (ca != cb) return ca > cb ? a : b;
    int wa = naru_dtype_bits(a), wb = naru_dtype_bits(b);
    if (ca == 2) return wa == wb ? NARU_FLOAT : wa > wb ? a : b; /* half with bfloat16 */
    bool ua = a == NARU_UINT8 || a == NARU_UINT16 || a == NARU_UINT32 || a == NARU_UINT64;
    bool ub = b == NARU_UINT8 || b == NARU_UINT16 || b == NARU_UINT32 || b == NARU_UINT64;
    if (ua == ub) return wa > wb ? a : b;
    int u = ua ? wa : wb, s = ua ? wb : wa;
    if (s > u) return ua ? b : a;
    return signed_by_bytes[u / 8 < 4 ? u / 8 : 4];
}

static naru_dtype default_type(naru_dtype d) {
    return dtype_is_complex(d) ? NARU_COMPLEX64 : dtype_is_float(d) ? NARU_FLOAT : d;
}

static naru_dtype combine(naru_dtype higher, naru_dtype lower_) {
    if (higher == NARU_UNDEFINED) return lower_;
    if (lower_ == NARU_UNDEFINED || dtype_is_complex(higher)) return higher;
    if (dtype_is_float(higher)) {
        if (!dtype_is_complex(lower_)) return higher;
        return higher == NARU_DOUBLE ? NARU_COMPLEX128 : NARU_COMPLEX64;
    }
    if (higher == NARU_BOOL || dtype_is_float(lower_) || dtype_is_complex(lower_)) return promote_types(higher, lower_);
    return higher;
}

naru_dtype promote(lower *L, int n, sten *const *t) {
    naru_dtype dims = NARU_UNDEFINED, zero = NARU_UNDEFINED, numbers = NARU_UNDEFINED;
    for (int i = 0; i < n; i++) {
        if (!t[i]) continue;
        naru_dtype d = t[i]->t.dtype;
        if (t[i]->number) numbers = promote_types(numbers, default_type(d));
        else if (t_rank(L, t[i]) == 0) zero = promote_types(zero, d);
        else dims = promote_types(dims, d);
    }
    naru_dtype d = combine(dims, combine(zero, numbers));
    return d == NARU_UNDEFINED ? NARU_FLOAT : d;
}

void promote2(lower *L, sten **a, sten **b) {
    if (L->st != NARU_OK || !*a || !*b) return;
    if ((*a)->t.dtype == (*b)->t.dtype && !(*a)->number && !(*b)->number) return;
    naru_dtype d = promote(L, 2, (sten *[]){*a, *b});
    *a = cast(L, *a, d);
    *b = cast(L, *b, d);
}

sten *to_float(lower *L, sten *t) {
    if (!t || dtype_is_float(t->t.dtype) || dtype_is_complex(t->t.dtype)) return t;
    return cast(L, t, NARU_FLOAT);
}

/* ---- views ---- */
static sten *view(lower *L, sten *t, const view_step *v) {
    if (L->st != NARU_OK || !t) return NULL;
    sten *out = L->sink->view(L, t, v);
    if (out && t->q && !out->q) out->q = squant_ref(t->q);
    return out;
}

sten *view_alias(lower *L, sten *t) { return view(L, t, &(view_step){.kind = VIEW_ALIAS}); }

sten *view_select(lower *L, sten *t, int dim, sv index) {
    int rank = t_rank(L, t);
    if (L->st != NARU_OK) return NULL;
    if (rank == 0) return lower_raise(L, "IndexError", "select() cannot be applied to a 0-dim tensor."), NULL;
    sv size = t_dim(L, t, dim);
    if (index.tag == SV_INT && size.tag == SV_INT) {
        if (index.i < -size.i || index.i >= size.i) {
            lower_raise(L, "IndexError", "select(): index %lld out of range for tensor of size %lld at dimension %d",
                        (long long)index.i, (long long)size.i, dim);
            return NULL;
        }
        if (index.i < 0) index.i += size.i;
    }
    return view(L, t, &(view_step){.kind = VIEW_SELECT, .dim = dim, .a = index});
}

sten *view_slice(lower *L, sten *t, int dim, sv start, sv end, int64_t step) {
    int rank = t_rank(L, t);
    if (L->st != NARU_OK) return NULL;
    if (rank == 0) return lower_raise(L, "RuntimeError", "slice() cannot be applied to a 0-dim tensor."), NULL;
    if (step <= 0) return lower_raise(L, "RuntimeError", "slice step must be positive"), NULL;
    sv size = t_dim(L, t, dim);
    if (size.tag == SV_INT) {
        if (start.tag == SV_INT) {
            if (start.i < 0) start.i += size.i;
            start.i = i64_max(0, i64_min(start.i, size.i));
        }
        if (end.tag == SV_INT) {
            if (end.i < 0) end.i += size.i;
            end.i = i64_max(0, i64_min(end.i, size.i));
            if (start.tag == SV_INT) end.i = i64_max(end.i, start.i);
        }
    }
    return view(L, t, &(view_step){.kind = VIEW_SLICE, .dim = dim, .a = start, .b = end, .step = step});
}

sten *view_permute(lower *L, sten *t, const int64_t *perm) {
    int rank = t_rank(L, t);
    view_step v = {.kind = VIEW_PERMUTE, .rank = rank};
    bool same = true;
    for (int i = 0; i < rank; i++) {
        v.dims[i] = perm[i];
        same = same && perm[i] == i;
    }
    return same ? view_alias(L, t) : view(L, t, &v);
}

sten *view_transpose(lower *L, sten *t, int a, int b) {
    int64_t perm[NARU_MAX_RANK];
    int rank = t_rank(L, t);
    for (int i = 0; i < rank; i++) perm[i] = i == a ? b : i == b ? a : i;
    return view_permute(L, t, perm);
}

sten *view_unsqueeze(lower *L, sten *t, int dim) {
    if (t_rank(L, t) >= NARU_MAX_RANK)
        return lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK), NULL;
    return view(L, t, &(view_step){.kind = VIEW_UNSQUEEZE, .dim = dim});
}

sten *view_squeeze(lower *L, sten *t, int n, const int64_t *dims) {
    view_step v = {.kind = VIEW_SQUEEZE};
    int rank = t_rank(L, t);
    bool drop[NARU_MAX_RANK] = {false};
    for (int i = 0; i < n; i++)
        if (dims[i] < rank && t_dim_is(L, t, (int)dims[i], 1)) drop[dims[i]] = true;
    for (int i = 0; i < rank; i++)
        if (drop[i]) v.dims[v.rank++] = i;
    return v.rank ? view(L, t, &v) : view_alias(L, t);
}

sten *view_expand(lower *L, sten *t, int rank, const sv *sizes) {
    int old = t_rank(L, t);
    view_step v = {.kind = VIEW_EXPAND, .rank = rank};
    if (L->st != NARU_OK) return NULL;
    if (rank < old || rank > NARU_MAX_RANK) {
        lower_raise(L, "RuntimeError",
                    "expand: the number of sizes provided (%d) must be greater or equal to the number "
                    "of dimensions in the tensor (%d)",
                    rank, old);
        return NULL;
    }
    bool same = rank == old;
    for (int i = 0; i < rank; i++) {
        sv own_size = i >= rank - old ? t_dim(L, t, i - (rank - old)) : sv_int(1);
        v.sizes[i] = s_is(sizes[i], -1) ? own_size : sizes[i];
        if (s_is(sizes[i], -1) && i < rank - old)
            lower_raise(L, "RuntimeError", "expand: -1 is not allowed in a leading, non-existing dimension %d", i);
        if (own_size.tag == SV_INT && v.sizes[i].tag == SV_INT && own_size.i != v.sizes[i].i) {
            same = false;
            if (own_size.i != 1)
                lower_raise(
                    L, "RuntimeError",
                    "The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton "
                    "dimension %d.",
                    (long long)v.sizes[i].i, (long long)own_size.i, i);
        }
        if (own_size.tag == SV_SYM || v.sizes[i].tag == SV_SYM) same = same && s_is(sizes[i], -1);
    }
    return same ? view_alias(L, t) : view(L, t, &v);
}

/* -1 becomes what is left, where it can be known. */
static void fill_minus_one(lower *L, sten *t, int rank, sv *sizes) {
    int at = -1;
    sv rest = sv_int(1);
    for (int i = 0; i < rank; i++) {
        if (!s_is(sizes[i], -1)) {
            if (sizes[i].tag == SV_INT && sizes[i].i < 0)
                lower_raise(L, "RuntimeError", "invalid shape dimension %lld", (long long)sizes[i].i);
            rest = s_mul(L, rest, sizes[i]);
        } else if (at >= 0) {
            lower_raise(L, "RuntimeError", "only one dimension can be inferred");
        } else {
            at = i;
        }
    }
    sv all = t_numel(L, t);
    bool known = all.tag == SV_INT && rest.tag == SV_INT;
    if (known && (at < 0 ? all.i != rest.i : rest.i == 0 ? all.i != 0 : all.i % rest.i != 0)) {
        str s = {0};
        for (int i = 0; i < rank; i++) str_addf(&s, "%s%lld", i ? ", " : "", (long long)sizes[i].i);
        lower_raise(L, "RuntimeError", "shape '[%s]' is invalid for input of size %lld", str_text(&s),
                    (long long)all.i);
        str_free(&s);
    }
    if (at < 0) return;
    if (known && rest.i == 0)
        lower_raise(L, "RuntimeError", "cannot reshape tensor of 0 elements into shape with an unspecified dimension");
    else if (known) sizes[at] = sv_int(all.i / rest.i);
}

sten *view_shape(lower *L, sten *t, int rank, const sv *sizes, bool must_view) {
    view_step v = {.kind = VIEW_RESHAPE, .rank = rank, .must_view = must_view};
    if (L->st != NARU_OK) return NULL;
    if (rank > NARU_MAX_RANK) return lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK), NULL;
    for (int i = 0; i < rank; i++) v.sizes[i] = sizes[i];
    fill_minus_one(L, t, rank, v.sizes);
    return view(L, t, &v);
}

sten *view_diagonal(lower *L, sten *t, int64_t offset, int dim1, int dim2) {
    if (dim1 == dim2) return lower_raise(L, "RuntimeError", "diagonal dimensions cannot be identical"), NULL;
    return view(L, t, &(view_step){.kind = VIEW_DIAGONAL, .dim = dim1, .dim2 = dim2, .step = offset});
}

sten *view_unfold(lower *L, sten *t, int dim, int64_t size, int64_t step) {
    if (size < 0 || step <= 0) return lower_raise(L, "RuntimeError", "unfold: size >= 0 and step > 0 are needed"), NULL;
    return view(L, t, &(view_step){.kind = VIEW_UNFOLD, .dim = dim, .a = sv_int(size), .step = step});
}

sten *view_strided(lower *L, sten *t, int rank, const int64_t *dims, const int64_t *strides, int64_t offset) {
    view_step v = {.kind = VIEW_STRIDED, .rank = rank, .step = offset};
    if (rank > NARU_MAX_RANK) return lower_fail(L, NARU_UNSUPPORTED, "more than %d dimensions", NARU_MAX_RANK), NULL;
    memcpy(v.dims, dims, (size_t)rank * sizeof *dims);
    memcpy(v.strides, strides, (size_t)rank * sizeof *strides);
    return view(L, t, &v);
}

sten *view_complex(lower *L, sten *t, bool to_complex) {
    return view(L, t, &(view_step){.kind = to_complex ? VIEW_AS_COMPLEX : VIEW_AS_REAL});
}

/* ---- memory ---- */
void write_to(lower *L, sten *dst, sten *src) {
    if (L->st != NARU_OK || !dst || !src) return;
    sv sizes[NARU_MAX_RANK];
    int rank = t_rank(L, dst), from = t_rank(L, src);
    for (int i = 0; i < rank; i++) sizes[i] = t_dim(L, dst, i);
    for (int extra = from - rank; extra > 0 && t_dim_is(L, src, 0, 1); extra--) src = view_select(L, src, 0, sv_int(0));
    src = view_expand(L, cast(L, src, dst->t.dtype), rank, sizes);
    if (src && dst->q && !src->q) lower_fail(L, NARU_UNSUPPORTED, "writing floats into a quantized tensor");
    if (L->st == NARU_OK) L->sink->write(L, dst, src);
}

sten *fresh(lower *L, sten *t) {
    if (L->st != NARU_OK || !t) return NULL;
    sten *out = L->sink->records ? EMIT(Identity, t) : host_new(L, t->t.dtype, t->t.rank, t->t.dims);
    if (out && !L->sink->records) L->sink->write(L, out, t);
    if (out && t->q) out->q = squant_ref(t->q);
    return out;
}

sten *contiguous(lower *L, sten *t) {
    if (L->st != NARU_OK || !t || L->sink->records || tensor_is_contiguous(&t->t)) return t;
    return fresh(L, t);
}

void set_tensor(lower *L, sten *dst, sten *src) {
    if (L->st == NARU_OK && dst && src) L->sink->set(L, dst, src);
}

/* ---- derived forms ---- */
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
    if (L->sink->records || t != into) write_to(L, into, t);
}

void lower_in_place(lower *L) {
    sv out[8], self = arg(L, 0);
    if (self.tag != SV_TENSOR) return wrong_type(L, 0, "Tensor", self);
    sten *into = sv_tensor(self);
    run_plain(L, L->nargs, out, into);
    if (L->st == NARU_OK) ret_value(L, sv_keep(self));
}

void lower_out_form(lower *L) {
    sv out[8], into = arg(L, L->op->schema->nparams - 1);
    if (into.tag != SV_TENSOR) return wrong_type(L, L->op->schema->nparams - 1, "Tensor", into);
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

/* ---- host ---- */
sten *host_new(lower *L, naru_dtype d, int rank, const int64_t *dims) {
    return L->st == NARU_OK ? lower_own(L, sten_new(d, rank, dims)) : NULL;
}
const int64_t *host_dims(const sten *t) {
    static const int64_t none[NARU_MAX_RANK];
    return t ? t->t.dims : none;
}
int64_t host_count(const sten *t) { return t ? tensor_count(&t->t) : 0; }
void *host_scratch(lower *L, size_t n) {
    void *p = L->st == NARU_OK ? arena_aligned(L->arena, n ? n : 1, 64) : NULL;
    if (!p) lower_oom(L);
    return p;
}
void *host_data(lower *L, sten *t) {
    t = contiguous(L, t);
    return t && L->st == NARU_OK ? t->t.data : NULL;
}

const double *host_f64(lower *L, sten *t) {
    sten *c = t ? cast(L, contiguous(L, t), NARU_DOUBLE) : NULL;
    return host_data(L, c);
}
const int64_t *host_i64(lower *L, sten *t) {
    sten *c = t ? cast(L, contiguous(L, t), NARU_INT64) : NULL;
    return host_data(L, c);
}

sten *host_from_f64(lower *L, naru_dtype d, int rank, const int64_t *dims, const double *v) {
    sten *t = host_new(L, NARU_DOUBLE, rank, dims);
    if (!t) return NULL;
    int64_t n = host_count(t);
    if (n) memcpy(t->t.data, v, (size_t)n * sizeof *v);
    return cast(L, t, d);
}
