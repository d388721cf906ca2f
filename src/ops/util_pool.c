/* SPDX-License-Identifier: MIT
 *
 * Sliding windows; see util_pool.h.
 */
#include "ops/util_pool.h"

static const char *const k_auto[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};

static naru_status read_list(const node *n, int k, int want, int64_t low, int64_t dflt, int64_t *out, naru_error *err) {
    for (int i = 0; i < want; i++) out[i] = dflt;
    int64_t count = 0;
    const int64_t *v = k < 0 ? NULL : node_ints(n, k, &count);
    if (count == 0) return NARU_OK;
    const char *name = n->op->attrs[k].name;
    if (count != want)
        return err_set(err, NARU_BAD_MODEL, "attribute '%s' has %lld numbers, needs %d", name, (long long)count, want);
    for (int i = 0; i < want; i++) {
        if (v[i] < low || v[i] > INT32_MAX)
            return err_set(err, NARU_BAD_MODEL, "attribute '%s' holds %lld", name, (long long)v[i]);
        out[i] = v[i];
    }
    return NARU_OK;
}

static naru_status read_auto(const node *n, int k, window_auto *out, naru_error *err) {
    *out = PAD_NOTSET;
    const char *s = k < 0 ? "" : node_s(n, k);
    if (!*s) return NARU_OK;
    for (int i = 0; i < 4; i++)
        if (strcmp(s, k_auto[i]) == 0) return *out = (window_auto)i, NARU_OK;
    return err_set(err, NARU_BAD_MODEL, "attribute 'auto_pad' has no meaning '%.40s'", s);
}

naru_status window_read(const node *n, const window_attrs *a, int spatial, window *w, naru_error *err) {
    int64_t pads[2 * WINDOW_AXES];
    *w = (window){.n = spatial};
    TRY(read_list(n, a->kernel, spatial, 1, 0, w->kernel, err));
    TRY(read_list(n, a->strides, spatial, 1, 1, w->stride, err));
    TRY(read_list(n, a->dilations, spatial, 1, 1, w->dilation, err));
    TRY(read_list(n, a->pads, 2 * spatial, 0, 0, pads, err));
    TRY(read_auto(n, a->auto_pad, &w->auto_pad, err));
    for (int i = 0; i < spatial; i++) {
        bool used = w->auto_pad == PAD_NOTSET;
        w->begin[i] = used ? pads[i] : 0;
        w->end[i] = used ? pads[spatial + i] : 0;
    }
    w->ceil = a->ceil >= 0 && node_i(n, a->ceil) != 0;
    return NARU_OK;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && a < 0); }

static int64_t count_const(const window *w, int d, int64_t in) {
    int64_t room = in + w->begin[d] + w->end[d] - window_extent(w, d), s = w->stride[d];
    if (!w->ceil) return floor_div(room, s) + 1;
    int64_t out = floor_div(room + s - 1, s) + 1;
    return (out - 1) * s >= in + w->begin[d] ? out - 1 : out;
}

/* floor((in + c) / s) + 1 with c = q s + r, so that only r enters the quotient. */
static dim_t count_symbolic(symtab *syms, int64_t c, int64_t s, dim_t in) {
    int64_t q = floor_div(c, s), r = c - q * s;
    dim_t out = sym_div(syms, sym_add(syms, in, r), s);
    return q + 1 >= 0 ? sym_add(syms, out, q + 1) : sym_sub(syms, out, -(q + 1));
}

naru_status window_out(const window *w, int d, dim_t in, symtab *syms, dim_t *out, naru_error *err) {
    int64_t s = w->stride[d], e = window_extent(w, d);
    *out = DIM_UNKNOWN;
    if (!dim_is_known(in) || in > INT64_MAX / 4 || e > INT64_MAX / 4) return NARU_OK;
    if (w->auto_pad == PAD_SAME_UPPER || w->auto_pad == PAD_SAME_LOWER) {
        *out = dim_is_const(in) ? (in + s - 1) / s : sym_div(syms, sym_add(syms, in, s - 1), s);
        return NARU_OK;
    }
    if (dim_is_const(in)) {
        int64_t n = count_const(w, d, in);
        if (n < 0)
            return err_set(err, NARU_SHAPE,
                           "spatial axis %d: a window of %lld does not fit into %lld with padding %lld and %lld", d,
                           (long long)e, (long long)in, (long long)w->begin[d], (long long)w->end[d]);
        *out = n;
        return NARU_OK;
    }
    if (w->ceil && s > 1 && e < w->end[d] + s)
        return NARU_OK; /* whether the last window is dropped depends on the size */
    *out = count_symbolic(syms, w->begin[d] + w->end[d] - e + (w->ceil ? s - 1 : 0), s, in);
    return NARU_OK;
}

