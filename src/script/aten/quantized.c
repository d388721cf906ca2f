/* SPDX-License-Identifier: MIT
 *
 * Quantized linear layers and convolutions on packed parameters, static and dynamic, their packing and unpacking, and
 * the clamped float layers of optimize_for_mobile.
 *
 * Static: exact integer products; the bias in units of both scales, one rounding to the result's scale. Dynamic: the
 * input is measured and quantized at each call, the result is float32.
 */
#include <math.h>

#include "script/aten/quant.h"

/* ---- constants from the packed scales ---- */
static int64_t channels(const packed *p) {
    return p->transposed ? p->weight->t.dims[1] * p->groups : p->weight->t.dims[0];
}

static double weight_scale(const packed *p, int64_t i) {
    const float *s = p->scale->t.data;
    return s[p->scale->t.rank ? i : 0];
}

/* x scale * weight scale / result scale, of one element or one per channel. */
static sten *multiplier(lower *L, const packed *p, double x_scale, double y_scale) {
    int64_t n = p->scale->t.rank ? channels(p) : 1;
    double *v = host_scratch(L, (size_t)n * sizeof *v);
    for (int64_t i = 0; v && i < n; i++) v[i] = (double)((float)x_scale * (float)weight_scale(p, i) / (float)y_scale);
    return v ? nn_constant(L, NARU_FLOAT, p->scale->t.rank, &n, v) : NULL;
}

/* The bias as int32 in units of x scale * weight scale; NULL without one. */
static sten *whole_bias(lower *L, const packed *p, double x_scale) {
    if (!p->bias || !lower_ok(L)) return NULL;
    int64_t n = p->bias->t.dims[0];
    const float *b = host_data(L, p->bias);
    double *v = host_scratch(L, ((size_t)n + 1) * sizeof *v);
    for (int64_t i = 0; b && v && i < n; i++) {
        double q = nearbyint((double)b[i] / ((double)(float)x_scale * weight_scale(p, i)));
        v[i] = fmin(fmax(q, INT32_MIN), INT32_MAX);
    }
    return b && v ? nn_constant(L, NARU_INT32, 1, &n, v) : NULL;
}

/* ---- linear ---- */
static sten *accumulate(lower *L, sten *x, sten *x_zero, const packed *p) { /* int32; x [..., in] */
    return EMIT(MatMulInteger, x, p->w, x_zero, p->zero);
}

static bool check_linear(lower *L, sten *x, const packed *p) {
    if (!p || !lower_ok(L)) return false;
    int rank = t_rank(L, x);
    if (rank < 1) lower_raise(L, "RuntimeError", "The dimension of the input tensor should be larger than 0");
    sv in = rank ? t_dim(L, x, rank - 1) : sv_int(0);
    if (lower_ok(L) && in.tag == SV_INT && in.i != p->weight->t.dims[1])
        lower_raise(L, "RuntimeError", "The number of rows in the packB should be equal to K: %lld", (long long)in.i);
    return lower_ok(L);
}

static sten *from_vector(lower *L, sten *x, bool *was) { /* a product wants rows */
    *was = t_rank(L, x) == 1;
    return *was ? view_unsqueeze(L, x, 0) : x;
}
static sten *to_vector(lower *L, sten *y, bool was) { return was ? view_select(L, y, 0, sv_int(0)) : y; }

typedef sten *(*after_fn)(lower *L, sten *y);
static sten *no_more(lower *L, sten *y) { return y; }
static sten *relu(lower *L, sten *y) { return EMIT(Relu, y); }

static void linear_static(lower *L, after_fn after) {
    sten *x = arg_tensor(L, 0);
    const packed *p = arg_packed(L, 1, PACKED_LINEAR);
    double y_scale = arg_float(L, 2);
    int64_t y_zero = arg_int(L, 3);
    bool vector;
    if (!quant_check(L, x, "quantized::linear") || !check_linear(L, x, p)) return;
    if (p->kind != PACKED_LINEAR) {
        lower_raise(L, "RuntimeError", "quantized::linear: the weight is not quantized");
        return;
    }
    double x_scale = x->q->scale;
    sten *zero = lit(L, t_dtype(L, x), (double)x->q->zero_point);
    sten *acc = accumulate(L, from_vector(L, quant_ints(L, x), &vector), zero, p);
    acc = nn_add(L, acc, whole_bias(L, p, x_scale));
    bool in_units = after == no_more || after == relu; /* these do not mind the scale */
    sten *y = EMIT(Mul, cast(L, acc, NARU_FLOAT), multiplier(L, p, x_scale, in_units ? y_scale : 1));
    y = to_vector(L, after(L, y), vector);
    squant *q = quant_new(L, 13, y_scale, y_zero);
    if (!q) return;
    if (!in_units) {
        ret_tensor(L, quant_from_float(L, y, q));
        return;
    }
    q->scale = 1;
    sten *r = quant_from_float(L, y, q);
    if (r) r->q->scale = y_scale;
    ret_tensor(L, r);
}

