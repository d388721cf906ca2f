/* SPDX-License-Identifier: MIT
 *
 * Binary floats narrower than 32 bits, described by their field widths: one decoder and one correctly rounding encoder
 * for all of them. E8M0 (an exponent alone) has its own pair.
 */
#ifndef TENSOR_MINIFLOAT_H
#define TENSOR_MINIFLOAT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum special {
    SPECIAL_IEEE, /* top exponent: inf and NaN */
    SPECIAL_FN,   /* no inf; S.111..1 is NaN */
    SPECIAL_FNUZ, /* no inf, no -0; the code of -0 is NaN */
    SPECIAL_NONE  /* finite only; NaN has no image (-0 stands for it) */
} special;

typedef struct minifloat {
    int ebits, mbits, bias;
    special special;
} minifloat;

double minifloat_decode(const minifloat *f, uint32_t code);
/* Nearest, ties to even, judged for overflow after rounding; saturate: beyond the range (inf too) gives the largest
 * finite. */
uint32_t minifloat_encode(const minifloat *f, double v, bool saturate);

typedef enum e8m0_round { E8M0_UP, E8M0_DOWN, E8M0_NEAREST } e8m0_round; /* NEAREST: ties up */
double e8m0_decode(uint8_t code);
/* saturate: 0, negative and too small give code 0, too large and inf code 254; else those give NaN (255). */
uint8_t e8m0_encode(double v, e8m0_round mode, bool saturate);

#endif
