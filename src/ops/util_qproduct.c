/* SPDX-License-Identifier: MIT
 *
 * Integer products in doubles: operands less their zero points, the float operator, then INT32 or one rounding, half to
 * even, to the result's type.
 */
#include "ops/util_qproduct.h"

#include <math.h>

#include "tensor/dtype.h"

static const fact *given(const infer_ctx *c, int i) { return i >= 0 && in_given(c, i) ? c->in[i] : NULL; }

naru_status qproduct_infer(infer_ctx *c, const qproduct *p) {
    const fact *in[3] = {given(c, p->x), given(c, p->w), given(c, p->bias)};
    infer_ctx d = *c;
    d.in = in, d.nin = in[2] ? 3 : 2;
    TRY(op_find("", p->op)->infer(&d));
    c->out[0].type.dtype = p->y_zp < 0 ? NARU_INT32 : in_dtype(c, p->y_zp);
    return NARU_OK;
}

/* A vector along one axis of a tensor, or one value for all. */
typedef struct along {
    const double *v;
    int64_t n, inner;
} along;

static naru_status read_along(eval_ctx *c, int i, const naru_tensor *t, int axis, along *a) {
    *a = (along){.n = 1, .inner = 1};
    const naru_tensor *v = i < 0 ? NULL : eval_in(c, i);
    if (!v) return NARU_OK;
    if (!(a->v = eval_f64(c, v))) return NARU_OUT_OF_MEMORY;
    a->n = tensor_count(v);
    if (a->n == 1) return NARU_OK;
    if (axis < 0 || axis >= t->rank || t->dims[axis] != a->n)
        return eval_fail(c, NARU_SHAPE, "input %d has %lld elements, needs one or one per index of axis %d", i,
                         (long long)a->n, axis);
    for (int d = axis + 1; d < t->rank; d++) a->inner *= t->dims[d];
    return NARU_OK;
}
static double at(const along *a, int64_t i, double none) {
    return a->v ? a->v[a->n == 1 ? 0 : i / a->inner % a->n] : none;
}

/* t as double less its zero point, in scratch. */
static naru_status centered(eval_ctx *c, const naru_tensor *t, int zp, int axis, naru_tensor *out) {
    along z;
    TRY(read_along(c, zp, t, axis, &z));
    int64_t n = tensor_count(t);
    const double *x = eval_f64(c, t);
    double *y = eval_scratch(c, (size_t)n * sizeof *y);
    if (!x || !y) return NARU_OUT_OF_MEMORY;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] - at(&z, i, 0);
    tensor_describe(out, NARU_DOUBLE, t->rank, t->dims);
    out->data = y;
    return NARU_OK;
}

/* saturate(round(acc * x_scale * w_scale / y_scale) + y_zp). */
static naru_status requantize(eval_ctx *c, const qproduct *p, const naru_tensor *acc, naru_tensor *y, int rows,
                              int columns) {
    along sx, sw, sy, zp;
    TRY(read_along(c, p->x_scale, acc, rows, &sx));
    TRY(read_along(c, p->w_scale, acc, columns, &sw));
    TRY(read_along(c, p->y_scale, acc, rows, &sy));
    TRY(read_along(c, p->y_zp, acc, rows, &zp));
    const double *v = acc->data;
    bool is_float = dtype_is_float(y->dtype);
    double lo = is_float ? 0 : (double)dtype_int_min(y->dtype), hi = is_float ? 0 : (double)dtype_int_max(y->dtype);
    for (int64_t i = 0; i < tensor_count(acc); i++) {
        double q = v[i] * (at(&sx, i, 1) * at(&sw, i, 1) / at(&sy, i, 1));
        if (!is_float) q = rint(q);
        q += at(&zp, i, 0);
        if (!is_float) q = !(q > lo) ? lo : q > hi ? hi : q;
        dtype_write_f64(y->dtype, y->data, i, 1, &q, true);
    }
    return NARU_OK;
}

naru_status qproduct_eval(eval_ctx *c, const qproduct *p) {
    const naru_tensor *x = eval_in(c, p->x), *w = eval_in(c, p->w), *b = p->bias < 0 ? NULL : eval_in(c, p->bias);
    naru_tensor *y = eval_out(c, 0), t[4] = {{0}};
    bool conv = strcmp(p->op, "Conv") == 0;
    if (!y) return NARU_OK;
    TRY(centered(c, x, p->x_zp, x->rank > 1 ? x->rank - 2 : -1, &t[0]));
    TRY(centered(c, w, p->w_zp, conv ? 0 : w->rank - 1, &t[1]));
    if (b) TRY(centered(c, b, -1, 0, &t[2]));
    tensor_describe(&t[3], NARU_DOUBLE, y->rank, y->dims);
    if (!(t[3].data = eval_scratch(c, tensor_bytes(&t[3])))) return NARU_OUT_OF_MEMORY;
    naru_value v[4], *in[3] = {&v[0], &v[1], &v[2]}, *out[1] = {&v[3]};
    for (int i = 0; i < 4; i++) v[i] = (naru_value){.kind = NARU_KIND_TENSOR, .tensor = &t[i]};
    eval_ctx d = *c;
    d.in = in, d.nin = b ? 3 : 2, d.out = out, d.nout = 1, d.out_wanted = (const bool[]){true};
    TRY(op_find("", p->op)->eval(&d));
    if (p->y_scale >= 0) return requantize(c, p, &t[3], y, conv ? -1 : y->rank - 2, conv ? 1 : y->rank - 1);
    dtype_write_f64(y->dtype, y->data, 0, tensor_count(y), t[3].data, false);
    return NARU_OK;
}