static sten *leaky(lower *L, sten *y) { return EMITA(LeakyRelu, ATTRS(AF("alpha", arg_float(L, 4))), y); }
static sten *tanh_of(lower *L, sten *y) { return EMIT(Tanh, y); }

void aten_quantized_linear(lower *L) { linear_static(L, no_more); }
void aten_quantized_linear_relu(lower *L) { linear_static(L, relu); }
void aten_quantized_linear_leaky_relu(lower *L) { linear_static(L, leaky); }
void aten_quantized_linear_tanh(lower *L) { linear_static(L, tanh_of); }

sten *quant_linear_dynamic(lower *L, sten *x, const packed *p, bool reduced) {
    sten *scale, *zero;
    bool vector;
    if (!check_linear(L, x, p)) return NULL;
    if (p->kind == PACKED_HALF) return nn_linear(L, cast(L, x, NARU_FLOAT), p->w, p->bias);
    sten *v = quant_measured(L, x, 13, reduced, &scale, &zero);
    sten *acc = accumulate(L, from_vector(L, v, &vector), zero, p);
    sten *y = EMIT(Mul, cast(L, acc, NARU_FLOAT), EMIT(Mul, scale, p->scale));
    return to_vector(L, nn_add(L, y, p->bias), vector);
}

void aten_quantized_linear_dynamic(lower *L) {
    ret_tensor(L, quant_linear_dynamic(L, arg_tensor(L, 0), arg_packed(L, 1, PACKED_LINEAR), arg_bool_or(L, 2, false)));
}
void aten_quantized_linear_relu_dynamic(lower *L) {
    sten *y = quant_linear_dynamic(L, arg_tensor(L, 0), arg_packed(L, 1, PACKED_LINEAR), arg_bool_or(L, 2, false));
    ret_tensor(L, EMIT(Relu, y));
}

/* (X, X_scale, X_zero_point, W): X is float and quantized so. */
static sten *linear_given(lower *L) {
    double scale = arg_float(L, 1);
    int64_t zero = arg_int(L, 2);
    const packed *p = arg_packed(L, 3, PACKED_LINEAR);
    sten *x = quant_to_float(L, quant_as(L, arg_tensor(L, 0), 13, scale, zero));
    if (!check_linear(L, x, p)) return NULL;
    return nn_linear(L, x, p->kind == PACKED_HALF ? p->w : quant_to_float(L, p->weight), p->bias);
}
void aten_quantized_linear_given(lower *L) { ret_tensor(L, linear_given(L)); }
void aten_quantized_linear_given_relu(lower *L) { ret_tensor(L, EMIT(Relu, linear_given(L))); }

/* ---- convolution ---- */
typedef struct window {
    int n;
    int64_t pads[6];
} window;

static window window_of(const packed *p) {
    window w = {.n = p->axes};
    for (int i = 0; i < p->axes; i++) w.pads[i] = w.pads[p->axes + i] = p->padding[i];
    return w;
}

/* conv1d is packed as an image of height 1. */
static sten *as_image(lower *L, sten *x, const packed *p, bool *flat) {
    *flat = p && p->axes == 2 && t_rank(L, x) == 3;
    return *flat ? view_unsqueeze(L, x, 2) : x;
}

static bool check_conv(lower *L, sten *x, const packed *p, const char *who) {
    if (!lower_ok(L) || !p) return false;
    if (t_rank(L, x) != p->axes + 2)
        lower_raise(L, "RuntimeError", "%s: Expected %d-dimensional input, got %d", who, p->axes + 2, t_rank(L, x));
    sv c = t_dim(L, x, 1);
    int64_t want = p->transposed ? p->weight->t.dims[0] : p->weight->t.dims[1] * p->groups;
    if (lower_ok(L) && c.tag == SV_INT && c.i != want)
        lower_raise(L, "RuntimeError", "%s: the input has %lld channels, the weight takes %lld", who, (long long)c.i,
                    (long long)want);
    return lower_ok(L);
}

