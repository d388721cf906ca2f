/* SPDX-License-Identifier: MIT
 *
 * Numbers while recording: what follows from dimension expressions is known without running; the rest becomes rank-0
 * nodes, ints as int64, floats as double (Python's own precision). What takes more than a node or two is left to the
 * operators on tensors.
 */
#include <math.h>
#include <string.h>

#include "script/aten/aten.h"
#include "script/record_flow.h"

sv rec_sym(sv_tag is, elem_t elem, value *v) {
    ssym *s = mem_calloc(1, sizeof *s);
    if (!s) return (sv){.tag = SV_UNINIT};
    *s = (ssym){.head = {.refs = 1, .tag = SV_SYM}, .is = is, .elem = elem, .v = v};
    return sv_of(s);
}

sv record_input_scalar(recording *r, value *v, sv_tag is, elem_t elem) { return rec_sym(is, elem, v); }

sv_tag sv_sym_kind(sv v) { return ((ssym *)v.o)->is; }
static sv_tag kind_of(sv v) { return v.tag == SV_SYM ? ((ssym *)v.o)->is : v.tag; }

value *record_scalar(recording *r, sv v, naru_error *err) {
    naru_tensor *t;
    if (v.tag == SV_STR) {
        const sstr *s = sv_string(v);
        if (tensor_new(NARU_STRING, 0, NULL, &t, err) != NARU_OK) return NULL;
        if (naru_tensor_set_string(t, 0, s->data, s->len, err) == NARU_OK) return rec_constant(r, t, err);
        tensor_unref(t);
        return NULL;
    }
    if (v.tag != SV_SYM) {
        naru_dtype d = v.tag == SV_BOOL ? NARU_BOOL : v.tag == SV_FLOAT ? NARU_DOUBLE : NARU_INT64;
        if (v.tag != SV_BOOL && v.tag != SV_FLOAT && v.tag != SV_INT) {
            rec_obstacle(r, err, "a number that graphs do not have");
            return NULL;
        }
        if (tensor_new(d, 0, NULL, &t, err) != NARU_OK) return NULL;
        if (v.tag == SV_BOOL) *(bool *)t->data = v.b;
        else memcpy(t->data, &v.i, 8);
        return rec_constant(r, t, err);
    }
    ssym *s = (ssym *)v.o;
    if (s->is == SV_LIST) return rec_list_value(r, v, NULL, err);
    if (s->is == SV_NONE) {
        rec_obstacle(r, err, "a value that is None or not as data has it");
        return NULL;
    }
    if (s->is == SV_UNINIT) {
        rec_obstacle(r, err, "%s", s->why ? s->why : "a value that cannot be said");
        return NULL;
    }
    if (s->v && rec_visible(r, s->v)) return s->v;
    if (!s->of || !rec_visible(r, s->of)) {
        rec_obstacle(r, err, "a number leaves the branch or loop that computes it");
        return NULL;
    }
    value *x = rec_emit(r, &op_Shape, ATTRS(AI("start", s->axis), AI("end", s->axis + 1)), 1, &s->of, err);
    value *zero = x ? rec_ints(r, (int64_t[]){0}, 1, err) : NULL;
    x = zero ? rec_emit(r, &op_Squeeze, NULL, 2, (value *[]){x, zero}, err) : NULL;
    return s->v = x;
}

/* ---- what is known without running ---- */
static elem_t elem_of(sv v) {
    if (v.tag == SV_INT) return elem_const(v.i);
    return v.tag == SV_SYM ? ((ssym *)v.o)->elem : (elem_t){ELEM_UNKNOWN, 0};
}

