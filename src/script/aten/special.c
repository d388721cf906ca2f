/* SPDX-License-Identifier: MIT
 *
 * See special.h. Accuracy is a few units of 1e-15 relative where the function is not near a zero.
 */
#include "script/aten/special.h"

#include <math.h>

double sf_lgamma(double x) {
    int sign;
    if (x == -INFINITY) return INFINITY;
    return lgamma_r(x, &sign);
}

/* ---- digamma and its derivatives ---- */
/* Bernoulli numbers B2, B4, ... */
static const double bernoulli[] = {1.0 / 6,       -1.0 / 30,       1.0 / 42,       -1.0 / 30,
                                   5.0 / 66,      -691.0 / 2730,   7.0 / 6,        -3617.0 / 510,
                                   43867.0 / 798, -174611.0 / 330, 854513.0 / 138, -236364091.0 / 2730};
enum { NBERNOULLI = sizeof bernoulli / sizeof *bernoulli };

double sf_digamma(double x) {
    if (x == 0) return copysign(INFINITY, -x);
    if (isnan(x) || x == INFINITY) return x;
    if (x < 0) {
        double whole, frac = modf(x, &whole);
        if (frac == 0 || isinf(x)) return NAN;
        return sf_digamma(1 - x) - M_PI / tan(M_PI * frac);
    }
    double shift = 0;
    for (; x < 10; x += 1) shift -= 1 / x;
    double y = 1 / (x * x), power = y, s = 0;
    for (int k = 0; k < 8; k++, power *= y) s += bernoulli[k] / (2 * (k + 1)) * power;
    return shift + log(x) - 0.5 / x - s;
}

/* sum over k of (q + k)^-s: the first terms, then Euler and Maclaurin. */
double sf_zeta(double s, double q) {
    if (isnan(s) || isnan(q)) return NAN;
    if (s == 1) return INFINITY;
    if (s < 1) return NAN;
    if (q <= 0) {
        if (q == floor(q)) return INFINITY;
        if (s != floor(s)) return NAN;
    }
    double sum = 0;
    int terms = 12;
    for (; terms > 0 || q < 9; q += 1, terms--) {
        double t = pow(q, -s);
        sum += t;
        if (fabs(t) < 1e-17 * fabs(sum)) return sum;
    }
    double w = pow(q, -s), factor = s * w / q, r = sum + q * w / (s - 1) + 0.5 * w, fact = 2;
    for (int k = 0; k < NBERNOULLI; k++) {
        double t = bernoulli[k] / fact * factor;
        r += t;
        if (fabs(t) < 1e-17 * fabs(r)) break;
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
        fact *= (2 * k + 3) * (2 * k + 4);
    }
    return r;
}

double sf_polygamma(int n, double x) {
    if (n == 0) return sf_digamma(x);
    return (n % 2 ? 1 : -1) * exp(sf_lgamma(n + 1.0)) * sf_zeta(n + 1.0, x);
}

/* ---- the error function's relatives ---- */
/* Normal quantile: a rational start (relative error under 1e-2 anywhere), then Halley steps on erfc. */
static double normal_quantile_start(double p) { /* 0 < p <= 0.5 */
    double t = sqrt(-2 * log(p));
    return -(t - (2.30753 + 0.27061 * t) / (1 + t * (0.99229 + t * 0.04481)));
}

double sf_ndtri(double p) {
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    if (!(p > 0 && p < 1)) return NAN;
    if (p > 0.5) return -sf_ndtri(1 - p);
    double x = normal_quantile_start(p);
    for (int i = 0; i < 4; i++) {
        double e = 0.5 * erfc(-x * M_SQRT1_2) / p - 1;                /* relative error */
        double u = e * p * 2.50662827463100050242 * exp(0.5 * x * x); /* a Newton step */
        x -= u / (1 + 0.5 * x * u);
    }
    return x;
}

