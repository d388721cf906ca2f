/* SPDX-License-Identifier: MIT
 *
 * Short-time Fourier transforms and back. istft weighs each frame by the window, adds them where they overlap and
 * divides by the sum of squared windows.
 */
#include <math.h>

#include "script/aten/fft.h"

typedef struct frames {
    int64_t n, hop, length; /* points, step, length of the window */
    sten *window;           /* [n], real; NULL: ones */
    bool normalized, onesided;
} frames;

/* n_fft, hop_length, win_length, window from argument `at` on. */
static void read_frames(lower *L, frames *f, int at, naru_dtype d) {
    f->n = arg_int(L, at);
    f->hop = arg_int_or(L, at + 1, f->n / 4);
    f->length = arg_int_or(L, at + 2, f->n);
    f->window = arg_tensor_opt(L, at + 3);
    if (!lower_ok(L)) return;
    if (f->n <= 0 || f->n > INT32_MAX || f->hop <= 0 || f->length <= 0 || f->length > f->n) {
        lower_raise(L, "RuntimeError",
                    "stft: expected 0 < n_fft, 0 < hop_length and 0 < win_length <= n_fft, but got n_fft=%lld, "
                    "hop_length=%lld, win_length=%lld",
                    (long long)f->n, (long long)f->hop, (long long)f->length);
        return;
    }
    sten *w = f->window;
    if (w && (t_rank(L, w) != 1 || (t_dim(L, w, 0).tag == SV_INT && !t_dim_is(L, w, 0, f->length)))) {
        lower_raise(L, "RuntimeError",
                    "expected a 1D window tensor of size equal to win_length=%lld, but got window with "
                    "size %s",
                    (long long)f->length, nn_shape(L, w));
        return;
    }
    if (w && dtype_is_complex(t_dtype(L, w))) lower_fail(L, NARU_UNSUPPORTED, "a complex window");
    if (!w && f->length == f->n) return;
    if (!w) w = nn_filled(L, d, 1, sv_int(f->length));
    w = cast(L, w, d);
    int64_t left = (f->n - f->length) / 2;
    if (f->length < f->n) w = EMIT(Pad, w, lit_ints(L, (int64_t[]){left, f->n - f->length - left}, 2));
    f->window = w;
}

/* n / 2 more at each end of the last axis. */
static sten *centred(lower *L, sten *x, int64_t n, const char *mode) {
    int rank = t_rank(L, x);
    int64_t pads[2 * NARU_MAX_RANK] = {0};
    pads[rank - 1] = pads[2 * rank - 1] = n / 2;
    const char *how = strcmp(mode, "replicate") == 0 ? "edge" : strcmp(mode, "circular") == 0 ? "wrap" : mode;
    sv have = t_dim(L, x, rank - 1);
    if (lower_ok(L) && strcmp(how, "reflect") == 0 && have.tag == SV_INT && have.i <= n / 2)
        lower_raise(L, "RuntimeError",
                    "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
                    "(%lld, %lld) at dimension 2 of input %s",
                    (long long)(n / 2), (long long)(n / 2), nn_shape(L, x));
    return EMITA(Pad, ATTRS(AS("mode", how)), x, lit_ints(L, pads, 2 * rank));
}

static void stft(lower *L, bool center, const char *mode, int flags) { /* flags: normalized, onesided, return_complex */
    sten *x = arg_tensor(L, 0), *re, *im;
    naru_dtype d = nn_real_dtype(t_dtype(L, x));
    frames f = {0};
    if (!dtype_is_float(d)) d = NARU_FLOAT;
    nn_parts(L, x, &re, &im);
    read_frames(L, &f, 1, d);
    f.normalized = arg_bool(L, flags);
    f.onesided = arg_bool_or(L, flags + 1, im == NULL);
    bool as_complex = arg_bool_or(L, flags + 2, im != NULL);
    int rank = t_rank(L, x);
    if (!lower_ok(L)) return;
    if ((rank != 1 && rank != 2) || (im && f.onesided)) {
        lower_raise(L, "RuntimeError",
                    rank == 1 || rank == 2 ? "Cannot have onesided output if window or input is complex"
                                           : "stft expected a 1D or 2D tensor");
        return;
    }
    sten *part[2] = {cast(L, re, d), im};
    for (int i = 0; i < (im ? 2 : 1) && lower_ok(L); i++) {
        if (rank == 1) part[i] = view_unsqueeze(L, part[i], 0);
        if (center) part[i] = centred(L, part[i], f.n, mode);
        part[i] = view_unsqueeze(L, part[i], 2);
    }
    sten *signal = nn_concat(L, 2, im ? 2 : 1, part);
    sv have = t_dim(L, signal, 1);
    if (lower_ok(L) && have.tag == SV_INT && f.n > have.i)
        lower_raise(L, "RuntimeError", "expected 0 < n_fft < %lld, but got n_fft=%lld", (long long)have.i,
                    (long long)f.n);
    sten *y = EMITA(STFT, ATTRS(AI("onesided", f.onesided)), signal, lit_int(L, f.hop), f.window,
                    f.window ? NULL : lit_int(L, f.n));
    if (f.normalized) y = nn_times(L, y, 1 / sqrt((double)f.n));
    y = view_transpose(L, y, 1, 2); /* [batch, bins, frames, 2] */
    if (rank == 1) y = view_select(L, y, 0, sv_int(0));
    ret_tensor(L, as_complex ? fft_complex(L, y) : y);
}

