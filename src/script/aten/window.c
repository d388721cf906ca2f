/* SPDX-License-Identifier: MIT
 *
 * Window functions: hann, hamming, blackman, bartlett, kaiser. A periodic window of n is the first n of one of n + 1.
 */
#include "script/aten/shape_util.h"

#include <math.h>

typedef double (*window_fn)(double x, double a, double b); /* x in [0, 1] */

static double cosine(double x, double a, double b) { return a - b * cos(2 * M_PI * x); }
static double blackman(double x, double a, double b) {
    return 0.42 - 0.5 * cos(2 * M_PI * x) + 0.08 * cos(4 * M_PI * x);
}
static double bartlett(double x, double a, double b) { return 1 - fabs(2 * x - 1); }
static double bessel_i0(double x) { /* the series: all terms positive */
    double sum = 1, term = 1;
    for (int k = 1; k < 500 && term > sum * 1e-17; k++) {
        term *= (x / 2 / k) * (x / 2 / k);
        sum += term;
    }
    return sum;
}
static double kaiser(double x, double beta, double b) {
    double r = 2 * x - 1;
    return bessel_i0(beta * sqrt(fmax(0, 1 - r * r))) / bessel_i0(beta);
}

static void ret_window(lower *L, window_fn f, bool periodic, double a, double b) {
    int64_t n = arg_int(L, 0);
    naru_dtype d = dtype_named(L, NARU_FLOAT);
    if (lower_ok(L) && n < 0) lower_raise(L, "RuntimeError", "window functions require a non-negative window_length");
    if (lower_ok(L) && !dtype_is_float(d))
        lower_raise(L, "RuntimeError", "window functions expect floating point dtypes");
    double *x = lower_ok(L) ? arena_calloc(L->arena, (size_t)n + 1, sizeof *x) : NULL;
    if (!x) {
        lower_fail(L, NARU_OUT_OF_MEMORY, "no memory for a window of %lld", (long long)n);
        return;
    }
    double span = (double)(periodic ? n : n - 1);
    for (int64_t i = 0; i < n; i++) x[i] = n == 1 ? 1 : f((double)i / span, a, b);
    ret_tensor(L, constant_f64(L, d, 1, &n, x));
}

/* The parameters that an overload does not have keep their defaults. */
static bool periodic(lower *L) {
    int i = arg_at(L, "periodic");
    return i < 0 || arg_bool(L, i);
}
static double parameter(lower *L, const char *name, double none) {
    int i = arg_at(L, name);
    return i < 0 ? none : arg_float(L, i);
}

void aten_hann_window(lower *L) { ret_window(L, cosine, periodic(L), 0.5, 0.5); }
void aten_hamming_window(lower *L) {
    ret_window(L, cosine, periodic(L), parameter(L, "alpha", 0.54), parameter(L, "beta", 0.46));
}
void aten_blackman_window(lower *L) { ret_window(L, blackman, periodic(L), 0, 0); }
void aten_bartlett_window(lower *L) { ret_window(L, bartlett, periodic(L), 0, 0); }
void aten_kaiser_window(lower *L) { ret_window(L, kaiser, periodic(L), parameter(L, "beta", 12), 0); }