void window_resolve(window *w, const int64_t *in) {
    for (int d = 0; d < w->n; d++) {
        if (w->auto_pad != PAD_SAME_UPPER && w->auto_pad != PAD_SAME_LOWER) continue;
        int64_t out = (in[d] + w->stride[d] - 1) / w->stride[d];
        int64_t all = i64_max(0, (out - 1) * w->stride[d] + window_extent(w, d) - in[d]);
        w->begin[d] = w->auto_pad == PAD_SAME_UPPER ? all / 2 : all - all / 2;
        w->end[d] = all - w->begin[d];
    }
}

naru_status pool_infer(infer_ctx *c, const window_attrs *a, dim_t *dims, int *rank) {
    *rank = in_rank(c, 0);
    if (*rank < 0) return NARU_OK;
    if (*rank < 3) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 3 or more (batch, channels, space)", *rank);
    window w;
    TRY(window_read(c->node, a, *rank - 2, &w, c->err));
    dims[0] = in_dim(c, 0, 0);
    dims[1] = in_dim(c, 0, 1);
    for (int d = 0; d < w.n; d++) TRY(window_out(&w, d, in_dim(c, 0, d + 2), c->syms, &dims[d + 2], c->err));
    return NARU_OK;
}

/* Positions of one axis: the inputs at start + k * dilation that lie inside [0, in), and inside the padded input. */
typedef struct span {
    int64_t lo, hi; /* kernel indices whose position is inside the input */
    int64_t padded; /* number of kernel indices inside the padded input */
    int64_t start;
} span;

static span span_at(const window *w, int d, int64_t in, int64_t out) {
    int64_t start = out * w->stride[d] - w->begin[d], dil = w->dilation[d], k = w->kernel[d];
    int64_t lo = start < 0 ? (-start + dil - 1) / dil : 0;
    int64_t hi = start >= in ? 0 : i64_min(k, (in - 1 - start) / dil + 1);
    int64_t last = in + w->end[d] - 1 - start;
    int64_t padded = last < 0 ? 0 : i64_min(k, last / dil + 1);
    return (span){i64_min(lo, k), hi, padded, start};
}

/* Lists the flat offsets of the window at `out` (one index per axis); returns their number. */
static int64_t list_window(const window *w, const int64_t *in, const int64_t *out, int64_t *offset, int64_t *padded) {
    offset[0] = 0;
    int64_t count = 1;
    *padded = 1;
    for (int d = 0; d < w->n; d++) { /* widens the list axis by axis, from the back so that it can be done in place */
        span s = span_at(w, d, in[d], out[d]);
        int64_t m = i64_max(0, s.hi - s.lo);
        *padded *= s.padded;
        for (int64_t i = count - 1; i >= 0; i--)
            for (int64_t k = m - 1; k >= 0; k--)
                offset[i * m + k] = offset[i] * in[d] + s.start + (s.lo + k) * w->dilation[d];
        count *= m;
        if (count == 0) offset[0] = 0;
    }
    return count;
}

naru_status pool_each(eval_ctx *c, const window_attrs *a, const naru_tensor *x, const int64_t *out_dims, pool_fn fn,
                      void *user) {
    window w;
    TRY(window_read(c->node, a, x->rank - 2, &w, c->err));
    window_resolve(&w, x->dims + 2);
    const double *data = eval_f64(c, x);
    int64_t in_count = 1, out_count = 1, most = 1;
    for (int d = 0; d < w.n; d++) {
        in_count *= x->dims[d + 2];
        out_count *= out_dims[d + 2];
        most *= i64_max(1, i64_min(w.kernel[d], x->dims[d + 2])); /* no more than these lie inside */
    }
    int64_t *offset = eval_scratch(c, (size_t)most * sizeof *offset);
    if (!data || !offset) return NARU_OUT_OF_MEMORY;
    int64_t planes = x->dims[0] * x->dims[1], at[WINDOW_AXES] = {0};
    pool_cell cell = {.offset = offset};
    for (int64_t o = 0; planes > 0 && o < out_count; o++) {
        cell.out = o;
        cell.count = list_window(&w, x->dims + 2, at, offset, &cell.padded);
        for (cell.plane = 0; cell.plane < planes; cell.plane++) {
            cell.x = data + cell.plane * in_count;
            fn(&cell, user);
        }
        for (int d = w.n - 1; d >= 0 && ++at[d] == out_dims[d + 2]; d--) at[d] = 0;
    }
    return NARU_OK;
}

void window_drop_dilations(node *n, int dilations) {
    int64_t count, i = 0;
    const int64_t *v = node_ints(n, dilations, &count);
    while (i < count && v[i] == 1) i++;
    if (i == count) n->attrs[dilations].kind = ATTR_NONE;
}
