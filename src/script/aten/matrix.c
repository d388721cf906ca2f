/* SPDX-License-Identifier: MIT
 *
 * Dense linear algebra (matrix.h): LU, Cholesky and Householder by the book, symmetric spectra and singular values by
 * Jacobi rotations, general spectra by shifted QR steps on a complex Hessenberg matrix.
 */
#include "script/aten/matrix.h"

#include <float.h>
#include <math.h>
#include <string.h>

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

void mx_identity(int64_t n, double *a) {
    memset(a, 0, (size_t)(n * n) * sizeof *a);
    for (int64_t i = 0; i < n; i++) a[i * n + i] = 1;
}

void mx_transpose(int64_t m, int64_t n, const double *a, double *out) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) out[j * m + i] = a[i * n + j];
}

void mx_multiply(int64_t m, int64_t k, int64_t n, const double *a, const double *b, double *c) {
    memset(c, 0, (size_t)(m * n) * sizeof *c);
    for (int64_t i = 0; i < m; i++)
        for (int64_t p = 0; p < k; p++)
            for (int64_t j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
}

/* ---- LU ---- */
static void exchange_rows(int64_t n, double *a, int64_t i, int64_t j) {
    for (int64_t k = 0; i != j && k < n; k++) {
        double t = a[i * n + k];
        a[i * n + k] = a[j * n + k];
        a[j * n + k] = t;
    }
}

int64_t mx_lu(int64_t m, int64_t n, double *a, int64_t *pivot, bool exchange) {
    int64_t singular = 0;
    for (int64_t i = 0; i < smaller(m, n); i++) {
        int64_t best = i;
        for (int64_t r = i + 1; exchange && r < m; r++)
            if (fabs(a[r * n + i]) > fabs(a[best * n + i])) best = r;
        pivot[i] = best;
        exchange_rows(n, a, i, best);
        double d = a[i * n + i];
        if (d == 0) {
            if (!singular) singular = i + 1;
            continue;
        }
        for (int64_t r = i + 1; r < m; r++) {
            double f = a[r * n + i] /= d;
            for (int64_t k = i + 1; f != 0 && k < n; k++) a[r * n + k] -= f * a[i * n + k];
        }
    }
    return singular;
}

void mx_solve_triangle(int64_t n, const double *a, bool upper, bool unit, bool transposed, int64_t k, double *b) {
    bool up = upper != transposed; /* the last row is solved first */
    for (int64_t step = 0; step < n; step++) {
        int64_t i = up ? n - 1 - step : step;
        for (int64_t j = up ? i + 1 : 0; j < (up ? n : i); j++) {
            double f = transposed ? a[j * n + i] : a[i * n + j];
            for (int64_t c = 0; f != 0 && c < k; c++) b[i * k + c] -= f * b[j * k + c];
        }
        for (int64_t c = 0; !unit && c < k; c++) b[i * k + c] /= a[i * n + i];
    }
}

void mx_lu_solve(int64_t n, const double *lu, const int64_t *pivot, int64_t k, double *b, bool transposed) {
    if (!transposed)
        for (int64_t i = 0; i < n; i++) exchange_rows(k, b, i, pivot[i]);
    mx_solve_triangle(n, lu, transposed, !transposed, transposed, k, b);
    mx_solve_triangle(n, lu, !transposed, transposed, transposed, k, b);
    if (transposed)
        for (int64_t i = n - 1; i >= 0; i--) exchange_rows(k, b, i, pivot[i]);
}

/* ---- Cholesky ---- */
int64_t mx_cholesky(int64_t n, double *a) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (int64_t k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
            if (i == j) {
                if (!(sum > 0)) return i + 1;
                a[i * n + i] = sqrt(sum);
                for (int64_t k = i + 1; k < n; k++) a[i * n + k] = 0;
            } else {
                a[i * n + j] = sum / a[j * n + j];
            }
        }
    return 0;
}

/* ---- QR ---- */
/* The reflection I - t v v' that makes x[1..n) zero, v[0] = 1 stored from x[1] on; x[0] becomes what it maps to. */
static double reflection(int64_t n, double *x, int64_t step) {
    double rest = 0, alpha = x[0];
    for (int64_t i = 1; i < n; i++) rest += x[i * step] * x[i * step];
    if (rest == 0) return 0;
    double beta = -copysign(sqrt(alpha * alpha + rest), alpha);
    for (int64_t i = 1; i < n; i++) x[i * step] /= alpha - beta;
    x[0] = beta;
    return (beta - alpha) / beta;
}

