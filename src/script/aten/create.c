/* SPDX-License-Identifier: MIT
 *
 * New tensors: filled ones, ranges, identity, triangles of indices, and tensors from numbers and lists. Memory is
 * always fresh. What is known when the operator runs becomes a constant while recording.
 */
#include "script/aten/shape_util.h"

#include <math.h>
#include <string.h>

/* ---- filled ---- */
static naru_dtype dtype_of_number(sv v) {
    if (v.tag == SV_BOOL) return NARU_BOOL;
    if (v.tag == SV_INT) return NARU_INT64;
    return v.tag == SV_COMPLEX ? NARU_COMPLEX64 : NARU_FLOAT;
}

/* `first`: where the sizes are. Default type: of tensor argument 0 when sizes come second. */
static void ret_filled(lower *L, int first, sv v, naru_dtype d) {
    sv s[NARU_MAX_RANK];
    if (first == 1) d = t_dtype(L, arg_tensor(L, 0));
    int n = arg_sints(L, first, s);
    ret_tensor(L, filled(L, dtype_named(L, d), n, s, v));
}
void aten_zeros(lower *L) { /* also empty: zeros are as good */
    sv s[NARU_MAX_RANK];
    int n = arg_sints(L, 0, s);
    for (int i = 0; i < n; i++)
        if (s_known(s[i]) && s[i].i < 0) lower_raise(L, "RuntimeError", "zeros: Dimension size must be non-negative.");
    ret_filled(L, 0, sv_int(0), NARU_FLOAT);
}
void aten_ones(lower *L) { ret_filled(L, 0, sv_int(1), NARU_FLOAT); }
void aten_new_zeros(lower *L) { ret_filled(L, 1, sv_int(0), NARU_FLOAT); }
void aten_new_ones(lower *L) { ret_filled(L, 1, sv_int(1), NARU_FLOAT); }
void aten_new_full(lower *L) { ret_filled(L, 1, arg_scalar(L, 2), NARU_FLOAT); }
void aten_full(lower *L) {
    sv v = arg_scalar(L, 1);
    naru_dtype d = v.tag == SV_SYM ? t_dtype(L, scalar_tensor(L, v, NARU_UNDEFINED)) : dtype_of_number(v);
    ret_filled(L, 0, v, d == NARU_DOUBLE ? NARU_FLOAT : d);
}

static void ret_like(lower *L, sv v) {
    sten *t = arg_tensor(L, 0);
    sv s[NARU_MAX_RANK], format = arg_named(L, "memory_format");
    int n = sizes_of(L, t, s);
    sten *out = filled(L, dtype_named(L, t_dtype(L, t)), n, s, v);
    ret_tensor(L, format.tag == SV_INT && format.i > 1 ? in_format(L, out, (int)format.i, false) : out);
}
void aten_zeros_like(lower *L) { ret_like(L, sv_int(0)); }
void aten_ones_like(lower *L) { ret_like(L, sv_int(1)); }
void aten_full_like(lower *L) { ret_like(L, arg_scalar(L, 1)); }

static void ret_strided(lower *L, int first, naru_dtype d) {
    int64_t dims[NARU_MAX_RANK], strides[NARU_MAX_RANK], last = 0;
    int n = arg_ints(L, first, dims), m = arg_ints(L, first + 1, strides);
    if (lower_ok(L) && n != m) lower_raise(L, "RuntimeError", "dimensionality of sizes and strides differ");
    for (int i = 0; lower_ok(L) && i < n; i++) {
        int64_t reach;
        bool fits = dims[i] >= 0 && strides[i] >= 0 && i64_mul(dims[i] ? dims[i] - 1 : 0, strides[i], &reach) &&
                    i64_add(last, reach, &last) && last < INT64_MAX;
        if (!fits) lower_raise(L, "RuntimeError", "sizes and strides of an empty tensor are out of range");
    }
    sv count = sv_int(lower_ok(L) ? last + 1 : 0);
    sten *memory = filled(L, dtype_named(L, d), 1, &count, sv_int(0));
    ret_tensor(L, view_strided(L, memory, n, dims, strides, 0));
}
void aten_empty_strided(lower *L) { ret_strided(L, 0, NARU_FLOAT); }
void aten_new_empty_strided(lower *L) { ret_strided(L, 1, t_dtype(L, arg_tensor(L, 0))); }