/* Expressions are polynomials over names that stand for sizes, so >= 0; constants of either sign. */
static elem_t elem_apply(symtab *s, char op, elem_t a, elem_t b) {
    if (a.kind == ELEM_UNKNOWN || b.kind == ELEM_UNKNOWN) return (elem_t){ELEM_UNKNOWN, 0};
    if (a.kind == ELEM_CONST && b.kind == ELEM_CONST) {
        int64_t r;
        switch (op) {
        case '+': return i64_add(a.v, b.v, &r) ? elem_const(r) : (elem_t){ELEM_UNKNOWN, 0};
        case '*': return i64_mul(a.v, b.v, &r) ? elem_const(r) : (elem_t){ELEM_UNKNOWN, 0};
        case '-': return __builtin_sub_overflow(a.v, b.v, &r) ? (elem_t){ELEM_UNKNOWN, 0} : elem_const(r);
        default:
            if (b.v == 0 || (b.v == -1 && a.v == INT64_MIN)) return (elem_t){ELEM_UNKNOWN, 0};
            return elem_const(a.v / b.v - (a.v % b.v != 0 && (a.v < 0) != (b.v < 0)));
        }
    }
    if (op == '+' && b.kind == ELEM_CONST && b.v < 0) return elem_apply(s, '-', a, elem_const(-b.v));
    if (op == '+' && a.kind == ELEM_CONST && a.v < 0) return elem_apply(s, '-', b, elem_const(-a.v));
    if (op == '-' && b.kind == ELEM_CONST && b.v < 0) return elem_apply(s, '+', a, elem_const(-b.v));
    if ((a.kind == ELEM_CONST && a.v < 0) || (b.kind == ELEM_CONST && b.v < 0)) return (elem_t){ELEM_UNKNOWN, 0};
    dim_t d = op == '+'   ? sym_add(s, a.v, b.v)
              : op == '-' ? sym_sub(s, a.v, b.v)
              : op == '*' ? sym_mul(s, a.v, b.v)
                          : sym_div(s, a.v, b.v);
    return elem_of_dim(d);
}

/* a - b as a constant, where the expressions differ by one. */
static bool difference(symtab *s, elem_t a, elem_t b, int64_t *out) {
    if (a.kind == ELEM_UNKNOWN || b.kind == ELEM_UNKNOWN) return false;
    if (a.kind == b.kind && a.v == b.v) return *out = 0, true;
    elem_t d = elem_apply(s, '-', a, b);
    if (d.kind == ELEM_CONST) return *out = d.v, true;
    d = elem_apply(s, '-', b, a);
    if (d.kind == ELEM_CONST) return *out = -d.v, true;
    return false;
}

static bool compare(const char *op, int64_t d) { /* a - b = d */
    if (!strcmp(op, "eq")) return d == 0;
    if (!strcmp(op, "ne")) return d != 0;
    if (!strcmp(op, "lt")) return d < 0;
    if (!strcmp(op, "le")) return d <= 0;
    return strcmp(op, "gt") == 0 ? d > 0 : d >= 0;
}

static bool is_comparison(const char *op) {
    return !strcmp(op, "eq") || !strcmp(op, "ne") || !strcmp(op, "lt") || !strcmp(op, "le") || !strcmp(op, "gt") ||
           !strcmp(op, "ge");
}

static bool never_negative(const symtab *s, elem_t e) {
    return e.kind == ELEM_CONST ? e.v >= 0 : e.kind == ELEM_DIM && sym_never_negative(s, e.v, NULL);
}

/* Sizes are at least 0: what that alone decides. */
static bool decided_by_sign(const symtab *s, const char *op, elem_t a, elem_t b, bool *out) {
    if (a.kind == ELEM_DIM && b.kind == ELEM_CONST && never_negative(s, a)) {
        if (b.v < 0) {
            *out = !strcmp(op, "ne") || !strcmp(op, "gt") || !strcmp(op, "ge");
            return true;
        }
        if (b.v == 0 && !strcmp(op, "ge")) return *out = true, true;
        if (b.v == 0 && !strcmp(op, "lt")) return *out = false, true;
    }
    return false;
}

/* ---- nodes ---- */
typedef struct maker {
    recording *r;
    naru_error *err;
    bool failed;
} maker;

