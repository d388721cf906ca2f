/* SPDX-License-Identifier: MIT
 *
 * BitShift: Z = X << Y or X >> Y by `direction` LEFT or RIGHT, with broadcasting. [ONNX BitShift-28]
 *
 * Types: unsigned integers; signed ones since 28, shifted right arithmetically. A count that is negative or at least
 * the width gives 0, or -1 for a right shift of a negative X. Versions: 11, 28.
 */
#include "ops/util_choice.h"
#include "ops/util_lower.h"

enum { DIRECTION };

static int64_t shift(int64_t x, int64_t y, int bits, bool is_signed, bool left) {
    if (y < 0 || y >= bits) return !left && is_signed && x < 0 ? -1 : 0;
    uint64_t ux = (uint64_t)x;
    if (left) return (int64_t)(ux << y);
    if (is_signed) return x >> y;
    return (int64_t)((bits == 64 ? ux : ux & (((uint64_t)1 << bits) - 1)) >> y);
}

static naru_status infer(infer_ctx *c) {
    static const char *const directions[] = {"LEFT", "RIGHT", NULL};
    int direction;
    TRY(util_choice(c, DIRECTION, directions, &direction));
    return infer_elementwise(c);
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *a = eval_in(c, 0), *b = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    const int64_t *av = eval_i64(c, a), *bv = eval_i64(c, b);
    if (!av || !bv) return NARU_OUT_OF_MEMORY;
    int bits = naru_dtype_bits(y->dtype);
    bool is_signed = dtype_is_signed(y->dtype), left = node_s(c->node, DIRECTION)[0] == 'L';
    int64_t sa[NARU_MAX_RANK], sb[NARU_MAX_RANK], idx[NARU_MAX_RANK] = {0}, pa = 0, pb = 0;
    broadcast_strides(a, y->rank, y->dims, sa);
    broadcast_strides(b, y->rank, y->dims, sb);
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        dtype_set_i64(y->dtype, y->data, i, shift(av[pa], bv[pb], bits, is_signed, left));
        for (int d = y->rank - 1; d >= 0; d--) {
            pa += sa[d], pb += sb[d];
            if (++idx[d] < y->dims[d]) break;
            pa -= sa[d] * y->dims[d], pb -= sb[d] * y->dims[d];
            idx[d] = 0;
        }
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_REQ("direction", ATTR_STRING), {0}};

static naru_dtype unsigned_of(naru_dtype d) {
    switch (d) {
    case NARU_INT8: return NARU_UINT8;
    case NARU_INT16: return NARU_UINT16;
    case NARU_INT32: return NARU_UINT32;
    case NARU_INT64: return NARU_UINT64;
    default: return NARU_UNDEFINED;
    }
}

/* Signed integers by unsigned ones of the same width. To the right, negative ones as -1 - x, whose sign bit is 0. */
static naru_status down28(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *y = lw_in(n, 1), *ones, *negative = NULL;
    naru_dtype d = lw_dtype(x), u = unsigned_of(d);
    bool right = lw_text_is(n, DIRECTION, "RIGHT");
    if (!u) return NARU_OK;
    if (right) {
        ones = lw_number(c, d, -1);
        negative = LW(c, "Less", x, lw_number(c, d, 0));
        x = LW(c, "Where", negative, LW(c, "Sub", ones, x), x);
    }
    x = lw_cast(c, x, u);
    y = lw_cast(c, y, u);
    lw_attr(c, n, DIRECTION);
    value *z = lw_cast(c, LW(c, "BitShift", x, y), d);
    if (right) z = LW(c, "Where", negative, LW(c, "Sub", ones, z), z);
    return lw_replace(c, n, z);
}

const op_desc op_BitShift = {
    .name = "BitShift",
    .versions = (const short[]){11, 28, 0},
    .sig = "X:T, Y:T -> Z:T | T = int",
    .since = "T 28 int8 int16 int32 int64",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{28, down28}, {0}},
};