static sten *float_conv(lower *L, sten *x, const packed *p, sten *w) {
    window g = window_of(p);
    int n = p->axes;
    sten *in[3] = {x, w, p->bias};
    if (p->transposed)
        return lower_op(L, &op_ConvTranspose,
                        ATTRS(AV("strides", p->stride, n), AV("pads", g.pads, 2 * n), AV("dilations", p->dilation, n),
                              AV("output_padding", p->output_padding, n), AI("group", p->groups)),
                        p->bias ? 3 : 2, in);
    return lower_op(L, &op_Conv,
                    ATTRS(AV("strides", p->stride, n), AV("pads", g.pads, 2 * n), AV("dilations", p->dilation, n),
                          AI("group", p->groups)),
                    p->bias ? 3 : 2, in);
}

static sten *whole_conv(lower *L, sten *x, const packed *p, double y_scale, int64_t y_zero) {
    window g = window_of(p);
    int n = p->axes;
    const squant *q = x->q;
    sten *in[9] = {quant_ints(L, x),
                   lit(L, NARU_FLOAT, q->scale),
                   lit(L, t_dtype(L, x), (double)q->zero_point),
                   p->w,
                   p->scale,
                   p->zero,
                   lit(L, NARU_FLOAT, y_scale),
                   lit(L, NARU_UINT8, (double)y_zero),
                   whole_bias(L, p, q->scale)};
    return lower_op(L, &op_QLinearConv,
                    ATTRS(AV("strides", p->stride, n), AV("pads", g.pads, 2 * n), AV("dilations", p->dilation, n),
                          AI("group", p->groups)),
                    p->bias ? 9 : 8, in);
}

static sten *conv_static(lower *L, sten *x, const packed *p, double y_scale, int64_t y_zero, bool with_relu) {
    bool flat;
    const char *who = "quantized::conv";
    if (!quant_check(L, x, who)) return NULL;
    x = as_image(L, x, p, &flat);
    if (!check_conv(L, x, p, who)) return NULL;
    sten *y;
    if (p->transposed) {
        y = float_conv(L, quant_to_float(L, x), p, p->w);
        y = quant_as(L, with_relu ? EMIT(Relu, y) : y, 13, y_scale, y_zero);
    } else {
        y = whole_conv(L, x, p, y_scale, y_zero);
        if (with_relu && y_zero > 0) y = EMIT(Max, y, lit(L, NARU_UINT8, (double)y_zero));
        y = quant_give(L, y, quant_new(L, 13, y_scale, y_zero));
    }
    return flat ? view_squeeze(L, y, 1, (int64_t[]){2}) : y;
}

static const packed *arg_conv(lower *L, int i) {
    sv v = arg(L, i);
    const packed *p = v.tag == SV_CUSTOM ? packed_of(L, (scustom *)v.o) : NULL;
    return arg_packed(L, i, p && p->kind == PACKED_CONV3 ? PACKED_CONV3 : PACKED_CONV2);
}

static void conv(lower *L, int at, bool with_relu) { /* (qx, packed, ..., output_scale, output_zero_point from `at`) */
    sten *x = arg_tensor(L, 0);
    const packed *p = arg_conv(L, 1);
    double scale = arg_float(L, at);
    ret_tensor(L, conv_static(L, x, p, scale, arg_int(L, at + 1), with_relu));
}

void aten_quantized_conv(lower *L) { conv(L, 2, false); }
void aten_quantized_conv_relu(lower *L) { conv(L, 2, true); }
void aten_quantized_conv_old(lower *L) { conv(L, 6, false); } /* stride, padding, dilation, groups are packed, too */
void aten_quantized_conv_old_relu(lower *L) { conv(L, 6, true); }

static void conv_add(lower *L, bool with_relu) { /* (qx, qaccum, packed, scale, zero_point): the sum is rounded once */
    sten *x = arg_tensor(L, 0), *more = arg_tensor(L, 1);
    const packed *p = arg_conv(L, 2);
    double scale = arg_float(L, 3);
    if (!quant_check(L, x, "quantized::conv2d_add") || !check_conv(L, x, p, "quantized::conv2d_add")) return;
    sten *w = p->transposed ? p->w : quant_to_float(L, p->weight);
    sten *y = EMIT(Add, float_conv(L, quant_to_float(L, x), p, w), quant_to_float(L, more));
    ret_tensor(L, quant_as(L, with_relu ? EMIT(Relu, y) : y, 13, scale, arg_int(L, 4)));
}
void aten_quantized_conv_add(lower *L) { conv_add(L, false); }
void aten_quantized_conv_add_relu(lower *L) { conv_add(L, true); }

