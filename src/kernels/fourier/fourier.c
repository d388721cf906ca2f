/* SPDX-License-Identifier: MIT
 *
 * Fast Fourier transforms (fourier.h).
 */
#include "kernels/fourier/fourier.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_RADIX = 13 };

static int radix_of(int64_t n) { /* 4 first, then the smallest prime; 0: none small */
    if (n % 4 == 0) return 4;
    for (int r = 2; r <= MAX_RADIX; r++)
        if (n % r == 0) return r;
    return 0;
}

static bool is_smooth(int64_t n) {
    while (n > 1) {
        int r = radix_of(n);
        if (!r) return false;
        n /= r;
    }
    return true;
}

static int64_t chirp_length(int64_t n) { /* power of two that holds the convolution */
    int64_t m = 1;
    while (m < 2 * n - 1) m *= 2;
    return m;
}

/* Tables: w[k] = exp(2 pi i k / n). With a chirp: w of m, the chirp c[k] = exp(pi i k^2 / n), the transform of it. */
int64_t k_fft_table_size(int64_t n) { return is_smooth(n) ? 2 * n : 4 * chirp_length(n) + 2 * n; }
int64_t k_fft_scratch_size(int64_t n) { return is_smooth(n) ? 2 * n : 4 * chirp_length(n); }

static void unit_circle(int64_t n, double *w) {
    for (int64_t k = 0; k < n; k++) {
        double a = 2 * 3.14159265358979323846 * (double)k / (double)n;
        w[2 * k] = cos(a);
        w[2 * k + 1] = sin(a);
    }
}

/* ---- mixed radix: one stage takes x of (length / r) r s to y ---- */
typedef struct stage {
    int64_t n, s, all; /* length left, stride, whole length */
    double sign;
    const double *w;
} stage;

static void times(double *y, double re, double im, const double *w, double sign) {
    y[0] = re * w[0] - im * sign * w[1];
    y[1] = re * sign * w[1] + im * w[0];
}

static void radix2(const stage *g, const double *x, double *y) {
    int64_t m = g->n / 2, s = g->s;
    for (int64_t p = 0; p < m; p++)
        for (int64_t q = 0; q < s; q++) {
            const double *a = x + 2 * (q + s * p), *b = a + 2 * s * m;
            double *d = y + 2 * (q + s * 2 * p);
            d[0] = a[0] + b[0];
            d[1] = a[1] + b[1];
            times(d + 2 * s, a[0] - b[0], a[1] - b[1], g->w + 2 * p * s, g->sign);
        }
}

static void radix4(const stage *g, const double *x, double *y) {
    int64_t m = g->n / 4, s = g->s;
    for (int64_t p = 0; p < m; p++) {
        const double *w1 = g->w + 2 * p * s, *w2 = g->w + 4 * p * s, *w3 = g->w + 6 * p * s;
        for (int64_t q = 0; q < s; q++) {
            const double *a = x + 2 * (q + s * p), *b = a + 2 * s * m, *c = b + 2 * s * m, *e = c + 2 * s * m;
            double *d = y + 2 * (q + s * 4 * p);
            double ar = a[0] + c[0], ai = a[1] + c[1], br = a[0] - c[0], bi = a[1] - c[1];
            double cr = b[0] + e[0], ci = b[1] + e[1];
            double dr = -g->sign * (b[1] - e[1]), di = g->sign * (b[0] - e[0]); /* sign i (b - e) */
            d[0] = ar + cr;
            d[1] = ai + ci;
            times(d + 2 * s, br + dr, bi + di, w1, g->sign);
            times(d + 4 * s, ar - cr, ai - ci, w2, g->sign);
            times(d + 6 * s, br - dr, bi - di, w3, g->sign);
        }
    }
}

static void radix_any(const stage *g, int r, const double *x, double *y) {
    int64_t m = g->n / r, s = g->s, turn = g->all / r;
    for (int64_t p = 0; p < m; p++)
        for (int64_t q = 0; q < s; q++)
            for (int j = 0; j < r; j++) {
                double re = 0, im = 0;
                for (int k = 0; k < r; k++) {
                    const double *a = x + 2 * (q + s * (p + m * k)), *w = g->w + 2 * (j * k % r) * turn;
                    re += a[0] * w[0] - a[1] * g->sign * w[1];
                    im += a[0] * g->sign * w[1] + a[1] * w[0];
                }
                times(y + 2 * (q + s * (r * p + j)), re, im, g->w + 2 * p * j * s, g->sign);
            }
}

static void mixed(int64_t n, int sign, const double *w, double *x, double *scratch) {
    stage g = {.n = n, .s = 1, .all = n, .sign = sign, .w = w};
    double *from = x, *to = scratch;
    while (g.n > 1) {
        int r = radix_of(g.n);
        if (r == 4) radix4(&g, from, to);
        else if (r == 2) radix2(&g, from, to);
        else radix_any(&g, r, from, to);
        g.n /= r;
        g.s *= r;
        double *t = from;
        from = to, to = t;
    }
    if (from != x) memcpy(x, from, (size_t)n * 2 * sizeof *x);
}

/* ---- chirp ---- */
static const double *chirp_of(int64_t n, const double *table) { return table + 2 * chirp_length(n); }

void k_fft_make_table(int64_t n, double *table, double *scratch) {
    if (is_smooth(n)) {
        unit_circle(n, table);
        return;
    }
    int64_t m = chirp_length(n), square = 0; /* k^2 mod 2 n */
    double *chirp = table + 2 * m, *b = chirp + 2 * n;
    unit_circle(m, table);
    memset(b, 0, (size_t)m * 2 * sizeof *b);
    for (int64_t k = 0; k < n; k++) {
        double a = 3.14159265358979323846 * (double)square / (double)n;
        chirp[2 * k] = cos(a);
        chirp[2 * k + 1] = sin(a);
        square = (square + 2 * k + 1) % (2 * n);
        int64_t at[2] = {k, k ? m - k : 0};
        for (int i = 0; i < 2; i++) b[2 * at[i]] = chirp[2 * k], b[2 * at[i] + 1] = chirp[2 * k + 1];
    }
    mixed(m, -1, table, b, scratch);
}

/* Forward: with c the chirp, X[k] = conj(c[k]) sum of (x[i] conj(c[i])) c[k - i]. Inverse by conjugates. */
static void by_chirp(int64_t n, int sign, const double *table, double *x, double *scratch) {
    int64_t m = chirp_length(n);
    const double *chirp = chirp_of(n, table), *b = chirp + 2 * n;
    double *a = scratch, *rest = scratch + 2 * m, flip = sign < 0 ? 1 : -1;
    memset(a, 0, (size_t)m * 2 * sizeof *a);
    for (int64_t k = 0; k < n; k++) times(a + 2 * k, x[2 * k], flip * x[2 * k + 1], chirp + 2 * k, -1);
    mixed(m, -1, table, a, rest);
    for (int64_t k = 0; k < m; k++) times(a + 2 * k, a[2 * k], a[2 * k + 1], b + 2 * k, 1);
    mixed(m, 1, table, a, rest);
    for (int64_t k = 0; k < n; k++) {
        times(x + 2 * k, a[2 * k] / (double)m, a[2 * k + 1] / (double)m, chirp + 2 * k, -1);
        x[2 * k + 1] *= flip;
    }
}

void k_fft(int64_t n, int sign, const double *table, double *x, double *scratch) {
    if (is_smooth(n)) mixed(n, sign, table, x, scratch);
    else by_chirp(n, sign, table, x, scratch);
}
