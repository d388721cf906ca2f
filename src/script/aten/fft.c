/* SPDX-License-Identifier: MIT
 *
 * Fourier transforms: torch.fft over one, two and any number of axes, and what they are made of (_fft_c2c and kin).
 * Each axis is one DFT on pairs of real numbers. Short-time transforms are in stft.c.
 */
#include <math.h>

#include "script/aten/fft.h"

/* ---- pairs ---- */
sten *fft_pairs(lower *L, sten *x) { /* [..., 2] of a complex tensor, [..., 1] of a real one */
    naru_dtype d = t_dtype(L, x);
    if (!lower_ok(L)) return NULL;
    if (dtype_is_complex(d)) return view_complex(L, x, false);
    if (d != NARU_DOUBLE) x = cast(L, x, NARU_FLOAT);
    return view_unsqueeze(L, x, t_rank(L, x));
}

sten *fft_one(lower *L, sten *pairs, int axis, int64_t n, unsigned how) {
    if (!lower_ok(L)) return NULL;
    sten *length = n ? lit_int(L, n) : NULL;
    return EMITA(DFT, ATTRS(AI("inverse", (how & FFT_INVERSE) != 0), AI("onesided", (how & FFT_ONESIDED) != 0)), pairs,
                 length, lit_int(L, axis));
}

sten *fft_complex(lower *L, sten *pairs) { return view_complex(L, pairs, true); }

/* ---- scaling ---- */
typedef enum norm { NORM_NONE, NORM_ROOT, NORM_WHOLE } norm; /* divide by nothing, the root of n, n */

/* "backward" divides inverse transforms, "forward" forward ones, "ortho" both by the root. */
static norm read_norm(lower *L, int i, bool forward) {
    const char *s = arg_str(L, i);
    if (strcmp(s, "ortho") == 0) return NORM_ROOT;
    if (strcmp(s, "forward") == 0) return forward ? NORM_WHOLE : NORM_NONE;
    if (*s && strcmp(s, "backward") != 0) lower_raise(L, "RuntimeError", "Invalid normalization mode: \"%s\"", s);
    return forward ? NORM_NONE : NORM_WHOLE;
}

/* DFT divides inverse transforms by n already. */
static sten *scaled(lower *L, sten *pairs, norm wanted, bool inverse, double n) {
    double have = inverse ? 1 / n : 1, want = wanted == NORM_NONE ? 1 : wanted == NORM_ROOT ? 1 / sqrt(n) : 1 / n;
    return have == want || !lower_ok(L) ? pairs : nn_times(L, pairs, want / have);
}

static bool needs_length(norm wanted, bool inverse) { return wanted != (inverse ? NORM_WHOLE : NORM_NONE); }

/* ---- several axes ---- */
typedef struct axes {
    int n;
    int64_t axis[NARU_MAX_RANK], size[NARU_MAX_RANK]; /* size 0: the input's */
} axes;

static void check_size(lower *L, int64_t n) {
    if (lower_ok(L) && n < 1)
        lower_raise(L, "RuntimeError", "Invalid number of data points (%lld) specified", (long long)n);
}

static axes one_axis(lower *L, sten *x) { /* n = argument 1, dim = argument 2 */
    axes a = {.n = 1};
    a.axis[0] = arg_axis(L, 2, t_rank(L, x));
    if (lower_ok(L) && t_rank(L, x) == 0) lower_raise(L, "RuntimeError", "a transform needs an axis");
    if (!arg_none(L, 1)) check_size(L, a.size[0] = arg_int(L, 1));
    return a;
}

