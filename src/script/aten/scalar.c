/* SPDX-License-Identifier: MIT
 *
 * Arithmetic, comparison and conversion of numbers. One function serves all overloads of an operator: the values' own
 * types say what is meant (a bool counts as an int). Integers wrap; what PyTorch leaves to the processor is defined.
 */
#include <complex.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "script/aten/number.h"

/* ---- arithmetic ---- */
#define ARITHMETIC(name, ints, reals_, complexes_)                                                                     \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        int64_t i, j;                                                                                                  \
        double x, y;                                                                                                   \
        double complex z, w;                                                                                           \
        if (num_ints(a, &i, &j)) return *out = sv_int(ints), true;                                                     \
        if (num_reals(a, &x, &y)) return *out = sv_float(reals_), true;                                                \
        return num_complexes(a, &z, &w) && num_put(out, complexes_);                                                   \
    }                                                                                                                  \
    SIMPLE(name)
ARITHMETIC(num_add, (int64_t)((uint64_t)i + (uint64_t)j), x + y, z + w)
ARITHMETIC(num_sub, (int64_t)((uint64_t)i - (uint64_t)j), x - y, z - w)
ARITHMETIC(num_mul, (int64_t)((uint64_t)i *(uint64_t)j), x *y, z *w)

bool fast_num_div(const sv *a, sv *out) { /* always a float or complex */
    double x, y;
    double complex z, w;
    if (num_reals(a, &x, &y)) return *out = sv_float(x / y), true;
    return num_complexes(a, &z, &w) && num_put(out, z / w);
}
SIMPLE(num_div)

static int64_t floor_div(int64_t i, int64_t j) {
    if (j == -1) return (int64_t)(0 - (uint64_t)i);
    return i / j - (i % j != 0 && (i < 0) != (j < 0));
}
static double real_mod(double x, double y) { return fmod(y + fmod(x, y), y); }

static void divide(lower *L, fast_fn f, const char *why) {
    if (host_try(L, f) || !lower_ok(L)) return;
    lower_raise(L, "RuntimeError", "%s", why);
}

bool fast_num_floordiv(const sv *a, sv *out) {
    int64_t i, j;
    double x, y;
    if (num_ints(a, &i, &j)) return j != 0 && (*out = sv_int(floor_div(i, j)), true);
    return num_reals(a, &x, &y) && (*out = sv_float(floor(x / y)), true);
}
void aten_num_floordiv(lower *L) { divide(L, fast_num_floordiv, "division by 0"); }

bool fast_num_truncdiv(const sv *a, sv *out) {
    int64_t i, j;
    if (!num_ints(a, &i, &j) || j == 0) return false;
    return *out = sv_int(j == -1 ? (int64_t)(0 - (uint64_t)i) : i / j), true;
}
void aten_num_truncdiv(lower *L) { divide(L, fast_num_truncdiv, "division by 0"); }

static int64_t safe_mod(int64_t i, int64_t j) {
    int64_t r = j == -1 ? 0 : i % j;
    return r != 0 && (r < 0) != (j < 0) ? r + j : r;
}

bool fast_num_remainder(const sv *a, sv *out) {
    int64_t i, j;
    double x, y;
    if (num_ints(a, &i, &j)) return j != 0 && (*out = sv_int(safe_mod(i, j)), true);
    return num_reals(a, &x, &y) && (*out = sv_float(real_mod(x, y)), true);
}
void aten_num_remainder(lower *L) { divide(L, fast_num_remainder, "integer modulo by zero"); }

void aten_num_divmod(lower *L) {
    sv a[2] = {arg_scalar(L, 0), arg_scalar(L, 1)};
    int64_t i, j;
    double x, y;
    if (!lower_ok(L)) return;
    if (a[0].tag == SV_SYM || a[1].tag == SV_SYM) {
        ret_value(L, sv_keep(s_apply(L, "floordiv", 2, a)));
        ret_value(L, sv_keep(s_apply(L, "remainder", 2, a)));
    } else if (num_ints(a, &i, &j)) {
        if (j == 0) lower_raise(L, "RuntimeError", "ZeroDivisionError: integer division or modulo by zero");
        else ret_int(L, floor_div(i, j)), ret_int(L, safe_mod(i, j));
    } else if (num_reals(a, &x, &y)) {
        double r = fmod(x, y);
        if (r != 0 && (y < 0) != (r < 0)) r += y;
        if (y == 0) lower_raise(L, "RuntimeError", "ZeroDivisionError: float divmod()");
        else ret_float(L, (x - r) / y), ret_float(L, r);
    } else {
        lower_raise(L, "RuntimeError", "divmod(): two numbers are expected");
    }
}