/* ---- constants made here ---- */
sten *constant_f64(lower *L, naru_dtype d, int rank, const int64_t *dims, const double *v) {
    naru_tensor *t = NULL, *c = NULL;
    if (!lower_ok(L)) return NULL;
    L->st = tensor_new(NARU_DOUBLE, rank, dims, &t, L->err);
    if (!lower_ok(L)) return NULL;
    memcpy(t->data, v, tensor_bytes(t));
    if (d == NARU_DOUBLE) return lit_tensor(L, t);
    L->st = naru_tensor_cast(t, d, &c, L->err);
    tensor_unref(t);
    return lower_ok(L) ? lit_tensor(L, c) : NULL;
}

static sten *constant_i64(lower *L, naru_dtype d, int rank, const int64_t *dims, const int64_t *v) {
    naru_tensor *t = NULL, *c = NULL;
    if (!lower_ok(L)) return NULL;
    L->st = tensor_new(NARU_INT64, rank, dims, &t, L->err);
    if (!lower_ok(L)) return NULL;
    memcpy(t->data, v, tensor_bytes(t));
    if (d == NARU_INT64) return lit_tensor(L, t);
    L->st = naru_tensor_cast(t, d, &c, L->err);
    tensor_unref(t);
    return lower_ok(L) ? lit_tensor(L, c) : NULL;
}

static void *numbers_new(lower *L, int64_t n) {
    void *p = lower_ok(L) && n >= 0 ? arena_calloc(L->arena, (size_t)n + 1, sizeof(int64_t)) : NULL;
    if (!p) lower_fail(L, NARU_OUT_OF_MEMORY, "no memory for %lld numbers", (long long)n);
    return p;
}

/* ---- ranges ---- */
static double number(sv v) { return v.tag == SV_FLOAT ? v.f : v.tag == SV_BOOL ? v.b : (double)v.i; }
static bool integral(sv v) { return v.tag == SV_INT || v.tag == SV_BOOL; }

static naru_dtype range_type(lower *L, const sv *v) { /* all integers: int64 */
    bool ints = true;
    for (int i = 0; i < 3; i++) {
        if (v[i].tag == SV_SYM) ints = ints && dtype_is_int(t_dtype(L, scalar_tensor(L, v[i], NARU_UNDEFINED)));
        else ints = ints && integral(v[i]);
    }
    return ints ? NARU_INT64 : NARU_FLOAT;
}

static sten *range_of_unknown(lower *L, const sv *v, naru_dtype d) {
    naru_dtype in = dtype_is_int(d) ? NARU_INT64 : d;
    sten *s[3];
    for (int i = 0; i < 3; i++) s[i] = scalar_tensor(L, v[i], in);
    return cast(L, EMIT(Range, s[0], s[1], s[2]), d);
}

static int64_t range_count(lower *L, const sv *v, bool inclusive) {
    double from = number(v[0]), to = number(v[1]), step = number(v[2]);
    if (step == 0) lower_raise(L, "RuntimeError", "step must be nonzero");
    if (!isfinite(from) || !isfinite(to)) lower_raise(L, "RuntimeError", "unsupported range: %g -> %g", from, to);
    if ((step > 0 && to < from) || (step < 0 && to > from) || isnan(step))
        lower_raise(L, "RuntimeError", "upper bound and lower bound inconsistent with step sign");
    if (!lower_ok(L)) return 0;
    if (!inclusive && integral(v[0]) && integral(v[1]) && integral(v[2])) { /* exactly */
        __int128 a = v[0].tag == SV_BOOL ? v[0].b : v[0].i, b = v[1].tag == SV_BOOL ? v[1].b : v[1].i;
        __int128 s = v[2].tag == SV_BOOL ? v[2].b : v[2].i, n = s > 0 ? (b - a + s - 1) / s : (a - b - s - 1) / -s;
        if (n < INT64_MAX) return (int64_t)n;
    }
    double n = inclusive ? floor((to - from) / step) + 1 : ceil((to - from) / step);
    if (n > 0x1p60) lower_fail(L, NARU_OUT_OF_MEMORY, "a range of %g numbers", n);
    return lower_ok(L) ? (int64_t)n : 0;
}

