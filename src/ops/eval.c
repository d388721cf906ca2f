/* SPDX-License-Identifier: MIT
 *
 * What the operators' reference implementations share: outputs, scratch, wide copies of tensors, and drivers for
 * elementwise operators that work on doubles or int64s whatever the element type is.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ops/op.h"
#include "tensor/dtype.h"

naru_status eval_fail(eval_ctx *c, naru_status code, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(c->err, code, "%s", text);
}

naru_status eval_alloc(eval_ctx *c, int o, naru_dtype dtype, int rank, const int64_t *dims, naru_tensor **out) {
    *out = NULL;
    if (!eval_wants(c, o)) return NARU_OK;
    naru_tensor *t = eval_out(c, o);
    if (t && t->dtype == dtype && t->rank == rank && memcmp(t->dims, dims, (size_t)rank * sizeof *dims) == 0) {
        *out = t;
        return NARU_OK;
    }
    naru_tensor *fresh;
    naru_value *v;
    TRY(tensor_new(dtype, rank, dims, &fresh, c->err));
    naru_status st = value_new_tensor(fresh, &v, c->err);
    tensor_unref(fresh);
    if (st != NARU_OK) return st;
    if (c->out[o] &&
        c->out[o]->refs == 0) { /* planned memory belongs to the engine, and inference must have been right */
        value_unref(v);
        return eval_fail(c, NARU_INTERNAL, "output %d has other dimensions than were inferred", o);
    }
    value_unref(c->out[o]);
    c->out[o] = v;
    *out = v->tensor;
    return NARU_OK;
}

naru_status eval_set(eval_ctx *c, int o, naru_value *v) {
    if (!eval_wants(c, o)) return NARU_OK;
    naru_value *old = c->out[o];
    if (old && old->refs == 0) { /* planned memory that belongs to the engine: filled, not replaced */
        if (!v || v->kind != NARU_KIND_TENSOR || v->tensor->dtype != old->tensor->dtype ||
            !tensor_same_dims(v->tensor, old->tensor))
            return eval_fail(c, NARU_INTERNAL, "output %d is not what was inferred", o);
        return tensor_copy(old->tensor, v->tensor, c->err);
    }
    c->out[o] = value_ref(v);
    value_unref(old);
    return NARU_OK;
}

void *eval_scratch(eval_ctx *c, size_t n) {
    void *p = arena_aligned(c->arena, n, 64);
    if (!p) err_oom(c->err);
    return p;
}

const double *eval_f64(eval_ctx *c, const naru_tensor *t) {
    if (t->dtype == NARU_DOUBLE) return t->data;
    int64_t n = tensor_count(t);
    double *p = eval_scratch(c, (size_t)n * sizeof *p);
    if (p) dtype_read_f64(t->dtype, t->data, 0, n, p);
    return p;
}

const int64_t *eval_i64(eval_ctx *c, const naru_tensor *t) {
    if (t->dtype == NARU_INT64) return t->data;
    int64_t n = tensor_count(t);
    int64_t *p = eval_scratch(c, (size_t)n * sizeof *p);
    if (p) dtype_read_i64(t->dtype, t->data, 0, n, p);
    return p;
}

enum { CHUNK = 256 };

static bool is_wide_int(naru_dtype d) { return dtype_is_int(d) || d == NARU_BOOL; }

naru_status eval_unary(eval_ctx *c, fn1 f, ifn1 g) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    bool ints = g && is_wide_int(x->dtype);
    int64_t n = tensor_count(x);
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t m = i64_min(CHUNK, n - at);
        if (ints) {
            int64_t v[CHUNK];
            dtype_read_i64(x->dtype, x->data, at, m, v);
            for (int64_t i = 0; i < m; i++) v[i] = g(v[i], c->node);
            dtype_write_i64(y->dtype, y->data, at, m, v);
        } else {
            double v[CHUNK];
            dtype_read_f64(x->dtype, x->data, at, m, v);
            for (int64_t i = 0; i < m; i++) v[i] = f(v[i], c->node);
            dtype_write_f64(y->dtype, y->data, at, m, v, true);
        }
    }
    return NARU_OK;
}

void broadcast_strides(const naru_tensor *t, int rank, const int64_t *dims, int64_t *strides) {
    int64_t s = 1;
    for (int i = rank - 1; i >= 0; i--) {
        int k = i - (rank - t->rank);
        int64_t d = k < 0 ? 1 : t->dims[k];
        strides[i] = d == 1 ? 0 : s;
        s *= d;
    }
}

/* Offsets of the next m elements of a and b in out's order; idx is the odometer. */
static void next_offsets(const naru_tensor *out, int64_t *idx, const int64_t *sa, const int64_t *sb, int64_t m,
                         int64_t *a, int64_t *b, int64_t *oa, int64_t *ob) {
    for (int64_t i = 0; i < m; i++) {
        oa[i] = *a;
        ob[i] = *b;
        for (int d = out->rank - 1; d >= 0; d--) {
            *a += sa[d];
            *b += sb[d];
            if (++idx[d] < out->dims[d]) break;
            *a -= sa[d] * out->dims[d];
            *b -= sb[d] * out->dims[d];
            idx[d] = 0;
        }
    }
}

naru_status eval_binary(eval_ctx *c, fn2 f, ifn2 g) {
    const naru_tensor *a = eval_in(c, 0), *b = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    bool ints = g && is_wide_int(a->dtype) && is_wide_int(b->dtype);
    const double *fa = NULL, *fb = NULL;
    const int64_t *ia = NULL, *ib = NULL;
    if (ints) ia = eval_i64(c, a), ib = eval_i64(c, b);
    else fa = eval_f64(c, a), fb = eval_f64(c, b);
    if (ints ? !ia || !ib : !fa || !fb) return NARU_OUT_OF_MEMORY;
    int64_t sa[NARU_MAX_RANK], sb[NARU_MAX_RANK], idx[NARU_MAX_RANK] = {0}, oa[CHUNK], ob[CHUNK], pa = 0, pb = 0;
    broadcast_strides(a, y->rank, y->dims, sa);
    broadcast_strides(b, y->rank, y->dims, sb);
    int64_t n = tensor_count(y);
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t m = i64_min(CHUNK, n - at);
        next_offsets(y, idx, sa, sb, m, &pa, &pb, oa, ob);
        if (ints) {
            int64_t v[CHUNK];
            for (int64_t i = 0; i < m; i++) v[i] = g(ia[oa[i]], ib[ob[i]], c->node);
            dtype_write_i64(y->dtype, y->data, at, m, v);
        } else {
            double v[CHUNK];
            for (int64_t i = 0; i < m; i++) v[i] = f(fa[oa[i]], fb[ob[i]], c->node);
            dtype_write_f64(y->dtype, y->data, at, m, v, true);
        }
    }
    return NARU_OK;
}
