/* SPDX-License-Identifier: MIT
 *
 * Quantized tensors: integers and how they stand for numbers (squant). To numbers and back, parameters from ranges, and
 * the packed parameters that archives hold as torchbind objects.
 */
#ifndef SCRIPT_ATEN_QUANT_H
#define SCRIPT_ATEN_QUANT_H

#include "script/aten/nn.h"
#include "script/custom.h"

/* ---- parameters; NULL: out of memory (the call fails). The caller owns the reference. ---- */
squant *quant_new(lower *L, int qtype, double scale, int64_t zero_point);
/* scales and zero_points [n]; integer zero points make scheme 1, float ones scheme 4. */
squant *quant_per_channel(lower *L, int qtype, sten *scales, sten *zero_points, int axis);
naru_dtype quant_dtype(int qtype); /* of the integers */
void quant_limits(int qtype, int64_t *low, int64_t *high);

/* ---- tensors ---- */
sten *quant_give(lower *L, sten *ints, squant *q);    /* ints as a quantized tensor; takes over q */
sten *quant_ints(lower *L, sten *x);                  /* the integers alone, shared */
sten *quant_to_float(lower *L, sten *x);              /* float32; x as float32 when it is not quantized */
sten *quant_from_float(lower *L, sten *x, squant *q); /* takes over q */
sten *quant_as(lower *L, sten *x, int qtype, double scale, int64_t zero_point); /* the same per tensor */
/* When argument 0 is quantized: runs `self`, the caller, which must be linear, on the integers less the zero point, and
 * returns the result rounded to the same parameters; true. So means of integers are rounded as PyTorch rounds them. */
bool quant_whole(lower *L, lower_fn self);
bool quant_check(lower *L, sten *x, const char *who); /* raises unless x is quantized per tensor */

/* ---- ranges ---- */
typedef struct quant_range {
    double scale;
    int64_t zero_point;
} quant_range;
/* PyTorch's choice for numbers in [low, high] and integers in [least, most]; reduced: half of those. */
quant_range quant_choose(double low, double high, int64_t least, int64_t most, bool reduced);
/* Scale and zero point (of type `qtype`, 12 or 13) for x, and x quantized by them: measured at once, by operators while
 * recording. */
sten *quant_measured(lower *L, sten *x, int qtype, bool reduced, sten **scale, sten **zero_point);

/* ---- packed parameters ---- */
typedef enum packed_kind {
    PACKED_LINEAR,
    PACKED_HALF, /* linear with weights rounded to float16 */
    PACKED_CONV2,
    PACKED_CONV3,
    PACKED_EMBEDDING,
    PACKED_CELL,
    PACKED_CLAMP_LINEAR, /* float, of optimize_for_mobile */
    PACKED_CLAMP_CONV,
    PACKED_CLAMP_DECONV
} packed_kind;

/* Immutable once made; its tensors are shared between threads. */
typedef struct packed {
    packed_kind kind;
    sv state;            /* what __getstate__ gives */
    sten *weight, *bias; /* as given; bias may be NULL */
    /* convolutions */
    int axes;
    int64_t stride[3], padding[3], dilation[3], output_padding[3], groups;
    bool transposed;
    double low, high; /* CLAMP: bounds of the result */
    /* prepared */
    sten *w;            /* LINEAR: int8 [in, out]; CONV: int8 like weight, contiguous; HALF, transposed CONV: floats */
    sten *scale, *zero; /* float, int8: of one element, or [out] */
    /* CELL */
    struct scustom *ih, *hh; /* LINEAR or HALF */
    bool reduced;
    int bits; /* EMBEDDING: 8 or 4 */
} packed;

const packed *arg_packed(lower *L, int i, packed_kind kind); /* raises otherwise; LINEAR also takes HALF */
const packed *packed_of(lower *L, const struct scustom *c);
/* An object of the kind from its state (taken over). */
void ret_packed(lower *L, packed_kind kind, sv state);

/* float32 result of a dynamic linear layer. */
sten *quant_linear_dynamic(lower *L, sten *x, const packed *p, bool reduced);

#endif
