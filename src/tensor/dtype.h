/* SPDX-License-Identifier: MIT
 *
 * Element conversion between every ONNX type and two wide ones (double, int64): bulk readers and writers over
 * contiguous data, with the rounding of ONNX Cast. Narrow floats are rounded to nearest even once, from double.
 */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "naru/tensor.h"

bool dtype_is_float(naru_dtype d);  /* every floating type, 4- and 6- and 8-bit ones included */
bool dtype_is_int(naru_dtype d);    /* signed and unsigned integers, not bool */
bool dtype_is_signed(naru_dtype d); /* signed integers */
bool dtype_is_complex(naru_dtype d);

/* Elements [start, start+n) of contiguous data of type d. Not strings. Complex: read gives the real part, write sets
 * imag 0. */
void dtype_read_f64(naru_dtype d, const void *data, int64_t start, int64_t n, double *out);
void dtype_read_i64(naru_dtype d, const void *data, int64_t start, int64_t n,
                    int64_t *out); /* floats truncate; uint64 wraps */
/* Writes round to the type. Floats: nearest even; out-of-range f8/f6/f4 saturate when `saturate`, else NaN/inf as ONNX
 * Cast. Integers from double: truncation, out of range wraps the low bits of the int64 (NaN gives 0); bool: non-zero.
 */
void dtype_write_f64(naru_dtype d, void *data, int64_t start, int64_t n, const double *in, bool saturate);
void dtype_write_i64(naru_dtype d, void *data, int64_t start, int64_t n,
                     const int64_t *in); /* integers keep the low bits */

double dtype_get_f64(naru_dtype d, const void *data, int64_t i);
int64_t dtype_get_i64(naru_dtype d, const void *data, int64_t i);
void dtype_set_f64(naru_dtype d, void *data, int64_t i, double v); /* saturating */
void dtype_set_i64(naru_dtype d, void *data, int64_t i, int64_t v);

float half_to_float(uint16_t h);
uint16_t half_from_float(float f);
uint16_t half_from_double(double f);
float bf16_to_float(uint16_t h);
uint16_t bf16_from_float(float f);
uint16_t bf16_from_double(double f);

/* Integer range of an integer type (bool: 0..1); uint64's high is UINT64_MAX. */
int64_t dtype_int_min(naru_dtype d);
uint64_t dtype_int_max(naru_dtype d);

#endif
