/* SPDX-License-Identifier: MIT
 *
 * float16 and bfloat16 by bit arithmetic: the fast pairs that bulk conversion uses.
 */
#include <string.h>

#include "tensor/dtype.h"
#include "tensor/minifloat.h"

static float float_of(uint32_t u) {
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
static uint32_t bits_of(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

float half_to_float(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3ff;
    if (e == 31) return float_of(sign | 0x7f800000 | m << 13);
    if (e) return float_of(sign | (e + 112) << 23 | m << 13);
    return float_of(sign | bits_of((float)m * 0x1p-24f)); /* subnormal: exact */
}

uint16_t half_from_float(float f) {
    uint32_t u = bits_of(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x1ff)); /* NaN keeps its payload's top */
    if (a >= 0x47800000) return (uint16_t)(sign | 0x7c00);                    /* >= 65536 */
    if (a < 0x38800000) { /* below the smallest normal: adding 0.5 rounds at 2^-24 */
        float r = float_of(a) + 0.5f;
        return (uint16_t)(sign | (bits_of(r) - 0x3f000000));
    }
    a += 0xfff + (a >> 13 & 1);
    return (uint16_t)(sign | (a - 0x38000000) >> 13); /* may carry into inf: right */
}

static const minifloat half_format = {5, 10, 15, SPECIAL_IEEE}, bf16_format = {8, 7, 127, SPECIAL_IEEE};

uint16_t half_from_double(double d) { return (uint16_t)minifloat_encode(&half_format, d, false); }

float bf16_to_float(uint16_t h) { return float_of((uint32_t)h << 16); }

uint16_t bf16_from_float(float f) {
    uint32_t u = bits_of(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

uint16_t bf16_from_double(double d) { return (uint16_t)minifloat_encode(&bf16_format, d, false); }
