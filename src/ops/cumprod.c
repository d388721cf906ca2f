/* SPDX-License-Identifier: MIT
 *
 * CumProd: y[i] = product of x[j], j <= i along the axis; exclusive: j < i; reverse: from the end. [ONNX CumProd-26]
 *
 * Types: numbers. Versions: 26. axis is a scalar input.
 */
#include "ops/util_cumulate.h"
#include "ops/util_lower.h"

static double f(double a, double b) { return a * b; }
static int64_t fi(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }
static naru_status eval(eval_ctx *c) { return eval_cumulate(c, f, fi, 1); }

/* A scan that carries the product. */
static naru_status down26(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    const int64_t *axis;
    int64_t count, others[NARU_MAX_RANK], kept = 0, at;
    int rank = lw_rank(x);
    if (rank < 0) return lw_refuse(c, "the rank is not known");
    if (!lw_known_ints(c, lw_in(n, 1), &axis, &count) || count != 1) return lw_refuse(c, "the axis is not constant");
    at = axis[0] < 0 ? axis[0] + rank : axis[0];
    for (int i = 0; i < rank; i++)
        if (i != at) others[kept++] = i;
    value *dims = LW(c, "Gather", LW(c, "Shape", x), lw_ints(c, kept, others));
    value *one = LW(c, "Expand", lw_number(c, lw_dtype(x), 1), dims);
    lower_ctx body = lw_body(c);
    value *before = lw_body_in(&body, lw_dtype(x), rank - 1), *item = lw_body_in(&body, lw_dtype(x), rank - 1);
    value *after = LW(&body, "Mul", before, item);
    lw_body_out(&body, after);
    lw_body_out(&body, LW(&body, "Identity", cumulate_is_exclusive(n) ? before : after));
    int64_t reverse = cumulate_is_reverse(n);
    lw_body_end(c, &body, "body");
    lw_i(c, "num_scan_inputs", 1);
    lw_is(c, "scan_input_axes", 1, &at);
    lw_is(c, "scan_output_axes", 1, &at);
    lw_is(c, "scan_input_directions", 1, &reverse);
    lw_is(c, "scan_output_directions", 1, &reverse);
    node *scan = lw_node(c, "Scan", 2, (value *[]){one, x}, 2);
    return lw_replace(c, n, scan ? scan->out[1] : NULL);
}

const op_desc op_CumProd = {
    .name = "CumProd",
    .versions = (const short[]){26, 0},
    .sig = "x:T, axis:I -> y:T | T = num; I = int32 int64",
    .since = "T never uint8 int8 uint16 int16",
    .attrs = cumulate_attrs,
    .infer = infer_same_as_first,
    .eval = eval,
    .down = (const down_adapter[]){{26, down26}, {0}},
};