/* a[rows, cols] -= t v (v' a), v = (1, tail). */
static void reflect(int64_t rows, int64_t cols, double *a, int64_t stride, const double *tail, int64_t step, double t) {
    for (int64_t c = 0; t != 0 && c < cols; c++) {
        double dot = a[c];
        for (int64_t r = 1; r < rows; r++) dot += tail[(r - 1) * step] * a[r * stride + c];
        a[c] -= t * dot;
        for (int64_t r = 1; r < rows; r++) a[r * stride + c] -= t * dot * tail[(r - 1) * step];
    }
}

void mx_qr(int64_t m, int64_t n, double *a, int64_t k, double *q, double *work) {
    int64_t steps = smaller(m, n);
    for (int64_t i = 0; i < steps; i++) {
        work[i] = reflection(m - i, a + i * n + i, n);
        if (i + 1 < n) reflect(m - i, n - i - 1, a + i * n + i + 1, n, a + (i + 1) * n + i, n, work[i]);
    }
    for (int64_t i = 0; q && i < m; i++)
        for (int64_t j = 0; j < k; j++) q[i * k + j] = i == j;
    for (int64_t i = steps - 1; q && i >= 0; i--)
        if (i < k) reflect(m - i, k - i, q + i * k + i, k, a + (i + 1) * n + i, n, work[i]);
    for (int64_t i = 1; i < m; i++)
        for (int64_t j = 0; j < smaller(i, n); j++) a[i * n + j] = 0;
}

/* ---- Jacobi rotations ---- */
typedef struct turn {
    double c, s;
} turn;

static turn turn_for(double app, double aqq, double apq) {
    double theta = (aqq - app) / (2 * apq), t = copysign(1, theta) / (fabs(theta) + sqrt(1 + theta * theta));
    double c = 1 / sqrt(1 + t * t);
    return (turn){c, t * c};
}

static void turn_columns(int64_t rows, int64_t n, double *a, int64_t p, int64_t q, turn r) {
    for (int64_t i = 0; i < rows; i++) {
        double x = a[i * n + p], y = a[i * n + q];
        a[i * n + p] = r.c * x - r.s * y;
        a[i * n + q] = r.s * x + r.c * y;
    }
}

static void turn_rows(int64_t n, double *a, int64_t p, int64_t q, turn r) {
    for (int64_t i = 0; i < n; i++) {
        double x = a[p * n + i], y = a[q * n + i];
        a[p * n + i] = r.c * x - r.s * y;
        a[q * n + i] = r.s * x + r.c * y;
    }
}

enum { MAX_SWEEPS = 60 };

static void exchange_columns(int64_t rows, int64_t n, double *a, int64_t p, int64_t q) {
    for (int64_t i = 0; i < rows; i++) {
        double t = a[i * n + p];
        a[i * n + p] = a[i * n + q];
        a[i * n + q] = t;
    }
}

void mx_eigh(int64_t n, double *a, double *w, double *v) {
    mx_identity(n, v);
    for (int sweep = 0; sweep < MAX_SWEEPS; sweep++) {
        bool still = true;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double apq = a[p * n + q], size = sqrt(fabs(a[p * n + p] * a[q * n + q]));
                if (apq == 0 || (fabs(apq) <= 1e-17 * size) || fabs(apq) < DBL_MIN) continue;
                turn r = turn_for(a[p * n + p], a[q * n + q], apq);
                turn_columns(n, n, a, p, q, r);
                turn_rows(n, a, p, q, r);
                turn_columns(n, n, v, p, q, r);
                still = false;
            }
        if (still) break;
    }
    for (int64_t i = 0; i < n; i++) w[i] = a[i * n + i];
    for (int64_t i = 0; i < n; i++) { /* ascending */
        int64_t least = i;
        for (int64_t j = i + 1; j < n; j++)
            if (w[j] < w[least]) least = j;
        double t = w[i];
        w[i] = w[least], w[least] = t;
        if (least != i) exchange_columns(n, n, v, i, least);
    }
}

static double dot_columns(int64_t m, int64_t n, const double *a, int64_t p, int64_t q) {
    double sum = 0;
    for (int64_t i = 0; i < m; i++) sum += a[i * n + p] * a[i * n + q];
    return sum;
}