static axes many_axes(lower *L, sten *x) { /* s = argument 1, dim = argument 2 */
    axes a = {0};
    int64_t size[NARU_MAX_RANK];
    int rank = t_rank(L, x), sizes = arg_none(L, 1) ? -1 : arg_ints(L, 1, size);
    if (!arg_none(L, 2)) {
        a.n = arg_axes(L, 2, rank, a.axis);
    } else {
        a.n = sizes < 0 ? rank : sizes;
        if (lower_ok(L) && a.n > rank)
            lower_raise(L, "RuntimeError", "Got shape with %d values but input tensor only has %d dimensions.", a.n,
                        rank);
        for (int i = 0; i < a.n; i++) a.axis[i] = rank - a.n + i;
    }
    if (lower_ok(L) && sizes >= 0 && sizes != a.n)
        lower_raise(L, "RuntimeError", "When given, dim and shape arguments must have the same length");
    for (int i = 0; i < a.n && sizes >= 0 && lower_ok(L); i++)
        if (size[i] != -1) check_size(L, a.size[i] = size[i]);
    return a;
}

static int64_t points(lower *L, sten *pairs, const axes *a, int i) {
    return a->size[i] ? a->size[i] : t_dim_int(L, pairs, (int)a->axis[i]);
}

/* Axes [0, upto) of pairs, complex to complex. */
static sten *transform(lower *L, sten *pairs, const axes *a, int upto, norm wanted, bool inverse) {
    for (int i = 0; i < upto && lower_ok(L); i++) {
        double n = needs_length(wanted, inverse) ? (double)points(L, pairs, a, i) : 1;
        pairs = fft_one(L, pairs, (int)a->axis[i], a->size[i], inverse ? FFT_INVERSE : 0);
        pairs = scaled(L, pairs, needs_length(wanted, inverse) ? wanted : inverse ? NORM_WHOLE : NORM_NONE, inverse, n);
    }
    return pairs;
}

static sten *with_imaginary(lower *L, sten *pairs) { /* a result that is always complex, no axis transformed */
    int rank = t_rank(L, pairs) - 1;
    if (!lower_ok(L) || !t_dim_is(L, pairs, rank, 1)) return pairs;
    return nn_concat(L, rank, 2, (sten *[]){pairs, nn_times(L, pairs, 0)});
}

static void to_complex(lower *L, sten *x, const axes *a, norm wanted, bool inverse) {
    ret_tensor(L, fft_complex(L, with_imaginary(L, transform(L, fft_pairs(L, x), a, a->n, wanted, inverse))));
}

static sten *conjugate(lower *L, sten *x) {
    sten *re, *im;
    nn_parts(L, x, &re, &im);
    return im ? nn_join(L, re, EMIT(Neg, im)) : x;
}

/* Real to half a spectrum along the last axis, then complex along the others. */
static sten *from_real(lower *L, sten *x, const axes *a, norm wanted, bool inverse) {
    if (lower_ok(L) && dtype_is_complex(t_dtype(L, x)))
        lower_raise(L, "RuntimeError", "rfft expects a real input tensor, but got %s",
                    t_dtype(L, x) == NARU_COMPLEX64 ? "ComplexFloat" : "ComplexDouble");
    if (lower_ok(L) && a->n == 0) lower_raise(L, "RuntimeError", "rfftn must transform at least one axis");
    if (!lower_ok(L)) return NULL;
    sten *pairs = fft_pairs(L, x);
    int last = a->n - 1;
    double n = needs_length(wanted, false) ? (double)points(L, pairs, a, last) : 1;
    pairs = fft_one(L, pairs, (int)a->axis[last], a->size[last], FFT_ONESIDED);
    pairs = scaled(L, pairs, needs_length(wanted, false) ? wanted : NORM_NONE, false, n);
    if (inverse) pairs = fft_pairs(L, conjugate(L, fft_complex(L, pairs))); /* of a real signal: the other sign */
    return fft_complex(L, transform(L, pairs, a, last, wanted, inverse));
}

