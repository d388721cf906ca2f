/* SPDX-License-Identifier: MIT
 *
 * Quantized operators other than products: computed on the numbers that the integers stand for, rounded once into the
 * result's scale. Scalars only change scale and zero point.
 */
#include <math.h>

#include "script/aten/quant.h"

static sten *number_of(lower *L, int i) { return quant_to_float(L, arg_tensor(L, i)); }

static int type_of(lower *L, int i) {
    sten *x = arg_tensor(L, i);
    return lower_ok(L) && x->q ? x->q->type : 13;
}

/* A result of x's type with the scale and zero point of arguments `at` and `at + 1`. */
static void give(lower *L, sten *y, int like, int at) {
    double scale = arg_float(L, at);
    int64_t zero = arg_int(L, at + 1);
    if (quant_check(L, arg_tensor(L, like), L->op->schema->name))
        ret_tensor(L, quant_as(L, y, type_of(L, like), scale, zero));
}

/* ---- two tensors: (qa, qb, scale, zero_point) ---- */
static void binary(lower *L, const op_desc *op, bool with_relu) {
    sten *y = lower_op(L, op, NULL, 2, (sten *[]){number_of(L, 0), number_of(L, 1)});
    give(L, with_relu ? EMIT(Relu, y) : y, 0, 2);
}

void aten_q_add(lower *L) { binary(L, &op_Add, false); }
void aten_q_add_relu(lower *L) { binary(L, &op_Add, true); }
void aten_q_mul(lower *L) { binary(L, &op_Mul, false); }
void aten_q_mul_relu(lower *L) { binary(L, &op_Mul, true); }
void aten_q_matmul(lower *L) { give(L, nn_matmul(L, number_of(L, 0), number_of(L, 1)), 0, 2); }

/* ---- a tensor and a scalar ---- */
static sten *clipped(lower *L, sten *x, double zero) { /* integers from the zero point on */
    return zero > 0 || t_dtype(L, x) == NARU_INT8 ? EMIT(Max, x, lit(L, t_dtype(L, x), zero)) : x;
}

static double scalar_of(lower *L, int i) { return arg_float(L, i); }

/* x + c: other parameters for the same integers while the zero point stays in range, else requantized. */
static void add_scalar(lower *L, int tensor, int scalar, bool with_relu) {
    sten *x = arg_tensor(L, tensor);
    double c = scalar_of(L, scalar);
    if (!quant_check(L, x, "quantized::add_scalar")) return;
    int64_t low, high;
    quant_limits(x->q->type, &low, &high);
    double scale = x->q->scale, zero = (double)x->q->zero_point, by = nearbyint(c / scale), to = zero - by;
    sten *r;
    if (to >= (double)low && to <= (double)high) {
        r = quant_give(L, quant_ints(L, x), quant_new(L, x->q->type, scale, (int64_t)to));
    } else {
        double wide =
            to < (double)low ? ((double)high - to) / (double)(high - low) : (to - (double)low) / (double)(high - low);
        double s = scale * wide, z = to < (double)low ? (double)low : (double)high;
        sten *v = EMIT(Mul, EMIT(Sub, cast(L, quant_ints(L, x), NARU_FLOAT), lit(L, NARU_FLOAT, to)),
                       lit(L, NARU_FLOAT, scale));
        r = quant_as(L, v, x->q->type, s, (int64_t)z);
    }
    if (with_relu && r) r = quant_give(L, clipped(L, quant_ints(L, r), (double)r->q->zero_point), squant_ref(r->q));
    ret_tensor(L, r);
}

void aten_q_add_scalar(lower *L) { add_scalar(L, 0, 1, false); }
void aten_q_add_scalar_relu(lower *L) { add_scalar(L, 0, 1, true); }
void aten_q_scalar_add(lower *L) { add_scalar(L, 1, 0, false); }
void aten_q_scalar_add_relu(lower *L) { add_scalar(L, 1, 0, true); }

/* x c: the scale takes c; a negative one turns the integers around; zero gives zeros. */
static void mul_scalar(lower *L, int tensor, int scalar, bool with_relu) {
    sten *x = arg_tensor(L, tensor), *r;
    double c = scalar_of(L, scalar);
    if (!quant_check(L, x, "quantized::mul_scalar")) return;
    int64_t low, high, zero = x->q->zero_point;
    quant_limits(x->q->type, &low, &high);
    int qtype = x->q->type;
    sten *v = quant_ints(L, x);
    if (c > 0) {
        r = quant_give(L, v, quant_new(L, qtype, x->q->scale * c, zero));
    } else if (c == 0) {
        r = quant_give(L, EMIT(Mul, v, lit(L, t_dtype(L, v), 0)), quant_new(L, qtype, 1, 0));
    } else {
        sten *turned = EMIT(Sub, lit(L, NARU_INT32, (double)(low + high)), cast(L, v, NARU_INT32));
        r = quant_give(L, cast(L, turned, t_dtype(L, v)), quant_new(L, qtype, x->q->scale * -c, low + high - zero));
    }
    if (with_relu && r) r = quant_give(L, clipped(L, quant_ints(L, r), (double)r->q->zero_point), squant_ref(r->q));
    ret_tensor(L, r);
}

