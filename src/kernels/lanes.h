/* SPDX-License-Identifier: MIT
 *
 * The vector vocabulary of the pointwise, softmax, normalisation, pooling, reduction, recurrent, attention and
 * resampling kernels: FP32 lanes (vf), their bits (vi) and masks (vm), VL lanes each. An instance file includes this
 * under its ISA's flags; LANES_PORTABLE = 4, 8 or 16 asks for compiler vectors of that width instead, on any CPU.
 *
 *   v_load v_store v_load_n v_store_n   unaligned; _n: the first 0 <= n <= VL, other lanes read 0 and stay unwritten
 *   v_set1 v_add v_sub v_mul v_div v_sqrt v_abs v_copysign v_floor v_ceil v_round (to even) v_trunc
 *   v_fma(a, b, c) = ab + c and v_fnma = c - ab, rounded once
 *   v_min(a, b) v_max(a, b)             b where either is NaN (as x86)
 *   v_lt v_le v_eq                      masks, false for NaN;  v_first(n): lanes 0 .. n-1
 *   v_blend(m, a, b)                    m ? a : b
 *   v_even(a, b)                        lanes 0 2 4 .. of a, then of b
 *   v_hsum v_hmax                       across lanes (v_hmax: NaN undefined)
 *   vi_set1 vi_add vi_sub vi_and vi_xor vi_shl vi_sar;  vi_as_vf vf_as_vi (bits);  v_to_vi (nearest) vi_to_vf
 *   vi_load vi_store vi_store_n; vi_mul (low 32 bits); vi_madd16: sums of two products of s16; with VNNI vi_dot8(s, a,
 * b): s + four products u8 x s8, wrapping v_load_f16 v_store_f16 (nearest even) and their _n
 *   with AVX512_BF16  v_store_bf16 (nearest even), and v_dot_bf16(s, a, b), of pairs in a lane's halves:
 *                     fma(a low, b low, fma(a high, b high, s)); subnormal operands and results of both are zeros
 *   with AVX512_FP16  vh, 2 VL halves: vh_load vh_pairs (a word, VL times) vh_fma, vh_low vh_high (as vf), and
 *                     v_store_f16_twice: a word of the same two halves for each lane
 */
#ifndef KERNELS_LANES_H
#define KERNELS_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES_FN static inline __attribute__((always_inline, unused))

#if defined(LANES_PORTABLE)
#include "kernels/lanes_portable.h"
#elif defined(__AVX512F__)
#include "kernels/lanes_avx512.h"
#elif defined(__AVX2__)
#include "kernels/lanes_avx2.h"
#endif

LANES_FN vf v_add(vf a, vf b) { return a + b; }
LANES_FN vf v_sub(vf a, vf b) { return a - b; }
LANES_FN vf v_mul(vf a, vf b) { return a * b; }
LANES_FN vf v_div(vf a, vf b) { return a / b; }

/* Pairs are added first, so that the error grows with the logarithm of VL. */
LANES_FN float v_hsum(vf a) {
    float t[VL];
    v_store(t, a);
    for (int n = VL / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) t[i] += t[i + n];
    return t[0];
}
LANES_FN float v_hmax(vf a) {
    float t[VL];
    v_store(t, a);
    for (int n = VL / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) t[i] = t[i] > t[i + n] ? t[i] : t[i + n];
    return t[0];
}

LANES_FN vf v_load_f16_n(const uint16_t *p, int64_t n) {
    uint16_t t[VL] = {0};
    memcpy(t, p, (size_t)n * 2);
    return v_load_f16(t);
}
LANES_FN void v_store_f16_n(uint16_t *p, vf a, int64_t n) {
    uint16_t t[VL];
    v_store_f16(t, a);
    memcpy(p, t, (size_t)n * 2);
}

#endif