void aten_quantized_conv_dynamic(lower *L) { /* (qx, packed, reduce_range): the input quantized, floats convolved */
    sten *x = arg_tensor(L, 0), *scale, *zero;
    const packed *p = arg_conv(L, 1);
    bool flat;
    x = as_image(L, x, p, &flat);
    if (!check_conv(L, x, p, "quantized::conv_dynamic")) return;
    sten *v = quant_measured(L, x, 13, arg_bool(L, 2), &scale, &zero);
    sten *y =
        float_conv(L, EMIT(DequantizeLinear, v, scale, zero), p, p->transposed ? p->w : quant_to_float(L, p->weight));
    ret_tensor(L, flat ? view_squeeze(L, y, 1, (int64_t[]){2}) : y);
}

/* ---- packing ---- */
static sv pair(lower *L, sten *weight, sten *bias) {
    stuple *t = lower_ok(L) ? stuple_new(2, NULL) : NULL;
    if (!t) return sv_of(NULL);
    t->items[0] = sv_keep(sv_of(weight));
    t->items[1] = bias ? sv_keep(sv_of(bias)) : sv_none();
    return sv_of(t);
}

void aten_quantized_linear_prepack(lower *L) {
    ret_packed(L, PACKED_LINEAR, pair(L, arg_tensor(L, 0), arg_tensor_opt(L, 1)));
}

/* float16 weights: the state holds them rounded, as floats. */
void aten_quantized_linear_prepack_half(lower *L) {
    sten *w = cast(L, arg_tensor(L, 0), NARU_FLOAT);
    w = EMIT(Clip, w, lit(L, NARU_FLOAT, -65504), lit(L, NARU_FLOAT, 65504));
    ret_packed(L, PACKED_HALF, pair(L, cast(L, cast(L, w, NARU_FLOAT16), NARU_FLOAT), arg_tensor_opt(L, 1)));
}

static sv list_of_two(sten *a, sten *b, bool one) {
    slist *l = slist_new(&stype_tensor, 2);
    if (!l || !slist_push(l, a ? sv_keep(sv_of(a)) : sv_none()) || (!one && !slist_push(l, sv_keep(sv_of(b))))) {
        if (l) sobj_release(&l->head);
        return sv_of(NULL);
    }
    return sv_of(l);
}

/* ("2", [numbers, weight], [bias]) */
static sv conv_state(lower *L, sten *weight, sten *bias, int n, const int64_t *numbers) {
    int64_t count = 4 * n + 3;
    sten *v = host_new(L, NARU_INT16, 1, &count);
    stuple *t = lower_ok(L) ? stuple_new(3, NULL) : NULL;
    if (!t) return sv_of(NULL);
    for (int64_t i = 0; i < count; i++)
        ((int16_t *)v->t.data)[i] = (int16_t)i64_max(INT16_MIN, i64_min(numbers[i], INT16_MAX));
    t->items[0] = sv_strz("2");
    t->items[1] = list_of_two(v, weight, false);
    t->items[2] = list_of_two(bias, NULL, true);
    for (int i = 0; i < 3; i++)
        if (t->items[i].tag == SV_UNINIT) {
            sobj_release(&t->head);
            return sv_of(NULL);
        }
    return sv_of(t);
}

/* (weight, bias, stride, padding, [output_padding,] dilation, groups); conv1d becomes an image of height 1. */
static void conv_prepack(lower *L, int given, bool transposed) {
    int n = given == 1 ? 2 : given, at = 2;
    int64_t v[16] = {n},
            *part[4] = {v + 1, v + 1 + n, v + 1 + 2 * n, v + 1 + 3 * n}; /* stride, padding, dilation, output */
    int order[4] = {0, 1, transposed ? 3 : 2, 2};
    sten *w = arg_tensor(L, 0), *b = arg_tensor_opt(L, 1);
    for (int k = 0; k < (transposed ? 4 : 3) && lower_ok(L); k++) {
        int64_t *to = part[order[k]];
        arg_ints_n(L, at++, given, to);
        if (given == 1) to[1] = to[0], to[0] = order[k] == 0 || order[k] == 2 ? 1 : 0;
    }
    v[1 + 4 * n] = arg_int(L, at);
    v[2 + 4 * n] = transposed;
    if (given == 1 && w) w = view_unsqueeze(L, w, 2);
    ret_packed(L, n == 3 ? PACKED_CONV3 : PACKED_CONV2, lower_ok(L) ? conv_state(L, w, b, n, v) : sv_of(NULL));
}