bool fast_num_pow(const sv *a, sv *out) { /* of two ints too: a float */
    double x, y;
    double complex z, w;
    if (num_reals(a, &x, &y)) return !(x == 0 && y < 0) && (*out = sv_float(pow(x, y)), true);
    return num_complexes(a, &z, &w) && num_put(out, cpow(z, w));
}
void aten_num_pow(lower *L) { divide(L, fast_num_pow, "0.0 cannot be raised to a negative power"); }

static int64_t int_pow(int64_t base, int64_t e) {
    uint64_t r = 1, b = (uint64_t)base;
    for (; e > 0; e >>= 1, b *= b)
        if (e & 1) r *= b;
    return (int64_t)r;
}
bool fast_num_pow_int(const sv *a, sv *out) {
    int64_t i, j;
    if (!num_ints(a, &i, &j)) return false;
    if (j >= 0) return *out = sv_int(int_pow(i, j)), true;
    return i != 0 && (*out = sv_int(i == 1 || i == -1 ? (j % 2 ? i : 1) : 0), true);
}
void aten_num_pow_int(lower *L) { divide(L, fast_num_pow_int, "0.0 cannot be raised to a negative power"); }

bool fast_num_neg(const sv *a, sv *out) {
    double complex z;
    if (a[0].tag == SV_INT) return *out = sv_int((int64_t)(0 - (uint64_t)a[0].i)), true;
    if (a[0].tag == SV_FLOAT) return *out = sv_float(-a[0].f), true;
    if (a[0].tag == SV_BOOL) return *out = sv_int(-(int64_t)a[0].b), true;
    return num_complex(a[0], &z) && num_put(out, -z);
}
SIMPLE(num_neg)

bool fast_num_abs(const sv *a, sv *out) {
    double complex z;
    if (a[0].tag == SV_INT) return *out = sv_int(a[0].i < 0 ? (int64_t)(0 - (uint64_t)a[0].i) : a[0].i), true;
    if (a[0].tag == SV_FLOAT) return *out = sv_float(fabs(a[0].f)), true;
    if (a[0].tag == SV_BOOL) return *out = sv_int(a[0].b), true;
    return num_complex(a[0], &z) && (*out = sv_float(cabs(z)), true);
}
SIMPLE(num_abs)

#define PICK(name, op)                                                                                                 \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        int64_t i, j;                                                                                                  \
        double x, y;                                                                                                   \
        if (num_ints(a, &i, &j)) return *out = sv_int(i op j ? i : j), true;                                           \
        return num_reals(a, &x, &y) && (*out = sv_float(x op y ? x : y), true);                                        \
    }                                                                                                                  \
    SIMPLE(name)
PICK(num_min, <)
PICK(num_max, >)

/* ---- comparison ---- */
#define COMPARE(name, op)                                                                                              \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        int64_t i, j;                                                                                                  \
        double x, y;                                                                                                   \
        if (num_ints(a, &i, &j)) return *out = sv_bool(i op j), true;                                                  \
        return num_reals(a, &x, &y) && (*out = sv_bool(x op y), true);                                                 \
    }                                                                                                                  \
    SIMPLE(name)
COMPARE(num_lt, <)
COMPARE(num_gt, >)
COMPARE(num_le, <=)
COMPARE(num_ge, >=)

static bool num_equal(const sv *a, bool *same) {
    int64_t i, j;
    double x, y;
    double complex z, w;
    if (num_ints(a, &i, &j)) return *same = i == j, true;
    if (num_reals(a, &x, &y)) return *same = x == y, true;
    return num_complexes(a, &z, &w) && (*same = z == w, true);
}
bool fast_num_eq(const sv *a, sv *out) {
    bool same;
    return num_equal(a, &same) && (*out = sv_bool(same), true);
}
bool fast_num_ne(const sv *a, sv *out) {
    bool same;
    return num_equal(a, &same) && (*out = sv_bool(!same), true);
}
SIMPLE(num_eq)
SIMPLE(num_ne)

