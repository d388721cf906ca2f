/* SPDX-License-Identifier: MIT
 *
 * Special functions in double that the C library lacks, by series, continued fractions and recurrences.
 */
#ifndef SCRIPT_ATEN_SPECIAL_H
#define SCRIPT_ATEN_SPECIAL_H

double sf_digamma(double x);
double sf_polygamma(int n, double x); /* n >= 0 */
double sf_zeta(double s, double q);   /* Hurwitz, s > 1 */
double sf_erfinv(double y);
double sf_erfcx(double x); /* exp(x^2) erfc(x) */
double sf_ndtri(double p); /* inverse of the normal distribution function */
double sf_log_ndtr(double x);
double sf_i0(double x); /* modified Bessel functions; e: times exp(-|x|) */
double sf_i0e(double x);
double sf_i1(double x);
double sf_i1e(double x);
double sf_igamma(double a, double x); /* regularised lower incomplete gamma */
double sf_igammac(double a, double x);
double sf_lgamma(double x); /* log |gamma|, thread-safe */

#endif
