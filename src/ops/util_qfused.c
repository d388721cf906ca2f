/* SPDX-License-Identifier: MIT
 *
 * Quantized products (util_qfused.h): the float operator's own inference and evaluation over exact integers in doubles.
 */
#include "ops/util_qfused.h"

#include <math.h>

#include "ops/util_choice.h"
#include "ops/util_fused.h"
#include "tensor/dtype.h"

enum { NONE, RELU, CLIP };
static const char *const k_names[] = {"", "Relu", "Clip", NULL};

static naru_status check_vector(infer_ctx *c, int i, dim_t channels, const char *what) {
    if (in_rank(c, i) < 0 || in_rank(c, i) == 0) return NARU_OK;
    TRY(util_need_rank(c, i, 1, what));
    return in_dim(c, i, 0) == 1 ? NARU_OK : util_same_dim(c, in_dim(c, i, 0), channels, what);
}

static naru_status check_one(infer_ctx *c, int i, const char *what) {
    if (in_rank(c, i) <= 0) return NARU_OK;
    TRY(util_need_rank(c, i, 1, what));
    return util_same_dim(c, in_dim(c, i, 0), 1, what);
}

naru_status qfused_infer(infer_ctx *c, const op_desc *inner, bool last, int activation) {
    TRY(qfused_check_activation(c, activation));
    TRY(last_infer(c, inner, 2, last));
    type *y = &c->out[0].type;
    y->dtype = !in_given(c, QF_Y_SCALE) ? NARU_FLOAT : in_given(c, QF_Y_ZERO) ? in_dtype(c, QF_Y_ZERO) : NARU_UINT8;
    TRY(check_one(c, QF_X_SCALE, "x_scale"));
    TRY(check_one(c, QF_X_ZERO, "x_zero_point"));
    TRY(check_one(c, QF_Z_SCALE, "z_scale"));
    TRY(check_one(c, QF_Z_ZERO, "z_zero_point"));
    TRY(check_one(c, QF_Y_SCALE, "y_scale"));
    TRY(check_one(c, QF_Y_ZERO, "y_zero_point"));
    bool conv = strcmp(inner->name, "Conv") == 0;
    dim_t m = in_rank(c, QF_W) < 1 ? DIM_UNKNOWN : in_dim(c, QF_W, conv ? 0 : in_rank(c, QF_W) - 1);
    TRY(check_vector(c, QF_W_SCALE, m, "w_scale"));
    TRY(check_vector(c, QF_W_ZERO, m, "w_zero_point"));
    if (in_given(c, QF_BIAS)) TRY(util_need_rank(c, QF_BIAS, 1, "the bias"));
    if (in_rank(c, QF_BIAS) == 1) TRY(util_same_dim(c, in_dim(c, QF_BIAS, 0), m, "the bias's length"));
    if (!y->has_rank || in_rank(c, QF_Z) < 0) return NARU_OK;
    TRY(util_need_rank(c, QF_Z, y->rank, "the residual"));
    for (int d = 0; d < y->rank; d++) TRY(util_same_dim(c, in_dim(c, QF_Z, d), y->dims[d], "the residual's dim"));
    return NARU_OK;
}

/* t as double less its zero point (per index of axis), in scratch. */
static naru_status centered(eval_ctx *c, const naru_tensor *t, const naru_tensor *zero, int axis, naru_tensor *out) {
    int64_t n = tensor_count(t), inner = 1, nz = zero ? tensor_count(zero) : 1;
    for (int d = axis + 1; d < t->rank; d++) inner *= t->dims[d];
    if (nz != 1 && (axis < 0 || axis >= t->rank || nz != t->dims[axis]))
        return eval_fail(c, NARU_SHAPE, "%lld zero points", (long long)nz);
    double *y = eval_scratch(c, (size_t)n * sizeof *y + 8);
    if (!y) return NARU_OUT_OF_MEMORY;
    for (int64_t i = 0; i < n; i++)
        y[i] = dtype_get_f64(t->dtype, t->data, i) -
               (zero ? dtype_get_f64(zero->dtype, zero->data, nz == 1 ? 0 : i / inner % nz) : 0);
    tensor_describe(out, NARU_DOUBLE, t->rank, t->dims);
    out->data = y;
    return NARU_OK;
}

