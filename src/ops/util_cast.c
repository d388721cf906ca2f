/* SPDX-License-Identifier: MIT
 *
 * Conversion of whole tensors (util_cast.h).
 */
#include "ops/util_cast.h"

#include <math.h>

#include "tensor/dtype.h"

enum { CHUNK = 512 };

void infer_cast(infer_ctx *c, naru_dtype to) {
    out_like(c, 0, 0);
    c->out[0].type.kind = TYPE_TENSOR;
    c->out[0].type.dtype = to;
    const elem_t *e;
    int64_t n;
    bool source = (c->in[0]->elems || c->in[0]->constant) && dtype_is_int(in_dtype(c, 0));
    if (source && (to == NARU_INT64 || to == NARU_INT32) && in_rank(c, 0) <= 1 && in_elems(c, 0, &e, &n))
        out_elems(c, 0, e, n);
}

static naru_status from_string(eval_ctx *c, const naru_tensor *x, naru_tensor *y) {
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        const char *s = naru_tensor_string(x, i, NULL);
        double v;
        int64_t k;
        if (dtype_is_int(y->dtype) && str_parse_i64(s, &k)) dtype_set_i64(y->dtype, y->data, i, k);
        else if (str_parse_double(s, &v)) dtype_set_f64(y->dtype, y->data, i, v);
        else return eval_fail(c, NARU_INVALID_ARGUMENT, "'%s' is not a number", s);
    }
    return NARU_OK;
}

static naru_status to_string(eval_ctx *c, const naru_tensor *x, naru_tensor *y) {
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        str s = {0};
        if (x->dtype == NARU_BOOL) str_add(&s, dtype_get_i64(x->dtype, x->data, i) ? "True" : "False");
        else if (dtype_is_int(x->dtype))
            str_addf(&s, x->dtype == NARU_UINT64 ? "%llu" : "%lld", (long long)dtype_get_i64(x->dtype, x->data, i));
        else if (x->dtype == NARU_DOUBLE) str_add_double(&s, dtype_get_f64(x->dtype, x->data, i));
        else str_add_float(&s, (float)dtype_get_f64(x->dtype, x->data, i));
        naru_status st = s.failed ? err_oom(c->err) : naru_tensor_set_string(y, i, str_text(&s), s.len, c->err);
        str_free(&s);
        if (st != NARU_OK) return st;
    }
    return NARU_OK;
}

/* float8e8m0 holds 2^(code - 127): the mantissa decides the rounding by mode; zero, negative and tiny clamp to code 0.
 */
static uint8_t to_e8m0(double v, bool saturate, const char *mode) {
    if (isnan(v)) return 255;
    v = fabs(v);
    if (isinf(v)) return saturate ? 254 : 255;
    if (v == 0) return saturate ? 0 : 255;
    int e;
    double m = frexp(v, &e); /* v = m * 2^e, m in [0.5, 1) */
    int code = e - 1 + 127;
    if (m > 0.5 && (mode[0] == 'u' || (mode[0] == 'n' && m >= 0.75))) code++;
    if (code > 254) return saturate ? 254 : 255;
    if (code < 0) return saturate ? 0 : 255;
    return (uint8_t)code;
}

static void to_complex(const naru_tensor *x, naru_tensor *y) {
    bool in = dtype_is_complex(x->dtype);
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        double re =
            in ? (x->dtype == NARU_COMPLEX64 ? ((const float *)x->data)[2 * i] : ((const double *)x->data)[2 * i])
               : dtype_get_f64(x->dtype, x->data, i);
        double im = in ? (x->dtype == NARU_COMPLEX64 ? ((const float *)x->data)[2 * i + 1]
                                                     : ((const double *)x->data)[2 * i + 1])
                       : 0;
        if (y->dtype == NARU_COMPLEX64)
            ((float *)y->data)[2 * i] = (float)re, ((float *)y->data)[2 * i + 1] = (float)im;
        else ((double *)y->data)[2 * i] = re, ((double *)y->data)[2 * i + 1] = im;
    }
}

naru_status cast_tensor(eval_ctx *c, const naru_tensor *x, naru_tensor *y, bool saturate, const char *round_mode) {
    if (x->dtype == NARU_STRING && y->dtype == NARU_STRING) return tensor_copy(y, x, c->err);
    if (x->dtype == NARU_STRING) return from_string(c, x, y);
    if (y->dtype == NARU_STRING) return to_string(c, x, y);
    if (dtype_is_complex(y->dtype)) return to_complex(x, y), NARU_OK;
    bool ints = (dtype_is_int(x->dtype) || x->dtype == NARU_BOOL) && (dtype_is_int(y->dtype) || y->dtype == NARU_BOOL);
    for (int64_t at = 0, n = tensor_count(x); at < n; at += CHUNK) {
        int64_t m = i64_min(CHUNK, n - at);
        double v[CHUNK];
        int64_t k[CHUNK];
        if (ints) {
            dtype_read_i64(x->dtype, x->data, at, m, k);
            for (int64_t i = 0; y->dtype == NARU_BOOL && i < m; i++) k[i] = k[i] != 0;
            dtype_write_i64(y->dtype, y->data, at, m, k);
            continue;
        }
        dtype_read_f64(x->dtype, x->data, at, m, v);
        if (y->dtype == NARU_FLOAT8E8M0)
            for (int64_t i = 0; i < m; i++) ((uint8_t *)y->data)[at + i] = to_e8m0(v[i], saturate, round_mode);
        else dtype_write_f64(y->dtype, y->data, at, m, v, saturate);
    }
    return NARU_OK;
}