/* ---- bits and truth ---- */
#define BITS(name, op)                                                                                                 \
    bool fast_##name(const sv *a, sv *out) {                                                                           \
        int64_t i, j;                                                                                                  \
        if (a[0].tag == SV_BOOL && a[1].tag == SV_BOOL) return *out = sv_bool(a[0].b op a[1].b), true;                 \
        return num_ints(a, &i, &j) && (*out = sv_int(i op j), true);                                                   \
    }                                                                                                                  \
    SIMPLE(name)
BITS(num_and, &)
BITS(num_or, |)
BITS(num_xor, ^)

bool fast_num_lshift(const sv *a, sv *out) { /* counts are taken modulo 64, as processors do */
    int64_t i, j;
    return num_ints(a, &i, &j) && (*out = sv_int((int64_t)((uint64_t)i << (j & 63))), true);
}
bool fast_num_rshift(const sv *a, sv *out) {
    int64_t i, j;
    return num_ints(a, &i, &j) && (*out = sv_int(i >> (j & 63)), true);
}
SIMPLE(num_lshift)
SIMPLE(num_rshift)

bool fast_num_not(const sv *a, sv *out) { return a[0].tag == SV_BOOL && (*out = sv_bool(!a[0].b), true); }
SIMPLE(num_not)

/* ---- conversion ---- */
bool fast_to_bool(const sv *a, sv *out) {
    switch (a[0].tag) {
    case SV_BOOL: *out = a[0]; return true;
    case SV_INT: *out = sv_bool(a[0].i != 0); return true;
    case SV_FLOAT: *out = sv_bool(a[0].f != 0); return true;
    default: return false;
    }
}
SIMPLE(to_bool)

static int64_t truncated(double f) { return f >= -0x1p63 && f < 0x1p63 ? (int64_t)f : INT64_MIN; }

bool fast_to_int(const sv *a, sv *out) {
    switch (a[0].tag) {
    case SV_BOOL: *out = sv_int(a[0].b); return true;
    case SV_INT: *out = a[0]; return true;
    case SV_FLOAT: *out = sv_int(truncated(a[0].f)); return true;
    default: return false;
    }
}
SIMPLE(to_int)

bool fast_to_float(const sv *a, sv *out) {
    double x;
    return num_real(a[0], &x) && (*out = sv_float(x), true);
}
SIMPLE(to_float)

void aten_str_to_int(lower *L) {
    const sstr *s = host_str(L, 0);
    if (!s) return;
    char *end;
    errno = 0;
    long long v = strtoll(s->data, &end, 10);
    if (end == s->data || errno == ERANGE) lower_raise(L, "RuntimeError", "stoll");
    else if (*end || end != s->data + s->len)
        lower_raise(L, "RuntimeError", "invalid literal for int() with base 10: '%s'", s->data);
    else ret_int(L, v);
}

void aten_str_to_float(lower *L) {
    const sstr *s = host_str(L, 0);
    if (!s) return;
    const char *text = s->data + strspn(s->data, " \t\n\v\f\r");
    size_t n = strlen(text);
    double v = 0;
    char *copy = host_scratch(L, n + 1);
    if (!copy) return;
    memcpy(copy, text, n + 1);
    if (str_parse_double(copy, &v)) {
        if (isinf(v) && !strpbrk(copy, "iI")) lower_raise(L, "RuntimeError", "stod"); /* too large */
        else ret_float(L, v);
        return;
    }
    while (n > 0 && !str_parse_double(copy, &v)) copy[--n] = 0; /* does a number begin it? */
    if (n) lower_raise(L, "RuntimeError", "could not convert string to float: '%s'", s->data);
    else lower_raise(L, "RuntimeError", "stod");
}

bool fast_to_complex(const sv *a, sv *out) { /* complex(x, y); parts may be complex themselves: x + y*1j */
    double x, y;
    return num_real(a[0], &x) && num_real(a[1], &y) && num_put(out, CMPLX(x, y));
}
void aten_to_complex(lower *L) {
    sv a[2] = {arg_scalar(L, 0), sv_int(0)}, out;
    double complex z;
    if (L->op->schema->nparams > 1) a[1] = arg_scalar(L, 1);
    if (!lower_ok(L)) return;
    if (L->op->schema->nparams == 1 && num_complex(a[0], &z)) ret_value(L, sv_complex(creal(z), cimag(z)));
    else if (fast_to_complex(a, &out)) ret_value(L, out);
    else lower_raise(L, "RuntimeError", "complex(): numbers are expected");
}