void aten_q_mul_scalar(lower *L) { mul_scalar(L, 0, 1, false); }
void aten_q_mul_scalar_relu(lower *L) { mul_scalar(L, 0, 1, true); }
void aten_q_scalar_mul(lower *L) { mul_scalar(L, 1, 0, false); }
void aten_q_scalar_mul_relu(lower *L) { mul_scalar(L, 1, 0, true); }

/* ---- cat: (qx, dim, scale, zero_point), those of the first tensor when None ---- */
static void cat(lower *L, bool with_relu) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    if (!lower_ok(L)) return;
    if (n == 0 || !quant_check(L, t[0], "quantized::cat")) {
        lower_raise(L, "RuntimeError", "quantized::cat: expected a non-empty list of quantized tensors");
        return;
    }
    double scale = arg_float_or(L, 2, t[0]->q->scale);
    int64_t zero = arg_int_or(L, 3, t[0]->q->zero_point);
    int axis = arg_axis(L, 1, t_rank(L, t[0])), qtype = t[0]->q->type;
    for (int i = 0; i < n && lower_ok(L); i++) t[i] = quant_to_float(L, t[i]);
    sten *y = lower_ok(L) ? nn_concat(L, axis, n, t) : NULL;
    ret_tensor(L, quant_as(L, with_relu ? EMIT(Relu, y) : y, qtype, scale, zero));
}

void aten_q_cat(lower *L) { cat(L, false); }
void aten_q_cat_relu(lower *L) { cat(L, true); }

/* ---- normalisation ---- */
static void batch_norm(lower *L, bool with_relu) { /* (qx, weight, bias, mean, var, eps, scale, zero_point) */
    sten *x = number_of(L, 0), *w = arg_tensor_opt(L, 1), *b = arg_tensor_opt(L, 2), *mean = arg_tensor(L, 3);
    sv c = t_dim(L, mean, 0);
    if (!w) w = nn_filled(L, NARU_FLOAT, 1, c);
    if (!b) b = nn_filled(L, NARU_FLOAT, 0, c);
    sten *y = EMITA(BatchNormalization, ATTRS(AF("epsilon", arg_float(L, 5))), x, w, b, mean, arg_tensor(L, 4));
    give(L, with_relu ? EMIT(Relu, y) : y, 0, 6);
}

void aten_q_batch_norm(lower *L) { batch_norm(L, false); }
void aten_q_batch_norm_relu(lower *L) { batch_norm(L, true); }

/* The float operator on the numbers: its arguments are the first n of ours, in its order. */
static void by_float(lower *L, lower_fn fn, int n, int at) {
    sv args[12], out[1];
    for (int i = 0; i < n; i++) args[i] = arg(L, i);
    args[0] = sv_of(number_of(L, 0));
    lower_call(L, fn, n, args, 1, out);
    if (lower_ok(L)) give(L, sv_tensor(out[0]), 0, at);
}

void aten_q_layer_norm(lower *L) { by_float(L, aten_layer_norm, 5, 5); }
void aten_q_group_norm(lower *L) { by_float(L, aten_group_norm, 5, 5); }
void aten_q_instance_norm(lower *L) { /* (input, weight, bias, eps, scale, zero_point) */
    sv args[9] = {sv_of(number_of(L, 0)), arg(L, 1),     arg(L, 2), sv_none(),     sv_none(),
                  sv_bool(true),          sv_float(0.1), arg(L, 3), sv_bool(false)};
    sv out[1];
    lower_call(L, aten_instance_norm, 9, args, 1, out);
    if (lower_ok(L)) give(L, sv_tensor(out[0]), 0, 4);
}

/* ---- functions ---- */
void aten_q_hardswish(lower *L) { by_float(L, aten_hardswish, 1, 1); }
void aten_q_sigmoid(lower *L) { by_float(L, aten_sigmoid, 1, 1); }
void aten_q_leaky_relu(lower *L) { by_float(L, aten_leaky_relu, 2, 3); }
void aten_q_prelu(lower *L) { by_float(L, aten_prelu, 2, 2); }
void aten_q_dropout(lower *L) { give(L, number_of(L, 0), 0, 1); }

static void elu(lower *L, lower_fn fn, int n) { /* (self, scale, zero_point, alpha, ...) */
    sv args[4] = {sv_of(number_of(L, 0)), arg(L, 3), n > 2 ? arg(L, 4) : sv_none(), n > 3 ? arg(L, 5) : sv_none()},
       out[1];
    lower_call(L, fn, n, args, 1, out);
    if (lower_ok(L)) give(L, sv_tensor(out[0]), 0, 1);
}
void aten_q_elu(lower *L) { elu(L, aten_elu, 4); }
void aten_q_celu(lower *L) { elu(L, aten_celu, 2); }

void aten_q_softmax(lower *L) { /* (qx, dim, scale, zero_point) */
    sten *x = number_of(L, 0);
    give(L, EMITA(Softmax, ATTRS(AI("axis", arg_axis(L, 1, t_rank(L, x)))), x), 0, 2);
}

/* quantized::relu6 and kin are the plain functions, which know quantized tensors; their last argument says in place. */
void aten_q_relu6(lower *L) {
    sv args[1] = {arg(L, 0)}, out[1];
    lower_call(L, aten_relu6, 1, args, 1, out);
    if (lower_ok(L)) ret_tensor(L, sv_tensor(out[0]));
}
