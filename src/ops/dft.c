/* SPDX-License-Identifier: MIT
 *
 * DFT: the discrete Fourier transform along one axis; the last axis holds real (1) or real and imaginary (2) parts.
 * [ONNX DFT-20]
 *
 * N = dft_length (the axis is cut or padded with zeros to it), default the axis's size.
 * forward: N bins, or floor(N/2) + 1 of them when onesided; inverse: N values scaled by 1/N; inverse and onesided: the
 * input holds the first floor(N/2) + 1 bins of a real signal (default N = 2 (size - 1)), the output is real, its last
 * dim 1. Types: floats; dft_length int32, int64, axis int64 (default -2). Versions: 17 (axis an attribute, default
 * 1), 20. Edge cases: N < 1 is an error.
 */
#include "ops/util_fourier.h"

#include "ops/util_choice.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { INVERSE, ONESIDED };
static const attr_def attrs[] = {ATTR_I("inverse", 0), ATTR_I("onesided", 0), {0}};

static bool is_real_inverse(const node *n) { return node_i(n, INVERSE) && node_i(n, ONESIDED); }

static naru_status check_axis(infer_ctx *c, int64_t given, int rank, int *axis) {
    TRY(infer_axis(c, given, rank, axis));
    return *axis < rank - 1 ? NARU_OK : op_fail(c, NARU_SHAPE, "the axis is the one of real and imaginary parts");
}

static naru_status length_of(infer_ctx *c, dim_t size, dim_t *n) {
    const elem_t *e;
    int64_t count;
    *n = size;
    if (is_real_inverse(c->node))
        *n = dim_is_const(size) ? (size > 0 ? 2 * (size - 1) : 0) : sym_mul(c->syms, 2, sym_sub(c->syms, size, 1));
    if (in_given(c, 1)) {
        *n = DIM_UNKNOWN;
        if (!in_elems(c, 1, &e, &count)) return NARU_OK;
        if (count != 1) return op_fail(c, NARU_SHAPE, "dft_length has %lld elements", (long long)count);
        if (e[0].kind == ELEM_CONST && e[0].v < 1)
            return op_fail(c, NARU_SHAPE, "dft_length is %lld", (long long)e[0].v);
        *n = elem_to_dim(e[0]);
    }
    return *n == 0 ? op_fail(c, NARU_SHAPE, "the transform has length 0") : NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0), axis;
    const int64_t *v;
    int64_t count, given = -2;
    if (r < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    if (r < 2) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2 or more", r);
    dim_t dims[NARU_MAX_RANK], n;
    for (int d = 0; d < r; d++) dims[d] = in_dim(c, 0, d);
    if (dim_is_const(dims[r - 1]) && dims[r - 1] != 1 && dims[r - 1] != 2)
        return op_fail(c, NARU_SHAPE, "the last dim is %lld, needs 1 or 2", (long long)dims[r - 1]);
    dims[r - 1] = is_real_inverse(c->node) ? 1 : 2;
    if (in_given(c, 2)) {
        if (!in_ints(c, 2, &v, &count)) {
            for (int d = 0; d < r - 1; d++) dims[d] = DIM_UNKNOWN;
            return out_tensor(c, 0, in_dtype(c, 0), r, dims), NARU_OK;
        }
        if (count != 1) return op_fail(c, NARU_SHAPE, "axis has %lld elements", (long long)count);
        given = v[0];
    }
    TRY(check_axis(c, given, r, &axis));
    TRY(length_of(c, dims[axis], &n));
    bool half = node_i(c->node, ONESIDED) && !node_i(c->node, INVERSE);
    dims[axis] = half ? sym_add(c->syms, sym_div(c->syms, n, 2), 1) : n;
    out_tensor(c, 0, in_dtype(c, 0), r, dims);
    return NARU_OK;
}

typedef struct job {
    int64_t size, n, out, inner, parts;
    bool inverse, real;
    const double *table;
    double *line, *result; /* n complex numbers in, `out` complex (or real) out */
} job;

