/* SPDX-License-Identifier: MIT
 *
 * One transform along one axis, for torch.fft and the short-time transforms. Complex numbers are pairs: a last axis of
 * 2 (or of 1, real numbers).
 */
#ifndef SCRIPT_ATEN_FFT_H
#define SCRIPT_ATEN_FFT_H

#include "script/aten/nn.h"

enum { FFT_INVERSE = 1, FFT_ONESIDED = 2 };

sten *fft_pairs(lower *L, sten *x);
sten *fft_complex(lower *L, sten *pairs);
/* n points (0: as many as there are): cut or padded with zeros. Inverses are divided by n. One-sided: half the spectrum
 * of real numbers, or, inverse, real numbers from it (a last axis of 1). */
sten *fft_one(lower *L, sten *pairs, int axis, int64_t n, unsigned how);

#endif
