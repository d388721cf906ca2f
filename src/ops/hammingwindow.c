/* SPDX-License-Identifier: MIT
 *
 * HammingWindow: y[i] = 25/46 - 21/46 cos(2 pi i / N), i < size; N = size, or size - 1 with periodic = 0. [ONNX
 * HammingWindow-17]
 *
 * Result type output_datatype (float). Versions: 17.
 */
#include <math.h>

#include "ops/util_window.h"
#include "ops/util_lower.h"

static double f(double t) { return 25.0 / 46 - 21.0 / 46 * cos(t); }
static naru_status eval(eval_ctx *c) { return eval_window(c, f); }

static naru_status down17(lower_ctx *c, node *n) { return window_down17(c, n, 25.0 / 46, 21.0 / 46, 0); }

const op_desc op_HammingWindow = {
    .name = "HammingWindow",
    .versions = (const short[]){17, 0},
    .sig = "size:I -> output:T | I = int32 int64; T = num",
    .attrs = window_op_attrs,
    .infer = infer_window,
    .eval = eval,
    .down = (const down_adapter[]){{17, down17}, {0}},
};
