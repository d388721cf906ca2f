/* SPDX-License-Identifier: MIT
 *
 * Names of element types in safetensors files.
 */
#ifndef FORMATS_SAFETENSORS_TYPES_H
#define FORMATS_SAFETENSORS_TYPES_H

#include "naru/tensor.h"

static const struct safetensors_type {
    const char *name;
    naru_dtype dtype;
} safetensors_types[] = {
    {"BOOL", NARU_BOOL},
    {"U8", NARU_UINT8},
    {"I8", NARU_INT8},
    {"I16", NARU_INT16},
    {"U16", NARU_UINT16},
    {"F16", NARU_FLOAT16},
    {"BF16", NARU_BFLOAT16},
    {"I32", NARU_INT32},
    {"U32", NARU_UINT32},
    {"F32", NARU_FLOAT},
    {"I64", NARU_INT64},
    {"U64", NARU_UINT64},
    {"F64", NARU_DOUBLE},
    {"C64", NARU_COMPLEX64},
    {"F8_E4M3", NARU_FLOAT8E4M3FN},
    {"F8_E5M2", NARU_FLOAT8E5M2},
    {"F8_E8M0", NARU_FLOAT8E8M0},
    {"F8_E4M3FNUZ", NARU_FLOAT8E4M3FNUZ},
    {"F8_E5M2FNUZ", NARU_FLOAT8E5M2FNUZ},
};

#endif
