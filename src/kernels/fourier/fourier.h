/* SPDX-License-Identifier: MIT
 *
 * Fast Fourier transforms of any length in double: lengths whose prime factors are small by mixed radix (Stockham, no
 * bit reversal), others by Bluestein's chirp, a convolution of a power of two. The caller gives all memory.
 */
#ifndef KERNELS_FOURIER_FOURIER_H
#define KERNELS_FOURIER_FOURIER_H

#include <stddef.h>
#include <stdint.h>

/* Doubles of the table (shared by threads) and of one thread's scratch; n >= 1. */
int64_t k_fft_table_size(int64_t n);
int64_t k_fft_scratch_size(int64_t n);
void k_fft_make_table(int64_t n, double *table, double *scratch);
/* n complex numbers in place: X[k] = sum of x[i] exp(sign 2 pi sqrt(-1) i k / n); sign -1 or 1. Not scaled. */
void k_fft(int64_t n, int sign, const double *table, double *x, double *scratch);

#endif
