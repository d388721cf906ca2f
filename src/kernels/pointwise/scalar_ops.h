/* SPDX-License-Identifier: MIT
 *
 * Instructions whose plain loop is also the best kernel, since the compiler vectorises it: integers, bools, selects,
 * copies and casts. Included by ref.c and, under an ISA's flags, by the vector instances. FN(name) names a function.
 * Sources and destination may be the same memory, never partly overlapping: hence ivdep.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#define PW_LOOP _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < n; i++)
#else
#define PW_LOOP _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)
#endif

#define PW_DEFINE(name, TO, FROM, expr)                                                                                \
    static void FN(name)(void *dst, const void *a_, const void *b_, const void *c_, int64_t n, const k_pw_ins *ins) {  \
        TO *d = dst;                                                                                                   \
        const FROM *a = a_, *b = b_;                                                                                   \
        (void)b, (void)c_, (void)ins;                                                                                  \
        PW_LOOP d[i] = (TO)(expr);                                                                                     \
    }
#define PW_WHERE(name, T)                                                                                              \
    static void FN(name)(void *dst, const void *a_, const void *b_, const void *c_, int64_t n, const k_pw_ins *ins) {  \
        T *d = dst;                                                                                                    \
        const uint8_t *a = a_;                                                                                         \
        const T *b = b_, *c = c_;                                                                                      \
        (void)ins;                                                                                                     \
        PW_LOOP {                                                                                                      \
            T x = b[i], y = c[i];                                                                                      \
            d[i] = a[i] ? x : y;                                                                                       \
        }                                                                                                              \
    }

/* Wrapping arithmetic goes through unsigned; the lowest value divided by -1 wraps to itself. */
#define PW_INTEGERS(S, T, U)                                                                                           \
    PW_DEFINE(NEG_##S, T, T, 0 - (U)a[i])                                                                              \
    PW_DEFINE(ABS_##S, T, T, a[i] < 0 ? 0 - (U)a[i] : (U)a[i])                                                         \
    PW_DEFINE(ADD_##S, T, T, (U)a[i] + (U)b[i])                                                                        \
    PW_DEFINE(SUB_##S, T, T, (U)a[i] - (U)b[i])                                                                        \
    PW_DEFINE(MUL_##S, T, T, (U)a[i] * (U)b[i])                                                                        \
    PW_DEFINE(DIV_##S, T, T, b[i] == 0 ? 0 : b[i] == -1 ? 0 - (U)a[i] : (U)(a[i] / b[i]))                              \
    PW_DEFINE(MIN_##S, T, T, b[i] < a[i] ? b[i] : a[i])                                                                \
    PW_DEFINE(MAX_##S, T, T, b[i] > a[i] ? b[i] : a[i])                                                                \
    PW_DEFINE(EQ_##S, uint8_t, T, a[i] == b[i])                                                                        \
    PW_DEFINE(LT_##S, uint8_t, T, a[i] < b[i])                                                                         \
    PW_DEFINE(LE_##S, uint8_t, T, a[i] <= b[i])
PW_INTEGERS(I, int32_t, uint32_t)
PW_INTEGERS(L, int64_t, uint64_t)

PW_DEFINE(NEG_D, double, double, -a[i])
PW_DEFINE(ADD_D, double, double, a[i] + b[i])
PW_DEFINE(SUB_D, double, double, a[i] - b[i])
PW_DEFINE(MUL_D, double, double, a[i] * b[i])
PW_DEFINE(DIV_D, double, double, a[i] / b[i])
PW_DEFINE(EQ_D, uint8_t, double, a[i] == b[i])
PW_DEFINE(LT_D, uint8_t, double, a[i] < b[i])
PW_DEFINE(LE_D, uint8_t, double, a[i] <= b[i])

PW_DEFINE(EQ_F, uint8_t, float, a[i] == b[i])
PW_DEFINE(LT_F, uint8_t, float, a[i] < b[i])
PW_DEFINE(LE_F, uint8_t, float, a[i] <= b[i])
PW_DEFINE(ISNAN_F, uint8_t, float, a[i] != a[i])

PW_DEFINE(AND_M, uint8_t, uint8_t, a[i] & b[i])
PW_DEFINE(OR_M, uint8_t, uint8_t, a[i] | b[i])
PW_DEFINE(XOR_M, uint8_t, uint8_t, a[i] ^ b[i])
PW_DEFINE(EQ_M, uint8_t, uint8_t, a[i] == b[i])
PW_DEFINE(NOT_M, uint8_t, uint8_t, a[i] ^ 1)

PW_WHERE(WHERE_1, uint8_t)
PW_WHERE(WHERE_2, uint16_t)
PW_WHERE(WHERE_4, uint32_t)
PW_WHERE(WHERE_8, uint64_t)

#define PW_COPY(size)                                                                                                  \
    static void FN(COPY_##size)(void *d, const void *a, const void *b, const void *c, int64_t n,                       \
                                const k_pw_ins *ins) {                                                                 \
        (void)b, (void)c, (void)ins;                                                                                   \
        if (d != a) memcpy(d, a, (size_t)n *size);                                                                     \
    }
PW_COPY(1)
PW_COPY(2)
PW_COPY(4)
PW_COPY(8)

/* Truncation; NaN gives 0, what does not fit the lowest number. Narrower types keep the low bits. */
static inline int64_t FN(to_i64)(float x) {
    return x >= -9223372036854775808.0f && x < 9223372036854775808.0f ? (int64_t)x : x == x ? INT64_MIN : 0;
}

/* bf16: round to nearest even on the upper half; NaN keeps its sign and becomes quiet. */
static inline uint16_t FN(to_bf16)(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16, nan = (u >> 16) | 0x40;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}
static inline float FN(from_bf16)(uint16_t x) {
    uint32_t u = (uint32_t)x << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

PW_DEFINE(CAST_FB, uint16_t, float, FN(to_bf16)(a[i]))
PW_DEFINE(CAST_BF, float, uint16_t, FN(from_bf16)(a[i]))
PW_DEFINE(CAST_FD, double, float, a[i])
PW_DEFINE(CAST_DF, float, double, a[i])
PW_DEFINE(CAST_FI, int32_t, float, (uint32_t)(uint64_t)FN(to_i64)(a[i]))
PW_DEFINE(CAST_FL, int64_t, float, FN(to_i64)(a[i]))
PW_DEFINE(CAST_FS, int8_t, float, (uint8_t)(uint64_t)FN(to_i64)(a[i]))
PW_DEFINE(CAST_FU, uint8_t, float, (uint64_t)FN(to_i64)(a[i]))
PW_DEFINE(CAST_FM, uint8_t, float, a[i] != 0)
PW_DEFINE(CAST_IF, float, int32_t, a[i])
PW_DEFINE(CAST_LF, float, int64_t, a[i])
PW_DEFINE(CAST_SF, float, int8_t, a[i])
PW_DEFINE(CAST_UF, float, uint8_t, a[i])
PW_DEFINE(CAST_IL, int64_t, int32_t, a[i])
PW_DEFINE(CAST_LI, int32_t, int64_t, (uint32_t)(uint64_t)a[i])
PW_DEFINE(CAST_UI, int32_t, uint8_t, a[i])
PW_DEFINE(CAST_UL, int64_t, uint8_t, a[i])
PW_DEFINE(CAST_SI, int32_t, int8_t, a[i])
PW_DEFINE(CAST_IS, int8_t, int32_t, (uint8_t)(uint32_t)a[i])
PW_DEFINE(CAST_IU, uint8_t, int32_t, (uint32_t)a[i])
PW_DEFINE(CAST_IM, uint8_t, int32_t, a[i] != 0)
PW_DEFINE(CAST_LM, uint8_t, int64_t, a[i] != 0)
PW_DEFINE(CAST_UM, uint8_t, uint8_t, a[i] != 0)
