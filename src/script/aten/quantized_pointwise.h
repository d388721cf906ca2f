/* SPDX-License-Identifier: MIT
 *
 * Pointwise functions of quantized tensors: computed on the numbers that the integers stand for, rounded back into the
 * same integers.
 */
#ifndef SCRIPT_ATEN_QUANTIZED_POINTWISE_H
#define SCRIPT_ATEN_QUANTIZED_POINTWISE_H

#include "script/lower.h"

/* When argument 0 is quantized (per tensor): runs `self`, the caller, on its numbers and returns the result quantized
 * alike; true. false: not quantized, go on. */
bool quantized_alike(lower *L, lower_fn self);
/* The same with a result of fixed parameters (sigmoid, tanh). */
bool quantized_as(lower *L, lower_fn self, double scale, int64_t zero_point);
sten *dequantized(lower *L, sten *x); /* float32; x itself when not quantized */

#endif
