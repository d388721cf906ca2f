/* SPDX-License-Identifier: MIT
 *
 * Scales and zero points: per tensor, per axis, or per block along an axis; exact integer products.
 */
#ifndef OPS_UTIL_QUANT_H
#define OPS_UTIL_QUANT_H

#include "ops/util_lower.h"

/* Which scale belongs to element i of a tensor of x's dims. */
typedef struct scale_map {
    int64_t outer, axis, inner; /* x seen as [outer, axis, inner] */
    int64_t block;              /* 0: one per tensor (count 1) or per axis; else elements of the axis per scale */
    int64_t per_axis;           /* scales along the axis when blocked */
    bool one;
} scale_map;
naru_status scale_map_make(eval_ctx *c, const naru_tensor *x, const naru_tensor *scale, int64_t axis, int64_t block,
                           scale_map *out);
int64_t scale_map_at(const scale_map *m, int64_t i);

/* round half even(v) + zp clamped to the integer type. */
int64_t quantize_int(double v, int64_t zp, naru_dtype d);
/* Zero point i of an optional tensor (a single one serves for all). */
int64_t zero_point(const naru_tensor *t, int64_t i);
/* For lowering: scales or zero points as a tensor that broadcasts to x. NULL: the rank of either is not known. */
value *quant_spread(lower_ctx *c, value *x, value *v, int64_t axis, int64_t per);

#endif