static naru_status exact_sums(eval_ctx *c, const op_desc *inner, bool last, naru_tensor *acc) {
    bool conv = strcmp(inner->name, "Conv") == 0;
    const naru_tensor *w = eval_in(c, QF_W), *y = eval_out(c, 0);
    naru_tensor t[2] = {{0}};
    TRY(centered(c, eval_in(c, QF_X), eval_in(c, QF_X_ZERO), -1, &t[0]));
    TRY(centered(c, w, eval_in(c, QF_W_ZERO), conv ? 0 : w->rank - 1, &t[1]));
    tensor_describe(acc, NARU_DOUBLE, y->rank, y->dims);
    if (!(acc->data = eval_scratch(c, tensor_bytes(acc) + 8))) return NARU_OUT_OF_MEMORY;
    naru_value v[3] = {{.kind = NARU_KIND_TENSOR, .tensor = &t[0]},
                       {.kind = NARU_KIND_TENSOR, .tensor = &t[1]},
                       {.kind = NARU_KIND_TENSOR, .tensor = acc}};
    eval_ctx d = *c;
    d.in = (naru_value *[]){&v[0], &v[1]}, d.nin = 2;
    d.out = (naru_value *[]){&v[2]}, d.nout = 1, d.out_wanted = (const bool[]){true};
    return last_eval(&d, inner, 2, last);
}

static double number(const naru_tensor *t, int64_t i, double none) {
    return t ? dtype_get_f64(t->dtype, t->data, tensor_count(t) == 1 ? 0 : i) : none;
}

double qfused_number(const naru_tensor *t, double none) { return number(t, 0, none); }

naru_status qfused_check_activation(infer_ctx *c, int activation) {
    int kind;
    return util_choice(c, activation, k_names, &kind);
}

void qfused_bounds(const node *n, int activation, int params, float y_scale, double *lo, double *hi) {
    int kind = choice_of(choice_text(n, activation), k_names);
    const attr *p = &n->attrs[params];
    bool given = node_has(n, params);
    *lo = -INFINITY, *hi = INFINITY;
    if (kind == RELU) *lo = 0;
    if (kind == CLIP && given && p->count > 0) *lo = (double)(p->floats[0] / y_scale);
    if (kind == CLIP && given && p->count > 1) *hi = (double)(p->floats[1] / y_scale);
}

void qfused_store(naru_tensor *y, int64_t i, double v, const naru_tensor *zero) {
    if (y->dtype == NARU_FLOAT) {
        ((float *)y->data)[i] = (float)v;
        return;
    }
    double l = (double)dtype_int_min(y->dtype), h = (double)dtype_int_max(y->dtype);
    v = rint(v) + number(zero, 0, 0);
    dtype_set_i64(y->dtype, y->data, i, (int64_t)(v > l ? v < h ? v : h : l));
}

naru_status qfused_eval(eval_ctx *c, const op_desc *inner, bool last, int activation, int params) {
    naru_tensor *y = eval_out(c, 0), acc;
    if (!y || tensor_count(y) == 0) return NARU_OK;
    memset(&acc, 0, sizeof acc);
    TRY(exact_sums(c, inner, last, &acc));
    const naru_tensor *bias = eval_in(c, QF_BIAS), *z = eval_in(c, QF_Z), *ws = eval_in(c, QF_W_SCALE);
    bool conv = strcmp(inner->name, "Conv") == 0, whole = bias && bias->dtype == NARU_INT32;
    int axis = conv && !last ? 1 : y->rank - 1;
    int64_t channels = y->rank ? y->dims[axis] : 1, below = 1;
    for (int d = axis + 1; d < y->rank; d++) below *= y->dims[d];
    double xs = number(eval_in(c, QF_X_SCALE), 0, 1), ys = number(eval_in(c, QF_Y_SCALE), 0, 1), lo, hi;
    double zm = number(eval_in(c, QF_Z_SCALE), 0, 1) / ys, zz = number(eval_in(c, QF_Z_ZERO), 0, 0);
    qfused_bounds(c->node, activation, params, (float)ys, &lo, &hi);
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        int64_t k = i / below % channels;
        double v = ((const double *)acc.data)[i], b = bias ? number(bias, k, 0) : 0;
        v = fma(v + (whole ? b : 0), xs * number(ws, k, 1) / ys, whole ? 0 : b / ys);
        if (z) v = fma(dtype_get_f64(z->dtype, z->data, i) - zz, zm, v);
        v = v > lo ? v : lo, v = v < hi ? v : hi;
        qfused_store(y, i, v, eval_in(c, QF_Y_ZERO));
    }
    return NARU_OK;
}