double sf_erfinv(double y) {
    double a = fabs(y);
    if (isnan(y) || a > 1) return NAN;
    if (a == 1) return copysign(INFINITY, y);
    if (a == 0) return y;
    double x;
    if (a < 0.5) {
        double z = a * a;
        x = 0.88622692545275801365 * a * (1 + z * (0.26179938779914943654 + z * (0.14393173084921979 + z * 0.0976636)));
        for (int i = 0; i < 2; i++) {
            double u = (erf(x) - a) * 0.88622692545275801365 * exp(x * x);
            x -= u / (1 + x * u);
        }
    } else {
        x = -normal_quantile_start((1 - a) / 2) * M_SQRT1_2;
        for (int i = 0; i < 2; i++) {
            double u = -(erfc(x) - (1 - a)) * 0.88622692545275801365 * exp(x * x);
            x -= u / (1 + x * u);
        }
    }
    return copysign(x, y);
}

double sf_erfcx(double x) {
    if (isnan(x)) return x;
    if (x < 25) return x < -26.7 ? INFINITY : exp(x * x) * erfc(x);
    double f = 0; /* continued fraction */
    for (int k = 60; k > 0; k--) f = 0.5 * k / (x + f);
    return 0.56418958354775628695 / (x + f);
}

double sf_log_ndtr(double x) {
    double t = x * M_SQRT1_2;
    if (x < -1) return log(sf_erfcx(-t) / 2) - t * t;
    return log1p(-erfc(t) / 2);
}

/* ---- modified Bessel functions of the first kind ---- */
/* exp(-x) I_v(x), x >= 0, v = 0 or 1: the power series, or the asymptotic one. */
static double bessel_scaled(int v, double x) {
    if (isinf(x)) return 0;
    if (x < 30) {
        double q = x * x / 4, t = v ? x / 2 : 1, s = t;
        for (int k = 1; k < 200; k++) {
            t *= q / ((double)k * (k + v));
            s += t;
            if (t < 1e-17 * s) break;
        }
        return s * exp(-x);
    }
    double mu = 4.0 * v * v, t = 1, s = 1;
    for (int k = 1; k < 40; k++) {
        double odd = 2.0 * k - 1, next = t * -(mu - odd * odd) / (k * 8 * x);
        if (fabs(next) > fabs(t) || fabs(next) < 1e-17 * s) break;
        s += t = next;
    }
    return s / sqrt(2 * M_PI * x);
}

double sf_i0e(double x) { return isnan(x) ? x : bessel_scaled(0, fabs(x)); }
double sf_i0(double x) { return isinf(x) ? INFINITY : sf_i0e(x) * exp(fabs(x)); }
double sf_i1e(double x) { return isnan(x) ? x : copysign(bessel_scaled(1, fabs(x)), x); }
double sf_i1(double x) { return isinf(x) ? x : sf_i1e(x) * exp(fabs(x)); }

/* ---- incomplete gamma ---- */
static double gamma_prefix(double a, double x) { return exp(a * log(x) - x - sf_lgamma(a)); }

static double gamma_series(double a, double x) {
    double t = 1 / a, s = t;
    for (int k = 1; k < 20000; k++) {
        s += t *= x / (a + k);
        if (t < 1e-17 * s) break;
    }
    return s * gamma_prefix(a, x);
}

static double gamma_fraction(double a, double x) { /* upper, by Lentz's continued fraction */
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / (b == 0 ? tiny : b), h = d;
    for (int k = 1; k < 20000; k++) {
        double an = -k * (k - a);
        b += 2;
        d = an * d + b, d = 1 / (d == 0 ? tiny : d);
        c = b + an / c, c = c == 0 ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16) break;
    }
    return h * gamma_prefix(a, x);
}

double sf_igamma(double a, double x) {
    if (isnan(a) || isnan(x) || a < 0 || x < 0) return NAN;
    if (a == 0) return x > 0 ? 1 : NAN;
    if (x == 0) return 0;
    if (isinf(a)) return isinf(x) ? NAN : 0;
    if (isinf(x)) return 1;
    return x < a + 1 ? gamma_series(a, x) : 1 - gamma_fraction(a, x);
}

double sf_igammac(double a, double x) {
    if (isnan(a) || isnan(x) || a < 0 || x < 0) return NAN;
    if (a == 0) return x > 0 ? 0 : NAN;
    if (x == 0) return 1;
    if (isinf(a)) return isinf(x) ? NAN : 1;
    if (isinf(x)) return 0;
    return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}
