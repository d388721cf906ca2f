/* SPDX-License-Identifier: MIT
 *
 * naru_tensor_compare: |got - want| <= atol + rtol * |want|, NaN equal to NaN, infinities equal to themselves. Integers
 * are subtracted exactly, complex numbers by modulus, strings byte by byte. Reports the worst element for a person.
 */
#include <math.h>
#include <stdio.h>

#include "base/str.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

typedef struct tolerance {
    double rtol, atol;
} tolerance;

/* "[0,3,2]" of row-major element i. */
static void add_index(str *s, const naru_tensor *t, int64_t i) {
    int64_t index[NARU_MAX_RANK];
    for (int d = t->rank - 1; d >= 0; d--) {
        index[d] = i % t->dims[d];
        i /= t->dims[d];
    }
    str_add(s, "[");
    for (int d = 0; d < t->rank; d++) str_addf(s, d ? ",%lld" : "%lld", (long long)index[d]);
    str_add(s, "]");
}

static void add_dims(str *s, const naru_tensor *t) {
    str_addf(s, "%s[", naru_dtype_name(t->dtype));
    for (int d = 0; d < t->rank; d++) str_addf(s, d ? ",%lld" : "%lld", (long long)t->dims[d]);
    str_add(s, "]");
}

static void take_message(naru_comparison *out, str *s) {
    snprintf(out->message, sizeof out->message, "%s", str_text(s));
    str_free(s);
}

/* Number text for messages: six digits tell enough, and the locale must not show. */
static void add_number(str *s, double v) {
    if (v == floor(v) && fabs(v) < 1e15) str_addf(s, "%lld", (long long)v);
    else str_add_float(s, (float)v);
}

static void describe(naru_comparison *out, const naru_tensor *t, tolerance tol) {
    str s = {0};
    if (out->count == 0) str_add(&s, "no elements");
    else if (out->worst_index < 0) str_addf(&s, "all %lld elements are equal", (long long)out->count);
    else {
        str_add(&s, "worst difference ");
        add_number(&s, out->worst_abs);
        str_add(&s, " (relative ");
        str_add_float(&s, (float)out->worst_rel);
        str_add(&s, ") at ");
        add_index(&s, t, out->worst_index);
        str_add(&s, ": got ");
        add_number(&s, out->worst_got);
        str_add(&s, ", want ");
        add_number(&s, out->worst_want);
        if (out->differing)
            str_addf(&s, "; %lld of %lld elements outside ", (long long)out->differing, (long long)out->count);
        else str_addf(&s, "; all %lld elements within ", (long long)out->count);
        str_add(&s, "rtol ");
        str_add_double(&s, tol.rtol);
        str_add(&s, ", atol ");
        str_add_double(&s, tol.atol);
    }
    take_message(out, &s);
}

/* One element: |got - want| is `diff`, scaled against |want| = `scale`. */
static void account(naru_comparison *out, int64_t i, double diff, double got, double want, double scale,
                    tolerance tol) {
    bool differs = !(diff <= tol.atol + tol.rtol * scale); /* a NaN difference is one */
    out->differing += differs;
    if (diff > out->worst_abs || (differs && out->worst_index < 0)) {
        out->worst_abs = diff;
        out->worst_rel = diff / fmax(scale, 1e-30);
        out->worst_index = i;
        out->worst_got = got;
        out->worst_want = want;
    }
}

/* 0 when equal (NaN to NaN, infinity to itself), infinite when only one is NaN or infinite. */
static double difference(double got, double want) {
    if (got == want || (isnan(got) && isnan(want))) return 0;
    return isfinite(got) && isfinite(want) ? fabs(got - want) : HUGE_VAL;
}

enum { CHUNK = 512 };

static void compare_floats(const naru_tensor *got, const naru_tensor *want, tolerance tol, naru_comparison *out) {
    double a[CHUNK], b[CHUNK];
    for (int64_t at = 0; at < out->count; at += CHUNK) {
        int64_t n = i64_min(CHUNK, out->count - at);
        dtype_read_f64(got->dtype, got->data, at, n, a);
        dtype_read_f64(want->dtype, want->data, at, n, b);
        for (int64_t i = 0; i < n; i++) {
            double diff = difference(a[i], b[i]);
            if (diff != 0) account(out, at + i, diff, a[i], b[i], isfinite(b[i]) ? fabs(b[i]) : 0, tol);
        }
    }
}