void mx_complete(int64_t m, int64_t have, int64_t total, double *u) {
    for (int64_t c = have; c < total; c++) {
        for (int64_t e = 0; e < m; e++) { /* a unit vector that is far from those before */
            for (int64_t i = 0; i < m; i++) u[i * total + c] = i == e;
            for (int pass = 0; pass < 2; pass++)
                for (int64_t k = 0; k < c; k++) {
                    double d = dot_columns(m, total, u, k, c);
                    for (int64_t i = 0; i < m; i++) u[i * total + c] -= d * u[i * total + k];
                }
            double norm = sqrt(dot_columns(m, total, u, c, c));
            if (norm * norm * (double)(2 * m) < 1) continue;
            for (int64_t i = 0; i < m; i++) u[i * total + c] /= norm;
            break;
        }
    }
}

static void sort_falling(int64_t m, int64_t n, double *u, double *s, double *v) {
    for (int64_t i = 0; i < n; i++) {
        int64_t most = i;
        for (int64_t j = i + 1; j < n; j++)
            if (s[j] > s[most]) most = j;
        if (most == i) continue;
        double t = s[i];
        s[i] = s[most], s[most] = t;
        exchange_columns(m, n, u, i, most);
        exchange_columns(n, n, v, i, most);
    }
}

void mx_svd(int64_t m, int64_t n, double *a, double *s, double *v) {
    mx_identity(n, v);
    for (int sweep = 0; sweep < MAX_SWEEPS; sweep++) {
        bool still = true;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double pp = dot_columns(m, n, a, p, p), qq = dot_columns(m, n, a, q, q),
                       pq = dot_columns(m, n, a, p, q);
                if (pq == 0 || fabs(pq) <= 1e-16 * sqrt(pp * qq)) continue;
                turn r = turn_for(pp, qq, pq);
                turn_columns(m, n, a, p, q, r);
                turn_columns(n, n, v, p, q, r);
                still = false;
            }
        if (still) break;
    }
    int64_t rank = 0;
    for (int64_t i = 0; i < n; i++) s[i] = sqrt(dot_columns(m, n, a, i, i));
    sort_falling(m, n, a, s, v);
    for (; rank < n && s[rank] > s[0] * (double)m * DBL_EPSILON; rank++)
        for (int64_t i = 0; i < m; i++) a[i * n + rank] /= s[rank];
    mx_complete(m, rank, n, a);
}

/* ---- general spectra ---- */
typedef double complex cplx;

/* v (n x n, or NULL) gathers the similarity: A = V H V*. */
static void to_hessenberg(int64_t n, cplx *a, cplx *v, cplx *x) {
    for (int64_t k = 0; k + 2 < n; k++) {
        double norm = 0;
        for (int64_t i = k + 1; i < n; i++) norm += creal(a[i * n + k] * conj(a[i * n + k]));
        norm = sqrt(norm);
        if (norm == 0) continue;
        cplx first = a[(k + 1) * n + k], phase = cabs(first) == 0 ? 1 : first / cabs(first);
        for (int64_t i = k + 1; i < n; i++) x[i] = a[i * n + k];
        x[k + 1] += phase * norm;
        double size = 0;
        for (int64_t i = k + 1; i < n; i++) size += creal(x[i] * conj(x[i]));
        for (int64_t j = 0; j < n; j++) { /* (I - 2 x x* / size) A */
            cplx d = 0;
            for (int64_t i = k + 1; i < n; i++) d += conj(x[i]) * a[i * n + j];
            for (int64_t i = k + 1; i < n; i++) a[i * n + j] -= 2 / size * x[i] * d;
        }
        for (int which = 0; which < 2; which++) { /* A (I - ...), V (I - ...) */
            cplx *t = which ? v : a;
            for (int64_t r = 0; t && r < n; r++) {
                cplx d = 0;
                for (int64_t i = k + 1; i < n; i++) d += t[r * n + i] * x[i];
                for (int64_t i = k + 1; i < n; i++) t[r * n + i] -= 2 / size * d * conj(x[i]);
            }
        }
    }
}

/* The eigenvalue of the last 2 x 2 block that is nearest to its corner. */
static cplx shift_of(int64_t n, const cplx *a, int64_t hi) {
    cplx p = a[(hi - 1) * n + hi - 1], q = a[(hi - 1) * n + hi], r = a[hi * n + hi - 1], s = a[hi * n + hi];
    cplx half = (p - s) / 2, root = csqrt(half * half + q * r);
    cplx one = s + half + root, two = s + half - root;
    return cabs(one - s) < cabs(two - s) ? one : two;
}

