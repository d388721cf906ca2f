/* SPDX-License-Identifier: MIT
 *
 * Activation functions, each as the operator or composition that exporters choose.
 */
#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"
#include "script/aten/quantized_pointwise.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>

/* Floats only, as PyTorch has them; `kernel` is what its message calls the function. */
static sten *float_arg_of(lower *L, const char *kernel) {
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    if (!dtype_is_float(d)) lower_raise(L, "RuntimeError", "\"%s\" not implemented for '%s'", kernel, sten_type_name(d));
    return x;
}

static sten *float_arg(lower *L) {
    char kernel[64];
    snprintf(kernel, sizeof kernel, "%s_cpu", L->op->schema->name + 6); /* behind "aten::" */
    return float_arg_of(L, kernel);
}

/* Attributes are single floats: doubles take compositions instead. */
static bool is_double(lower *L, sten *x) { return t_dtype(L, x) == NARU_DOUBLE; }

static sten *constant(lower *L, sten *x, double v) { return lit(L, t_dtype(L, x), v); }

void aten_relu(lower *L) {
    if (quantized_alike(L, aten_relu)) return;
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    if (d == NARU_BOOL) lower_raise(L, "RuntimeError", "Boolean inputs not supported for relu");
    if (dtype_is_int(d) && !dtype_is_signed(d)) ret_tensor(L, fresh(L, x));
    else ret_tensor(L, EMIT(Relu, x));
}

static sten *leaky(lower *L, sten *x, double slope) {
    if (!is_double(L, x)) return EMITA(LeakyRelu, ATTRS(AF("alpha", slope)), x);
    return ar_where(L, EMIT(Greater, x, constant(L, x, 0)), x, ar_mulc(L, x, slope));
}
void aten_leaky_relu(lower *L) {
    if (quantized_alike(L, aten_leaky_relu)) return;
    sten *x = float_arg(L);
    ret_tensor(L, leaky(L, x, arg_float(L, 1)));
}

/* The slopes lie along dim 1 of x, or there is one for all. */
void aten_prelu(lower *L) {
    sten *x = float_arg(L), *w = arg_tensor(L, 1);
    int rank = t_rank(L, x), wr = t_rank(L, w);
    if (t_dtype(L, x) != t_dtype(L, w))
        lower_raise(L, "RuntimeError", "prelu: Type promoting not supported. Got %s and %s",
                    sten_type_name(t_dtype(L, x)), sten_type_name(t_dtype(L, w)));
    if (wr == 1 && !t_dim_is(L, w, 0, 1) && rank > 2) {
        sv dims[NARU_MAX_RANK];
        for (int i = 0; i < rank - 1; i++) dims[i] = i ? sv_int(1) : t_dim(L, w, 0);
        w = view_shape(L, w, rank - 1, dims, false);
    } else if (wr == 1 && (rank < 2 || t_dim_is(L, w, 0, 1)) && rank != 1) {
        w = view_shape(L, w, 0, NULL, false);
    }
    ret_tensor(L, EMIT(PRelu, x, w));
}
void aten_prelu_kernel(lower *L) {
    sten *x = float_arg(L);
    ret_tensor(L, EMIT(PRelu, x, arg_tensor(L, 1)));
}

