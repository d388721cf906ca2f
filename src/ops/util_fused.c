/* SPDX-License-Identifier: MIT
 *
 * See util_fused.h. Reference evaluation: plain, in double.
 */
#include "ops/util_fused.h"

#include <math.h>
#include <string.h>

#include "ops/util_choice.h"
#include "tensor/dtype.h"

enum { NONE, RELU, CLIP, LEAKY, SIGMOID, TANH, HARDSIGMOID, HARDSWISH, SWISH, GELU, GELU_TANH };
static const char *const k_names[] = {"",          "Relu",  "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid",
                                      "HardSwish", "Swish", "Gelu", "GeluTanh",  NULL};

naru_status fused_check_activation(infer_ctx *c, int name_index) {
    int kind;
    return util_choice(c, name_index, k_names, &kind);
}

static double clip(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

static double activate(int kind, double x, double p, double q) {
    switch (kind) {
    case RELU: return x < 0 ? 0 : x;
    case CLIP: return clip(x, p, q);
    case LEAKY: return x < 0 ? p * x : x;
    case SIGMOID: return 1 / (1 + exp(-x));
    case TANH: return tanh(x);
    case HARDSIGMOID: return clip(p * x + q, 0, 1);
    case HARDSWISH: return x * clip(x / 6 + 0.5, 0, 1);
    case SWISH: return x / (1 + exp(-x));
    case GELU: return x * 0.5 * (1 + erf(x * 0.70710678118654752440));
    case GELU_TANH: return x * 0.5 * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    default: return x;
    }
}

static double param(const node *n, int index, size_t i, double dflt) {
    return node_has(n, index) && i < n->attrs[index].count ? (double)n->attrs[index].floats[i] : dflt;
}

void fused_finish(eval_ctx *c, naru_tensor *y, const naru_tensor *residual, int name_index, int params_index) {
    int kind = choice_of(choice_text(c->node, name_index), k_names);
    static const double p0[] = {[CLIP] = -INFINITY, [LEAKY] = 0.01f, [HARDSIGMOID] = 0.2f, [GELU_TANH] = 0};
    static const double q0[] = {[CLIP] = INFINITY, [HARDSIGMOID] = 0.5f, [GELU_TANH] = 0};
    double p = param(c->node, params_index, 0, p0[kind]), q = param(c->node, params_index, 1, q0[kind]);
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        double v = dtype_get_f64(y->dtype, y->data, i);
        if (residual) v += dtype_get_f64(residual->dtype, residual->data, i);
        dtype_set_f64(y->dtype, y->data, i, activate(kind, v, p, q));
    }
}

static void to_first(int rank, const int64_t *last, int64_t *first) {
    first[0] = last[0], first[1] = last[rank - 1];
    for (int d = 2; d < rank; d++) first[d] = last[d - 1];
}
static void to_last(int rank, const int64_t *first, int64_t *last) {
    last[0] = first[0], last[rank - 1] = first[1];
    for (int d = 2; d < rank; d++) last[d - 1] = first[d];
}

naru_status last_infer(infer_ctx *c, const op_desc *inner, int nin, bool last) {
    int rank = in_rank(c, 0);
    if (!last || rank < 0) { /* channels-last of unknown rank: the output's rank is unknown too */
        infer_ctx plain = *c;
        plain.nin = c->nin < nin ? c->nin : nin;
        return inner->infer(&plain);
    }
    if (rank < 3) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 3 or more", rank);
    fact x = *c->in[0];
    x.constant = NULL, x.elems = NULL;
    to_first(rank, c->in[0]->type.dims, x.type.dims);
    const fact *in[4] = {&x};
    for (int i = 1; i < nin && i < c->nin; i++) in[i] = c->in[i];
    infer_ctx plain = *c;
    plain.in = in, plain.nin = c->nin < nin ? c->nin : nin;
    TRY(inner->infer(&plain));
    type *y = &c->out[0].type;
    if (!y->has_rank) return NARU_OK;
    dim_t dims[NARU_MAX_RANK];
    to_last(y->rank, y->dims, dims);
    memcpy(y->dims, dims, sizeof(dim_t) * (size_t)y->rank);
    return NARU_OK;
}

/* dst [n, c, pixels] <-> src [n, pixels, c]. */
static void turn(void *dst, const void *src, int64_t n, int64_t a, int64_t b, size_t size) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < a; j++)
            for (int64_t k = 0; k < b; k++)
                memcpy((char *)dst + (size_t)((i * b + k) * a + j) * size,
                       (const char *)src + (size_t)((i * a + j) * b + k) * size, size);
}

naru_status last_eval(eval_ctx *c, const op_desc *inner, int nin, bool last) {
    eval_ctx plain = *c;
    plain.nin = c->nin < nin ? c->nin : nin;
    naru_tensor *y = eval_out(c, 0);
    if (!last) return inner->eval(&plain);
    const naru_tensor *x = eval_in(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    int64_t dims[NARU_MAX_RANK], rank = x->rank, size = naru_dtype_bits(x->dtype) / 8;
    naru_tensor tx, ty;
    memset(&tx, 0, sizeof tx), memset(&ty, 0, sizeof ty);
    to_first(x->rank, x->dims, dims);
    tensor_describe(&tx, x->dtype, x->rank, dims);
    to_first(y->rank, y->dims, dims);
    tensor_describe(&ty, y->dtype, y->rank, dims);
    tx.data = eval_scratch(c, tensor_bytes(x) + 1), ty.data = eval_scratch(c, tensor_bytes(y) + 1);
    if (!tx.data || !ty.data) return NARU_OUT_OF_MEMORY;
    int64_t pixels = 1, out_pixels = 1;
    for (int d = 2; d < rank; d++) pixels *= tx.dims[d], out_pixels *= ty.dims[d];
    turn(tx.data, x->data, x->dims[0], pixels, tx.dims[1], (size_t)size);
    naru_value vx = {.kind = NARU_KIND_TENSOR, .tensor = &tx}, vy = {.kind = NARU_KIND_TENSOR, .tensor = &ty};
    naru_value *in[4] = {&vx}, *out[1] = {&vy};
    for (int i = 1; i < plain.nin; i++) in[i] = c->in[i];
    static const bool wanted[1] = {true};
    plain.in = in, plain.out = out, plain.nout = 1, plain.out_wanted = wanted;
    TRY(inner->eval(&plain));
    turn(y->data, ty.data, ty.dims[0], ty.dims[1], out_pixels, (size_t)size);
    return NARU_OK;
}
