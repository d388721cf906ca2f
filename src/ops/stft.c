/* SPDX-License-Identifier: MIT
 *
 * STFT: the Fourier transform of windowed frames of a signal. [ONNX STFT-17]
 *
 * Shapes: signal [B, L, 1 or 2] (real, or real and imaginary), window [F], frame_length F (default: the window's, else
 * L) -> output [B, floor((L - F) / frame_step) + 1, F or with onesided floor(F/2) + 1, 2]. No centring, no padding.
 * Types: floats; frame_step and frame_length int32, int64. Edge cases: F > L, F < 1 or frame_step < 1 is an error.
 */
#include "ops/util_fourier.h"

#include "ops/util_choice.h"
#include "tensor/dtype.h"

enum { ONESIDED };
static const attr_def attrs[] = {ATTR_I("onesided", 1), {0}};
enum { SIGNAL, STEP, WINDOW, LENGTH };

/* A scalar input as a dim; unknown when not known. */
static naru_status scalar_dim(infer_ctx *c, int i, const char *what, dim_t *out) {
    const elem_t *e;
    int64_t n;
    *out = DIM_UNKNOWN;
    if (!in_elems(c, i, &e, &n)) return NARU_OK;
    if (n != 1) return op_fail(c, NARU_SHAPE, "%s has %lld elements", what, (long long)n);
    if (e[0].kind == ELEM_CONST && e[0].v < 1) return op_fail(c, NARU_SHAPE, "%s is %lld", what, (long long)e[0].v);
    *out = elem_to_dim(e[0]);
    return NARU_OK;
}

static naru_status frame_of(infer_ctx *c, dim_t length, dim_t *frame) {
    TRY(util_need_rank(c, WINDOW, 1, "window"));
    dim_t window = in_rank(c, WINDOW) == 1 ? in_dim(c, WINDOW, 0) : DIM_UNKNOWN;
    *frame = in_given(c, WINDOW) ? window : length;
    if (!in_given(c, LENGTH)) return NARU_OK;
    TRY(scalar_dim(c, LENGTH, "frame_length", frame));
    if (in_given(c, WINDOW)) TRY(util_same_dim(c, window, *frame, "the window's length"));
    if (in_given(c, WINDOW) && !dim_is_known(*frame)) *frame = window;
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    dim_t dims[4] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, 2}, length = DIM_UNKNOWN, step, frame;
    TRY(util_need_rank(c, SIGNAL, 3, "signal"));
    if (in_rank(c, SIGNAL) == 3) {
        dim_t parts = in_dim(c, SIGNAL, 2);
        if (dim_is_const(parts) && parts != 1 && parts != 2)
            return op_fail(c, NARU_SHAPE, "the last dim is %lld, needs 1 or 2", (long long)parts);
        dims[0] = in_dim(c, SIGNAL, 0);
        length = in_dim(c, SIGNAL, 1);
    }
    TRY(scalar_dim(c, STEP, "frame_step", &step));
    TRY(frame_of(c, length, &frame));
    if (frame == 0 || (dim_is_const(frame) && dim_is_const(length) && frame > length))
        return op_fail(c, NARU_SHAPE, "a frame of %lld in a signal of %lld", (long long)frame, (long long)length);
    if (dim_is_known(length) && dim_is_known(frame))
        dims[1] = sym_add(c->syms, sym_div(c->syms, sym_sub(c->syms, length, frame), step), 1);
    if (dim_is_known(frame))
        dims[2] = node_i(c->node, ONESIDED) ? sym_add(c->syms, sym_div(c->syms, frame, 2), 1) : frame;
    out_tensor(c, 0, in_dtype(c, SIGNAL), 4, dims);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, SIGNAL), *step = eval_in(c, STEP), *window = eval_in(c, WINDOW),
                      *length = eval_in(c, LENGTH);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return eval_wants(c, 0) ? eval_fail(c, NARU_SHAPE, "frame_step or frame_length is not valid") : NARU_OK;
    int64_t parts = x->dims[2], hop = dtype_get_i64(step->dtype, step->data, 0), frames = y->dims[1], bins = y->dims[2];
    int64_t frame = window ? window->dims[0] : length ? dtype_get_i64(length->dtype, length->data, 0) : x->dims[1];
    const double *xd = eval_f64(c, x), *w = window ? eval_f64(c, window) : NULL, *table = fourier_table(c, frame);
    double *line = eval_scratch(c, (size_t)frame * 2 * sizeof *line),
           *out = eval_scratch(c, (size_t)bins * 2 * sizeof *out);
    if (!xd || (window && !w) || !table || !line || !out) return NARU_OUT_OF_MEMORY;
    for (int64_t f = 0; f < x->dims[0] * frames; f++) {
        const double *from = xd + (f / frames * x->dims[1] + f % frames * hop) * parts;
        for (int64_t i = 0; i < frame; i++) {
            line[2 * i] = from[i * parts] * (w ? w[i] : 1);
            line[2 * i + 1] = parts == 2 ? from[i * parts + 1] * (w ? w[i] : 1) : 0;
        }
        for (int64_t k = 0; k < bins; k++) {
            fourier_bin(line, frame, k, -1, table, out + 2 * k);
            if (parts == 1 && (k == 0 || 2 * k == frame)) out[2 * k + 1] = 0; /* of a real signal: real, and no -0 */
        }
        dtype_write_f64(y->dtype, y->data, f * bins * 2, bins * 2, out, true);
    }
    return NARU_OK;
}

const op_desc op_STFT = {
    .name = "STFT",
    .versions = (const short[]){17, 0},
    .sig = "signal:T1, frame_step:T2, window:T1?, frame_length:T2? -> output:T1 | T1 = float; T2 = int32 int64",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