void aten_quantized_conv1d_prepack(lower *L) { conv_prepack(L, 1, false); }
void aten_quantized_conv2d_prepack(lower *L) { conv_prepack(L, 2, false); }
void aten_quantized_conv3d_prepack(lower *L) { conv_prepack(L, 3, false); }
void aten_quantized_conv_transpose1d_prepack(lower *L) { conv_prepack(L, 1, true); }
void aten_quantized_conv_transpose2d_prepack(lower *L) { conv_prepack(L, 2, true); }
void aten_quantized_conv_transpose3d_prepack(lower *L) { conv_prepack(L, 3, true); }

/* ---- unpacking ---- */
static void give_parts(lower *L, sten *weight, sten *bias) {
    ret_tensor(L, weight);
    if (bias) ret_tensor(L, bias);
    else ret_value(L, sv_none());
}

void aten_quantized_linear_unpack(lower *L) {
    const packed *p = arg_packed(L, 0, PACKED_LINEAR);
    if (p) give_parts(L, p->weight, p->bias);
}
void aten_quantized_linear_unpack_half(lower *L) {
    const packed *p = arg_packed(L, 0, PACKED_LINEAR);
    if (p) give_parts(L, p->kind == PACKED_HALF ? p->w : p->weight, p->bias);
}
void aten_quantized_conv_unpack(lower *L) {
    const packed *p = arg_conv(L, 0);
    if (p) give_parts(L, p->weight, p->bias);
}
void aten_quantized_conv1d_unpack(lower *L) {
    const packed *p = arg_conv(L, 0);
    if (p) give_parts(L, view_squeeze(L, p->weight, 1, (int64_t[]){2}), p->bias);
}

static void give_numbers(lower *L, const packed *p, const int64_t *v) {
    sv items[3] = {sv_int(0), sv_int(0), sv_int(0)};
    for (int i = 0; p && i < p->axes; i++) items[i] = sv_int(v[i]);
    if (p) ret_ints(L, p->axes, items);
}
#define CONV_NUMBERS(name, field)                                                                                      \
    void aten_quantized_conv_##name(lower *L) {                                                                        \
        const packed *p = arg_conv(L, 0);                                                                              \
        if (p) give_numbers(L, p, p->field);                                                                           \
    }
CONV_NUMBERS(stride, stride)
CONV_NUMBERS(padding, padding)
CONV_NUMBERS(dilation, dilation)
CONV_NUMBERS(output_padding, output_padding)
void aten_quantized_conv_groups(lower *L) {
    const packed *p = arg_conv(L, 0);
    if (p) ret_int(L, p->groups);
}
void aten_quantized_conv_transpose(lower *L) {
    const packed *p = arg_conv(L, 0);
    if (p) ret_int(L, p->transposed);
}

/* ---- mobile: float layers whose result is cut to [low, high] ---- */
static sten *clamped(lower *L, sten *y, const packed *p) {
    if (isinf(p->low) && isinf(p->high)) return y;
    return EMIT(Clip, y, isinf(p->low) ? NULL : lit(L, NARU_FLOAT, p->low),
                isinf(p->high) ? NULL : lit(L, NARU_FLOAT, p->high));
}

void aten_prepacked_linear(lower *L) {
    sten *x = arg_tensor(L, 0);
    const packed *p = arg_packed(L, 1, PACKED_CLAMP_LINEAR);
    if (check_linear(L, x, p)) ret_tensor(L, clamped(L, nn_linear(L, x, p->weight, p->bias), p));
}

static void prepacked_conv(lower *L, packed_kind kind) {
    sten *x = arg_tensor(L, 0);
    const packed *p = arg_packed(L, 1, kind);
    if (check_conv(L, x, p, "prepacked::conv2d")) ret_tensor(L, clamped(L, float_conv(L, x, p, p->weight), p));
}
void aten_prepacked_conv(lower *L) { prepacked_conv(L, PACKED_CLAMP_CONV); }
void aten_prepacked_deconv(lower *L) { prepacked_conv(L, PACKED_CLAMP_DECONV); }

/* The arguments in their order are the state. */
static void prepack_arguments(lower *L, packed_kind kind) {
    int n = L->op->schema->nparams;
    stuple *t = lower_ok(L) ? stuple_new(n, NULL) : NULL;
    for (int i = 0; t && i < n; i++) t->items[i] = sv_keep(arg(L, i));
    ret_packed(L, kind, sv_of(t));
}
void aten_prepacked_linear_prepack(lower *L) { prepack_arguments(L, PACKED_CLAMP_LINEAR); }
void aten_prepacked_conv_prepack(lower *L) { prepack_arguments(L, PACKED_CLAMP_CONV); }
void aten_prepacked_deconv_prepack(lower *L) { prepack_arguments(L, PACKED_CLAMP_DECONV); }