/* Complex along all axes but the last, then half a spectrum to real. */
static sten *to_real(lower *L, sten *x, const axes *a, norm wanted, bool forward) {
    if (lower_ok(L) && a->n == 0) lower_raise(L, "RuntimeError", "irfftn must transform at least one axis");
    if (!lower_ok(L)) return NULL;
    int last = a->n - 1, rank = t_rank(L, x);
    sten *pairs = transform(L, with_imaginary(L, fft_pairs(L, x)), a, last, wanted, !forward);
    if (forward) pairs = fft_pairs(L, conjugate(L, fft_complex(L, pairs)));
    int64_t n = a->size[last] ? a->size[last] : 2 * (t_dim_int(L, pairs, (int)a->axis[last]) - 1);
    check_size(L, n);
    pairs = fft_one(L, pairs, (int)a->axis[last], n, FFT_INVERSE | FFT_ONESIDED);
    return view_squeeze(L, scaled(L, pairs, wanted, true, (double)n), 1, (int64_t[]){rank});
}

/* ---- torch.fft ---- */
#define TRANSFORM(name, read, call)                                                                                    \
    void aten_##name(lower *L) {                                                                                       \
        sten *x = arg_tensor(L, 0);                                                                                    \
        axes a = read(L, x);                                                                                           \
        if (lower_ok(L)) call;                                                                                         \
    }
TRANSFORM(fft_fft, one_axis, to_complex(L, x, &a, read_norm(L, 3, true), false))
TRANSFORM(fft_ifft, one_axis, to_complex(L, x, &a, read_norm(L, 3, false), true))
TRANSFORM(fft_rfft, one_axis, ret_tensor(L, from_real(L, x, &a, read_norm(L, 3, true), false)))
TRANSFORM(fft_irfft, one_axis, ret_tensor(L, to_real(L, x, &a, read_norm(L, 3, false), false)))
TRANSFORM(fft_hfft, one_axis, ret_tensor(L, to_real(L, x, &a, read_norm(L, 3, true), true)))
TRANSFORM(fft_ihfft, one_axis, ret_tensor(L, from_real(L, x, &a, read_norm(L, 3, false), true)))
TRANSFORM(fft_fftn, many_axes, to_complex(L, x, &a, read_norm(L, 3, true), false))
TRANSFORM(fft_ifftn, many_axes, to_complex(L, x, &a, read_norm(L, 3, false), true))
TRANSFORM(fft_rfftn, many_axes, ret_tensor(L, from_real(L, x, &a, read_norm(L, 3, true), false)))
TRANSFORM(fft_irfftn, many_axes, ret_tensor(L, to_real(L, x, &a, read_norm(L, 3, false), false)))
TRANSFORM(fft_hfftn, many_axes, ret_tensor(L, to_real(L, x, &a, read_norm(L, 3, true), true)))
TRANSFORM(fft_ihfftn, many_axes, ret_tensor(L, from_real(L, x, &a, read_norm(L, 3, false), true)))

/* ---- the parts that exported programs hold: (self, dim, normalization, ...) ---- */
static axes given_axes(lower *L, sten *x, norm *n) {
    axes a = {0};
    a.n = arg_axes(L, 1, t_rank(L, x), a.axis);
    int64_t how = arg_int(L, 2);
    *n = how == 1 ? NORM_ROOT : how == 2 ? NORM_WHOLE : NORM_NONE;
    return a;
}

void aten__fft_c2c(lower *L) {
    sten *x = arg_tensor(L, 0);
    norm n;
    axes a = given_axes(L, x, &n);
    to_complex(L, x, &a, n, !arg_bool(L, 3));
}

void aten__fft_r2c(lower *L) {
    sten *x = arg_tensor(L, 0);
    norm n;
    axes a = given_axes(L, x, &n);
    if (arg_bool(L, 3)) ret_tensor(L, from_real(L, x, &a, n, false));
    else to_complex(L, x, &a, n, false);
}

void aten__fft_c2r(lower *L) {
    sten *x = arg_tensor(L, 0);
    norm n;
    axes a = given_axes(L, x, &n);
    if (a.n) a.size[a.n - 1] = arg_int(L, 3);
    ret_tensor(L, to_real(L, x, &a, n, false));
}

