/* SPDX-License-Identifier: MIT
 *
 * The arguments of an operator (lower.h), given or by default, as what its lowering asks for; and its results.
 */
#include "script/lower_in.h"

#include <math.h>

/* ---- arguments ---- */
sv arg(const lower *L, int i) {
    if (i < L->nargs) return L->args[i];
    const schema *s = L->op->schema;
    return i < s->nparams && s->params[i].has_default ? s->params[i].dflt : sv_none();
}

static const char *param_name(const lower *L, int i) {
    return L->op && i < L->op->schema->nparams ? L->op->schema->params[i].name : "argument";
}

void lower_wrong_type(lower *L, int i, const char *wanted, sv got) {
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
    lower_wrong_type(L, i, "Tensor", v);
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
    if (n < 0) return lower_wrong_type(L, i, "List[Tensor]", v), 0;
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
    if (L->st == NARU_OK) lower_wrong_type(L, i, "int", v);
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
    if (L->st == NARU_OK) lower_wrong_type(L, i, "float", v);
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
    if (L->st == NARU_OK) lower_wrong_type(L, i, "bool", v);
    return false;
}
bool arg_bool_or(lower *L, int i, bool none) { return arg_none(L, i) ? none : arg_bool(L, i); }

const char *arg_str(lower *L, int i) {
    sv v = arg(L, i);
    if (v.tag == SV_STR || v.tag == SV_DEVICE) return sv_string(v)->data;
    if (v.tag != SV_NONE && L->st == NARU_OK) lower_wrong_type(L, i, "str", v);
    return "";
}

sv arg_scalar(lower *L, int i) {
    sv v = arg(L, i);
    if (L->st != NARU_OK) return sv_int(0);
    if (v.tag == SV_TENSOR) v = item(L, (sten *)v.o);
    if (is_number(v)) return v;
    if (L->st == NARU_OK) lower_wrong_type(L, i, "number", v);
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