static value *emit2(maker *k, const op_desc *op, value *a, value *b) {
    value *v = a && b ? rec_emit(k->r, op, NULL, 2, (value *[]){a, b}, k->err) : NULL;
    if (!v) k->failed = true;
    return v;
}
static value *emit1(maker *k, const op_desc *op, value *a) {
    value *v = a ? rec_emit(k->r, op, NULL, 1, &a, k->err) : NULL;
    if (!v) k->failed = true;
    return v;
}
static value *to_type(maker *k, value *v, naru_dtype d) {
    if (!v || v->fact.type.dtype == d) return v;
    v = rec_emit(k->r, &op_Cast, ATTRS(AI("to", (int)d)), 1, &v, k->err);
    if (!v) k->failed = true;
    return v;
}
static value *scalar(maker *k, sv v, naru_dtype d) {
    value *x = record_scalar(k->r, v, k->err);
    if (!x) k->failed = true;
    return to_type(k, x, d);
}
static value *number(maker *k, naru_dtype d, double v) {
    return scalar(k, d == NARU_DOUBLE ? sv_float(v) : sv_int((int64_t)v), d);
}

/* floor(a / b): ONNX's integer Div truncates. */
static value *floor_divide(maker *k, value *a, value *b, naru_dtype d, bool never_negative) {
    value *q = emit2(k, &op_Div, a, b);
    if (d == NARU_DOUBLE) return emit1(k, &op_Floor, q);
    if (never_negative) return q;
    value *rest = emit2(k, &op_Sub, a, emit2(k, &op_Mul, q, b)), *zero = number(k, d, 0);
    value *inexact = emit1(k, &op_Not, emit2(k, &op_Equal, rest, zero));
    value *signs = emit2(k, &op_Xor, emit2(k, &op_Less, rest, zero), emit2(k, &op_Less, b, zero));
    return emit2(k, &op_Sub, q, to_type(k, emit2(k, &op_And, inexact, signs), d));
}

static value *arithmetic(maker *k, const char *op, value *a, value *b, naru_dtype d, bool never_negative) {
    if (!strcmp(op, "add")) return emit2(k, &op_Add, a, b);
    if (!strcmp(op, "sub")) return emit2(k, &op_Sub, a, b);
    if (!strcmp(op, "mul")) return emit2(k, &op_Mul, a, b);
    if (!strcmp(op, "div")) return emit2(k, &op_Div, a, b);
    if (!strcmp(op, "floordiv")) return floor_divide(k, a, b, d, never_negative);
    if (!strcmp(op, "remainder"))
        return emit2(k, &op_Sub, a, emit2(k, &op_Mul, floor_divide(k, a, b, d, never_negative), b));
    if (!strcmp(op, "min")) return emit2(k, &op_Min, a, b);
    if (!strcmp(op, "max")) return emit2(k, &op_Max, a, b);
    if (!strcmp(op, "pow")) return emit2(k, &op_Pow, a, b);
    return NULL;
}

static value *comparison(maker *k, const char *op, value *a, value *b) {
    if (!strcmp(op, "eq")) return emit2(k, &op_Equal, a, b);
    if (!strcmp(op, "ne")) return emit1(k, &op_Not, emit2(k, &op_Equal, a, b));
    if (!strcmp(op, "lt")) return emit2(k, &op_Less, a, b);
    if (!strcmp(op, "le")) return emit2(k, &op_LessOrEqual, a, b);
    if (!strcmp(op, "gt")) return emit2(k, &op_Greater, a, b);
    return emit2(k, &op_GreaterOrEqual, a, b);
}

static sv finish(maker *k, sv_tag is, elem_t e, value *v, const char *op) {
    if (v && !k->failed) {
        sv out = rec_sym(is, e, v);
        if (out.tag == SV_UNINIT) err_oom(k->err);
        return out;
    }
    if (!k->err || k->err->code == NARU_OK) rec_obstacle(k->r, k->err, "%s of a number that depends on data", op);
    return (sv){.tag = SV_UNINIT};
}