/* One line of the input, cut or padded to n complex numbers; a one-sided spectrum is completed by symmetry. */
static void read_line(const job *j, const double *x) {
    int64_t have = i64_min(j->size, j->real ? j->n / 2 + 1 : j->n);
    memset(j->line, 0, (size_t)j->n * 2 * sizeof *j->line);
    for (int64_t i = 0; i < have; i++) {
        j->line[2 * i] = x[i * j->inner * j->parts];
        j->line[2 * i + 1] = j->parts == 2 ? x[i * j->inner * j->parts + 1] : 0;
    }
    if (!j->real) return;
    j->line[1] = 0; /* the bins at 0 and n/2 of a real signal are real */
    if (j->n % 2 == 0) j->line[j->n + 1] = 0;
    for (int64_t i = 1; 2 * i < j->n; i++) {
        j->line[2 * (j->n - i)] = j->line[2 * i];
        j->line[2 * (j->n - i) + 1] = -j->line[2 * i + 1];
    }
}

static void transform(const job *j, naru_tensor *y, int64_t at) {
    int parts = j->real ? 1 : 2;
    for (int64_t k = 0; k < j->out; k++) {
        double v[2], scale = j->inverse ? 1 / (double)j->n : 1;
        fourier_bin(j->line, j->n, k, j->inverse ? 1 : -1, j->table, v);
        v[0] *= scale;
        v[1] *= scale;
        if (j->parts == 1 && (k == 0 || 2 * k == j->n)) v[1] = 0; /* of a real signal: real, and no -0 */
        dtype_write_f64(y->dtype, y->data, (at + k * j->inner) * parts, parts, v, true);
    }
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *axis_in = eval_in(c, 2), *length = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return eval_wants(c, 0) ? eval_fail(c, NARU_SHAPE, "dft_length or axis is not valid") : NARU_OK;
    if (tensor_count(y) == 0) return NARU_OK;
    int64_t axis = axis_in ? dtype_get_i64(axis_in->dtype, axis_in->data, 0) : -2, outer = 1;
    if (axis < 0) axis += x->rank;
    job j = {.size = x->dims[axis],
             .out = y->dims[axis],
             .inner = 1,
             .parts = x->dims[x->rank - 1],
             .inverse = node_i(c->node, INVERSE) != 0,
             .real = is_real_inverse(c->node)};
    j.n = length ? dtype_get_i64(length->dtype, length->data, 0) : j.real ? 2 * (j.size - 1) : j.size;
    for (int d = 0; d < x->rank - 1; d++)
        if (d != axis) *(d < axis ? &outer : &j.inner) *= x->dims[d];
    const double *xd = eval_f64(c, x);
    j.table = fourier_table(c, j.n);
    j.line = eval_scratch(c, (size_t)j.n * 2 * sizeof *j.line);
    if (!xd || !j.table || !j.line) return NARU_OUT_OF_MEMORY;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < j.inner; i++) {
            read_line(&j, xd + (o * j.size * j.inner + i) * j.parts);
            transform(&j, y, o * j.out * j.inner + i);
        }
    return NARU_OK;
}

/* The axis becomes an input. */
static naru_status up20(lift_ctx *c, node *n) {
    attr *a = node_attr(n, "axis");
    naru_tensor *t;
    TRY(tensor_new(NARU_INT64, 0, NULL, &t, c->err));
    *(int64_t *)t->data = a && a->kind == ATTR_INT ? a->i : 1;
    if (a) a->kind = ATTR_NONE;
    value *v = graph_constant_new(c->graph, c->block, NULL, t);
    tensor_unref(t);
    if (!v || !node_set_nin(n, 3)) return err_oom(c->err);
    n->in[2] = v;
    return NARU_OK;
}

/* The axis was an attribute. */
static naru_status down20(lower_ctx *c, node *n) {
    const int64_t *v;
    int64_t count, axis = -2;
    int rank = lw_rank(n->in[0]);
    if (is_real_inverse(n)) return lw_refuse(c, "there is no one-sided inverse");
    if (lw_in(n, 2)) {
        if (!lw_known_ints(c, n->in[2], &v, &count) || count != 1) return lw_refuse(c, "the axis is not constant");
        axis = v[0];
    }
    if (axis < 0 && rank < 0) return lw_refuse(c, "the rank is not known");
    attr a = {.name = "axis", .kind = ATTR_INT, .i = axis < 0 ? axis + rank : axis};
    if (n->nin > 2) n->nin = 2;
    return node_add_attr(n, a) ? NARU_OK : err_oom(c->err);
}

const op_desc op_DFT = {
    .name = "DFT",
    .versions = (const short[]){17, 20, 0},
    .sig = "input:T1, dft_length:T2?, axis:int64? -> output:T1 | T1 = float; T2 = int32 int64",
    .since = "axis 20",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{20, up20}, {0}},
    .down = (const down_adapter[]){{20, down20}, {0}},
};
