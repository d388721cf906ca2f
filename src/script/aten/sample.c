/* SPDX-License-Identifier: MIT
 *
 * Random numbers that depend on a tensor of parameters and need loops: poisson, binomial, gamma, dirichlet. Gamma after
 * Marsaglia and Tsang; binomial and poisson of large parameters are cut by the order statistics of uniform numbers
 * until they are small.
 */
#include "script/aten/shape_util.h"

#include <math.h>

static double gamma_number(lower *L, double shape) {
    if (shape <= 0) return 0;
    if (shape < 1) return gamma_number(L, shape + 1) * pow(1 - host_random(L), 1 / shape);
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = host_normal(L), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (log(1 - host_random(L)) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

static double binomial_number(lower *L, double n, double p) {
    double sum = 0;
    while (n > 30 && p > 0 && p < 1) { /* the a-th smallest of n uniform numbers lies at x */
        double a = floor(n / 2) + 1, b = n + 1 - a, g = gamma_number(L, a), x = g / (g + gamma_number(L, b));
        if (x >= p) n = a - 1, p /= x;
        else sum += a, n = b - 1, p = (p - x) / (1 - x);
    }
    for (double i = 0; i < n; i++) sum += host_random(L) < p;
    return sum;
}

static double poisson_number(lower *L, double rate) {
    double sum = 0;
    while (rate > 30) { /* the m-th arrival comes at x */
        double m = floor(rate * 7 / 8), x = gamma_number(L, m);
        if (x > rate) return sum + binomial_number(L, m - 1, rate / x);
        sum += m;
        rate -= x;
    }
    double left = exp(-rate), k = -1;
    for (double product = 1; product > left; k++) product *= 1 - host_random(L);
    return sum + fmax(k, 0);
}

typedef double (*number_fn)(lower *L, double a, double b);
static double poisson2(lower *L, double a, double b) { return poisson_number(L, a); }
static double gamma2(lower *L, double a, double b) { return gamma_number(L, a); }

/* f of each element of a and b, which are broadcast; the type is a's. */
static sten *each(lower *L, number_fn f, sten *a, sten *b, double least, double most) {
    sv s[NARU_MAX_RANK];
    int n = broadcast_sizes(L, 2, (sten *[]){a, b}, s);
    if (!eager_only(L)) return NULL;
    sten *x = view_expand(L, a, n, s);
    const double *va = host_f64(L, x), *vb = host_f64(L, view_expand(L, b, n, s));
    double *out = host_scratch(L, (size_t)host_count(x) * sizeof *out);
    if (!va || !vb || !out) return NULL;
    for (int64_t i = 0; i < host_count(x); i++) {
        if (!(va[i] >= 0) || isinf(va[i]) || !(vb[i] >= least && vb[i] <= most)) {
            lower_raise(L, "RuntimeError", "%s: a parameter is out of range", L->op->schema->name);
            return NULL;
        }
        out[i] = f(L, va[i], vb[i]);
    }
    return host_from_f64(L, t_dtype(L, a), n, host_dims(x), out);
}

void aten_poisson(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_tensor(L, each(L, poisson2, t, t, -INFINITY, INFINITY));
}
void aten_binomial(lower *L) { ret_tensor(L, each(L, binomial_number, arg_tensor(L, 0), arg_tensor(L, 1), 0, 1)); }
void aten__standard_gamma(lower *L) {
    sten *t = arg_tensor(L, 0);
    ret_tensor(L, each(L, gamma2, t, t, -INFINITY, INFINITY));
}
void aten__sample_dirichlet(lower *L) {
    sten *t = arg_tensor(L, 0), *g = each(L, gamma2, t, t, -INFINITY, INFINITY);
    sten *sum = EMITA(ReduceSum, ATTRS(AI("keepdims", 1)), g, lit_ints(L, (int64_t[]){-1}, 1));
    ret_tensor(L, EMIT(Div, g, sum));
}