static sv apply_binary(maker *k, const char *op, sv a, sv b) {
    sv_tag ta = kind_of(a), tb = kind_of(b);
    elem_t ea = elem_of(a), eb = elem_of(b), e = {ELEM_UNKNOWN, 0};
    symtab *syms = k->r->g->syms;
    int64_t d;
    bool known;
    if (is_comparison(op)) {
        if (difference(syms, ea, eb, &d)) return sv_bool(compare(op, d));
        if (decided_by_sign(syms, op, ea, eb, &known)) return sv_bool(known);
        bool real = ta == SV_FLOAT || tb == SV_FLOAT;
        naru_dtype t = real ? NARU_DOUBLE : ta == SV_BOOL && tb == SV_BOOL ? NARU_BOOL : NARU_INT64;
        return finish(k, SV_BOOL, e, comparison(k, op, scalar(k, a, t), scalar(k, b, t)), op);
    }
    if (ta == SV_BOOL && tb == SV_BOOL) {
        const op_desc *l = !strcmp(op, "__and__")   ? &op_And
                           : !strcmp(op, "__or__")  ? &op_Or
                           : !strcmp(op, "__xor__") ? &op_Xor
                                                    : NULL;
        if (l) return finish(k, SV_BOOL, e, emit2(k, l, scalar(k, a, NARU_BOOL), scalar(k, b, NARU_BOOL)), op);
    }
    static const struct {
        const char *name;
        char op;
    } exact[] = {{"add", '+'}, {"sub", '-'}, {"mul", '*'}, {"floordiv", '/'}};
    bool ints = ta != SV_FLOAT && tb != SV_FLOAT && strcmp(op, "div") != 0 && strcmp(op, "pow") != 0;
    for (size_t i = 0; ints && i < COUNT_OF(exact); i++)
        if (!strcmp(op, exact[i].name)) e = elem_apply(syms, exact[i].op, ea, eb);
    if (ints && !strcmp(op, "remainder")) {
        elem_t q = elem_apply(syms, '/', ea, eb);
        e = elem_apply(syms, '-', ea, elem_apply(syms, '*', q, eb));
    }
    if (ints && (!strcmp(op, "min") || !strcmp(op, "max")) && difference(syms, ea, eb, &d))
        e = (d < 0) == !strcmp(op, "min") ? ea : eb;
    if (e.kind == ELEM_CONST) return sv_int(e.v);
    naru_dtype t = ints ? NARU_INT64 : NARU_DOUBLE;
    bool sizes = never_negative(syms, ea) && eb.kind == ELEM_CONST && eb.v > 0;
    return finish(k, ints ? SV_INT : SV_FLOAT, e, arithmetic(k, op, scalar(k, a, t), scalar(k, b, t), t, sizes), op);
}