/* ---- moving the zero frequency ---- */
static void shift(lower *L, bool back) {
    sten *x = arg_tensor(L, 0);
    int rank = t_rank(L, x), n = rank;
    int64_t axis[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) axis[i] = i;
    if (!arg_none(L, 1)) n = arg_axes(L, 1, rank, axis);
    for (int i = 0; i < n && lower_ok(L); i++) {
        int d = (int)axis[i];
        sv size = t_dim(L, x, d), half = s_floordiv(L, size, sv_int(2)), cut = back ? half : s_sub(L, size, half);
        sten *part[2] = {view_slice(L, x, d, cut, size, 1), view_slice(L, x, d, sv_int(0), cut, 1)};
        x = nn_concat(L, d, 2, part);
    }
    ret_tensor(L, x);
}

void aten_fft_fftshift(lower *L) { shift(L, false); }
void aten_fft_ifftshift(lower *L) { shift(L, true); }

/* ---- frequencies ---- */
static void frequencies(lower *L, bool half) {
    int64_t n = arg_int(L, 0), count = half ? n / 2 + 1 : n;
    double d = arg_float(L, 1);
    naru_dtype type_ = arg_dtype(L, 2, NARU_FLOAT);
    if (!lower_ok(L)) return;
    if (n < 1 || n > 1 << 28) {
        lower_raise(L, "RuntimeError", "n must be a positive number, got %lld", (long long)n);
        return;
    }
    double *v = host_scratch(L, (size_t)count * sizeof *v);
    if (!v) return;
    for (int64_t i = 0; i < count; i++) v[i] = (double)(half || i < (n + 1) / 2 ? i : i - n) / ((double)n * d);
    ret_tensor(L, nn_constant(L, type_, 1, &count, v));
}

void aten_fft_fftfreq(lower *L) { frequencies(L, false); }
void aten_fft_rfftfreq(lower *L) { frequencies(L, true); }

/* ---- parts of complex numbers ---- */
void aten_real(lower *L) {
    sten *x = arg_tensor(L, 0), *re, *im;
    nn_parts(L, x, &re, &im);
    ret_tensor(L, re);
}

void aten_imag(lower *L) {
    sten *x = arg_tensor(L, 0), *re, *im;
    nn_parts(L, x, &re, &im);
    if (lower_ok(L) && !im)
        lower_raise(L, "RuntimeError", "imag is not implemented for tensors with non-complex dtypes.");
    ret_tensor(L, im);
}

void aten_conj(lower *L) { ret_tensor(L, conjugate(L, arg_tensor(L, 0))); }

/* pi for negative numbers, NaN for NaN; of complex ones by the host. */
void aten_angle(lower *L) {
    sten *x = to_float(L, arg_tensor(L, 0));
    naru_dtype d = t_dtype(L, x);
    if (!lower_ok(L)) return;
    if (!dtype_is_complex(d)) {
        sten *pi = EMIT(Where, EMIT(Less, x, lit(L, d, 0)), lit(L, d, 3.14159265358979323846), lit(L, d, 0));
        ret_tensor(L, EMIT(Where, EMIT(IsNaN, x), x, pi));
        return;
    }
    if (!eager_only(L)) return;
    sten *re, *im;
    nn_parts(L, x, &re, &im);
    int64_t n = host_count(x), dims[NARU_MAX_RANK];
    nn_dims_int(L, x, dims);
    const double *a = host_f64(L, re), *b = host_f64(L, im);
    double *v = host_scratch(L, ((size_t)n + 1) * sizeof *v);
    for (int64_t i = 0; lower_ok(L) && i < n; i++) v[i] = atan2(b[i], a[i]);
    ret_tensor(L, lower_ok(L) ? host_from_f64(L, nn_real_dtype(d), t_rank(L, x), dims, v) : NULL);
}