/* One QR step with Givens rotations on rows and columns [lo, hi]. */
static void qr_step(int64_t n, cplx *a, cplx *v, int64_t lo, int64_t hi, cplx shift, cplx *rot) {
    for (int64_t i = lo; i <= hi; i++) a[i * n + i] -= shift;
    for (int64_t k = lo; k < hi; k++) {
        cplx x = a[k * n + k], y = a[(k + 1) * n + k];
        double norm = sqrt(creal(x * conj(x)) + creal(y * conj(y)));
        cplx c = norm == 0 ? 1 : x / norm, s = norm == 0 ? 0 : y / norm;
        rot[2 * k] = c, rot[2 * k + 1] = s;
        for (int64_t j = k; j < n; j++) {
            cplx p = a[k * n + j], q = a[(k + 1) * n + j];
            a[k * n + j] = conj(c) * p + conj(s) * q;
            a[(k + 1) * n + j] = c * q - s * p;
        }
    }
    for (int64_t k = lo; k < hi; k++) {
        cplx c = rot[2 * k], s = rot[2 * k + 1];
        for (int which = 0; which < 2; which++) {
            cplx *t = which ? v : a;
            int64_t rows = which ? n : k + 2 <= hi ? k + 2 : hi + 1;
            for (int64_t i = 0; t && i < rows; i++) {
                cplx p = t[i * n + k], q = t[i * n + k + 1];
                t[i * n + k] = p * c + q * s;
                t[i * n + k + 1] = q * conj(c) - p * conj(s);
            }
        }
    }
    for (int64_t i = lo; i <= hi; i++) a[i * n + i] += shift;
}

/* Eigenvectors of the triangle a, times v. */
static void back_vectors(int64_t n, const cplx *a, cplx *v, cplx *x, cplx *out) {
    double big = 0;
    for (int64_t i = 0; i < n * n; i++) big = fmax(big, cabs(a[i]));
    for (int64_t k = 0; k < n; k++) {
        for (int64_t i = n - 1; i >= 0; i--) {
            x[i] = i == k ? 1 : 0;
            if (i >= k) continue;
            cplx sum = 0, d = a[k * n + k] - a[i * n + i];
            for (int64_t j = i + 1; j <= k; j++) sum += a[i * n + j] * x[j];
            if (cabs(d) < 1e-16 * big) d = 1e-16 * big + DBL_MIN;
            x[i] = sum / d;
        }
        double norm = 0;
        for (int64_t i = 0; i < n; i++) {
            cplx sum = 0;
            for (int64_t j = 0; j <= k; j++) sum += v[i * n + j] * x[j];
            out[i * n + k] = sum;
            norm += creal(sum * conj(sum));
        }
        for (int64_t i = 0; i < n && norm > 0; i++) out[i * n + k] /= sqrt(norm);
    }
}

bool mx_eig(int64_t n, cplx *a, cplx *w, cplx *v, cplx *work) {
    for (int64_t i = 0; v && i < n * n; i++) v[i] = i / n == i % n;
    to_hessenberg(n, a, v, work);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j + 2; i < n; i++) a[i * n + j] = 0;
    int64_t hi = n - 1;
    for (int tries = 0; hi > 0;) {
        int64_t lo = hi;
        for (; lo > 0; lo--) {
            double around = cabs(a[lo * n + lo]) + cabs(a[(lo - 1) * n + lo - 1]);
            if (cabs(a[lo * n + lo - 1]) > DBL_EPSILON * (around > 0 ? around : 1)) continue;
            a[lo * n + lo - 1] = 0;
            break;
        }
        if (lo == hi) {
            hi--;
            tries = 0;
            continue;
        }
        if (++tries > 200) return false;
        cplx shift = tries % 11 == 10 ? a[hi * n + hi] + cabs(a[hi * n + hi - 1]) : shift_of(n, a, hi);
        qr_step(n, a, v, lo, hi, shift, work);
    }
    for (int64_t i = 0; i < n; i++) w[i] = a[i * n + i];
    if (!v) return true;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j + 1; i < n; i++) a[i * n + j] = 0;
    back_vectors(n, a, v, w, work); /* w as scratch */
    for (int64_t i = 0; i < n * n; i++) v[i] = work[i];
    for (int64_t i = 0; i < n; i++) w[i] = a[i * n + i];
    return true;
}