static sten *elu(lower *L, sten *x, double alpha, double scale, double inner) {
    if (inner == 1 && !is_double(L, x)) {
        sten *y = EMITA(Elu, ATTRS(AF("alpha", alpha)), x);
        return scale == 1 ? y : ar_mulc(L, y, scale);
    }
    sten *low = ar_mulc(L, ar_addc(L, EMIT(Exp, ar_mulc(L, x, inner)), -1), alpha * scale);
    return ar_where(L, EMIT(LessOrEqual, x, constant(L, x, 0)), low, ar_mulc(L, x, scale));
}
void aten_elu(lower *L) {
    if (quantized_alike(L, aten_elu)) return;
    sten *x = float_arg(L);
    ret_tensor(L, elu(L, x, arg_float(L, 1), arg_float(L, 2), arg_float(L, 3)));
}
void aten_selu(lower *L) {
    sten *x = float_arg_of(L, "elu_cpu");
    const double alpha = 1.6732632423543772848170429916717, scale = 1.0507009873554804934193349852946;
    ret_tensor(L, is_double(L, x) ? elu(L, x, alpha, scale, 1) : EMIT(Selu, x));
}
void aten_celu(lower *L) {
    if (quantized_alike(L, aten_celu)) return;
    sten *x = float_arg_of(L, "elu_cpu");
    double alpha = arg_float(L, 1);
    if (alpha == 0) lower_raise(L, "RuntimeError", "ZeroDivisionError: alpha cannot be 0 for CELU");
    ret_tensor(L, is_double(L, x) ? elu(L, x, alpha, 1, 1 / alpha) : EMITA(Celu, ATTRS(AF("alpha", alpha)), x));
}

void aten_gelu(lower *L) {
    if (quantized_alike(L, aten_gelu)) return;
    sten *x = float_arg(L);
    const char *form = arg_str(L, 1);
    if (strcmp(form, "none") != 0 && strcmp(form, "tanh") != 0)
        lower_raise(L, "RuntimeError", "approximate argument must be either none or tanh.");
    ret_tensor(L, EMITA(Gelu, ATTRS(AS("approximate", !strcmp(form, "tanh") ? "tanh" : "none")), x));
}

static cplx c_silu(cplx z) { return z / (1 + cexp(-z)); }
void aten_silu(lower *L) {
    sten *x = arg_tensor(L, 0);
    if (dtype_is_complex(t_dtype(L, x))) {
        ret_tensor(L, cmap1(L, x, c_silu));
        return;
    }
    x = float_arg(L);
    ret_tensor(L, lower_recording(L) ? EMIT(Mul, x, EMIT(Sigmoid, x)) : EMIT(Swish, x));
}
void aten_mish(lower *L) {
    sten *x = float_arg(L);
    ret_tensor(L, lower_recording(L) ? EMIT(Mul, x, EMIT(Tanh, EMIT(Softplus, x))) : EMIT(Mish, x));
}
void aten_hardswish(lower *L) {
    if (quantized_alike(L, aten_hardswish)) return;
    sten *x = float_arg(L);
    ret_tensor(L, EMIT(HardSwish, x));
}
void aten_hardsigmoid(lower *L) {
    if (quantized_as(L, aten_hardsigmoid, 1.0 / 256, 0)) return;
    sten *x = float_arg(L);
    if (is_double(L, x))
        ret_tensor(L, EMIT(Clip, ar_addc(L, ar_mulc(L, x, 1.0 / 6), 0.5), constant(L, x, 0), constant(L, x, 1)));
    else ret_tensor(L, EMITA(HardSigmoid, ATTRS(AF("alpha", 1.0 / 6), AF("beta", 0.5)), x));
}

/* log sigmoid(x) = -softplus(-x) */
static sten *log_sigmoid(lower *L) { return EMIT(Neg, EMIT(Softplus, EMIT(Neg, float_arg(L)))); }
void aten_log_sigmoid(lower *L) { ret_tensor(L, log_sigmoid(L)); }
void aten_log_sigmoid_forward(lower *L) {
    ret_tensor(L, log_sigmoid(L));
    ret_tensor(L, host_new(L, t_dtype(L, arg_tensor(L, 0)), 1, (int64_t[]){0}));
}

void aten_softplus(lower *L) {
    sten *x = float_arg(L);
    double beta = arg_float(L, 1), limit = arg_float(L, 2);
    if (beta == 1 && limit >= 20) {
        ret_tensor(L, EMIT(Softplus, x));
        return;
    }
    sten *bx = beta == 1 ? x : ar_mulc(L, x, beta), *y = EMIT(Softplus, bx);
    if (beta != 1) y = ar_mulc(L, y, 1 / beta);
    ret_tensor(L, ar_where(L, EMIT(Greater, bx, constant(L, x, limit)), x, y));
}

