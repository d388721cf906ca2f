/* SPDX-License-Identifier: MIT
 *
 * What this CPU and its operating system allow, read once; and the ladder of levels that kernels are written for.
 * A level implies all below it. The level in use is an option of session and builder (default: knob NARU_CPU).
 */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>

typedef enum cpu_level {
    CPU_REF,        /* plain C, any CPU */
    CPU_AVX2,       /* AVX2, FMA, F16C, BMI2 */
    CPU_AVX512,     /* AVX-512 F, BW, DQ, VL, CD, with the OS saving zmm state */
    CPU_AVX512VNNI, /* plus AVX512_VNNI */
    CPU_AVX512BF16, /* plus AVX512_BF16 */
    CPU_AVX512FP16, /* plus AVX512_FP16 */
    CPU_AMX,        /* plus AMX tile, bf16, int8, with the OS's permission and one probed tile operation */
    CPU_LEVELS
} cpu_level;

cpu_level cpu_best(void);                               /* the highest level that this machine can run */
const char *cpu_level_name(cpu_level level);            /* "ref", "avx2", "avx512", "avx512vnni", ... */
bool cpu_level_parse(const char *name, cpu_level *out); /* false for an unknown name */
/* Whether vdpbf16ps does more products than FMA in the same time: AMD's do twice as many, Intel's half as many. */
bool cpu_dot_bf16_is_fast(void);
const char *cpu_model_name(void); /* brand string, "" where unknown */
/* Cache sizes in bytes of one core (data L1, L2) and of the shared last level; defaults where unknown. */
long cpu_cache_l1(void);
long cpu_cache_l2(void);
long cpu_cache_l3(void);

#endif