static void ret_range(lower *L, const sv *v, naru_dtype d, bool inclusive) {
    if (!lower_ok(L)) return;
    if (v[0].tag == SV_COMPLEX || v[1].tag == SV_COMPLEX || v[2].tag == SV_COMPLEX) {
        lower_raise(L, "RuntimeError", "ranges of complex numbers are not supported");
        return;
    }
    if (v[0].tag == SV_SYM || v[1].tag == SV_SYM || v[2].tag == SV_SYM) {
        ret_tensor(L, range_of_unknown(L, v, d));
        return;
    }
    int64_t n = range_count(L, v, inclusive);
    if (integral(v[0]) && integral(v[2])) {
        int64_t *x = numbers_new(L, n), from = (int64_t)number(v[0]), step = (int64_t)number(v[2]);
        if (v[0].tag == SV_INT) from = v[0].i;
        if (v[2].tag == SV_INT) step = v[2].i;
        for (int64_t i = 0; x && i < n; i++) x[i] = (int64_t)((uint64_t)from + (uint64_t)i * (uint64_t)step);
        ret_tensor(L, x ? constant_i64(L, d, 1, &n, x) : NULL);
        return;
    }
    bool whole = dtype_is_int(d); /* start and step become integers first */
    double *x = numbers_new(L, n), from = number(v[0]), step = number(v[2]);
    if (whole) from = trunc(from), step = trunc(step);
    for (int64_t i = 0; x && i < n; i++) x[i] = from + (double)i * step;
    ret_tensor(L, x ? constant_f64(L, d, 1, &n, x) : NULL);
}

void aten_arange(lower *L) {
    sv v[3] = {sv_int(0), arg_scalar(L, 0), sv_int(1)};
    ret_range(L, v, dtype_named(L, range_type(L, v)), false);
}
void aten_arange_start(lower *L) {
    sv v[3] = {arg_scalar(L, 0), arg_scalar(L, 1), sv_int(1)};
    ret_range(L, v, dtype_named(L, range_type(L, v)), false);
}
void aten_arange_step(lower *L) {
    sv v[3] = {arg_scalar(L, 0), arg_scalar(L, 1), arg_scalar(L, 2)};
    ret_range(L, v, dtype_named(L, range_type(L, v)), false);
}
void aten_range(lower *L) {
    sv v[3] = {arg_scalar(L, 0), arg_scalar(L, 1), sv_int(1)};
    ret_range(L, v, dtype_named(L, NARU_FLOAT), true);
}
void aten_range_step(lower *L) {
    sv v[3] = {arg_scalar(L, 0), arg_scalar(L, 1), arg_scalar(L, 2)};
    ret_range(L, v, dtype_named(L, NARU_FLOAT), true);
}

void aten__dim_arange(lower *L) {
    sten *t = arg_tensor(L, 0);
    sv v[3] = {sv_int(0), t_dim(L, t, arg_axis(L, 1, t_rank(L, t))), sv_int(1)};
    ret_range(L, v, NARU_INT64, false);
}

/* From both ends towards the middle, so that the ends are exact. */
static void ret_linspace(lower *L, double base, naru_dtype d) {
    double from = arg_float(L, 0), to = arg_float(L, 1);
    int64_t n = arg_int(L, 2);
    if (lower_ok(L) && n < 0) lower_raise(L, "RuntimeError", "number of steps must be non-negative");
    double *x = numbers_new(L, n), step = n > 1 ? (to - from) / (double)(n - 1) : 0;
    for (int64_t i = 0; x && i < n; i++) {
        x[i] = i < n / 2 || n == 1 ? from + step * (double)i : to - step * (double)(n - 1 - i);
        if (base != 0) x[i] = pow(base, x[i]);
    }
    ret_tensor(L, x ? constant_f64(L, d, 1, &n, x) : NULL);
}
void aten_linspace(lower *L) { ret_linspace(L, 0, dtype_named(L, NARU_FLOAT)); }
void aten_logspace(lower *L) { ret_linspace(L, arg_float(L, 3), dtype_named(L, NARU_FLOAT)); }