/* x outside of [-l, l]; inside 0. NaN stays. */
void aten_hardshrink(lower *L) {
    sten *x = float_arg(L);
    double l = arg_float(L, 1);
    sten *inside = EMIT(And, EMIT(GreaterOrEqual, x, constant(L, x, -l)), EMIT(LessOrEqual, x, constant(L, x, l)));
    ret_tensor(L, ar_where(L, inside, constant(L, x, 0), x));
}
void aten_softshrink(lower *L) {
    sten *x = float_arg_of(L, "softshrink_check");
    double l = arg_float(L, 1);
    if (l < 0)
        lower_raise(L, "RuntimeError", "lambda must be in range [0, %g] for input dtype %s, but found %g",
                    is_double(L, x) ? 1.79769e308 : 3.40282e38, sten_type_name(t_dtype(L, x)), l);
    sten *above = EMIT(Relu, ar_addc(L, x, -l)), *below = EMIT(Relu, EMIT(Neg, ar_addc(L, x, l)));
    ret_tensor(L, EMIT(Sub, above, below));
}

void aten_threshold(lower *L) {
    if (quantized_alike(L, aten_threshold)) return;
    sten *x = arg_tensor(L, 0);
    naru_dtype d = t_dtype(L, x);
    sten *low = EMIT(LessOrEqual, x, scalar_tensor(L, arg_scalar(L, 1), d));
    ret_tensor(L, ar_where(L, low, scalar_tensor(L, arg_scalar(L, 2), d), x));
}

void aten_glu(lower *L) {
    sten *x = float_arg(L);
    int rank = t_rank(L, x);
    if (lower_ok(L) && rank == 0) lower_raise(L, "RuntimeError", "glu does not support 0-dimensional tensors");
    int dim = arg_axis(L, 1, rank);
    sv size = t_dim(L, x, dim), half = s_floordiv(L, size, sv_int(2));
    if (size.tag == SV_INT && size.i % 2)
        lower_raise(L, "RuntimeError", "Halving dimension must be even, but dimension %d is size %lld", dim,
                    (long long)size.i);
    sten *a = view_slice(L, x, dim, sv_int(0), half, 1), *b = view_slice(L, x, dim, half, size, 1);
    ret_tensor(L, EMIT(Mul, a, EMIT(Sigmoid, b)));
}

/* ---- random slopes: their mean when not training ---- */
static sten *random_slopes(lower *L, sten *x, double lo, double hi) {
    if (!eager_only(L) || !x) return NULL;
    int64_t n = host_count(x);
    double *v = host_scratch(L, (size_t)n * sizeof *v);
    for (int64_t i = 0; v && i < n; i++) v[i] = lo + (hi - lo) * host_random(L);
    return v ? host_from_f64(L, t_dtype(L, x), t_rank(L, x), host_dims(x), v) : NULL;
}

static void rrelu(lower *L, int first) {
    sten *x = float_arg_of(L, "leaky_relu_cpu");
    double lo = arg_float(L, first), hi = arg_float(L, first + 1);
    bool training = arg_bool(L, first + 2);
    if (!training) {
        ret_tensor(L, leaky(L, x, (lo + hi) / 2));
        return;
    }
    sten *slope = ar_where(L, EMIT(LessOrEqual, x, constant(L, x, 0)), random_slopes(L, x, lo, hi), constant(L, x, 1));
    if (first == 2) write_to(L, arg_tensor(L, 1), slope);
    ret_tensor(L, EMIT(Mul, x, slope));
}
void aten_rrelu(lower *L) { rrelu(L, 1); }
void aten_rrelu_with_noise(lower *L) { rrelu(L, 2); }

void aten__add_relu(lower *L) {
    sv y;
    lower_call(L, aten_add, L->nargs, L->args, 1, &y);
    ret_tensor(L, EMIT(Relu, sv_tensor(y)));
}