void aten_stft(lower *L) { stft(L, false, "", 5); }
void aten_stft_center(lower *L) { stft(L, arg_bool(L, 5), arg_str(L, 6), 7); }

/* ---- back ---- */
/* [batch, frames, n] -> [batch, length]: frames added at their places. */
static sten *overlapped(lower *L, sten *y, const frames *f, int64_t length) {
    sten *columns = view_transpose(L, y, 1, 2);
    sten *image = EMITA(Col2Im, ATTRS(AV("strides", ((int64_t[]){1, f->hop}), 2)), columns,
                        lit_ints(L, (int64_t[]){1, length}, 2), lit_ints(L, (int64_t[]){1, f->n}, 2));
    return view_squeeze(L, image, 2, (int64_t[]){1, 2});
}

static sten *to_signal(lower *L, sten *pairs, const frames *f) { /* [batch, frames, bins, 2] -> [batch, frames, n] */
    if (f->onesided) {
        sten *y = fft_one(L, pairs, 2, f->n, FFT_INVERSE | FFT_ONESIDED);
        return view_squeeze(L, y, 1, (int64_t[]){3});
    }
    return view_select(L, fft_one(L, pairs, 2, 0, FFT_INVERSE), 3, sv_int(0));
}

static sten *squared_windows(lower *L, const frames *f, naru_dtype d, int64_t count, int64_t length) {
    sten *w = f->window ? EMIT(Mul, f->window, f->window) : nn_filled(L, d, 1, sv_int(f->n));
    sv dims[3] = {sv_int(1), sv_int(count), sv_int(f->n)};
    w = view_expand(L, view_unsqueeze(L, view_unsqueeze(L, w, 0), 0), 3, dims);
    return overlapped(L, w, f, length);
}

static void check_windows(lower *L, sten *sum) {
    if (lower_recording(L)) return;
    const double *v = host_f64(L, sum);
    double least = INFINITY;
    for (int64_t i = 0, n = host_count(sum); v && i < n; i++) least = fmin(least, fabs(v[i]));
    if (v && host_count(sum) > 0 && least <= 1e-11) lower_raise(L, "RuntimeError", "window overlap add min: %d", 1);
}

/* (self, n_fft, hop_length, win_length, window, center, normalized, onesided, length, return_complex) */
void aten_istft(lower *L) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = nn_real_dtype(t_dtype(L, x));
    frames f = {0};
    read_frames(L, &f, 1, d);
    bool center = arg_bool(L, 5), complex_out = arg_bool(L, 9);
    f.normalized = arg_bool(L, 6);
    int rank = t_rank(L, x), flat = rank;
    if (!lower_ok(L)) return;
    bool pairs_given = !dtype_is_complex(t_dtype(L, x)); /* old archives: [..., 2] */
    sten *pairs = pairs_given ? x : view_complex(L, x, false);
    if (pairs_given) flat = rank - 1;
    if ((flat != 2 && flat != 3) || complex_out) {
        if (complex_out) lower_fail(L, NARU_UNSUPPORTED, "istft to a complex signal");
        lower_raise(L, "RuntimeError", "istft(...): expected a tensor with 2 or 3 dimensions, but got %d", flat);
        return;
    }
    if (flat == 2) pairs = view_unsqueeze(L, pairs, 0);
    int64_t bins = t_dim_int(L, pairs, 1), count = t_dim_int(L, pairs, 2);
    f.onesided = arg_bool_or(L, 7, bins != f.n);
    if (lower_ok(L) && bins != (f.onesided ? f.n / 2 + 1 : f.n))
        lower_raise(
            L, "RuntimeError",
            "istft(...): expected the frequency dimension (3rd to the last) of the input tensor to match n_fft / "
            "2 + 1 when onesided=True, but got %lld",
            (long long)bins);
    if (lower_ok(L) && f.hop > INT32_MAX) lower_raise(L, "RuntimeError", "istft(...): hop_length is out of range");
    if (!lower_ok(L)) return;
    int64_t whole = f.n + f.hop * (count - 1), start = center ? f.n / 2 : 0, end = center ? whole - f.n / 2 : whole;
    int64_t given = arg_int_or(L, 8, -1);
    if (given >= 0) end = start + i64_min(given, INT32_MAX);
    pairs = view_permute(L, pairs, (int64_t[]){0, 2, 1, 3});
    if (f.normalized) pairs = nn_times(L, pairs, sqrt((double)f.n));
    sten *y = to_signal(L, pairs, &f);
    if (f.window) y = EMIT(Mul, y, f.window);
    int64_t stop = i64_min(end, whole);
    y = view_slice(L, overlapped(L, y, &f, whole), 1, sv_int(start), sv_int(stop), 1);
    sten *sum = view_slice(L, squared_windows(L, &f, d, count, whole), 1, sv_int(start), sv_int(stop), 1);
    check_windows(L, sum);
    y = EMIT(Div, y, sum);
    if (end > whole) y = EMIT(Pad, y, lit_ints(L, (int64_t[]){0, 0, 0, end - whole}, 4));
    ret_tensor(L, flat == 2 ? view_select(L, y, 0, sv_int(0)) : y);
}