static void compare_ints(const naru_tensor *got, const naru_tensor *want, tolerance tol, naru_comparison *out) {
    int64_t a[CHUNK], b[CHUNK];
    bool wide = got->dtype == NARU_UINT64; /* the one type whose values do not fit in int64 */
    for (int64_t at = 0; at < out->count; at += CHUNK) {
        int64_t n = i64_min(CHUNK, out->count - at);
        dtype_read_i64(got->dtype, got->data, at, n, a);
        dtype_read_i64(want->dtype, want->data, at, n, b);
        for (int64_t i = 0; i < n; i++) {
            if (a[i] == b[i]) continue;
            bool above = wide ? (uint64_t)a[i] > (uint64_t)b[i] : a[i] > b[i];
            uint64_t d = above ? (uint64_t)a[i] - (uint64_t)b[i] : (uint64_t)b[i] - (uint64_t)a[i];
            double x = wide ? (double)(uint64_t)a[i] : (double)a[i], y = wide ? (double)(uint64_t)b[i] : (double)b[i];
            account(out, at + i, (double)d, x, y, fabs(y), tol);
        }
    }
}

static void compare_complex(const naru_tensor *got, const naru_tensor *want, tolerance tol, naru_comparison *out) {
    naru_dtype part = got->dtype == NARU_COMPLEX64 ? NARU_FLOAT : NARU_DOUBLE;
    for (int64_t i = 0; i < out->count; i++) {
        double a[2], b[2];
        dtype_read_f64(part, got->data, 2 * i, 2, a);
        dtype_read_f64(part, want->data, 2 * i, 2, b);
        double diff = hypot(difference(a[0], b[0]), difference(a[1], b[1])), scale = hypot(b[0], b[1]);
        if (diff != 0) account(out, i, diff, a[0], b[0], isfinite(scale) ? scale : 0, tol);
    }
}

static void compare_strings(const naru_tensor *got, const naru_tensor *want, naru_comparison *out) {
    for (int64_t i = 0; i < out->count; i++) {
        const tensor_str *a = &tensor_strings(got)[i], *b = &tensor_strings(want)[i];
        if (a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0)) continue;
        if (!out->differing++) out->worst_index = i;
    }
    str s = {0};
    if (!out->differing) str_addf(&s, "all %lld strings are equal", (long long)out->count);
    else {
        const tensor_str *a = &tensor_strings(got)[out->worst_index], *b = &tensor_strings(want)[out->worst_index];
        str_addf(&s, "%lld of %lld strings differ, first at ", (long long)out->differing, (long long)out->count);
        add_index(&s, got, out->worst_index);
        str_addf(&s, ": got '%.60s', want '%.60s'", a->len ? a->ptr : "", b->len ? b->ptr : "");
    }
    take_message(out, &s);
}

static void compare_content(const naru_tensor *got, const naru_tensor *want, tolerance tol, naru_comparison *out) {
    naru_dtype d = got->dtype;
    if (d == NARU_STRING) compare_strings(got, want, out);
    else {
        if (dtype_is_complex(d)) compare_complex(got, want, tol, out);
        else if (dtype_is_int(d)) compare_ints(got, want, tol, out);
        else compare_floats(got, want, tol, out);
        describe(out, got, tol);
    }
    out->equal = out->differing == 0;
}

/* "type: got float[2,3], want float[3,2]" */
static void mismatch(const naru_tensor *got, const naru_tensor *want, naru_comparison *out) {
    str s = {0};
    str_add(&s, got->dtype != want->dtype ? "element type differs: got " : "shape differs: got ");
    add_dims(&s, got);
    str_add(&s, ", want ");
    add_dims(&s, want);
    take_message(out, &s);
}

naru_status naru_tensor_compare(const naru_tensor *got, const naru_tensor *want, double rtol, double atol,
                                naru_comparison *out, naru_error *err) {
    if (!got || !want || !out)
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_tensor_compare: a required argument is NULL");
    if (!(rtol >= 0) || !(atol >= 0))
        return err_set(err, NARU_INVALID_ARGUMENT, "naru_tensor_compare: rtol and atol must be >= 0");
    *out = (naru_comparison){.size = sizeof *out, .worst_index = -1};
    if (got->dtype != want->dtype || !tensor_same_dims(got, want)) return mismatch(got, want, out), NARU_OK;
    naru_tensor *a = NULL, *b = NULL;
    out->count = tensor_count(got);
    naru_status st = tensor_contiguous((naru_tensor *)got, &a, err);
    if (st == NARU_OK) st = tensor_contiguous((naru_tensor *)want, &b, err);
    if (st == NARU_OK) compare_content(a, b, (tolerance){rtol, atol}, out);
    tensor_unref(a);
    tensor_unref(b);
    return st;
}
