/* SPDX-License-Identifier: MIT
 *
 * Dense linear algebra on small matrices of doubles, row after row: factorizations, solving, spectra. Callers give all
 * memory; nothing here fails but by its result.
 */
#ifndef SCRIPT_ATEN_MATRIX_H
#define SCRIPT_ATEN_MATRIX_H

#include <complex.h>
#include <stdbool.h>
#include <stdint.h>

/* P A = L U with row exchanges: a [m, n] becomes L (unit diagonal, below) and U; pivot[min(m, n)]: the row that was
 * exchanged with row i. Returns 1 + the first i whose pivot is 0, or 0. */
int64_t mx_lu(int64_t m, int64_t n, double *a, int64_t *pivot, bool exchange);
/* b [n, k] becomes the solution of A X = B, or of A' X = B. */
void mx_lu_solve(int64_t n, const double *lu, const int64_t *pivot, int64_t k, double *b, bool transposed);
/* Triangular solve; unit: the diagonal counts as ones. */
void mx_solve_triangle(int64_t n, const double *a, bool upper, bool unit, bool transposed, int64_t k, double *b);
/* a symmetric (lower half read) becomes L with L L' = A; returns the order of the first minor that is not positive, 0.
 */
int64_t mx_cholesky(int64_t n, double *a);
/* a [m, n] becomes R (upper; below zeroed); q [m, k] the first k columns of Q, k <= m, or NULL. work [m + n]. The signs
 * are LAPACK's. */
void mx_qr(int64_t m, int64_t n, double *a, int64_t k, double *q, double *work);
/* a symmetric: eigenvalues ascending in w, eigenvectors as columns of v; a is destroyed. */
void mx_eigh(int64_t n, double *a, double *w, double *v);
/* a [m, n], m >= n, becomes the first n columns of U; s [n] falling; v [n, n]. */
void mx_svd(int64_t m, int64_t n, double *a, double *s, double *v);
/* Columns [have, total) of u [m, total] made orthonormal to those before. */
void mx_complete(int64_t m, int64_t have, int64_t total, double *u);
/* Eigenvalues of a general matrix in w, eigenvectors as columns of v (of norm 1) when not NULL; a, work [n, n] are
 * destroyed. False: it did not converge. */
bool mx_eig(int64_t n, double complex *a, double complex *w, double complex *v, double complex *work);
/* c [m, n] = a [m, k] b [k, n] */
void mx_multiply(int64_t m, int64_t k, int64_t n, const double *a, const double *b, double *c);
void mx_transpose(int64_t m, int64_t n, const double *a, double *out);
void mx_identity(int64_t n, double *a);

#endif