static const op_desc *unary_of(const char *op) {
    static const struct {
        const char *name;
        const op_desc *op;
    } table[] = {{"sqrt", &op_Sqrt}, {"exp", &op_Exp},   {"log", &op_Log}, {"sin", &op_Sin},
                 {"cos", &op_Cos},   {"tanh", &op_Tanh}, {"erf", &op_Erf}, {"fabs", &op_Abs}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (!strcmp(op, table[i].name)) return table[i].op;
    return NULL;
}

static sv apply_unary(maker *k, const char *op, sv a) {
    sv_tag is = kind_of(a);
    elem_t e = elem_of(a), none = {ELEM_UNKNOWN, 0};
    naru_dtype t = is == SV_FLOAT ? NARU_DOUBLE : NARU_INT64;
    if (!strcmp(op, "Int") || !strcmp(op, "IntImplicit"))
        return is == SV_INT ? sv_keep(a) : finish(k, SV_INT, none, scalar(k, a, NARU_INT64), op);
    if (!strcmp(op, "Float") || !strcmp(op, "FloatImplicit"))
        return is == SV_FLOAT ? sv_keep(a) : finish(k, SV_FLOAT, none, scalar(k, a, NARU_DOUBLE), op);
    if (!strcmp(op, "Bool")) return is == SV_BOOL ? sv_keep(a) : finish(k, SV_BOOL, none, scalar(k, a, NARU_BOOL), op);
    if (!strcmp(op, "ScalarImplicit") || !strcmp(op, "Scalar")) return sv_keep(a);
    if (!strcmp(op, "__not__")) return finish(k, SV_BOOL, none, emit1(k, &op_Not, scalar(k, a, NARU_BOOL)), op);
    if (!strcmp(op, "neg")) return finish(k, is, none, emit1(k, &op_Neg, scalar(k, a, t)), op);
    if (!strcmp(op, "abs"))
        return never_negative(k->r->g->syms, e) ? sv_keep(a)
                                                : finish(k, is, none, emit1(k, &op_Abs, scalar(k, a, t)), op);
    bool up = !strcmp(op, "ceil"), down = !strcmp(op, "floor");
    if ((up || down || !strcmp(op, "trunc")) && is == SV_INT) return sv_keep(a);
    if (up || down)
        return finish(k, SV_INT, none,
                      to_type(k, emit1(k, up ? &op_Ceil : &op_Floor, scalar(k, a, NARU_DOUBLE)), NARU_INT64), op);
    if (!strcmp(op, "round")) return finish(k, SV_FLOAT, none, emit1(k, &op_Round, scalar(k, a, NARU_DOUBLE)), op);
    if (unary_of(op)) return finish(k, SV_FLOAT, none, emit1(k, unary_of(op), scalar(k, a, NARU_DOUBLE)), op);
    return finish(k, SV_INT, none, NULL, op);
}

/* Python's range: how many, and the i-th. */
static sv apply_range(maker *k, lower *L, const char *op, const sv *a) {
    if (!strcmp(op, "__derive_index")) return sv_keep(s_add(L, a[1], s_mul(L, a[0], a[2])));
    if (a[2].tag != SV_INT || a[2].i == 0) return finish(k, SV_INT, (elem_t){ELEM_UNKNOWN, 0}, NULL, op);
    int64_t step = a[2].i, size = step > 0 ? step : -step;
    sv span = step > 0 ? s_sub(L, a[1], a[0]) : s_sub(L, a[0], a[1]);
    if (size > 1) span = s_floordiv(L, s_add(L, span, sv_int(size - 1)), sv_int(size));
    return sv_keep(elem_of(span).kind == ELEM_DIM ? span : s_max(L, span, sv_int(0)));
}

/* ---- by the operators on tensors ---- */
typedef struct tensor_form {
    const char *name;
    int args;
    bool ints; /* of ints; else of floats, which ints become */
    lower_fn fn;
} tensor_form;

static const tensor_form *tensor_form_of(const char *op, int n, const sv *args) {
    static const tensor_form table[] = {{"__and__", 2, true, aten_bitwise_and},
                                        {"__or__", 2, true, aten_bitwise_or},
                                        {"__xor__", 2, true, aten_bitwise_xor},
                                        {"__lshift__", 2, true, aten_left_shift},
                                        {"__rshift__", 2, true, aten_right_shift},
                                        {"floordiv", 2, false, aten_floor_divide},
                                        {"remainder", 2, false, aten_remainder},
                                        {"fmod", 2, false, aten_fmod},
                                        {"atan2", 2, false, aten_atan2},
                                        {"copysign", 2, false, aten_copysign},
                                        {"tan", 1, false, aten_tan},
                                        {"asin", 1, false, aten_asin},
                                        {"acos", 1, false, aten_acos},
                                        {"atan", 1, false, aten_atan},
                                        {"sinh", 1, false, aten_sinh},
                                        {"cosh", 1, false, aten_cosh},
                                        {"asinh", 1, false, aten_asinh},
                                        {"acosh", 1, false, aten_acosh},
                                        {"atanh", 1, false, aten_atanh},
                                        {"log10", 1, false, aten_log10},
                                        {"log2", 1, false, aten_log2},
                                        {"log1p", 1, false, aten_log1p},
                                        {"expm1", 1, false, aten_expm1},
                                        {"erfc", 1, false, aten_erfc},
                                        {"lgamma", 1, false, aten_lgamma},
                                        {"degrees", 1, false, aten_rad2deg},
                                        {"radians", 1, false, aten_deg2rad},
                                        {"isnan", 1, false, aten_isnan},
                                        {"isinf", 1, false, aten_isinf},
                                        {"isfinite", 1, false, aten_isfinite}};
    bool real = false;
    for (int i = 0; i < n; i++) real = real || kind_of(args[i]) == SV_FLOAT;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const tensor_form *f = &table[i];
        bool python_ints = f->args == 2 && !real && (f->fn == aten_floor_divide || f->fn == aten_remainder);
        if (strcmp(op, f->name) == 0 && n == f->args && !(f->ints && real) && !python_ints) return f;
    }
    return NULL;
}

