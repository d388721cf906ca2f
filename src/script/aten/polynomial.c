/* SPDX-License-Identifier: MIT
 *
 * Orthogonal polynomials of degree n at x, by their three-term recurrences p[k+1] = (a x + b) p[k] + c p[k-1].
 */
#include <math.h>

#include "script/aten/aten.h"
#include "script/aten/hosted.h"

typedef struct terms {
    double a, b, c;
} terms;

static double polynomial(double x, double degree, double p1, terms (*of)(int k)) {
    if (isnan(x) || !(degree >= 0)) return isnan(x) ? x : 0;
    double before = 1, p = p1;
    int n = degree > 100000 ? 100000 : (int)degree;
    if (n == 0) return 1;
    for (int k = 1; k < n; k++) {
        terms t = of(k);
        double next = (t.a * x + t.b) * p + t.c * before;
        before = p, p = next;
    }
    return p;
}

static terms chebyshev(int k) { return (terms){2, 0, -1}; }
static terms hermite(int k) { return (terms){2, 0, -2.0 * k}; }
static terms hermite_e(int k) { return (terms){1, 0, -1.0 * k}; }
static terms laguerre(int k) { return (terms){-1.0 / (k + 1), (2.0 * k + 1) / (k + 1), -1.0 * k / (k + 1)}; }
static terms legendre(int k) { return (terms){(2.0 * k + 1) / (k + 1), 0, -1.0 * k / (k + 1)}; }

static double chebyshev_t(double x, double n) { return polynomial(x, n, x, chebyshev); }
static double chebyshev_u(double x, double n) { return polynomial(x, n, 2 * x, chebyshev); }
static double chebyshev_v(double x, double n) { return polynomial(x, n, 2 * x - 1, chebyshev); }
static double chebyshev_w(double x, double n) { return polynomial(x, n, 2 * x + 1, chebyshev); }
static double hermite_h(double x, double n) { return polynomial(x, n, 2 * x, hermite); }
static double hermite_he(double x, double n) { return polynomial(x, n, x, hermite_e); }
static double laguerre_l(double x, double n) { return polynomial(x, n, 1 - x, laguerre); }
static double legendre_p(double x, double n) { return polynomial(x, n, x, legendre); }
static double shifted_t(double x, double n) { return chebyshev_t(2 * x - 1, n); }
static double shifted_u(double x, double n) { return chebyshev_u(2 * x - 1, n); }
static double shifted_v(double x, double n) { return chebyshev_v(2 * x - 1, n); }
static double shifted_w(double x, double n) { return chebyshev_w(2 * x - 1, n); }

static void at(lower *L, fn_dd f) {
    sten *x = arg_tensor(L, 0), *n = arg_tensor(L, 1);
    promote2(L, &x, &n);
    ret_tensor(L, map2(L, to_float(L, x), to_float(L, n), f));
}
#define POLYNOMIAL(name)                                                                                               \
    void aten_##name(lower *L) { at(L, name); }
POLYNOMIAL(chebyshev_t)
POLYNOMIAL(chebyshev_u)
POLYNOMIAL(chebyshev_v)
POLYNOMIAL(chebyshev_w)
POLYNOMIAL(hermite_h)
POLYNOMIAL(hermite_he)
POLYNOMIAL(laguerre_l)
POLYNOMIAL(legendre_p)
POLYNOMIAL(shifted_t)
POLYNOMIAL(shifted_u)
POLYNOMIAL(shifted_v)
POLYNOMIAL(shifted_w)