/* ---- matrices ---- */
static void ret_eye(lower *L, sv n, sv m) {
    naru_dtype d = dtype_named(L, NARU_FLOAT);
    if (s_known(n) && n.i < 0)
        lower_raise(L, "RuntimeError", "n must be greater or equal to 0, got %lld", (long long)n.i);
    if (s_known(m) && m.i < 0)
        lower_raise(L, "RuntimeError", "m must be greater or equal to 0, got %lld", (long long)m.i);
    naru_dtype made = dtype_is_complex(d) ? NARU_FLOAT : d;
    ret_tensor(L, cast(L, EMITA(EyeLike, ATTRS(AI("k", 0)), filled(L, made, 2, (sv[]){n, m}, sv_int(0))), d));
}
void aten_eye(lower *L) { ret_eye(L, arg_sint(L, 0), arg_sint(L, 0)); }
void aten_eye_m(lower *L) { ret_eye(L, arg_sint(L, 0), arg_sint(L, 1)); }

static bool in_triangle(int64_t i, int64_t j, int64_t offset, bool upper) {
    return upper ? j - i >= offset : j - i <= offset;
}

static void ret_triangle(lower *L, bool upper) {
    int64_t rows = arg_int(L, 0), cols = arg_int(L, 1), offset = arg_int(L, 2), n = 0, all = 0;
    if (lower_ok(L) && (rows < 0 || cols < 0)) lower_raise(L, "RuntimeError", "row and col must be non-negative");
    if (lower_ok(L) && (!i64_mul(rows, cols, &all) || all > INT64_MAX / 2))
        lower_fail(L, NARU_OUT_OF_MEMORY, "too many indices");
    int64_t *v = lower_ok(L) ? numbers_new(L, 2 * all) : NULL;
    for (int pass = 0; v && all && pass < 2; pass++) { /* counting, then writing */
        int64_t k = 0;
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++) {
                if (!in_triangle(i, j, offset, upper)) continue;
                if (pass) v[k] = i, v[n + k] = j;
                k++;
            }
        n = k;
    }
    ret_tensor(L, v ? constant_i64(L, dtype_named(L, NARU_INT64), 2, (int64_t[]){2, n}, v) : NULL);
}
void aten_tril_indices(lower *L) { ret_triangle(L, false); }
void aten_triu_indices(lower *L) { ret_triangle(L, true); }

/* Powers of x along a new last axis; N columns, rising or falling. */
static void ret_vander(lower *L, sv columns, bool increasing) {
    sten *x = arg_tensor(L, 0);
    int rank = t_rank(L, x);
    if (lower_ok(L) && rank < 1) lower_raise(L, "RuntimeError", "x must be at least one-dimensional");
    if (dtype_is_complex(t_dtype(L, x))) lower_raise(L, "RuntimeError", "vander of complex numbers is not supported");
    if (!dtype_is_float(t_dtype(L, x))) x = cast(L, x, NARU_INT64);
    sv n = columns.tag == SV_NONE ? t_dim(L, x, -1) : columns;
    if (lower_ok(L) && s_known(n) && n.i < 0) lower_raise(L, "RuntimeError", "N must be non-negative.");
    sten *zero = lit_int(L, 0), *one = lit_int(L, 1), *least = lit_int(L, -1), *to = scalar_tensor(L, n, NARU_INT64);
    sten *powers = increasing ? EMIT(Range, zero, to, one) : EMIT(Range, EMIT(Add, to, least), least, least);
    ret_tensor(L, EMIT(Pow, view_unsqueeze(L, x, rank), cast(L, powers, t_dtype(L, x))));
}
void aten_vander(lower *L) { ret_vander(L, arg(L, 1), arg_bool(L, 2)); }
void aten_linalg_vander(lower *L) { ret_vander(L, arg(L, 1), true); }