static sv apply_tensor_form(lower *L, const tensor_form *f, const sv *args) {
    sv in[2], out;
    for (int i = 0; i < f->args; i++) {
        sten *t = scalar_tensor(L, args[i], f->ints ? NARU_INT64 : NARU_DOUBLE);
        in[i] = t ? sv_of(t) : sv_none();
    }
    lower_call(L, f->fn, f->args, in, 1, &out);
    out = lower_ok(L) ? item(L, sv_tensor(out)) : (sv){.tag = SV_UNINIT};
    return sv_keep(out);
}

/* Euclid's rounds on |a| and |b|, while b is not zero. */
static void gcd_round(lower *L, void *user, sten *i, sten **state, sten **kept, sten **more) {
    sten *zero = lit_int(L, 0), *done = EMIT(Equal, state[1], zero);
    sten *by = EMIT(Where, done, lit_int(L, 1), state[1]), *rest = EMIT(Mod, state[0], by);
    state[0] = EMIT(Where, done, state[0], state[1]);
    state[1] = EMIT(Where, done, zero, rest);
    *more = EMIT(Not, EMIT(Equal, state[1], zero));
}

static sv apply_gcd(lower *L, const sv *args) {
    sten *state[2];
    for (int i = 0; i < 2; i++) state[i] = EMIT(Abs, scalar_tensor(L, args[i], NARU_INT64));
    lower_repeat(L, sv_none(), 2, state, gcd_round, NULL, NULL);
    return sv_keep(item(L, state[0]));
}

sv record_apply(lower *L, const char *op, int n, const sv *args) {
    if (!strcmp(op, "gcd") && n == 2) return apply_gcd(L, args);
    maker k = {L->vm->sink_user, L->err, false};
    const tensor_form *f = tensor_form_of(op, n, args);
    bool bools = n == 2 && kind_of(args[0]) == SV_BOOL && kind_of(args[1]) == SV_BOOL;
    if (f && !bools) {
        sv made = apply_tensor_form(L, f, args);
        return made.tag == SV_UNINIT ? sv_int(1) : made;
    }
    sv out = n == 1                   ? apply_unary(&k, op, args[0])
             : n == 2                 ? apply_binary(&k, op, args[0], args[1])
             : n == 3 && op[0] == '_' ? apply_range(&k, L, op, args)
                                      : finish(&k, SV_INT, (elem_t){ELEM_UNKNOWN, 0}, NULL, op);
    if (out.tag == SV_UNINIT && L->st == NARU_OK) L->st = rec_no_value(L->err);
    return out.tag == SV_UNINIT ? sv_int(1) : out;
}

bool record_need(lower *L, sv sym, sv *known) {
    recording *r = L->vm->sink_user;
    ssym *s = (ssym *)sym.o;
    if (s->is == SV_INT && s->elem.kind == ELEM_CONST) return *known = sv_int(s->elem.v), true;
    const value *v = s->v;
    if (v && v->constant && !v->is_input && tensor_is_aligned(v->constant)) {
        const void *p = v->constant->data;
        *known = s->is == SV_BOOL    ? sv_bool(*(bool *)p)
                 : s->is == SV_FLOAT ? sv_float(*(double *)p)
                                     : sv_int(*(int64_t *)p);
        return true;
    }
    if (L->st == NARU_OK) {
        str t = {0};
        if (s->elem.kind == ELEM_DIM) sym_print(r->g->syms, s->elem.v, &t);
        L->st = rec_obstacle(r, L->err, "%s must be a known number%s%s",
                             L->op ? L->op->schema->name : "an operator's argument",
                             t.len ? ", it is " : ", it depends on data", str_text(&t));
        str_free(&t);
    }
    return false;
}
