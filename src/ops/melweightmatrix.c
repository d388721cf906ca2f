/* SPDX-License-Identifier: MIT
 *
 * MelWeightMatrix: the matrix [dft_length/2 + 1, num_mel_bins] of triangular filters that turns a spectrum into mel
 * bins. [ONNX MelWeightMatrix-17]
 *
 * num_mel_bins + 2 edges lie evenly, (upper - lower) / (num_mel_bins + 2) apart from lower on, on the scale mel(f) =
 * 2595 log10(1 + f / 700), each brought to the spectrum's bin floor((dft_length + 1) f / sample_rate). Filter i rises
 * from 0 at edge i to 1 at edge i + 1 and falls to 0 at edge i + 2. Inputs are scalars: integers int32, int64;
 * frequencies floats. Output type: output_datatype, any number. Edge cases: edges that fall together make a single 1;
 * bins beyond the spectrum are left out.
 */
#include <math.h>

#include "ops/util_choice.h"
#include "tensor/dtype.h"

enum { OUTPUT_DATATYPE };
static const attr_def attrs[] = {ATTR_I("output_datatype", NARU_FLOAT), {0}};
enum { BINS, DFT_LENGTH, RATE, LOWER, UPPER };

static naru_status infer(infer_ctx *c) {
    int64_t want = node_i(c->node, OUTPUT_DATATYPE);
    dim_t dims[2] = {DIM_UNKNOWN, DIM_UNKNOWN};
    double v;
    if (!dtype_is_float((naru_dtype)want) && !dtype_is_int((naru_dtype)want))
        return op_fail(c, NARU_BAD_MODEL, "attribute 'output_datatype' is %lld", (long long)want);
    for (int i = 0; i < 5; i++)
        if (in_rank(c, i) > 1 || (in_rank(c, i) == 1 && dim_is_const(in_dim(c, i, 0)) && in_dim(c, i, 0) != 1))
            return op_fail(c, NARU_SHAPE, "input %d is not a scalar", i);
    if (in_scalar(c, DFT_LENGTH, &v)) {
        if (!(v >= 0 && v < 1e15)) return op_fail(c, NARU_SHAPE, "dft_length is %g", v);
        dims[0] = (int64_t)v / 2 + 1;
    }
    if (in_scalar(c, BINS, &v)) {
        if (!(v >= 0 && v < 1e15)) return op_fail(c, NARU_SHAPE, "num_mel_bins is %g", v);
        dims[1] = (int64_t)v;
    }
    out_tensor(c, 0, (naru_dtype)want, 2, dims);
    return NARU_OK;
}

static double scalar(const eval_ctx *c, int i) { return dtype_get_f64(eval_in(c, i)->dtype, eval_in(c, i)->data, 0); }
static double mel(double f) { return 2595 * log10(1 + f / 700); }

static void put(naru_tensor *y, int64_t bin, int64_t filter, double v) {
    if (bin >= 0 && bin < y->dims[0]) dtype_set_f64(y->dtype, y->data, bin * y->dims[1] + filter, v);
}

static void filter(naru_tensor *y, int64_t i, int64_t left, int64_t mid, int64_t right) {
    int64_t first = i64_max(left, 0), last = y->dims[0];
    if (mid == left) put(y, mid, i, 1);
    for (int64_t j = first; mid != left && j <= mid && j < last; j++)
        put(y, j, i, (double)(j - left) / (double)(mid - left));
    for (int64_t j = i64_max(mid, 0); j < right && j < last; j++)
        put(y, j, i, (double)(right - j) / (double)(right - mid));
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    if (!y) return eval_wants(c, 0) ? eval_fail(c, NARU_SHAPE, "num_mel_bins or dft_length is not valid") : NARU_OK;
    int64_t bins = y->dims[1];
    double low = mel(scalar(c, LOWER)), step = (mel(scalar(c, UPPER)) - low) / (double)(bins + 2),
           per = (scalar(c, DFT_LENGTH) + 1) / scalar(c, RATE);
    memset(y->data, 0, tensor_bytes(y));
    int64_t edge[3] = {0};
    for (int64_t i = 0; i < bins + 2; i++) {
        double f = 700 * (pow(10, (low + (double)i * step) / 2595) - 1), at = floor(f * per);
        if (!(fabs(at) < 1e15)) return eval_fail(c, NARU_INVALID_ARGUMENT, "the frequencies are not usable");
        edge[0] = edge[1], edge[1] = edge[2], edge[2] = (int64_t)at;
        if (i >= 2) filter(y, i - 2, edge[0], edge[1], edge[2]);
    }
    return NARU_OK;
}

const op_desc op_MelWeightMatrix = {
    .name = "MelWeightMatrix",
    .versions = (const short[]){17, 0},
    .sig = "num_mel_bins:T1, dft_length:T1, sample_rate:T1, lower_edge_hertz:T2, upper_edge_hertz:T2 -> output:T3"
           " | T1 = int32 int64; T2 = float; T3 = num",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
