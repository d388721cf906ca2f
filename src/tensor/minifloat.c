/* SPDX-License-Identifier: MIT
 *
 * value = (-1)^s * 2^(e-bias) * 1.m for e > 0, (-1)^s * 2^(1-bias) * 0.m for e = 0. Codes of one sign are ordered as
 * the values are, so rounding may carry from the mantissa into the exponent by plain addition.
 */
#include "tensor/minifloat.h"

#include <math.h>
#include <string.h>

static uint32_t sign_bit(const minifloat *f) { return 1u << (f->ebits + f->mbits); }

static uint32_t max_code(const minifloat *f) {
    uint32_t all = sign_bit(f) - 1;
    if (f->special == SPECIAL_IEEE) return all - (1u << f->mbits);
    return f->special == SPECIAL_FN ? all - 1 : all;
}

static uint32_t nan_code(const minifloat *f, uint32_t sign) {
    switch (f->special) {
    case SPECIAL_IEEE: return sign | (max_code(f) + 1) | 1u << (f->mbits - 1);
    case SPECIAL_FN: return sign | (sign_bit(f) - 1);
    default: return sign_bit(f);
    }
}

double minifloat_decode(const minifloat *f, uint32_t code) {
    uint32_t magnitude = code & (sign_bit(f) - 1);
    bool negative = code & sign_bit(f);
    if (f->special == SPECIAL_FNUZ && negative && !magnitude) return NAN;
    if (magnitude > max_code(f)) {
        bool inf = f->special == SPECIAL_IEEE && magnitude == max_code(f) + 1;
        return !inf ? NAN : negative ? -INFINITY : INFINITY;
    }
    int e = (int)(magnitude >> f->mbits);
    uint32_t m = magnitude & ((1u << f->mbits) - 1);
    double v =
        e ? ldexp((double)(m | 1u << f->mbits), e - f->bias - f->mbits) : ldexp((double)m, 1 - f->bias - f->mbits);
    return negative ? -v : v;
}

static uint32_t overflow_code(const minifloat *f, uint32_t sign, bool saturate) {
    if (saturate || f->special == SPECIAL_NONE) return sign | max_code(f);
    return f->special == SPECIAL_IEEE ? sign | (max_code(f) + 1) : nan_code(f, sign);
}

uint32_t minifloat_encode(const minifloat *f, double v, bool saturate) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint32_t sign = bits >> 63 ? sign_bit(f) : 0;
    int e = (int)(bits >> 52 & 0x7ff) - 1023, emin = 1 - f->bias;
    uint64_t m = bits & (((uint64_t)1 << 52) - 1);
    if (e == 1024) return m ? nan_code(f, sign) : overflow_code(f, sign, saturate);
    if (e > -1023) m |= (uint64_t)1 << 52;
    int shift = 52 - f->mbits + (e < emin ? emin - e : 0);
    uint64_t r = 0;
    if (shift < 54) { /* else less than half of the smallest */
        uint64_t rest = m & (((uint64_t)1 << shift) - 1), half = (uint64_t)1 << (shift - 1);
        r = m >> shift;
        r += rest > half || (rest == half && (r & 1));
    }
    uint64_t code = ((uint64_t)((e < emin ? emin : e) + f->bias - 1) << f->mbits) + r;
    if (code > max_code(f)) return overflow_code(f, sign, saturate);
    return code || f->special != SPECIAL_FNUZ ? sign | (uint32_t)code : 0;
}

double e8m0_decode(uint8_t code) { return code == 255 ? NAN : ldexp(1, code - 127); }

uint8_t e8m0_encode(double v, e8m0_round mode, bool saturate) {
    if (isnan(v)) return 255;
    if (!(v > 0)) return saturate ? 0 : 255;
    if (isinf(v)) return saturate ? 254 : 255;
    int e;
    double fraction = frexp(v, &e); /* v = 2 * fraction * 2^(e-1), 2 * fraction in [1, 2) */
    bool up = mode == E8M0_UP ? fraction > 0.5 : mode == E8M0_NEAREST && fraction >= 0.75;
    int code = e - 1 + up + 127;
    if (code < 0) return saturate ? 0 : 255;
    return code > 254 ? (saturate ? 254 : 255) : (uint8_t)code;
}
