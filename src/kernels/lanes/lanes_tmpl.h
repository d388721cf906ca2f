/* SPDX-License-Identifier: MIT
 *
 * One function over arrays for each word of the vocabulary.
 */
#include "kernels/lanes/lanes_test.h"

#define LANES_DEFINE(name, body)                                                                                       \
    static void FN(name)(void *y, const void *a, const void *b, const void *c, int64_t n) {                            \
        (void)y, (void)a, (void)b, (void)c, (void)n;                                                                   \
        body;                                                                                                          \
    }
#define LANES_FLOAT(name, expr) LANES_DEFINE(name, v_store(y, expr))
#define LANES_INT(name, expr)   LANES_DEFINE(name, vi_store(y, expr))
#define LANES_MASK(name, expr)  LANES_FLOAT(name, v_blend(expr, v_set1(1.0f), v_set1(0.0f)))

LANES_FLOAT(load_n, v_load_n(a, n))
LANES_DEFINE(store_n, v_store_n(y, v_load(a), n))
LANES_FLOAT(set1, v_set1(*(const float *)a))
LANES_FLOAT(add, v_add(v_load(a), v_load(b)))
LANES_FLOAT(sub, v_sub(v_load(a), v_load(b)))
LANES_FLOAT(mul, v_mul(v_load(a), v_load(b)))
LANES_FLOAT(div, v_div(v_load(a), v_load(b)))
LANES_FLOAT(fma, v_fma(v_load(a), v_load(b), v_load(c)))
LANES_FLOAT(fnma, v_fnma(v_load(a), v_load(b), v_load(c)))
LANES_FLOAT(min, v_min(v_load(a), v_load(b)))
LANES_FLOAT(max, v_max(v_load(a), v_load(b)))
LANES_FLOAT(abs, v_abs(v_load(a)))
LANES_FLOAT(sqrt, v_sqrt(v_load(a)))
LANES_FLOAT(copysign, v_copysign(v_load(a), v_load(b)))
LANES_FLOAT(round, v_round(v_load(a)))
LANES_FLOAT(floor, v_floor(v_load(a)))
LANES_FLOAT(ceil, v_ceil(v_load(a)))
LANES_FLOAT(trunc, v_trunc(v_load(a)))
LANES_MASK(lt, v_lt(v_load(a), v_load(b)))
LANES_MASK(le, v_le(v_load(a), v_load(b)))
LANES_MASK(eq, v_eq(v_load(a), v_load(b)))
LANES_MASK(first, v_first(n))
LANES_FLOAT(even, v_even(v_load(a), v_load(b)))
LANES_DEFINE(hsum, *(float *)y = v_hsum(v_load(a)))
LANES_DEFINE(hmax, *(float *)y = v_hmax(v_load(a)))
LANES_INT(i_set1, vi_set1(*(const int32_t *)a))
LANES_INT(i_add, vi_add(vi_load(a), vi_load(b)))
LANES_INT(i_sub, vi_sub(vi_load(a), vi_load(b)))
LANES_INT(i_and, vi_and(vi_load(a), vi_load(b)))
LANES_INT(i_xor, vi_xor(vi_load(a), vi_load(b)))
LANES_INT(i_shl, vi_shl(vi_load(a), 5))
LANES_INT(i_sar, vi_sar(vi_load(a), 5))
LANES_INT(i_mul, vi_mul(vi_load(a), vi_load(b)))
LANES_DEFINE(i_store_n, vi_store_n(y, vi_load(a), n))
LANES_INT(madd16, vi_madd16(vi_load(a), vi_load(b)))
LANES_INT(to_i, v_to_vi(v_load(a)))
LANES_FLOAT(to_f, vi_to_vf(vi_load(a)))
LANES_FLOAT(load_f16_n, v_load_f16_n(a, n))
LANES_DEFINE(store_f16_n, v_store_f16_n(y, v_load(a), n))