/* ---- complex ---- */
static sten *complex_of(lower *L, sten *re, sten *im) {
    sv s[NARU_MAX_RANK];
    int n = broadcast_sizes(L, 2, (sten *[]){re, im}, s);
    sten *parts[] = {view_expand(L, re, n, s), view_expand(L, im, n, s)};
    return view_complex(L, stacked(L, 2, parts, n), true);
}

static bool float_pair(lower *L, sten *a, sten *b) {
    naru_dtype x = t_dtype(L, a), y = t_dtype(L, b);
    if (!lower_ok(L)) return false;
    if (x != NARU_FLOAT && x != NARU_DOUBLE)
        lower_raise(L, "NotImplementedError", "Expected both inputs to be Half, Float or Double tensors");
    else if (x != y) lower_raise(L, "RuntimeError", "Expected both tensors to have the same scalar type");
    return lower_ok(L);
}

void aten_complex(lower *L) {
    sten *re = arg_tensor(L, 0), *im = arg_tensor(L, 1);
    if (float_pair(L, re, im)) ret_tensor(L, complex_of(L, re, im));
}
void aten_polar(lower *L) {
    sten *r = arg_tensor(L, 0), *angle = arg_tensor(L, 1);
    if (!float_pair(L, r, angle)) return;
    ret_tensor(L, complex_of(L, EMIT(Mul, r, EMIT(Cos, angle)), EMIT(Mul, r, EMIT(Sin, angle))));
}

/* ---- from numbers and lists ---- */
void aten_scalar_tensor(lower *L) { ret_tensor(L, scalar_tensor(L, arg_scalar(L, 0), dtype_named(L, NARU_FLOAT))); }

typedef struct leaves {
    lower *L;
    int rank;
    int64_t dims[NARU_MAX_RANK], count, at;
    sv *items;
} leaves;

static bool measure(leaves *v, sv list) { /* the first item at each level tells the size */
    v->rank = 0;
    v->count = 1;
    for (sv x = list; x.tag == SV_LIST || x.tag == SV_TUPLE;) {
        int64_t n = x.tag == SV_LIST ? (int64_t)sv_list(x)->count : sv_tuple(x)->n;
        if (v->rank == NARU_MAX_RANK || !i64_mul(v->count, n, &v->count)) return false;
        v->dims[v->rank++] = n;
        if (n == 0) break;
        x = x.tag == SV_LIST ? sv_list(x)->items[0] : sv_tuple(x)->items[0];
    }
    return true;
}

static bool collect(leaves *v, sv x, int level) {
    if (level == v->rank) {
        if (x.tag == SV_TENSOR) x = item(v->L, sv_tensor(x));
        v->items[v->at++] = x;
        return x.tag != SV_LIST && x.tag != SV_TUPLE;
    }
    if (x.tag != SV_LIST && x.tag != SV_TUPLE) return false;
    int64_t n = x.tag == SV_LIST ? (int64_t)sv_list(x)->count : sv_tuple(x)->n;
    const sv *items = x.tag == SV_LIST ? sv_list(x)->items : sv_tuple(x)->items;
    bool same = n == v->dims[level];
    for (int64_t i = 0; same && i < n; i++) same = collect(v, items[i], level + 1);
    return same;
}

static naru_dtype list_type(lower *L, const leaves *v, sv list) {
    if (v->count > 0 && v->rank > 0) {
        naru_dtype d = NARU_BOOL;
        for (int64_t i = 0; i < v->count; i++) {
            sv x = v->items[i];
            d = promote_dtypes(d,
                               x.tag == SV_SYM ? t_dtype(L, scalar_tensor(L, x, NARU_UNDEFINED)) : dtype_of_number(x));
        }
        return d == NARU_DOUBLE ? NARU_FLOAT : d;
    }
    const stype *t = list.tag == SV_LIST ? sv_list(list)->elem : NULL;
    while (t && t->kind == ST_LIST) t = t->args[0];
    if (!t) return NARU_FLOAT;
    return t->kind == ST_INT       ? NARU_INT64
           : t->kind == ST_BOOL    ? NARU_BOOL
           : t->kind == ST_COMPLEX ? NARU_COMPLEX64
                                   : NARU_FLOAT;
}

static sten *from_unknown(lower *L, const leaves *v, naru_dtype d) { /* some numbers are symbolic */
    sten **t = pieces_new(L, v->count);
    for (int64_t i = 0; t && i < v->count; i++) t[i] = view_unsqueeze(L, scalar_tensor(L, v->items[i], d), 0);
    sv s[NARU_MAX_RANK];
    for (int i = 0; i < v->rank; i++) s[i] = sv_int(v->dims[i]);
    return t ? reshaped(L, concat(L, (int)v->count, t, 0), v->rank, s) : NULL;
}

static sten *from_complex(lower *L, const leaves *v, naru_dtype d) {
    double *x = numbers_new(L, 2 * v->count);
    int64_t dims[NARU_MAX_RANK + 1];
    if (!x || v->rank >= NARU_MAX_RANK) return NULL;
    for (int64_t i = 0; i < v->count; i++) {
        sv c = v->items[i];
        x[2 * i] = c.tag == SV_COMPLEX ? ((scomplex *)c.o)->re : number(c);
        x[2 * i + 1] = c.tag == SV_COMPLEX ? ((scomplex *)c.o)->im : 0;
    }
    memcpy(dims, v->dims, sizeof v->dims);
    dims[v->rank] = 2;
    return view_complex(L, constant_f64(L, d == NARU_COMPLEX128 ? NARU_DOUBLE : NARU_FLOAT, v->rank + 1, dims, x),
                        true);
}

static sten *from_leaves(lower *L, const leaves *v, naru_dtype d) {
    bool ints = true, unknown = false;
    for (int64_t i = 0; i < v->count; i++) {
        ints = ints && integral(v->items[i]);
        unknown = unknown || v->items[i].tag == SV_SYM;
    }
    if (unknown) return from_unknown(L, v, d);
    if (dtype_is_complex(d)) return from_complex(L, v, d);
    int64_t *x = numbers_new(L, v->count);
    for (int64_t i = 0; x && i < v->count; i++) {
        sv n = v->items[i];
        double f = number(n);
        if (ints) x[i] = n.tag == SV_BOOL ? n.b : n.i;
        else memcpy(&x[i], &f, sizeof f);
    }
    if (!x) return NULL;
    return ints ? constant_i64(L, d, v->rank, v->dims, x) : constant_f64(L, d, v->rank, v->dims, (double *)x);
}

static sten *tensor_of_value(lower *L, sv data, naru_dtype d) {
    if (!lower_ok(L)) return NULL;
    if (data.tag != SV_LIST && data.tag != SV_TUPLE) return scalar_tensor(L, data, d);
    leaves v = {.L = L};
    if (!measure(&v, data)) return lower_fail(L, NARU_LIMIT, "a list nested too deep"), NULL;
    v.items = numbers_new(L, v.count * 2); /* sv: two words */
    if (!v.items) return NULL;
    if (v.count > 0 && !collect(&v, data, 0) && lower_ok(L))
        lower_raise(L, "ValueError", "expected sequence of equal lengths at every level of the list");
    if (!lower_ok(L)) return NULL;
    for (int64_t i = 0; i < v.count; i++) {
        sv_tag tag = v.items[i].tag;
        if (tag == SV_INT || tag == SV_FLOAT || tag == SV_BOOL || tag == SV_COMPLEX || tag == SV_SYM) continue;
        lower_raise(L, "RuntimeError", "Input must be of ints, floats, or bools, got %s", sv_tag_name(tag));
        return NULL;
    }
    return from_leaves(L, &v, d != NARU_UNDEFINED ? d : list_type(L, &v, data));
}

/* torch.tensor and torch.as_tensor: numbers and nested lists; as_tensor of a tensor is that tensor or its cast. */
void aten_tensor(lower *L) { ret_tensor(L, tensor_of_value(L, arg(L, 0), dtype_named(L, NARU_UNDEFINED))); }
void aten_as_tensor(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_tensor(L, cast(L, t, dtype_named(L, t_dtype(L, t))));
}
void aten__list_to_tensor(lower *L) { ret_tensor(L, tensor_of_value(L, arg(L, 0), NARU_INT32)); }
